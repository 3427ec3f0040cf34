"""A net that is exported, and taken up again from the file alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_faces import face
from expression import export, judge, train, unfold
from expression.config import Config, parse
from expression.measure import normalised
from expression.nets import ResidualNet, build
from expression.pack import Pack
from expression.prepare import PACK

NET = {"widths": [16, 32], "depths": [1, 1], "stem": 8, "dropout": 0.0}
CONFIG = f"[net]\nwidths = {NET['widths']}\ndepths = {NET['depths']}\nstem = {NET['stem']}\ndropout = 0.0\n"


def config_of(net: dict) -> Config:
    return parse({"net": net, "train": {"epochs": 1}})


@pytest.fixture(scope="module")
def learned() -> ResidualNet:
    """A net whose norms have seen something."""
    torch.manual_seed(3)
    net = build(config_of(NET).net)
    for weight in net.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    net.train()(torch.from_numpy(normalised(faces(40))))
    return net.eval()


def faces(count: int) -> np.ndarray:
    return np.stack([face("happy" if i % 2 else "sad", i, 112) for i in range(count)])


@pytest.fixture(scope="module")
def exported(learned, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "net.onnx"
    export.write_onnx(export.Exported([learned]).eval(), path, "half")
    return path


def test_what_was_exported_is_taken_up_again_and_can_be_trained(learned, exported, prepared, tmp_path):
    (tmp_path / "net.toml").write_text(CONFIG + "[train]\nepochs = 1\n")
    pack = prepared[1] / PACK
    unfold.main([str(exported), "--config", str(tmp_path / "net.toml"), "--pack", str(pack), "--out",
                 str(tmp_path / "shipped")])  # fmt: skip
    start = {"weights": str(tmp_path / "shipped/best.pt")}
    net = train.started(parse({"net": NET, "train": {"epochs": 1}, "start": start}))
    seen = Pack.load(pack).part(0).crops
    x = torch.from_numpy(normalised(seen))
    with torch.no_grad():
        expected = learned(x)
        assert (net.eval()(x) - expected).abs().max() < 0.02
        # In training, norms measure the batch; of the faces that they were put back for, it changes nothing.
        assert (net.train()(x) - expected).abs().max() < 0.02
    assert expected.std() > 0.1


def test_the_card_of_what_goes_on_from_a_file_tells_so(exported, prepared, tmp_path):
    (tmp_path / "net.toml").write_text(
        CONFIG + f'[start]\nweights = "{tmp_path}/shipped/best.pt"\n[train]\nepochs = 1\nbatch = 32\n'
    )
    common = ["--config", str(tmp_path / "net.toml"), "--pack", str(prepared[1] / PACK)]
    unfold.main([str(exported), *common, "--out", str(tmp_path / "shipped")])
    train.main([*common, "--out", str(tmp_path / "further"), "--teachers", str(tmp_path / "shipped/best.pt")])
    manifest = tmp_path / "further.toml"
    exporting = ["--run", str(tmp_path / "further"), "--data", str(prepared[1]), "--out", str(manifest)]
    export.main([*exporting, "--mirror"])
    places = ["--data", str(prepared[0]), "--aligned", str(prepared[1])]
    judge.main(["--manifest", str(manifest), *places, "--run", str(tmp_path / "further")])
    lines = manifest.with_suffix(".md").read_text().splitlines()
    made = f"python -m expression.unfold {exported} --config {tmp_path}/net.toml"
    assert lines.count(f"{made} --pack runs/data/pack.npz --out runs/shipped") == 1
    assert any("It goes on from the net in net.onnx." in line for line in lines)
    assert any(line.endswith("--out runs/further --teachers runs/shipped/best.pt") for line in lines)
    assert lines.count(f"python -m expression.export {' '.join(exporting)} --mirror") == 1
    assert lines.count("python -m expression.judge --manifest ../further.toml --run runs/further") == 1


def test_another_shape_is_refused(exported):
    with pytest.raises(unfold.UnfoldError, match=r"stages\.2.*not in both"):
        unfold.unfold(exported, config_of(NET | {"depths": [1, 2]}), faces(8))
    with pytest.raises(unfold.UnfoldError, match=r"stem\.0\.0 has the sides \[8, 1, 3, 3\].*\[16, 1, 3, 3\]"):
        unfold.unfold(exported, config_of(NET | {"stem": 16}), faces(8))
    with pytest.raises(unfold.UnfoldError, match="alexnet"):
        unfold.unfold(exported, config_of({"architecture": "alexnet"}), faces(8))


def test_a_file_of_another_form_or_none_is_refused(learned, tmp_path):
    export.write_onnx(export.Exported([learned]).eval(), tmp_path / "net.onnx", "int8", normalised(faces(20)))
    with pytest.raises(unfold.UnfoldError, match=r"net\.onnx: .* int8"):
        unfold.unfold(tmp_path / "net.onnx", config_of(NET), faces(8))
    (tmp_path / "text.onnx").write_text("no model")
    for name in ("text.onnx", "absent.onnx"):
        with pytest.raises(unfold.UnfoldError, match=name):
            unfold.unfold(tmp_path / name, config_of(NET), faces(8))
