"""Answers of learners to the exercise of lesson 13 about saliency."""

import numpy as np

from tests.course.answers import Answers, wrong


def by_index(forward, backward, x, labels):
    s, b = forward(x)
    d = np.zeros_like(s)
    d[np.arange(len(labels)), labels] = 1.0
    return np.abs(backward(d, 0 * b)).max(-1)


def by_eye(forward, backward, x, labels):
    scores, boxes = forward(x)
    dx = backward(np.eye(scores.shape[1])[labels], np.zeros(boxes.shape))
    return np.maximum(dx, -dx).max(axis=3)


def by_loop(forward, backward, x, labels):
    scores, boxes = forward(x)
    dscores = scores * 0
    for n, k in enumerate(labels):
        dscores[n, k] = 1
    dx = backward(dscores, boxes * 0)
    n, h, w, _ = x.shape
    return [[[max(abs(v) for v in dx[i, j, k]) for k in range(w)] for j in range(h)] for i in range(n)]


def one_at_a_time(forward, backward, x, labels):
    maps = []
    for image, label in zip(x, labels, strict=True):
        scores, boxes = forward(image[None])
        question = np.zeros(scores.shape)
        question[0, label] = 1
        maps.append(abs(backward(question, np.zeros(boxes.shape))[0]).max(axis=2))
    return np.stack(maps)


def by_comparison(forward, backward, x, labels):
    scores, boxes = forward(x)
    chosen = (np.arange(scores.shape[1]) == labels[:, None]).astype(float)
    return np.sqrt(backward(dscores=chosen, dboxes=np.zeros_like(boxes)) ** 2).max(axis=-1)


def in_float32(forward, backward, x, labels):
    scores, boxes = forward(x)
    d = np.zeros(scores.shape, np.float32)
    np.put_along_axis(d, labels[:, None], 1, axis=1)
    return np.linalg.norm(backward(d, boxes * 0), ord=np.inf, axis=3).astype(np.float32)


def _ask(forward, backward, x, labels, d, db=0):
    scores, boxes = forward(x)
    return backward(d(scores), np.zeros_like(boxes) + db)


def _chosen(scores, labels):
    d = np.zeros_like(scores)
    d[np.arange(len(labels)), labels] = 1
    return d


def _probabilities(scores):
    e = np.exp(scores)
    return e / e.sum(axis=1, keepdims=True)


def everything(forward, backward, x, labels):
    return abs(_ask(forward, backward, x, labels, np.ones_like)).max(3)


def the_scores(forward, backward, x, labels):
    return abs(_ask(forward, backward, x, labels, lambda s: s)).max(3)


def its_score(forward, backward, x, labels):
    return abs(_ask(forward, backward, x, labels, lambda s: s * _chosen(s, labels))).max(3)


def loss_gradient(forward, backward, x, labels):
    return abs(_ask(forward, backward, x, labels, lambda s: _probabilities(s) - _chosen(s, labels))).max(3)


def loss_over_n(forward, backward, x, labels):
    return abs(_ask(forward, backward, x, labels,
                    lambda s: (_probabilities(s) - _chosen(s, labels)) / len(s))).max(3)


def probability(forward, backward, x, labels):
    def question(scores):
        p = _probabilities(scores)
        mine = p[np.arange(len(p)), labels][:, None]
        return mine * (_chosen(scores, labels) - p)
    return abs(_ask(forward, backward, x, labels, question)).max(3)


def whole_columns(forward, backward, x, labels):
    def question(scores):
        d = np.zeros_like(scores)
        d[:, labels] = 1
        return d
    return abs(_ask(forward, backward, x, labels, question)).max(3)


def predicted(forward, backward, x, labels):
    return abs(_ask(forward, backward, x, labels, lambda s: _chosen(s, s.argmax(1)))).max(3)


def ones_for_boxes(forward, backward, x, labels):
    return abs(_ask(forward, backward, x, labels, lambda s: _chosen(s, labels), 1)).max(3)


def with_sign(forward, backward, x, labels):
    return _ask(forward, backward, x, labels, lambda s: _chosen(s, labels)).max(axis=3)


def late_abs(forward, backward, x, labels):
    return abs(_ask(forward, backward, x, labels, lambda s: _chosen(s, labels)).max(axis=3))


def summed(forward, backward, x, labels):
    return abs(_ask(forward, backward, x, labels, lambda s: _chosen(s, labels))).sum(axis=3)


def averaged(forward, backward, x, labels):
    return abs(_ask(forward, backward, x, labels, lambda s: _chosen(s, labels))).mean(axis=3)


def no_reduction(forward, backward, x, labels):
    return abs(_ask(forward, backward, x, labels, lambda s: _chosen(s, labels)))


def first_axis(forward, backward, x, labels):
    return abs(_ask(forward, backward, x, labels, lambda s: _chosen(s, labels))).max(axis=1)


def scaled(forward, backward, x, labels):
    m = abs(_ask(forward, backward, x, labels, lambda s: _chosen(s, labels))).max(axis=3)
    return m / m.max()


def squared(forward, backward, x, labels):
    return (_ask(forward, backward, x, labels, lambda s: _chosen(s, labels)) ** 2).max(axis=3)


def labels_as_question(forward, backward, x, labels):
    return abs(backward(labels, 0)).max(3)


def forgot_boxes(forward, backward, x, labels):
    scores, _ = forward(x)
    return abs(backward(_chosen(scores, labels))).max(3)


SALIENCY = Answers(
    right=[by_index, by_eye, by_loop, one_at_a_time, by_comparison, in_float32],
    wrong=[wrong(everything, "all scores"), wrong(the_scores, "scores as question"),
           wrong(its_score, "score times one"), wrong(loss_gradient, "loss"), wrong(loss_over_n, "mean loss"),
           wrong(probability, "probabilities"), wrong(whole_columns, "all labels"), wrong(predicted, "best class"),
           wrong(ones_for_boxes, "box too"), wrong(with_sign, "signed"), wrong(late_abs, "sign lost too late"),
           wrong(summed, "sum of channels"), wrong(averaged, "mean of channels"),
           wrong(no_reduction, "channels kept"), wrong(first_axis), wrong(scaled), wrong(squared),
           wrong(labels_as_question), wrong(forgot_boxes), wrong(lambda forward, backward, x, labels: None)])
