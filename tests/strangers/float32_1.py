"""Right in float64, and lost in float32."""

import numpy as np

from .layers import softmax
from .layers_of_calls import Quiet, away, log_sum_exp, mixed, series, stable_sigmoid, uniform
from .registry import Cases, rn

CASES = Cases()


@CASES.add("softmax of scores about 95, maximum not subtracted", "float32", lambda: (95 + rn(4, 6),),
           "float32", "not finite")
def naive_softmax(wrong):
    class Softmax:
        def forward(self, s):
            with np.errstate(all="ignore"):
                self.p = np.exp(s) / np.exp(s).sum(axis=-1, keepdims=True) if wrong else softmax(s)
            return self.p

        def backward(self, dy):
            return self.p * (dy - (dy * self.p).sum(axis=-1, keepdims=True))

    return Softmax()


@CASES.add("log of the sum of exp, naive", "float32", lambda: (93 + 3 * rn(4, 6),), "float32", "not finite")
def naive_lse(wrong):
    class LogSumExp:
        def forward(self, s):
            self.s = s
            with np.errstate(all="ignore"):
                return np.log(np.exp(s).sum(axis=-1)) if wrong else log_sum_exp(s)

        def backward(self, dy):
            with np.errstate(all="ignore"):
                e = np.exp(self.s)
                return dy[:, None] * (e / e.sum(axis=-1, keepdims=True) if wrong else softmax(self.s))

    return LogSumExp()


@CASES.add("sigmoid's derivative from exp(-x)", "float32", lambda: (mixed(-95),), "float32", "not finite")
def naive_sigmoid(wrong):
    def naive(x):
        e = np.exp(-x)
        return e / (1 + e) ** 2

    return Quiet(stable_sigmoid, naive if wrong else lambda x: stable_sigmoid(x) * stable_sigmoid(-x))


@CASES.add("variance as E[x^2] - E[x]^2", "float32", lambda: (4000 + rn(5, 16),), "float32", "not finite")
def naive_variance(wrong):
    class LayerNorm:
        def forward(self, x):
            centered = x - x.mean(axis=1, keepdims=True)
            if wrong:
                var = (x**2).mean(axis=1, keepdims=True) - x.mean(axis=1, keepdims=True) ** 2
            else:
                var = (centered**2).mean(axis=1, keepdims=True)
            with np.errstate(all="ignore"):
                self.std = np.sqrt(var + 1e-5)
                self.hat = centered / self.std
            return self.hat

        def backward(self, dy):
            hat = self.hat
            with np.errstate(all="ignore"):
                d = dy - dy.mean(axis=1, keepdims=True) - hat * (dy * hat).mean(axis=1, keepdims=True)
                return d / self.std

    return LayerNorm()


@CASES.add("eighth powers overflow in a norm", "float32", lambda: (2e5 * rn(5, 6),), "float32", "not finite")
def eighth_powers(wrong):
    class Norm8:
        def forward(self, x):
            self.x, self.top = x, 1.0 if wrong else np.abs(x).max(axis=1, keepdims=True)
            with np.errstate(all="ignore"):
                self.s = ((x / self.top) ** 8).sum(axis=1, keepdims=True)
                return (self.top * self.s ** (1 / 8))[:, 0]

        def backward(self, dy):
            with np.errstate(all="ignore"):
                return dy[:, None] * (self.x / self.top) ** 7 * self.s ** (-7 / 8)

    return Norm8()


@CASES.add("squares overflow behind a gain of 1e20", "float32", lambda: (rn(5, 6),), "float32", "not finite")
def squares_overflow(wrong):
    class Direction:
        gain = 1e20

        def forward(self, x):
            z = x * (self.gain if wrong else 1.0)
            with np.errstate(all="ignore"):
                norm = np.sqrt((z**2).sum(axis=1, keepdims=True))
                self.y = z / norm
            self.norm = norm / (self.gain if wrong else 1.0)
            return self.y

        def backward(self, dy):
            with np.errstate(all="ignore"):
                return (dy - self.y * (dy * self.y).sum(axis=1, keepdims=True)) / self.norm

    return Direction()


@CASES.add("log cosh with sinh / cosh in backward", "float32", lambda: (mixed(93),), "float32", "not finite")
def sinh_over_cosh(wrong):
    def f(x):
        a = np.abs(x)
        return a + np.log1p(np.exp(-2 * a)) - float(np.log(2))

    return Quiet(f, (lambda x: np.sinh(x) / np.cosh(x)) if wrong else np.tanh)


@CASES.add("softplus as log(1 + exp(x))", "float32", lambda: (mixed(95),), "float32", "not finite")
def naive_softplus(wrong):
    if wrong:
        return Quiet(lambda x: np.log(1 + np.exp(x)), lambda x: np.exp(x) / (1 + np.exp(x)))
    return Quiet(lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), stable_sigmoid)


@CASES.add("sigmoid minus one, for scores about 20", "float32", lambda: (20 + rn(5, 6),), "float32")
def sigmoid_minus_one(wrong):
    return Quiet(
        lambda x: np.maximum(-x, 0) + np.log1p(np.exp(-np.abs(x))),
        (lambda x: 1 / (1 + np.exp(-x)) - 1) if wrong else (lambda x: -stable_sigmoid(-x)),
    )


