"""Training configurations: TOML files in models/training/configs, read into one typed object."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from expression.augment import AugmentConfig
from expression.nets import NetConfig


@dataclass(frozen=True)
class DataConfig:
    """Which labels, and how the classes are balanced.

    `label_share`: part of a target that is the FER2013 label, the rest being FERPlus votes.
    `photo_weight`: weight of the news photographs (neutral and happy, mostly).
    `sampling`: pictures are drawn with the class frequency to the power of minus this (0: as they are).
    `adjust`: strength of the logit adjustment in the loss (Menon et al. 2021; 1: fully balanced).
    """

    label_share: float = 0.25
    photo_weight: float = 0.5
    sampling: float = 0.3
    adjust: float = 0.5


@dataclass(frozen=True)
class TrainConfig:
    """The schedule: SGD with Nesterov momentum, warm-up and cosine decay, and a moving average of weights.
    `steps_an_epoch`: 0 for as many as the pictures make; more of them draw pictures again.
    `changed`: whether pictures are changed as `augment` says; if not, they are not even mirrored or mixed.
    `bfloat16`: half as many bits for convolutions; depthwise ones are slower with it on a CPU."""

    epochs: int
    steps_an_epoch: int = 0
    batch: int = 256
    rate: float = 0.1
    weight_decay: float = 5e-4
    warmup_epochs: float = 3.0
    average_decay: float = 0.998
    clip: float = 5.0
    seed: int = 1
    changed: bool = True
    bfloat16: bool = True


@dataclass(frozen=True)
class StartConfig:
    """Where training starts. `weights`: nothing (at random), `imagenet`, or a file of torchvision's or timm's
    form; for a residual net, an earlier run's best.pt. `frozen`: beginnings of the names of layers whose
    weights stay as they are; `only_head`: all but the last layer's."""

    weights: str = ""
    frozen: tuple[str, ...] = ()
    only_head: bool = False


@dataclass(frozen=True)
class TeachConfig:
    """How much of the loss comes from teachers, and how soft their targets are."""

    share: float = 0.7
    temperature: float = 1.5


@dataclass(frozen=True)
class Config:
    """One training run."""

    net: NetConfig
    train: TrainConfig
    start: StartConfig = field(default_factory=StartConfig)
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    teach: TeachConfig = field(default_factory=TeachConfig)


class ConfigError(Exception):
    """A configuration file is not what it must be; the message names file and key."""


def load(path: Path) -> Config:
    """Reads a file; a key that no section has is refused."""
    try:
        return parse(tomllib.loads(path.read_text()))
    except (OSError, TypeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def parse(tables: dict[str, Any]) -> Config:
    """A configuration from nested tables, as TOML or a checkpoint holds them."""
    sections = {
        "net": NetConfig,
        "train": TrainConfig,
        "start": StartConfig,
        "data": DataConfig,
        "augment": AugmentConfig,
        "teach": TeachConfig,
    }
    unknown = tables.keys() - sections.keys()
    if unknown:
        raise TypeError(f"unknown section {sorted(unknown)[0]!r}")
    tuples = {
        name: {k: tuple(v) if isinstance(v, list) else v for k, v in t.items()} for name, t in tables.items()
    }
    return Config(**{name: sections[name](**table) for name, table in tuples.items()})


def tables(config: Config) -> dict[str, Any]:
    """The inverse of parse."""
    return dataclasses.asdict(config)
