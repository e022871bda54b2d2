"""Backwards that are wrong in another call, in float32, or in one number among many."""

from functools import lru_cache

import numpy as np

from .registry import Cases, rn

CASES = Cases()


def ints(high, *shape, seed=0):
    return np.random.default_rng(seed).integers(0, high, shape)


def uniform(low, high, *shape, seed=0):
    return np.random.default_rng(seed).uniform(low, high, shape)


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def log_sum_exp(s):
    m = s.max(axis=-1, keepdims=True)
    return m[..., 0] + np.log(np.exp(s - m).sum(axis=-1))


def stable_sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


# ---------------------------------------------------------------------------------------------- another call


@CASES.add("loss divides by the first batch's size", "another call", lambda: (rn(5, 4), rn(5, 4, seed=1)),
           "stale", "batch mean")
def first_n(wrong):
    class SquaredError:
        n = None

        def forward(self, p, t):
            self.diff = p - t
            if self.n is None or not wrong:
                self.n = len(p)
            return 0.5 * np.sum(self.diff**2) / len(p)

        def backward(self):
            d = self.diff / self.n
            return d, -d

    return SquaredError()


@CASES.add("cross-entropy keeps the first batch's arange", "another call", lambda: (rn(6, 5), ints(5, 6)),
           "stale", "raises", "label")
def first_arange(wrong):
    class CrossEntropy:
        def forward(self, s, labels):
            if not wrong or not hasattr(self, "rows"):
                self.rows = np.arange(len(s))
            self.p, self.labels = softmax(s), labels
            return -np.mean(np.log(self.p[np.arange(len(s)), labels]))

        def backward(self):
            d = self.p.copy()
            for row, label in zip(self.rows, self.labels):  # noqa: B905
                d[row, label] -= 1
            return d / len(d)

    return CrossEntropy()


@CASES.add("winners' mask kept from the first call", "another call", lambda: (rn(6, 8),), "stale", "raises", "mask")
def first_mask(wrong):
    class UpperHalf:
        def __init__(self):
            self.mask = None

        def forward(self, x):
            mask = x > np.median(x, axis=1, keepdims=True)
            if self.mask is None or not wrong:
                self.mask = mask
            return x * mask

        def backward(self, dy):
            return dy * self.mask

    return UpperHalf()


@CASES.add("batch mean of the first call in backward", "another call", lambda: (rn(7, 5) * 2 + 1,), "stale")
def first_statistics(wrong):
    class BatchNorm:
        def __init__(self):
            self.gamma, self.beta, self.mean = uniform(0.5, 1.5, 5, seed=3), rn(5, seed=4), None

        def forward(self, x):
            mean, self.std, self.x = x.mean(axis=0), np.sqrt(x.var(axis=0) + 1e-3), x
            if self.mean is None or not wrong:
                self.mean = mean
            return self.gamma * (x - mean) / self.std + self.beta

        def backward(self, dy):
            hat = (self.x - self.mean) / self.std
            self.dgamma, self.dbeta = (dy * hat).sum(axis=0), dy.sum(axis=0)
            g = dy * self.gamma
            return (g - g.mean(axis=0) - hat * (g * hat).mean(axis=0)) / self.std

    return BatchNorm()


@CASES.add("centering divides by n - 1, a batch of one gives 0 / 0", "another call", lambda: (rn(6, 4),),
           "not finite")
def mean_of_the_others(wrong):
    class Center:
        def forward(self, x):
            return x - x.mean(axis=0)

        def backward(self, dy):
            n = len(dy)
            if not wrong:
                return dy - dy.mean(axis=0)
            with np.errstate(all="ignore"):
                others = (dy.sum(axis=0) - dy) / np.float64(n - 1)
                return (dy - others) * (n - 1) / n

    return Center()


@CASES.add("dy.squeeze() in a linear layer", "another call", lambda: (rn(5, 4),), "raises", "shape")
def squeezed_dy(wrong):
    class Linear:
        def __init__(self):
            self.w, self.b = rn(4, 3, seed=1), rn(3, seed=2)

        def forward(self, x):
            self.x = x
            return x @ self.w + self.b

        def backward(self, dy):
            if wrong:
                dy = dy.squeeze()
            self.dw, self.db = self.x.T @ dy, dy.sum(axis=0)
            return dy @ self.w.T

    return Linear()


