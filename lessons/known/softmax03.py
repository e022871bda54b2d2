"""Exercises of lesson 03, second half: scores become probabilities, and probabilities a loss with its gradient."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake

# --- softmax ---


def softmax(scores):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _quietly(function):
    """The same function without NumPy's warnings: these mistakes are meant to overflow."""
    def quiet(*args):
        with np.errstate(all="ignore"):
            return function(*args)
    return quiet


@_quietly
def _unshifted(scores):
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


@_quietly
def _one_maximum(scores):
    e = np.exp(scores - scores.max())
    return e / e.sum(axis=1, keepdims=True)


@_quietly
def _shifted_by_column(scores):
    e = np.exp(scores - scores.max(axis=0))
    return e / e.sum(axis=1, keepdims=True)


@_quietly
def _along_the_batch(scores):
    e = np.exp(scores - scores.max(axis=0))
    return e / e.sum(axis=0)


def _softmax_cases(rng):
    """Two of everyday size; two whose rows are of very different size, some beyond what exp can take."""
    first, second = rng.standard_normal((4, 3)), 3 * rng.standard_normal((2, 5))
    large = rng.standard_normal((3, 4)) + np.array([[0.0], [2000.0], [3.0]])
    larger = 2 * rng.standard_normal((5, 2)) + np.array([[1000.0], [0.0], [-1.0], [5000.0], [2.0]])
    return [Case(scores) for scores in (first, second, large, larger)]


SOFTMAX_EXERCISE = Exercise(
    title="scores become probabilities",
    solution=softmax,
    cases=_softmax_cases,
    returns=("p",),
    mistakes={
        "no shift": Mistake(
            _unshifted, "For large scores it is not a number: exp(1000) is too large for any computer, and infinity "
            "divided by infinity is nothing. What may be subtracted from a row without changing its probabilities?"),
        "one maximum for all": Mistake(
            _one_maximum, "One maximum is subtracted from the whole batch. A row that lies far below it becomes all "
            "zeros, and 0 / 0 is not a number. Each row has a maximum of its own."),
        "shifted by column": Mistake(
            _shifted_by_column, "The maximum is taken over the batch, so every class is shifted by another number, and "
            "that changes the probabilities. Which axis holds the classes?"),
        "along the batch": Mistake(
            _along_the_batch, "The columns add up to 1. The probabilities of one picture, a row, should. Which axis "
            "holds the classes?"),
        "divided along the batch": Mistake(
            lambda scores: np.exp(scores - scores.max(axis=1, keepdims=True)) / np.exp(
                scores - scores.max(axis=1, keepdims=True)).sum(axis=0),
            "It is divided by the sums of the columns. One picture's classes stand in a row: its sum is meant."),
        "sum over everything": Mistake(
            lambda scores: np.exp(scores - scores.max(axis=1, keepdims=True)) / np.exp(
                scores - scores.max(axis=1, keepdims=True)).sum(),
            "It is divided by the sum over the whole batch. Each row is divided by its own sum: axis, and keepdims."),
        "shifted above the line only": Mistake(
            _quietly(lambda scores: np.exp(scores - scores.max(axis=1, keepdims=True)) / np.exp(scores).sum(
                axis=1, keepdims=True)),
            "The maximum is subtracted above the line and not below it. Only a factor in both cancels."),
        "not divided": Mistake(
            lambda scores: np.exp(scores - scores.max(axis=1, keepdims=True)),
            "The rows do not add up to 1. After exp, each row is divided by its sum."),
        "exp forgotten": Mistake(
            lambda scores: scores / scores.sum(axis=1, keepdims=True),
            "The scores themselves are divided by their sum, so negative scores give negative numbers. Where is exp?"),
        "upside down": Mistake(
            lambda scores: softmax(-scores), "The smallest score gets the largest probability. Look at the sign."),
        "logarithm": Mistake(
            _quietly(lambda scores: np.log(softmax(scores))),
            "These are logarithms of probabilities. The probabilities themselves are asked for."),
        "each by itself": Mistake(
            _quietly(lambda scores: 1 / (1 + np.exp(-scores))),
            "Every score is turned into a probability by itself (a sigmoid). Here exactly one class is true, so the "
            "probabilities of a row share a sum of 1."),
    },
)

# --- cross_entropy: value and gradient ---


def log_softmax(scores):
    z = scores - scores.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def cross_entropy(scores, labels):
    rows, log_p = np.arange(len(scores)), log_softmax(scores)
    dscores = np.exp(log_p)
    dscores[rows, labels] -= 1
    return -log_p[rows, labels].mean(), dscores / len(scores)


