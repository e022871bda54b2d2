"""Correct layers with a backward as the book has it, in small pieces, so that a mutant changes one piece.

They inherit the library's forward and share nothing with its backward. Pieces are methods: dx, dw, db, dpred ... What
backward needs is kept in attributes with an underscore, so that the checker does not take it for a parameter.
"""

import numpy as np

from tinycnn.layers import AvgPool2d, Conv2d, Dropout, Flatten, Linear, LocalResponseNorm, MaxPool2d, ReLU, Sequential
from tinycnn.losses import L2Loss, MultiTaskLoss, SoftmaxCrossEntropy
from tinycnn.models import Localizer
from tinycnn.patches import col2im, im2col


class PlainConv(Conv2d):
    layer = "Conv2d"

    def forward(self, x):
        self._x = x
        return super().forward(x)

    def backward(self, dy, input_gradient=True):
        self.w.grad, self.b.grad = self.dw(dy), self.db(dy)
        return self.dx(dy) if input_gradient else None

    def cols(self):
        return im2col(self._x, self.kernel, self.stride, self.padding)  # (N, OH, OW, KH*KW*C)

    def dw(self, dy):
        cols = self.cols()
        return (cols.reshape(-1, cols.shape[3]).T @ dy.reshape(-1, dy.shape[3])).reshape(self.w.value.shape)

    def db(self, dy):
        return dy.sum(axis=(0, 1, 2))

    def dx(self, dy):
        return self.scatter(dy @ self.w.value.reshape(-1, dy.shape[3]).T)

    def scatter(self, dcols):
        return col2im(dcols, self._x.shape, self.kernel, self.stride, self.padding)


class PlainGroupedConv(Conv2d):
    layer = "Conv2d"

    def forward(self, x):
        self._x = x
        return super().forward(x)

    def backward(self, dy, input_gradient=True):
        dx, self.w.grad = np.zeros_like(self._x), np.zeros_like(self.w.value)
        self.b.grad = dy.sum(axis=(0, 1, 2))
        c, f = self.in_channels // self.groups, self.out_channels // self.groups
        for g in range(self.groups):
            filters = slice(g * f, (g + 1) * f)
            d = self.dy_of(dy, g, f)
            cols = im2col(self.x_of(g, c), self.kernel, self.stride, self.padding)
            w = self.w.value[..., filters]
            self.w.grad[..., filters] = (cols.reshape(-1, cols.shape[3]).T @ d.reshape(-1, f)).reshape(w.shape)
            dx[..., self.channels_of(g, c)] = col2im(
                d @ self.w_of(g, f).reshape(-1, f).T, (*dx.shape[:3], c), self.kernel, self.stride, self.padding)
        return dx if input_gradient else None

    def dy_of(self, dy, g, f):
        return dy[..., g * f : (g + 1) * f]

    def x_of(self, g, c):
        return self._x[..., g * c : (g + 1) * c]

    def w_of(self, g, f):
        return self.w.value[..., g * f : (g + 1) * f]

    def channels_of(self, g, c):
        return slice(g * c, (g + 1) * c)


class PlainLinear(Linear):
    layer = "Linear"

    def forward(self, x):
        self._x = x
        return super().forward(x)

    def backward(self, dy, input_gradient=True):
        self.w.grad, self.b.grad = self.dw(dy), self.db(dy)
        return self.dx(dy) if input_gradient else None

    def dw(self, dy):
        return self._x.T @ dy

    def db(self, dy):
        return dy.sum(axis=0)

    def dx(self, dy):
        return dy @ self.w.value.T


class PlainReLU(ReLU):
    layer = "ReLU"

    def forward(self, x):
        self._x = x
        return super().forward(x)

    def backward(self, dy):
        return dy * (self._x > 0)


class PlainDropout(Dropout):
    layer = "Dropout"

    def forward(self, x):
        self._mask = self.rng.random(x.shape) >= self.p
        return x * self._mask * (1 / (1 - self.p))

    def backward(self, dy):
        return dy * self._mask * (1 / (1 - self.p))


class PlainFlatten(Flatten):
    layer = "Flatten"

    def forward(self, x):
        self._shape = x.shape
        return super().forward(x)

    def backward(self, dy):
        return dy.reshape(self._shape)


class PlainMaxPool(MaxPool2d):
    layer = "MaxPool2d"

    def forward(self, x):
        self._x = x
        return super().forward(x)

    def backward(self, dy):
        _, oh, ow, _ = dy.shape
        padded = self._pad(self._x)
        dpadded = np.zeros_like(padded)
        for i in range(oh):
            for j in range(ow):
                self.give(padded, dpadded, self.window(i, j), dy[:, i, j])
        return self.crop(dpadded)

    def window(self, i, j):
        (kh, kw), (sh, sw) = self.kernel, self.stride
        return slice(None), slice(i * sh, i * sh + kh), slice(j * sw, j * sw + kw)

    def winners(self, window):
        """One True in each window (N, KH, KW, C), at the first of the largest."""
        n, kh, kw, c = window.shape
        best = window.reshape(n, kh * kw, c).argmax(axis=1)
        return (np.arange(kh * kw)[None, :, None] == best[:, None]).reshape(window.shape)

    def give(self, padded, dpadded, window, d):
        dpadded[window] += self.winners(padded[window]) * d[:, None, None]

    def crop(self, dpadded):
        (ph, pw), (_, h, w, _) = self.padding, self._x.shape
        return dpadded[:, ph : ph + h, pw : pw + w]


