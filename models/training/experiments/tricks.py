"""What a net loses by tricks, from crops that `cabinmood align --trick` cut: the program need not be where
nets are trained.

All crops lie in one archive, as WebP like those that nets learn from, small enough to be carried along. The
figures are those of `cabinmood evaluate --crops --tricks`
(crates/cabinmood/src/score/tricks.rs); only the interval comes from other draws.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from dataset.align import crop_of, index, read_grey
from expression import LABELS, SIDE
from expression.measure import logits_of
from torch import nn

from experiments import ExperimentError
from experiments.judge import rounded
from experiments.program import run

CLEAN = "clean"
TRICKS = (
    "sunglasses",
    "glasses",
    "mask",
    "beard",
    "hand",
    "hat_shadow",
    "side_light",
    "night_noise",
    "infrared_tones",
    "motion_blur",
    "rotation",
    "low_resolution",
)
"""As the program knows them, in the order of its reports."""
RESAMPLES, SEED, LEVEL = 1000, 1979, 0.95
QUALITY = 95
"""Of WebP: 10 MB for 400 pictures, a mean error of less than one grey level."""


@dataclass(frozen=True)
class Archive:
    """The pictures whose clean face was accepted, clean and with each trick."""

    labels: np.ndarray
    """Of each picture [P]."""
    cut: np.ndarray
    """Whether there is a crop [1+T,P], clean ones first: accepted, or judged as it came."""
    accepted: np.ndarray
    """Whether the gate accepted it [1+T,P]."""
    crops: np.ndarray
    """Those that there are, in the order of `cut` [N,112,112] uint8."""
    left_out: int
    """Pictures of the sample whose clean face was not accepted."""

    def save(self, path: Path) -> None:
        """Writes the archive whole or not at all."""
        encoded = [
            cv2.imencode(".webp", crop, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])[1].ravel() for crop in self.crops
        ]
        partial = path.with_suffix(".npz.partial")
        with partial.open("wb") as file:
            np.savez_compressed(
                file,
                labels=self.labels,
                cut=self.cut,
                accepted=self.accepted,
                blob=np.concatenate(encoded),
                ends=np.cumsum([len(crop) for crop in encoded]),
                left_out=self.left_out,
            )
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> Archive:
        """Reads an archive and decodes all crops (60 MB for 400 pictures)."""
        with np.load(path) as stored:
            pieces = np.split(stored["blob"], stored["ends"][:-1])
            crops = np.stack([cv2.imdecode(piece, cv2.IMREAD_GRAYSCALE) for piece in pieces])
            masks = stored["labels"], stored["cut"], stored["accepted"]
            return cls(*masks, crops.reshape(-1, SIDE, SIDE), int(stored["left_out"]))


def crops_of(binary: Path, sample: Path, out: Path) -> Path:
    """The archive of a folder of class folders, `out`.npz, from crops that are left in `out`; made once."""
    path = out.with_suffix(".npz")
    if path.is_file():
        return path
    if not out.is_dir():
        partial = out.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        run([binary, "align", sample, partial / CLEAN, "--crops"])
        for name in TRICKS:
            run([binary, "align", sample, partial / name, "--crops", "--trick", name])
        partial.rename(out)
    read(out).save(path)
    return path


def read(folder: Path) -> Archive:
    """From what `align` left in a folder each for the clean pictures and every trick.

    # Errors
    ExperimentError where no clean face was accepted."""
    all_of = {name: {row.source: row for row in index(folder / name)} for name in (CLEAN, *TRICKS)}
    sources = [source for source, row in all_of[CLEAN].items() if row.accepted]
    if not sources:
        raise ExperimentError(f"{folder / CLEAN}: no face was accepted, so no trick can be drawn")
    paths = [[crop_of(folder / name, source) for source in sources] for name in all_of]
    cut = np.array([[path.is_file() for path in row] for row in paths])
    return Archive(
        labels=np.array([LABELS.index(Path(source).parts[0]) for source in sources], np.int8),
        cut=cut,
        accepted=np.array([[rows[source].accepted for source in sources] for rows in all_of.values()]),
        crops=np.stack([read_grey(path) for row in paths for path in row if path.is_file()]),
        left_out=len(all_of[CLEAN]) - len(sources),
    )


def judge(net: nn.Module, archive: Archive, device: torch.device) -> dict:
    """Accuracies and the mean gap. A picture without a crop counts as wrong; one that could not be aligned is
    judged as it came."""
    said = logits_of(net, archive.crops, device).argmax(axis=1)
    right = np.zeros(archive.cut.shape, bool)
    right[archive.cut] = said == np.broadcast_to(archive.labels, archive.cut.shape)[archive.cut]
    clean, tricked, accepted = right[0], right[1:], archive.accepted[1:]
    accuracy = tricked.mean(axis=1)
    of_accepted = [r[a].mean() if a.any() else None for r, a in zip(tricked, accepted, strict=True)]
    # The mean gap of any draw of pictures is the mean of their own gaps.
    gaps = clean - tricked.mean(axis=0)
    drawn = np.random.default_rng(SEED).integers(len(gaps), size=(RESAMPLES, len(gaps)))
    outside = (1 - LEVEL) / 2
    figures = {
        "images": len(gaps) + archive.left_out,
        "mean_gap": float(gaps.mean()),
        "mean_gap_interval": np.quantile(gaps[drawn].mean(axis=1), (outside, 1 - outside)).tolist(),
        "worst": TRICKS[accuracy.argmin()],
        "clean_accuracy": float(clean.mean()),
        "left_out": archive.left_out,
        "accuracy": dict(zip(TRICKS, accuracy.tolist(), strict=True)),
        "accuracy_accepted": {
            name: None if share is None else float(share)
            for name, share in zip(TRICKS, of_accepted, strict=True)
        },
    }
    return rounded(figures)
