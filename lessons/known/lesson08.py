"""Exercises of lesson 08: a step with momentum and decay, how large weights begin, rates over the steps, and more."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.loops08 import BATCHES, LOOP
from lessons.known.sgd08 import SGD, sgd_step

# --- sgd_step: one array, one step ---


def _step_with(change):
    """A wrong step. change: function (w, dw, v, lr, momentum, weight_decay) -> w, v"""
    def step(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
        return change(w, dw, v, lr, momentum, weight_decay)
    return step


def _turned(w, dw, v, lr, momentum, weight_decay):
    v = momentum * v + dw + weight_decay * w
    return w + lr * v, v


def _rate_in_velocity(w, dw, v, lr, momentum, weight_decay):
    v = momentum * v + lr * (dw + weight_decay * w)
    return w - v, v


def _downhill_velocity(w, dw, v, lr, momentum, weight_decay):
    v = momentum * v - lr * (dw + weight_decay * w)
    return w + v, v


def _rate_twice(w, dw, v, lr, momentum, weight_decay):
    v = momentum * v + lr * (dw + weight_decay * w)
    return w - lr * v, v


def _averaged(w, dw, v, lr, momentum, weight_decay):
    v = momentum * v + (1 - momentum) * (dw + weight_decay * w)
    return w - lr * v, v


def _gradient_alone(w, dw, v, lr, momentum, weight_decay):
    g = dw + weight_decay * w
    return w - lr * g, momentum * v + g


def _velocity_before(w, dw, v, lr, momentum, weight_decay):
    return w - lr * v, momentum * v + dw + weight_decay * w


def _not_kept(w, dw, v, lr, momentum, weight_decay):
    return w - lr * (momentum * v + dw + weight_decay * w), v


def _nesterov(w, dw, v, lr, momentum, weight_decay):
    g = dw + weight_decay * w
    v = momentum * v + g
    return w - lr * (g + momentum * v), v


def _beside(w, dw, v, lr, momentum, weight_decay):
    v = momentum * v + dw
    return w - lr * v - lr * weight_decay * w, v


def _decay_without_rate(w, dw, v, lr, momentum, weight_decay):
    v = momentum * v + dw
    return w - lr * v - weight_decay * w, v


def _step_cases(rng):
    def case(shape, *settings):
        return Case(*rng.standard_normal((4, *shape)), *settings)
    return [case((3, 4), 0.1, 0.9, 0.05), case((2, 3, 4), 0.3, 0.5, 0.0), case((5, 2), 0.2, 0.0, 0.1),
            case((5,), 0.05, 0.8, 0.2)]


SGD_STEP = Exercise(
    title="one step with momentum and weight decay",
    solution=sgd_step,
    cases=_step_cases,
    returns=("w", "v"),
    takes=("w", "dw", "dw of a second step", "v", "lr", "momentum", "weight_decay"),
    keeps_dtype=True,
    mistakes={
        "uphill": Mistake(
            _step_with(_turned), "The step goes uphill: the loss grows along the gradient. Mind a sign."),
        "rate in the velocity": Mistake(
            _step_with(_rate_in_velocity),
            "The rate is already in the velocity. It is a way to write it, but when the rate changes, old steps keep "
            "their old rate. Here v collects gradients, and the rate comes in when w moves."),
        "velocity turned": Mistake(
            _step_with(_downhill_velocity),
            "The velocity points downhill and has the rate inside. Some books write it so, but the v that comes in "
            "here points uphill, as gradients do."),
        "rate twice": Mistake(
            _step_with(_rate_twice),
            "The rate counts twice, once in the velocity and once in the step. Where does the formula have it?"),
        "averaged": Mistake(
            _step_with(_averaged),
            "The velocity is a mean, with 1 - momentum before the gradient. In this formula the gradient is added "
            "whole."),
        "gradient alone": Mistake(
            _step_with(_gradient_alone),
            "The velocity is computed and kept, but w moves by the gradient alone. What should it move by?"),
        "velocity of before": Mistake(
            _step_with(_velocity_before),
            "w moves by the velocity of the step before: this step's gradient has no say yet. Mind the order."),
        "velocity not kept": Mistake(
            _step_with(_not_kept),
            "w is right, but the velocity that comes back is the old one. Then the next step remembers nothing."),
        "nesterov": Mistake(
            _step_with(_nesterov),
            "That is Nesterov's variant, which looks one step ahead. Here w moves by v itself."),
        "decay turned": Mistake(
            _step_with(lambda w, dw, v, lr, momentum, decay: sgd_step(w, dw, v, lr, momentum, -decay)),
            "Weight decay pushes the weights away from 0. It should draw them toward 0: mind its sign."),
        "decay forgotten": Mistake(
            _step_with(lambda w, dw, v, lr, momentum, decay: sgd_step(w, dw, v, lr, momentum)),
            "Weight decay has no part in it. What does it add to the gradient?"),
        "decay beside the velocity": Mistake(
            _step_with(_beside),
            "Weight decay draws at w directly and does not go through the velocity. (AdamW does so.) In this formula "
            "it is a part of the gradient, from the beginning."),
        "decay without the rate": Mistake(
            _step_with(_decay_without_rate),
            "Weight decay is subtracted at its full size, without the rate and past the velocity."),
    },
)

# --- init: how large weights begin ---


def he_std(shape):
    return (2 / np.prod(shape[:-1])) ** 0.5


def _sizes(shape):
    """(inputs of one output, outputs that one input takes part in), both with the kernel's places."""
    places = int(np.prod(shape[:-2]))
    return places * shape[-2], places * shape[-1]


