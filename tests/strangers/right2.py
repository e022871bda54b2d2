"""Correct code in the forms in which people write it: pairs of functions, losses, kinks, and bigger layers."""

import numpy as np

from .registry import Cases, rn

CASES = Cases()


@CASES.add("pair with two outputs, backward(dys, x)", "right", lambda: (rn(5, 3),))
def make(wrong):
    def moments(x):
        return x.mean(axis=0), x.var(axis=0)

    def moments_backward(dys, x):
        dmean, dvar = dys
        n = x.shape[0]
        return np.ones_like(x) * dmean / n + 2 * (x - x.mean(axis=0)) * dvar / n

    return moments, moments_backward


@CASES.add("pair with two outputs, backward(d1, d2, x)", "right", lambda: (rn(2, 4),))
def make(wrong):
    def sincos(x):
        return np.sin(x), np.cos(x)

    def sincos_backward(d1, d2, x):
        return d1 * np.cos(x) - d2 * np.sin(x)

    return sincos, sincos_backward


@CASES.add("pair with two outputs, backward((d1, d2))", "right", lambda: (rn(3, 5),))
def make(wrong):
    def split(x):
        return x[:, :2], x[:, 2:]

    def split_backward(grads):
        d1, d2 = grads
        return np.hstack([d1, d2])

    return split, split_backward


@CASES.add("affine layer with (out, cache)", "right", lambda: (rn(3, 2, 2), rn(4, 3, seed=1), rn(3, seed=2)))
def make(wrong):
    def affine_forward(x, w, b):
        out = x.reshape(x.shape[0], -1).dot(w) + b
        cache = (x, w, b)
        return out, cache

    def affine_backward(dout, cache):
        x, w, b = cache
        dx = dout.dot(w.T).reshape(x.shape)
        dw = x.reshape(x.shape[0], -1).T.dot(dout)
        db = np.sum(dout, axis=0)
        return dx, dw, db

    return affine_forward, affine_backward


@CASES.add("cache used up by pop", "right", lambda: (rn(4, 3), rn(3, 3, seed=1)))
def make(wrong):
    def forward(x, w):
        cache = []
        h = x
        for _ in range(3):
            cache.append(h)
            h = np.tanh(h @ w)
            cache.append(h)
        return h, cache

    def backward(dh, cache):
        cache_w = w_of(cache)
        dw = np.zeros_like(cache_w)
        while cache:
            y, h = cache.pop(), cache.pop()
            dz = dh * (1 - y**2)
            dw += h.T @ dz
            dh = dz @ cache_w.T
        return dh, dw

    def w_of(cache):
        return cache.pop()

    def forward_and_weight(x, w):
        out, cache = forward(x, w)
        cache.append(w)
        return out, cache

    return forward_and_weight, backward


@CASES.add("svm_loss(x, y) -> loss, dx", "right", lambda: (rn(5, 4), np.array([0, 3, 1, 2, 2])))
def make(wrong):
    def svm_loss(x, y):
        N = x.shape[0]
        correct = x[np.arange(N), y]
        margins = np.maximum(0, x - correct[:, np.newaxis] + 1.0)
        margins[np.arange(N), y] = 0
        loss = np.sum(margins) / N
        num_pos = np.sum(margins > 0, axis=1)
        dx = np.zeros_like(x)
        dx[margins > 0] = 1
        dx[np.arange(N), y] -= num_pos
        dx /= N
        return loss, dx

    return svm_loss


@CASES.add("loss(X, y) -> loss, dict of gradients", "right", lambda: (rn(5, 4), np.array([0, 2, 1, 2, 2])))
def make(wrong):
    params = {"W1": rn(4, 6, seed=1), "b1": np.full(6, 0.1), "W2": rn(6, 3, seed=2), "b2": np.zeros(3)}
    reg = 0.05

    def loss(X, y):
        h = np.maximum(0, X @ params["W1"] + params["b1"])
        s = h @ params["W2"] + params["b2"]
        s = s - s.max(axis=1, keepdims=True)
        p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
        data_loss = -np.log(p[range(len(y)), y]).mean()
        reg_loss = 0.5 * reg * (np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2))
        grads = {}
        ds = p.copy()
        ds[range(len(y)), y] -= 1
        ds /= len(y)
        grads["W2"] = h.T @ ds + reg * params["W2"]
        grads["b2"] = ds.sum(0)
        dh = (ds @ params["W2"].T) * (h > 0)
        grads["W1"] = X.T @ dh + reg * params["W1"]
        grads["b1"] = dh.sum(0)
        return data_loss + reg_loss, grads

    return loss


