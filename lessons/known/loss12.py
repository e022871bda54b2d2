"""The exercise of lesson 12 in which hidden joints have no part in the loss."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake


def _masked(mask=lambda visible: np.repeat(visible, 2, axis=1), known=lambda targets: targets,
            count=lambda mask: mask.sum(), value=lambda d, count: (d**2).sum() / count,
            gradient=lambda d, count: 2 * d / count):
    """Value and gradient, right unless told otherwise. mask: (N, 2 J); d: differences, 0 where the mask is"""
    def function(pred, targets, visible):
        chosen = mask(visible)
        d = np.where(chosen, pred - known(targets), 0)
        return value(d, count(chosen)), gradient(d, count(chosen))
    return function


pose_loss = _masked()


def _with(value=None, dpred=None):
    """One of the two results taken from another function."""
    def function(*args):
        return (value or pose_loss)(*args)[0], (dpred or pose_loss)(*args)[1]
    return function


def _times_mask(pred, targets, visible):
    mask = np.repeat(visible, 2, axis=1)
    d = (pred - targets) * mask
    return (d**2).sum() / mask.sum(), 2 * d / mask.sum()


def _hidden_pulled(pred, targets, visible):
    mask = np.repeat(visible, 2, axis=1)
    return pose_loss(pred, targets, visible)[0], 2 * (pred - targets) / mask.sum()


def _mean_of_people(pred, targets, visible):
    mask = np.repeat(visible, 2, axis=1)
    d, counts = np.where(mask, pred - targets, 0), mask.sum(axis=1, keepdims=True)
    return ((d**2).sum(axis=1, keepdims=True) / counts).mean(), 2 * d / counts / len(d)


def _complete_people(pred, targets, visible):
    mask = np.repeat(visible.all(axis=1, keepdims=True), pred.shape[1], axis=1)
    d = np.where(mask, pred - targets, 0)
    return (d**2).sum() / mask.sum(), 2 * d / mask.sum()


def _cases(rng):
    def case(n, j, unknown=False):
        visible = rng.random((n, j)) < 0.6
        visible[0], visible[1, 0], visible[1, 1:] = True, True, False
        visible[np.arange(n), np.arange(n) % j] = True  # something is seen of everybody
        targets = rng.standard_normal((n, 2 * j))
        targets[np.repeat(~visible, 2, axis=1)] += 4  # whatever stands there
        if unknown:
            targets[np.repeat(~visible, 2, axis=1)] = np.nan
        return Case(rng.standard_normal((n, 2 * j)), targets, visible)
    return [case(3, 4), case(5, 14), case(7, 3), case(4, 5, unknown=True)]


_PROGRAMS = {  # what shows in both results, or in either of them alone
    "all x first": (
        _masked(mask=lambda visible: np.tile(visible, 2)),
        "The mask is laid out as if all x came before all y. In a row stand x and y of joint 0, then x and y of joint "
        "1: how often does each flag occur, and where?"),
    "nothing hidden": (
        _masked(mask=lambda visible: np.ones((len(visible), 2 * visible.shape[1]), bool)),
        "Hidden joints take part. Nobody knows where they are: whatever stands in their place is not to be learned."),
    "hidden as 0": (
        lambda pred, targets, visible: _masked(mask=lambda v: np.ones_like(pred, bool))(
            pred, np.where(np.repeat(visible, 2, axis=1), targets, 0), visible),
        "Hidden joints have the target 0, which is the mean pose. That is a truth that nobody has seen: they should "
        "have no part at all."),
    "the hidden ones": (
        _masked(mask=lambda visible: np.repeat(~visible, 2, axis=1)),
        "Only the hidden joints take part. visible is True where a joint counts."),
    "all counted": (
        _masked(count=np.size),
        "It is divided by all numbers, hidden ones included. A mean over what is seen is divided by how many are "
        "seen."),
    "joints counted": (
        _masked(count=lambda mask: mask.sum() / 2),
        "It is twice as large: divided by the number of joints that are seen. Each of them has an x and a y."),
    "people counted": (
        _masked(count=len), "It is divided by the number of people. The mean runs over all numbers that are seen."),
    "not divided": (
        _masked(count=lambda mask: 1), "It is not divided by anything. The loss is a mean, not a sum."),
    "0 times nan": (
        _times_mask, "It is right where hidden targets are numbers. What is nan * 0?"),
    "mean of people": (
        _mean_of_people,
        "First a mean for each person, then the mean of those. Somebody of whom one joint is seen then weighs as much "
        "as a whole person. Every number that is seen counts the same."),
    "complete people": (
        _complete_people,
        "People with a hidden joint have no part in it at all. Their other joints are known."),
}

POSE_LOSS = Exercise(
    title="the L2 loss over the joints that are seen, and its gradient",
    solution=pose_loss,
    lists=True,
    cases=_cases,
    returns=("value", "dpred"),
    mistakes={
        **{key: Mistake(*pair) for key, pair in _PROGRAMS.items()},
        **{f"value: {key}": Mistake(_with(value=_PROGRAMS[key][0]), f"In the value alone: {_PROGRAMS[key][1]}")
           for key in ("nothing hidden", "all counted", "joints counted", "not divided", "people counted")},
        **{f"dpred: {key}": Mistake(_with(dpred=_PROGRAMS[key][0]), f"In the gradient alone: {_PROGRAMS[key][1]}")
           for key in ("nothing hidden", "all counted", "joints counted", "not divided", "people counted")},
        "dpred: hidden ones pulled": Mistake(
            _hidden_pulled,
            "Hidden joints have a gradient. The value does not depend on them: how much does it change with them?"),
        "dpred: two forgotten": Mistake(
            _masked(gradient=lambda d, count: d / count),
            "It is half of what it should be. What is the derivative of a square?"),
        "dpred: sign": Mistake(
            _masked(gradient=lambda d, count: -2 * d / count),
            "The sign is wrong: a step against this gradient leads away from the target."),
        "dpred: square kept": Mistake(
            _masked(gradient=lambda d, count: 2 * d**2 / count),
            "The squares are still there, so every joint is pushed the same way."),
        "value: half": Mistake(
            _masked(value=lambda d, count: (d**2).sum() / count / 2),
            "The value is half of the mean. There is no 1/2 in this loss."),
        "value: root": Mistake(
            _masked(value=lambda d, count: np.sqrt((d**2).sum() / count)),
            "A root is taken. The loss is the mean of the squares itself."),
        "value: absolute": Mistake(
            _masked(value=lambda d, count: abs(d).sum() / count),
            "These are absolute values. L2 takes the square of each difference."),
        "value: not squared": Mistake(
            _masked(value=lambda d, count: d.sum() / count),
            "The differences themselves are averaged, and too far left and too far right cancel out."),
    },
)
