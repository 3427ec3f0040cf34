"""The experiments' plan, archives and runner on drawn faces: tiny rows from beginning to end."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from experiments import ExperimentError, embed, features, fit, packs, plan, results, run
from experiments.packs import Source, path_of
from expression import train
from expression.labels import truth
from expression.measure import logits_of
from expression.nets import NetConfig, build
from expression.pack import CALIBRATION, TRAIN, Pack, digest_of

PLAN = """
[base.compact]
net = { widths = [16, 32], depths = [1, 1], stem = 8 }
train = { epochs = 2, steps_an_epoch = 3, batch = 16, rate = 0.05, warmup_epochs = 0.5 }
data = { sampling = 0.0, adjust = 0.0 }

[base.backbone]
net = { architecture = "efficientnet_lite0", side = 32, dropout = 0.2 }
train = { epochs = 1, steps_an_epoch = 2, batch = 16, rate = 0.01, warmup_epochs = 0.0, bfloat16 = false }
data = { sampling = 0.0, adjust = 0.0 }

[[row]]
id = "aligned"
groups = ["alignment"]
what = "aligned faces"
base = "compact"
pack = "original"
program = true

[[row]]
id = "whole"
groups = ["alignment"]
what = "whole pictures"
base = "compact"
pack = "whole"
set = { train = { changed = false } }

[[row]]
id = "faces"
groups = ["faces"]
what = "faces"
kind = "faces"
base = "backbone"
pack = "all"

[[row]]
id = "last"
groups = ["layers"]
what = "the last layer"
kind = "last-layer"
base = "backbone"
pack = "quarter"
start = "faces"

[[compare]]
group = "alignment"
what = "alignment"
before = "whole"
after = "aligned"
"""


def written(folder: Path, text: str = PLAN) -> Path:
    path = folder / "plan.toml"
    path.write_text(text)
    return path


def test_the_plan_is_readable_and_asks_each_question_of_the_account():
    rows = {row.id: row for row in plan.load()}
    six = [r for r in rows.values() if "six" in r.groups]
    assert {(r.config.net.architecture, r.pack) for r in six} == {
        (net, pack) for net in ("alexnet", "vgg16", "resnet101") for pack in ("original", "augmented")
    }
    # Two rows that are compared differ in what they are compared for, not in the length of the run.
    for pair in plan.comparisons():
        before, after = rows[pair.before], rows[pair.after]
        assert before.config.train.batch == after.config.train.batch
        if before.kind == after.kind:
            assert before.config.train.epochs == after.config.train.epochs, pair.what


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('pack = "whole"', 'pack = "half"', "row 'whole': unknown pack 'half'"),
        ('start = "faces"', 'start = "aligned"', "row 'last': start 'aligned' is no row of kind 'faces'"),
        ('id = "whole"', 'id = "aligned"', "row 'aligned': there are two"),
        ("changed = false", "wheels = 4", "row 'whole'.*wheels"),
        ('base = "backbone"', 'base = "backbones"', "no base 'backbones'; there are: compact, backbone"),
        ('base = "backbone"', 'base = "configs/no.toml"', "configs/no.toml"),
        ('before = "whole"', 'before = "wholly"', "no row 'wholly'"),
        ('groups = ["alignment"]', "groups = []", "row 'aligned': needs groups"),
    ],
)
def test_a_wrong_plan_is_told_by_its_row(old, new, complaint, tmp_path):
    path = written(tmp_path, PLAN.replace(old, new, 1))
    with pytest.raises(ExperimentError, match=complaint):
        plan.comparisons(path)


def test_rows_are_chosen_by_name_and_group(tmp_path):
    rows = plan.load(written(tmp_path))
    assert [r.id for r in plan.selected(rows, ["last", "aligned"], "")] == ["aligned", "last"]
    assert [r.id for r in plan.selected(rows, [], "alignment")] == ["aligned", "whole"]
    with pytest.raises(ExperimentError, match="--only lost: no such row; there are: aligned"):
        plan.selected(rows, ["lost"], "")
    with pytest.raises(ExperimentError, match="--group lost"):
        plan.selected(rows, [], "lost")


@pytest.fixture(scope="module")
def archives(prepared, tmp_path_factory) -> dict[str, Pack]:
    source, out = Source.of(prepared[1]), tmp_path_factory.mktemp("packs")
    return {name: Pack.load(path_of(name, source, out)) for name in plan.PACKS}


def test_the_archives_differ_in_their_training_faces_only(archives, prepared):
    original = archives[plan.ORIGINAL]
    held = original.sources[original.splits == CALIBRATION].tolist()
    for name, pack in archives.items():
        assert pack.part(CALIBRATION).sources.tolist() == held, name
        assert not any("PublicTest" in source for source in pack.sources)
    counts = np.bincount(packs.kinds_of(archives[plan.AUGMENTED].part(TRAIN)), minlength=7)
    before = np.bincount(packs.kinds_of(original.part(TRAIN)), minlength=7)
    assert before.min() < before.max()
    present = before > 0
    assert (counts[present] == np.minimum(before.max(), before * 21)[present]).all()
    sizes = [len(archives[n].part(TRAIN).crops) for n in (plan.SIXTEENTH, plan.QUARTER, plan.ORIGINAL)]
    assert 0 < sizes[0] < sizes[1] < sizes[2]
    whole, name = archives[plan.WHOLE], original.sources[0]
    raw = cv2.imread(str(prepared[1] / "raw" / name), cv2.IMREAD_GRAYSCALE)
    expected = cv2.resize(raw, (112, 112), interpolation=cv2.INTER_CUBIC)
    assert np.abs(whole.crops[0].astype(int) - expected).mean() < 3


def test_an_archive_is_made_anew_where_its_source_changes(prepared, tmp_path):
    source = Source.of(prepared[1])
    path = path_of(plan.QUARTER, source, tmp_path)
    made, digest = path.stat().st_mtime_ns, digest_of(path)
    assert path_of(plan.QUARTER, source, tmp_path).stat().st_mtime_ns == made
    other = replace(source, digest="0" * 64)
    assert path_of(plan.QUARTER, other, tmp_path).stat().st_mtime_ns > made and digest_of(path) == digest


def test_a_picture_that_is_not_square_is_not_stretched():
    assert packs.enlarged(np.full((20, 40), 9, np.uint8)).shape == (112, 112)
    edge = np.zeros((20, 40), np.uint8)
    edge[:, 20:] = 200
    turned = packs.enlarged(edge)
    assert turned[0, 100] > 150 and turned[0, 10] < 50


def made_up(pack: Pack, _folder: Path) -> np.ndarray:
    """Embeddings that differ by the face's brightness."""
    rows = np.random.default_rng(0).normal(size=(2, embed.LENGTH)).astype(np.float32)
    bright = pack.crops.mean(axis=(1, 2))
    share = (bright - bright.min()) / np.ptp(bright)
    return share[:, None] * rows[0] + (1 - share)[:, None] * rows[1]


