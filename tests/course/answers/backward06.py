"""Answers of learners to the exercises of lesson 06, second half: the way back."""

import numpy as np

from tests.course.answers import Answers, wrong

# --- col2im ---


def adding(windows=True, add=True, crop=None, step=None, read=lambda patch: patch):
    """Patches put back in loops over windows, or over places in the window, with a line that can be replaced."""
    def col2im(cols, x_shape, kernel, stride=1, padding=0):
        (n, high, wide, c), (kh, kw), p, s = x_shape, kernel, padding, step or stride
        oh, ow = cols.shape[1:3]
        patches = read(cols.reshape(n, oh, ow, kh, kw, c))
        padded = np.zeros((n, high + 2 * p, wide + 2 * p, c), cols.dtype)
        for i, j in np.ndindex(*((oh, ow) if windows else (kh, kw))):
            if windows:
                place, piece = np.s_[:, i * s : i * s + kh, j * s : j * s + kw], patches[:, i, j]
            else:
                place, piece = np.s_[:, i : i + s * oh : s, j : j + s * ow : s], patches[:, :, :, i, j]
            padded[place] = padded[place] + piece if add else piece
        return crop(padded, high, wide, p) if crop else padded[:, p : p + high, p : p + wide]
    return col2im


def one_number_at_a_time(cols, x_shape, kernel, stride=1, padding=0):
    (_, high, wide, c), (kh, kw) = x_shape, kernel
    x = np.zeros(x_shape, cols.dtype)
    for m, i, j in np.ndindex(cols.shape[:3]):
        patch = cols[m, i, j].reshape(kh, kw, c)
        for p, q in np.ndindex(kh, kw):
            row, column = i * stride + p - padding, j * stride + q - padding
            if 0 <= row < high and 0 <= column < wide:
                x[m, row, column] += patch[p, q]
    return x


def by_add_at(cols, x_shape, kernel, stride=1, padding=0):
    (n, high, wide, c), (kh, kw), p = x_shape, kernel, padding
    oh, ow = cols.shape[1:3]
    padded = np.zeros((n, high + 2 * p, wide + 2 * p, c), cols.dtype)
    rows = stride * np.arange(oh)[:, None, None, None] + np.arange(kh)[:, None]
    columns = stride * np.arange(ow)[:, None, None] + np.arange(kw)
    np.add.at(padded, (slice(None), rows, columns), cols.reshape(n, oh, ow, kh, kw, c))
    return padded[:, p : high + p, p : wide + p]


def from_the_end(cols, x_shape, kernel, stride=1, padding=0):
    return adding(crop=lambda padded, h, w, p: padded[:, p : padded.shape[1] - p, p : padded.shape[2] - p])(
        cols, x_shape, kernel, stride, padding)


def per_picture(cols, x_shape, kernel, stride=1, padding=0):
    return np.concatenate([adding()(one[None], (1, *x_shape[1:]), kernel, stride, padding) for one in cols])


COL2IM = Answers(
    right=[adding(), adding(windows=False), one_number_at_a_time, by_add_at, from_the_end, per_picture],
    wrong=[wrong(adding(add=False), "assigned"), wrong(adding(windows=False, add=False), "assigned by place"),
           wrong(adding(crop=lambda padded, h, w, p: padded), "not cropped"),
           wrong(adding(crop=lambda padded, h, w, p: padded[:, :h, :w]), "cropped on one side"),
           wrong(adding(step=1), "stride ignored"),
           wrong(adding(crop=lambda padded, h, w, p: padded[:, p:-p, p:-p])),
           wrong(adding(crop=lambda padded, h, w, p: padded[:, 2 * p :, 2 * p :])),
           wrong(adding(read=lambda patch: patch[:, :, :, ::-1, ::-1]), "flipped"),
           wrong(adding(read=lambda patch: patch.swapaxes(3, 4))), wrong(adding(read=lambda patch: patch[:, ::-1])),
           wrong(lambda cols, x_shape, kernel, stride=1, padding=0: cols.reshape(x_shape)),
           wrong(lambda cols, x_shape, kernel, stride=1, padding=0: adding()(cols, x_shape, kernel, stride, 0)),
           wrong(lambda cols, x_shape, kernel, stride=1, padding=0: adding()(cols.astype(float), x_shape, kernel,
                                                                             stride, padding))])

# --- conv_backward ---


def patches(x, kernel, stride, padding):
    p, (kh, kw) = padding, kernel
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    seen = np.lib.stride_tricks.sliding_window_view(padded, (kh, kw), axis=(1, 2))[:, ::stride, ::stride]
    return seen.transpose(0, 1, 2, 4, 5, 3)  # (N, OH, OW, KH, KW, C)


def by_einsum(dy, x, w, stride=1, padding=0):
    cols = patches(x, w.shape[:2], stride, padding)
    dcols = np.einsum("nijf,pqcf->nijpqc", dy, w)
    dx = adding()(dcols.reshape(*dy.shape[:3], -1), x.shape, w.shape[:2], stride, padding)
    return dx, np.einsum("nijpqc,nijf->pqcf", cols, dy), np.einsum("nijf->f", dy)


def by_loops(dy, x, w, stride=1, padding=0, add=True, crop=True, flip=False, mean=False):
    p, (kh, kw) = padding, w.shape[:2]
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    dpadded, dw, db = np.zeros_like(padded), np.zeros_like(w), np.zeros_like(w[0, 0, 0])
    for n, i, j, f in np.ndindex(dy.shape):
        window = np.s_[n, i * stride : i * stride + kh, j * stride : j * stride + kw]
        share = dy[n, i, j, f] * (w[::-1, ::-1, :, f] if flip else w[..., f])
        dpadded[window] = dpadded[window] + share if add else share
        dw[..., f] += dy[n, i, j, f] * padded[window]
        db[f] += dy[n, i, j, f]
    _, high, wide, _ = x.shape
    if mean:
        dw, db = dw / len(x), db / len(x)
    return dpadded[:, p : p + high, p : p + wide] if crop else dpadded[:, :high, :wide], dw, db


