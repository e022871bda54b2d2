"""The mistakes themselves: lines of the library as learners often write them first, each in a layer that runs.

Every one is in a subclass of the library's layer, which has the same numbers and another backward. So a layer of a copy
of a network gets a mistake by changing its class, and gets rid of it in the same way.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import tinycnn.patches
from tinycnn.backend import Array, MaybeNone, array_module, device_of, to_device, to_numpy
from tinycnn.layers import Conv2d, Linear, MaxPool2d, Parameter, ReLU
from tinycnn.losses import SoftmaxCrossEntropy
from tinycnn.patches import col2im, split

PACKAGE = Path(tinycnn.patches.__file__).parent

# What is wrong works on the whole batch: a mean over parts of it, added up, would be another mistake.


class _MeanConv2d(Conv2d):
    per_image = False

    def backward(self, dy: Array, input_gradient: bool = True) -> Array | MaybeNone:
        dx = super().backward(dy, input_gradient)
        if self.b is not None:
            self.b.grad = dy.mean(axis=(0, 1, 2))
        return dx


class _MeanLinear(Linear):
    def backward(self, dy: Array, input_gradient: bool = True) -> Array | MaybeNone:
        dx = super().backward(dy, input_gradient)
        if self.b is not None:
            self.b.grad = dy.mean(axis=0)
        return dx


class _OpenReLU(ReLU):
    per_image = False

    def backward(self, dy: Array) -> Array:
        self.recall(dy)
        return dy


class _WholeWindowPool(MaxPool2d):
    per_image = False

    def backward(self, dy: Array) -> Array:
        x_shape, winner = self.recall(dy)
        n, oh, ow, c = winner.shape
        places = self.kernel[0] * self.kernel[1]
        return self._add_windows(array_module(dy).broadcast_to(dy[:, :, :, None], (n, oh, ow, places, c)), x_shape)


class _UnturnedConv2d(Conv2d):
    per_image = False

    def backward(self, dy: Array, input_gradient: bool = True) -> Array | MaybeNone:
        kernel = self.w
        self.w = Parameter(kernel.value[::-1, ::-1])
        dx = super().backward(dy, input_gradient)
        kernel.grad, self.w = self.w.grad, kernel  # dw does not depend on w
        return dx


class _AssigningConv2d(Conv2d):
    per_image = False

    def backward(self, dy: Array, input_gradient: bool = True) -> Array | MaybeNone:
        (x,), g = self.kept(), self.groups
        if super().backward(dy, input_gradient) is None:
            return None
        (n, oh, ow, _), (_, h, w, c) = dy.shape, x.shape
        dcols = split(dy, g) @ split(self.w.value, g).swapaxes(1, 2)  # (G, N*OH*OW, K)
        dx = self._assigned(to_numpy(dcols).reshape(g * n, oh, ow, *self.kernel, c), x.shape)
        dx = dx.reshape(g, n * h * w, c).swapaxes(0, 1).reshape(n, h, w, self.in_channels)
        return to_device(dx, device_of(dy))

    def _assigned(self, cols: np.ndarray, x_shape: tuple[int, ...]) -> np.ndarray:
        """col2im with = in place of +=, on the host."""
        (n, h, w, c), (oh, ow), (kh, kw) = x_shape, cols.shape[1:3], self.kernel
        (sh, sw), (ph, pw), (dh, dw) = self.stride, self.padding, self.dilation
        size = (max(have, (count - 1) * step + (kernel - 1) * apart + 1) for have, count, step, kernel, apart in
                ((h + 2 * ph, oh, sh, kh, dh), (w + 2 * pw, ow, sw, kw, dw)))
        padded = np.zeros((n, *size, c), cols.dtype)
        for i in range(kh):
            for j in range(kw):
                padded[:, i * dh : i * dh + sh * oh : sh, j * dw : j * dw + sw * ow : sw] = cols[:, :, :, i, j]
        return padded[:, ph : ph + h, pw : pw + w]


class _SummedCrossEntropy(SoftmaxCrossEntropy):
    def backward(self) -> Array:  # type: ignore[override]
        n = len(self.kept()[0]) if self.kept() else 1
        return super().backward() * n


@dataclass(frozen=True)
class Line:
    """One line of the library, and the same line as it is often written first.

    where: the function that has the line    right, instead: the line as it is, and the wrong one
    wrong: a subclass that computes as if it had the wrong one
    """

    where: Callable[..., Any]
    right: str
    instead: str
    wrong: type

    def told(self) -> dict[str, Any]:
        """{"file": path in the repository, "number": of the line there, "right": the line, "wrong": the other one}"""
        text, first = inspect.getsourcelines(self.where)
        number = next(i for i, line in enumerate(text) if self.right in line)
        file = Path(inspect.getsourcefile(self.where) or "").relative_to(PACKAGE.parent).as_posix()
        return {"file": file, "number": first + number, "right": self.right, "wrong": self.instead}


@dataclass(frozen=True)
class Mistake:
    """name: one word for links    title, sentence: for people    lines: {class of the library: its Line}
    shows: whether the mistake changes anything in a layer of such a class
    """

    name: str
    title: str
    sentence: str
    lines: dict[type, Line]
    shows: Callable[[Any], bool] = lambda layer: True


def _has_bias(layer):
    return layer.b is not None


def _has_places(layer):
    return layer.kernel != (1, 1)


def _overlaps(layer):
    """Some pixel lies in two windows."""
    return any(k > 1 and (k - 1) * d >= s for k, d, s in zip(layer.kernel, layer.dilation, layer.stride, strict=True))


SUM, MEAN = "self.b.grad = dy.sum(axis=", "self.b.grad = dy.mean(axis="
ADDED = "padded[:, i * dh : i * dh + sh * oh : sh, j * dw : j * dw + sw * ow : sw] += cols[:, :, :, i, j]"
PASSED = "dcols = rows @ split(self.w.value, g).swapaxes(1, 2)"
WON = "dwindows = xp.where(place == winner[:, :, :, None], dy[:, :, :, None], dy.dtype.type(0))"
MISTAKES = (
    Mistake("bias", "the mean for a bias",
            "A bias is added at every position of every picture, so its gradient is the sum over all of them; here it "
            "is their mean, and every bias learns far too slowly.",
            {Conv2d: Line(Conv2d.backward, f"{SUM}(0, 1, 2))", f"{MEAN}(0, 1, 2))", _MeanConv2d),
             Linear: Line(Linear.backward, f"{SUM}0)", f"{MEAN}0)", _MeanLinear)}, _has_bias),
    Mistake("gate", "ReLU without its gate",
            "Where ReLU gave 0 it holds the gradient back, since a small change of its input changes nothing; here all "
            "of it passes, and units learn from answers that they had no part in.",
            {ReLU: Line(ReLU.backward, "return dy * (y > 0)", "return dy", _OpenReLU)}),
    Mistake("winner", "pooling pays everybody",
            "Only the largest number of a window made the output, so all of the gradient is its own; here every pixel "
            "of the window gets it.",
            {MaxPool2d: Line(MaxPool2d.backward, WON, WON.replace("place == winner[:, :, :, None]", "place >= 0"),
                             _WholeWindowPool)}, _has_places),
    Mistake("overlap", "= where += is needed",
            "A pixel lies in several windows and collects what each of them sends back; here the last one overwrites "
            "all before it.",
            {Conv2d: Line(col2im, ADDED, ADDED.replace("+=", "="), _AssigningConv2d)}, _overlaps),
    Mistake("flip", "the kernel not turned",
            "What went through the upper left weight of a kernel comes back through that same weight; here the kernel "
            "is turned upside down and left to right on the way back, so gradients go to pixels on the wrong side.",
            {Conv2d: Line(Conv2d.backward, PASSED, PASSED.replace("self.w.value", "self.w.value[::-1, ::-1]"),
                          _UnturnedConv2d)}, _has_places),
    Mistake("mean", "the loss not divided by N",
            "The loss is a mean over the pictures, so each has a part of 1 / N in it; here the gradient forgets the "
            "N, and the class head pulls N times too hard beside the box head.",
            {SoftmaxCrossEntropy: Line(SoftmaxCrossEntropy.backward, "return dscores / len(log_p)", "return dscores",
                                       _SummedCrossEntropy)}),
)
