"""Optimizers: the only code that changes a parameter's value.

backward has written Parameter.grad; `step` moves every value a little against it. State (velocities, moments) is made
at the first step, on the device and in the dtype of its parameter, and goes into checkpoints. Each `update` works in
place on arrays of any length, so that the engine may hand it a block at a time, on every core.
"""

import math
from collections.abc import Callable, Sequence
from numbers import Real
from types import ModuleType
from typing import Any

import numpy as np

from tinycnn import engine
from tinycnn.backend import Array, array_module
from tinycnn.errors import OrderError, ShapeError
from tinycnn.layers.base import Layer
from tinycnn.layers.sharing import expect_unshared
from tinycnn.text import kind

Schedule = Callable[[float], float]


class Optimizer:
    """Base of the optimizers. model: anything with parameters() (a layer, a network, a localizer).

    rates: factors on the learning rate of parts of the model, by the beginning of their parameters' names, such as
    {"trunk": 0.1} for a trunk that has been trained before. Where several fit, the longest counts.
    """

    moments: tuple[str, ...]  # the names of the arrays in its state

    def __init__(self, model: Layer, lr: float, weight_decay: float, rates: dict[str, float] | None = None) -> None:
        if not all(isinstance(number, Real) and 0 <= number < math.inf for number in (lr, weight_decay)):
            raise ValueError(f"lr and weight_decay must not be negative or infinite, got {lr!r} and {weight_decay!r}")
        if not callable(getattr(model, "parameters", None)) or isinstance(model, type):
            name = type(self).__name__
            raise TypeError(f"{name} takes the model, not its parameters: {name}(model, lr=...); with a tenth of the "
                            f'rate for a part, {name}(model, lr=..., rates={{"trunk": 0.1}}). Got {kind(model)}')
        if isinstance(model, Layer):
            expect_unshared(model)
        # Python's numbers: a NumPy number of float64 would take a float32 training along.
        self.model, self.lr, self.weight_decay = model, float(lr), float(weight_decay)
        self.rates = self._fitting({} if rates is None else dict(rates))
        self.steps = 0
        self.turns: dict[str, int] = {}  # how many steps each parameter has taken, which had a gradient then
        self.state: dict[str, tuple[Array, ...]] = {}  # name -> tuple of arrays of the parameter's shape

    def step(self) -> None:
        """One step for every parameter that has a gradient, which is used up by it.

        A parameter that takes no part in the next backward then has none and stays. So does one that is frozen.
        """
        parameters = self.model.parameters()
        for parameter in parameters.values():
            if parameter.frozen:
                parameter.grad = None
        if parameters and all(parameter.frozen for parameter in parameters.values()):
            raise OrderError(f"{type(self).__name__}.step: every parameter is frozen. Call unfreeze() on the part "
                             "that is to learn.")
        if parameters and all(parameter.grad is None for parameter in parameters.values()):
            raise OrderError(f"{type(self).__name__}.step: there are no gradients. Call backward first; each step uses "
                             "them up.")
        self.steps += 1
        for name, parameter in parameters.items():
            if parameter.grad is None:
                continue
            self.rate = float(self.lr * self._factor(name))
            value, grad = parameter.value, parameter.grad
            known = name in self.state and all(a.shape == value.shape for a in self.state[name])  # a new head is not
            self.turn = self.turns[name] = (self.turns.get(name, 0) if known else 0) + 1
            xp = array_module(value, grad)
            if grad.shape != value.shape:
                raise ShapeError(f"the gradient of {name} has shape {grad.shape}, and its value {value.shape}")
            state = self.state[name] if known else [xp.zeros_like(value) for _ in self.moments]
            # Row by row in memory, so that each is one long row of numbers. Nothing is copied here unless a caller put
            # an array of another order there.
            parameter.value, grad, *state = (xp.asarray(a, order="C") for a in (value, grad, *state))
            self.state[name] = tuple(state)
            engine.in_blocks(self.update, [parameter.value, grad, *state])
            parameter.grad = None

    def update(self, xp: ModuleType, value: Array, grad: Array, *state: Array, scratch: Array) -> None:
        """Change value and state in place, at self.rate, in self.turn, which counts from 1.

        All are 1-d, of one length; scratch: the same, with nothing in it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define update")

    def _print(self, **settings: Any) -> str:
        if self.rates:
            settings["rates"] = self.rates
        return f"{type(self).__name__}({', '.join(f'{name}={value}' for name, value in settings.items())})"

    def _factor(self, name: str) -> float:
        found = [part for part in self.rates if f"{name}.".startswith(f"{part}.")]
        return self.rates[max(found, key=len)] if found else 1.0

    def _fitting(self, rates: dict[str, float]) -> dict[str, float]:
        names = list(self.model.parameters())
        for part, factor in rates.items():
            if not factor >= 0 or not any(f"{name}.".startswith(f"{part}.") for name in names):
                raise ValueError(f"{type(self).__name__}: rates are factors, 0 or more, for parts of the model, got "
                                 f"{part!r}: {factor!r}. Its parameters are called {', '.join(names[:4])} ...")
        return rates

    def state_arrays(self) -> dict[str, Array]:
        """What a checkpoint keeps: {"velocity.trunk.conv1.w": array, ...}."""
        return {f"{m}.{name}": a for name, arrays in self.state.items()
                for m, a in zip(self.moments, arrays, strict=True)}

    def load_state_arrays(self, arrays: dict[str, Array], steps: int, turns: dict[str, int] | None = None) -> None:
        """Continue from a checkpoint; arrays are on the parameters' device already. turns: None for `steps` each"""
        names = {key.partition(".")[2] for key in arrays}
        self.state = {name: tuple(arrays[f"{m}.{name}"] for m in self.moments) for name in sorted(names)}
        self.steps, self.turns = steps, dict.fromkeys(self.state, steps) if turns is None else dict(turns)


