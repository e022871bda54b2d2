"""Adapters: two functions, one function that returns its own gradients, a model with its loss, as one object each."""

import inspect

import numpy as np

from tinycnn.gradient_check.parts import is_array, is_part


def required(function, without=("input_gradient",)):
    """Names of the positional arguments that a function has to be given; None for any number (*args)."""
    parameters = [p for p in inspect.signature(function).parameters.values() if p.name not in without]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [p.name for p in positional if p.default is p.empty]


class FunctionPair:
    """Two functions as an object.

    forward(*inputs) -> y with backward(dy, *inputs) or backward(dy); forward(*inputs) -> (y, cache) with
    backward(dy, cache); several outputs as backward(d1, d2), backward((d1, d2)), each with the inputs behind it or not;
    a loss as backward(*inputs) or backward(). Number and names of the arguments that backward takes decide.
    """

    def __init__(self, forward, backward):
        self.functions = forward, backward

    def forward(self, *inputs):
        self._inputs, self._cache = inputs, []
        y = self.functions[0](*inputs)
        takes = required(self.functions[1])
        names = required(self.functions[0]) or []
        if isinstance(y, tuple) and len(y) == 2 and takes is not None and len(takes) == 2:
            # (y, cache) with backward(dy, cache), unless the second argument is an input, or both are gradients.
            two_outputs = all(is_array(part) or np.isscalar(part) for part in y) and not _a_cache(takes[1])
            again = any(y[1] is given for given in inputs) and not takes[0].endswith("s")  # (out, x): x is the cache
            if again or not (takes[1] in names or two_outputs and _are_gradients(takes)):
                y, self._cache = y[0], [y[1]]
        return y

    def backward(self, *dys):
        backward, tree, parts = self.functions[1], dys if len(dys) > 1 else dys[0], dys
        takes = required(backward)
        if self._cache:
            return backward(tree, *self._cache)
        inputs, names = self._inputs, required(self.functions[0]) or []
        if takes is None:
            return backward(*parts)
        again = [inputs[names.index(name)] for name in takes if name in names[: len(inputs)]]  # asked for by name
        if not again and len(takes) in (1 + len(inputs), len(parts) + len(inputs)) and len(takes) > len(parts):
            again = list(inputs)  # or by number
        left = len(takes) - len(again)
        if left == 0:
            return backward(*again)
        return backward(*(parts if left == len(parts) else (tree,)), *again)

    def forget(self):
        self._inputs, self._cache = (), []


class LossFunction:
    """loss(*inputs) -> (loss, gradients) as CS231n has it; the gradients are an array, a tuple or a dictionary."""

    def __init__(self, function):
        self.function = function

    def forward(self, *inputs):
        value, self._gradients = self.function(*inputs)
        return value

    def backward(self):
        return self._gradients

    def forget(self):
        self._gradients = None


class ModelWithLoss:
    """A model and its loss as one object: forward(x, truth) -> value, backward() -> gradients of all parameters."""

    def __init__(self, model, loss):
        self.model, self.loss = model, loss

    def forward(self, x, truth):
        return self.loss.forward(self.model.forward(x), truth)

    def backward(self):
        gradients = self.loss.backward()
        return self.model.backward(*gradients) if isinstance(gradients, tuple) else self.model.backward(gradients)

    def parameters(self):
        learned_by_the_loss = self.loss.parameters() if callable(getattr(self.loss, "parameters", None)) else {}
        learning = {name: held for name, held in self.model.parameters().items() if not getattr(held, "frozen", False)}
        return learning | learned_by_the_loss

    def children(self):
        return {"model": self.model, "loss": self.loss}


def as_object(obj, inputs):
    """What gradcheck was given, as an object with forward and backward; TypeError where it is none."""
    if isinstance(obj, tuple) and len(obj) == 2 and all(callable(f) for f in obj):
        owners = [getattr(f, "__self__", None) for f in obj]
        if owners[0] is owners[1] and is_part(owners[0]) and [f.__name__ for f in obj] == ["forward", "backward"]:
            return owners[0]
        return FunctionPair(*obj)
    if is_part(obj):
        return obj
    if callable(obj) and not isinstance(obj, type) and not isinstance(obj, np.ufunc):
        return LossFunction(obj)
    raise TypeError(
        "gradcheck needs an object with forward and backward, a pair of functions (forward, backward), or a function "
        f"that returns (loss, gradients); got {obj!r}."
    )


def describe(obj):
    """One line that says what is checked."""
    if isinstance(obj, tuple):
        return " and ".join(getattr(f, "__name__", repr(f)) for f in obj)
    if isinstance(obj, ModelWithLoss):
        return f"{describe(obj.model)} with {describe(obj.loss)}"
    if hasattr(obj, "__qualname__"):
        return obj.__name__
    if type(obj).__repr__ is object.__repr__:
        return type(obj).__name__
    first, *more = repr(obj).splitlines()
    return type(obj).__name__ if more else first


def _a_cache(name):
    return name.lower() in ("cache", "saved", "ctx", "context", "mem", "memory", "state", "kept", "tape")


def _are_gradients(names):
    """Both arguments named like gradients: backward(da, db), backward(grad_scores, grad_boxes)."""
    return all(name.lower().lstrip("_").startswith(("d", "g")) for name in names)
