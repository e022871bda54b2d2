"""Beginning with weights that were learned before: what is taken, what is left, and files that do not fit."""

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.backend import to_numpy
from tinycnn.errors import CheckpointError
from tinycnn.models import initialize
from tinycnn.models.transfer import begin

SMALL = dict(image_size=16, channels=(4, 8), hidden=12)


def values(model):
    return {name: to_numpy(p.value).copy() for name, p in (model.parameters() | model.buffers()).items()}


def learned(path, classes=("cat", "dog"), kind=tc.models.resnet_localizer, **changed):
    """A saved model of which every number differs from those of a new one."""
    model = kind(len(classes), **SMALL | changed, classes=classes, seed=5)
    model.forward(model.normalize(np.random.default_rng(1).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)))
    for parameter in model.parameters().values():
        parameter.value = parameter.value + np.float32(0.5)
    model.set_box_statistics(np.random.default_rng(0).random((9, 4)))
    model.pixel_scale = 50.0
    tc.save(model, path)
    return model


def test_a_file_whose_names_are_numbers(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({1: torch.zeros(2)}, tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match="holds no weights by name"):
        begin(tc.models.resnet_localizer(2, **SMALL), tmp_path / "weights.pth")


def test_other_classes_get_everything_but_the_class_head(device, tmp_path):
    earlier = values(learned(tmp_path / "model.npz"))
    model = tc.models.resnet_localizer(2, **SMALL, classes=("fish", "bird"), seed=1).to(device)
    before = values(model)
    taken = initialize(model, tmp_path)  # the folder of a run
    after = values(model)
    assert {name for name in before if name.startswith("class_head.") or name == "box_statistics"} == {
        name for name in before if (after[name] != earlier[name]).any()}  # fmt: skip
    np.testing.assert_array_equal(after["class_head.fc1.w"], before["class_head.fc1.w"])
    assert set(taken) == {name for name in model.parameters() if not name.startswith("class_head.")}
    assert model.pixel_scale == 50.0 and not model.has_statistics and model.device.startswith(device)
    assert after["trunk.norm1.running_mean"].any()


def test_the_same_classes_get_the_class_head_too(tmp_path):
    earlier = values(learned(tmp_path / "model.npz"))
    model = tc.models.resnet_localizer(2, **SMALL, classes=("cat", "dog"))
    assert set(initialize(model, tmp_path / "model.npz")) == set(model.parameters())
    np.testing.assert_array_equal(values(model)["class_head.fc1.w"], earlier["class_head.fc1.w"])


def test_another_number_of_boxes_gets_the_trunk_and_the_inner_layer_of_its_head(tmp_path):
    learned(tmp_path / "model.npz")
    model = tc.models.resnet_localizer(2, **SMALL, per_class_boxes=True)
    taken = initialize(model, tmp_path)
    assert "box_head.fc1.w" in taken and "box_head.fc2.w" not in taken


@pytest.mark.parametrize("other, words", [
    (dict(channels=(4, 6)), r"trunk\.residual2.* \(3, 3, 4, 6\) here, and there is one of shape \(3, 3, 4, 8\)"),
    (dict(channels=(4, 8, 8)), r"trunk\.residual3.*nothing of that name"),
    (dict(kind=tc.models.localizer), "trunk.conv1.w has shape .* there is one of shape"),
])  # fmt: skip
def test_another_trunk_is_refused_and_nothing_changes(tmp_path, other, words):
    learned(tmp_path / "model.npz")
    model = other.pop("kind", tc.models.resnet_localizer)(3, **SMALL | other)
    before = values(model)
    with pytest.raises(CheckpointError, match=words):
        initialize(model, tmp_path)
    assert all((values(model)[name] == array).all() for name, array in before.items())
    assert model.pixel_scale == 64.0


@pytest.mark.parametrize("name", ["model.npz", "weights.safetensors", "weights.pth"])
def test_files_that_hold_no_weights(tmp_path, name):
    model = tc.models.localizer(2, **SMALL)
    with pytest.raises(CheckpointError, match="there is no file"):
        initialize(model, tmp_path / name)
    pytest.importorskip({"safetensors": "safetensors", "pth": "torch"}.get(name.partition(".")[2], "numpy"))
    (tmp_path / name).write_bytes(b"no weights at all")
    with pytest.raises(CheckpointError, match="is not a"):
        initialize(model, tmp_path / name)


def test_other_peoples_weights_of_another_network(tmp_path):
    numpy_files = pytest.importorskip("safetensors.numpy")
    numpy_files.save_file({"stem.weight": np.zeros((4, 3, 3, 3), np.float32)}, tmp_path / "vgg.safetensors")
    with pytest.raises(CheckpointError, match="not AlexNet as torchvision has it: features.0.weight"):
        initialize(tc.models.localizer(2, **SMALL), tmp_path / "vgg.safetensors")


def test_numbers_for_each_channel_are_saved(tmp_path):
    model = tc.models.localizer(2, **SMALL)
    model.pixel_mean, model.pixel_scale = (100.0, 110.0, 120.0), (50.0, 60.0, 70.0)
    tc.save(model, tmp_path / "model.npz")
    read, image = tc.load(tmp_path / "model.npz"), np.full((1, 16, 16, 3), [150, 170, 50], np.uint8)
    np.testing.assert_allclose(read.normalize(image)[0, 0, 0], [1, 1, -1])


@pytest.mark.parametrize("pixels", [[1.0, 2.0], "code", [True], [None, 1, 2], {}])
def test_a_file_that_says_something_else_of_pixels(tmp_path, pixels, monkeypatch):
    model = tc.models.localizer(2, **SMALL)
    model.pixel_scale = pixels
    tc.save(model, tmp_path / "model.npz")
    with pytest.raises(CheckpointError, match="one number or three"):
        tc.load(tmp_path / "model.npz")


def answers(model):
    """{class: its scores}, and with a box for each class {class: its boxes}, for the same pictures."""
    images = np.random.default_rng(3).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    with model.predicting():
        scores, boxes = model.forward(model.normalize(images))
    boxes = boxes if boxes.ndim == 3 else np.repeat(boxes[:, None], len(model.classes), axis=1)
    return {name: np.column_stack([scores[:, k], boxes[:, k]]) for k, name in enumerate(model.classes)}


KINDS = [tc.models.localizer, tc.models.resnet_localizer]
THREE = ("cat", "dog", "owl")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("per_class_boxes", [False, True])
def test_the_same_classes_in_another_order_give_the_same_answers_by_name(tmp_path, kind, per_class_boxes):
    earlier = learned(tmp_path / "model.npz", THREE, kind, per_class_boxes=per_class_boxes)
    for parameter in earlier.parameters().values():  # so that no two outputs are alike
        parameter.value = parameter.value + np.random.default_rng(7).random(parameter.value.shape, dtype=np.float32)
    tc.save(earlier, tmp_path / "model.npz")
    model = kind(3, **SMALL, classes=("owl", "cat", "dog"), per_class_boxes=per_class_boxes, seed=1)
    beginning = begin(model, tmp_path)
    assert not beginning.anew and "outputs were brought from the order of its classes into this one" in beginning.told()
    was, now = answers(earlier), answers(model)
    assert not np.allclose(was["cat"], was["dog"])
    for name in THREE:
        np.testing.assert_allclose(now[name], was[name], rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", [("cat", "dog"), ("cat", "dog", "fox"), ("cat", "dog", "fox", "owl")])
def test_other_classes_have_heads_of_their_own_and_a_sentence_says_so(tmp_path, kind, classes):
    """Also where their number is the same, so that every shape would fit."""
    learned(tmp_path / "model.npz", THREE, kind, per_class_boxes=True)
    model = kind(len(classes), **SMALL, classes=classes, per_class_boxes=True, seed=1)
    before = values(model)
    beginning = begin(model, tmp_path)
    outputs = [name for name in model.parameters()
               if name.startswith(("class_head", "box_head.fc2", "box_head.w", "box_head.b"))]  # fmt: skip
    assert beginning.anew == outputs and all((values(model)[name] == before[name]).all() for name in outputs)
    assert f"the classes are others (there cat, dog, owl; here {', '.join(classes)})" in beginning.told()
    assert "class_head" in beginning.told().partition(" anew:")[0].partition(";")[2]
    assert "(trunk" in beginning.told()


def test_a_box_head_for_all_classes_is_taken_whatever_the_classes_are(tmp_path):
    learned(tmp_path / "model.npz", THREE, tc.models.localizer)
    model = tc.models.localizer(5, **SMALL)
    said = begin(model, tmp_path / "model.npz").told()
    assert "begin as in" in said and "(trunk, box_head); class_head anew: the classes are others" in said
    assert said.startswith("8 of 10 arrays")


def test_the_last_epochs_weights_may_be_begun_with(tmp_path):
    """checkpoint.npz holds a model too, beside the optimizer's state and the samples."""
    model = tc.models.localizer(2, **SMALL, classes=("cat", "dog"), seed=2)
    images, boxes = np.zeros((4, 16, 16, 3), np.uint8), [[1, 1, 9, 9]] * 4
    samples = tc.data.Samples(images, [0, 1, 0, 1], boxes, list("abcd"), ("cat", "dog"))
    tc.fit(model, samples, epochs=1, out=tmp_path, progress=False)
    other = tc.models.localizer(2, **SMALL, classes=("cat", "dog"), seed=3)
    assert set(initialize(other, tmp_path / "checkpoint.npz")) == set(model.parameters())
