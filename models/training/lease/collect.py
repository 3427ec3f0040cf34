"""Puts what came back from the machine that trained where the other commands look for it.

    python -m lease.collect FOLDER [--runs runs] [--results experiments/results]

FOLDER holds lease.give's pieces. Results go to experiments/results, weights and logs to runs/NAME; a run
that is there already is kept aside as NAME.before.
"""

from __future__ import annotations

import argparse
import io
import lzma
import shutil
import tarfile
import tempfile
from pathlib import Path

from dataset.align import ROOT
from experiments.results import RESULTS
from expression.kept import BEST

from lease import weights


def pieces(folder: Path) -> bytes:
    """The archive that lease.give cut up."""
    parts = sorted(folder.rglob("back.tar.*"), key=lambda path: int(path.suffix[1:]))
    if not parts:
        raise SystemExit(f"{folder}: no back.tar.0 there; name the folder that lease/train.sh filled")
    return b"".join(path.read_bytes() for path in parts)


def fresh(run: Path) -> Path:
    """Where the run's best.pt goes; an earlier run of that name moves out of the way."""
    if run.is_dir():
        before = run.with_name(f"{run.name}.before")
        shutil.rmtree(before, ignore_errors=True)
        run.rename(before)
    run.mkdir(parents=True)
    return run / BEST


def collect(folder: Path, runs: Path, results: Path) -> list[str]:
    """Unpacks everything; returns the names of the nets that came."""
    nets = []
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        with tarfile.open(fileobj=io.BytesIO(pieces(folder))) as tar:
            tar.extractall(work, filter="data")
        with tarfile.open(work / "small.tar.xz") as tar:
            tar.extractall(work, filter="data")
        for path in sorted(work.iterdir()):
            name = path.name.split(".")[0]
            if path.suffix == ".pt":
                shutil.copyfile(path, fresh(runs / name))
            elif path.name.endswith(".narrow.xz"):
                narrow = work / "narrow"
                narrow.write_bytes(lzma.decompress(path.read_bytes()))
                weights.restore(narrow, fresh(runs / name))
            else:
                continue
            nets.append(name)
            log = work / "runs" / name / "log.csv"
            if log.is_file():
                shutil.copyfile(log, runs / name / "log.csv")
        for path in (work / "results").glob("*.json"):
            shutil.copyfile(path, results / path.name)
        shutil.copytree(work / "log", runs / "lease-log", dirs_exist_ok=True)
    return nets


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Unpacks what came back.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=Path, default=ROOT / "models/training/runs")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    print(" ".join(collect(options.folder, options.runs, options.results)))


if __name__ == "__main__":
    main()
