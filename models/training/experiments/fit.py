"""Trains one row of the plan; what is left is best.pt (or weights.pth of a row of kind `faces`) and an
account of the training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from expression.backbones import Backbone
from expression.history import History
from expression.kept import BEST, load_net, save_net
from expression.pack import CALIBRATION, TRAIN, Pack
from expression.train import Run, Teachers, started
from torch import nn

from experiments.embed import embeddings
from experiments.faces import LearnFaces
from experiments.features import cached, features, solve
from experiments.plan import FACES, LAST_LAYER, Row

WEIGHTS = "weights.pth"
_NORM_STATISTICS = ("running_mean", "running_var")


@dataclass(frozen=True)
class Trained:
    """What a row's training came to."""

    net: nn.Module | None
    """None of kind `faces`, which tells no expressions."""
    account: dict
    """What the result says of the training."""


def train(row: Row, pack: Pack, out: Path, device: torch.device) -> Trained:
    """Trains a row, or goes on with it; `row.config.start` names the file that it begins with."""
    out.mkdir(parents=True, exist_ok=True)
    if row.kind == LAST_LAYER:
        return last_layer(row, pack, out, device)
    if row.kind == FACES:
        known = embeddings(pack, out.parent / "embeddings")
        run = LearnFaces(row.config, pack, known, out, device)
    else:
        run = Run(row.config, pack, Teachers([], device), out, device)
    run.resume()
    run.fit(None)
    if row.kind == FACES:
        run.write_weights(out / WEIGHTS)
    account = told(run.history, run.net) | {
        "epochs": run.epoch,
        "steps": len(run.history.losses),
        "images_seen": len(run.history.losses) * row.config.train.batch,
        "training_faces": len(run.material.crops),
    }
    if row.kind == FACES:
        return Trained(None, account)
    net, stored = load_net(out / BEST, device)
    return Trained(net.eval(), account | {"best_epoch": stored["epoch"]})


def last_layer(row: Row, pack: Pack, out: Path, device: torch.device) -> Trained:
    """Only the last layer, on features that stay in the row's folder."""
    torch.manual_seed(row.config.train.seed)
    net = started(row.config).to(device, memory_format=torch.channels_last)
    if not isinstance(net, Backbone):
        raise TypeError("plan.check lets published architectures pass only")
    history, halves = History(), row.config.train.bfloat16
    with history.timed():
        train_rows, held_rows = pack.part(TRAIN), pack.part(CALIBRATION)
        seen = cached(out / "train.npy", lambda: features(net, train_rows.crops, True, halves, device))
        held = cached(out / "held.npy", lambda: features(net, held_rows.crops, False, halves, device))
        solved = solve(seen, pack, held, row.config, device)
    history.losses = solved.losses
    with torch.no_grad():
        net.head.weight.copy_(solved.weight)
        net.head.bias.copy_(solved.bias)
    save_net(out, net, row.config, pack.digest, epochs=(1, 1), score=solved.scores.score)
    account = told(history, net) | {
        "epochs": 1,
        "steps": len(solved.losses),
        "images_seen": len(seen),
        "training_faces": len(train_rows.crops),
    }
    return Trained(load_net(out / BEST, device)[0].eval(), account)


def told(history: History, net: nn.Module) -> dict:
    """Of any training."""
    statistics = sum(b.numel() for n, b in net.named_buffers() if n.endswith(_NORM_STATISTICS))
    parameters = sum(p.numel() for p in net.parameters())
    return {
        "parameters": parameters,
        "parameters_with_norm_statistics": parameters + statistics,
        "wall_s": round(history.wall_s, 1),
        "cpu_s": round(history.cpu_s, 1),
        "history": history.epochs,
        "losses": history.losses,
    }
