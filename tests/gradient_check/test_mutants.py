"""Every planted mistake is caught, and called by its name."""

import numpy as np
import pytest
from mutants import MUTANTS, caught_by, plain

from tinycnn.gradient_check import gradcheck
from tinycnn.gradient_check.catalog import cases


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
    report = mutant.check(seed=0)
    assert not report.ok
    assert caught_by(report)
    if mutant.family is not None:
        assert mutant.family in report.families, f"{mutant.words}\n{report}"


def test_there_are_mutants_of_everything():
    assert len(MUTANTS) >= 60
    assert {mutant.layer for mutant in MUTANTS} >= {
        "Conv2d", "MaxPool2d", "AvgPool2d", "Linear", "ReLU", "Dropout", "Flatten", "LocalResponseNorm",
        "SoftmaxCrossEntropy", "L2Loss", "MultiTaskLoss", "Localizer", "Sequential"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 3))
def test_mutants_are_caught_and_named_whatever_the_seed(seed):
    for mutant in MUTANTS:
        report = mutant.check(seed)
        assert not report.ok and (mutant.family is None or mutant.family in report.families), \
            f"{mutant.words}, seed {seed}\n{report}"


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


CONTROLS = {
    "Conv2d(2, 3, 3, padding=1)": lambda: plain.PlainConv(2, 3, 3, padding=1),
    "Conv2d(2, 3, 3, stride=2, padding=1)": lambda: plain.PlainConv(2, 3, 3, stride=2, padding=1),
    "Conv2d(6, 4, 3, padding=1, groups=2)": lambda: plain.PlainGroupedConv(6, 4, 3, padding=1, groups=2),
    "Linear(6, 4)": lambda: plain.PlainLinear(6, 4),
    "ReLU()": plain.PlainReLU,
    "Dropout(0.4)": lambda: plain.PlainDropout(0.4),
    "Flatten()": plain.PlainFlatten,
    "MaxPool2d(3, stride=2, padding=1)": lambda: plain.PlainMaxPool(3, stride=2, padding=1),
    "AvgPool2d(3, stride=2, padding=1)": lambda: plain.PlainAvgPool(3, stride=2, padding=1),
    "AvgPool2d(3, stride=2, padding=1, ceil_mode=True)":
        lambda: plain.PlainAvgPool(3, stride=2, padding=1, count_include_pad=False),
    "LocalResponseNorm(4, alpha=0.5, beta=0.75, k=1.0, divide_alpha=False)":
        lambda: plain.PlainNorm(4, alpha=0.5, divide_alpha=False),
    "SoftmaxCrossEntropy": plain.PlainCrossEntropy,
    "L2Loss with a mask": plain.PlainL2,
    "MultiTaskLoss, one box per class": lambda: plain.PlainMultiTask(0.7, 1.9),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_what_mutants_are_made_from_is_right(name):
    """Otherwise a mutant could be caught for another mistake than its own."""
    inputs = {case: inputs for case, _, inputs in cases(0)}[name]
    report = gradcheck(CONTROLS[name](), *inputs, title=name)
    assert report.ok, report


def test_the_localizer_that_mutants_are_made_from_is_right():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 8, 8, 3), dtype=np.float32)
    report = gradcheck(plain.PlainLocalizer(rng), x, mode="directional")
    assert report.ok, report