@CASES.add("dx.squeeze() in global pooling", "another call", lambda: (rn(3, 2, 4, 5),), "shape")
def squeezed_dx(wrong):
    class GlobalMean:
        def forward(self, x):
            self.shape = x.shape
            return x.mean(axis=(2, 3))

        def backward(self, dy):
            n, c, h, w = self.shape
            dx = np.repeat(dy / (h * w), h * w, axis=1).reshape(n, c, h, w)
            return dx.squeeze() if wrong else dx

    return GlobalMean()


@CASES.add("gradient of the last step carried into the next backward", "another call", lambda: (rn(3, 5, 4),),
           "accumulated", "stale", "raises")
def carried_dh(wrong):
    class Recurrent:
        def __init__(self):
            self.w, self.u, self.dh = rn(4, 4, seed=1) * 0.5, rn(4, 4, seed=2) * 0.5, None

        def forward(self, x):
            self.x, self.h = x, [np.zeros_like(x[:, 0])]
            for t in range(x.shape[1]):
                self.h.append(np.tanh(x[:, t] @ self.w + self.h[-1] @ self.u))
            return np.stack(self.h[1:], axis=1)

        def backward(self, dy):
            if self.dh is None or not wrong:
                self.dh = np.zeros_like(dy[:, 0])
            self.dw, self.du, dx = np.zeros_like(self.w), np.zeros_like(self.u), np.zeros_like(self.x)
            for t in reversed(range(dy.shape[1])):
                da = (dy[:, t] + self.dh) * (1 - self.h[t + 1] ** 2)
                self.dw += self.x[:, t].T @ da
                self.du += self.h[t].T @ da
                dx[:, t], self.dh = da @ self.w.T, da @ self.u.T
            return dx

    return Recurrent()


@CASES.add("embedding's gradient is never zeroed", "another call", lambda: (ints(6, 4, 3),), "accumulated")
def embedding(wrong):
    class Embedding:
        def __init__(self):
            self.w = rn(6, 5)
            self.dw = np.zeros_like(self.w)

        def forward(self, i):
            self.i = i
            return self.w[i]

        def backward(self, dy):
            if not wrong:
                self.dw = np.zeros_like(self.w)
            np.add.at(self.dw, self.i, dy)

    return Embedding()


@CASES.add("col2im buffer of the first backward is not zeroed", "another call", lambda: (rn(3, 9),),
           "accumulated", "stale")
def col2im_buffer(wrong):
    class Conv1d:
        def __init__(self):
            self.w, self.buffer = rn(3, seed=1), None

        def forward(self, x):
            self.x = x
            return sum(self.w[k] * x[:, k : x.shape[1] - 2 + k] for k in range(3))

        def backward(self, dy):
            size = dy.shape[1]
            if not wrong or self.buffer is None or self.buffer.shape != self.x.shape:
                self.buffer = np.zeros_like(self.x)
            self.dw = np.array([(dy * self.x[:, k : k + size]).sum() for k in range(3)])
            for k in range(3):
                self.buffer[:, k : k + size] += self.w[k] * dy
            return self.buffer.copy()

    return Conv1d()


@CASES.add("bias gradient adds up over the calls", "another call", lambda: (rn(5, 4),), "accumulated")
def bias_adds_up(wrong):
    class Linear:
        def __init__(self):
            self.w, self.b = rn(4, 3, seed=1), rn(3, seed=2)
            self.dw, self.db = np.zeros((4, 3)), np.zeros(3)

        def forward(self, x):
            self.x = x
            return x @ self.w + self.b

        def backward(self, dy):
            self.dw = self.x.T @ dy
            self.db = self.db + dy.sum(axis=0) if wrong else dy.sum(axis=0)
            return dy @ self.w.T

    return Linear()


