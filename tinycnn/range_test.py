"""The learning-rate range test (Smith 2015): which rate suits this model, this optimizer and these pictures?

A copy of the model is trained for a hundred steps or two, while the rate grows by the same factor from step to step. At
first nothing happens, then the loss falls, and at last it jumps up, since steps are too large. The rate to train with
lies where the loss has fallen by most of what it falls, and before it turns. Where it falls fastest is what others
suggest; with so few steps that is mostly noise, and differs by a factor of up to ten from seed to seed.
"""

import copy
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinycnn import optim
from tinycnn.anomaly import Blind
from tinycnn.errors import TrainingError
from tinycnn.fit_arguments import expect_numbers, expect_parts, how_shown
from tinycnn.losses import Loss
from tinycnn.memory import explain_out_of_memory
from tinycnn.plots.look import Figure
from tinycnn.progress import bar
from tinycnn.tasks import AnyDataset, AnySamples, Trainable, task_of
from tinycnn.text import count, figure_of, percent
from tinycnn.training import backward, forward, take_step

FEWEST = 20  # steps: fewer say nothing
WINDOW = 0.2  # share of the steps over which the loss is smoothed
BLOWN_UP = 4.0  # the test ends where the loss is so many times the smallest one
FALLEN = 0.05  # the loss has to fall by this share of where it began, or no rate is suggested
MUCH = 0.7  # the suggestion is where the loss has fallen by this share of all that it falls


