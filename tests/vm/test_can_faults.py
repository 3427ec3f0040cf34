"""A bus that goes, comes, fills up or fails: the moods go on, and so do the frames as soon as they can."""

import can
import pytest
from conftest import BUS
from moods import captured_ms, is_judged, is_mood, now_ms

# Frames flow again within this time of the interface's return.
BACK_WITHIN_MS = 500.0
# Profile 05 counts to 255, so that the length of a gap can be read from it.
SETTINGS = ['can.e2e="P05"']
COUNTS = 256
# Frames that are still judged while the bus is away: one second.
MEANWHILE = 15
# Ten seconds of frames for a rate; it may differ by less than this.
RATE_FRAMES, RATE_TOLERANCE, RATE_TRIES = 150, 0.02, 3
# From linux/can/error.h.
BUS_OFF, RESTARTED = 0x40, 0x100


@pytest.fixture
def sending(camera, bus, start_on_bus, listen):
    """A daemon that has a mood and an ECU that hears of it."""
    ecu = listen(*SETTINGS)
    camera.feed()
    daemon = start_on_bus(*SETTINGS)
    daemon.events.until("a mood", is_mood)
    ecu.until("State", "frames flow")
    return daemon, ecu


def bus_is(daemon, health: str) -> None:
    daemon.events.until(f"the bus is {health}", lambda event: event["health"]["bus"] == health)


def moods_go_on(daemon) -> None:
    for _ in range(MEANWHILE):
        daemon.events.until("a judged frame", is_judged)


def away_and_back(sending, goes, health: str, comes, report, prepares=lambda: None) -> None:
    """Takes the bus away, looks that only the bus is concerned, and brings it back."""
    daemon, ecu = sending
    goes()
    bus_is(daemon, health)
    moods_go_on(daemon)
    ecu.frames.so_far()
    last = ecu.heard("State")[-1]
    prepares()
    back = now_ms()
    comes()
    first = ecu.until("State", "frames flow again", lambda frame: frame.at_ms >= back)
    bus_is(daemon, "ok")
    missing = (first.counter - last.counter) % COUNTS - 1
    report(
        f"frames again {first.at_ms - back:.0f} ms after the call that brings the bus back"
        f" (at most {BACK_WITHIN_MS:.0f}); silent for {first.at_ms - last.at_ms:.0f} ms,"
        f" of which the counter tells: {missing} frames missing"
    )
    assert first.at_ms - back <= BACK_WITHIN_MS
    assert missing > 0, "the counter does not show the gap"
    assert ecu.is_intact(first)


def test_an_interface_that_goes_down_and_up(sending, bus, report):
    away_and_back(sending, bus.down, "failed", bus.up, report)


def test_an_interface_that_is_deleted_and_made_again(sending, bus, report):
    away_and_back(sending, bus.delete, "failed", bus.up, report, prepares=bus.create)


def test_a_queue_that_is_full(sending, bus, report):
    away_and_back(sending, bus.fill, "degraded", bus.drain, report)


def test_an_interface_that_is_missing_at_the_start(camera, absent_bus, start_on_bus, listen, report):
    ecu = listen(*SETTINGS)
    camera.feed()
    daemon = start_on_bus(*SETTINGS)
    daemon.events.until("a mood", is_mood)
    bus_is(daemon, "failed")
    absent_bus.create()
    made = now_ms()
    absent_bus.up()
    first = ecu.until("State", "frames flow")
    report(f"frames {first.at_ms - made:.0f} ms after the interface came up (at most {BACK_WITHIN_MS:.0f})")
    assert first.at_ms - made <= BACK_WITHIN_MS


def test_a_controller_that_is_off_the_bus_is_told_and_survived(sending, bus, report):
    daemon, ecu = sending
    with bus.join() as controller:
        controller.send(can.Message(is_error_frame=True, arbitration_id=BUS_OFF, data=bytes(8)))
        off = now_ms()
        bus_is(daemon, "failed")
        moods_go_on(daemon)
        controller.send(can.Message(is_error_frame=True, arbitration_id=RESTARTED, data=bytes(8)))
        bus_is(daemon, "ok")
    frame = ecu.until("State", "frames flow", lambda frame: frame.at_ms > off)
    report(f"told, and the next frame came {frame.at_ms - off:.0f} ms after")


def rate(daemon) -> tuple[float, float]:
    """Frames judged a second, and the part of those captured."""
    daemon.events.until("a mood", is_mood)
    frames = [daemon.events.until("a judged frame", is_judged) for _ in range(RATE_FRAMES)]
    assert daemon.end() == 0
    first, last = frames[0], frames[-1]
    per_ms = (RATE_FRAMES - 1) / (captured_ms(last) - captured_ms(first))
    return per_ms * 1000, RATE_FRAMES / (last["frame_seq"] - first["frame_seq"] + 1)


def best_rate(start, least: float) -> tuple[float, float]:
    """The best of a few runs that stop once one is good enough: other work on the host only slows it."""
    best = rate(start())
    for _ in range(RATE_TRIES - 1):
        if best[1] >= least:
            break
        best = max(best, rate(start()))
    return best


def test_a_dead_bus_costs_no_frames(camera, bus, start, start_on_bus, report):
    camera.feed()
    without, judged = best_rate(lambda: start("can.enabled=false"), 1 - RATE_TOLERANCE / 2)
    report(f"without a bus {without:.2f} frames a second, {judged:.1%} of all")
    for fault in (bus.fill, bus.down, bus.delete):
        fault()
        dead, judged_dead = best_rate(start_on_bus, judged)
        report(f"after {fault.__name__} of {BUS} {dead:.2f} a second, {judged_dead:.1%} of all")
        assert dead > without * (1 - RATE_TOLERANCE)
        assert judged_dead > judged - RATE_TOLERANCE