@CASES.add("derivative of (exp(x) - 1) / x near zero", "float32",
           lambda: (uniform(1e-3, 3e-3, 5, 6) * np.where(rn(5, 6) > 0, 1, -1),), "float32")
def exp_quotient(wrong):
    factorial = np.cumprod(np.arange(1.0, 16))  # 1!, 2!, ...
    d = [float((k + 1) / factorial[k + 1]) for k in range(13)]

    def far(x):
        x = np.where(x == 0, 1, x)
        return (x * np.exp(x) - np.exp(x) + 1) / x**2

    def f(x):
        safe = np.where(x == 0, 1, x)
        return np.where(x == 0, 1, np.expm1(safe) / safe)

    return Quiet(f, far if wrong else lambda x: np.where(np.abs(x) < 0.5, series(x, d), far(x)))


@CASES.add("geometric mean from the product of 300", "float32", lambda: (uniform(1, 4, 3, 300),),
           "float32", "not finite")
def geometric_mean(wrong):
    class GeometricMean:
        def forward(self, x):
            self.x = x
            with np.errstate(all="ignore"):
                if wrong:
                    self.y = np.prod(x, axis=1) ** (1 / x.shape[1])
                else:
                    self.y = np.exp(np.log(x).mean(axis=1))
            return self.y

        def backward(self, dy):
            with np.errstate(all="ignore"):
                return (dy * self.y)[:, None] / (self.x.shape[1] * self.x)

    return GeometricMean()


@CASES.add("likelihood of 80 steps underflows", "float32", lambda: (uniform(0.05, 0.4, 3, 80),),
           "float32", "not finite")
def likelihood(wrong):
    class NegativeLogLikelihood:
        def forward(self, p):
            self.p = p
            return -np.log(p).sum(axis=1)

        def backward(self, dy):
            if not wrong:
                return -dy[:, None] / self.p
            with np.errstate(all="ignore"):
                total = np.prod(self.p, axis=1, keepdims=True)
                return -dy[:, None] * (total / self.p) / total

    return NegativeLogLikelihood()


@CASES.add("epsilon of 1e-50 in p log p", "float32", lambda: (away(5, 6),), "float32", "not finite")
def entropy_epsilon(wrong):
    eps = 1e-50 if wrong else 1e-30

    def f(x):
        p = np.maximum(x, 0)
        return -p * np.log(p + (p <= 0))

    def df(x):
        p = np.maximum(x, 0)
        return (x > 0) * -(np.log(p + eps) + p / (p + eps))  # 0 * log(0) once eps is 0

    return Quiet(f, df)


@CASES.add("epsilon of 1e-50 under a root", "float32", lambda: (away(5, 6, seed=2),), "float32", "not finite")
def root_epsilon(wrong):
    eps = 1e-50 if wrong else 1e-30
    return Quiet(
        lambda x: np.sqrt(np.maximum(x, 0) + eps),
        lambda x: (x > 0) * (0.5 / np.sqrt(np.maximum(x, 0) + eps)),
    )


@CASES.add("pairwise squares as a difference of big sums", "float32", lambda: (2000 + rn(3, 40),), "float32")
def big_sums(wrong):
    class Spread:
        def forward(self, x):
            n = x.shape[1]
            self.c = x - x.mean(axis=1, keepdims=True)
            if wrong:
                return 2 * (n * (x**2).sum(axis=1) - x.sum(axis=1) ** 2)
            return 2 * n * (self.c**2).sum(axis=1)

        def backward(self, dy):
            return 4 * self.c.shape[1] * self.c * dy[:, None]

    return Spread()


@CASES.add("squared distances as |a|^2 + |b|^2 - 2ab", "float32",
           lambda: (100 + 0.1 * rn(6, 8), 100 + 0.1 * rn(5, 8, seed=1)), "float32")
def distances(wrong):
    class Kernel:
        def forward(self, a, b):
            self.a, self.b = a, b
            if wrong:
                d = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
            else:
                d = ((a[:, None] - b) ** 2).sum(axis=2)
            self.y = np.exp(-d)
            return self.y

        def backward(self, dy):
            d = -2 * (dy * self.y)[:, :, None] * (self.a[:, None] - self.b)
            return d.sum(axis=1), -d.sum(axis=0)

    return Kernel()


@CASES.add("binary cross-entropy divided by p (1 - p)", "float32",
           lambda: (np.where(rn(12, seed=3) > 0, 1, -1) * uniform(19, 22, 12), (rn(12, seed=4) > 0) * 1.0),
           "float32", "not finite")
def divided_by_zero(wrong):
    class BinaryCrossEntropy:
        def forward(self, z, t):
            self.z, self.t = z, t
            return np.mean(np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z))))

        def backward(self):
            p = stable_sigmoid(self.z)
            with np.errstate(all="ignore"):
                d = (p - self.t) / (p * (1 - p)) * (p * (1 - p)) if wrong else p - self.t
            return d / len(d), -self.z / len(d)

    return BinaryCrossEntropy()
