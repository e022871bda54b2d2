import json
import zlib

import numpy as np
import pytest
from PIL import Image

from tinycnn.data.photographs import PixelCache
from tinycnn.data.readers import coco, labelme, table, via, voc
from tinycnn.data.readers.assemble import assemble
from tinycnn.data.readers.records import Ledger
from tinycnn.errors import DataError

BRIGHT = (20, 10, 50, 40)  # of the bright rectangle in pictures of 50 rows and 80 columns, half-open pixels
RECT = {"name": "rect", "x": 20, "y": 10, "width": 30, "height": 30}
SMALL = {"name": "rect", "x": 0, "y": 1, "width": 8, "height": 9}
OLD_HEADER = "#filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"
SETTINGS = {
    "ui": {"annotation_editor_height": 25, "image": {"region_label": "__via_region_id__"}},
    "core": {"buffer_size": "18", "filepath": {}, "default_filepath": "pics/"}, "project": {"name": "pets"},
}


def read(root, test_fraction=0.0):
    """The Dataset of a folder or file, as tinycnn.data.read makes it of this format."""
    folder, ledger = root if root.is_dir() else root.parent, Ledger()
    records, classes = via.records(folder, via.find(root), ledger)
    return assemble("set", folder, records, classes, ledger, valid_fraction=0.0, test_fraction=test_fraction, seed=0,
                    max_side=None, cache=PixelCache(2**26))


