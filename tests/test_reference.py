"""The specification itself: forwards against worked examples and SciPy, backwards against finite differences."""

import numpy as np
import pytest
from harness import convolutions, difference, distinct, numbers, poolings
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal, special

from tinycnn import reference

STEP = 1e-6


def slope(forward, x, dy):
    """dx by central differences: every number of x is moved a little, and what dy makes of it is weighed."""
    x, dx = x.copy(), np.zeros_like(x)
    for at in np.ndindex(x.shape):
        value = x[at]
        x[at] = value + STEP
        above = np.sum(forward(x) * dy)
        x[at] = value - STEP
        dx[at] = (above - np.sum(forward(x) * dy)) / (2 * STEP)
        x[at] = value
    return dx


def expect_slope(gradient, forward, x, dy):
    assert difference(gradient, slope(forward, x, dy)) < 1e-6


# --- forwards ---


def test_convolution_by_hand():
    x = np.arange(9.0).reshape(1, 3, 3, 1)
    w = np.array([[1.0, 0], [0, -1]]).reshape(2, 2, 1, 1)  # the pixel itself minus the one below right: always -4
    np.testing.assert_array_equal(reference.conv2d(x, w, np.array([10.0])), np.full((1, 2, 2, 1), 6.0))
    padded = reference.conv2d(x, w, padding=1)[0, :, :, 0]
    np.testing.assert_array_equal(padded, [[0, -1, -2, 0], [-3, -4, -4, 2], [-6, -4, -4, 5], [0, 6, 7, 8]])
    np.testing.assert_array_equal(reference.conv2d(x, w, padding=1, stride=(2, 3))[0, :, :, 0], padded[::2, ::3])


def test_groups_see_only_their_own_channels():
    x, w = numbers((1, 4, 4, 6), seed=1), numbers((2, 2, 2, 3), seed=2)
    whole = reference.conv2d(x, w, groups=3)
    for g in range(3):
        alone = reference.conv2d(x[..., 2 * g : 2 * g + 2], w[..., g : g + 1])
        np.testing.assert_array_equal(whole[..., g : g + 1], alone)


@given(convolutions(largest=5, channels=2))
def test_convolution_equals_scipys_correlation(geometry):
    arguments, shape = geometry
    f, groups, (sh, sw), (ph, pw) = (arguments[name] for name in ("out_channels", "groups", "stride", "padding"))
    x, w = numbers(shape), numbers((*arguments["kernel_size"], shape[3] // groups, f), seed=2)
    padded = np.pad(x, ((0, 0), (ph, ph), (pw, pw), (0, 0)))
    y = reference.conv2d(x, w, stride=(sh, sw), padding=(ph, pw), groups=groups)
    c, per_group = w.shape[2], f // groups
    for n, k in np.ndindex(len(x), f):
        first = k // per_group * c
        expected = sum(signal.correlate2d(padded[n, :, :, first + i], w[:, :, i, k], "valid") for i in range(c))
        assert difference(y[n, :, :, k], expected[::sh, ::sw]) < 1e-12


def test_pooling_by_hand():
    x = np.array([[1.0, 2, 3], [8, 5, 4], [7, 6, 9]]).reshape(1, 3, 3, 1)

    def rows(y):
        return y[0, :, :, 0].tolist()

    assert rows(reference.max_pool2d(x, 2)) == [[8]]
    assert rows(reference.max_pool2d(x, 2, stride=1)) == [[8, 5], [8, 9]]
    assert rows(reference.max_pool2d(x, 2, ceil_mode=True)) == [[8, 4], [7, 9]]
    assert rows(reference.max_pool2d(-x, 2, padding=1)) == [[-1, -2], [-7, -4]]  # the border never wins
    assert rows(reference.avg_pool2d(x, 2)) == [[4]]
    assert rows(reference.avg_pool2d(x, 2, padding=1)) == [[0.25, 1.25], [3.75, 6]]
    assert rows(reference.avg_pool2d(x, 2, padding=1, count_include_pad=False)) == [[1, 2.5], [7.5, 6]]
    assert rows(reference.avg_pool2d(x, 2, ceil_mode=True)) == [[4, 3.5], [6.5, 9]]


def test_the_first_of_equals_gets_the_gradient():
    x = np.zeros((1, 2, 3, 1))
    dx = reference.max_pool2d_backward(np.array([5.0, 7.0]).reshape(1, 1, 2, 1), x, (2, 2), stride=1)
    np.testing.assert_array_equal(dx[0, :, :, 0], [[5, 7, 0], [0, 0, 0]])


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5))
def test_linear_is_a_matrix_product(n, d, f):
    x, w, b = numbers((n, d), seed=1), numbers((d, f), seed=2), numbers(f, seed=3)
    assert difference(reference.linear(x, w, b), x @ w + b) < 1e-12
    dy = numbers((n, f), seed=4)
    for ours, theirs in zip(reference.linear_backward(dy, x, w), (dy @ w.T, x.T @ dy, dy.sum(0)), strict=True):
        assert difference(ours, theirs) < 1e-12


