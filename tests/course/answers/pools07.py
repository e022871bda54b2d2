"""Lesson 07, max pooling as learners write it."""

import numpy as np

from tests.course.answers import Answers, wrong
from tinycnn.patches import im2col


def bordered(x, p, value):
    n, h, w, c = x.shape
    big = np.full((n, h + 2 * p, w + 2 * p, c), value, x.dtype)
    big[:, p : p + h, p : p + w] = x
    return big


def size_of(size, k, s, p):
    return (size + 2 * p - k) // s + 1


# --- the maximum, right ---


def four_loops(x, kernel_size, stride=None, padding=0):
    if stride is None:
        stride = kernel_size
    x = bordered(x, padding, -np.inf)
    n, h, w, c = x.shape
    y = np.zeros((n, (h - kernel_size) // stride + 1, (w - kernel_size) // stride + 1, c), dtype=x.dtype)
    for image in range(y.shape[0]):
        for i in range(y.shape[1]):
            for j in range(y.shape[2]):
                for channel in range(c):
                    top, left = i * stride, j * stride
                    y[image, i, j, channel] = np.max(
                        x[image, top : top + kernel_size, left : left + kernel_size, channel])
    return y


def by_place(x, kernel_size, stride=None, padding=0):
    k, s = kernel_size, stride or kernel_size
    oh, ow = (size_of(size, k, s, padding) for size in x.shape[1:3])
    padded = np.pad(x, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)), constant_values=-np.inf)
    y = np.full((len(x), oh, ow, x.shape[3]), -np.inf, x.dtype)
    for p in range(k):
        for q in range(k):
            y = np.maximum(y, padded[:, p : p + s * oh : s, q : q + s * ow : s])
    return y


def from_patches(x, kernel_size, stride=None, padding=0):
    k, s = kernel_size, stride or kernel_size
    cols = im2col(bordered(x, padding, -np.inf), (k, k), (s, s))
    return cols.reshape(*cols.shape[:3], k * k, x.shape[3]).max(axis=3)


def very_small_border(x, kernel_size, stride=None, padding=0):
    return four_loops(bordered(x, padding, -1e30), kernel_size, stride, 0)


def cut_windows(x, kernel_size, stride=None, padding=0):
    """No border at all: windows are cut where the picture ends."""
    k, s, p = kernel_size, stride if stride else kernel_size, padding
    n, h, w, c = x.shape
    y = np.zeros_like(x, shape=(n, size_of(h, k, s, p), size_of(w, k, s, p), c))
    for i, j in np.ndindex(y.shape[1:3]):
        rows = slice(max(i * s - p, 0), min(i * s - p + k, h))
        columns = slice(max(j * s - p, 0), min(j * s - p + k, w))
        y[:, i, j, :] = np.amax(x[:, rows, columns, :], axis=(1, 2))
    return y


def nested_lists(x, kernel_size, stride=None, padding=0):
    k, s = kernel_size, stride or kernel_size
    b = bordered(x, padding, -np.inf)
    rows, columns = range(0, b.shape[1] - k + 1, s), range(0, b.shape[2] - k + 1, s)
    return np.array([[[[b[n, i : i + k, j : j + k, c].max() for c in range(b.shape[3])] for j in columns]
                      for i in rows] for n in range(len(b))], dtype=x.dtype)