@pytest.fixture
def picture(tmp_path):
    """picture("a.png", ...): noise with a rectangle of 255, each picture unlike all others."""

    def save(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(zlib.crc32(name.encode())).integers(0, 200, (50, 80, 3), dtype=np.uint8)
            xmin, ymin, xmax, ymax = BRIGHT
            pixels[ymin:ymax, xmin:xmax] = 255
            Image.fromarray(pixels).save(path)

    return save


def entries(pictures, version=2, **attributes):
    """{"a.png": [(shape, attributes), ...]} as the dictionary that VIA writes."""
    found = {}
    for name, shapes in pictures.items():
        listed = [{"shape_attributes": shape, "region_attributes": said} for shape, said in shapes]
        if version == 2:
            entry = {"filename": name, "size": 1234, "regions": listed, "file_attributes": attributes.get(name, {})}
        else:
            entry = {"fileref": "", "size": 1234, "filename": name, "base64_img_data": "",
                     "file_attributes": attributes.get(name, {}),
                     "regions": {str(k): region for k, region in enumerate(listed)}}
        found[f"{name}1234"] = entry
    return found


@pytest.fixture
def export(tmp_path):
    """export(pictures, name="x.json", version=2, project=False): a file as VIA exports or saves it."""

    def write(pictures, name="via_export_json.json", version=2, project=False, **attributes):
        content = entries(pictures, version, **attributes)
        if project:
            content = {"_via_settings": SETTINGS, "_via_img_metadata": content,
                       "_via_attributes": {"region": {}, "file": {}}, "_via_data_format_version": "2.0.10",
                       "_via_image_id_list": list(content)}
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")
        return path

    return write


@pytest.fixture
def export_csv(tmp_path):
    """The same as a table; VIA 2 writes no # before the header, and no end after the last line."""

    def write(pictures, name="via_export_csv.csv", header=OLD_HEADER[1:], delimiter=",", **attributes):
        def cell(value):
            return '"' + json.dumps(value, separators=(",", ":")).replace('"', '""') + '"'

        lines = [header]
        for picture, shapes in pictures.items():
            start = [picture, "1234", cell(attributes.get(picture, {}))]
            lines += [delimiter.join([*start, str(len(shapes)), str(k), cell(shape), cell(said)])
                      for k, (shape, said) in enumerate(shapes)]
            if not shapes:
                lines.append(delimiter.join([*start, "0", "0", '"{}"', '"{}"']))
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    return write


PETS = {"a.png": [(SMALL, {"class": "dog"}), (RECT, {"class": "cat"})], "b.png": [(RECT, {"class": "owl\n"})], "c.png": []}


def check_pets(data, answers):
    found = {name: ("train", label, list(BRIGHT)) for name, label in (("a.png", "cat"), ("b.png", "owl"))}
    assert answers(data) == found and data.classes == ("cat", "owl")
    assert data.notes[:-1] == ["left out 1 of 3: no object is marked in it (c.png)"]
    for image, box in zip(data.train.images, data.train.boxes, strict=True):
        bright = (np.asarray(image).reshape(50, 80, 3) == np.asarray(image).max()).all(axis=2)
        xmin, ymin, xmax, ymax = box.astype(int)
        assert bright[ymin:ymax, xmin:xmax].all() and bright.sum() == (xmax - xmin) * (ymax - ymin)


@pytest.mark.parametrize("version", [1, 2])
def test_export(tmp_path, picture, export, answers, version):
    picture("a.png", "images/b.png", "c.png")
    export(PETS, version=version)
    check_pets(read(tmp_path), answers)


def test_project(tmp_path, picture, export, answers):
    picture("pics/a.png", "pics/b.png", "c.png", "other/a.png")
    export(PETS, "via_project_2Jan2024_10h11m.json", project=True)
    check_pets(read(tmp_path), answers)


@pytest.mark.parametrize(("header", "delimiter"), [
    (OLD_HEADER, ","), (OLD_HEADER[1:], ","), (OLD_HEADER.replace(",", ";"), ";"),
    (",".join(f'"{name}"' for name in OLD_HEADER[1:].split(",")), ","), ("\ufeff" + OLD_HEADER, ","),
])
def test_table(tmp_path, picture, export_csv, answers, header, delimiter):
    picture("a.png", "b.png", "c.png")
    path = export_csv(PETS, header=header, delimiter=delimiter)
    assert via.find(tmp_path) == via.find(path) == [path]
    check_pets(read(tmp_path), answers)


def test_the_same_in_several_files(tmp_path, picture, export, export_csv):
    picture("a.png", "b.png", "c.png")
    export(PETS)
    export(PETS, "project.json", project=True)
    export_csv(PETS)
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
        "point": ({"name": "point", "cx": 35, "cy": 25}, None),
        "unknown": ({"name": "star", "cx": 35, "cy": 25}, None),
        "none": ({}, None),
    }
    picture(*(f"{name}.png" for name in shapes))
    export({f"{name}.png": [(shape, {"class": "cat"})] for name, (shape, _) in shapes.items()})
    data = read(tmp_path)
    boxes = {name: box for name, (_, _, box) in answers(data).items()}
    assert boxes.keys() == {f"{name}.png" for name, (_, box) in shapes.items() if box is not None}
    for name, box in boxes.items():
        assert np.allclose(box, shapes[name[:-4]][1], atol=1e-4)
    assert set(data.notes[:-2]) == {
        "left out 3 of 9: no region in it can be used (point.png, unknown.png, none.png)",
        f"{via.POINT}: 1 (point.png)", "a shape of an unknown kind, not used: 1 (unknown.png)",
        f"{via.UNREADABLE}: 1 (none.png)",
    }


@pytest.mark.parametrize(("said", "label"), [
    ({"species": "cat"}, "cat"),  # the only one
    ({"note": "dark", "Label": "cat"}, "cat"),
    ({"name": "tom", "class": "cat", "type": "x"}, "cat"),
    ({"class": "", "kind": "cat"}, "cat"),  # one that is always empty does not count
    ({"class": {"cat": True}}, "cat"),
    ({"class": {"cat": True, "dog": False}}, "cat"),
    ({"class": {"cat": "true"}}, "cat"),
    ({"class": 7}, "7"),
])
def test_which_attribute_is_the_class(tmp_path, picture, export, export_csv, answers, said, label):
    picture("a.png")
    path = export({"a.png": [(RECT, said)]})
    assert answers(read(tmp_path)) == {"a.png": ("train", label, list(BRIGHT))}
    path.unlink()
    export_csv({"a.png": [(RECT, said)]})
    assert answers(read(tmp_path)) == {"a.png": ("train", label, list(BRIGHT))}


