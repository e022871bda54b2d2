"""The exercise checker: right answers pass, empty cells are told so, mistakes are met by name and never invented."""

import functools
import sys

import numpy as np
import pytest

from lessons.known import EXERCISES, known
from lessons.known import __main__ as command
from lessons.known.__main__ import row, said
from tinycnn.course import check, named
from tinycnn.errors import TinyCNNError


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[pytest.mark.slow] if name[:2] == before[:2] else [])  # the first of each lesson is not
    for before, name in zip(["", *EXERCISES], EXERCISES, strict=False)
])  # fmt: skip
def test_matrix(name):
    """Right answer, empty cell, every known mistake and an unknown one: each judged as what it is."""
    judged = {answer: (said(result), expected) for answer, expected, result in row(name)}
    assert len(judged) == 3 + len(known(name).mistakes)
    assert {answer: pair for answer, pair in judged.items() if pair[0] != pair[1]} == {}


@pytest.mark.parametrize("name", EXERCISES)
def test_at_least_four_mistakes_and_each_with_a_sentence(name):
    exercise = known(name)
    assert len(exercise.mistakes) >= 4
    sentences = [mistake.says for mistake in exercise.mistakes.values()]
    assert len(set(sentences)) == len(sentences), "two mistakes say the same"
    assert all(len(says) > 40 and says.endswith((".", "?")) for says in sentences)


@pytest.mark.slow  # 6 x 60 checks
@pytest.mark.parametrize("name", [name for name in EXERCISES if known(name).unknown is None])
@pytest.mark.parametrize("distort", [
    lambda a, rng: a + 0.1 * rng.standard_normal(np.shape(a)),
    lambda a, rng: a * 1.5 + 0.01,
    lambda a, rng: rng.standard_normal(np.shape(a)),
    lambda a, rng: np.full(np.shape(a), np.inf),
    lambda a, rng: np.full(np.shape(a), np.nan),
    lambda a, rng: np.full(np.shape(a), 1e300),
], ids=["noise", "affine", "random", "infinite", "not a number", "huge"])
def test_unknown_mistakes_are_not_attributed(name, distort):
    exercise = known(name)

    def answer(*args, **kwargs):
        rng, found = np.random.default_rng(0), exercise.solution(*args, **kwargs)
        parts = [distort(np.asarray(part, float), rng) for part in (found if isinstance(found, tuple) else (found,))]
        return tuple(parts) if isinstance(found, tuple) else parts[0]

    result = check(name, answer)
    assert result.verdict == "wrong" and result.mistakes == ()
    assert "expected" in str(result)


def test_two_mistakes_at_once_in_different_results_are_both_met():
    exercise = known("06.conv_backward")
    assigned, mean = (exercise.mistakes[key].function for key in ("dx: assigned", "db: mean"))

    def answer(*args):
        return assigned(*args)[0], exercise.solution(*args)[1], mean(*args)[2]

    result = check("06.conv_backward", answer)
    assert set(result.mistakes) == {"dx: assigned", "db: mean"} and "dw: right." in str(result)


def test_two_mistakes_at_once_in_one_result_are_not_taken_for_one_of_them():
    exercise = known("06.conv_forward")

    def answer(x, w, b, stride=1, padding=0):
        return exercise.mistakes["kernel flipped"].function(x, w, 0 * b, stride, padding)

    assert said(check("06.conv_forward", answer)) == "wrong"


def test_a_mistake_is_met_only_if_it_is_made_wherever_it_would_show():
    exercise = known("06.im2col")

    def answer(x, kernel, stride=1, padding=0):
        function = exercise.mistakes["padding after"].function if stride == 2 else exercise.solution
        return function(x, kernel, stride, padding)

    assert check("06.im2col", answer).mistakes == ()


# --- answers as learners write them: loops of their own, none of the library's code ---


def loops(y_index=None, x_row=None, take=None, pad=None, finish=lambda total, b: total + b):
    """A convolution in loops, with one line that can be replaced."""
    def conv_forward(x, w, b, stride=1, padding=0):
        p, (kh, kw, _, filters) = padding, w.shape
        padded = (pad or (lambda x, p: np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))))(x, p)
        n, h, wide, _ = padded.shape
        oh, ow = (h - kh) // stride + 1, (wide - kw) // stride + 1
        y = np.zeros((n, oh, ow, filters), x.dtype)
        for m in range(n):
            for i in range(oh):
                for j in range(ow):
                    row, column = (x_row or (lambda i, j, s: (i * s, j * s)))(i, j, stride)
                    window = padded[m, row : row + kh, column : column + kw]
                    for f in range(filters):
                        y[m, i, j, f] = finish((take or (lambda a, k: (a * k).sum()))(window, w[..., f]), b[f])
        return y
    return conv_forward


