"""What happens to every picture, whatever its format: the box is fitted, copies are found, the parts are formed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tinycnn.data import read
from tinycnn.data.photographs import ORIENTATION, PixelCache
from tinycnn.data.readers.assemble import _examine
from tinycnn.data.readers.records import Record
from tinycnn.errors import DataError

HEIGHT, WIDTH = 12, 17


@pytest.fixture(scope="module")
def small_picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("small") / "small.png"
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(path)
    return path


corner = st.integers(-20, 30)


@given(boxes=st.lists(st.tuples(corner, corner, corner, corner), min_size=1, max_size=5))
def test_the_largest_box_wins_after_cutting_at_the_border(small_picture, boxes):
    """Against painting: the pixels of the picture that lie inside are counted one by one."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    inside = [(x >= xmin) & (x < xmax) & (y >= ymin) & (y < ymax) for xmin, ymin, xmax, ymax in boxes]
    areas = [int(mask.sum()) for mask in inside]
    record = Record(small_picture, [(f"class {i}", box) for i, box in enumerate(boxes)])
    result = _examine(record, None, PixelCache())
    if max(areas) == 0:
        xmin, ymin, xmax, ymax = boxes[0]
        empty = xmin >= xmax or ymin >= ymax
        assert result == ("box has no area" if empty else "box lies outside the picture", "")
        return
    winner = int(np.argmax(areas))
    rows, columns = np.nonzero(inside[winner])
    assert result.label == f"class {winner}" and result.box.dtype == np.float32
    assert result.box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    cut = boxes[winner] != tuple(result.box.tolist())
    assert ("box cut at the border of the picture" in result.remarks) == cut
    assert sum("ignored" in remark for remark in result.remarks) == areas.count(0)


# The size that an annotation states tells how the annotator saw the picture only where turning swaps height and width.
@pytest.mark.parametrize(
    ("orientation", "seen"), [(k, "upright") for k in range(1, 9)] + [(k, "as stored") for k in (1, 5, 6, 7, 8)]
)
def test_the_box_follows_the_turned_picture(tmp_path, orientation, seen):
    """A white rectangle on black: wherever the picture is turned to, the box must be around the white."""
    stored = np.zeros((20, 30, 3), np.uint8)
    stored[3:9, 5:20] = 255
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / "a.png"
    Image.fromarray(stored).save(path, exif=exif)
    turned = _examine(Record(path, [("x", (0, 0, 1, 1))]), None, cache := PixelCache()).size
    rows, columns = np.nonzero(cache.get(path)[..., 0])
    white = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    record = Record(path, [("x", (5, 3, 20, 9))], stated_size=(20, 30))
    if seen == "upright":
        record = Record(path, [("x", white)], stated_size=turned)
    result = _examine(record, None, PixelCache())
    assert result.box.tolist() == list(white) and result.size == turned
    assert ("turned upright, and the box with it" in result.remarks) == (seen == "as stored" and orientation > 4)
    assert _examine(Record(path, record.objects, stated_size=(20, 31)), None, PixelCache())[0].endswith("another size")


def test_large_pictures_are_reduced_and_the_box_with_them(photo, table, answers):
    photo("a.png", 300, 600)
    photo("b.png", 50, 60)
    data = read(table("a.png,cat,60,30,600,150,", "b.png,dog,0,0,60,50,"), max_side=200, test_fraction=0)
    assert answers(data)["a.png"][1:] == ("cat", [20, 10, 200, 50])
    assert answers(data)["b.png"][1:] == ("dog", [0, 0, 60, 50])
    assert "reduced to 200 pixels, and the box with it: 1 (a.png)" in data.notes
    i = data.train.names.index("a.png") if "a.png" in data.train.names else None
    part, i = (data.train, i) if i is not None else (data.valid, 0)
    assert part.images[i].shape == (100, 200, 3) and part.sizes[i].tolist() == [100, 200]
    assert answers(read(table("a.png,cat,60,30,600,150,", "b.png,dog,0,0,60,50,"), max_side=None))["a.png"][2][0] == 60


