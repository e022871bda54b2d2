"""Training: the loop, said plainly, and what makes it safe to interrupt.

Every random draw of a run comes from its seed together with the epoch and the number of the batch, or from a generator
whose state is in the checkpoint. So a run that was killed at any moment and resumed ends with the same bits as one that
was left alone. Checkpoints are written beside the old ones and renamed; a full disk costs the new one, never the old.
Ctrl-C finishes a step and writes a checkpoint; a second one ends at once.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinycnn import optim
from tinycnn.anomaly import Blind, Watch
from tinycnn.backend import pick_device
from tinycnn.callers import trains
from tinycnn.checkpoint import Run
from tinycnn.errors import TrainingError
from tinycnn.fit_arguments import expect_alone, expect_numbers, expect_parts, frozen_part, how_shown, settings_of
from tinycnn.history import History, Row, describe
from tinycnn.losses import Loss
from tinycnn.memory import explain_out_of_memory
from tinycnn.mixed_precision import mixed
from tinycnn.models.base import PictureModel
from tinycnn.progress import bar
from tinycnn.tasks import AnyDataset, AnySamples, Trainable, check_gradients, given_parts, task_of
from tinycnn.updates import ALONE, Accumulated, Average, Rate


@trains
def fit(model: Trainable, train: AnySamples | AnyDataset, valid: AnySamples | None = None, *, epochs: int = 20,
        batch_size: int = 64, optimizer: optim.Optimizer | None = None, loss: Loss | None = None,
        schedule: optim.Schedule | None = None, augment: Any = None, mix: Any = None, seed: int = 0,
        out: str | Path | None = None, resume: bool = False, patience: int | None = None,
        clip_norm: float | None = None, device: str | None = None, progress: bool = True, gradcheck_every: int = 0,
        workers: int = 1, on_epoch: Callable[[Row, Any], object] | None = None, freeze: tuple[str, int] | None = None,
        balance: bool = False, notes: dict[str, Any] | None = None, accumulate: int = 1, average: float | None = None,
        restore_best: bool = False, detect_anomaly: bool = False,
        on_step: Callable[[dict[str, Any], Any], object] | None = None, mixed_precision: bool = False,
        processes: Any = ALONE) -> History:
    """Train a Localizer, PoseNet or MultiHead; returns the History. The model ends with the weights of the last epoch,
    with restore_best with those of the best one.

    train, valid: Samples (for a PoseNet PoseSamples, for a MultiHead HeadSamples), or a data set for both; valid
        chooses the best epoch and is never learned from. Labels are brought into the order of the model's classes
    optimizer: default SGD(model, lr=0.01, momentum=0.9, weight_decay=5e-4)    loss: default MultiTaskLoss() or the like
    schedule: progress 0..1 -> factor on the rate; default tinycnn.optim.cosine()
    augment: an Augment (for a PoseNet, a PoseAugment), or None    mix: a tinycnn.data.Mixup or CutMix, or None: a
        picture then has shares of two classes, which a WeightedCrossEntropy takes, and the box of the larger share
    out: a folder for model.npz (best epoch; the last without valid), two checkpoints, history.csv, epochs.npz, run.json
    resume: continue from the last whole checkpoint if there is one, with the same samples and settings. Only epochs and
        patience may be others: the rate then follows the schedule over the new number of epochs, which is printed
    patience: stop after so many epochs without a better one    clip_norm: largest norm of all gradients
    device: move the model there first; None leaves it where it is    workers: background threads that prepare batches
    gradcheck_every: check all gradients after every so many steps    mixed_precision: in float16, on a GPU alone
    on_epoch: called with (row, model) after each epoch, row as in History. A rate that it sets, optimizer.lr = ...,
        is the one that the schedule multiplies from then on; no checkpoint keeps it
    on_step: called with (what, model) after each step of the optimizer, what = {"epoch", "step", "lr", "loss"}, which
        may set the rate too. The loss is 0-d, where the model is; epochs and steps count from 1, as in every error
    freeze: a part of the model and for how many epochs it stays as it is, ("trunk", 3); then all of it learns
    balance: every class comes equally often, however rare; an epoch stays as long (balanced, tinycnn/data/batches.py).
        Probabilities are then those of classes that are equally frequent: a rare class is named more often
    notes: what else shaped this training, as JSON has it; the checkpoint keeps it, and resume must find it the same
    detect_anomaly: name the layer, the array, the step and the picture where NaN or infinity first appears
    accumulate: batches in a step, whose mean gradient it takes, as of one batch of so many times the size
    average: what an average of the weights keeps of itself at each step, such as .999. What is validated, written to
        model.npz and left in the model is that average; on_step and on_epoch see the weights that learn
    processes: tinycnn.processes.Processes that train this network together, each calling fit with the same arguments

    Raises TrainingError when a loss becomes NaN or infinite, DataError for samples that do not fit the model,
    CheckpointError for an `out` that holds another run, or in which another training writes, and OrderError while
    another thread trains this model or predicts with it.
    """
    task = task_of(model)
    given = train, valid
    samples, valid = task.fitting(train, valid)  # as the model counts them
    loss = task.usual_loss(mix) if loss is None else loss
    schedule = optim.cosine() if schedule is None else schedule
    optimizer = optim.SGD(model, lr=0.01, momentum=0.9, weight_decay=5e-4) if optimizer is None else optimizer
    expect_numbers("fit", epochs=(epochs, 0), batch_size=(batch_size, 1), seed=(seed, 0), workers=(workers, 0),
                   patience=(patience, 1), gradcheck_every=(gradcheck_every, 0), accumulate=(accumulate, 1))
    expect_parts("fit", task, optimizer, loss, schedule, augment, mix, clip_norm, on_epoch, on_step, average, out)
    expect_alone(processes, detect_anomaly)
    part, frozen_epochs = frozen_part(task.model, freeze)
    shown = how_shown("fit", task, balance, mix)
    model.to(model.device if device is None else pick_device(device)[0])
    settings = settings_of(model, epochs=epochs, batch_size=batch_size, seed=seed, patience=patience,
                           clip_norm=clip_norm, augment=augment, schedule=schedule, loss=loss, optimizer=optimizer,
                           freeze=freeze, balance=balance, mix=mix, notes=notes, accumulate=accumulate, average=average,
                           processes=processes, mixed_precision=mixed_precision, train=task.fingerprint(samples))
    task, optimizer = mixed(task, optimizer) if mixed_precision else (task, optimizer)
    gradients, averaged = Accumulated(model, accumulate), Average(model, average)
    out, progress = (None, False) if processes.rank else (out, progress)  # one writes and prints for all
    run = Run(model, optimizer, out, settings, given_parts(task, *given), averaged, restore_best, processes.rank)
    watch = Watch(model, samples.names) if detect_anomaly else Blind()
    batches = math.ceil(len(samples) / batch_size)  # of an epoch
    rate = Rate(optimizer, schedule)
    try:
        for sentence in run.begin(resume, schedule):
            if progress:
                print(sentence, flush=True)
        task.prepare(samples, augment, seed, loss)
        processes.agree(run)
        for epoch in range(len(run.history), epochs):
            if patience is not None and run.history.waited >= patience and run.meter is None:
                break
            meter, first = run.begin_epoch(epoch + 1, batches)  # first: 0, but in an epoch that was stopped within
            if part is not None:
                part.freeze(epoch < frozen_epochs)
            model.train()
            shuffled = task.batches(samples, batch_size, shuffle=True, augment=augment, seed=seed, epoch=epoch,
                                    workers=workers, skip_missing=True, first=first, share=processes.share, **shown)
            seen = bar(shuffled, batches, f"epoch {epoch + 1}/{epochs}", progress, first=first)
            for k, batch in enumerate(seen, first):
                step = epoch * math.ceil(batches / accumulate) + k // accumulate + 1
                if k % accumulate == 0:
                    meter.lr = rate.follow((epoch * batches + k) / (epochs * batches))
                processes.begin(min(batch_size, len(samples) - k * batch_size))
                with watch.step(step, batch.indices):
                    value, pictures = forward(task, batch, loss, watch, processes)
                    meter.add(loss, value, pictures, step)
                    backward(task, loss, watch, processes)
                    complete = gradients.complete(pictures, last=k + 1 == batches)
                    if complete:
                        processes.add_up(model)
                        take_step(task, optimizer, clip_norm, watch)
                        averaged.follow()
                if complete and on_step is not None:
                    on_step({"epoch": epoch + 1, "step": step, "lr": optimizer.lr, "loss": value}, model)
                if complete and gradcheck_every and step % gradcheck_every == 0:
                    check_gradients(task, batch, loss, step)
                if complete:
                    run.stop_if_asked(meter)
            row = {"epoch": epoch + 1, "seconds": 0.0, "lr": meter.lr, **meter.means()}
            if valid is not None and len(valid):
                with averaged.shown():
                    row |= task.validate(valid, loss, batch_size, workers, processes)
            row["seconds"] = meter.seconds()
            task.say_if_exploded(row, loss)
            run.finish_epoch(row)
            if progress:
                print(describe(row), flush=True)
            if on_epoch is not None:
                on_epoch(row, model)
            run.stop_if_asked()
        averaged.put()
        run.put_best()
        processes.agree(run)
    except MemoryError as error:  # CuPy's OutOfMemoryError is one too
        raise TrainingError(explain_out_of_memory(error, batch_size)) from error
    finally:
        run.end()
        rate.put_back()
        model.eval()
    return run.history


QUIETLY = np.errstate(over="ignore", invalid="ignore")  # numbers that overflow are said once, as a TrainingError


@QUIETLY
def forward(task: Any, batch: Any, loss: Loss, watch: Any, processes: Any = ALONE) -> tuple[Any, int]:
    """A batch through the model and the loss: (the loss, 0-d, of how many pictures)."""
    with processes.drawing(task.model):
        outputs = task.forward(processes.shown(batch.images))
    outputs, truth, pictures = processes.whole(outputs, task.truth(batch), len(batch.images))
    value = loss.forward(outputs, truth)
    watch.forward(value, truth)
    return value, pictures


@QUIETLY
def backward(task: Any, loss: Loss, watch: Any, processes: Any = ALONE) -> None:
    """The way back, which writes all gradients."""
    task.backward(processes.own(loss.backward()), type(loss).__name__)
    watch.backward()


@QUIETLY
def take_step(task: Any, optimizer: optim.Optimizer, clip_norm: float | None, watch: Watch) -> None:
    """One step with the gradients that are there."""
    if clip_norm:
        optim.clip_gradients(task.model, clip_norm)
    optimizer.step()
    watch.weights()


def evaluate(model: PictureModel, samples: AnySamples, train_samples: AnySamples | None = None, batch_size: int = 64,
             workers: int = 1) -> dict[str, float]:
    """All metrics on `samples`, with the answers that never look at a picture, made from `train_samples`, beside them.

    Those of tinycnn.metrics for a Localizer, of tinycnn.poses for a PoseNet, of each head for a MultiHead, in one dict.
    """
    return task_of(model, "evaluate").evaluate(samples, train_samples, batch_size, workers)