@CASES.add("confident cross-entropy", "right", lambda: (1000 * rn(4, 5), np.array([2, 0, 4, 1])))
def make(wrong):
    class SoftmaxWithLoss:
        def forward(self, x, t):
            self.t = t
            z = x - x.max(axis=1, keepdims=True)
            logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
            self.y = np.exp(logp)
            return -logp[np.arange(len(t)), t].mean()

        def backward(self, dout=1):
            dx = self.y.copy()
            dx[np.arange(len(self.t)), self.t] -= 1
            return dx * dout / len(self.t)

    return SoftmaxWithLoss()


@CASES.add("cross-entropy with class weights", "right", lambda: (rn(4, 3), np.array([2, 0, 1, 1])))
def make(wrong):
    class WeightedCrossEntropy:
        def __init__(self, class_weights):
            self.class_weights = np.asarray(class_weights)

        def forward(self, scores, labels):
            z = scores - scores.max(1, keepdims=True)
            self.probs = np.exp(z) / np.exp(z).sum(1, keepdims=True)
            self.labels, self.w = labels, self.class_weights[labels]
            nll = -np.log(self.probs[np.arange(len(labels)), labels])
            return (self.w * nll).sum() / self.w.sum()

        def backward(self):
            onehot = np.eye(self.probs.shape[1])[self.labels]
            return (self.probs - onehot) * self.w[:, None] / self.w.sum()

    return WeightedCrossEntropy([0.2, 1.0, 3.5])


@CASES.add("MSE with backward(pred, target)", "right", lambda: (rn(4, 3), rn(4, 3, seed=1)))
def make(wrong):
    class MSE:
        @staticmethod
        def forward(pred, target):
            return np.mean((pred - target) ** 2)

        @staticmethod
        def backward(pred, target):
            return 2 * (pred - target) / pred.size

    return MSE()


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


@CASES.add("attention with mask None", "right",
           lambda: (rn(2, 3, 4), rn(2, 5, 4, seed=1), rn(2, 5, 2, seed=2), None))
def make(wrong):
    class Attention:
        def forward(self, q, k, v, mask=None):
            s = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
            if mask is not None:
                s = np.where(mask, s, -1e9)
            e = np.exp(s - s.max(-1, keepdims=True))
            self.a = e / e.sum(-1, keepdims=True)
            self.q, self.k, self.v, self.mask = q, k, v, mask
            return self.a @ v

        def backward(self, dout):
            dv = self.a.transpose(0, 2, 1) @ dout
            da = dout @ self.v.transpose(0, 2, 1)
            ds = self.a * (da - (da * self.a).sum(-1, keepdims=True))
            if self.mask is not None:
                ds = np.where(self.mask, ds, 0)
            ds = ds / np.sqrt(self.q.shape[-1])
            return ds @ self.k, ds.transpose(0, 2, 1) @ self.q, dv

    return Attention()


@CASES.add("RNN over time with d_w", "right", lambda: (rn(2, 4, 3),))
def make(wrong):
    class RNN:
        def __init__(self, d, h):
            self.w_x, self.w_h, self.b = 0.5 * rn(d, h, seed=1), 0.5 * rn(h, h, seed=2), rn(h, seed=3)

        def forward(self, x):
            self.x = x
            self.h = [np.zeros((x.shape[0], self.b.size))]
            for t in range(x.shape[1]):
                self.h.append(np.tanh(x[:, t] @ self.w_x + self.h[-1] @ self.w_h + self.b))
            return np.stack(self.h[1:], axis=1)

        def backward(self, dhs):
            self.d_w_x, self.d_w_h, self.d_b = (np.zeros_like(p) for p in (self.w_x, self.w_h, self.b))
            dx, dnext = np.zeros_like(self.x), 0
            for t in range(self.x.shape[1] - 1, -1, -1):
                da = (dhs[:, t] + dnext) * (1 - self.h[t + 1] ** 2)
                self.d_w_x += self.x[:, t].T @ da
                self.d_w_h += self.h[t].T @ da
                self.d_b += da.sum(0)
                dx[:, t] = da @ self.w_x.T
                dnext = da @ self.w_h.T
            return dx

    return RNN(3, 5)


