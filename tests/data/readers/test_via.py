import json

import numpy as np
import pytest

import tinycnn.data
from tinycnn.data.readers import coco, labelme, table, via, voc
from tinycnn.data.readers.records import Ledger
from tinycnn.errors import DataError

BRIGHT = (20, 10, 50, 40)  # of the rectangle in every `picture`, half-open pixels
RECT = {"name": "rect", "x": 20, "y": 10, "width": 30, "height": 30}
SMALL = {"name": "rect", "x": 0, "y": 1, "width": 8, "height": 9}
CAT = {"class": "cat"}
PETS = {"a.png": [(SMALL, {"class": "dog"}), (RECT, CAT)], "b.png": [(RECT, {"class": "owl\n"})], "c.png": []}
OLD_HEADER = "#filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"
SETTINGS = {"ui": {"annotation_editor_height": 25}, "core": {"filepath": {}, "default_filepath": "pics/"}}


def read(root, test_fraction=0.0):
    """The Dataset of a folder or file of this format, no part of it split off."""
    return tinycnn.data.read(root, "via", valid_fraction=0.0, test_fraction=test_fraction, max_side=None)


def as_json(pictures, attributes, version=2, project=False):
    content = {}
    for name, shapes in pictures.items():
        own, regions = attributes.get(name, {}), [{"shape_attributes": s, "region_attributes": a} for s, a in shapes]
        entry = {"filename": name, "size": 1234, "regions": regions, "file_attributes": own}
        if version == 1:
            entry = {"fileref": "", "size": 1234, "filename": name, "base64_img_data": "", "file_attributes": own,
                     "regions": {str(k): region for k, region in enumerate(regions)}}
        content[f"{name}1234"] = entry
    if project:
        content = {"_via_settings": SETTINGS, "_via_img_metadata": content,
                   "_via_attributes": {"region": {}, "file": {}}, "_via_image_id_list": list(content)}
    return json.dumps(content, separators=(",", ":"))


def as_csv(pictures, attributes, header=OLD_HEADER[1:], delimiter=","):
    """VIA 2 writes no # before the header, and no end after the last line."""
    lines = [header]
    for name, shapes in pictures.items():
        for k, (shape, said) in enumerate(shapes or [({}, {})]):
            texts = map(json.dumps, (attributes.get(name, {}), shape, said))
            own, shape, said = ('"' + text.replace('"', '""') + '"' for text in texts)
            lines.append(delimiter.join([name, "1234", own, str(len(shapes)), str(k), shape, said]))
    return "\n".join(lines)


@pytest.fixture
def export(tmp_path):
    """export({"a.png": [(shape, attributes), ...]}, "x.json", {"a.png": its own attributes}, ...), or "x.csv"."""

    def write(pictures, name="x.json", attributes=(), **options):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (as_csv if path.suffix == ".csv" else as_json)(pictures, dict(attributes), **options)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def check_pets(data, answers):
    found = {name: ("train", label, list(BRIGHT)) for name, label in (("a.png", "cat"), ("b.png", "owl"))}
    assert answers(data) == found and data.classes == ("cat", "owl")
    assert data.notes[:-1] == ["left out 1 of 3: no object is marked in it (c.png)"]
    for image, box in zip(data.train.images, data.train.boxes, strict=True):
        bright = (np.asarray(image).reshape(50, 80, 3) == np.asarray(image).max()).all(axis=2)
        xmin, ymin, xmax, ymax = box.astype(int)
        assert bright[ymin:ymax, xmin:xmax].all() and bright.sum() == (xmax - xmin) * (ymax - ymin)


def parts(data, answers):
    return {name: part for name, (part, *_) in answers(data).items()}


@pytest.mark.parametrize(("name", "options"), [
    ("x.json", {"version": 1}), ("x.json", {}), ("x.json", {"project": True}), ("x.csv", {}),
    ("x.csv", {"header": OLD_HEADER}), ("x.csv", {"header": OLD_HEADER.replace(",", ";"), "delimiter": ";"}),
    ("x.csv", {"header": "\ufeff" + ",".join(f'"{name}"' for name in OLD_HEADER.split(","))}),
])
def test_the_box_covers_the_bright_pixels(tmp_path, picture, export, answers, name, options):
    picture(*(("pics/a.png", "other/a.png") if "project" in options else ("a.png",)), "images/b.png", "c.png")
    path = export(PETS, name, **options)
    assert via.find(tmp_path) == via.find(path) == [path]
    check_pets(read(tmp_path), answers)


