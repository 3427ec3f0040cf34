"""What a net loses by tricks, from an archive of crops, and how that archive is made."""

import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from dataset.align import BINARY
from experiments import ExperimentError, tricks
from experiments.tricks import TRICKS, Archive
from raw_pictures import needs_binary
from torch import nn

CPU = torch.device("cpu")


class Brightness(nn.Module):
    """Calls a crop by its grey level over ten."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        level = x.mean(dim=(1, 2, 3)) * 63.75 + 127.5
        return -((level[:, None] / 10 - torch.arange(7)) ** 2)


def archive(answers: dict[str, list[int | None]], accepted: dict[str, list[bool]]) -> Archive:
    """Of four pictures of classes 0 to 3, `answers` being what the crops look like, None without one."""
    said = [answers.get(name, [0, 1, 2, 3]) for name in (tricks.CLEAN, *TRICKS)]
    let_pass = [accepted.get(name, [True] * 4) for name in (tricks.CLEAN, *TRICKS)]
    cut = np.array([[a is not None for a in row] for row in said])
    crops = [np.full((112, 112), 10 * a, np.uint8) for row in said for a in row if a is not None]
    return Archive(np.arange(4, dtype=np.int8), cut, np.array(let_pass), np.stack(crops), left_out=2)


def test_the_figures_are_those_of_the_programs_definitions(tmp_path):
    made = archive(
        {tricks.CLEAN: [0, 1, 2, 0], "mask": [0, 5, None, 3], "hand": [0, 0, 0, 0], "beard": [None] * 4},
        # The first with a mask is judged as it came; the third, without a crop, is wrong.
        {"mask": [False, True, False, True], "beard": [False] * 4},
    )
    made.save(tmp_path / "tricks.npz")
    again = Archive.load(tmp_path / "tricks.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["tricks.npz"]
    for one in (made, again):
        said = tricks.judge(Brightness(), one, CPU)
        assert list(said) == [
            "images", "mean_gap", "mean_gap_interval", "worst", "clean_accuracy", "left_out", "accuracy",
            "accuracy_accepted",
        ]  # fmt: skip
        assert (said["images"], said["left_out"], said["clean_accuracy"]) == (6, 2, 0.75)
        assert list(said["accuracy"]) == list(TRICKS) and said["worst"] == "beard"
        assert said["accuracy"] == dict.fromkeys(TRICKS, 1.0) | {"mask": 0.5, "hand": 0.25, "beard": 0.0}
        right = {"mask": 0.5, "hand": 0.25, "beard": None}
        assert said["accuracy_accepted"] == dict.fromkeys(TRICKS, 1.0) | right
        assert said["mean_gap"] == round((0.25 + 0.5 + 0.75 - 9 * 0.25) / 12, 4)
        low, high = said["mean_gap_interval"]
        assert low < said["mean_gap"] < high


def test_a_gap_that_all_pictures_have_is_certain():
    none = {name: [6, 6, 6, 6] for name in TRICKS}
    said = tricks.judge(Brightness(), archive(none, {}), CPU)
    assert said["mean_gap"] == 1.0 and said["mean_gap_interval"] == [1.0, 1.0]
    # Of equal ones the first.
    assert said["worst"] == TRICKS[0]


STAND_IN = f"""#!{sys.executable}
import sys
from pathlib import Path
import cv2, numpy as np
_, source, out, _, *trick = sys.argv[1:]
out, trick = Path(out), trick[1] if trick else ""
(out / "sad").mkdir(parents=True)
rows = ["source,accepted,reason,quality,landmarks"]
for name, level in (("a", 40), ("b", 50), ("c", 40)):
    reason = "dark" if name == "c" else "occluded" if name == "b" and trick == "mask" else ""
    rows.append(f"sad/{{name}}.png,{{str(not reason).lower()}},{{reason}},0.900,")
    if name != "c":
        cv2.imwrite(str(out / f"sad/{{name}}.png"), np.full((112, 112), level, np.uint8))
(out / "index.csv").write_text("\\n".join(rows) + "\\n")
with open({{log!r}}, "a") as log:
    print(trick, file=log)
"""


def test_crops_are_cut_once(tmp_path):
    binary, log, out = tmp_path / "cabinmood", tmp_path / "log", tmp_path / "tricks"
    binary.write_text(STAND_IN.replace("{log!r}", repr(str(log))))
    binary.chmod(0o755)
    path = tricks.crops_of(binary, tmp_path, out)
    assert path == tmp_path / "tricks.npz" and log.read_text().split("\n")[:-1] == ["", *TRICKS]
    said = tricks.judge(Brightness(), Archive.load(path), CPU)
    assert (said["images"], said["left_out"], said["clean_accuracy"]) == (3, 1, 0.5)
    assert said["accuracy"]["mask"] == 0.5 and said["accuracy_accepted"]["mask"] == 1.0
    made = path.stat().st_mtime_ns
    assert tricks.crops_of(tmp_path / "absent", tmp_path, out).stat().st_mtime_ns == made
    path.unlink()
    # The folder is enough to make it again.
    assert tricks.crops_of(tmp_path / "absent", tmp_path, out).is_file()


def test_faces_that_are_never_accepted_are_an_error(tmp_path):
    for name in (tricks.CLEAN, *TRICKS):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.csv").write_text(
            "source,accepted,reason,quality,landmarks\nsad/a.png,false,dark,0,\n"
        )
    with pytest.raises(ExperimentError, match="no face was accepted"):
        tricks.read(tmp_path)


@needs_binary
def test_the_tricks_are_the_programs():
    told = subprocess.run([BINARY, "align", "--help"], capture_output=True, text=True, check=True).stdout
    named = re.search(r"--trick <NAME>.*?\[possible values: ([^\]]*)\]", told, re.DOTALL)
    assert tuple(re.split(r",\s+", named[1])) == TRICKS