def test_unclear_attributes_are_one_error(tmp_path, picture, export):
    picture("a.png")
    path = export({"a.png": [(RECT, {"colour": "red"}), (SMALL, {"species": "cat"})]})
    with pytest.raises(DataError, match="via_export_json.json: regions have the attributes 'colour', 'species'.*rename") as e:
        read(tmp_path)
    assert str(path) in str(e.value) and "class, label, name, type, category, object" in str(e.value)


def test_regions_without_class(tmp_path, picture, export, answers):
    values = {"list": ["cat"], "none": None, "off": {"cat": False}, "two": {"cat": True, "dog": True}, "true": True}
    picture("ok.png", "missing.png", *(f"{name}.png" for name in values))
    marked = {f"{name}.png": [(RECT, {"class": value})] for name, value in values.items()}
    export(marked | {"ok.png": [(RECT, {"class": "cat"})], "missing.png": [(RECT, {})]})
    data = read(tmp_path)
    assert answers(data) == {"ok.png": ("train", "cat", list(BRIGHT))}
    assert set(data.notes[:-2]) == {
        "left out 5 of 7: its class has no name (list.png, none.png, off.png, ...)",
        "left out 1 of 7: no region in it can be used (two.png)", f"{via.TICKED}: 1 (two.png)",
    }


def test_one_class_and_a_folder_for_each_part(tmp_path, picture, export, answers):
    """The layout of the balloons that came with Mask R-CNN: no attributes at all."""
    for part in ("train", "val"):
        picture(f"{part}/a.png", f"{part}/b.png")
        export({"a.png": [(RECT, {}), (SMALL, {})], "b.png": [(RECT, {})]}, f"{part}/via_region_data.json", version=1)
    data = read(tmp_path, None)
    assert {name: (part, label) for name, (part, label, _) in answers(data).items()} == {
        f"{folder}/{name}": (part, "object")
        for folder, part in (("train", "train"), ("val", "test")) for name in ("a.png", "b.png")
    }
    assert f"{via.UNNAMED}: 4 (a.png, b.png, a.png, ...)" in data.notes


@pytest.mark.parametrize("values", [("train", "test"), ("Training", "testing"), ({"train": True}, {"train": False, "test": True})])
def test_parts_in_the_attributes_of_files(tmp_path, picture, export, export_csv, answers, values):
    picture("a.png", "b.png")
    pictures = {name: [(RECT, {"class": "cat"})] for name in ("a.png", "b.png")}
    said = {name: {"caption": "train", "split": value} for name, value in zip(pictures, values, strict=True)}
    path = export(pictures, **said)
    for _ in range(2):
        assert {name: part for name, (part, *_) in answers(read(tmp_path, None)).items()} == {
            "a.png": "train", "b.png": "test"}
        path.unlink()
        path = export_csv(pictures, **said)


def test_parts_by_file_and_by_folder_of_the_pictures(tmp_path, picture, export, answers):
    for part in ("train", "test"):
        picture(f"{part}/a.png", f"{part}/b.png")
        export({"a.png": [(RECT, {"class": "cat"})], "b.png": [(RECT, {"class": "cat"})]}, f"via_{part}.json")
    expected = {f"{part}/{name}": part for part in ("train", "test") for name in ("a.png", "b.png")}
    assert {name: part for name, (part, *_) in answers(read(tmp_path, None)).items()} == expected
    for part in ("train", "test"):
        (tmp_path / f"via_{part}.json").unlink()
    export({name: [(RECT, {"class": "cat"})] for name in expected}, "all.json")
    assert {name: part for name, (part, *_) in answers(read(tmp_path, None)).items()} == expected


