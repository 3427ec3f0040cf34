"""What a training leaves of a net, best.pt: its weights (matrices as halves), its configuration, and where it
came from."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import nn

from expression.config import Config, parse, tables
from expression.nets import Backbone, ResidualNet, build

BEST = "best.pt"


def save_net(
    folder: Path,
    net: nn.Module,
    config: Config,
    archive: str,
    *,
    epochs: tuple[int, int] = (0, 0),
    score: float = 0.0,
    teachers: list[str] | None = None,
    **origin: object,
) -> None:
    """Writes `folder`'s best.pt. `archive`: digest of what was learned from; `epochs`: the one that is kept,
    and how many there were to be."""
    weights = {name: v.half() if v.ndim > 1 else v for name, v in net.state_dict().items()}
    kept = {"epoch": epochs[0], "epochs": epochs[1], "score": score, "teachers": teachers or []}
    write(folder / BEST, {"config": tables(config), "archive": archive, "net": weights} | kept | origin)


def load_net(path: Path, device: torch.device) -> tuple[ResidualNet | Backbone, dict]:
    """A net from a best.pt, and what else the file holds."""
    stored = torch.load(path, map_location=device, weights_only=True)
    net = build(parse(stored["config"]).net).to(device)
    net.load_state_dict(stored["net"])
    return net.to(memory_format=torch.channels_last), stored


def write(path: Path, content: dict) -> None:
    """Replaces a file whole or not at all."""
    partial = path.with_suffix(".partial")
    torch.save(content, partial)
    os.replace(partial, path)
