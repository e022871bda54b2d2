"""The check itself: run the learner's function on the hidden inputs and say what was found, most helpful first."""

import os
import traceback

import numpy as np

from tinycnn.course.by_slopes import confirmed, diagnosed
from tinycnn.course.catalog import named
from tinycnn.course.free_memory import filled
from tinycnn.course.result import DTYPE, EMPTY, KNOWN, LIST, MODIFIED, RAISED, RIGHT, SHAPE, WRONG, Result
from tinycnn.errors import TinyCNNError

SMALL = 24  # numbers that can be read in a sentence


def check(name, function):
    """Grade `function`, the learner's answer to the exercise `name` such as "06.conv_forward"; returns a Result.

    Whatever the function does, this does not raise; only a name that does not exist is an error. (While nbgrader
    grades, AssertionError is raised for what is not right: to nbgrader a cell without an error is a right one.)
    """
    exercise = named(name)
    try:
        _judge(exercise, name, function)
    except Verdict as verdict:
        result = Result(name, exercise.title, verdict.word, verdict.lines, verdict.mistakes)
        if os.environ.get("NBGRADER_EXECUTION"):
            raise AssertionError(str(result)) from None
        return result
    return Result(name, exercise.title, RIGHT, confirmed(exercise, function))


def case(name, number):
    """The arguments of a hidden case, in order, as fresh copies: `iou(*case("01.iou", 2))` repeats what a check did.

    number: as the check has named it, from 0
    """
    cases = named(name).cases
    if not 0 <= number < len(cases):
        raise TinyCNNError(f"{name} has the cases 0 to {len(cases) - 1}, got {number!r}")
    args, kwargs = cases[number].for_call()
    return (*args, *kwargs.values())


class Verdict(Exception):
    """Ends the judging: nothing that comes after it would help."""

    def __init__(self, word, lines, mistakes=()):
        self.word, self.lines, self.mistakes = word, lines, mistakes


def _judge(exercise, name, function):
    """Raise the Verdict on anything but a right answer."""
    if function is None or function is Ellipsis:
        raise Verdict(EMPTY, ["Write it in the cell above, run that cell, then run this one again."])
    if not callable(function):
        raise Verdict(WRONG, [f"Expected a function or a class, got {function!r}. Pass its name, without calling it."])
    cases, truths = exercise.cases, exercise.expected
    answers, changed = zip(*[_run(exercise, function, case, _sizes(truth, case))
                             for case, truth in zip(cases, truths, strict=True)], strict=True)
    if all(_empty(part) for answer in answers for part in answer):
        raise Verdict(EMPTY, ["It returns nothing so far. If you have written it: is the return missing?"])
    kinds = {k: type(answer[k]) for answer in answers for k in exercise.arrays if k < len(answer)}
    answers = [_numbers(exercise, function, answer, case) for answer, case in zip(answers, cases, strict=True)]
    wrong = _differences(exercise, answers, truths)
    if wrong:
        raise _about_values(exercise, name, function, cases, answers, truths, wrong)
    for k, kind in kinds.items():
        if issubclass(kind, list | tuple):
            raise Verdict(LIST, [f"The numbers are right, but {exercise.returns[k]} is a {kind.__name__}. Later cells "
                                 "compute with it as an array: np.array(...) makes one of it."])
    if any(changed):
        raise Verdict(MODIFIED, ["The answer is right, but an input array is changed on the way. Work on a copy."])
    if exercise.keeps_dtype:
        _keeps_dtype(exercise, function, cases[0])


def _run(exercise, function, case, sizes=(), dtype=None):
    """(answer, was an input changed?) of one call. sizes: of arrays whose memory is not to be 0 by luck"""
    (args, kwargs), (before, before_by_name) = case.for_call(dtype), case.for_call(dtype)
    try:
        with np.errstate(all="ignore"), filled(function, sizes):
            answer = exercise.run(function, args, kwargs)
    except NotImplementedError:
        return [None] * len(exercise.returns), False
    except Exception as error:
        raise Verdict(RAISED, _about_error(exercise, error, function, case)) from error
    pairs = [*zip(args, before, strict=True), *((kwargs[name], before_by_name[name]) for name in kwargs)]
    return answer, any(isinstance(a, np.ndarray) and not np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
                       for a, b in pairs)


