"""One training step under the microscope.

A step is three sweeps through the network: outputs forward, gradients backward, then every weight moves a little.
trace takes one such step with a copy of the network and measures each sweep at each layer: how large the numbers are,
how they spread, how many are zero, how long it took. What is unusual is said in words. The weights stay as they were.
"""

import copy
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tinycnn.backend import ArrayLike, Labels, to_numpy
from tinycnn.data.dataset import Pictures
from tinycnn.inspection.taps import batch_of, expect_localizer, loss_for, tap, twin
from tinycnn.inspection.unusual import FAST, FAST_HEAD, SLOW, unusual
from tinycnn.layers import Dropout
from tinycnn.losses import MultiTaskLoss
from tinycnn.models.localizer import Localizer
from tinycnn.optim import SGD, Optimizer
from tinycnn.plots.look import Figure
from tinycnn.text import count, figure_of, percent, plain, short, table

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
SAMPLE = 200_000  # numbers of an array from which its quantiles are taken


@dataclass(frozen=True)
class Numbers:
    """What an array is like. zeros: share that is exactly 0    norm: sqrt of the sum of squares
    quantiles: at QUANTILES, of the values    sizes: at QUANTILES, of the absolute values that are not 0
    """

    shape: tuple[int, ...]
    mean: float
    std: float
    zeros: float
    norm: float
    quantiles: tuple[float, ...]
    sizes: tuple[float, ...]


@dataclass(frozen=True)
class LayerTrace:
    """One layer in the step.

    name: dotted, as in parameters()    kind: how the layer prints itself    output: Numbers of y
    gradient: Numbers of dy, or None where backward did not pass    units: channels (or features) of y
    dead: units that are 0 at every position of every image, although their input is not; counted where a layer keeps
        the shape, and not for Dropout
    forward_seconds, backward_seconds: measured once    bytes: of y
    """

    name: str
    kind: str
    output: Numbers
    gradient: Numbers | None
    units: int
    dead: int
    forward_seconds: float
    backward_seconds: float
    bytes: int


@dataclass(frozen=True)
class ParameterTrace:
    """One parameter in the step: norms of its value, its gradient and its update (what the optimizer added to it).

    ratio: norm of the update / norm of the value, None for values that are all 0 (new biases)
    """

    name: str
    shape: tuple[int, ...]
    norm: float
    gradient_norm: float | None
    update_norm: float
    ratio: float | None


@dataclass(frozen=True, repr=False)
class Trace:
    """One training step: layers and parameters in the order of forward, the losses, and findings in words.

    losses: {"loss": weighted sum, "class loss": ..., "box loss": ...}    images: N    optimizer: how it prints itself

    print(trace) is a table, trace.plot() a figure, trace.to_dict() goes into JSON.
    """

    layers: tuple[LayerTrace, ...]
    parameters: tuple[ParameterTrace, ...]
    losses: dict[str, float]
    images: int
    optimizer: str
    findings: tuple[str, ...]

    def layer(self, name: str) -> LayerTrace:
        """The LayerTrace called `name`, in full or without "trunk."."""
        return next(layer for layer in self.layers if name in (layer.name, short(layer.name)))

    def parameter(self, name: str) -> ParameterTrace:
        """The ParameterTrace called `name`, in full or without "trunk."."""
        return next(parameter for parameter in self.parameters if name in (parameter.name, short(parameter.name)))

    @property
    def title(self) -> str:
        terms = ", ".join(f"{name} {figure_of(value, 3)}" for name, value in self.losses.items())
        return f"One training step with {count(self.images, 'image')}: {terms}; {self.optimizer}"

    def __repr__(self) -> str:
        head = ("layer", "output", "mean", "std", "zeros", "norm", "dead", "grad std", "zeros", "norm", "update:weight",
                "ms", "MB")
        ratios = {p.name.rpartition(".")[0]: p.ratio for p in reversed(self.parameters) if len(p.shape) > 1}
        rows = [(short(a.name), " x ".join(map(str, a.output.shape)), *_cells(a.output), a.dead or "", *(
                    _cells(a.gradient)[1:] if a.gradient else ("-",) * 3), figure_of(ratios[a.name])
                    if a.name in ratios else "", f"{1000 * (a.forward_seconds + a.backward_seconds):.1f}",
                    f"{a.bytes / 1e6:.1f}") for a in self.layers]
        return "\n".join([self.title, "", table([head, *rows], left=2), "", *self.findings_or_none()])

    def findings_or_none(self) -> list[str]:
        """The findings, or one sentence that says there are none."""
        return list(self.findings) or ["Nothing unusual."]

    def to_dict(self) -> dict[str, Any]:
        """Everything as dicts, lists and numbers, ready for JSON."""
        return plain(asdict(self))

    def plot(self) -> Figure:
        """The step as a figure: outputs, gradients, zeros, updates and time, one row per layer."""
        from tinycnn.plots.step import trace_figure

        return trace_figure(self, SLOW, FAST, FAST_HEAD)


