"""Exercise 08.sgd: an optimizer as a class, which keeps a velocity for each parameter of its own model."""


import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake


def sgd_step(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    g = dw + weight_decay * w
    v = momentum * v + g
    return w - lr * v, v


class MySGD:
    """A right answer, in pieces that the mistakes exchange."""

    def __init__(self, model, lr, momentum=0.0, weight_decay=0.0):
        self.model, self.lr, self.momentum, self.weight_decay = model, lr, momentum, weight_decay
        self.v = {}

    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is not None:
                v = self.v.get(name, np.zeros_like(p.value))
                p.value, self.v[name] = self.move(name, p.value, p.grad, v)

    def move(self, name, w, dw, v):
        return sgd_step(w, dw, v, self.lr, self.momentum, self.weight_decay)


class Empty:
    """The cell as a learner finds it."""

    def __init__(self, model, lr, momentum=0.0, weight_decay=0.0):
        pass

    def step(self):
        pass


class Unknown(MySGD):
    """A mistake that nobody knows."""

    def move(self, name, w, dw, v):
        w, v = super().move(name, w, dw, v)
        return w + np.asarray(0.01 * np.arange(w.size).reshape(w.shape), w.dtype), v


class _Uphill(MySGD):
    def move(self, name, w, dw, v):
        after, v = super().move(name, w, dw, v)
        return 2 * w - after, v


class _StaysAway(MySGD):
    """The new numbers are given a name, and the parameter keeps the old ones."""

    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is not None:
                _, self.v[name] = self.move(name, p.value, p.grad, self.v.get(name, np.zeros_like(p.value)))


class _NothingKept(MySGD):
    def move(self, name, w, dw, v):
        return super().move(name, w, dw, np.zeros_like(v))


class _SharedByAll(MySGD):
    """The velocities belong to the class, so all optimizers have the same."""

    v = {}

    def __init__(self, model, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(model, lr, momentum, weight_decay)
        del self.v


class _RateOfTheStart(MySGD):
    def __init__(self, model, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(model, lr, momentum, weight_decay)
        self.first = lr

    def move(self, name, w, dw, v):
        return sgd_step(w, dw, v, self.first, self.momentum, self.weight_decay)


class _RateInVelocity(MySGD):
    def move(self, name, w, dw, v):
        v = self.momentum * v + self.lr * (dw + self.weight_decay * w)
        return w - v, v


class _RateTwice(MySGD):
    def move(self, name, w, dw, v):
        v = self.momentum * v + self.lr * (dw + self.weight_decay * w)
        return w - self.lr * v, v


class _Averaged(MySGD):
    def move(self, name, w, dw, v):
        v = self.momentum * v + (1 - self.momentum) * (dw + self.weight_decay * w)
        return w - self.lr * v, v


class _NoDecay(MySGD):
    def move(self, name, w, dw, v):
        return sgd_step(w, dw, v, self.lr, self.momentum)


class _DecayTurned(MySGD):
    def move(self, name, w, dw, v):
        return sgd_step(w, dw, v, self.lr, self.momentum, -self.weight_decay)


class _NoDecayOfBiases(MySGD):
    def move(self, name, w, dw, v):
        return sgd_step(w, dw, v, self.lr, self.momentum, self.weight_decay if w.ndim > 1 else 0.0)


class _GradientChanged(MySGD):
    def move(self, name, w, dw, v):
        dw += self.weight_decay * w
        v = self.momentum * v + dw
        return w - self.lr * v, v


class _OneOnly(MySGD):
    """Ends behind the first parameter."""

    def step(self):
        name, p = next((name, p) for name, p in self.model.parameters().items() if p.grad is not None)
        p.value, self.v[name] = self.move(name, p.value, p.grad, self.v.get(name, np.zeros_like(p.value)))


SGD = Exercise(
    title="an optimizer of your own",
    solution=MySGD,
    cases=lambda rng: [Case(rng.standard_normal((6, 26)), *settings)
                       for settings in ((0.1, 0.9, 0.05), (0.2, 0.6, 0.1), (0.3, 0.8, 0.2))],
    returns=("weights after one step", "weights of a second model after its first step", "weights after two steps",
             "weights after three steps", "gradients as they were"),
    takes=("weights of two models and four gradients", "lr", "momentum", "weight_decay"),
    stub=Empty,
    unknown=Unknown,
    keeps_dtype=True,
    mistakes={
        "uphill": Mistake(_Uphill, "The steps go uphill: the loss grows along the gradient. Mind a sign."),
        "nothing moves": Mistake(
            _StaysAway,
            "After step() all weights are what they were. A new array under a name of its own changes no parameter: "
            "what does the network look at?"),
        "nothing kept": Mistake(
            _NothingKept,
            "The first step is right, and in the second the first has no part. Is the velocity kept between two "
            "steps, and do the weights move by it?"),
        "shared by all": Mistake(
            _SharedByAll,
            "A second optimizer begins with the velocity of the first. What stands in the class itself belongs to "
            "all of its objects; what is made in __init__ belongs to one."),
        "rate of the start": Mistake(
            _RateOfTheStart,
            "The rate was changed from outside, as schedules do, and the steps go on with the first one. Which rate "
            "does step() look at?"),
        "rate in the velocity": Mistake(
            _RateInVelocity,
            "The rate is a part of the velocity. As long as it stays the same nobody notices; when it changes, old "
            "gradients keep their old rate. Here v collects gradients alone."),
        "rate twice": Mistake(
            _RateTwice, "The rate counts twice, once in the velocity and once in the step."),
        "averaged": Mistake(
            _Averaged,
            "The velocity is a mean, with 1 - momentum before the gradient. Here the gradient counts whole."),
        "no decay": Mistake(_NoDecay, "Weight decay plays no part. Is it handed on to the step?"),
        "decay turned": Mistake(_DecayTurned, "Weight decay pushes the weights away from 0. Mind its sign."),
        "biases spared": Mistake(
            _NoDecayOfBiases,
            "Weights decay and biases do not. There are good reasons for that, but it is not what is asked here."),
        "gradient changed": Mistake(
            _GradientChanged,
            "The gradient itself is changed: += writes into the array that belongs to the layer. Make a new one."),
        "one parameter only": Mistake(
            _OneOnly, "Only the first parameter moves. Does the loop end too early, with a return inside?"),
    },
)
