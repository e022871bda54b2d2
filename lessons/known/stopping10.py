"""The exercise of lesson 10 about when to stop: the best epoch, and the last one, of a training with patience."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake


def early_stopping(scores, patience):
    best = 0
    for epoch in range(len(scores)):
        if scores[epoch] > scores[best]:
            best = epoch
        if epoch - best == patience:
            return best + 1, epoch + 1
    return best + 1, len(scores)


def _rule(better=lambda score, best: score > best, enough=lambda waited, patience: waited >= patience):
    def function(scores, patience):
        best = 0
        for epoch in range(len(scores)):
            if epoch and better(scores[epoch], scores[best]):
                best = epoch
            if enough(epoch - best, patience):
                return best + 1, epoch + 1
        return best + 1, len(scores)
    return function


def _counter(reset=True, previous=False):
    """With a counter of bad epochs. previous: each epoch is compared with the one before it, not with the best."""
    def function(scores, patience):
        best, bad = 0, 0
        for epoch in range(1, len(scores)):
            rises = scores[epoch] > scores[epoch - 1 if previous else best]
            if scores[epoch] > scores[best]:
                best = epoch
            bad = (0 if reset else bad) if rises else bad + 1
            if bad == patience:
                return best + 1, epoch + 1
        return best + 1, len(scores)
    return function


def _from(best=lambda scores, b, e: b, last=lambda scores, b, e: e):
    """The right two numbers b and e, with something done to one of them."""
    def function(scores, patience):
        b, e = early_stopping(scores, patience)
        return best(scores, b, e), last(scores, b, e)
    return function


def _cases(rng):
    """Runs with a late second rise, with ties, that only fall, that only rise, and random ones."""
    def runs(epochs, patience, more):
        t = np.arange(epochs)
        rising, falling = 0.1 + 0.02 * t, 0.9 - 0.02 * t
        late = np.where(t < epochs - 1, np.minimum(0.1 * (t + 1), 0.3), 0.9) - 0.001 * t
        ties = np.where(t == 0, 0.2, 0.5)
        saw = 0.3 + 0.01 * t + np.where(t % 2, -0.05, 0.05)
        rest = np.round(rng.uniform(0.2, 0.8, (more, epochs)), 2)
        return Case(np.stack([rising, falling, late, ties, saw, *rest]), patience)
    return [runs(8, 2, 4), runs(12, 3, 5), runs(10, 1, 3), runs(9, 4, 4)]


EARLY_STOPPING = Exercise(
    title="the best epoch, and the last one, of a training with patience",
    solution=early_stopping,
    cases=_cases,
    takes=("scores of several runs, a row each", "patience"),
    returns=("best", "last"),
    mistakes={
        "best: peeks": Mistake(
            _from(best=lambda scores, b, e: int(np.argmax(scores)) + 1),
            "The best of all epochs is given, also of those that are never trained because the training has ended."),
        "best: from 0": Mistake(
            _from(best=lambda scores, b, e: b - 1), "best is counted from 0. The first epoch has the number 1."),
        "last: from 0": Mistake(
            _from(last=lambda scores, b, e: e - 1),
            "last is one too small, in trainings that go on to the end as well. The first epoch has the number 1."),
        "best: is last": Mistake(
            _from(best=lambda scores, b, e: e),
            "best is the epoch at which training ends. Which one had the best score?"),
        "last: is best": Mistake(
            _from(last=lambda scores, b, e: b),
            "last is the best epoch. On the day nobody can know that it was the best: it takes `patience` more."),
        "last: never stops": Mistake(
            _from(last=lambda scores, b, e: len(scores)),
            "Every training goes on to the end. Where does patience come in?"),
        "best: score": Mistake(
            _from(best=lambda scores, b, e: scores[b - 1]), "best is the score itself. Its epoch is asked for."),
        "exchanged": Mistake(
            lambda scores, patience: early_stopping(scores, patience)[::-1],
            "Both numbers are there, in the other order. The best epoch comes first."),
        "ties": Mistake(
            _rule(better=lambda score, best: score >= best),
            "An epoch that is as good as the best one counts as better here. It has to be better; of equals the first "
            "is taken."),
        "lower is better": Mistake(
            _rule(better=lambda score, best: score < best),
            "The lowest score is taken for the best, as with a loss. These are scores: more is better."),
        "one too late": Mistake(
            _rule(enough=lambda waited, patience: waited > patience),
            "It waits one epoch longer than `patience`. Count them on paper for a patience of 1."),
        "one too early": Mistake(
            _rule(enough=lambda waited, patience: waited >= max(patience - 1, 1)),
            "It gives up one epoch too early. Count on paper: the best epoch itself is not one of those without a "
            "better one."),
        "never reset": Mistake(
            _counter(reset=False),
            "Bad epochs are counted over the whole training. Those before the best epoch no longer matter: when "
            "there is a new best, the waiting starts again."),
        "previous epoch": Mistake(
            _counter(previous=True),
            "Every epoch is compared with the one before it. An epoch that is better than a bad one is not yet a new "
            "best."),
    },
)