@CASES.add("backward uses the weights of the first forward", "another call", lambda: (rn(5, 4),), "stale")
def weights_of_first_forward(wrong):
    class Linear:
        def __init__(self):
            self.w = rn(4, 3, seed=1)
            self._back = None

        def forward(self, x):
            if self._back is None or not wrong:
                self._back = self.w.T.copy()
            self.x = x
            return x @ self.w

        def backward(self, dy):
            self.dw = self.x.T @ dy
            return dy @ self._back

    return Linear()


@CASES.add("backward uses the scale taken at construction", "another call", lambda: (rn(6, 5),), "stale")
def scale_at_construction(wrong):
    class Scale:
        def __init__(self):
            self.scale = uniform(0.5, 2, 5)
            kept = [float(s) for s in self.scale]
            self.back = (lambda dy: dy * np.array(kept, dy.dtype)) if wrong else (lambda dy: dy * self.scale)

        def forward(self, x):
            self.x = x
            return np.sin(x) * self.scale

        def backward(self, dy):
            self.dscale = (dy * np.sin(self.x)).sum(axis=0)
            return self.back(dy) * np.cos(self.x)

    return Scale()


@CASES.add("stack of caches popped at the wrong end", "another call", lambda: (rn(4, 5),), "stale", "shared")
def wrong_end(wrong):
    class Tanh:
        def __init__(self):
            self.stack = []

        def forward(self, x):
            y = np.tanh(x)
            self.stack.append(y)
            return y

        def backward(self, dy):
            y = self.stack.pop(0 if wrong else -1)
            return dy * (1 - y**2)

    return Tanh()


@CASES.add("only the first input is cached", "another call", lambda: (rn(4, 5), rn(4, 5, seed=1)), "stale", "raises")
def hasattr_cache(wrong):
    class Multiply:
        def forward(self, a, b):
            if not wrong or not hasattr(self, "cache"):
                self.cache = a.copy(), b.copy()
            return a * b

        def backward(self, dy):
            a, b = self.cache
            return dy * b, dy * a

    return Multiply()


@CASES.add("derivative cached by id(x)", "another call", lambda: (rn(4, 6),), "stale")
def cache_by_id(wrong):
    class Sine:
        def __init__(self):
            self.known = {}

        def forward(self, x):
            # the caller may reuse its array, or the id may come back for another array
            if not wrong or id(x) not in self.known:
                self.known[id(x)] = np.cos(x)
            self.key = id(x)
            return np.sin(x)

        def backward(self, dy):
            return dy * (self.known[self.key] if wrong else self.known.pop(self.key))

    return Sine()


@CASES.add("derivative cached by x.shape", "another call", lambda: (rn(4, 6),), "stale")
def cache_by_shape(wrong):
    known = {}

    class Swish:
        def forward(self, x):
            s = stable_sigmoid(x)
            d = s + x * s * (1 - s)
            self.d = known.setdefault(x.shape, d) if wrong else d
            return x * s

        def backward(self, dy):
            return dy * self.d

    return Swish()


@CASES.add("lru_cache returns the same zeros", "another call", lambda: (rn(5, 6),), "accumulated", "shared", "stale")
def cached_zeros(wrong):
    @lru_cache(maxsize=None)
    def kept_zeros(shape, dtype):
        return np.zeros(shape, dtype)

    class Neighbours:
        def forward(self, x):
            self.x = x
            return x[:, :-1] * x[:, 1:]

        def backward(self, dy):
            dx = kept_zeros(self.x.shape, self.x.dtype) if wrong else np.zeros_like(self.x)
            dx[:, :-1] += dy * self.x[:, 1:]
            dx[:, 1:] += dy * self.x[:, :-1]
            return dx

    return Neighbours()


@CASES.add("weights of the first batch's labels", "another call", lambda: (rn(8, 4), ints(4, 8)),
           "stale", "batch order", "raises", "label")
def image_weights(wrong):
    class WeightedHinge:
        def __init__(self):
            self.by_image = None

        def forward(self, s, labels):
            weights = np.array([0.5, 1, 2, 3], s.dtype)[labels]
            if self.by_image is None or not wrong:
                self.by_image = weights
            self.p, self.labels = softmax(s), labels
            return -(weights * np.log(self.p[np.arange(len(s)), labels])).sum() / len(s)

        def backward(self):
            d = self.p.copy()
            d[np.arange(len(d)), self.labels] -= 1
            return d * self.by_image[:, None] / len(d)

    return WeightedHinge()


