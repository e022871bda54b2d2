"""Calls of lesson 08."""

import copy

import numpy as np

from tinycnn.layers import Linear, ReLU, Sequential


def two_steps(step, args, kwargs):
    """w and v after two steps: what the first returns goes into the second."""
    w, first, second, v, *settings = args
    for dw in (first, second):
        found = step(w, dw, v, *settings)
        if not isinstance(found, tuple | list) or len(found) != 2:
            return [None, None] if found is None else [found]
        w, v = found
    return w, v


def stds_of(function, args, kwargs):
    """The answers for several shapes as one array."""
    answers = [function(shape) for shape in args]
    return [None if any(answer is None for answer in answers) else np.array(answers, float)]


def two_epochs(function, args, kwargs):
    """What can be said of the batches of two epochs, whatever way the order was drawn.

    args: images (N, ...), all different; labels (N,), all different; batch_size; seed
    """
    images, labels, batch_size, seed = args
    place, labels_before = {image.tobytes(): i for i, image in enumerate(images)}, labels.copy()
    rng, epochs, said = np.random.default_rng(seed), [], []
    untouched = images.copy(), labels.copy()
    for pictures, names, generator in ((images, labels, rng), (images, labels, rng),
                                       (*untouched, np.random.default_rng(seed))):
        given = function(pictures, names, batch_size, generator)
        if given is None:
            return [None] * 5
        pairs = [(np.asarray(few), np.asarray(their)) for few, their in given]
        epochs.append([[place.get(image.tobytes(), -1) for image in few] for few, _ in pairs])
        said.append([label for _, their in pairs for label in their.ravel()])
    first, second, again = epochs
    flat, other = sum(first, []), sum(second, [])
    everything, n = range(len(images)), len(images)
    together = [{frozenset(few) for few in epoch} for epoch in (first, second)]
    matched = [[labels_before[i] for i in sum(epoch, [])] == list(labels_of) for epoch, labels_of
               in zip(epochs, said, strict=True)]
    return (np.array([len(few) for few in first]), np.array([len(labels_of) for labels_of in said[:2]]),
            np.array([set(flat) >= set(everything), len(set(flat)) == len(flat), len(flat) > n - batch_size], int),
            np.array([all(matched), said[0][:n] != labels_before[: len(said[0])].tolist()], int),
            np.array([flat != list(everything)[: len(flat)], other != flat, together[0] != together[1],
                      again == first], int))


def two_models(cls, args, kwargs):
    """Four steps of one optimizer, with another one for another model in between.

    The rate is changed from outside behind the second step, and one parameter has no gradient in the third.
    """
    if not cls.step.__code__.co_names:  # it looks at nothing: not written yet
        return [None] * 5
    of_the_class = {name: copy.deepcopy(value) for name, value in vars(cls).items() if isinstance(value, dict | list)}
    try:
        return _four_steps(cls, *args)
    finally:  # what is kept in the class itself must not reach the next case
        for name, value in of_the_class.items():
            setattr(cls, name, value)


def _four_steps(cls, numbers, lr, momentum, weight_decay):
    models = [Sequential(Linear(3, 4), ReLU(), Linear(4, 2)) for _ in range(2)]
    for number, model in enumerate(models):
        _fill(model, "value", numbers[number])
    first, second = (cls(model, lr, momentum=momentum, weight_decay=weight_decay) for model in models)
    answers, sent, kept = [], [], []
    for step, (optimizer, model) in enumerate(zip((first, second, first, first), (*models, *models[:1] * 2),
                                                  strict=True)):
        gradients = _fill(model, "grad", numbers[2 + step])
        if step == 2:
            optimizer.lr = 0.5 * lr
        if step == 3:
            list(model.parameters().values())[1].grad = None
        sent += gradients
        kept += [gradient.copy() for gradient in gradients]
        optimizer.step()
        answers.append(_values(model))
    one, other, two, three = answers
    touched = np.array([np.array_equal(a, b) for a, b in zip(sent, kept, strict=True)], numbers.dtype)
    return one, other, two, three, touched


def _fill(model, what, numbers):
    """Set value or grad of all parameters from one row of numbers; returns the arrays."""
    arrays, start = [], 0
    for p in model.parameters().values():
        arrays.append(numbers[start : start + p.value.size].reshape(p.value.shape).copy())
        setattr(p, what, arrays[-1])
        start += p.value.size
    return arrays


def _values(model):
    return np.concatenate([p.value.ravel() for p in model.parameters().values()])


def somebodys_loop(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    """The loop in which a bug is to be found: word for word the code in the lesson."""
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    for _ in range(epochs):
        for start in range(0, len(x), batch_size):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            dy = 2 * (few @ w + b - true) / true.size
            vw = momentum * vw + few.T @ dy
            vb = momentum * vb + dy.sum(axis=0)
            w = w - lr * vw
            b = b - lr * vb
            lr = lr * factor
    return w, b


CALLS = {"sgd_step": two_steps, "batches": two_epochs, "init": stds_of, "sgd": two_models}
