"""Training that is interrupted in the middle of an epoch, and training on several processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from expression import several, train
from expression.nets import NetConfig, build

TRAINING = Path(__file__).parents[1]
# No dropout, whose masks differ from process to process, and no halves, whose rounding hides a difference.
CONFIG = """
[net]
widths = [16, 32]
depths = [1, 1]
stem = 8
dropout = 0.0
[train]
epochs = 2
steps_an_epoch = 3
batch = 15
rate = 0.05
warmup_epochs = 0.5
average_decay = 0.9
bfloat16 = false
"""


@pytest.fixture(scope="module")
def arguments(built, tmp_path_factory) -> list[str]:
    path = tmp_path_factory.mktemp("several") / "c.toml"
    path.write_text(CONFIG)
    return ["--config", str(path), "--pack", str(built / "augmented/pack.npz"), "--out"]


@pytest.fixture(scope="module")
def alone(arguments, tmp_path_factory) -> dict:
    out = tmp_path_factory.mktemp("alone") / "run"
    train.main([*arguments, str(out)])
    return torch.load(out / "last.pt", weights_only=True)


def test_a_run_killed_in_the_middle_of_an_epoch_ends_as_the_whole_one(arguments, alone, tmp_path, broken_off):
    broken_off(lambda: train.main([*arguments, str(tmp_path)]))
    assert torch.load(tmp_path / "last.pt", weights_only=True)["epoch"] == 1
    train.main([*arguments, str(tmp_path)])
    resumed = torch.load(tmp_path / "last.pt", weights_only=True)
    for name, value in alone["net"].items():
        assert torch.equal(value, resumed["net"][name]), name
    assert resumed["history"]["losses"] == alone["history"]["losses"]
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3


def test_two_processes_learn_what_one_learns(arguments, alone, tmp_path):
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(
        [*run, "-m", "expression.train", *arguments, str(tmp_path)],
        cwd=TRAINING,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=True,
    )
    shared = torch.load(tmp_path / "last.pt", weights_only=True)
    assert shared["history"]["losses"] == pytest.approx(alone["history"]["losses"], abs=1e-4)
    for name, value in alone["net"].items():
        torch.testing.assert_close(value, shared["net"][name], atol=1e-3, rtol=1e-3, msg=name)


@pytest.mark.parametrize("architecture", ["efficientnet_lite0", "residual"])
def test_a_shared_norm_of_one_process_is_an_ordinary_one(architecture):
    torch.manual_seed(2)
    shape = {"widths": (16,), "depths": (1,), "stem": 8} if architecture == "residual" else {"side": 64}
    # Doubles: with few pictures deep nets make much of a rounding.
    net, other = (build(NetConfig(architecture, dropout=0.0, **shape)).double().train() for _ in range(2))
    other.load_state_dict(net.state_dict())
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        several.Ranks(0, 2).share_norms(other)
        assert any(isinstance(m, tuple(several.SHARED.values())) for m in other.modules())
        x = torch.randn(4, 1, 112, 112, dtype=torch.float64)
        for one in (net, other):
            one(x).square().sum().backward()
    finally:
        dist.destroy_process_group()
    for (name, mine), theirs in zip(net.named_parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, atol=1e-6, rtol=1e-6, msg=name)
    for (name, mine), theirs in zip(net.named_buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-9, rtol=1e-6, msg=name)
