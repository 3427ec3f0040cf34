"""From FERPlus votes and FER2013 labels to targets, and the questions the judge asks of them."""

from __future__ import annotations

import numpy as np

from expression import LABELS

VOTE_COLUMNS = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF",
)  # fmt: skip
"""FERPlus's ten columns, in its order."""

WORDS = {
    "anger": "angry", "disgust": "disgust", "fear": "fear", "happiness": "happy", "sadness": "sad",
    "surprise": "surprise", "neutral": "neutral",
}  # fmt: skip
"""FERPlus's words for the seven classes."""

_SEVEN_IN_VOTES = [VOTE_COLUMNS.index(word) for word in WORDS]
NO_LABEL = -1


def class_of(word: str) -> int:
    """The class of a label in either set's words; NO_LABEL where it is none of the seven."""
    word = WORDS.get(word, word)
    return LABELS.index(word) if word in LABELS else NO_LABEL


def seven_votes(votes: np.ndarray) -> np.ndarray:
    """Votes for the seven classes [N,7] from all ten columns [N,10]."""
    return votes[:, _SEVEN_IN_VOTES].astype(np.float32)


MOST_VOTES = 255
"""Of one column: votes are stored as bytes."""


def unanimous(label: int, voters: int) -> tuple[int, ...]:
    """So many votes, all for one class [10]."""
    votes = [0] * len(VOTE_COLUMNS)
    votes[_SEVEN_IN_VOTES[label]] = min(voters, MOST_VOTES)
    return tuple(votes)


def majority(votes: np.ndarray) -> np.ndarray:
    """The class with the single most votes of all ten columns; NO_LABEL for a tie or another top [N]."""
    top = votes.max(axis=1, keepdims=True)
    single = (votes == top).sum(axis=1) == 1
    seven = seven_votes(votes)
    ours = seven.max(axis=1) == top[:, 0]
    return np.where(single & ours & (top[:, 0] > 0), seven.argmax(axis=1), NO_LABEL)


def truth(votes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What a row is judged by [N]: the voters' majority, or the label where nobody voted."""
    return np.where(votes.sum(axis=1) > 0, majority(votes), labels)


def judged_by(votes: np.ndarray, labels: np.ndarray, label_share: float) -> np.ndarray:
    """What decides between epochs and fits the temperature [N]: the truth, or the labels where a net learns
    nothing but them."""
    return labels if label_share == 1 else truth(votes, labels)


def targets(votes: np.ndarray, labels: np.ndarray, label_share: float) -> tuple[np.ndarray, np.ndarray]:
    """Soft targets [N,7] and weights [N] for training.

    A row with votes: their shares (a lone vote beside others is dropped as an outlier, as FERPlus's authors
    do), with `label_share` of the FER2013 label mixed in; its weight is the share of all votes that the
    seven classes got, so a picture that most people call "unknown" teaches little. A row without votes: its
    label, if it has one.
    """
    seven = seven_votes(votes)
    sure = np.where(seven > 1, seven, 0)
    kept = np.where(sure.sum(axis=1, keepdims=True) > 0, sure, seven)
    total = kept.sum(axis=1, keepdims=True)
    soft = np.divide(kept, total, out=np.zeros_like(kept), where=total > 0)
    hard = np.zeros_like(soft)
    labelled = labels != NO_LABEL
    hard[labelled, labels[labelled]] = 1

    voted = votes.sum(axis=1) > 0
    share = np.where(voted, np.where(labelled, label_share, 0.0), 1.0)[:, None]
    share = np.where((total == 0) & labelled[:, None], 1.0, share)
    mixed = (1 - share) * soft + share * hard
    all_votes = np.maximum(votes.sum(axis=1), 1)
    weights = np.where(voted, seven.sum(axis=1) / all_votes, labelled.astype(np.float32))
    weights = np.where(mixed.sum(axis=1) > 0, weights, 0)
    return mixed.astype(np.float32), weights.astype(np.float32)
