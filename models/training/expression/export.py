"""Trained nets -> ONNX file and manifest, calibrated on the calibration split's exact crops.

    python -m expression.export --run runs/compact [runs/lite0 …] [--data runs/data] [--form int8] [--mirror]

The graph takes the normalised crop [1,1,112,112] and returns logits [1,7]; what turns 112 pixels into the
net's own input is inside it. Two things are fitted on the calibration split (part of FER2013's Training): a
bias of each class, and the temperature.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from dataset.align import crop_of
from dataset.store import exact_paths
from torch import nn

from expression import LABELS
from expression.calibrate import ACCURACY_GIVEN, fit_bias, fit_temperature
from expression.config import parse
from expression.kept import BEST, load_net
from expression.labels import NO_LABEL, judged_by
from expression.measure import MEAN, STD, calibration_error, normalised, probabilities, scores
from expression.nets import example
from expression.pack import CALIBRATION, Pack
from expression.precision import FORMS
from expression.prepare import ROOT, archives, read_grey

OPSET = 18
CHECKED = 200
"""Faces that the file and PyTorch are compared on."""
INPUT, OUTPUT = "crop", "logits"
LARGEST_DIFFERENCE = {"full": 0.001, "half": 0.02, "fp16": 0.1}
"""Between a logit of the ONNX file and of PyTorch; storing weights as halves costs about 0.002."""
LEAST_SAME_CHOICES = 0.95
"""Of faces to which int8, whose logits may differ, gives the same expression as PyTorch."""
TIE = 0.05
"""So near to each other the two largest logits are a tie, and either choice is as good."""
RANGE_FACES = 400
"""That int8's ranges are taken from."""

LICENCE = (
    "Weights MIT OR Apache-2.0; trained on FER2013, whose pictures carry no verified commercial training "
    "rights: a reference model for evaluation"
)


class ExportError(Exception):
    """The exported file does not answer as the net does."""


class Exported(nn.Module):
    """What the file computes: the mean of the nets' logits and a bias; with `mirror`, each net is averaged
    with its answer to the mirror image."""

    def __init__(self, nets: list[nn.Module], mirror: bool = False) -> None:
        super().__init__()
        self.nets, self.mirror = nn.ModuleList(nets), mirror
        self.register_buffer("bias", torch.zeros(len(LABELS)))

    def forward(self, crop: torch.Tensor) -> torch.Tensor:
        seen = torch.cat((crop, crop.flip(3))) if self.mirror else crop
        return torch.cat([net(seen) for net in self.nets]).mean(0, keepdim=True) + self.bias


