"""Metrics against examples worked by hand, loops over single images, and the laws that tie them together."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinycnn.boxes import decode, encode, iou
from tinycnn.data.dataset import Samples
from tinycnn.errors import DataError, ShapeError
from tinycnn.metrics import (
    COLUMNS,
    NAMES,
    accuracy,
    box_scores,
    comparison_table,
    evaluate_predictions,
    ilsvrc_error,
    mean_box,
    whole_frame,
)

seeds = st.integers(0, 2**32 - 1)


def samples(boxes, labels, sizes=None, classes=("cat", "dog", "owl")):
    sizes = np.full((len(boxes), 2), 100) if sizes is None else sizes
    images = [np.zeros((height, width, 3), np.uint8) for height, width in sizes]
    return Samples(images, np.array(labels, int), boxes, [str(i) for i in range(len(images))], classes)


def random_samples(rng, n, classes):
    sizes = rng.integers(20, 60, (n, 2))
    codes = np.concatenate([rng.uniform(0.3, 0.7, (n, 2)), rng.uniform(0.1, 0.6, (n, 2))], axis=1)
    names = tuple(f"class {k}" for k in range(classes))
    return samples(decode(codes, sizes), rng.integers(0, classes, n), sizes, names)


def random_predictions(rng, data, per_class=False):
    n, k = len(data), len(data.classes)
    codes = encode(data.boxes, data.sizes)
    codes = np.repeat(codes[:, None], k, axis=1) if per_class else codes
    codes = codes + rng.normal(0, 0.12, codes.shape)
    boxes = decode(codes, data.sizes[:, None] if per_class else data.sizes)
    probabilities = rng.dirichlet(np.full(k, 0.4), n)
    likely = rng.random(n) < 0.5
    probabilities[likely, data.labels[likely]] += 1
    return probabilities.argmax(axis=1), boxes, probabilities


# --- by hand ---

def test_the_scores_of_four_pictures_by_hand():
    true_boxes = [[0, 0, 50, 100]] * 4
    data = samples(true_boxes, [0, 0, 1, 2])
    #           IoU 1             IoU 1/2            IoU 3/4 + 1/100   IoU 0
    boxes = [[0, 0, 50, 100], [0, 0, 100, 100], [0, 0, 50, 76], [60, 0, 90, 100]]
    probabilities = [[0.6, 0.3, 0.1], [0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0.2, 0.1, 0.7]]
    got = evaluate_predictions([0, 0, 0, 2], boxes, probabilities, data)
    expected = {
        "count": 4,
        "accuracy": 3 / 4,
        "mean_iou": (1 + 1 / 2 + 0.76 + 0) / 4,
        "iou50": 3 / 4,
        "iou75": 2 / 4,
        "joint": 2 / 4,  # the third has the box but not the class, the fourth the class but not the box
        "error_at_1": 2 / 4,
        "error_at_5": 1 / 4,  # the second guess for the third picture is right
        "localization_error": 1 / 4,
    }
    for key, value in expected.items():
        assert got[key] == pytest.approx(value), key


def test_the_baselines_by_hand():
    # Codes of the training boxes: (.25, .5, 1, .5), (.25, .5, 1, .5), (.75, .5, .4, .5): mean (.41667, .5, .8, .5).
    train = samples([[0, 0, 50, 100], [0, 0, 50, 100], [50, 30, 100, 70]], [1, 1, 0])
    test = samples([[0, 0, 100, 40], [0, 0, 200, 50]], [1, 2], sizes=[(40, 100), (100, 200)])
    expected = [[50 / 3, 4, 200 / 3, 36], [100 / 3, 10, 400 / 3, 90]]
    np.testing.assert_allclose(mean_box(train, test.sizes), expected)
    np.testing.assert_allclose(whole_frame(test.sizes), [[0, 0, 100, 40], [0, 0, 200, 100]])
    got = evaluate_predictions([0, 0], test.boxes, np.eye(3)[[0, 0]], test, train)
    assert got["majority_class/accuracy"] == 0.5  # class 1, the most frequent in training
    assert (got["whole_frame/mean_iou"], got["whole_frame/iou50"], got["whole_frame/iou75"]) == (0.75, 1, 0.5)
    assert got["whole_frame/joint"] == 0.5
    assert got["whole_frame/error_at_5"] == 0  # three classes, so five guesses name them all
    overlap = [50 * 32 / 4000, 100 * 40 / (10000 + 8000 - 4000)]
    assert got["mean_box/mean_iou"] == pytest.approx(np.mean(overlap))
    assert got["mean_box/localization_error"] == 1
    assert "mean_box/accuracy" not in got and "majority_class/mean_iou" not in got


def test_ilsvrc_error_needs_class_and_box_in_the_same_guess():
    truth = [[0, 0, 10, 10]]
    right, wrong = [0, 0, 10, 10], [20, 20, 30, 30]
    assert ilsvrc_error([[3, 5]], [[right, right]], [3], truth) == 0
    assert ilsvrc_error([[5, 3]], [[wrong, right]], [3], truth) == 0
    assert ilsvrc_error([[5, 3]], [[right, wrong]], [3], truth) == 1
    assert ilsvrc_error([[5, 3]], [right], [3], truth) == 0  # one box for all guesses
    assert ilsvrc_error([[5, 4]], [right], [3], truth) == 1


def test_an_iou_of_exactly_one_half_is_a_hit():
    assert box_scores([[0, 0, 1, 2]], [[0, 0, 1, 1]])["iou50"] == 1


# --- against loops ---

@given(seeds, st.integers(1, 12), st.integers(1, 8), st.booleans())
def test_every_metric_agrees_with_a_loop_over_images(seed, n, classes, per_class):
    rng = np.random.default_rng(seed)
    data = random_samples(rng, n, classes)
    labels, boxes, probabilities = random_predictions(rng, data, per_class)
    sums = dict.fromkeys(NAMES, 0.0)
    for i in range(n):
        height, width = data.sizes[i]

        def overlap(label, i=i, height=height, width=width):
            xmin, ymin, xmax, ymax = boxes[i][label] if per_class else boxes[i]
            inside = max(xmin, 0), max(ymin, 0), min(xmax, width), min(ymax, height)
            return float(iou(inside, data.boxes[i]))

        def error(k, i=i, overlap=overlap):
            best_first = sorted(range(classes), key=lambda label: -probabilities[i, label])[:k]
            return min(max(label != data.labels[i], overlap(label) < 0.5) for label in best_first)

        mine = overlap(labels[i])
        sums["accuracy"] += labels[i] == data.labels[i]
        sums["mean_iou"] += mine
        sums["iou50"] += mine >= 0.5
        sums["iou75"] += mine >= 0.75
        sums["joint"] += labels[i] == data.labels[i] and mine >= 0.5
        sums["error_at_1"] += error(1)
        sums["error_at_5"] += error(5)
        sums["localization_error"] += overlap(data.labels[i]) < 0.5
    got = evaluate_predictions(labels, boxes, probabilities, data)
    for key, value in sums.items():
        assert got[key] == pytest.approx(value / n), key


# --- laws ---

@given(seeds, st.integers(1, 12), st.integers(1, 8), st.booleans())
def test_laws_between_the_metrics(seed, n, classes, per_class):
    rng = np.random.default_rng(seed)
    data, train = random_samples(rng, n, classes), random_samples(rng, 5, classes)
    got = evaluate_predictions(*random_predictions(rng, data, per_class), data, train)
    for prefix in ("", "mean_box/", "whole_frame/"):
        m = {key: got[prefix + key] for key in NAMES if prefix + key in got}
        assert m["error_at_1"] == pytest.approx(1 - m["joint"])
        assert m["error_at_5"] <= m["error_at_1"]
        assert m["iou75"] <= m["iou50"] and m["joint"] <= m["iou50"]
        assert m["iou50"] / 2 <= m["mean_iou"] + 1e-12
        if not per_class or prefix:  # one box for all classes: knowing the class does not help the box
            assert m["localization_error"] == pytest.approx(1 - m["iou50"])
            assert m["localization_error"] <= m["error_at_5"] + 1e-12
    assert got["joint"] <= got["accuracy"] + 1e-12
    assert all(0 <= value <= 1 for key, value in got.items() if key != "count")


@given(seeds, st.integers(1, 12), st.integers(1, 8))
def test_more_guesses_never_hurt_and_all_of_them_with_true_boxes_are_enough(seed, n, classes):
    rng = np.random.default_rng(seed)
    data = random_samples(rng, n, classes)
    _, boxes, probabilities = random_predictions(rng, data)
    guesses = np.argsort(-probabilities, axis=1)
    errors = [ilsvrc_error(guesses[:, :k], boxes, data.labels, data.boxes) for k in range(1, classes + 1)]
    assert errors == sorted(errors, reverse=True)
    assert ilsvrc_error(guesses, data.boxes, data.labels, data.boxes) == 0


@given(seeds, st.integers(1, 12))
def test_perfect_answers_are_perfect(seed, n):
    data = random_samples(np.random.default_rng(seed), n, 4)
    got = evaluate_predictions(data.labels, data.boxes, np.eye(4)[data.labels], data)
    for key in NAMES:
        assert got[key] == pytest.approx(0 if "error" in key else 1, abs=1e-6), key


@given(seeds, st.integers(1, 12))
def test_the_order_of_the_pictures_does_not_matter(seed, n):
    rng = np.random.default_rng(seed)
    data = random_samples(rng, n, 6)
    predictions = random_predictions(rng, data, per_class=True)
    order = rng.permutation(n)
    got = evaluate_predictions(*predictions, data, data)
    again = evaluate_predictions(*(array[order] for array in predictions), data.subset(order), data)
    assert again == pytest.approx(got)


def test_predictions_are_clipped_to_their_own_image():
    data = samples([[0, 0, 50, 20], [0, 0, 20, 50]], [0, 0], sizes=[(20, 50), (50, 20)])
    got = evaluate_predictions([0, 0], [[-9, -9, 90, 90]] * 2, np.eye(3)[[0, 0]], data)
    assert got["mean_iou"] == 1


def test_a_box_that_is_not_a_number_counts_as_a_miss():
    data = samples([[0, 0, 50, 20]], [0])
    got = evaluate_predictions([0], [[np.nan] * 4], [[1, 0, 0]], data)
    assert got["mean_iou"] == 0 and got["joint"] == 0 and got["error_at_5"] == 1 and got["localization_error"] == 1


def test_the_mean_box_minimizes_the_squared_error_of_the_codes():
    data = random_samples(np.random.default_rng(0), 30, 3)
    codes = encode(data.boxes, data.sizes)
    mean = encode(mean_box(data, np.array([[64, 64]])), (64, 64))

    def loss(code):
        return ((codes - code) ** 2).sum()

    for axis in range(4):
        step = 0.01 * np.eye(4)[axis]
        assert loss(mean) < loss(mean + step) and loss(mean) < loss(mean - step)


def test_the_baselines_of_real_photographs(shared_data):
    """Tiny ImageNet, ten classes: other code had found the mean box on .338 and the frame on .472 of 500 photographs.

    It took the written corners as they stand, in a frame of 63 x 63, and counted boxes without area as misses. Such
    boxes cannot be samples here, so the hits are compared instead of the shares.
    """
    folder = shared_data / "tiny-imagenet-10"

    def read(paths, first):
        lines = [line.split("\t") for path in paths for line in path.read_text().splitlines()]
        boxes = np.array([line[first : first + 4] for line in lines], float)
        boxes = boxes[(boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])]
        images = np.broadcast_to(np.zeros(1, np.uint8), (len(boxes), 63, 63, 3))
        return Samples(images, np.zeros(len(boxes), int), boxes, [""] * len(boxes), ("any",))

    train = read(sorted((folder / "train").glob("*/*_boxes.txt")), 1)
    test = read([folder / "val" / "val_annotations.txt"], 2)
    got = evaluate_predictions(test.labels, test.boxes, np.ones((len(test), 1)), test, train)
    assert got["mean_box/iou50"] * len(test) == pytest.approx(0.338 * 500)
    assert got["whole_frame/iou50"] * len(test) == pytest.approx(0.472 * 500)


# --- what comes out ---

def test_the_result_is_flat_and_fits_in_json():
    rng = np.random.default_rng(0)
    data = random_samples(rng, 9, 7)
    got = evaluate_predictions(*random_predictions(rng, data), data, data)
    assert json.loads(json.dumps(got, allow_nan=False)) == got
    assert {type(value) for key, value in got.items() if key != "count"} == {float}
    assert got["count"] == 9 and math.isclose(got["majority_class/accuracy"], np.bincount(data.labels).max() / 9)


def test_the_table_shows_every_metric_beside_its_baselines():
    rng = np.random.default_rng(0)
    data = random_samples(rng, 9, 7)
    got = evaluate_predictions(*random_predictions(rng, data), data, data)
    lines = comparison_table(got).splitlines()
    assert all(title in lines[0] for title in COLUMNS.values())
    for line, (key, name) in zip(lines[1:], NAMES.items(), strict=False):
        assert line.startswith(name) and f"{got[key]:.3f}" in line and len(line) == len(lines[0])
    assert lines[1].split()[-3:] == ["-", "-", f"{got['majority_class/accuracy']:.3f}"]
    assert f"{got['mean_box/iou50']:.3f}" in lines[3] and f"{got['whole_frame/iou50']:.3f}" in lines[3]


def test_rare_classes_are_seen():
    """18 pictures of a, 2 of b, 1 of which is found: .95 of all, and .75 of each class on average."""
    data = samples([[0, 0, 9, 9]] * 20, [0] * 18 + [1] * 2)
    labels = np.array([0] * 19 + [1])
    got = evaluate_predictions(labels, data.boxes, np.eye(3)[labels], data, data)
    assert got["accuracy"] == pytest.approx(0.95) and got["balanced_accuracy"] == pytest.approx(0.75)
    assert got["majority_class/accuracy"] == pytest.approx(0.9)
    assert got["majority_class/balanced_accuracy"] == pytest.approx(0.5)
    a, b = data.classes[:2]
    assert got[f"accuracy_of/{b}"] == 0.5 and got[f"share_of/{b}"] == pytest.approx(0.1)
    lines = comparison_table(got).splitlines()
    assert lines[2].split() == ["mean", "over", "classes", "0.750", "-", "-", "0.500"]
    assert lines[-1] == f"Accuracy of each class, which are unequally frequent: {b} 0.500 of 2, {a} 1.000 of 18."
    even = data.subset(slice(14, 20))
    got = evaluate_predictions(labels[14:], even.boxes, np.eye(3)[labels[14:]], even, data)
    assert got["balanced_accuracy"] == pytest.approx(0.75) and "mean over classes" not in comparison_table(got)


def test_of_many_classes_the_worst_are_written_out():
    data = samples([[0, 0, 9, 9]] * 36, [*range(30), *[0] * 6], classes=tuple(f"c{k}" for k in range(30)))
    labels = np.where(np.arange(36) == 7, 8, data.labels)
    got = evaluate_predictions(labels, data.boxes, np.eye(30)[labels], data)
    last = comparison_table(got).splitlines()[-1]
    assert f"frequent: {data.classes[7]} 0.000 of 1, " in last and last.endswith(", and 20 classes that do better.")


def test_without_training_samples_only_the_whole_frame_remains():
    rng = np.random.default_rng(0)
    data = random_samples(rng, 9, 7)
    got = evaluate_predictions(*random_predictions(rng, data), data)
    assert {key.partition("/")[0] for key in got if "/" in key} == {"whole_frame"}
    header = comparison_table(got).splitlines()[0]
    assert "whole frame" in header and "mean box" not in header and "majority" not in header


# --- errors ---

def test_nothing_to_measure_is_an_error_not_a_nan():
    empty = samples(np.zeros((0, 4)), [])
    with pytest.raises(DataError, match="empty"):
        evaluate_predictions(np.zeros(0, int), np.zeros((0, 4)), np.zeros((0, 3)), empty)
    for measure in (
        lambda: accuracy(np.zeros(0, int), np.zeros(0, int)),
        lambda: box_scores(np.zeros((0, 4)), np.zeros((0, 4))),
        lambda: ilsvrc_error(np.zeros((0, 2), int), np.zeros((0, 4)), np.zeros(0, int), np.zeros((0, 4))),
        lambda: mean_box(empty, np.array([[4, 4]])),
    ):
        with pytest.raises(DataError, match="empty"):
            measure()


def test_wrong_shapes_are_named():
    data = samples([[0, 0, 50, 20]] * 2, [0, 1])
    good = np.array([0, 1]), data.boxes, np.eye(3)[[0, 1]]
    with pytest.raises(ShapeError, match=r"labels of shape \(2,\).*got \(3,\)"):
        evaluate_predictions(np.zeros(3, int), *good[1:], data)
    with pytest.raises(ShapeError, match=r"boxes of shape \(2, 4\) or \(2, 3, 4\)"):
        evaluate_predictions(good[0], np.zeros((2, 2, 4)), good[2], data)
    with pytest.raises(ShapeError, match=r"probabilities.*got \(2, 2\)"):
        evaluate_predictions(*good[:2], np.zeros((2, 2)), data)
    with pytest.raises(ShapeError, match=r"\(N,\)"):
        accuracy(np.zeros((2, 3)), np.zeros(2))
    with pytest.raises(ShapeError, match="guesses"):
        ilsvrc_error(np.zeros((2, 0), int), np.zeros((2, 4)), np.zeros(2, int), np.zeros((2, 4)))


def test_baselines_need_the_same_classes():
    data = samples([[0, 0, 50, 20]], [0])
    other = samples([[0, 0, 50, 20]], [0], classes=("dog", "cat", "owl"))
    with pytest.raises(DataError, match="mean the same"):
        evaluate_predictions([0], data.boxes, [[1, 0, 0]], data, other)