def by_products(dy, x, w, stride=1, padding=0):
    k, f = w[..., 0].size, w.shape[3]
    cols = patches(x, w.shape[:2], stride, padding).reshape(-1, k)
    rows = dy.reshape(-1, f)
    dcols = (rows @ w.reshape(k, f).T).reshape(*dy.shape[:3], k)
    dx = adding(windows=False)(dcols, x.shape, w.shape[:2], stride, padding)
    return [dx, (rows.T @ cols).T.reshape(w.shape), rows.sum(0)]


def by_tensordot(dy, x, w, stride=1, padding=0):
    cols = patches(x, w.shape[:2], stride, padding)
    dcols = np.tensordot(dy, w, axes=([3], [3])).reshape(*dy.shape[:3], -1)
    dw = np.tensordot(cols, dy, axes=([0, 1, 2], [0, 1, 2]))
    return by_adding(dcols, x, w, stride, padding), dw, dy.sum(axis=0).sum(axis=0).sum(axis=0)


def by_adding(dcols, x, w, stride, padding):
    return by_add_at(dcols, x.shape, w.shape[:2], stride, padding)


def picture_by_picture(dy, x, w, stride=1, padding=0):
    parts = [by_einsum(dy[n : n + 1], x[n : n + 1], w, stride, padding) for n in range(len(x))]
    return np.concatenate([part[0] for part in parts]), sum(part[1] for part in parts), sum(part[2] for part in parts)


def six_loops(dy, x, w, stride=1, padding=0):
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), dy.sum(axis=(0, 1, 2))
    _, high, wide, _ = x.shape
    for i, j in np.ndindex(dy.shape[1:3]):
        for p, q in np.ndindex(w.shape[:2]):
            row, column = i * stride + p - padding, j * stride + q - padding
            if 0 <= row < high and 0 <= column < wide:
                dx[:, row, column] += dy[:, i, j] @ w[p, q].T
                dw[p, q] += x[:, row, column].T @ dy[:, i, j]
    return dx, dw, db


def with_part(dx=None, dw=None, db=None):
    """Right but for one part."""
    def conv_backward(dy, x, w, stride=1, padding=0):
        right = by_einsum(dy, x, w, stride, padding)
        parts = zip(right, (dx, dw, db), strict=True)
        return tuple(part if change is None else change(dy, x, w, stride, padding) for part, change in parts)
    return conv_backward


def dx_padded(dy, x, w, stride, padding):
    dcols = np.einsum("nijf,pqcf->nijpqc", dy, w).reshape(*dy.shape[:3], -1)
    return adding(crop=lambda padded, h, w, p: padded)(dcols, x.shape, w.shape[:2], stride, padding)


def dx_by_places(dy, x, w, stride, padding):
    dcols = np.einsum("nijf,pqcf->nijpqc", dy, w).reshape(*dy.shape[:3], -1)
    return adding(windows=False, add=False)(dcols, x.shape, w.shape[:2], stride, padding)


def dx_one_by_one(dy, x, w, stride, padding):
    dcols = np.einsum("nijf,pqcf->nijpqc", dy, w).reshape(*dy.shape[:3], -1)
    return adding(step=1)(dcols, x.shape, w.shape[:2], stride, padding)


def dw_flipped(dy, x, w, stride, padding):
    return by_einsum(dy, x, w, stride, padding)[1][::-1, ::-1]


def wrongly(**changes):
    return lambda dy, x, w, stride=1, padding=0: by_loops(dy, x, w, stride, padding, **changes)


WRONG = [
    wrong(wrongly(add=False)), wrong(wrongly(flip=True), "dx: kernel flipped"),
    wrong(wrongly(crop=False), "dx: cropped on one side"), wrong(wrongly(mean=True), "dw: batch mean, db: batch mean"),
    wrong(with_part(dx=dx_padded), "dx: not cropped"), wrong(with_part(dx=dx_by_places), "dx: assigned by place"),
    wrong(with_part(dx=dx_one_by_one), "dx: stride ignored"), wrong(with_part(dw=dw_flipped), "dw: flipped"),
    wrong(with_part(db=lambda dy, *rest: dy.mean(axis=(0, 1, 2))), "db: mean"),
    wrong(with_part(db=lambda dy, *rest: dy.sum(axis=0)), "db: not summed over positions"),
    wrong(with_part(db=lambda dy, *rest: dy.sum()), "db: one number"),
    wrong(with_part(dw=lambda dy, x, w, s, p: -by_einsum(dy, x, w, s, p)[1])),
    wrong(with_part(dw=lambda dy, x, w, s, p: by_einsum(dy, x, w, s, p)[1] / len(x)), "dw: batch mean"),
    wrong(with_part(dw=lambda dy, x, w, s, p: by_einsum(dy, x, w, s, p)[1] / dy[..., 0].size),
          "dw: mean over positions"),
    wrong(lambda dy, x, w, stride=1, padding=0: by_einsum(dy, x, w, stride, padding)[::-1]),
    wrong(lambda dy, x, w, stride=1, padding=0: by_einsum(np.ones_like(dy), x, w, stride, padding), "db: dy ignored"),
    wrong(lambda dy, x, w, stride=1, padding=0: by_einsum(dy, x, w, stride, padding)[:2])]

RIGHT = [by_einsum, by_loops, by_products, by_tensordot, picture_by_picture, six_loops]
CONV_BACKWARD = BACKWARD_LOOPS = Answers(right=RIGHT, wrong=WRONG)
