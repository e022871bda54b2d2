import contextlib
import shutil

import numpy as np
import pytest

import tinycnn.data
from tinycnn.data.readers import coco, open_images, voc
from tinycnn.data.readers.assemble import TAKE_IN
from tinycnn.data.readers.records import Ledger
from tinycnn.errors import DataError

HEADER = (
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
)
CLICKS = ",XClick1X,XClick2X,XClick3X,XClick4X,XClick1Y,XClick2Y,XClick3Y,XClick4Y"
NAMES = ("/m/011k07,Tortoise", '/m/01yrx,"Cat, domestic"', "/m/0bt9lr,Dog")


def row(image, code="/m/01yrx", box=(0.25, 0.625, 0.2, 0.8), confidence="1", group="0", more=""):
    """A line as the tables have it; box is XMin, XMax, YMin, YMax, here around the bright rectangle."""
    return f"{image},xclick,{code},{confidence},{','.join(f'{share:.6f}' for share in box)},0,0,{group},0,0{more}"


SMALL = (0.0, 0.125, 0.5, 0.75)  # half-open pixels (0, 25, 10, 37.5)


def read(path, test_fraction=None):
    """The Dataset of a folder or file of this format, no part of it split off."""
    return tinycnn.data.read(path, "open-images", valid_fraction=0.0, test_fraction=test_fraction, max_side=None)


@pytest.fixture
def put(tmp_path):
    """put("train-annotations-bbox.csv", line, ...): a table."""

    def write(name, *lines, header=HEADER):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in (header, *lines) if line is not None), encoding="utf-8")
        return path

    return write


@pytest.fixture
def names(put):
    return put("class-descriptions-boxable.csv", *NAMES, header=None)


def test_official_tables_and_parts(tmp_path, picture, put, names, answers):
    picture("train/00a1.png", "train/00a2.png", "validation/00b1.png", "test/00c1.png")
    put("oidv6-train-annotations-bbox.csv", row("00a1", more=",0.1" * 8),
        row("00a1", "/m/0bt9lr", SMALL), row("00a2", "/m/011k07"), row("ffff"), row("ffff"), header=HEADER + CLICKS)
    put("validation-annotations-bbox.csv", row("00b1"), row("eeee"))
    put("test-annotations-bbox.csv", row("00c1", "/m/0bt9lr"))
    data = read(tmp_path)
    assert answers(data) == {
        "00a1.png": ("train", "Cat, domestic", [20, 10, 50, 40]), "00a2.png": ("train", "Tortoise", [20, 10, 50, 40]),
        "00b1.png": ("valid", "Cat, domestic", [20, 10, 50, 40]), "00c1.png": ("test", "Dog", [20, 10, 50, 40]),
    }
    assert data.notes[:-1] == [  # the last says that Dog is not in the train part as a main subject
        "3 lines passed over, since their pictures are not in the folder; tables: 2 "
        "(oidv6-train-annotations-bbox.csv, validation-annotations-bbox.csv)"
    ]


def test_the_box_covers_the_object_exactly(tmp_path, picture, put, names):
    picture("images/00a1.png")
    data = read(put("train-annotations-bbox.csv", row("00a1", box=SMALL), row("00a1")), 0.0)
    xmin, ymin, xmax, ymax = data.train.boxes[0].astype(int)
    bright = (data.train.images[0] == 255).all(-1)
    assert bright[ymin:ymax, xmin:xmax].all() and bright.sum() == (ymax - ymin) * (xmax - xmin)


@pytest.mark.parametrize(
    ("file", "header"),
    [("class-descriptions.csv", None), ("meta/oidv7-class-descriptions-boxable.csv", "LabelName,DisplayName"),
     ("train/metadata/classes.csv", "LabelName,DisplayName")],
)
def test_class_names(tmp_path, picture, put, file, header):
    picture("00a1.png", "00a2.png")
    put(file, *NAMES, header=header)
    put("train-annotations-bbox.csv", row("00a1"), row("00a2", "/m/0bt9lr"))
    data = read(tmp_path, 0.0)
    assert data.classes == ("Cat, domestic", "Dog") and not any("class descriptions" in note for note in data.notes)


