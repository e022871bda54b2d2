import os

import numpy as np
import pytest
from PIL import Image

from tinycnn.data import read
from tinycnn.data.readers import voc
from tinycnn.data.readers.assemble import TAKE_IN
from tinycnn.errors import DataError

BOX = (2, 3, 11, 13)  # as VOC writes it; half-open (1, 2, 11, 13)


@pytest.fixture
def annotate(tmp_path):
    """annotate("Annotations/a.xml", ("cat", BOX), ...): write one annotation."""

    def write(name, *objects, filename="", size=None, extra="", difficult=0):
        things = "".join(
            f"<object><name>{label}</name><difficult>{difficult}</difficult><part><name>head</name><bndbox>"
            "<xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part><bndbox>"
            f"<xmax>{box[2]}</xmax><xmin>{box[0]}</xmin><ymin>{box[1]}</ymin><ymax>{box[3]}</ymax></bndbox></object>"
            for label, box in objects
        )
        if size:
            extra += f"<size><height>{size[0]}</height><width>{size[1]}</width><depth>3</depth></size>"
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<annotation><filename>{filename}</filename>{extra}{things}</annotation>", encoding="utf-8")
        return path

    return write


def test_side_by_side(tmp_path, photo, annotate, answers):
    for name, label in (("one", "cat"), ("two", "dog")):
        photo(f"{label}/{name}.png")
        annotate(f"{label}/{name}.xml", (label, BOX), size=(20, 30))
    data = read(tmp_path, test_fraction=0, valid_fraction=0)
    assert answers(data) == {"one.png": ("train", "cat", [1, 2, 11, 13]), "two.png": ("train", "dog", [1, 2, 11, 13])}
    assert data.classes == ("cat", "dog") and data.name == tmp_path.name
    assert not any("left out" in note for note in data.notes)


def test_official_layout_and_parts(tmp_path, photo, annotate, answers):
    root = tmp_path / "VOCdevkit" / "VOC2007"
    for i in range(7):
        photo(f"VOCdevkit/VOC2007/JPEGImages/{i:06}.png")
        annotate(f"VOCdevkit/VOC2007/Annotations/{i:06}.xml", (("cat", "dog")[i % 2], BOX))
    photo("VOCdevkit/VOC2007/SegmentationClass/000001.png")  # a mask, not the picture
    lists = root / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("000000\n000001\n000002\n")
    (lists / "val.txt").write_text("000003\r\n000002\r\n")
    (lists / "trainval.txt").write_text("000000\n000001\n000002\n000003\n")
    (lists / "cat_train.txt").write_text("000006  1\n")
    (lists / "test.txt").write_text("000004\n000005\n")
    data = read(tmp_path)
    assert {name: part for name, (part, *_) in answers(data).items()} == {
        "000000.png": "train", "000001.png": "train", "000002.png": "valid", "000003.png": "valid",
        "000004.png": "test", "000005.png": "test",
    }
    assert data.train.images.paths[1] == root / "JPEGImages" / "000001.png"
    assert "left out 1 of 7: it is not listed in ImageSets/Main (000006.xml)" in data.notes
    assert "listed in two parts, kept in the later of train, val, test: 1 (000002)" in data.notes


def test_trainval_is_the_train_part_where_there_is_no_other(tmp_path, photo, annotate):
    for i in range(20):
        photo(f"JPEGImages/{i}.png")
        annotate(f"Annotations/{i}.xml", (("cat", "dog")[i % 2], BOX))
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "trainval.txt").write_text("\n".join(map(str, range(16))))
    (lists / "test.txt").write_text("\n".join(map(str, range(16, 20))))
    data = read(tmp_path, valid_fraction=0.25)
    assert (len(data.train), len(data.valid), len(data.test)) == (12, 4, 4)
    assert data.test.names == ["16.png", "17.png", "18.png", "19.png"]


def test_parts_as_folders(tmp_path, photo, annotate):
    for part in ("train", "valid", "test"):
        for label in ("cat", "dog"):
            photo(f"{part}/{label}.png")
            annotate(f"{part}/{label}.xml", (label, BOX))
    data = read(tmp_path)
    assert data.valid.names == ["valid/cat.png", "valid/dog.png"]  # the folder tells equal names apart


