"""Exercises of lesson 14: one function for host and device, seconds by formula, gradients of shares of a batch.

The training loop that waits is in loop14.py, the thread of one pixel in pixel14.py.
"""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.loop14 import TRAIN
from lessons.known.pixel14 import PIXEL
from tinycnn.backend import array_module, to_device, to_numpy

# --- gradient: one function for both ---


def score_gradient(scores, labels):
    return _gradient()(scores, labels)


def _gradient(rows=lambda xp, n: xp.arange(n), axis=1, subtract=1.0, sign=1, count=lambda p: len(p)):
    """A function (scores, labels) -> dscores, right unless told otherwise; each argument is what can be wrong."""
    def gradient(scores, labels):
        xp = array_module(scores)
        e = xp.exp(scores - scores.max(axis=1, keepdims=True))
        p = e / e.sum(axis=axis, keepdims=True)
        p[rows(xp, len(p)), labels] -= subtract
        return sign * p / count(p)
    return gradient


def _back_and_forth(scores, labels):
    device = "cpu" if isinstance(scores, np.ndarray) else "simulated"
    return to_device(score_gradient(to_numpy(scores), to_numpy(labels)), device)


def _one_by_one(scores, labels):
    xp = array_module(scores)
    e = xp.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    for i in range(len(p)):
        p[i, int(labels[i])] -= 1
    return p / len(p)


def _labels_by_the_host(scores, labels):
    return score_gradient(scores, to_numpy(labels))


def _score_cases(rng):
    return [Case(2 * rng.standard_normal((n, k)), rng.integers(0, k, n)) for n, k in ((5, 3), (2, 7), (6, 4))]


GRADIENT = Exercise(
    title="one function for host and device",
    solution=score_gradient,
    takes=("scores", "labels"),
    lists=True,
    cases=_score_cases,
    returns=("dscores", "dscores on the device", "does it lie there?", "uploads and downloads"),
    unknown=lambda scores, labels: 0.9 * score_gradient(scores, labels) + 0.01,
    mistakes={
        "index from the host": Mistake(
            _gradient(rows=lambda xp, n: np.arange(n)),
            "The numbers are right, but something is uploaded. An index made on the host, by NumPy or as a list, is "
            "uploaded by CuPy without a word."),
        "index uploaded": Mistake(
            _gradient(rows=lambda xp, n: to_device(np.arange(n), "cpu" if xp is np else "simulated")),
            "The numbers are right, but one array is made on the host and uploaded. It could be made where the scores "
            "lie: what do you know of them that makes arrays there?"),
        "asked": Mistake(
            _gradient(count=lambda p: len(p) + 0 * float(p.sum())),
            "The numbers are right, but one answer comes down, and the host waits for it: by float, int, if, print or "
            "to_numpy. No line here needs to know a number on the host."),
        "back and forth": Mistake(
            _back_and_forth,
            "It computes on the host: the arrays come down, NumPy computes, and the answer goes up again. Nothing is "
            "gained by a device that only stores."),
        "stays on the host": Mistake(
            lambda scores, labels: score_gradient(to_numpy(scores), to_numpy(labels)),
            "It computes on the host, and leaves the answer there. Whoever calls it with device arrays goes on with "
            "device arrays."),
        "one number at a time": Mistake(
            _one_by_one,
            "The numbers are right, but every label is downloaded by itself, and each time the host waits. One index "
            "for all rows needs nothing from the device."),
        "labels by way of the host": Mistake(
            _labels_by_the_host,
            "The labels come down, and go up again as an index. They lay on the device, where they are needed."),
        "not divided by N": Mistake(
            _gradient(count=lambda p: 1), "It is not divided by N. The loss is a mean over the batch."),
        "divided by all numbers": Mistake(
            _gradient(count=lambda p: p.size),
            "It is divided by N times K. The loss is a mean over N pictures, each with one loss."),
        "label not subtracted": Mistake(
            _gradient(subtract=0.0), "That is p / N: the label plays no part. What is the derivative of -log p?"),
        "every row": Mistake(
            _gradient(rows=lambda xp, n: slice(None)),
            "1 is subtracted in whole columns: at the labels of all pictures, in every row. Each row has one label."),
        "sign": Mistake(
            _gradient(sign=-1), "Every sign is turned around. It is p minus 1 at the label, and p elsewhere."),
        "over the batch": Mistake(
            _gradient(axis=0), "The probabilities of a column sum to 1. Those of one picture, a row, should."),
        "over everything": Mistake(
            _gradient(axis=None), "All probabilities together sum to 1. Those of each row should."),
    },
)