def test_without_names_classes_keep_their_codes(tmp_path, picture, put):
    picture("00a1.png", "00a2.png")
    put("train-annotations-bbox.csv", row("00a1"), row("00a2"), row("00a2", "/m/0bt9lr", SMALL))
    data = read(tmp_path, 0.0)
    assert data.classes == ("/m/01yrx",)
    note = "no table of class descriptions names this class, which is called by its code: 2 (/m/01yrx, /m/0bt9lr)"
    assert note in data.notes


def test_groups_and_unseen_classes_are_not_used(tmp_path, picture, put, names, answers):
    picture("00a1.png", "00a2.png", "00a3.png")
    put("train-annotations-bbox.csv", row("00a1", group="1"), row("00a1", "/m/0bt9lr", SMALL, group="-1"),
        row("00a1", "/m/011k07", confidence="0"), row("00a2", group="1"), row("00a3"))
    data = read(tmp_path, 0.0)
    assert answers(data) == {"00a1.png": ("train", "Dog", [0, 25, 10, 37.5]),
                             "00a3.png": ("train", "Cat, domestic", [20, 10, 50, 40])}
    assert set(data.notes[:-1]) == {
        "left out 1 of 3: all its boxes are around groups (IsGroupOf) or have Confidence 0 (00a2.png)",
        f"{open_images.GROUP} not used: 2 (00a1.png, 00a2.png)", f"{open_images.UNSEEN}: 1 (00a1.png)",
        TAKE_IN,
    }