@pytest.fixture
def options(prepared, tmp_path, monkeypatch) -> list[str]:
    monkeypatch.setattr(fit, "embeddings", made_up)
    data, source = prepared
    places = {"data": data, "source": source, "out": tmp_path / "runs", "results": tmp_path / "results"}
    places["plan"] = written(tmp_path)
    places["binary"] = tmp_path / "absent"
    return [part for name, path in places.items() for part in (f"--{name}", str(path))]


def test_rows_leave_results_and_are_not_run_again(options, tmp_path, monkeypatch, capsys):
    run.main(options)
    found = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "results").iterdir()}
    assert set(found) == {"aligned", "whole", "faces", "last"}
    aligned, whole, last = found["aligned"], found["whole"], found["last"]
    assert aligned["steps"] == len(aligned["losses"]) == 6 and aligned["images_seen"] == 96
    assert len(aligned["history"]) == 2 and "cosine" in found["faces"]["history"][0]
    for truth_name in ("ferplus", "fer2013", "strangers"):
        figures = aligned["test"][truth_name]
        assert len(figures["right"]) == figures["images"]
        judged = [mark for mark in figures["right"] if mark != "-"]
        assert np.mean([mark == "1" for mark in judged]) == pytest.approx(
            figures["accuracy_judged"], abs=1e-4
        )
        # Whole pictures are all judged, the same ones.
        assert "-" not in whole["test"][truth_name]["right"]
        assert whole["test"][truth_name]["pictures"] == figures["pictures"]
    assert last["start"] == "faces" and last["training_faces"] * 2 == last["images_seen"]
    assert "tricks are not judged" in capsys.readouterr().out

    def never(*_):
        raise AssertionError("a row that is done was run again")

    with monkeypatch.context() as patch:
        patch.setattr(fit, "train", never)
        run.main(options)
        changed = PLAN.replace("rate = 0.05", "rate = 0.06")
        written(tmp_path, changed)
        with pytest.raises(AssertionError, match="run again"):
            run.main(options)
        run.main([*options, "--only", "faces", "last"])
    run.main([*options, "--list"])
    told = [
        line.split()[:3] for line in capsys.readouterr().out.splitlines() if line.startswith(("do", "to"))
    ]
    assert [t[0] for t in told] == ["to", "to", "done", "done"]


def test_a_row_that_is_broken_off_goes_on(options, tmp_path, broken_off):
    only = [*options, "--only", "whole"]
    run.main(only)
    path = tmp_path / "results/whole.json"
    expected = json.loads(path.read_text())
    path.unlink()
    (tmp_path / "runs/whole").rename(tmp_path / "runs/whole-before")
    broken_off(lambda: run.main(only))
    assert not path.exists()
    run.main(only)
    found = json.loads(path.read_text())
    for key in ("losses", "history", "test", "validation"):
        assert found[key] == expected[key], key


def test_weights_that_are_gone_are_trained_again_for_the_row_that_needs_them(options, tmp_path):
    run.main([*options, "--only", "last"])
    assert results.read("faces", tmp_path / "results") is not None
    (tmp_path / "runs/faces" / fit.WEIGHTS).unlink()
    (tmp_path / "results/last.json").unlink()
    run.main([*options, "--only", "last"])
    assert (tmp_path / "runs/faces" / fit.WEIGHTS).is_file()


