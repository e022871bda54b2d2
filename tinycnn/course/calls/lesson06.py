"""Calls of lesson 06."""

import numpy as np

from tinycnn import patches
from tinycnn.course.calls.weighted import two_layers
from tinycnn.gradient_check import gradcheck


def _sizes(function, args, kwargs):
    """Numbers of windows for several (size, kernel, stride, padding), and whether Python can count with them."""
    (settings,) = args
    answers = [function(*setting) for setting in settings]
    if any(answer is None for answer in answers):
        return [None, None]
    return [answers, [isinstance(answer, int | np.integer) for answer in answers]]


def im2col(x, kernel, stride, padding):
    """The library's, with one number for each setting."""
    return patches.im2col(x, tuple(kernel), (stride, stride), (padding, padding))


def _gradcheck_col2im(function):
    """col2im as the backward of im2col."""
    x, geometry = np.random.default_rng(1).standard_normal((2, 5, 6, 2)), ((3, 2), 2, 1)
    return gradcheck((lambda x: im2col(x, *geometry), lambda dy, x: function(dy, x.shape, *geometry)), x)


def _gradcheck_backward(function):
    rng = np.random.default_rng(1)
    x, w, b = rng.standard_normal((2, 5, 4, 2)), rng.standard_normal((3, 2, 2, 3)), rng.standard_normal(3)

    def forward(x, w, b):
        return im2col(x, w.shape[:2], 2, 1) @ w.reshape(-1, w.shape[3]) + b

    return gradcheck((forward, lambda dy, x, w, b: function(dy, x, w, 2, 1)), x, w, b)


def _layer(cls, w, stride, padding):
    return cls(w.shape[2], w.shape[3], w.shape[0], stride=stride, padding=padding)


def _gradcheck_layer(cls):
    layer = cls(2, 3, 3, stride=2, padding=1)
    layer.w.value = np.random.default_rng(1).standard_normal(layer.w.value.shape)
    return gradcheck(layer.astype("float64"), np.random.default_rng(2).standard_normal((2, 5, 6, 2)))


CALLS = {"output_size": _sizes, "layer": two_layers(_layer)}
GRADIENTS = {"col2im": _gradcheck_col2im, "conv_backward": _gradcheck_backward, "backward_loops": _gradcheck_backward,
             "layer": _gradcheck_layer}