def test_the_same_in_several_files(tmp_path, picture, export):
    picture("a.png", "b.png", "c.png")
    export(PETS), export(PETS, "project.json", project=True), export(PETS, "x.csv")
    records, _ = via.records(tmp_path, via.find(tmp_path), Ledger())
    assert [len(record.objects) for record in records] == [2, 1, 0]


def test_shapes(tmp_path, picture, export, answers):
    shapes = {
        "polygon": ({"name": "polygon", "all_points_x": [35, 50, 35, 20], "all_points_y": [10, 25, 40, 25]}, BRIGHT),
        "polyline": ({"name": "polyline", "all_points_x": [20, 50.5], "all_points_y": [10, 40]}, (20, 10, 50.5, 40)),
        "ellipse": ({"name": "ellipse", "cx": 35, "cy": 25, "rx": 10, "ry": 15}, (25, 10, 45, 40)),
        "turned": ({"name": "ellipse", "cx": 35, "cy": 25, "rx": 10, "ry": 15, "theta": np.pi / 2}, (20, 15, 50, 35)),
        "circle": ({"name": "circle", "cx": 35, "cy": 25, "r": 15.0}, BRIGHT),
        "text": ({"name": "rect", "x": "20", "y": "10", "width": "30", "height": "30"}, BRIGHT),
        "point": ({"name": "point", "cx": 35, "cy": 25}, None), "star": ({"name": "star"}, None), "none": ({}, None),
    }
    picture(*(f"{name}.png" for name in shapes))
    export({f"{name}.png": [(shape, CAT)] for name, (shape, _) in shapes.items()})
    data = read(tmp_path)
    boxes = {name.removesuffix(".png"): box for name, (_, _, box) in answers(data).items()}
    assert boxes == {name: pytest.approx(box, abs=1e-4) for name, (_, box) in shapes.items() if box is not None}
    assert set(data.notes[:-2]) == {
        "left out 3 of 9: no region in it can be used (point.png, star.png, none.png)",
        "a shape of an unknown kind, not used: 1 (star.png)", f"{via.POINT}: 1 (point.png)",
        f"{via.UNREADABLE}: 1 (none.png)"}


@pytest.mark.parametrize("name", ["x.json", "x.csv"])
@pytest.mark.parametrize("said", [
    {"species": "cat"}, {"note": "dark", "Label": "cat"}, {"name": "tom", "class": "cat", "type": "x"},
    {"class": "", "kind": "cat"},  # one that is always empty does not count
    {"class": {"cat": True}}, {"class": {"dog": False, "cat": True}}, {"class": {"cat": "true"}},
])
def test_which_attribute_is_the_class(tmp_path, picture, export, answers, said, name):
    picture("a.png")
    export({"a.png": [(RECT, said)]}, name)
    assert answers(read(tmp_path)) == {"a.png": ("train", "cat", list(BRIGHT))}


def test_unclear_attributes_are_one_error(tmp_path, export):
    export({"a.png": [(RECT, {"colour": "red"}), (SMALL, {"species": "cat"})]})
    with pytest.raises(DataError, match="x.json: regions have the attributes 'colour', 'species'.*label, .*rename"):
        read(tmp_path)


def test_regions_without_class(tmp_path, picture, export, answers):
    values = {"list": ["cat"], "none": None, "off": {"cat": False}, "two": {"cat": True, "dog": True}, "true": True}
    picture("ok.png", "missing.png", *(f"{name}.png" for name in values))
    marked = {f"{name}.png": [(RECT, {"class": value})] for name, value in values.items()}
    export(marked | {"ok.png": [(RECT, CAT)], "missing.png": [(RECT, {})]})
    data = read(tmp_path)
    assert answers(data) == {"ok.png": ("train", "cat", list(BRIGHT))}
    assert set(data.notes[:-2]) == {
        "left out 5 of 7: its class has no name (list.png, none.png, off.png, ...)",
        "left out 1 of 7: no region in it can be used (two.png)", f"{via.TICKED}: 1 (two.png)",
    }


