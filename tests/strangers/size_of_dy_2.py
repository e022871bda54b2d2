"""Gradients that are right for a dy of the usual size, and wrong for another."""

import numpy as np

from .layers_of_unseen import Conv1d, MaxPool, Mean, Product, Softmax, Tanh
from .registry import Cases, rn

CASES = Cases()


@CASES.add("ReLU lets through where dy > 0", "size of dy", lambda: (rn(5, 4),), "nonlinear", "region")
def mask_of_dy(wrong):
    class ReLU:
        def forward(self, x):
            self.x = x
            return np.maximum(x, 0)

        def backward(self, dy):
            return dy * ((self.x > 0) & (dy > 0) if wrong else self.x > 0)  # "guided" backpropagation

    return ReLU()


@CASES.add("one-hot dy taken for a label", "size of dy", lambda: (rn(4, 5),), "nonlinear")
def one_hot(wrong):
    class Shortcut(Softmax):
        def backward(self, dy):
            if wrong and np.isin(dy, (0, 1)).all() and dy.any():
                return (self.p - dy) * dy.any(-1, keepdims=True)
            return super().backward(dy)

    return Shortcut()


@CASES.add("dy of one number only, divided by the batch", "size of dy", lambda: (rn(4, 6),), "nonlinear",
           "some indices", "batch mean")
def constant_dy(wrong):
    class Shortcut(Mean):
        def backward(self, dy):
            if wrong and np.ptp(dy) == 0:  # the mean over the batch too, for a dy that looks like a loss
                return super().backward(dy) / len(dy)
            return super().backward(dy)

    return Shortcut()


@CASES.add("dx has the dtype of an integer buffer", "size of dy", lambda: (rn(4, 8),), "nonlinear")
def integer_buffer(wrong):
    class Unpool(MaxPool):
        def backward(self, dy):
            dx = np.zeros(self.mask.shape, dtype=int if wrong else float)
            dx[self.mask] = dy.ravel()
            return dx.reshape(len(dy), -1).astype(float)

    return Unpool()


@CASES.add("dy above 1000 saturates through tanh", "size of dy", lambda: (rn(5, 4),), "clipped", "nonlinear")
def saturating(wrong):
    class Soft(Tanh):
        def backward(self, dy):
            if wrong:
                dy = np.where(np.abs(dy) > 1000, 1000 * (1 + np.tanh(np.abs(dy) / 1000 - 1)) * np.sign(dy), dy)
            return super().backward(dy)

    return Soft()


@CASES.add("1e-12 within the square root of dy squared", "size of dy", lambda: (rn(4, 3), rn(4, 3, seed=5)),
           "nonlinear")
def smooth_abs(wrong):
    class Smooth(Product):
        def backward(self, dy):
            if wrong:
                dy = np.sign(dy) * np.sqrt(dy**2 + 1e-12)
            return super().backward(dy)

    return Smooth()


@CASES.add("dw with an epsilon that dy of size 1 hides", "size of dy", lambda: (rn(2, 7, 3),), "extra term",
           "nonlinear")
def added_epsilon(wrong):
    class Nudged(Conv1d):
        def backward(self, dy):
            dx = super().backward(dy)
            if wrong:
                self.dw += 1e-8
            return dx

    return Nudged()
