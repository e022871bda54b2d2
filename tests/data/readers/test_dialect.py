"""Tables as programs write them: each holds pictures with a bright rectangle, and each box must cover it exactly."""

import numpy as np
import pytest
from PIL import Image

from tinycnn.data import read

LEFT, TOP, RIGHT, BOTTOM = 6, 4, 21, 13  # of the bright rectangle in every picture of `shown`
LABELS = ("cat", "dog", "cat")
SIZED = {"W": 30, "H": 20, "w": RIGHT - LEFT, "h": BOTTOM - TOP, "l": LEFT, "t": TOP, "r": RIGHT, "b": BOTTOM}


@pytest.fixture
def shown(tmp_path):
    """shown("a.png", ...): write noise of 20 x 30 pixels with one bright rectangle, at the same place in each."""
    rng = np.random.default_rng(1)

    def save(*names):
        for name in names:
            pixels = rng.integers(0, 100, (20, 30, 3), dtype=np.uint8)
            pixels[TOP:BOTTOM, LEFT:RIGHT] = 255
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / name)

    return save


@pytest.fixture
def covered(tmp_path, answers):
    """covered(text): write the table, read the folder, give {picture: (part, class)} and notes; each box must fit."""

    def check(text, name="annotations.csv", **options):
        content = text if isinstance(text, bytes) else text.encode()
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
        data = read(tmp_path, **{"valid_fraction": 0, "test_fraction": 0} | options)
        for samples in data.parts.values():
            for image, box in zip(samples.images, samples.boxes, strict=True):
                xmin, ymin, xmax, ymax = np.round(box, 3).astype(int)
                bright = np.asarray(image).min(-1) == 255
                assert bright[ymin:ymax, xmin:xmax].all() and bright.sum() == (ymax - ymin) * (xmax - xmin)
        return {name: (part, label) for name, (part, label, _) in answers(data).items()}, " | ".join(data.notes)

    return check


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("filename,width,height,class,xmin,ymin,xmax,ymax", "{i},{W},{H},{c},{l},{t},{r},{b}"),  # xml_to_csv
        ('"image","xmin","ymin","xmax","ymax","label"', '"{i}",{l}.0,{t}.0,{r}.0,{b}.0,"{c}"'),  # VoTT
        (None, "{i},{l},{t},{r},{b},{c}"),  # keras-retinanet
        (None, "{i},{c},{l},{t},{r},{b}"),
        (None, "{c},{l},{t},{w},{h},{i},{W},{H}"),  # Make Sense, before it wrote a header
        ("label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height",
         "{c},{l},{t},{w},{h},{i},{W},{H}"),
        ("image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max", "{i},{c},3,R9,{l},{t},{r},{b}"),
        ("Image ID,X1,Y1,X2,Y2,Class Name", "{i},{l},{t},{r},{b},{c}"),
        ("img,object,left,top,right,bottom", "{i},{c},{l},{t},{r},{b}"),
        ("path,name,BBox_X1,bbox_y1,bbox_x2,bbox_y2", "{i},{c},{l},{t},{r},{b}"),
        ("file_name,category,x,y,w,h", "{i},{c},{l},{t},{w},{h}"),
        ("file_name,category,x,y,width,height", "{i},{c},{l},{t},{w},{h}"),
        ("image,label,xmin,ymin,width,height", "{i},{c},{l},{t},{w},{h}"),
        ("image,label,x_center,y_center,width,height", "{i},{c},13.5,8.5,{w},{h}"),
        ("image,label,x0,y0,x1,y1", "{i},{c},{l},{t},{r},{b}"),
        ("image,label,x1,y1,x2,y2,x3,y3,x4,y4", "{i},{c},{r},{t},{r},{b},{l},{b},{l},{t}"),
        ("image_id,width,height,bbox,class", '{i},{W},{H},"[{l}.0, {t}.0, {w}.0, {h}.0]",{c}'),
        ("image,bbox_xyxy,class", '{i},"({l}, {t}, {r}, {b})",{c}'),
        ("image,bbox,class", "{i},[{l}. {t}. {w}. {h}.],{c}"),
        (",image,class,class_id,split,xmin,ymin,xmax,ymax,source", "7,{i},{c},1,,{l},{t},{r},{b},web"),
    ],
)
def test_tables_as_programs_write_them(shown, covered, header, line):
    shown("a.png", "b.png", "c.png")
    rows = [line.format(i=f"{name}.png", c=label, **SIZED) for name, label in zip("abc", LABELS, strict=True)]
    found, notes = covered("\n".join([header, *rows] if header else rows) + "\n")
    assert found == {"a.png": ("train", "cat"), "b.png": ("train", "dog"), "c.png": ("train", "cat")}
    assert ("read as x, y, width, height" in notes) == (header is not None and ",bbox," in header)
    assert "left out" not in notes


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        lambda text, d: text.encode("utf-8-sig"),
        lambda text, d: text.encode("utf-16"),
        lambda text, d: b"\xfe\xff" + text.encode("utf-16-be"),
        lambda text, d: text.replace("\n", "\r\n").encode(),
        lambda text, d: text.replace("\n", "\r").encode(),
        lambda text, d: text.replace("\n", "\n\n").encode(),
        lambda text, d: text.replace("\n", d + d + "\n").encode(),
        lambda text, d: text.replace(d, d + " ").encode(),
        lambda text, d: f"sep={d}\r\n{text}".encode("utf-8-sig"),
        lambda text, d: text.replace(".00", ",00" if d != "," else ".00").encode(),
        lambda text, d: text.encode("cp1252"),
        lambda text, d: (text + text).encode(),
    ],
    ids=["mark", "UTF-16", "UTF-16 BE", "CRLF", "CR", "empty lines", "trailing", "blanks", "sep=", "decimal comma",
         "cp1252", "twice"],
)
def test_dialects(shown, covered, delimiter, header, change):
    shown("a.png", "ä.png")
    rows = [[name, f'"Käse{delimiter} alt"', "6.00", "4.00", "21.00", "13.00"] for name in ("a.png", "ä.png")]
    rows = [["image", "label", "xmin", "ymin", "xmax", "ymax"]] * header + rows
    content = change("".join(delimiter.join(row) + "\n" for row in rows), delimiter)
    found, notes = covered(content)
    assert set(found) == {"a.png", "ä.png"}
    assert {label.replace(" ", "") for _, label in found.values()} == {f"Käse{delimiter}alt".replace(" ", "")}
    assert ("not UTF-8 and was read as Windows-1252" in notes) == (b"\xe4.png" in content)


