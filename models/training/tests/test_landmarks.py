"""The landmark chain on faces that are drawn: mesh to points, samples, turned heads, and the packed model."""

import struct
from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest
from detector.faces import box_of
from landmarks import pack, samples, turn
from landmarks.dlib_file import read
from landmarks.mesh_points import NEAREST, Translation

MESH_POINTS = 478


def head(rng: np.random.Generator, size: float = 60.0) -> np.ndarray:
    """A mesh [478, 3] on half an ellipsoid that looks at the camera, named points where faces have them."""
    across, down = rng.uniform(-0.9, 0.9, (2, MESH_POINTS))
    named = {4: (0, 0.1), 33: (-0.5, -0.3), 133: (-0.2, -0.3), 263: (0.5, -0.3), 362: (0.2, -0.3)}
    for point, (x, y) in named.items():
        across[point], down[point] = x, y
    for place, number in enumerate(NEAREST[36:48]):
        across[number] = (-0.35 if place < 6 else 0.35) + 0.02 * (place % 3)
        down[number] = -0.3
    across[NEAREST[8]], down[NEAREST[8]] = 0.0, 0.9
    across[NEAREST[27]], down[NEAREST[27]] = 0.0, -0.3
    depth = -np.sqrt(np.maximum(0.05, 1.6 - across**2 - 0.5 * down**2))
    return np.stack([100 + size * across, 100 + 1.3 * size * down, size * depth], axis=1)


def test_the_mesh_is_brought_to_what_annotators_mark() -> None:
    rng = np.random.default_rng(1)
    meshes = [head(rng)[:, :2] for _ in range(60)]
    # Annotators who put every point a tenth of a face lower, in the face's own frame.
    truths = [mesh[NEAREST] + [0.0, 6.0] for mesh in meshes]
    translate = Translation(meshes[:50], truths[:50])
    off = [
        np.abs(translate(mesh) - truth).max() for mesh, truth in zip(meshes[50:], truths[50:], strict=True)
    ]
    assert max(off) < 1.0, max(off)


def test_a_turned_head_has_its_points_where_its_picture_has_them() -> None:
    mesh = head(np.random.default_rng(2))
    picture = np.full((200, 200), 60, np.uint8)
    nose = mesh[turn.NOSE, :2]
    cv2.circle(picture, tuple(int(v) for v in nose), 3, 255, -1)
    for yaw in (-30.0, 30.0):
        result, moved = turn.turned(picture, mesh, yaw)
        bright = np.argwhere(result > 160)[:, ::-1].mean(0)
        assert np.linalg.norm(bright - moved[turn.NOSE, :2]) < 3.0
        assert np.sign((moved - mesh)[turn.NOSE, 0]) == np.sign(yaw), "the nose goes where the head turns"
        assert turn.side(moved) == np.sign(yaw)


def drawn(rng: np.random.Generator) -> samples.Sample:
    """A face of 68 bright dots."""
    points = 100 + np.stack([rng.uniform(-40, 40, 68), rng.uniform(-45, 45, 68)], axis=1)
    picture = rng.integers(0, 60, (200, 200)).astype(np.uint8)
    for x, y in points:
        cv2.circle(picture, (round(x), round(y)), 2, 255, -1)
    return samples.Sample(picture, points, box_of(points))


def brightness(sample: samples.Sample) -> float:
    """How bright the picture is at the points."""
    columns, rows = np.clip(np.round(sample.points).astype(int), 0, sample.picture.shape[0] - 1).T
    return float(sample.picture[rows, columns].mean())


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.5])
def test_points_stay_on_what_they_mark(scale: float) -> None:
    face = drawn(np.random.default_rng(3))
    picture = cv2.resize(face.picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cut = samples.cut(picture, (face.points + 0.5) * scale - 0.5)
    assert abs(cut.box[2] - samples.FACE_PX) < 1.0
    for changed in (cut, samples.mirrored(cut), samples.rolled(cut, 12.0)):
        assert (
            brightness(changed)
            > brightness(samples.Sample(changed.picture, changed.points + 9, cut.box)) + 40
        )


def test_the_packed_model_keeps_what_dlib_grew(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    faces = [drawn(rng) for _ in range(4)]
    options = dlib.shape_predictor_training_options()
    options.cascade_depth, options.num_trees_per_cascade_level, options.tree_depth = 2, 3, 2
    options.oversampling_amount, options.feature_pool_size = 2, 20
    corner = dlib.rectangle(60, 55, 140, 145)
    known = [
        [dlib.full_object_detection(corner, [dlib.point(round(x), round(y)) for x, y in face.points])]
        for face in faces
    ]
    dlib.train_shape_predictor([face.picture for face in faces], known, options).save(str(tmp_path / "m.dat"))
    mean, stages = read(tmp_path / "m.dat")
    assert mean.shape == (136,) and [stage.steps.shape for stage in stages] == [(3, 4, 136)] * 2

    codes, directions = pack.coded(stages[0].steps)
    again = codes.astype(np.float32) @ directions
    assert np.abs(again - stages[0].steps).max() < 0.01 * np.abs(stages[0].steps).max() + 1e-6
    content = pack.packed(mean, stages)
    assert content.startswith(pack.MAGIC)
    assert struct.unpack("<4H", content[8:16]) == (68, 2, 4, pack.DIRECTIONS)


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.dat").write_bytes(b"\x01\x02")
    with pytest.raises(ValueError, match="m.dat"):
        read(tmp_path / "m.dat")
