import re

import numpy as np
import pytest

from tinycnn.data import read
from tinycnn.data.readers import table as table_module
from tinycnn.errors import DataError


def test_several_objects_splits_and_foreign_columns(photo, table, answers):
    for name in ("a.png", "images/b.png", "c d.png"):
        photo(name)
    folder = table(
        '1,a.png,cat,0,0,5,5.5,train,"quoted, with comma"',
        "2,a.png,dog,0,0,6,6,train,",
        "3,b.png,cat,1,2,30,20,val,",
        '4,"c d.png",dog,1,2,3,4,TEST,',
        ",,,,,,,,",
        header="id,image,Label,xmin,ymin,xmax,ymax, split ,remark",
    )
    data = read(folder)
    assert answers(data) == {
        "a.png": ("train", "dog", [0, 0, 6, 6]), "b.png": ("valid", "cat", [1, 2, 30, 20]),
        "c d.png": ("test", "dog", [1, 2, 3, 4]),
    }


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace(",", ";").encode(),
        lambda text: text.rstrip("\n").encode(),
    ],
    ids=["byte order mark", "Windows line ends", "semicolons", "no last line end"],
)
def test_what_spreadsheets_do_to_a_table(tmp_path, photo, table, answers, encode):
    photo("ä.png")
    photo("b.png")
    table("ä.png,Käse,0,0,5,5,", "b.png,owl,0,0,5,5,")
    path = tmp_path / "labels.csv"
    path.write_bytes(encode(path.read_text(encoding="utf-8")))
    assert read(path).classes == ("Käse", "owl")
    assert set(answers(read(tmp_path))) == {"ä.png", "b.png"}


def test_without_split_column_and_with_one_table_per_part(tmp_path, photo, table, answers):
    header = "image,label,xmin,ymin,xmax,ymax"
    for part in ("train", "val", "test"):
        photo(f"{part}1.png")
        photo(f"{part}2.png")
        lines = (f"{part}1.png,cat,0,0,5,5", f"{part}2.png,dog,0,0,5,5")
        table(*lines, header=header, name=f"{part}.csv")
    parts = {name: part for name, (part, *_) in answers(read(tmp_path)).items()}
    assert parts["train1.png"] == "train" and parts["val2.png"] == "valid" and parts["test1.png"] == "test"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,label,xmin,ymin,xmax\na.png,cat,1,2,3\n", "no column ymax: its first line must name.*'image,label"),
        ("picture no,what,xmin,ymin,xmax,ymax\n", "no column image, label:.*'xmin' is the box"),
        ("image,xmin,ymin,xmax,ymax\na.png,1,2,3,4\n", "no column label:.*'image' is the picture.*one class, add a"),
        ("image,label\na.png,cat\n", "no column xmin, ymin, xmax, ymax:.*'label' is the class"),
        ("image,label,x,y,width\na.png,cat,1,2,3\n", "no column height:"),
        ("image,label,category,xmin,ymin,xmax,ymax\na.png,cat,pet,1,2,3,4\n", "'label' and 'category' could each be"),
        ("image,label,xmin,xmin,ymin,xmax,ymax\na.png,cat,1,2,3,4,5\n", "column xmin is there twice"),
        ("a.png,1,2,3,4,5\na.png,2,2,3,4,5\n", "without a header.*could be image,xmin,.*,label or image,label,xmin"),
        ("a.png,50,50,9,9,cat\n" * 4, "no header.*4 of its 4 boxes have no area: if the numbers are x, y, width"),
        ('image,label,xmin,ymin,xmax,ymax\n"a.png,cat,1,2,3,4\n', "line 2: a quotation mark .* is never closed"),
        ('image,label,xmin,ymin,xmax,ymax\n"a.png\nb.png",cat,1,2,3,4\n', "line 3: the name.*several lines"),
        ("a\0b\0c", "not a table in text form"),
        ("", "no column image, label, xmin, ymin, xmax, ymax"),
        ("image,label,xmin,ymin,xmax,ymax,split\na.png,cat,0,0,5,5,dev\n", "line 2: the split 'dev' is not one of"),
        ("image,label,xmin,ymin,xmax,ymax\n" + "x" * 200_000 + "\n", "line 2: not a table in CSV form"),
        ("image,label,xmin,ymin,xmax,ymax\n", "list no picture"),
    ],
)
def test_wrong_tables_are_explained(tmp_path, photo, text, message):
    photo("a.png")
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read(tmp_path)