@pytest.mark.parametrize("answer, expected", [
    (loops(), "right"),
    (loops(take=lambda a, k: (a * k[::-1, ::-1]).sum()), "kernel flipped"),
    (loops(x_row=lambda i, j, s: (i, j)), "stride ignored in windows"),
    (loops(pad=lambda x, p: np.pad(x, ((0, 0), (0, 2 * p), (0, 2 * p), (0, 0)))), "padding after"),
    (loops(pad=lambda x, p: x), "padding ignored"),
    (loops(finish=lambda total, b: total), "bias forgotten"),
    (loops(take=lambda a, k: (a * k)[..., 0].sum()), "first channel only"),
    (loops(take=lambda a, k: (a * k)[-1, -1, -1]), "overwritten"),
    (loops(take=lambda a, k: (a * k).mean()), "mean"),
    (loops(pad=lambda x, p: np.pad(x, p)), "raised"),
])
def test_convolutions_written_by_hand(answer, expected):
    assert said(check("06.conv_forward", answer)) == expected


def backward_loops(add=True, mean=1, spread=True):
    def conv_backward(dy, x, w, stride=1, padding=0):
        p, (kh, kw, _, _) = padding, w.shape
        padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
        dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
        for n, i, j, f in np.ndindex(dy.shape):
            window = np.s_[n, i * stride : i * stride + kh, j * stride : j * stride + kw]
            share = dy[n, i, j, f] * w[..., f]
            dpadded[window] = dpadded[window] + share if add else share
            dw[..., f] += dy[n, i, j, f] * padded[window] / (len(x) if mean == "batch" else 1)
        _, h, wide, _ = x.shape
        db = dy.sum((0, 1, 2)) if spread else dy.sum(0)
        return dpadded[:, p : p + h, p : p + wide], dw, db
    return conv_backward


@pytest.mark.parametrize("answer, expected", [
    (backward_loops(), "right"),
    (backward_loops(mean="batch"), "dw: batch mean"),
    (backward_loops(spread=False), "db: not summed over positions"),
])
def test_backwards_written_by_hand(answer, expected):
    assert said(check("06.conv_backward", answer)) == expected


def test_an_unknown_wrong_backward_gets_the_gradient_checkers_diagnosis():
    exercise = known("06.conv_backward")

    def answer(dy, x, w, stride=1, padding=0):
        dx, dw, db = exercise.solution(dy, x, w, stride, padding)
        return dx, -dw, db

    result = check("06.conv_backward", answer)
    assert result.verdict == "wrong" and "dw: sign" in str(result)


def test_a_right_backward_is_confirmed_by_the_gradient_checker():
    assert "gradient checker agrees" in str(check("06.conv_backward", known("06.conv_backward").solution))


def test_a_naive_iou_has_two_mistakes():
    def iou(a, b):
        low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
        shared = np.prod(high - low, axis=1)
        return shared / (np.prod(a[:, 2:] - a[:, :2], axis=1) + np.prod(b[:, 2:] - b[:, :2], axis=1) - shared)

    assert set(check("01.iou", iou).mistakes) == {"no clamp", "nan"}


