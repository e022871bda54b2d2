"""Random networks for the tests of the engine: every kind of layer, also of a learner's own, in any order."""

import contextlib
import math
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from harness import distinct, numbers
from hypothesis import strategies as st

from tinycnn.backend import array_module
from tinycnn.engine import switched_off
from tinycnn.engine.depthwise import Depthwise
from tinycnn.engine.planes import Planes
from tinycnn.engine.recorder import Recorder
from tinycnn.engine.winograd import Winograd
from tinycnn.errors import ShapeError
from tinycnn.layers import (
    AvgPool2d,
    Conv2d,
    Flatten,
    Layer,
    LeakyReLU,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    Parameter,
    ReLU,
    Residual,
    Sequential,
)

THREADS = st.integers(1, 4)
CHUNKS = st.sampled_from([1, 3000, 10**5, 10**9])  # memory for a chunk: one image at a time ... all at once
ALGORITHMS = st.sampled_from([None, Winograd, Planes])
# OpenBLAS's product of a matrix and a short float32 vector now and then reads numbers behind the vector, and says
# "invalid value" where they are none, though its result is right. What is not finite is found by the comparisons.
BLAS_MAY_WARN = pytest.mark.filterwarnings("ignore:invalid value encountered in matmul:RuntimeWarning")

SIZES = [8, 12, 6, 5, 3, 9]


class Tanh(Layer):
    """A learner's own layer without parameters."""

    per_image = True

    def forward(self, x):
        y = array_module(x).tanh(x)
        self.remember(y, output=y)
        return y

    def backward(self, dy):
        (y,) = self.recall(dy)
        return dy * (1 - y * y)


class Gain(Layer):
    """One with a parameter, which keeps what backward needs in attributes of its own."""

    per_image = True

    def __init__(self, channels):
        self.w = Parameter(numbers(channels, "float32", seed=8))

    def forward(self, x):
        self.seen = x
        return x * self.w.value

    def backward(self, dy):
        self.w.grad = (self.seen * dy).sum(axis=tuple(range(dy.ndim - 1)))
        return dy * self.w.value


class Shortcut(Layer):
    """One that holds other layers: y = gain(x + inner(x))."""

    per_image = True

    def __init__(self, channels):
        rng = np.random.default_rng(9)
        self.inner = Sequential(Tanh(), Conv2d(channels, channels, 3, padding=1, rng=rng))
        self.gain = Gain(channels)

    def forward(self, x):
        return self.gain.forward(x + self.inner.forward(x))

    def backward(self, dy):
        dy = self.gain.backward(dy)
        return dy + self.inner.backward(dy)


class Leaky(ReLU):
    """A subclass with formulas of its own. It does not say per_image itself, so it runs on the whole batch."""

    def forward(self, x):
        y = super().forward(x)
        self.x = x
        return y + x * np.asarray(0.1, str(x.dtype)).item()

    def backward(self, dy):
        return super().backward(dy) + dy * 0.1


class Wide(Conv2d):
    """A subclass that changes nothing."""


class Loudness(Layer):
    """Not per_image: each image depends on the whole batch."""

    def forward(self, x):
        loud = 1 + (x * x).sum() / max(1, x.size)
        self.remember(x, loud, output=x)
        return x / loud

    def backward(self, dy):
        x, loud = self.recall(dy)
        return dy / loud - x * (2 / max(1, x.size) * (dy * x).sum() / loud**2)


@st.composite
def networks(draw, shortest=2, longest=7):
    """(a Sequential, shape of x): a few layers on small images, often with fully connected ones behind them."""
    shape = draw(st.sampled_from(SIZES)), draw(st.sampled_from(SIZES)), draw(st.integers(1, 4))
    layers = _layers(draw, shape, draw(st.integers(shortest, longest)), nested=True)
    if draw(st.booleans()):
        features = math.prod(Sequential(*layers).output_shape(shape))
        layers += [Flatten(), Linear(features, 5, bias=draw(st.booleans())), Tanh(), Linear(5, 3)]
    net = Sequential(*layers)
    for seed, parameter in enumerate(net.parameters().values()):  # biases other than 0
        parameter.value = (numbers(parameter.value.shape, seed=seed) / 2).astype("float32")
    return net, (draw(st.sampled_from([5, 2, 9, 1, 0])), *shape)


