"""One training on several processes, each with a device of its own:

    torchrun --nproc-per-node N -m expression.train --config …

Every process draws and changes the whole batch, which is cheap beside the net, and learns from its own part
of it: so all draws are those of a single process. Gradients and what batch norm measures are summed over the
processes, so the result is that of a single process, too, up to rounding; only dropout's masks differ.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from timm.layers import BatchNormAct2d
from torch import nn

APART = 1_000_003
"""Between the seeds of two processes' dropout."""


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together; a single one needs no group."""

    rank: int = 0
    world: int = 1

    @classmethod
    def join(cls) -> Ranks:
        """As torchrun says in the environment."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls()
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        return cls(dist.get_rank(), dist.get_world_size())

    @property
    def first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def part(self, count: int) -> slice:
        """The rows of a batch that this process learns from."""
        return slice(count * self.rank // self.world, count * (self.rank + 1) // self.world)

    def sum_gradients(self, net: nn.Module) -> None:
        """Each process's loss is its part of the whole batch's loss, so the sum is the whole gradient."""
        if self.world == 1:
            return
        gradients = [w.grad for w in net.parameters() if w.grad is not None]
        flat = torch.cat([g.reshape(-1) for g in gradients])
        dist.all_reduce(flat)
        for gradient, piece in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(piece.view(gradient.shape))

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over all processes."""
        if self.world > 1:
            dist.all_reduce(values)
        return values

    def agree(self, value: int) -> int:
        """What the first process says; the others wait for it."""
        if self.world == 1:
            return value
        said = [value]
        dist.broadcast_object_list(said)
        return said[0]

    def share_norms(self, net: nn.Module) -> nn.Module:
        """Has batch norm measure the whole batch."""
        if self.world > 1:
            for module in net.modules():
                if type(module) in SHARED:
                    module.__class__ = SHARED[type(module)]
        return net

    def leave(self) -> None:
        """Ends the group."""
        if self.world > 1:
            dist.destroy_process_group()


class _Sum(torch.autograd.Function):
    """The sum over all processes, with the gradients' sum as its gradient."""

    @staticmethod
    def forward(_context, x: torch.Tensor) -> torch.Tensor:
        x = x.clone()
        dist.all_reduce(x)
        return x

    @staticmethod
    def backward(_context, gradient: torch.Tensor) -> torch.Tensor:
        gradient = gradient.contiguous().clone()
        dist.all_reduce(gradient)
        return gradient


def shared_norm(norm: nn.BatchNorm2d, x: torch.Tensor) -> torch.Tensor:
    """Batch norm in training, of all processes' rows together."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    count = torch.full((1,), wide.numel() // wide.shape[1], dtype=wide.dtype, device=x.device)
    sums = _Sum.apply(torch.cat((wide.sum((0, 2, 3)), (wide * wide).sum((0, 2, 3)), count)))
    total, squares = sums[:-1].view(2, -1)
    mean = total / sums[-1]
    variance = (squares / sums[-1] - mean * mean).clamp_min(0)
    with torch.no_grad():
        unbiased = variance * sums[-1] / (sums[-1] - 1)
        norm.running_mean.lerp_(mean, norm.momentum)
        norm.running_var.lerp_(unbiased, norm.momentum)
        norm.num_batches_tracked += 1
    scale = norm.weight * (variance + norm.eps).rsqrt()
    shift = norm.bias - mean * scale
    return (wide * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)).to(x.dtype)


class SharedNorm(nn.BatchNorm2d):
    """PyTorch's, of the whole batch."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return shared_norm(self, x) if self.training else super().forward(x)


class SharedNormAct(BatchNormAct2d):
    """timm's, which has the activation in it, of the whole batch."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.drop(shared_norm(self, x))) if self.training else super().forward(x)


SHARED = {nn.BatchNorm2d: SharedNorm, BatchNormAct2d: SharedNormAct}


def device() -> torch.device:
    """This process's CUDA device where there is one, else the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    own = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(own)
    return own
