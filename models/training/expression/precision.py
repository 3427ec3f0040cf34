"""Smaller and faster forms of an exported net.

`half`: large weights stored as 16 bits and widened at load; the arithmetic stays float32. `int8`: static
quantisation in QDQ form, weights by channel, ranges from real faces. `fp16`: 16-bit arithmetic, for GPUs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

LARGE = 1000
"""Values from which a weight is worth storing as halves."""


def halved(model: onnx.ModelProto, _faces: np.ndarray) -> onnx.ModelProto:
    """Stores each float32 weight of more than LARGE values as float16, with a cast behind it."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or np.prod(tensor.dims) <= LARGE:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor)
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return model


class Faces(CalibrationDataReader):
    """Normalised faces [N,1,112,112] float32, one at a time."""

    def __init__(self, name: str, faces: np.ndarray) -> None:
        self.inputs: Iterator[dict] = iter([{name: face[None]} for face in faces])

    def get_next(self) -> dict | None:
        return next(self.inputs, None)


def quantized(model: onnx.ModelProto, faces: np.ndarray) -> onnx.ModelProto:
    """Activations and weights as signed 8 bits; the ranges are those that the faces cause."""
    with tempfile.TemporaryDirectory() as folder:
        whole, ready, small = (Path(folder) / f"{name}.onnx" for name in ("whole", "ready", "small"))
        onnx.save(model, whole)
        quant_pre_process(whole, ready)
        quantize_static(
            ready,
            small,
            Faces(model.graph.input[0].name, faces),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )
        return onnx.load(small)


def sixteen_bits(model: onnx.ModelProto, _faces: np.ndarray) -> onnx.ModelProto:
    """Weights and arithmetic as float16; crop and logits stay float32."""
    small = OnnxModel(convert_float_to_float16(model, keep_io_types=True))
    small.topological_sort()
    return small.model


FORMS: dict[str, Callable[[onnx.ModelProto, np.ndarray], onnx.ModelProto]] = {
    "full": lambda model, _faces: model,
    "half": halved,
    "int8": quantized,
    "fp16": sixteen_bits,
}
