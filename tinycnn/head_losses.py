"""The loss of a network with any number of heads: a sum in which each has its own loss and its own weight."""

from collections.abc import Mapping
from typing import Any

from tinycnn.backend import Array
from tinycnn.layers.base import Layer


class HeadLosses(Layer):
    """weights[name] * losses[name], added up over the heads.

        HeadLosses({"class": SoftmaxCrossEntropy(), "box": GIoULoss(), "joints": L2Loss()}, {"box": 2.0})

    losses: {head: a loss of its outputs}, for every head of the network    weights: {head: a number, 0 or more}; 1
        where none is given. A head of weight 0 does not learn, and does not move the trunk
    outputs: {head: (N, D)}    truth: {head: what follows the outputs in forward of its loss, a tuple}

    After forward, `terms` holds the losses of all heads without their weights.
    """

    def __init__(self, losses: Mapping[str, Any], weights: Mapping[str, float] | None = None) -> None:
        self.losses = dict(losses)
        self.weights = {name: float((weights or {}).get(name, 1.0)) for name in self.losses}
        unknown = sorted(set(weights or {}) - set(self.losses))
        if not self.losses or unknown or not all(0 <= weight < float("inf") for weight in self.weights.values()):
            raise ValueError("HeadLosses: weights are numbers, 0 or more, for "
                             f"{', '.join(self.losses) or 'no head'}, got {weights!r}")
        for name, loss in self.losses.items():
            if isinstance(loss, type) or not (hasattr(loss, "forward") and hasattr(loss, "backward")):
                raise TypeError(f"HeadLosses: the loss of {name!r} is an object with forward and backward, such as "
                                f"L2Loss(), got {loss!r}")
        self.terms: dict[str, Array] = {}

    def forward(self, outputs: Mapping[str, Array], truth: Mapping[str, tuple[Any, ...]]) -> Array:
        self.terms = {name: loss.forward(outputs[name], *truth[name]) for name, loss in self.losses.items()}
        weighted = [self.weights[name] * value for name, value in self.terms.items()]
        return sum(weighted[1:], weighted[0])

    def backward(self) -> dict[str, Array]:
        """{head: the gradient of its outputs, with its weight}"""
        return {name: loss.backward() * self.weights[name] for name, loss in self.losses.items()}

    def __repr__(self) -> str:
        return f"HeadLosses({self.losses}, {self.weights})"
