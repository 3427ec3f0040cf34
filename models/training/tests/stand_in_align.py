"""Stands in for `cabinmood align` in tests: resizes, accepts all but every tenth test picture, and writes
the same index.csv."""

import csv
from pathlib import Path

import cv2


def main(arguments: list[str]) -> None:
    """align INPUT OUTPUT [--crops]"""
    source, target = Path(arguments[1]), Path(arguments[2])
    target.mkdir(parents=True)
    with (target / "index.csv").open("w", newline="") as file:
        index = csv.writer(file)
        index.writerow(["source", "accepted", "reason", "quality", "landmarks"])
        for path in sorted(p for p in source.rglob("*") if p.is_file()):
            name = path.relative_to(source)
            passed = "PublicTest" not in name.parts or int(name.stem[1:]) % 10 != 0
            index.writerow([name, str(passed).lower(), "" if passed else "blurred", "0.900", ""])
            if passed:
                crop = (target / name).with_suffix(".png")
                crop.parent.mkdir(parents=True, exist_ok=True)
                picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
                cv2.imwrite(str(crop), cv2.resize(picture, (112, 112)))
