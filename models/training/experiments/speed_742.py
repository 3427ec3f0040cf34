"""Times the program on 742 pictures with a net of each row's shape, on a machine with nothing else to do.

    python -m experiments.speed_742 [--only ID …] [--form half int8 full fp16] [--set KEY=VALUE …]

The time is that of `cabinmood analyze` from its start to its end: reading, detection, alignment,
classification and writing. It is added to the row's result.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from expression.pack import CALIBRATION, PackError
from expression.precision import FORMS

from experiments import ExperimentError, plan, program, results
from experiments.run import Bench, bench_of, paths_of


def measure(row_id: str, form: str, bench: Bench, settings: list[str]) -> dict:
    """Times one net in one form, and adds it to its result."""
    row = bench.rows[row_id]
    result = bench.done(row)
    if result is None:
        raise ExperimentError(f"{row_id}: has no result; run experiments.run --only {row_id}")
    pictures = program.timed_pictures(bench.data, bench.out / "timed-pictures")
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder) / f"{row_id}-{form}.toml"
        model = program.export(row.config, manifest, form, bench.pack(row.pack).part(CALIBRATION).crops)
        said = program.speed(bench.binary, manifest, pictures, settings)
        said["file_bytes"] = model.stat().st_size
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
