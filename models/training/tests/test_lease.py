"""What is carried to a lent machine and back: nothing is lost or mistaken on the way."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from experiments import embed, plan, tricks
from expression import kept, train
from expression.config import ConfigError, parse
from expression.nets import build
from expression.pack import Pack
from expression.prepare import FER, PACK, WEB, accepted, as_they_came, read_grey, rows_of
from lease import collect, give, pack, short_plan, unpack, weights

NET = {"widths": [16, 32], "depths": [1, 1], "stem": 8}


def write_run(folder: Path, seed: int = 1) -> dict[str, torch.Tensor]:
    """A run's best.pt of a net that nothing trained; returns its weights."""
    torch.manual_seed(seed)
    net = build(parse({"net": NET, "train": {"epochs": 1}}).net)
    folder.mkdir(parents=True)
    state = net.state_dict()
    stored = {"config": {"net": NET, "train": {"epochs": 1}}, "net": state, "epoch": 3, "teachers": []}
    kept.write(folder / "best.pt", stored)
    return state


def test_narrow_weights_are_those_of_int8_and_narrowing_them_again_changes_nothing():
    weight = torch.randn(5, 3, 3, 3) * torch.tensor([1e-3, 1.0, 0.0, 50.0, 7.0]).view(-1, 1, 1, 1)
    values, scale = weights.narrow(weight)
    wide = weights.widen((values, scale))
    assert values.dtype == torch.int8
    assert ((wide - weight).abs() <= scale.view(-1, 1, 1, 1) / 2 * 1.001).all()
    again, _ = weights.narrow(wide)
    assert torch.equal(again, values)
    bias = torch.randn(7)
    assert weights.widen(weights.narrow(bias)) is bias


@pytest.fixture
def work(tmp_path) -> Path:
    """What a machine has when its training is over."""
    folder = tmp_path / "work"
    for name in (give.EXACT, "original-a", "teacher-a"):
        write_run(folder / "runs" / name, seed=len(name))
        (folder / "runs" / name / "log.csv").write_text(f"epoch\n{name}\n")
    for name, content in (("results/row.json", '{"id": "row"}'), ("log/steps", "all went well")):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    (folder / "back").mkdir()
    return folder


def test_results_and_weights_come_back_and_an_earlier_run_is_kept(work, tmp_path, monkeypatch):
    monkeypatch.setattr(give, "PIECE", 50_000)
    give.main([str(work), str(work / "back")])
    assert len(list((work / "back").iterdir())) > 1
    runs, results = tmp_path / "runs", tmp_path / "results"
    results.mkdir()
    before = write_run(runs / give.EXACT, seed=99)

    assert sorted(collect.collect(work / "back", runs, results)) == ["original-a", give.EXACT, "teacher-a"]

    assert json.loads((results / "row.json").read_text()) == {"id": "row"}
    assert (runs / "lease-log/steps").read_text() == "all went well"
    assert (runs / "teacher-a/log.csv").read_text() == "epoch\nteacher-a\n"
    cpu = torch.device("cpu")
    exact = kept.load_net(work / "runs" / give.EXACT / "best.pt", cpu)[0].state_dict()
    came = kept.load_net(runs / give.EXACT / "best.pt", cpu)[0].state_dict()
    assert all(torch.equal(came[name], exact[name]) for name in exact)
    earlier = kept.load_net(runs / f"{give.EXACT}.before" / "best.pt", cpu)[0].state_dict()
    assert all(torch.equal(earlier[name], before[name]) for name in before)
    for name, weight in kept.load_net(runs / "original-a/best.pt", cpu)[0].state_dict().items():
        own = kept.load_net(work / "runs/original-a/best.pt", cpu)[0].state_dict()[name]
        assert torch.allclose(weight, own, atol=float(own.abs().max()) / weights.LEVELS)


def test_what_there_is_no_room_for_is_named_and_left(work, capsys):
    give.main([str(work), str(work / "back"), "--limit-mib", "0.1"])
    said = capsys.readouterr().out
    assert "teacher-a" in said
    assert "no room" in said


def test_a_folder_without_pieces_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="no back.tar.0 there"):
        collect.collect(tmp_path, tmp_path, tmp_path)


def test_a_short_plan_has_the_same_rows_and_a_few_steps_of_each(tmp_path):
    rows = plan.load(plan.PLAN)
    (tmp_path / "plan.toml").write_text(short_plan.shortened(plan.PLAN.read_text(), 3, 16))
    short = {row.id: row for row in plan.load(tmp_path / "plan.toml")}
    assert list(short) == [row.id for row in rows]
    own = [row for row in short.values() if row.id != "original-labels"]
    assert all(row.config.train.epochs * row.config.train.steps_an_epoch == 6 for row in own)


def test_what_is_carried_there_is_what_is_here(prepared, tmp_path):
    data, source = prepared
    experiments, work = tmp_path / "experiments", tmp_path / "work"
    whole = Pack.load(source / PACK)
    own = experiments / "embeddings" / whole.digest[:16]
    own.mkdir(parents=True)
    known = np.random.default_rng(1).normal(size=(len(whole.crops), embed.LENGTH)).astype(np.float32)
    np.save(own / "000000.npy", known)
    drawn = tricks.Archive(
        labels=np.zeros(2, np.int8),
        cut=np.ones((13, 2), bool),
        accepted=np.ones((13, 2), bool),
        crops=whole.crops[:26],
        left_out=1,
    )
    drawn.save(experiments / "tricks.npz")

    pack.main([*(f"--{k}={v}" for k, v in (("data", data), ("source", source), ("out", tmp_path / "out"))),
               f"--experiments={experiments}"])  # fmt: skip
    unpack.main([str(tmp_path / "out/first"), str(tmp_path / "out/second"), str(work)])

    assert (work / "data" / PACK).read_bytes() == (source / PACK).read_bytes()
    came = embed.embeddings(Pack.load(work / "data" / PACK), work / "experiments/embeddings")
    assert np.allclose(came, known, atol=0.005)
    assert tricks.Archive.load(work / "experiments/tricks.npz").left_out == 1
    for one in (FER, WEB):
        assert rows_of(work / "shared", one) == rows_of(data, one)
        here, there = source / "aligned" / one.name, work / "data/aligned" / one.name
        for find in (accepted, as_they_came):
            names = {name for name in find(here) if not name.startswith("Training/")}
            assert set(find(there)) == names
            for name in names:
                assert np.array_equal(read_grey(find(there)[name]), read_grey(find(here)[name]))


def test_a_residual_net_goes_on_from_an_earlier_run_of_its_shape(tmp_path, prepared):
    earlier = write_run(tmp_path / "run")
    start = {"weights": str(tmp_path / "run/best.pt")}
    net = train.started(parse({"net": NET, "train": {"epochs": 1}, "start": start}))
    assert all(torch.equal(weight, earlier[name]) for name, weight in net.state_dict().items())
    other = parse({"net": NET | {"stem": 16}, "train": {"epochs": 1}, "start": start})
    with pytest.raises(ConfigError, match="another shape"):
        train.started(other)
    gone = {"weights": str(tmp_path / "gone.pt")}
    with pytest.raises(ConfigError, match=r"gone\.pt"):
        train.started(parse({"net": NET, "train": {"epochs": 1}, "start": gone}))
