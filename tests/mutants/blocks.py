"""Wrong BatchNorm2d, LeakyReLU, GlobalAvgPool2d and Residual."""

from functools import partial

import numpy as np

from tinycnn.layers import BatchNorm2d, Conv2d, GlobalAvgPool2d, LeakyReLU, ReLU, Residual, Upsample2d

from .registry import plant


def images(rng):
    return (rng.standard_normal((3, 6, 4, 2), dtype=np.float32),)


# --- BatchNorm2d ---

norm = partial(plant, BatchNorm2d, inputs=images, channels=2)

MEAN, VARIANCE = " - dx.mean(axis=EVERYWHERE)", " - normalized * (dx * normalized).mean(axis=EVERYWHERE)"

norm("mean taken for a constant", None, "x also moves the mean; that way back is forgotten.",
     (MEAN, ""))

norm("variance taken for a constant", None, "x also moves the variance; that way back is forgotten.",
     (VARIANCE, ""))

norm("both taken for constants", None, "The backward of prediction, used in training.",
     ("if training:", "if not training:"))

norm("mean of images apart", None, "The mean's way back runs over each image by itself.",
     (MEAN, " - dx.mean(axis=(1, 2), keepdims=True)"))

norm("weight forgotten", None, "dx = dy, without the weight.",
     ("dx = dy * self.w.value", "dx = dy * 1.0"), build=lambda cls, rng: _weighted(cls(2)))

norm("scale forgotten", None, "The division by the standard deviation is not passed back.",
     ("return dx * scale", "return dx"),
     inputs=lambda rng: (3 * rng.standard_normal((3, 6, 4, 2), dtype=np.float32),))

norm("unbiased variance", None, "The variance's way back is divided by n - 1 where forward divides by n.",
     (VARIANCE, f"{VARIANCE} * (dy[..., 0].size / (dy[..., 0].size - 1))"))

norm("weight gradient without normalizing", None, "dw = sum of dy.",
     ("(dy * normalized).sum(axis=EVERYWHERE)", "dy.sum(axis=EVERYWHERE)"))

norm("bias gradient mean", None, "db is a mean over the batch.",
     ("self.b.grad = dy.sum(axis=EVERYWHERE)", "self.b.grad = dy.mean(axis=EVERYWHERE)"))


def _weighted(layer):
    layer.w.value = np.array([0.5, 2.0], np.float32)
    return layer


# --- LeakyReLU ---

leaky = partial(plant, LeakyReLU, inputs=images, negative_slope=0.2)

leaky("slope forgotten", "region", "The backward of ReLU.",
      ("self.negative_slope * dy", "0 * dy"))

leaky("slope everywhere", None, "The slope where x > 0, too.",
      ("x > 0, dy,", "x > 0, self.negative_slope * dy,"))

leaky("sides exchanged", None, "The slope where x > 0, and 1 elsewhere.",
      ("x > 0, dy, self.negative_slope * dy", "x > 0, self.negative_slope * dy, dy"))

# --- GlobalAvgPool2d ---

overall = partial(plant, GlobalAvgPool2d, inputs=images)

overall("sum for mean", "factor", "dy goes to every pixel whole.",
        (" / (h * w)", ""))

overall("divided by the width alone", "factor", "The mean over both axes, taken back over one.",
        ("(h * w)", "w"))

# --- Upsample2d ---

larger = partial(plant, Upsample2d, inputs=images)

larger("mean for sum", "factor", "Each pixel of a block is taken for a part of it.",
       ("sum(axis=(2, 4))", "mean(axis=(2, 4))"))

larger("one of the block", None, "The gradient of the block's upper left pixel alone.",
       ("reshape(n, h // k, k, w // k, k, c).sum(axis=(2, 4))", "reshape(n, h // k, k, w // k, k, c)[:, :, 0, :, 0]"))

# --- Residual ---


def block(cls, rng):
    return cls(Conv2d(2, 2, 3, padding=1, rng=rng), ReLU(), Conv2d(2, 2, 3, padding=1, rng=rng))


around = partial(plant, Residual, inputs=images, build=block)

around("shortcut forgotten", None, "dx of the layers alone.",
       ("return dx + (dy if self.shortcut is None else self.shortcut.backward(dy))", "return dx"))

around("shortcut twice", None, "The input's own way back is counted twice.",
       ("return dx + (dy if", "return dx + (2 * dy if"))

around("layers forgotten", None, "dx of the shortcut alone.",
       ("return dx + (dy if", "return 0 * dx + (dy if"))
