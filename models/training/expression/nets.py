"""Residual nets for aligned grey faces: the compact one that ships and the wide ones that teach it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from expression import LABELS, SIDE
from expression.backbones import BUILDERS, Backbone


@dataclass(frozen=True)
class NetConfig:
    """The shape of a net. `architecture`: `residual`, the net of this file, which the keys from `widths` on
    describe, or one of `backbones.BUILDERS`, which sees `side` pixels. `shrink`: side of the mean pooling in
    front; 2 turns 112 into 56 pixels, which is still more than FER2013's 48 and is exact on every execution
    provider. `stem_stride`: of the first convolution. `widths` and `depths`: channels and residual blocks of
    each stage; every stage but the first halves the side."""

    architecture: str = "residual"
    side: int = SIDE
    widths: tuple[int, ...] = ()
    depths: tuple[int, ...] = ()
    stem: int = 32
    stem_stride: int = 2
    shrink: int = 2
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if self.architecture not in ("residual", *BUILDERS):
            known = ", ".join(("residual", *BUILDERS))
            raise TypeError(f"unknown architecture {self.architecture!r}; there are: {known}")
        if self.architecture == "residual" and not self.widths:
            raise TypeError("a residual net needs widths and depths")


class SqueezeExcite(nn.Module):
    """Channel attention (Hu et al. 2018), with a hard sigmoid because it is cheap on a CPU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, channels // 8, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels // 8, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(x)


def convolution(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Sequential:
    """A convolution with batch norm, which export folds into it."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False), nn.BatchNorm2d(outputs)
    )


class Block(nn.Module):
    """Two 3x3 convolutions and a short cut; the shortcut averages before it halves (He et al. 2019)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            convolution(inputs, outputs, 3, stride),
            nn.ReLU(inplace=True),
            convolution(outputs, outputs, 3),
            SqueezeExcite(outputs),
        )
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            pool = nn.AvgPool2d(stride, ceil_mode=True) if stride != 1 else nn.Identity()
            self.shortcut = nn.Sequential(pool, convolution(inputs, outputs, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class ResidualNet(nn.Module):
    """Normalised crops [N,1,112,112] -> logits [N,7]."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.config = config
        self.shrink = nn.AvgPool2d(config.shrink) if config.shrink > 1 else nn.Identity()
        self.stem = nn.Sequential(
            convolution(1, config.stem, 3),
            nn.ReLU(inplace=True),
            convolution(config.stem, config.widths[0], 3, config.stem_stride),
            nn.ReLU(inplace=True),
        )
        stages = []
        inputs = config.widths[0]
        for place, (width, depth) in enumerate(zip(config.widths, config.depths, strict=True)):
            for block in range(depth):
                stages.append(Block(inputs, width, 2 if place > 0 and block == 0 else 1))
                inputs = width
        self.stages = nn.Sequential(*stages)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(inputs, len(LABELS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stages(self.stem(self.shrink(x)))
        return self.head(self.dropout(x.mean((2, 3))))


def build(config: NetConfig) -> ResidualNet | Backbone:
    """An untrained net."""
    if config.architecture == "residual":
        return ResidualNet(config)
    return Backbone(config.architecture, config.side, config.dropout)


def example() -> torch.Tensor:
    """One black crop, for tracing."""
    return torch.zeros(1, 1, SIDE, SIDE)
