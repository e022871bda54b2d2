"""Exercises of lesson 06, second half: patches added back onto the picture, and the three gradients."""

from dataclasses import replace

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from tinycnn import patches
from tinycnn.patches import output_size

OVERLAP = ("Where windows overlap, a pixel keeps only the last window's gradient. It has helped to make several "
           "outputs, and each of them sends its share.")
BY_PLACE = ("A pixel keeps only what the last place in the window has to say. It lies at several places of several "
            "windows, and each of them sends its share. Is it = where the sum grows?")
CROP = ("The border of the padded picture is cut off on the wrong side: the gradient sits too far to the lower right. "
        "The picture lies in the middle of its border.")
UNCUT = "The result has the size of the padded picture. The border is no part of x."
STRIDE = "The stride plays no part: neighboring windows are added one pixel apart, wherever they really were."


def col2im(cols, x_shape, kernel, stride=1, padding=0):
    return patches.col2im(cols, tuple(x_shape), tuple(kernel), (stride, stride), (padding, padding))


def im2col(x, kernel, stride, padding):
    return patches.im2col(x, tuple(kernel), (stride, stride), (padding, padding))


def _scatter(cols, x_shape, kernel, stride, padding, assign=False, step=None, order=(0, 1, 2, 3, 4, 5)):
    """The padded picture (N, H + 2p, W + 2p, C) that collects all patches, in one of several ways."""
    (kh, kw), (n, h, w, c), (_, oh, ow, _) = kernel, x_shape, cols.shape
    shape = np.array([n, oh, ow, kh, kw, c])[list(order)]
    cols = cols.reshape(shape).transpose(np.argsort(order))
    padded, step = np.zeros((n, h + 2 * padding, w + 2 * padding, c), cols.dtype), step or stride
    for i in range(oh):
        for j in range(ow):
            window = padded[:, i * step : i * step + kh, j * step : j * step + kw]
            window[...] = cols[:, i, j] if assign else window + cols[:, i, j]
    return padded


def _crop(padded, x_shape, before):
    _, h, w, _ = x_shape
    return padded[:, before : before + h, before : before + w]


def _assigned(cols, x_shape, kernel, stride=1, padding=0):
    return _crop(_scatter(cols, x_shape, kernel, stride, padding, assign=True), x_shape, padding)


def _assigned_by_place(cols, x_shape, kernel, stride=1, padding=0):
    """The loops run over places in the window, so the last place wins, not the last window."""
    (kh, kw), (n, h, w, c), (_, oh, ow, _) = kernel, x_shape, cols.shape
    cols = cols.reshape(n, oh, ow, kh, kw, c)
    padded = np.zeros((n, h + 2 * padding, w + 2 * padding, c), cols.dtype)
    for i in range(kh):
        for j in range(kw):
            padded[:, i : i + stride * oh : stride, j : j + stride * ow : stride] = cols[:, :, :, i, j]
    return _crop(padded, x_shape, padding)


def _cropped_wrongly(cols, x_shape, kernel, stride=1, padding=0):
    return _crop(_scatter(cols, x_shape, kernel, stride, padding), x_shape, 0)


def _uncut(cols, x_shape, kernel, stride=1, padding=0):
    return _scatter(cols, x_shape, kernel, stride, padding)


def _without_stride(cols, x_shape, kernel, stride=1, padding=0):
    return _crop(_scatter(cols, x_shape, kernel, stride, padding, step=1), x_shape, padding)


def _averaged(cols, x_shape, kernel, stride=1, padding=0):
    counts = _scatter(np.ones_like(cols), x_shape, kernel, stride, padding)
    return _crop(_scatter(cols, x_shape, kernel, stride, padding) / np.maximum(counts, 1), x_shape, padding)


def _flipped(cols, x_shape, kernel, stride=1, padding=0):
    cols = cols.reshape(*cols.shape[:3], *kernel, -1)[:, :, :, ::-1, ::-1].reshape(cols.shape)
    return col2im(cols, x_shape, kernel, stride, padding)


def _channels_first(cols, x_shape, kernel, stride=1, padding=0):
    return _crop(_scatter(cols, x_shape, kernel, stride, padding, order=(0, 1, 2, 5, 3, 4)), x_shape, padding)


