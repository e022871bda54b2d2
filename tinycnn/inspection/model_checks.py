"""What can be wrong with a network and its training step: first loss, layers, gradients of the heads.

The order is that of a careful beginner (and of the course notes of Stanford's CS231n): does an untrained network guess,
can it learn a handful by heart, are all layers alive, do both heads reach the trunk?
"""

import math

import numpy as np

from tinycnn import boxes as box_codec
from tinycnn.backend import to_numpy
from tinycnn.inspection.case import in_turn
from tinycnn.inspection.finding import LOOK, OK, WRONG, Finding
from tinycnn.inspection.taps import batch_of, twin
from tinycnn.losses import MultiTaskLoss
from tinycnn.models import build
from tinycnn.optim import Adam
from tinycnn.text import count, figure_of, percent, short

FAR = 30.0  # times as hard may one head pull as the other
HANDFUL, RIGHT_IOU = 8, 0.75  # pictures to learn by heart, and the mean IoU that counts as learned
LARGE = 10_000_000  # parameters; a step of one size for each moves the outputs of such networks too far
HALF = 0.5  # losses that have fallen below this share are on their way


def classes(model, train):
    """Do the network's scores and the labels mean the same classes?"""
    mine, theirs = model.classes, train.classes
    if len(mine) != len(theirs):
        return Finding("classes", WRONG, f"the network tells {len(mine)} classes apart, the data have {len(theirs)}",
                       f"Build it with num_classes={len(theirs)}.")
    if mine == theirs or not model.has_statistics:
        return Finding("classes", OK, f"{len(theirs)}: {', '.join(theirs[:6])}{' ...' if len(theirs) > 6 else ''}")
    first = next(k for k, (a, b) in enumerate(zip(mine, theirs, strict=True)) if a != b)
    told = f"class {first} is {mine[first]!r} for the network and {theirs[first]!r} in the data"
    return Finding("classes", WRONG, told, "The network was trained with other classes, or with the same in another "
                   "order: the order of `classes` must not change between training and use.")


def weights(model):
    """Are all weights numbers?"""
    broken = [short(name) for name, p in model.parameters().items() if not np.isfinite(to_numpy(p.value)).all()]
    if not broken:
        return Finding("weights", OK, "all are finite numbers")
    return Finding("weights", WRONG, f"{', '.join(broken[:6])}: NaN or infinity inside", "A step that was too large "
                   "broke the network, and no further step repairs it. Start again from an earlier checkpoint with a "
                   "lower rate, or with clip_norm=5.", {"broken": broken})


def statistics(case):
    """Are the box statistics with which the network standardizes those of these boxes?"""
    codes = case.codes(case.train)
    mean, std = codes.mean(axis=0), np.maximum(codes.std(axis=0), 1e-3)
    numbers = {"mean": mean, "std": std, "network's mean": case.model.box_mean, "network's std": case.model.box_std}
    if not case.trained:
        return Finding("box statistics", OK, "the network has none yet; fit will measure them", numbers=numbers)
    # What training shows may vary more than the data do: augmentation moves boxes that are all of one size.
    apart = np.abs(case.model.box_mean - mean) / np.maximum(std, case.model.box_std)
    ratio = case.model.box_std / std
    told = f"center, height, width: {_row(case.model.box_mean)} ± {_row(case.model.box_std)} in the network, " \
           f"{_row(mean)} ± {_row(std)} in the data"
    if apart.max() > 2 or ratio.min() < 0.25:
        return Finding("box statistics", WRONG, told, "The network standardizes with the statistics of other boxes: "
                       "were boxes normalized twice, or is this not the data set that it was trained with?", numbers)
    if apart.max() > 0.7 or ratio.min() < 0.5:
        return Finding("box statistics", LOOK, told, "These boxes are somewhat unlike those of the training.", numbers)
    return Finding("box statistics", OK, "those of these boxes", numbers=numbers)


def _row(values):
    return "(" + ", ".join(f"{value:.2f}" for value in values) + ")"