def test_one_class_and_a_folder_for_each_part(tmp_path, picture, export, answers):
    for part in ("train", "val"):  # the layout of the balloons that came with Mask R-CNN
        picture(f"{part}/a.png", f"{part}/b.png")
        export({"a.png": [(RECT, {}), (SMALL, {})], "b.png": [(RECT, {})]}, f"{part}/via_region_data.json", version=1)
    data = read(tmp_path, None)
    expected = {"train/a.png": "train", "train/b.png": "train", "val/a.png": "test", "val/b.png": "test"}
    assert parts(data, answers) == expected
    assert data.classes == ("object",) and f"{via.UNNAMED}: 4 (a.png, b.png, a.png, ...)" in data.notes


@pytest.mark.parametrize("name", ["x.json", "x.csv"])
@pytest.mark.parametrize("values", [("train", "test"), ("Training", "testing"), ({"train": True}, {"test": True})])
def test_parts_in_the_attributes_of_files(tmp_path, picture, export, answers, values, name):
    picture("a.png", "b.png")
    said = {f"{k}.png": {"caption": "train", "split": value} for k, value in zip("ab", values, strict=True)}
    export({picture: [(RECT, CAT)] for picture in said}, name, said)
    assert parts(read(tmp_path, None), answers) == {"a.png": "train", "b.png": "test"}


def test_parts_by_file_and_by_folder_of_the_pictures(tmp_path, picture, export, answers):
    expected = {f"{part}/{name}": part for part in ("train", "test") for name in ("a.png", "b.png")}
    picture(*expected)
    for part in ("train", "test"):
        export({"a.png": [(RECT, CAT)], "b.png": [(RECT, CAT)]}, f"via_{part}.json")
    assert parts(read(tmp_path, None), answers) == expected
    for part in ("train", "test"):
        (tmp_path / f"via_{part}.json").unlink()
    odd = {"train/a.png": {"split": "monday", "usage": "web"}}
    export({name: [(RECT, CAT)] for name in expected}, "all.json", odd)
    data = read(tmp_path, None)
    assert parts(data, answers) == expected
    assert data.notes[0] == "its attribute split is not train, valid or test, so it names no part: 1 (train/a.png)"


def test_missing_pictures(tmp_path, picture, export, answers):
    picture("set/a.png", "set/sub/web.png", "out.png")
    names = ("a.png", "gone.png", "../out.png", "/etc/passwd", "https://example.org/x/web.png", "nul\0.png")
    export({name: [(RECT, CAT)] for name in names}, "set/x.json")
    export({"gone2.png": [(RECT, CAT), (SMALL, CAT)]}, "set/x.csv")
    data = read(tmp_path / "set")
    assert answers(data) == {name: ("train", "cat", list(BRIGHT)) for name in ("a.png", "web.png")}
    assert data.notes[0].startswith("left out 5 of 7: the picture is missing (gone2.png, gone.png, ../out.png")


@pytest.mark.parametrize(("reason", "shapes"), [
    ("its box is not four numbers", [
        {"name": "rect"}, {"name": "rect", "x": None, "y": [], "width": {}, "height": True}, RECT | {"x": "a"},
        RECT | {"x": 10**400}, {"name": "circle", "cx": 1, "cy": 2},
        {"name": "polygon"}, {"name": "polygon", "all_points_x": [1, 2], "all_points_y": [1]},
        {"name": "polygon", "all_points_x": [1, None], "all_points_y": [1, 2]},
        {"name": "polyline", "all_points_x": []}, {"name": "polygon", "all_points_x": "12", "all_points_y": {"0": 1}},
        *({"name": "ellipse", "cx": 9, "cy": 9, "rx": 3, "ry": 4, "theta": t} for t in ("x", float("inf"), None))]),
    ("box has no area", [
        SMALL | {"width": 0}, SMALL | {"height": -3}, {"name": "circle", "cx": 9, "cy": 9, "r": -2},
        {"name": "ellipse", "cx": 9, "cy": 9, "rx": -3, "ry": 0, "theta": 1}]),
])
def test_shapes_that_are_no_box(tmp_path, picture, export, reason, shapes):
    picture("ok.png", *(f"{k}.png" for k in range(len(shapes))))
    export({f"{k}.png": [(shape, CAT)] for k, shape in enumerate(shapes)} | {"ok.png": [(RECT, CAT)]})
    assert f"{len(shapes)} of {len(shapes) + 1}: {reason} (0.png, 1.png" in " ".join(read(tmp_path).notes)