def _col2im_cases(rng):
    def case(x_shape, kernel, stride, padding):
        size = [output_size(x_shape[1 + i], kernel[i], stride, padding) for i in (0, 1)]
        cols = rng.standard_normal((x_shape[0], *size, kernel[0] * kernel[1] * x_shape[3]))
        return Case(cols, x_shape, kernel, stride, padding)
    return [case((2, 5, 6, 3), (3, 2), 1, 0), case((2, 7, 8, 2), (3, 3), 2, 0), case((3, 4, 5, 2), (2, 3), 1, 1),
            case((2, 6, 7, 2), (3, 3), 2, 1)]


COL2IM = Exercise(
    title="patches added back onto the picture",
    solution=col2im,
    cases=_col2im_cases,
    returns=("x",),
    keeps_dtype=True,
    mistakes={
        "assigned": Mistake(_assigned, OVERLAP),
        "assigned by place": Mistake(_assigned_by_place, BY_PLACE),
        "averaged": Mistake(
            _averaged, "Where windows overlap, the mean is taken. Every window's share counts in full: add them."),
        "cropped on one side": Mistake(_cropped_wrongly, CROP),
        "not cropped": Mistake(_uncut, UNCUT),
        "stride ignored": Mistake(_without_stride, STRIDE),
        "flipped": Mistake(_flipped, "Every patch is put down turned by 180 degrees. It goes back as it was taken."),
        "channels first": Mistake(
            _channels_first,
            "A patch is read channel by channel. im2col wrote it row by row with the channel running fastest."),
    },
)

# --- conv_backward ---


def dx_of(dy, x, w, stride, padding, scatter=col2im):
    return scatter(dy @ w.reshape(-1, w.shape[3]).T, x.shape, w.shape[:2], stride, padding)


def dw_of(dy, x, w, stride, padding):
    cols = im2col(x, w.shape[:2], stride, padding)
    return (cols.reshape(-1, cols.shape[3]).T @ dy.reshape(-1, dy.shape[3])).reshape(w.shape)


def db_of(dy, x, w, stride, padding):
    return dy.sum(axis=(0, 1, 2))


def conv_backward(dy, x, w, stride=1, padding=0):
    arguments = dy, x, w, stride, padding
    return dx_of(*arguments), dw_of(*arguments), db_of(*arguments)


def _with(dx=dx_of, dw=dw_of, db=db_of):
    """A backward with one wrong piece."""
    def function(dy, x, w, stride=1, padding=0):
        arguments = dy, x, w, stride, padding
        return dx(*arguments), dw(*arguments), db(*arguments)
    return function


def _dx_by(scatter):
    return lambda dy, x, w, stride, padding: dx_of(dy, x, w, stride, padding, scatter)


def _dw_channels_first(dy, x, w, stride, padding):
    """Rows in the order (C, KH, KW), read as if they were in the order (KH, KW, C)."""
    return np.ascontiguousarray(dw_of(dy, x, w, stride, padding).transpose(2, 0, 1, 3)).reshape(w.shape)


def _dw_without_stride(dy, x, w, stride, padding):
    oh, ow = dy.shape[1:3]
    cols = im2col(x, w.shape[:2], 1, padding)[:, :oh, :ow]
    return (cols.reshape(-1, cols.shape[3]).T @ dy.reshape(-1, dy.shape[3])).reshape(w.shape)


def _last(dy):
    """Only the last image's gradients are left."""
    kept = np.zeros_like(dy)
    kept[-1] = dy[-1]
    return kept


def _last_position(dy):
    kept = np.zeros_like(dy)
    kept[-1, -1, -1] = dy[-1, -1, -1]
    return kept


def _backward_cases(rng):
    def case(x, w, stride, padding):
        oh, ow = (output_size(x[1 + i], w[i], stride, padding) for i in (0, 1))
        dy = rng.standard_normal((x[0], oh, ow, w[3]))
        return Case(dy, rng.standard_normal(x), rng.standard_normal(w), stride, padding)
    return [case((2, 5, 6, 3), (3, 2, 3, 4), 1, 0), case((2, 6, 7, 2), (3, 3, 2, 3), 2, 0),
            case((2, 5, 4, 2), (2, 3, 2, 3), 1, 1), case((3, 7, 8, 2), (3, 3, 2, 2), 2, 1)]


