"""Stands in for `cabinmood align` in tests: resizes, accepts all but every tenth test picture, cannot align
every fiftieth of the others, and writes the same index.csv."""

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
            number = int(name.stem[1:]) if name.stem[1:].isdigit() else 1
            blurred, covered = "PublicTest" in name.parts and number % 10 == 0, number % 50 == 49
            reason = "blurred" if blurred else "occluded" if covered else ""
            index.writerow([name, str(not reason).lower(), reason, "0.900", ""])
            if not blurred:
                crop = (target / name).with_suffix(".png")
                crop.parent.mkdir(parents=True, exist_ok=True)
                picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
                cv2.imwrite(str(crop), cv2.resize(picture, (112, 112)))
