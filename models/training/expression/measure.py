"""What a net answers and how good that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from expression import LABELS

MEAN, STD = 127.5, 63.75
"""Grey levels 0..255 to a net's input: (grey - MEAN) / STD, in training, in the manifest, in the daemon."""


@dataclass(frozen=True)
class Scores:
    """Of logits against hard labels."""

    nll: float
    accuracy: float
    recall: np.ndarray
    """Of each class [7]; NaN for a class that does not occur."""

    @property
    def macro_recall(self) -> float:
        """Mean over the classes that occur."""
        return float(np.nanmean(self.recall))

    @property
    def score(self) -> float:
        """What decides between epochs: half accuracy, half macro recall, so that no class can be given up."""
        return (self.accuracy + self.macro_recall) / 2


def normalised(crops: np.ndarray) -> np.ndarray:
    """Crops [N,112,112] uint8 -> what a net gets [N,1,112,112] float32."""
    return (crops[:, None].astype(np.float32) - MEAN) / STD


@torch.no_grad()
def logits_of(net: nn.Module, crops: np.ndarray, device: torch.device, mirrored: bool = False) -> np.ndarray:
    """Logits [N,7] of crops [N,112,112] uint8; `mirrored` averages each with its mirror image."""
    answers = []
    for start in range(0, len(crops), 512):
        x = torch.from_numpy(normalised(crops[start : start + 512])).to(device)
        y = net(x)
        answers.append((y + net(x.flip(3))) / 2 if mirrored else y)
    return torch.cat(answers).float().cpu().numpy()


def probabilities(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Softmax of logits over a temperature."""
    z = logits / temperature
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def scores(logits: np.ndarray, truth: np.ndarray) -> Scores:
    """Scores of logits [N,7] against classes [N]."""
    p = probabilities(logits)
    chosen = logits.argmax(axis=1)
    recall = np.array(
        [np.mean(chosen[truth == c] == c) if (truth == c).any() else np.nan for c in range(len(LABELS))]
    )
    nll = -np.log(np.maximum(p[np.arange(len(truth)), truth], 1e-9)).mean()
    return Scores(float(nll), float((chosen == truth).mean()), recall)


def calibration_error(p: np.ndarray, truth: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error (Naeini et al. 2015): confidence against accuracy in equal bins."""
    confidence, right = p.max(axis=1), p.argmax(axis=1) == truth
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(confidence[place == b].mean() - right[place == b].mean()) * (place == b).mean()
            for b in range(bins) if (place == b).any()]  # fmt: skip
    return float(sum(gaps))