def _layers(draw, shape, number, nested):
    kinds = "conv conv pair pair max avg relu lrelu norm tanh gain shortcut residual leaky loud wide".split()
    layers = []
    for _ in range(number):
        h, w, c = shape
        kind = draw(st.sampled_from(kinds + ["nested"] * nested))
        stride, rng = draw(st.integers(1, 2)), np.random.default_rng(2)
        if kind in ("conv", "wide"):
            k, groups = draw(st.integers(1, min(5, h, w))), draw(st.sampled_from([g for g in (1, 2, 3) if c % g == 0]))
            f, padding, bias = groups * draw(st.integers(1, 4)), draw(st.integers(0, k)), draw(st.booleans())
            dilation = draw(st.sampled_from([1, 1, 1, 2]))
            if draw(st.integers(0, 4)) == 4:
                padding, stride = "same", 1
            layer = (Wide if kind == "wide" else Conv2d)(c, f, k, stride, padding, groups, bias, dilation, rng)
            new = [layer]
        elif kind == "pair":  # fused: the output has an even number of rows and columns
            k = [draw(st.sampled_from([2, 4] if size % 2 else [3, 5, 1])) for size in (h, w)]
            k = (k[0], k[0] if h % 2 == w % 2 else k[1])
            least = [max(0, -(-(q + 1 - size) // 2)) for q, size in zip(k, (h, w), strict=True)]
            padding = [draw(st.integers(p, max(p, q - 1))) for p, q in zip(least, k, strict=True)]
            new = [Conv2d(c, draw(st.integers(1, 5)), k, 1, padding, 1, draw(st.booleans()), rng=rng), MaxPool2d(2)]
        elif kind in ("max", "avg"):
            k = draw(st.integers(1, min(3, h, w)))
            new = [{"max": MaxPool2d, "avg": AvgPool2d}[kind](k, stride, draw(st.integers(0, k // 2)),
                                                              draw(st.booleans()))]  # fmt: skip
        elif kind == "nested":
            new = [Sequential(*_layers(draw, shape, draw(st.integers(0, 3)), nested=False))]
        else:
            new = [{
                "relu": ReLU, "lrelu": lambda: LeakyReLU(0.1), "tanh": Tanh, "leaky": Leaky, "loud": Loudness,
                "norm": lambda: LocalResponseNorm(3, alpha=0.1), "gain": lambda c=c: Gain(c),
                "shortcut": lambda c=c: Shortcut(c),
                "residual": lambda c=c: Residual(Tanh(), Conv2d(c, c, 3, padding="same")),
            }[kind]()]  # fmt: skip
        try:
            shape = Sequential(*new).output_shape(shape)
        except ShapeError:
            continue
        layers += new
    return layers


@contextlib.contextmanager
def using(algorithm):
    """Let every convolution that can take `algorithm` (Winograd, Planes), take it; None: as the engine chooses."""
    if algorithm is None:
        yield
        return

    def fits(kernel, c, f, oh, ow, n):
        return algorithm is Winograd and kernel[0] == kernel[1] and 1 < kernel[0] < 6

    with mock.patch.object(Winograd, "worthwhile", fits), \
         mock.patch.object(Planes, "worthwhile", lambda *geometry: algorithm is Planes), \
         mock.patch.object(Depthwise, "worthwhile", lambda conv: False):  # fmt: skip
        yield


class Seen(Recorder):
    """A recorder: what a layer was shown, put together again."""

    def __init__(self, layer):
        self.parts, self.seconds = {"forward": [], "backward": []}, 0.0
        layer.recorder = self

    def saw_forward(self, images, n, x, y, seconds):
        self._saw("forward", images, n, x, y, seconds)

    def saw_backward(self, images, n, dy, dx, seconds):
        self._saw("backward", images, n, dy, dx, seconds)

    def _saw(self, way, images, n, a, b, seconds):
        assert seconds >= 0 and len(a) == images.stop - images.start
        self.seconds += seconds
        self.parts[way].append((images, n, a.copy(), None if b is None else b.copy()))

    def whole(self, way):
        """The two arrays of the whole batch; every image has been shown once."""
        parts = sorted(self.parts[way], key=lambda part: part[0].start)
        shown = [i for images, *_ in parts for i in range(images.start, images.stop)]
        assert parts and all(part[1] == len(shown) for part in parts) and shown == list(range(len(shown)))
        return [
            None if parts[0][k] is None else array_module(parts[0][k]).concatenate([part[k] for part in parts])
            for k in (2, 3)
        ]


def record(net):
    """A recorder on every innermost layer of `net` that its Sequentials run: {dotted name: Seen}."""
    found = {}
    for name, layer in net.children().items():
        if isinstance(layer, Sequential):
            found |= {f"{name}.{inner}": seen for inner, seen in record(layer).items()}
        else:
            found[name] = Seen(layer)
    return found


def step(net, x, seed=1, input_gradient=True):
    """One forward and backward of random dy: y, dx and the gradients by name, on the device of x."""
    y = net.forward(x)
    dy = array_module(x).asarray(numbers(y.shape, str(x.dtype), seed))
    dx = net.backward(dy, input_gradient)
    return SimpleNamespace(y=y, dx=dx, grads={name: p.grad for name, p in net.parameters().items()})


def far_from_kinks(net, x, algorithm):
    """Whether no ReLU or maximum is so close to a tie that rounding could decide it. net: on the host

    Zeros behind a ReLU are equal on every way, and so are sums of zeros, unless Winograd mixes them with others.
    """
    zeros = algorithm is Winograd
    recorders, limit = record(net), {"float64": 1e-11, "float32": 2e-5}[str(x.dtype)]
    with switched_off():
        net.forward(x)
    layers = _by_name(net)
    margins = [_margin(layers[name], seen.whole("forward")[0], zeros) for name, seen in recorders.items()]
    for layer in layers.values():
        del layer.recorder
    return min(margins, default=1) > limit


def _by_name(net, prefix=""):
    found = {}
    for name, layer in net.children().items():
        found |= _by_name(layer, f"{prefix}{name}.") if isinstance(layer, Sequential) else {f"{prefix}{name}": layer}
    return found


def _margin(layer, x, zeros):
    """How far the next tie is, relative to the largest number of x. zeros: whether two zeros are a tie"""
    if not x.size or not isinstance(layer, ReLU | LeakyReLU | MaxPool2d):
        return 1.0
    if not isinstance(layer, MaxPool2d):
        gaps = abs(x[zeros | (x != 0)])
    else:
        windows = layer._windows(x, -np.inf)
        best = windows.max(axis=3, keepdims=True)
        others = np.arange(windows.shape[3])[:, None] != windows.argmax(axis=3)[:, :, :, None]
        gaps = (best - windows)[others & (zeros | (windows != 0) | (best != 0))]
    return float(gaps.min(initial=np.inf) / max(abs(x).max(), 1e-30))


def pictures(shape, dtype="float32", seed=0):
    """Numbers of which no two are nearly equal, of size 1."""
    return distinct(shape, dtype, seed) / max(1, math.prod(shape)) * 16
