"""dlib's face-recognition net (29 convolutions, 5.6 M parameters, CC0), read from dlib's own file and
computed by PyTorch: the same embeddings, many times faster than dlib computes them on a CPU.

The layers are those of dlib's examples (dnn_face_recognition_ex.cpp): residual blocks of two 3x3 convolutions
with an affine step after each; the first block of a level halves the sides, its other path by averaging.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from experiments import ExperimentError

LEVELS = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))
"""Channels, blocks, and whether the first block halves the sides."""
LAYER = re.compile(rb"\x01.(con_4|affine_|fc_2)(?:\x01\x80\x02\x00\x01)?(?=\x01\x02)", re.DOTALL)
"""The name of a layer with weights, behind its length and before its tensor's version; the last layer has its
sides, 128 and 256, between them."""
MEAN_RGB = (122.782, 117.001, 104.298)
RANGE = 256.0


class Reader:
    """dlib's numbers, one after another: an integer is the count of its bytes, then these, lowest first."""

    def __init__(self, content: bytes, at: int) -> None:
        self.content, self.at = content, at

    def integer(self) -> int:
        length = self.content[self.at] & 0x0F
        start, self.at = self.at + 1, self.at + 1 + length
        return int.from_bytes(self.content[start : self.at], "little")

    def tensor(self) -> np.ndarray:
        """A version, four sides, and as many floats of 32 bits, flat."""
        _version, *sides = (self.integer() for _ in range(5))
        values = np.frombuffer(self.content, "<f4", int(np.prod(sides)), self.at)
        self.at += values.nbytes
        return values.copy()


def weights(path: Path) -> list[tuple[str, torch.Tensor]]:
    """The layers with weights, from the picture on: their kind and all their numbers."""
    content, found, at = path.read_bytes(), [], 0
    while layer := LAYER.search(content, at):
        reader = Reader(content, layer.end())
        found.append((layer[1].decode(), torch.from_numpy(reader.tensor())))
        at = reader.at
    return found


class Convolution(nn.Module):
    """A convolution, and the affine step that stands where training had batch norm."""

    def __init__(self, inputs: int, outputs: int, side: int, stride: int) -> None:
        super().__init__()
        # dlib pads with zeros only where it does not stride.
        self.convolution = nn.Conv2d(inputs, outputs, side, stride, 0 if stride > 1 else side // 2)
        self.scale = nn.Parameter(torch.ones(outputs, 1, 1))
        self.shift = nn.Parameter(torch.zeros(outputs, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.convolution(x) * self.scale + self.shift

    def fill(self, convolution: torch.Tensor, affine: torch.Tensor) -> None:
        """Takes dlib's numbers: filters, then biases; factors, then summands."""
        filters = self.convolution.weight
        filters.copy_(convolution[: filters.numel()].view_as(filters))
        self.convolution.bias.copy_(convolution[filters.numel() :])
        self.scale.copy_(affine.view(2, -1, 1, 1)[0])
        self.shift.copy_(affine.view(2, -1, 1, 1)[1])


class Block(nn.Module):
    """A residual block. Where its paths differ in size, the smaller one is filled up with zeros."""

    def __init__(self, inputs: int, outputs: int, halves: bool) -> None:
        super().__init__()
        self.first = Convolution(inputs, outputs, 3, 2 if halves else 1)
        self.second = Convolution(outputs, outputs, 3, 1)
        self.halves = halves

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        changed = self.second(F.relu(self.first(x)))
        if self.halves:
            x = F.avg_pool2d(x, 2, 2)
        size = [max(pair) for pair in zip(x.shape[1:], changed.shape[1:], strict=True)]
        return F.relu(filled(x, size) + filled(changed, size))


def filled(x: torch.Tensor, size: list[int]) -> torch.Tensor:
    """[N,C,H,W] with zeros behind its channels, rows and columns, up to a size [C,H,W]."""
    channels, rows, columns = (to - now for to, now in zip(size, x.shape[1:], strict=True))
    return F.pad(x, (0, columns, 0, rows, 0, channels))


class Recognition(nn.Module):
    """Faces [N,3,150,150], RGB of 0 to 255, to embeddings [N,128]."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, LEVELS[0][0], 7, 2)
        blocks, channels = [], LEVELS[0][0]
        for outputs, count, halves in LEVELS:
            for place in range(count):
                blocks.append(Block(channels, outputs, halves and place == 0))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(channels, 128, bias=False)
        self.register_buffer("mean", torch.tensor(MEAN_RGB).view(1, 3, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.stem((x - self.mean) / RANGE))
        return self.head(self.blocks(F.max_pool2d(x, 3, 2)).mean((2, 3)))

    @classmethod
    def load(cls, path: Path) -> Recognition:
        """From dlib's file.

        # Errors
        ExperimentError where the file holds another net."""
        net = cls().eval().requires_grad_(False)
        layers = [module for module in net.modules() if isinstance(module, Convolution)]
        stored = weights(path)
        if [kind for kind, _ in stored] != ["con_4", "affine_"] * len(layers) + ["fc_2"]:
            raise ExperimentError(f"{path}: not dlib's face-recognition net; fetch it with setup/fetch.sh")
        for place, layer in enumerate(layers):
            layer.fill(stored[2 * place][1], stored[2 * place + 1][1])
        # dlib multiplies rows by a matrix [inputs, outputs].
        net.head.weight.copy_(stored[-1][1].view(net.head.in_features, -1).T)
        return net
