"""Trains one net from the archive.

    python -m expression.train --config configs/compact.toml --pack runs/data/pack.npz … --out runs/compact \\
        [--teachers runs/teacher-a/best.pt …] [--seed N] [--minutes M]

Leaves best.pt (the averaged weights of the epoch with the best calibration score), last.pt (to go on from
after an interruption, with the same result: an epoch that was broken off is done again) and log.csv. Runs on
a CUDA device where there is one, and on several under torchrun, which several.py tells about.
"""

from __future__ import annotations

import argparse
import copy
import csv
import dataclasses
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from tqdm import tqdm

from expression import LABELS, graphs, several
from expression.augment import Augment
from expression.backbones import WeightsError
from expression.config import Config, ConfigError, load, parse, tables
from expression.history import History
from expression.kept import load_net, save_net, write
from expression.labels import NO_LABEL, judged_by, targets
from expression.measure import MEAN, STD, Scores, logits_of, scores
from expression.nets import Backbone, ResidualNet, build
from expression.pack import CALIBRATION, TRAIN, Pack, PackError
from expression.several import Ranks

RAREST = 1e-3
"""Least share of a class that balancing reckons with."""


@dataclasses.dataclass
class Material:
    """The training rows on the device, and what the loss needs to know of their classes."""

    crops: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    frequency: torch.Tensor
    """How often a picture is drawn, relative to the others [N]."""
    log_prior: torch.Tensor
    """Of the classes, as they are drawn [7]."""

    @classmethod
    def of(cls, pack: Pack, config: Config, device: torch.device) -> Material:
        """Targets and balance for the rows that have a label at all."""
        soft, weights = targets(pack.votes, pack.labels, config.data.label_share)
        photographs = pack.votes.sum(axis=1) == 0
        weights = np.where(photographs, weights * config.data.photo_weight, weights)
        rows = weights > 0
        soft, weights = soft[rows], weights[rows]
        # A class that hardly occurs is not drawn a thousand times.
        prior = np.maximum((soft * weights[:, None]).sum(axis=0) / weights.sum(), RAREST)
        frequency = (soft * prior**-config.data.sampling).sum(axis=1)
        drawn = (soft * (weights * frequency)[:, None]).sum(axis=0)
        return cls(
            crops=torch.from_numpy(pack.crops[rows]).unsqueeze(1).to(device),
            targets=torch.from_numpy(soft).to(device),
            weights=torch.from_numpy(weights).to(device),
            frequency=torch.from_numpy(frequency).to(device),
            log_prior=torch.from_numpy(np.log(np.maximum(drawn / drawn.sum(), RAREST))).float().to(device),
        )


class Teachers:
    """Trained nets whose mean opinion on a batch is a target; each sees what the pupil sees."""

    def __init__(self, paths: list[Path], device: torch.device) -> None:
        self.names = [path.parent.name for path in paths]
        self.nets = [load_net(path, device)[0].eval() for path in paths]

    def __len__(self) -> int:
        return len(self.nets)

    @torch.no_grad()
    def opinion(self, x: torch.Tensor, temperature: float) -> torch.Tensor:
        """Mean probabilities [N,7] at a temperature."""
        return torch.stack([F.softmax(net(x).float() / temperature, 1) for net in self.nets]).mean(0)


def weights_of(best: Path, config: Config) -> dict[str, torch.Tensor]:
    """Of an earlier run of the same shape.

    # Errors
    ConfigError where there is no such run, or it is of another shape."""
    try:
        net, stored = load_net(best, torch.device("cpu"))
    except (OSError, KeyError, RuntimeError) as error:
        raise ConfigError(f"start.weights: {best}: {error}") from error
    if parse(stored["config"]).net != config.net:
        raise ConfigError(f"start.weights: {best}: a net of another shape than [net]")
    return net.state_dict()


def started(config: Config) -> ResidualNet | Backbone:
    """A net as training starts with it."""
    net, start = build(config.net), config.start
    if start.weights and isinstance(net, Backbone):
        net.start(start.weights)
    elif start.weights:
        net.load_state_dict(weights_of(Path(start.weights), config))
    frozen = tuple(f"body.{name}" for name in start.frozen)
    for name, weight in net.named_parameters():
        weight.requires_grad_(not (start.only_head or name.startswith(frozen)))
    for weight in net.head.parameters():
        weight.requires_grad_(True)
    return net


