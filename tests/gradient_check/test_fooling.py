"""Ways in which checkers are fooled: kinks, ties, zeros, rounding, side effects, exceptions. This one must not be."""

import numpy as np
import pytest

from tinycnn.gradient_check import gradcheck
from tinycnn.gradient_check.finite_differences import FiniteDifferences
from tinycnn.gradient_check.object_under_test import ObjectUnderTest
from tinycnn.gradient_check.step_sizes import sweep_step_sizes
from tinycnn.layers import Conv2d, Dropout, Layer, Linear, MaxPool2d, Parameter, ReLU, Sequential


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


class Function:
    """y = f(x), dx = dy * g(x), for any two elementwise functions."""

    def __init__(self, f, g):
        self.f, self.g = f, g

    def forward(self, x):
        self.x = x
        return self.f(x)

    def backward(self, dy):
        return dy * self.g(self.x)


# --- nothing checked is not ok ---


def test_a_dy_of_zeros_proves_nothing():
    report = gradcheck(ReLU(), numbers(3, 4), dy=np.zeros((3, 4)))
    assert not report.ok and report["x"].verdict == "nothing"
    assert "NOT CHECKED" in str(report)


def test_a_relu_at_exactly_zero_proves_nothing():
    report = gradcheck(ReLU(), np.zeros((3, 4)))
    assert not report.ok and report["x"].verdict == "kink"
    assert report["x"].excluded == 12 and "12 of 12 elements left out: at a kink (ReLU at [0, 0]" in str(report)


def test_a_network_that_is_dead_proves_nothing():
    network = Sequential(Linear(4, 3), ReLU())
    network["fc1"].b.value -= 100
    report = gradcheck(network, numbers(5, 4))
    assert not report.ok and {t.verdict for t in report.tensors} == {"nothing"}


def test_no_tensor_at_all_is_not_ok():
    report = gradcheck((lambda n: float(n) * np.ones(3), lambda dy, n: None), np.arange(3).sum())
    assert not report.ok and report.tensors == []


# --- kinks and ties ---


def test_elements_at_a_kink_are_left_out_and_the_rest_is_checked():
    x = numbers(4, 5)
    x[1, 2] = x[3, 0] = 0.0
    report = gradcheck(ReLU(), x)
    assert report.ok and report["x"].excluded == 2
    assert "2 of 20 elements left out: at a kink (ReLU at [1, 2], ...)" in str(report)


def test_ties_in_a_pool_are_left_out_and_named():
    x = np.arange(2 * 4 * 4 * 1, dtype=float).reshape(2, 4, 4, 1)
    x[0, :2, :2] = 7.0
    report = gradcheck(MaxPool2d(2), x)
    assert report.ok and report["x"].excluded == 4
    assert "MaxPool2d at [0, 0, 0, 0]" in str(report)


def test_kinks_inside_a_network_are_reported_by_layer():
    rng = np.random.default_rng(0)
    network = Sequential(Linear(4, 6, rng=rng), ReLU(), Linear(6, 3, rng=rng))
    network["fc1"].b.value[:] = 0.3
    x = numbers(5, 4)
    x[2] = -0.3 * np.linalg.pinv(network["fc1"].w.value.T.astype(float))[:, 0] / 1  # one unit ends near its kink
    report = gradcheck(network, x, only="fc1.w")
    assert report.ok
    crossed = [str(kink) for sweep in report["fc1.w"].sweeps for kinks in sweep.crossings for kink in kinks]
    assert crossed and all(kink.startswith("relu1 at [") for kink in crossed)


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0, 7.0])
def test_a_kink_of_an_unknown_layer_is_seen_by_its_shape(slope):
    """At x = 0, |x| has no slope: no gradient there is right or wrong, not even the mean of both sides."""
    layer = Function(np.abs, lambda x: np.where(x == 0, slope, np.sign(x)))
    report = gradcheck(layer, np.zeros((2, 3)), invariants=False)
    assert not report.ok and report["x"].verdict == "kink" and report["x"].excluded == 6


def test_a_kink_nearby_is_no_excuse():
    """Right below the distance of the kink: small steps see no kink, and there the gradient must be right."""
    x = np.array([[1e-5, -1e-5, 2.0, -3.0]])
    assert gradcheck(Function(np.abs, np.sign), x).ok
    wrong = Function(np.abs, lambda x: np.where(abs(x) < 1e-4, 0.0, np.sign(x)))
    assert gradcheck(wrong, x, invariants=False)["x"].verdict == "wrong"


# --- step sizes ---


def sweep_of(f, g, x, seed=0):
    rng = np.random.default_rng(seed)
    under_test = ObjectUnderTest(Function(f, g), (x,), rng)
    # Positive numbers: nothing cancels in the sum, so its relative error is that of its terms.
    differences = FiniteDifferences(under_test, [rng.uniform(0.5, 1.5, x.shape)])
    return sweep_step_sizes(differences, {"x": rng.uniform(0.5, 1.5, x.shape)}, "all")


def test_a_right_gradient_falls_with_the_square_of_h_and_rises_with_its_inverse():
    sweep = sweep_of(np.tanh, lambda x: 1 - np.tanh(x) ** 2, numbers(3, 4))
    assert sweep.verdict == "ok"
    h, e = sweep.h, sweep.errors
    large = (h >= 1e-4) & (h <= 1e-2)
    assert np.polyfit(np.log(h[large]), np.log(e[large]), 1)[0] == pytest.approx(2, abs=0.1)
    small = h <= 1e-6
    assert np.polyfit(np.log(h[small]), np.log(e[small]), 1)[0] == pytest.approx(-1, abs=0.5)
    assert sweep.error < 1e-10