INIT = Exercise(
    title="the spread of the first weights",
    solution=he_std,
    cases=lambda rng: [Case((5, 7), (3, 3, 2, 4)), Case((2048, 128), (3, 5, 3, 16), (12, 4)),
                       Case((11, 11, 3, 96), (1, 1, 8, 5), (6, 3))],
    returns=("std",),
    takes=("shape", "second shape", "third shape"),
    mistakes={
        "outputs": Mistake(
            lambda shape: (2 / shape[-1]) ** 0.5,
            "It is computed from the number of outputs. An output is a sum over its inputs: count those."),
        "outputs and kernel": Mistake(
            lambda shape: (2 / _sizes(shape)[1]) ** 0.5,
            "It counts the numbers that one input is sent to. Count those that are added up in one output."),
        "variance": Mistake(
            lambda shape: 2 / _sizes(shape)[0],
            "That is the variance, the standard deviation squared."),
        "root of 2 alone": Mistake(
            lambda shape: 2**0.5 / _sizes(shape)[0],
            "The root is taken of the 2 alone, and not of what it is divided by."),
        "without the 2": Mistake(
            lambda shape: (1 / _sizes(shape)[0]) ** 0.5,
            "The factor for ReLU is missing, which sets half of all numbers to 0: each layer would lose half of the "
            "mean square."),
        "channels only": Mistake(
            lambda shape: (2 / shape[-2]) ** 0.5,
            "For a convolution it counts the channels of one pixel. An output looks at all pixels of its window."),
        "window only": Mistake(
            lambda shape: (2 / np.prod(shape[:2])) ** 0.5 if len(shape) == 4 else (2 / shape[0]) ** 0.5,
            "For a convolution it counts the pixels of a window. Each pixel has several channels."),
        "first axis": Mistake(
            lambda shape: (2 / shape[0]) ** 0.5,
            "For a convolution only the first axis is counted, the height of the kernel."),
        "everything": Mistake(
            lambda shape: (2 / np.prod(shape)) ** 0.5,
            "All weights of the layer are counted. One output sees only its own: one filter, one column."),
        "both sides": Mistake(
            lambda shape: (2 / sum(_sizes(shape))) ** 0.5,
            "Inputs and outputs are both counted. That is the rule of Glorot and Bengio, made for layers without "
            "ReLU."),
    },
)

# --- cosine: the rate of every step ---


