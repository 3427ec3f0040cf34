"""Times the program on 742 pictures with each exported net, on a machine with nothing else to do.

    python -m experiments.speed_742 [--only ID …] [--form half int8 full fp16] [--set KEY=VALUE …]

Files that are not there yet are exported from the row's training. The time is that of `cabinmood analyze`
from its start to its end: reading, detection, alignment, classification and writing. It is added to the row's
result.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from expression.pack import PackError
from expression.precision import FORMS

from experiments import ExperimentError, fit, plan, program, results
from experiments.run import Bench, bench_of, paths_of


def measure(row_id: str, form: str, bench: Bench, settings: list[str]) -> dict:
    """Times one net in one form, and adds it to its result."""
    row = bench.rows[row_id]
    result = bench.done(row)
    best = bench.folder(row) / fit.BEST
    if result is None or not best.is_file():
        raise ExperimentError(f"{row_id}: not trained here; run experiments.run --only {row_id}")
    manifest = bench.folder(row) / f"{row_id}-{form}.toml"
    if not manifest.is_file():
        program.export(best, bench.pack(row.pack), manifest, form)
    pictures = program.timed_pictures(bench.data, bench.out / "timed-pictures")
    said = program.speed(bench.binary, manifest, pictures, settings)
    said["file_bytes"] = manifest.with_suffix(".onnx").stat().st_size
    result["speed"] = result.get("speed", {}) | {form: said}
    results.write(result, bench.results)
    return said


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    paths_of(parser)
    parser.add_argument("--form", nargs="+", choices=FORMS, default=["half"])
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="given to the program")
    options = parser.parse_args(arguments)
    if not Path(options.binary).is_file():
        raise ExperimentError(f"{options.binary}: not there; build it with `make build` or name it")
    try:
        bench = bench_of(options)
        for row in plan.selected(list(bench.rows.values()), options.only, ""):
            if not row.program and not options.only:
                continue
            for form in options.form:
                print(f"{row.id} {form}: {measure(row.id, form, bench, options.set)}", flush=True)
    except PackError as error:
        raise ExperimentError(str(error)) from error


if __name__ == "__main__":
    main()