def trace(model: Localizer, images: Pictures, labels: Labels, boxes: ArrayLike, loss: MultiTaskLoss | None = None,
          optimizer: Optimizer | None = None, seed: int = 0) -> Trace:
    """Take one training step with a copy of `model` and return its Trace; nothing of `model` changes.

    images: uint8 (N, S, S, 3), or a sequence of (H, W, 3) of any sizes    labels: (N,) integers
    boxes: (N, 4) xyxy in pixels of the given images
    loss: default MultiTaskLoss()    optimizer: one made for `model`, with its momentum so far; the default is that of
    fit, at its first step    seed: of Dropout's masks, so that two traces agree
    """
    expect_localizer(model, "trace")
    second = twin(model, own_weights=True, seed=seed).train()
    taps = tap(second)
    x, labels, targets = batch_of(second, images, labels, boxes)
    loss = loss_for(model, loss)
    optimizer = _optimizer_of(second, model, optimizer)
    value = loss.forward(second.forward(x), (labels, targets))
    losses = {"loss": float(value), **{f"{name} loss": float(term) for name, term in loss.terms.items()}}
    second.backward(*loss.backward())
    before = {name: (to_numpy(p.value).copy(), p.grad) for name, p in second.parameters().items()}
    optimizer.step()
    # What a layer of somebody's own runs by itself, outside of any Sequential, shows nothing to a tap.
    layers = tuple(_layer(a) for a in taps.values() if a.y is not None)
    parameters = tuple(_parameter(name, *before[name], p) for name, p in second.parameters().items())
    description = repr(optimizer) if type(optimizer).__repr__ is not object.__repr__ else type(optimizer).__name__
    return Trace(layers, parameters, losses, len(labels), description, tuple(unusual(layers, parameters)))


def _optimizer_of(second, model, optimizer):
    """The optimizer for the copy, with the state of the one that was given."""
    if optimizer is None:
        return SGD(second, lr=0.01, momentum=0.9, weight_decay=5e-4)  # what fit takes
    if optimizer.model is not model:
        raise ValueError("trace: this optimizer was made for another model; make it with the model that is traced")
    own = copy.copy(optimizer)
    own.model = second
    own.state = {name: tuple(array.copy() for array in arrays) for name, arrays in optimizer.state.items()}
    own.turns = dict(optimizer.turns)
    return own


def _layer(a):
    y = to_numpy(a.y)
    gradient = numbers(to_numpy(a.dy)) if a.dy is not None else None
    units = y.shape[-1]
    return LayerTrace(a.name, repr(a.layer), numbers(y), gradient, units, _dead(a, y), a.forward_seconds,
                      a.backward_seconds, y.nbytes)


def _dead(a, y):
    """Units that this layer silences for every image: 0 everywhere in y, and not already so in x."""
    if a.x.shape != a.y.shape or isinstance(a.layer, Dropout):
        return 0
    axes = tuple(range(y.ndim - 1))
    silent, arrived = (y == 0).all(axis=axes), (to_numpy(a.x) != 0).any(axis=axes)  # (C,)
    return int((silent & arrived).sum())


def _parameter(name, before, grad, parameter):
    after = to_numpy(parameter.value)
    norm, update = norm_of(before), norm_of(after.astype(np.float64) - before)
    gradient = None if grad is None else norm_of(to_numpy(grad))
    return ParameterTrace(name, tuple(before.shape), norm, gradient, update, update / norm if norm else None)


def norm_of(array):
    """sqrt of the sum of squares of a host array, summed in float64."""
    return float(np.sqrt(np.sum(np.square(array, dtype=np.float64))))


def numbers(array):
    """The Numbers of a host array."""
    flat = array.reshape(-1)
    some = flat[:: -(-flat.size // SAMPLE)].astype(np.float64)
    sizes = np.abs(some[some != 0])
    return Numbers(
        tuple(array.shape), float(flat.mean(dtype=np.float64)), float(flat.std(dtype=np.float64)),
        float(np.mean(flat == 0)), norm_of(flat), tuple(np.quantile(some, QUANTILES).tolist()),
        tuple((np.quantile(sizes, QUANTILES) if sizes.size else np.zeros(len(QUANTILES))).tolist()),
    )  # fmt: skip


def _cells(n):
    return figure_of(n.mean), figure_of(n.std), percent(n.zeros), figure_of(n.norm)