def test_entries_of_other_types(tmp_path, picture, export, answers):
    picture("a.png", "r.png", "s.png", "t.png")
    path = export({"a.png": PETS["a.png"], "r.png": [], "s.png": [], "t.png": []})
    content = json.loads(path.read_text())
    content |= {"1": None, "2": [], "3": {"filename": 7}, "4": {"filename": " "}}
    content["r.png1234"]["regions"] = "text"
    content["s.png1234"] |= {"regions": [7, None, {"shape_attributes": []}], "file_attributes": []}
    content["t.png1234"]["regions"] = {"0": {"shape_attributes": RECT, "region_attributes": "cat"}}
    path.write_text(json.dumps(content))
    data = read(tmp_path)
    assert answers(data) == {"a.png": ("train", "cat", list(BRIGHT))}
    for note in ("4 of 8: its entry names no picture (1, 2, 3, ...)", "1 of 8: its class has no name (t.png)",
                 "2 of 8: no region in it can be used (r.png, s.png)"):
        assert f"left out {note}" in data.notes


@pytest.mark.parametrize(("text", "message"), [
    ('{"_via_settings": {}}', "expected a dictionary _via_img_metadata.*got NoneType"),
    ('[{"filename": "a", "regions": [], "file_attributes": {}}]', "expected a dictionary of an entry.*got list"),
    ('{"_via_settings": ' + "[" * 100_000, "not valid JSON"), ('{"_via_settings": ' + "1" * 10_000, "not valid JSON"),
    ('{"_via_img_metadata": {}}', "nothing usable remains"),
])
def test_files_of_another_form_are_refused(tmp_path, text, message):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(DataError, match=message):
        read(tmp_path)


@pytest.mark.parametrize("name", ["x.json", "x.csv"])
def test_files_that_are_cut_off(tmp_path, export, name):
    text = export(PETS, name).read_bytes()
    for k in range(text.index(b"region_attributes") + 17, len(text) - 1):
        (tmp_path / name).write_bytes(text[:k])
        with pytest.raises(DataError, match="is not valid JSON, perhaps cut off|line [0-9]|nothing usable remains"):
            read(tmp_path)


def test_damaged_tables(tmp_path, picture, export, monkeypatch):
    picture("a.png", "b.png")
    path = export(PETS, "x.csv")
    path.write_text(path.read_text() + "\na.png,1\n,1,{},1,0,{},{}\nb.png,1,{},1,0,[],{}\nb.png,1,{,1,0,{},{}\n")
    notes = " ".join(read(tmp_path).notes)
    assert "1 of 5: its line has fewer cells than the first line has names (x.csv, line 6)" in notes
    assert "1 of 5: its line names no picture (x.csv, line 7)" in notes and f"{via.UNREADABLE}: 1 (b.png)" in notes
    path.write_bytes(path.read_bytes() + b"\xff")
    with pytest.raises(DataError, match="not UTF-8"):
        read(tmp_path)
    path.write_text(OLD_HEADER.replace("filename,", "filenames,"))
    with pytest.raises(DataError, match="line 1: expected VIA's columns filename.*without filename:"):
        read(tmp_path)
    monkeypatch.setattr(via, "MAX_BYTES", 10)
    with pytest.raises(DataError, match="more than 10 is not read"):
        read(tmp_path)


def test_only_its_own_format_is_claimed(tmp_path, export):
    for path in (export(PETS, "a/x.json"), export(PETS, "b/train.json", project=True), export(PETS, "csv/x.csv")):
        assert via.find(path.parent) == [path]
        assert [reader.find(path.parent) for reader in (coco, voc, table, labelme)] == [[]] * 4
        path.unlink()
    for name, text in {
        "coco.json": '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "regions"}]}',
        "genome.json": '[{"regions": [{"region_id": 1, "image_id": 1, "phrase": "a cat"}], "id": 1}]',
        "labelme.json": '{"shapes": [], "imagePath": "a.png"}', "list.json": "[]", "empty.json": "",
        "labels.csv": "image,label,xmin,ymin,xmax,ymax\na.png,cat,0,0,5,5\n", "a.xml": "<annotation></annotation>",
    }.items():
        (tmp_path / name).write_text(text)
        assert via.find(tmp_path / name) == []
    assert via.find(tmp_path) == []
