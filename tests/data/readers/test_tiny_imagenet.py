import pytest

from tinycnn.data import read
from tinycnn.errors import DataError

WORDS = "n03\tcrane, lifting device\nn01\tgoldfish, Carassius auratus\nn02\tcrane, bird\nn99\tnot here\n"


@pytest.fixture
def build(tmp_path, photo):
    """build({wnid: [(file, x0, y0, x1, y1), ...]}, [(file, wnid, x0, ...), ...]): the layout, in 64 x 64 pixels."""

    def make(train, val, words=WORDS, missing=()):
        (tmp_path / "wnids.txt").write_text("".join(f"{wnid}\n" for wnid in train))
        (tmp_path / "words.txt").write_text(words)
        for wnid, rows in train.items():
            folder = tmp_path / "train" / wnid
            folder.mkdir(parents=True)
            for name, *_ in rows:
                if name not in missing:
                    photo(folder / "images" / name, 64, 64, format="JPEG")
            (folder / f"{wnid}_boxes.txt").write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
        (tmp_path / "val").mkdir()
        for name, *_ in val:
            photo(tmp_path / "val" / "images" / name, 64, 64, format="JPEG")
        (tmp_path / "val" / "val_annotations.txt").write_text(
            "".join("\t".join(map(str, row)) + "\n" for row in val)
        )
        (tmp_path / "test" / "images").mkdir(parents=True)
        return tmp_path

    return make


def test_boxes_classes_and_parts(build, answers):
    folder = build(
        {"n02": [("n02_0.JPEG", 0, 10, 63, 58)], "n01": [("n01_0.JPEG", 5, 6, 7, 8), ("n01_1.JPEG", 0, 0, 63, 63)]},
        [("val_0.JPEG", "n01", 1, 2, 3, 4)],
    )
    data = read(folder, valid_fraction=0)
    assert data.classes == ("crane", "goldfish")
    assert answers(data) == {
        "n02_0.JPEG": ("train", "crane", [0, 10, 64, 59]), "n01_0.JPEG": ("train", "goldfish", [5, 6, 8, 9]),
        "n01_1.JPEG": ("train", "goldfish", [0, 0, 64, 64]), "val_0.JPEG": ("test", "goldfish", [1, 2, 4, 5]),
    }
    assert data.train.sizes.tolist() == [[64, 64]] * 3


def test_classes_with_the_same_first_name_are_told_apart_and_unknown_ones_keep_their_number(build):
    rows = {wnid: [(f"{wnid}_0.JPEG", 0, 0, 9, 9)] for wnid in ("n01", "n02", "n03", "n04")}
    assert read(build(rows, [])).classes == ("goldfish", "crane (n02)", "crane (n03)", "n04")


def test_valid_is_split_off_train_by_seed_and_val_is_the_test_part(build):
    rows = {wnid: [(f"{wnid}_{i}.JPEG", 0, 0, 9, 9) for i in range(10)] for wnid in ("n01", "n02")}
    folder = build(rows, [("val_0.JPEG", "n01", 0, 0, 9, 9)])
    data = read(folder, valid_fraction=0.2, seed=3)
    assert (len(data.train), len(data.valid), data.test.names) == (16, 4, ["val_0.JPEG"])
    assert data.valid.labels.tolist() == [0, 0, 1, 1]
    assert read(folder, valid_fraction=0.2, seed=3).valid.names == data.valid.names
    assert read(folder, valid_fraction=0.2, seed=4).valid.names != data.valid.names
    with pytest.raises(DataError, match="parts of its own.*leave test_fraction away"):
        read(folder, test_fraction=0.2)


def test_what_cannot_be_used_is_left_out(build, photo, answers):
    rows = [
        ("ok.JPEG", 0, 0, 9, 9), ("column.JPEG", 63, 24, 63, 63), ("row.JPEG", 0, 8, 20, 8),
        ("turned.JPEG", 9, 9, 2, 20), ("gone.JPEG", 0, 0, 9, 9), ("../wnids.txt", 0, 0, 9, 9),
        ("text.JPEG", 0, "x", 9, 9),
    ]
    folder = build(
        {"n01": rows, "n02": [("two.JPEG", 0, 0, 99, 9)]},
        [("val_0.JPEG", "n77", 0, 0, 9, 9), ("val_1.JPEG", "n01", 0, 0, 9, 9)],
        missing=("gone.JPEG", "../wnids.txt"),
    )
    photo("train/n01/images/unlisted.JPEG", 64, 64)
    data = read(folder, valid_fraction=0)
    assert set(answers(data)) == {"ok.JPEG", "two.JPEG", "val_1.JPEG"}
    assert set(data.notes[:-1]) == {
        "left out 3 of 11: box has no area (column.JPEG, row.JPEG, turned.JPEG)",
        "left out 1 of 11: the picture is missing (gone.JPEG)",
        "left out 1 of 11: the file name in its annotation leads out of the folder (../wnids.txt)",
        "left out 1 of 11: its box is not four numbers (text.JPEG)",
        "left out 1 of 11: it has no annotation (unlisted.JPEG)",
        "left out 1 of 11: its class is not in wnids.txt (val_0.JPEG)",
        "box cut at the border of the picture: 1 (two.JPEG)",
    }


def test_wrong_lines_and_class_names_are_explained(build):
    folder = build({"n01": [("a.JPEG", 0, 0, 9)], "n02": []}, [])
    with pytest.raises(DataError, match="n01_boxes.txt, line 1: 5 columns"):
        read(folder)
    (folder / "wnids.txt").write_text("../n01\n")
    with pytest.raises(DataError, match="'../n01' is not the name of a class folder"):
        read(folder)


def test_a_class_whose_name_is_longer_than_names_may_be(build):
    folder = build({"n01": [("a.JPEG", 0, 0, 9, 9)]}, [("b.JPEG", "n01", 0, 0, 9, 9)])
    (folder / "wnids.txt").write_text(f"n01\n{'x' * 5000}\n")
    assert read(folder, valid_fraction=0).train.names == ["a.JPEG"]