def test_a_last_layer_is_solved_to_what_its_net_answers(archives):
    torch.manual_seed(1)
    net = build(NetConfig("efficientnet_lite0", side=32)).eval()
    pack, cpu = archives[plan.ORIGINAL], torch.device("cpu")
    config = plan.load()[0].config
    seen = features.features(net, pack.part(TRAIN).crops, True, False, cpu)
    held = features.features(net, pack.part(CALIBRATION).crops, False, False, cpu)
    assert len(seen) == 2 * len(pack.part(TRAIN).crops)
    solved = features.solve(seen, pack, held, config, cpu)
    assert solved.losses[-1] < 0.7 * solved.losses[0]
    with torch.no_grad():
        net.head.weight.copy_(solved.weight)
        net.head.bias.copy_(solved.bias)
    own = pack.part(CALIBRATION)
    answered = logits_of(net, own.crops, cpu).argmax(axis=1) == truth(own.votes, own.labels)
    assert answered.mean() == pytest.approx(solved.scores.accuracy, abs=1 / len(answered))


def test_a_backbone_learns_an_embedding(prepared, tmp_path):
    pack = Pack.load(prepared[1] / "pack.npz")
    # Black and white, and embeddings that differ by just that: a few steps are enough.
    pack.crops[::2], pack.crops[1::2] = 0, 255
    table = {
        "net": {"architecture": "efficientnet_lite0", "side": 32, "dropout": 0.0},
        "train": {"epochs": 3, "steps_an_epoch": 6, "batch": 16, "rate": 0.05, "bfloat16": False,
                  "changed": False, "warmup_epochs": 0.0},
        # The layers below, at random, tell black from white; learning them takes more than seconds.
        "start": {"only_head": True},
    }  # fmt: skip
    config = train.parse(table)
    known = made_up(pack, tmp_path)
    learned = fit.LearnFaces(config, pack, known, tmp_path / "faces", torch.device("cpu"))
    learned.fit(None)
    assert len(learned.history.epochs) == 3
    # The mean square error: who knows nothing has 1.
    assert min(learned.history.losses[-3:]) < 0.8, learned.history.losses
    learned.write_weights(tmp_path / "w.pth")
    started = build(config.net)
    started.start(str(tmp_path / "w.pth"))
    for name, weight in learned.average.body.state_dict().items():
        assert name.startswith("classifier") or torch.equal(started.body.state_dict()[name], weight)


def test_a_chip_has_the_eyes_where_dlib_has_them():
    crop = np.zeros((112, 112), np.uint8)
    for x, y in embed.CROP_EYES:
        crop[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2] = 255
    moved = embed.chip(crop)[:, :, 0].astype(float)
    assert moved.shape == (embed.CHIP, embed.CHIP)
    for half, (x, y) in zip((slice(0, 75), slice(75, 150)), embed.CHIP_EYES, strict=True):
        part = moved[:, half]
        rows, columns = np.mgrid[:150, half]
        assert (part * columns).sum() / part.sum() == pytest.approx(x, abs=0.5)
        assert (part * rows).sum() / part.sum() == pytest.approx(y, abs=0.5)


def test_embeddings_are_computed_once_a_file(archives, tmp_path, monkeypatch):
    pack = archives[plan.ORIGINAL]
    asked = []

    def counted(crops: np.ndarray) -> np.ndarray:
        asked.append(len(crops))
        return crops.reshape(len(crops), -1)[:, : embed.LENGTH].astype(np.float32)

    monkeypatch.setattr(embed, "embed", counted)
    monkeypatch.setattr(embed, "A_FILE", 100)
    first = embed.embeddings(pack, tmp_path)
    (next(tmp_path.iterdir()) / "000000.npy").unlink()
    again = embed.embeddings(pack, tmp_path)
    assert np.array_equal(first, again) and sum(asked) == len(pack.crops) + 100


def test_another_file_than_the_recognition_net_is_refused(tmp_path):
    (tmp_path / "other.dat").write_bytes(b"\x01\x05con_4\x01\x02\x01\x01\x01\x01\x01\x01\x01\x01" + bytes(4))
    with pytest.raises(ExperimentError, match="not dlib's face-recognition net"):
        embed.embed(np.zeros((1, 112, 112), np.uint8), tmp_path / "other.dat")


def test_embeddings_are_dlibs(archives):
    import dlib

    crops = archives[plan.ORIGINAL].crops[:3]
    net = dlib.face_recognition_model_v1(str(embed.MODEL))
    dlibs = net.compute_face_descriptor([embed.chip(crop) for crop in crops])
    assert np.allclose(embed.embed(crops), np.array([list(one) for one in dlibs]), atol=1e-5)


def test_a_missing_recognition_model_says_how_to_get_it(tmp_path):
    with pytest.raises(ExperimentError, match="setup/fetch.sh"):
        embed.embed(np.zeros((1, 112, 112), np.uint8), tmp_path / "absent.dat")
