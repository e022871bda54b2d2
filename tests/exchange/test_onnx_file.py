"""ONNX files: onnxruntime answers as the model does."""

import numpy as np
import pytest
from harness import convolutions, numbers, poolings
from hypothesis import given, settings
from hypothesis import strategies as st

import tinycnn as tc
from tinycnn.errors import MissingExtra
from tinycnn.layers import (
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    LeakyReLU,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
)

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")


def answers(path, x):
    """{output: array} of a file for one input."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {source.name: x}), strict=True)), session


def expect_same(layer, x, path):
    tc.to_onnx(layer, path, x.shape[1:])
    with layer.predicting():
        y = layer.forward(x)
    found, _ = answers(path, x)
    assert found["y"].shape == y.shape
    np.testing.assert_allclose(found["y"], y, atol=1e-5 * np.abs(y).max(initial=1), rtol=0)


def changed(model):
    """Weights, biases and running statistics that are all different, so that a mixed-up axis shows."""
    rng = np.random.default_rng(1)
    for name, held in (model.parameters() | model.buffers()).items():
        noise = rng.normal(0, 0.05, held.value.shape)
        held.value = (held.value + (abs(noise) if name.endswith(("var", "statistics")) else noise)).astype(
            held.value.dtype)
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("onnx")


@settings(max_examples=60, deadline=None)
@given(geometry=convolutions(largest=12, channels=4), bias=st.booleans())
def test_convolutions(folder, geometry, bias):
    arguments, shape = geometry
    shape = (max(1, shape[0]), *shape[1:])
    expect_same(changed(Conv2d(**arguments, bias=bias)), numbers(shape, "float32"), folder / "conv.onnx")


def test_same_padding_of_an_even_kernel(tmp_path):
    expect_same(Conv2d(2, 3, (4, 2), padding="same", dilation=(1, 3)), numbers((2, 7, 9, 2), "float32"),
                tmp_path / "same.onnx")  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(geometry=poolings(largest=12, channels=3), average=st.booleans(), counted=st.booleans())
def test_poolings(folder, geometry, average, counted):
    arguments, shape = geometry
    shape = (max(1, shape[0]), *shape[1:])
    layer = AvgPool2d(**arguments, count_include_pad=counted) if average else MaxPool2d(**arguments)
    expect_same(layer, numbers(shape, "float32"), folder / "pool.onnx")


def test_every_other_layer_in_one_network(tmp_path):
    net = Sequential(
        Conv2d(3, 4, 3, padding=1), LocalResponseNorm(3, alpha=0.5, divide_alpha=False), BatchNorm2d(4), LeakyReLU(0.2),
        Residual(ReLU(), Conv2d(4, 4, 3, padding=1, bias=False)), LocalResponseNorm(5, k=2.0, alpha=0.7), Dropout(0.5),
        Residual(Conv2d(4, 6, 1, stride=2), shortcut=Conv2d(4, 6, 3, stride=2, padding=1)), Flatten(), ReLU(),
        Linear(6 * 5 * 4, 7), Residual(Linear(7, 7, bias=False)), input_shape=(10, 8, 3),
    )  # fmt: skip
    expect_same(changed(net), numbers((3, 10, 8, 3), "float32"), tmp_path / "net.onnx")
    expect_same(GlobalAvgPool2d(), numbers((3, 5, 4, 2), "float32"), tmp_path / "mean.onnx")
    expect_same(ReLU(), numbers((3, 5, 4, 2), "float32"), tmp_path / "relu.onnx")
    expect_same(tc.layers.Upsample2d(3), numbers((3, 5, 4, 2), "float32"), tmp_path / "larger.onnx")


def build(kind):
    if kind == "localizer":
        return tc.models.localizer(3, 16, channels=(4, 5), hidden=8, dropout=0.3, classes=("a", "bird", "ö"))
    if kind == "mirrored":
        return tc.models.localizer(3, 16, channels=(4,), hidden=8, mirror=True)
    if kind == "per class":
        return tc.models.localizer(3, 16, channels=(4,), hidden=8, per_class_boxes=True)
    return tc.models.resnet_localizer(3, image_size=16, channels=(4, 8), hidden=8, mirror=True)


@pytest.mark.parametrize("kind", ["localizer", "mirrored", "per class", "resnet"])
def test_a_localizer_answers_in_shares_of_the_picture(kind, tmp_path):
    model, images = build(kind), np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    changed(model)
    model.pixel_mean, model.pixel_scale = (120.0, 118.0, 100.0), (60.0, 61.0, 58.0)
    tc.to_onnx(model, tmp_path / "model.onnx")
    found, session = answers(tmp_path / "model.onnx", images.astype(np.float32))
    answer = model.predict(images)
    assert answer.probabilities.max() < 0.99 and ((answer.boxes > 0) & (answer.boxes < 16)).any(axis=0).all()
    np.testing.assert_allclose(found["probabilities"], answer.probabilities, atol=1e-5)
    boxes = found["boxes"] if kind != "per class" else found["boxes"][np.arange(5), answer.labels]
    np.testing.assert_allclose(np.clip(boxes, 0, 1) * 16, answer.boxes, atol=16e-5)
    assert tuple(session.get_modelmeta().custom_metadata_map["classes"].split("\n")) == model.classes


@pytest.mark.parametrize("maps", [False, True])
def test_a_pose_network_answers_in_units_of_the_window(maps, tmp_path):
    model = changed(tc.models.pose_maps(16, (4, 5, 6)) if maps else
                    tc.models.pose_resnet(image_size=16, channels=(4, 6), hidden=8))  # fmt: skip
    assert model.mirror
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    tc.to_onnx(model, tmp_path / "pose.onnx")
    found, _ = answers(tmp_path / "pose.onnx", images.astype(np.float32))
    with model.predicting():
        joints = model.answer(model.normalize(images))
    np.testing.assert_allclose(found["joints"], joints, atol=1e-5 * abs(joints).max(), rtol=0)


def test_what_onnx_has_nothing_for_is_named(tmp_path, monkeypatch):
    class Mine(ReLU):
        pass

    patched = ReLU()
    patched.forward = lambda x: x
    for layer in (Mine(), Sequential(Mine()), patched):
        with pytest.raises(TypeError, match=r"ONNX has nothing for \w+\(.*It knows AvgPool2d"):
            tc.to_onnx(layer, tmp_path / "no.onnx", (4,))
    with pytest.raises(TypeError, match="its size must be odd"):
        tc.to_onnx(LocalResponseNorm(4), tmp_path / "no.onnx", (4, 4, 4))
    with pytest.raises(TypeError, match=r"shape of one input of ReLU, such as input_shape=\(64, 64, 3\)"):
        tc.to_onnx(ReLU(), tmp_path / "no.onnx")
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(MissingExtra, match="Install it with"):
        tc.to_onnx(ReLU(), tmp_path / "no.onnx", (4,))
    assert not list(tmp_path.iterdir())
