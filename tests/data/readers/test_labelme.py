import json

import numpy as np
import pytest

import tinycnn.data
from tinycnn.data.readers import coco, labelme, records, table, via, voc
from tinycnn.data.readers.pictures import BY_NAME
from tinycnn.errors import DataError

BRIGHT = (20, 10, 50, 40)  # of the rectangle in every `picture`, half-open pixels
SMALL = ("dog", "rectangle", [[0, 1], [8, 9.5]])
CAT = ("cat", "rectangle", [[20.0, 10.0], [50.0, 40.0]])


def read(root, test_fraction=0.0):
    """The Dataset of a folder or file of this format, no part of it split off."""
    return tinycnn.data.read(root, "labelme", valid_fraction=0.0, test_fraction=test_fraction, max_side=None)


@pytest.fixture
def mark(tmp_path):
    """mark("a.json", (label, kind, points), ...): a file as LabelMe 5 writes it, for a.png if not told."""

    def write(name, *shapes, image=None, **changes):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        listed = [
            {"label": label, "points": points, "group_id": rest[0] if rest else None, "description": "",
             "shape_type": kind, "flags": {}, "mask": None}
            for label, kind, points, *rest in shapes
        ]
        content = {
            "version": "5.4.1", "flags": {}, "shapes": listed,
            "imagePath": path.with_suffix(".png").name if image is None else image,
            "imageData": None, "imageHeight": 50, "imageWidth": 80,
        } | changes
        path.write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")
        return path

    return write


def test_the_box_covers_the_bright_pixels(tmp_path, picture, mark, answers):
    picture("a.png", "b.png", "c.png")
    mark("a.json", SMALL, CAT)
    mark("b.json", ("owl", "rectangle", [[50.0, 10.0], [20.0, 40.0]]))  # any two opposite corners
    mark("c.json", ("cat", "polygon", [[35, 10], [50, 25.5], [35.5, 40], [20, 25]]))
    data = read(tmp_path)
    assert answers(data) == {
        "a.png": ("train", "cat", list(BRIGHT)), "b.png": ("train", "owl", list(BRIGHT)),
        "c.png": ("train", "cat", list(BRIGHT)),
    }
    assert data.classes == ("cat", "owl")
    for image, box in zip(data.train.images, data.train.boxes, strict=True):
        bright = (np.asarray(image).reshape(50, 80, 3) == np.asarray(image).max()).all(axis=2)
        xmin, ymin, xmax, ymax = box.astype(int)
        assert bright[ymin:ymax, xmin:xmax].all() and bright.sum() == (xmax - xmin) * (ymax - ymin)


def test_shapes(tmp_path, picture, mark, answers):
    names = ("circle", "group", "turned", "old", "others", "only", "empty")
    picture(*(f"{name}.png" for name in names))
    mark("circle.json", ("cat", "circle", [[40, 25], [43, 29]]))
    mark("group.json", ("cat", "polygon", [[20, 10], [30, 10], [25, 20]], 1), ("dog", "rectangle", [[0, 0], [9, 9]]),
         ("cat", "rectangle", [[45, 30], [50, 40]], 1), ("cat", "rectangle", [[60, 0], [79, 49]], 2))
    mark("turned.json", ("cat", "oriented_rectangle", [[10, 0], [20, 10], [10, 20], [0, 10]]))
    mark("old.json", ("cat", None, [[1, 2], [3, 4], [1, 4]]))  # of a time when all shapes were polygons
    mark("others.json", ("cat", "point", [[70, 40]]), ("cat", "mask", [[0, 0], [79, 49]]),
         ("cat", "spiral", [[0, 0]]), ("cat", [], [[0, 0]]), ("cat", "line", [[0, 0], [79, 49]]), CAT)
    mark("only.json", ("cat", "linestrip", [[0, 0], [79, 49], [3, 3]]))
    mark("empty.json")
    data = read(tmp_path)
    assert answers(data) == {
        "circle.png": ("train", "cat", [35, 20, 45, 30]), "group.png": ("train", "cat", [60, 0, 79, 49]),
        "turned.png": ("train", "cat", [0, 0, 20, 20]), "old.png": ("train", "cat", [1, 2, 3, 4]),
        "others.png": ("train", "cat", list(BRIGHT)),
    }
    only = "not used: only rectangles, polygons and circles are"
    assert set(data.notes[:-2]) == {
        "left out 1 of 7: no rectangle, polygon or circle is marked in it (only.png)",
        "left out 1 of 7: no object is marked in it (empty.png)",
        "several shapes of one group taken as one object: 1 (group.png)",
        f"a point {only}: 1 (others.png)", f"a mask {only}: 1 (others.png)",
        f"a line {only}: 2 (only.png, others.png)", f"a shape of an unknown kind {only}: 2 (others.png, others.png)",
    }


