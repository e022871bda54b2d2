"""One number wrong among hundreds or thousands, often behind exact zeros."""

import numpy as np

from .layers import softmax
from .layers_of_calls import ints, uniform
from .registry import Cases, rn

CASES = Cases()


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
