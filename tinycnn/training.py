"""Training: the loop, said plainly, and what makes it safe to interrupt.

Every random draw of a run comes from its seed together with the epoch and the number of the batch, or from a generator
whose state is in the checkpoint. So a run that was killed at any moment and resumed ends with the same bits as one that
was left alone. Checkpoints are written beside the old ones and renamed; a full disk costs the new one, never the old.
"""

import math
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tinycnn import boxes as box_codec
from tinycnn import optim
from tinycnn.backend import array_module, pick_device, to_device, to_numpy
from tinycnn.checkpoint import Run
from tinycnn.data.batches import Augmentation, batches, shown_codes
from tinycnn.data.dataset import Dataset, Samples
from tinycnn.errors import DataError, TrainingError
from tinycnn.fit_arguments import expect_numbers, expect_parts, expect_samples, fitting_samples, frozen_part, name_of
from tinycnn.history import History, Meter, Row, describe, losses_of
from tinycnn.losses import Loss, MultiTaskLoss, tell_box_statistics
from tinycnn.memory import explain_out_of_memory
from tinycnn.models.localizer import Localizer, softmax
from tinycnn.text import kind

EXPLODED = 20  # times the loss of a guess


def fit(model: Localizer, train: Samples | Dataset, valid: Samples | None = None, *, epochs: int = 20,
        batch_size: int = 64, optimizer: optim.Optimizer | None = None, loss: Loss | None = None,
        schedule: optim.Schedule | None = None, augment: Augmentation | None = None, seed: int = 0,
        out: str | Path | None = None, resume: bool = False, patience: int | None = None,
        clip_norm: float | None = None, device: str | None = None, progress: bool = True, gradcheck_every: int = 0,
        workers: int = 1, on_epoch: Callable[[Row, Localizer], object] | None = None,
        freeze: tuple[str, int] | None = None) -> History:
    """Train a localizer; returns the History. The model ends with the weights of the last epoch.

    train, valid: Samples, or a Dataset for both; valid chooses the best epoch and is never learned from
    optimizer: default SGD(model, lr=0.01, momentum=0.9, weight_decay=5e-4)    loss: default MultiTaskLoss()
    schedule: progress 0..1 -> factor on the rate; default tinycnn.optim.cosine()    augment: an Augment, or None
    out: folder that receives model.npz (the best epoch; the last without valid), checkpoint.npz and history.csv
    resume: continue from out/checkpoint.npz if there is one, with the same settings
    patience: stop after so many epochs without a better valid_joint    clip_norm: largest norm of all gradients
    device: move the model there first; None leaves it where it is    workers: background threads that prepare batches
    gradcheck_every: check the gradients of the whole model after every so many steps
    on_epoch: called with (row, model) after each epoch, row as in History. A rate that it sets, optimizer.lr = ...,
        is the one that the schedule multiplies from then on.
    freeze: a part of the model and for how many epochs it stays as it is, ("trunk", 3); then all of it learns

    Samples whose classes stand in another order than the model's are brought into that order.

    Raises TrainingError when a loss becomes NaN or infinite, DataError for samples that do not fit the model.
    """
    train, valid = fitting_samples(model, train, valid)  # two parts, with the model's labels
    loss = MultiTaskLoss() if loss is None else loss
    schedule = optim.cosine() if schedule is None else schedule
    optimizer = optim.SGD(model, lr=0.01, momentum=0.9, weight_decay=5e-4) if optimizer is None else optimizer
    expect_numbers(epochs=(epochs, 0), batch_size=(batch_size, 1), seed=(seed, 0), workers=(workers, 0),
                   patience=(patience, 1), gradcheck_every=(gradcheck_every, 0))
    expect_parts(model, optimizer, loss, schedule, augment, clip_norm, on_epoch)
    part, frozen_epochs = frozen_part(model, freeze)
    if device is not None:
        model.to(pick_device(device)[0])
    run = Run(model, optimizer, out, {
        "epochs": epochs, "batch_size": batch_size, "seed": seed, "clip_norm": clip_norm, "augment": name_of(augment),
        "schedule": [schedule(i / 16) for i in range(16)], "loss": name_of(loss),
        "optimizer": name_of(optimizer), "train": [len(train), int(train.labels.sum()), float(train.boxes.sum())],
        **({"freeze": list(freeze)} if freeze else {}),
    })
    if resume:
        run.resume()
    else:
        run.expect_new()
    if not model.has_statistics:
        model.set_box_statistics(shown_codes(train, model.image_size, augment, seed))
        model.classes = train.classes
    tell_box_statistics(loss, model.box_statistics)
    steps_per_epoch = math.ceil(len(train) / batch_size)
    base_lr = set_lr = optimizer.lr
    try:
        for epoch in range(len(run.history), epochs):
            if _out_of_patience(run.history, patience):
                break
            start, meter = time.perf_counter(), Meter(epoch, steps_per_epoch)
            if part is not None:
                part.freeze(epoch < frozen_epochs)
            model.train()
            shuffled = batches(train, batch_size, model.image_size, shuffle=True, augment=augment, seed=seed,
                               epoch=epoch, workers=workers)
            for step, batch in enumerate(_bar(shuffled, steps_per_epoch, f"epoch {epoch + 1}/{epochs}", progress)):
                done = epoch * steps_per_epoch + step
                optimizer.lr = set_lr = base_lr * schedule(done / (epochs * steps_per_epoch))
                _step(model, batch, loss, optimizer, clip_norm, meter)
                if gradcheck_every and (done + 1) % gradcheck_every == 0:
                    _check_gradients(model, loss, batch, done)
            row = {"epoch": epoch + 1, "seconds": 0.0, "lr": optimizer.lr, **meter.means()}
            if valid is not None and len(valid):
                row |= _validate(model, valid, loss, batch_size, workers)
            row["seconds"] = time.perf_counter() - start
            _say_if_exploded(row, loss, len(model.classes))
            run.finish_epoch(row)
            if progress:
                print(describe(row), flush=True)
            if on_epoch is not None:
                on_epoch(row, model)
            if optimizer.lr != set_lr:  # on_epoch has set a rate: from now on the schedule is a factor on that
                base_lr = set_lr = optimizer.lr
    except MemoryError as error:  # CuPy's OutOfMemoryError is one too
        raise TrainingError(explain_out_of_memory(error, batch_size)) from error
    finally:
        optimizer.lr = base_lr
        model.eval()
    return run.history


