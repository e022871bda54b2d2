"""Every planted mistake is caught, and called by its name."""

import inspect

import numpy as np
import pytest
from mutants import MUTANTS, caught_by, mutate

from tinycnn import patches
from tinycnn.gradient_check import gradcheck
from tinycnn.layers import Conv2d, Flatten, MaxPool2d, pool


def _with_marks(mutants):
    """In the fast run, one mutant of each family and one of each layer."""
    seen = set()
    for mutant in mutants:
        slow = {mutant.layer, mutant.family} <= seen or mutant.layer in ("Localizer", "Sequential")
        seen |= {mutant.layer, mutant.family}
        marks = [pytest.mark.slow] if slow else []
        yield pytest.param(mutant, id=f"{mutant.layer}: {mutant.name}", marks=marks)


@pytest.mark.parametrize("mutant", list(_with_marks(MUTANTS)))
def test_a_mutant_is_caught_and_named(mutant):
    """Each with one of two seeds; all of them with any seed: python -m tests.mutants --seed 1 --seeds 0."""
    report = mutant.check(seed=MUTANTS.index(mutant) % 2)
    assert not report.ok
    assert caught_by(report)
    if mutant.family is not None:
        assert mutant.family in report.families, f"{mutant.words}\n{report}"


def test_there_are_mutants_of_everything():
    assert len(MUTANTS) >= 60
    assert {mutant.layer for mutant in MUTANTS} >= {
        "Conv2d", "MaxPool2d", "AvgPool2d", "Linear", "ReLU", "Dropout", "Flatten", "LocalResponseNorm",
        "SoftmaxCrossEntropy", "L2Loss", "MultiTaskLoss", "Localizer", "Sequential"}


@pytest.mark.parametrize("name, words", [
    ("height and width swapped", "with height and width swapped"),
    ("turned in space", "turned by 180 degrees (height and width reversed)"),
    ("batch reversed", "with the batch in reverse order"),
    ("upstream ignored", "the gradient is the same for every dy (it is the one for a dy of all ones)"),
    ("kernel not turned", "right for another w: w turned by 180 degrees"),
])
def test_the_five_classic_mistakes_of_a_convolution_get_the_right_words(name, words):
    (mutant,) = [mutant for mutant in MUTANTS if mutant.name == name]
    assert words in str(mutant.check())


@pytest.mark.parametrize("name", ["batch reversed", "images and gradients mismatched", "upstream ignored"])
def test_why_dy_must_be_random(name):
    """With a dy of all ones these wrong backwards are right: the images' shares are sums that look alike."""
    (mutant,) = [mutant for mutant in MUTANTS if mutant.name == name]
    rng = np.random.default_rng(0)
    layer, (x,) = mutant.make(rng), mutant.inputs(rng)
    report = gradcheck(layer, x, dy=np.ones((3, 6, 5, 4)), invariants=False)
    assert report.ok
    assert any("Use a random dy" in note for note in report.notes)  # and the report says how little that means
    assert not gradcheck(layer, x, invariants=False).ok


def _twins():
    """One mutant for each place that mutants change in a class: a twin has nothing changed there."""
    for mutant in {(mutant.layer, mutant.at): mutant for mutant in MUTANTS}.values():
        yield pytest.param(mutant, id=f"{mutant.layer}: {mutant.at}")


@pytest.mark.parametrize("mutant", list(_twins()))
def test_what_mutants_are_made_from_is_right(mutant):
    """Otherwise a mutant could be caught for another mistake than its own."""
    report = mutant.check(twin=True)
    assert report.ok, report


@pytest.mark.slow
def test_no_mutant_is_caught_for_anything_but_its_edit():
    seen = set()
    for mutant in MUTANTS:
        rng = np.random.default_rng(0)
        twin = repr(mutant.make_twin(rng)), mutant.at, repr(mutant.inputs(rng))
        if twin not in seen:  # many mutants are made from the same layer at the same numbers
            seen.add(twin)
            report = mutant.check(twin=True)
            assert report.ok, f"{mutant.name}\n{report}"


def test_which_of_equals_wins_is_the_layers_own_business():
    """The last of the largest is as lawful as the first: another layer, not a wrong one."""
    last = mutate(MaxPool2d, ("windows.argmax(axis=3)", "3 - windows[:, :, :, ::-1].argmax(axis=3)"), at="forward")
    x = np.random.default_rng(0).integers(3, size=(3, 6, 8, 2)).astype(np.float32)
    layers = MaxPool2d(2), last(2)
    dx, other = (layer.backward(layer.forward(x) + 1) for layer in layers)
    assert (dx != other).any()  # there are ties, and they are decided otherwise
    report = gradcheck(last(2), x)
    assert report.ok, report


# --- how mutants are made ---


def test_an_edit_leaves_the_shipped_class_as_it_is():
    shipped, text = Conv2d.backward, "dcols = rows @"
    wrong = mutate(Conv2d, (text, "dcols = -rows @"))
    x, dy = np.ones((1, 3, 3, 1), np.float32), np.ones((1, 1, 1, 1), np.float32)
    right, negative = Conv2d(1, 1, 3), wrong(1, 1, 3)
    right.forward(x)
    negative.forward(x)
    assert (negative.backward(dy) == -right.backward(dy)).all()
    assert Conv2d.backward is shipped and issubclass(wrong, Conv2d)
    assert wrong.__module__ == Conv2d.__module__
    assert "-rows @" in inspect.getsource(wrong.backward) and text in inspect.getsource(Conv2d.backward)


def test_an_edited_function_is_called_by_the_edited_class_alone():
    wrong = mutate(MaxPool2d, ("] += cols", "] -= cols"), at="col2im")
    assert patches.col2im is pool.col2im
    x = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    right, negative = MaxPool2d(2), wrong(2)
    dy = right.forward(x)
    assert (negative.forward(x) == dy).all()
    assert (negative.backward(dy) == -right.backward(dy)).all() and dy.any()


@pytest.mark.parametrize("old, words", [("no such text", "is there 0 times"), ("self.w.value", "is there 2 times")])
def test_an_edit_must_fit_exactly_once(old, words):
    with pytest.raises(ValueError, match=words):
        mutate(Conv2d, (old, "x"))


def test_a_function_that_no_method_calls_cannot_be_edited():
    with pytest.raises(ValueError, match="no method of Flatten calls expect_dtype"):
        mutate(Flatten, at="expect_dtype")


def test_all_edits_fit_the_library_as_it_is():
    """When a layer is written anew, its mutants have to be as well: none may change text that is not there."""
    for mutant in MUTANTS:
        mutant.make(np.random.default_rng(0))
