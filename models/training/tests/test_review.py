"""The review page: what it lists, in which order, and its corrections' way back into the builder. The page's
script runs in QuickJS."""

import json
import re

import cv2
import numpy as np
import pytest
import quickjs
from dataset import DatasetError, review
from dataset.tables import DROP, KEEP, LABEL, Correction, corrections_of
from drawn_faces import face, votes
from expression import LABELS
from expression.labels import VOTE_COLUMNS
from expression.pack import CALIBRATION, TRAIN, Pack
from raw_pictures import needs_binary, run, table

SURPRISE, HAPPY = LABELS.index("surprise"), LABELS.index("happy")


def data_of(page: str) -> dict:
    """What the page holds, read as the browser does."""
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def script(page: str, call: str, **given) -> str:
    """What a function of the page's script answers."""
    context = quickjs.Context()
    for name, value in given.items():
        context.set(name, json.dumps(value))
        context.eval(f"{name} = JSON.parse({name})")
    context.eval(re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1])
    return context.eval(call)


def opinion(names: list[str]) -> review.Opinion:
    """Of four rows: agreed, somewhat and fully disagreed, and one of divided voters."""
    cast = np.zeros((4, 10), np.uint8)
    cast[2, [VOTE_COLUMNS.index("happiness"), VOTE_COLUMNS.index("surprise")]] = 5
    p = np.full((4, 7), 0.01)
    for row, (label, choice) in enumerate(((0.9, 0.04), (0.3, 0.6), (0.45, 0.5), (0.02, 0.92))):
        p[row, HAPPY], p[row, SURPRISE] = label, choice
    pack = Pack(
        crops=np.stack([face("happy", i, 112) for i in range(4)]),
        sources=np.array(names),
        votes=cast,
        labels=np.full(4, HAPPY, np.int8),
        splits=np.array([TRAIN, TRAIN, TRAIN, CALIBRATION], np.uint8),
        digest="0123456789abcdef0",
    )
    return review.Opinion(*review.labelled(pack), p)


NAMES = ["happy/a.png", 'happy/b, "two".png', "happy/</script>.png", "happy/é.png"]


@pytest.fixture
def page(tmp_path) -> str:
    review.write(tmp_path / "page", opinion(NAMES), "a model")
    return (tmp_path / "page/index.html").read_text()


def test_rows_come_in_the_order_of_disagreement(page, tmp_path):
    rows = data_of(page)["rows"]
    assert [row[0] for row in rows] == [NAMES[3], NAMES[1], NAMES[2], NAMES[0]]
    assert rows[0][2:4] == ["validation", "happy"] and rows[2][5:] == [[0, 5, 5, *[0] * 7], 1.0]
    for _, shown, *_ in rows:
        assert cv2.imread(str(tmp_path / "page" / shown)).shape[:2] == (112, 112)
    listed = table(tmp_path / "page/predictions.csv")
    assert listed[0]["choice"] == "surprise" and float(listed[0]["p_label"]) == pytest.approx(0.02)
    assert "not out of fold" in page


def test_the_script_filters_and_orders(page):
    rows = data_of(page)["rows"]

    def shown(**chosen) -> list[int]:
        call = "JSON.stringify(chosenRows(rows, choices, filter))"
        return json.loads(script(page, call, rows=rows, choices={NAMES[1]: "keep"}, filter=chosen))

    assert shown() == [0, 1, 2, 3] and shown(split="validation") == [0] and shown(label="sad") == []
    assert shown(state="decided") == [1] and shown(state="open") == [0, 2, 3]
    assert shown(order="entropy")[0] == 2


def test_corrections_go_from_the_page_to_the_builder_as_they_were_chosen(page, tmp_path):
    choices = {NAMES[1]: "label:surprise", NAMES[2]: "drop", NAMES[3]: "keep", "elsewhere.png": "drop"}
    files = [row[0] for row in data_of(page)["rows"]]
    (tmp_path / "c.csv").write_text(
        script(page, "correctionsCsv(files, choices)", files=files, choices=choices)
    )
    assert corrections_of(tmp_path / "c.csv", NAMES) == {
        NAMES[1]: Correction(LABEL, SURPRISE),
        NAMES[2]: Correction(DROP),
        NAMES[3]: Correction(KEEP),
    }


def test_what_a_row_is_judged_by():
    both = np.array(
        [votes("sad"), votes("sad"), [0] * 10, [0] * 10, [5, 5, *[0] * 8], votes("sad")], np.uint8
    )
    pack = Pack(
        crops=np.zeros((6, 112, 112), np.uint8),
        sources=np.array(["a", "b", "c", "d", "e", "f#v2"]),
        votes=both,
        labels=np.array([HAPPY, -1, HAPPY, -1, -1, HAPPY], np.int8),
        splits=np.zeros(6, np.uint8),
    )
    rows, filed = review.labelled(pack)
    sad, neutral = LABELS.index("sad"), LABELS.index("happy")
    assert rows.sources.tolist() == ["a", "b", "c", "e"] and filed.tolist() == [sad, sad, HAPPY, neutral]


@needs_binary
def test_from_the_model_to_a_corrected_data_set(raw, built, learned, tmp_path):
    pack = built / "original/pack.npz"
    review.main(["--pack", str(pack), "--run", str(learned), "--out", str(tmp_path / "page")])
    page = (tmp_path / "page/index.html").read_text()
    rows = data_of(page)["rows"]
    assert {row[0] for row in rows} == set(Pack.load(pack).sources.tolist())
    assert all(sum(row[4]) == pytest.approx(1, abs=0.01) for row in rows)
    wrong, bad, *_ = (row[0] for row in rows)
    choices = {wrong: "label:surprise", bad: "drop"}
    corrections = script(
        page, "correctionsCsv(files, choices)", files=[row[0] for row in rows], choices=choices
    )
    (tmp_path / "c.csv").write_text(corrections)
    run(raw, tmp_path / "out", "--corrections", tmp_path / "c.csv", "--like", built)
    pictures = {row["file"]: row for row in table(tmp_path / "out/pictures.csv")}
    assert pictures[wrong]["label"] == "surprise" and pictures[wrong]["fate"] == "kept"
    assert pictures[bad]["fate"] == "dropped"
    earlier = {row["file"]: row["split"] for row in table(built / "pictures.csv")}
    assert pictures[wrong]["split"] == earlier[wrong]


def test_a_model_or_archive_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DatasetError, match="p.npz"):
        review.main(["--pack", str(tmp_path / "p.npz"), "--run", str(tmp_path), "--out", str(tmp_path / "o")])
    rows = opinion(NAMES)
    with pytest.raises(DatasetError, match="best.pt"):
        review.by_run(tmp_path, rows.pack, rows.filed)
    with pytest.raises(DatasetError, match="m.toml"):
        review.by_manifest(tmp_path / "m.toml", rows.pack)
