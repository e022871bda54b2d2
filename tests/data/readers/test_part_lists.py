import pytest

from tinycnn.data import read
from tinycnn.errors import DataError

BOX = (2, 3, 11, 13)  # as VOC writes it; half-open (1, 2, 11, 13)


@pytest.fixture
def annotate(tmp_path):
    """annotate("Annotations/a.xml", ("cat", BOX)): write one Pascal VOC annotation."""

    def write(name, marked):
        label, (xmin, ymin, xmax, ymax) = marked
        box = f"<xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax>"
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = f"<annotation><object><name>{label}</name><bndbox>{box}</bndbox></object></annotation>"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def listed(tmp_path, photo, annotate):
    """listed({"ImageSets/Main/Train.txt": "{}"}, sub): twelve pictures, a third or half of them in each list."""

    def write(lists, sub="", ending="\n"):
        for i in range(12):
            photo(f"JPEGImages/{sub}{i}.png")
            annotate(f"Annotations/{sub}{i}.xml", (("cat", "dog")[i % 2], BOX))
        for k, (name, line) in enumerate(lists.items()):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            chosen = range(12)[k * 12 // len(lists) : (k + 1) * 12 // len(lists)]
            (tmp_path / name).write_bytes(ending.join(line.format(i) for i in chosen).encode())
        data = read(tmp_path, format="voc", valid_fraction=0)
        return {part: {int(path.stem) for path in its.images.paths} for part, its in data.parts.items()}, data

    return write


THIRDS = {"train": {0, 1, 2, 3}, "valid": {4, 5, 6, 7}, "test": {8, 9, 10, 11}}


@pytest.mark.parametrize("names", [
    ("train", "val", "test"), ("Train", "Validation", "Test"), ("train", "valid", "test"), ("TRAIN", "VAL", "TEST"),
    ("trainval", "val", "test"),
])
@pytest.mark.parametrize("folder", ["ImageSets/Main", "imagesets/main", "ImageSets", "."])
def test_lists_of_any_spelling(listed, names, folder):
    parts, data = listed({f"{folder}/{name}.txt": "{}" for name in names})
    assert parts == THIRDS and not data.notes


@pytest.mark.parametrize(("line", "sub"), [
    ("{}.png", ""), ("sub/{}", "sub/"), ("{}", "sub/"), ("JPEGImages/sub/{}.jpg", "sub/"), ("sub\\{}.png", "sub/"),
    ("{}  1", ""), ("{} -1", ""), ("{}.jpg 1", ""), ("/home/me/set/JPEGImages/{}.jpg", ""),
    ("./JPEGImages/{}.jpg", ""),
    ("JPEGImages/{}.jpg Annotations/{}.xml", ""), ("sub/{}", ""), ("{}.xml", ""),
])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_lines_of_any_spelling(listed, line, sub, ending):
    lists = {f"ImageSets/Main/{name}.txt": line.replace("{}", "{0}") for name in ("train", "val", "test")}
    parts, data = listed(lists, sub, ending)
    assert parts == THIRDS and not data.notes


def test_a_list_tells_equal_names_in_two_folders_apart(tmp_path, photo, annotate):
    for label in ("cat", "dog"):
        for i in range(4):
            photo(f"images/{label}/{i}.png")
            annotate(f"annotations/{label}/{i}.xml", (label, BOX))
    (tmp_path / "train.txt").write_text("cat/0\ncat/1\ndog/2\ndog/3\n")
    paths = ("dog/0.png", "dog/1.png", "cat/2.png", "cat/3.png", "owl/1.png")
    (tmp_path / "test.txt").write_text("\n".join(f"images/{path}" for path in paths))
    data = read(tmp_path, format="voc", valid_fraction=0)
    assert data.train.names == ["images/cat/0.png", "images/cat/1.png", "images/dog/2.png", "images/dog/3.png"]
    assert data.test.names == ["images/cat/2.png", "images/cat/3.png", "images/dog/0.png", "images/dog/1.png"]


def test_pictures_in_no_list_are_left_out_and_lists_of_other_pictures_are_not_used(tmp_path, listed):
    parts, data = listed({"train.txt": "{}", "test.txt": "{}", "rest": "{}"})
    assert parts["train"] | parts["test"] == set(range(8))
    assert "left out 4 of 12: it is not listed in test.txt, train.txt (10.xml, 11.xml, 8.xml, ...)" in data.notes
    (tmp_path / "train.txt").write_text("somewhere else\n" + "1 " * 10000)
    (tmp_path / "test.txt").write_text("\n\n/\n..\n\\\n")
    data = read(tmp_path, format="voc", valid_fraction=0)
    assert len(data.train) + len(data.test) == 12
    assert any(note.startswith("lists of parts that name none of the annotated pictures") for note in data.notes)


def test_lists_must_be_text(tmp_path, listed):
    listed({"ImageSets/Main/train.txt": "{}"})
    (tmp_path / "ImageSets/Main/train.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DataError, match="not UTF-8 text.*save it as UTF-8"):
        read(tmp_path, format="voc")


@pytest.mark.parametrize(("pictures", "annotations"), [
    ("images/{}", "annotations/{}"), ("Data/CLS-LOC/{}/n01", "Annotations/CLS-LOC/{}/n01"), ("{}", "{}"),
    ("a/{}", "a/{}"), ("deep/set/{}/images", "deep/set/{}/annotations"), ("{}2017", "{}2017"), ("VOC_{}", "VOC_{}"),
    ("{}-images", "{}-xmls"), ("VOC2012_{}/VOC2012_{}/JPEGImages", "VOC2012_{}/VOC2012_{}/Annotations"),
])
def test_folders_named_for_parts(tmp_path, photo, annotate, pictures, annotations):
    for part in ("train", "val", "test"):
        for i in range(4):
            photo(f"{pictures.replace('{}', part)}/{i}.png")
            label = ("cat", "train")[i % 2]  # as in Pascal VOC, a train is something to see too
            annotate(f"{annotations.replace('{}', part)}/{i}.xml", (label, BOX))
    data = read(tmp_path, format="voc")
    for part, name in (("train", "train"), ("valid", "val"), ("test", "test")):
        assert {path.parent for path in data.parts[part].images.paths} == {tmp_path / pictures.replace("{}", name)}
        assert len(data.parts[part]) == 4


@pytest.mark.parametrize("classes", [
    ("train_station", "harbor"), ("train", "bus", "car"), ("test tube", "flask"), ("contest", "match"),
    ("train", "test"), ("toy_train", "toy_car"), ("Val", "Trainer"),
    ("train station", "test"), ("train_set_of_wheels", "bus"),
])
@pytest.mark.parametrize("named", [str, lambda label: label.replace("_", " ")])
@pytest.mark.parametrize("folder", ["{}", "annotations/{}"])
def test_classes_named_like_parts_are_no_parts(tmp_path, photo, annotate, classes, named, folder):
    for label in classes:
        for i in range(5):
            photo(f"{folder.format(label)}/test_{i}.png")
            annotate(f"{folder.format(label)}/test_{i}.xml", (named(label), BOX))
    data = read(tmp_path, format="voc", valid_fraction=0)
    assert len(data.train) == 4 * len(classes) and len(data.test) == len(classes)
    assert any("brings no parts of its own" in note for note in data.notes)


def test_a_word_in_a_folder_is_a_name_where_others_have_none(tmp_path, photo, annotate):
    for folder in ("harbor_test", "station"):
        for i in range(5):
            photo(f"{folder}/{i}.png")
            annotate(f"{folder}/{i}.xml", (("cat", "dog")[i % 2], BOX))
    assert any("brings no parts of its own" in note for note in read(tmp_path, format="voc").notes)
