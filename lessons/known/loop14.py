"""The exercise of lesson 14 in which a bug is to be found: a training loop that is right, and waits in every step."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from tinycnn.backend import array_module, device_of, to_device, to_numpy


def handed(w, x, t, steps, rate):
    """What the learner gets: word for word the code in the lesson."""
    losses = []
    for _ in range(steps):
        x_there, t_there = to_device(x, device_of(w)), to_device(t, device_of(w))
        difference = x_there @ w - t_there
        loss = (difference * difference).mean()
        losses.append(float(loss))
        w = w - rate * 2 / t.size * x_there.T @ difference
    return w, np.array(losses)


def train(w, x, t, steps, rate):
    return _loop()(w, x, t, steps, rate)


def _loop(again=(), note=lambda loss: loss, collect=lambda losses: to_numpy(array_module(*losses).stack(losses)),
          factor=lambda t: 2 / t.size, late=False, turned=1, after=lambda w: w):
    """A loop, right unless told otherwise. again: which of x (0) and t (1) are uploaded in every step"""
    def function(w, x, t, steps, rate):
        there, losses = [to_device(a, device_of(w)) for a in (x, t)], []
        for _ in range(steps):
            for k in again:
                there[k] = to_device((x, t)[k], device_of(w))
            difference = there[0] @ w - there[1]
            loss = (difference * difference).mean()
            w = after(w - turned * rate * factor(t) * there[0].T @ difference)
            if late:
                loss = ((there[0] @ w - there[1]) ** 2).mean()
            losses.append(note(loss))
        return w, collect(losses)
    return function


def _on_the_host(w, x, t, steps, rate):
    found, losses = train(to_numpy(w), x, t, steps, rate)
    return to_device(found, device_of(w)), losses


def _to_the_host(w, x, t, steps, rate):
    found, losses = train(w, x, t, steps, rate)
    return to_numpy(found), losses


def _over_the_host(w):
    return to_device(to_numpy(w), device_of(w))


def _sums(w, x, t, steps, rate):
    found, losses = train(w, x, t, steps, rate)
    return found, losses * t.size


def _cases(rng):
    return [Case(rng.standard_normal((d, f)), rng.standard_normal((n, d)), rng.standard_normal((n, f)), steps, rate)
            for n, d, f, steps, rate in ((6, 3, 2, 4, 0.1), (5, 2, 4, 3, 0.2), (9, 4, 3, 6, 0.05))]


MOVES = "uploads, bytes, downloads, bytes and launches of each step"

TRAIN = Exercise(
    title="a training loop that does not wait",
    solution=train,
    takes=("w", "x", "t", "steps", "rate"),
    lists=True,
    cases=_cases,
    returns=("w", "losses", "does w lie where it lay?", MOVES),
    stub=handed,
    stub_says="up and down",
    unknown=lambda w, x, t, steps, rate: train(1.01 * w, x, t, steps, rate),
    mistakes={
        "up and down": Mistake(
            handed,
            "The numbers are right. But in each step two arrays go up that have not changed since the last, and one "
            "number comes down, for which the host waits. Which line does what?"),
        "uploads: x and t": Mistake(
            _loop(again=(0, 1)),
            "In each step two arrays are uploaded that have not changed since the last. Where could they go up once?"),
        "uploads: x": Mistake(
            _loop(again=(0,)), "x is still uploaded in each step, though it has not changed since the last."),
        "uploads: t": Mistake(
            _loop(again=(1,)), "t is still uploaded in each step, though it has not changed since the last."),
        "uploads: x, downloads: a loss": Mistake(
            _loop(again=(0,), note=float, collect=np.array),
            "In each step x goes up, which has not changed since the last, and one number comes down, for which the "
            "host waits."),
        "uploads: t, downloads: a loss": Mistake(
            _loop(again=(1,), note=float, collect=np.array),
            "In each step t goes up, which has not changed since the last, and one number comes down, for which the "
            "host waits."),
        "downloads: looked at": Mistake(
            _loop(note=lambda loss: loss if loss.item() > -1 else None),
            "In each step the loss comes down to be looked at, and the host waits: by if, print, max or float. The "
            "one array at the end is fine."),
        "downloads: asked": Mistake(
            _loop(note=lambda loss: None if bool(loss > np.inf) else loss),
            "In each step an if asks the device something, and the host waits for the one byte of the answer."),
        "downloads: a loss": Mistake(
            _loop(note=float, collect=np.array),
            "In each step one number comes down by itself, and the host waits for it. Nobody looks at it before the "
            "end. Can all of them come down together?"),
        "downloads: w": Mistake(
            _loop(after=_over_the_host),
            "w comes down in each step. It is needed where it is."),
        "downloads: a loss and w": Mistake(
            _loop(note=float, collect=np.array, after=_over_the_host),
            "In each step two arrays come down, the loss and w. Neither is needed on the host before the end."),
        "on the host": Mistake(
            _on_the_host,
            "Nothing is launched in the steps, so nothing is computed on the device. w says where to compute."),
        "w: on the host in the end": Mistake(
            _to_the_host,
            "In the end w lies on the host. It was given on the device, and whoever goes on with it goes on there: "
            "only the losses come down."),
        "w: not scaled": Mistake(
            _loop(factor=lambda t: 1),
            "The gradient of a mean of squares has a factor, 2 / t.size. It has been lost."),
        "w: factor of 2": Mistake(
            _loop(factor=lambda t: 1 / t.size), "The 2 of the derivative of a square has been lost."),
        "w: mean over rows": Mistake(
            _loop(factor=lambda t: 2 / len(t)),
            "The gradient is divided by N. The loss is a mean over all N * F numbers."),
        "w: uphill": Mistake(
            _loop(turned=-1), "w goes along the gradient, uphill. It was w minus rate times gradient."),
        "losses: after the step": Mistake(
            _loop(late=True), "The losses are those after each step. They were those before it."),
        "losses: not the mean": Mistake(_sums, "The losses are sums. They were means, over all numbers of t."),
    },
)