@CASES.add("mutable default argument", "another call", lambda: (rn(5, 4),), "accumulated", "raises", "shared")
def mutable_default(wrong):
    class Linear:
        def __init__(self):
            self.w = rn(4, 3, seed=1)

        def forward(self, x):
            self.x = x
            return x @ self.w

        def backward(self, dy, parts=[]):  # noqa: B006
            if not wrong:
                parts = []
            parts.extend(np.outer(x, d) for x, d in zip(self.x, dy, strict=True))
            self.dw = np.sum(parts, axis=0)
            return dy @ self.w.T

    return Linear()


@CASES.add("pair of functions with a global cache set once", "another call", lambda: (rn(4, 3),), "stale", "raises")
def global_cache(wrong):
    cache = {}

    def forward(x):
        if wrong:
            cache.setdefault("x", x.copy())
        else:
            cache["x"] = x.copy()
        return x**3 + x

    def backward(dy):
        return dy * (3 * cache["x"] ** 2 + 1)

    return forward, backward


class _SharedTanh:
    cache = {}  # noqa: RUF012

    def __init__(self, wrong):
        self.name = "tanh"
        if not wrong:
            self.cache = {}

    def forward(self, x):
        self.cache[self.name] = y = np.tanh(x)
        return y

    def backward(self, dy):
        return dy * (1 - self.cache[self.name] ** 2)


@CASES.add("two layers of one class share the cache", "another call", lambda: (rn(4, 5),), "shared", "stale")
def shared_cache(wrong):
    return _SharedTanh(wrong)


@CASES.add("rows of an earlier, larger batch stay in the buffer", "another call", lambda: (rn(7, 4),),
           "stale", "accumulated", "raises")
def old_rows(wrong):
    class Linear:
        def __init__(self):
            self.w = rn(4, 3, seed=1)
            self._x = self._dy = None

        def forward(self, x):
            self.n = len(x)
            if not wrong or self._x is None or len(self._x) < len(x):
                self._x, self._dy = np.zeros((len(x), 4), x.dtype), np.zeros((len(x), 3), x.dtype)
            self._x[: len(x)] = x
            return x @ self.w

        def backward(self, dy):
            self._dy[: self.n] = dy
            self.dw = self._x.T @ self._dy
            return dy @ self.w.T

    return Linear()


@CASES.add("dy is masked in place", "another call", lambda: (rn(5, 6),))
def dy_in_place(wrong):
    class ReLU:
        def forward(self, x):
            self.off = x <= 0
            return np.where(self.off, 0, x)

        def backward(self, dy):
            dx = dy if wrong else dy.copy()
            dx[self.off] = 0
            return dx

    return ReLU()


@CASES.add("two outputs, one of them kept from the first call", "another call", lambda: (rn(5, 4),),
           "stale", "raises")
def two_outputs(wrong):
    class MeanAndSquare:
        def __init__(self):
            self.x = None

        def forward(self, x):
            self.n = x.shape[1]
            if self.x is None or not wrong:
                self.x = x.copy()
            return x.mean(axis=1), x**2

        def backward(self, d1, d2):
            return d1[:, None] / self.n + 2 * d2 * self.x

    return MeanAndSquare()


@CASES.add("bias is summed over the axis that differs in size", "another call", lambda: (rn(6, 3),))
def axis_by_size(wrong):
    class Bias:
        def __init__(self):
            self.b = rn(3, seed=2)

        def forward(self, x):
            return x + self.b

        def backward(self, dy):
            # a batch of three is taken for the features
            self.db = dy.sum(axis=1 if wrong and len(dy) == len(self.b) else 0)
            return dy.copy()

    return Bias()


# ---------------------------------------------------------------------------------------------------- float32


class Quiet:
    """An elementwise function given by two formulas, without NumPy's warnings."""

    def __init__(self, f, df):
        self._f, self._df = f, df

    def forward(self, x):
        self.x = x
        with np.errstate(all="ignore"):
            return self._f(x)

    def backward(self, dy):
        with np.errstate(all="ignore"):
            return dy * self._df(self.x)


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