def test_difficult_objects_are_not_used_and_the_largest_wins(tmp_path, photo, annotate, answers):
    for name in ("a", "b", "c"):
        photo(f"{name}.png")
    annotate("a.xml", ("cat", BOX), ("dog", (1, 1, 20, 20)), ("owl", (1, 1, 3, 3)))
    annotate("b.xml", ("cat", BOX))
    annotate("c.xml", ("cat", BOX), difficult=1)
    data = read(tmp_path, test_fraction=0, valid_fraction=0)
    assert answers(data) == {"a.png": ("train", "dog", [0, 0, 20, 20]), "b.png": ("train", "cat", [1, 2, 11, 13])}
    assert "left out 1 of 3: all its objects are marked difficult (c.png)" in data.notes and TAKE_IN in data.notes
    data = read(tmp_path, test_fraction=0, valid_fraction=0, difficult=True)
    assert answers(data)["c.png"] == ("train", "cat", [1, 2, 11, 13]) and len(answers(data)) == 3
    assert f"{voc.DIFFICULT} taken in: 1 (c.png)" in data.notes and TAKE_IN not in data.notes


def test_where_all_are_difficult_the_error_names_the_switch(tmp_path, photo, annotate):
    photo("c.png")
    annotate("c.xml", ("cat", BOX), difficult=1)
    with pytest.raises(DataError, match="all its objects are marked difficult.*--difficult, takes in"):
        read(tmp_path)


LAUGHS = (
    '<!DOCTYPE lolz [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(12))
    + "]>"
)


@pytest.mark.parametrize(
    "head",
    [
        LAUGHS,
        '<!DOCTYPE annotation [<!ENTITY secret SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE annotation SYSTEM "http://localhost:9/voc.dtd">',
        "<!DOCTYPE annotation>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_hostile_xml_is_left_out_unread(tmp_path, photo, annotate, head, encoding):
    for name, label in (("a", "cat"), ("b", "dog"), ("c", "cat")):
        photo(f"{name}.png")
        annotate(f"{name}.xml", (label, BOX))
    entity = "&m;" if head is LAUGHS else "&secret;" if "secret" in head else "x"
    text = f'<?xml version="1.0" encoding="{encoding}"?>{head}<annotation><filename>{entity}</filename></annotation>'
    (tmp_path / "c.xml").write_bytes(text.encode(encoding))
    with pytest.raises(DataError, match="DOCTYPE"):
        voc.parse(tmp_path / "c.xml")
    data = read(tmp_path, test_fraction=0)
    assert len(data.train) + len(data.valid) == 2
    assert any(note.startswith("left out 1 of 3: it declares a DOCTYPE, which is refused") for note in data.notes)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<annotation><object>", "not well-formed XML"),
        ("", "not well-formed XML"),
        ("<a>" * 5000, "not well-formed XML"),
        ('<?xml version="1.0" encoding="klingon"?><annotation/>', "no object is marked"),
        ("<svg/>", "not a Pascal VOC file"),
        ("<annotation/>", "no object is marked"),
        ("<annotation><object><name>cat</name></object></annotation>", "its box is not four numbers"),
        (
            "<annotation><object><name>cat</name><bndbox><xmin>1</xmin><ymin>zwei</ymin><xmax>9</xmax><ymax>9</ymax>"
            "</bndbox></object></annotation>",
            "its box is not four numbers",
        ),
        (
            "<annotation><object><name> </name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>9</ymax>"
            "</bndbox></object></annotation>",
            "its class has no name",
        ),
        ("<annotation>" + " " * voc.MAX_BYTES + "</annotation>", "larger than 1,048,576 bytes"),
    ],
)
def test_broken_annotations_are_left_out_with_the_reason(tmp_path, photo, annotate, text, reason):
    for name, label in (("a", "cat"), ("b", "dog"), ("c", "cat")):
        photo(f"{name}.png")
        annotate(f"{name}.xml", (label, BOX))
    (tmp_path / "c.xml").write_text(text)
    data = read(tmp_path)
    (note,) = [note for note in data.notes if "left out" in note]
    assert note.startswith("left out 1 of 3: ") and reason in note and "(c." in note


