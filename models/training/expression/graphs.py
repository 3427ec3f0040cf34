"""A net's forward and backward pass as CUDA graphs: of the many small kernels of a step, launching each takes
longer than running it."""

from __future__ import annotations

import copy

import torch
from torch import nn

from expression import SIDE


def capture(net: nn.Module, batch: int, halves: bool) -> None:
    """Has a net in training replay graphs for batches of exactly this size; in evaluation nothing changes."""
    # Capturing runs the net on black crops, which batch norm must forget.
    before = copy.deepcopy(net.state_dict())
    device = next(net.parameters()).device
    crops = torch.zeros(batch, 1, SIDE, SIDE, device=device)
    net.train()
    with torch.autocast("cuda", torch.bfloat16, enabled=halves, cache_enabled=False):
        torch.cuda.make_graphed_callables(net, (crops,))
    net.load_state_dict(before)
