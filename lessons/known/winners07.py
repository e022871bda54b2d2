"""Exercises of lesson 07 about blame: the backward of max pooling, and a fast one with a mistake in it."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake


def padded_with(x, padding, fill):
    """(N, H, W, C) -> (N, H + 2p, W + 2p, C)"""
    return np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)), constant_values=fill)


def windows(x, kernel_size, stride=None, padding=0, fill=-np.inf):
    """(N, H, W, C) -> (N, OH, OW, C, K * K): the numbers of every window, row by row; `fill` around the picture."""
    k, stride = kernel_size, stride or kernel_size
    view = np.lib.stride_tricks.sliding_window_view(padded_with(x, padding, fill), (k, k), axis=(1, 2))
    view = view[:, ::stride, ::stride]
    return view.reshape(*view.shape[:4], k * k)


def _first(cells):
    return cells.argmax(axis=4)


def blamed(winner=_first, share=None, collect="add", fill=-np.inf, step=None, crop=None, order="rows"):
    """A backward of max pooling with some of its lines replaced.

    winner: function (cells (N, OH, OW, C, K * K)) -> places (N, OH, OW, C)
    share: function (cells) -> (N, OH, OW, C, K * K), how much of dy each place gets, in place of all for the winner
    collect: "add", "assign" (to the winner), "overwrite" (the whole window) or "average" (over the windows won)
    fill: of the border    step: of windows, in place of the stride    crop: first row and column, or "nothing"
    order: in which windows come: "rows", "columns"
    """
    def function(dy, x, kernel_size, stride=None, padding=0):
        k, stride = kernel_size, stride or kernel_size
        (n, h, w, c), (_, oh, ow, _) = x.shape, dy.shape
        cells = windows(x, k, stride, padding, fill)
        if share is None:
            parts = (np.arange(k * k) == winner(cells)[..., None]).astype(dy.dtype)
        else:
            parts = share(cells)
        dpadded = np.zeros((n, h + 2 * padding, w + 2 * padding, c), dy.dtype)
        wins = np.zeros_like(dpadded)
        places = [(i, j) for i in range(oh) for j in range(ow)]
        for i, j in places if order == "rows" else sorted(places, key=lambda place: place[::-1]):
            top, left = i * (step or stride), j * (step or stride)
            part = parts[:, i, j].reshape(n, c, k, k).transpose(0, 2, 3, 1)
            given = part * dy[:, i, j][:, None, None, :]
            window = np.s_[:, top : top + k, left : left + k]
            wins[window] += part > 0
            if collect == "assign":
                dpadded[window] = np.where(part > 0, given, dpadded[window])
            elif collect == "overwrite":
                dpadded[window] = given
            else:
                dpadded[window] += given
        if collect == "average":
            dpadded /= np.maximum(wins, 1)
        if crop == "nothing":
            return dpadded
        start = padding if crop is None else crop
        return dpadded[:, start : start + h, start : start + w]
    return function


max_pool_backward = blamed()


def _last(cells):
    return cells.shape[4] - 1 - cells[..., ::-1].argmax(axis=4)


def _down_the_columns(cells):
    k = int(cells.shape[4] ** 0.5)
    turned = cells.reshape(*cells.shape[:4], k, k).swapaxes(4, 5).reshape(cells.shape).argmax(axis=4)
    return turned % k * k + turned // k


def _of_channel_0(cells):
    return np.broadcast_to(cells[..., :1, :].argmax(axis=4), cells.shape[:4])


def _exchanged(cells):
    """Row and column of the winner mixed up."""
    k, place = int(cells.shape[4] ** 0.5), cells.argmax(axis=4)
    return place % k * k + place // k


def _tied(cells):
    return (cells == cells.max(axis=4, keepdims=True)).astype(float)


def _tied_share(cells):
    return _tied(cells) / _tied(cells).sum(axis=4, keepdims=True)


def _without_dy(dy, *rest):
    return max_pool_backward(np.ones_like(dy), *rest)


def _batch_mean(dy, *rest):
    return max_pool_backward(dy, *rest) / len(dy)


def _by_place(dy, x, kernel_size, stride=None, padding=0):
    """One place of all windows after the other, assigned: what is there already is lost, also to zeros."""
    k, stride = kernel_size, stride or kernel_size
    (n, h, w, c), (_, oh, ow, _) = x.shape, dy.shape
    winner = windows(x, k, stride, padding).argmax(axis=4)
    dpadded = np.zeros((n, h + 2 * padding, w + 2 * padding, c), dy.dtype)
    for place in range(k * k):
        p, q = divmod(place, k)
        dpadded[:, p : p + stride * oh : stride, q : q + stride * ow : stride] = dy * (winner == place)
    return dpadded[:, padding : padding + h, padding : padding + w]


def _cases(rng):
    """Whole numbers, so that many are equal, and most of them negative; windows side by side, overlapping, apart."""
    def case(x, kernel_size, stride=None, padding=0):
        x = rng.integers(-6, 2, x).astype(float)
        shape = windows(x, kernel_size, stride, padding).shape[:4]
        dy = rng.standard_normal(shape)
        return Case(dy, x, kernel_size) if stride is None else Case(dy, x, kernel_size, stride, padding)
    return [case((2, 6, 8, 3), 2), case((3, 7, 9, 2), 3, 2), case((2, 6, 7, 3), 3, 2, 1), case((2, 5, 6, 4), 3, 1, 1)]


ONCE = ("A pixel that wins several windows gets the blame of one of them, the last. It has made several outputs, and "
        "each of them sends its share.")
AVERAGED = "A pixel that wins several windows gets the mean of their blame. Every share counts in full."
BORDER = ("Some blame is lost at the border: a border of zeros wins against negative pixels, and what it is given is "
          "cut off. It must lose against every number.")
CROP = "The border is cut off on the wrong side: the blame sits too far to the lower right."
UNCUT = "The result has the size of the padded picture. The border is no part of x."
LAST = "Among equal numbers the last one gets the blame. Here the first one does, row by row."
TIED = ("Among equal numbers every one gets the whole blame, so more goes out than came in. Only one of them is the "
        "winner: which one?")
STRIDE = "The stride plays no part: windows are one pixel apart, wherever they really were."

MAX_POOL_BACKWARD = Exercise(
    title="the blame goes to the winner",
    solution=max_pool_backward,
    cases=_cases,
    returns=("dx",),
    mistakes={
        "assigned": Mistake(blamed(collect="assign"), ONCE),
        "assigned, columns first": Mistake(
            blamed(collect="assign", order="columns"),
            "A pixel that wins several windows gets the blame of one of them. It has made several outputs, and "
            "each of them sends its share."),
        "window overwritten": Mistake(
            blamed(collect="overwrite"),
            "Each window wipes out what earlier windows have put where they overlap, with zeros too. What sign "
            "grows a sum?"),
        "place overwritten": Mistake(
            _by_place,
            "Each place of the windows wipes out what other places have put on the same pixels, with zeros too. What "
            "sign grows a sum?"),
        "averaged": Mistake(blamed(collect="average"), AVERAGED),
        "all tied": Mistake(blamed(share=_tied), TIED),
        "tied share": Mistake(
            blamed(share=_tied_share),
            "Equal numbers share the blame. That is a rule too, and as good; but ours is that the first one, row by "
            "row, gets all of it."),
        "last of tied": Mistake(blamed(winner=_last), LAST),
        "first of the column": Mistake(
            blamed(winner=_down_the_columns),
            "Among equal numbers the first one down the columns gets the blame. Here it goes row by row."),
        "border of zeros": Mistake(blamed(fill=0), BORDER),
        "cropped on one side": Mistake(blamed(crop=0), CROP),
        "not cropped": Mistake(blamed(crop="nothing"), UNCUT),
        "stride ignored": Mistake(blamed(step=1), STRIDE),
        "whole window": Mistake(
            blamed(share=np.ones_like),
            "Everybody in a window gets the blame, winner or not. What would y do if a loser grew a little?"),
        "one winner for all channels": Mistake(
            blamed(winner=_of_channel_0),
            "All channels blame the place that won in channel 0. Each channel has its own winner."),
        "row and column exchanged": Mistake(
            blamed(winner=_exchanged), "Inside of the window, the winner's row and column are exchanged."),
        "dy forgotten": Mistake(
            _without_dy,
            "Every winner gets 1 for each window it wins. What came back is dy, and it is not always 1."),
        "batch mean": Mistake(
            _batch_mean, "It is divided by the batch size. The loss has done that already; a layer only passes on."),
    },
)

# --- the same, fast, and with a mistake in it ---


def fast_backward(dy, x, kernel_size, stride=None, padding=0):
    k, s, p = kernel_size, stride or kernel_size, padding
    winner = windows(x, k, s, p).argmax(axis=4)
    n, i, j, c = np.indices(dy.shape)
    dpadded = np.zeros(padded_with(x, p, 0).shape, dy.dtype)
    np.add.at(dpadded, (n, i * s + winner // k, j * s + winner % k, c), dy)
    return dpadded[:, p : p + x.shape[1], p : p + x.shape[2]]


def handed_out(dy, x, kernel_size, stride=None, padding=0):
    """What the learner finds: with an array of indices, += reads all, adds, and writes all."""
    k, s, p = kernel_size, stride or kernel_size, padding
    winner = windows(x, k, s, p).argmax(axis=4)
    n, i, j, c = np.indices(dy.shape)
    dpadded = np.zeros(padded_with(x, p, 0).shape, dy.dtype)
    dpadded[n, i * s + winner // k, j * s + winner % k, c] += dy
    return dpadded[:, p : p + x.shape[1], p : p + x.shape[2]]


MEND = Exercise(
    title="a fast backward, mended",
    solution=fast_backward,
    cases=_cases,
    returns=("dx",),
    keeps_dtype=True,
    stub=handed_out,
    stub_says="added once",
    mistakes={
        "added once": Mistake(
            handed_out,
            "The mistake is still there: a pixel that wins several windows gets the blame of one of them, the last. "
            "Windows side by side are right. What does NumPy do when an index comes twice?"),
        "averaged": Mistake(blamed(collect="average"), AVERAGED),
        "window overwritten": Mistake(
            blamed(collect="overwrite"), "Now each window wipes out what earlier windows have put, with zeros too."),
        "place overwritten": Mistake(
            _by_place, "Now each place of the windows wipes out what other places have put on the same pixels."),
        "border of zeros": Mistake(blamed(fill=0), BORDER),
        "last of tied": Mistake(blamed(winner=_last), LAST),
        "all tied": Mistake(blamed(share=_tied), TIED),
        "cropped on one side": Mistake(blamed(crop=0), CROP),
        "not cropped": Mistake(blamed(crop="nothing"), UNCUT),
        "stride ignored": Mistake(blamed(step=1), STRIDE),
        "row and column exchanged": Mistake(
            blamed(winner=_exchanged), "Inside of the window, the winner's row and column are exchanged."),
    },
)
