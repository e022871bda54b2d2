"""Answers of learners to lesson 14's training loop, in which a bug is to be found, and to the thread of one pixel."""

import numpy as np

from tests.course.answers import Answers, wrong
from tinycnn.backend import array_module, device_of, to_device, to_numpy

# --- train ---


def stacked(w, x, t, steps, rate):
    xp, device, losses = array_module(w), device_of(w), []
    x, t = to_device(x, device), to_device(t, device)
    for _ in range(steps):
        difference = x @ w - t
        losses.append((difference * difference).mean())
        w = w - rate * 2 / t.size * x.T @ difference
    return w, to_numpy(xp.stack(losses))


def into_an_array(w, x, t, steps, rate):
    xp, device = array_module(w), device_of(w)
    there, truth, losses = to_device(x, device), to_device(t, device), xp.zeros(steps)
    for i in range(steps):
        d = there @ w - truth
        losses[i] = (d**2).mean()
        w = w - 2 * rate * (there.T @ d) / d.size
    return w, to_numpy(losses)


def by_asarray(w, x, t, steps, rate):
    xp = array_module(w)
    x, t, losses = xp.asarray(x), xp.asarray(t), []
    for _ in range(steps):
        d = x @ w - t
        losses += [xp.mean(d * d)]
        w = w - x.T @ d * (2 * rate / t.size)
    return w, to_numpy(xp.asarray(losses))


def in_place(w, x, t, steps, rate):
    xp, w = array_module(w), w.copy()
    x, t = (to_device(a, device_of(w)) for a in (x, t))
    losses = xp.empty(steps, w.dtype)
    for i in range(steps):
        d = x @ w
        d -= t
        losses[i] = (d * d).sum() / d.size
        w -= rate * (2 / d.size) * (x.T @ d)
    return w, to_numpy(losses)


def as_list(w, x, t, steps, rate):
    w, losses = stacked(w, x, t, steps, rate)
    return w, losses.tolist()


def up_in_one(w, x, t, steps, rate):
    """Both arrays go up as one."""
    both = to_device(np.concatenate([x, t], axis=1), device_of(w))
    x, t, losses = both[:, : x.shape[1]], both[:, x.shape[1] :], []
    for _ in range(steps):
        d = x @ w - t
        losses.append((d * d).mean())
        w = w - rate * 2 / t.size * x.T @ d
    return w, to_numpy(array_module(w).stack(losses))


def short_losses(w, x, t, steps, rate):
    xp, losses = array_module(w), array_module(w).zeros(steps, "float32")
    x, t = to_device(x, device_of(w)), to_device(t, device_of(w))
    for i in range(steps):
        d = x @ w - t
        losses[i] = xp.mean(d * d)
        w = w - rate * 2 / t.size * x.T @ d
    return w, losses.get() if hasattr(losses, "get") else losses


def loop(x_up=False, t_up=False, note=lambda loss: loss, end=lambda xp, losses: to_numpy(xp.stack(losses)),
         gradient=lambda x, d: 2 / d.size * x.T @ d, extra=lambda w: w, first=False):
    def train(w, x, t, steps, rate):
        xp, device, losses = array_module(w), device_of(w), []
        a, b = to_device(x, device), to_device(t, device)
        for _ in range(steps):
            a = to_device(x, device) if x_up else a
            b = to_device(t, device) if t_up else b
            d = a @ w - b
            if not first:
                losses.append(note((d * d).mean()))
            w = extra(w - rate * gradient(a, d))
            if first:
                losses.append(note(((a @ w - b) ** 2).mean()))
        return w, end(xp, losses)
    return train


def stays_up(w, x, t, steps, rate):
    w, losses = stacked(w, x, t, steps, rate)
    return w, to_device(losses, device_of(w))


def numpy_of_losses(w, x, t, steps, rate):
    return loop(end=lambda xp, losses: np.array(losses))(w, x, t, steps, rate)


def down_first(w, x, t, steps, rate):
    here, losses = to_numpy(w), []
    for _ in range(steps):
        d = x @ here - t
        losses.append((d * d).mean())
        here = here - rate * 2 / t.size * x.T @ d
    return to_device(here, device_of(w)), np.array(losses)


def host_arrays(w, x, t, steps, rate):
    losses = []
    for _ in range(steps):
        d = x @ w - t
        losses.append((d * d).mean())
        w = w - rate * 2 / t.size * x.T @ d
    return w, np.array(losses)


def breaks_if_nan(w, x, t, steps, rate):
    xp, device, losses = array_module(w), device_of(w), []
    x, t = to_device(x, device), to_device(t, device)
    for _ in range(steps):
        d = x @ w - t
        losses.append((d * d).mean())
        if xp.isnan(losses[-1]):
            break
        w = w - rate * 2 / t.size * x.T @ d
    return w, to_numpy(xp.stack(losses))


