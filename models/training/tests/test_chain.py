"""The whole chain as a user types it, from raw pictures to the report and the review page, on some hundred
pictures: `make dataset`, training that is killed and goes on, both forms of export, `cabinmood evaluate` with
tricks, `make review`."""

import csv
import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import chain_pictures
import cv2
import numpy as np
import pytest
import torch
from dataset.align import BINARY, ROOT
from expression import LABELS
from expression.export import answers, session
from raw_pictures import needs_binary, table

pytestmark = needs_binary
TRAINING = ROOT / "models/training"
# A GPU need not give the same bits twice; the tests' promise is for CPUs.
ENVIRONMENT = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
DEADLINE_S = 600
# Without augmentation, so that a small net learns from few pictures in few epochs.
CONFIG = """
[net]
widths = [16, 32, 64]
depths = [1, 1, 1]
stem = 8
dropout = 0.0

[train]
epochs = 12
batch = 32
rate = 0.1
warmup_epochs = 1.0
average_decay = 0.8

[data]
adjust = 0.0

[augment]
rotation_deg = 0.0
scale = 0.0
shift = 0.02
shear = 0.0
contrast = 0.1
brightness = 0.05
gamma = 0.0
side_light = 0.0
blur = 0.0
noise = 0.0
erase_probability = 0.0
mixup_probability = 0.0
"""
SECTIONS = ["Confusion", "By class", "Confidence", "By group", "Tricks", "What the net looks at",
            "The surest mistakes"]  # fmt: skip
TRICKS = 12


def command(*words: object) -> list[str]:
    """One of the training code's commands."""
    return [sys.executable, "-m", *map(str, words)]


def call(words: list, folder: Path = TRAINING) -> str:
    """Runs a command to its end; returns its standard output."""
    ended = subprocess.run(
        [str(w) for w in words],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert ended.returncode == 0, f"{words}: exit code {ended.returncode}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def make(target: str, *settings: str) -> None:
    """A target of the Makefile; what it needs first is there already, or these tests did not run."""
    call(["make", "-o", "build", "-o", "python", target, *settings], ROOT)


@dataclass(frozen=True)
class Chain:
    """What the commands left."""

    folder: Path
    files: set[str]
    """The raw pictures."""
    judged: dict
    """What `evaluate` printed of the model as it is shipped."""
    judged_int8: dict

    @property
    def built(self) -> Path:
        return self.folder / "mine"

    def train(self, out: Path) -> list[str]:
        """The command that trains."""
        pack = self.built / "original/pack.npz"
        return command(
            "expression.train", "--config", self.folder / "chain.toml", "--pack", pack, "--out", out
        )


@pytest.fixture(scope="module")
def chain(tmp_path_factory) -> Chain:
    folder = tmp_path_factory.mktemp("chain")
    files = chain_pictures.write(folder / "raw")
    (folder / "chain.toml").write_text(CONFIG)
    made = Chain(folder, files, {}, {})
    make("dataset", f"RAW={folder / 'raw'}", f"OUT={made.built}", "ARGS=--crops --validation-share 0.2")
    call(made.train(folder / "run"))
    judged = {}
    for form in ("half", "int8"):
        manifest = folder / f"{form}.toml"
        options = ("--run", folder / "run", "--data", made.built / "original", "--out", manifest)
        call(command("expression.export", *options, "--form", form))
        more = ("--tricks", "--report", folder / "report") if form == "half" else ()
        pictures = made.built / "test/pictures"
        said = call([BINARY, "evaluate", pictures, "--crops", "--json", "--model", manifest, *more])
        judged[form] = json.loads(said)
    make("review", f"OUT={made.built}", f"RUN={folder / 'run'}")
    return Chain(folder, files, judged["half"], judged["int8"])


def test_no_picture_is_lost_on_the_way(chain):
    pictures = {row["file"]: row for row in table(chain.built / "pictures.csv")}
    assert set(pictures) == chain.files
    kept = {split: {f for f, row in pictures.items() if row["fate"] == "kept" and row["split"] == split}
            for split in ("train", "validation", "test")}  # fmt: skip
    rejected = {file: row for file, row in pictures.items() if row["fate"] == "rejected"}
    assert {row["fate"] for row in pictures.values()} <= {"kept", "rejected", "duplicate"}
    sides = {row["file"]: row["split"] for row in table(chain.built / "original/index.csv")}
    assert {file for file in sides if sides[file] == "train"} == kept["train"]
    assert {file for file in sides if sides[file] == "validation"} == kept["validation"]
    tested = {row["file"]: row for row in table(chain.built / "test/index.csv")}
    left = {file for file, row in rejected.items() if row["split"] == "test"}
    assert set(tested) == kept["test"] | left
    for judged in (chain.judged, chain.judged_int8):
        assert judged["images"] == len(tested)
        assert judged["rejected"] + judged["unaligned"]["images"] == len(left)
    reviewed = {row["file"] for row in table(chain.built / "review/predictions.csv")}
    assert reviewed == set(sides)


def test_the_net_learned_what_can_be_learned(chain):
    losses = [float(row["loss"]) for row in table(chain.folder / "run/log.csv")]
    assert len(losses) == tomllib.loads(CONFIG)["train"]["epochs"] and losses[-1] < losses[0]
    drawn = [row for row in table(chain.built / "review/predictions.csv") if "drawn" in row["file"]]
    right = sum(row["choice"] == row["label"] for row in drawn)
    assert right > len(drawn) / 2


def from_crops(chain: Chain, form: str) -> dict:
    """`evaluate`'s figures again, of the test split's crops and without the program."""
    manifest = tomllib.loads((chain.folder / f"{form}.toml").read_text())
    running = session(chain.folder / manifest["file"])
    rows = table(chain.built / "test/index.csv")
    confusion = np.zeros((len(LABELS), len(LABELS)), int)
    for row in rows:
        if row["crop"]:
            crop = cv2.imread(str(chain.built / "test" / row["crop"]), cv2.IMREAD_GRAYSCALE)
            confusion[LABELS.index(row["label"]), answers(running, crop[None]).argmax()] += 1
    images = np.array([sum(row["label"] == label for row in rows) for label in LABELS])
    return {
        "confusion": confusion.tolist(),
        "accuracy": np.trace(confusion) / len(rows),
        "accuracy_judged": np.trace(confusion) / confusion.sum(),
        "macro_recall": (confusion.diagonal() / images).mean(),
    }


@pytest.mark.parametrize("form", ["half", "int8"])
def test_the_program_says_what_follows_from_its_crops(chain, form):
    said = chain.judged if form == "half" else chain.judged_int8
    for name, value in from_crops(chain, form).items():
        assert said[name] == (value if name == "confusion" else pytest.approx(value)), name
    low, high = said["intervals"]["accuracy"]
    assert low <= said["accuracy"] <= high


def test_int8_is_smaller(chain):
    half, int8 = ((chain.folder / f"{form}.onnx").stat().st_size for form in ("half", "int8"))
    assert int8 < 0.8 * half


def test_the_report_has_all_sections_and_figures(chain):
    page = (chain.folder / "report/report.html").read_text()
    assert re.findall(r"<h2[^>]*>([^<]*)", page) == SECTIONS
    tricks = {name: trick for name, trick in chain.judged["tricks"].items() if isinstance(trick, dict)}
    assert len(tricks) == TRICKS and all(name.replace("_", " ") in page for name in tricks)
    assert {trick["images"] for trick in tricks.values()} == {chain.judged["judged"]}
    for figure in (f"{100 * chain.judged['accuracy']:.1f}", f"{chain.judged['macro_recall']:.3f}"):
        assert figure in page
    pictures = list((chain.folder / "report").glob("*.png"))
    assert {"confusion", "tricks", "tricks-sheet", "maps"} <= {path.stem for path in pictures}
    assert all(cv2.imread(str(path)).std() > 5 for path in pictures)
    # It needs no other file: each picture is inside.
    assert len(re.findall(r'src="data:image/png;base64,', page)) >= len(pictures)
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)


