"""Planted mistakes: each does what its line says, shows where it must and nowhere else, and gets its right name."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from inspection.looks import network, pictures, unchanged
from mutants.edits import mutate

import tinycnn as tc
from tinycnn.errors import ShapeError
from tinycnn.explorer.mistakes import at_picture, difference, planted
from tinycnn.explorer.wrong_lines import MISTAKES
from tinycnn.layers import Conv2d, Linear, MaxPool2d, ReLU

REPOSITORY = Path(tc.__file__).parents[1]
BY_NAME = {mistake.name: mistake for mistake in MISTAKES}
LAYERS = {
    "plain": (Conv2d, (2, 4, 3), {"padding": 1}), "strided": (Conv2d, (2, 4, 3), {"stride": 2, "padding": 1}),
    "grouped": (Conv2d, (2, 4, 3), {"groups": 2, "padding": "same"}), "dilated": (Conv2d, (2, 4, 2), {"dilation": 2}),
    "without bias": (Conv2d, (2, 4, 3), {"bias": False}), "side by side": (Conv2d, (2, 4, 2), {"stride": 2}),
    "of one pixel": (Conv2d, (2, 4, 1), {}), "of one row": (Conv2d, (2, 4, (1, 3)), {}), "pool": (MaxPool2d, (2,), {}),
    "overlapping pool": (MaxPool2d, (3,), {"stride": 2, "padding": 1}), "ReLU": (ReLU, (), {}),
}  # fmt: skip


def gradients(layer, x, rng):
    """(dx, gradients of the parameters) for a random dy."""
    dy = rng.standard_normal(layer.forward(x).shape)
    return layer.backward(dy), {name: parameter.grad for name, parameter in layer.parameters().items()}


def assert_same(a, b):
    np.testing.assert_allclose(a[0], b[0], rtol=1e-12, atol=1e-12)
    for name in a[1]:
        np.testing.assert_allclose(a[1][name], b[1][name], rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("name, kind", [(name, kind) for name, mistake in BY_NAME.items()
                                        for kind, (cls, _, _) in LAYERS.items() if cls in mistake.lines])
def test_a_wrong_layer_computes_what_its_wrong_line_says(name, kind):
    cls, arguments, options = LAYERS[kind]
    line = BY_NAME[name].lines[cls]
    x = np.random.default_rng(1).standard_normal((3, 6, 7, 2))
    right, wrong, said = (made(*arguments, **options).astype("float64") for made in (
        cls, line.wrong, mutate(cls, (line.right, line.instead), at=line.where.__name__)))
    seen, told, truth = (gradients(layer, x, np.random.default_rng(2)) for layer in (wrong, said, right))
    assert_same(seen, told)
    differences = [difference(seen[0], truth[0]), *(difference(seen[1][key], truth[1][key]) for key in seen[1])]
    assert (max(differences) > 0.01) == BY_NAME[name].shows(right)


def test_the_linear_layer_with_the_mean_for_its_bias_and_the_loss_that_is_not_divided():
    line = BY_NAME["bias"].lines[Linear]
    x = np.random.default_rng(1).standard_normal((4, 5))
    layers = [made(5, 3).astype("float64") for made in (line.wrong, mutate(Linear, (line.right, line.instead)))]
    assert_same(*(gradients(layer, x, np.random.default_rng(2)) for layer in layers))
    line = BY_NAME["mean"].lines[tc.SoftmaxCrossEntropy]
    scores, labels = np.random.default_rng(3).standard_normal((4, 3)), np.array([0, 2, 1, 1])
    losses = [line.wrong(), mutate(tc.SoftmaxCrossEntropy, (line.right, line.instead))()]
    assert losses[0].forward(scores, labels) == losses[1].forward(scores, labels)
    np.testing.assert_allclose(*(loss.backward() for loss in losses), rtol=1e-12)


@pytest.mark.parametrize("line", [line for mistake in MISTAKES for line in mistake.lines.values()],
                         ids=lambda line: line.wrong.__name__)
def test_the_right_line_stands_where_it_is_said_to_stand(line):
    told = line.told()
    text = (REPOSITORY / told["file"]).read_text("utf-8").splitlines()
    assert told["right"] in text[told["number"] - 1] and told["wrong"] != told["right"]


@pytest.fixture(scope="module")
def found():
    """{name: what planted says} of a small network, and that nothing of it was touched."""
    model, samples = network(channels=(4, 6), dropout=0.3), pictures(6)
    model.set_box_statistics(np.random.default_rng(0).random((20, 4)))
    model.train().forward(model.normalize(samples.images))  # in the middle of a step
    seen = unchanged(model, lambda: planted(model, samples.images, samples.labels, samples.boxes))
    json.dumps(seen, allow_nan=False)
    return {each["name"]: each for each in seen}


def wrong_places(each):
    """Names of layers whose gradient that passes differs, of those where the arriving one does, and of parameters."""
    layers = each["layers"]
    return ([a["layer"] for a in layers if a["passes"]], [a["layer"] for a in layers if a["arrives"]],
            [f"{a['layer']}.{key}" for a in layers for key, value in a["parameters"].items() if value])


BEFORE = ["trunk.conv1", "trunk.pool1", "trunk.relu1", "trunk.conv2", "trunk.pool2", "trunk.relu2", "trunk.flatten1",
          "trunk.fc1", "trunk.relu3", "trunk.dropout1"]


def test_every_mistake_is_planted_where_it_belongs(found):
    assert list(found) == [mistake.name for mistake in MISTAKES]
    convolutions = ["trunk.conv1", "trunk.conv2"]
    assert {name: each["planted"] for name, each in found.items()} == {
        "bias": [*convolutions, "trunk.fc1", "class_head", "box_head"], "mean": ["loss"],
        "gate": ["trunk.relu1", "trunk.relu2", "trunk.relu3"], "winner": ["trunk.pool1", "trunk.pool2"],
        "overlap": convolutions, "flip": convolutions}
    for each in found.values():
        assert [a["layer"] for a in each["layers"]] == [*BEFORE, "class_head", "box_head"]
        assert [a["layer"] for a in each["layers"] if a["planted"]] == [p for p in each["planted"] if p != "loss"]


@pytest.mark.parametrize("name, last", [("gate", "trunk.relu3"), ("winner", "trunk.pool2"), ("overlap", "trunk.conv2"),
                                        ("flip", "trunk.conv2")])
def test_a_mistake_in_what_passes_shows_before_the_last_layer_that_has_it(found, name, last):
    """... and behind it every number is the same to the last bit."""
    passes, arrives, parameters = wrong_places(found[name])
    end = BEFORE.index(last)
    assert passes == BEFORE[: end + 1] and arrives == BEFORE[:end]
    learning = [layer for layer in BEFORE[:end] if "conv" in layer or "fc" in layer]
    assert parameters == [f"{layer}.{key}" for layer in learning for key in "wb"]


def test_a_mistake_in_a_parameter_shows_there_alone(found):
    passes, arrives, parameters = wrong_places(found["bias"])
    assert passes == arrives == []
    assert parameters == [f"{layer}.b" for layer in found["bias"]["planted"]]
    by_name = {a["layer"]: a["parameters"]["b"] for a in found["bias"]["layers"] if a["planted"]}
    assert by_name["box_head"] == pytest.approx(1 - 1 / 6)  # six pictures
    assert by_name["trunk.conv2"] == pytest.approx(1 - 1 / (6 * 8 * 8))


def test_a_mistake_in_the_loss_shows_everywhere_but_in_the_other_head(found):
    passes, arrives, parameters = wrong_places(found["mean"])
    assert passes == arrives == [*BEFORE, "class_head"]
    assert "class_head.w" in parameters and "box_head.w" not in parameters
    assert found["mean"]["layers"][-2]["arrives"] == pytest.approx(1 - 1 / 6)


def test_the_gradient_at_the_first_picture_is_shown_where_it_is_wrong(found):
    assert found["bias"]["picture"] is None
    for name in set(found) - {"bias"}:
        seen = found[name]["picture"]
        right, wrong = (np.frombuffer(base64.b64decode(seen[which]), np.int8).reshape(seen["shape"])
                        for which in ("right", "wrong"))
        assert right.shape == (16, 16) and abs(right.astype(int)).max() == abs(wrong.astype(int)).max() == 127
        assert ((right != wrong).any() or name == "mean") and 0 < seen["longer"] < 100
    assert found["mean"]["picture"]["longer"] > 4  # six pictures, and a box head that is right
    right, wrong = np.zeros((130, 70, 3)), np.zeros((130, 70, 3))
    right[0, 0], right[129, 69], wrong[127, 67] = 1, 9, 3  # a large picture is made smaller by whole blocks
    seen = at_picture(right, wrong)
    assert seen["shape"] == [43, 23] and seen["longer"] == pytest.approx(27**0.5 / 246**0.5)
    assert base64.b64decode(seen["right"])[0] == 127
    assert at_picture(right, right) is at_picture(right, 0 * wrong) is at_picture(right, wrong * np.nan) is None


def test_the_checker_names_each_by_its_family(found):
    told = {name: (each["diagnosis"]["of"], each["diagnosis"]["tensor"], each["diagnosis"]["family"])
            for name, each in found.items()}
    assert told == {
        "bias": ("trunk.conv1", "b", "factor"), "gate": ("trunk.relu1", "x", "region"),
        "winner": ("trunk.pool1", "x", "mask"), "overlap": ("trunk.conv1", "x", "overlap"),
        "flip": ("trunk.conv1", "x", "flip"), "mean": ("loss", "scores", "batch mean")}
    for each in found.values():
        assert each["diagnosis"]["words"] in each["diagnosis"]["report"] and "NOT OK" in each["diagnosis"]["report"]


def test_other_networks_and_losses():
    samples = pictures(4, size=32)
    batch = samples.images, samples.labels, samples.boxes
    resnet = tc.models.resnet_localizer(num_classes=3, image_size=32, channels=(4, 6), classes=samples.classes)
    seen = {each["name"]: each for each in unchanged(resnet, lambda: planted(resnet, *batch))}
    assert "gate" in seen and all(each["diagnosis"]["family"] for each in seen.values())
    assert any(".body." in name for name in seen["overlap"]["planted"])
    assert not any("shortcut.conv" in name for name in seen["flip"]["planted"])  # their kernels are of one pixel
    assert seen["bias"]["planted"][0] == "class_head.fc1" and seen["bias"]["line"]["file"].endswith("linear.py")
    loss = tc.MultiTaskLoss()
    loss.class_loss = tc.losses.SoftmaxCrossEntropy(label_smoothing=0.1)
    assert "mean" in {each["name"] for each in planted(network(image_size=32), *batch, loss=loss)}
    assert type(loss.class_loss) is tc.SoftmaxCrossEntropy and not loss.class_loss.kept()


def test_one_picture_is_refused_since_its_mean_is_its_sum():
    samples = pictures(1)
    with pytest.raises(ShapeError, match="two pictures or more, got 1"):
        planted(network(), samples.images, samples.labels, samples.boxes)


def test_a_difference_is_between_0_and_2_and_0_only_for_the_same_numbers():
    a = np.array([3.0, -4.0], "float32")
    assert difference(a, a.copy()) == difference(0 * a, -0 * a) == 0
    assert difference(a, -a) == pytest.approx(2) and difference(a, 0 * a) == pytest.approx(1)
    assert difference(a, 2 * a) == pytest.approx(0.5) and difference(a, a + 1e-6) > 0
    assert difference(None, a) is difference(a, None) is difference(a, a * np.nan) is None
