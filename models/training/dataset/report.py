"""What was made of the raw pictures and what was dropped: report.json, report.html, sheets/*.png."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from expression import LABELS

from dataset.align import UNREADABLE, crop_of, read_grey
from dataset.page import page
from dataset.pictures import DROPPED, DUPLICATE, FATES, KEPT, REJECTED, UNLABELLED, Picture
from dataset.place import MADE_BY
from dataset.sheets import Tile, sample, sheet
from dataset.split import SPLITS, TEST
from dataset.store import Entry, label_name, write_png


@dataclass(frozen=True)
class Built:
    """What a build knows at its end."""

    raw: Path
    aligned: Path
    pictures: Sequence[Picture]
    augmented: Sequence[Entry]
    settings: dict
    other_files: dict[str, int]
    moved_copies: int
    """Copies that a split of files would have put on another side than their original."""
    qualities: dict[str, int]

    @property
    def by_file(self) -> dict[str, Picture]:
        """Pictures by their name."""
        return {p.file: p for p in self.pictures}

    def with_fate(self, fate: str) -> list[Picture]:
        """Pictures that this became of."""
        return [p for p in self.pictures if p.fate == fate]

    def conflicts(self) -> list[Picture]:
        """Copies whose original is filed under another class."""
        known = self.by_file
        return [p for p in self.with_fate(DUPLICATE) if known[p.detail].kind != p.kind]


def figures(built: Built) -> dict:
    """The content of report.json."""
    classes = {}
    for kind, name in enumerate(LABELS):
        own = [p for p in built.pictures if p.kind == kind]
        splits = Counter(p.split for p in own if p.fate == KEPT)
        classes[name] = {
            "pictures": len(own),
            **{fate: sum(p.fate == fate for p in own) for fate in (*FATES, UNREADABLE)},
            **{split: splits[split] for split in SPLITS},
            "test_rejected": sum(p.fate == REJECTED and p.split == TEST for p in own),
            "variants": sum(e.picture.kind == kind for e in built.augmented if e.variant),
        }
    persons = {
        split: len({p.person for p in built.pictures if p.split == split and p.person}) for split in SPLITS
    }
    return {
        "made_by": MADE_BY,
        "settings": built.settings,
        "pictures": len(built.pictures),
        "fates": {fate: len(built.with_fate(fate)) for fate in (*FATES, UNREADABLE)},
        "rejected": dict(Counter(p.detail for p in built.with_fate(REJECTED)).most_common()),
        "unlabelled_folders": dict(Counter(p.detail for p in built.with_fate(UNLABELLED)).most_common()),
        "files_passed_over": built.other_files,
        "copies_with_another_label": len(built.conflicts()),
        "copies_that_would_have_lain_in_another_split": built.moved_copies,
        "persons": persons,
        "classes": classes,
        "webp_quality": built.qualities,
        "not_kept": [
            {"file": p.file, "label": label_name(p.kind), "why": p.fate, "detail": p.detail}
            for p in built.pictures
            if p.fate != KEPT
        ],
    }


def sheets(built: Built) -> dict[str, tuple[str, list[Tile]]]:
    """name -> title and tiles, of every reason to drop pictures and of what each class is learned from."""
    made: dict[str, tuple[str, list[Tile]]] = {}

    def add(name: str, title: str, tiles: list[Tile]) -> None:
        if tiles:
            safe = "".join(c if c.isalnum() else "-" for c in name)
            while safe in made:
                safe += "-"
            made[safe] = (f"{title}: {len(tiles)}", sample(tiles))

    def raw(picture: Picture) -> tuple[Path, str]:
        return built.raw / picture.file, picture.file

    known, conflicts = built.by_file, built.conflicts()
    add("copies-other-label", "copies under another class (original, copy)",
        [(raw(known[p.detail]), raw(p)) for p in conflicts])  # fmt: skip
    add(
        "copies",
        "copies (original, copy)",
        [(raw(known[p.detail]), raw(p)) for p in built.with_fate(DUPLICATE)],
    )
    for fate, title in (
        (REJECTED, "rejected"),
        (UNLABELLED, "no class's folder"),
        (DROPPED, "dropped by a reviewer"),
    ):
        of_fate = built.with_fate(fate)
        for detail in sorted({p.detail for p in of_fate}):
            add(
                f"{fate}-{detail}",
                f"{title} {detail}".strip(),
                [(raw(p),) for p in of_fate if p.detail == detail],
            )
    for kind, name in enumerate(LABELS):
        faces = [p for p in built.with_fate(KEPT) if p.kind == kind]
        add(
            f"faces-{name}",
            f"aligned faces of {name}, all splits",
            [((crop_of(built.aligned, p.file), p.file),) for p in faces],
        )
    for kind, name in enumerate(LABELS):
        drawn = sample([e for e in built.augmented if e.variant and e.picture.kind == kind])
        crops = [read_grey(crop_of(built.aligned, e.picture.file)) for e in drawn]
        pairs = [
            ((crop, entry.picture.file), (entry.variant.of(crop), f"v{entry.variant.number}"))
            for crop, entry in zip(crops, drawn, strict=True)
        ]
        add(f"variants-{name}", f"variants of {name} (face, variant), a sample", pairs)
    return made


def write(folder: Path, built: Built) -> dict:
    """Writes all of it; returns the figures."""
    found, shown = figures(built), sheets(built)
    for name, (_, tiles) in shown.items():
        write_png(folder / "sheets" / f"{name}.png", sheet(tiles))
    titles = {name: title for name, (title, _) in shown.items()}
    (folder / "report.html").write_text(page(found, titles), encoding="utf-8")
    (folder / "report.json").write_text(
        json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return found
