import numpy as np
import pytest
from PIL import Image

import tinycnn.data
from tinycnn.data.readers import coco, table, tiny_imagenet, voc, yolo
from tinycnn.errors import DataError

BOX = (20, 10, 50, 40)  # of the bright rectangle in pictures of 50 rows and 80 columns, half-open pixels
LINE = "0 0.437500 0.500000 0.375000 0.600000"  # the same as YOLO says it
OTHER = "1 0.125000 0.200000 0.250000 0.400000"  # (0, 0, 20, 20), smaller


def read(path, test_fraction=None):
    """The Dataset of a folder or file of this format, no part of it split off."""
    return tinycnn.data.read(path, "yolo", valid_fraction=0.0, test_fraction=test_fraction, max_side=None)


def parts_of(data):
    return {name: part for part, samples in data.parts.items() for name in samples.names}


@pytest.fixture
def put(tmp_path):
    """put("a.txt", line): a text; put("a.png"): noise and a rectangle of 255; put("a.png", "a.txt", line): both."""
    rng = np.random.default_rng(1)

    def save(name, *lines):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix not in (".png", ".bmp"):
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            return path
        pixels = rng.integers(0, 100, (50, 80, 3), dtype=np.uint8)
        pixels[BOX[1]:BOX[3], BOX[0]:BOX[2]] = 255
        Image.fromarray(pixels).save(path)
        return save(*lines) if lines else path

    return save


def check_bright(samples):
    assert len(samples) > 0
    for image, box in zip(samples.images, samples.boxes, strict=True):
        rows, columns = np.nonzero(np.asarray(image).min(axis=2) == np.asarray(image).max())
        assert box == pytest.approx((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1), abs=1e-3)
        assert box == pytest.approx(BOX, abs=1e-3)


def test_a_text_beside_each_picture(tmp_path, put):
    for name in ("a", "b", "Ünder score.v1.rf.0a", "train", "test", "labels"):  # the last are no lists here
        put(f"{name}.png", f"{name}.txt", OTHER, LINE)
    put("classes.txt", "cat", "dog", "unused")
    put("README.txt", "exported by somebody")
    data = read(tmp_path, test_fraction=0)
    check_bright(data.train)
    assert data.classes == ("cat",) and len(data.train) == 6 and len(data.notes) == 2  # on the parts, on one class


@pytest.mark.parametrize("picture, label", [
    ("images/{}/{}.png", "labels/{}/{}.txt"), ("{}/images/{}.png", "{}/labels/{}.txt"), ("{}/{}.png", "{}/{}.txt"),
    ("obj_{}_data/{}.png", "obj_{}_data/{}.txt"), ("images/{}2017/{}.png", "labels/{}2017/{}.txt")])
def test_parts_by_folders(tmp_path, put, picture, label):
    for part in ("train", "val" if picture.startswith("images") else "valid", "test"):
        for name in ("a", "b"):  # the same names in every part
            put(picture.format(part, name), label.format(part, name), f"{int(name == 'b')}{LINE[1:]}")
    put("obj.names", "cat", "dog")
    data = read(tmp_path)
    for samples in data.parts.values():
        check_bright(samples)
        assert samples.labels.tolist() == [0, 1]
    assert data.classes == ("cat", "dog") and data.notes == []


@pytest.mark.parametrize("names", [
    "names: ['night owl', \"cat\", lion's den, C#]", "names:\n- night owl\n- cat\n- lion's den\n- C#",
    "names:\n  - 'night owl'  # a bird\n\n  # more\n  - \"c\\u0061t\"\n  - lion's den\n  - C#",
    "'names': [night owl,\n  cat,\n  lion's den, # in it\n  C#,\n]",
    "names:\n  0: night owl\n  1: cat\n  2: lion's den\n  3: C#",
    "names: {0: night owl, 1: 'cat', 2: lion's den, 3: C#}",
    'names: {"0":"night owl","1":"cat","2":"lion\'s den","3":"C#"}', "names:\n  [night owl, cat, 'lion''s den', C#]",
    "names:\n    3: C#\n    0: night owl\n    '1': cat\n    2: lion's den"])