def _with(value=None, dscores=None):
    """One result wrong. Each is a function (Parts) -> the wrong one."""
    @_quietly
    def function(scores, labels):
        right, parts = cross_entropy(scores, labels), Parts(scores, labels)
        return tuple(part if change is None else change(parts)
                     for part, change in zip(right, (value, dscores), strict=True))
    return function


class Parts:
    """What a loss is made of, in pieces: probabilities with and without the precaution, logarithms, the truth."""

    def __init__(self, scores, labels):
        self.scores, self.labels, (self.n, self.k) = scores, labels, scores.shape
        self.rows, self.truth = np.arange(self.n), np.eye(self.k)[labels]
        self.p, self.log_p, self.naive = softmax(scores), log_softmax(scores), _unshifted(scores)
        self.value, self.dscores = cross_entropy(scores, labels)

    def true(self, array):
        """The true class's number of every row, (N,)."""
        return array[self.rows, self.labels]

    def pushed(self, *index):
        """p - 1 at a wrong place, over N."""
        d = self.p.copy()
        d[index] -= 1
        return d / self.n


def _loss_cases(rng):
    """Everyday scores, and scores whose true class is hopeless, certain, or beyond what exp can take."""
    def case(n, k, true=0.0, others=0.0, size=1.0):
        scores, labels = size * rng.standard_normal((n, k)) + others, rng.integers(k, size=n)
        scores[np.arange(n), labels] += true - others
        return Case(scores, labels)

    return [case(5, 3), case(4, 6, size=2.0),
            case(4, 5, true=-60), case(3, 4, true=-90),  # probabilities of 1e-26 and 1e-39: small, not 0
            case(2, 5, true=-2000), case(3, 2, true=-900),  # 0 to all digits
            case(2, 4, others=-1000, size=0.0),  # exactly 1
            case(4, 3, true=1500, others=1500), case(3, 6, true=1002, others=1000)]


EPSILONS = {f"value: log(p + {epsilon:.0e})": Mistake(
    _with(value=lambda s, epsilon=epsilon: -np.log(np.maximum(s.true(s.p), epsilon)).mean()),
    f"Something like {epsilon:.0e} is added before the logarithm, or p is cut off there. Then a hopeless class costs "
    f"{-np.log(epsilon):.1f} and never more, however hopeless it is. Can log p be had without p?")
    for epsilon in (1e-15, 1e-12, 1e-10, 1e-9, 1e-8)}