def test_pieces_of_one_group_are_one_object(tmp_path, picture, mark, answers):
    picture("a.png")
    mark("a.json", ("cat", "polygon", [[20, 10], [30, 10], [25, 20]], 0),
         ("cat", "rectangle", [[45, 30], [50, 40]], 0))
    assert answers(read(tmp_path)) == {"a.png": ("train", "cat", list(BRIGHT))}


def test_parts(tmp_path, picture, mark, answers):
    for part in ("train", "valid", "test"):
        for name in ("a", "b"):
            picture(f"{part}/{name}.png", f"{part}/{name}2.png")
            mark(f"{part}/{name}.json", (name, *CAT[1:]))
            mark(f"{part}/{name}2.json", (name, *CAT[1:]), image=f"/home/somebody/pictures/{name}2.png")
    found = answers(read(tmp_path, None))
    assert {name: part for name, (part, *_) in found.items()} == {
        f"{part}/{name}.png": part for part in ("train", "valid", "test") for name in ("a", "b", "a2", "b2")
    }


def test_a_folder_for_the_annotations(tmp_path, picture, mark, answers):
    for part in ("train", "test"):
        picture(*(f"images/{part}/{name}" for name in ("a.png", "b.jpg.png")))
        mark(f"labels/{part}/a.json", CAT, image=f"..\\..\\images\\{part}\\a.png")
        mark(f"labels/{part}/b.jpg.json", CAT, image="b.jpg.png")
    data = read(tmp_path, None)
    assert (len(data.train), len(data.test)) == (2, 2)
    assert [note for note in data.notes if "found by" in note] == [
        f"{BY_NAME}: 2 (b.jpg.png, b.jpg.png)"
    ]


def test_which_picture_is_meant(tmp_path, picture, mark, answers):
    picture("set/renamed.png", "set/a.png", "set/copy.png", "set/none.png", "set/moved/x.png", "out.png")
    mark("set/renamed.json", CAT, image="IMG_0001.JPG")
    mark("set/a.json", ("dog", "rectangle", [[0, 0], [5, 5]]))
    mark("set/copy.json", CAT, image="a.png")
    mark("set/none.json", CAT, image="")
    mark("set/y.json", CAT, image="C:\\pictures\\X.jpg")
    mark("set/gone.json", CAT)
    mark("set/out.json", CAT, image="../out.png")
    mark("set/passwd.json", CAT, image="/etc/passwd")
    data = read(tmp_path / "set")
    names = ("renamed.png", "a.png", "none.png", "x.png")
    assert answers(data) == {name: ("train", "cat", list(BRIGHT)) for name in names}
    assert set(data.notes[:-2]) == {
        "left out 3 of 8: the picture is missing (gone.png, ../out.png, /etc/passwd)",
        "left out 1 of 8: it has no annotation (copy.png)",
        f"{labelme.OWN_NAME}: 1 (renamed.png)",
        f"{labelme.NOT_OWN}: 1 (a.png)",
        f"{BY_NAME}: 1 (x.png)",
        "has boxes from several annotations; all count: 1 (a.png)",
    }


def test_the_picture_in_the_file_is_not_decoded(tmp_path, picture, mark, answers):
    picture("a.png")
    mark("a.json", CAT, imageData="not base64 \u00e9" * 2000)
    path = mark("b.json", CAT, image="a.png")
    content = json.loads(path.read_text())
    ordered = {"imageData": "A" * 20_000, "lineColor": [0, 255, 0, 128]}  # old versions wrote the keys in any order
    path.write_text(json.dumps(ordered | {key: value for key, value in content.items() if key != "imageData"}))
    assert labelme.find(tmp_path) == [tmp_path / "a.json", path]
    assert answers(read(tmp_path)) == {"a.png": ("train", "cat", list(BRIGHT))}


def test_stated_size(tmp_path, picture, mark, answers):
    for name, size in (("double", (100, 160)), ("other", (50, 50)), ("text", ("50", True)), ("zero", (0, 80))):
        picture(f"{name}.png")
        mark(f"{name}.json", CAT, imageHeight=size[0], imageWidth=size[1])
    data = read(tmp_path)
    boxes = {"double.png": [10, 5, 25, 20], "text.png": list(BRIGHT), "zero.png": list(BRIGHT)}
    assert answers(data) == {name: ("train", "cat", box) for name, box in boxes.items()}