def test_names_in_yaml(tmp_path, put, names):
    for k in range(4):
        put(f"images/{k}.png", f"labels/{k}.txt", f"{k}{LINE[1:]}")
    put("data.yaml", "%YAML 1.2", "---", "# a comment: []", "path: ../datasets/mine # where", "train: images",
          "nc: 4", names, "roboflow:", "  names: nothing", "download: |", "  import os", "  names = [1, 2]", "...")
    put("classes.txt", "dog", "person")  # LabelImg leaves its own list there
    data = read(tmp_path, test_fraction=0)
    assert data.classes == ("night owl", "cat", "lion's den", "C#")
    assert [f"{k}.png" for k in data.train.labels] == list(data.train.names)
    assert "names the classes in another way than data.yaml, which is used: 1 (classes.txt)" in data.notes
    check_bright(data.train)
    again = read(tmp_path / "data.yaml", test_fraction=0)  # the file itself may be given
    assert again.classes == data.classes


@pytest.mark.parametrize("lines", [
    ["train: ../train/images", "val: ../valid/images", "test: ../test/images"],  # Roboflow
    ["train: /content/drive/My Drive/set/train/images", "val: C:\\set\\valid\\images", "test: test"],
    ["path: ../datasets/set", "train: train/images", "val:", "  - valid/images", "test: [test/images]"],
    ["train: train.txt", "val: ./valid.txt", "test: test.txt"],
    []])  # the lists alone
def test_parts_by_yaml_and_lists(tmp_path, put, lines):
    for part in ("train", "valid", "test"):
        for name in ("a", "b"):
            put(f"{part}/images/{part}_{name}.png", f"{part}/labels/{part}_{name}.txt", LINE)
        put(f"{part}.txt", f"./{part}/images/{part}_a.png", f"/old/{part}/images/{part}_b.png")
    put("data.yaml", *lines, "names: [cat]")
    assert parts_of(read(tmp_path)) == {f"{p}_{k}.png": p for p in ("train", "valid", "test") for k in "ab"}


def test_lists_that_a_program_divided(tmp_path, put):
    for name in "abc":
        put(f"images/{name}.png", f"labels/{name}.txt", LINE)
    for name, part in zip("abc", ("train", "val", "test"), strict=True):
        put(f"autosplit_{part}.txt", f"./images/{name}.png")
    assert parts_of(read(tmp_path)) == {"a.png": "train", "b.png": "valid", "c.png": "test"}


def test_parts_say_another_thing_than_the_folders(tmp_path, put):
    for folder, name in (("x", "a"), ("test", "b"), ("train", "c"), ("train/hard", "d"), ("y", "e")):
        put(f"images/{folder}/{name}.png", f"labels/{folder}/{name}.txt", LINE)
    put("data.yaml", "train: [images/x, images/test]", "val: images/train", "test: images/train/hard", "names: [a]")
    data = read(tmp_path)
    assert parts_of(data) == {"a.png": "train", "b.png": "train", "c.png": "valid", "d.png": "test"}
    assert any("none of the parts that data.yaml, train.txt, or the like name (e.png)" in note for note in data.notes)


def test_lists_of_darknet(tmp_path, put):
    """As CVAT writes them: pictures and texts in one folder, and lists that give them with another folder."""
    for name in ("a", "b", "c", "d"):
        put(f"obj_train_data/{name}.png", f"obj_train_data/{name}.txt", LINE)
    put("obj.data", "classes = 1", "train = data/train.txt", "names = data/obj.names")
    put("obj.names", "cat")
    put("train.txt", *(f"data/obj_train_data/{name}.png" for name in ("a", "b", "gone")))
    put("valid.txt", *(f"data/obj_train_data/{name}.png" for name in ("b", "c")), "../../../etc/passwd", "\0", "..")
    data = read(tmp_path)
    assert parts_of(data) == {"a.png": "train", "b.png": "test", "c.png": "test"} and data.classes == ("cat",)
    assert any("none of the parts that data.yaml, train.txt, or the like name (d.png)" in note for note in data.notes)
    assert "listed in two parts, kept in the later of train, valid, test: 1 (b.png)" in data.notes
    assert "the picture is missing (data/obj_train_data/gone.png, ../../../etc/passwd" in "".join(data.notes)


