"""The last layer of a head: how it begins, and how a network that has learned gets a new one for other classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinycnn.backend import device_of
from tinycnn.layers import Layer, Linear, Sequential
from tinycnn.layers.initial import expect_room


def class_names(num_classes: int, classes: Sequence[str] | None) -> tuple[str, ...]:
    """The names of the classes, or "0", "1", ... where there are none."""
    if not hasattr(num_classes, "__index__") or num_classes < 1 or isinstance(classes, str) or \
            classes is not None and len(classes) != num_classes:
        raise ValueError(f"num_classes={num_classes!r}, classes={classes!r}: a localizer has at least one class, and "
                         "as many names as classes, in a list")
    expect_room(int(num_classes))  # each has a weight at least
    return tuple(str(k) for k in range(num_classes)) if classes is None else tuple(classes)


def named_classes(classes: int | Sequence[str]) -> tuple[str, ...]:
    """The names of the classes, where there may be their number in place of names."""
    return class_names(classes, None) if isinstance(classes, int) else class_names(len(classes), classes)


def small_head(features: int, outputs: int, rng: "np.random.Generator", std: float = 0.01) -> Linear:
    """A Linear whose first outputs are nearly 0: equal probabilities (a loss of log K) and the mean box."""
    head = Linear(features, outputs, rng=rng)
    head.w.value = rng.standard_normal((features, outputs), dtype=np.float32) * np.float32(std)
    return head


def with_new_end(head: Layer, outputs: int, rng: "np.random.Generator") -> Layer:
    """`head` with another last layer, which must be a Linear: where the old one was, and of its dtype."""
    chain: list[tuple[str, Any]] = list(head.children().items()) if isinstance(head, Sequential) else [("", head)]
    name, old = chain[-1]
    if not isinstance(old, Linear):
        raise TypeError(f"replace_head puts another Linear in place of the last layer of a head, and that is {old!r}: "
                        "assign a head of your own, model.class_head = ..., and set model.classes")
    new = small_head(old.in_features, outputs, rng).astype(old.w.value.dtype).to(device_of(old.w.value))
    new.train(old.training or old.frozen)
    return Sequential(**dict([*chain[:-1], (name, new)])) if isinstance(head, Sequential) else new
