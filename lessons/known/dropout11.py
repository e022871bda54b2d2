"""The exercise of lesson 11 in which a bug is to be found: a dropout that runs, and trains badly."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from tinycnn.layers import Layer


class Handed(Layer):
    """What the learner gets: word for word the code in the lesson."""

    def __init__(self, p=0.5, rng=None):
        self.p, self.rng = p, np.random.default_rng(0) if rng is None else rng

    def forward(self, x):
        if not self.training:
            return x
        mask = self.rng.random(x.shape, dtype=np.float32) >= self.p
        return x * mask / (1 - self.p)

    def backward(self, dy):
        if not self.training:
            return dy
        mask = self.rng.random(dy.shape, dtype=np.float32) >= self.p
        return dy * mask / (1 - self.p)


class MyDropout(Layer):
    """The right one. What subclasses change is one line each."""

    def __init__(self, p=0.5, rng=None):
        self.p, self.rng = p, np.random.default_rng(0) if rng is None else rng

    def draw(self, shape):
        return self.rng.random(shape, dtype=np.float32) >= self.p

    def forward(self, x):
        self.mask = self.draw(x.shape) if self.training else None
        return self.through(x)

    def backward(self, dy):
        return self.through(dy)

    def through(self, x):
        return x if self.mask is None else x * self.mask / (1 - self.p)


class _AlwaysOn(MyDropout):
    def forward(self, x):
        self.mask = self.draw(x.shape)
        return self.through(x)


class _NotScaled(MyDropout):
    def through(self, x):
        return x if self.mask is None else x * self.mask


class _BackwardNotScaled(MyDropout):
    def backward(self, dy):
        return dy if self.mask is None else dy * self.mask


class _BackwardNotMasked(MyDropout):
    def backward(self, dy):
        return dy


class _BackwardOnlyScaled(MyDropout):
    def backward(self, dy):
        return dy if self.mask is None else dy / (1 - self.p)


class _ScaledInEvaluation(MyDropout):
    """The dropout of before: training as it is, evaluation times 1 - p."""

    def through(self, x):
        return x * (1 - self.p) if self.mask is None else x * self.mask


class _ScaledTwice(MyDropout):
    def through(self, x):
        return x * (1 - self.p) if self.mask is None else x * self.mask / (1 - self.p)


class _Inverted(MyDropout):
    """Kept is what should be dropped."""

    def draw(self, shape):
        return ~super().draw(shape)


class _WrongScale(MyDropout):
    def through(self, x):
        return x if self.mask is None else x * self.mask / self.p


class _OneMask(MyDropout):
    """A mask is drawn once and for all."""

    def draw(self, shape):
        if not hasattr(self, "first"):
            self.first = super().draw(shape)
        return self.first


class _OldMaskInEvaluation(MyDropout):
    def forward(self, x):
        if not self.training:
            return x
        return super().forward(x)


class _SharedMask(MyDropout):
    """The mask belongs to the class, so all layers share the latest."""

    def forward(self, x):
        y = super().forward(x)
        _SharedMask.latest = self.mask
        return y

    def backward(self, dy):
        self.mask = _SharedMask.latest
        return self.through(dy)


class _OnePerFeature(MyDropout):
    def draw(self, shape):
        return np.broadcast_to(super().draw(shape)[:1], shape)


class _Redrawn(MyDropout):
    """The same numbers are drawn again by starting the generator anew, for every batch."""

    def draw(self, shape):
        return np.random.default_rng(0).random(shape, dtype=np.float32) >= self.p


class _SignOfInput(MyDropout):
    """What is 0 in dy was dropped, one thinks; but forward's output is not at hand."""

    def backward(self, dy):
        return dy if not self.training else dy * (dy > 0) / (1 - self.p)


class Unknown(MyDropout):
    def backward(self, dy):
        return 0.9 * super().backward(dy)


def _cases(rng):
    return [Case(rng.uniform(0.5, 2.0, shape), rng.standard_normal(shape), p)
            for shape, p in (((4, 9), 0.4), ((3, 12), 0.25), ((2, 3, 4, 5), 0.7))]


DROPOUT = Exercise(
    title="a dropout layer, and the bug in it",
    solution=MyDropout,
    takes=("x", "dy", "p"),
    cases=_cases,
    returns=("y", "dx", "y of the next step", "dx of the next step", "y in evaluation", "dx in evaluation"),
    keeps_dtype=True,
    stub=Handed,
    stub_says="mask drawn anew",
    unknown=Unknown,
    mistakes={
        "mask drawn anew": Mistake(
            Handed,
            "The forward is right, but its backward holds other numbers responsible. Which of them had a part in y?"),
        "always on": Mistake(
            _AlwaysOn, "It drops numbers in evaluation as well. There every number passes as it is."),
        "not scaled": Mistake(
            _NotScaled,
            "What is kept is not scaled, so in training the sums behind this layer are smaller than in evaluation."),
        "backward not scaled": Mistake(
            _BackwardNotScaled, "The backward has the mask but not the scale. y = x * mask / (1 - p): what is dy/dx?"),
        "backward not masked": Mistake(
            _BackwardNotMasked,
            "The backward lets everything pass. A number that was dropped had no part in the loss."),
        "backward only scaled": Mistake(
            _BackwardOnlyScaled, "The backward scales but has no mask. A number that was dropped had no part in the "
            "loss."),
        "scaled in evaluation": Mistake(
            _ScaledInEvaluation,
            "Training leaves the kept numbers as they are, and evaluation makes all of them smaller. That is how the "
            "paper did it. Here the scale belongs into training, so that evaluation does nothing at all."),
        "scaled twice": Mistake(
            _ScaledTwice, "Evaluation makes the numbers smaller, though training has made up for it already."),
        "kept and dropped": Mistake(
            _Inverted, "What should be kept is dropped, and the other way round. p is the share that is dropped."),
        "wrong scale": Mistake(
            _WrongScale, "The scale is 1 / p. What share of the numbers is kept?"),
        "one mask": Mistake(
            _OneMask, "The second step has the mask of the first. Every forward draws a new one."),
        "old mask in evaluation": Mistake(
            _OldMaskInEvaluation,
            "In training it is right. In evaluation the backward still uses the mask of the last training step, though "
            "forward dropped nothing."),
        "shared by all layers": Mistake(
            _SharedMask,
            "Two layers were used in turns, and one used the mask of the other. What forward remembers has to be kept "
            "in this very layer, not in a variable of the class."),
        "one mask for the batch": Mistake(
            _OnePerFeature, "All pictures of the batch lose the same numbers. The mask has the shape of x."),
        "generator started anew": Mistake(
            _Redrawn, "The generator is made anew for every mask, so all masks are equal. Draw from self.rng."),
        "mask guessed from dy": Mistake(
            _SignOfInput, "The mask is guessed from dy. dy says nothing about what was dropped; forward knew."),
    },
)
