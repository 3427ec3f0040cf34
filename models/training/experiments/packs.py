"""The archives that the experiments learn from, all drawn from what `expression.prepare` made.

Only FER2013's own faces are in them (`all` is the archive as it is): PublicTest and its copies were left out
there already. The validation split is the same in all. Each archive is made once and noted with the archive
that it comes from; where that changes, it is made anew.

original    the faces of FER2013's Training
augmented   these and variants of them, so that all classes are equally large (dataset/balance.py)
whole       the pictures of `original` as they came, scaled to a crop's size: no alignment
sixteenth, quarter   parts of `original`, chosen by the hash of the face
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from dataset.align import read_grey
from dataset.balance import variants
from dataset.pictures import KEPT, NO_VOTES, Picture
from dataset.split import number_of
from expression import SIDE
from expression.labels import NO_LABEL, truth
from expression.pack import CALIBRATION, TRAIN, Pack, digest_of
from expression.prepare import PACK, REPORT
from tqdm import tqdm

from experiments import ExperimentError
from experiments.plan import ALL, AUGMENTED, ORIGINAL, QUARTER, SIXTEENTH, WHOLE

RECIPE = 1
"""To be raised when what is made here changes, so that archives and results of before are known as old."""
VARIANTS_AT_MOST, SEED = 20, 1
"""As dataset.build has them."""
LIMIT_MIB = 512


@dataclass(frozen=True)
class Source:
    """What `expression.prepare` left in a folder."""

    data: Path
    digest: str
    made_of: str

    @classmethod
    def of(cls, data: Path) -> Source:
        """Of a folder; the digest is that of its archive.

        # Errors
        ExperimentError where prepare's report is not there or does not say what the archive is made of."""
        try:
            report = json.loads((data / REPORT).read_text())
            return cls(data, digest_of(data / PACK), report["made_of"])
        except (OSError, ValueError, KeyError) as error:
            raise ExperimentError(
                f"{data / REPORT}: {error!r}; make it with `python -m expression.prepare`"
            ) from error

    @property
    def packs_known_as(self) -> str:
        """What an archive is noted with: the same one and the same recipe make the same."""
        return f"{self.digest[:16]}/{RECIPE}"

    @property
    def known_as(self) -> str:
        """What a result is noted with; the same on every computer."""
        return f"{self.made_of[:16]}/{RECIPE}"


def path_of(name: str, source: Source, out: Path) -> Path:
    """An archive, made now if it is not there or comes from another one."""
    if name == ALL:
        return source.data / PACK
    path, note = out / f"{name}.npz", out / f"{name}.json"
    if path.is_file() and note.is_file() and json.loads(note.read_text())["source"] == source.packs_known_as:
        return path
    out.mkdir(parents=True, exist_ok=True)
    note.unlink(missing_ok=True)
    print(f"{path}: being made", flush=True)
    made = MAKERS[name](fer_rows(Pack.load(source.data / PACK)), source)
    quality = made.save(path, LIMIT_MIB)
    noted = {
        "source": source.packs_known_as,
        "webp_quality": quality,
        "train": int((made.splits == TRAIN).sum()),
        "validation": int((made.splits == CALIBRATION).sum()),
    }
    note.write_text(json.dumps(noted) + "\n")
    return path


def fer_rows(pack: Pack) -> Pack:
    """FER2013's rows that can be told a class."""
    rows = np.char.startswith(pack.sources, "fer/") & (kinds_of(pack) != NO_LABEL)
    if not rows.any():
        raise ExperimentError(
            "no rows of FER2013 in the archive; make it with `python -m expression.prepare`"
        )
    return pack.taken(rows)


def kinds_of(pack: Pack) -> np.ndarray:
    """The class that a row is balanced as [N]: the voters' majority, else FER2013's label."""
    most = truth(pack.votes, pack.labels)
    return np.where(most == NO_LABEL, pack.labels, most)


def hash_of(crop: np.ndarray) -> str:
    """Of a face."""
    return hashlib.sha256(crop.tobytes()).hexdigest()


def augmented(pack: Pack, _source: Source) -> Pack:
    """All classes as large as the largest."""
    rows = np.flatnonzero(pack.splits == TRAIN)
    kinds = kinds_of(pack)
    # A row's number is its picture's name here.
    pictures = [
        Picture(str(i), hash_of(pack.crops[i]), int(kinds[i]), NO_VOTES, "", False, KEPT) for i in rows
    ]
    drawn = list(variants(pictures, SEED, VARIANTS_AT_MOST))
    if not drawn:
        return pack
    origins = np.array([int(v.origin.file) for v in drawn])
    more = pack.taken(origins)
    more.sources = np.array([f"{pack.sources[i]}#v{v.number}" for i, v in zip(origins, drawn, strict=True)])
    with ThreadPoolExecutor() as pool:
        changed = pool.map(lambda variant, origin: variant.of(pack.crops[origin]), drawn, origins)
        for place, crop in enumerate(tqdm(changed, AUGMENTED, len(drawn), leave=False, disable=None)):
            more.crops[place] = crop
    return Pack.joined([pack, more])


def whole(pack: Pack, source: Source) -> Pack:
    """The pictures as they came, enlarged as alignment enlarges: by a cubic."""
    raw = [read_grey(source.data / "raw" / str(name)) for name in pack.sources]
    crops = np.stack([enlarged(picture) for picture in raw])
    return Pack(crops, pack.sources, pack.votes, pack.labels, pack.splits)


def enlarged(picture: np.ndarray) -> np.ndarray:
    """A whole picture at a crop's size, the longer side filling it."""
    scale = SIDE / max(picture.shape)
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    size = tuple(max(1, round(side * scale)) for side in reversed(picture.shape))
    small = cv2.resize(picture, size, interpolation=how)
    down, right = SIDE - small.shape[0], SIDE - small.shape[1]
    return cv2.copyMakeBorder(
        small, down // 2, down - down // 2, right // 2, right - right // 2, cv2.BORDER_REPLICATE
    )


def part(share: int) -> Callable[[Pack, Source], Pack]:
    """One row of so many of the training split."""

    def chosen(pack: Pack, _source: Source) -> Pack:
        drawn = np.array([number_of(crop.tobytes()) % share == 0 for crop in pack.crops])
        return pack.taken(drawn | (pack.splits == CALIBRATION))

    return chosen


MAKERS: dict[str, Callable[[Pack, Source], Pack]] = {
    ORIGINAL: lambda pack, _source: pack,
    AUGMENTED: augmented,
    WHOLE: whole,
    SIXTEENTH: part(16),
    QUARTER: part(4),
}