def first_loss(case):
    """Does the network guess before it has learned: a class loss of log K, and the mean box?"""
    fresh = build(case.model.config) if case.model.config is not None else None if case.trained else twin(case.model)
    if fresh is None:
        return Finding("first loss", OK, "not measured: an architecture of your own, trained already")
    fresh.to(case.model.device)
    fresh.set_box_statistics(case.codes(case.train))
    fresh.eval()
    x, labels, targets = batch_of(fresh, case.batch.images, case.batch.labels, case.batch.boxes)
    loss = MultiTaskLoss()
    loss.forward(fresh.forward(x), (labels, targets))
    class_loss, box_loss = (float(loss.terms[name]) for name in ("class", "box"))
    guess, mean_box = math.log(len(case.model.classes)), float((to_numpy(targets).astype(np.float64) ** 2).mean())
    told = f"untrained, class {class_loss:.2f} (guessing: log {len(case.model.classes)} = {guess:.2f}), " \
           f"box {box_loss:.2f} (the mean box: {mean_box:.2f})"
    numbers = {"class": class_loss, "log K": guess, "box": box_loss, "mean box": mean_box}
    if not math.isfinite(class_loss + box_loss) or class_loss > 1.5 * guess + 0.1 or box_loss > 2 * mean_box + 0.1:
        return Finding("first loss", WRONG, told, "An untrained network should guess, and this one is sure of wrong "
                       "answers. Start the heads with small weights (standard deviation 0.01), and check that pixels "
                       "are normalized.", numbers)
    return Finding("first loss", OK, told, numbers=numbers)


def handful(case, steps=None):
    """Can a copy of the network learn a handful of pictures by heart?"""
    few = case.train.subset(in_turn(case.train.labels, HANDFUL))
    second = twin(case.model, own_weights=True).eval()  # Dropout would only make it harder
    if not case.trained:
        second.set_box_statistics(case.codes(case.train))
    x, labels, targets = batch_of(second, few.images, few.labels, few.boxes)
    large = sum(p.value.size for p in second.parameters().values()) > LARGE
    steps = steps or (80 if large else 200)
    optimizer, sizes, terms = Adam(second, lr=1e-4 if large else 1e-3), few.sizes, []
    for step in range(steps + 1):
        scores, outputs = second.forward(x)
        found = second.boxes_in_pixels(to_numpy(outputs), sizes, labels)
        accuracy = float((to_numpy(scores).argmax(axis=1) == labels).mean())
        iou = float(box_codec.iou(found, few.boxes).mean())
        learned = accuracy == 1 and iou >= RIGHT_IOU
        if learned or step == steps:
            break
        value = float(case.loss.forward((scores, outputs), (labels, targets)))
        if not math.isfinite(value):
            break
        terms.append([float(term) for term in case.loss.terms.values()])
        second.backward(*case.loss.backward())
        optimizer.step()
    told = f"{count(len(few), 'training picture')} after {count(step, 'step')}: {percent(accuracy)} of the classes " \
           f"right, mean IoU {iou:.2f}"
    numbers = {"pictures": len(few), "steps": step, "accuracy": accuracy, "iou": iou}
    if learned:
        return Finding("learn a handful", OK, told, numbers=numbers)
    if terms and max(last / max(first, 1e-12) for first, last in zip(terms[0], terms[-1], strict=True)) < HALF:
        return Finding("learn a handful", LOOK, told, "Both losses fall, slowly: a small network needs more steps. "
                       "diagnose(..., overfit_steps=1000) tells.", numbers)
    what = "the classes" if accuracy < 1 and iou >= RIGHT_IOU else "the boxes" if accuracy == 1 else "classes and boxes"
    return Finding("learn a handful", WRONG, told, f"It cannot even learn {what} of {len(few)} pictures by heart, so "
                   "more data or time will not help. Is a loss weight 0 or tiny, a layer dead, a backward of your own "
                   "wrong (tinycnn.gradcheck), the same picture labeled twice?", numbers)


