"""The archive of aligned faces: one .npz that holds all a training run needs, small enough to be carried.

Crops are stored as WebP of a quality that keeps the archive under its size limit (the mean error is about
one grey level, below the noise that augmentation adds); calibration and judging read the exact crops.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np

from expression import SIDE

TRAIN, CALIBRATION = 0, 1
QUALITIES = (95, 92, 90, 88, 85, 80, 75)


class PackError(Exception):
    """The archive cannot be written or read; the message says which and why."""


@dataclass
class Pack:
    """Rows of one archive; all arrays have the same length N."""

    crops: np.ndarray
    """[N,112,112] uint8."""
    sources: np.ndarray
    """[N] str: set/relative path."""
    votes: np.ndarray
    """[N,10] uint8: FERPlus votes, all zero where there are none."""
    labels: np.ndarray
    """[N] int8: the set's own label, NO_LABEL where it has none or it is doubtful."""
    splits: np.ndarray
    """[N] uint8: TRAIN or CALIBRATION."""
    digest: str = ""
    """SHA-256 of what an archive holds, not of the file, which has the time of day in it; set by load."""

    @classmethod
    def of(cls, rows: Iterable[tuple[np.ndarray, str, tuple[int, ...], int, int]]) -> Pack:
        """From rows of crop, source, votes, label and split."""
        crops, sources, votes, labels, splits = zip(*rows, strict=True)
        return cls(
            crops=np.stack(crops),
            sources=np.array(sources),
            votes=np.array(votes, np.uint8),
            labels=np.array(labels, np.int8),
            splits=np.array(splits, np.uint8),
        )

    @classmethod
    def joined(cls, packs: list[Pack]) -> Pack:
        """The rows of several packs; of no archive, so without a digest."""
        names = [field.name for field in fields(cls) if field.name != "digest"]
        return cls(*(np.concatenate([getattr(pack, name) for pack in packs]) for name in names))

    @classmethod
    def load_all(cls, paths: list[Path]) -> Pack:
        """The rows of several archives, as if they were one."""
        packs = [cls.load(path) for path in paths]
        if len(packs) == 1:
            return packs[0]
        both = cls.joined(packs)
        both.digest = hashlib.sha256(" ".join(pack.digest for pack in packs).encode()).hexdigest()
        return both

    def taken(self, rows: np.ndarray) -> Pack:
        """Some rows, by a mask or by their numbers."""
        return Pack(
            self.crops[rows], self.sources[rows], self.votes[rows], self.labels[rows], self.splits[rows]
        )

    def part(self, split: int) -> Pack:
        """The rows of one split."""
        return self.taken(self.splits == split)

    def save(self, path: Path, limit_mib: float) -> int:
        """Writes the archive with the best quality that fits; returns the quality."""
        for quality in QUALITIES:
            sample = _encode(self.crops[:: max(1, len(self.crops) // 500)], quality)
            if np.mean([len(c) for c in sample]) * len(self.crops) > limit_mib * 2**20 * 0.98:
                continue
            encoded = _encode(self.crops, quality)
            sizes = np.array([len(c) for c in encoded], np.int64)
            if sizes.sum() > limit_mib * 2**20 * 0.99:
                continue
            np.savez_compressed(
                path,
                blob=np.concatenate(encoded),
                ends=np.cumsum(sizes),
                sources=self.sources,
                votes=self.votes,
                labels=self.labels,
                splits=self.splits,
            )
            return quality
        raise PackError(f"{path}: {len(self.crops)} crops do not fit into {limit_mib} MiB; raise --limit-mib")

    @classmethod
    def load(cls, path: Path) -> Pack:
        """Reads an archive and decodes all crops (512 MB for 40,000)."""
        arrays = _read(path)
        digest = _digest(arrays)
        ends = arrays.pop("ends")
        pieces = np.split(arrays.pop("blob"), ends[:-1])
        with ThreadPoolExecutor() as pool:
            crops = list(pool.map(lambda piece: cv2.imdecode(piece, cv2.IMREAD_GRAYSCALE), pieces))
        return cls(np.stack(crops).reshape(-1, SIDE, SIDE), **arrays, digest=digest)


def _encode(crops: np.ndarray, quality: int) -> list[np.ndarray]:
    def one(crop: np.ndarray) -> np.ndarray:
        return cv2.imencode(".webp", crop, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].ravel()

    with ThreadPoolExecutor() as pool:
        return list(pool.map(one, crops))


def digest_of(path: Path) -> str:
    """The digest that load sets, without decoding."""
    return _digest(_read(path))


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise PackError(
            f"{path}: {error}; make it with `python -m expression.prepare` or `dataset.build`"
        ) from error


def _digest(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()