@CASES.add("LSTM step", "right", lambda: (rn(2, 3), rn(2, 4, seed=1), rn(2, 4, seed=2)))
def make(wrong):
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    class LSTMCell:
        def __init__(self, d, h):
            self.params = {"Wx": rn(d, 4 * h, seed=3), "Wh": rn(h, 4 * h, seed=4), "b": rn(4 * h, seed=5)}
            self.grads = {}

        def forward(self, x, h_prev, c_prev):
            z = x @ self.params["Wx"] + h_prev @ self.params["Wh"] + self.params["b"]
            i, f, o, g = np.split(z, 4, axis=1)
            i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
            c = f * c_prev + i * g
            self.cache = x, h_prev, c_prev, i, f, o, g, np.tanh(c)
            return o * np.tanh(c), c

        def backward(self, dh, dc):
            x, h_prev, c_prev, i, f, o, g, tc = self.cache
            dc = dc + dh * o * (1 - tc**2)
            dz = [dc * g * i * (1 - i), dc * c_prev * f * (1 - f), dh * tc * o * (1 - o), dc * i * (1 - g**2)]
            dz = np.concatenate(dz, axis=1)
            self.grads = {"Wx": x.T @ dz, "Wh": h_prev.T @ dz, "b": dz.sum(axis=0)}
            return dz @ self.params["Wx"].T, dz @ self.params["Wh"].T, dc * f

    return LSTMCell(3, 4)


@CASES.add("group norm which frees its cache", "right", lambda: (rn(2, 4, 3, 2),))
def make(wrong):
    class GroupNorm:
        def __init__(self, channels, groups):
            self.g, self.eps, self.cache = groups, 1e-5, None
            self.gamma, self.beta = rn(1, channels, 1, 1, seed=1), rn(1, channels, 1, 1, seed=2)

        def forward(self, x):
            xg = x.reshape(x.shape[0], self.g, -1)
            inv = 1 / np.sqrt(xg.var(axis=2, keepdims=True) + self.eps)
            xh = (xg - xg.mean(axis=2, keepdims=True)) * inv
            self.cache = (xh, inv)
            return self.gamma * xh.reshape(x.shape) + self.beta

        def backward(self, dy):
            if self.cache is None:
                raise RuntimeError("backward called before forward")
            (xh, inv), self.cache = self.cache, None
            self.dgamma = (dy * xh.reshape(dy.shape)).sum(axis=(0, 2, 3), keepdims=True)
            self.dbeta = dy.sum(axis=(0, 2, 3), keepdims=True)
            d = (dy * self.gamma).reshape(xh.shape)
            dx = inv * (d - d.mean(2, keepdims=True) - xh * (d * xh).mean(2, keepdims=True))
            return dx.reshape(dy.shape)

    return GroupNorm(4, 2)


