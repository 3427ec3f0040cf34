"""Training of the expression net: prepare -> train -> export -> judge, one command each."""

import os

# Before anything loads ONNX Runtime, which otherwise tells its maker of every process.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The seven classes, in the order of every vector of seven in this project."""

SIDE = 112
"""Rows and columns of an aligned face as `cabinmood align` writes it."""
