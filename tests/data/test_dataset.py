import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinycnn.data.dataset import Dataset, Samples
from tinycnn.data.head_samples import HeadSamples
from tinycnn.data.pose_samples import PoseSamples
from tinycnn.errors import DataError

CLASSES = ("cat", "dog", "owl")


def make(labels, classes=CLASSES, size=(8, 10)):
    """Samples with these labels; every box differs, so that a mix-up shows."""
    n = len(labels)
    images = np.arange(n, dtype=np.uint8)[:, None, None, None] * np.ones((1, *size, 3), np.uint8)
    boxes = np.array([[i % 3, 1, i % 3 + 2, 5] for i in range(n)], dtype=np.float32).reshape(-1, 4)
    return Samples(images, np.array(labels, dtype=np.int64), boxes, [f"picture {i}" for i in range(n)], classes)


def test_types_are_converted():
    samples = Samples([np.zeros((4, 6, 3), np.uint8)], [2], [[0, 0, 6, 4]], (7,), list(CLASSES))
    assert samples.labels.dtype == np.int64 and samples.boxes.dtype == np.float32
    assert samples.names == ["7"] and samples.classes == CLASSES and len(samples) == 1
    assert samples.sizes.tolist() == [[4, 6]]


def test_sizes_of_one_array_and_of_none():
    assert make([0, 1]).sizes.tolist() == [[8, 10], [8, 10]]
    empty = Samples(np.zeros((0, 8, 8, 3), np.uint8), np.zeros(0, int), np.zeros((0, 4)), [], CLASSES)
    assert empty.sizes.shape == (0, 2) and empty.boxes.shape == (0, 4) and len(empty) == 0


def replaced(**changes):
    good = {
        "images": np.zeros((2, 8, 10, 3), np.uint8), "labels": np.array([0, 1]),
        "boxes": np.array([[0, 0, 10, 8], [1, 2, 3, 4.5]]), "names": ["one.jpg", "two.jpg"], "classes": CLASSES,
    }
    return Samples(**(good | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": np.array([0, 3])}, r"sample 1 \(two.jpg\) has label 3.*3 classes \(cat, dog, owl\).*0 to 2"),
        ({"labels": np.array([-1, 0])}, r"sample 0 \(one.jpg\) has label -1"),
        ({"labels": np.array([0.0, 1.0])}, "must be integers.*float64"),
        ({"labels": np.eye(2, dtype=int)}, r"one integer per image.*\(2, 2\)"),
        ({"labels": np.array([0])}, "2 images but 1 labels"),
        ({"names": ["a"]}, "2 images but 1 names"),
        ({"boxes": np.zeros((1, 4)) + [0, 0, 1, 1]}, "2 images but 1 boxes"),
        ({"boxes": np.zeros((2, 5))}, r"shape \(N, 4\).*not \(2, 5\)"),
        ({"boxes": np.array([[0, 0, 10, 8], [3, 2, 3, 4]])}, r"sample 1 \(two.jpg, 10 x 8 pixels\) has no area"),
        ({"boxes": np.array([[0, 5, 10, 2], [1, 2, 3, 4]])}, "sample 0.*has no area.*not .x, y, w, h"),
        ({"boxes": np.array([[0, 0, 10, 8], [1, 2, np.nan, 4]])}, "sample 1.*not finite"),
        ({"boxes": np.array([[0, 0, 10, 9], [1, 2, 3, 4]])}, "sample 0.*reaches out of its image"),
        ({"boxes": np.array([[-1, 0, 10, 8], [1, 2, 3, 4]])}, "sample 0.*reaches out of its image"),
        ({"classes": ("cat", "cat")}, "'cat'.*more than once"),
    ],
)
def test_wrong_samples_are_named(changes, message):
    with pytest.raises(DataError, match=message):
        replaced(**changes)
    assert len(replaced()) == 2


@pytest.mark.parametrize("indices", [[2, 0], np.array([2, 0]), np.array([True, False, True, False]), slice(1, 3), []])
@pytest.mark.parametrize("as_list", [False, True])
def test_subset_keeps_everything_together(indices, as_list):
    samples = make([0, 1, 2, 1])
    if as_list:
        samples.images = list(samples.images)
    chosen = samples.subset(indices)
    expected = np.arange(4)[indices]
    assert [image[0, 0, 0] for image in chosen.images] == expected.tolist()
    assert np.array_equal(chosen.labels, samples.labels[expected])
    assert np.array_equal(chosen.boxes, samples.boxes[expected])
    assert chosen.names == [f"picture {i}" for i in expected] and chosen.classes == CLASSES


@given(
    labels=st.lists(st.integers(0, 2), min_size=2, max_size=60),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32),
)
def test_split_is_a_partition_stratified_and_decided_by_the_seed(labels, fraction, seed):
    samples = make(labels)
    rest, taken = samples.split(fraction, seed)
    assert sorted(rest.names + taken.names) == sorted(samples.names)  # a partition: all of them, none twice
    assert len(taken) == max(1, round(fraction * len(labels)))
    share = len(taken) / len(labels)
    for label in range(3):
        assert abs((taken.labels == label).sum() - share * labels.count(label)) <= 2
    assert rest.names == sorted(rest.names, key=samples.names.index)  # in the order they came in
    again_rest, again = samples.split(fraction, seed)
    assert again.names == taken.names and again_rest.names == rest.names


