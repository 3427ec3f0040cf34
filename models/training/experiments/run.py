"""Runs the experiments of the plan that are not done, in its order.

    python -m experiments.run [--only ID …] [--group NAME] [--data DIR] [--out runs/experiments] [--list]

Each row leaves one small JSON in experiments/results; a row whose JSON was made with the same configuration
and of the same faces is done. A row that is broken off goes on where its last epoch ended. Needs what
`python -m expression.prepare` leaves.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from dataset.align import BINARY, ROOT
from expression import several
from expression.backbones import WeightsError
from expression.config import tables
from expression.kept import BEST, load_net
from expression.pack import Pack, PackError
from expression.prepare import FER, default_data

from experiments import ExperimentError, fit, plan, program, results, tricks
from experiments.judge import TestSet, judge, rounded, test_sets, validate
from experiments.packs import Source, path_of
from experiments.plan import WHOLE, Row


@dataclass
class Bench:
    """Where experiments are run, and what several rows need."""

    rows: dict[str, Row]
    source: Source
    data: Path
    out: Path
    results: Path
    binary: Path
    device: torch.device
    _packs: dict[str, Pack] = field(default_factory=dict)
    _sets: dict[bool, list[TestSet]] = field(default_factory=dict)
    _tricks: tricks.Archive | None = None

    def pack(self, name: str) -> Pack:
        """An archive; one at a time is kept, each has hundreds of megabytes."""
        if name not in self._packs:
            self._packs = {name: Pack.load(path_of(name, self.source, self.out / "packs"))}
        return self._packs[name]

    def sets(self, aligned: bool) -> list[TestSet]:
        """The test sets as aligned faces or as whole pictures."""
        if aligned not in self._sets:
            self._sets[aligned] = test_sets(self.data, self.source, aligned)
        return self._sets[aligned]

    def tricks(self) -> tricks.Archive | None:
        """The crops with tricks, cut now if they are not there; None where the program is missing, too."""
        path = self.out / "tricks.npz"
        if self._tricks is None and (path.is_file() or self.binary.is_file()):
            if not path.is_file():
                sample = program.trick_sample(self.data, self.source, self.out / "trick-pictures")
                tricks.crops_of(self.binary, sample, path.with_suffix(""))
            self._tricks = tricks.Archive.load(path)
        return self._tricks

    def fingerprint(self, row: Row) -> str:
        """What a result of this row is known by."""
        return results.fingerprint(row, self.rows, self.source)

    def done(self, row: Row) -> dict | None:
        """The row's result, if it is of this configuration and this archive."""
        result = results.read(row.id, self.results)
        return result if result and result["fingerprint"] == self.fingerprint(row) else None

    def folder(self, row: Row) -> Path:
        """Where the row's training lies; what lies there of another configuration or archive is deleted."""
        folder, note = self.out / row.id, self.out / row.id / "fingerprint"
        if folder.is_dir() and not (note.is_file() and note.read_text() == self.fingerprint(row)):
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        note.write_text(self.fingerprint(row))
        return folder


def begun(row: Row, bench: Bench) -> Row:
    """The row with the weights that it begins with, which are trained first where they are not there."""
    if not row.start:
        return row
    faces = bench.rows[row.start]
    weights = bench.folder(faces) / fit.WEIGHTS
    if not weights.is_file():
        perform(faces, bench)
    return plan.with_start(row, weights)


def perform(row: Row, bench: Bench) -> dict:
    """Trains and judges a row, and writes its result."""
    print(f"{time.strftime('%H:%M')} {row.id}: {row.what}", flush=True)
    ready = begun(row, bench)
    pack = bench.pack(row.pack)
    trained = fit.train(ready, pack, bench.folder(row), bench.device)
    result = {
        "id": row.id,
        "fingerprint": bench.fingerprint(row),
        "kind": row.kind,
        "pack": row.pack,
        "archive": pack.digest,
        "start": row.start or row.config.start.weights,
        "config": tables(row.config),
        "device": device_name(bench.device),
        "threads": torch.get_num_threads() if bench.device.type == "cpu" else 0,
    }
    losses = trained.account.pop("losses")
    result |= rounded(trained.account)
    if trained.net is not None:
        result["validation"] = validate(trained.net, pack, row.config.data.label_share, bench.device)
        result["test"] = judge(trained.net, bench.sets(row.pack != WHOLE), bench.device)
    result["losses"] = rounded(losses)
    results.write(result, bench.results)
    return result


def ask_use(row: Row, result: dict, bench: Bench) -> dict:
    """Adds what the row's net comes to in use: its fate with tricks, and the size of its file."""
    if not row.program or ("tricks" in result and "file_bytes" in result):
        return result
    if "tricks" not in result:
        best, archive = bench.folder(row) / BEST, bench.tricks()
        if archive is None or not best.is_file():
            what = bench.binary if archive is None else best
            print(f"{row.id}: {what} is not there, so tricks are not judged", flush=True)
            return result
        result["tricks"] = tricks.judge(load_net(best, bench.device)[0].eval(), archive, bench.device)
    # A machine that only trains need not be able to export.
    if bench.binary.is_file():
        result["file_bytes"] = program.file_bytes(row.config)
    results.write(result, bench.results)
    return result


def device_name(device: torch.device) -> str:
    """What a result says that it was trained on."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "CPU"


def paths_of(parser: argparse.ArgumentParser) -> None:
    """The options that say which rows, and where everything is."""
    runs = ROOT / "models/training/runs"
    parser.add_argument("--only", nargs="+", default=[], metavar="ID")
    parser.add_argument("--plan", type=Path, default=plan.PLAN)
    parser.add_argument("--data", type=Path, default=default_data())
    parser.add_argument("--source", type=Path, default=runs / "data", help="what expression.prepare left")
    parser.add_argument("--out", type=Path, default=runs / "experiments")
    parser.add_argument("--results", type=Path, default=results.RESULTS)
    parser.add_argument("--binary", type=Path, default=BINARY)


def bench_of(options: argparse.Namespace) -> Bench:
    """What those options name.

    # Errors
    ExperimentError or PackError where something is not there."""
    if not (options.data / FER.folder / "labels.csv").is_file():
        raise ExperimentError(f"{options.data}: no {FER.folder}/labels.csv there; name the data with --data")
    return Bench(
        rows={row.id: row for row in plan.load(options.plan)},
        source=Source.of(options.source),
        data=options.data,
        # A run's configuration names the weights that it begins with by their path.
        out=options.out.resolve(),
        results=options.results,
        binary=options.binary,
        device=several.device(),
    )


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    paths_of(parser)
    parser.add_argument("--group", default="", help="the rows of one group")
    parser.add_argument("--list", action="store_true", help="say what would be run, and end")
    parser.add_argument("--threads", type=int, help="of PyTorch, instead of all cores")
    options = parser.parse_args(arguments)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ExperimentError("experiments run in one process; torchrun is for expression.train")
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.backends.cudnn.benchmark = True
    try:
        bench = bench_of(options)
        for row in plan.selected(list(bench.rows.values()), options.only, options.group):
            result = bench.done(row)
            if options.list:
                print(f"{'done' if result else 'to do':6}{row.id:28}{row.what}")
                continue
            ask_use(row, result or perform(row, bench), bench)
    except (PackError, WeightsError) as error:
        raise ExperimentError(str(error)) from error


if __name__ == "__main__":
    main()
