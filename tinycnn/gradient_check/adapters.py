"""Adapters: two functions, or a model with its loss, as one object with forward and backward."""

import inspect


class FunctionPair:
    """Two functions as an object: forward(*inputs) -> y and backward(dy, *inputs) -> gradients of the inputs.

    Also forward(*inputs) -> (y, cache) with backward(dy, cache), and backward(dy) alone. The number of arguments that
    backward takes decides.
    """

    def __init__(self, forward, backward):
        self.functions = forward, backward
        self.accepts = len([p for p in inspect.signature(backward).parameters.values() if p.default is p.empty])

    def forward(self, *inputs):
        self.inputs, self.cache = inputs, None
        y = self.functions[0](*inputs)
        if isinstance(y, tuple) and len(y) == 2 and self.accepts == 2:
            y, self.cache = y
        return y

    def backward(self, dy):
        if self.accepts == 1:
            return self.functions[1](dy)
        if self.cache is not None:
            return self.functions[1](dy, self.cache)
        return self.functions[1](dy, *self.inputs)


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


def describe(obj):
    """One line that says what is checked."""
    if isinstance(obj, tuple):
        return " and ".join(getattr(f, "__name__", repr(f)) for f in obj)
    if isinstance(obj, ModelWithLoss):
        return f"{describe(obj.model)} with {describe(obj.loss)}"
    if type(obj).__repr__ is object.__repr__:
        return type(obj).__name__
    first, *more = repr(obj).splitlines()
    return type(obj).__name__ if more else first