def test_what_cannot_be_used_is_left_out(tmp_path, photo, table, answers):
    photo("out.png")
    for name in ("a.png", "b.png", "short.png", "text.png", "nan.png", "nolabel.png"):
        photo(f"set/{name}")
    table(
        "a.png,cat,0,0,5,5", "b.png,dog,0,0,5,5", "../out.png,dog,0,0,5,5", "/out.png,dog,0,0,5,5", ",dog,0,0,5,5",
        "gone.png,dog,0,0,5,5", "short.png,dog,0,0", "text.png,dog,0,0,five,5", "nan.png,dog,nan,0,inf,5",
        "nolabel.png, ,0,0,5,5", "set,dog,0,0,5,5", f"{'x' * 300}.png,dog,0,0,5,5",
        name="set/labels.csv", header="image,label,xmin,ymin,xmax,ymax",
    )
    data = read(tmp_path / "set", valid_fraction=0, test_fraction=0)
    assert set(answers(data)) == {"a.png", "b.png"}
    assert set(data.notes[:-1]) == {
        "left out 1 of 12: its line names no picture (line 6)",
        "left out 5 of 12: the picture is missing (../out.png, /out.png, gone.png, ...)",
        "left out 3 of 12: its box is not four numbers (short.png, text.png, nan.png)",
        "left out 1 of 12: its class has no name (nolabel.png)",
    }


def test_huge_files_are_refused(table, monkeypatch):
    folder = table("a.png,cat,0,0,5,5,")
    monkeypatch.setattr(table_module, "MAX_BYTES", 10)
    with pytest.raises(DataError, match="more than 10 is not read"):
        read(folder)


def test_only_shares_are_taken_for_shares(photo, table, answers):
    photo("a.png")
    photo("b.png")
    folder = table("a.png,cat,0,0,1,1,", "b.png,cat,0,0,1,1,")  # one pixel, or the whole picture: what is said
    assert answers(read(folder, valid_fraction=0, test_fraction=0))["a.png"][2] == [0, 0, 1, 1]
    table("a.png,cat,0.5,0.5,1,1,", "b.png,cat,0,0,20,20,")
    assert answers(read(folder, valid_fraction=0, test_fraction=0))["a.png"][2] == [0.5, 0.5, 1, 1]


def test_the_size_of_the_picture(photo, table, answers):
    photo("a.png", height=40, width=60)
    photo("b.png", height=40, width=61)
    folder = table("a.png,30,20,cat,6,4,21,13", "b.png,30,90,cat,6,4,21,13",
                   header="filename,width,height,class,xmin,ymin,xmax,ymax")
    data = read(folder, valid_fraction=0, test_fraction=0)
    assert answers(data) == {"a.png": ("train", "cat", [12, 8, 42, 26])}
    assert any("another size" in note and "b.png" in note for note in data.notes)


def test_cells_that_are_too_many_are_not_moved_into_others(photo, table, answers):
    photo("a.png")
    photo("b.png")
    folder = table("a.png,cat,0,0,5,5,", "b.png,cat,0,0,5,0,7,5,0")
    data = read(folder, valid_fraction=0, test_fraction=0)
    assert set(answers(data)) == {"a.png"}
    assert "left out 1 of 2: its line has more cells than the first line has names (b.png)" in data.notes


@pytest.mark.parametrize("other", ["annotations.json", "Annotations/a.xml", "labels/a.txt", "data.yaml"])
def test_folders_of_other_formats_are_not_claimed(tmp_path, photo, other):
    photo("a.png")
    for name, text in (("statistics.csv", "image,label\na.png,cat\n"), ("history.csv", "epoch,loss\n1,2\n")):
        (tmp_path / name).write_text(text)
    assert [file.name for file in table_module.find(tmp_path)] == ["history.csv", "statistics.csv"]
    (tmp_path / other).parent.mkdir(exist_ok=True)
    (tmp_path / other).write_text("{}")
    assert table_module.find(tmp_path) == []
    via = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\n"
    (tmp_path / "via_region_data.csv").write_text(via)
    assert table_module.find(tmp_path) == table_module.find(tmp_path / "via_region_data.csv") == []
    assert table_module.find(tmp_path / other) == []


def test_any_damage_is_explained(tmp_path, photo, table):
    """Cut off anywhere, or with any byte changed, a table is read or refused with a sentence."""
    for name in "ab":
        photo(f"{name}.png")
    folder = table('a.png,"cat",0,0,5,5,train', "b.png,dog,1.5,2,6,7,train")
    path, rng = tmp_path / "labels.csv", np.random.default_rng(2)
    whole = path.read_bytes()
    damaged = [whole[:k] for k in range(0, len(whole), 3)]
    for _ in range(150):
        content = bytearray(whole)
        for k in rng.integers(0, len(whole), rng.integers(1, 4)):
            content[k] = rng.choice([*b'",;|\t\n\r 0-', 0, 0x81, 0xFF, rng.integers(256)])
        damaged.append(bytes(content))
    damaged += [b"\xff\xfe" + whole, b"\xff\xfe\0", b"\xef\xbb\xbf", b"\n\n", b",,,,,"]
    damaged += [b'"', b"sep=", b'sep="\n' + whole]
    for content in damaged:
        path.write_bytes(content)
        try:
            assert len(read(folder, format="csv", valid_fraction=0, test_fraction=0).train) in (1, 2)
        except DataError as error:
            assert "labels.csv" in str(error) or re.match("nothing usable|some pictures are assigned", str(error))


