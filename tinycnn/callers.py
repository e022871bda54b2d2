"""Who works with a network at this moment: any number of predictions, or one training and nobody else.

A prediction switches all layers to another mode, and back behind the last one that ends; what a forward of a training
had kept is gone then. So a prediction beside the training of the same network, and a second training of it, are refused
in a sentence. Within one thread nothing is refused: there one thing comes after the other.
"""

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

from tinycnn.errors import OrderError

P = ParamSpec("P")
R = TypeVar("R")


class _Blocks:
    """The with blocks that are open now: {key: (thread, layers)}."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.predictions: dict[object, tuple[int, list[Any]]] = {}
        self.trainings: dict[object, tuple[int, list[Any]]] = {}


_blocks = _Blocks()


class Predicting:
    """The with block of `Layer.predicting`: for its length the layers of a model keep nothing for a backward.

    Raises OrderError while another thread trains one of them.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.entered: list[object] = []  # a key for each time that it is entered and not left

    def __enter__(self) -> Any:
        layers, me, key = self.model.tree(), threading.get_ident(), object()
        with _blocks.lock:
            for layer in layers:
                if layer._trained_by is not None and layer._trained_by != me:
                    raise OrderError("another thread trains this network at this moment, and a prediction would "
                                     "disturb that: predict with a copy that on_epoch has made, copy.deepcopy(model), "
                                     "or wait until fit has ended")
            for layer in layers:
                if layer._predictions == 0:
                    layer._trained_before = layer.training
                layer.training, layer._memory = False, None
                layer._predictions += 1  # a number: blocks may lie inside each other, and overlap
            _blocks.predictions[key] = me, layers
            self.entered.append(key)
        return self.model

    def __exit__(self, *error: object) -> None:
        me = threading.get_ident()
        with _blocks.lock:
            mine = [key for key in self.entered if _blocks.predictions[key][0] == me]
            key = (mine or self.entered)[-1]  # a generator may be closed in another thread
            self.entered.remove(key)
            _no_longer(_blocks.predictions.pop(key)[1])


def _no_longer(layers):
    for layer in layers:
        layer._memory = None
        layer._predictions -= 1
        if layer._predictions == 0:  # the last one to end, whichever began first
            layer.training = layer._trained_before


@contextlib.contextmanager
def training(layers: list[Any]) -> Iterator[None]:
    """For the length of a with block this thread trains these layers.

    Raises OrderError while another thread trains one of them, or predicts with it.
    """
    me, key = threading.get_ident(), object()
    with _blocks.lock:
        mine = [layer for layer in layers if layer._trained_by is None]
        if any(layer._trained_by not in (None, me) for layer in layers):
            raise OrderError("another thread trains this network at this moment: train a copy, copy.deepcopy(model), "
                             "or wait until that fit has ended")
        inside = {id(layer) for layer in layers}
        if any(who != me and any(id(layer) in inside for layer in some) for who, some in _blocks.predictions.values()):
            raise OrderError("another thread predicts with this network at this moment, and training would change it "
                             "meanwhile: train a copy, copy.deepcopy(model), or wait until the prediction has ended")
        for layer in mine:
            layer._trained_by = me
        _blocks.trainings[key] = me, mine
    try:
        yield
    finally:
        with _blocks.lock:
            _blocks.trainings.pop(key)
            for layer in mine:
                layer._trained_by = None


def trains(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function whose first argument, `model` or `self`, is what it trains."""

    @functools.wraps(function)
    def alone(*arguments: P.args, **named: P.kwargs) -> R:
        model: Any = arguments[0] if arguments else named.get("model")
        if isinstance(model, type) or not hasattr(model, "tree"):  # the function says what is wrong with it
            return function(*arguments, **named)
        with training(model.tree()):
            return function(*arguments, **named)

    return alone


def _in_child() -> None:
    """After a fork the other threads are gone, and with them what they did with a network."""
    global _blocks
    left, me = _blocks, threading.get_ident()
    _blocks = _Blocks()
    for who, layers in left.predictions.values():
        if who != me:
            _no_longer(layers)
    for who, layers in left.trainings.values():
        if who != me:
            for layer in layers:
                layer._trained_by = None
    for kept, were in ((_blocks.predictions, left.predictions), (_blocks.trainings, left.trainings)):
        kept.update({key: block for key, block in were.items() if block[0] == me})


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
