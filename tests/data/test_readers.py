"""Recognizing the format, the samples in the repository, and the real data sets where they lie beside it."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from tinycnn.boxes import iou
from tinycnn.data import read
from tinycnn.data.photographs import read_image
from tinycnn.data.readers import READERS, recognize
from tinycnn.data.readers.records import inside, part_of, walk
from tinycnn.errors import DataError

DATASETS = Path(__file__).resolve().parents[2] / "datasets"
SAMPLES = DATASETS / "samples"
SAMPLED = [name for name in READERS if name != "pet"]  # Oxford-IIIT Pet says its class by the name of the picture


@pytest.fixture(scope="module")
def samples():
    return {name: read(SAMPLES / name, valid_fraction=0.25) for name in SAMPLED}


@pytest.mark.parametrize("name", SAMPLED)
def test_formats_are_recognized(name):
    assert recognize(SAMPLES / name) == recognize(SAMPLES / name, name)
    assert recognize(SAMPLES / name)[0] is READERS[name]


@pytest.mark.parametrize("name", SAMPLED)
def test_an_archive_is_read_like_the_folder(name, samples, tmp_path):
    packed = shutil.make_archive(str(tmp_path / name), "zip", SAMPLES, name)
    data = read(packed, valid_fraction=0.25)
    assert data.name == name and data.classes == samples[name].classes
    for part, expected in samples[name].parts.items():
        assert data.parts[part].names == expected.names
        assert np.array_equal(data.parts[part].boxes, expected.boxes)


def test_the_samples_are_the_same_in_every_format(samples):
    expected = samples["csv"]
    assert [len(part) for part in expected.parts.values()] == [12, 4, 8]
    for name, data in samples.items():
        assert data.classes == expected.classes == ("butterfly", "car", "fish", "mug") and data.name == name
        for part in ("train", "valid", "test"):
            one, other = data.parts[part], expected.parts[part]
            assert [Path(n).stem for n in one.names] == [Path(n).stem for n in other.names]
            assert np.array_equal(one.labels, other.labels) and np.array_equal(one.boxes, other.boxes)
            for image, exact in zip(one.images, other.images, strict=True):  # JPEG against PNG
                assert image.shape == (64, 64, 3) and np.abs(image.astype(int) - exact).mean() < 10
    assert not any("left out" in note for data in samples.values() for note in data.notes)


@pytest.mark.parametrize("name", SAMPLED)
def test_a_picture_that_no_annotation_names_is_counted(name, tmp_path):
    """A line or a file that was lost takes a picture out of the set; it must not go in silence."""
    shutil.copytree(SAMPLES / name, tmp_path / name)
    (picture,) = (path for path in (tmp_path / name).rglob("train_car_0.*") if path.suffix in (".jpg", ".png", ".JPEG"))
    shutil.copy(picture, picture.with_stem("unnamed"))
    notes = [note for note in read(tmp_path / name).notes if "unnamed" in note]
    assert len(notes) == 1 and notes[0].startswith("left out 1 of 25: "), notes


def test_the_samples_are_what_their_script_makes(tmp_path):
    spec = importlib.util.spec_from_file_location("make_samples", DATASETS / "make_samples.py")
    script = sys.modules["make_samples"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.make(tmp_path)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert made == sorted(path.relative_to(SAMPLES) for path in SAMPLES.rglob("*") if path.is_file())
    for path in made:
        if path.suffix in (".jpg", ".png", ".JPEG"):  # compressors may differ by version, and arithmetic by a hair
            difference = np.abs(read_image(tmp_path / path).astype(int) - read_image(SAMPLES / path))
            assert difference.mean() < 0.5 and difference.max() <= 16, path
        else:
            assert (tmp_path / path).read_bytes() == (SAMPLES / path).read_bytes(), path
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file()) < 2**20


def test_unknown_folders_are_described(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="no file or folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds no pictures, and no annotations") as caught:
        read(tmp_path)
    for name, reader in READERS.items():
        assert f"\n  {name}: {reader.LAYOUT}" in str(caught.value)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(b"")
    (tmp_path / "notes.docx").write_text("")
    with pytest.raises(DataError, match=r"holds 1 pictures, 1 .docx, images/, but no annotations.*Pictures alone"):
        read(tmp_path)
    with pytest.raises(DataError, match="no folder but one .docx file"):
        read(tmp_path / "notes.docx")
    with pytest.raises(DataError, match=r"holds 1 pictures.*but not wnids.txt.*as the format tiny-imagenet has"):
        read(tmp_path, format="tiny_imagenet")
    with pytest.raises(DataError, match="'nolo' is not known: use 'voc', 'coco', 'csv', 'yolo'"):
        read(tmp_path, format="nolo")


@pytest.mark.parametrize("name", SAMPLED)
def test_a_set_one_folder_deeper_is_found(name, samples, tmp_path):
    shutil.copytree(SAMPLES / name, tmp_path / "downloads" / "export" / "set")
    (tmp_path / "downloads" / "README.txt").write_text("downloaded from somewhere")
    (tmp_path / "downloads" / "__MACOSX").mkdir()
    data = read(tmp_path / "downloads", valid_fraction=0.25)
    assert data.name == "downloads" and data.train.names == samples[name].train.names
    assert np.array_equal(data.test.boxes, samples[name].test.boxes)


def test_two_formats_in_one_folder_must_be_told_apart(tmp_path):
    (tmp_path / "a.xml").write_text("<annotation/>")
    (tmp_path / "train.json").write_text(json.dumps({"images": [], "annotations": [], "categories": []}))
    with pytest.raises(DataError, match=r"could be read as voc \(a.xml\), coco \(train.json\).*format='voc'"):
        read(tmp_path)
    assert recognize(tmp_path, "coco")[1] == [tmp_path / "train.json"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "a.jpg"), ("a/./b.jpg", "a/b.jpg"), ("a/../b.jpg", "b.jpg"), ("a\\b.jpg", "a/b.jpg"),
        ("..a.jpg", "..a.jpg"), ("../a.jpg", None), ("a/../../b.jpg", None), ("/a.jpg", None), ("C:\\a.jpg", None),
        ("\\\\server\\a.jpg", None), ("c:a.jpg", None), ("", None), (".", None), ("..", None), ("a/..", None),
        ("a\0.jpg", None),
    ],
)
def test_names_stay_inside_the_folder(name, expected):
    assert inside("folder", name) == (expected and Path("folder") / expected)


def test_part_names():
    words = {
        "train": "train", "Val": "valid", "instances_val2017": "valid", "_annotations.coco": None, "test-dev": "test",
        "training": "train", "testing": "test", "trainval": None, "train_test": None, "training_images": "train",
    }
    assert {word: part_of(word) for word in words} == words


def test_walk_does_not_go_round_in_circles(tmp_path):
    (tmp_path / "a" / ".hidden").mkdir(parents=True)
    for name in ("a/1.xml", "a/.hidden/2.xml", "a/._3.xml", "a/4.XML", "a/5.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    elsewhere = tmp_path.parent / f"{tmp_path.name} elsewhere"
    elsewhere.mkdir()
    (elsewhere / "6.xml").write_text("")
    (tmp_path / "link").symlink_to(elsewhere)  # pictures on a larger disk
    assert [path.name for path in walk(tmp_path, {".xml"})] == ["1.xml", "4.XML", "6.xml"]


def test_real_vegetables(shared_data):
    data = read(shared_data / "vegetables" / "training_images", valid_fraction=0, test_fraction=0)
    assert dict(zip(data.classes, np.bincount(data.train.labels).tolist(), strict=True)) == {
        "cucumber": 63, "eggplant": 62, "mushroom": 61,
    }
    assert (data.train.sizes == 227).all() and not any("left out" in note for note in data.notes)
    i = data.train.names.index("cucumber_1.jpg")
    assert data.train.boxes[i].tolist() == [22, 41, 206, 199]  # in the file: 23, 42, 206, 199


@pytest.mark.slow
def test_real_tiny_imagenet(shared_data):
    data = read(shared_data / "tiny-imagenet-10")
    assert data.classes[0] == "ladybug" and len(data.classes) == 10
    # 5,000 less 15 boxes without area, less 7 that are byte for byte another picture, one of them in val; val less 3.
    assert len(data.train) + len(data.valid) == 4978 and len(data.test) == 497
    assert any(note.startswith("left out 18 of 5500: box has no area") for note in data.notes)
    assert any(note.startswith("left out 7 of 5500: the same picture") for note in data.notes)

    def share(box, boxes):
        return float((iou(np.tile(box, (len(boxes), 1)), boxes) >= 0.5).mean())

    boxes, mean = data.test.boxes, data.train.boxes.mean(axis=0)
    assert share(np.float32([0, 0, 64, 64]), boxes) == pytest.approx(238 / 497)
    assert share(mean, boxes) == pytest.approx(0.362, abs=0.01)
    # Without the last row and column, as if the file's inclusive corners were half-open, the baselines are lower.
    last = np.float32([0, 0, 1, 1])
    assert share(np.float32([0, 0, 63, 63]), boxes - last) == pytest.approx(0.472 * 500 / 497, abs=1e-6)
    assert share(mean - last, boxes - last) == pytest.approx(0.338, abs=0.01)
