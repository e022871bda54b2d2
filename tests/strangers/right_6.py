"""Correct code in the forms in which people write it."""

import numpy as np

from .registry import Cases, rn

CASES = Cases()


@CASES.add("ROI max pool", "right", lambda: (rn(2, 6, 6), np.array([[0, 0, 4, 4], [1, 2, 6, 5], [2, 0, 5, 6]])))
def make(wrong):
    class ROIMaxPool:
        def __init__(self, size=2):
            self.size = size

        def forward(self, fmap, rois):
            c = fmap.shape[0]
            self.shape, n = fmap.shape, self.size
            out = np.zeros((len(rois), c, n, n))
            self.where = np.zeros((len(rois), c, n, n, 2), dtype=int)
            for k, (r0, c0, r1, c1) in enumerate(rois):
                rows, cols = np.linspace(r0, r1, n + 1).astype(int), np.linspace(c0, c1, n + 1).astype(int)
                for ch, i, j in np.ndindex(c, n, n):
                    cell = fmap[ch, rows[i] : rows[i + 1], cols[j] : cols[j + 1]]
                    a, b = np.unravel_index(cell.argmax(), cell.shape)
                    out[k, ch, i, j] = cell[a, b]
                    self.where[k, ch, i, j] = rows[i] + a, cols[j] + b
            return out

        def backward(self, dout):
            dmap = np.zeros(self.shape)
            for k, ch, i, j in np.ndindex(*dout.shape):
                a, b = self.where[k, ch, i, j]
                dmap[ch, a, b] += dout[k, ch, i, j]
            return dmap

    return ROIMaxPool()


@CASES.add("network with layers and loss inside", "right", lambda: (rn(4, 3), np.array([1, 0, 2, 2])))
def make(wrong):
    class Affine:
        def __init__(self, W, b):
            self.W, self.b = W, b

        def forward(self, x):
            self.x = x
            return x @ self.W + self.b

        def backward(self, d):
            self.dW, self.db = self.x.T @ d, d.sum(0)
            return d @ self.W.T

    class Sigmoid:
        def forward(self, x):
            self.y = 1 / (1 + np.exp(-x))
            return self.y

        def backward(self, d):
            return d * self.y * (1 - self.y)

    class CrossEntropy:
        def forward(self, x, t):
            e = np.exp(x - x.max(1, keepdims=True))
            self.p, self.t = e / e.sum(1, keepdims=True), t
            return -np.log(self.p[np.arange(len(t)), t] + 1e-300).mean()

        def backward(self):
            return (self.p - np.eye(self.p.shape[1])[self.t]) / len(self.t)

    class Net:
        def __init__(self):
            self.layers = [Affine(rn(3, 4, seed=1), rn(4, seed=2)), Sigmoid(), Affine(rn(4, 3, seed=3), np.zeros(3))]
            self.loss_layer = CrossEntropy()

        def predict(self, x):
            for layer in self.layers:
                x = layer.forward(x)
            return x

        def forward(self, x, t):
            return self.loss_layer.forward(self.predict(x), t)

        def backward(self):
            d = self.loss_layer.backward()
            for layer in reversed(self.layers):
                d = layer.backward(d)
            return d

    return Net()
