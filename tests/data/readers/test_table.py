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
        ("filename,class,xmin,ymin,xmax,ymax\n", "no column image, label:"),
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
        "left out 3 of 12: the image column is empty or leads out of the folder (../out.png, /out.png, line 6)",
        "left out 2 of 12: the picture is missing (gone.png, set)",
        f"left out 1 of 12: the picture cannot be opened (File name too long) ({'x' * 300}.png)",
        "left out 3 of 12: its box is not four numbers (short.png, text.png, nan.png)",
        "left out 1 of 12: its class has no name (nolabel.png)",
    }


def test_huge_and_foreign_files_are_refused(tmp_path, monkeypatch):
    (tmp_path / "labels.csv").write_bytes("image,label\nä.png".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8 text.*save it as UTF-8"):
        read(tmp_path)
    monkeypatch.setattr(table_module, "MAX_BYTES", 10)
    with pytest.raises(DataError, match="more than 10 is not read"):
        read(tmp_path)