class Run:
    """One training run: everything that changes from step to step, and its files."""

    def __init__(
        self,
        config: Config,
        pack: Pack,
        teachers: Teachers,
        out: Path,
        device: torch.device,
        ranks: Ranks = Ranks(),  # noqa: B008, frozen
    ) -> None:
        self.config, self.out, self.device, self.teachers = config, out, device, teachers
        self.ranks, self.history = ranks, History()
        self.archive = pack.digest
        self.material = self.prepared(pack)
        self.calibration = pack.part(CALIBRATION)
        torch.manual_seed(config.train.seed)
        self.net = ranks.share_norms(self.begun().to(device, memory_format=torch.channels_last))
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        trained = [p for p in self.net.parameters() if p.requires_grad]
        decayed = [p for p in trained if p.ndim > 1]
        free = [p for p in trained if p.ndim <= 1]
        self.optimizer = torch.optim.SGD(
            [
                {"params": decayed, "weight_decay": config.train.weight_decay},
                {"params": free, "weight_decay": 0.0},
            ],
            lr=config.train.rate,
            momentum=0.9,
            nesterov=True,
        )
        whole = max(1, len(self.material.crops) // config.train.batch)
        self.steps_an_epoch = config.train.steps_an_epoch or whole
        # Once: of a net with hundreds of layers, gathering them costs as much as moving them.
        ours, theirs = self.average.state_dict(), self.net.state_dict()
        floating = [name for name, value in ours.items() if value.is_floating_point()]
        self.moving = [ours[n] for n in floating], [theirs[n] for n in floating]
        self.epoch, self.epochs, self.best = 0, config.train.epochs, -1.0

    def begun(self) -> nn.Module:
        """The net as training starts with it."""
        return started(self.config)

    def prepared(self, pack: Pack) -> Material:
        """What is learned from."""
        return Material.of(pack.part(TRAIN), self.config, self.device)

    def rate(self, step: int) -> float:
        """Warm-up, then half a cosine down to zero."""
        train = self.config.train
        warm, total = train.warmup_epochs * self.steps_an_epoch, self.epochs * self.steps_an_epoch
        if step < warm:
            return train.rate * (step + 1) / warm
        return train.rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))

    def loss(self, x: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Cross entropy with logit adjustment to the labels' targets, and to the teachers' as they are; of
        this process's part of a batch, such that all parts' losses add up to the batch's."""
        mine, total = self.ranks.part(len(x)), weight.sum()
        share = (mine.stop - mine.start) / len(x)
        x, target, weight = x[mine], target[mine], weight[mine]
        data, teach = self.config.data, self.config.teach
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.train.bfloat16):
            logits = self.net(x)
            opinion = self.teachers.opinion(x, teach.temperature) if len(self.teachers) else None
        logits = logits.float()
        adjusted = logits + data.adjust * self.material.log_prior
        label_loss = (F.cross_entropy(adjusted, target, reduction="none") * weight).sum() / total
        if opinion is None:
            return label_loss
        soft = F.cross_entropy(logits / teach.temperature, opinion) * teach.temperature**2 * share
        return teach.share * soft + (1 - teach.share) * label_loss

    def train_epoch(self, progress: tqdm) -> float:
        """One pass; all draws come from the seed and the epoch's number, so a resumed run draws the same."""
        train, material = self.config.train, self.material
        generator = torch.Generator(self.device).manual_seed(train.seed * 100_003 + self.epoch)
        torch.manual_seed(train.seed * 100_003 + self.epoch + self.ranks.rank * several.APART)
        augment = Augment(self.config.augment, generator)
        count = self.steps_an_epoch * train.batch
        # Without class sampling this is a plain shuffle.
        again = self.config.data.sampling > 0 or count > len(material.crops)
        chosen = torch.multinomial(material.frequency, count, replacement=again, generator=generator)
        losses = []
        self.net.train()
        for place, rows in enumerate(chosen.split(train.batch)):
            step = self.epoch * self.steps_an_epoch + place
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate(step)
            x, target, weight = (
                material.crops[rows].float() / 255,
                material.targets[rows],
                material.weights[rows, None],
            )
            if train.changed:
                x, target, weight = augment.mixup(augment(x), target, weight)
            loss = self.loss(normalised(x), target, weight[:, 0])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.ranks.sum_gradients(self.net)
            nn.utils.clip_grad_norm_(self.net.parameters(), train.clip)
            self.optimizer.step()
            self.follow(step)
            losses.append(loss.detach())
            progress.update()
        seen = self.ranks.sum(torch.stack(losses)).tolist()
        self.history.losses += seen
        return sum(seen) / self.steps_an_epoch

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Moves the averaged net towards the trained one; early on it follows more closely."""
        decay = min(self.config.train.average_decay, (1 + step) / (10 + step))
        average, trained = self.moving
        torch._foreach_lerp_(average, trained, 1 - decay)

    def fit(self, minutes: float | None) -> None:
        """All epochs that are left; each ends with its files written. With `minutes`, the schedule is cut
        after each epoch to what the last one's pace allows: the rate still ends near zero, in that time."""
        started = time.monotonic()
        if self.device.type == "cuda" and self.ranks.world == 1:
            graphs.capture(self.net, self.config.train.batch, self.config.train.bfloat16)
        if self.ranks.first:
            self.out.mkdir(parents=True, exist_ok=True)
        quiet = None if self.ranks.first else True
        with tqdm(desc=self.out.name, unit="step", mininterval=5, disable=quiet) as progress:
            while self.epoch < self.epochs:
                began = time.monotonic()
                with self.history.timed():
                    loss = self.train_epoch(progress)
                self.epoch += 1
                if self.ranks.first:
                    self.close_epoch(loss, began)
                if minutes and self.epoch >= self.config.train.warmup_epochs:
                    left = 60 * minutes - (time.monotonic() - started)
                    possible = self.epoch + max(0, round(left / (time.monotonic() - began)))
                    self.epochs = min(self.config.train.epochs, possible)
                self.epochs = self.ranks.agree(self.epochs)

    def close_epoch(self, loss: float, began: float) -> None:
        """Judges the epoch that has just ended, notes and keeps it."""
        s = self.judge()
        self.history.epochs.append(
            {"loss": loss, "nll": s.nll, "accuracy": s.accuracy, "macro_recall": s.macro_recall}
        )
        seconds, rate = time.monotonic() - began, self.optimizer.param_groups[0]["lr"]
        with (self.out / "log.csv").open("a", newline="") as file:
            log = csv.writer(file)
            if file.tell() == 0:
                log.writerow(
                    ("epoch", "of", "seconds", "rate", "loss", "nll", "accuracy", "macro_recall", *LABELS)
                )
            row = (loss, s.nll, s.accuracy, s.macro_recall, *s.recall)
            log.writerow(
                [self.epoch - 1, self.epochs, f"{seconds:.1f}", f"{rate:.5f}", *(f"{v:.4f}" for v in row)]
            )
        self.keep(s.score)

    def judge(self) -> Scores:
        """The averaged net on the calibration split, against what its rows are judged by."""
        right = judged_by(self.calibration.votes, self.calibration.labels, self.config.data.label_share)
        rows = right != NO_LABEL
        return scores(logits_of(self.average, self.calibration.crops[rows], self.device), right[rows])

    def keep(self, score: float) -> None:
        """Writes best.pt where this epoch is the best so far, and always last.pt."""
        if score > self.best:
            self.best = score
            epochs, names = (self.epoch, self.epochs), self.teachers.names
            save_net(
                self.out, self.average, self.config, self.archive, epochs=epochs, score=score, teachers=names
            )
        state = {
            "config": tables(self.config),
            "archive": self.archive,
            "epoch": self.epoch,
            "epochs": self.epochs,
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best": self.best,
            "history": self.history.stored(),
        }
        write(self.out / "last.pt", state)

    def resume(self) -> None:
        """Goes on from last.pt where there is one of the same configuration and the same archive."""
        path = self.out / "last.pt"
        if not path.is_file():
            return
        stored = torch.load(path, map_location=self.device, weights_only=True)
        if parse(stored["config"]) != self.config:
            raise SystemExit(
                f"{path}: made with another configuration; delete {self.out} or choose another --out"
            )
        # Files of before the archive was noted have no such key, and nothing can be said of theirs.
        if stored.get("archive", self.archive) != self.archive:
            raise SystemExit(
                f"{path}: made with another archive ({stored['archive'][:12]}, now "
                f"{self.archive[:12]}); delete {self.out} to train anew, or choose another --out"
            )
        self.net.load_state_dict(stored["net"])
        self.average.load_state_dict(stored["average"])
        self.optimizer.load_state_dict(stored["optimizer"])
        self.epoch, self.epochs, self.best = stored["epoch"], stored["epochs"], stored["best"]
        # Files of before the history was kept have none.
        self.history = History(**stored.get("history", {}))


def normalised(x: torch.Tensor) -> torch.Tensor:
    """Crops of 0..1 as the nets get them."""
    return ((x * 255 - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Trains one net from the archive.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--pack", type=Path, nargs="+", required=True, help="archives to learn from together")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--teachers", type=Path, nargs="*", default=[])
    parser.add_argument("--seed", type=int)
    parser.add_argument("--minutes", type=float)
    options = parser.parse_args(arguments)
    try:
        config = load(options.config)
    except ConfigError as error:
        raise SystemExit(str(error)) from error
    if options.seed is not None:
        config = dataclasses.replace(config, train=dataclasses.replace(config.train, seed=options.seed))
    device, ranks = several.device(), Ranks.join()
    torch.backends.cudnn.benchmark = True
    try:
        teachers = Teachers(options.teachers, device)
        run = Run(config, Pack.load_all(options.pack), teachers, options.out, device, ranks)
    except (ConfigError, WeightsError, PackError) as error:
        raise SystemExit(str(error)) from error
    run.resume()
    run.fit(options.minutes)
    if ranks.first:
        print(f"{options.out}: best calibration score {run.best:.4f}")
    ranks.leave()


if __name__ == "__main__":
    main()
