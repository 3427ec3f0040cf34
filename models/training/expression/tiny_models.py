"""Writes the tiny models that the classify crate's tests open: crates/classify/tests/data.

    python -m expression.tiny_models

Each answers from the mean of its input, so that a test can know the answer; some are wrong in one way.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from expression import LABELS
from expression.export import INPUT, OPSET, OUTPUT, manifest_text
from expression.prepare import ROOT

FOLDER = ROOT / "crates/classify/tests/data"
WEIGHTS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, -1.0)
"""Of the mean, in the order of the labels."""


def model(
    side: int = 112, classes: int = len(LABELS), scale: float = 1.0, dtype: int = TensorProto.FLOAT
) -> onnx.ModelProto:
    """logits[c] = scale * WEIGHTS[c] * mean(crop)."""
    weights = np.resize(np.array(WEIGHTS), (1, classes)) * scale
    weights = weights.astype(helper.tensor_dtype_to_np_dtype(dtype))
    nodes = [
        helper.make_node("ReduceMean", [INPUT, "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], [OUTPUT]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(INPUT, dtype, [1, 1, side, side])],
        [helper.make_tensor_value_info(OUTPUT, dtype, [1, classes])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.array([2, 3]), "axes")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    onnx.checker.check_model(made, full_check=True)
    return made


MODELS = {
    "right": model(),
    "small-input": model(side=64),
    "eight-outputs": model(classes=8),
    "doubles": model(dtype=TensorProto.DOUBLE),
    "not-finite": model(scale=float("nan")),
}


def main() -> None:
    """The command."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, made in MODELS.items():
        write(FOLDER / f"{name}.onnx", made)


def write(path: Path, made: onnx.ModelProto) -> None:
    """The model and its manifest."""
    path.write_bytes(made.SerializeToString(deterministic=True))
    path.with_suffix(".toml").write_text(
        manifest_text(path.stem, path, temperature=1.0, licence="MIT OR Apache-2.0")
    )


if __name__ == "__main__":
    main()
