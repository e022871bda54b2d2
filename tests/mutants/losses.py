"""Wrong losses."""

from functools import partial

import numpy as np

from tinycnn.losses import L2Loss, MultiTaskLoss, SoftmaxCrossEntropy

from .registry import plant


def scores_and_labels(rng):
    return rng.standard_normal((5, 4), dtype=np.float32), rng.integers(4, size=5)


def two_boxes(rng):
    return rng.standard_normal((5, 4), dtype=np.float32), rng.standard_normal((5, 4), dtype=np.float32)


def masked_boxes(rng):
    return *two_boxes(rng), (np.arange(20) % 3 > 0).reshape(5, 4).astype(np.float32)


def both(rng):
    (scores, labels), (boxes, targets) = scores_and_labels(rng), two_boxes(rng)
    return (scores, boxes), (labels, targets)


def box_per_class(rng):
    (scores, _), (labels, targets) = both(rng)
    return (scores, rng.standard_normal((5, 4, 4), dtype=np.float32)), (labels, targets)


# --- SoftmaxCrossEntropy ---

entropy = partial(plant, SoftmaxCrossEntropy, inputs=scores_and_labels)

entropy("mean forgotten", "batch mean", "forward is a mean over the batch, backward is not.",
        (" / len(log_p)", ""))

entropy("mean twice", "batch mean", "backward divides by the batch size twice.",
        ("/ len(log_p)", "/ len(log_p) ** 2"))

entropy("no true class", "label", "dscores = p / N, without the - 1 at the true class.",
        ("dscores[rows, labels] -= 1.0", ""))

entropy("only true class", "label", "Only the true class gets a gradient.",
        ("dscores[rows, labels] -= 1.0", "true = dscores[rows, labels] - 1.0\n"
                                         "        dscores[...] = 0.0\n"
                                         "        dscores[rows, labels] = true"))

entropy("true minus predicted", "sign", "onehot - p.",
        ("return dscores", "return -dscores"))

entropy("next class", None, "The - 1 is at the class after the true one: labels counted from 1.",
        ("dscores[rows, labels]", "dscores[rows, (labels + 1) % log_p.shape[1]]"))

entropy("softmax over batch", None, "The probabilities are normalized over the batch.",
        ("self.remember(log_p,", "self.remember(scores - xp.log(xp.exp(scores).sum(axis=0)),"), at="forward")

entropy("not normalized", None, "exp of the scores, not divided by their sum.",
        ("self.remember(log_p,", "self.remember(z,"), at="forward")

entropy("logarithms for probabilities", None, "backward takes log p for p.",
        (".exp(log_p)", ".array(log_p)"))

entropy("squared error on probabilities", None, "The gradient of another loss: 2 p (p - onehot).",
        ("return dscores", "return 2 * array_module(log_p).exp(log_p) * dscores"))

# --- L2Loss ---

distance = partial(plant, L2Loss, inputs=two_boxes)
masked = partial(distance, inputs=masked_boxes)

distance("two forgotten", "factor", "The 2 of the square is missing.",
         (" * 2.0", ""))

distance("mean over batch only", "factor", "Divided by N instead of the number of elements.",
         ("/ count", "/ len(difference)"))

distance("sum instead of mean", "factor", "Not divided at all.",
         (" / count", ""))

distance("target minus prediction", "sign", "2 (target - pred).",
         ("return difference", "return -difference"))

masked("l2 mask ignored", "mask", "Elements that do not count get a gradient.",
       ("self.remember(difference,", "self.remember(pred - target,"), at="forward")

masked("masked mean over all", "factor", "Divided by the number of all elements, not of those that count.",
       ("/ count", "/ difference.size"))

distance("width forgotten", "some indices", "The last of the four numbers gets no gradient.",
         ("return difference", "difference[..., -1] = 0\n        return difference"))

distance("absolute error", None, "The gradient of the absolute error: the sign only.",
         ("difference * 2.0", "np.sign(difference)"))

# --- MultiTaskLoss ---

tasks = partial(plant, MultiTaskLoss, inputs=both, class_weight=0.7, box_weight=1.9)

tasks("box weight forgotten", "factor", "dboxes without its weight.",
      (" * self.box_weight", ""))

tasks("weights exchanged", "factor", "Each head gets the other's weight.",
      ("self.class_loss.backward() * self.class_weight", "self.class_loss.backward() * self.box_weight"),
      ("self.box_loss.backward() * self.box_weight", "self.box_loss.backward() * self.class_weight"))

tasks("weight twice", "factor", "The class weight is applied twice.",
      ("self.class_weight", "self.class_weight**2"))

tasks("box of predicted class", "mask",
      "backward fills the box of the most probable class, forward compared the true one's.",
      ("self.remember(boxes.shape, rows, columns)", "self.remember(boxes.shape, rows, scores.argmax(axis=1))"),
      inputs=box_per_class, at="forward")

tasks("boxes of all classes", "label", "Every class's box gets the gradient.",
      ("dboxes[rows, columns] = chosen", "dboxes[...] = chosen[:, None]"), inputs=box_per_class)