def test_columns_in_another_order_and_windows_line_ends(tmp_path, picture, names):
    picture("train/data/00a1.png")  # with the table below, as FiftyOne stores them
    (tmp_path / "train/labels").mkdir()
    lines = ["LabelName,YMin,YMax,ImageID,XMin,XMax", '/m/01yrx,0.2,0.8,"00a1",0.25,0.625', "/m/0bt9lr,0,1,00a1,0,1"]
    (tmp_path / "train/labels/detections.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    ledger = Ledger()
    (record,), classes = open_images.records(tmp_path, open_images.find(tmp_path), ledger)
    assert (record.part, record.whole, classes) == ("train", 1.0, None)
    assert record.objects == [("Cat, domestic", (0.25, 0.2, 0.625, 0.8)), ("Dog", (0, 0, 1, 1))]
    assert not ledger.remarks and not ledger.left_out


def test_the_folder_chooses_between_pictures_of_one_name(tmp_path, picture, put, names, answers):
    picture("train/00a1.png", "validation/00a1.png", "train/Cat/00a2.png", "train/Dog/00a3.png", "x/7.png", "y/7.png")
    shutil.copy(tmp_path / "train/Cat/00a2.png", tmp_path / "train/Dog/00a2.png")  # shows both, so lies in both
    put("train-annotations-bbox.csv", row("00a1"), row("00a2"), row("00a3"), row("7"))
    put("validation-annotations-bbox.csv", row("00a1", "/m/0bt9lr"))
    data = read(tmp_path)
    assert answers(data) == {
        "train/00a1.png": ("train", "Cat, domestic", [20, 10, 50, 40]),
        "validation/00a1.png": ("test", "Dog", [20, 10, 50, 40]),
        "00a2.png": ("train", "Cat, domestic", [20, 10, 50, 40]),
        "00a3.png": ("train", "Cat, domestic", [20, 10, 50, 40]),
    }
    assert data.notes[0] == "left out 1 of 5: several pictures have its name (7)"


def test_what_cannot_be_used_is_left_out(tmp_path, picture, put, names, answers):
    picture("out.png", *(f"set/images/{name}.png" for name in ("ok", "short", "text", "code", "swapped", "unlisted")))
    shutil.move(names, tmp_path / "set")
    put("set/train-annotations-bbox.csv", row("ok"), "short,xclick,/m/01yrx,1,0.1", row("text").replace("0.25", "x"),
        row("code", ""), row("swapped", box=(0.5, 0.25, 0.2, 0.8)), row("../out"), row("/etc/passwd"), "", ",,,",
        "\0")
    data = read(tmp_path / "set", 0.0)
    assert answers(data) == {"ok.png": ("train", "Cat, domestic", [20, 10, 50, 40])}
    assert set(data.notes[:-2]) == {
        "left out 1 of 6: it has no annotation (unlisted.png)",
        "left out 2 of 6: its box is not four numbers (short.png, text.png)",
        "left out 1 of 6: its class has no name (code.png)",
        "left out 1 of 6: box has no area (swapped.png)",
        "4 lines passed over, since their pictures are not in the folder; tables: 1 (train-annotations-bbox.csv)",
    }


def test_no_picture_of_the_table_is_there(tmp_path, put, names):
    put("train-annotations-bbox.csv", row("00a1"), row("00a2"))
    with pytest.raises(DataError, match="nothing usable remains.*2 lines passed over, since their pictures are not"):
        read(tmp_path)


def test_tables_of_any_length_are_read_in_pieces(tmp_path, picture, put, names, monkeypatch):
    picture("00a1.png", "00a2.png")
    lines = [row(f"{number:04x}") for number in range(0x90, 0xb0)]
    put("train-annotations-bbox.csv", *lines)
    monkeypatch.setattr(open_images, "PIECE", 13)
    data = read(tmp_path, 0.0)
    assert data.train.names == ["00a1.png", "00a2.png"] and data.notes[0].startswith("30 lines passed over")
    monkeypatch.setattr(open_images, "MAX_ROWS", 1)
    with pytest.raises(DataError, match="more than 1 boxes, which is too many for memory"):
        read(tmp_path)
    put("train-annotations-bbox.csv", "0" * 100)
    monkeypatch.setattr(open_images, "MAX_LINE", 50)
    with pytest.raises(DataError, match=r"csv, line 1: expected one box per line"):
        read(tmp_path)


@pytest.mark.parametrize("line", [b"00a1,\xff\xfe,", b'00a1,"' + b"a" * 200_000 + b'",'])
def test_lines_that_are_no_text_are_refused(tmp_path, picture, put, names, monkeypatch, line):
    picture("00a1.png")
    path = put("train-annotations-bbox.csv", row("00a1"))
    monkeypatch.setattr(open_images, "MAX_LINE", 2**20)
    path.write_bytes(path.read_bytes() + line)
    with pytest.raises(DataError, match="train-annotations-bbox.csv, line 3: expected a line of a CSV table in"):
        read(tmp_path)


def test_every_damage_is_a_data_error(tmp_path, picture, put, names):
    picture("00a1.png")
    path = put("train-annotations-bbox.csv", row("00a1"), row("00a1", "/m/0bt9lr", SMALL), row("ffff"))
    data, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(data[: rng.integers(1, len(data))])
        for at in rng.integers(0, len(damaged), rng.integers(0, 4)):
            damaged[at] = rng.integers(256)
        path.write_bytes(damaged)
        with contextlib.suppress(DataError):
            open_images.records(tmp_path, [path], Ledger())


def test_folders_of_other_formats_are_not_claimed(tmp_path, put, names):
    for name, text in (
        ("voc/a.xml", "<annotation><filename>a.png</filename></annotation>"),
        ("coco/annotations.json", '{"images": [], "annotations": [], "categories": []}'),
        ("csv/labels.csv", "image,label,xmin,ymin,xmax,ymax\na.png,cat,1,2,3,4\n"),
        ("levels/train-annotations-human-imagelabels.csv", "ImageID,Source,LabelName,Confidence\n0a,x,/m/01yrx,1\n"),
        ("masks/train-annotations-object-segmentation.csv",
         "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks\n"),
        ("empty/train-annotations-bbox.csv", ""),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        assert open_images.find(path) == [] and open_images.find(path.parent) == []
    path = put("ours/csv_folder/train-annotations-bbox.csv", row("00a1"))
    assert open_images.find(path) == open_images.find(tmp_path / "ours") == [path]
    assert open_images.find(names) == [] and not voc.find(tmp_path / "ours") and not coco.find(tmp_path / "ours")
