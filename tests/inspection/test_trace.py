"""The numbers of a trace against a plain training step taken by hand, and each planted fault found in words."""

import json

import numpy as np
import pytest
from inspection.looks import drawn, network, pictures, unchanged

import tinycnn as tc
from tinycnn.backend import to_numpy
from tinycnn.inspection import trace
from tinycnn.inspection.taps import batch_of
from tinycnn.layers import AvgPool2d, Conv2d, Dropout, Flatten, Linear, LocalResponseNorm, MaxPool2d, ReLU, Sequential
from tinycnn.models.localizer import Localizer


def traced(model, samples=None, **options):
    samples = samples or pictures()
    return trace(model, samples.images, samples.labels, samples.boxes, **options)


def plain_step(model, optimizer, samples, loss):
    x, labels, targets = batch_of(model, samples.images, samples.labels, samples.boxes)
    value = float(loss.forward(model.forward(x), (labels, targets)))
    model.backward(*loss.backward())
    before = {name: to_numpy(p.value).astype(np.float64) for name, p in model.parameters().items()}
    grads = {name: to_numpy(p.grad).astype(np.float64) for name, p in model.parameters().items()}
    optimizer.step()
    return value, before, grads


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_the_numbers_are_those_of_a_plain_step(device, kind):
    samples, loss = pictures(), tc.MultiTaskLoss(0.5, 2.0)
    model = network().to(device)
    optimizer = getattr(tc.optim, kind)(model, lr=0.02)
    plain_step(model, optimizer, samples, loss)  # so that the optimizer has a state
    seen = unchanged(model, lambda: traced(model, samples, loss=loss, optimizer=optimizer))
    assert optimizer.steps == 1
    value, before, grads = plain_step(model, optimizer, samples, loss)
    assert seen.losses["loss"] == pytest.approx(value, rel=1e-6)
    assert seen.losses["box loss"] == pytest.approx(float(loss.terms["box"]), rel=1e-6)
    assert [p.name for p in seen.parameters] == list(model.parameters())
    for p in seen.parameters:
        parameter = model.parameters()[p.name]
        assert p.gradient_norm == pytest.approx(np.linalg.norm(grads[p.name]), rel=1e-6)
        update = np.linalg.norm(to_numpy(parameter.value) - before[p.name])
        assert p.update_norm == pytest.approx(update, rel=1e-5)
        assert p.norm == pytest.approx(np.linalg.norm(before[p.name]), rel=1e-6)
        assert p.ratio == pytest.approx(update / np.linalg.norm(before[p.name]), rel=1e-5)


def test_outputs_and_gradients_layer_by_layer():
    samples, model = pictures(5), network()
    seen = traced(model, samples)
    x, labels, targets = batch_of(model, samples.images, samples.labels, samples.boxes)
    y, outputs = x, {}
    for name, layer in model.trunk.children().items():
        y = outputs[name] = layer.forward(y)
    loss = tc.MultiTaskLoss()
    loss.forward((model.class_head.forward(y), model.box_head.forward(y)), (labels, targets))
    dscores, dboxes = loss.backward()
    dy = model.class_head.backward(dscores) + model.box_head.backward(dboxes)
    for name, layer in reversed(model.trunk.children().items()):
        a, y = seen.layer(name), outputs[name].astype(np.float64)
        assert a.name == f"trunk.{name}" and a.output.shape == y.shape and a.bytes == outputs[name].nbytes
        assert a.output.mean == pytest.approx(y.mean(), abs=1e-6) and a.output.std == pytest.approx(y.std(), rel=1e-6)
        assert a.output.zeros == (y == 0).mean() and a.output.norm == pytest.approx(np.linalg.norm(y), rel=1e-6)
        assert a.output.quantiles[3] == pytest.approx(np.median(y), abs=1e-6)
        assert a.gradient.shape == dy.shape and a.gradient.zeros == (dy == 0).mean()
        assert a.gradient.norm == pytest.approx(np.linalg.norm(dy.astype(np.float64)), rel=1e-5)
        sizes = np.abs(dy[dy != 0])
        assert a.gradient.sizes[3] == pytest.approx(np.median(sizes), rel=1e-5)
        dy = layer.backward(dy)


def test_nothing_of_the_model_changes_in_the_middle_of_a_step(device):
    model = network(dropout=0.5).to(device).eval()
    x, _, _ = batch_of(model, pictures(3).images, pictures(3).labels, pictures(3).boxes)
    model.backward(*model.forward(x))
    outputs = model.forward(x)  # a forward that still waits for its backward
    optimizer = tc.optim.SGD(model)
    optimizer.step()
    velocity = {name: to_numpy(a).copy() for name, a in optimizer.state_arrays().items()}
    loss = tc.MultiTaskLoss()
    unchanged(model, lambda: traced(model, optimizer=optimizer, loss=loss))
    assert optimizer.steps == 1 and optimizer.model is model and loss.terms == {}
    for name, array in optimizer.state_arrays().items():
        np.testing.assert_array_equal(to_numpy(array), velocity[name])
    model.backward(*outputs)