class PlainAvgPool(AvgPool2d):
    layer = "AvgPool2d"

    def forward(self, x):
        self._x = x
        return super().forward(x)

    def backward(self, dy):
        (kh, kw), (sh, sw), (ph, pw) = self.kernel, self.stride, self.padding
        n, h, w, c = self._x.shape
        dpadded = np.zeros((n, *self._padded_shape((h, w, c)), c), dy.dtype)
        for i in range(dy.shape[1]):
            for j in range(dy.shape[2]):
                rows, columns = slice(i * sh, i * sh + kh), slice(j * sw, j * sw + kw)
                self.give(dpadded, (slice(None), rows, columns), dy[:, i, j] / self.count(i, j))
        return dpadded[:, ph : ph + h, pw : pw + w]

    def give(self, dpadded, window, share):
        dpadded[window] += share[:, None, None]

    def count(self, i, j):
        if self.count_include_pad:
            return self.kernel[0] * self.kernel[1]
        inside = [min(p * s - q + k, size) - max(p * s - q, 0) for p, k, s, q, size in zip(
            (i, j), self.kernel, self.stride, self.padding, self._x.shape[1:3], strict=True)]
        return inside[0] * inside[1]


class PlainNorm(LocalResponseNorm):
    layer = "LocalResponseNorm"
    two, sign, mirrored, direct = 2.0, -1.0, True, True

    def forward(self, x):
        self._x = x
        return super().forward(x)

    def backward(self, dy):
        x = self._x
        c = x.shape[3]
        near = np.array([[-(self.size // 2) <= j - i <= (self.size - 1) // 2 for i in range(c)] for j in range(c)])
        s = self.k + self._a() * (x * x) @ near.astype(x.dtype)  # near[j, i]: channel j is in the window of i
        back = near.T if self.mirrored else near
        through = (dy * x * s ** (-self.beta - 1)) @ back.astype(x.dtype)
        return self.direct * dy * s**-self.beta + self.sign * self.two * self.alpha_in_backward() * self.exponent() * (
            x * through)

    def exponent(self):
        return self.beta

    def alpha_in_backward(self):
        return self._a()


class PlainSequential(Sequential):
    layer = "Sequential"


class PlainCrossEntropy(SoftmaxCrossEntropy):
    layer = "SoftmaxCrossEntropy"

    def forward(self, scores, labels):
        self._scores, self._labels = scores, labels
        return super().forward(scores, labels)

    def backward(self):
        return (self.p() - self.onehot()) / len(self._scores)

    def p(self):
        e = np.exp(self._scores - self._scores.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def onehot(self):
        return np.eye(self._scores.shape[1], dtype=self._scores.dtype)[self._labels]


class PlainL2(L2Loss):
    layer = "L2Loss"

    def forward(self, pred, target, mask=None):
        self._pred, self._target, self._mask = pred, target, np.ones_like(pred) if mask is None else mask
        return super().forward(pred, target, mask)

    def backward(self):
        return 2 * (self._pred - self._target) * self.mask() / self.count()

    def mask(self):
        return self._mask

    def count(self):
        return self._mask.sum()


class PlainMultiTask(MultiTaskLoss):
    layer = "MultiTaskLoss"

    def forward(self, outputs, truth):
        self._outputs, self._truth = outputs, truth
        return super().forward(outputs, truth)

    def backward(self):
        dscores = self.class_loss.backward() * self.class_factor()
        dboxes = self.box_loss.backward() * self.box_factor()
        boxes = self._outputs[1]
        if boxes.ndim == 3:
            rows, columns = np.arange(len(boxes)), self.columns()
            chosen, dboxes = dboxes, np.zeros_like(boxes)
            self.put(dboxes, rows, columns, chosen)
        return dscores, dboxes

    def put(self, dboxes, rows, columns, chosen):
        dboxes[rows, columns] = chosen

    def columns(self):
        return self._truth[0]

    def class_factor(self):
        return self.class_weight

    def box_factor(self):
        return self.box_weight


class PlainLocalizer(Localizer):
    layer = "Localizer"

    def __init__(self, rng, per_class_boxes=False):
        trunk = Sequential(Conv2d(3, 4, 3, padding=1, rng=rng), MaxPool2d(2), ReLU(), Flatten(), Linear(64, 6, rng=rng),
                           ReLU(), input_shape=(8, 8, 3))
        boxes = 12 if per_class_boxes else 4
        super().__init__(trunk, Linear(6, 3, rng=rng), Linear(6, boxes, rng=rng), "abc", 8, per_class_boxes)

    def backward(self, dscores, dboxes, input_gradient=False):
        dboxes = self.flat(dboxes)
        dfeatures = self.meet(self.class_head.backward(dscores), self.box_head.backward(dboxes))
        return self.trunk.backward(dfeatures, input_gradient=input_gradient)

    def flat(self, dboxes):
        return dboxes.reshape(len(dboxes), -1)

    def meet(self, from_class, from_box):
        return from_class + from_box
