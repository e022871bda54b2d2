"""Optimizers against the formulas written for one number; their blocks and state; clipping and schedules."""

import math

import numpy as np
import pytest
from harness import expect_close, numbers

from tinycnn.backend import to_device, to_numpy
from tinycnn.engine.update import BLOCK
from tinycnn.errors import OrderError
from tinycnn.layers import Layer, Linear, Parameter, Sequential
from tinycnn.optim import SCHEDULES, SGD, Adam, clip_gradients, constant, cosine, steps

SHAPES = {"w": (3, 4, 2), "b": (5,)}


class Weights(Layer):
    """Parameters without a network around them."""

    def __init__(self, dtype="float64", device="cpu", shapes=SHAPES):
        self.dtype, self.there = dtype, device
        for seed, (name, shape) in enumerate(shapes.items()):
            setattr(self, name, Parameter(to_device(numbers(shape, dtype, seed), device)))

    def gradients(self, step):
        """Write random gradients, others at every step."""
        for seed, parameter in enumerate(self.parameters().values()):
            grad = numbers(parameter.value.shape, self.dtype, 100 * step + seed)
            parameter.grad = to_device(grad, self.there)

    def values(self):
        return {name: to_numpy(parameter.value).copy() for name, parameter in self.parameters().items()}


def sgd(w, dw, state, t, lr=0.1, momentum=0.9, decay=0.0):
    """One number, one step, as the formula reads; state is a list of one velocity."""
    state[0] = momentum * state[0] + dw + decay * w
    return w - lr * state[0]


def adam(w, dw, state, t, lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8, decay=0.0):
    state[0] = beta1 * state[0] + (1 - beta1) * dw
    state[1] = beta2 * state[1] + (1 - beta2) * dw**2
    mean, square = state[0] / (1 - beta1**t), state[1] / (1 - beta2**t)
    return w - lr * mean / (math.sqrt(square) + eps) - lr * decay * w


