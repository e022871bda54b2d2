"""The residual localizer: its shapes and size, its gradients, its file, and answers that a mirror does not change."""

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.backend import to_device, to_numpy
from tinycnn.errors import ShapeError
from tinycnn.inspection import diagnose
from tinycnn.layers import BatchNorm2d, Conv2d

SMALL = dict(num_classes=3, image_size=16, channels=(6, 8), hidden=10, seed=1)


def small(**changed):
    """A small model whose normalizations have seen a batch, so that running averages are not 0 and 1."""
    model = tc.models.resnet_localizer(**SMALL | changed)
    for _ in range(3):
        model.forward(model.normalize(pictures(20)))
    model.set_box_statistics(np.random.default_rng(0).random((50, 4)) * [0.2, 0.3, 0.1, 0.2] + [0.5, 0.4, 0.3, 0.2])
    return model.eval()


def pictures(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 16, 16, 3), dtype=np.uint8)


def test_it_is_small_and_deep():
    model = tc.models.resnet_localizer()
    assert sum(p.value.size for p in model.parameters().values()) == 1_282_926  # as many as PyTorch counts
    assert model.trunk.output_shape((64, 64, 3)) == (4, 4, 192)
    layers = [layer for _, layer in model.layers()]
    assert sum(type(layer) is Conv2d for layer in layers) == sum(type(layer) is BatchNorm2d for layer in layers) == 13
    assert all(layer.b is None for layer in layers if type(layer) is Conv2d)


@pytest.mark.parametrize("per_class", [False, True])
def test_forward_and_backward(device, per_class):
    model = tc.models.resnet_localizer(**SMALL, per_class_boxes=per_class).to(device)
    scores, boxes = model.forward(model.normalize(to_device(pictures(5), device)))
    assert scores.shape == (5, 3) and boxes.shape == ((5, 3, 4) if per_class else (5, 4))
    dx = model.backward(scores, boxes, input_gradient=True)
    assert dx.shape == (5, 16, 16, 3)
    for name, parameter in model.parameters().items():
        assert parameter.grad.shape == parameter.value.shape, name


@pytest.mark.slow
def test_its_gradients_are_right():
    model = tc.models.resnet_localizer(3, image_size=8, channels=(3, 4), hidden=6, dropout=0.0, seed=1)
    assert tc.gradcheck(model, np.random.default_rng(3).standard_normal((3, 8, 8, 3)), mode="directional").ok


def test_too_small_pictures_and_odd_sizes():
    with pytest.raises(ShapeError, match="too small for 4 blocks"):
        tc.models.resnet_localizer(image_size=16)
    assert tc.models.resnet_localizer(image_size=50).trunk.output_shape((50, 50, 3)) == (4, 4, 192)


@pytest.mark.parametrize("per_class", [False, True])
def test_a_mirror_changes_the_box_and_nothing_else(device, per_class):
    model, images = small(per_class_boxes=per_class).to(device), pictures(4, seed=2)
    one, other = model.predict(images), model.predict(images[:, :, ::-1])
    np.testing.assert_allclose(one.probabilities, other.probabilities, rtol=1e-5)
    xmin, ymin, xmax, ymax = other.boxes.T
    np.testing.assert_allclose(one.boxes, np.stack([16 - xmax, ymin, 16 - xmin, ymax], axis=1), atol=1e-3)
    model.mirror = False
    assert abs(model.predict(images).probabilities - one.probabilities).max() > 1e-4


def test_evaluate_takes_the_same_answers(device):
    model, images = small().to(device), pictures(6, seed=2)
    samples = tc.data.Samples(images, np.arange(6) % 3, np.tile([2.0, 3.0, 9.0, 12.0], (6, 1)),
                              tuple(map(str, range(6))), model.classes)
    answer = model.predict(images)
    measured = tc.evaluate(model, samples, batch_size=4)
    assert measured["accuracy"] == np.mean(answer.labels == samples.labels)
    assert measured["mean_iou"] == pytest.approx(tc.boxes.iou(answer.boxes, samples.boxes).mean())


def test_its_file_holds_the_running_averages(tmp_path):
    model, images = small(), pictures(4, seed=2)
    tc.save(model, tmp_path / "model.npz")
    read = tc.load(tmp_path / "model.npz")
    assert read.mirror and read.config == model.config
    np.testing.assert_array_equal(read.eval().predict(images).boxes, model.predict(images).boxes)
    assert to_numpy(read.trunk["norm1"].running_mean.value).any()


@pytest.mark.slow
def test_it_can_be_looked_into():
    """Heads of several layers, and features that are a map."""
    data = tc.data.scenes(n=24, image_size=32, valid=8, test=0, seed=0)
    model = tc.models.resnet_localizer(len(data.classes), 32, (6, 8), 10, classes=data.classes)
    tc.fit(model, data.train, data.valid, epochs=1, batch_size=12, progress=False)
    assert "same box" in str(diagnose(model, data))
    samples = data.train.subset(np.arange(6))
    step = tc.trace(model, samples.images, samples.labels, samples.boxes)
    assert {"trunk.residual1.body.conv1", "box_head.fc1"} <= {layer.name for layer in step.layers}
