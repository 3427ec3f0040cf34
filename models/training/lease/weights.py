"""A trained net in a quarter of its size, for a way back that carries little.

A layer's weights become 8 bits a value, each output channel with a scale of its own. That is how
expression.precision's int8 stores them, and batch norm folds into the scales, so of a net that is exported as
int8 nothing is lost on the way.
"""

from __future__ import annotations

from pathlib import Path

import torch

LEVELS = 127


def narrow(weight: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """8-bit values and scales [channels] of a layer's weights; anything smaller stays as it is."""
    if weight.ndim < 2:
        return weight
    rows = weight.float().flatten(1)
    scale = (rows.abs().amax(1) / LEVELS).clamp_min(1e-12)
    return (rows / scale[:, None]).round().to(torch.int8).view_as(weight), scale


def widen(stored: torch.Tensor | tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """The inverse of narrow."""
    if isinstance(stored, torch.Tensor):
        return stored
    values, scale = stored
    return (values.float().flatten(1) * scale[:, None]).view_as(values)


def save(best: Path, path: Path) -> None:
    """A best.pt, narrow."""
    stored = torch.load(best, map_location="cpu", weights_only=True)
    torch.save(stored | {"net": {name: narrow(w) for name, w in stored["net"].items()}}, path)


def restore(path: Path, best: Path) -> None:
    """The best.pt again."""
    stored = torch.load(path, map_location="cpu", weights_only=True)
    torch.save(stored | {"net": {name: widen(w) for name, w in stored["net"].items()}}, best)
