"""The sets that expression.prepare reads, small and drawn, and what it makes of them."""

import csv
import sys
import tarfile
from pathlib import Path

import cv2
import numpy as np
from drawn_faces import face, votes
from expression import LABELS, labels, prepare


def write_set(folder: Path, header: list[str], rows: list[list], pictures: dict[str, np.ndarray]) -> None:
    folder.mkdir(parents=True)
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    with tarfile.open(folder / "images.tar", "w") as archive:
        for name, picture in pictures.items():
            path = folder / "picture.png"
            cv2.imwrite(str(path), picture)
            archive.add(path, name)
            path.unlink()


def prepare_sets(data: Path, out: Path) -> None:
    """Writes a data folder, and what prepare makes of it with a stand-in for `cabinmood align`."""
    rows, pictures = [], {}
    for i in range(280):
        usage, label = ("PublicTest" if i % 7 == 3 else "Training"), LABELS[i // 2 % 6 if i % 2 else 6]
        pictures[f"{usage}/f{i}.png"] = face(label, i)
        rows.append([usage, f"f{i}.png", label, 1.0, *votes(label)])
    # A training picture that is a test picture once more, and one whose label is doubtful.
    pictures["Training/copy.png"] = pictures["PublicTest/f3.png"]
    rows.append(["Training", "copy.png", "angry", 1.0, *votes("angry")])
    rows[0][3] = 9.0
    write_set(
        data / "fer2013plus",
        ["usage", "image", "fer2013_label", "match_mae", *labels.VOTE_COLUMNS],
        rows,
        pictures,
    )
    web = {f"w{i}.png": face(LABELS[i % 7], 1000 + i, 100) for i in range(21)}
    words = {own: word for word, own in labels.WORDS.items()}
    web_rows = [[name, words[LABELS[i % 7]]] for i, name in enumerate(web)]
    write_set(data / "web-expressions", ["image", "label"], web_rows, web)
    write_set(
        data / "faces",
        ["image", "label"],
        [["A_0001.png", "happiness"]],
        {"A_0001.png": face("happy", 5, 200)},
    )
    binary = out / "align"
    binary.write_text(STAND_IN)
    binary.chmod(0o755)
    prepare.main(["--data", str(data), "--binary", str(binary), "--out", str(out)])


STAND_IN = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import stand_in_align
stand_in_align.main(sys.argv[1:])
"""