def prints(w, x, t, steps, rate):
    return loop(note=lambda loss: print(f"{loss:.3f}") or loss)(w, x, t, steps, rate)


def w_taken_down(w, x, t, steps, rate):
    w, losses = stacked(w, x, t, steps, rate)
    return to_numpy(w), losses


def w_as_a_list(w, x, t, steps, rate):
    w, losses = stacked(w, x, t, steps, rate)
    return to_numpy(w).tolist(), losses


def all_down_there(w, x, t, steps, rate):
    w, losses = down_first(w, x, t, steps, rate)
    return to_numpy(w), losses


def changes_w(w, x, t, steps, rate):
    x, t, losses = to_device(x, device_of(w)), to_device(t, device_of(w)), []
    for _ in range(steps):
        d = x @ w - t
        losses.append((d * d).mean())
        w -= rate * 2 / d.size * x.T @ d
    return w, to_numpy(array_module(w).stack(losses))


def handed_and_changes_w(w, x, t, steps, rate):
    losses = []
    for _ in range(steps):
        d = to_device(x, device_of(w)) @ w - to_device(t, device_of(w))
        losses.append(float((d * d).mean()))
        w -= rate * 2 / d.size * to_device(x, device_of(w)).T @ d
    return w, np.array(losses)


TRAIN = Answers(
    right=[stacked, into_an_array, by_asarray, in_place, as_list, up_in_one, short_losses],
    wrong=[
        wrong(loop(True, True, note=float, end=lambda xp, losses: np.array(losses)), "up and down"),
        wrong(loop(True, True), "uploads: x and t"), wrong(loop(x_up=True), "uploads: x"),
        wrong(loop(t_up=True), "uploads: t"),
        wrong(loop(note=float, end=lambda xp, losses: losses), "downloads: a loss"),
        wrong(loop(note=lambda loss: loss.item(), end=lambda xp, losses: np.array(losses)), "downloads: a loss"),
        wrong(loop(end=lambda xp, losses: [float(loss) for loss in losses]), "downloads: a loss"),
        wrong(loop(True, False, float, lambda xp, losses: losses), "uploads: x, downloads: a loss"),
        wrong(loop(extra=lambda w: to_device(to_numpy(w), device_of(w))), "downloads: w"), wrong(stays_up),
        wrong(numpy_of_losses), wrong(lambda *args: stacked(*args)[0]),
        wrong(w_taken_down, "w: on the host in the end"), wrong(w_as_a_list, "w: on the host in the end"),
        wrong(all_down_there, "on the host, w: on the host in the end"), wrong(changes_w), wrong(handed_and_changes_w),
        wrong(down_first, "on the host"), wrong(host_arrays), wrong(breaks_if_nan, "downloads: asked"),
        wrong(prints, "downloads: looked at"), wrong(loop(gradient=lambda x, d: x.T @ d), "w: not scaled"),
        wrong(loop(gradient=lambda x, d: -2 / d.size * x.T @ d), "w: uphill"),
        wrong(loop(first=True), "losses: after the step"),
        wrong(lambda w, x, t, steps, rate: (w, np.zeros(steps)), "on the host")])

# --- pixel ---


def two_loops(at, cols, stride, padding):
    n, row, column, c = at
    _, oh, ow, kh, kw, _ = cols.shape
    total = 0
    for p in range(kh):
        for q in range(kw):
            y, x = row + padding - p, column + padding - q
            if y >= 0 and x >= 0 and y % stride == 0 and x % stride == 0:
                i, j = y // stride, x // stride
                if i < oh and j < ow:
                    total += cols[n, i, j, p, q, c]
    return total


def over_windows(at, cols, stride, padding):
    """Every window is asked whether it holds the pixel."""
    n, row, column, c = at
    total = 0.0
    for i in range(cols.shape[1]):
        for j in range(cols.shape[2]):
            p, q = row + padding - i * stride, column + padding - j * stride
            if 0 <= p < cols.shape[3] and 0 <= q < cols.shape[4]:
                total += cols[n, i, j, p, q, c]
    return total


def with_divmod(at, cols, stride, padding):
    n, row, column, c = at
    total = cols.dtype.type(0)
    for p in range(min(cols.shape[3], row + padding + 1)):
        i, rest = divmod(row + padding - p, stride)
        if rest or i >= cols.shape[1]:
            continue
        for q in range(min(cols.shape[4], column + padding + 1)):
            j, rest = divmod(column + padding - q, stride)
            if not rest and j < cols.shape[2]:
                total += cols[n, i, j, p, q, c]
    return total


