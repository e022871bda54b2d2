"""Right in the first call, and wrong in another one."""

from functools import cache

import numpy as np

from .layers import softmax
from .layers_of_calls import _SharedTanh, ints, stable_sigmoid
from .registry import Cases, rn

CASES = Cases()


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
    @cache
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