def losses(shift=True, from_p=True):
    """Both losses as learners write them, with or without the precautions."""
    def two_losses(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
        rows = np.arange(len(scores))
        if shift:
            scores = scores - scores.max(axis=1, keepdims=True)
        p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        log_p = np.log(p) if from_p else scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        value = class_weight * -log_p[rows, labels].mean() + box_weight * ((boxes - targets) ** 2).mean()
        dscores = p.copy()
        dscores[rows, labels] -= 1
        return value, class_weight * dscores / len(scores), box_weight * 2 * (boxes - targets) / boxes.size
    return two_losses


@pytest.mark.parametrize("answer, expected", [
    (losses(from_p=False), "right"),
    (losses(), "value: logarithm of 0"),
    (losses(shift=False), "value: overflow, dscores: overflow"),
    (losses(shift=False, from_p=False), "value: overflow in the sum, dscores: overflow"),
])
def test_two_losses_written_by_hand(answer, expected):
    assert said(check("09.two_losses", answer)) == expected


# --- whatever a learner writes, check answers and never raises ---


def raises(a, b):
    return a["no such thing"]


def ends(*args):
    raise NotImplementedError


@pytest.mark.parametrize("answer, verdict, words", [
    (None, "not written yet", ""),
    (..., "not written yet", ""),
    (lambda a, b: None, "not written yet", "return"),
    (lambda a, b: ..., "not written yet", ""),
    (ends, "not written yet", ""),
    (3, "wrong", "Expected a function"),
    (raises, "raised", 'In your line: return a["no such thing"]'),
    (lambda a: a, "raised", "TypeError"),
    (lambda a, b: a, "shape", "(4, 4), expected (4,).\n    It was called with (a: float64 (4, 4), b: float64 (4, 4))"),
    (lambda a, b: "half", "wrong", "str"),
    (lambda a, b: [[1], [2, 3]], "wrong", "list"),
    (lambda a, b: {"iou": 1}, "wrong", "dict"),
    (lambda a, b: a[:, 0] * 1j, "wrong", "numbers"),
    (lambda a, b: 1 / 0, "raised", "ZeroDivisionError"),
])
def test_anything_goes(answer, verdict, words):
    result = check("01.iou", answer)
    assert (result.verdict, bool(result)) == (verdict, False) and words in str(result)
    assert result.name in result._repr_html_()


def test_none_in_some_cases_only_is_not_an_empty_cell():
    def convert(numbers, form):
        return numbers if form == "csv" else None

    result = check("01.convert", convert)
    assert result.verdict == "wrong" and "return" in str(result)


def test_changed_inputs_and_lost_float32_are_noticed():
    solution = known("06.im2col").solution

    def changes(x, kernel, stride=1, padding=0):
        cols = solution(x, kernel, stride, padding)
        x *= 0
        return cols

    assert check("06.im2col", changes).verdict == "modified"
    assert check("06.im2col", lambda x, *rest: solution(x, *rest).astype(float)).verdict == "dtype"


def test_undefined_memory_shows_and_a_trace_of_another_is_left_alone():
    def iou(a, b):
        sides = (np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])).clip(0)
        shared = sides[:, 0] * sides[:, 1]
        union = (a[:, 2:] - a[:, :2]).prod(axis=1) + (b[:, 2:] - b[:, :2]).prod(axis=1) - shared
        return np.divide(shared, union, where=union > 0, out=None)

    def empty(a, b):
        return np.empty(len(a))

    for answer in (iou, empty):
        assert "-8.25e+88, expected" in str(check("01.iou", answer))
    seen, before = [], sys.gettrace()
    sys.settrace(lambda *event: seen.append(event))
    try:
        assert check("01.iou", known("01.iou").solution) and sys.gettrace() is not None
    finally:
        sys.settrace(before)
    assert seen


@pytest.mark.parametrize("name", [name for name in EXERCISES if not isinstance(known(name).solution, type)])
def test_lists_are_taken_or_said_to_be_lists(name):
    def listed(found):
        if isinstance(found, tuple):
            return tuple(map(listed, found))
        return found.tolist() if isinstance(found, np.ndarray | np.generic) else found

    solution = known(name).solution
    result = check(name, functools.wraps(solution)(lambda *args, **kwargs: listed(solution(*args, **kwargs))))
    if name == "08.sgd_step":  # a second step begins with what the first one has returned
        assert result.verdict == "raised"
    else:
        assert result.verdict in ("right", "list"), result
        assert result.ok or named(name).arrays and "np.array(...)" in str(result)


def test_the_wrong_number_of_results_is_said():
    assert "Expected 3 results (dx, dw, db), got 1" in str(check("06.conv_backward", lambda dy, x, *rest: x))


def test_markup_in_a_learners_error_is_escaped():
    def iou(a, b):
        raise ValueError("<b>bold</b>")

    assert "<b>bold" not in check("01.iou", iou)._repr_html_()


def test_only_an_unknown_name_is_an_error():
    for name in ("06.nothing", "77.iou", "iou", ""):
        with pytest.raises(TinyCNNError, match="there are: 00.normalize"):
            check(name, None)


@pytest.mark.parametrize("wrong", [False, True])
def test_the_matrix_is_printed_by_one_command(wrong, monkeypatch, capsys):
    """Of one exercise; test_matrix asks for all. And an answer that is not judged as what it is counts."""
    monkeypatch.setattr(command, "EXERCISES", ["06.output_size"])
    if wrong:
        monkeypatch.setattr(command, "off", lambda exercise: exercise.solution)
    status, printed = command.matrix(), capsys.readouterr().out
    assert status == wrong and ("✗ unknown mistake" in printed) == wrong
    mistakes = len(known("06.output_size").mistakes)
    assert f"1 exercises, {mistakes} known mistakes recognized, {int(wrong)} answers judged wrongly" in printed
