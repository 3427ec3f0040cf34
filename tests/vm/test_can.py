"""What an ECU makes of the frames: the same as the socket tells, intact and in order."""

import socket
from itertools import pairwise

import can
from ecu import P11_COUNTS, word
from moods import EXPRESSIONS, Event, is_judged, is_mood, published_ms
from moods import word as told

# Frames of one message that are looked at, a mood among them: four seconds, or more on a slow machine.
FRAMES = 40
# A frame bears what was newest when it was made: the message's inhibit time, and the time that a
# guest with one processor takes to come to it.
OLD_MS = 60.0
# J1939-81: every device may claim an address with this group.
ADDRESS_CLAIM = 0xEE00


def at_the_time(events: list[Event], at_ms: float) -> list[Event]:
    """The events that a frame of that time may tell of."""
    before = [event for event in events if published_ms(event) <= at_ms - OLD_MS]
    return before[-1:] + [e for e in events if at_ms - OLD_MS < published_ms(e) <= at_ms + OLD_MS]


def compare(daemon, ecu, report) -> None:
    """Every frame tells what the socket told at its time."""
    daemon.events.until("a mood", is_mood)
    # The very first may be sent before there is an event to tell of.
    frames = [ecu.until("State", "a state", lambda frame: word(frame) != "not_available")]
    assert len(ecu.heard("State")) <= 2
    while len(frames) < FRAMES or not any(word(frame) in EXPRESSIONS for frame in frames):
        frames.append(ecu.until("State", "a state"))
    end = frames[-1].at_ms + OLD_MS
    daemon.events.until("an event after the last frame", lambda event: published_ms(event) > end)
    events = daemon.events.seen
    for frame in frames:
        candidates = at_the_time(events, frame.at_ms)
        assert word(frame) in {told(event) for event in candidates}, (frame, candidates)
        assert any(abs(frame.signals["MoodConfidence"] - 100 * e["confidence"]) <= 0.4 for e in candidates)
    words = [word(frame) for frame in frames]
    report(
        f"{len(frames)} State frames agree with the socket: {', '.join(sorted(set(words)))};"
        f" {(frames[-1].at_ms - frames[0].at_ms) / (len(frames) - 1):.0f} ms apart"
    )


def all_intact(ecu, name: str, modulus: int) -> int:
    """Checksums are right and no frame of this message is missing; how many were checked."""
    frames = ecu.heard(name)
    assert all(ecu.is_intact(frame) for frame in frames), name
    steps = {(after.counter - before.counter) % modulus for before, after in pairwise(frames)}
    assert steps <= {1}, f"{name}: {steps}"
    return len(frames)


def test_devices_lists_the_interface(bus, devices):
    assert bus.name in devices()


def test_the_bus_tells_what_the_socket_tells(camera, bus, start_on_bus, listen, report):
    ecu = listen()
    camera.feed("WolfgangLanger_Pexels")
    daemon = start_on_bus()
    compare(daemon, ecu, report)
    counts = {name: all_intact(ecu, name, P11_COUNTS) for name in ("State", "Detail", "Head", "Status")}
    report(f"intact and complete by autosar-e2e: {counts}")
    assert min(counts.values()) >= 3


def test_profile_05_is_intact_too(camera, bus, start_on_bus, listen):
    settings = ['can.e2e="P05"']
    ecu = listen(*settings)
    camera.feed()
    start_on_bus(*settings)
    for _ in range(FRAMES):
        ecu.until("State", "a state")
    assert all_intact(ecu, "State", 256) >= FRAMES


def test_fd_frames_bear_the_probabilities(camera, bus, start_on_bus, listen, report):
    settings = ['can.format="fd"']
    ecu = listen(*settings)
    camera.feed()
    daemon = start_on_bus(*settings)
    daemon.events.until("a mood", is_mood)
    frame = ecu.until("Probabilities", "of a face", lambda f: f.signals["ProbHappy"] != "not_available")
    later = frame.at_ms + OLD_MS
    daemon.events.until("an event after it", lambda event: published_ms(event) > later)
    candidates = filter(is_judged, at_the_time(daemon.events.seen, frame.at_ms))
    likely = [event["probabilities"] for event in candidates]
    seen = {name: frame.signals[f"Prob{name.capitalize()}"] for name in likely[0]}
    report(", ".join(f"{name} {value:.2f} %" for name, value in seen.items()))
    assert any(all(abs(seen[name] - 100 * one[name]) <= 0.02 for name in seen) for one in likely)


def test_j1939_claims_an_address_and_tells_the_same(camera, bus, start_on_bus, listen, report):
    settings = ['can.format="j1939"']
    ecu = listen(*settings)
    camera.feed()
    daemon = start_on_bus(*settings)
    compare(daemon, ecu, report)
    claim = next(one for one in ecu.frames.seen if isinstance(one, can.Message))
    assert claim.is_extended_id and claim.arbitration_id >> 8 & 0x3FF00 == ADDRESS_CLAIM
    first = ecu.heard("State")[0]
    assert first.id & 0xFF == claim.arbitration_id & 0xFF, "sent from another address than the claimed"
    all_intact(ecu, "State", P11_COUNTS)


def test_the_kernels_j1939_receives_it(camera, bus, start_on_bus, listen):
    """An ECU on Linux reads groups, not frames, and knows a sender by its name once the claim has settled.
    Only then may the socket be closed: a claim that the kernel settles without a socket keeps the interface
    for ever, and deleting it hangs."""
    with socket.socket(socket.AF_CAN, socket.SOCK_DGRAM, socket.CAN_J1939) as ecu:
        ecu.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        ecu.bind((bus.name, socket.J1939_NO_NAME, socket.J1939_NO_PGN, socket.J1939_NO_ADDR))
        ecu.settimeout(30)
        camera.feed()
        start_on_bus('can.format="j1939"')
        groups = (ecu.recvfrom(8) for _ in range(100))
        named = (data for data, (_, name, group, _) in groups if group == 0xFF50 and name)
        state = next(named, b"")
    assert len(state) == 8
