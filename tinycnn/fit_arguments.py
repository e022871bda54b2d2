"""The arguments of fit and lr_find: what is meant is taken, what cannot be is refused before any work is done.

name, everywhere: of the function that was called, for its sentence.
"""

import contextlib
import inspect
import json
import math
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from tinycnn.engine import threads
from tinycnn.layers import Layer
from tinycnn.models.base import layers_inside
from tinycnn.own_code import name_of, own_code
from tinycnn.updates import ALONE
from tinycnn.version import __version__


def expect_numbers(name, **numbers):
    """Whole numbers that are large enough, or None where that is the default: what=(value, least)."""
    for what, (value, least) in numbers.items():
        if value is None and what == "patience":
            continue
        whole = hasattr(value, "__index__") and not isinstance(value, bool) and getattr(value, "shape", ()) == ()
        if not whole or value < least:
            raise ValueError(f"{name}: {what} must be a whole number, {least} or more, got {value!r}")


def expect_parts(name, task, optimizer, loss, schedule, augment, mix, clip_norm, on_epoch, on_step, average, out):
    """What trains the model must be objects and functions that fit, not names or classes."""
    if out is not None and not isinstance(out, str | Path):
        raise TypeError(f"{name}: out must be the path of a folder, or None, got {out!r}")
    _expect_own(name, optimizer, task.model)
    _expect_loss(name, task, loss, mix)
    _expect_factors(name, schedule)
    count, words = task.augmented_by
    if augment is not None and not _takes(augment, count):
        raise TypeError(f"{name}: augment must be a function of {words}, got {augment!r}")
    if clip_norm is not None and not (isinstance(clip_norm, Real) and 0 < float(clip_norm) < math.inf):
        raise ValueError(f"{name}: clip_norm must be a number above 0, or None, got {clip_norm!r}")
    for called, function, given in (("on_epoch", on_epoch, "row"), ("on_step", on_step, "what")):
        if function is not None and not _takes(function, 2):
            raise TypeError(f"{name}: {called} must be a function of ({given}, model), got {function!r}")
    if average is not None and not (isinstance(average, Real) and 0 <= float(average) < 1):
        raise ValueError(f"{name}: average is a share, 0 to below 1, or None, got {average!r}")


def expect_alone(processes: Any, detect_anomaly: bool) -> None:
    """What looks at one process's pictures cannot say where the loss of all of them is not a number."""
    if detect_anomaly and processes.size > 1:
        raise ValueError("fit: detect_anomaly looks at the pictures of one process: train without the others, or "
                         "without it")


def frozen_part(model: Layer, freeze: tuple[str, int] | None) -> tuple[Layer | None, int]:
    """The layer that freeze names, and for how many epochs it stays as it is; None where nothing is frozen."""
    if freeze is None:
        return None, 0
    parts = {name: layer for name, layer in layers_inside(model) if layer.parameters()}
    fits = isinstance(freeze, tuple | list) and len(freeze) == 2 and freeze[0] in parts
    if not fits or isinstance(freeze[1], bool) or not hasattr(freeze[1], "__index__") or freeze[1] < 0:
        raise ValueError("fit: freeze is the name of a part and a number of epochs, such as ('trunk', 3), got "
                         f"{freeze!r}; parts are called {', '.join(list(parts)[:6])} ...")
    return parts[freeze[0]], int(freeze[1])


def how_shown(name: str, task: Any, balance: bool, mix: Any) -> dict[str, Any]:
    """What of both goes to the batches of a task. One without classes refuses them."""
    if balance and task.class_heads != 1:
        several = "several heads that give one" if task.class_heads else "none"
        raise TypeError(f"{name}: balance shows classes equally often, and {type(task.model).__name__} has {several}")
    if mix is not None and not task.class_heads:
        raise TypeError(f"{name}: mix makes pictures of two classes, and {type(task.model).__name__} has none")
    if mix is not None and not _takes(mix, 3):
        raise TypeError(f"{name}: mix must be a function of images, boxes and generator, such as tinycnn.data.Mixup() "
                        f"or tinycnn.data.CutMix(), got {mix!r}")
    return ({"balance": True} if balance else {}) | ({} if mix is None else {"mix": mix})