@pytest.mark.parametrize("points", [
    None, 7, "text", [], [[1]], [[1, 2, 3]], [["1", "2"], ["3", "4"]], [[None, 1], [2, 3]], [[True, 1], [2, 3]],
    [[1, 2], [float("nan"), 4]], [[1, 2], [10**400, 4]], {"x": 1}, [1, 2, 3, 4],
])
def test_points_that_are_none(tmp_path, picture, mark, points):
    picture("a.png", "b.png")
    mark("a.json", ("cat", "polygon", points), ("cat", "circle", points, 1), ("cat", "rectangle", points, 1))
    mark("b.json", CAT)
    data = read(tmp_path)
    assert "left out 1 of 2: its box is not four numbers (a.png)" in data.notes
    assert len(data.train) == 1


def test_shapes_without_area_or_label(tmp_path, picture, mark, answers):
    labels = {"null": None, "list": ["cat"], "blank": "  ", "true": True, "number": 3}
    for name, label in labels.items():
        picture(f"{name}.png")
        mark(f"{name}.json", (label, *CAT[1:]))
    shapes = {"same": ("rectangle", [[5, 5], [5, 5]]), "circle0": ("circle", [[5, 5], [5, 5]])}
    for name, (kind, points) in shapes.items():
        picture(f"{name}.png")
        mark(f"{name}.json", ("cat", kind, points))
    picture("shape.png", "three.png")
    mark("shape.json", shapes=[7, None, {}])
    mark("three.json", ("cat", "circle", [[5, 5], [6, 6], [7, 7]]))
    data = read(tmp_path)
    assert answers(data) == {"number.png": ("train", "3", list(BRIGHT))}
    assert set(data.notes[:-2]) == {
        "left out 5 of 9: its class has no name (blank.png, list.png, null.png, ...)",
        "left out 2 of 9: box has no area (circle0.png, same.png)",
        "left out 1 of 9: its box is not four numbers (three.png)",
        "a shape that is not as LabelMe writes it, not used: 2 (shape.png, shape.png)",
    }


def test_damaged_files_are_left_out(tmp_path, picture, mark, monkeypatch):
    picture("a.png")
    text = mark("a.json", CAT).read_bytes()
    for k in range(0, len(text) - 1, 7):
        (tmp_path / f"cut{k:04}.json").write_bytes(text[:k])
    (tmp_path / "latin.json").write_bytes(text.replace(b'"cat"', b'"\xe9"'))
    (tmp_path / "deep.json").write_bytes(b'{"shapes": [], "imagePath": ' + b"[" * 100_000)
    (tmp_path / "digits.json").write_bytes(b'{"shapes": [], "imagePath": ' + b"1" * 10_000 + b"}")
    (tmp_path / "shapes.json").write_text('{"shapes": {"0": {}}, "imagePath": "a.png"}')
    (tmp_path / "large.json").write_bytes(text + b" " * 5000)
    monkeypatch.setattr(labelme, "MAX_BYTES", 5000)
    monkeypatch.setattr(records, "LOOK", 10_000)
    data = read(tmp_path)
    assert len(data.train) == 1
    reasons = " ".join(data.notes)
    for reason in ("not valid JSON", "not UTF-8", "must hold the list shapes", "larger than 5,000 bytes"):
        assert reason in reasons
    assert int(data.notes[0].split()[2]) >= len(range(0, len(text) - 1, 7)), "cut off, and nobody says so"
    (tmp_path / "a.json").unlink()
    with pytest.raises(DataError, match="nothing usable remains"):
        read(tmp_path)


def test_only_its_own_format_is_claimed(tmp_path, picture, mark):
    ours = tmp_path / "ours"
    picture("ours/a.png")
    path = mark("ours/sub/a.json", CAT)
    assert labelme.find(ours) == [path] and labelme.find(path) == [path] and labelme.find(ours / "a.png") == []
    assert [reader.find(ours) for reader in (coco, voc, table, via)] == [[]] * 4
    for name, text in {
        "coco.json": '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "shapes"}]}',
        "via.json": '{"a.png1": {"filename": "a.png", "size": 1, "regions": [], "file_attributes": {}}}',
        "package.json": '{"name": "shapes"}', "list.json": "[]", "empty.json": "", "cut.json": '{"images": [',
        "labels.csv": "image,label,xmin,ymin,xmax,ymax\na.png,cat,0,0,5,5\n", "a.xml": "<annotation></annotation>",
    }.items():
        (tmp_path / name).write_text(text)
        assert labelme.find(tmp_path / name) == []
    path.unlink()
    assert labelme.find(tmp_path) == []
