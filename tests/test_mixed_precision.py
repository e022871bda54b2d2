"""float16 to compute, float32 to keep: what is computed, the rule of the loss scale, and where it is refused.

No GPU has run it: the arithmetic is tested on the simulated device.
"""

import numpy as np
import pytest
from test_steering import SMALL, samples

import tinycnn as tc
from tinycnn.backend import to_device, to_numpy
from tinycnn.errors import DeviceError
from tinycnn.layers import BatchNorm2d, Linear, LocalResponseNorm, Sequential
from tinycnn.mixed_precision import GradScaler, _Scaled, half_weights, mixed
from tinycnn.optim import SGD, Adam, constant
from tinycnn.tasks import task_of


def model(**options):
    return tc.models.localizer(**SMALL | options).to("simulated")


def train(mixed_precision, epochs=2, **options):
    net, losses = model(dropout=0.2), []
    optimizer = Adam(net, lr=3e-3)
    tc.fit(net, samples(), samples(6), epochs=epochs, batch_size=8, optimizer=optimizer, progress=False,
           schedule=constant(), mixed_precision=mixed_precision,
           on_step=lambda what, _: losses.append(float(what["loss"])), **options)
    return net, losses, optimizer


def test_training_in_float16_follows_that_in_float32_and_keeps_float32():
    net, losses, optimizer = train(True)
    _, expected, _ = train(False)
    assert optimizer.steps == len(losses) == 6
    np.testing.assert_allclose(losses, expected, rtol=2e-3)
    assert losses != expected
    for held in net.parameters().values():
        assert held.value.dtype == np.float32
    assert all(array.dtype == np.float32 for pair in optimizer.state.values() for array in pair)


def test_forward_and_backward_compute_in_float16_and_the_scale_goes_out_again():
    net = model()
    task, _ = mixed(task_of(net), SGD(net, lr=0.1))
    images = samples(4).images
    inside, forward = [], net.forward
    vars(net)["forward"] = lambda x: inside.append((net.trunk["fc1"].w.value.dtype, x.dtype)) or forward(x)
    scores, boxes = task.forward(images)
    del vars(net)["forward"]
    assert inside == [(np.float16, np.float16)] and scores.dtype == boxes.dtype == np.float32
    assert net.trunk["fc1"].w.value.dtype == np.float32  # also where backward never comes
    rng = np.random.default_rng(0)
    dy = [to_device(rng.standard_normal(a.shape, dtype=np.float32) / 1e3, "simulated") for a in (scores, boxes)]
    task.backward(dy, "loss")
    found = {name: to_numpy(p.grad) for name, p in net.parameters().items()}
    net.forward(net.normalize(to_device(images, "simulated")))
    net.backward(*dy)
    for name, parameter in net.parameters().items():
        expected = to_numpy(parameter.grad)
        assert found[name].dtype == np.float32
        assert np.abs(found[name] - expected).max() < 5e-3 * np.abs(expected).max(), name


def test_small_gradients_would_be_nothing_without_the_scale():
    """1e-9 is 0 in float16; times 65,536 it is not."""
    net = model()
    task, _ = mixed(task_of(net), SGD(net, lr=0.1))
    for scale in (2.0**16, 1.0):
        task.scaler.scale = scale
        scores, boxes = task.forward(samples(4).images)
        task.backward((scores * 0 + 1e-9, boxes * 0), "loss")
        assert bool((net.class_head.b.grad != 0).all()) == (scale > 1)


def test_layers_that_square_compute_in_float32():
    net = Sequential(LocalResponseNorm(3), BatchNorm2d(4)).to("simulated")
    x = to_device(np.full((2, 3, 3, 4), 300, np.float16) * np.arange(1, 5, dtype=np.float16), "simulated")
    x[0] *= 0.5
    with half_weights(net):
        y = net.forward(x)
        dx = net.backward(y)
    assert y.dtype == dx.dtype == np.float16 and bool(abs(y).max() < 10)
    expected = net.forward(x.astype(np.float32))
    np.testing.assert_allclose(to_numpy(y).astype("f"), to_numpy(expected), atol=2e-2)
    assert net["norm2"].w.value.dtype == np.float32 and not {"forward", "backward"} & set(vars(net["norm2"]))


# --- the loss scale ---


@pytest.mark.parametrize("flags", ["....", "x....x..", "xx.x...", "...........x....."])
def test_the_scale_follows_the_rule_of_pytorch(flags):
    """The same steps, x with an infinite gradient, give the same scale, and the same steps are left out."""
    torch = pytest.importorskip("torch", reason="pip install torch")
    theirs = torch.amp.GradScaler("cpu", init_scale=64.0, growth_interval=3)
    weight = torch.nn.Parameter(torch.ones(2))
    their_optimizer = torch.optim.SGD([weight], lr=0.5)
    ours, layer = GradScaler(init_scale=64.0, growth_interval=3), Linear(2, 1, bias=False)
    layer.w.value[...] = 1
    scaled = _Scaled(SGD(layer, lr=0.5, momentum=0.0), ours)
    for flag in flags:
        grad = np.array([0.25, np.inf if flag == "x" else 0.5], np.float32)
        their_optimizer.zero_grad()
        theirs.scale((weight * torch.from_numpy(grad)).sum()).backward()
        theirs.step(their_optimizer)
        theirs.update()
        layer.w.grad = grad.reshape(2, 1).copy()
        scaled.step()
        assert ours.scale == theirs.get_scale()
        np.testing.assert_array_equal(layer.w.value.ravel(), weight.detach().numpy())
    assert ours.skipped == flags.count("x") and scaled.steps == flags.count(".")


def test_a_step_that_overflows_is_left_out_and_halves_the_scale(monkeypatch):
    monkeypatch.setattr(GradScaler.__init__, "__defaults__", (2.0**22, 2.0, 0.5, 2000))
    _, losses, optimizer = train(True)
    assert 0 < optimizer.steps < len(losses) and np.isfinite(losses).all()


def test_the_scale_goes_on_where_it_was(tmp_path):
    """A run in two parts ends with the bits of one: the scale and its counter are in the checkpoint."""
    whole, _, _ = train(True, epochs=4, out=tmp_path / "whole")
    train(True, epochs=2, out=tmp_path / "parts")
    resumed, _, _ = train(True, epochs=4, out=tmp_path / "parts", resume=True)
    for name, parameter in whole.parameters().items():
        np.testing.assert_array_equal(to_numpy(parameter.value), to_numpy(resumed.parameters()[name].value))


# --- where it is refused ---


def test_on_a_cpu_it_is_refused_in_a_sentence():
    with pytest.raises(DeviceError, match="on the CPU float16 is slower than float32"):
        tc.fit(tc.models.localizer(**SMALL), samples(), progress=False, mixed_precision=True)


def test_weights_of_another_dtype_are_refused():
    with pytest.raises(DeviceError, match="keeps weights in float32, and these are float64"):
        tc.fit(model().astype("float64"), samples(), progress=False, mixed_precision=True)


def test_a_forward_that_fails_gives_the_weights_back():
    net = model()
    task, _ = mixed(task_of(net), SGD(net, lr=0.1))
    with pytest.raises(tc.errors.ShapeError):
        task.forward(samples(2).images[:, :8])
    assert net.trunk["fc1"].w.value.dtype == np.float32