def _sizes(outputs, case):
    """How many numbers arrays hold that a right answer would make."""
    parts = *outputs, *case.args, *case.kwargs.values()
    return {np.size(part) for part in parts} | {len(part) for part in parts if np.ndim(part)}


def _numbers(exercise, function, answer, case):
    """The answer as arrays: the right number of results, none of them missing, all of them numbers."""
    if len(answer) != len(exercise.returns):
        names = ", ".join(exercise.returns)
        raise Verdict(WRONG, [f"Expected {len(exercise.returns)} results ({names}), got {len(answer)}."])
    arrays, call = [], exercise.describe(case, function)
    for name, part in zip(exercise.returns, answer, strict=True):
        if _empty(part):
            raise Verdict(WRONG, [f"{name} is None when called with {call}. Is it never returned, or never stored?"])
        try:
            arrays.append(np.asarray(part))
        except ValueError:  # lists of different lengths
            arrays.append(np.asarray(None))
        if arrays[-1].dtype.kind not in "biuf":
            kind = type(part).__name__
            raise Verdict(WRONG, [f"{name} should hold numbers, but it is {kind} when called with {call}."])
    return arrays


def _differences(exercise, answers, others):
    """{(case, result)} in which two lists of answers differ."""
    return {(c, k) for c in range(len(answers)) for k in range(len(exercise.returns))
            if not _agree(answers[c][k], np.asarray(others[c][k]), exercise)}


def _about_values(exercise, name, function, cases, answers, truths, wrong):
    """The Verdict on wrong numbers."""
    found, unexplained = _recognize(exercise, answers, truths, wrong)
    several, word, lines = len(exercise.returns) > 1, KNOWN, []
    for key, places in found.items():
        results = ", ".join(exercise.returns[k] for k in sorted({k for _, k in places}))
        says = exercise.mistakes[key].says
        lines.append(f"{results}: {says}" if several and not says.startswith(f"{results}: ") else says)
    for k in sorted({k for _, k in unexplained}):
        c = min((c for c, result in unexplained if result == k), key=lambda c: _numbers_in(cases[c]))
        word, line = _first_difference(exercise, k, answers[c][k], np.asarray(truths[c][k]))
        lines += [line, *_how_to_repeat(exercise, name, function, cases, c)]
    right = [name for k, name in enumerate(exercise.returns) if all(k != result for _, result in wrong)]
    if right:
        lines.append(f"{', '.join(right)}: right.")
    if word == WRONG and exercise.gradient is not None:
        lines += diagnosed(exercise, function)
    return Verdict(word, lines, tuple(found))


def _recognize(exercise, answers, truths, wrong):
    """({key: the differences it explains}, those that nothing explains).

    A mistake counts as met where it gives exactly the learner's numbers, only if the learner is wrong wherever it would
    be, and only if no other mistake gives the same. Two mistakes that show in different results, or in different cases,
    are both found; but a result about which anything is left unexplained has been spoiled in some other way, and no
    mistake is named for it. Infinity and NaN look the same whatever made them: where all that is wrong is infinite or
    NaN, a mistake is named only if nothing at all is left unexplained.
    """
    explains, apart = {}, {}  # apart: in how many places a mistake's whole program differs from the learner's
    for key, mistake in exercise.mistakes.items():
        theirs = mistake.outputs
        unlike = _differences(exercise, answers, theirs)
        shared, apart[key] = wrong - unlike, len(unlike)
        by_result = {k for _, k in shared}
        if all(place in wrong for place in _differences(exercise, truths, theirs) if place[1] in by_result):
            explains[key] = shared
    found, left = {}, set(wrong)
    while any(explains[key] & left for key in explains):
        most = max(len(places & left) for places in explains.values())
        first, *others = sorted((key for key, places in explains.items() if len(places & left) == most), key=apart.get)
        places = explains[first] & left
        if any(explains[key] & left == places and apart[key] == apart[first] for key in others):
            break  # two mistakes would explain the same numbers as well: neither is named
        found[first] = places
        left -= places
    spoiled = {k for _, k in left}
    faint = all(_only_infinite(answers[c][k], truths[c][k], exercise) for c, k in wrong)
    for key, places in list(found.items()):
        kept = {place for place in places if place[1] not in spoiled}
        if left and faint:
            kept = set()
        left |= places - kept
        found[key] = kept
    return {key: places for key, places in found.items() if places}, left


