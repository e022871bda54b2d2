"""Mistakes that people make, of many families."""

import numpy as np

from .layers import REPEATED, EntropyLoss, LayerNorm, Linear, Residual, Ridge, add_at, sigmoid, softmax
from .registry import Cases, rn

CASES = Cases()


@CASES.add("gradients of the two heads exchanged", "exchanged", lambda: (rn(5, 4),), "exchanged")
def heads(wrong):
    class Heads:
        def __init__(self):
            self.mean_w, self.logvar_w = rn(4, 3, seed=1), rn(4, 3, seed=2)

        def forward(self, x):
            self.x = x
            return x @ self.mean_w, x @ self.logvar_w

        def backward(self, d1, d2):
            dx = d1 @ self.mean_w.T + d2 @ self.logvar_w.T
            if wrong:
                d1, d2 = d2, d1
            self.dmean_w, self.dlogvar_w = self.x.T @ d1, self.x.T @ d2
            return dx

    return Heads()


@CASES.add("layer norm: dgamma and dbeta exchanged", "exchanged", lambda: (rn(5, 6),), "exchanged")
def gamma_beta(wrong):
    class Norm(LayerNorm):
        def backward(self, dy):
            dx = super().backward(dy)
            if wrong:
                self.dgamma, self.dbeta = self.dbeta, self.dgamma
            return dx

    return Norm()


@CASES.add(
    "gate: the two factors' gradients exchanged", "exchanged", lambda: (rn(4, 5), rn(4, 5, seed=1)), "exchanged"
)
def product(wrong):
    return (lambda a, b: a * b), (lambda dy, a, b: (dy * a, dy * b) if wrong else (dy * b, dy * a))


@CASES.add("attention: query and key gradients exchanged", "exchanged", lambda: (rn(2, 5, 4),), "exchanged")
def query_key(wrong):
    class Attention:
        def __init__(self):
            self.wq, self.wk, self.wv = rn(4, 4, seed=1), rn(4, 4, seed=2), rn(4, 4, seed=3)

        def forward(self, x):
            self.x, self.q, self.k, self.v = x, x @ self.wq, x @ self.wk, x @ self.wv
            self.a = softmax(self.q @ self.k.transpose(0, 2, 1) / 2)
            return self.a @ self.v

        def backward(self, dy):
            da, dv = dy @ self.v.transpose(0, 2, 1), self.a.transpose(0, 2, 1) @ dy
            ds = self.a * (da - (da * self.a).sum(-1, keepdims=True)) / 2
            dq, dk = ds @ self.k, ds.transpose(0, 2, 1) @ self.q
            self.dwq, self.dwk, self.dwv = (np.einsum("ntd,nte->de", self.x, d) for d in (dq, dk, dv))
            if wrong:
                self.dwq, self.dwk = self.dwk, self.dwq
            return dq @ self.wq.T + dk @ self.wk.T + dv @ self.wv.T

    return Attention()


@CASES.add(
    "LSTM cell: input and forget gates exchanged", "exchanged", lambda: (rn(4, 3), rn(4, 3, seed=5)), "exchanged"
)
def lstm(wrong):
    class Cell:
        def __init__(self):
            self.wi, self.wf, self.wg = rn(3, 3, seed=1), rn(3, 3, seed=2), rn(3, 3, seed=3)

        def forward(self, x, c):
            self.x, self.c = x, c
            self.i, self.f, self.g = sigmoid(x @ self.wi), sigmoid(x @ self.wf), np.tanh(x @ self.wg)
            return self.f * c + self.i * self.g

        def backward(self, dy):
            di, df = dy * self.g * self.i * (1 - self.i), dy * self.c * self.f * (1 - self.f)
            dg = dy * self.i * (1 - self.g**2)
            dx = di @ self.wi.T + df @ self.wf.T + dg @ self.wg.T
            gates = (df, di, dg) if wrong else (di, df, dg)
            self.dwi, self.dwf, self.dwg = (self.x.T @ d for d in gates)
            return dx, dy * self.f

    return Cell()


@CASES.add("LeakyReLU: slope forgotten below zero", "region", lambda: (rn(5, 6),), "region")
def leaky(wrong):
    return (lambda x: np.where(x > 0, x, 0.1 * x)), (lambda dy, x: dy * np.where(x > 0, 1, 0 if wrong else 0.1))


@CASES.add("ELU: y in place of y + alpha below zero", "region", lambda: (rn(5, 6),), "region")
def elu(wrong):
    def backward(dy, x):
        return dy * np.where(x > 0, 1, np.expm1(x) + (0 if wrong else 1))

    return (lambda x: np.where(x > 0, x, np.expm1(x))), backward


@CASES.add("Huber: large residuals not cut", "region", lambda: (2 * rn(6, 5), rn(6, 5, seed=1)), "region")
def huber(wrong):
    class Huber:
        def forward(self, pred, target):
            self.r = pred - target
            a = np.abs(self.r)
            return float(np.where(a < 1, 0.5 * a**2, a - 0.5).mean())

        def backward(self):
            return (self.r if wrong else np.clip(self.r, -1, 1)) / self.r.size

    return Huber()


