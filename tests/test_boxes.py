"""Boxes against worked examples and against boxes drawn as masks and counted pixel by pixel."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tinycnn.boxes import area, clip, decode, encode, intersection, iou
from tinycnn.errors import DataError, ShapeError

SIDE = 16


@st.composite
def integer_boxes(draw, lowest=0, highest=SIDE):
    x = sorted(draw(st.tuples(st.integers(lowest, highest), st.integers(lowest, highest))))
    y = sorted(draw(st.tuples(st.integers(lowest, highest), st.integers(lowest, highest))))
    return np.array([x[0], y[0], x[1], y[1]])


def float_boxes(rng, *shape, low=0.0, high=100.0):
    corners = np.sort(rng.uniform(low, high, (*shape, 2, 2)), axis=-2)  # (..., min and max, x and y)
    return corners.reshape(*shape, 4)


def drawn(box):
    mask = np.zeros((SIDE, SIDE), bool)
    xmin, ymin, xmax, ymax = box
    mask[ymin:ymax, xmin:xmax] = True
    return mask


# --- the codecs ---

def test_encode_by_hand():
    # A picture 100 high and 200 wide; the box spans x 50..150, y 20..40: center (100, 30), 20 high, 100 wide.
    np.testing.assert_allclose(encode([50, 20, 150, 40], (100, 200)), [0.5, 0.3, 0.2, 0.5])


def test_the_whole_image_is_the_same_code_at_every_size():
    sizes = np.array([[64, 64], [480, 640], [1, 7]])
    whole = np.stack([np.zeros(3), np.zeros(3), sizes[:, 1], sizes[:, 0]], axis=1)
    np.testing.assert_allclose(encode(whole, sizes), np.tile([0.5, 0.5, 1, 1], (3, 1)))


@pytest.mark.parametrize("shape", [(), (5,), (5, 3), (0,)])
def test_decode_undoes_encode(shape):
    rng = np.random.default_rng(0)
    boxes, sizes = float_boxes(rng, *shape), rng.integers(1, 400, (*shape, 2))
    np.testing.assert_allclose(decode(encode(boxes, sizes), sizes), boxes, atol=1e-10)
    np.testing.assert_allclose(decode(encode(boxes, (37, 91)), (37, 91)), boxes, atol=1e-10)


def test_codes_do_not_change_when_image_and_box_are_scaled():
    rng = np.random.default_rng(1)
    boxes, sizes, scale = float_boxes(rng, 20), rng.integers(50, 400, (20, 2)), np.array([3.0, 0.25, 3.0, 0.25])
    np.testing.assert_allclose(encode(boxes * scale, sizes * scale[[1, 0]]), encode(boxes, sizes))


def test_decode_counts_a_negative_side_as_zero():
    np.testing.assert_allclose(decode([0.5, 0.5, -0.2, 0.4], (10, 10)), [3, 5, 7, 5])


def test_float32_comes_in_and_float64_goes_out():
    boxes = np.array([[1, 2, 3, 4]], np.float32)
    for answer in (encode(boxes, (8, 8)), decode(boxes, (8, 8)), clip(boxes, (8, 8)), area(boxes), iou(boxes, boxes)):
        assert answer.dtype == np.float64


def test_the_input_stays_as_it_is():
    boxes = np.array([[-3.0, 2.0, 30.0, 4.0]])
    before = boxes.copy()
    encode(boxes, (8, 8)), decode(boxes, (8, 8)), clip(boxes, (8, 8)), area(boxes), iou(boxes, boxes)
    np.testing.assert_array_equal(boxes, before)


# --- clipping and area ---

def test_clip_by_hand():
    boxes = [[-5, -5, 5, 5], [2, 3, 90, 80], [30, 1, 40, 2], [1, 2, 3, 4]]
    np.testing.assert_allclose(clip(boxes, (10, 20)), [[0, 0, 5, 5], [2, 3, 20, 10], [20, 1, 20, 2], [1, 2, 3, 4]])


@given(integer_boxes(-8, SIDE + 8))
def test_area_and_clip_agree_with_a_drawn_mask(box):
    outside = np.zeros((SIDE + 16, SIDE + 16), bool)
    outside[box[1] + 8 : box[3] + 8, box[0] + 8 : box[2] + 8] = True
    assert area(box) == outside.sum()
    assert area(clip(box, (SIDE, SIDE))) == outside[8:-8, 8:-8].sum()


def test_an_inverted_box_has_no_area():
    assert area([5, 5, 1, 1]) == 0  # two negative sides: their product would be +16


# --- intersection over union ---

@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([0, 0, 4, 4], [0, 0, 4, 4], 1),
        ([0, 0, 4, 4], [2, 0, 6, 4], 8 / 24),
        ([0, 0, 4, 4], [1, 1, 3, 3], 4 / 16),
        ([0, 0, 4, 4], [4, 0, 8, 4], 0),  # neighbors touch in a line of no area: half open, no + 1
        ([0, 0, 1, 1], [5, 5, 6, 6], 0),  # apart in x and in y: the product of two negative sides is positive
        ([2, 2, 2, 2], [2, 2, 2, 2], 0),  # no area at all: 0, not 0 / 0
        ([4, 4, 0, 0], [0, 0, 4, 4], 0),
        ([np.nan, 0, 4, 4], [0, 0, 4, 4], 0),
    ],
)
def test_iou_by_hand(a, b, expected):
    assert iou(a, b) == pytest.approx(expected, abs=1e-15)


@given(integer_boxes(), integer_boxes())
def test_iou_agrees_with_drawn_masks(a, b):
    either = (drawn(a) | drawn(b)).sum()
    both = (drawn(a) & drawn(b)).sum()
    assert area(intersection(a, b)) == both
    assert iou(a, b) == pytest.approx(both / either if either else 0.0, abs=1e-15)


@given(st.integers(0, 2**32 - 1))
def test_iou_is_symmetric_bounded_and_blind_to_shift_scale_and_flip(seed):
    rng = np.random.default_rng(seed)
    a, b = float_boxes(rng, 8), float_boxes(rng, 8)
    score = iou(a, b)
    assert (score >= 0).all() and (score <= 1 + 1e-12).all()
    np.testing.assert_array_equal(score, iou(b, a))
    shift, scale = np.tile(rng.uniform(-50, 50, 2), 2), np.tile(rng.uniform(0.1, 10, 2), 2)
    np.testing.assert_allclose(iou(a * scale + shift, b * scale + shift), score, atol=1e-9)
    mirrored_a, mirrored_b = ((100 - box)[:, [2, 3, 0, 1]] for box in (a, b))
    np.testing.assert_allclose(iou(mirrored_a, mirrored_b), score, atol=1e-9)


def test_iou_pairs_rows_and_broadcasts():
    rng = np.random.default_rng(2)
    a, b = float_boxes(rng, 5), float_boxes(rng, 3)
    table = iou(a[:, None], b[None])
    assert table.shape == (5, 3)
    assert table[4, 1] == iou(a[4], b[1])
    np.testing.assert_array_equal(iou(a[:3], b), np.diag(table))


# --- errors ---

@pytest.mark.parametrize("function", [encode, decode, clip])
def test_a_wrong_last_axis_is_named(function):
    with pytest.raises(ShapeError, match=r"4 numbers .* shape \(2, 3\)"):
        function(np.zeros((2, 3)), (8, 8))
    with pytest.raises(ShapeError, match="height, width"):
        function(np.zeros((2, 4)), 8)
    with pytest.raises(ShapeError, match=r"\(3, 2\) sizes do not fit \(5, 4\) boxes"):
        function(np.zeros((5, 4)), np.ones((3, 2)))
    with pytest.raises(DataError, match="size is zero"):
        function(np.zeros((5, 4)), (0, 8))


@given(arrays(float, (4,), elements=st.floats(-10, 10)))
def test_encode_refuses_every_inverted_box(box):
    assume(not (box[2] >= box[0] and box[3] >= box[1]))
    with pytest.raises(DataError, match="width and a height"):
        encode(box, (8, 8))


def test_the_inverted_box_is_named():
    boxes = np.array([[0, 0, 1, 1], [5, 0, 2, 4], [np.nan, 0, 1, 1]])
    with pytest.raises(DataError, match=r"box 1 is \(5, 0, 2, 4\)"):
        encode(boxes, (8, 8))
    with pytest.raises(DataError, match=r"box \(2, 0\) is \(nan, 0, 1, 1\)"):
        encode(boxes[[[0], [0], [2]]], (8, 8))
