"""Code that strangers wrote: every mistake is caught, no right line is accused, and no untrue name is given."""

import functools

import pytest
import strangers
from strangers import MUTANTS, RIGHT

judge = functools.cache(strangers.judge)

UNNAMED = 9  # mutants whose family the checker does not find; it must then name none
INCOMPLETE = 20  # pieces of correct code with a number that no gradient belongs to: eps, p, class weights, a mask


def _with_marks(cases, step):
    """In the fast run, one of each kind and some more."""
    seen = set()
    for i, case in enumerate(cases):
        marks = [] if case.kind not in seen or i % step == 0 else [pytest.mark.slow]
        seen.add(case.kind)
        yield pytest.param(case, id=f"{case.kind}: {case.name}", marks=marks)


@pytest.mark.parametrize("case", list(_with_marks(MUTANTS, 20)))
def test_a_mutant_is_caught_and_called_by_no_wrong_name(case):
    found = judge(case)
    assert found.caught, found.text
    assert found.twin in ("ok", "incomplete", "unclear"), found.twin_text
    assert found.named or not found.families, f"{case.families}\n{found.text}"


@pytest.mark.parametrize("case", list(_with_marks(RIGHT, 8)))
def test_right_code_is_not_accused(case):
    found = judge(case)
    assert found.twin in ("ok", "incomplete", "unclear"), found.twin_text


@pytest.mark.slow
def test_nearly_all_get_their_name():
    assert len(MUTANTS) >= 240 and len(RIGHT) >= 60
    for kind in ("unseen", "size of dy", "another call", "float32", "one in many"):
        assert sum(case.kind == kind for case in MUTANTS) >= 15
    unnamed = [case.name for case in MUTANTS if not judge(case).named]
    assert len(unnamed) <= UNNAMED, unnamed


@pytest.mark.slow
def test_right_code_is_left_open_only_with_a_reason():
    states = {case.name: judge(case) for case in RIGHT}
    assert sum(found.twin == "incomplete" for found in states.values()) <= INCOMPLETE
    for found in states.values():
        if found.twin == "incomplete":
            assert "no gradient of it" in found.twin_text
