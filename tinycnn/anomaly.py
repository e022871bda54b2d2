"""Where NaN or infinity comes from: fit(detect_anomaly=True) looks at every array of every step.

A loss that is NaN says that something went wrong, long after it did: one picture, in one layer, gave a number that is
none, and everything behind it became NaN. Here each layer's recorder looks at what flows through, forward and back, and
the first place in the order of computation is named, whichever thread has come upon it first.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tinycnn.backend import to_numpy
from tinycnn.engine.recorder import Recorder
from tinycnn.errors import TrainingError
from tinycnn.layers import Layer
from tinycnn.nested import leaves


class Watch:
    """Looks at the steps of a training. names: of its samples

        with watch.step(number, batch.indices):       raises TrainingError within, in the order of computation
            ... watch.forward(value, truth) ... watch.backward() ... watch.weights()
    """

    def __init__(self, model: Layer, names: Sequence[str]) -> None:
        self.model, self.names = model, names
        self.where, self.recorders = "", dict[str, _Look]()

    @contextlib.contextmanager
    def step(self, number: int, indices: Any) -> Iterator[None]:
        """For the length of a with block each innermost layer is looked at. indices: (n,) which samples are shown"""
        self.where, self.indices = f"at step {number}", indices
        for name, parameter in self.model.parameters().items():
            if _wrong(parameter.value):
                raise TrainingError(f"before step {number}, {name} holds {_word(parameter.value)} already: look at "
                                    "what the network began with")
        layers = dict(self.model.layers())
        before = {name: layer.recorder for name, layer in layers.items()}
        self.recorders = {name: _Look() for name in layers}
        try:
            for name, layer in layers.items():
                layer.recorder = self.recorders[name]
            yield
        finally:
            for name, layer in layers.items():
                layer.recorder = before[name]

    def forward(self, value: Any, truth: Any) -> None:
        """After the loss. value: the loss    truth: what it was given to compare with"""
        for name, look in self.recorders.items():
            for what, found in (("x, the input", look.x), ("y, the output", look.y)):
                self._expect(name, what, found)
        for part in leaves(truth):
            rows = _first_rows(part) if getattr(part, "shape", ()) else None
            self._expect("the answers that the loss compares with", "", rows and {0: rows})
        if _wrong(value):
            raise TrainingError(f"{self.where}, the loss itself gives {_word(value)}, while all outputs of the network "
                                "and all answers are finite")

    def backward(self) -> None:
        """After backward, before the optimizer uses the gradients up."""
        for name, look in reversed(self.recorders.items()):
            self._expect(name, "dy, the gradient that comes in", look.dy)
            self._expect(name, "dx, the gradient handed on", look.dx)
        for name, parameter in reversed(self.model.parameters().items()):
            if parameter.grad is not None and _wrong(parameter.grad):
                raise TrainingError(f"{self.where}, {_word(parameter.grad)} appears first in the gradient of {name}: "
                                    "the sum over the batch overflows, since what flows through the layer is finite")

    def weights(self) -> None:
        """After the optimizer's step."""
        for name, parameter in self.model.parameters().items():
            if _wrong(parameter.value):
                raise TrainingError(f"{self.where}, the optimizer makes {name} {_word(parameter.value)} with a "
                                    "gradient that is finite: the learning rate is far too high")

    def _expect(self, name, what, found):
        """found: {start of a chunk: (first row in it, how many rows, the word)}, or nothing"""
        if not found:
            return
        start = min(found)
        row, _, word = found[start]
        others = sum(count for _, count, _ in found.values()) - 1
        index = int(self.indices[start + row])
        more = f" and {others} more of {len(self.indices)}" if others else ""
        where = f"{what} of {name}" if what else name
        raise TrainingError(f"{self.where}, {word} appears first in {where}, for sample {index} "
                            f"({self.names[index]}){more}")


class Blind(Watch):
    """Looks at nothing."""

    def __init__(self) -> None:
        pass

    @contextlib.contextmanager
    def step(self, number: int, indices: Any) -> Iterator[None]:
        """Nothing."""
        yield

    def forward(self, value: Any, truth: Any) -> None:
        """Nothing."""

    def backward(self) -> None:
        """Nothing."""

    def weights(self) -> None:
        """Nothing."""


class _Look(Recorder):
    """What is wrong with the arrays of one layer: {start of a chunk: what `_first_rows` says of it}."""

    def __init__(self):
        self.x, self.y, self.dy, self.dx = {}, {}, {}, {}

    def saw_forward(self, images, n, x, y, seconds):
        self._look(images, x=x, y=y)

    def saw_backward(self, images, n, dy, dx, seconds):
        self._look(images, dy=dy, dx=dx)

    def _look(self, images, **arrays):
        for name, array in arrays.items():
            found = None if array is None else _first_rows(array)
            if found:
                getattr(self, name)[images.start] = found


def _first_rows(array):
    """(first row with NaN or infinity, how many rows have some, which of both is in that row), or None."""
    array = to_numpy(array)
    finite = np.isfinite(array)
    if finite.all():
        return None
    rows = (~finite).reshape(len(array), -1).any(axis=1)
    first = int(rows.argmax())
    return first, int(rows.sum()), _word(array[first])


def _wrong(array):
    return not np.isfinite(_on_host(array)).all()


def _word(array):
    return "NaN" if np.isnan(_on_host(array)).any() else "infinity"


def _on_host(array):
    return to_numpy(array) if hasattr(array, "shape") else np.asarray(array)
