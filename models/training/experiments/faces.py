"""Face-recognition pretraining without downloaded weights: a backbone learns to say of a face what dlib's
face-recognition net says of it. Its weights without the last layer are what other experiments begin with."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from expression.config import Config
from expression.measure import normalised
from expression.pack import CALIBRATION, TRAIN, Pack
from expression.train import Material, Run, Teachers, started
from torch import nn

AT_ONCE = 256


def directions(embeddings: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Embeddings [N,128] as directions from the mean training face: without that, all point the same way.
    Each number is about 1, so that a mean square of their errors begins there."""
    moved = embeddings - embeddings[training].mean(axis=0)
    return moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-6) * moved.shape[1] ** 0.5


class LearnFaces(Run):
    """A training run whose targets are directions [N,128] instead of expressions. All else (draws, schedule,
    average, interruptions) is the ordinary run's; what its files call score is the mean cosine."""

    def __init__(
        self, config: Config, pack: Pack, embeddings: np.ndarray, out: Path, device: torch.device
    ) -> None:
        wanted = directions(embeddings, pack.splits == TRAIN).astype(np.float32)
        self.wanted = {
            split: torch.from_numpy(wanted[pack.splits == split]) for split in (TRAIN, CALIBRATION)
        }
        super().__init__(config, pack, Teachers([], device), out, device)

    def begun(self) -> nn.Module:
        """The net with one output for each number of the embedding."""
        net = started(self.config)
        net.replace_head(self.wanted[TRAIN].shape[1])
        nn.init.zeros_(net.head.weight)
        nn.init.zeros_(net.head.bias)
        return net

    def prepared(self, pack: Pack) -> Material:
        """All faces, whatever their labels; each as often as the others."""
        rows = pack.part(TRAIN)
        ones = torch.ones(len(rows.crops), device=self.device)
        return Material(
            crops=torch.from_numpy(rows.crops).unsqueeze(1).to(self.device),
            targets=self.wanted[TRAIN].to(self.device),
            weights=ones,
            frequency=ones,
            log_prior=torch.zeros(1, device=self.device),
        )

    def loss(self, x: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """The mean square error. The cosine alone would have the answers grow ever longer, and its own
        gradient ever smaller."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.train.bfloat16):
            said = self.net(x)
        return F.mse_loss(said.float(), target)

    @torch.no_grad()
    def cosine(self) -> float:
        """Mean cosine on the calibration split."""
        wanted = self.wanted[CALIBRATION].to(self.device)
        found = []
        for start in range(0, len(wanted), AT_ONCE):
            crops = self.calibration.crops[start : start + AT_ONCE]
            said = self.average(torch.from_numpy(normalised(crops)).to(self.device))
            found.append(F.cosine_similarity(said.float(), wanted[start : start + AT_ONCE]))
        return float(torch.cat(found).mean())

    def close_epoch(self, loss: float, began: float) -> None:
        """Judges the epoch that has just ended, notes and keeps it."""
        cosine = self.cosine()
        self.history.epochs.append({"loss": loss, "cosine": cosine})
        with (self.out / "log.csv").open("a", newline="") as file:
            log = csv.writer(file)
            if file.tell() == 0:
                log.writerow(("epoch", "of", "seconds", "loss", "cosine"))
            seconds = time.monotonic() - began
            log.writerow([self.epoch - 1, self.epochs, f"{seconds:.1f}", f"{loss:.4f}", f"{cosine:.4f}"])
        self.keep(cosine)

    def write_weights(self, path: Path) -> None:
        """The averaged backbone, as `start.weights` reads it."""
        partial = path.with_suffix(".partial")
        torch.save(self.average.body.state_dict(), partial)
        partial.rename(path)