def test_the_model_is_whole_after_an_error():
    model = network(dropout=0.5)
    def fails():
        with pytest.raises(tc.TinyCNNError, match="label 7"):
            trace(model, pictures(2).images, [0, 7], pictures(2).boxes)
    unchanged(model, fails)


def test_the_seed_decides_the_masks():
    model = network(dropout=0.5)
    one, again, other = (traced(model, seed=seed) for seed in (0, 0, 1))
    assert one.losses == again.losses != other.losses
    assert one.layer("dropout1").output.zeros > one.layer("relu3").output.zeros
    assert one.layer("dropout1").dead == 0


def test_dead_units_are_counted_where_they_die_and_named_after_the_layer_that_kills_them():
    model = network()
    model.trunk["conv2"].b.value[:4] = -1e3
    seen = traced(model)
    assert [(a.name, a.dead) for a in seen.layers if a.name.startswith("trunk.relu2")] == [("trunk.relu2", 4)]
    assert seen.layer("flatten1").dead == seen.layer("pool2").dead == 0
    (words,) = [text for text in seen.findings if "never active" in text]
    assert words.startswith("conv2: 67 % of its 6 units are never active (relu2 ")


def test_a_rate_that_is_too_high_or_too_low_is_named():
    model = network()
    for lr, words in ((100.0, "rate too high"), (1e-6, "rate too low")):
        (finding,) = traced(model, optimizer=tc.optim.SGD(model, lr=lr)).findings
        assert finding.startswith("updates ") and finding.endswith(words) or words in finding
        assert "conv1.w" in finding
    assert traced(model, optimizer=tc.optim.SGD(model, lr=0.01)).findings == ()
    assert "Nothing unusual" in str(traced(model))


def test_a_loss_weight_of_zero_starves_a_head():
    findings = traced(network(), loss=tc.MultiTaskLoss(1.0, 0.0)).findings
    assert any(text.startswith("box_head.w, box_head.b: the gradient is exactly 0") for text in findings)
    assert not any(text.startswith("class_head") for text in findings)


def test_infinities_are_reported_once_and_where_they_begin():
    model = network()
    model.trunk["conv2"].w.value[0, 0, 0, 0] = np.inf
    with np.errstate(all="ignore"):
        (finding,) = traced(model).findings
    assert finding.startswith("conv2: its output holds NaN or infinity")


def test_gradients_that_fade_and_outputs_that_are_loud():
    model = network()
    model.trunk["fc1"].w.value *= 1e-6
    findings = traced(model).findings
    assert any(text.startswith("flatten1: the gradient fades") for text in findings)
    assert any(text.startswith("fc1: outputs hardly differ") for text in findings)
    model = network()
    model.trunk["conv1"].w.value *= 1e5
    assert any(text.startswith("conv1: outputs are very large") for text in traced(model).findings)


def test_networks_of_other_shapes(device):
    """AlexNet's kinds of layers, no parameter in front, one box per class, and a trunk inside a trunk."""
    rng = np.random.default_rng(0)
    front = Sequential(Conv2d(3, 4, 5, stride=2, rng=rng), ReLU(), LocalResponseNorm(3), MaxPool2d(3, stride=2))
    grouped = Conv2d(4, 4, 3, padding=1, groups=2, bias=False, rng=rng)
    trunk = Sequential(AvgPool2d(2), front, grouped, ReLU(), Flatten(),
                       Linear(4, 6, rng=rng), ReLU(), Dropout(0.5), input_shape=(20, 20, 3))
    model = Localizer(trunk, Linear(6, 3, rng=rng), Linear(6, 12, rng=rng), ("a", "b", "c"), 20, per_class_boxes=True)
    seen = unchanged(model.to(device), lambda: traced(model))
    assert seen.layer("pool1").gradient is None  # nobody needs it
    assert seen.layer("sequential1.conv1").gradient.norm > 0
    assert len(str(seen).splitlines()) >= len(seen.layers) + 3
    assert seen.layer("box_head").output.shape == (12, 12)


def test_an_optimizer_of_another_model_is_refused():
    with pytest.raises(ValueError, match="made for another model"):
        traced(network(), optimizer=tc.optim.SGD(network()))


def test_to_dict_is_json_and_the_figure_draws_every_case():
    model = network()
    healthy = traced(model)
    again = json.loads(json.dumps(healthy.to_dict(), allow_nan=False))
    assert again["parameters"][0]["name"] == "trunk.conv1.w" and again["images"] == 12
    model.trunk["conv2"].w.value[:] = np.inf
    with np.errstate(all="ignore"):
        broken = traced(model)
    json.dumps(broken.to_dict(), allow_nan=False)
    pytest.importorskip("matplotlib")
    for seen in (healthy, broken):
        drawn(seen.plot())


def test_lists_of_pictures_of_any_size():
    images = [np.random.default_rng(i).integers(0, 256, (10 + i, 20, 3), dtype=np.uint8) for i in range(3)]
    seen = trace(network(), images, [0, 1, 2], [[1, 1, 8, 8]] * 3)
    assert seen.images == 3 and seen.layers[0].output.shape == (3, 16, 16, 4)