def _mean_over(count):
    """dw divided by a number of the batch. count: function (dy) -> number."""
    return lambda dy, x, w, stride, padding: dw_of(dy, x, w, stride, padding) / count(dy)


CONV_BACKWARD = Exercise(
    title="the three gradients of a convolution",
    solution=conv_backward,
    cases=_backward_cases,
    returns=("dx", "dw", "db"),
    keeps_dtype=True,
    mistakes={
        "dx: assigned": Mistake(_with(dx=_dx_by(_assigned)), OVERLAP),
        "dx: assigned by place": Mistake(_with(dx=_dx_by(_assigned_by_place)), BY_PLACE),
        "dx: cropped on one side": Mistake(_with(dx=_dx_by(_cropped_wrongly)), CROP),
        "dx: not cropped": Mistake(_with(dx=_dx_by(_uncut)), UNCUT),
        "dx: stride ignored": Mistake(_with(dx=_dx_by(_without_stride)), STRIDE),
        "dx: kernel flipped": Mistake(
            _with(dx=lambda dy, x, w, stride, padding: dx_of(dy, x, w[::-1, ::-1], stride, padding)),
            "The kernel is turned by 180 degrees, and then the patches are added back as they were taken: one turn too "
            "many. Which number of w stood between this pixel and that output?"),
        "dw: batch mean": Mistake(
            _with(dw=_mean_over(len)),
            "It is divided by the batch size. The loss has done that already, so dy is small; a layer only adds up."),
        "dw: mean over positions": Mistake(
            _with(dw=_mean_over(lambda dy: dy[..., 0].size)),
            "The mean over all positions is taken. w was used at every position, and every use adds its share."),
        "dw: last image only": Mistake(
            _with(dw=lambda dy, *rest: dw_of(_last(dy), *rest)),
            "Only the last image of the batch counts. In a loop over images, is it = where the sum grows?"),
        "dw: last position only": Mistake(
            _with(dw=lambda dy, *rest: dw_of(_last_position(dy), *rest)),
            "Only the last window counts. In a loop over positions, is it = where the sum grows?"),
        "dw: flipped": Mistake(
            _with(dw=lambda *arguments: dw_of(*arguments)[::-1, ::-1]),
            "It is turned by 180 degrees. The gradient of a weight lies where the weight lies."),
        "dw: channels first": Mistake(
            _with(dw=_dw_channels_first),
            "The numbers are right but in the wrong places: the rows run channel by channel, and w has the channel "
            "last. reshape does not move numbers; transpose does."),
        "dw: stride ignored": Mistake(
            _with(dw=_dw_without_stride),
            "The patches were taken one pixel apart. Use the same patches as forward, stride and padding included."),
        "db: not summed over positions": Mistake(
            _with(db=lambda dy, *rest: dy.sum(axis=0)),
            "It is summed over the batch only. One b serves all positions of the picture, so it collects from all."),
        "db: not summed over the batch": Mistake(
            _with(db=lambda dy, *rest: dy.sum(axis=(1, 2))),
            "There is one gradient for each image. One b serves all images, so it collects from all."),
        "db: mean": Mistake(
            _with(db=lambda dy, *rest: dy.mean(axis=(0, 1, 2))),
            "The mean is taken instead of the sum. b was added at every position, and every use adds its share."),
        "db: batch mean": Mistake(
            _with(db=lambda dy, *rest: dy.sum(axis=(0, 1, 2)) / len(dy)),
            "It is divided by the batch size. The loss does that; a layer only adds up."),
        "db: dy ignored": Mistake(
            _with(db=lambda dy, *rest: np.full(dy.shape[3], dy[..., 0].size, dy.dtype)),
            "It counts positions and forgets dy. By the chain rule every share is multiplied by the dy of its output. "
            "With a dy of all ones nobody would notice."),
        "db: one number": Mistake(
            _with(db=lambda dy, *rest: dy.sum()),
            "All filters are added up into one number. Every filter has its own b."),
    },
)

BACKWARD_LOOPS = replace(
    CONV_BACKWARD, title="a backward in loops, with a bug", stub=_with(dx=_dx_by(_cropped_wrongly)),
    stub_says="dx: cropped on one side")

BACKWARD = {"col2im": COL2IM, "conv_backward": CONV_BACKWARD, "backward_loops": BACKWARD_LOOPS}