@dataclass(frozen=True)
class RangeTest:
    """What `lr_find` found.

    rates: (n,) of the steps that were taken    losses: (n,) of their batches, before the step
    smoothed: (n,) the losses without their noise    suggestion: the rate to train with, or None
    reason: how the suggestion was chosen, or why there is none
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float | None
    reason: str

    def __str__(self) -> str:
        found = "no rate to suggest" if self.suggestion is None else f"suggested rate: {figure_of(self.suggestion)}"
        return f"{found}\n{self.reason}"

    def plot(self) -> Figure:
        """The loss against the rate, with the suggestion."""
        from tinycnn.plots.rates import range_figure

        return range_figure(self.rates, self.losses, self.smoothed, self.suggestion)

    def _repr_png_(self) -> bytes:
        drawn: Any = self.plot()
        return drawn._repr_png_()


def lr_find(model: Trainable, data: AnySamples | AnyDataset, *,
            optimizer: optim.Optimizer | None = None, loss: Loss | None = None, augment: Any = None, mix: Any = None,
            batch_size: int = 64, lowest: float = 1e-5, highest: float = 1.0, steps: int = 150,
            clip_norm: float | None = None, balance: bool = False, seed: int = 0, workers: int = 1,
            progress: bool = True) -> RangeTest:
    """Train a copy of `model` with a rate that grows from `lowest` to `highest`, and suggest one to train with.

    data: the training samples, or a data set, whose training part is taken; a small one is gone through several times
    optimizer, loss, augment, mix, batch_size, clip_norm, balance, seed: those that `fit` will be given, with the same
        defaults. The optimizer's own rate does not matter, and its state is copied too
    steps: at least 20; the test ends earlier where the loss has blown up

        found = tc.lr_find(model, data, optimizer=tc.optim.Adam(model))
        print(found)
        found.plot()
        tc.fit(model, data, optimizer=tc.optim.Adam(model, lr=found.suggestion))

    The model, the optimizer and the loss that are given stay as they are: weights, buffers, gradients and generators.
    """
    task = task_of(model, "lr_find")
    samples, _ = task.fitting(data, None)
    optimizer = optim.SGD(model, lr=0.01, momentum=0.9, weight_decay=5e-4) if optimizer is None else optimizer
    loss = task.usual_loss(mix) if loss is None else loss
    expect_numbers("lr_find", batch_size=(batch_size, 1), seed=(seed, 0), workers=(workers, 0), steps=(steps, FEWEST))
    expect_parts("lr_find", task, optimizer, loss, optim.constant(), augment, mix, clip_norm, None, None, None, None)
    shown = how_shown("lr_find", task, balance, mix)
    if not 0 < lowest < highest < math.inf:
        raise ValueError(f"lr_find: expected 0 < lowest < highest, got lowest={lowest}, highest={highest}")
    second, optimizer, loss = _copies(model, optimizer, loss)
    task = task_of(second)
    task.prepare(samples, augment, seed, loss)
    second.train()
    batches: Any = _endless(task, samples, batch_size, shuffle=True, augment=augment, seed=seed, workers=workers,
                            **shown)
    rates, losses = np.geomspace(lowest, highest, steps), list[float]()
    try:
        for rate, batch in bar(zip(rates, batches, strict=False), steps, "rates", progress, unit="step"):
            optimizer.lr = float(rate)
            losses.append(float(forward(task, batch, loss, Blind())[0]))
            if not math.isfinite(losses[-1]) or _blown_up(losses, steps):
                break
            backward(task, loss, Blind())
            take_step(task, optimizer, clip_norm, Blind())
    except MemoryError as error:
        raise TrainingError(explain_out_of_memory(error, batch_size)) from error
    finally:
        batches.close()
    if not math.isfinite(losses[-1]):
        losses.pop()
    if not losses:
        raise TrainingError("lr_find: the loss of the first batch is not a number. No weight has moved yet, so no rate "
                            "is to blame: look at the weights, at the boxes, and at the loss itself")
    return chosen(rates[: len(losses)], np.array(losses), steps)


def chosen(rates: np.ndarray, losses: np.ndarray, steps: int) -> RangeTest:
    """The RangeTest of losses (n,) at rates (n,), of a test that was to take `steps` steps."""
    smoothed = smooth(losses, steps)
    if len(losses) < FEWEST // 2:
        return RangeTest(rates, losses, smoothed, None, f"The loss blew up after {count(len(losses), 'step')}, "
                         f"at a rate of {figure_of(rates[-1])}: give a smaller lowest.")
    best, begun = int(smoothed.argmin()), float(smoothed[0])
    fallen = begun - float(smoothed[best])
    if fallen < FALLEN * abs(begun):
        more = "and never rose either: give a larger highest" if len(losses) == steps else \
            "before it rose: more steps may show more, or the model does not learn (tc.diagnose(model, data))"
        return RangeTest(rates, losses, smoothed, None, f"The loss never fell by {percent(FALLEN)} of what it "
                         f"was at first, {begun:.3g}, {more}.")
    k = int(np.flatnonzero(smoothed[: best + 1] > begun - MUCH * fallen).max()) + 1
    rise = "the largest rate that was tried: a larger highest may show more" if best >= len(losses) - 2 and \
        len(losses) == steps else "and rises then"
    reason = (f"There the smoothed loss has fallen by {percent(MUCH)} of all that it falls, from {begun:.3g} to "
              f"{smoothed[best]:.3g}. It is smallest at {figure_of(rates[best])}, {rise}. A test of so few steps is "
              "no finer than a factor of two or three: try those rates too.")
    return RangeTest(rates, losses, smoothed, float(f"{rates[k]:.2g}"), reason)


def smooth(losses: np.ndarray, steps: int) -> np.ndarray:
    """The mean of each loss (n,) and its neighbours on both sides, as far as there are any: it lags behind nothing."""
    side = max(1, round(WINDOW * steps / 2))
    return np.array([losses[max(0, i - side) : i + side + 1].mean() for i in range(len(losses))])


def _blown_up(losses, steps):
    """Whether the mean of the last few losses is far above the smallest such mean before."""
    last = max(2, round(WINDOW * steps / 4))
    if len(losses) < 2 * last:
        return False
    means = np.convolve(losses, np.ones(last) / last, "valid")
    return means[-1] > BLOWN_UP * means.min()


def _copies(model, optimizer, loss):
    """Copies of the three that know each other as the originals do, without the gradients, which are of the past."""
    memo = {id(parameter.grad): None for parameter in model.parameters().values() if parameter.grad is not None}
    return copy.deepcopy((model, optimizer, loss), memo)


def _endless(task: Any, samples: Any, batch_size: int, **how: Any) -> Iterator[Any]:
    """The batches of one epoch after another."""
    for epoch in itertools.count():
        yield from task.batches(samples, batch_size, epoch=epoch, **how)
