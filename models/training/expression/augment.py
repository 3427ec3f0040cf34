"""Augmentation of a whole batch on the device that trains: every operation is a batched tensor operation
with its own random draw per picture, so that an epoch on a GPU takes seconds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F


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
        x = self.move(crops)
        x = self.sharpness(x)
        x = self.light(x)
        return self.erase(x).clamp(0, 1)

    def move(self, x: torch.Tensor) -> torch.Tensor:
        """Mirror, rotate, scale, shear and shift: what a shaky alignment does."""
        c, n = self.config, len(x)
        angle = self.uniform(n, -c.rotation_deg, c.rotation_deg).view(n).deg2rad()
        mirror = torch.where(self.uniform(n, 0, 1).view(n) < 0.5, -1.0, 1.0)
        wide = 1 + self.uniform(n, -c.scale, c.scale).view(n)
        high = wide * (1 + self.uniform(n, -c.scale, c.scale).view(n) / 2)
        shear = self.uniform(n, -c.shear, c.shear).view(n)
        shift = [2 * self.uniform(n, -c.shift, c.shift).view(n) for _ in range(2)]
        cos, sin = angle.cos(), angle.sin()
        rows = [cos * wide * mirror, shear - sin * high, shift[0], sin * wide * mirror, cos * high, shift[1]]
        grid = F.affine_grid(torch.stack(rows, 1).view(n, 2, 3), list(x.shape), align_corners=False)
        return F.grid_sample(x, grid, padding_mode="border", align_corners=False)

    def sharpness(self, x: torch.Tensor) -> torch.Tensor:
        """Between slightly sharpened and clearly blurred: a mix of the picture and blurred copies of it."""
        n = len(x)
        fine = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        coarse = F.avg_pool2d(
            F.avg_pool2d(x, 5, 1, 2, count_include_pad=False), 5, 1, 2, count_include_pad=False
        )
        blurred = torch.where(self.uniform(n, 0, 1) < 0.7, fine, coarse)
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
