"""Caltech-UCSD Birds: its tables, and what is damaged in them."""

import pytest

from tinycnn.data import read
from tinycnn.data.readers import cub, recognize
from tinycnn.errors import DataError

NAMES = ["001.Black_footed_Albatross/a_1.jpg", "001.Black_footed_Albatross/a_2.jpg", "002.Wren/b 3.jpg"]


@pytest.fixture
def birds(tmp_path, photo):
    """birds(bounding_boxes="...", ...): a small set of three pictures, some of its tables as they are given."""

    def write(**changed):
        for name in NAMES:
            photo(f"images/{name}")
        tables = {
            "images": "".join(f"{i} {name}\n" for i, name in enumerate(NAMES, 1)),
            "image_class_labels": "1 1\n2 1\n3 2\n", "classes": "1 001.Black_footed_Albatross\n2 002.Wren\n",
            "bounding_boxes": "1 2.0 3.0 10.0 9.0\n2 0.0 0.0 30.0 20.0\n3 1.0 1.0 5.0 5.0\n",
            "train_test_split": "1 1\n2 0\n3 1\n"} | changed  # fmt: skip
        for name, text in tables.items():
            if text is not None:
                (tmp_path / f"{name}.txt").write_text(text)
        return tmp_path

    return write


def test_all_of_it(birds, answers):
    data = read(birds(), valid_fraction=0.0)
    assert data.classes == ("Black footed Albatross", "Wren") and not any("left out" in note for note in data.notes)
    assert answers(data) == {
        "a_1.jpg": ("train", "Black footed Albatross", [2, 3, 12, 12]),
        "a_2.jpg": ("test", "Black footed Albatross", [0, 0, 30, 20]), "b 3.jpg": ("train", "Wren", [1, 1, 6, 6])}
    assert recognize(birds()) == recognize(birds(), "cub") and recognize(birds())[0] is cub


def test_without_a_division_one_is_made(birds):
    data = read(birds(train_test_split=None), valid_fraction=0.0, test_fraction=0.34)
    assert [len(part) for part in data.parts.values()] == [2, 0, 1]


def test_what_does_not_fit_together_is_left_out_and_said(birds, photo):
    photo("images/002.Wren/unlisted.jpg")
    data = read(birds(images="1 001.Black_footed_Albatross/a_1.jpg\n2 ../../x.jpg\n3 002.Wren/b 3.jpg\n4 gone.jpg\n",
                      image_class_labels="1 1\n2 1\n3 7\n4 2\n", train_test_split="1 1\n2 1\n3 1\n4 2\n"),
                valid_fraction=0.0)
    notes = "\n".join(data.notes)
    assert data.train.names == ["a_1.jpg"]
    for words in ("leads out of the folder (../../x.jpg)", "its class is not in classes.txt (002.Wren/b 3.jpg)",
                  "its part is neither 1 nor 0 in train_test_split.txt (gone.jpg)",
                  "it is not in images.txt (a_2.jpg, unlisted.jpg)"):
        assert words in notes


def test_boxes_that_are_none(birds):
    data = read(birds(bounding_boxes="1 2.0 3.0 10.0 9.0\n2 nan 1 2 3\n3 1 2 3\n"), valid_fraction=0.0)
    assert data.train.names == ["a_1.jpg"] and any("its box is not four numbers" in note for note in data.notes)


def test_two_classes_of_one_name_keep_their_numbers(birds):
    data = read(birds(classes="1 001.Wren\n2 002.Wren\n"), valid_fraction=0.0)
    assert data.classes == ("001.Wren", "002.Wren")


@pytest.mark.parametrize("line", ["x y", "7", "-1 2", "\0 1", "1" * 10 + " a"])
def test_lines_that_are_none(birds, line):
    with pytest.raises(DataError, match="images.txt, line 2: a number, a space and more were expected"):
        read(birds(images=f"1 a.jpg\n{line}\n"))


def test_a_number_that_is_there_twice(birds):
    data = read(birds(image_class_labels="1 1\n1 2\n2 1\n3 2\n"), valid_fraction=0.0)
    assert "a number is there twice, and the first counts: 1 (image_class_labels.txt, line 2)" in "\n".join(data.notes)