def test_a_split_that_is_no_part(tmp_path, picture, export):
    picture("a.png")
    export({"a.png": [(RECT, {"class": "cat"})]}, **{"a.png": {"split": "monday", "usage": "web"}})
    notes = read(tmp_path).notes
    assert notes[0] == "its attribute split is not train, valid or test, so it names no part: 1 (a.png)"


def test_missing_pictures(tmp_path, picture, export, export_csv, answers):
    picture("set/a.png", "set/sub/web.png", "out.png")
    names = ("a.png", "gone.png", "../out.png", "/etc/passwd", "https://example.org/x/web.png", "nul\0.png")
    export({name: [(RECT, {"class": "cat"})] for name in names}, "set/x.json")
    export_csv({"gone2.png": [(RECT, {"class": "cat"}), (SMALL, {"class": "cat"})]}, "set/x.csv")
    data = read(tmp_path / "set")
    assert answers(data) == {name: ("train", "cat", list(BRIGHT)) for name in ("a.png", "web.png")}
    assert data.notes[0].startswith("left out 5 of 7: the picture is missing (gone2.png, gone.png, ../out.png")


@pytest.mark.parametrize("shape", [
    {"name": "rect"}, {"name": "rect", "x": None, "y": [], "width": {}, "height": True}, {"name": "rect", "x": "a"},
    {"name": "rect", "x": 10**400, "y": 1, "width": 1, "height": 1}, {"name": "circle", "cx": 1, "cy": 2},
    {"name": "polygon"}, {"name": "polygon", "all_points_x": [1, 2], "all_points_y": [1]},
    {"name": "polygon", "all_points_x": [1, None], "all_points_y": [1, 2]},
    {"name": "polygon", "all_points_x": "12", "all_points_y": {"0": 1}}, {"name": "polyline", "all_points_x": []},
    {"name": "ellipse", "cx": 9, "cy": 9, "rx": 3, "ry": 4, "theta": "x"},
    {"name": "ellipse", "cx": 9, "cy": 9, "rx": 3, "ry": 4, "theta": float("inf")},
])
def test_shapes_that_are_none(tmp_path, picture, export, shape):
    picture("a.png", "b.png")
    export({"a.png": [(shape, {"class": "cat"})], "b.png": [(RECT, {"class": "cat"})]})
    data = read(tmp_path)
    assert "left out 1 of 2: its box is not four numbers (a.png)" in data.notes and len(data.train) == 1


def test_shapes_without_area(tmp_path, picture, export):
    shapes = [SMALL | {"width": 0}, SMALL | {"height": -3}, {"name": "circle", "cx": 9, "cy": 9, "r": -2},
              {"name": "ellipse", "cx": 9, "cy": 9, "rx": -3, "ry": 0, "theta": 1}]
    picture("ok.png", *(f"{k}.png" for k in range(4)))
    marked = {f"{k}.png": [(shape, {"class": "cat"})] for k, shape in enumerate(shapes)}
    export(marked | {"ok.png": [(RECT, {"class": "cat"})]})
    assert "left out 4 of 5: box has no area (0.png, 1.png, 2.png, ...)" in read(tmp_path).notes


def test_entries_of_other_types(tmp_path, picture, export, answers):
    picture("a.png", "r.png", "s.png", "t.png")
    path = export(PETS | {"b.png": [], "r.png": [], "s.png": [], "t.png": []})
    content = json.loads(path.read_text())
    content |= {"1": None, "2": [], "3": {"filename": 7}, "4": {"filename": " "}}
    content["r.png1234"]["regions"] = "text"
    content["s.png1234"] |= {"regions": [7, None, {"shape_attributes": []}], "file_attributes": []}
    content["t.png1234"]["regions"] = {"0": {"shape_attributes": RECT, "region_attributes": "cat"}}
    path.write_text(json.dumps(content))
    data = read(tmp_path)
    assert answers(data) == {"a.png": ("train", "cat", list(BRIGHT))}
    assert "left out 4 of 10: its entry names no picture (1, 2, 3, ...)" in data.notes
    assert "left out 2 of 10: no region in it can be used (r.png, s.png)" in data.notes
    assert "left out 1 of 10: its class has no name (t.png)" in data.notes


