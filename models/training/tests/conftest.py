"""What several tests begin with, made once."""

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
