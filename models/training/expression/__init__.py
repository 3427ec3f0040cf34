"""Training of the expression net: prepare -> train -> export -> judge, one command each."""

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The seven classes, in the order of every vector of seven in this project."""

SIDE = 112
"""Rows and columns of an aligned face as `cabinmood align` writes it."""
