"""Correct code is never accused: every layer, loss and model of the library, on every device, over many seeds."""

import numpy as np
import pytest
from harness import convolutions, numbers, poolings
from hypothesis import given, settings
from hypothesis import strategies as st
from mutants import right_code

from tinycnn.backend import to_device
from tinycnn.gradient_check import gradcheck
from tinycnn.gradient_check.catalog import cases
from tinycnn.layers import AvgPool2d, Conv2d, MaxPool2d

NAMES = [name for name, _, _ in cases(0)]
MODELS = ("localizer", "residual localizer", "PoseNet", "Sequential")
HEAVY = (*MODELS, "Conv2d(48")


def on(device, tree):
    """The arrays of nested tuples on `device`; labels stay on the host."""
    if isinstance(tree, tuple):
        return tuple(on(device, branch) for branch in tree)
    return to_device(tree, device) if tree.dtype.kind == "f" else tree


@pytest.mark.parametrize("number", [i for i, name in enumerate(NAMES) if not name.startswith(MODELS)],
                         ids=lambda number: NAMES[number])
def test_every_layer_and_loss_is_right_on_every_device(number, device):
    name, obj, inputs = cases(seed=1)[number]
    report = gradcheck(obj.to(device), *on(device, tuple(inputs)), seed=1, title=name)
    assert report.ok, report
    assert {tensor.name for tensor in report.tensors if tensor.role == "parameter"} == set(obj.parameters())
    assert all(np.isfinite(tensor.worst[0]) for tensor in report.tensors)


def test_a_network_is_right_on_every_device(device):
    name, network, inputs = cases(seed=2)[NAMES.index("Sequential")]
    report = gradcheck(network.to(device), *on(device, tuple(inputs)), seed=2, title=name)
    assert report.ok, report
    assert [tensor.name for tensor in report.tensors] == ["x", "conv1.w", "conv1.b", "fc1.w", "fc1.b"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith(MODELS[:3])])
def test_the_models_are_right_on_every_device(name, device):
    _, model, inputs = cases(seed=3)[NAMES.index(name)]
    report = gradcheck(model.to(device), *on(device, tuple(inputs)), seed=3, title=name)
    assert report.ok, report


@pytest.mark.slow
def test_every_case_with_a_seed_of_its_own_without_a_false_alarm():
    for number, name in enumerate(NAMES):  # 200 seeds of each: python -m tests.mutants --right 0:200
        _, obj, inputs = cases(seed := 10 + number)[number]
        report = gradcheck(obj, *inputs, seed=seed, title=name)
        assert report.ok, f"seed {seed}\n{report}"


@pytest.mark.parametrize("condition", list(right_code.CONDITIONS))
def test_hard_numbers_accuse_nobody(condition):
    """Four cases under each condition; all of them: python -m tests.mutants --right 0:200."""
    seed = list(right_code.CONDITIONS).index(condition)
    found = [check for check in right_code.checks(seed, condition) if not check[0].startswith(HEAVY)]
    for name, obj, inputs, _ in found[seed % 9 :: 9]:
        report = gradcheck(obj, *inputs, seed=seed, title=name)
        assert report.verdict != "wrong", report


@pytest.mark.parametrize("name, change", [
    ("HingeLoss of squares", np.round),  # scores exactly at the margin, where the slope has a kink of its own
    ("BatchNorm2d(6)", lambda x: 1e-6 * x),  # nearly linear: the variance is next to nothing beside eps
    ("MaxPool2d(3, stride=2, padding=1)", np.zeros_like),  # jumps at many ties, which may cancel in their sum
])
@pytest.mark.parametrize("seed", [2, 13, 14])
def test_what_was_once_accused(name, change, seed):
    _, obj, (x, *rest) = cases(seed)[NAMES.index(name)]
    report = gradcheck(obj, change(x), *rest, seed=seed)
    assert report.verdict != "wrong", report


def test_a_gradient_of_rounding_alone_has_lost_no_digits():
    """That of a bias before a BatchNorm2d: in float32 it is another number, and nothing beside what cancels in it."""
    found = [check for check in right_code.checks(7, "tiny inputs") if check[0] == "Sequential with BatchNorm2d"]
    for name, obj, inputs, _ in found:
        report = gradcheck(obj, *inputs, seed=7, title=name)
        assert report.verdict != "wrong", report
    assert found


@settings(max_examples=15)
@given(convolutions(), st.integers(0, 1000))
def test_any_convolution_is_right(geometry, seed):
    arguments, shape = geometry
    layer = Conv2d(**arguments, rng=np.random.default_rng(seed))
    report = gradcheck(layer, numbers((max(1, shape[0]), *shape[1:]), seed=seed), mode="directional", seed=seed)
    wrong = [tensor for tensor in report.tensors if tensor.verdict not in ("ok", "nothing")]  # windows of padding alone
    assert not wrong and not [check for check in report.checks if check.verdict == "broken"], report


@settings(max_examples=15)
@given(poolings(), st.sampled_from([MaxPool2d, AvgPool2d]), st.integers(0, 1000))
def test_any_pooling_is_right(geometry, pooling, seed):
    arguments, shape = geometry
    report = gradcheck(pooling(**arguments), numbers((max(1, shape[0]), *shape[1:]), seed=seed), seed=seed)
    assert report.ok, report
