"""A run to go on from, of an exported file: for whoever has the shipped net and pictures of their own, but
not the training that it came from.

    python -m expression.unfold ../expression.onnx --config configs/pupil.toml --pack runs/data/pack.npz \\
        --out runs/shipped

Export folds batch norm into the convolutions before it. Here each norm is put back as what changes nothing:
it is told the mean and the variance that the faces of the archive have there, and undoes them by its factors.
A training that starts with `weights = "runs/shipped/best.pt"` then begins where the exported net is, with
norms that go on measuring as they did.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import nn

from expression.config import Config, ConfigError, load
from expression.kept import BEST, save_net
from expression.measure import normalised
from expression.nets import ResidualNet, build
from expression.pack import TRAIN, Pack, PackError

FACES = 2048
"""Of the archive's training split, that norms are measured on."""
PREFIX, HALF = "nets.0.", ".half"


class UnfoldError(Exception):
    """The file does not hold what the configuration describes; the message says which layer."""


def layers(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    """Weights and biases of the exported net's layers, by the names that PyTorch has for them."""
    try:
        graph = onnx.load(path).graph
    except (OSError, DecodeError) as error:
        raise UnfoldError(f"{path}: {error}") from error
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    widened = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Cast"}
    found = {}
    for node in graph.node:
        if node.op_type not in ("Conv", "Gemm"):
            continue
        weight, *bias = (widened.get(name, name) for name in node.input[1:])
        if not weight.startswith(PREFIX) or weight not in stored:
            raise UnfoldError(
                f"{path}: {weight} is not stored as it was learned; export in another form than int8"
            )
        values = [stored[name].astype(np.float32) for name in (weight, *bias)]
        name = weight.removeprefix(PREFIX).removesuffix(HALF).removesuffix(".weight")
        found[name] = values[0], values[1] if bias else None
    return found


@torch.no_grad()
def fill(net: ResidualNet, known: dict[str, tuple[np.ndarray, np.ndarray | None]], path: Path) -> None:
    """Gives the net the file's numbers; a bias that came from a norm becomes that norm's summand."""
    modules = dict(net.named_modules())
    wanted = {name for name, module in modules.items() if isinstance(module, nn.Conv2d | nn.Linear)}
    if wanted != known.keys():
        odd = sorted(wanted ^ known.keys())[0]
        raise UnfoldError(f"{path}: {odd} is in the file or in the configuration, but not in both")
    for name, (weight, bias) in known.items():
        layer = modules[name]
        sides, wanted_sides = list(weight.shape), list(layer.weight.shape)
        if sides != wanted_sides:
            raise UnfoldError(f"{path}: {name} has the sides {sides}, in the configuration {wanted_sides}")
        layer.weight.copy_(torch.from_numpy(weight))
        if bias is not None:
            # A convolution with a norm is the first of the two in a Sequential.
            norm = modules[f"{name.removesuffix('.0')}.1"] if layer.bias is None else layer
            norm.bias.copy_(torch.from_numpy(bias))


@torch.no_grad()
def put_back(net: ResidualNet, crops: np.ndarray) -> None:
    """Has each norm know what it sees of these faces [N,112,112] uint8, and pass it on unchanged."""

    def measured(norm: nn.BatchNorm2d, seen: tuple[torch.Tensor]) -> None:
        variance, mean = torch.var_mean(seen[0], (0, 2, 3), correction=0)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.add_(mean)

    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(measured) for norm in norms]
    net.eval()(torch.from_numpy(normalised(crops)))
    for hook in hooks:
        hook.remove()


def unfold(path: Path, config: Config, crops: np.ndarray) -> ResidualNet:
    """The exported net, in a form that can be trained.

    # Errors
    UnfoldError where the file is of another shape or form."""
    net = build(config.net)
    if not isinstance(net, ResidualNet):
        raise UnfoldError(f"a {config.net.architecture} cannot be unfolded, only a residual net")
    fill(net, layers(path), path)
    put_back(net, crops)
    return net


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Makes a run to go on from of an exported file.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--config", type=Path, required=True, help="whose [net] is the file's")
    parser.add_argument("--pack", type=Path, required=True, help="whose faces the norms are measured on")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        config, pack = load(options.config), Pack.load(options.pack)
        faces = pack.part(TRAIN).crops
        net = unfold(options.file, config, faces[:: max(1, len(faces) // FACES)][:FACES])
    except (ConfigError, PackError, UnfoldError) as error:
        raise SystemExit(str(error)) from error
    options.out.mkdir(parents=True, exist_ok=True)
    origin = {"file": str(options.file), "config": str(options.config)}
    save_net(options.out, net, config, pack.digest, unfolded=origin)
    print(f"{options.out / BEST}: {options.file} as a net to go on from")


if __name__ == "__main__":
    main()