def test_split_of_equal_classes_is_exact_and_differs_by_seed():
    samples = make([0, 1, 2] * 20)
    rest, taken = samples.split(0.25, seed=1)
    assert np.bincount(taken.labels).tolist() == [5, 5, 5] and len(rest) == 45
    assert taken.names != samples.split(0.25, seed=2)[1].names


def test_split_of_nothing_and_of_a_rare_class():
    samples = make([0, 0, 0, 0, 0, 1])
    rest, taken = samples.split(0)
    assert len(rest) == 6 and len(taken) == 0 and taken.boxes.shape == (0, 4)
    # The only picture of a class stays to learn from.
    assert all(1 not in samples.split(0.2, seed)[1].labels for seed in range(20))
    for fraction in (-0.1, 1, 1.5, float("nan")):
        with pytest.raises(DataError, match="between 0 and 1"):
            samples.split(fraction)


def test_dataset_refuses_parts_that_number_classes_differently():
    with pytest.raises(DataError, match="the valid part has the classes cat, owl, dog, the train part cat, dog, owl"):
        Dataset("pets", make([0]), make([1], classes=("cat", "owl", "dog")), make([]))


def test_dataset_describes_itself():
    data = Dataset("pets", make([0, 1, 1]), make([2]), make([]), ["left out 2 of 6: box has no area (a, b)"])
    text = str(data)
    rows = {line.split("  ")[0] if line[0] != " " else line.strip().split("  ")[0]: line for line in text.splitlines()}
    assert text == data.describe() and text.startswith("pets: 3 classes")
    assert rows["pictures"].split()[1:] == ["3", "1", "0"]
    assert rows["dog"].split()[1:] == ["2", "0", "0"]
    assert rows["largest picture"].split()[2:] == ["10", "x", "8", "10", "x", "8", "-"]
    assert rows["box area, mean"].split()[3:] == ["10.0%", "10.0%", "-"]  # 2 x 4 of 10 x 8 pixels
    assert "note: left out 2 of 6: box has no area (a, b)" in rows
    assert data.classes == CLASSES and repr(data) == "Dataset('pets', 3 classes, train 3, valid 1, test 0)"


def test_unequal_classes_are_said_in_one_line():
    data = Dataset("pets", make([0] * 11 + [1] * 2 + [2] * 5), make([]), make([]))
    assert data.train.imbalance() == (("dog", 2), ("cat", 11))
    (line,) = [line for line in str(data).splitlines() if "unbalanced" in line]
    assert line.startswith("note: unbalanced: 2 training pictures of dog, 11 of cat. ") and "--balance" in line
    fifth = make([0] * 10 + [1] * 2)  # a fifth, and a class that does not occur
    assert fifth.imbalance() is None and make([]).imbalance() is None
    assert "unbalanced" not in Dataset("pets", fifth, data.train, make([])).describe()
    assert Dataset("pets", make([0] * 6 + [2]), make([]), make([])).imbalance().startswith(
        "unbalanced: 1 training picture of owl, 6 of cat")


def test_describe_shortens_many_classes_without_losing_count():
    many = tuple(f"class{k:03d}" for k in range(30))
    part = make([*range(30), 29], classes=many)
    lines = Dataset("many", part, make([], classes=many), make([], classes=many)).describe(most_classes=5).splitlines()
    assert "class004" in "".join(lines) and "class005" not in "".join(lines)
    assert next(line for line in lines if "25 classes more" in line).split()[-3:] == ["26", "0", "0"]


PICTURES = np.zeros((2, 8, 6, 3), np.uint8)
BOXES = [[0, 0, 4, 4]] * 2
NO_PICTURES = {
    "gray": (PICTURES[..., 0], r"picture 0 is of shape \(8, 6\), expected \(H, W, 3\).*np.repeat"),
    "one channel": (PICTURES[..., :1], r"shape \(8, 6, 1\).*np.repeat"),
    "one of them": ([PICTURES[0], PICTURES[1, ..., 0]], r"picture 1 is of shape \(8, 6\)"),
    "channels first": (PICTURES.transpose(0, 3, 1, 2), r"shape \(3, 8, 6\), expected \(H, W, 3\), RGB, channels last$"),
    "four channels": (np.zeros((2, 8, 6, 4), np.uint8), r"shape \(8, 6, 4\)"),
    "shares": (PICTURES / 255, r"picture 0 is of float64, expected uint8, .* by \(pictures \* 255\)"),
    "names": (["a.jpg", "b.jpg"], "picture 0 is no array, got a str: .* read by tinycnn.data.read"),
}


@pytest.mark.parametrize(("images", "words"), NO_PICTURES.values(), ids=NO_PICTURES)
def test_what_is_no_picture_is_refused_at_once_by_samples_of_every_kind(images, words):
    for make in (lambda: Samples(images, [0, 0], BOXES, "ab", "c"), lambda: HeadSamples(images, {"box": BOXES}, "ab"),
                 lambda: PoseSamples(images, np.zeros((2, 14, 2)), None, BOXES, "ab")):  # fmt: skip
        with pytest.raises(DataError, match=words):
            make()


def test_no_pictures_have_no_wrong_shape():
    for images in ([], np.zeros((0, 4)), np.zeros((0, 8, 6, 3), np.uint8)):
        assert len(HeadSamples(images, {}, [])) == len(PoseSamples(images, [], None, [], [])) == 0
