"""Correct code in the forms in which people write it."""

import numpy as np

from .registry import Cases, rn

CASES = Cases()


@CASES.add("hinge loss with a score at the margin", "right",
           lambda: (np.array([0.3, 1.0, -2.0, 4.0, -0.2]), np.array([1, 1, -1, -1, 1])))
def make(wrong):
    class Hinge:
        def forward(self, scores, y):
            self.y = y
            self.active = y * scores < 1
            return np.maximum(0.0, 1 - y * scores).mean()

        def backward(self):
            return np.where(self.active, -self.y, 0) / len(self.y)

    return Hinge()


@CASES.add("Huber loss", "right", lambda: (2 * rn(4, 3), rn(4, 3, seed=1)))
def make(wrong):
    class Huber:
        def __init__(self, delta=1.0):
            self.delta = delta

        def forward(self, pred, target):
            self.r = pred - target
            a = np.abs(self.r)
            return np.where(a <= self.delta, 0.5 * a**2, self.delta * (a - 0.5 * self.delta)).sum()

        def backward(self, grad=1.0):
            g = grad * np.clip(self.r, -self.delta, self.delta)
            return g, -g

    return Huber()


@CASES.add("KL divergence to the softmax", "right",
           lambda: (rn(3, 4), np.array([[0.1, 0.2, 0.7, 0.0], [1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]])))
def make(wrong):
    class KLLoss:
        def forward(self, logits, q):
            m = logits.max(1, keepdims=True)
            logp = logits - m - np.log(np.exp(logits - m).sum(1, keepdims=True))
            self.p, self.q = np.exp(logp), q
            entropy = np.sum(q * np.log(np.where(q > 0, q, 1.0)))
            return (entropy - np.sum(q * logp)) / len(q)

        def backward(self):
            return (self.p * self.q.sum(1, keepdims=True) - self.q) / len(self.q)

    return KLLoss()


@CASES.add("focal loss", "right", lambda: (2 * rn(8), np.array([1, 0, 0, 1, 1, 0, 0, 1])))
def make(wrong):
    class FocalLoss:
        def __init__(self, alpha=0.25, gamma=2.0):
            self.alpha, self.gamma = alpha, gamma

        def forward(self, logits, y):
            p = 1 / (1 + np.exp(-logits))
            self.y, self.p = y, p
            self.pt = np.where(y == 1, p, 1 - p)
            self.at = np.where(y == 1, self.alpha, 1 - self.alpha)
            return np.mean(-self.at * (1 - self.pt) ** self.gamma * np.log(self.pt))

        def backward(self):
            g, pt = self.gamma, self.pt
            dpt = self.at * (g * (1 - pt) ** (g - 1) * np.log(pt) - (1 - pt) ** g / pt) / len(pt)
            return dpt * np.where(self.y == 1, 1, -1) * self.p * (1 - self.p)

    return FocalLoss()


@CASES.add("triplet loss", "right", lambda: (rn(6, 3), rn(6, 3, seed=1), rn(6, 3, seed=2)))
def make(wrong):
    class TripletLoss:
        margin = 0.5

        def forward(self, anchor, positive, negative):
            self.ap, self.an = anchor - positive, anchor - negative
            hinge = (self.ap**2).sum(1) - (self.an**2).sum(1) + self.margin
            self.on = (hinge > 0).astype(float)[:, None]
            return np.maximum(hinge, 0).mean()

        def backward(self):
            c = 2 * self.on / len(self.on)
            return c * (self.ap - self.an), -c * self.ap, c * self.an

    return TripletLoss()


@CASES.add("IoU loss of boxes", "right",
           lambda: (np.array([[0.1, 0.2, 2.0, 1.7], [1.0, 1.0, 3.0, 4.0], [5.0, 5.0, 6.0, 6.0]]),
                    np.array([[0.4, 0.0, 2.5, 1.5], [0.5, 1.5, 2.6, 4.4], [1.0, 1.0, 2.0, 2.0]])))
def make(wrong):
    class IoULoss:
        def forward(self, pred, target):
            lo, hi = np.maximum(pred[:, :2], target[:, :2]), np.minimum(pred[:, 2:], target[:, 2:])
            wh = np.maximum(hi - lo, 0)
            inter = wh[:, 0] * wh[:, 1]
            size = pred[:, 2:] - pred[:, :2]
            tsize = target[:, 2:] - target[:, :2]
            union = size.prod(1) + tsize.prod(1) - inter
            self.saved = pred, target, wh, size, inter, union
            return np.mean(1 - inter / union)

        def backward(self):
            pred, target, wh, size, inter, union = self.saved
            d_inter = (-(union + inter) / union**2 / len(pred))[:, None]
            d_area = (inter / union**2 / len(pred))[:, None]
            overlap = (wh > 0).all(1, keepdims=True)
            d_wh = d_inter * wh[:, ::-1] * overlap
            d_size = d_area * size[:, ::-1]
            d_lo = -d_wh * (pred[:, :2] > target[:, :2]) - d_size
            d_hi = d_wh * (pred[:, 2:] < target[:, 2:]) + d_size
            return np.concatenate([d_lo, d_hi], axis=1)

    return IoULoss()