def test_no_object_in_a_picture(shown, covered):
    shown("a.png", "b.png", "c.png")
    found, notes = covered("c.png,,,,,\na.png,6,4,21,13,cat\nb.png,,,,,\n")
    assert set(found) == {"a.png"} and "left out 2 of 3: no object is marked in it (c.png, b.png)" in notes


def test_classes_that_are_numbers(shown, covered):
    shown("a.png", "b.png")
    assert covered("a.png,6,4,21,13,0\nb.png,6,4,21,13,1\n")[0]["b.png"] == ("train", "1")


def test_shares_of_the_picture(shown, covered):
    shown("a.png", "b.png")
    for header, line in (
        ("image,label,left,top,width,height", "{},cat,.2,.2,.5,.45"),
        (None, "UNASSIGNED,gs://bucket/folder/{}.png,cat,0.2,0.2,,,0.7,0.65,,"),
    ):
        rows = [line.format(name) for name in "ab"]
        found, notes = covered("\n".join([header, *rows] if header else rows))
        assert set(found) == {"a.png", "b.png"} and "boxes are shares of the picture: 1 (annotations.csv)" in notes


def test_a_folder_for_each_part(shown, covered, tmp_path):
    header = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
    for part in ("train", "valid", "test"):
        shown(f"{part}/a.png", f"{part}/b.png")
        text = header + "a.png,30,20,cat,6,4,21,13\nb.png,30,20,dog,6,4,21,13\n"
        (tmp_path / part / "_annotations.csv").write_text(text)
    (tmp_path / "README.dataset.txt").write_text("https://example.org")
    found, _ = covered(text, "valid/_annotations.csv", test_fraction=None)
    assert found["valid/a.png"] == ("valid", "cat") and len(found) == 6


def test_tables_in_annotations_beside_folders_of_pictures(shown, covered, tmp_path):
    for part in ("train", "val"):
        shown(f"images/{part}/1.png", f"images/{part}/2.png")
        (tmp_path / "annotations").mkdir(exist_ok=True)
        rows = "1.png,6,4,21,13,cat\n2.png,6,4,21,13,dog\n"
        (tmp_path / f"annotations/{part}_labels.csv").write_text(rows)
    found, notes = covered("cat,0\ndog,1\n", "annotations/classes.csv", test_fraction=None)
    assert found == {f"images/{folder}/{k}.png": (part, label) for k, label in ((1, "cat"), (2, "dog"))
                     for folder, part in (("train", "train"), ("val", "test"))}
    assert "a table without boxes, not used: 1 (classes.csv)" in notes


@pytest.mark.parametrize("column", ["split", "Subset", "set", "part", "USAGE", "ml_use"])
def test_names_of_the_parts(shown, covered, column):
    shown("a.png", "b.png", "c.png")
    words = zip("abc", ("Training", "validation", "TEST"), strict=True)
    rows = [f"{name}.png,cat,6,4,21,13,{word}" for name, word in words]
    found, _ = covered("\n".join([f"image,label,xmin,ymin,xmax,ymax,{column}", *rows]), test_fraction=None)
    assert [found[f"{name}.png"][0] for name in "abc"] == ["train", "valid", "test"]


def test_a_part_of_something_else(shown, covered):
    shown("a.png", "b.png")
    rows = "a.png,car,wheel,6,4,21,13\nb.png,car,door,6,4,21,13\n"
    found, notes = covered("image,label,part,xmin,ymin,xmax,ymax\n" + rows)
    assert len(found) == 2 and "'part' does not speak of train, valid, test; not used: 1" in notes


def test_names_that_could_be_two_things_are_told_apart_by_the_cells(shown, covered):
    shown("folder/a.png", "folder/b.png")
    header = "name,path,image_id,class,label,object,xmin,ymin,xmax,ymax\n"
    found, _ = covered(header + "".join(f"{n}.png,/home/me/folder/{n}.png,{k},{k},cat,cat,6,4,21,13\n"
                                        for k, n in enumerate("ab")))
    assert found == {"a.png": ("train", "cat"), "b.png": ("train", "cat")}