# --- estimate: seconds by formula ---


def estimate(kernels, bandwidth, rate, latency):
    moving, computing = kernels[:, 0] / bandwidth, kernels[:, 1] / rate
    return np.maximum(moving, computing) + latency, _largest(np.full(len(kernels), latency), moving, computing)


def _largest(*parts):
    return np.argmax(parts, axis=0)


def _seconds(total=None, limit=None):
    """One result wrong. Each is a function (moving, computing, latency) -> (M,)."""
    def function(kernels, bandwidth, rate, latency):
        seconds, limits = estimate(kernels, bandwidth, rate, latency)
        parts = kernels[:, 0] / bandwidth, kernels[:, 1] / rate, np.full(len(kernels), latency)
        return (seconds if total is None else total(*parts)), (limits if limit is None else limit(*parts))
    return function


def _estimate_cases(rng):
    """Kernels that are limited by each of the three, on three machines."""
    def case(m, bandwidth, rate, latency):
        limits = np.concatenate([np.arange(3), rng.integers(0, 3, m - 3)])
        seconds = latency * rng.uniform(0.1, 0.9, (m, 3))
        for row, which in zip(seconds, limits, strict=True):
            row[which] = latency * rng.uniform(1.5, 9)
        return Case(np.round(seconds[:, 1:] * [bandwidth, rate]), bandwidth, rate, latency)
    return [case(5, 4e11, 1e13, 1e-5), case(4, 2e10, 1e11, 2e-6), case(7, 9e11, 6e12, 4e-6)]


ESTIMATE = Exercise(
    title="seconds by formula, and what limits them",
    solution=estimate,
    lists=True,
    cases=_estimate_cases,
    returns=("seconds", "limit"),
    mistakes={
        "seconds: moving and computing added": Mistake(
            _seconds(lambda moving, computing, latency: moving + computing + latency),
            "The time to move and the time to compute are added. A device does both at once: the longer one decides."),
        "seconds: the shorter": Mistake(
            _seconds(lambda moving, computing, latency: np.minimum(moving, computing) + latency),
            "The shorter of moving and computing is taken. A kernel ends when both are done."),
        "seconds: no latency": Mistake(
            _seconds(lambda moving, computing, latency: np.maximum(moving, computing)),
            "The launches cost nothing here. Each kernel has one."),
        "seconds: latency at once as well": Mistake(
            _seconds(lambda moving, computing, latency: np.maximum(np.maximum(moving, computing), latency)),
            "The longest of all three is taken. In this formula the launch comes before the work, not beside it."),
        "seconds: one launch for all": Mistake(
            _seconds(lambda moving, computing, latency: np.maximum(moving, computing) + latency / len(moving)),
            "The latency is shared out among the kernels. Each kernel has a launch of its own."),
        "seconds: only bytes": Mistake(
            _seconds(lambda moving, computing, latency: moving + latency),
            "The operations play no part. Which kernel has many of them for few bytes?"),
        "seconds: only operations": Mistake(
            _seconds(lambda moving, computing, latency: computing + latency),
            "The bytes play no part. What does a kernel do that only adds two arrays?"),
        "seconds: exchanged": Mistake(
            lambda kernels, bandwidth, rate, latency: (
                estimate(kernels[:, ::-1], bandwidth, rate, latency)[0],
                estimate(kernels, bandwidth, rate, latency)[1]),
            "Bytes are divided by operations per second, and the other way round. Look at the units."),
        "seconds: multiplied": Mistake(
            lambda kernels, bandwidth, rate, latency: (
                np.max(kernels * np.array([bandwidth, rate]), axis=1) + latency,
                estimate(kernels, bandwidth, rate, latency)[1]),
            "Bytes are multiplied with bytes per second. Look at the units: what gives seconds?"),
        "limit: launches forgotten": Mistake(
            _seconds(None, lambda moving, computing, latency: np.where(computing > moving, 2, 1)),
            "The launch never limits. For a small kernel it is the longest of the three."),
        "limit: counted from bytes": Mistake(
            _seconds(None, lambda moving, computing, latency: np.where(computing > moving, 1, 0)),
            "The launch is left out, and bytes are 0. Here 0 is the launch, 1 bytes, 2 operations."),
        "limit: the smallest": Mistake(
            _seconds(None, lambda moving, computing, latency: np.argmin([latency, moving, computing], axis=0)),
            "That is the shortest of the three. What limits is the longest."),
        "limit: another order": Mistake(
            _seconds(None, lambda moving, computing, latency: _largest(moving, computing, latency)),
            "The numbers are given in another order: 0 is the launch, 1 bytes, 2 operations."),
        "limit: against the sum": Mistake(
            _seconds(None, lambda moving, computing, latency: np.where(
                latency > moving + computing, 0, np.where(computing > moving, 2, 1))),
            "The launch is compared with moving and computing together. The longest of the three is asked for."),
    },
)