@CASES.add("ReLU at exact zeros", "right", lambda: (np.array([[0.0, -1.0, 2.0], [0.0, 0.0, 0.5]]),))
def make(wrong):
    class Relu:
        def __init__(self):
            self.mask = None

        def forward(self, x):
            self.mask = x <= 0
            out = x.copy()
            out[self.mask] = 0
            return out

        def backward(self, dout):
            dx = dout.copy()
            dx[self.mask] = 0
            return dx

    return Relu()


@CASES.add("max pool with ties", "right", lambda: (np.round(np.maximum(rn(2, 2, 4, 4), 0)),))
def make(wrong):
    class MaxPool2x2:
        def forward(self, x):
            n, c, h, w = self.shape = x.shape
            cells = x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(-1, 4)
            self.arg = cells.argmax(axis=1)
            return cells.max(axis=1).reshape(n, c, h // 2, w // 2)

        def backward(self, dy):
            n, c, h, w = self.shape
            cells = np.zeros((dy.size, 4))
            cells[np.arange(dy.size), self.arg] = dy.ravel()
            return cells.reshape(n, c, h // 2, w // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h, w)

    return MaxPool2x2()


@CASES.add("absolute value at 0", "right", lambda: (np.array([0.0, -1.5, 2.0, 0.0, -0.0]),))
def make(wrong):
    return np.abs, lambda dy, x: dy * np.sign(x)


@CASES.add("network of dead ReLUs with __call__", "right", lambda: (rn(4, 3),))
def make(wrong):
    class DeadNet:
        def __init__(self):
            self.W1, self.b1 = rn(3, 5, seed=1), np.full(5, -100.0)
            self.W2, self.b2 = rn(5, 2, seed=2), np.zeros(2)

        def __call__(self, x):
            self.x, self.a = x, np.maximum(x @ self.W1 + self.b1, 0)
            return self.a @ self.W2 + self.b2

        forward = __call__

        def backward(self, dy):
            self.W2_grad, self.b2_grad = self.a.T @ dy, dy.sum(0)
            dz = dy @ self.W2.T * (self.a > 0)
            self.W1_grad, self.b1_grad = self.x.T @ dz, dz.sum(0)
            return dz @ self.W1.T

    return DeadNet()


@CASES.add("batch norm in training with running statistics", "right", lambda: (rn(6, 3),))
def make(wrong):
    class BatchNorm:
        def __init__(self, d, momentum=0.9):
            self.gamma, self.beta = rn(d, seed=1), rn(d, seed=2)
            self.running_mean, self.running_var = np.zeros(d), np.ones(d)
            self.momentum, self.eps = momentum, 1e-5

        def forward(self, x, train=True):
            mu, var = (x.mean(0), x.var(0)) if train else (self.running_mean, self.running_var)
            if train:
                self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mu
                self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
            self.train, self.std = train, np.sqrt(var + self.eps)
            self.xn = (x - mu) / self.std
            return self.gamma * self.xn + self.beta

        def backward(self, dy):
            self.dgamma, self.dbeta = (dy * self.xn).sum(0), dy.sum(0)
            g = dy * self.gamma
            if not self.train:
                return g / self.std
            return (g - g.mean(0) - self.xn * (g * self.xn).mean(0)) / self.std

    return BatchNorm(3)


@CASES.add("dropout with its own Generator", "right", lambda: (rn(5, 6),))
def make(wrong):
    class Dropout:
        def __init__(self, p=0.4, rng=None):
            self.p, self.rng = p, rng or np.random.default_rng(11)

        def forward(self, x, train=True):
            if not train:
                self.mask = np.ones_like(x)
            else:
                self.mask = (self.rng.random(x.shape) >= self.p) / (1 - self.p)
            return x * self.mask

        def backward(self, dy):
            return dy * self.mask

    return Dropout()


@CASES.add("dropout seeded in each forward", "right", lambda: (rn(5, 6), {"mode": "train", "p": 0.6, "seed": 123}))
def make(wrong):
    def dropout_forward(x, dropout_param):
        p, mode = dropout_param["p"], dropout_param["mode"]
        if "seed" in dropout_param:
            np.random.seed(dropout_param["seed"])
        mask = (np.random.rand(*x.shape) < p) / p if mode == "train" else None
        return (x * mask if mode == "train" else x), (dropout_param, mask)

    def dropout_backward(dout, cache):
        dropout_param, mask = cache
        return dout * mask if dropout_param["mode"] == "train" else dout

    return dropout_forward, dropout_backward


@CASES.add("embedding of integers, backward returns None", "right", lambda: (np.array([[1, 4, 1], [0, 2, 1]]),))
def make(wrong):
    class Embedding:
        def __init__(self, W):
            self.params, self.grads = [W], [np.zeros_like(W)]
            self.idx = None

        def forward(self, idx):
            (W,) = self.params
            self.idx = idx
            return W[idx]

        def backward(self, dout):
            (dW,) = self.grads
            dW[...] = 0
            np.add.at(dW, self.idx, dout)
            return None

    return Embedding(rn(6, 4, seed=1))
