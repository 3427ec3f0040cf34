"""What the daemon's events say."""

import time
from typing import Any

EXPRESSIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
Event = dict[str, Any]


def word(event: Event) -> str:
    """The state, or for `unknown` its reason."""
    return event["reason"] if event["state"] == "unknown" else event["state"]


def is_mood(event: Event) -> bool:
    """An expression, and not a way to one or `unknown`."""
    return event["state"] in EXPRESSIONS


def is_judged(event: Event) -> bool:
    """From a frame whose face the gate let pass and the net judged."""
    return event["face"] is not None and event["probabilities"] is not None


def captured_ms(event: Event) -> float:
    """When the sensor took the frame, or its absence was noted, on the monotonic clock."""
    return event["captured_at_ns"] / 1e6


def published_ms(event: Event) -> float:
    """When the event was handed to the outside, on the same clock."""
    return event["published_at_ns"] / 1e6


def now_ms() -> float:
    """On that clock."""
    return time.monotonic_ns() / 1e6