def by_everything(at, cols, stride, padding):
    n, row, column, c = at
    return sum(cols[n, i, j, p, q, c] for i, j, p, q in np.ndindex(cols.shape[1:5])
               if i * stride + p == row + padding and j * stride + q == column + padding)


def as_masks(at, cols, stride, padding):
    n, row, column, c = at
    _, oh, ow, kh, kw, _ = cols.shape
    rows = stride * np.arange(oh)[:, None] + np.arange(kh) == row + padding
    columns = stride * np.arange(ow)[:, None] + np.arange(kw) == column + padding
    return np.einsum("ijpq,ip,jq->", cols[n, ..., c], rows, columns)


def with_lists(at, cols, stride, padding):
    n, row, column, c = at
    rows = [(i, p) for i in range(cols.shape[1]) for p in range(cols.shape[3]) if i * stride + p - padding == row]
    columns = [(j, q) for j in range(cols.shape[2]) for q in range(cols.shape[4]) if j * stride + q - padding == column]
    return float(np.sum([cols[n, i, j, p, q, c] for i, p in rows for j, q in columns]))


def asking(hold=lambda i, p, at, s, pad: i * s + p == at + pad, add=lambda total, number: total + number,
           read=lambda cols, n, i, j, p, q, c: cols[n, i, j, p, q, c]):
    """All windows and places are asked, with one thing that can be other than it should be."""
    def pixel(at, cols, stride, padding):
        n, row, column, c = at
        total = 0.0
        for i, j, p, q in np.ndindex(cols.shape[1:5]):
            if hold(i, p, row, stride, padding) and hold(j, q, column, stride, padding):
                total = add(total, read(cols, n, i, j, p, q, c))
        return total
    return pixel


def unguarded(remainder=True, low=True, high=True):
    def pixel(at, cols, stride, padding):
        n, row, column, c = at
        _, oh, ow, kh, kw, _ = cols.shape
        total = 0.0
        for p in range(kh):
            for q in range(kw):
                y, x = row + padding - p, column + padding - q
                if low and (y < 0 or x < 0) or remainder and (y % stride or x % stride):
                    continue
                if high and (y // stride >= oh or x // stride >= ow):
                    continue
                total += cols[n, y // stride, x // stride, p, q, c]
        return total
    return pixel


def stops_early(at, cols, stride, padding):
    n, row, column, c = at
    for i, j, p, q in np.ndindex(cols.shape[1:5]):
        if i * stride + p == row + padding and j * stride + q == column + padding:
            return cols[n, i, j, p, q, c]
    return 0.0


def in_brackets(at, cols, stride, padding):
    return np.array([two_loops(at, cols, stride, padding)])


def forward_instead(at, cols, stride, padding):
    n, row, column, c = at
    return cols[n, row % cols.shape[1], column % cols.shape[2], 0, 0, c]


PIXEL = Answers(
    right=[two_loops, over_windows, with_divmod, by_everything, as_masks, with_lists],
    wrong=[
        wrong(asking(lambda i, p, at, s, pad: i * s + p == at), "padding ignored"),
        wrong(asking(lambda i, p, at, s, pad: i * s + p == at - pad), "padding subtracted"),
        wrong(asking(lambda i, p, at, s, pad: i + p == at + pad), "stride ignored"),
        wrong(unguarded(remainder=False), "between windows"), wrong(unguarded(high=False)),
        wrong(unguarded(low=False), "from the other end"), wrong(stops_early, "one window alone, upper left"),
        wrong(asking(add=lambda total, number: number), "one window alone, lower right"),
        wrong(asking(read=lambda cols, n, i, j, p, q, c: cols[n, i, j, p, q].sum()), "all channels"),
        wrong(asking(read=lambda cols, n, i, j, p, q, c: cols[n, i, j, p, q, 0]), "first channel"),
        wrong(asking(read=lambda cols, n, i, j, p, q, c: cols[0, i, j, p, q, c]), "first picture"),
        wrong(asking(read=lambda cols, n, i, j, p, q, c: cols[n, i, j, -1 - p, -1 - q, c]), "place turned around"),
        wrong(asking(read=lambda cols, n, i, j, p, q, c: cols[n, i, j, p, q])),
        wrong(asking(read=lambda cols, n, i, j, p, q, c: cols[n, i, j, q, p, c])),
        wrong(forward_instead), wrong(in_brackets), wrong(lambda at, cols, stride, padding: cols[at]),
        wrong(lambda at, cols, stride, padding: None), wrong(asking(add=max))])
