"""Answers of learners to the exercises of lesson 06, first half: sizes, loops, patches."""

import math

import numpy as np

from tests.course.answers import Answers, wrong
from tests.course.answers.backward06 import BACKWARD_LOOPS, COL2IM, CONV_BACKWARD
from tests.course.answers.layer06 import LAYER

# --- output_size ---


def counting(size, kernel, stride=1, padding=0):
    count, start = 0, -padding
    while start + kernel <= size + padding:
        count += 1
        start += stride
    return count


def by_range(size, kernel, stride=1, padding=0):
    return len(range(0, size + 2 * padding - kernel + 1, stride))


def by_floor(size, kernel, stride=1, padding=0):
    return int(np.floor((size + 2 * padding - kernel) / stride)) + 1


def in_numpy(size, kernel, stride=1, padding=0):
    return np.int64((size + padding + padding - kernel) // stride + 1)


def by_ceil(size, kernel, stride=1, padding=0):
    return math.ceil((size + 2 * padding - kernel + 1) / stride)


def by_division(size, kernel, stride=1, padding=0):
    return (size - kernel + 2 * padding + stride) // stride


OUTPUT_SIZE = Answers(
    right=[counting, by_range, by_floor, in_numpy, by_ceil, by_division],
    wrong=[wrong(lambda n, k, s=1, p=0: (n + 2 * p - k) / s + 1, "not whole"),
           wrong(lambda n, k, s=1, p=0: float((n + 2 * p - k) // s + 1), "a float"),
           wrong(lambda n, k, s=1, p=0: np.floor((n + 2 * p - k) / s) + 1, "a float"),
           wrong(lambda n, k, s=1, p=0: (n + 2 * p - k) // s, "off by one"),
           wrong(lambda n, k, s=1, p=0: (n + p - k) // s + 1, "padding once"),
           wrong(lambda n, k, s=1, p=0: (n - k) // s + 1, "padding ignored"),
           wrong(lambda n, k, s=1, p=0: n + 2 * p - k + 1, "stride ignored"),
           wrong(lambda n, k, s=1, p=0: math.ceil((n + 2 * p - k) / s) + 1, "rounded up"),
           wrong(lambda n, k, s=1, p=0: (n + 2 * p - k + 1) // s, "divided last"),
           wrong(lambda n, k, s=1, p=0: round((n + 2 * p - k) / s) + 1, "rounded to the nearest"),
           wrong(lambda n, k, s=1, p=0: n // s), wrong(lambda n, k, s=1, p=0: n + 2 * p - k // s + 1, "brackets"),
           wrong(lambda n, k, s=1, p=0: print((n + 2 * p - k) // s + 1))])

# --- conv_forward ---


def loops(pad=None, place=None, product=None, finish=None, window=None):
    """A convolution in loops, with a line that can be replaced."""
    def conv_loops(x, w, b, stride=1, padding=0):
        p, (kh, kw, _, filters) = padding, w.shape
        padded = pad(x, p) if pad else np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
        n, high, wide, _ = padded.shape
        y = np.zeros((n, (high - kh) // stride + 1, (wide - kw) // stride + 1, filters), x.dtype)
        for m in range(n):
            for i in range(y.shape[1]):
                for j in range(y.shape[2]):
                    row, column = place(i, j, stride) if place else (i * stride, j * stride)
                    seen = padded[m, row : row + kh, column : column + kw]
                    for f in range(filters):
                        total = product(seen, w[..., f]) if product else (seen * w[..., f]).sum()
                        y[m, i, j, f] = finish(total, b[f]) if finish else total + b[f]
        return y
    return conv_loops


def all_filters_at_once(x, w, b, stride=1, padding=0):
    p, (kh, kw) = padding, w.shape[:2]
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    rows = range(0, padded.shape[1] - kh + 1, stride)
    columns = range(0, padded.shape[2] - kw + 1, stride)
    y = [[np.tensordot(padded[:, i : i + kh, j : j + kw], w, 3) + b for j in columns] for i in rows]
    return np.array(y).transpose(2, 0, 1, 3)


def over_the_kernel(x, w, b, stride=1, padding=0):
    p, (kh, kw, _, f) = padding, w.shape
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    oh, ow = (padded.shape[1] - kh) // stride + 1, (padded.shape[2] - kw) // stride + 1
    y = np.zeros((len(x), oh, ow, f), x.dtype) + b
    for i in range(kh):
        for j in range(kw):
            y += padded[:, i : i + stride * oh : stride, j : j + stride * ow : stride] @ w[i, j]
    return y


def strided_windows(x, w, b, stride=1, padding=0):
    p = padding
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    seen = np.lib.stride_tricks.sliding_window_view(padded, w.shape[:2], axis=(1, 2))[:, ::stride, ::stride]
    return np.einsum("nijcpq,pqcf->nijf", seen, w) + b


def seven_loops(x, w, b, stride=1, padding=0):
    (n, high, wide, _), (kh, kw, _, f) = x.shape, w.shape
    oh, ow = (high + 2 * padding - kh) // stride + 1, (wide + 2 * padding - kw) // stride + 1
    y = np.zeros((n, oh, ow, f), dtype=x.dtype)
    for m, i, j, k in np.ndindex(y.shape):
        y[m, i, j, k] = b[k]
        for p, q in np.ndindex(kh, kw):
            row, column = i * stride + p - padding, j * stride + q - padding
            if 0 <= row < high and 0 <= column < wide:
                y[m, i, j, k] += x[m, row, column] @ w[p, q, :, k]
    return y


def in_lists(x, w, b, stride=1, padding=0):
    return loops()(x, w, b, stride, padding).tolist() if x.dtype == float else loops()(x, w, b, stride, padding)


CONV_FORWARD = Answers(
    right=[loops(), all_filters_at_once, over_the_kernel, strided_windows, seven_loops, in_lists],
    wrong=[wrong(loops(product=lambda a, k: (a * k[::-1, ::-1]).sum()), "kernel flipped"),
           wrong(loops(place=lambda i, j, s: (i, j)), "stride ignored in windows"),
           wrong(loops(pad=lambda x, p: np.pad(x, ((0, 0), (0, 2 * p), (0, 2 * p), (0, 0)))), "padding after"),
           wrong(loops(pad=lambda x, p: x), "padding ignored"),
           wrong(loops(finish=lambda total, b: total), "bias forgotten"),
           wrong(loops(product=lambda a, k: (a * k)[..., 0].sum()), "first channel only"),
           wrong(loops(product=lambda a, k: (a * k)[-1, -1, -1]), "overwritten"),
           wrong(loops(product=lambda a, k: (a * k).mean()), "mean"), wrong(loops(pad=lambda x, p: np.pad(x, p))),
           wrong(loops(product=lambda a, k: (a + k).sum())), wrong(loops(product=lambda a, k: (a @ k).sum())),
           wrong(lambda x, w, b, stride=1, padding=0: loops()(x, w, b, 1, padding), "stride ignored"),
           wrong(loops(finish=lambda total, b: total * b)), wrong(loops(place=lambda i, j, s: (j * s, i * s))),
           wrong(lambda x, w, b, stride=1, padding=0: loops()(x, w, b.sum() + 0 * b, stride, padding)),
           wrong(lambda x, w, b, stride=1, padding=0: loops()(x.astype(float), w, b, stride, padding))])

# --- im2col ---


def patches(order="pqc", pad=None, step=None, read=lambda seen: seen):
    """Patches in loops over windows, with a line that can be replaced."""
    def im2col(x, kernel, stride=1, padding=0):
        p, (kh, kw) = padding, kernel
        padded = pad(x, p) if pad else np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
        n, high, wide, c = padded.shape
        oh, ow = (high - kh) // stride + 1, (wide - kw) // stride + 1
        cols = np.zeros((n, oh, ow, kh * kw * c), x.dtype)
        for i in range(oh):
            for j in range(ow):
                row, column = step(i, j, stride) if step else (i * stride, j * stride)
                seen = read(padded[:, row : row + kh, column : column + kw])
                axes = {"pqc": (0, 1, 2, 3), "cpq": (0, 3, 1, 2), "qpc": (0, 2, 1, 3)}[order]
                cols[:, i, j] = seen.transpose(axes).reshape(n, -1)
        return cols
    return im2col


def by_places(x, kernel, stride=1, padding=0):
    p, (kh, kw) = padding, kernel
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    oh, ow = (padded.shape[1] - kh) // stride + 1, (padded.shape[2] - kw) // stride + 1
    pieces = [padded[:, i : i + stride * (oh - 1) + 1 : stride, j : j + stride * (ow - 1) + 1 : stride]
              for i in range(kh) for j in range(kw)]
    return np.concatenate(pieces, axis=3)


def by_view(x, kernel, stride=1, padding=0):
    p = padding
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    seen = np.lib.stride_tricks.sliding_window_view(padded, tuple(kernel), axis=(1, 2))[:, ::stride, ::stride]
    return seen.transpose(0, 1, 2, 4, 5, 3).reshape(*seen.shape[:3], -1)


def by_index(x, kernel, stride=1, padding=0):
    p, (kh, kw) = padding, kernel
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    oh, ow = (padded.shape[1] - kh) // stride + 1, (padded.shape[2] - kw) // stride + 1
    rows = stride * np.arange(oh)[:, None, None, None] + np.arange(kh)[:, None]
    columns = stride * np.arange(ow)[:, None, None] + np.arange(kw)
    return padded[:, rows, columns].reshape(len(x), oh, ow, -1)


def one_picture_at_a_time(x, kernel, stride=1, padding=0):
    return np.stack([patches()(image[None], kernel, stride, padding)[0] for image in x])


def stacked(x, kernel, stride=1, padding=0):
    p, (kh, kw) = padding, kernel
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    rows = range(0, padded.shape[1] - kh + 1, stride)
    columns = range(0, padded.shape[2] - kw + 1, stride)
    return np.array([[[image[i : i + kh, j : j + kw].ravel() for j in columns] for i in rows] for image in padded])


IM2COL = Answers(
    right=[patches(), by_places, by_view, by_index, one_picture_at_a_time, stacked],
    wrong=[wrong(patches("cpq"), "channels first"), wrong(patches("qpc"), "columns first"),
           wrong(patches(read=lambda seen: seen[:, ::-1, ::-1]), "flipped"),
           wrong(patches(step=lambda i, j, s: (i, j)), "stride ignored in windows"),
           wrong(lambda x, kernel, stride=1, padding=0: patches()(x, kernel, 1, padding), "stride ignored"),
           wrong(patches(pad=lambda x, p: x), "padding ignored"),
           wrong(patches(pad=lambda x, p: np.pad(x, ((0, 0), (0, 2 * p), (0, 2 * p), (0, 0)))), "padding after"),
           wrong(patches(pad=lambda x, p: np.pad(x, ((0, 0), (2 * p, 0), (2 * p, 0), (0, 0)))), "padding before"),
           wrong(patches(pad=lambda x, p: np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)), mode="edge")),
                 "border repeated"),
           wrong(patches(pad=lambda x, p: np.pad(x, p))),
           wrong(lambda x, kernel, stride=1, padding=0: patches()(x, kernel, stride, padding).reshape(len(x), -1)),
           wrong(lambda x, kernel, stride=1, padding=0: patches()(x, kernel[::-1], stride, padding)),
           wrong(patches(pad=lambda x, p: np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)), constant_values=1)))])

ANSWERS = {"06.output_size": OUTPUT_SIZE, "06.conv_forward": CONV_FORWARD, "06.im2col": IM2COL, "06.col2im": COL2IM,
           "06.conv_backward": CONV_BACKWARD, "06.backward_loops": BACKWARD_LOOPS, "06.layer": LAYER}
