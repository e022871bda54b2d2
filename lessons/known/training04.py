"""The exercise of lesson 04 in which a bug is to be found: a training loop that ends at the mean box."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake


def handed_out(x, targets, orders, batch_size, lr):
    """What the learner gets: word for word the code in the lesson."""
    w, b, losses = np.zeros((x.shape[1], targets.shape[1])), np.zeros(targets.shape[1]), []
    for order in orders:
        pictures = x[order]
        total = 0.0
        for first in range(0, len(x), batch_size):
            few = slice(first, first + batch_size)
            difference = pictures[few] @ w + b - targets[few]
            dpred = 2 * difference / difference.size
            w -= lr * pictures[few].T @ dpred
            b -= lr * dpred.sum(axis=0)
            total += (difference**2).sum()
        losses.append(total / targets.size)
    return w, b, np.array(losses)


def training(pairs=lambda x, targets, orders, e: (x[orders[e]], targets[orders[e]]), share=lambda d: d.size, sign=-1,
             restart=False, last=True, mean=lambda total, targets: total / targets.size):
    """The same loop, right unless told otherwise. pairs: (x, targets, orders, epoch) -> both in the epoch's order."""
    def train(x, targets, orders, batch_size, lr):
        start = np.zeros((x.shape[1], targets.shape[1])), np.zeros(targets.shape[1])
        (w, b), losses = start, []
        for epoch in range(len(orders)):
            pictures, answers = pairs(x, targets, orders, epoch)
            (w, b), total = start if restart else (w, b), 0.0
            for first in range(0, len(x) if last else len(x) // batch_size * batch_size, batch_size):
                few = slice(first, first + batch_size)
                difference = pictures[few] @ w + b - answers[few]
                dpred = 2 * difference / share(difference)
                w, b = w + sign * lr * pictures[few].T @ dpred, b + sign * lr * dpred.sum(axis=0)
                total += (difference**2).sum()
            losses.append(mean(total, targets))
        return w, b, np.array(losses)
    return train


def _again(a, orders, epoch):
    """`a` in the first order, that in the second order, and so on: each on top of the last."""
    for order in orders[: epoch + 1]:
        a = a[order]
    return a


def _cases(rng):
    """Batches that do not come out even, and real dependence of targets on x."""
    def case(n, d, k, epochs, batch_size, lr):
        x = rng.standard_normal((n, d))
        targets = x @ rng.standard_normal((d, k)) + rng.standard_normal(k)
        return Case(x, targets, np.stack([rng.permutation(n) for _ in range(epochs)]), batch_size, lr)
    return [case(7, 3, 4, 3, 2, 0.2), case(9, 2, 4, 4, 4, 0.3), case(8, 5, 4, 2, 3, 0.1)]


TRAINING_EXERCISE = Exercise(
    title="a training loop that ends at the mean box, and the bug in it",
    solution=training(),
    cases=_cases,
    returns=("w", "b", "losses"),
    stub=handed_out,
    stub_says="pairs broken",
    mistakes={
        "pairs broken": Mistake(
            handed_out,
            "Every picture meets the box of another one, so there is nothing to learn but the mean of all boxes. "
            "Take one epoch and write down, for the first batch, which pictures and which targets are in it."),
        "targets alone": Mistake(
            training(lambda x, targets, orders, e: (x, targets[orders[e]])),
            "Now the targets are in the new order and the pictures are not. Which pictures are in the first batch, "
            "and whose targets?"),
        "not shuffled": Mistake(
            training(lambda x, targets, orders, e: (x, targets)),
            "The pairs are right again, but every epoch goes through the pictures in the same order. `orders` says "
            "in which order each epoch is to take them."),
        "from the second epoch": Mistake(
            training(lambda x, targets, orders, e: (x[orders[e]], _again(targets, orders, e))),
            "The first epoch is right. After that the targets, which were shuffled already, are shuffled again, and "
            "the pictures are not. What does the name `targets` stand for in the second epoch?"),
        "on top": Mistake(
            training(lambda x, targets, orders, e: (_again(x, orders, e), _again(targets, orders, e))),
            "The pairs are right. But from the second epoch on it is not the order that `orders` asks for: each is "
            "applied on top of the last. What do the names stand for in the second epoch?"),
        "way back": Mistake(
            training(lambda x, targets, orders, e: (x[orders[e]], targets[np.argsort(orders[e])])),
            "The targets are sorted by the order's inverse. Pictures and targets need the same treatment."),
        "one order": Mistake(
            training(lambda x, targets, orders, e: (x[orders[0]], targets[orders[0]])),
            "The pairs are right, but every epoch takes the first order. `orders` has one for each epoch."),
        "divided by rows": Mistake(
            training(share=len), "The steps are four times as large: dpred is divided by the pictures of the batch "
            "and not by all its numbers. That was right before."),
        "not divided": Mistake(
            training(share=lambda d: 1), "dpred is not divided by anything any more. The loss is a mean."),
        "two forgotten": Mistake(
            training(share=lambda d: 2 * d.size), "The steps are half as large: the 2 of the derivative is gone. "
            "That line was right before."),
        "uphill": Mistake(
            training(sign=1), "The loss rises: the steps go along the gradient. The sign was right before."),
        "starts again": Mistake(
            training(restart=True), "Every epoch begins at zero again, so only the last one counts. The weights are "
            "made once, before all epochs."),
        "last batch lost": Mistake(
            training(last=False), "The last pictures are left out where the batches do not come out even. A smaller "
            "last batch is a batch too."),
        "losses: summed": Mistake(
            training(mean=lambda total, targets: total), "The losses are sums over the epoch. The mean over all "
            "numbers is asked for."),
        "losses: summed over four": Mistake(
            training(mean=lambda total, targets: total / len(targets)),
            "The losses are divided by the number of pictures. The mean runs over all numbers, four for each."),
    },
)

TRAINING = {"train_boxes": TRAINING_EXERCISE}