# --- average: the gradients of shares ---


def average(gradients, counts):
    return np.tensordot(counts / counts.sum(), gradients, axes=1)


def _weighted(weights):
    """The sum of gradients, each times its weight. weights: function of counts"""
    return lambda gradients, counts: np.tensordot(weights(counts), gradients, axes=1)


def _average_cases(rng):
    return [Case(rng.standard_normal((len(counts), *shape)), np.array(counts))
            for counts, shape in (([8, 4, 3, 1], (3, 2)), ([5, 9], (4,)), ([2, 7, 6], (2, 3, 2)),
                                  ([6, 1, 1, 10, 3], (2, 5)))]


AVERAGE = Exercise(
    title="one gradient out of those of several machines",
    solution=average,
    lists=True,
    cases=_average_cases,
    returns=("gradient",),
    mistakes={
        "mean of means": Mistake(
            lambda gradients, counts: gradients.mean(axis=0),
            "Every machine counts the same, however many pictures it had. A picture on a machine with few of them "
            "counts more than one elsewhere then."),
        "sum": Mistake(
            lambda gradients, counts: gradients.sum(axis=0),
            "The gradients are added up. Each is that of a mean; the mean over all pictures is no larger."),
        "not divided": Mistake(
            _weighted(lambda counts: counts),
            "That is the gradient of the sum over all pictures. The mean is asked for."),
        "divided by machines": Mistake(
            _weighted(lambda counts: counts / len(counts)),
            "It is divided by the number of machines, though each gradient was multiplied with its number of "
            "pictures."),
        "weights turned around": Mistake(
            _weighted(lambda counts: (1 / counts) / (1 / counts).sum()),
            "The machine with fewest pictures counts most. Is it not the other way round?"),
        "each divided by its share": Mistake(
            _weighted(lambda counts: 1 / counts),
            "Each gradient is divided by its number of pictures. That has been done: it is the gradient of a mean."),
        "divided by all pictures": Mistake(
            _weighted(lambda counts: np.ones(len(counts)) / counts.sum()),
            "The sum is divided by the number of all pictures, as if each gradient were that of a sum. Each is that of "
            "a mean."),
        "weighted and averaged": Mistake(
            _weighted(lambda counts: counts / counts.sum() / len(counts)),
            "The weights are right, and then it is divided by the number of machines once more."),
        "the largest share alone": Mistake(
            lambda gradients, counts: gradients[np.argmax(counts)],
            "Only the machine with most pictures is heard. The others have worked for nothing."),
        "the first alone": Mistake(
            lambda gradients, counts: gradients[0],
            "Only the first machine is heard. The others have worked for nothing."),
        "weights squared": Mistake(
            _weighted(lambda counts: counts**2 / (counts**2).sum()),
            "The numbers of pictures enter squared. A machine with twice the pictures counts twice."),
    },
)

EXERCISES = {"gradient": GRADIENT, "train": TRAIN, "estimate": ESTIMATE, "pixel": PIXEL, "average": AVERAGE}
