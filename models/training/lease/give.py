"""What comes back from the machine that trained: results, logs and weights, in pieces.

    python -m lease.give WORK RETURN [--limit-mib 62]

Weights are narrow (lease.weights), but for those of the pupil, which ships unquantised; they are taken in the
order of WEIGHTS as long as there is room.
"""

from __future__ import annotations

import argparse
import io
import lzma
import tarfile
from pathlib import Path

from expression.kept import BEST

from lease import weights

EXACT = "pupil-long"
WEIGHTS = (EXACT, "original-a", "original-b", "teacher-a", "teacher-b")
PIECE = 16_000_000


def packed(work: Path) -> list[tuple[str, bytes]]:
    """Names and contents, the most wanted first; weights are compressed each, so that their size is known."""
    small = [path for folder in ("results", "log") for path in sorted((work / folder).iterdir())]
    small += sorted(work.glob("*/*/log.csv"))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as tar:
        for path in small:
            tar.add(path, path.relative_to(work))
    found = [("small.tar.xz", buffer.getvalue())]
    for name in WEIGHTS:
        best, narrow = work / "runs" / name / BEST, work / f"{name}.narrow"
        if not best.is_file():
            continue
        if name == EXACT:
            found.append((f"{name}.pt", best.read_bytes()))
        else:
            weights.save(best, narrow)
            found.append((f"{name}.narrow.xz", lzma.compress(narrow.read_bytes(), preset=1)))
    return found


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Gathers what comes back.")
    parser.add_argument("work", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--limit-mib", type=float, default=62)
    options = parser.parse_args(arguments)
    room, buffer = options.limit_mib * 2**20, io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in packed(options.work):
            if len(content) > room:
                print(f"{name}: {len(content)} bytes, no room for them")
                continue
            room -= len(content)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    whole = buffer.getvalue()
    for place, start in enumerate(range(0, len(whole), PIECE)):
        (options.out / f"back.tar.{place}").write_bytes(whole[start : start + PIECE])
    print(f"{len(whole)} bytes in {options.out}")


if __name__ == "__main__":
    main()
