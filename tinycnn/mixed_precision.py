"""Mixed precision on a GPU: float16 to compute with, float32 for the weights (Micikevicius et al. 2018).

Numbers of 16 bits take half the memory and half the time to move, and a GPU multiplies them several times as fast. But
they end at 65,504, and below 6e-8 they are 0: there, many gradients would be nothing, and small steps of a weight would
be rounded away. So

  - the weights, the optimizer and the loss stay float32; forward and backward see float16 copies of the weights;
  - layers that square their input compute in float32: BatchNorm2d, LocalResponseNorm;
  - the gradient of the loss is multiplied by a large number, the loss scale, before backward, and every gradient of a
    weight is divided by it afterwards. Where one is infinite or NaN then, the scale was too large: it is halved, and
    the step is left out. After many steps without that it is doubled. (With detect_anomaly the run ends there.)

On a CPU float16 is slower than float32, so `fit` refuses it there. No GPU has run this yet: its arithmetic is tested on
the simulated device, the rule of the loss scale against PyTorch's GradScaler.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinycnn.backend import Array, array_module, to_device, to_numpy
from tinycnn.errors import DeviceError
from tinycnn.layers import BatchNorm2d, Layer, LocalResponseNorm
from tinycnn.nested import each
from tinycnn.optim import Optimizer

IN_FLOAT32 = (BatchNorm2d, LocalResponseNorm)
HALF, SINGLE = np.dtype("float16"), np.dtype("float32")


def mixed(task: Any, optimizer: Any) -> tuple[Any, Any]:
    """(task, optimizer) that compute in float16 and take their steps in float32. DeviceError on the CPU."""
    model = task.model
    if model.device == "cpu":
        raise DeviceError("fit: mixed precision is for a GPU, device='cuda': on the CPU float16 is slower than float32")
    wrong = {str(p.value.dtype) for p in model.parameters().values()} - {"float32"}
    if wrong:
        raise DeviceError(f"fit: mixed precision keeps weights in float32, and these are {', '.join(sorted(wrong))}: "
                          "model.astype('float32')")
    scaler = GradScaler()
    return _HalfTask(task, scaler), _Scaled(optimizer, scaler)


class GradScaler:
    """The loss scale, by the rule of torch.amp.GradScaler and with its names.

    scale: what the loss is multiplied by; times backoff_factor after a step with infinite gradients, times
    growth_factor after growth_interval steps in a row without any
    """

    def __init__(self, init_scale: float = 2.0**16, growth_factor: float = 2.0, backoff_factor: float = 0.5,
                 growth_interval: int = 2000) -> None:
        self.scale, self.growth_factor, self.backoff_factor = init_scale, growth_factor, backoff_factor
        self.growth_interval, self.tracker, self.skipped = growth_interval, 0, 0

    def update(self, finite: bool) -> None:
        """Take in whether all gradients of a step were finite."""
        if not finite:
            self.scale, self.tracker, self.skipped = self.scale * self.backoff_factor, 0, self.skipped + 1
            return
        self.tracker += 1
        if self.tracker == self.growth_interval:
            self.scale, self.tracker = self.scale * self.growth_factor, 0


@contextlib.contextmanager
def half_weights(model: Layer) -> Iterator[None]:
    """For the length of a with block the weights are float16 copies, but for those of layers that square."""
    wide = {id(parameter) for layer in _wide(model) for parameter in layer.parameters().values()}
    kept = {name: p.value for name, p in model.parameters().items() if id(p) not in wide}
    parameters = model.parameters()
    for name, value in kept.items():
        parameters[name].value = value.astype(HALF)
    for layer in _wide(model):
        vars(layer)["forward"], vars(layer)["backward"] = _in_single(layer.forward), _in_single(layer.backward)
    try:
        yield
    finally:
        for layer in _wide(model):
            del vars(layer)["forward"], vars(layer)["backward"]
        for name, value in kept.items():
            parameters[name].value = value


def _wide(model):
    return [layer for layer in model.tree() if isinstance(layer, IN_FLOAT32)]


def _in_single(method):
    """A layer's method with its array turned to float32, and its result back."""
    return lambda array, *how: method(array.astype(SINGLE), *how).astype(array.dtype)


class _HalfTask:
    """A task (tinycnn/tasks) whose forward and backward run in float16."""

    def __init__(self, task, scaler):
        self.task, self.scaler = task, scaler

    def __getattr__(self, name):
        return getattr(self.task, name)

    def forward(self, images):
        with half_weights(self.model):
            return _as(SINGLE, self.task.forward(images))

    def backward(self, gradient, name):
        with half_weights(self.model):  # the same copies again, so that nothing is left of them where a run fails
            self.task.backward(_as(HALF, gradient, self.scaler.scale), name)
        for parameter in self.model.parameters().values():
            if parameter.grad is not None:
                parameter.grad = parameter.grad.astype(SINGLE) * (1 / self.scaler.scale)


class _Scaled:
    """An optimizer that leaves out the steps whose gradients are not finite."""

    def __init__(self, optimizer: Optimizer, scaler: GradScaler) -> None:
        vars(self).update(optimizer=optimizer, scaler=scaler)

    def __getattr__(self, name):
        return getattr(self.optimizer, name)

    def __setattr__(self, name, value):
        setattr(self.optimizer, name, value)

    def step(self):
        learning = [p for p in self.optimizer.model.parameters().values() if p.grad is not None and not p.frozen]
        finite = not learning or _finite([p.grad for p in learning])
        self.scaler.update(finite)
        if finite:
            return self.optimizer.step()
        for parameter in learning:
            parameter.grad = None
        return None

    def state_arrays(self):
        state = np.array([self.scaler.scale, self.scaler.tracker])
        return self.optimizer.state_arrays() | {"scaler.": to_device(state, self.optimizer.model.device)}

    def load_state_arrays(self, arrays, steps, turns=None):
        arrays = dict(arrays)
        if "scaler." in arrays:
            scale, tracker = to_numpy(arrays.pop("scaler.")).tolist()
            self.scaler.scale, self.scaler.tracker = scale, int(tracker)
        self.optimizer.load_state_arrays(arrays, steps, turns)


def _finite(grads: list[Array]) -> bool:
    """Whether all numbers are; the one look of a step that waits for the GPU."""
    xp = array_module(*grads)
    return bool(xp.stack([xp.isfinite(grad).all() for grad in grads]).all())


def _as(dtype, tree, factor=1.0):
    """An array, or a tuple, list or dict of them, times a factor, in another dtype."""
    return each(tree, lambda array: (array * factor).astype(dtype))