def mixed(far, seed=0):
    """Small numbers, with every fourth about `far`."""
    x = rn(6, 8, seed=seed)
    x[:, ::4] += far
    return x


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


def series(x, terms):
    return sum(c * x**k for k, c in enumerate(terms))


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


def away(*shape, seed=0):
    """Numbers with 0.1 < |x| < 2."""
    return uniform(0.1, 2, *shape, seed=seed) * np.where(rn(*shape, seed=seed + 9) > 0, 1, -1)


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


# ------------------------------------------------------------------------------------------------ one in many


@CASES.add("ReLU of 600, one positive entry halved", "one in many", lambda: (rn(600),), "some indices", "factor")
def relu_600(wrong):
    class ReLU:
        def forward(self, x):
            self.on = x > 0
            return x * self.on

        def backward(self, dy):
            dx = dy * self.on
            if wrong:
                dx[np.flatnonzero(self.on)[len(dx) // 3 :][:1]] *= 0.5
            return dx

    return ReLU()


@CASES.add("one row of the weight gradient is zero", "one in many", lambda: (rn(16, 40),), "some indices", "region")
def one_row(wrong):
    class Linear:
        def __init__(self):
            self.w = rn(40, 30, seed=1) / 6

        def forward(self, x):
            self.x = x
            return x @ self.w

        def backward(self, dy):
            self.dw = self.x.T @ dy
            if wrong:
                self.dw[17] = 0
            return dy @ self.w.T

    return Linear()


class Conv:
    """A 3 x 3 convolution without padding; hurt(dw, dx) may change the gradients."""

    def __init__(self, c, f, hurt):
        self.w, self._hurt = rn(f, c, 3, 3, seed=1) / 3, hurt

    def forward(self, x):
        self.x = x
        self.h, self.v = x.shape[2] - 2, x.shape[3] - 2
        return sum(
            np.einsum("nchw,fc->nfhw", x[:, :, i : i + self.h, j : j + self.v], self.w[:, :, i, j])
            for i in range(3) for j in range(3)
        )

    def backward(self, dy):
        dw, dx = np.zeros_like(self.w), np.zeros_like(self.x)
        for i in range(3):
            for j in range(3):
                part = np.s_[:, :, i : i + self.h, j : j + self.v]
                dw[:, :, i, j] = np.einsum("nfhw,nchw->fc", dy, self.x[part])
                dx[part] += np.einsum("nfhw,fc->nchw", dy, self.w[:, :, i, j])
        self._hurt(dw, dx)
        self.dw = dw
        return dx


@CASES.add("one corner of one convolution kernel", "one in many", lambda: (rn(2, 6, 8, 8),),
           "some indices", "region", "factor", "border")
def kernel_corner(wrong):
    def hurt(dw, dx):
        if wrong:
            dw[3, 2, 2, 2] *= -1

    return Conv(6, 8, hurt)


@CASES.add("convolution's bottom right pixel is left out of dx", "one in many", lambda: (rn(2, 3, 10, 10),),
           "some indices", "region", "border", "overlap")
def last_pixel(wrong):
    def hurt(dw, dx):
        if wrong:
            dx[:, :, -1, -1] = 0

    return Conv(3, 4, hurt)


@CASES.add("one channel takes its neighbour's scale", "one in many", lambda: (rn(4, 16, 8, 8),),
           "some indices", "region", "factor")
def one_channel(wrong):
    class ChannelScale:
        def __init__(self):
            self.w = uniform(0.5, 2, 16, seed=1)

        def forward(self, x):
            self.x = x
            return x * self.w[:, None, None]

        def backward(self, dy):
            self.dw = (dy * self.x).sum(axis=(0, 2, 3))
            scale = self.w.copy()
            if wrong:
                scale[11] = scale[10]
            return dy * scale[:, None, None]

    return ChannelScale()


@CASES.add("last element of the last row is never written", "one in many", lambda: (rn(25, 40),),
           "some indices", "region", "border")
def last_element(wrong):
    class Sine:
        def forward(self, x):
            self.x = x
            return np.sin(x)

        def backward(self, dy):
            flat = (dy * np.cos(self.x)).reshape(-1)
            dx = np.zeros_like(flat)
            end = dx.size - 1 if wrong else dx.size
            dx[:end] = flat[:end]
            return dx.reshape(dy.shape)

    return Sine()


@CASES.add("last entry of a sparse weight matrix is missed", "one in many", lambda: (rn(9, 30),),
           "some indices", "region", "mask")
def sparse_weights(wrong):
    class Sparse:
        def __init__(self):
            self.mask = np.random.default_rng(5).random((30, 40)) < 0.05
            self.w = rn(30, 40, seed=1) * self.mask

        def forward(self, x):
            self.x = x
            return x @ (self.w * self.mask)

        def backward(self, dy):
            rows, columns = np.nonzero(self.mask)
            if wrong:
                rows, columns = rows[:-1], columns[:-1]
            self.dw = np.zeros_like(self.w)
            self.dw[rows, columns] = (self.x[:, rows] * dy[:, columns]).sum(axis=0)
            return dy @ (self.w * self.mask).T

    return Sparse()


def mostly_zero(*shape, keep=0.05, seed=0):
    return rn(*shape, seed=seed) * (np.random.default_rng(seed + 1).random(shape) < keep)


@CASES.add("one of the few non-zeros of x is missed", "one in many", lambda: (mostly_zero(40, 50),), "some indices")
def non_zeros(wrong):
    class Square:
        def forward(self, x):
            self.x = x
            return x**2

        def backward(self, dy):
            at = np.flatnonzero(self.x)
            if wrong:
                at = np.delete(at, at.size // 2) if at.size else at
            dx = np.zeros_like(dy).reshape(-1)
            dx[at] = 2 * self.x.reshape(-1)[at] * dy.reshape(-1)[at]
            return dx.reshape(dy.shape)

    return Square()


@CASES.add("one image of 40 gets its neighbour's gradient", "one in many", lambda: (rn(40, 12),),
           "some indices", "region")
def one_image(wrong):
    class Sigmoid:
        def forward(self, x):
            self.y = stable_sigmoid(x)
            return self.y

        def backward(self, dy):
            dy = dy.copy()
            if wrong and len(dy) > 23:
                dy[23] = dy[22]
            return dy * self.y * (1 - self.y)

    return Sigmoid()


@CASES.add("weights of an input that is always zero get a gradient", "one in many",
           lambda: (rn(10, 30) * (np.arange(30) != 13),), "some indices", "region")
def dead_input(wrong):
    class Linear:
        def __init__(self):
            self.w = rn(30, 15, seed=1) / 5

        def forward(self, x):
            self.x = x
            return x @ self.w

        def backward(self, dy):
            x = self.x.copy()
            if wrong:
                x[:, ~x.any(axis=0)] = 0.1
            self.dw = x.T @ dy
            return dy @ self.w.T

    return Linear()


@CASES.add("one entry is off by a factor of 1.001", "one in many", lambda: (rn(20, 30),), "some indices", "factor")
def per_mille(wrong):
    class Tanh:
        def forward(self, x):
            self.y = np.tanh(x)
            return self.y

        def backward(self, dy):
            dx = dy * (1 - self.y**2)
            if wrong:
                dx[len(dx) // 2, 7] *= 1.001
            return dx

    return Tanh()


@CASES.add("wrong at the maximum only", "one in many", lambda: (rn(800),), "some indices", "factor", "region")
def at_maximum(wrong):
    class Exp:
        def forward(self, x):
            self.y = np.exp(x)
            return self.y

        def backward(self, dy):
            dx = dy * self.y
            if wrong:
                dx[self.y.argmax()] *= 2
            return dx

    return Exp()


@CASES.add("running sum forgets itself at the first place", "one in many", lambda: (rn(500),),
           "some indices", "border", "region")
def first_place(wrong):
    class RunningSum:
        def forward(self, x):
            return np.cumsum(x)

        def backward(self, dy):
            dx = np.cumsum(dy[::-1])[::-1].copy()
            if wrong:
                dx[0] -= dy[0]
            return dx

    return RunningSum()


@CASES.add("differences wrap around at the last place", "one in many", lambda: (rn(700),),
           "some indices", "border", "region")
def last_place(wrong):
    class Differences:
        def forward(self, x):
            return x - np.concatenate([[0], x[:-1]]).astype(x.dtype)

        def backward(self, dy):
            following = np.roll(dy, -1)
            if not wrong:
                following[-1] = 0
            return dy - following

    return Differences()


@CASES.add("entries below 0.002 are taken for zeros", "one in many", lambda: (rn(60, 50),),
           "some indices", "region", "mask")
def small_entries(wrong):
    class Sine:
        def forward(self, x):
            self.x = x
            return np.sin(x)

        def backward(self, dy):
            dx = dy * np.cos(self.x)
            return dx * (np.abs(self.x) >= 0.002) if wrong else dx

    return Sine()


@CASES.add("last pooling window is skipped", "one in many", lambda: (rn(2, 3, 20, 20),),
           "some indices", "border", "region")
def last_window(wrong):
    class MaxPool:
        def forward(self, x):
            n, c, h, w = self.shape = x.shape
            self.v = x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(-1, 4)
            self.at = self.v.argmax(axis=1)
            return self.v.max(axis=1).reshape(n, c, h // 2, w // 2)

        def backward(self, dy):
            n, c, h, w = self.shape
            d, flat = np.zeros_like(self.v), dy.reshape(-1)
            for k in range(len(d) - wrong):
                d[k, self.at[k]] = flat[k]
            return d.reshape(n, c, h // 2, w // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h, w)

    return MaxPool()


@CASES.add("last window overwrites what it shares with the one before", "one in many", lambda: (rn(2, 200),),
           "some indices", "overlap", "region", "border")
def last_overlap(wrong):
    class Strided:
        def __init__(self):
            self.w = rn(4, seed=1)

        def forward(self, x):
            self.x = x
            return np.stack([x[:, i : i + 4] @ self.w for i in range(0, x.shape[1] - 3, 2)], axis=1)

        def backward(self, dy):
            dx, self.dw = np.zeros_like(self.x), np.zeros_like(self.w)
            for k in range(dy.shape[1]):
                part, d = np.s_[:, 2 * k : 2 * k + 4], dy[:, k, None]
                self.dw += (self.x[part] * d).sum(axis=0)
                dx[part] = d * self.w + (0 if wrong and k == dy.shape[1] - 1 else dx[part])
            return dx

    return Strided()


@CASES.add("embedding misses one repeat of a word", "one in many", lambda: (ints(50, 300),),
           "some indices", "overlap", "region")
def one_repeat(wrong):
    class Embedding:
        def __init__(self):
            self.w = rn(50, 8)

        def forward(self, i):
            self.i = i
            return self.w[i]

        def backward(self, dy):
            self.dw = np.zeros_like(self.w)
            end = len(dy) - wrong
            np.add.at(self.dw, self.i[:end], dy[:end])

    return Embedding()


@CASES.add("label of the last image is not subtracted", "one in many", lambda: (rn(50, 12), ints(12, 50)),
           "some indices", "label", "region")
def last_label(wrong):
    class CrossEntropy:
        def forward(self, s, labels):
            self.p, self.labels = softmax(s), labels
            return -np.mean(np.log(self.p[np.arange(len(s)), labels]))

        def backward(self):
            d = self.p.copy()
            rows = np.arange(len(d) - wrong)
            d[rows, self.labels[: len(rows)]] -= 1
            return d / len(d)

    return CrossEntropy()


@CASES.add("the one image of the last class", "one in many",
           lambda: (rn(60, 20), np.where(np.arange(60) == 41, 19, ints(19, 60))), "some indices", "label", "region")
def last_class(wrong):
    class CrossEntropy:
        def forward(self, s, labels):
            self.p, self.labels = softmax(s), labels
            return -np.mean(np.log(self.p[np.arange(len(s)), labels]))

        def backward(self):
            classes = self.p.shape[1]
            hot = self.labels[:, None] == np.arange(classes)
            if wrong:
                hot[:, classes - 1] = False
            return (self.p - hot) / len(self.p)

    return CrossEntropy()


@CASES.add("upsampling forgets the last of the pixels", "one in many", lambda: (rn(2, 2, 9, 10),),
           "some indices", "border", "region")
def upsampling(wrong):
    class Upsample:
        def forward(self, x):
            return x.repeat(2, axis=2).repeat(2, axis=3)

        def backward(self, dy):
            if wrong:
                dy = dy.copy()
                dy[-1, -1, -1, -1] = 0
            n, c, h, w = dy.shape
            return dy.reshape(n, c, h // 2, 2, w // 2, 2).sum(axis=(3, 5))

    return Upsample()


@CASES.add("one diagonal entry of x x^T is not doubled", "one in many", lambda: (rn(20, 15),),
           "some indices", "region", "factor")
def gram(wrong):
    class Gram:
        def forward(self, x):
            self.x = x
            return x @ x.T

        def backward(self, dy):
            both = dy + dy.T
            if wrong:
                both[-1, -1] = dy[-1, -1]
            return both @ self.x

    return Gram()


@CASES.add("one scale gradient of 400", "one in many", lambda: (rn(6, 400),), "some indices", "factor", "region")
def one_gamma(wrong):
    class Norm:
        def __init__(self):
            self.gamma, self.beta = uniform(0.5, 2, 400, seed=1), rn(400, seed=2)

        def forward(self, x):
            self.std = np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
            self.hat = (x - x.mean(axis=1, keepdims=True)) / self.std
            return self.gamma * self.hat + self.beta

        def backward(self, dy):
            self.dgamma, self.dbeta = (dy * self.hat).sum(axis=0), dy.sum(axis=0)
            if wrong:
                self.dgamma[211] /= len(dy)
            g, mean = dy * self.gamma, lambda v: v.mean(axis=1, keepdims=True)
            return (g - mean(g) - self.hat * mean(g * self.hat)) / self.std

    return Norm()


@CASES.add("two of 5000 shuffled positions are swapped", "one in many", lambda: (rn(5000),), "some indices")
def shuffle(wrong):
    class Shuffle:
        def forward(self, x):
            self.order = np.random.default_rng(3).permutation(len(x))
            return x[self.order]

        def backward(self, dy):
            back = np.argsort(self.order)
            if wrong:
                i = len(back) // 2
                back[[i, i + 1]] = back[[i + 1, i]]
            return dy[back]

    return Shuffle()


@CASES.add("reflection padding forgets the corners", "one in many", lambda: (rn(2, 12, 13),),
           "some indices", "border", "region", "overlap")
def reflection(wrong):
    class ReflectPad:
        def forward(self, x):
            self.shape = x.shape
            return np.pad(x, ((0, 0), (1, 1), (1, 1)), mode="reflect")

        def backward(self, dy):
            n, h, w = self.shape
            at = np.pad(np.arange(h * w).reshape(h, w), 1, mode="reflect").reshape(-1)
            if wrong:
                dy = dy.copy()
                dy[:, ::dy.shape[1] - 1, ::dy.shape[2] - 1] = 0
            dx = np.zeros((n, h * w), dy.dtype)
            for d, row in zip(dx, dy.reshape(n, -1), strict=True):
                np.add.at(d, at, row)
            return dx.reshape(self.shape)

    return ReflectPad()


@CASES.add("one gain of 20000", "one in many", lambda: (rn(20000),), "some indices")
def one_gain(wrong):
    class Gain:
        def __init__(self):
            self.w = uniform(0.5, 2, 20000, seed=1)

        def forward(self, x):
            self.x = x
            return self.w * x

        def backward(self, dy):
            self.dw = dy * self.x
            if wrong:
                self.dw[13579] = 0
            return dy * self.w

    return Gain()


@CASES.add("causal mask loses the last of its diagonal", "one in many", lambda: (rn(40, 8),),
           "some indices", "mask", "border", "region")
def causal(wrong):
    class Causal:
        def __init__(self):
            self.w = rn(40, 40, seed=1) / 6

        def forward(self, x):
            self.x = x
            return np.tril(self.w) @ x

        def backward(self, dy):
            mask = np.tril(np.ones_like(self.w))
            if wrong:
                mask[-1, -1] = 0
            self.dw = (dy @ self.x.T) * mask
            return np.tril(self.w).T @ dy

    return Causal()
