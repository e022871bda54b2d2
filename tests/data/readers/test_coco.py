import json
from pathlib import Path

import pytest

from tinycnn.data import read
from tinycnn.data.readers import coco
from tinycnn.data.readers.assemble import TAKE_IN
from tinycnn.errors import DataError

CATEGORIES = [{"id": 17, "name": "owl"}, {"id": 3, "name": "cat"}, {"id": 5, "name": "unused"}]


@pytest.fixture
def annotate(tmp_path):
    """annotate("x.json", {"a.png": [(category id, bbox), ...]}): write one file; pictures are 20 x 30."""

    def write(name, pictures, **changes):
        images = [{"id": f"i{i}", "file_name": p, "height": 20, "width": 30} for i, p in enumerate(pictures)]
        annotations = [
            {"id": k, "image_id": f"i{i}", "category_id": category, "bbox": box, "iscrowd": 0}
            for i, objects in enumerate(pictures.values())
            for k, (category, box) in enumerate(objects)
        ]
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"images": images, "annotations": annotations, "categories": CATEGORIES} | changes
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return write


def test_one_file(tmp_path, photo, annotate, answers):
    photo("images/a.png")
    photo("b.png")
    annotate("annotations.json", {"a.png": [(3, [1.5, 2, 10, 4.25])], "b.png": [(3, [0, 0, 2, 2]), (17, [0, 0, 9, 9])]})
    data = read(tmp_path, valid_fraction=0, test_fraction=0)
    assert answers(data) == {"a.png": ("train", "cat", [1.5, 2, 11.5, 6.25]), "b.png": ("train", "owl", [0, 0, 9, 9])}
    assert data.classes == ("owl", "cat")  # in the file's order, without those that no picture shows


def test_official_layout(tmp_path, photo, annotate):
    for part in ("train2017", "val2017"):
        pictures = {f"{part}{i}.png": [((3, 17)[i % 2], [0, 0, 5, 5])] for i in range(10)}
        for name in pictures:
            photo(f"{part}/{name}")
        path = annotate(f"annotations/instances_{part}.json", pictures)
        annotate(f"annotations/captions_{part}.json", {}, categories=None)
        annotate(f"annotations/person_keypoints_{part}.json", {}, categories=None)
    data = read(tmp_path, valid_fraction=0.2)
    assert (len(data.train), len(data.valid), len(data.test)) == (8, 2, 10)
    assert all(name.startswith("val2017") for name in data.test.names)
    assert any("test is its own valid part" in note for note in data.notes)
    alone = read(path, test_fraction=0.5)  # one part alone is no split: it is divided
    assert len(alone.test) == 5 and alone.name == "instances_val2017"


def test_folder_for_each_part(tmp_path, photo, annotate, answers):
    for part in ("train", "valid", "test"):
        for name in ("a.png", "b.png"):
            photo(f"{part}/{name}")
        annotate(f"{part}/_annotations.coco.json", {"a.png": [(3, [0, 0, 5, 5])], "b.png": [(17, [0, 0, 5, 5])]})
    assert {name: part for name, (part, *_) in answers(read(tmp_path)).items()} == {
        f"{part}/{name}": part for part in ("train", "valid", "test") for name in ("a.png", "b.png")
    }


