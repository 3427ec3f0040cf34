"""The page of results from made-up results, and what the program is asked for."""

import json
import stat
import sys
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from experiments import ExperimentError, compare, plots, program, results, sections, table
from experiments.packs import Source

RIGHT = {"a": "1100-1", "b": "10101-"}
PLAN = """
[base.compact]
net = { widths = [8], depths = [1] }
train = { epochs = 2 }

[[row]]
id = "a"
groups = ["alignment", "rate", "amount"]
what = "whole pictures"
base = "compact"
pack = "whole"
short = "2 passes"

[[row]]
id = "b"
groups = ["alignment", "rate", "amount"]
what = "aligned faces"
base = "compact"
pack = "original"

[[row]]
id = "c"
groups = ["alignment"]
what = "not run"
base = "compact"
pack = "original"

[[compare]]
group = "alignment"
what = "alignment"
before = "a"
after = "b"

[[compare]]
group = "alignment"
what = "nothing"
before = "a"
after = "c"
"""


def result(name: str, **more) -> dict:
    """As the runner writes it."""
    right = RIGHT[name] * 50
    share = right.count("1") / len(right.replace("-", ""))
    figures = {
        "judged": len(right.replace("-", "")),
        "accuracy_judged": share,
        "macro_recall": 0.5,
        "right": right,
        "pictures": "abc",
    }
    return {
        "id": name,
        "device": "CPU",
        "threads": 2,
        "wall_s": 100.0,
        "cpu_s": 7200.0,
        "training_faces": {"a": 100, "b": 400}[name],
        "steps": 4,
        "parameters_with_norm_statistics": 1234567,
        "history": [{"accuracy": 0.3}, {"accuracy": None}],
        "validation": {"accuracy": 0.4, "macro_recall": 0.25},
        "test": {"ferplus": figures},
        "losses": [2.0, 1.9, None, 1.5],
    } | more


@pytest.fixture
def places(tmp_path) -> list[str]:
    (tmp_path / "plan.toml").write_text(PLAN)
    (tmp_path / "docs").mkdir()
    tricks = {
        "images": 400,
        "mean_gap": 0.125,
        "worst": "hat_shadow",
        "accuracy": {"mask": 0.25, "hat_shadow": 0.75},
    }
    speed = {"half": {"wall_s": 5.6}}
    results.write(result("a"), tmp_path / "results")
    results.write(result("b", tricks=tricks, speed=speed, file_bytes=3_300_000), tmp_path / "results")
    names = ("plan", "results", "docs")
    files = (tmp_path / "plan.toml", tmp_path / "results", tmp_path / "docs")
    return [part for name, path in zip(names, files, strict=True) for part in (f"--{name}", str(path))]


def test_the_page_tells_what_was_found(places, tmp_path):
    table.main([*places, "--price-per-hour", "3"])
    page = (tmp_path / "docs/results.md").read_text()
    everything = page.split("## All rows")[1].split("\n## ")[0]
    rows = {line.split("`")[1]: line for line in everything.splitlines() if line.startswith("| `")}
    # Two threads were busy for 7,200 s together: an hour, 3 EUR.
    assert "| 60.0 | 3.00 EUR |" in rows["a"] and "| 2 passes |" in rows["a"]
    assert "50.0 %, 0.125, hat shadow | 1,234,567 | 3.3 |" in rows["b"] and "6 (half)" in rows["b"]
    assert "Not run so far: `c`." in page and "on 400 pictures" in page
    assert "| `b` | aligned faces | 40.0 %, 0.250 |" in page
    assert "| alignment | " in page and "| nothing |" not in page
    for name in ("rate", "amount"):
        picture = tmp_path / f"docs/pictures/experiments-{name}.png"
        assert f"](pictures/{picture.name})" in page
        assert cv2.imread(str(picture)).shape == (360, 640, 3) and picture.stat().st_size < 60_000


def test_without_a_price_no_cost_is_made_up(places, tmp_path):
    table.main(places)
    page = (tmp_path / "docs/results.md").read_text()
    assert "EUR" not in page and "make results PRICE=" in page


def test_a_damaged_result_is_named(places, tmp_path):
    (tmp_path / "results/b.json").write_text("{")
    with pytest.raises(ExperimentError, match="b.json.*delete it"):
        table.main(places)


