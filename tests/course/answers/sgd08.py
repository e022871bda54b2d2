"""Learners' answers to 08.sgd: an optimizer as a class."""

import numpy as np

from tests.course.answers import Answers, wrong


class ByName:
    def __init__(self, model, lr, momentum=0.0, weight_decay=0.0):
        self.model, self.lr = model, lr
        self.momentum, self.weight_decay = momentum, weight_decay
        self.velocity = {name: np.zeros_like(p.value) for name, p in model.parameters().items()}

    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is None:
                continue
            g = p.grad + self.weight_decay * p.value
            self.velocity[name] = self.momentum * self.velocity[name] + g
            p.value = p.value - self.lr * self.velocity[name]


class InPlace:
    def __init__(self, model, lr, momentum=0.0, weight_decay=0.0):
        self.model, self.lr, self.m, self.d = model, lr, momentum, weight_decay
        self.v = [np.zeros_like(p.value) for p in model.parameters().values()]

    def step(self):
        for p, v in zip(self.model.parameters().values(), self.v, strict=True):
            if p.grad is not None:
                v *= self.m
                v += p.grad + self.d * p.value
                p.value -= self.lr * v


class MadeWhenNeeded:
    def __init__(self, model, lr, momentum=0.0, weight_decay=0.0):
        self.model, self.lr, self.momentum, self.weight_decay, self.v = model, lr, momentum, weight_decay, {}

    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is not None:
                g = p.grad + self.weight_decay * p.value
                self.v[name] = self.momentum * self.v[name] + g if name in self.v else g
                p.value = p.value - self.lr * self.v[name]


class UsesUpGradients(ByName):
    def step(self):
        super().step()
        for p in self.model.parameters().values():
            p.grad = None


class ParametersOnce:
    def __init__(self, model, lr, momentum=0.0, weight_decay=0.0):
        self.model, self.lr, self.momentum, self.weight_decay = model, lr, momentum, weight_decay
        self.parameters = list(model.parameters().values())
        self.velocities = [0.0 for _ in self.parameters]

    def step(self):
        for i, p in enumerate(self.parameters):
            if p.grad is not None:
                self.velocities[i] = self.momentum * self.velocities[i] + p.grad + self.weight_decay * p.value
                p.value = p.value - self.lr * self.velocities[i]


class OnTheParameter:
    def __init__(self, model, lr, momentum=0.0, weight_decay=0.0):
        self.model, self.lr, self.momentum, self.weight_decay = model, lr, momentum, weight_decay
        for p in model.parameters().values():
            p.v = np.zeros(p.value.shape, p.value.dtype)

    def step(self):
        for _, p in self.model.parameters().items():
            if p.grad is not None:
                p.v = self.momentum * p.v + p.grad + self.weight_decay * p.value
                p.value = p.value - self.lr * p.v


class Up(ByName):
    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is not None:
                self.velocity[name] = self.momentum * self.velocity[name] + p.grad + self.weight_decay * p.value
                p.value = p.value + self.lr * self.velocity[name]


class LocalName(ByName):
    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is not None:
                w = p.value
                self.velocity[name] = self.momentum * self.velocity[name] + p.grad + self.weight_decay * w
                w = w - self.lr * self.velocity[name]


class Forgets(ByName):
    def step(self):
        for p in self.model.parameters().values():
            if p.grad is not None:
                v = np.zeros_like(p.value)
                v = self.momentum * v + p.grad + self.weight_decay * p.value
                p.value = p.value - self.lr * v


class OfTheClass:
    velocity = {}

    def __init__(self, model, lr, momentum=0.0, weight_decay=0.0):
        self.model, self.lr, self.momentum, self.weight_decay = model, lr, momentum, weight_decay

    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is not None:
                v = self.velocity.get(name, 0.0)
                self.velocity[name] = self.momentum * v + p.grad + self.weight_decay * p.value
                p.value = p.value - self.lr * self.velocity[name]


