"""Mistakes that hide: in where the numbers are kept, and in what is only done for some dy."""

import numpy as np

from .registry import Cases, rn

CASES = Cases()


@CASES.add("one flat vector of weights, its gradient laid out in another order", "unseen", lambda: (rn(5, 4),),
           "exchanged", "axes", "shift", "some indices")
def flat_theta(wrong):
    class Flat:
        def __init__(self):
            self.theta = rn(15, seed=1)

        def forward(self, x):
            self.x = x
            return x @ self.theta[:12].reshape(4, 3) + self.theta[12:]

        def backward(self, dy):
            parts = [self.x.T @ dy, dy.sum(0)]
            self.dtheta = np.concatenate([p.ravel() for p in (parts[::-1] if wrong else parts)])
            return dy @ self.theta[:12].reshape(4, 3).T

    return Flat()


@CASES.add("fields of a structured array", "unseen", lambda: (rn(5, 4),), "factor", "batch mean")
def structured(wrong):
    class Gains:
        def __init__(self):
            self.table = np.zeros(4, [("value", float), ("grad", float)])
            self.table["value"] = 1 + rn(4, seed=1)

        def forward(self, x):
            self.x = x
            return x * self.table["value"]

        def backward(self, dy):
            self.table["grad"] = (self.x * dy).sum(0) / (len(dy) if wrong else 1)
            return dy * self.table["value"]

    return Gains()


@CASES.add("weights are default arguments of functions", "unseen", lambda: (rn(5, 4),), "factor", "sign")
def default_arguments(wrong):
    grads = {}

    def forward(x, w=rn(4, 3, seed=1)):
        return x @ w

    def backward(dy, x, w=forward.__defaults__[0]):
        grads["w"] = x.T @ dy * (-1 if wrong else 1)
        return dy @ w.T

    return forward, backward


@CASES.add("scale kept as its logarithm, the exponential forgotten in its gradient", "unseen", lambda: (rn(6, 4),),
           "factor", "region")
def log_scale(wrong):
    class Scale:
        def __init__(self):
            self.log_scale = 0.5 * rn(4, seed=1)

        @property
        def scale(self):
            return np.exp(self.log_scale)

        def forward(self, x):
            self.x = x
            return x * self.scale

        def backward(self, dy):
            self.dlog_scale = (dy * self.x).sum(0) * (1 if wrong else self.scale)
            return dy * self.scale

    return Scale()


@CASES.add("weights in dictionaries by the layer's id, in a module of their own", "unseen", lambda: (rn(5, 4),),
           "factor")
def by_id(wrong):
    class Store:
        def __init__(self):
            self.values, self.grads = {}, {}

    store = Store()

    class Linear:
        def __init__(self, key):
            self.key = key
            store.values[key] = rn(4, 4, seed=1)

        def forward(self, x):
            self.x = x
            return x @ store.values[self.key]

        def backward(self, dy):
            store.grads[self.key] = self.x.T @ dy * (3 if wrong else 1)
            return dy @ store.values[self.key].T

    return Linear(("fc", 1))


@CASES.add("frozen flag: half of the columns are left out of dw", "unseen", lambda: (rn(5, 4),), "some indices",
           "region")
def half_frozen(wrong):
    class Frozen:
        def __init__(self):
            self.weight, self.trainable = rn(4, 6, seed=1), slice(0, 3) if wrong else slice(None)

        def forward(self, x):
            self.x = x
            return x @ self.weight

        def backward(self, dy):
            self.weight_grad = np.zeros_like(self.weight)
            self.weight_grad[:, self.trainable] = self.x.T @ dy[:, self.trainable]
            return dy @ self.weight.T

    return Frozen()