def test_a_difference_is_that_of_pictures_both_judge():
    first, second = (result(name)["test"]["ferplus"] for name in "ab")
    found = compare.difference(first, second)
    # Of six, four are judged by both: 1->1, 1->0, 0->1, 0->0.
    assert found.pictures == 200 and found.gain == 0 and found.low < 0 < found.high and not found.is_sure
    better = dict(first, right="1" * 300)
    gained = compare.difference(first, better)
    assert gained.pictures == 250 and gained.gain == pytest.approx(0.4) and gained.is_sure
    # What both have in common is no chance: the same answers differ by nothing at all.
    assert compare.difference(first, first).high == 0
    with pytest.raises(ExperimentError, match="different pictures"):
        compare.difference(first, dict(second, pictures="xyz"))


def test_pictures_without_alignment_are_told_by_what_the_gate_says_of_them():
    whole, aligned = result("a"), result("b")
    whole["test"]["ferplus"]["right"] = "110011" * 50
    found = {"compact-whole-pictures": whole, "compact": aligned}
    last = sections.whole_pictures(found).splitlines()[-1]
    assert last.endswith("| 100.0 % of 50 |")


def test_a_loss_curve_is_smoothed_and_a_diverged_one_stays_missing():
    steps, means = plots.smooth([1.0] * 50)
    assert steps[0] == plots.SMOOTHED_STEPS and steps[-1] == 50 and np.allclose(means, 1)
    assert np.isnan(plots.smooth([1.0, None, None])[1]).all()


BINARY = f"""#!{sys.executable}
import json, sys
arguments = sys.argv[1:]
if "--set" in arguments and arguments[arguments.index("--set") + 1] == "wrong=1":
    sys.exit("error: no key wrong")
else:
    stages = {{"classify": {{"median_ms": 2.5}}}}
    said = {{"frames": 742, "accepted": 700, "stages": stages, "provider": "cpu"}}
    json.dump(said, open(arguments[arguments.index("--summary") + 1], "w"))
"""


@pytest.fixture
def binary(tmp_path) -> Path:
    path = tmp_path / "cabinmood"
    path.write_text(BINARY)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_programs_answers_are_read(binary, tmp_path):
    timed = program.speed(binary, tmp_path / "m.toml", tmp_path, ["classify.threads=2"])
    assert timed["pictures"] == 742 and timed["wall_s"] > 0 and timed["classify_median_ms"] == 2.5
    with pytest.raises(ExperimentError, match="analyze: exit code 1: error: no key wrong"):
        program.speed(binary, tmp_path / "m.toml", tmp_path, ["wrong=1"])


def test_the_sample_for_tricks_is_always_the_same(prepared, tmp_path, monkeypatch):
    monkeypatch.setattr(program, "TRICK_PICTURES", 10)
    source = Source.of(prepared[1])
    first, again = (program.trick_sample(prepared[0], source, tmp_path / n) for n in ("first", "again"))
    names = [sorted(str(p.relative_to(f)) for p in f.rglob("*.png")) for f in (first, again)]
    assert names[0] == names[1] and len(names[0]) == 10
    monkeypatch.setattr(program, "TRICK_PICTURES", 5)
    fewer = program.trick_sample(prepared[0], source, tmp_path / "fewer")
    assert {str(p.relative_to(fewer)) for p in fewer.rglob("*.png")} < set(names[0])


def test_the_first_pictures_are_timed(tmp_path):
    (tmp_path / "faces").mkdir()
    (tmp_path / "x").write_text("x")
    with tarfile.open(tmp_path / "faces/images.tar", "w") as archive:
        for i in range(program.TIMED_PICTURES + 3):
            archive.add(tmp_path / "x", f"./p{i:04}.jpg")
    folder = program.timed_pictures(tmp_path, tmp_path / "timed")
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == 742 and names[-1] == "p0741.jpg"


def test_a_result_has_a_line_a_key(tmp_path):
    results.write({"id": "a", "losses": [1.0, 2.0]}, tmp_path)
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text) == results.read("a", tmp_path) and len(text.splitlines()) == 4
    with pytest.raises(ValueError, match="JSON"):
        results.write({"id": "b", "loss": float("nan")}, tmp_path)


def test_a_run_on_a_gpu_costs_what_its_hour_costs_by_the_walls_clock():
    price = sections.Price(1.0, 6.0, "EUR")
    on_gpu, on_cpu = ({"threads": n, "wall_s": 600.0, "cpu_s": 7200.0} for n in (0, 2))
    assert (price.of(on_gpu), sections.minutes_of(on_gpu)) == ("1.00 EUR", "10.0 GPU")
    assert (price.of(on_cpu), sections.minutes_of(on_cpu)) == ("1.00 EUR", "60.0")