def write_onnx(net: nn.Module, path: Path, form: str = "half", faces: np.ndarray | None = None) -> None:
    """Writes the graph in one of precision.FORMS; int8 needs normalised faces [N,1,112,112]."""
    program = torch.onnx.export(
        net,
        (example(),),
        input_names=[INPUT],
        output_names=[OUTPUT],
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    model = FORMS[form](program.model_proto, faces)
    del model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def session(path: Path) -> onnxruntime.InferenceSession:
    """A session as the daemon's CPU fallback runs it: one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def answers(running: onnxruntime.InferenceSession, crops: np.ndarray) -> np.ndarray:
    """Logits [N,7] of crops [N,112,112] uint8, one at a time as the daemon does it."""
    return np.concatenate([running.run(None, {INPUT: x[None]})[0] for x in normalised(crops)])


def exact_crops(pack: Pack, data: Path) -> np.ndarray:
    """The crops as `cabinmood align` wrote them, not as the archive compressed them."""
    built = exact_paths(data)
    return np.stack([read_grey(built.get(s) or crop_of(data / "aligned", s)) for s in pack.sources])


def manifest_text(
    name: str, model: Path, temperature: float, licence: str = LICENCE, written_by: str = "the exporter"
) -> str:
    """The manifest of crates/manifest's form."""
    labels = ", ".join(f'"{label}"' for label in LABELS)
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    return f"""# Written by {written_by}; do not edit.
name = "{name}"
kind = "expression"
file = "{model.name}"
sha256 = "{digest}"
licence = {json.dumps(licence, ensure_ascii=False)}
card = "{model.with_suffix(".md").name}"

[expression]
input = [1, 1, 112, 112]
input_name = "{INPUT}"
output_name = "{OUTPUT}"
mean = {MEAN}
std = {STD}
labels = [{labels}]
temperature = {temperature}
"""


def export(
    run: list[Path],
    data: Path,
    manifest: Path,
    mirror: bool,
    form: str,
    licence: str,
    accuracy_given: float,
    written_by: str,
) -> dict[str, object]:
    """Writes the ONNX file and its manifest; returns what was fitted and reached on the calibration split."""
    loaded = [load_net(path / BEST, torch.device("cpu")) for path in run]
    wrapped = Exported([net.to(memory_format=torch.contiguous_format) for net, _ in loaded], mirror).eval()
    pack = Pack.load_all(archives(data))
    configs = [parse(stored["config"]) for _, stored in loaded]
    held = pack.part(CALIBRATION)
    right = judged_by(held.votes, held.labels, min(config.data.label_share for config in configs))
    crops, right = exact_crops(held, data)[right != NO_LABEL], right[right != NO_LABEL]

    model = manifest.with_suffix(".onnx")
    write_onnx(wrapped, model)
    weight, bias = fit_bias(answers(session(model), crops), right, accuracy_given)
    wrapped.bias += torch.from_numpy(bias)
    logits = write(wrapped, crops, model, form)
    temperature = fit_temperature(logits, right)
    manifest.write_text(manifest_text(manifest.stem, model, temperature, licence, written_by))
    reached = scores(logits, right)
    return {
        "epochs": [stored["epoch"] for _, stored in loaded],
        "bias": dict(zip(LABELS, np.round(bias.astype(float), 2).tolist(), strict=True)),
        "bias_weight": weight,
        "temperature": temperature,
        "rows": len(right),
        "accuracy": round(reached.accuracy, 4),
        "macro_recall": round(reached.macro_recall, 4),
        "ece": round(calibration_error(probabilities(logits, temperature), right), 4),
    }


def write(wrapped: Exported, crops: np.ndarray, model: Path, form: str) -> np.ndarray:
    """Writes the file, checks it, and returns its logits for these faces."""
    write_onnx(wrapped, model, form, normalised(crops[:: max(1, len(crops) // RANGE_FACES)]))
    logits = answers(session(model), crops)
    check(wrapped, crops[:CHECKED], logits[:CHECKED], form)
    return logits


@torch.no_grad()
def check(net: nn.Module, crops: np.ndarray, logits: np.ndarray, form: str) -> None:
    """Compares the file's logits with PyTorch's."""
    expected = torch.cat([net(one[None]) for one in torch.from_numpy(normalised(crops))]).numpy()
    if form == "int8":
        second, first = np.sort(expected, axis=1)[:, -2:].T
        same = float(((expected.argmax(axis=1) == logits.argmax(axis=1)) | (first - second < TIE)).mean())
        if same < LEAST_SAME_CHOICES:
            raise ExportError(f"int8 chooses as PyTorch does for only {same:.1%} of {len(crops)} faces")
        return
    worst = float(np.abs(expected - logits).max())
    if worst > LARGEST_DIFFERENCE[form]:
        raise ExportError(
            f"a logit differs by {worst:.4f} from PyTorch's; at most {LARGEST_DIFFERENCE[form]} is right"
        )


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Exports and calibrates a trained net.")
    parser.add_argument("--run", type=Path, nargs="+", required=True, help="several: the mean of the nets")
    parser.add_argument("--data", type=Path, default=ROOT / "models/training/runs/data")
    parser.add_argument("--out", dest="manifest", type=Path, default=ROOT / "models/expression.toml")
    parser.add_argument("--mirror", action="store_true", help="average with the mirror image: twice the time")
    parser.add_argument("--form", choices=FORMS, default="half", help="precision.py tells them apart")
    parser.add_argument("--licence", default=LICENCE, help="of weights from pictures of your own")
    parser.add_argument(
        "--accuracy-given",
        type=float,
        default=ACCURACY_GIVEN,
        help="that biases may cost for macro recall; 0 for accuracy alone",
    )
    options = parser.parse_args(arguments)
    # One line: it stands in a comment.
    given = " ".join(shlex.join(sys.argv[1:] if arguments is None else arguments).split())
    print(export(**vars(options), written_by=f"`python -m expression.export {given}`"))


if __name__ == "__main__":
    main()
