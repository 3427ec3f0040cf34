"""dlib's face-recognition embedding of every face at hand, which backbones learn from instead of downloaded
weights.

    python -m experiments.embed [--source runs/data] [--out runs/experiments/embeddings]

Computed once an archive: 8 ms a face on one core, where dlib itself takes 92. The model (CC0) comes with
`setup/fetch.sh`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from dataset.align import ROOT
from expression import SIDE
from expression.pack import Pack
from tqdm import tqdm

from experiments import ExperimentError
from experiments.recognition import Recognition

MODEL = ROOT / "third_party/dlib/dlib_face_recognition_resnet_model_v1.dat"
LENGTH = 128
CHIP = 150
"""Rows and columns of a face as dlib's net sees it."""
CHIP_EYES = ((47.7, 47.1), (100.3, 47.1))
"""Where both eyes' middles lie in a chip of dlib.get_face_chip with its usual padding of a quarter."""
CROP_EYES = ((35.0, 40.0), (77.0, 40.0))
"""Where they lie in an aligned face (crates/frame/src/aligned.rs)."""
AT_ONCE = 32
A_FILE = 1000
"""Faces of which a file holds the embeddings, so that an interruption costs minutes."""


def chip(crop: np.ndarray) -> np.ndarray:
    """An aligned face [112,112] as dlib cuts faces [150,150,3]; a few rows below the crop repeat its edge."""
    scale = (CHIP_EYES[1][0] - CHIP_EYES[0][0]) / (CROP_EYES[1][0] - CROP_EYES[0][0])
    left, up = (to - scale * at for to, at in zip(CHIP_EYES[0], CROP_EYES[0], strict=True))
    moved = cv2.warpAffine(
        crop,
        np.array([[scale, 0, left], [0, scale, up]]),
        (CHIP, CHIP),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return cv2.cvtColor(moved, cv2.COLOR_GRAY2RGB)


def embed(crops: np.ndarray, model: Path = MODEL) -> np.ndarray:
    """Embeddings [N,128] of aligned faces [N,112,112]."""
    if not model.is_file():
        raise ExperimentError(f"{model}: not there; fetch it with setup/fetch.sh")
    assert crops.shape[1:] == (SIDE, SIDE)
    net = Recognition.load(model).to(memory_format=torch.channels_last)
    found = []
    for start in range(0, len(crops), AT_ONCE):
        chips = np.stack([chip(crop) for crop in crops[start : start + AT_ONCE]])
        found.append(net(torch.from_numpy(chips).permute(0, 3, 1, 2).float()))
    return torch.cat(found).numpy()


def embeddings(pack: Pack, folder: Path) -> np.ndarray:
    """Of an archive's faces [N,128]; what is in the folder already is not computed again."""
    own = folder / pack.digest[:16]
    own.mkdir(parents=True, exist_ok=True)
    found = []
    for start in tqdm(range(0, len(pack.crops), A_FILE), "embeddings", leave=False, disable=None):
        path = own / f"{start:06}.npy"
        if not path.is_file():
            partial = own / "partial.npy"
            np.save(partial, embed(pack.crops[start : start + A_FILE]))
            partial.rename(path)
        found.append(np.load(path))
    return np.concatenate(found)


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Computes face-recognition embeddings of all faces at hand.")
    runs = ROOT / "models/training/runs"
    parser.add_argument("--source", type=Path, default=runs / "data")
    parser.add_argument("--out", type=Path, default=runs / "experiments/embeddings")
    options = parser.parse_args(arguments)
    found = embeddings(Pack.load(options.source / "pack.npz"), options.out)
    print(f"{len(found)} embeddings in {options.out}")


if __name__ == "__main__":
    main()