def test_one_folder_for_several_parts_is_divided(tmp_path, put):
    for name in "abcdefghij":
        put(f"images/{name}.png", f"labels/{name}.txt", LINE)
    put("data.yaml", "train: images", "val: images", "test: ../../../etc", "names: [cat, dog]", "nc: 5")
    data = read(tmp_path)
    assert (len(data.train), len(data.test)) == (8, 2)
    assert "data.yaml gives one folder to several parts; read as train: 1 (images)" in data.notes
    assert "data.yaml names a folder or list for a part that is not there: 1 (../../../etc)" in data.notes
    assert "nc is 5, but there are 2 names, which are used: 1 (data.yaml)" in data.notes


def test_outlines_confidence_poses_and_classes_without_names(tmp_path, put):
    put("outline.png", "outline.txt", "2 0.25 0.3 0.625 0.2 0.5 0.8 0.3 0.5")
    put("turned.png", "turned.txt", "10 0.25 0.2 0.625 0.2 0.625 0.8 0.25 0.8")
    put("sure.png", "sure.txt", f"{LINE} 0.93")
    put("mixed.png", "mixed.txt", OTHER, "", "7.0 0.25 0.3 0.625 0.2 0.5 0.8 0.3 0.5")
    data = read(tmp_path, test_fraction=0)
    check_bright(data.train)
    assert dict(zip(data.train.names, data.train.labels, strict=True)) == {
        "sure.png": 0, "outline.png": 1, "mixed.png": 2, "turned.png": 3}
    assert data.classes == ("class 0", "class 2", "class 7", "class 10")  # not by the letters
    assert any("called by their numbers, since no data.yaml or classes.txt" in note for note in data.notes)
    put("data.yaml", "kpt_shape: [2, 3]", "names: [cat]")
    for name in ("outline", "turned", "sure", "mixed"):
        put(f"{name}.txt", f"{LINE} 0.1 0.1 2 0 0 0")
    check_bright(read(tmp_path, test_fraction=0).train)


def test_moved_and_missing(tmp_path, put):
    put("photos/a.png", "txt/a.txt", LINE)  # by its name
    put("images/v1.png", "labels/v1.2.txt", LINE)  # not the same name
    put("images/b.png", "labels/b.txt", LINE)
    put("train/labels/b.txt", OTHER)  # not that picture, which has its own
    put("images/c.png", "labels/c.txt", LINE)
    put("images/c.bmp", "images/none.png")
    put("images/empty.png", "labels/empty.txt", "  ")
    data = read(tmp_path, test_fraction=0)
    assert parts_of(data).keys() == {"a.png", "b.png"}
    check_bright(data.train)
    assert data.notes[:5] == [
        "left out 1 of 10: several pictures have its name (c.txt)",
        "left out 2 of 10: the picture is missing (v1.2.txt, b.txt)",
        "left out 4 of 10: no .txt file belongs to it, so no object is marked in it (c.bmp, c.png, none.png, ...)",
        "left out 1 of 10: no object is marked in it (empty.png)",
        "found by its name, in another folder or with another ending than its annotation says: 1 (a.png)"]


