"""The face detector's training: features, boxes, search and the model file."""

import hashlib
import tomllib

import cv2
import numpy as np
import pytest
from detector import faces, hog, mine, search, svm, train
from detector.hog import COARSE, FINE


def texture(width: int, height: int) -> np.ndarray:
    """A smooth random picture."""
    noise = np.random.default_rng(3).integers(0, 256, (height, width), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


def face(x: float, y: float, side: float) -> faces.Face:
    """A face in a texture that is not symmetric."""
    return faces.Face(
        texture(300, 240), (x, y, side), turn=1, is_open=False, roll_deg=5.0, source="Some_Body_0001.jpg"
    )


@pytest.mark.parametrize("stage", [COARSE, FINE])
def test_a_window_of_a_level_is_what_opencv_computes_for_it(stage):
    picture = texture(200, 168)
    features = hog.blocks(picture, padding=0)
    single = cv2.HOGDescriptor((stage.window_px,) * 2, (16, 16), (8, 8), (8, 8), 9)
    for column, row in [(0, 0), (5, 2), (9, 5)]:
        place = (column * hog.CELL_PX, row * hog.CELL_PX)
        expected = single.compute(picture, (8, 8), (0, 0), [place])
        np.testing.assert_array_equal(hog.window(features, stage, column, row), expected.ravel())


def test_scores_are_products_with_windows():
    features = hog.blocks(texture(160, 120), padding=COARSE.padding_px)
    svms = np.random.default_rng(0).normal(size=(3, COARSE.values + 1)).astype(np.float32)
    found = hog.scores(features, COARSE, svms)
    assert found.shape == (17, 12, 3)
    expected = svms[:, :-1] @ hog.window(features, COARSE, 4, 7) + svms[:, -1]
    np.testing.assert_allclose(found[4, 7], expected, rtol=1e-4)


def test_scores_of_a_level_smaller_than_a_window_are_none():
    features = hog.blocks(texture(40, 200), padding=0)
    assert hog.scores(features, COARSE, np.zeros((1, COARSE.values + 1), np.float32)).size == 0


def test_a_level_knows_where_its_windows_lie():
    level = search.describe(texture(320, 240), (40, 20, 256, 160), 0.5, COARSE, COARSE.padding_px)
    x, y, side = level.box(2, 3)
    assert (x, y) == (40 + 64, 20 + 16 + 64)
    assert side == pytest.approx(128 * hog.BOX_SHARE)


def test_a_closer_look_at_the_picture_edge_still_covers_the_box():
    inside = search.closer_look(texture(320, 240), (160, 120, 80))
    at_edge = search.closer_look(texture(320, 240), (45, 120, 80))
    assert inside.features.shape[:2] == (FINE.blocks + 2, FINE.blocks + 2)
    boxes = [at_edge.box(i, j) for i in range(9) for j in range(9)]
    assert min(np.hypot(x - 45, y - 120) for x, y, _ in boxes) < 3.5
    assert search.closer_look(texture(320, 240), (-100, 120, 80)) is None


def test_overlapping_boxes_become_their_weighted_mean():
    found = search.suppress(np.array([[100, 50, 40, 1.0], [10, 10, 40, 2.0], [104, 50, 40, 3.0]]))
    np.testing.assert_allclose(found, [[103, 50, 40, 3.0], [10, 10, 40, 2.0]])


def test_a_mirrored_face_gives_the_mirrored_window():
    known = face(140, 110, hog.BOX_SHARE * 64)
    plain = known.picture[110 - 32 : 110 + 33, 140 - 32 : 140 + 33]
    other = known.mirrored()
    x, y = (round(value) for value in other.box[:2])
    np.testing.assert_array_equal(other.picture[y - 32 : y + 33, x - 32 : x + 33], plain[:, ::-1])
    assert (other.turn, other.roll_deg) == (-1, -5.0)


def test_mirroring_landmarks_twice_changes_nothing():
    np.testing.assert_array_equal(faces.MIRRORED[faces.MIRRORED], np.arange(68))


def test_a_sample_is_the_window_on_the_face():
    rng = np.random.default_rng(0)
    known = face(150, 120, COARSE.box_px)
    found = np.array([faces.sample(known, COARSE, rng, turn_deg=0.0) for _ in range(30)])
    on_it = hog.window(hog.blocks(known.picture[120 - 40 : 120 + 40, 150 - 40 : 150 + 40], 0), COARSE, 1, 1)
    beside = hog.window(hog.blocks(known.picture[20 : 20 + 80, 20 : 20 + 80], 0), COARSE, 1, 1)
    mean = found.mean(axis=0)
    assert np.linalg.norm(mean - on_it) < 0.8 * np.linalg.norm(mean - beside)


def test_pictures_of_a_person_stay_on_one_side_of_the_split():
    people = [
        faces.Face(np.zeros((1, 1)), (0, 0, 1), 0, False, 0.0, f"{name}_{n:04}.jpg")
        for name in "abcdefghij"
        for n in (1, 2)
    ]
    sides = [person.is_held_out for person in people]
    assert sides[::2] == sides[1::2]


def test_svms_learn_their_own_kind_and_share_negatives():
    rng = np.random.default_rng(0)
    centers = np.array([[3, 0], [0, 3], [-2, -2]])
    samples = np.vstack([center + rng.normal(0, 0.5, (50, 2)) for center in centers]).astype(np.float32)
    targets = np.repeat([[1, 0], [0, 1], [-1, -1]], 50, axis=0)
    svms = svm.fit(samples, targets, cost=1.0, start=None, steps=100)
    found = samples @ svms[:, :-1].T + svms[:, -1]
    assert (found[:50, 0] > 0).all() and (found[50:100, 1] > 0).all() and (found[100:] < 0).all()


def test_the_written_model_is_what_its_manifest_says(tmp_path):
    coarse = np.arange(2 * (COARSE.values + 1), dtype=np.float32).reshape(2, -1)
    fine = np.ones((3, FINE.values + 1), np.float32)
    train.write(tmp_path, coarse, fine)
    manifest = tomllib.loads((tmp_path / "face-hog.toml").read_text())
    content = (tmp_path / manifest["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == manifest["sha256"]
    values = np.frombuffer(content.removeprefix(train.MAGIC), "<f4")
    np.testing.assert_array_equal(values[: coarse.size], coarse.ravel())
    assert values.size == coarse.size + fine.size
    assert manifest["detector"]["coarse"] == 2 and manifest["detector"]["fine"] == 3


@pytest.mark.parametrize(
    ("turn", "is_open", "roll_deg", "name"),
    [
        (0, False, 3.0, "front"),
        (-1, False, -8.0, "left"),
        (1, False, 0.0, "right"),
        (1, True, 0.0, "open"),
        (1, True, 20.0, "clockwise"),
        (0, False, -20.0, "anticlockwise"),
    ],
)
def test_each_face_has_an_svm_that_learns_it(turn, is_open, roll_deg, name):
    known = faces.Face(texture(8, 8), (4, 4, 4), turn, is_open, roll_deg, "driver-1_0")
    assert train.KINDS[train.kind(known)] == name


def test_a_turned_sample_is_the_window_on_the_turned_picture():
    known = face(150, 120, FINE.box_px)
    rng = [np.random.default_rng(1) for _ in range(2)]
    turned = cv2.warpAffine(known.picture, cv2.getRotationMatrix2D((150, 120), -20, 1.0), (300, 240))
    by_hand = faces.sample(faces.Face(turned, known.box, 0, False, 0.0, "a_1.jpg"), FINE, rng[0], 0.0)
    found = faces.sample(known, FINE, rng[1], 20.0)
    assert np.corrcoef(found, by_hand)[0, 1] > 0.9


def test_what_may_be_an_unmarked_face_is_no_negative():
    level = search.describe(texture(64, 64), (0, 0, 64, 64), 1.0, COARSE, 0)
    svms = np.zeros((1, COARSE.values + 1), np.float32)
    svms[0, -1] = 0.7
    assert len(mine.hard_windows(mine.Scene([level]), COARSE, svms)) == 1
    assert mine.hard_windows(mine.Scene([level], ceiling=0.0), COARSE, svms) == []