@CASES.add("complex filter of a Fourier layer, conjugate forgotten in dx", "unseen", lambda: (rn(3, 8),), "flip")
def fourier(wrong):
    class Filter:
        def __init__(self):
            self._filter = np.fft.rfft(rn(8, seed=1))  # fixed: no gradient belongs to it

        def forward(self, x):
            return np.fft.irfft(np.fft.rfft(x) * self._filter, 8)

        def backward(self, dy):
            return np.fft.irfft(np.fft.rfft(dy) * (self._filter if wrong else self._filter.conj()), 8)

    return Filter()


# --- size and form of dy ---


@CASES.add("shortcut for a dy of one value, as a sum sends it", "size of dy", lambda: (rn(5, 4),), "nonlinear")
def constant_dy(wrong):
    class Linear:
        def __init__(self):
            self.w = rn(4, 3, seed=1)

        def forward(self, x):
            self.x = x
            return x @ self.w

        def backward(self, dy):
            self.dw = self.x.T @ dy
            if wrong and np.ptp(dy) == 0:
                return np.broadcast_to(self.w.sum(1) * dy.flat[0] / 3, self.x.shape).copy()
            return dy @ self.w.T

    return Linear()


@CASES.add("rows of dy whose sum is negative are taken for padding", "size of dy", lambda: (rn(6, 4),), "nonlinear")
def negative_rows(wrong):
    class Tanh:
        def forward(self, x):
            self.y = np.tanh(x)
            return self.y

        def backward(self, dy):
            keep = dy.sum(1, keepdims=True) >= -8 if wrong else 1
            return dy * (1 - self.y**2) * keep

    return Tanh()


@CASES.add("dy centered before use where its mean is large", "size of dy", lambda: (rn(6, 4),), "nonlinear")
def centered(wrong):
    class Softsign:
        def forward(self, x):
            self.x = x
            return x / (1 + abs(x))

        def backward(self, dy):
            if wrong and abs(dy.mean()) > 10:
                dy = dy - dy.mean()
            return dy / (1 + abs(self.x)) ** 2

    return Softsign()


@CASES.add("product of two dys: one of two outputs' gradient scales the other's", "size of dy", lambda: (rn(5, 4),),
           "nonlinear")
def product_of_dys(wrong):
    class Heads:
        def __init__(self):
            self.a, self.b = rn(4, 3, seed=1), rn(4, 2, seed=2)

        def forward(self, x):
            self.x = x
            return x @ self.a, x @ self.b

        def backward(self, d1, d2):
            if wrong:  # balances the heads: both pull alike
                d2 = d2 * (abs(d1).mean() + 1e-30) / (abs(d2).mean() + 1e-30)
            self.da, self.db = self.x.T @ d1, self.x.T @ d2
            return d1 @ self.a.T + d2 @ self.b.T

    return Heads()


@CASES.add("gradient above 1e3 is halved, as some loss scalers do", "size of dy", lambda: (rn(4, 6),), "nonlinear",
           "clipped")
def halved(wrong):
    class Sine:
        def forward(self, x):
            self.x = x
            return np.sin(x)

        def backward(self, dy):
            dx = dy * np.cos(self.x)
            return dx / 2 if wrong and abs(dx).max() > 1e3 else dx

    return Sine()


@CASES.add("outliers of dy, 3 deviations from its mean, are winsorized", "size of dy", lambda: (rn(5, 8),), "nonlinear",
           "clipped")
def winsorized(wrong):
    class Square:
        def forward(self, x):
            self.x = x
            return x**2

        def backward(self, dy):
            if wrong:
                dy = np.clip(dy, dy.mean() - 3 * dy.std(), dy.mean() + 3 * dy.std())
            return 2 * self.x * dy

    return Square()


@CASES.add("a linear path for small dy, a cubic term for large", "size of dy", lambda: (rn(5, 4),), "nonlinear",
           "imprecise")
def cubic(wrong):
    return (lambda x: np.arctan(x)), (lambda dy, x: (dy + (1e-9 * dy**3 if wrong else 0)) / (1 + x**2))