CASES = [
    (SGD, sgd, dict(lr=0.1)),
    (SGD, sgd, dict(lr=0.1, momentum=0.0)),
    (SGD, sgd, dict(lr=0.02, momentum=0.5, weight_decay=0.3)),
    (Adam, adam, dict(lr=0.1)),
    (Adam, adam, dict(lr=0.01, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.2)),
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind, formula, how", CASES)
def test_five_steps_equal_the_formula(device, kind, formula, how, dtype):
    model = Weights(dtype, device)
    optimizer = kind(model, **how)
    names = {"weight_decay": "decay"}
    numbers_of = {names.get(name, name): value for name, value in how.items() if name != "betas"}
    numbers_of |= dict(zip(("beta1", "beta2"), how.get("betas", ()), strict=False))
    expected = {name: value.astype("float64") for name, value in model.values().items()}
    state = {name: [[0.0, 0.0] for _ in range(value.size)] for name, value in expected.items()}
    for t in range(1, 6):
        model.gradients(t)
        for name, parameter in model.parameters().items():
            flat, grad = expected[name].reshape(-1), to_numpy(parameter.grad).reshape(-1)
            for i in range(flat.size):
                flat[i] = formula(flat[i], float(grad[i]), state[name][i], t, **numbers_of)
        grads = {name: parameter.grad for name, parameter in model.parameters().items()}
        before = {name: to_numpy(grad).copy() for name, grad in grads.items()}
        optimizer.step()
        for name, parameter in model.parameters().items():
            expect_close(to_numpy(parameter.value), expected[name], dtype)
            assert to_numpy(parameter.value).dtype == dtype
            np.testing.assert_array_equal(to_numpy(grads[name]), before[name])  # step reads gradients only,
            assert parameter.grad is None  # and uses each up


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_blocks_do_not_show(kind):
    size = 2 * BLOCK + 17
    whole = Weights("float32", shapes={"w": (size,)})
    parts = Weights("float32", shapes={"a": (BLOCK - 3,), "b": (size - BLOCK + 3,)})
    one, two = kind(whole, lr=0.1, weight_decay=0.01), kind(parts, lr=0.1, weight_decay=0.01)
    parts.a.value, parts.b.value = np.split(whole.w.value.copy(), [BLOCK - 3])
    for step in range(3):
        whole.gradients(step)
        parts.a.grad, parts.b.grad = np.split(whole.w.grad, [BLOCK - 3])
        one.step()
        two.step()
    np.testing.assert_array_equal(whole.w.value, np.concatenate([parts.a.value, parts.b.value]))


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_values_and_gradients_may_be_views(device, kind):
    plain, views = Weights(device=device), Weights(device=device)
    for name, shape in SHAPES.items():
        wide = to_device(np.repeat(to_numpy(getattr(plain, name).value), 2, axis=-1), device)
        getattr(views, name).value = wide[..., ::2]
        assert getattr(views, name).value.shape == shape
    one, two = kind(plain, lr=0.1), kind(views, lr=0.1)
    for step in range(2):
        plain.gradients(step)
        for name, parameter in plain.parameters().items():
            getattr(views, name).grad = to_device(np.repeat(to_numpy(parameter.grad), 2, axis=-1), device)[..., ::2]
        one.step()
        two.step()
    for name, value in plain.values().items():
        np.testing.assert_array_equal(views.values()[name], value)


def test_a_parameter_without_a_gradient_stays(device):
    model = Weights(device=device)
    model.gradients(1)
    model.b.grad = None
    before = model.values()
    SGD(model, lr=0.1).step()
    np.testing.assert_array_equal(to_numpy(model.b.value), before["b"])
    assert (to_numpy(model.w.value) != before["w"]).all()


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_a_resumed_run_equals_an_uninterrupted_one(device, kind):
    def run(model, optimizer, first, last):
        for step in range(first, last):
            model.gradients(step)
            optimizer.step()

    whole = Weights(device=device)
    run(whole, kind(whole, lr=0.1), 0, 6)

    model = Weights(device=device)
    optimizer = kind(model, lr=0.1)
    run(model, optimizer, 0, 3)
    saved = {name: to_numpy(array).copy() for name, array in optimizer.state_arrays().items()}
    values = model.values()
    again = Weights(device=device)
    for name, parameter in again.parameters().items():
        parameter.value = to_device(values[name], device)
    resumed = kind(again, lr=0.1)
    resumed.load_state_arrays({name: to_device(array, device) for name, array in saved.items()}, steps=3)
    run(again, resumed, 3, 6)
    for name, value in whole.values().items():
        np.testing.assert_array_equal(again.values()[name], value)


def test_state_has_one_name_for_each_array():
    model = Weights()
    model.gradients(1)
    for optimizer, moments in ((SGD(model), {"velocity"}), (Adam(model), {"mean", "square"})):
        assert optimizer.state_arrays() == {}
        model.gradients(1)
        optimizer.step()
        assert set(optimizer.state_arrays()) == {f"{moment}.{name}" for moment in moments for name in SHAPES}


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize("how", [{"lr": -1}, {"lr": math.nan}, {"weight_decay": -0.1}])
def test_rates_that_cannot_be(kind, how):
    with pytest.raises(ValueError, match="must not be negative"):
        kind(Weights(), **how)


# --- clipping ---


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_clipping_keeps_the_direction_and_limits_the_norm(device, dtype):
    model = Weights(dtype, device)
    model.gradients(1)
    before = np.concatenate([to_numpy(p.grad).ravel() for p in model.parameters().values()])
    norm = float(np.linalg.norm(before))
    returned = to_numpy(clip_gradients(model, norm / 4))
    assert returned.shape == () and returned.dtype == dtype
    assert float(returned) == pytest.approx(norm, rel=1e-6)
    after = np.concatenate([to_numpy(p.grad).ravel() for p in model.parameters().values()])
    assert after.dtype == dtype
    np.testing.assert_allclose(after, before / 4, rtol=1e-5)


def test_small_gradients_are_not_clipped(device):
    model = Weights(device=device)
    model.gradients(1)
    before = to_numpy(model.w.grad).copy()
    clip_gradients(model, 1e6)
    np.testing.assert_array_equal(to_numpy(model.w.grad), before)


def test_clipping_counts_only_gradients_that_exist(device):
    model = Weights(device=device)
    model.gradients(1)
    model.w.grad = None
    norm = float(to_numpy(clip_gradients(model, 1e6)))
    assert norm == pytest.approx(float(np.linalg.norm(to_numpy(model.b.grad))))


# --- schedules ---


def test_constant():
    assert {constant()(progress) for progress in (0, 0.3, 1)} == {1.0}


def test_steps():
    schedule = steps(at=(0.5, 0.75), factor=0.1)
    assert [schedule(p) for p in (0, 0.49, 0.5, 0.74, 0.75, 1)] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_cosine_rises_then_falls():
    schedule = cosine(warmup=0.1, final=0.2)
    assert 0 < schedule(0) < 0.05  # the first step is small, but a step
    rising, falling = [schedule(p) for p in np.linspace(0, 0.0999, 20)], [schedule(p) for p in np.linspace(0.1, 1, 50)]
    assert rising == sorted(rising) and falling == sorted(falling, reverse=True)
    assert schedule(0.1) == pytest.approx(1) and schedule(0.55) == pytest.approx(0.6)  # half way down from 1 to .2
    assert schedule(1) == pytest.approx(0.2) and schedule(1.5) == pytest.approx(0.2)
    assert rising[-1] == pytest.approx(1, abs=0.01)  # no jump where the line meets the cosine


def test_cosine_without_warmup_starts_at_the_full_rate():
    assert cosine(warmup=0)(0) == 1


def test_every_schedule_has_a_name():
    for make in SCHEDULES.values():
        assert 0 < make()(0.5) <= 1


def test_clipping_before_backward_says_so():
    with pytest.raises(OrderError, match="no gradients yet. Call backward first"):
        clip_gradients(Weights("float32"), 1.0)


# --- parts of a model ---


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_rates_are_factors_for_parts_of_the_model(device, kind):
    """A part at a tenth of the rate moves as one of an optimizer whose rate is a tenth; the longest name counts."""
    one, tenth, rated = (Weights(device=device) for _ in range(3))
    optimizers = [kind(one, lr=0.1, weight_decay=0.2), kind(tenth, lr=0.01, weight_decay=0.2),
                  kind(rated, lr=0.1, weight_decay=0.2, rates={"w": 0.1})]  # fmt: skip
    for step in range(3):
        for weights, optimizer in zip((one, tenth, rated), optimizers, strict=True):
            weights.gradients(step)
            optimizer.step()
    np.testing.assert_allclose(rated.values()["w"], tenth.values()["w"], rtol=1e-12)
    np.testing.assert_array_equal(rated.values()["b"], one.values()["b"])
    assert "rates={'w': 0.1}" in repr(optimizers[2]) and "rates" not in repr(optimizers[0])


def test_the_longest_name_of_a_part_counts_and_names_are_whole():
    model = Sequential(fc1=Linear(2, 2), fc12=Linear(2, 2))
    optimizer = SGD(model, lr=1.0, momentum=0.0, rates={"fc1": 0.5, "fc1.b": 0.0})
    before = {name: p.value.copy() for name, p in model.parameters().items()}
    for parameter in model.parameters().values():
        parameter.grad = np.ones_like(parameter.value)
    optimizer.step()
    moved = {name: float((before[name] - p.value).max()) for name, p in model.parameters().items()}
    assert moved == pytest.approx({"fc1.w": 0.5, "fc1.b": 0.0, "fc12.w": 1.0, "fc12.b": 1.0}, rel=1e-6)


@pytest.mark.parametrize("rates", [{"trunk": 0.1}, {"w": -1}, {"w": float("nan")}])
def test_rates_of_parts_that_are_not_there(rates):
    with pytest.raises(ValueError, match="Its parameters are called w, b"):
        Adam(Weights(), rates=rates)