def _step(model, batch, loss, optimizer, clip_norm, meter):
    """Forward, both losses, backward, one step of the optimizer."""
    # Numbers that overflow are reported once, as a TrainingError, not by a warning for each operation.
    with np.errstate(over="ignore", invalid="ignore"):
        device = model.device
        images, targets = to_device(batch.images, device), model.standardize(batch.codes)
        value = loss.forward(model.forward(model.normalize(images)), (batch.labels, targets))
        meter.add(loss, value, len(batch.labels))
        model.backward(*_two_gradients(loss))
        if clip_norm:
            optim.clip_gradients(model, clip_norm)
        optimizer.step()


def predict_samples(model: Localizer, samples: Samples, batch_size: int = 64,
                    workers: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Run the model over samples without augmentation: (scores (n, K), box outputs) on the host, in their order.

    The outputs stay on the device until the end and come down once.
    """
    scores, boxes = _outputs(model, samples, batch_size, workers)
    return to_numpy(scores), to_numpy(boxes)


def _outputs(model, samples, batch_size, workers):
    """Scores and box head outputs for all samples, on the device."""
    device, outputs = model.device, []
    with model.predicting():
        for batch in batches(samples, batch_size, model.image_size, shuffle=False, seed=0, epoch=0, workers=workers):
            outputs.append(model.answer(model.normalize(to_device(batch.images, device))))
    xp = array_module(outputs[0][0])
    return tuple(xp.concatenate(parts) for parts in zip(*outputs, strict=True))


def evaluate(model: Localizer, samples: Samples, train_samples: Samples | None = None, batch_size: int = 64,
             workers: int = 1) -> dict[str, float]:
    """All metrics of tinycnn.metrics on `samples`, with the baselines made from `train_samples` beside them: a dict."""
    from tinycnn.metrics import evaluate_predictions

    expect_samples(samples, "evaluate")
    if len(samples) == 0:
        raise DataError("there is nothing to evaluate on: the samples are empty")
    if model.has_statistics:  # trained: its classes have names
        samples = samples.relabel(model.classes)
        train_samples = train_samples and train_samples.relabel(model.classes)
    scores, outputs = predict_samples(model, samples, batch_size, workers)
    boxes = model.boxes_in_pixels(outputs, samples.sizes)
    return evaluate_predictions(scores.argmax(axis=1), boxes, softmax(scores), samples, train_samples)


def _validate(model, valid, loss, batch_size, workers):
    """The loss with its terms, and the headline metrics, on the validation samples."""
    there = _outputs(model, valid, batch_size, workers)
    targets = model.standardize(box_codec.encode(valid.boxes, valid.sizes))
    value = loss.forward(there, (valid.labels, targets))
    losses = {f"valid_{name}": float(number) for name, number in losses_of(loss, value).items()}
    scores, outputs = map(to_numpy, there)
    labels = scores.argmax(axis=1)
    iou = box_codec.iou(model.boxes_in_pixels(outputs, valid.sizes, labels), valid.boxes)
    right = labels == valid.labels
    return {**losses, "valid_accuracy": float(right.mean()), "valid_mean_iou": float(iou.mean()),
            "valid_iou50": float((iou >= 0.5).mean()), "valid_joint": float((right & (iou >= 0.5)).mean())}


def _say_if_exploded(row, loss, classes):
    """Warn of a loss that is far above that of a guess: it is finite, and nothing can be learned from it."""
    if not isinstance(loss, MultiTaskLoss):
        return
    guess = {"class": math.log(classes) + 0.1, "box": 1.0}  # equal probabilities, and the mean box
    for term, usual in guess.items():
        if row.get(f"{term}_loss", 0.0) > EXPLODED * usual:
            warnings.warn(
                f"the {term} loss is {row[f'{term}_loss']:.3g} in epoch {row['epoch']}, where a guess has about "
                f"{usual:.2g}: training has gone astray. Try a tenth of the learning rate, a longer warm-up, or "
                "clip_norm=5, and look at the boxes (tinycnn data show).", stacklevel=3)


def _two_gradients(loss):
    """What loss.backward returns: (dloss/dscores, dloss/dboxes)."""
    gradients = loss.backward()
    found = [kind(part) for part in gradients] if isinstance(gradients, tuple | list) else [kind(gradients)]
    if len(found) != 2 or any(getattr(getattr(part, "dtype", None), "kind", "") != "f" for part in gradients):
        raise TypeError(f"fit expects that {type(loss).__name__}.backward returns two gradients, (dscores, dboxes), "
                        f"got {' and '.join(found) or 'none'}; each is an array of floating-point numbers")
    return gradients


def _out_of_patience(history, patience):
    return patience is not None and len(history) - history.best_epoch >= patience


def _check_gradients(model, loss, batch, step):
    from tinycnn.gradient_check import quick_check

    few = slice(0, 4)
    x = model.normalize(to_device(batch.images[few], model.device))
    targets = model.standardize(batch.codes[few])
    report = quick_check(model, loss, x, (batch.labels[few], targets), seed=step)
    if not report.ok:
        raise TrainingError(f"the gradients are wrong at step {step}:\n{report}")


def _bar(iterable, total, title, progress):
    """A progress bar where tqdm is installed and someone is watching."""
    try:
        from tqdm import tqdm
    except ImportError:
        return iterable
    return tqdm(iterable, total=total, desc=title, leave=False, disable=None if progress else True, unit="batch")
