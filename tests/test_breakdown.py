"""Answers taken apart: by hand, against loops, and the laws that tie the parts to the metrics of the whole."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinycnn.boxes import iou
from tinycnn.breakdown import breakdown, confusion_matrix, object_sizes
from tinycnn.data.dataset import Samples
from tinycnn.errors import DataError, ShapeError
from tinycnn.metrics import evaluate_predictions

CLASSES = ("cat", "dog", "fox")


def samples(labels, boxes, classes=CLASSES, size=(100, 100)):
    images = np.zeros((len(labels), *size, 3), np.uint8)
    return Samples(images, np.array(labels, int), np.array(boxes, float).reshape(-1, 4),
                   [f"p{i}" for i in range(len(labels))], classes)


def random_answers(seed, n, k):
    rng = np.random.default_rng(seed)
    corner, side = rng.uniform(0, 50, (n, 2)), rng.uniform(5, 50, (n, 2))
    part = samples(rng.integers(0, k, n), np.hstack([corner, corner + side]), tuple(f"c{i}" for i in range(k)))
    probabilities = rng.dirichlet(np.ones(k), n)
    return probabilities.argmax(axis=1), part.boxes + rng.normal(0, 6, (n, 4)), probabilities, part


def four():
    """Two cats, one called a dog; a dog with a box that misses; a fox that is right. Sides .2, .2, .5, 1."""
    part = samples([0, 0, 1, 2], [(0, 0, 20, 20), (10, 10, 30, 30), (0, 0, 50, 50), (0, 0, 100, 100)])
    boxes = [(0, 0, 20, 20), (10, 10, 30, 30), (50, 50, 100, 100), (0, 0, 100, 80)]
    probabilities = [(0.8, 0.1, 0.1), (0.3, 0.6, 0.1), (0.1, 0.8, 0.1), (0.1, 0.1, 0.8)]
    return breakdown([0, 1, 1, 2], boxes, probabilities, part)


def test_four_pictures_by_hand():
    found = four()
    assert found.confusion.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert found.confused() == [("cat", "dog", 1)]
    assert found.by_class() == [
        {"class": "cat", "count": 2, "accuracy": 0.5, "mean_iou": 1.0, "joint": 0.5, "answers": 1},
        {"class": "dog", "count": 1, "accuracy": 1.0, "mean_iou": 0.0, "joint": 0.0, "answers": 2},
        {"class": "fox", "count": 1, "accuracy": 1.0, "mean_iou": 0.8, "joint": 1.0, "answers": 1}]
    assert [(row["from"], row["to"], row["count"], row["accuracy"]) for row in found.by_size()] == [
        (0.2, 0.3, 2, 0.5), (0.5, 0.6, 1, 1.0), (0.9, 1.0, 1, 1.0)]
    np.testing.assert_allclose(found.goodness, [0.8, 0.3, 0, 0.64])
    assert found.worst().tolist() == [2, 1, 3, 0] and found.worst(1).tolist() == [2]


def test_in_words():
    told = str(four())
    assert "Most often mistaken: cat for dog (1 of 2)." in told
    assert "Worst answers, by the probability of the true class times IoU: p2 (0.00), p1 (0.30)" in told
    rows = [line.split() for line in told.splitlines()]
    assert ["dog", "1", "1.000", "0.000", "0.000"] in rows
    assert ["0.9", "to", "1.0", "1", "1.000", "0.800", "1.000"] in rows
    assert "Breakdown(4 answers, 3 classes)" == repr(four())
    json.dumps(four().numbers())


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 6))
def test_the_parts_make_up_the_whole(seed, n, k):
    answers = random_answers(seed, n, k)
    labels, boxes, _, part = answers
    found, whole = breakdown(*answers), evaluate_predictions(*answers)
    pairs = Counter(zip(part.labels.tolist(), labels.tolist(), strict=True))
    assert all(found.confusion[pair] == pairs[pair] for pair in np.ndindex(k, k))
    assert found.confusion.sum() == n and np.trace(found.confusion) / n == pytest.approx(whole["accuracy"])
    for rows in (found.by_class(), found.by_size()):
        weights = [row["count"] for row in rows]
        assert sum(weights) == n
        for name in ("accuracy", "mean_iou", "joint"):
            assert np.average([row[name] for row in rows], weights=weights) == pytest.approx(whole[name])
    assert np.mean([row["accuracy"] for row in found.by_class()]) == pytest.approx(whole["balanced_accuracy"])
    assert sum(count for *_, count in found.confused()) == n - np.trace(found.confusion)
    assert (np.diff(found.goodness[found.worst(n)]) >= 0).all() and sorted(found.worst(n)) == list(range(n))


@given(st.integers(0, 10_000), st.integers(1, 40))
def test_each_picture_counts_in_the_step_of_its_size(seed, n):
    answers = random_answers(seed, n, 3)
    part, overlap = answers[3], iou(np.clip(answers[1], 0, 100), answers[3].boxes)
    sizes = object_sizes(part)
    np.testing.assert_allclose(sizes**2 * 100 * 100, np.prod(part.boxes[:, 2:] - part.boxes[:, :2], axis=1), rtol=1e-5)
    for row in breakdown(*answers).by_size():
        its = (sizes >= row["from"]) & (sizes < row["to"])
        assert row["count"] == its.sum() and row["mean_iou"] == pytest.approx(overlap[its].mean(), abs=1e-6)


def test_a_box_outside_its_picture_counts_as_far_as_it_is_inside():
    found = breakdown([0], [(-50, -50, 150, 150)], [(1, 0, 0)], samples([0], [(0, 0, 100, 100)]))
    assert found.iou.tolist() == [1] and found.boxes.tolist() == [[0, 0, 100, 100]]


@pytest.mark.parametrize(("labels", "boxes", "error", "words"), [
    ([0, 3], [(0, 0, 9, 9)] * 2, DataError, "labels must be whole numbers from 0 to 2"),
    ([0, -1], [(0, 0, 9, 9)] * 2, DataError, "from 0 to 2"),
    ([0.0, 1.0], [(0, 0, 9, 9)] * 2, DataError, "float64"),
    ([0], [(0, 0, 9, 9)] * 2, ShapeError, r"labels of shape \(2,\)"),
    ([0, 1], [(0, 0, 9, 9)], ShapeError, r"boxes of shape \(2, 4\)"),
])  # fmt: skip
def test_what_does_not_fit_is_named(labels, boxes, error, words):
    with pytest.raises(error, match=words):
        breakdown(labels, boxes, np.full((2, 3), 1 / 3), samples([0, 1], [(0, 0, 9, 9)] * 2))


def test_nothing_and_wrong_pairs():
    with pytest.raises(DataError, match="nothing to take apart"):
        breakdown([], np.empty((0, 4)), np.empty((0, 3)), samples([], []))
    with pytest.raises(ShapeError):
        confusion_matrix([0, 1], [0], 2)
    assert confusion_matrix(np.array([], int), np.array([], int), 2).tolist() == [[0, 0], [0, 0]]


# The figures.


@pytest.mark.slow
@pytest.mark.parametrize(("n", "k"), [(1, 1), (6, 3), (40, 1), (900, 40), (600, 100)])
def test_figures_of_few_and_many(n, k):
    pytest.importorskip("matplotlib")
    found = breakdown(*random_answers(1, n, k))
    for draw in (found.plot, found.plot_classes, found.plot_sizes):
        assert draw()._repr_png_().startswith(b"\x89PNG")
    matrix, classes, sizes = found.plot().axes[0], found.plot_classes().axes[0], found.plot_sizes().axes[0]
    in_cells = [int(text.get_text()) for text in matrix.texts]
    assert sum(in_cells) == (n if k <= 25 else 0)
    assert len(classes.get_yticks()) == min(40, len(found.by_class()))
    worst = min(found.by_class(), key=lambda row: (row["joint"], row["accuracy"], row["mean_iou"]))
    assert classes.get_yticklabels()[0].get_text() == f"{worst['class']}  {worst['count']:,}"
    assert len(sizes.lines[0].get_xdata()) == n
    assert sum(int(text.get_text().replace(",", "")) for text in sizes.texts) == n


@pytest.mark.slow
def test_the_worst_are_shown_worst_first():
    pytest.importorskip("matplotlib")
    found = four()
    titles = [ax.get_title() for ax in found.plot_worst(3).axes if ax.get_title()]
    assert [title.split("\n")[0] for title in titles] == ["✗ dog 80%", "✗ dog 60%", "✓ fox 80%"]


@pytest.mark.slow
def test_names_at_an_axis_are_names_and_no_formulas():
    pytest.importorskip("matplotlib")
    part = samples([0, 1, 2], [(0, 0, 9, 9)] * 3, ("bird $x^2$", "a\nb", "a" * 90))
    figure = breakdown([0, 1, 1], part.boxes, np.full((3, 3), 1 / 3), part).plot()
    figure._repr_png_()
    shown = figure.axes[0].get_xticklabels()
    assert [text.get_text() for text in shown] == ["bird $x^2$", "a b", "a" * 15 + "…"]
    assert not any(text.get_parse_math() for text in shown)


@pytest.mark.slow
def test_the_figure_of_classes_has_the_order_of_the_table_and_markers_beside_the_counts():
    """Both classes are always wrong, so that only their boxes tell them apart."""
    pytest.importorskip("matplotlib")
    part = samples([0, 1], [(0, 0, 50, 50)] * 2)
    found = breakdown([1, 0], [(0, 0, 50, 45), (0, 0, 50, 5)], np.full((2, 3), 1 / 3), part)
    in_table = [line.split()[0] for line in str(found).split("\n\n")[0].splitlines()[2:]]
    figure = found.plot_classes()
    ax = figure.axes[0]
    assert in_table == [text.get_text().split()[0] for text in ax.get_yticklabels()] == ["dog", "cat"]
    figure.draw_without_rendering()
    (at_0, _), marker = ax.transData.transform((0, 0)), max(line.get_markersize() for line in ax.lines)
    left = at_0 - (marker / 2 + 1) * figure.dpi / 72  # an edge of 1.6 points is drawn half outside
    assert all(text.get_window_extent().x1 < left for text in ax.get_yticklabels())
