"""The model that ships: `python -m landmarks.pack --run RUN --out ..`.

Makes landmarks-68.bin and its manifest of RUN/landmarks.dat. The steps of a stage's leaves lie near a plane
of few directions (a face has few ways to change), found by principal components; a leaf keeps one byte for
each. The layout is told in crates/align/src/shape_predictor/compact.rs.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np

from landmarks.dlib_file import Stage, read

MAGIC = b"CMERTS1\n"
# Directions of a stage. With 40, packing costs less than a hundredth of the error (landmarks.judge).
DIRECTIONS = 40
# The largest code stands for the largest step but these; the few beyond are cut to it.
BEYOND = 0.0005
LICENCE = "reference model for evaluation: the pictures' terms allow research only"


def coded(steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes int8 [trees, leaves, D] and directions float32 [D, 2 * points] of a stage's steps."""
    flat = steps.reshape(-1, steps.shape[-1]).astype(np.float64)
    # Not centred: a step of nothing has the code nothing.
    _, vectors = np.linalg.eigh(flat.T @ flat)
    axes = vectors[:, ::-1][:, :DIRECTIONS]
    along = flat @ axes
    scale = np.quantile(np.abs(along), 1 - BEYOND, axis=0) / 127
    codes = np.clip(np.round(along / scale), -127, 127).astype(np.int8)
    return codes.reshape(*steps.shape[:2], -1), (axes * scale).T.astype(np.float32)


def packed(mean: np.ndarray, stages: list[Stage]) -> bytes:
    """The file's content."""
    leaves = stages[0].steps.shape[1]
    parts = [MAGIC, np.array([len(mean) // 2, len(stages), leaves, DIRECTIONS], "<u2"), mean.astype("<f4")]
    for stage in stages:
        codes, directions = coded(stage.steps)
        splits = np.empty(stage.splits.shape[:2], [("first", "<u2"), ("second", "<u2"), ("threshold", "<i2")])
        splits["first"], splits["second"] = stage.splits[..., 0], stage.splits[..., 1]
        # Pixels are whole numbers, so `a - b > t` and `a - b > floor(t)` are the same question.
        splits["threshold"] = np.clip(np.floor(stage.splits[..., 2]), -256, 256)
        parts += [
            np.array([len(stage.anchors), len(stage.splits)], "<u2"),
            stage.anchors.astype(np.uint8),
            stage.offsets[:, 0].astype("<f4"),
            stage.offsets[:, 1].astype("<f4"),
            splits,
            directions.astype("<f4"),
            codes,
        ]
    return b"".join(part if isinstance(part, bytes) else part.tobytes() for part in parts)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="where landmarks.train left its model")
    parser.add_argument("--out", type=Path, required=True, help="where the model and its manifest go")
    arguments = parser.parse_args()
    content = packed(*read(arguments.run / "landmarks.dat"))
    (arguments.out / "landmarks-68.bin").write_bytes(content)
    lines = [
        "# Written by landmarks.pack; do not edit.",
        'name = "landmarks-68"',
        'kind = "landmarks"',
        'file = "landmarks-68.bin"',
        f'sha256 = "{hashlib.sha256(content).hexdigest()}"',
        f'licence = "{LICENCE}"',
        'card = "landmarks-68.md"',
        "",
        "[landmarks]",
        "points = 68",
    ]
    (arguments.out / "landmarks-68.toml").write_text("\n".join(lines) + "\n")
    print(f"landmarks-68.bin: {len(content) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
