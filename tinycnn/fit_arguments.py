"""The arguments of fit: what is meant is taken, and what cannot be is refused in a sentence before any work is done."""

import contextlib
import inspect
import math
from numbers import Real

from tinycnn.box_losses import BOX_LOSSES
from tinycnn.data.dataset import Dataset, Samples
from tinycnn.errors import DataError
from tinycnn.layers import Layer
from tinycnn.losses import SoftmaxCrossEntropy
from tinycnn.models.localizer import Localizer
from tinycnn.text import kind


def fitting_samples(model: Localizer, train: Samples | Dataset,
                    valid: Samples | None) -> tuple[Samples, Samples | None]:
    """The samples with the labels that the model counts in; what does not fit it is refused before any work is done."""
    if not isinstance(model, Localizer):
        got = f"the class {model.__name__}: pass an object" if isinstance(model, type) else kind(model)
        raise TypeError(f"fit trains a Localizer, such as tinycnn.models.localizer() makes, got {got}")
    if isinstance(train, Dataset):
        valid = train.valid if valid is None else valid
        train = train.train
    for samples in (train,) if valid is None else (train, valid):
        expect_samples(samples, "fit")
    if len(train) == 0:
        raise DataError("the training samples are empty: was everything left out when the data were read?")
    if len(train.classes) > len(model.classes):
        raise DataError(
            f"the training samples have {len(train.classes)} classes, but the model has {len(model.classes)} "
            f"(0 to {len(model.classes) - 1}): build it with num_classes={len(train.classes)}"
        )
    if model.has_statistics:  # it has learned classes that have names
        unknown = [name for name in train.classes if name not in model.classes]
        if unknown:
            raise DataError(
                f"the model has learned {', '.join(model.classes[:8])}, and the training samples have "
                f"{', '.join(unknown[:8])}. To go on with other classes, give it a new class head and set "
                "model.classes = samples.classes first."
            )
        train = train.relabel(model.classes)
    return train, None if valid is None else valid.relabel(train.classes)


def expect_samples(samples, name):
    """A Dataset, or arrays, in place of Samples are refused."""
    if isinstance(samples, Dataset):
        raise TypeError(f"{name} takes one part of a data set here: data.train, data.valid or data.test")
    if not isinstance(samples, Samples):
        raise TypeError(f"{name} takes Samples, got {kind(samples)}: tinycnn.data.read or tinycnn.data.scenes make "
                        "a data set of three; from arrays of your own: "
                        "tinycnn.data.Samples(images, labels, boxes, names, classes)")


def expect_numbers(**numbers):
    """Whole numbers that are large enough, or None where that is the default: name=(value, least)."""
    for name, (value, least) in numbers.items():
        if value is None and name == "patience":
            continue
        whole = hasattr(value, "__index__") and not isinstance(value, bool) and getattr(value, "shape", ()) == ()
        if not whole or value < least:
            raise ValueError(f"fit: {name} must be a whole number, {least} or more, got {value!r}")


def expect_parts(model, optimizer, loss, schedule, augment, clip_norm, on_epoch):
    """What trains the model must be objects and functions that fit, not names or classes."""
    _expect_own(optimizer, model)
    _expect_two_heads(loss)
    _expect_factors(schedule)
    if augment is not None and not _takes(augment, 4):
        raise TypeError("fit: augment must be a function of picture, box, side and generator, such as "
                        f"tinycnn.data.Augment() or tinycnn.data.Augment.strong(), got {augment!r}")
    if clip_norm is not None and not (isinstance(clip_norm, Real) and 0 < float(clip_norm) < math.inf):
        raise ValueError(f"fit: clip_norm must be a number above 0, or None, got {clip_norm!r}")
    if on_epoch is not None and not callable(on_epoch):
        raise TypeError(f"fit: on_epoch must be a function of (row, model), got {on_epoch!r}")


def frozen_part(model: Localizer, freeze: tuple[str, int] | None) -> tuple[Layer | None, int]:
    """The layer that freeze names, and for how many epochs it stays as it is; None where nothing is frozen."""
    if freeze is None:
        return None, 0
    parts = {name: layer for name, layer in _named(model) if layer.parameters()}
    fits = isinstance(freeze, tuple | list) and len(freeze) == 2 and freeze[0] in parts
    if not fits or isinstance(freeze[1], bool) or not hasattr(freeze[1], "__index__") or freeze[1] < 0:
        raise ValueError("fit: freeze is the name of a part and a number of epochs, such as ('trunk', 3), got "
                         f"{freeze!r}; parts are called {', '.join(list(parts)[:6])} ...")
    return parts[freeze[0]], int(freeze[1])


def _named(model, prefix=""):
    """(dotted name, layer) of every layer inside, at any depth."""
    for name, layer in model.children().items():
        yield prefix + name, layer
        yield from _named(layer, f"{prefix}{name}.")


def _expect_factors(schedule):
    """A schedule gives a factor for every progress. The likely slip: cosine instead of cosine()."""
    factors = [schedule(i / 16) for i in range(16)] if callable(schedule) and not isinstance(schedule, type) else [None]
    wrong = [factor for factor in factors if not (isinstance(factor, Real) and 0 <= float(factor) < math.inf)]
    if wrong:
        raise TypeError("fit: schedule must be a function from the progress, 0 to 1, to a factor on the learning rate, "
                        f"such as tinycnn.optim.cosine(), steps() or constant() give, got {schedule!r}"
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


def _expect_own(optimizer, model):
    """An optimizer that was made for another model would train that one, and this one not at all."""
    if isinstance(optimizer, type) or not (hasattr(optimizer, "step") and hasattr(optimizer, "model")):
        raise TypeError(f"fit: optimizer must be an object, such as tinycnn.optim.SGD(model, lr=0.01) or "
                        f"tinycnn.optim.Adam(model, lr=1e-3), got {optimizer!r}")
    own = {id(parameter) for parameter in model.parameters().values()}
    if not own & {id(parameter) for parameter in optimizer.model.parameters().values()}:
        raise ValueError("fit: this optimizer was made for another model: make it with the model that is to be trained")


def name_of(part):
    """A part of a training as it is compared on resume: how it prints itself, or its name, but never an address."""
    if hasattr(part, "__qualname__"):
        return f"{part.__module__}.{part.__qualname__}"
    return repr(part) if type(part).__repr__ is not object.__repr__ else type(part).__qualname__


def _expect_two_heads(loss):
    """A loss of one head, or a class in place of an object, is refused with the line that is meant."""
    if isinstance(loss, type):
        raise TypeError(f"fit: loss is the class {loss.__name__}; pass an object: loss={loss.__name__}()")
    if isinstance(loss, (SoftmaxCrossEntropy, *BOX_LOSSES.values())):
        raise TypeError(f"fit: {loss!r} is the loss of one head; both together: MultiTaskLoss(box_loss=...)")
    for method in ("forward", "backward"):
        if not callable(getattr(loss, method, None)):
            raise TypeError(f"fit: {type(loss).__name__} has no method {method}; tinycnn.losses.Loss has an example")