@pytest.mark.parametrize("name", [
    "../secret.png", "/secret.png", "..\\secret.png", "C:\\secret.png", "a/../../secret.png",
])
def test_file_names_may_not_lead_out_of_the_folder(tmp_path, photo, annotate, name):
    photo("secret.png")
    for stem, label in (("a", "cat"), ("b", "dog")):
        photo(f"set/{stem}.png")
        annotate(f"set/{stem}.xml", (label, BOX))
    annotate("set/c.xml", ("cat", BOX), filename=name)
    data = read(tmp_path / "set", valid_fraction=0, test_fraction=0)
    assert data.train.names == ["a.png", "b.png"]
    assert "left out 1 of 3: the file name in its annotation leads out of the folder (c.xml)" in data.notes


def test_the_picture_is_found_by_the_name_of_the_annotation_then_by_the_filename_element(tmp_path, photo, annotate):
    photo("a.png")
    annotate("a.xml", ("cat", BOX), filename="C:\\Users\\me\\old name.png")  # renamed since: the stem decides
    photo("photo 2.png")
    annotate("b.xml", ("dog", BOX), filename="photo 2.png")
    annotate("c.xml", ("dog", BOX), filename="gone.png")
    photo("deep/d.png")
    annotate("labels/d.xml", ("cat", BOX))
    photo("x/e.png")
    photo("y/e.png")
    annotate("labels/e.xml", ("cat", BOX))
    data = read(tmp_path, valid_fraction=0, test_fraction=0)
    assert sorted(data.train.names) == ["a.png", "d.png", "photo 2.png"]
    assert "left out 1 of 5: the picture is missing (c.jpg)" in data.notes
    assert "left out 1 of 5: several pictures have its name (e.xml)" in data.notes


def test_pictures_without_annotation_are_counted(tmp_path, photo, annotate):
    for name, label in (("a", "cat"), ("b", "dog")):
        photo(f"{name}.png")
        annotate(f"{name}.xml", (label, BOX))
    photo("unlabeled.png")
    annotate("unlabeled but damaged.xml")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "._a.xml").write_bytes(b"\0\5\26\7")
    (tmp_path / "._a.png").write_bytes(b"\0\5\26\7")
    assert "left out 1 of 4: it has no annotation (unlabeled.png)" in read(tmp_path).notes


def mark(path, seed, box=(3, 4, 20, 15), height=20, width=30):
    """Write noise with a bright rectangle in its half-open `box`, so that a box can be checked on the pixels."""
    pixels = np.random.default_rng(seed).integers(0, 100, (height, width, 3), dtype=np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, format="PNG")
    return path, (box[0] + 1, box[1] + 1, box[2], box[3])  # as VOC writes it


def covers(samples):
    """Does every box enclose the bright pixels, all of them and no others?"""
    for k, (xmin, ymin, xmax, ymax) in enumerate(samples.boxes.astype(int)):
        bright = (samples.images[k] == 255).all(axis=2)
        if bright.sum() != (ymax - ymin) * (xmax - xmin) or not bright[ymin:ymax, xmin:xmax].all():
            return False
    return True


def everything(folder, **options):
    return read(folder, format="voc", valid_fraction=0, test_fraction=0, **options)


@pytest.mark.parametrize(("pictures", "annotations"), [
    ("images/{}", "annotations/{}"), ("{}", "{}"), ("JPEGImages/{}", "Annotations/{}"),
    ("images/{}", "annotations/xmls/{}"), ("{}/images", "{}/annotations"),
    ("Data/CLS-LOC/{}", "Annotations/CLS-LOC/{}"), ("img_{}", "xml_{}"),
    ("train_data/{}", "train_labels/{}"), ("images/all/{}", "annotations/all/{}"), ("{}/img/box", "{}/ann/box"),
])
def test_of_equal_names_the_one_in_the_same_or_parallel_folder_is_meant(tmp_path, annotate, pictures, annotations):
    for k, label in enumerate(("cat", "dog", "box")):
        for i in range(2):
            _, box = mark(tmp_path / pictures.format(label) / f"{i}.jpg", 10 * k + i, (k + 1, i + 2, 14 + k, 12 + i))
            annotate(f"{annotations.format(label)}/{i}.xml", (label, box), filename=f"{i}.jpg")
    data = everything(tmp_path)
    assert len(data.train) == 6 and covers(data.train)
    for path, label in zip(data.train.images.paths, data.train.labels, strict=True):
        assert path.parent == tmp_path / pictures.format(data.classes[label])
    assert not any("left out" in note or "found by" in note for note in data.notes)