def test_what_cannot_be_used_is_left_out(tmp_path, photo, annotate, answers):
    pictures = {
        "ok.png": [(3, [0, 0, 5, 5])],
        "crowd.png": [(17, [0, 0, 5, 5])],
        "none.png": [],
        "gone.png": [(3, [0, 0, 5, 5])],
        "../out.png": [(3, [0, 0, 5, 5])],
        "/etc/out.png": [(3, [0, 0, 5, 5])],
        "nobox.png": [(3, None)],
        "short.png": [(3, [1, 2, 3])],
        "text.png": [(3, ["x", 2, 3, 4])],
        "huge.png": [(3, [10**400, 2, 3, 4])],
        "negative.png": [(3, [10, 2, -3, 4])],
        "category.png": [(99, [1, 2, 3, 4])],
        "size.png": [(3, [1, 2, 3, 4])],
        "owl.png": [(17, [-5, 2, 500, 4])],
    }
    for name in pictures:
        if name != "gone.png" and not name.startswith("/"):
            photo(f"set/{name}", width=40 if name == "size.png" else 30)
    path = annotate("set/annotations.json", pictures)
    content = json.loads(path.read_text())
    next(a for a in content["annotations"] if a["category_id"] == 17)["iscrowd"] = 1
    content["annotations"].append({"id": 99, "image_id": "unknown", "category_id": 3, "bbox": [0, 0, 1, 1]})
    path.write_text(json.dumps(content))
    data = read(tmp_path / "set", valid_fraction=0, test_fraction=0)
    assert answers(data) == {"ok.png": ("train", "cat", [0, 0, 5, 5]), "owl.png": ("train", "owl", [0, 2, 30, 6])}
    assert set(data.notes[:-1]) == {
        "left out 3 of 14: the picture is missing (gone.png, ../out.png, /etc/out.png)",
        "left out 1 of 14: no object is marked in it (none.png)",
        "left out 1 of 14: all its objects are crowds (iscrowd) (crowd.png)",
        "a crowd (one box around many) not used: 1 (crowd.png)", TAKE_IN,
        "left out 4 of 14: its box is not four numbers (nobox.png, short.png, text.png, ...)",
        "left out 1 of 14: box has no area (negative.png)",
        "left out 1 of 14: its class has no name (category.png)",
        "left out 1 of 14: its annotation is for a picture of another size (size.png is 40 x 20, annotated at 30 x 20)",
        "annotations of pictures that the file does not list: 1 (unknown)",
        "box cut at the border of the picture: 1 (owl.png)",
    }
    taken = answers(read(tmp_path / "set", valid_fraction=0, test_fraction=0, difficult=True))
    assert taken["crowd.png"] == ("train", "owl", [0, 0, 5, 5]) and len(taken) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON|not a COCO file"),
        ("[]", "must hold the lists images, annotations, categories"),
        ('{"images": [], "annotations": {}, "categories": []}', "must hold the lists"),
        ('{"images": [{"id": 1}], "annotations": [], "categories": []}', "list images has no usable 'file_name'"),
        ('{"images": [7], "annotations": [], "categories": []}', "list images has no usable"),
        ('{"images": [], "annotations": [{"image_id": [1]}], "categories": []}', "has no usable 'image_id'"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1}]}', "list categories has no usable 'name'"),
        ('{"images": [], "annotations": [], "categories": []}', "nothing usable remains.*list no picture"),
    ],
)
def test_files_of_another_form_are_refused(tmp_path, text, message):
    (tmp_path / "annotations.json").write_text(text)
    with pytest.raises(DataError, match=message):
        read(tmp_path)


def test_huge_and_foreign_files_are_refused(tmp_path, monkeypatch):
    (tmp_path / "annotations.json").write_bytes(b'{"images": "\xff\xfe"}')
    with pytest.raises(DataError, match="not UTF-8"):
        read(tmp_path)
    monkeypatch.setattr(coco, "MAX_BYTES", 10)
    with pytest.raises(DataError, match="more than 10 is not read"):
        read(tmp_path)


@pytest.mark.parametrize("pictures", ["{part}", "images/{part}"])
def test_a_part_looks_in_its_own_folder_first(photo, annotate, answers, tmp_path, pictures):
    for k, part in enumerate(("train", "val", "test")):
        photo(f"{pictures.format(part=part)}/a.png")
        annotate(f"{part}.json", {"a.png": [(3, [k, 0, 5, 5])]})
    found = answers(read(tmp_path))
    assert {Path(name).parent.name: (part, box) for name, (part, _, box) in found.items()} == {
        "train": ("train", [0, 0, 5, 5]), "val": ("valid", [1, 0, 6, 5]), "test": ("test", [2, 0, 7, 5])}


def test_a_picture_in_two_files_is_said(photo, annotate, answers, tmp_path):
    for name in "ab":
        photo(f"{name}.png")
    annotate("one.json", {"a.png": [(3, [0, 0, 5, 5])], "b.png": [(3, [0, 0, 5, 5])]})
    annotate("two.json", {"a.png": [(3, [0, 0, 9, 9])]})
    data = read(tmp_path, valid_fraction=0, test_fraction=0)
    assert answers(data)["a.png"] == ("train", "cat", [0, 0, 9, 9])
    assert "has boxes from two files, one.json and two.json; all count: 1 (a.png)" in data.notes
