"""The exercise of lesson 12 in which poses are measured: the percentage of correct keypoints, joint by joint."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from tinycnn.poses import JOINTS


def _length(difference):
    return np.sqrt((difference**2).sum(axis=-1))


def _torso(joints, a=9, b=2):
    """Distance of two joints of each person, (N, 1)."""
    return _length(joints[:, a] - joints[:, b])[:, None]


def _counted(visible, a=9, b=2):
    return visible & visible[:, [a, b]].all(axis=1, keepdims=True)


def _measured(distance=_length, unit=lambda pred, joints: _torso(joints), counted=_counted,
              within=lambda error, limit, unit: error <= limit * unit, count=lambda counted: counted.sum(axis=0)):
    """The shares, right unless told otherwise."""
    def function(pred, joints, visible, limit=0.2):
        some = counted(visible)
        right = within(distance(pred - joints), limit, unit(pred, joints))
        return (right & some).sum(axis=0) / count(some)
    return function


pck = _measured()


def _cases(rng):
    """Poses whose torsos have many lengths, and answers that are off by little and by much."""
    def case(n, *limit):
        joints = rng.uniform(0, 8, (n, 14, 2)) * rng.uniform(0.3, 2, (n, 1, 1))
        visible = rng.random((n, 14)) < 0.8
        visible[:3] = True
        pred = joints + rng.normal(0, 1, (n, 14, 2)) * rng.uniform(0.05, 1.6, (n, 14, 1))
        return Case(pred, joints, visible, *limit)
    return [case(29), case(41, 0.5), case(37, 0.3)]


PCK = Exercise(
    title="the share of joints that are near enough",
    solution=pck,
    lists=True,
    cases=_cases,
    returns=("shares",),
    elements=JOINTS,
    mistakes={
        "hidden counted": Mistake(
            _measured(counted=lambda visible: np.ones_like(visible) & visible[:, [9, 2]].all(axis=1, keepdims=True)),
            "Hidden joints are counted. Nobody knows where they are, so an answer can be neither right nor wrong."),
        "of all people": Mistake(
            _measured(count=lambda counted: len(counted)),
            "A hidden joint counts as a wrong answer: every joint is divided by the number of people. Divide by how "
            "many were counted."),
        "of the seen": Mistake(
            lambda pred, joints, visible, limit=0.2: pck(pred, joints, visible, limit)
            * _counted(visible).sum(axis=0) / visible.sum(axis=0),
            "People without a torso cannot be right, but they are in the number by which is divided."),
        "hidden torso": Mistake(
            _measured(counted=lambda visible: visible),
            "People whose left shoulder or right hip is hidden are counted, too. Where would their unit come from?"),
        "neither rule": Mistake(
            _measured(counted=np.ones_like),
            "visible plays no part. Where it is False, nobody knows the truth."),
        "complete people": Mistake(
            _measured(counted=lambda visible: visible & visible.all(axis=1, keepdims=True)),
            "Somebody with any hidden joint is left out altogether. Only the joint itself and the two ends of the "
            "torso have to be seen."),
        "other diagonal": Mistake(
            _measured(unit=lambda pred, joints: _torso(joints, 8, 3), counted=lambda visible: _counted(visible, 8, 3)),
            "The unit is the other diagonal, from the right shoulder to the left hip. It is nearly as long, but not "
            "what others measure by."),
        "one side": Mistake(
            _measured(unit=lambda pred, joints: _torso(joints, 9, 3), counted=lambda visible: _counted(visible, 9, 3)),
            "The unit is one side of the torso, from the left shoulder to the left hip. A diagonal is asked for."),
        "other unit, right people": Mistake(
            _measured(unit=lambda pred, joints: _torso(joints, 8, 3)),
            "The unit is the diagonal from the right shoulder to the left hip. Which joints have the numbers 9 and "
            "2?"),
        "head": Mistake(
            _measured(unit=lambda pred, joints: _torso(joints, 12, 13),
                      counted=lambda visible: _counted(visible, 12, 13)),
            "The unit is the length of the head. That measure exists, and is called PCKh."),
        "predicted torso": Mistake(
            _measured(unit=lambda pred, joints: _torso(pred)),
            "The unit is the torso of the answer: whoever says a larger one gets a larger limit. Take the true one."),
        "pixels": Mistake(
            _measured(unit=lambda pred, joints: 1.0),
            "The limit is taken for a number of pixels. It is a share of each person's torso."),
        "one torso for all": Mistake(
            _measured(unit=lambda pred, joints: _torso(joints).mean()),
            "All people are measured by their mean torso. A child's wrist and a giant's have limits of their own."),
        "not rooted": Mistake(
            _measured(distance=lambda d: (d**2).sum(axis=-1)),
            "Squared distances are compared with a length. Pythagoras has a root at the end."),
        "each axis": Mistake(
            _measured(distance=lambda d: abs(d).max(axis=-1)),
            "x and y are compared with the limit one at a time, so that a square is right and not a circle."),
        "sum of axes": Mistake(
            _measured(distance=lambda d: abs(d).sum(axis=-1)),
            "The distances in x and in y are added up. That is the way around the corner; take the straight line."),
        "only x": Mistake(
            _measured(distance=lambda d: abs(d[..., 0])), "Only x is compared. A joint has a y as well."),
        "limit ignored": Mistake(
            lambda pred, joints, visible, limit=0.2: pck(pred, joints, visible),
            "The limit is always 0.2. It is an argument, and not everybody passes the same."),
        "the wrong ones": Mistake(
            lambda pred, joints, visible, limit=0.2: 1 - pck(pred, joints, visible, limit),
            "That is the share of joints that are too far off."),
        "percent": Mistake(
            lambda pred, joints, visible, limit=0.2: 100 * pck(pred, joints, visible, limit),
            "These are percent. Shares from 0 to 1 are asked for."),
    },
)
