"""The real binary on a real V4L2 camera: listed, read, lost and found again."""

import statistics

from conftest import Report
from moods import captured_ms, is_judged, is_mood, now_ms, published_ms, word
from processes import Daemon

# A fault is told within this time of the last good frame.
TOLD_WITHIN_MS = 300.0
# Four seconds of the camera.
FRAMES = 60
# So often, a second apart, a camera without a feeder is tried.
ATTEMPTS = 12


def fault_is_told(daemon: Daemon, since_ms: float, reason: str, report: Report) -> None:
    """Waits for `unknown` after a fault at that moment; until then no other state may be told."""
    told = daemon.events.until("the fault", lambda event: event["state"] == "unknown")
    after = published_ms(told) - since_ms
    report(f"{word(told)} told {after:.0f} ms after the fault (at most {TOLD_WITHIN_MS:.0f})")
    assert word(told) == reason
    assert after <= TOLD_WITHIN_MS


def in_time(event) -> bool:
    """From a frame, and young enough to be told."""
    return event["frame_seq"] is not None and word(event) != "stale"


def test_devices_lists_the_camera_with_what_it_offers(camera, devices, report):
    assert camera.NAME not in devices(), "told as a camera before anything feeds it"
    camera.feed()
    listed = devices()
    report(listed.strip().replace("\n", "; "))
    assert f"camera:{camera.NUMBER}  {camera.NAME}  {camera.DEVICE}\n    YUYV 640x360 at 15\n" in listed


def test_a_face_before_the_camera_is_a_mood_on_the_socket(camera, start, report):
    camera.feed()
    daemon = start()
    mood = daemon.events.until("a mood", is_mood)
    first = sum(event["frame_seq"] is not None for event in daemon.events.seen)
    assert is_judged(mood)
    # Frames that came too late to tell a mood are the host's load, and say nothing of the face.
    later = [daemon.events.until("a frame in time", in_time) for _ in range(FRAMES)]
    judged = sum(map(is_judged, later))
    rate = (FRAMES - 1) * 1000 / (captured_ms(later[-1]) - captured_ms(later[0]))
    latency = statistics.median(event["latency_ms"] for event in later)
    report(
        f"{mood['state']} at frame {first}, then {judged} of {FRAMES} frames judged"
        f" at {rate:.1f} a second, {latency:.0f} ms old at the median"
    )
    assert judged >= 0.9 * FRAMES
    assert sum(map(is_mood, later)) >= 0.9 * FRAMES, sorted(map(word, later))


def test_a_camera_that_stops_is_lost_and_goes_on(camera, start, report):
    feeder = camera.feed()
    daemon = start()
    daemon.events.until("a mood", is_mood)
    stopped = now_ms()
    feeder.kill()
    fault_is_told(daemon, stopped, "camera_lost", report)
    back = now_ms()
    camera.feed()
    mood = daemon.events.until("a mood", is_mood)
    report(f"{mood['state']} {published_ms(mood) - back:.0f} ms after the feeder was started again")


def test_a_camera_whose_driver_hangs_is_asked_again_for_as_long_as_it_takes(camera, start, report):
    """A read from v4l2loopback does not return while its feeder is gone."""
    feeder = camera.feed()
    daemon = start("camera.retry_max_s=1")
    daemon.events.until("a mood", is_mood)
    feeder.kill()
    daemon.log.until("the read is broken off", lambda line: "breaking its call off" in line)
    for attempt in range(1, ATTEMPTS + 1):
        daemon.log.until(f"attempt {attempt} to open it", lambda line: "offers no picture format" in line)
    assert {word(event) for event in daemon.events.so_far()[-ATTEMPTS:]} == {"camera_lost"}
    back = now_ms()
    camera.feed()
    daemon.events.until("a frame", is_judged)
    mood = daemon.events.until("a mood", is_mood)
    report(f"{mood['state']} {published_ms(mood) - back:.0f} ms after the feeder was started again")


def test_a_picture_that_hangs_is_frozen_until_it_moves(camera, start, report):
    feeder = camera.feed(fps=30)
    daemon = start()
    daemon.events.until("a mood", is_mood)
    held = now_ms()
    feeder.tell("hold")
    fault_is_told(daemon, held, "frozen", report)
    feeder.tell("play")
    daemon.events.until("a mood", is_mood)


def test_a_camera_that_is_missing_at_the_start_is_waited_for(absent_camera, start, report):
    daemon = start("camera.wait=true", "camera.retry_max_s=1")
    daemon.log.until("the camera is missed", lambda line: "/dev/video3 does not exist" in line)
    with absent_camera.plugged_in():
        # There, but with nothing to show yet, as virtual cameras are.
        daemon.log.until("the camera is empty", lambda line: "offers no picture format" in line)
        assert {word(event) for event in daemon.events.so_far()} == {"starting", "camera_lost"}
        fed = now_ms()
        absent_camera.feed()
        mood = daemon.events.until("a mood", is_mood)
        report(f"{mood['state']} {published_ms(mood) - fed:.0f} ms after the camera had something to show")
        assert daemon.end() == 0