@pytest.mark.parametrize("line, reason", [
    ("0 35 25 30 30", "numbers outside 0..1: YOLO counts in shares"), ("0 43.7 50 37.5 60", "numbers outside 0..1"),
    ("0 0.4 0.5 -0.3 0.6", "numbers outside 0..1"), ("0 1.5 .2 .3 .4 .5 .6", "numbers outside 0..1"),
    ("cat 0.4 0.5 0.3 0.6", "does not consist of numbers"), ("0 0.4 nan 0.3 0.6", "does not consist of numbers"),
    ("0 0.4 1e999 0.3 0.6", "does not consist of numbers"), ("0,0.4,0.5,0.3,0.6", "does not consist of numbers"),
    ("-1 .4 .5 .3 .6", "does not begin with a class number"), ("0.5 0.4 0.5 0.3 0.6", "begin with a class number"),
    ("1e300 0.4 0.5 0.3 0.6", "begin with a class number"), ("0 0.4 0.5 0.3", "neither 4 numbers after the class"),
    ("0", "neither 4 numbers"), ("0 .1 .1 .2 .2 .3 .3 .4", "neither 4 numbers"), ("0 .4 .5 0 .6", "box has no area"),
    ("7 .4 .5 .3 .6", "not among the 2 of classes.txt"), ("\ufeff\x00", "does not consist of numbers")])
def test_a_line_that_cannot_be_read_costs_the_picture(tmp_path, put, line, reason):
    put("good.png", "good.txt", LINE)
    put("bad.png", "bad.txt", line, *[LINE] * ("area" not in reason))
    put("classes.txt", "cat", "dog")
    data = read(tmp_path, test_fraction=0)
    assert parts_of(data).keys() == {"good.png"}
    assert any(note.startswith("left out 1 of 2") and reason in note and "(bad.png" in note for note in data.notes)
    if reason.startswith("numbers outside"):  # and where no picture remains, the reason is said
        put("good.txt", line)
        pytest.raises(DataError, read, tmp_path).match(f"nothing usable remains.*{reason}.*, line 1: {line}")


def test_any_damage_is_a_data_error_or_a_note(tmp_path, put):
    rng = np.random.default_rng(3)
    for name in ("a", "b"):
        put(f"{name}.png", f"{name}.txt", LINE)
    text = b"path: .\nnc: 2\ntrain: [a, 'b']\nval: {0: x, 1: \"y\"}\nnames:\n 0: cat\n 1: 'dog' # x\nkpt_shape: [1]"
    for k in range(300):
        damaged = bytearray((text, f"{LINE}\n{OTHER} 0.5\n".encode())[k % 2])
        for _ in range(rng.integers(1, 4)):
            damaged[rng.integers(len(damaged))] = rng.choice(list(b" \n:-'\"[]{},#&!\\\0\xff90x"))
        del damaged[rng.integers(1, len(damaged) + 1):]
        (tmp_path / ("b.txt" if k % 2 else "data.yaml")).write_bytes(damaged)
        try:
            read(tmp_path, test_fraction=0)
        except DataError:
            assert k % 2 == 0  # where one text is damaged, the other picture remains
        (tmp_path / "b.txt").write_text(LINE)
        (tmp_path / "data.yaml").unlink(missing_ok=True)


@pytest.mark.parametrize("text", [
    "names: !!python/object/apply:os.system [ls]", "names: &a [cat]", "names: *a", "names: |\n  cat", "names: [[b]]",
    "names: [cat", "names: {cat}", "names: {0: cat, 0: dog}", "names:\n  - cat\n    - dog", "names:\n  - name: cat",
    "names:\n  0: cat\n  - dog", "names:\n  0: cat\n  00: dog", "names: ['cat]", "names: [\"\\ud800\"]", "names:",
    "names: []", "names: cat", "names: classes.txt", "names:\n  cat: 0", "names: [0: cat]", "names:\n  99999999: a",
    "names: [a,, b]", "names: [" + "'" * 60_001 + "]", "names: [" + "a " * 50_000, "names:\n" + "- a: b\n" * 9000,
    "names: [" + "," * 50_000 + "]", "names: [" + " " * 99_999 + "'x]"], ids=range(27))  # the long ones soon
