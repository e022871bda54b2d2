"""Wrong losses."""

from functools import partial

import numpy as np

from tinycnn.box_losses import GIoULoss, SmoothL1Loss
from tinycnn.class_losses import WeightedCrossEntropy
from tinycnn.hinge_loss import HingeLoss, MulticlassHingeLoss
from tinycnn.layers import Buffer
from tinycnn.losses import L2Loss, MultiTaskLoss, SoftmaxCrossEntropy
from tinycnn.pose_loss import JointMapLoss

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
        ("dscores[rows, labels] -= 1.0 - e", ""))

entropy("only true class", "label", "Only the true class gets a gradient.",
        ("dscores[rows, labels] -= 1.0 - e", "true = dscores[rows, labels] - 1.0 + e\n"
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

smoothed = partial(entropy, label_smoothing=0.2)

smoothed("smoothing forgotten", None, "forward smooths the labels, backward does not.",
         ("e = array_module(log_p).exp(log_p), self.label_smoothing", "e = array_module(log_p).exp(log_p), 0.0"))

smoothed("smoothing among the others", None, "In backward the share goes to the K - 1 other classes.",
         ("e / log_p.shape[1]", "e / (log_p.shape[1] - 1)"))

smoothed("all of the truth stays", None, "The share is spread over all classes, and the true one keeps its 1.",
         ("-= 1.0 - e", "-= 1.0"))

# --- WeightedCrossEntropy ---


def scores_and_shares(rng):
    return scores_and_labels(rng)[0], rng.dirichlet(np.ones(4), 5)


weighted = partial(plant, WeightedCrossEntropy, inputs=scores_and_labels, class_weights=[0.5, 2.0, 1.0, 3.0])
shared = partial(weighted, inputs=scores_and_shares)

weighted("weights of backward forgotten", None, "The truth of backward is not weighted.",
         ("_, _, t = self.recall()", "_, _, t = self.recall()\n        t = t / t.sum(axis=1, keepdims=True) / len(t)"))

weighted("one for the sum of a row", None, "p - t, though the weighted truth of a row does not add up to 1.",
         (" * t.sum(axis=1, keepdims=True)", " / len(t)"))

weighted("true minus predicted, weighted", "sign", "t - p.",
         ("return array_module(log_p)", "return t - array_module(log_p)"), (" - t", ""))

weighted("divided by the batch again", "batch mean", "t is divided already by what the pictures count.",
         (" - t", " - t) / len(t)"), ("return array_module", "return (array_module"))

shared("largest share alone", None, "backward takes the class with the largest share for the whole truth.",
       ("log_p, _, _, t = self.recall()", "log_p, rows, columns, t = self.recall()\n        whole = t.sum(axis=1)\n"
                                          "        t = t * 0\n        t[rows, columns] = whole"))

weighted("smoothing of forward alone", None, "backward does not smooth the truth.",
         ("_, _, t = self.recall()", "_, columns, t = self.recall()\n        k, whole = t.shape[1], t.sum(axis=1)\n"
          "        t = np.eye(k)[columns].astype(t.dtype) * whole[:, None]"), label_smoothing=0.2)

# --- HingeLoss ---

hinge = partial(plant, HingeLoss, inputs=scores_and_labels)

hinge("the same slope everywhere", None, "Scores beyond their margin are pulled on as well.",
      ("(short > 0).astype(short.dtype)", "short * 0 + 1"))

hinge("wrong way", "sign", "t instead of -t.", ("return -signs", "return signs"))

hinge("sum for a mean", "batch mean", "forward is a mean over the batch, backward is not.", (" / len(signs)", ""))

hinge("half the square", None, "The 2 of the square is forgotten.", ("2 * short", "short"), squared=True)

hinge("square without the hinge", None, "The slope of the plain hinge for the squared one.",
      ("2 * short if self.squared", "1.0 * (short > 0) if self.squared"), squared=True)


def some_beyond_the_margin(rng):
    scores, labels = scores_and_labels(rng)
    scores[np.arange(0, 5, 2), labels[::2]] += 6
    return scores, labels


rivals = partial(plant, MulticlassHingeLoss, inputs=some_beyond_the_margin)

rivals("the true class alone", None, "The best of the others gets no gradient.", ("dscores[rows, rival] = slope", ""))

rivals("the rival alone", None, "The true class gets no gradient.", ("dscores[rows, true] = -slope", ""))

rivals("margin forgotten", None, "Every sample is pulled on, also where the margin is kept.",
       ("(short > 0).astype(short.dtype)", "(short * 0 + 1)"))

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

# --- SmoothL1Loss and GIoULoss ---


def pairs(rng):
    return rng.standard_normal((6, 4), dtype=np.float32), rng.standard_normal((6, 4), dtype=np.float32)


def told(cls, rng):
    loss = cls()
    loss.use_box_statistics(Buffer(np.array([[0.5, 0.45, 0.4, 0.5], [0.2, 0.25, 0.1, 0.15]])))
    return loss


smooth = partial(plant, SmoothL1Loss, inputs=pairs, beta=0.7)
giou = partial(plant, GIoULoss, inputs=pairs, build=told)

smooth("square everywhere", None, "The slope of the square, also where it is a line.",
       ("xp.where(abs(d) < self.beta, d / self.beta, xp.sign(d))", "d / self.beta"))

smooth("beta forgotten", None, "The slope of the square is d / beta.",
       ("d / self.beta", "d"))

smooth("line without its side", None, "The line's slope is 1 on both sides.",
       ("xp.sign(d)", "1.0"))

giou("statistics not passed back", None, "The boxes were made of standardized numbers; their scale is forgotten.",
     ("dcodes * std / len(low)", "dcodes / len(low)"))

giou("box around taken for a constant", None, "The way through C is forgotten.",
     ("daround = dc[:, None]", "daround = 0 * dc[:, None]"))

giou("union taken for a constant", None, "The intersection also makes the union smaller.",
     ("di, darea, dc = -1 / u - i / u**2 + 1 / c,", "di, darea, dc = -1 / u,"))

giou("width and height exchanged", None, "The sides go back in the wrong order.",
     ("dside[:, ::-1]", "dside"))

giou("sum over the batch", "batch mean", "The mean is not passed back.",
     (" / len(low)", ""))

# --- JointMapLoss ---


def maps_and_places(rng):
    maps, places = rng.standard_normal((3, 4, 4, 2), dtype=np.float32), rng.uniform(-0.4, 0.4, (3, 4))
    return maps, places.astype(np.float32), np.repeat([[1, 0], [1, 1], [1, 1]], 2, axis=1).astype(np.float32)


maps = partial(plant, JointMapLoss, inputs=maps_and_places, sigma=0.2)

maps("hidden joints too", None, "A joint that does not count gets a gradient.",
     ("* weight[:, None, None]", "* weight.max()"))

maps("hill forgotten", None, "The gradient of what is likely, wherever the joint is.",
     (" - hill)", ")"))

maps("true minus predicted", "sign", "hill - p.",
     ("(array_module(log_p).exp(log_p) - hill)", "(hill - array_module(log_p).exp(log_p))"))