def _only_infinite(mine, right, exercise):
    """Is everything that is wrong about one result infinite or NaN?"""
    right = np.asarray(right)
    return mine.shape == right.shape and not np.isfinite(mine[~_close(mine, right, exercise)]).any()


def _first_difference(exercise, k, mine, right):
    """(verdict, sentence) about one wrong result."""
    name = exercise.returns[k]
    if mine.shape != right.shape:
        return SHAPE, f"{name} has shape {mine.shape}, expected {right.shape}."
    apart = ~_close(mine, right, exercise)
    index = tuple(int(i) for i in np.argwhere(apart)[0])
    place = f"{name}[{', '.join(map(str, index))}]" if index else name
    if exercise.elements:
        place = f"{name}, of {exercise.elements[index[-1]]!r},"
    count = f"{apart.sum()} of {apart.size} numbers differ. The first: " if apart.size > 1 else ""
    got, expected = _told_apart(mine[index], right[index])
    return WRONG, f"Wrong, and not in a way that this check knows. {count}{place} = {got}, expected {expected}."


def _told_apart(a, b):
    """Two numbers with as many digits as it takes to see that they differ."""
    for digits in range(6, 18):
        texts = f"{a:.{digits}g}", f"{b:.{digits}g}"
        if texts[0] != texts[1]:
            break
    return texts


def _numbers_in(case):
    return sum(np.size(a) for a in (*case.args, *case.kwargs.values()))


def _how_to_repeat(exercise, name, function, cases, number):
    """Sentences that let the learner see what the check saw: the input itself if it is small, and how to get it."""
    case = cases[number]
    if _numbers_in(case) <= SMALL:
        arguments = exercise.arguments(case, function).items()
        yield f"It was called with {', '.join(f'{key} = {_literal(a)}' for key, a in arguments)}."
    else:
        yield f"It was called with {exercise.describe(case, function)}."
    if exercise.call is None:
        called = getattr(function, "__name__", "")
        yield f'To see it yourself: {called if called.isidentifier() else "answer"}(*case("{name}", {number}))'


def _literal(a):
    """An argument as it could be typed."""
    if isinstance(a, np.ndarray):
        return f"np.array({np.array2string(a, separator=', ', precision=4, max_line_width=10**6)})".replace("\n", "")
    return getattr(a, "__name__", repr(a))


def _keeps_dtype(exercise, function, case):
    """float32 in, float32 out: half the memory and about twice the speed, easily lost without a word."""
    answer, _ = _run(exercise, function, case, dtype=np.float32)
    for name, part in zip(exercise.returns, answer, strict=True):
        if np.asarray(part).dtype != np.float32:
            raise Verdict(DTYPE, [
                f"The numbers are right, but {name} is {np.asarray(part).dtype} where the inputs are float32. "
                "np.zeros(shape) makes float64 unless it is told otherwise: np.zeros(shape, x.dtype)."])


def _agree(a, b, exercise):
    a = np.asarray(a)
    return a.shape == b.shape and b.dtype.kind in "biuf" and bool(_close(a, b, exercise).all())


def _close(a, b, exercise):
    """Where a equals b, up to the rounding that another order of additions makes."""
    a, b = a.astype(float), b.astype(float)
    size = abs(b[np.isfinite(b)]).max(initial=0) or 1.0  # where all are 0, the tolerance itself is meant
    with np.errstate(invalid="ignore"):
        return (a == b) | (abs(a - b) <= exercise.tolerance * size) | (np.isnan(a) & np.isnan(b))


def _empty(part):
    return part is None or part is Ellipsis


def _about_error(exercise, error, function, case):
    """The error, the learner's own line that led to it, and the shapes of the call."""
    lines = [f"{type(error).__name__}: {error}", f"It was raised when called with {exercise.describe(case, function)}."]
    code = getattr(function, "__code__", None) or getattr(getattr(function, "forward", None), "__code__", None)
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if code and frame.filename == code.co_filename]
    if own and own[-1].line:
        lines.insert(1, f"In your line: {own[-1].line}")
    return lines
