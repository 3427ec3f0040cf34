"""Decodes frames with tools that share no code with the daemon: cantools and autosar-e2e.

Called by tests/tests/can.rs with a DBC file and a file of frames, one JSON object a line: id, data
(hexadecimal), data_id, profile, and the signals that the daemon meant to tell.
"""

import json
import sys

import cantools
import e2e.p05
import e2e.p11

CHECKS = {"P11": e2e.p11.e2e_p11_check, "P05": e2e.p05.e2e_p05_check}


def main(dbc: str, frames: str) -> None:
    database = cantools.database.load_file(dbc, strict=True)
    decoded = set()
    with open(frames) as lines:
        for line in lines:
            frame = json.loads(line)
            data = bytearray.fromhex(frame["data"])
            check = CHECKS[frame["profile"]]
            assert check(data, frame["data_id"]), f"autosar-e2e refuses {line}"
            message = database.get_message_by_frame_id(frame["id"])
            assert message.length == len(data), f"{message.name} has {message.length} bytes: {line}"
            decoded.add(message.name)
            told = message.decode(bytes(data), decode_choices=True)
            for name, expected in frame["signals"].items():
                value = told[name]
                if isinstance(expected, str):
                    assert str(value) == expected, f"{message.name}.{name} is {value}, not {expected}"
                else:
                    scale = message.get_signal_by_name(name).scale
                    assert abs(value - expected) <= scale / 2 + 1e-9, f"{name} is {value}, not {expected}"
            data[-1] ^= 1
            assert not check(data, frame["data_id"]), f"a damaged frame passes: {line}"
    missing = {message.name for message in database.messages} - decoded
    assert not missing, f"no frame of {missing}"


if __name__ == "__main__":
    main(*sys.argv[1:])
