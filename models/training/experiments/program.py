"""A net's file and what only the program can tell of it; and which pictures the program is given."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
from dataset.align import read_grey
from dataset.split import number_of
from expression import LABELS
from expression.class_folders import classes_of
from expression.config import Config
from expression.export import RANGE_FACES, Exported, manifest_text, write_onnx
from expression.measure import normalised
from expression.nets import build
from expression.prepare import FACES, FER

from experiments import ExperimentError
from experiments.packs import Source

TRICK_PICTURES = 400
"""Of PublicTest's with a single top vote: all of them would take minutes a net, hours with the large ones."""
TIMED_PICTURES = 742
"""As many as the account timed; the first of faces/images.tar."""


def export(config: Config, manifest: Path, form: str = "half", faces: np.ndarray | None = None) -> Path:
    """Writes file and manifest of a net that nothing trained; returns the file. Neither its size nor its time
    depends on the weights, so it stands for nets that were trained elsewhere. int8 needs faces
    [N,112,112]."""
    manifest.parent.mkdir(parents=True, exist_ok=True)
    model = manifest.with_suffix(".onnx")
    ranges = None if faces is None else normalised(faces[:RANGE_FACES])
    write_onnx(Exported([build(config.net)]).eval(), model, form, ranges)
    manifest.write_text(manifest_text(manifest.stem, model, temperature=1.0))
    return model


def trick_sample(data: Path, source: Source, out: Path) -> Path:
    """Class folders of the pictures that tricks are drawn on, chosen by their content's hash."""
    if out.is_dir():
        return out
    classes = classes_of(data, "fer", "ferplus")
    raw = {name: source.data / "raw" / FER.name / name for name in classes}
    chosen = sorted(raw, key=lambda name: number_of(read_grey(raw[name]).tobytes()))[:TRICK_PICTURES]
    partial = out.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    for name in chosen:
        to = partial / LABELS[classes[name]] / Path(name).name
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(raw[name], to)
    partial.rename(out)
    return out


def timed_pictures(data: Path, out: Path) -> Path:
    """The pictures that are timed, as files."""
    if out.is_dir():
        return out
    partial = out.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    count = 0
    with tarfile.open(data / FACES.folder / "images.tar") as tar:
        for member in tar:
            if member.isfile() and count < TIMED_PICTURES:
                (partial / Path(member.name).name).write_bytes(tar.extractfile(member).read())
                count += 1
    partial.rename(out)
    return out


def speed(binary: Path, manifest: Path, pictures: Path, settings: list[str]) -> dict:
    """Seconds from the program's start to its end, alignment and start-up included."""
    with tempfile.TemporaryDirectory() as folder:
        summary = Path(folder) / "summary.json"
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        options = ["--model", manifest.resolve(), "--summary", summary, "--output", os.devnull]
        run([binary, "analyze", pictures, *options, *(part for s in settings for part in ("--set", s))])
        seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        told = json.loads(summary.read_text())
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "pictures": told["frames"],
        "judged": told["accepted"],
        "wall_s": round(seconds, 2),
        "cpu_s": round(used, 2),
        "classify_median_ms": told["stages"]["classify"]["median_ms"],
        "provider": told["provider"],
        "cores": os.cpu_count(),
    }


def run(command: list) -> str:
    """The program's output.

    # Errors
    ExperimentError with what it complains of."""
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if ended.returncode:
        complaint = (ended.stderr.strip().splitlines() or ["no complaint"])[-1]
        raise ExperimentError(f"{command[0]} {command[1]}: exit code {ended.returncode}: {complaint}")
    return ended.stdout


def file_bytes(config: Config) -> int:
    """Of a net's file."""
    with tempfile.TemporaryDirectory() as folder:
        return export(config, Path(folder) / "net.toml").stat().st_size
