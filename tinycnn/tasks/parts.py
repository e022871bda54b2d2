"""What all tasks ask of their samples and losses: one part of a data set each, and a loss that has not gone astray."""

import math
import warnings
from typing import Any

from tinycnn.errors import DataError, TrainingError
from tinycnn.history import Row
from tinycnn.text import kind

EXPLODED = 20  # times the loss of a guess


def two_parts(task: Any, train: Any, valid: Any) -> tuple[Any, Any]:
    """(train, valid) of samples, or of a data set in place of both; refuses what is neither, and nothing to learn."""
    if isinstance(train, task.dataset):
        train, valid = train.train, train.valid if valid is None else valid
    for part in (train,) if valid is None else (train, valid):
        expect_part(task, part, "fit")
    if len(train) == 0:
        raise DataError("the training samples are empty: was everything left out when the data were read?")
    return train, valid


def given_parts(task: Any, train: Any, valid: Any) -> dict[str, Any]:
    """{"train": samples, "valid": samples} as they were given to fit, before they are brought to what a model counts;
    with "test" where a whole data set was given. Parts without samples are left out.
    """
    test = {"test": train.test} if isinstance(train, task.dataset) else {}
    train, valid = two_parts(task, train, valid)
    return {part: some for part, some in {"train": train, "valid": valid, **test}.items() if some is not None and
            len(some)}


def expect_part(task: Any, part: Any, name: str) -> None:
    """A whole data set, or arrays, in place of samples are refused. name: of the function that was called"""
    if isinstance(part, task.dataset):
        raise TypeError(f"{name} takes one part of a data set here: data.train, data.valid or data.test")
    if not isinstance(part, task.samples):
        raise TypeError(f"{name} takes {task.taken}, got {kind(part)}: {task.made_by} a data set of three; from arrays "
                        f"of your own: tinycnn.data.{task.fields}")


def counted_by(model: Any, samples: Any, what: str = "samples") -> Any:
    """`samples` with the labels that a model with a class head counts in, to be measured or looked at.

    Names decide where the model has learned some; before that, labels are numbers, and there may not be more than the
    model has. what: the samples in the error. Raises DataError for classes that the model lacks.
    """
    if model.has_statistics and model.named:
        return samples.relabel(model.classes)
    if len(samples.classes) > len(model.classes):
        raise DataError(f"the {what} have {len(samples.classes)} classes, but the model has {len(model.classes)} "
                        f"(0 to {len(model.classes) - 1}): build it with num_classes={len(samples.classes)}")
    return samples


def expect_something(samples: Any) -> None:
    """There must be something to evaluate on."""
    if len(samples) == 0:
        raise DataError("there is nothing to evaluate on: the samples are empty")


def say_if_exploded(row: Row, usual: dict[str, float], advice: str) -> None:
    """Warn of a loss that is far above that of a guess: it is finite, and nothing can be learned from it.

    usual: {column of the history: what a guess has}    advice: what else to look at
    """
    broken = [name for name, value in row.items() if name.startswith("valid") and not math.isfinite(value)]
    if broken:
        raise TrainingError(
            f"{broken[0].replace('_', ' ')} is {row[broken[0]]} after epoch {row['epoch']}: on pictures it did not "
            "learn from, the network gives no numbers any more. Try a tenth of the learning rate, or clip_norm=5; what "
            "earlier epochs saved is intact")
    for column, guess in usual.items():
        if row.get(column, 0.0) > EXPLODED * guess:
            warnings.warn(
                f"the {column.replace('_', ' ')} is {row[column]:.3g} in epoch {row['epoch']}, where a guess has about "
                f"{guess:.2g}: training has gone astray. Try a tenth of the learning rate, a longer warm-up, or "
                f"clip_norm=5, and {advice}.", stacklevel=4)
