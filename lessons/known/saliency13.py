"""The exercise of lesson 13 about saliency: how much the score of a class moves with every pixel."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake


def saliency(forward, backward, x, labels):
    return _asked(forward, backward, x, labels)


def one_hot(scores, labels):
    return np.eye(scores.shape[1])[labels]


def softmax(scores):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _largest(dx):
    return abs(dx).max(axis=3)


def _asked(forward, backward, x, labels, question=one_hot, about_box=0.0, made=_largest):
    """What backward answers to a question, as a map."""
    scores, boxes = forward(x)
    return made(backward(question(scores, labels), np.full_like(boxes, about_box)))


def _by(**exchanged):
    return lambda forward, backward, x, labels: _asked(forward, backward, x, labels, **exchanged)


def _times_x(forward, backward, x, labels):
    return _asked(forward, backward, x, labels, made=lambda dx: abs(dx * x).max(axis=3))


def _of_probability(scores, labels):
    p, wanted = softmax(scores), one_hot(scores, labels)
    return (p * wanted).sum(axis=1, keepdims=True) * (wanted - p)


def _net(rng, shape, classes, labels, hidden=5):
    inputs = int(np.prod(shape[1:]))
    return Case(rng.standard_normal(shape), np.array(labels), rng.standard_normal((inputs, hidden)) / inputs**0.5,
                rng.standard_normal((hidden, classes)), rng.standard_normal((hidden, 4)))


SALIENCY = Exercise(
    title="how much the score of a class moves with every pixel",
    solution=saliency,
    takes=("x", "labels", "weights", "weights of the class head", "weights of the box head"),
    cases=lambda rng: [_net(rng, (4, 3, 5, 3), 6, (2, 5, 0, 1)), _net(rng, (2, 4, 2, 3), 3, (1, 2)),
                       _net(rng, (3, 2, 3, 2), 4, (3, 0, 2))],
    returns=("maps",),
    mistakes={
        "all scores": Mistake(
            _by(question=lambda scores, labels: np.ones_like(scores)),
            "dscores is 1 everywhere, which asks what moves the sum of all scores. The score of one class was asked "
            "for, and each picture has its own."),
        "scores as question": Mistake(
            _by(question=lambda scores, labels: scores),
            "The scores themselves are handed to backward. It wants to know what is asked: 1 for the score that "
            "should be looked at, and 0 for the others."),
        "score times one": Mistake(
            _by(question=lambda scores, labels: scores * one_hot(scores, labels)),
            "The right score is chosen, but dscores holds its value. How fast does a score change with itself?"),
        "probabilities": Mistake(
            _by(question=_of_probability),
            "This is the gradient of the class's probability. It also grows when the other scores fall; the score "
            "was asked for."),
        "loss": Mistake(
            _by(question=lambda scores, labels: softmax(scores) - one_hot(scores, labels)),
            "This is the gradient of the cross-entropy loss. A picture of which the network is sure has next to none: "
            "its map would be dark. The score was asked for."),
        "mean loss": Mistake(
            _by(question=lambda scores, labels: (softmax(scores) - one_hot(scores, labels)) / len(scores)),
            "This is the gradient of the mean cross-entropy loss over the batch. The score of each picture was asked "
            "for."),
        "mean over the batch": Mistake(
            _by(question=lambda scores, labels: one_hot(scores, labels) / len(scores)),
            "The maps are too weak by the number of pictures: this asks about the mean of their scores."),
        "best class": Mistake(
            _by(question=lambda scores, labels: one_hot(scores, scores.argmax(axis=1))),
            "The class with the largest score is looked at, whatever labels says."),
        "class 0": Mistake(
            _by(question=lambda scores, labels: one_hot(scores, labels * 0)),
            "Class 0 is looked at in every picture. The classes to look at are in labels."),
        "first label": Mistake(
            _by(question=lambda scores, labels: one_hot(scores, labels * 0 + labels[0])),
            "All pictures are asked about the class of the first one."),
        "all labels": Mistake(
            _by(question=lambda scores, labels: one_hot(scores, labels).max(axis=0) + scores * 0),
            "Every picture is asked about the classes of all pictures. dscores[:, labels] fills whole columns."),
        "box too": Mistake(
            _by(about_box=1.0),
            "dboxes is 1: the four numbers of the box take part in the question. They should not."),
        "signed": Mistake(
            _by(made=lambda dx: dx.max(axis=3)),
            "The sign is kept, so that channels in which more light lowers the score count for nothing. How much is "
            "the question, not which way."),
        "sign lost too late": Mistake(
            _by(made=lambda dx: abs(dx.max(axis=3))),
            "The sign goes after the channels have been put together. Which of (−3, 1, 0) is the largest in size?"),
        "channels cancel": Mistake(
            _by(made=lambda dx: abs(dx.sum(axis=3))),
            "The channels are added with their signs, so that they cancel. Take the largest size among them."),
        "sum of channels": Mistake(
            _by(made=lambda dx: abs(dx).sum(axis=3)),
            "The sizes of the channels are added. Their largest was asked for."),
        "mean of channels": Mistake(
            _by(made=lambda dx: abs(dx).mean(axis=3)),
            "This is the mean over the channels. The largest was asked for."),
        "length": Mistake(
            _by(made=lambda dx: np.sqrt((dx**2).sum(axis=3))),
            "This is the length of the three numbers at each pixel. The largest size among them was asked for."),
        "channels kept": Mistake(
            _by(made=abs),
            "There is still one number for each channel. Take the largest."),
        "times the pixel": Mistake(
            _times_x,
            "The gradient is multiplied by the pixel. That is another kind of map; here the gradient alone is wanted."),
        "each by itself": Mistake(
            _by(made=lambda dx: _largest(dx) / _largest(dx).max(axis=(1, 2), keepdims=True)),
            "Each map is divided by its largest number. That is for drawing; the function should keep the size."),
    },
)