@CASES.add("convolution with loops, gradients added up and zeroed in forward", "right", lambda: (rn(2, 2, 5, 5),))
def make(wrong):
    class Conv:
        def __init__(self, c_in, c_out, k, stride, pad):
            self.W, self.b = rn(c_out, c_in, k, k, seed=1), rn(c_out, seed=2)
            self.k, self.stride, self.pad = k, stride, pad

        def forward(self, x):
            self.W_grad, self.b_grad = np.zeros_like(self.W), np.zeros_like(self.b)
            p, s, k = self.pad, self.stride, self.k
            self.xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
            n, _, h, w = self.xp.shape
            out = np.zeros((n, len(self.W), (h - k) // s + 1, (w - k) // s + 1))
            for b, f, i, j in np.ndindex(*out.shape):
                patch = self.xp[b, :, i * s : i * s + k, j * s : j * s + k]
                out[b, f, i, j] = np.sum(patch * self.W[f]) + self.b[f]
            return out

        def backward(self, dout):
            p, s, k = self.pad, self.stride, self.k
            dxp = np.zeros_like(self.xp)
            for b, f, i, j in np.ndindex(*dout.shape):
                rows, cols = slice(i * s, i * s + k), slice(j * s, j * s + k)
                self.W_grad[f] += dout[b, f, i, j] * self.xp[b, :, rows, cols]
                self.b_grad[f] += dout[b, f, i, j]
                dxp[b, :, rows, cols] += dout[b, f, i, j] * self.W[f]
            return dxp[:, :, p:-p, p:-p]

    return Conv(2, 3, 3, 2, 1)


@CASES.add("convolution with im2col and zero_grad()", "right", lambda: (rn(2, 2, 4, 5),))
def make(wrong):
    class ConvIm2col:
        def __init__(self):
            self.weight, self.bias = rn(3, 2, 2, 2, seed=1), rn(3, seed=2)
            self.zero_grad()

        def zero_grad(self):
            self.grads = {"weight": np.zeros_like(self.weight), "bias": np.zeros_like(self.bias)}

        def forward(self, x):
            self.shape = x.shape
            _, _, h, w = x.shape
            self.oh, self.ow = h - 1, w - 1
            cols = [x[:, :, i : i + self.oh, j : j + self.ow] for i in range(2) for j in range(2)]
            col = np.stack(cols, axis=2).transpose(0, 3, 4, 1, 2)
            self.col = col.reshape(-1, x.shape[1] * 4)
            y = self.col @ self.weight.reshape(3, -1).T + self.bias
            return y.reshape(len(x), self.oh, self.ow, 3).transpose(0, 3, 1, 2)

        def backward(self, dy):
            d = dy.transpose(0, 2, 3, 1).reshape(-1, 3)
            self.grads["weight"] += (d.T @ self.col).reshape(self.weight.shape)
            self.grads["bias"] += d.sum(axis=0)
            dcol = (d @ self.weight.reshape(3, -1)).reshape(len(dy), self.oh, self.ow, -1, 2, 2)
            dx = np.zeros(self.shape)
            for i in range(2):
                for j in range(2):
                    dx[:, :, i : i + self.oh, j : j + self.ow] += dcol[..., i, j].transpose(0, 3, 1, 2)
            return dx

    return ConvIm2col()


@CASES.add("convolution with the FFT", "right", lambda: (rn(3, 5, 6), rn(3, 2, seed=1)))
def make(wrong):
    def fft_conv(x, w):
        s = x.shape[1] + w.shape[0] - 1, x.shape[2] + w.shape[1] - 1
        return np.fft.irfft2(np.fft.rfft2(x, s) * np.fft.rfft2(w, s), s)

    def fft_conv_backward(dy, x, w):
        s = dy.shape[1:]
        fd = np.fft.rfft2(dy)
        dx = np.fft.irfft2(fd * np.conj(np.fft.rfft2(w, s)), s)[:, : x.shape[1], : x.shape[2]]
        dw = np.fft.irfft2((fd * np.conj(np.fft.rfft2(x, s))).sum(axis=0), s)[: w.shape[0], : w.shape[1]]
        return dx, dw

    return fft_conv, fft_conv_backward


@CASES.add("transposed convolution", "right", lambda: (rn(2, 3, 3, 2),))
def make(wrong):
    class ConvTranspose:
        def __init__(self):
            self.w, self.s = rn(3, 2, 3, 3, seed=1), 2

        def forward(self, x):
            self.x = x
            n, _, h, w = x.shape
            y = np.zeros((n, 2, (h - 1) * self.s + 3, (w - 1) * self.s + 3))
            for i in range(h):
                for j in range(w):
                    y[:, :, i * self.s : i * self.s + 3, j * self.s : j * self.s + 3] += np.tensordot(
                        x[:, :, i, j], self.w, axes=1
                    )
            return y

        def backward(self, dy):
            dx, self.dw = np.zeros_like(self.x), np.zeros_like(self.w)
            for i in range(dx.shape[2]):
                for j in range(dx.shape[3]):
                    d = dy[:, :, i * self.s : i * self.s + 3, j * self.s : j * self.s + 3]
                    dx[:, :, i, j] = np.tensordot(d, self.w, axes=([1, 2, 3], [1, 2, 3]))
                    self.dw += np.tensordot(self.x[:, :, i, j], d, axes=([0], [0]))
            return dx

    return ConvTranspose()


@CASES.add("bilinear upsampling", "right", lambda: (rn(2, 2, 3, 4),))
def make(wrong):
    class Upsample:
        def __init__(self, scale):
            self.scale = scale

        def taps(self, n):
            pos = np.clip((np.arange(n * self.scale) + 0.5) / self.scale - 0.5, 0, n - 1)
            lo = np.floor(pos).astype(int)
            hi = np.minimum(lo + 1, n - 1)
            return (lo, 1 - (pos - lo)), (hi, pos - lo)

        def forward(self, x):
            self.shape = x.shape
            out = 0
            for r, wr in self.taps(x.shape[2]):
                for c, wc in self.taps(x.shape[3]):
                    out = out + x[:, :, r[:, None], c] * wr[:, None] * wc
            return out

        def backward(self, dy):
            dx = np.zeros(self.shape)
            for r, wr in self.taps(self.shape[2]):
                for c, wc in self.taps(self.shape[3]):
                    np.add.at(dx, (slice(None), slice(None), r[:, None], c), dy * wr[:, None] * wc)
            return dx

    return Upsample(2)


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
