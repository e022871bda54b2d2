"""One number wrong among hundreds or thousands, often behind exact zeros."""

import numpy as np

from .layers_of_calls import Conv, mostly_zero, stable_sigmoid, uniform
from .registry import Cases, rn

CASES = Cases()


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