CROSS_ENTROPY = Exercise(
    title="softmax cross-entropy, and p minus truth",
    solution=cross_entropy,
    cases=_loss_cases,
    returns=("value", "dscores"),
    mistakes={
        "value: summed": Mistake(
            _with(value=lambda s: s.value * s.n),
            "The losses of the rows are added up. Their mean is asked for, so that the loss does not depend on how "
            "many pictures are in a batch."),
        "value: mean over everything": Mistake(
            _with(value=lambda s: s.value / s.k),
            "The mean runs over all N x K numbers, most of which are 0. There are N losses, one for each row."),
        **EPSILONS,
        "value: truth subtracted first": Mistake(
            _with(value=lambda s: -np.log(s.true(s.p) - 1).mean()),
            "It is not a number: the logarithm meets p - 1, which is negative. p was changed for the gradient before "
            "the value was computed from it."),
        "value: overflow": Mistake(
            _with(value=lambda s: -np.log(s.true(s.naive)).mean()),
            "For large scores it is infinite or not a number: exp(1000) is too large for any computer. The precaution "
            "of your softmax is missing here."),
        "value: overflow in the sum": Mistake(
            _with(value=lambda s: -s.true(s.scores - np.log(np.exp(s.scores).sum(axis=1, keepdims=True))).mean()),
            "For large scores it is infinite: the sum of exp(score) is too large for any computer. The row's maximum "
            "has to go before exp sees the scores."),
        "value: logarithm of 0": Mistake(
            _with(value=lambda s: -np.log(s.true(s.p)).mean()),
            "It is infinite where the true class has almost no chance: its probability is rounded to 0. Can log p be "
            "had without p?"),
        "value: sign": Mistake(
            _with(value=lambda s: -s.value),
            "It is negative. The logarithm of a probability is; the loss is minus that."),
        "value: no logarithm": Mistake(
            _with(value=lambda s: 1 - s.true(s.p).mean()),
            "That is one minus the probability of the true class. Cross-entropy is minus its logarithm."),
        "value: all classes": Mistake(
            _with(value=lambda s: -s.log_p.sum(axis=1).mean()),
            "The logarithms of all classes are added up, whatever the label. Only the true class's counts."),
        "value: mean of all classes": Mistake(
            _with(value=lambda s: -s.log_p.mean()),
            "It is the mean over all classes, whatever the label. Only the logarithm of the true class counts."),
        "value: every label in every row": Mistake(
            _with(value=lambda s: -s.log_p[:, s.labels].mean()),
            "log_p[:, labels] takes all N labels from each row, which makes N x N numbers. Each row has one label of "
            "its own."),
        "value: labels as factors": Mistake(
            _with(value=lambda s: -(s.labels[:, None] * s.log_p).sum(axis=1).mean()),
            "The label's number is used as a factor, so class 3 counts three times. A label says which class, not how "
            "much."),
        "value: most probable class": Mistake(
            _with(value=lambda s: -s.log_p.max(axis=1).mean()),
            "It takes the probability of the class that the network prefers. The loss asks for that of the true one."),
        "value: base 2": Mistake(
            _with(value=lambda s: s.value / np.log(2)),
            "The logarithm has the base 2. The gradient p - truth belongs to the natural one."),
        "value: base 10": Mistake(
            _with(value=lambda s: s.value / np.log(10)),
            "The logarithm has the base 10. The gradient p - truth belongs to the natural one."),
        "dscores: not divided": Mistake(
            _with(dscores=lambda s: s.dscores * s.n),
            "It is N times too large. The loss is the mean over N rows, so each has an N-th of the say."),
        "dscores: divided twice": Mistake(
            _with(dscores=lambda s: s.dscores / s.n), "It is N times too small. Is it divided by N in two places?"),
        "dscores: mean over everything": Mistake(
            _with(dscores=lambda s: s.dscores / s.k),
            "It is divided by all N x K numbers. The loss is a mean over the N rows."),
        "dscores: divided by the classes": Mistake(
            _with(dscores=lambda s: s.dscores * s.n / s.k),
            "It is divided by K, the number of classes. The loss is a mean over the N rows."),
        "dscores: truth not subtracted": Mistake(
            _with(dscores=lambda s: s.p / s.n),
            "These are the probabilities. The gradient pulls the true class up and the others down: the truth is "
            "missing."),
        "dscores: only the true class": Mistake(
            _with(dscores=lambda s: s.truth * s.dscores),
            "Only the true class has a gradient. If another score grows, so does the sum in the denominator."),
        "dscores: sign": Mistake(
            _with(dscores=lambda s: -s.dscores),
            "The sign is wrong: a step against this gradient makes the true class less probable."),
        "dscores: only the truth divided": Mistake(
            _with(dscores=lambda s: s.p - s.truth / s.n),
            "Only the truth is divided by N, and p is not. Mind the parentheses."),
        "dscores: only p divided": Mistake(
            _with(dscores=lambda s: s.p / s.n - s.truth),
            "Only p is divided by N, and the truth is not. Is the 1 subtracted before or after?"),
        "dscores: one subtracted everywhere": Mistake(
            _with(dscores=lambda s: (s.p - 1) / s.n),
            "1 is subtracted from all classes. It belongs to the true class alone."),
        "dscores: every label in every row": Mistake(
            _with(dscores=lambda s: s.pushed(slice(None), s.labels)),
            "p[:, labels] -= 1 reaches into every row at every label. Each row has one label of its own."),
        "dscores: labels subtracted": Mistake(
            _with(dscores=lambda s: (s.p - s.labels[:, None]) / s.n),
            "The label's number is subtracted. A label says at which place the 1 stands."),
        "dscores: one class too low": Mistake(
            _with(dscores=lambda s: s.pushed(s.rows, s.labels - 1)),
            "The 1 is subtracted one class too low. Labels count from 0."),
        "dscores: scores for probabilities": Mistake(
            _with(dscores=lambda s: (s.scores - s.truth) / s.n),
            "The truth is subtracted from the scores. It belongs to the probabilities."),
        "dscores: of the probabilities": Mistake(
            _with(dscores=lambda s: -s.truth / s.p / s.n),
            "That is the gradient with respect to the probabilities, -1/p. From there it is one more step back, "
            "through softmax, to the scores."),
        "dscores: overflow": Mistake(
            _with(dscores=lambda s: (s.naive - s.truth) / s.n),
            "For large scores there are NaNs: exp(1000) is too large for any computer. The precaution of your softmax "
            "is missing in the gradient."),
    },
)

SOFTMAX = {"softmax": SOFTMAX_EXERCISE, "cross_entropy": CROSS_ENTROPY}