@pytest.mark.parametrize("error", [1.0, 1e-3, 1e-6, 1e-8])
def test_a_wrong_gradient_is_flat_however_small_the_mistake(error):
    sweep = sweep_of(np.tanh, lambda x: (1 + error) * (1 - np.tanh(x) ** 2), numbers(3, 4))
    assert sweep.verdict == "wrong"
    assert sweep.error == pytest.approx(error / (1 + error), rel=0.02)


def test_an_estimate_knows_how_well_it_is_known():
    """The true slope lies within the uncertainty, for functions easy and hard."""
    for f, g in ((np.exp, np.exp), (np.sin, np.cos), (lambda x: x**5, lambda x: 5 * x**4),
                 (lambda x: np.sin(30 * x), lambda x: 30 * np.cos(30 * x))):
        for seed in range(20):
            sweep = sweep_of(f, g, numbers(3, 4, seed=seed), seed)
            assert sweep.verdict == "ok"
            assert abs(sweep.analytic - sweep.estimate) <= 10 * sweep.uncertainty + 1e-10 * sweep.size


def test_a_forward_in_float32_is_unclear_not_ok():
    layer = Function(lambda x: np.tanh(x.astype(np.float32)).astype(x.dtype), lambda x: 1 - np.tanh(x) ** 2)
    report = gradcheck(layer, numbers(3, 4), invariants=False)
    assert not report.ok and report["x"].verdict == "unclear"
    assert "forward computes in float32" in str(report)


def test_a_noisy_forward_is_unclear_not_ok():
    """Every value is right to four digits: no step size is good enough for a verdict."""
    layer = Function(lambda x: x**2 + 1e-4 * np.sin(1e12 * x), lambda x: 2 * x)
    assert not gradcheck(layer, numbers(3, 4), invariants=False).ok


def test_a_mistake_in_one_element_of_many_is_found():
    def backward(dy, x):
        dx = dy.copy()
        dx[7, 31] *= 1 + 1e-6
        return dx

    report = gradcheck((lambda x: x.copy(), backward), numbers(20, 50), invariants=False)
    assert report["x"].verdict == "wrong"


def test_biases_that_start_at_zero_are_moved_away_from_it():
    class SquareBias(Layer):
        def __init__(self):
            self.b = Parameter(np.zeros(3))

        def forward(self, x):
            self.remember(x)
            return x + self.b.value**2

        def backward(self, dy):
            self.recall()
            self.b.grad = 0 * dy.sum(axis=0)  # right at b = 0, and only there
            return dy

    report = gradcheck(SquareBias(), numbers(4, 3))
    assert report["b"].verdict == "wrong"


# --- the original stays as it is ---


def state(obj):
    """Everything that could have changed, as bytes."""
    found = {}
    for name, parameter in obj.parameters().items():
        found[name] = id(parameter.value), parameter.value.tobytes(), str(parameter.value.dtype), id(parameter.grad)
    return found


def test_the_original_and_the_inputs_come_back_exactly_as_they_were():
    rng = np.random.default_rng(0)
    network = Sequential(Conv2d(2, 3, 3, rng=rng), ReLU(), Dropout(0.4, rng=np.random.default_rng(5)))
    x = numbers(2, 5, 5, 2).astype(np.float32)
    network.backward(network.forward(x))
    network.forward(x)
    before, generator = state(network), network[2].rng.bit_generator.state
    memory, pixels = network[1]._memory, x.tobytes()
    gradcheck(network, x)
    assert state(network) == before and x.tobytes() == pixels
    assert network[2].rng.bit_generator.state == generator
    assert network[1]._memory is memory  # even a forward that still waits for its backward


@pytest.mark.parametrize("fails_at", range(0, 60, 7))
def test_an_exception_in_forward_leaves_no_trace(fails_at):
    class Fragile(Linear):
        calls = [0]

        def forward(self, x):
            self.calls[0] += 1
            if self.calls[0] > fails_at:
                raise RuntimeError("out of luck")
            return super().forward(x)

    layer, x = Fragile(4, 3), numbers(5, 4)
    Fragile.calls[0] = 0
    before, pixels = state(layer), x.tobytes()
    with pytest.raises(RuntimeError, match="out of luck"):
        gradcheck(layer, x, invariants=False)
    assert state(layer) == before and x.tobytes() == pixels


def test_labels_are_not_handed_out_for_writing():
    def forward(scores, labels):
        picked = scores[np.arange(len(labels)), labels]
        labels[:] = 0
        return picked

    def backward(dy, scores, labels):
        dscores = np.zeros_like(scores)
        dscores[np.arange(len(dy)), 1] = dy
        return dscores

    labels = np.array([1, 1, 1])
    report = gradcheck((forward, backward), numbers(3, 4), labels)
    assert labels.tolist() == [1, 1, 1]
    assert [c.words for c in report.checks if c.verdict == "broken"] == ["forward writes into its input labels"]


def test_the_same_seed_gives_the_same_report():
    layer, x = Conv2d(2, 3, 3), numbers(2, 5, 4, 2)
    assert str(gradcheck(layer, x, seed=3)) == str(gradcheck(layer, x, seed=3))
    assert str(gradcheck(layer, x, seed=3)) != str(gradcheck(layer, x, seed=4))


def test_a_thing_that_cannot_be_copied_says_so():
    class WithFile(Linear):
        def __init__(self):
            super().__init__(4, 3)
            self.file = open(__file__)  # noqa: SIM115

    layer = WithFile()
    try:
        with pytest.raises(TypeError, match="gradcheck works on a copy"):
            gradcheck(layer, numbers(5, 4))
    finally:
        layer.file.close()