def cosine_rates(steps, lr, warmup=0, final=0.0):
    return _rates(steps, lr, warmup, final)


def _rates(steps, lr, warmup, final, share=lambda k, steps, warmup: (k - warmup) / (steps - warmup),
           rise=lambda k, warmup: (k + 1) / warmup, fall=lambda share: (1 + np.cos(np.pi * share)) / 2, mix=None):
    """The rates, with one piece exchanged."""
    mix = mix or (lambda lr, final, part: final + (lr - final) * part)
    return np.array([lr * rise(k, warmup) if k < warmup else mix(lr, final, fall(share(k, steps, warmup)))
                     for k in range(steps)])


def _rates_with(**pieces):
    def rates(steps, lr, warmup=0, final=0.0):
        return _rates(steps, lr, warmup, final, **pieces)
    return rates


COSINE = Exercise(
    title="the rate of every step: warm-up, then half a cosine",
    solution=cosine_rates,
    cases=lambda rng: [Case(8, 0.1), Case(12, 0.2, warmup=3, final=0.02), Case(11, 0.05, warmup=4),
                       Case(9, 0.4, final=0.1), Case(7, 0.3, warmup=2, final=0.03)],
    returns=("rates",),
    mistakes={
        "begins at 0": Mistake(
            _rates_with(rise=lambda k, warmup: k / warmup),
            "The first step has the rate 0: a whole step without any effect. Begin with one part of the rise."),
        "rises too long": Mistake(
            _rates_with(rise=lambda k, warmup: (k + 1) / (warmup + 1)),
            "The last step of the warm-up should already have the full rate; it falls a little short."),
        "no warm-up": Mistake(
            lambda steps, lr, warmup=0, final=0.0: _rates(steps, lr, 0, final),
            "There is no warm-up: the rate begins with its full size."),
        "counted from the start": Mistake(
            _rates_with(share=lambda k, steps, warmup: k / steps),
            "The cosine has been falling since step 0, so behind the warm-up the rate drops at once. It begins where "
            "the warm-up ends."),
        "too slow": Mistake(
            _rates_with(share=lambda k, steps, warmup: (k - warmup) / steps),
            "The fall does not get to its end: it is stretched over as many steps as the whole training has, but "
            "some of them were spent on the warm-up."),
        "one step too soon": Mistake(
            _rates_with(share=lambda k, steps, warmup: (k - warmup) / (steps - warmup - 1)),
            "The last step already has the final rate. Progress is 0 at the first step and 1 after the last."),
        "whole wave": Mistake(
            _rates_with(fall=lambda share: (1 + np.cos(2 * np.pi * share)) / 2),
            "The rate falls and rises again: a whole wave. Only half of one is wanted."),
        "quarter wave": Mistake(
            _rates_with(fall=lambda share: np.cos(np.pi / 2 * share)),
            "That is a quarter of a wave: it is steepest at the end. Half a wave is flat at both ends."),
        "straight": Mistake(
            _rates_with(fall=lambda share: 1 - share), "The rate falls along a straight line. Where is the cosine?"),
        "not halved": Mistake(
            _rates_with(fall=lambda share: 1 + np.cos(np.pi * share)),
            "The cosine part begins with 2 and not with 1, so the rate is too large."),
        "final ignored": Mistake(
            _rates_with(mix=lambda lr, final, part: lr * part), "The rate goes down to 0, whatever `final` says."),
        "final on top": Mistake(
            _rates_with(mix=lambda lr, final, part: final + lr * part),
            "`final` is added to everything, so behind the warm-up the rate is higher than lr. Only what lies "
            "between lr and `final` falls."),
        "floor": Mistake(
            _rates_with(mix=lambda lr, final, part: np.maximum(final, lr * part)),
            "The rate falls toward 0 and is stopped at `final` on the way. It should arrive there at the end."),
    },
)

EXERCISES = {"sgd_step": SGD_STEP, "batches": BATCHES, "init": INIT, "cosine": COSINE, "loop": LOOP, "sgd": SGD}
