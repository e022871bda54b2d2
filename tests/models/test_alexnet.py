"""AlexNet: every row of the published table, the paper's initial weights, and both kinds of heads."""

import math

import numpy as np
import pytest
from harness import numbers

import tinycnn as tc
from tinycnn.layers import LocalResponseNorm
from tinycnn.models.alexnet import alexnet_localizer, alexnet_pose

# layer: (output shape, parameters, multiply-adds); each shape is that of the last layer before the next row
TABLE = {
    "conv1": ((55, 55, 96), 34_944, 105_415_200),
    "pool1": ((27, 27, 96), 0, 0),
    "conv2": ((27, 27, 256), 307_456, 223_948_800),
    "pool2": ((13, 13, 256), 0, 0),
    "conv3": ((13, 13, 384), 885_120, 149_520_384),
    "conv4": ((13, 13, 384), 663_936, 112_140_288),
    "conv5": ((13, 13, 256), 442_624, 74_760_192),
    "pool5": ((6, 6, 256), 0, 0),
    "flatten": ((9216,), 0, 0),
    "fc6": ((4096,), 37_752_832, 37_748_736),
    "fc7": ((4096,), 16_781_312, 16_777_216),
    "dropout7": ((4096,), 0, 0),
}
HEADS = {"class_head": (4_097_000, 4_096_000), "box_head": (16_388, 16_384)}
WITHOUT_GROUPS = {"conv2": 614_656, "conv4": 1_327_488, "conv5": 884_992}


def parameters(layer):
    return sum(parameter.value.size for parameter in layer.parameters().values())


@pytest.fixture(scope="module")
def paper():
    return alexnet_localizer(initialization="paper")


def test_every_layer_equals_the_table(paper):
    rows = {name: (shape, parameters(layer), layer.multiply_adds(before))
            for name, layer, before, shape in paper.trunk.shapes((227, 227, 3))}  # fmt: skip
    assert {name: rows[name] for name in TABLE} == TABLE
    others = [row for name, row in rows.items() if name not in TABLE]
    assert all(row[1:] == (0, 0) for row in others)  # ReLU, normalization and dropout have no weights
    for name, (weights, multiply_adds) in HEADS.items():
        assert parameters(getattr(paper, name)) == weights
        assert getattr(paper, name).multiply_adds((4096,)) == multiply_adds
    assert parameters(paper) == 60_981_612
    assert paper.multiply_adds((227, 227, 3)) == 724_423_200


def test_the_order_of_the_layers(paper):
    assert " ".join(paper.trunk.children()) == (
        "conv1 relu1 norm1 pool1 conv2 relu2 norm2 pool2 conv3 relu3 conv4 relu4 conv5 relu5 pool5 flatten "
        "fc6 relu6 dropout6 fc7 relu7 dropout7"
    )


def test_the_paper_starts_with_small_weights_and_some_biases_of_one(paper):
    for name, parameter in paper.parameters().items():
        assert parameter.value.dtype == np.float32
        layer = name.split(".")[-2]
        if name.endswith(".w"):
            assert parameter.value.std() == pytest.approx(0.01, rel=0.03), name
            assert abs(parameter.value.mean()) < 0.0002, name
        else:
            assert set(parameter.value) == {float(layer in {"conv2", "conv4", "conv5", "fc6", "fc7"})}, name


def test_the_normalization_is_the_papers(paper):
    norm = paper.trunk["norm1"]
    assert isinstance(norm, LocalResponseNorm)
    assert (norm.k, norm.size, norm.alpha, norm.beta, norm.divide_alpha) == (2, 5, 1e-4, 0.75, False)
    assert repr(norm) == repr(paper.trunk["norm2"])


def test_both_dropouts_draw_masks_of_their_own(paper):
    one, two = (paper.trunk[name].rng.random(8) for name in ("dropout6", "dropout7"))
    assert (one != two).all()


@pytest.mark.slow
def test_without_groups():
    model = alexnet_localizer(groups=False)
    for name, weights in WITHOUT_GROUPS.items():
        assert parameters(model.trunk[name]) == weights
    assert parameters(model) == 62_394_732
    assert model.multiply_adds((227, 227, 3)) == 1_135_272_480


@pytest.mark.slow
def test_one_gpu():
    model = alexnet_localizer(variant="one-gpu")
    assert model.image_size == 224
    shapes = {name: shape for name, _, _, shape in model.trunk.shapes((224, 224, 3))}
    assert [shapes[f"conv{i}"] for i in range(1, 6)] == [
        (55, 55, 64), (27, 27, 192), (13, 13, 384), (13, 13, 256), (13, 13, 256),
    ]  # fmt: skip
    assert not any(isinstance(layer, LocalResponseNorm) for _, layer in model.layers())
    assert parameters(model) == 61_117_228
    with pytest.raises(ValueError, match="variant must be one of 'paper', 'one-gpu', got 'two-gpu'"):
        alexnet_localizer(variant="two-gpu")


@pytest.mark.slow
@pytest.mark.parametrize("groups, total", [(True, 56_982_940), (False, 58_396_060)])
def test_pose(groups, total):
    model = alexnet_pose(num_joints=14, groups=groups)
    assert parameters(model) == total
    assert model.output_shape((227, 227, 3)) == (28,)


def test_a_pose_goes_forward_and_backward():
    model = alexnet_pose(num_joints=3, seed=1)
    x = numbers((1, 227, 227, 3), "float32")
    joints = model.forward(x)
    assert joints.shape == (1, 6) and joints.dtype == np.float32
    loss = tc.L2Loss()
    visible = np.repeat([[1, 1, 0]], 2, axis=1)
    loss.forward(joints, np.ones((1, 6), "float32"), visible)
    assert model.backward(loss.backward(), input_gradient=False) is None
    assert all(np.isfinite(parameter.grad).all() for parameter in model.parameters().values())


def test_first_guesses_are_the_mean_box_and_nearly_equal_probabilities(paper):
    images = np.random.default_rng(0).integers(0, 256, (1, 100, 150, 3), dtype=np.uint8)
    prediction = paper.predict(images)
    assert prediction.probabilities.shape == (1, 1000)
    entropy = -np.sum(prediction.probabilities * np.log(prediction.probabilities))
    assert entropy == pytest.approx(math.log(1000), rel=0.1)
    codes = paper.box_mean  # (cx, cy, h, w)
    expected = [150 * (codes[0] - codes[3] / 2), 100 * (codes[1] - codes[2] / 2),
                150 * (codes[0] + codes[3] / 2), 100 * (codes[1] + codes[2] / 2)]  # fmt: skip
    # A feature is about 1 large, so the head adds about .01 * sqrt(4096) = .6 standard deviations.
    np.testing.assert_allclose(prediction.boxes[0], expected, atol=0.25 * 4 * 0.64 * 150)


@pytest.mark.slow
def test_the_seed_decides_and_config_rebuilds():
    one, again = (alexnet_localizer(num_classes=3, seed=1) for _ in range(2))
    for name, parameter in one.parameters().items():
        np.testing.assert_array_equal(parameter.value, again.parameters()[name].value)
    rebuilt = tc.models.build(one.config)  # with seed 0
    assert (one.trunk["fc7"].w.value != rebuilt.trunk["fc7"].w.value).any()
    assert repr(rebuilt.trunk) == repr(one.trunk) and rebuilt.image_size == one.image_size
