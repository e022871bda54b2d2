"""What can be wrong with the predictions: one box for all images, one class for all, everything learned by heart."""

import math

import numpy as np

from tinycnn.inspection.finding import LOOK, OK, WRONG, Finding
from tinycnn.inspection.model_checks import stronger
from tinycnn.text import count, figure_of, percent

SAME, TIMID = 0.05, 0.25  # variance of the predicted boxes over that of the true ones
NONE, FEWER = 0.1, 0.35  # share of the pictures of other classes that is told apart: as good as none, too few
JUDGED = 5  # pictures of other classes that are enough to judge by
ALIKE = 0.03  # how much features vary from picture to picture, relative to their size


def same_box(case):
    """Does it predict the same box for every image?"""
    seen = case.looked
    truth, std = case.codes(seen.samples), np.maximum(case.codes(case.train).std(axis=0), 1e-3)
    mean = case.codes(case.train).mean(axis=0)
    predicted, wanted, constant = seen.codes / std, truth / std, mean / std
    ratio = float(predicted.var(axis=0).sum() / max(wanted.var(axis=0).sum(), 1e-12))
    error, error_of_mean = float(((predicted - wanted) ** 2).mean()), float(((constant - wanted) ** 2).mean())
    gain = 1 - error / max(error_of_mean, 1e-12)
    pulls = case.heads.features
    numbers = {"variance ratio": ratio, "gain": gain, "class norm": pulls.class_norm, "box norm": pulls.box_norm,
               "features vary": seen.variation}
    told = f"on {count(len(truth), f'{seen.part} picture')}, the variance of its boxes is {figure_of(ratio)} times " \
           f"that of the true ones, and their squared error {figure_of(1 - gain)} times that of the mean box"
    if ratio < SAME:
        return Finding("same box", WRONG if case.trained else LOOK, f"it predicts the same box for every image: {told}",
                       _why_same(case, seen, pulls), numbers)
    if gain < 0:
        return Finding("same box", LOOK, told, "Its boxes are worse than always answering with the mean box: it has "
                       "learned by heart, or the rate was too high at the end.", numbers)
    if ratio < TIMID:
        return Finding("same box", LOOK, told, "Its boxes are timid, near the mean box: train longer, or give the "
                       "box loss more weight (both heads would pull equally at "
                       f"box_weight={figure_of(case.heads.balanced_box_weight)}).", numbers)
    return Finding("same box", OK, told, numbers=numbers)


def _why_same(case, seen, pulls):
    if not case.trained:
        return "It has not been trained yet: this is the mean box from which learning starts."
    if seen.variation < ALIKE:
        return f"The features themselves hardly vary from picture to picture ({percent(seen.variation)} of their " \
               "size): the trunk is dead or blind. See what is said about layers, and whether pixels are normalized."
    if not pulls.box_norm:
        return "No gradient of the box head arrives at the shared features: is box_weight 0, or its head cut off?"
    if pulls.class_norm and pulls.box_norm < pulls.class_norm / 10:
        ratio = pulls.box_norm / pulls.class_norm
        return f"At the shared features the box head's gradient is {figure_of(ratio)} of the class head's. " \
               f"{stronger(case, 'box')}"
    return "Features vary and the box head's gradient arrives, so it is on its way: train longer, or with a higher " \
           "rate. Check that the trunk keeps positions (Flatten, not an average over the map)."


def same_class(case):
    """Does it give the same class to every image?"""
    seen = case.looked
    counts = np.bincount(seen.labels, minlength=len(case.model.classes))
    share, name = float(counts.max() / len(seen.labels)), case.model.classes[int(counts.argmax())]
    others = seen.samples.labels != counts.argmax()  # what should not be called so
    told = f"{percent(share)} of {count(len(seen.labels), f'{seen.part} picture')} are called {name} " \
           f"(the most frequent class has {percent(seen.majority)})"
    numbers = {"largest share": share, "true largest share": seen.majority}
    if not others.any():
        return Finding("same class", OK, told, numbers=numbers)
    numbers["others told apart"] = apart = float((seen.labels != counts.argmax())[others].mean())
    if share <= 0.9 or apart > FEWER:
        return Finding("same class", OK, told, numbers=numbers)
    if not case.trained:
        return Finding("same class", LOOK, told, "It has not been trained yet.", numbers)
    if seen.majority < 0.7:
        return Finding("same class", WRONG, told, "It answers without looking. Compare its class loss below with log "
                       "K: at log K it has learned nothing yet; above, it was pushed by steps that were too large.",
                       numbers)
    told += f", and so are {percent(1 - apart)} of the {count(int(others.sum()), 'picture')} of other classes"
    level = WRONG if apart < NONE and others.sum() >= JUDGED else LOOK
    return Finding("same class", level, told, "Always answering with the most frequent class scores as much without "
                   "looking. Show all classes equally often: --balance, or fit(balance=True).", numbers)


def learned(case):
    """What did the training bring, on pictures it has seen and on those it has not?"""
    train, unseen, guess = case.on_train, case.looked, math.log(len(case.model.classes))
    told = f"training pictures {percent(train.accuracy)} right, class loss {train.class_loss:.2f}"
    if case.unseen is not None:
        told += f"; unseen pictures {percent(unseen.accuracy)}, {unseen.class_loss:.2f}"
    told += f" (guessing: {percent(train.majority)}, {guess:.2f})"
    numbers = {"train": train.accuracy, "unseen": unseen.accuracy, "train loss": train.class_loss,
               "unseen loss": unseen.class_loss, "log K": guess}
    if len(case.model.classes) == 1:
        return Finding("learned", OK, "there is one class alone: see how the boxes do", numbers=numbers)
    noise = 2 * math.sqrt(0.25 / len(unseen.labels))  # two standard errors of a share, at most
    if not case.trained:
        return Finding("learned", OK, f"nothing yet: {told}", numbers=numbers)
    if train.accuracy <= train.majority + noise:
        return Finding("learned", LOOK, told, "Even the training pictures are not recognized: train longer or with "
                       "another rate. If boxes are learned and classes are not, are the labels shuffled?", numbers)
    if case.unseen is not None and unseen.accuracy <= unseen.majority + noise and train.accuracy > 0.7:
        return Finding("learned", WRONG, told, "Training pictures are known by heart, and others are guessed: are the "
                       "training labels shuffled, or do the parts number their classes differently?", numbers)
    if case.unseen is not None and train.accuracy - unseen.accuracy > 0.3:
        return Finding("learned", LOOK, told, "Much is learned by heart: augment (tinycnn.data.Augment), use more "
                       "pictures, dropout, or stop earlier.", numbers)
    return Finding("learned", OK, told, numbers=numbers)
