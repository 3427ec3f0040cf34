"""The class folders that `cabinmood evaluate` reads, from a made set."""

import csv
import io
import tarfile

import pytest
from expression import class_folders
from expression.labels import VOTE_COLUMNS

ROWS = [
    # usage, image, FER2013's label, votes for happiness, surprise and contempt
    ("PublicTest", "a.png", "fear", 9, 1, 0),
    ("PublicTest", "tie.png", "happy", 5, 5, 0),
    ("PublicTest", "other.png", "sad", 2, 0, 8),
    ("Training", "b.png", "happy", 10, 0, 0),
]


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "fer2013plus"
    folder.mkdir()
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("usage", "image", "fer2013_label", "match_mae", *VOTE_COLUMNS))
        for usage, image, label, happiness, surprise, contempt in ROWS:
            votes = dict.fromkeys(VOTE_COLUMNS, 0)
            votes |= {"happiness": happiness, "surprise": surprise, "contempt": contempt}
            table.writerow((usage, image, label, 0, *votes.values()))
    with tarfile.open(folder / "images.tar", "w") as tar:
        for usage, image, *_ in ROWS:
            member = tarfile.TarInfo(f"{usage}/{image}")
            member.size = len(image)
            tar.addfile(member, io.BytesIO(image.encode()))
    return tmp_path


@pytest.mark.parametrize(
    ("labels", "expected"),
    [("ferplus", {"happy/a.png"}), ("original", {"fear/a.png", "happy/tie.png", "sad/other.png"})],
)
def test_public_test_in_class_folders(data, tmp_path, labels, expected):
    out = tmp_path / "out"
    class_folders.main(["--data", str(data), "--out", str(out), "--labels", labels])
    assert {str(p.relative_to(out)) for p in out.rglob("*.png")} == expected
    assert all(p.read_text() == p.name for p in out.rglob("*.png"))


def test_an_existing_folder_is_not_mixed_into(data, tmp_path):
    with pytest.raises(SystemExit, match="exists already"):
        class_folders.main(["--data", str(data), "--out", str(tmp_path)])


def test_groups_tell_how_far_the_voters_agree_with_the_folder(data, tmp_path):
    for labels, expected in (
        ("ferplus", [["happy/a.png", "0.90"]]),
        ("original", [["fear/a.png", "0.00"], ["happy/tie.png", "0.50"], ["sad/other.png", "0.00"]]),
    ):
        table = tmp_path / f"{labels}.csv"
        out = ["--out", str(tmp_path / labels), "--groups", str(table)]
        class_folders.main(["--data", str(data), "--labels", labels, *out])
        with table.open(newline="") as file:
            assert list(csv.reader(file)) == [["file", "agreement"], *expected]


def test_a_set_without_votes_has_no_groups(data, tmp_path):
    with pytest.raises(SystemExit, match="only fer has votes"):
        options = ["--out", str(tmp_path / "out"), "--set", "web", "--groups", str(tmp_path / "g.csv")]
        class_folders.main(["--data", str(data), *options])