def test_the_review_page_shows_every_face_that_was_kept(chain):
    page = (chain.built / "review/index.html").read_text()
    faces = re.findall(r"faces/\d+\.webp", page)
    assert len(faces) == len(set(faces)) == len(table(chain.built / "original/index.csv"))
    assert all((chain.built / "review" / face).is_file() for face in faces)


def rows_of(log: Path) -> list[list[str]]:
    """The epochs that a log tells of, without their times."""
    try:
        with log.open(newline="") as file:
            return [row[:2] + row[3:] for row in csv.reader(file)]
    except FileNotFoundError:
        return []


def test_a_training_that_is_killed_goes_on_to_the_same_bits(chain, tmp_path):
    out = tmp_path / "run"
    begun = subprocess.Popen(chain.train(out), cwd=TRAINING, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    try:
        # With two epochs in last.pt the third is under way.
        for _ in range(20 * DEADLINE_S):
            if len(rows_of(out / "log.csv")) > 2 and epochs_in(out / "last.pt") >= 2:
                break
            with pytest.raises(subprocess.TimeoutExpired):
                begun.wait(timeout=0.05)
    finally:
        begun.kill()
    assert begun.wait() < 0
    before = rows_of(out / "log.csv")
    whole = rows_of(chain.folder / "run/log.csv")
    assert 3 <= len(before) < len(whole) and not same_weights(chain.folder / "run/last.pt", out / "last.pt")
    call(chain.train(out))
    assert rows_of(out / "log.csv") == whole
    for name in ("best.pt", "last.pt"):
        assert same_weights(chain.folder / "run" / name, out / name), name


def epochs_in(checkpoint: Path) -> int:
    """How many epochs a checkpoint has behind it."""
    return torch.load(checkpoint, weights_only=True)["epoch"] if checkpoint.is_file() else 0


def same_weights(first: Path, second: Path) -> bool:
    """Whether two checkpoints hold the same in every bit, but for the time that it took."""
    stored = [torch.load(path, weights_only=True) for path in (first, second)]
    for one in stored:
        for clock in ("wall_s", "cpu_s"):
            one.get("history", {}).pop(clock, None)
    return same(*stored)


def same(first: object, second: object) -> bool:
    """Whether two values of checkpoints are equal; tensors in type and in every bit."""
    if isinstance(first, torch.Tensor):
        return isinstance(second, torch.Tensor) and first.dtype == second.dtype and torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second
