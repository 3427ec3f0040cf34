"""What the other tests rest on: the guest's own buses carry frames between programs that are not ours."""

import socket

import can
import cantools
from bus import until

# Three signals that do not fall on bytes.
DBC = """VERSION ""
BU_: Node
BO_ 801 Sample: 8 Node
 SG_ Angle : 3|12@1- (0.1,0) [-204.8|204.7] "deg" Node
 SG_ Mode : 15|3@1+ (1,0) [0|7] "" Node
 SG_ Speed : 20|16@1+ (0.01,0) [0|655.35] "km/h" Node
"""
SAMPLE = {"Angle": -37.4, "Mode": 5, "Speed": 131.07}

# The kernel's default priority; a proprietary B group, which is broadcast; any address.
J1939_PRIORITY, J1939_PGN, J1939_ADDRESS = 6, 0xFF42, 0x2A


def test_a_frame_crosses_the_bus_and_cantools_decodes_it(bus):
    database = cantools.database.load_string(DBC, "dbc")
    with bus.join() as ours, bus.join() as theirs:
        message = database.get_message_by_name("Sample")
        ours.send(
            can.Message(arbitration_id=message.frame_id, data=message.encode(SAMPLE), is_extended_id=False)
        )
        got = until(theirs, "the sample", lambda frame: frame.arbitration_id == message.frame_id)
    assert database.decode_message(got.arbitration_id, got.data) == SAMPLE


def test_a_j1939_message_has_its_29_bit_id_on_the_bus(bus):
    with bus.join() as raw, socket.socket(socket.AF_CAN, socket.SOCK_DGRAM, socket.CAN_J1939) as ecu:
        ecu.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        ecu.bind((bus.name, socket.J1939_NO_NAME, socket.J1939_NO_PGN, J1939_ADDRESS))
        ecu.sendto(b"cabinmo", (bus.name, socket.J1939_NO_NAME, J1939_PGN, socket.J1939_NO_ADDR))
        got = until(raw, "the group", lambda frame: True)
    assert got.is_extended_id
    assert got.arbitration_id == J1939_PRIORITY << 26 | J1939_PGN << 8 | J1939_ADDRESS
    assert got.data == b"cabinmo"