def _expect_factors(name, schedule):
    """A schedule gives a factor for every progress. The likely slip: cosine instead of cosine()."""
    factors = [schedule(i / 16) for i in range(16)] if callable(schedule) and not isinstance(schedule, type) else [None]
    wrong = [factor for factor in factors if not (isinstance(factor, Real) and 0 <= float(factor) < math.inf)]
    if wrong:
        raise TypeError(f"{name}: schedule must be a function from the progress, 0 to 1, to a factor on the learning "
                        f"rate, such as tinycnn.optim.cosine(), steps() or constant() give, got {schedule!r}"
                        + (f", which gives {wrong[0]!r}" if callable(schedule) else ""))


def _takes(function, count):
    """Whether something can be called with so many arguments, as far as that can be known."""
    if not callable(function) or isinstance(function, type):
        return False
    with contextlib.suppress(ValueError):  # one that is written in C does not say
        try:
            inspect.signature(function).bind(*[None] * count)
        except TypeError:
            return False
    return True


def _expect_own(name, optimizer, model):
    """An optimizer that was made for another model would train that one, and this one not at all."""
    if isinstance(optimizer, type) or not (hasattr(optimizer, "step") and hasattr(optimizer, "model")):
        raise TypeError(f"{name}: optimizer must be an object, such as tinycnn.optim.SGD(model, lr=0.01) or "
                        f"tinycnn.optim.Adam(model, lr=1e-3), got {optimizer!r}")
    own = {id(parameter) for parameter in model.parameters().values()}
    if not own & {id(parameter) for parameter in optimizer.model.parameters().values()}:
        raise ValueError(f"{name}: this optimizer was made for another model: make it with the model that is to "
                         "be trained")


def settings_of(model, *, epochs, batch_size, seed, patience, clip_norm, augment, schedule, loss, optimizer, freeze,
                balance, mix, notes, accumulate, average, train, mixed_precision=False, processes=ALONE):
    """All that a run must find again when it is resumed, as JSON would give it back, and the machine that computes it.

    train: a few numbers of the training samples, which earlier versions compared
    """
    if not callable(getattr(processes, "add_up", None)):
        raise TypeError("fit: processes is a tinycnn.processes.Processes(MPI.COMM_WORLD), made in each of the "
                        f"processes that mpirun has started, got {processes!r}")
    layers = {name: name_of(layer) for name, layer in model.layers() if not layer.children()}
    replaced = [value for value in vars(model).values() if inspect.isroutine(value)]
    settings = {
        "epochs": epochs, "patience": patience, "batch_size": batch_size, "seed": seed, "clip_norm": clip_norm,
        "augment": name_of(augment), "mix": name_of(mix), "schedule": [schedule(i / 16) for i in range(16)],
        "loss": name_of(loss), "optimizer": name_of(optimizer), "train": train, "balance": bool(balance),
        "freeze": list(freeze) if freeze else None, "notes": notes or {}, "accumulate": accumulate, "average": average,
        "mixed_precision": bool(mixed_precision),
        "model": getattr(model, "config", None), "layers": layers,
        "code": own_code(augment=augment, mix=mix, loss=loss, optimizer=type(optimizer), layers=model.tree()[1:],
                         model=[type(model), *replaced]),
        "machine": {"device": model.device, "NumPy": np.__version__, "tinycnn": __version__,
                    "number of processes": processes.size} | (
            {"threads": threads.thread_count(), "engine": "on" if threads.enabled() else "off"}
            if model.device == "cpu" else {}),
    }
    return json.loads(json.dumps(settings, default=lambda other: getattr(other, "item", other.__str__)()))


def _expect_loss(name, task, loss, mix):
    """A class in place of an object, and what is no loss of this task, are refused with the line that is meant."""
    if isinstance(loss, type):
        raise TypeError(f"{name}: loss is the class {loss.__name__}; pass an object: loss={loss.__name__}()")
    task.check_loss(loss, name, mix)
    for method in ("forward", "backward"):
        if not callable(getattr(loss, method, None)):
            raise TypeError(f"{name}: {type(loss).__name__} has no method {method}; tinycnn.losses.Loss has an example")