@pytest.mark.parametrize(("text", "message"), [
    ('{"_via_settings": {}}', "expected a dictionary _via_img_metadata.*got NoneType"),
    ('{"_via_img_metadata": [{"filename": "a.png"}]}', "got list"),
    ('[{"filename": "a.png", "regions": [], "file_attributes": {}}]', "expected a dictionary of an entry.*got list"),
    ('{"x": {"regions": [], "file_attributes": ' + "[" * 100_000, "not valid JSON"),
    ('{"x": {"regions": [], "file_attributes": ' + "1" * 10_000 + "}}", "not valid JSON"),
    ('{"_via_img_metadata": {}}', "nothing usable remains"),
])
def test_files_of_another_form_are_refused(tmp_path, text, message):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(DataError, match=message):
        read(tmp_path)


def test_files_that_are_cut_off(tmp_path, picture, export, export_csv):
    picture("a.png", "b.png")
    for path in (export(PETS, version=1), export(PETS, "project.json", project=True)):
        text = path.read_bytes()
        for k in range(0, len(text) - 1, 11):
            path.write_bytes(text[:k])
            if via.find(path):
                with pytest.raises(DataError, match="is not valid JSON, perhaps cut off"):
                    read(path)
        path.unlink()
    path = export_csv(PETS)
    text = path.read_bytes()
    for k in range(len(OLD_HEADER), len(text), 3):
        path.write_bytes(text[:k])
        try:
            read(path)
        except DataError as error:
            assert "nothing usable remains" in str(error) or "line" in str(error)


def test_damaged_tables(tmp_path, picture, export_csv, monkeypatch):
    picture("a.png", "b.png")
    path = export_csv(PETS)
    path.write_text(path.read_text() + "\na.png,1\n,1,{},1,0,{},{}\nb.png,1,{},1,0,[],{}\nb.png,1,{,1,0,{},{}\n")
    data = read(tmp_path)
    assert "left out 1 of 5: its line has fewer cells than the first line has names (via_export_csv.csv, line 6)" in data.notes
    assert "left out 1 of 5: its line names no picture (via_export_csv.csv, line 7)" in data.notes
    assert f"{via.UNREADABLE}: 1 (b.png)" in data.notes
    path.write_bytes(path.read_bytes() + b"\xff")
    with pytest.raises(DataError, match="not UTF-8"):
        read(tmp_path)
    path.write_text(OLD_HEADER.replace("filename,", "filename region_attributes,").replace(",region_attributes", ",x"))
    with pytest.raises(DataError, match="line 1: expected VIA's columns filename.*without filename, region_attributes"):
        read(tmp_path)
    monkeypatch.setattr(via, "MAX_BYTES", 10)
    with pytest.raises(DataError, match="more than 10 is not read"):
        read(tmp_path)


def test_only_its_own_format_is_claimed(tmp_path, picture, export, export_csv):
    picture("ours/a.png", "project/a.png", "csv/a.png")
    paths = [export(PETS, "ours/x.json"), export(PETS, "project/annotations.json", project=True), export_csv(PETS, "csv/x.csv")]
    for path in paths:
        assert via.find(path.parent) == [path]
        assert [reader.find(path.parent) for reader in (coco, voc, table, labelme)] == [[]] * 4
        path.unlink()
    for name, text in {
        "coco.json": '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "regions"}]}',
        "genome.json": '[{"regions": [{"region_id": 1, "image_id": 1, "phrase": "a cat"}], "id": 1}]',
        "labelme.json": '{"shapes": [], "imagePath": "a.png", "imageData": null}', "list.json": "[]", "empty.json": "",
        "labels.csv": "image,label,xmin,ymin,xmax,ymax\na.png,cat,0,0,5,5\n", "a.xml": "<annotation></annotation>",
    }.items():
        (tmp_path / name).write_text(text)
        assert via.find(tmp_path / name) == []
    assert via.find(tmp_path) == []