class FirstRate(ByName):
    def __init__(self, model, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(model, lr, momentum, weight_decay)
        self.rate = lr

    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is not None:
                self.velocity[name] = self.momentum * self.velocity[name] + p.grad + self.weight_decay * p.value
                p.value = p.value - self.rate * self.velocity[name]


class RateInside(ByName):
    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is not None:
                g = p.grad + self.weight_decay * p.value
                self.velocity[name] = self.momentum * self.velocity[name] - self.lr * g
                p.value = p.value + self.velocity[name]


class RateTwice(ByName):
    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is not None:
                g = p.grad + self.weight_decay * p.value
                self.velocity[name] = self.momentum * self.velocity[name] + self.lr * g
                p.value = p.value - self.lr * self.velocity[name]


class Mean(ByName):
    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is not None:
                g = p.grad + self.weight_decay * p.value
                self.velocity[name] = self.momentum * self.velocity[name] + (1 - self.momentum) * g
                p.value = p.value - self.lr * self.velocity[name]


class DecayLost(ByName):
    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is not None:
                self.velocity[name] = self.momentum * self.velocity[name] + p.grad
                p.value = p.value - self.lr * self.velocity[name]


class DecayTurned(ByName):
    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is not None:
                self.velocity[name] = self.momentum * self.velocity[name] + p.grad - self.weight_decay * p.value
                p.value = p.value - self.lr * self.velocity[name]


class WeightsOnly(ByName):
    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is not None:
                decay = self.weight_decay if name.endswith("w") else 0
                self.velocity[name] = self.momentum * self.velocity[name] + p.grad + decay * p.value
                p.value = p.value - self.lr * self.velocity[name]


class ChangesGradient(ByName):
    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is not None:
                p.grad += self.weight_decay * p.value
                self.velocity[name] = self.momentum * self.velocity[name] + p.grad
                p.value = p.value - self.lr * self.velocity[name]


class ReturnsInside(ByName):
    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is not None:
                self.velocity[name] = self.momentum * self.velocity[name] + p.grad + self.weight_decay * p.value
                p.value = p.value - self.lr * self.velocity[name]
                return


class TakesNone(ByName):
    def step(self):
        for name, p in self.model.parameters().items():
            self.velocity[name] = self.momentum * self.velocity[name] + p.grad + self.weight_decay * p.value
            p.value = p.value - self.lr * self.velocity[name]


class OneVelocity(ByName):
    def __init__(self, model, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(model, lr, momentum, weight_decay)
        self.v = 0.0

    def step(self):
        for p in self.model.parameters().values():
            if p.grad is not None:
                self.v = self.momentum * self.v + p.grad + self.weight_decay * p.value
                p.value = p.value - self.lr * self.v


class Float64(ByName):
    def __init__(self, model, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(model, lr, momentum, weight_decay)
        self.velocity = {name: np.zeros(p.value.shape) for name, p in model.parameters().items()}


class NoSuchName(ByName):
    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is not None:
                p.value = p.value - self.learning_rate * self.velocity[name]


class GradientAlone(ByName):
    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is not None:
                g = p.grad + self.weight_decay * p.value
                self.velocity[name] = self.momentum * self.velocity[name] + g
                p.value = p.value - self.lr * g


SGD = Answers(
    right=[ByName, InPlace, MadeWhenNeeded, UsesUpGradients, ParametersOnce, OnTheParameter],
    wrong=[wrong(Up, "uphill"), wrong(LocalName, "nothing moves"), wrong(Forgets, "nothing kept"),
           wrong(OfTheClass, "shared by all"), wrong(FirstRate, "rate of the start"),
           wrong(RateInside, "rate in the velocity"), wrong(RateTwice, "rate twice"), wrong(Mean, "averaged"),
           wrong(DecayLost, "no decay"), wrong(DecayTurned, "decay turned"), wrong(WeightsOnly, "biases spared"),
           wrong(ChangesGradient, "gradient changed"), wrong(ReturnsInside, "one parameter only"), wrong(TakesNone),
           wrong(OneVelocity), wrong(Float64), wrong(NoSuchName), wrong(GradientAlone, "nothing kept")],
)
