"""What several tests begin with, made once."""

from collections.abc import Callable
from pathlib import Path

import pytest
from expression import train
from prepared_sets import prepare_sets
from raw_pictures import BY_NAME, run, write_raw

SMOKE = Path(__file__).parents[1] / "configs/smoke.toml"


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("out")
    prepare_sets(data, out)
    return data, out


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures") / "raw"
    write_raw(folder)
    return folder


@pytest.fixture(scope="session")
def built(raw, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("built") / "out"
    run(raw, out, *BY_NAME)
    return out


@pytest.fixture(scope="session")
def learned(built, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("learned") / "run"
    pack = built / "augmented/pack.npz"
    train.main(["--config", str(SMOKE), "--pack", str(pack), "--out", str(out)])
    return out


@pytest.fixture
def broken_off(monkeypatch) -> Callable[[Callable[[], None]], None]:
    """Begins a training whose machine is taken away in its fifth step, the second of an epoch of three."""
    follow = train.Run.follow

    def until_the_machine_is_taken(own: train.Run, step: int) -> None:
        if step == 4:
            raise KeyboardInterrupt
        follow(own, step)

    def begin(training: Callable[[], None]) -> None:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(train.Run, "follow", until_the_machine_is_taken)
            training()

    return begin