def layers(case):
    """What a training step shows layer by layer: dead units, updates, gradients that fade."""
    seen = case.trace
    dead = [a for a in seen.layers if a.dead == a.units and a.units > 1]
    mute = [p for p in seen.parameters if not p.gradient_norm and p.name.startswith("trunk")]
    broken = [a for a in seen.layers if not math.isfinite(a.output.norm)]
    numbers = {"dead share": {short(a.name): a.dead / a.units for a in seen.layers if a.dead},
               "update:weight": {short(p.name): p.ratio for p in seen.parameters if p.ratio is not None}}
    told_of = [text for text in seen.findings if len(case.model.classes) > 1 or not text.startswith("class_head")]
    if not told_of:
        told = "outputs, gradients and updates of one step are all of a usual size"
        return Finding("layers", OK, told, numbers=numbers)
    advice = "See print(tinycnn.trace(...)). "
    if dead:
        advice = f"Nothing passes {', '.join(short(a.name) for a in dead)}: the layer before was pushed too far by " \
                 "steps that were too large, or its biases started too low. Start again with a lower rate."
    elif any("never active" in text for text in told_of):
        advice += "Dead units come from steps that were too large; a lower rate or a warm-up spares the rest."
    level = WRONG if dead or mute or broken else LOOK
    return Finding("layers", level, "; ".join(told_of[:4]), advice.strip(), numbers)


def heads(case):
    """Do both heads reach the trunk?"""
    pulls = case.heads
    a, b = pulls.features.class_norm, pulls.features.box_norm
    numbers = {"class norm": a, "box norm": b, "cosine": pulls.features.cosine,
               "balanced box_weight": pulls.balanced_box_weight, **pulls.weights}
    if not a and b and len(case.model.classes) == 1:
        return Finding("heads", OK, "there is one class alone, so the class head has nothing to learn and pulls at "
                       "nothing; the box head does", numbers=numbers)
    if not a or not b:
        return Finding("heads", WRONG, pulls.verdict(), _silent(case, "box" if not b else "class"), numbers)
    if not 1 / FAR <= b / a <= FAR:
        weak = "box" if b < a else "class"
        return Finding("heads", LOOK, pulls.verdict(), f"The trunk hardly learns for the {weak} head. "
                       f"{stronger(case, weak)}", numbers)
    return Finding("heads", OK, pulls.verdict(), numbers=numbers)


def _silent(case, head):
    """Why the trunk feels nothing of a head: its loss weight, its own weights, or a backward that drops it."""
    if not case.heads.weights.get(f"{head}_weight", 1.0):
        return f"Its loss weight is 0: MultiTaskLoss({head}_weight=1)."
    if not any(p.norm for p in case.trace.parameters if p.name.startswith(f"{head}_head") and len(p.shape) > 1):
        return "Its weights are all 0, so that no gradient passes them. Start them at a standard deviation of 0.01."
    return "Neither its loss weight nor its weights are 0, so the network's backward does not add what " \
           f"{head}_head.backward returns. Where two paths meet, gradients are added: tinycnn.gradcheck(model, x)."


def stronger(case, weak):
    """What makes the `weak` head ("class" or "box") pull harder: its own weights, if nearly 0, or its loss weight."""
    sizes = {head: [p.norm / math.sqrt(math.prod(p.shape)) for p in case.trace.parameters
                    if p.name.startswith(f"{head}_head") and len(p.shape) > 1] for head in ("class", "box")}
    other = "class" if weak == "box" else "box"
    if sizes[weak] and sizes[other] and max(sizes[weak]) < 0.02 * max(sizes[other]):
        return f"Its weights are nearly 0 (typical size {figure_of(max(sizes[weak]))}, the {other} head's " \
               f"{figure_of(max(sizes[other]))}), so no gradient passes it. Start it at 0.01, with less weight decay."
    return f"Try MultiTaskLoss(box_weight={figure_of(case.heads.balanced_box_weight, 1)})."
