"""Lesson 07, the pooling layer as learners write it."""

import numpy as np

from tests.course.answers import Answers, wrong
from tests.course.answers.blame07 import added_at, all_equal, bordered, loops
from tests.course.answers.fast07 import fast, plus_equals
from tests.course.answers.pools07 import by_place, four_loops, from_patches
from tinycnn.layers import Layer


class Base(Layer):
    """What the learner finds: the constructor is given."""

    def __init__(self, kernel_size, stride=None, padding=0):
        self.geometry = kernel_size, kernel_size if stride is None else stride, padding


class KeepsX(Base):
    def forward(self, x):
        self.remember(x)
        return by_place(x, *self.geometry)

    def backward(self, dy):
        (x,) = self.recall()
        return added_at(dy, x, *self.geometry)


class OwnAttribute(Base):
    def forward(self, x):
        self.x = x
        return four_loops(x, *self.geometry)

    def backward(self, dy):
        return fast(np.add.at)(dy, self.x, *self.geometry)


class KeepsACopy(Base):
    def forward(self, x):
        y = from_patches(x, *self.geometry)
        self.remember(x.copy(), output=y)
        return y

    def backward(self, dy):
        (x,) = self.recall(dy)
        return loops()(dy, x, *self.geometry)


class KeepsWinners(Base):
    """Nothing of x is kept but where the winners were."""

    def forward(self, x):
        k, s, p = self.geometry
        view = np.lib.stride_tricks.sliding_window_view(bordered(x, p), (k, k), axis=(1, 2))[:, ::s, ::s]
        view = view.reshape(*view.shape[:4], -1)
        self.remember(x.shape, view.argmax(4))
        return view.max(4)

    def backward(self, dy):
        (n, h, w, c), winner = self.recall()
        k, s, p = self.geometry
        m, i, j, f = np.indices(dy.shape)
        grad = np.zeros((n, h + 2 * p, w + 2 * p, c), dy.dtype)
        np.add.at(grad, (m, i * s + winner // k, j * s + winner % k, f), dy)
        return grad[:, p : p + h, p : p + w]


class OwnNames(Layer):
    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.k = kernel_size
        self.s = stride or kernel_size
        self.p = padding

    def forward(self, x):
        self.cache = x
        return by_place(x, self.k, self.s, padding=self.p)

    def backward(self, dy):
        return added_at(dy, self.cache, self.k, stride=self.s, padding=self.p)


class Functions(Base):
    """Forward makes the backward."""

    def forward(self, x):
        self.back = lambda dy: added_at(dy, x, *self.geometry)
        return from_patches(x, *self.geometry)

    def backward(self, dy):
        return self.back(dy)


# --- wrong ---


class OneStep(OwnNames):
    def __init__(self, kernel_size, stride=None, padding=0):
        self.k, self.s, self.p = kernel_size, stride or 1, padding


class SideBySide(OwnNames):
    def __init__(self, kernel_size, stride=None, padding=0):
        self.k, self.s, self.p = kernel_size, kernel_size, padding


class NoBorder(OwnNames):
    def __init__(self, kernel_size, stride=None, padding=0):
        self.k, self.s, self.p = kernel_size, stride or kernel_size, 0


class ForwardForgetsPadding(Base):
    def forward(self, x):
        self.remember(x)
        return by_place(x, self.geometry[0], self.geometry[1])

    def backward(self, dy):
        (x,) = self.recall()
        return added_at(dy, x, self.geometry[0], self.geometry[1])


class InTheClass(Base):
    x = None

    def forward(self, x):
        InTheClass.x = x
        return by_place(x, *self.geometry)

    def backward(self, dy):
        return added_at(dy, InTheClass.x, *self.geometry)


class FirstBatch(Base):
    def forward(self, x):
        if "x" not in vars(self):
            self.x = x
        return by_place(x, *self.geometry)

    def backward(self, dy):
        return added_at(dy, self.x, *self.geometry)


class NotMended(Base):
    def forward(self, x):
        self.x = x
        return by_place(x, *self.geometry)

    def backward(self, dy):
        return fast(plus_equals)(dy, self.x, *self.geometry)


class Mean(Base):
    def forward(self, x):
        self.x = x
        return by_place(x, *self.geometry)

    def backward(self, dy):
        return added_at(dy, self.x, *self.geometry) / dy.shape[0]


class Smallest(Base):
    def forward(self, x):
        self.x = x
        return -by_place(-x, *self.geometry)

    def backward(self, dy):
        return added_at(dy, -self.x, *self.geometry)


class KeepsY(Base):
    """Backward looks for the winners in y."""

    def forward(self, x):
        self.y = by_place(x, *self.geometry)
        return self.y

    def backward(self, dy):
        return added_at(dy, self.y, *self.geometry)


class NothingKept(Base):
    def forward(self, x):
        return by_place(x, *self.geometry)

    def backward(self, dy):
        (x,) = self.recall()
        return added_at(dy, x, *self.geometry)


class Returns(Base):
    def forward(self, x):
        self.remember(x)
        return by_place(x, *self.geometry)

    def backward(self, dy):
        (x,) = self.recall()
        return added_at(x, dy, *self.geometry)


class GeometryAsOne(Base):
    def forward(self, x):
        self.remember(x)
        return by_place(x, self.geometry)

    def backward(self, dy):
        (x,) = self.recall()
        return added_at(dy, x, self.geometry)


class EverybodyTied(Base):
    def forward(self, x):
        self.remember(x)
        return by_place(x, *self.geometry)

    def backward(self, dy):
        (x,) = self.recall()
        return loops(all_equal)(dy, x, *self.geometry)


class InDouble(Base):
    def forward(self, x):
        self.remember(x)
        return by_place(x.astype(float), *self.geometry)

    def backward(self, dy):
        (x,) = self.recall()
        return added_at(dy, x, *self.geometry)


class WithGate(Base):
    """A ReLU has found its way in."""

    def forward(self, x):
        self.remember(x)
        return np.maximum(by_place(x, *self.geometry), 0)

    def backward(self, dy):
        (x,) = self.recall()
        return added_at(dy, x, *self.geometry)


LAYER = Answers(
    right=[KeepsX, OwnAttribute, KeepsACopy, KeepsWinners, OwnNames, Functions],
    wrong=[wrong(OneStep, "stride 1"), wrong(SideBySide, "stride ignored"), wrong(NoBorder, "padding lost"),
           wrong(ForwardForgetsPadding, "padding lost"), wrong(InTheClass, "shared"), wrong(FirstBatch, "stale"),
           wrong(NotMended, "added once"), wrong(Mean, "batch mean"), wrong(Smallest, "smallest"), wrong(KeepsY),
           wrong(NothingKept), wrong(Returns), wrong(GeometryAsOne), wrong(EverybodyTied), wrong(InDouble),
           wrong(WithGate)],
)
