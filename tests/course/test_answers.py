"""Answers as learners write them: right ones pass, wrong ones never do, and nobody is accused of anything else."""

import functools

import numpy as np
import pytest

from lessons.known import known
from tests.course.answers import answers
from tests.course.answers.gpu14 import changes_w
from tests.course.answers.lesson14 import exp_in_place
from tests.course.answers.loss12 import other_value_in_float32
from tests.course.matrix import judged as judge
from tinycnn.course import check, names
from tinycnn.course.result import LIST, MODIFIED

pytestmark = pytest.mark.slow  # 2,000 answers; test_exercises.py has the known mistakes

ANSWERS = answers()


@functools.cache
def judged(name):
    """[(column of the matrix, Result)] of the wrong answers to an exercise."""
    return [judge(name, one) for one in ANSWERS[name].wrong]


@pytest.mark.parametrize("name", ANSWERS)
def test_right_answers_in_other_styles_pass(name):
    for i, answer in enumerate(ANSWERS[name].right):
        result = check(name, answer)
        assert result.ok or result.verdict == LIST, f"right answer {i}: {result}"
        assert "remarks" not in str(result), f"right answer {i} gets a reason why it should be wrong: {result}"


def test_a_gradient_that_is_right_in_float32_is_not_diagnosed():
    result = check("12.pose_loss", other_value_in_float32)
    assert not result.ok and "dpred: right." in result.lines and "overlap" not in str(result)


@pytest.mark.parametrize(("name", "answer"), [("14.train", changes_w), ("14.gradient", exp_in_place)])
def test_who_changes_an_input_in_the_first_of_several_calls_is_told_of_that_alone(name, answer):
    assert check(name, answer).verdict == MODIFIED


@pytest.mark.parametrize("name", ANSWERS)
def test_wrong_answers_are_met_as_what_they_are(name):
    for i, (one, (word, result)) in enumerate(zip(ANSWERS[name].wrong, judged(name), strict=True)):
        assert word not in ("passed", "accused"), f"wrong answer {i}: {result}"
        assert word == "recognized" or one.known is None, f"wrong answer {i} is not met as {one.known}: {result}"


@pytest.mark.parametrize("name", names())
def test_every_exercise_has_answers(name):
    assert name in ANSWERS, "tests/course/answers has none for it"
    assert len(ANSWERS[name].right) >= 6 and len(ANSWERS[name].wrong) >= 12


def test_most_wrong_answers_are_recognized_or_helped():
    words = [word for name in ANSWERS for word, _ in judged(name)]
    assert words.count("recognized") + words.count("helpful") >= 0.7 * len(words)


@pytest.mark.parametrize("name", names())
def test_a_mistake_shows_in_more_than_a_number_of_one_case(name):
    """One number of one case is met by chance too easily."""
    exercise = known(name)
    cases = exercise.hidden_cases()
    assert len(cases) >= 3, "an exercise has at least three hidden cases"
    for key, mistake in exercise.mistakes.items():
        places, numbers = set(), 0
        for c, case in enumerate(cases):
            right, theirs = exercise.outputs(exercise.solution, case), exercise.outputs(mistake.function, case)
            for a, b in zip(right, theirs, strict=False):
                a, b = np.asarray(a, float), np.asarray(b, float)
                apart = a.shape != b.shape or not np.allclose(a, b, rtol=1e-6, atol=0, equal_nan=True)
                places |= {c} if apart else set()
                numbers += 4 if a.shape != b.shape else (~np.isclose(a, b, rtol=1e-6, atol=0, equal_nan=True)).sum()
        assert len(places) >= 2 or numbers >= 4, key