class SGD(Optimizer):
    """Stochastic gradient descent with momentum and weight decay, as PyTorch writes it:

    g = dw + weight_decay * w;    v = momentum * v + g;    w = w - lr * v
    """

    moments = ("velocity",)

    def __init__(self, model: Layer, lr: float = 0.01, momentum: float = 0.9, weight_decay: float = 0.0,
                 rates: dict[str, float] | None = None) -> None:
        super().__init__(model, lr, weight_decay, rates)
        self.momentum = _share(self, momentum=momentum)

    def __repr__(self) -> str:
        return self._print(lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay)

    def update(self, xp: ModuleType, w: Array, dw: Array, v: Array, scratch: Array) -> None:
        v *= self.momentum
        v += dw
        if self.weight_decay:
            v += xp.multiply(w, self.weight_decay, out=scratch)
        w -= xp.multiply(v, self.rate, out=scratch)


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015, algorithm 1); weight_decay is decoupled, as in AdamW (Loshchilov and Hutter 2019).

    m = beta1 * m + (1 - beta1) * dw;    s = beta2 * s + (1 - beta2) * dw ** 2
    w = w - lr * (m / (1 - beta1 ** t)) / (sqrt(s / (1 - beta2 ** t)) + eps) - lr * weight_decay * w

    t counts the steps of each parameter by itself, as in PyTorch: one that was frozen begins with 1.
    """

    moments = ("mean", "square")

    def __init__(self, model: Layer, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0.0, rates: dict[str, float] | None = None) -> None:
        super().__init__(model, lr, weight_decay, rates)
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise ValueError(f"Adam: betas are two shares, such as (0.9, 0.999), got {betas!r}")
        self.betas, self.eps = (_share(self, beta1=betas[0]), _share(self, beta2=betas[1])), float(eps)

    def __repr__(self) -> str:
        return self._print(lr=self.lr, betas=tuple(self.betas), eps=self.eps, weight_decay=self.weight_decay)

    def update(self, xp: ModuleType, w: Array, dw: Array, m: Array, s: Array, scratch: Array) -> None:
        beta1, beta2 = self.betas
        if self.weight_decay:
            w *= 1.0 - self.rate * self.weight_decay
        m *= beta1
        m += xp.multiply(dw, 1.0 - beta1, out=scratch)
        s *= beta2
        s += xp.multiply(xp.multiply(dw, dw, out=scratch), 1.0 - beta2, out=scratch)
        xp.sqrt(s, out=scratch)
        scratch *= 1.0 / math.sqrt(1.0 - beta2**self.turn)
        scratch += self.eps
        xp.divide(m, scratch, out=scratch)
        scratch *= self.rate / (1.0 - beta1**self.turn)
        w -= scratch


def _share(optimizer: Optimizer, **given: Any) -> float:
    """What an average keeps of itself at each step, 0 to below 1, as Python's number."""
    ((name, value),) = given.items()
    if not isinstance(value, Real) or not 0 <= float(value) < 1:
        raise ValueError(f"{type(optimizer).__name__}: {name} is a share, 0 to below 1, got {value!r}")
    return float(value)


def clip_gradients(model: Layer, max_norm: float) -> Array:
    """Scale all gradients by one factor so that their common norm is at most max_norm; return the norm before (0-d).

    The factor is computed where the gradients live, so nothing comes down from a GPU.
    """
    learning = [p for p in model.parameters().values() if p.grad is not None and not p.frozen]
    grads = list({id(p.grad): p.grad for p in learning}.values())  # each once
    if not grads:
        raise OrderError("clip_gradients: there are no gradients yet. Call backward first, then clip, then step.")
    xp = array_module(*grads)
    with engine.one_blas_thread():
        norm = xp.sqrt(sum(xp.dot(g.reshape(-1), g.reshape(-1)) for g in grads))
    factor = xp.minimum(float(max_norm) / (norm + 1e-6), 1.0)
    if xp is np and factor == 1:  # on a GPU, asking would cost more than multiplying by 1
        return norm
    for grad in grads:
        grad *= factor
    return norm


# A schedule is a function of progress, 0 at the first step and 1 after the last, that gives the factor on lr.


def constant() -> Schedule:
    """The same rate throughout."""
    return lambda progress: 1.0


def steps(at: Sequence[float] = (0.5, 0.75), factor: float = 0.1) -> Schedule:
    """The rate is multiplied by `factor` at each of the given shares of the training."""
    return lambda progress: factor ** sum(progress >= share for share in at)


def cosine(warmup: float = 0.05, final: float = 0.0) -> Schedule:
    """Rise in a line over the share `warmup`, then fall along half a cosine to `final` (Loshchilov and Hutter 2017)."""

    def schedule(progress: float) -> float:
        if progress < warmup:
            return (progress + 1e-3) / (warmup + 1e-3)
        share = (progress - warmup) / max(1e-12, 1.0 - warmup)
        return final + (1.0 - final) * (1.0 + math.cos(math.pi * min(1.0, share))) / 2

    return schedule


SCHEDULES = {"constant": constant, "steps": steps, "cosine": cosine}