def test_damaged_pictures_are_left_out_and_counted(tmp_path, photo, table):
    for i in range(6):
        photo(f"{i}.jpg", 64, 64)
    whole = (tmp_path / "4.jpg").read_bytes()
    (tmp_path / "4.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    (tmp_path / "5.jpg").write_bytes(b"")
    (tmp_path / "6.jpg").mkdir()
    data = read(table(*(f"{i}.jpg,{'cat' if i % 2 else 'dog'},0,0,9,9," for i in range(8))))
    assert sum(len(samples) for samples in data.parts.values()) == 4
    assert set(data.notes[:-1]) == {
        "left out 1 of 8: the picture is damaged or cut off (4.jpg)",
        "left out 1 of 8: the picture is an empty file (5.jpg)",
        "left out 2 of 8: the picture is missing (6.jpg, 7.jpg)",
    }


def test_bombs_are_left_out(photo, table, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    for name, side in (("a.png", 30), ("b.png", 30), ("refused.png", 46), ("too.png", 50)):
        photo(name, side, side)
    names = ("a.png", "b.png", "refused.png", "too.png")
    data = read(table(*(f"{name},{'cat' if name == 'a.png' else 'dog'},0,0,9,9," for name in names)))
    assert "left out 2 of 4: the picture has more pixels than Pillow opens (refused.png, too.png)" in data.notes


def test_a_file_listed_twice_is_one_picture_and_so_is_its_copy(tmp_path, photo, table, answers):
    for name in ("a.png", "b.png", "c.png", "d.png"):
        photo(name)
    (tmp_path / "copy of b.png").write_bytes((tmp_path / "b.png").read_bytes())
    folder = table(
        "a.png,cat,0,0,5,5,train", "./a.png,cat,0,0,6,6,train", "x/../a.png,cat,0,0,7,7,test",
        "b.png,dog,0,0,5,5,train", "copy of b.png,dog,0,0,5,5,test", "c.png,cat,0,0,5,5,valid",
        "d.png,cat,0,0,5,5,train",
    )
    data = read(folder)
    assert {name: (part, box[2]) for name, (part, _, box) in answers(data).items()} == {
        "a.png": ("test", 7), "copy of b.png": ("test", 5), "c.png": ("valid", 5), "d.png": ("train", 5),
    }
    assert "listed in two parts, kept in the first of test, valid, train: 1 (a.png)" in data.notes
    assert "left out 1 of 5: the same picture is there under another name (b.png)" in data.notes


@pytest.fixture
def fifty(photo, table):
    """A table of 50 pictures of two classes, without parts."""
    lines = []
    for i in range(50):
        photo(f"{i:02}.png", 4, 4)
        lines.append(f"{i:02}.png,{'cat' if i % 5 else 'dog'},0,0,2,3,")
    return table(*lines)


def test_default_split_is_stratified_repeatable_and_has_no_overlap(fifty):
    data, again, other = read(fifty), read(fifty), read(fifty, seed=1)
    names = [name for samples in data.parts.values() for name in samples.names]
    assert sorted(names) == [f"{i:02}.png" for i in range(50)]  # all, none twice
    assert [np.bincount(samples.labels).tolist() for samples in data.parts.values()] == [[29, 7], [3, 1], [8, 2]]
    assert all(data.parts[part].names == again.parts[part].names for part in data.parts)
    assert data.test.names != other.test.names and data.valid.names != other.valid.names
    assert "20% for test, then 10% of the rest for valid, stratified by class, seed 0" in data.notes[-1]


def test_fractions(fifty):
    data = read(fifty, valid_fraction=0, test_fraction=0.5)
    assert [len(samples) for samples in data.parts.values()] == [25, 0, 25]
    for wrong in (-0.1, 1, float("nan")):
        with pytest.raises(DataError, match="valid_fraction is a share"):
            read(fifty, valid_fraction=wrong)
        with pytest.raises(DataError, match="test_fraction is a share"):
            read(fifty, test_fraction=wrong)


def test_parts_that_do_not_add_up_are_explained(photo, table):
    for name in ("a.png", "b.png"):
        photo(name)
    with pytest.raises(DataError, match="pictures for test, valid, but no training.*: no part is named train"):
        read(table("a.png,cat,0,0,5,5,test", "b.png,dog,0,0,5,5,val"))
    with pytest.raises(DataError, match=r"assigned to a part \(train\) and others to none"):
        read(table("a.png,cat,0,0,5,5,train", "b.png,dog,0,0,5,5,"))


def test_parts_without_a_class_or_without_anything_are_reported(photo, table):
    for name in ("a.png", "b.png", "c.png"):
        photo(name)
    data = read(table("a.png,cat,0,0,5,5,train", "b.png,cat,0,0,5,5,valid", "c.png,dog,0,0,5,5,test"))
    assert data.notes == ["no training picture shows: dog"]
    with pytest.raises(DataError, match="no training picture remains: left out 1 of 4: the picture is missing"):
        read(table("gone.png,cat,0,0,5,5,train", "b.png,cat,0,0,5,5,valid", "c.png,dog,0,0,5,5,test"))


def test_too_little_is_explained(photo, table):
    for name in ("a.png", "b.png"):
        photo(name)
    with pytest.raises(DataError, match="nothing usable remains in .*left out 2 of 2: box lies outside the picture"):
        read(table("a.png,cat,50,0,55,5,", "b.png,dog,-9,0,-1,5,"))


def test_pictures_stay_in_memory_only_up_to_the_limit(fifty):
    data = read(fifty, memory=4 * 4 * 3 * 10)
    caches = {id(samples.images.cache) for samples in data.parts.values()}
    assert len(caches) == 1 and data.train.images.cache.bytes == 4 * 4 * 3 * 10
    assert all(image.shape == (4, 4, 3) for samples in data.parts.values() for image in samples.images)
