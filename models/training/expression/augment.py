"""Augmentation of a whole batch on the device that trains: every operation is a batched tensor operation
with its own random draw per picture, so that an epoch on a GPU takes seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

EYE_ROW = 0.4
"""Height of an aligned face's eyes in its crop, roughly, as a share of the side."""
COARSE_SIDES = (20, 48)
"""Pixels along a coarse crop's side."""
SMEAR_REACH = 6
"""Pixels of 112 that the longest smear reaches to each side."""


def mean_of(x: torch.Tensor, offsets: list[tuple[float, float]]) -> torch.Tensor:
    """The mean of copies [N,1,H,W] moved by whole pixels (down, right); its edge goes on outside.
    On a CPU a few sums are an order of magnitude faster than pooling or convolving a single channel."""
    places = [(round(down), round(right)) for down, right in offsets]
    reach = max(max(abs(down), abs(right)) for down, right in places)
    wide = F.pad(x, (reach,) * 4, mode="replicate")
    high, width = x.shape[2:]
    total = torch.zeros_like(x)
    for down, right in places:
        total += wide[:, :, reach + down : reach + down + high, reach + right : reach + right + width]
    return total / len(places)


def box(x: torch.Tensor, side: int) -> torch.Tensor:
    """The mean over squares of an odd side."""
    line = range(-(side // 2), side // 2 + 1)
    return mean_of(mean_of(x, [(step, 0) for step in line]), [(0, step) for step in line])


@dataclass(frozen=True)
class AugmentConfig:
    """How far each draw may go. Lengths are shares of the crop's side, grey levels of the full range."""

    rotation_deg: float = 12.0
    scale: float = 0.12
    shift: float = 0.05
    shear: float = 0.08
    contrast: float = 0.4
    brightness: float = 0.15
    gamma: float = 0.5
    side_light: float = 0.25
    blur: float = 1.0
    noise: float = 0.05
    erase_probability: float = 0.4
    erase_side: float = 0.4
    mixup_probability: float = 0.5
    mixup_alpha: float = 0.4
    squeeze: float = 0.0
    """How much a face may be narrowed, as a head that turns is: 0.5 leaves two thirds of its width."""
    coarse_probability: float = 0.0
    """Of a crop made of few pixels."""
    smear_probability: float = 0.0
    """Of a crop that moved while it was taken."""
    cover_probability: float = 0.0
    """Of a dark bar over both eyes or a flat cloth over mouth and chin."""


class Augment:
    """Draws from one generator: the same seed gives the same pictures on one kind of device."""

    def __init__(self, config: AugmentConfig, generator: torch.Generator) -> None:
        self.config = config
        self.generator = generator

    def uniform(self, n: int, low: float, high: float) -> torch.Tensor:
        """One draw a picture, shaped to multiply a batch."""
        device = self.generator.device
        return torch.rand(n, 1, 1, 1, device=device, generator=self.generator) * (high - low) + low

    def __call__(self, crops: torch.Tensor) -> torch.Tensor:
        """Crops [N,1,H,W] of 0..1 -> crops of 0..1, each changed in its own way."""
        x = self.cover(crops)
        x = self.move(x)
        x = self.coarse(x)
        x = self.smear(x)
        x = self.sharpness(x)
        x = self.light(x)
        return self.erase(x).clamp(0, 1)

    def some(self, n: int, probability: float) -> torch.Tensor:
        """Which pictures of a batch something happens to [N,1,1,1]; draws nothing where it never happens."""
        if probability == 0:
            return torch.zeros(n, 1, 1, 1, dtype=torch.bool, device=self.generator.device)
        return self.uniform(n, 0, 1) < probability

    def cover(self, x: torch.Tensor) -> torch.Tensor:
        """A band of one grey level, not quite opaque, where the eyes of an aligned face are, or all below the
        nose; drawn before the crop moves, so it stays on the face."""
        n, side = len(x), x.shape[-1]
        chosen = self.some(n, self.config.cover_probability)
        if not chosen.any():
            return x
        row = torch.arange(side, device=x.device).view(1, 1, -1, 1) / side
        column = torch.arange(side, device=x.device).view(1, 1, 1, -1) / side
        eyes = (row - EYE_ROW).abs() < self.uniform(n, 0.06, 0.12)
        eyes = eyes & ((column - 0.5).abs() < self.uniform(n, 0.3, 0.42))
        # The cloth's edge sags towards the nose's bridge or away from it.
        edge = self.uniform(n, 0.55, 0.7) + self.uniform(n, -0.3, 0.3) * (column - 0.5).abs()
        covered = torch.where(self.uniform(n, 0, 1) < 0.5, eyes, row > edge) & chosen
        opacity = self.uniform(n, 0.7, 1.0)
        return torch.where(covered, x + opacity * (self.uniform(n, 0, 0.8) - x), x)

    def coarse(self, x: torch.Tensor) -> torch.Tensor:
        """Fewer pixels, one number of them for a batch, enlarged smoothly."""
        chosen = self.some(len(x), self.config.coarse_probability)
        if not chosen.any():
            return x
        side = int(self.uniform(1, *COARSE_SIDES))
        small = F.interpolate(x, (side, side), mode="area")
        large = F.interpolate(small, x.shape[2:], mode="bilinear", align_corners=False)
        return torch.where(chosen, large, x)

    def smear(self, x: torch.Tensor) -> torch.Tensor:
        """The mean along a line, one line for a batch."""
        rows = self.some(len(x), self.config.smear_probability).view(-1).nonzero().view(-1)
        if not len(rows):
            return x
        angle, reach = self.uniform(1, 0, torch.pi).item(), self.uniform(1, 2, SMEAR_REACH).item()
        steps = torch.linspace(-reach, reach, 2 * SMEAR_REACH + 1).tolist()
        return x.index_copy(
            0, rows, mean_of(x[rows], [(step * math.sin(angle), step * math.cos(angle)) for step in steps])
        )

    def move(self, x: torch.Tensor) -> torch.Tensor:
        """Mirror, rotate, scale, shear and shift: what a shaky alignment does."""
        c, n = self.config, len(x)
        angle = self.uniform(n, -c.rotation_deg, c.rotation_deg).view(n).deg2rad()
        mirror = torch.where(self.uniform(n, 0, 1).view(n) < 0.5, -1.0, 1.0)
        wide = 1 + self.uniform(n, -c.scale, c.scale).view(n)
        high = wide * (1 + self.uniform(n, -c.scale, c.scale).view(n) / 2)
        if c.squeeze > 0:
            wide = wide * (1 + self.uniform(n, 0, c.squeeze).view(n) ** 2)
        shear = self.uniform(n, -c.shear, c.shear).view(n)
        shift = [2 * self.uniform(n, -c.shift, c.shift).view(n) for _ in range(2)]
        cos, sin = angle.cos(), angle.sin()
        rows = [cos * wide * mirror, shear - sin * high, shift[0], sin * wide * mirror, cos * high, shift[1]]
        grid = F.affine_grid(torch.stack(rows, 1).view(n, 2, 3), list(x.shape), align_corners=False)
        return F.grid_sample(x, grid, padding_mode="border", align_corners=False)

    def sharpness(self, x: torch.Tensor) -> torch.Tensor:
        """Between slightly sharpened and clearly blurred: a mix of the picture and blurred copies of it."""
        n = len(x)
        blurred = box(x, 3)
        coarse = (self.uniform(n, 0, 1) >= 0.7).view(-1).nonzero().view(-1)
        if len(coarse):
            blurred = blurred.index_copy(0, coarse, box(box(x[coarse], 5), 5))
        return x + self.uniform(n, -0.5, self.config.blur) * (blurred - x)

    def light(self, x: torch.Tensor) -> torch.Tensor:
        """Contrast about the mean, brightness, gamma, a ramp of light from one side, and noise."""
        c, n = self.config, len(x)
        mean = x.mean((2, 3), keepdim=True)
        x = (x - mean) * (1 + self.uniform(n, -c.contrast, c.contrast)) + mean
        angle = self.uniform(n, 0, 2 * torch.pi)
        line = torch.linspace(-0.5, 0.5, x.shape[-1], device=x.device)
        ramp = angle.cos() * line.view(1, 1, 1, -1) + angle.sin() * line.view(1, 1, -1, 1)
        x = x + ramp * self.uniform(n, 0, 2 * c.side_light) + self.uniform(n, -c.brightness, c.brightness)
        x = x.clamp(0, 1) ** torch.exp(self.uniform(n, -c.gamma, c.gamma))
        noise = torch.randn(x.shape, device=x.device, generator=self.generator)
        return x + noise * self.uniform(n, 0, c.noise)

    def erase(self, x: torch.Tensor) -> torch.Tensor:
        """Covers a rectangle with one grey level (DeVries and Taylor 2017)."""
        c, n = self.config, len(x)
        rows = torch.arange(x.shape[2], device=x.device).view(1, 1, -1, 1) / x.shape[2]
        columns = torch.arange(x.shape[3], device=x.device).view(1, 1, 1, -1) / x.shape[3]
        inside = self.uniform(n, 0, 1) < c.erase_probability
        for place in (rows, columns):
            side = self.uniform(n, 0.1, c.erase_side)
            start = self.uniform(n, -0.1, 1.0)
            inside = inside & (place >= start) & (place < start + side)
        return torch.where(inside, self.uniform(n, 0, 1), x)

    def mixup(self, x: torch.Tensor, *targets: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Mixes the batch with its own reverse (Zhang et al. 2018), sometimes; the batch is in random order.
        One weight a picture, drawn from Beta(a,a) by Johnk's method, which needs uniform draws only."""
        c, n = self.config, len(x)
        u, v = (self.uniform(n, 1e-6, 1) ** (1 / c.mixup_alpha) for _ in range(2))
        weight = torch.where(self.uniform(n, 0, 1) < c.mixup_probability, u / (u + v), 1.0)
        weight = torch.maximum(weight, 1 - weight)
        flat = weight.view(n, 1)
        mixed = [flat * t + (1 - flat) * t.flip(0) for t in targets]
        return (weight * x + (1 - weight) * x.flip(0), *mixed)
