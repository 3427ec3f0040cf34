"""The raw pictures of a data set: what each is said to show, and what becomes of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from expression.duplicates import SAME, SAME_FACE, fingerprints, originals, thumbnails
from expression.labels import NO_LABEL, class_of, seven_votes, unanimous

from dataset import DatasetError
from dataset.align import UNREADABLE, Aligned, crop_of, read_grey
from dataset.tables import DROP, LABEL, Correction

KEPT, REJECTED, DUPLICATE, UNLABELLED, DROPPED = FATES = (
    "kept", "rejected", "duplicate", "unlabelled", "dropped",
)  # fmt: skip
"""What becomes of a picture, besides UNREADABLE: the quality gate rejects, a reviewer drops."""
NO_VOTES = (0,) * 10


@dataclass
class Picture:
    """A raw picture."""

    file: str
    """Its path in the folder of raw pictures."""
    sha256: str
    label: int
    """The class of its folder or of a correction, or NO_LABEL."""
    votes: tuple[int, ...]
    person: str
    """Empty where nobody is named."""
    reviewed: bool
    fate: str
    detail: str = ""
    """Why it was rejected, what it is a copy of, or the folder that names no class."""
    split: str = ""

    @property
    def kind(self) -> int:
        """The class that it is filed and counted under: its label, or what most voters said; or NO_LABEL."""
        if self.label != NO_LABEL:
            return self.label
        seven = seven_votes(np.array([self.votes]))[0]
        return int(seven.argmax()) if seven.any() else NO_LABEL


def folder_of(file: str) -> str:
    """The class folder: the first part of the path, or nothing."""
    parts = Path(file).parts
    return parts[0] if len(parts) > 1 else ""


def pictures(
    raw: Path,
    aligned: Sequence[Aligned],
    persons: Mapping[str, str],
    votes: Mapping[str, tuple[int, ...]],
    corrections: Mapping[str, Correction],
) -> list[Picture]:
    """All that `align` looked at; what it could not read, nobody labelled or a reviewer dropped is known to
    be so. A corrected picture keeps as many votes as it had, all for its new class."""
    found = []
    for row in aligned:
        correction = corrections.get(row.source)
        label, cast = class_of(folder_of(row.source).lower()), votes.get(row.source, NO_VOTES)
        if correction and correction.action == LABEL:
            label, cast = correction.label, unanimous(correction.label, sum(cast))
        try:
            sha256 = hashlib.sha256((raw / row.source).read_bytes()).hexdigest()
        except OSError as error:
            raise DatasetError(f"{raw / row.source}: {error.strerror}") from error
        picture = Picture(
            row.source, sha256, label, cast, persons.get(row.source, ""), correction is not None, KEPT
        )
        if row.reason == UNREADABLE:
            picture.fate = UNREADABLE
        elif correction and correction.action == DROP:
            picture.fate = DROPPED
        elif picture.kind == NO_LABEL:
            picture.fate, picture.detail = UNLABELLED, folder_of(row.source)
        elif not row.accepted:
            picture.fate, picture.detail = REJECTED, row.reason
        found.append(picture)
    return found


def drop_copies(
    found: list[Picture], raw: Path, aligned: Path, crops: bool, earlier: Collection[str]
) -> None:
    """Marks copies. Faces are compared as they are aligned, and tight crops as a whole, too; whole pictures
    are not, since all of one camera are alike. What has no face is a copy of the same file only. The first is
    kept; a reviewed picture comes before others, and so does one whose SHA-256 an earlier build had."""
    found = sorted(
        (p for p in found if p.fate in (KEPT, DROPPED, REJECTED)),
        key=lambda p: (p.fate != DROPPED, not p.reviewed, p.sha256 not in earlier),
    )
    first: dict[str, Picture] = {}
    for picture in found:
        other = first.setdefault(picture.sha256, picture)
        if other is not picture and picture.fate != DROPPED:
            picture.fate, picture.detail = DUPLICATE, other.file
    faces = [p for p in found if p.fate != DUPLICATE and crop_of(aligned, p.file).is_file()]
    if not faces:
        return
    kinds = [(fingerprints(np.stack([read_grey(crop_of(aligned, p.file)) for p in faces])), SAME_FACE)]
    if crops:
        # A picture that only OpenCV cannot read is compared by its aligned face alone.
        whole = [cv2.imread(str(raw / p.file), cv2.IMREAD_GRAYSCALE) for p in faces]
        black = np.zeros((1, 1), np.uint8)
        kinds.append((thumbnails([black if w is None else w for w in whole]), SAME))
    for picture, original in zip(faces, originals(*kinds), strict=True):
        if faces[original] is not picture and picture.fate != DROPPED:
            picture.fate, picture.detail = DUPLICATE, faces[original].file
    # The same file's first may have turned out to be a copy itself.
    by_file = {p.file: p for p in found}
    for picture in found:
        while picture.fate == DUPLICATE and by_file[picture.detail].fate == DUPLICATE:
            picture.detail = by_file[picture.detail].detail


def files_in(raw: Path) -> set[str]:
    """All files by their path in the folder, but hidden ones."""
    files = (p.relative_to(raw) for p in raw.rglob("*") if p.is_file())
    return {str(p) for p in files if not any(part.startswith(".") for part in p.parts)}


def other_endings(files: Collection[str], looked_at: Collection[str]) -> dict[str, int]:
    """Files that `align` passed over, by their ending: pictures in HEIC are missed without a word else."""
    passed_over = (Path(file) for file in files if file not in looked_at)
    return dict(Counter(p.suffix.lower() or p.name for p in passed_over).most_common())
