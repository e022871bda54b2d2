"""The last exercise of lesson 07: max pooling becomes a layer."""


from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.relu07 import SHARED, STALE
from lessons.known.stand_ins import empty, unknown
from lessons.known.winners07 import handed_out, max_pool_backward, windows
from tinycnn.course.calls.lesson07 import RETURNS
from tinycnn.layers import Layer


class MyMaxPool2d(Layer):
    """The layer that the lesson ends with."""

    def __init__(self, kernel_size, stride=None, padding=0):
        self.kernel_size, self.padding = kernel_size, padding
        self.stride = kernel_size if stride is None else stride

    @property
    def geometry(self):
        return self.kernel_size, self.stride, self.padding

    def forward(self, x):
        self.remember(x)
        return windows(x, *self.geometry).max(axis=4)

    def backward(self, dy):
        (x,) = self.recall()
        return max_pool_backward(dy, x, *self.geometry)


class _StrideOne(MyMaxPool2d):
    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__(kernel_size, stride or 1, padding)


class _StrideIgnored(MyMaxPool2d):
    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__(kernel_size, None, padding)


class _PaddingLost(MyMaxPool2d):
    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__(kernel_size, stride, 0)


class _SharedPool(MyMaxPool2d):
    x = None

    def forward(self, x):
        type(self).x = x
        return windows(x, *self.geometry).max(axis=4)

    def backward(self, dy):
        return max_pool_backward(dy, type(self).x, *self.geometry)


class _StalePool(MyMaxPool2d):
    x = None

    def forward(self, x):
        self.x = x if self.x is None else self.x
        return windows(x, *self.geometry).max(axis=4)

    def backward(self, dy):
        return max_pool_backward(dy, self.x, *self.geometry)


class _Minimum(MyMaxPool2d):
    def forward(self, x):
        return -super().forward(-x)


def _passing_on(wrong):
    """A layer whose backward is another. wrong: function (dy, x, *geometry) -> dx"""
    class Wrong(MyMaxPool2d):
        def backward(self, dy):
            (x,) = self.recall()
            return wrong(dy, x, *self.geometry)
    return Wrong


def _batch_mean(dy, x, *geometry):
    return max_pool_backward(dy, x, *geometry) / len(x)


def _layer_cases(rng):
    def case(shape, kernel_size, stride, padding):
        x, x2, x3 = rng.integers(-6, 2, (3, *shape)).astype(float)
        return Case(x=x, x2=x2, x3=x3, kernel_size=kernel_size, stride=stride, padding=padding)
    return [case((2, 6, 8, 3), 2, None, 0), case((3, 7, 9, 2), 3, 2, 0), case((2, 6, 7, 3), 3, 2, 1)]


LAYER = Exercise(
    title="max pooling, a layer of your own",
    solution=MyMaxPool2d,
    cases=_layer_cases,
    returns=RETURNS,
    keeps_dtype=True,
    stub=empty(MyMaxPool2d),
    unknown=unknown(MyMaxPool2d),
    mistakes={
        "stride 1": Mistake(
            _StrideOne, "Where no stride is given, the window moves on by one pixel. What is the usual stride?"),
        "stride ignored": Mistake(_StrideIgnored, "The stride that was given plays no part. Is it kept in self?"),
        "padding lost": Mistake(_PaddingLost, "The padding does not arrive in the computation. Is it kept in self?"),
        "shared": Mistake(_SharedPool, SHARED),
        "stale": Mistake(_StalePool, STALE),
        "added once": Mistake(
            _passing_on(handed_out),
            "A pixel that wins several windows gets the blame of one of them. Is it the mended function that is "
            "called?"),
        "batch mean": Mistake(
            _passing_on(_batch_mean), "It is divided by the batch size. The loss has done that already."),
        "smallest": Mistake(_Minimum, "That is the smallest number of each window."),
    },
)