def one_window(take, border=-np.inf, start=lambda i, s: i * s, usual=None, last=0, round_up=False):
    """A pooling in two loops with something wrong in it."""
    def pool(x, kernel_size, stride=None, padding=0):
        k, s = kernel_size, stride or usual or kernel_size
        b = bordered(x, padding, border)
        n, h, w, c = b.shape
        oh, ow = ((-(-(size - k) // s) if round_up else (size - k) // s) + 1 for size in (h, w))
        y = np.zeros((n, oh, ow, c), x.dtype)
        for i in range(oh):
            for j in range(ow):
                top, left = start(i, s), start(j, s)
                y[:, i, j] = take(b[:, top : top + k - last, left : left + k - last])
        return y
    return pool


# --- the maximum, wrong ---


def largest(window):
    return window.max(axis=(1, 2))


def zeros_then_maximum(x, kernel_size, stride=None, padding=0):
    k, s = kernel_size, stride or kernel_size
    b = bordered(x, padding, -np.inf)
    y = np.zeros((len(x), (b.shape[1] - k) // s + 1, (b.shape[2] - k) // s + 1, x.shape[3]), x.dtype)
    for n, i, j, c in np.ndindex(y.shape):
        for p in range(k):
            for q in range(k):
                if b[n, i * s + p, j * s + q, c] > y[n, i, j, c]:
                    y[n, i, j, c] = b[n, i * s + p, j * s + q, c]
    return y


def no_padding(x, kernel_size, stride=None, padding=0):
    return one_window(largest)(x, kernel_size, stride)


def no_stride(x, kernel_size, stride=None, padding=0):
    return one_window(largest)(x, kernel_size, kernel_size, padding)


def behind(x, kernel_size, stride=None, padding=0):
    x = np.pad(x, ((0, 0), (0, 2 * padding), (0, 2 * padding), (0, 0)), constant_values=-np.inf)
    return one_window(largest)(x, kernel_size, stride)


def once(x, kernel_size, stride=None, padding=0):
    x = np.pad(x, ((0, 0), (padding, 0), (padding, 0), (0, 0)), constant_values=-np.inf)
    return one_window(largest)(x, kernel_size, stride)


def channels_too(window):
    return np.repeat(window.reshape(len(window), -1).max(axis=1)[:, None], window.shape[3], axis=1)


def mean_of_zeros(x, kernel_size, stride=None, padding=0):
    return one_window(lambda window: window.mean(axis=(1, 2)), border=0)(x, kernel_size, stride, padding)


def smallest_of_all(x, kernel_size, stride=None, padding=0):
    return one_window(lambda window: window.min(axis=(1, 2)), border=np.inf)(x, kernel_size, stride, padding)


def by_size(window):
    flat = np.where(np.isfinite(window), window, 0).transpose(0, 3, 1, 2).reshape(len(window), window.shape[3], -1)
    place = abs(flat).argmax(axis=2)
    return np.take_along_axis(flat, place[:, :, None], axis=2)[:, :, 0]


def only_one(x, kernel_size, stride=None, padding=0):
    b, k, s = bordered(x, padding, -np.inf), kernel_size, stride or kernel_size
    y = np.zeros((len(x), (b.shape[1] - k) // s + 1, (b.shape[2] - k) // s + 1, x.shape[3]), x.dtype)
    for i, j, c in np.ndindex(y.shape[1:]):
        y[0, i, j, c] = b[0, i * s : i * s + k, j * s : j * s + k, c].max()
    return y


def wide(x, kernel_size, stride=None, padding=0):
    return four_loops(x, kernel_size, stride, padding).astype(float)


def pads_everything(x, kernel_size, stride=None, padding=0):
    return one_window(largest)(np.pad(x, padding, constant_values=-np.inf), kernel_size, stride)


def forgets_none(x, kernel_size, stride=None, padding=0):
    b = bordered(x, padding, -np.inf)
    return np.zeros((len(x), (b.shape[1] - kernel_size) // stride + 1, 1, 1))


def turned(x, kernel_size, stride=None, padding=0):
    return four_loops(x, kernel_size, stride, padding).swapaxes(1, 2)


def place_of_it(window):
    return window.transpose(0, 3, 1, 2).reshape(len(window), window.shape[3], -1).argmax(axis=2)


MAX_POOL = Answers(
    right=[four_loops, by_place, from_patches, very_small_border, cut_windows, nested_lists, wide],
    wrong=[wrong(one_window(largest, border=0), "border of zeros"), wrong(zeros_then_maximum, "starts at 0"),
           wrong(no_padding, "padding ignored"), wrong(no_stride, "stride ignored"), wrong(behind, "padding behind"),
           wrong(one_window(largest, usual=1), "stride 1"), wrong(once),
           wrong(one_window(largest, start=lambda i, s: i), "stride ignored in windows"),
           wrong(one_window(largest, round_up=True), "rounded up"),
           wrong(one_window(largest, last=1), "window too small"), wrong(one_window(channels_too), "all channels"),
           wrong(mean_of_zeros, "mean"), wrong(smallest_of_all, "smallest"),
           wrong(one_window(by_size), "largest size"),
           wrong(only_one, "first image only"), wrong(pads_everything), wrong(forgets_none),
           wrong(turned),
           wrong(one_window(place_of_it))],
)