@CASES.add("hard tanh: saturated part lets dy through", "region", lambda: (1.5 * rn(5, 6),), "region", "mask")
def hardtanh(wrong):
    return (lambda x: np.clip(x, -1, 1)), (lambda dy, x: dy * (1.0 if wrong else np.abs(x) < 1))


@CASES.add("compression: derivative 1 above one too", "region", lambda: (2 * rn(5, 6),), "region")
def compress(wrong):
    def backward(dy, x):
        return dy if wrong else dy / np.sqrt(np.maximum(x, 1))

    return (lambda x: np.where(x > 1, 2 * np.sqrt(np.maximum(x, 1)) - 1, x)), backward


@CASES.add("ridge loss: penalty's gradient forgotten", "term missing", lambda: (rn(5, 4), rn(5, 3)), "term missing")
def ridge(wrong):
    class Loss(Ridge):
        def backward(self):
            return super().backward(0 if wrong else None)

    return Loss()


@CASES.add("residual block: the skip forgotten", "term missing", lambda: (rn(5, 4),), "term missing")
def skip_forgotten(wrong):
    class Block(Residual):
        def backward(self, dy):
            return super().backward(dy, 0 if wrong else 1)

    return Block()


@CASES.add("batch norm: no path through the variance", "term missing", lambda: (rn(8, 6),), "term missing")
def bn_variance(wrong):
    class BatchNorm(LayerNorm):
        def backward(self, dy):
            return super().backward(dy, var_path=not wrong)

    return BatchNorm(axis=0)


@CASES.add("layer norm: no path through the mean", "term missing", lambda: (rn(5, 6),), "term missing")
def ln_mean(wrong):
    class Norm(LayerNorm):
        def backward(self, dy):
            return super().backward(dy, mean_path=not wrong)

    return Norm()


@CASES.add("softmax: the sum term forgotten", "term missing", lambda: (rn(5, 6),), "term missing")
def softmax_sum(wrong):
    def backward(dy, x):
        y = softmax(x)
        return y * dy if wrong else y * (dy - (y * dy).sum(-1, keepdims=True))

    return softmax, backward


@CASES.add(
    "policy loss: entropy term forgotten", "term missing", lambda: (rn(5, 4), np.arange(5) % 4), "term missing"
)
def entropy(wrong):
    return EntropyLoss(0.3, 0 if wrong else 0.3)


@CASES.add("x / |x|: the norm taken for a constant", "term missing", lambda: (rn(5, 4),), "term missing")
def unit(wrong):
    def forward(x):
        return x / np.sqrt((x**2).sum(-1, keepdims=True))

    def backward(dy, x):
        y = forward(x)
        return (dy if wrong else dy - y * (dy * y).sum(-1, keepdims=True)) / np.sqrt((x**2).sum(-1, keepdims=True))

    return forward, backward


@CASES.add("swish: product rule with one factor", "term missing", lambda: (rn(5, 6),), "term missing")
def swish(wrong):
    def backward(dy, x):
        s = sigmoid(x)
        return dy * (s if wrong else s + x * s * (1 - s))

    return (lambda x: x * sigmoid(x)), backward


@CASES.add("linear: weight decay that forward lacks", "extra term", lambda: (rn(5, 4),), "extra term")
def decay(wrong):
    class Layer(Linear):
        def backward(self, dy):
            dx = super().backward(dy)
            self.dw += wrong * 0.1 * self.w
            return dx

    return Layer()


@CASES.add("residual block: the skip added twice", "extra term", lambda: (rn(5, 4),), "extra term")
def skip_twice(wrong):
    class Block(Residual):
        def backward(self, dy):
            return super().backward(dy, 2 if wrong else 1)

    return Block()


@CASES.add("square linear: dy added without a skip", "extra term", lambda: (rn(5, 4),), "extra term")
def dy_added(wrong):
    class Layer(Linear):
        def backward(self, dy):
            return super().backward(dy) + (dy if wrong else 0)

    return Layer(4, 4)


@CASES.add("tanh: activity penalty only in backward", "extra term", lambda: (rn(5, 4),), "extra term")
def activity(wrong):
    return np.tanh, (lambda dy, x: dy * (1 - np.tanh(x) ** 2) + (0.05 * x if wrong else 0))


@CASES.add(
    "cross-entropy: entropy only in backward", "extra term", lambda: (rn(5, 4), np.arange(5) % 4), "extra term"
)
def extra_entropy(wrong):
    return EntropyLoss(0, 0.2 if wrong else 0)


@CASES.add("embedding: dw[ids] += dy", "repeated rows", lambda: (np.array([3, 1, 3, 0, 3, 1]),), *REPEATED)
def embedding(wrong):
    class Embedding:
        def __init__(self):
            self.w = rn(5, 4)

        def forward(self, ids):
            self.ids = ids
            return self.w[ids]

        def backward(self, dy):
            self.dw = add_at(wrong, np.zeros_like(self.w), self.ids, dy)

    return Embedding()


@CASES.add("gather: dx[rows] += dy", "repeated rows", lambda: (rn(5, 3),), *REPEATED)
def gather(wrong):
    rows = np.array([0, 2, 2, 4, 1, 2, 0])
    return (lambda x: x[rows]), (lambda dy, x: add_at(wrong, np.zeros_like(x), rows, dy))
