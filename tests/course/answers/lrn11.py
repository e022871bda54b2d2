"""Answers of learners to the exercises of lesson 11 on local response normalization."""

import numpy as np

from tests.course.answers import Answers, wrong

# --- forward ---


def four_loops(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    y = np.zeros_like(x)
    for n, i, j, c in np.ndindex(x.shape):
        s = k
        for d in range(c - size // 2, c + size // 2 + 1):
            if 0 <= d < x.shape[3]:
                s += alpha * x[n, i, j, d] ** 2
        y[n, i, j, c] = x[n, i, j, c] / s**beta
    return y


def channel_loop(x, size=5, alpha=1e-4, beta=0.75, k=2.0, first=None, last=None, terms=np.square):
    y, half = np.empty_like(x), size // 2
    for c in range(x.shape[-1]):
        low = max(0, c - half) if first is None else first(c, half)
        high = c + half + 1 if last is None else last(c, half)
        y[..., c] = x[..., c] * (k + alpha * terms(x[..., low:high]).sum(-1)) ** -beta
    return y


def padded(x, size=5, alpha=1e-4, beta=0.75, k=2.0, mode="constant"):
    half = size // 2
    squares = np.pad(x**2, ((0, 0), (0, 0), (0, 0), (half, half)), mode=mode)
    return x / (k + alpha * sum(squares[..., d : d + x.shape[3]] for d in range(size))) ** beta


def cumulative(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    half, count = size // 2, x.shape[3]
    sums = np.concatenate([np.zeros_like(x[..., :1]), np.cumsum(x * x, axis=3)], axis=3)
    high = np.minimum(np.arange(count) + half + 1, count)
    low = np.maximum(np.arange(count) - half, 0)
    return x / np.power(k + alpha * (sums[..., high] - sums[..., low]), beta)


def matrix(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    c = np.arange(x.shape[3])
    near = (abs(c[:, None] - c) <= size // 2).astype(x.dtype)
    return x / (k + alpha * (x * x) @ near) ** beta


def convolved(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    ones = np.ones(size, x.dtype)
    near = np.apply_along_axis(lambda row: np.convolve(row, ones)[size // 2 :][: len(row)], 3, x * x)
    return x / (k + alpha * near) ** beta


def by_logarithm(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    return x * np.exp(-beta * np.log(k + alpha * (x * x) @ matrix_of(x, size)))


def matrix_of(x, size):
    return np.array([[float(abs(a - b) <= size // 2) for a in range(x.shape[3])] for b in range(x.shape[3])], x.dtype)


def rolled(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    return x / (k + alpha * sum(np.roll(x * x, d, axis=3) for d in range(-(size // 2), size // 2 + 1))) ** beta


def over_axis(axis):
    def function(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
        return np.moveaxis(matrix(np.moveaxis(x, axis, 3), size, alpha, beta, k), 3, axis)
    return function


def turned(change):
    """The right one with its settings mixed up."""
    return lambda x, size=5, alpha=1e-4, beta=0.75, k=2.0: matrix(x, *change(size, alpha, beta, k))


def with_loop(**lines):
    return lambda x, size=5, alpha=1e-4, beta=0.75, k=2.0: channel_loop(x, size, alpha, beta, k, **lines)


def overwriting(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    x = x.copy()
    for c in range(x.shape[3]):
        x[..., c] /= (k + alpha * (x[..., max(0, c - size // 2) : c + size // 2 + 1] ** 2).sum(axis=3)) ** beta
    return x


def changing_x(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    x /= (k + alpha * (x * x) @ matrix_of(x, size)) ** beta
    return x


LRN = Answers(
    right=[four_loops, channel_loop, padded, cumulative, matrix, convolved, by_logarithm],
    wrong=[
        wrong(over_axis(1), "over rows"), wrong(over_axis(2), "over columns"), wrong(rolled, "around the end"),
        wrong(lambda x, *settings: padded(x, *settings, mode="edge"), "ends repeated"),
        wrong(turned(lambda size, alpha, beta, k: (size, alpha / size, beta, k)), "alpha divided"),
        wrong(turned(lambda size, alpha, beta, k: (size, alpha, beta, 0)), "k forgotten"),
        wrong(turned(lambda size, alpha, beta, k: (size, alpha, beta, 1)), "k is 1"),
        wrong(turned(lambda size, alpha, beta, k: (2 * size + 1, alpha, beta, k)), "twice as wide"),
        wrong(turned(lambda size, alpha, beta, k: (size, alpha, 1, k)), "beta forgotten"),
        wrong(turned(lambda size, alpha, beta, k: (size, alpha, -beta, k)), "multiplied"),
        wrong(turned(lambda size, alpha, beta, k: (5, 1e-4, 0.75, 2.0))),
        wrong(with_loop(last=lambda c, half: c + half), "one too few"),
        wrong(with_loop(first=lambda c, half: c, last=lambda c, half: c + 2 * half + 1), "window behind"),
        wrong(with_loop(first=lambda c, half: max(0, c - 2 * half), last=lambda c, half: c + 1), "window before"),
        wrong(with_loop(first=lambda c, half: c - half)), wrong(with_loop(terms=np.abs), "absolute"),
        wrong(overwriting, "in place"), wrong(changing_x),
        wrong(lambda x, size=5, alpha=1e-4, beta=0.75, k=2.0:
              x / (k + alpha * (x * x).sum(axis=3, keepdims=True)) ** beta, "all channels"),
        wrong(lambda x, size=5, alpha=1e-4, beta=0.75, k=2.0: x / (k + alpha * (x * x).sum(axis=3)) ** beta)])

# --- backward ---


def sums(x, size):
    return x @ matrix_of(x, size)


def by_matrix(dy, x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    s = k + alpha * sums(x * x, size)
    return dy * s**-beta - 2 * alpha * beta * x * sums(dy * x * s ** (-beta - 1), size)


def loop_over_y(dy, x, size=5, alpha=1e-4, beta=0.75, k=2.0, own_only=False, dy_of=None):
    """Every y hands its share to the x of its window."""
    dx, half = np.zeros_like(x), size // 2
    for j in range(x.shape[3]):
        window = slice(max(0, j - half), j + half + 1)
        s = k + alpha * (x[..., window] ** 2).sum(axis=3)
        dx[..., j] += dy[..., j] / s**beta
        for c in [j] if own_only else range(*window.indices(x.shape[3])):
            up = dy[..., j if dy_of is None else dy_of(c, j)]
            dx[..., c] -= 2 * alpha * beta * x[..., c] * up * x[..., j] / s ** (beta + 1)
    return dx


def loop_over_x(dy, x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    s = k + alpha * sums(x**2, size)
    y = x / s**beta
    dx = dy / s**beta
    for c in range(x.shape[3]):
        near = slice(max(0, c - size // 2), c + size // 2 + 1)
        dx[..., c] -= 2 * alpha * beta * x[..., c] * (dy[..., near] * y[..., near] / s[..., near]).sum(axis=3)
    return dx


def by_ds(dy, x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    s = k + alpha * sums(x**2, size)
    ds = -beta * dy * x * s ** (-beta - 1)
    return dy / s**beta + 2 * alpha * x * sums(ds, size)


def by_jacobian(dy, x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    """The whole matrix dy[j] / dx[c] of each pixel."""
    near, s = matrix_of(x, size), k + alpha * sums(x * x, size)
    jacobian = -2 * alpha * beta * (x / s ** (beta + 1))[..., :, None] * near * x[..., None, :]
    jacobian = jacobian + np.eye(x.shape[3], dtype=x.dtype) * (s**-beta)[..., None]
    return np.einsum("nhwj,nhwjc->nhwc", dy, jacobian)


def by_power(dy, x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    s = k + alpha * sums(x * x, size)
    power = np.power(s, -beta)
    return power * dy - 2 * alpha * beta * x * sums(power / s * dy * x, size)


def changed(direct=lambda dy, x, s, beta: dy / s**beta, inside=lambda dy, x, s, beta: dy * x / s ** (beta + 1),
            before=lambda dy, x, s, beta: x, factor=lambda alpha, beta: 2 * alpha * beta, s_of=None):
    def function(dy, x, size=5, alpha=1e-4, beta=0.75, k=2.0):
        s = k + alpha * sums(x * x, size) if s_of is None else s_of(x, size, alpha, k)
        return (direct(dy, x, s, beta)
                - factor(alpha, beta) * before(dy, x, s, beta) * sums(inside(dy, x, s, beta), size))
    return function


LRN_BACKWARD = Answers(
    right=[by_matrix, loop_over_y, loop_over_x, by_ds, by_jacobian, by_power],
    wrong=[
        wrong(changed(factor=lambda alpha, beta: 0), "direct only"),
        wrong(lambda dy, x, *settings: loop_over_y(dy, x, *settings, own_only=True), "own window only"),
        wrong(lambda dy, x, *settings: loop_over_y(dy, x, *settings, dy_of=lambda c, j: c), "dy outside"),
        wrong(changed(factor=lambda alpha, beta: alpha * beta), "two forgotten"),
        wrong(changed(factor=lambda alpha, beta: 2 * beta), "alpha forgotten"),
        wrong(changed(factor=lambda alpha, beta: 2 * alpha), "beta forgotten"),
        wrong(changed(factor=lambda alpha, beta: -2 * alpha * beta), "sign"),
        wrong(changed(inside=lambda dy, x, s, beta: dy * x / s**beta), "exponent not lowered"),
        wrong(changed(inside=lambda dy, x, s, beta: dy * x / s ** (beta - 1)), "exponent raised"),
        wrong(changed(inside=lambda dy, x, s, beta: x / s ** (beta + 1)), "dy ignored"),
        wrong(changed(inside=lambda dy, x, s, beta: dy * x, before=lambda dy, x, s, beta: x / s ** (beta + 1)),
              "s outside"),
        wrong(changed(before=lambda dy, x, s, beta: 1), "x forgotten"),
        wrong(changed(inside=lambda dy, x, s, beta: dy / s ** (beta + 1), before=lambda dy, x, s, beta: x * x)),
        wrong(changed(direct=lambda dy, x, s, beta: dy), None),
        wrong(changed(direct=lambda dy, x, s, beta: dy * s**beta)),
        wrong(changed(direct=lambda dy, x, s, beta: dy * x / s**beta)),
        wrong(changed(s_of=lambda x, size, alpha, k: k + alpha / size * sums(x * x, size))),
        wrong(lambda dy, x, size=5, alpha=1e-4, beta=0.75, k=2.0: matrix(dy, size, alpha, beta, k)),
        wrong(lambda dy, x, size=5, alpha=1e-4, beta=0.75, k=2.0: by_matrix(dy, x))])
