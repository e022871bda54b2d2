"""Right in float64, and lost in float32."""


import numpy as np

from .layers import softmax
from .layers_of_calls import Quiet, ints, log_sum_exp, mixed, stable_sigmoid, uniform
from .registry import Cases, rn

CASES = Cases()


@CASES.add("cross-entropy's backward from exp of the scores", "float32", lambda: (96 + 2 * rn(6, 5), ints(5, 6)),
           "float32", "not finite")
def exp_in_backward(wrong):
    class CrossEntropy:
        def forward(self, s, labels):
            self.s, self.labels = s, labels
            return np.mean(log_sum_exp(s) - s[np.arange(len(s)), labels])

        def backward(self):
            with np.errstate(all="ignore"):
                e = np.exp(self.s)
                d = e / e.sum(axis=1, keepdims=True) if wrong else softmax(self.s)
            d[np.arange(len(d)), self.labels] -= 1
            return d / len(d)

    return CrossEntropy()


@CASES.add("tanh as (exp(2x) - 1) / (exp(2x) + 1)", "float32", lambda: (mixed(50),), "float32", "not finite")
def naive_tanh(wrong):
    def naive(x):
        e = np.exp(2 * x)
        return (e - 1) / (e + 1)

    f = naive if wrong else np.tanh
    return Quiet(f, lambda x: 1 - f(x) ** 2)


@CASES.add("log of a Gaussian density that underflows", "float32", lambda: (mixed(16),), "float32", "not finite")
def log_density(wrong):
    half_log = float(0.5 * np.log(2 * np.pi))

    def density(x):
        return np.exp(-0.5 * x**2)

    if wrong:
        return Quiet(lambda x: np.log(density(x)) - half_log, lambda x: -x * density(x) / density(x))
    return Quiet(lambda x: -0.5 * x**2 - half_log, lambda x: -x)


@CASES.add("1 - cos(x) near zero", "float32", lambda: (uniform(1e-4, 6e-4, 5, 6),), "float32")
def one_minus_cos(wrong):
    return Quiet((lambda x: 1 - np.cos(x)) if wrong else (lambda x: 2 * np.sin(x / 2) ** 2), np.sin)


@CASES.add("root of a quadratic by subtraction", "float32", lambda: (uniform(1, 2, 4, 6),), "float32")
def quadratic_root(wrong):
    b = 2000.0

    def f(c):
        root = np.sqrt(b * b + c)
        return root - b if wrong else c / (root + b)

    return Quiet(f, lambda c: 0.5 / np.sqrt(b * b + c))


@CASES.add("log of the sigmoid", "float32", lambda: (mixed(-95, seed=5),), "float32", "not finite")
def log_of_sigmoid(wrong):
    good = lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))  # noqa: E731
    return Quiet((lambda x: np.log(1 / (1 + np.exp(-x)))) if wrong else good, lambda x: stable_sigmoid(-x))


@CASES.add("ELU's exp(x) on the positive side times zero", "float32", lambda: (mixed(95, seed=6),),
           "float32", "not finite")
def elu(wrong):
    return Quiet(
        lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
        (lambda x: (x > 0) + (x <= 0) * np.exp(x)) if wrong else (lambda x: np.exp(np.minimum(x, 0))),
    )


@CASES.add("softmax's temperature of 0.01 overflows", "float32", lambda: (uniform(0.9, 1.2, 4, 5),),
           "float32", "not finite")
def temperature(wrong):
    class Attention:
        def __init__(self):
            self.t = 0.01

        def forward(self, s):
            self.p = softmax(s / self.t)
            self.s = s
            return self.p

        def backward(self, dy):
            p = self.p
            if wrong:
                with np.errstate(all="ignore"):
                    e = np.exp(self.s / self.t)
                    p = e / e.sum(axis=-1, keepdims=True)
            return p * (dy - (dy * p).sum(axis=-1, keepdims=True)) / self.t

    return Attention()


@CASES.add("suffix sums as the total minus the prefix", "float32", lambda: (rn(4, 30),), "float32")
def suffix_sums(wrong):
    class DecayedSum:
        def forward(self, x):
            self._decay = np.logspace(8, 0, x.shape[1]).astype(x.dtype)
            return np.cumsum(x / self._decay, axis=1) * self._decay

        def backward(self, dy):
            g = dy * self._decay
            if wrong:
                return (g.sum(axis=1, keepdims=True) - np.cumsum(g, axis=1) + g) / self._decay
            return np.cumsum(g[:, ::-1], axis=1)[:, ::-1] / self._decay

    return DecayedSum()