def test_normalization_by_hand():
    x = np.array([1.0, 2, 3]).reshape(1, 1, 1, 3)
    how = dict(size=3, alpha=2.0, beta=1.0, k=1.0)
    paper = reference.local_response_norm(x, **how, divide_alpha=False)
    np.testing.assert_allclose(paper.ravel(), [1 / (1 + 2 * 5), 2 / (1 + 2 * 14), 3 / (1 + 2 * 13)], rtol=1e-14)
    divided = reference.local_response_norm(x, **(how | {"alpha": 6.0}))
    np.testing.assert_allclose(divided, paper, rtol=1e-14)


@given(st.integers(1, 4), st.integers(1, 5), st.sampled_from([1.0, 100.0, 1e4]))
def test_cross_entropy_equals_scipys_log_softmax(n, k, scale):
    scores, labels = numbers((n, k)) * scale, np.random.default_rng(0).integers(0, k, n)
    expected = -special.log_softmax(scores, axis=1)[np.arange(n), labels].mean()
    assert reference.softmax_cross_entropy(scores, labels) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(reference.softmax(scores), special.softmax(scores, axis=1), rtol=1e-12, atol=1e-300)


def test_a_weighted_cross_entropy_counts_classes_and_shares():
    scores, log_p = np.zeros((2, 2)), np.log(2)  # every log p is -log 2
    assert reference.weighted_cross_entropy(scores, [0, 1], [1, 3]) == pytest.approx(log_p)
    assert reference.weighted_cross_entropy(scores, [[0.5, 0.5], [0, 1]], [1, 3]) == pytest.approx(5 / 2 * log_p)
    assert reference.weighted_cross_entropy(scores, [0, 0], [0, 3]) == 0


def test_l2_counts_what_the_mask_lets_through():
    pred, target = np.array([[1.0, 5.0]]), np.array([[3.0, 5.5]])
    assert reference.l2_loss(pred, target) == (4 + 0.25) / 2
    assert reference.l2_loss(pred, target, np.array([[1, 0]])) == 4
    assert reference.l2_loss(pred, target, np.array([[0, 0]])) == 0
    np.testing.assert_array_equal(reference.l2_loss_backward(pred, target, np.array([[1, 0]])), [[-4, 0]])


# --- backwards ---