def test_two_tables_on_one_picture_are_said_and_answers_are_not_used(photo, table, answers):
    for name in ("a.png", "b.png"):
        photo(name)
    header = "image,label,xmin,ymin,xmax,ymax"
    folder = table("a.png,cat,0,0,9,9", "b.png,dog,1,1,8,8", header=header)
    table("a.png,owl,0,0,30,20,0.9", "b.png,owl,0,0,30,20,0.8", header=f"{header},Score", name="predictions.csv")
    table("a.png,owl,0,0,30,20", header=header, name="sample_submission.csv")
    data = read(folder, valid_fraction=0, test_fraction=0)
    assert answers(data) == {"a.png": ("train", "cat", [0, 0, 9, 9]), "b.png": ("train", "dog", [1, 1, 8, 8])}
    assert "a table with scores, taken for predictions and not used: 1 (predictions.csv)" in data.notes
    assert "a table of answers to a competition, not used: 1 (sample_submission.csv)" in data.notes
    table("a.png,cat,0,0,20,20", header=header, name="more.csv")
    data = read(folder, valid_fraction=0, test_fraction=0)
    assert answers(data)["a.png"] == ("train", "cat", [0, 0, 20, 20])
    assert "has boxes from two files, labels.csv and more.csv; all count: 1 (a.png)" in data.notes
    assert read(folder / "predictions.csv").classes == ("owl",)  # asked for by name, it is read


@pytest.mark.parametrize("column, part", [("is_valid", "valid"), ("is_test", "test")])
def test_a_column_that_is_true_for_one_part(photo, table, answers, column, part):
    for name in "abc":
        photo(f"{name}.png")
    cells = ("True", "False", "0")
    folder = table(*(f"{name}.png,cat,0,0,5,5,{cell}" for name, cell in zip("abc", cells, strict=True)),
                   header=f"image,label,xmin,ymin,xmax,ymax,{column}")
    parts = {name: part for name, (part, *_) in answers(read(folder, valid_fraction=0)).items()}
    # Where a set brings train and valid only, valid becomes what is reported on.
    assert parts == {"a.png": "test", "b.png": "train", "c.png": "train"}
    assert any(f"test is its own {part} part" in note for note in read(folder, valid_fraction=0).notes)


def test_the_size_of_boxes_beside_their_corners_is_not_that_of_the_picture(photo, table, answers):
    photo("a.png")
    photo("b.png")
    folder = table("a.png,cat,2,3,12,8,10,5", "b.png,dog,0,0,8,4,8,4",
                   header="image,label,xmin,ymin,xmax,ymax,width,height")
    found = answers(read(folder, valid_fraction=0, test_fraction=0))
    assert found == {"a.png": ("train", "cat", [2, 3, 12, 8]), "b.png": ("train", "dog", [0, 0, 8, 4])}


def test_classes_that_differ_by_capitals_alone_are_said(photo, table):
    for name in ("a.png", "b.png", "c.png"):
        photo(name)
    data = read(table("a.png,cat,0,0,5,5,", "b.png,Cat,0,0,5,5,", "c.png,dog,0,0,5,5,"), valid_fraction=0)
    assert data.classes == ("Cat", "cat", "dog")
    assert "classes that differ by capitals alone: Cat, cat" in data.notes


def test_lists_beside_a_table_say_the_parts(picture, table, tmp_path):
    names = [f"images/{name}.png" for name in "abcdef"]
    picture(*names)
    table(*(f"{name},cat,20,10,50,40" for name in names), header="image,label,xmin,ymin,xmax,ymax")
    (tmp_path / "train.txt").write_text("images/a.png\nb\nc.png\n")
    (tmp_path / "validation.txt").write_text("d.png\n")
    (tmp_path / "test.txt").write_text("images/e.png\n")
    data = read(tmp_path)
    assert [part.names for part in data.parts.values()] == [["a.png", "b.png", "c.png"], ["d.png"], ["e.png"]]
    assert "left out 1 of 6: it is not listed in test.txt, train.txt, validation.txt (f.png)" in data.notes


def test_lists_that_name_no_picture_of_a_table_are_not_used(picture, table, tmp_path):
    picture("a.png", "b.png")
    table("a.png,cat,20,10,50,40", "b.png,cat,20,10,50,40", header="image,label,xmin,ymin,xmax,ymax")
    (tmp_path / "train.txt").write_text("the training went well\n")
    data = read(tmp_path, valid_fraction=0, test_fraction=0)
    assert len(data.train) == 2 and "name none of the annotated pictures" in " ".join(data.notes)


def test_a_split_column_counts_more_than_lists(picture, table, tmp_path):
    picture("a.png", "b.png")
    table("a.png,cat,20,10,50,40,train", "b.png,cat,20,10,50,40,test")
    (tmp_path / "train.txt").write_text("b.png\n")
    assert read(tmp_path, valid_fraction=0).test.names == ["b.png"]
