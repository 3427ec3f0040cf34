"""The expression net's chain on synthetic faces, in seconds: labels, duplicates, archive, training with an
interruption, export and judging."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from drawn_faces import face
from expression import (
    LABELS,
    calibrate,
    config,
    duplicates,
    export,
    judge,
    labels,
    measure,
    nets,
    prepare,
    train,
)
from expression.augment import Augment, AugmentConfig
from expression.pack import CALIBRATION, TRAIN, Pack, PackError

CONFIGS = Path(__file__).parents[1] / "configs"


def test_majority_needs_a_single_top_vote_among_the_seven():
    table = np.zeros((4, 10), int)
    table[0, labels.VOTE_COLUMNS.index("anger")] = 6
    table[1, [0, 1]] = 5
    table[2, labels.VOTE_COLUMNS.index("contempt")] = 9
    assert labels.majority(table).tolist() == [LABELS.index("angry"), -1, -1, -1]


def test_targets_mix_votes_and_label_and_doubt_weighs_little():
    row = np.zeros((3, 10), int)
    row[0, [1, 0, 8]] = 4, 1, 5
    row[1, 0] = 10
    soft, weight = labels.targets(row, np.array([3, -1, 6]), label_share=0.25)
    # The lone vote for neutral is dropped, half the voters called the picture unknown.
    assert soft[0].tolist() == [0, 0, 0, 1, 0, 0, 0] and weight[0] == pytest.approx(0.5)
    assert soft[1, 6] == 1 and weight[1] == 1
    assert soft[2, 6] == 1 and weight[2] == 1


def test_copies_mirrored_or_not_are_one_picture():
    first, other = face("happy", 1), face("sad", 2)
    noise = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (48, 48)).astype(np.uint8), (0, 0), 4)
    pictures = [first, other, noise, cv2.flip(noise, 1), cv2.resize(noise, (96, 96))]
    assert duplicates.groups(duplicates.thumbnails(pictures), same=0.99).tolist() == [0, 1, 2, 2, 2]


def test_prepare_keeps_the_test_side_out(prepared):
    pack = Pack.load(prepared[1] / "pack.npz")
    assert not any("PublicTest" in source or "copy" in source for source in pack.sources)
    assert {TRAIN, CALIBRATION} == set(pack.splits.tolist())
    assert pack.labels[pack.sources.tolist().index("fer/Training/f0.png")] == labels.NO_LABEL
    assert (pack.splits[pack.sources == "faces/A_0001.png"] == TRAIN).all()


def test_crops_that_cannot_be_aligned_are_kept_apart(prepared):
    pack, unaligned = (Pack.load(prepared[1] / name) for name in ("pack.npz", "unaligned.npz"))
    # Of f49, f99, f149 … those that are no test pictures and no copies.
    assert len(unaligned.sources) >= 3 and all(
        source.endswith(("49.png", "99.png")) for source in unaligned.sources
    )
    assert not set(unaligned.sources) & set(pack.sources)
    assert prepare.archives(prepared[1]) == [prepared[1] / "pack.npz", prepared[1] / "unaligned.npz"]
    both = Pack.load_all(prepare.archives(prepared[1]))
    assert both.sources.tolist() == [*pack.sources, *unaligned.sources] and both.digest != pack.digest
    assert (both.crops[len(pack.crops) :] == unaligned.crops).all()
    report = json.loads((prepared[1] / "report.json").read_text())
    assert report["train_unaligned"] + report["calibration_unaligned"] == len(unaligned.sources)


def test_an_archive_that_is_too_large_or_absent_is_an_error(prepared, tmp_path):
    pack = Pack.load(prepared[1] / "pack.npz")
    with pytest.raises(PackError, match="do not fit"):
        pack.save(tmp_path / "p.npz", 0.001)
    with pytest.raises(PackError, match="prepare"):
        Pack.load(tmp_path / "p.npz")


def test_augmentation_repeats_with_its_seed_and_stays_in_range():
    faces = torch.stack([torch.from_numpy(face("happy", i, 112)) for i in range(8)])[:, None].float() / 255
    first, second = (Augment(AugmentConfig(), torch.Generator().manual_seed(3))(faces) for _ in range(2))
    assert torch.equal(first, second) and not torch.equal(first, faces)
    assert first.min() >= 0 and first.max() <= 1


def test_an_unknown_key_is_refused(tmp_path):
    (tmp_path / "c.toml").write_text("[net]\nwidths = [8]\ndepths = [1]\nwheels = 4\n[train]\nepochs = 1\n")
    with pytest.raises(config.ConfigError, match="wheels"):
        config.load(tmp_path / "c.toml")


def test_every_config_is_readable():
    for path in CONFIGS.glob("*.toml"):
        assert config.parse(config.tables(config.load(path))) == config.load(path)


@pytest.fixture(scope="session")
def trained(prepared, tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "smoke"
    train.main(
        ["--config", str(CONFIGS / "smoke.toml"), "--pack", str(prepared[1] / "pack.npz"), "--out", str(run)]
    )
    return run


def test_an_interrupted_run_ends_as_the_whole_one(prepared, trained, tmp_path, monkeypatch):
    arguments = [
        "--config",
        str(CONFIGS / "smoke.toml"),
        "--pack",
        str(prepared[1] / "pack.npz"),
        "--out",
        str(tmp_path),
    ]
    whole = train.Run.train_epoch

    def until_the_machine_is_taken(run: train.Run, progress) -> float:
        if run.epoch == 1:
            raise KeyboardInterrupt
        return whole(run, progress)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(train.Run, "train_epoch", until_the_machine_is_taken)
        train.main(arguments)
    train.main(arguments)
    both = [torch.load(folder / "last.pt", weights_only=True)["net"] for folder in (trained, tmp_path)]
    for name, value in both[0].items():
        torch.testing.assert_close(value, both[1][name], msg=name)


def test_a_run_goes_on_only_with_the_archive_that_it_began_with(prepared, trained, tmp_path):
    first, again, other = prepared[1] / "pack.npz", tmp_path / "again.npz", tmp_path / "other.npz"
    with np.load(first) as stored:
        arrays = dict(stored)
    np.savez(again, **arrays)
    arrays["labels"][0] = LABELS.index("disgust")
    np.savez(other, **arrays)
    digest = Pack.load(first).digest
    # Another file of the same content is the same archive.
    assert again.read_bytes() != first.read_bytes() and Pack.load(again).digest == digest
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    arguments = ["--config", str(CONFIGS / "smoke.toml"), "--out", str(run), "--pack"]
    with pytest.raises(SystemExit, match="another archive.*delete"):
        train.main([*arguments, str(other)])
    # A file of before the archive was noted goes on.
    for name in ("last.pt", "best.pt"):
        stored = torch.load(run / name, weights_only=True)
        assert stored.pop("archive") == digest
        torch.save(stored, run / name)
    train.main([*arguments, str(other)])
    assert len((run / "log.csv").read_text().splitlines()) == 3


def test_a_pupil_learns_from_teachers(prepared, trained, tmp_path):
    teachers = [str(trained / "best.pt")] * 2
    arguments = ["--pack", str(prepared[1] / "pack.npz"), "--out", str(tmp_path), "--teachers", *teachers]
    train.main(["--config", str(CONFIGS / "smoke.toml"), *arguments])
    assert torch.load(tmp_path / "best.pt", weights_only=True)["teachers"] == ["smoke", "smoke"]


def test_the_exported_file_answers_as_the_net_and_is_judged(prepared, trained, tmp_path):
    manifest = tmp_path / "expression.toml"
    export.main(["--run", str(trained), "--data", str(prepared[1]), "--out", str(manifest)])
    running = onnxruntime.InferenceSession(
        str(manifest.with_suffix(".onnx")), providers=["CPUExecutionProvider"]
    )
    assert running.get_inputs()[0].shape == [1, 1, 112, 112] and running.get_outputs()[0].shape == [1, 7]
    judge.main(
        [
            "--manifest",
            str(manifest),
            "--data",
            str(prepared[0]),
            "--aligned",
            str(prepared[1]),
            "--run",
            str(trained),
        ]
    )
    text = manifest.with_suffix(".md").read_text()
    assert "reference model for evaluation" in text and "web-expressions" in text


def test_several_nets_are_averaged_inside_the_graph(tmp_path):
    torch.manual_seed(5)
    both = [nets.build(config.load(CONFIGS / "smoke.toml").net).eval() for _ in range(2)]
    export.write_onnx(export.Exported(both).eval(), tmp_path / "m.onnx")
    crop = face("happy", 4, 112)[None]
    expected = np.mean([measure.logits_of(net, crop, torch.device("cpu")) for net in both], axis=0)
    logits = export.answers(export.session(tmp_path / "m.onnx"), crop)
    np.testing.assert_allclose(logits, expected, atol=export.LARGEST_DIFFERENCE["half"])


@pytest.mark.parametrize(("form", "largest"), [("full", 1e-4), ("int8", 0.3), ("fp16", 0.02)])
def test_each_form_answers_as_the_net(form, largest, tmp_path):
    torch.manual_seed(3)
    net = nets.build(config.load(CONFIGS / "smoke.toml").net).eval()
    crops = np.stack([face(label, seed, 112) for seed, label in enumerate(LABELS)])
    export.write_onnx(net, tmp_path / "m.onnx", form, measure.normalised(crops))
    logits = export.answers(export.session(tmp_path / "m.onnx"), crops)
    expected = measure.logits_of(net, crops, torch.device("cpu"))
    np.testing.assert_allclose(logits, expected, atol=largest)
    whole = sum(p.numel() for p in net.parameters())
    stored = sum(
        np.prod(t.dims)
        for t in onnx.load(tmp_path / "m.onnx").graph.initializer
        if t.data_type == onnx.TensorProto.FLOAT
    )
    assert (stored > 0.9 * whole) == (form == "full")


def test_a_rejected_face_counts_as_wrong():
    rows = [prepare.Row(f"{i}.png", "", (0,) * 10, 3) for i in range(4)]
    p = np.full((4, 7), 0.05, np.float32)
    p[:, 3] = 0.7
    said = judge.Answers(rows, np.array([True, True, True, False]), p)
    figures = judge.verdict(said, np.array([3, 3, 3, 3]))
    assert figures["accuracy"] == 0.75 and figures["accuracy_judged"] == 1 and figures["rejected"] == 1
    assert figures["ece"] == pytest.approx(0.3, abs=1e-5)


def test_a_crop_that_was_judged_as_it_came_is_told_apart():
    rows = [prepare.Row(f"{i}.png", "", (0,) * 10, 3) for i in range(4)]
    p = np.full((4, 7), 0.05, np.float32)
    p[:, 3] = 0.7
    said = judge.Answers(rows, np.full(4, True), p, np.array([True, False, False, True]))
    figures = judge.verdict(said, np.array([3, 3, 4, 3]))
    assert (figures["unaligned"], figures["rejected"]) == (2, 0)
    assert (figures["accuracy"], figures["accuracy_gated"], figures["accuracy_accepted"]) == (0.75, 0.5, 1)


def test_the_rare_classes_are_worth_a_little_accuracy():
    # Of a hundred faces ninety-eight are happy; the two afraid ones look like some of these.
    truth = np.array([3] * 98 + [2] * 2)
    logits = np.zeros((100, 7), np.float32)
    logits[:, 3], logits[:, 2] = 2.0, 1.0
    logits[95:98, 2] = logits[98:, 2] = 2.2

    def reached(given: float) -> measure.Scores:
        return measure.scores(logits + calibrate.fit_bias(logits, truth, given)[1], truth)

    # Whatever favours the frequent class is more accurate and finds no fear.
    for given in (0.0, 0.005):
        assert reached(given).accuracy == 0.98 and reached(given).macro_recall == 0.5
    assert reached(0.015).accuracy == 0.97 and reached(0.015).recall[2] == 1


def test_a_class_that_is_said_too_often_loses_to_the_other():
    # Between neutral and sad the net is undecided and says sad, but two in three such faces are neutral.
    truth = np.array([6] * 60 + [4] * 30 + [3] * 30)
    logits = np.zeros((120, 7), np.float32)
    logits[:90, 6], logits[:90, 4], logits[90:, 3] = 1.9, 2.0, 3.0
    logits[80:90, 4] = 3.0
    _, bias = calibrate.fit_bias(logits, truth, 0.0)
    after = measure.scores(logits + bias, truth)
    assert measure.scores(logits, truth).accuracy == 0.5 and after.accuracy == pytest.approx(100 / 120)
    assert bias[6] > bias[4] and abs(bias[0]) < 0.3


def test_the_mirror_is_averaged_inside_the_graph(tmp_path):
    net = nets.build(config.load(CONFIGS / "smoke.toml").net).eval()
    path = tmp_path / "m.onnx"
    export.write_onnx(export.Exported([net], mirror=True).eval(), path)
    crop = face("surprise", 4, 112)[None]
    both = [export.answers(export.session(path), c) for c in (crop, crop[:, :, ::-1])]
    np.testing.assert_allclose(both[0], both[1], atol=1e-4)
    expected = measure.logits_of(net, crop, torch.device("cpu"), mirrored=True)
    np.testing.assert_allclose(both[0], expected, atol=export.LARGEST_DIFFERENCE["half"])
