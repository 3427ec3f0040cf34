"""A net's last layer alone, trained to convergence on features that were computed once.

The features of every face and of its mirror image, without further changes, are what the layers before the
last make of them; a logistic regression on them is solved by L-BFGS, and its strength of weight decay is the
one that validation likes best.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from expression import LABELS
from expression.backbones import Backbone
from expression.config import Config
from expression.labels import NO_LABEL, judged_by, targets
from expression.measure import Scores, normalised, scores
from expression.pack import CALIBRATION, TRAIN, Pack
from tqdm import tqdm

AT_ONCE = 64
"""Faces, twice with their mirror images."""
DECAYS = (1e-1, 1e-2, 1e-3, 1e-4)
"""Strengths of weight decay that are tried, strongest first: each begins where the one before it ended."""
MOST_STEPS = 200
"""Of L-BFGS for each of them; it ends earlier where nothing changes."""


@dataclass(frozen=True)
class Solved:
    """A last layer, and how it came about."""

    weight: torch.Tensor
    bias: torch.Tensor
    scores: Scores
    losses: list[float]
    """Of all steps that led to it."""


@torch.no_grad()
def features(
    net: Backbone, crops: np.ndarray, mirrored: bool, halves: bool, device: torch.device
) -> np.ndarray:
    """What the last layer sees of crops [N,112,112]: [N,D] float16; `mirrored`: [2N,D], the mirror images
    behind."""
    caught: list[torch.Tensor] = []
    hook = net.head.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0].half().cpu()))
    net.eval()
    rows = []
    try:
        for flip in (False, True) if mirrored else (False,):
            for start in tqdm(range(0, len(crops), AT_ONCE), "features", leave=False, disable=None):
                x = torch.from_numpy(normalised(crops[start : start + AT_ONCE])).to(device)
                with torch.autocast(device.type, torch.bfloat16, enabled=halves):
                    net(x.flip(3) if flip else x)
                rows.append(caught.pop().numpy())
    finally:
        hook.remove()
    return np.concatenate(rows)


def cached(path: Path, make: Callable[[], np.ndarray]) -> np.ndarray:
    """An array that is computed once."""
    if not path.is_file():
        partial = path.with_suffix(".partial.npy")
        np.save(partial, make())
        partial.rename(path)
    return np.load(path)


def solve(seen: np.ndarray, pack: Pack, held: np.ndarray, config: Config, device: torch.device) -> Solved:
    """The best last layer for features of the training rows (mirror images behind) and of the held ones."""
    train, calibration = pack.part(TRAIN), pack.part(CALIBRATION)
    soft, weights = targets(train.votes, train.labels, config.data.label_share)
    twice = len(seen) // len(soft)
    x = torch.from_numpy(seen).to(device).float()
    mean, scale = x.mean(0), x.std(0).clamp_min(1e-3)
    # In place: with VGG16 and the augmented set these are gigabytes.
    x.sub_(mean).div_(scale)
    y = torch.from_numpy(np.tile(soft, (twice, 1))).to(device)
    w = torch.from_numpy(np.tile(weights, twice)).to(device)
    right = judged_by(calibration.votes, calibration.labels, config.data.label_share)
    judged = right != NO_LABEL
    view = (torch.from_numpy(held[judged]).to(device).float() - mean) / scale

    weight = torch.zeros(len(LABELS), x.shape[1], device=device, requires_grad=True)
    bias = torch.zeros(len(LABELS), device=device, requires_grad=True)
    best, losses = None, []
    for decay in DECAYS:
        losses += converge(x, y, w / w.sum(), decay, weight, bias)
        with torch.no_grad():
            reached = scores(F.linear(view, weight, bias).cpu().numpy(), right[judged])
            if best is None or reached.score > best.scores.score:
                own = weight / scale
                best = Solved(own.clone(), (bias - own @ mean).clone(), reached, list(losses))
    return best


def converge(
    x: torch.Tensor, y: torch.Tensor, w: torch.Tensor, decay: float, weight: torch.Tensor, bias: torch.Tensor
) -> list[float]:
    """Changes weight and bias to the least cross entropy with weight decay; returns the losses on the way."""
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=MOST_STEPS, tolerance_change=1e-6, line_search_fn="strong_wolfe"
    )
    losses = []

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        plain = (F.cross_entropy(F.linear(x, weight, bias), y, reduction="none") * w).sum()
        loss = plain + decay * weight.square().sum() / 2
        loss.backward()
        losses.append(plain.item())
        return loss

    optimizer.step(closure)
    return losses