def test_yaml_beyond_what_is_read_is_refused(tmp_path, put, text):
    put("a.png", "a.txt", LINE)
    put("data.yaml", "nc: 1", text)
    with pytest.raises(DataError, match=r"data.yaml.*expected names.*got.*: write"):
        read(tmp_path)


def test_large_files_and_strange_ones(tmp_path, put, monkeypatch):
    for name in ("a", "b", "c"):
        put(f"{name}.png", f"{name}.txt", LINE)
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe0")
    (tmp_path / "c.txt").unlink()
    for name in ("c.txt", "classes.txt", "data.yaml"):
        (tmp_path / name).symlink_to("nowhere")
    data = read(tmp_path, test_fraction=0)
    assert len(data.train) == 1 and sum("its .txt file cannot be read" in note for note in data.notes) == 2
    put("b.txt", LINE, LINE)
    monkeypatch.setattr(yolo, "MAX_BYTES", 50)
    assert list(read(tmp_path, test_fraction=0).train.names) == ["a.png"]


def test_lists_of_names_that_disagree(tmp_path, put):
    for part in ("train", "test"):
        put(f"images/{part}/{part}.png", f"labels/{part}/{part}.txt", f"1{LINE[1:]}")
    put("labels/train/classes.txt", "cat", "dog", "owl")
    put("labels/test/classes.txt", "cat", "dog")  # LabelImg's list had two names when this folder was done
    assert read(tmp_path).classes == ("dog",)
    put("labels/test/classes.txt", "dog", "cat")
    pytest.raises(DataError, read, tmp_path).match("names the classes in another way.*expected the.*got.*: correct")
    for names in ("[cat, dog]", "[dog, cat]"):
        put(f"{names[1:4]}s/data.yaml", f"names: {names}")
    pytest.raises(DataError, read, tmp_path).match("name the classes differently; expected one data set.*: read them")


def test_folders_of_other_formats_are_not_claimed(tmp_path, photo, put):
    def claimed():
        return [m for m in (yolo, voc, coco, table, tiny_imagenet) if m.find(tmp_path)]

    photo("JPEGImages/000001.png")
    for name in ("train", "val", "trainval"):
        put(f"ImageSets/Main/{name}.txt", "000001")
        put(f"ImageSets/Main/cat_{name}.txt", "000001 -1")
    rows = ("image,label,xmin,ymin,xmax,ymax", "JPEGImages/000001.png,cat,0,0,5,5")
    for module, name, *lines in ((voc, "Annotations/1.xml", "<annotation/>"), (table, "labels.csv", *rows),
                                 (coco, "annotations.json", '{"images": [], "annotations": [], "categories": []}')):
        file = put(name, *lines)
        assert claimed() == [module] and yolo.find(file) == []
        file.unlink()
    put("numbers.txt", "0 0.5 0.5 0.1 0.1")  # no picture has its name
    put("config.yaml", "learning_rate: 1", "name: x")
    for line in ("a caption of this picture, 1 2 3 4 5", "12 20.0 30 20 30 40 10 40 car 0", "car 0 0 1.5 1 2 3 4"):
        put("JPEGImages/000001.txt", line)  # the second is DOTA, the third KITTI
        assert claimed() == []
    photo("n01443537/images/n01443537_0.JPEG")
    put("n01443537/n01443537_boxes.txt", "n01443537_0.JPEG\t0\t10\t63\t58")
    put("val/val_annotations.txt", "val_0.JPEG\tn01443537\t0\t32\t44\t62")
    put("words.txt", "n01443537\tgoldfish")
    assert yolo.find(tmp_path) == []
    put("JPEGImages/000001.txt", "0 .5 .5 .1 .1")
    for k in range(300):
        put(f"JPEGImages/{k}.txt")  # empty ones hide nothing
    assert claimed() == [yolo]
    put("JPEGImages/000001.txt")
    yaml = put("data.yaml", "names: [cat]")
    assert yolo.find(tmp_path)[0] == yaml and yolo.find(yaml) == [yaml]