@settings(max_examples=20)
@given(convolutions(largest=4, channels=2))
def test_convolution_backward(geometry):
    arguments, shape = geometry
    how = {name: arguments[name] for name in ("stride", "padding", "groups", "dilation")}
    w_shape = (*arguments["kernel_size"], shape[3] // arguments["groups"], arguments["out_channels"])
    x, w, b = numbers((1, *shape[1:])), numbers(w_shape, seed=2), numbers(w_shape[3], seed=3)
    dy = numbers(reference.conv2d(x, w, b, **how).shape, seed=4)
    dx, dw, db = reference.conv2d_backward(dy, x, w, **how)
    expect_slope(dx, lambda x: reference.conv2d(x, w, b, **how), x, dy)
    expect_slope(dw, lambda w: reference.conv2d(x, w, b, **how), w, dy)
    expect_slope(db, lambda b: reference.conv2d(x, w, b, **how), b, dy)


@settings(max_examples=50)
@given(poolings(largest=5, channels=2), st.booleans())
def test_pooling_backward(geometry, count_include_pad):
    arguments, shape = geometry
    x = distinct((1, *shape[1:]))
    window = {name: arguments[name] for name in ("kernel_size", "stride", "padding")}
    dy = numbers(reference.max_pool2d(x, **arguments).shape, seed=4)
    expect_slope(reference.max_pool2d_backward(dy, x, **window), lambda x: reference.max_pool2d(x, **arguments), x, dy)
    dx = reference.avg_pool2d_backward(dy, x, **window, count_include_pad=count_include_pad)
    expect_slope(dx, lambda x: reference.avg_pool2d(x, **arguments, count_include_pad=count_include_pad), x, dy)


@given(st.integers(1, 7), st.integers(1, 6), st.booleans())
def test_normalization_backward(channels, size, divide_alpha):
    x = numbers((1, 2, 1, channels))
    how = dict(size=size, alpha=0.7, beta=0.75, k=1.3, divide_alpha=divide_alpha)
    dy = numbers(x.shape, seed=4)
    dx = reference.local_response_norm_backward(dy, x, **how)
    expect_slope(dx, lambda x: reference.local_response_norm(x, **how), x, dy)


def test_loss_backwards():
    scores, labels = numbers((3, 4)), np.array([0, 3, 1])
    expect_slope(reference.softmax_cross_entropy_backward(scores, labels),
                 lambda z: reference.softmax_cross_entropy(z, labels), scores, 1.0)  # fmt: skip
    shares = special.softmax(numbers(scores.shape, seed=3), axis=1)
    for truth in (labels, shares):
        how = truth, np.arange(scores.shape[1]) + 0.5, 0.2
        expect_slope(reference.weighted_cross_entropy_backward(scores, *how),
                     lambda z, how=how: reference.weighted_cross_entropy(z, *how), scores, 1.0)  # fmt: skip
    pred, target, mask = numbers((3, 4), seed=1), numbers((3, 4), seed=2), np.eye(3, 4)
    for m in (None, mask):
        expect_slope(reference.l2_loss_backward(pred, target, m),
                     lambda p: reference.l2_loss(p, target, m), pred, 1.0)  # noqa: B023  # fmt: skip


# --- what it keeps ---


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_results_have_the_dtype_of_the_input(dtype):
    x, w = numbers((1, 4, 4, 2), dtype), numbers((3, 3, 2, 2), dtype)
    y = reference.conv2d(x, w, np.zeros(2, dtype))
    made = [y, *reference.conv2d_backward(y, x, w)]
    for pool, back in ((reference.max_pool2d, reference.max_pool2d_backward),
                       (reference.avg_pool2d, reference.avg_pool2d_backward)):  # fmt: skip
        made += [pool(x, 2), back(pool(x, 2), x, 2)]
    made += [reference.local_response_norm(x, 3), reference.local_response_norm_backward(x, x, 3)]
    rows = x.reshape(8, 4)
    made += [reference.linear(rows, rows.T), *reference.linear_backward(rows, rows, rows[:4])]
    made += [reference.softmax(rows), reference.softmax_cross_entropy_backward(rows, [0] * 8)]
    made += [reference.l2_loss_backward(rows, rows)]
    assert {array.dtype for array in made} == {np.dtype(dtype)}


def test_upsampling_by_hand_and_by_differences():
    x = np.array([[1.0, 2]]).reshape(1, 1, 2, 1)
    np.testing.assert_array_equal(reference.upsample2d(x, 2)[0, :, :, 0], [[1, 1, 2, 2]] * 2)
    x, dy = numbers((2, 2, 3, 2)), numbers((2, 6, 9, 2), seed=1)
    expect_slope(reference.upsample2d_backward(dy, 3), lambda x: reference.upsample2d(x, 3), x, dy)
