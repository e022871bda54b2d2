"""What stands between backward and the weights that are kept: gradients of several batches, the rate, averages.

And what several processes that train one network put together (tinycnn/processes.py), which is nothing in one alone.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from tinycnn.backend import Array
from tinycnn.layers import Layer
from tinycnn.optim import Optimizer, Schedule


class Accumulated:
    """The mean gradient of several batches, for a step as of one large batch that memory does not hold.

    Each picture counts the same. With a BatchNorm2d it is not quite the large batch: that is normalized batch by batch.
    """

    def __init__(self, model: Layer, every: int) -> None:
        self.model, self.every = model, every
        self.sums: dict[str, Array] = {}
        self.batches = self.pictures = 0

    def complete(self, pictures: int, last: bool) -> bool:
        """Take in the gradients that backward has just written; True when they are those of all batches of a step.

        pictures: of this batch    last: of the epoch, which ends a step however few batches it has
        """
        if self.every == 1:
            return True
        self.batches, self.pictures = self.batches + 1, self.pictures + pictures
        parameters = self.model.parameters()
        for name, parameter in parameters.items():
            if parameter.grad is not None:
                share = parameter.grad * float(pictures)
                self.sums[name] = self.sums[name] + share if name in self.sums else share
            parameter.grad = None
        if self.batches < self.every and not last:
            return False
        for name, total in self.sums.items():
            parameters[name].grad = total / float(self.pictures)
        self.sums, self.batches, self.pictures = {}, 0, 0
        return True


class Rate:
    """The learning rate of a training: what a schedule makes, step by step, of the rate that its optimizer came with.

    Whoever sets another one in between, optimizer.lr = ..., sets what the schedule is a factor on from then on.
    """

    def __init__(self, optimizer: Optimizer, schedule: Schedule) -> None:
        self.optimizer, self.schedule = optimizer, schedule
        self.base = self.given = optimizer.lr

    def follow(self, progress: float) -> float:
        """Before a step; returns its rate. progress: 0 to 1"""
        self._look()
        self.optimizer.lr = self.given = self.base * self.schedule(progress)
        return self.given

    def put_back(self) -> None:
        """Leave the optimizer with the rate that the schedule was a factor on."""
        self._look()
        self.optimizer.lr = self.base

    def _look(self):
        if self.optimizer.lr != self.given:
            self.base = self.optimizer.lr


class Average:
    """Weights averaged over the steps (Polyak and Juditsky 1992): average = d * average + (1 - d) * weights after each.

    decay: d, which the first steps approach as (1 + t) / (10 + t), since the weights that they begin with tell nothing;
    None: no average is kept, and what is shown are the weights. Running statistics of a BatchNorm2d are not averaged.
    """

    def __init__(self, model: Layer, decay: float | None) -> None:
        self.model, self.decay, self.steps = model, decay, 0
        self.arrays: dict[str, Array] = {}

    def follow(self) -> None:
        """Take in the weights after a step."""
        if self.decay is None:
            return
        d = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, parameter in self.model.parameters().items():
            if name not in self.arrays:
                self.arrays[name] = parameter.value.copy()
            else:
                self.arrays[name] *= d
                self.arrays[name] += (1 - d) * parameter.value
        self.steps += 1

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """For the length of a with block, the model has the averaged weights."""
        parameters = self.model.parameters()
        kept = {name: parameters[name].value for name in self.arrays}
        self.put()
        try:
            yield
        finally:
            for name, value in kept.items():
                parameters[name].value = value

    def put(self) -> None:
        """Give the model the averaged weights for good."""
        parameters = self.model.parameters()
        for name, array in self.arrays.items():
            parameters[name].value = array

    def state_arrays(self) -> dict[str, Array]:
        """What a checkpoint keeps."""
        return {f"average.{name}": array for name, array in self.arrays.items()}


class Alone:
    """One process, which has nothing to share: every step as it is. `Processes` says what each of these is about."""

    rank, size = 0, 1
    share = (0, 1)  # rank and size

    def agree(self, run: Any) -> None:
        """All of several processes go on from what the first one has."""

    def begin(self, n: int) -> None:
        """A batch of n pictures comes."""

    def drawing(self, model: Layer) -> contextlib.AbstractContextManager[object]:
        """A with block for the forward of a share of the batch."""
        return contextlib.nullcontext()

    def shown(self, images: Any) -> Any:
        """The pictures that the network is shown."""
        return images

    def whole(self, outputs: Any, truth: Any, count: int) -> tuple[Any, Any, int]:
        """Outputs and answers of the whole batch, and of how many pictures."""
        return outputs, truth, count

    def own(self, gradient: Any) -> Any:
        """The rows of a gradient of the whole batch that are this process's own."""
        return gradient

    def add_up(self, model: Layer) -> None:
        """Gradients become those of the whole batch."""

    def over(self, samples: Any, answers: Callable[[Any], Any]) -> Any:
        """answers(samples), of which each process computes a share."""
        return answers(samples)

    def wait(self) -> None:
        """Until all are here."""


ALONE = Alone()
