"""Right in the first call, and wrong in another one."""


import numpy as np

from .layers import softmax
from .layers_of_calls import ints, uniform
from .registry import Cases, rn

CASES = Cases()


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