def test_masks_of_the_same_name_are_not_the_picture(tmp_path, photo, annotate):
    for i in range(2):
        _, box = mark(tmp_path / f"images/pet_{i}.jpg", i)
        photo(f"annotations/trimaps/pet_{i}.png")
        annotate(f"annotations/xmls/pet_{i}.xml", (("cat", "dog")[i], box), filename=("pet_0.jpg", "pet_1")[i])
    data = everything(tmp_path)
    assert data.train.names == ["pet_0.jpg", "pet_1.jpg"] and covers(data.train)


@pytest.mark.parametrize(("picture", "xml", "filename"), [
    ("0.jpg", "0.jpg.xml", "0.jpg"), ("images/0.jpg", "annotations/0.jpg.xml", ""), ("0.png", "0.jpg.xml", "0.jpg"),
    ("images/0.jfif", "annotations/0.xml", "0.jfif"), ("0.jfif", "0.xml", ""), ("0.JPG", "0.xml", "0.jpg"),
    ("images/photo.jpg", "annotations/0.xml", "photo"), ("x/y/photo.jpg", "0.xml", "photo"),
    ("a.b.c.png", "a.b.c.xml", ""), ("photo.v2.jpg", "0.xml", "photo.v2"),
    ("x/photo.jpg", "annotations/0.xml", "D:\\my pictures\\photo.jpeg"),
])
def test_names_and_endings_as_people_have_them(tmp_path, photo, annotate, picture, xml, filename):
    _, box = mark(tmp_path / picture, 1)
    annotate(xml, ("cat", box), filename=filename)
    data = everything(tmp_path)
    assert len(data.train) == 1 and data.train.images.paths[0] == tmp_path / picture and covers(data.train)


def test_the_file_name_chooses_between_endings(tmp_path, photo, annotate):
    for name, ending, other in (("a", "jpg", "png"), ("b", "png", "jpg")):
        _, box = mark(tmp_path / f"images/{name}.{ending}", ord(name))
        photo(f"images/{name}.{other}")
        annotate(f"annotations/{name}.xml", ("cat", box), filename=f"{name}.{ending}")
    photo("images/c.jpg")
    photo("images/c.png")
    annotate("annotations/c.xml", ("cat", BOX))
    data = everything(tmp_path)
    assert data.train.names == ["a.jpg", "b.png"] and covers(data.train)
    assert "left out 1 of 5: several pictures have its name (c.xml)" in data.notes
    assert "left out 2 of 5: it has no annotation (a.png, b.jpg)" in data.notes


def test_the_folder_element_chooses_where_nothing_else_does(tmp_path, photo, annotate):
    _, box = mark(tmp_path / "y/1.png", 1)
    photo("x/1.png")
    annotate("marks/1.xml", ("cat", box), filename="1.png", extra="<folder>y</folder>")
    data = everything(tmp_path)
    assert data.train.images.paths == [tmp_path / "y/1.png"] and covers(data.train)


def test_sizes_that_are_none_count_as_not_stated(tmp_path, photo, annotate):
    for name, size in (("a", ("nan", 30)), ("b", (20, "nan")), ("c", ("inf", 30)), ("d", (0, 0)), ("e", ("", "x"))):
        photo(f"{name}.png")
        annotate(f"{name}.xml", ("cat", BOX), size=size)
    assert len(everything(tmp_path).train) == 5


def test_two_annotations_of_one_picture_are_said(tmp_path, photo, annotate, answers):
    """The box that is larger counts, as among objects of one annotation."""
    photo("sub/o.png")
    annotate("q.xml", ("cat", BOX), filename="o.png")
    annotate("sub/o.xml", ("dog", (2, 3, 12, 13)), filename="o.png")
    data = read(tmp_path, test_fraction=0, valid_fraction=0)
    assert answers(data) == {"o.png": ("train", "dog", [1, 2, 12, 13])}
    assert "has boxes from several annotations; all count: 1 (o.png)" in data.notes


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
@pytest.mark.parametrize("name", ["labels.csv", "a.xml", "a.json", "data.yaml", "a.txt"])
@pytest.mark.parametrize("make", [lambda path: os.mkfifo(path), lambda path: path.symlink_to("/dev/zero")])
def test_pipes_and_devices_in_place_of_annotations_are_refused(tmp_path, photo, name, make):
    """One would be waited for, the other has no end."""
    photo("a.png")
    make(tmp_path / name)
    with pytest.raises(DataError, match="is a pipe or a device, and is not read"):
        read(tmp_path)
