"""Parts of a user's own: a layer, a normalization with a Buffer, a loss. They train, are saved, loaded and resumed.

The classes are those of the docstrings, so that what a reader copies from there works.
"""

import textwrap

import numpy as np
import pytest
from harness import numbers

import tinycnn as tc
from tinycnn.data.dataset import Samples
from tinycnn.engine import switched_off
from tinycnn.errors import CheckpointError, TrainingError
from tinycnn.layers import (
    BatchNorm2d,
    Buffer,
    Conv2d,
    Flatten,
    GlobalAvgPool2d,
    Layer,
    LeakyReLU,
    Linear,
    MaxPool2d,
    Parameter,
    ReLU,
    Residual,
    Sequential,
)
from tinycnn.losses import L2Loss, Loss, MultiTaskLoss
from tinycnn.models import Localizer
from tinycnn.optim import SGD, Adam
from tinycnn.tasks.localization import predict_samples


def example(documented):
    """The class that a docstring shows, as a reader would copy it."""
    lines = documented.__doc__.splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip().startswith("class "))
    indent = len(lines[start]) - len(lines[start].lstrip())
    stop = next((i for i in range(start + 1, len(lines)) if lines[i].strip() and
                 len(lines[i]) - len(lines[i].lstrip()) < indent + 4), len(lines))  # fmt: skip
    names = {"np": np, "Layer": Layer, "Parameter": Parameter, "Buffer": Buffer, "L2Loss": L2Loss}
    source = textwrap.dedent("\n".join(lines[start:stop]))
    assert len(source.splitlines()) <= 20
    before = set(names)
    exec(source, names)
    return next(names[name] for name in names if name not in before and name != "__builtins__")


Scale, Center, OnlyBoxes = example(Layer), example(Buffer), example(Loss)


def samples(n=24, seed=0):
    rng = np.random.default_rng(seed)
    images, labels = rng.integers(0, 256, (n, 16, 16, 3), dtype=np.uint8), np.arange(n) % 3
    low = rng.uniform(0, 6, (n, 2))
    boxes = np.concatenate([low, low + rng.uniform(4, 9, (n, 2))], axis=1)
    return Samples(images, labels, boxes, [str(i) for i in range(n)], ("a", "b", "c"))


def own_model(seed=0):
    rng = np.random.default_rng(seed)
    trunk = Sequential(
        Center(3), Conv2d(3, 6, 3, padding="same", rng=rng), BatchNorm2d(6), LeakyReLU(), MaxPool2d(2), Scale(),
        Residual(Conv2d(6, 6, 3, padding=2, dilation=2, rng=rng), BatchNorm2d(6), ReLU()), MaxPool2d(2),
        Flatten(), Linear(96, 8, rng=rng), ReLU(), input_shape=(16, 16, 3),
    )  # fmt: skip
    return Localizer(trunk, Linear(8, 3, rng=rng), Linear(8, 4, rng=rng), ("a", "b", "c"), 16)


def train(model, out=None, epochs=3, resume=False, **options):
    data = samples()
    return tc.fit(model, data, data, epochs=epochs, batch_size=8, optimizer=Adam(model, lr=1e-3), out=out,
                  resume=resume, progress=False, seed=3, **options)


def state(model):
    return {**{n: p.value for n, p in model.parameters().items()}, **{n: b.value for n, b in model.buffers().items()}}


def expect_same_state(one, other):
    assert state(one).keys() == state(other).keys()
    for name, value in state(one).items():
        np.testing.assert_array_equal(tc.backend.to_numpy(value), tc.backend.to_numpy(state(other)[name]), err_msg=name)


def test_buffers_are_found_by_name_and_are_no_parameters():
    names = set(own_model().buffers())
    assert {"box_statistics", "trunk.center1.mean", "trunk.norm1.running_mean"} <= names
    assert "trunk.residual1.body.norm1.running_var" in names
    assert not names & set(own_model().parameters())


def test_training_moves_them_and_saving_keeps_them(tmp_path):
    model = own_model()
    before = {name: buffer.value.copy() for name, buffer in model.buffers().items()}
    train(model)
    assert all(not np.array_equal(before[name], buffer.value) for name, buffer in model.buffers().items())
    tc.save(model, tmp_path / "model.npz")
    loaded = tc.load(tmp_path / "model.npz", into=own_model(seed=5))
    expect_same_state(loaded, model)
    images = samples(5, seed=9).images
    np.testing.assert_array_equal(loaded.predict(images).probabilities, model.predict(images).probabilities)
    np.testing.assert_array_equal(loaded.predict(images).boxes, model.predict(images).boxes)


def test_a_run_that_was_interrupted_ends_with_the_same_bits(tmp_path):
    whole, first, second = own_model(), own_model(), own_model()
    train(whole, tmp_path / "whole")

    def stop(row, model):
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(first, tmp_path / "cut", on_epoch=stop)
    train(second, tmp_path / "cut", resume=True)
    expect_same_state(second, whole)


def test_they_move_to_a_device_with_the_model():
    model, here = own_model().to("simulated"), own_model()
    assert not any(isinstance(value, np.ndarray) for value in state(model).values())
    with switched_off():  # both by the layers' formulas: the same arithmetic, so the same bits
        train(model)
        train(here)
    expect_same_state(model, here)
    images = samples(5, seed=9).images
    there = model.predict(images)
    np.testing.assert_allclose(model.to("cpu").predict(images).boxes, there.boxes, rtol=1e-4)


def test_a_file_without_a_buffer_does_not_fit(tmp_path):
    plain = Sequential(Conv2d(3, 4, 3), GlobalAvgPool2d())
    normed = Sequential(Conv2d(3, 4, 3), BatchNorm2d(4), GlobalAvgPool2d())
    tc.save(plain, tmp_path / "plain.npz")
    with pytest.raises(CheckpointError, match="parameters or buffers differ, first .*norm1"):
        tc.load(tmp_path / "plain.npz", into=normed)
    tc.save(normed, tmp_path / "normed.npz")  # any layer is saved, and read into one that was built alike
    normed["norm1"].running_mean.value += 1
    again = tc.load(tmp_path / "normed.npz", into=Sequential(Conv2d(3, 4, 3), BatchNorm2d(4), GlobalAvgPool2d()))
    assert not again["norm1"].running_mean.value.any()
    with pytest.raises(CheckpointError, match="into=model"):
        tc.load(tmp_path / "normed.npz")


def test_the_example_of_a_layer_with_a_buffer_is_right():
    center = Center(3)
    assert tc.gradcheck(center.eval(), numbers((2, 3, 3, 3))).ok  # in training its forward moves with every call
    center.train().forward(numbers((2, 3, 3, 3)) + 1)
    assert center.mean.value.all()


def test_a_counter_is_a_buffer_too(tmp_path):
    class Count(Layer):
        def __init__(self):
            self.seen = Buffer(np.zeros((), "int64"))

    layer = Count()
    layer.seen.value += 3
    tc.save(layer, tmp_path / "count.npz")
    assert int(tc.load(tmp_path / "count.npz", into=Count()).seen.value) == 3


def test_a_loss_of_your_own_names_its_terms():
    model = own_model()
    history = train(model, loss=OnlyBoxes())
    assert {"loss", "box_loss", "valid_loss", "valid_box_loss"} <= set(history.rows[0])
    assert "class_loss" not in history.rows[0]
    assert history.column("loss") == history.column("box_loss")
    assert "(box " in str(history) and "valid: box " in str(history)
    pytest.importorskip("matplotlib")
    assert len(tc.plots.curves(history).axes) == 2


def test_validation_computes_the_loss_that_is_trained():
    model, data = own_model(), samples()
    loss = MultiTaskLoss(0.5, 2.0, tc.box_losses.GIoULoss())
    history = train(model, loss=loss)
    scores, outputs = predict_samples(model, data)
    targets = model.standardize(tc.boxes.encode(data.boxes, data.sizes))
    expected = loss.forward((scores, outputs), (data.labels, targets))
    assert history.rows[-1]["valid_loss"] == pytest.approx(float(expected), rel=1e-5)
    assert history.rows[-1]["valid_box_loss"] == pytest.approx(float(loss.terms["box"]), rel=1e-5)


def test_a_term_that_is_not_a_number_is_named():
    class Broken(OnlyBoxes):
        def forward(self, outputs, truth):
            value = super().forward(outputs, truth)
            self.terms = {"my own": value * np.float32(np.nan)}
            return value

    with pytest.raises(TrainingError, match="the my own loss became nan at step 1"):
        train(own_model(), loss=Broken())


def test_boxes_of_one_size_are_learned_with_augmentation():
    """Augmentation makes many sizes of one; targets are divided by the spread that training shows."""
    data = samples()
    data = Samples(data.images, data.labels, np.tile([4.0, 3.0, 12.0, 11.0], (24, 1)), data.names, data.classes)
    model = tc.models.localizer(3, image_size=16, channels=(4, 8), hidden=8)
    history = tc.fit(model, data, epochs=2, batch_size=8, optimizer=Adam(model, lr=1e-3), progress=False,
                     augment=tc.data.Augment.strong())  # fmt: skip
    assert model.box_std.min() > 0.02
    assert max(history.column("box_loss")) < 5


def test_a_loss_that_explodes_without_being_infinite_is_said():
    model = own_model()
    with pytest.warns(UserWarning, match="the box loss is .* in epoch 1, where a guess has about 1"):
        tc.fit(model, samples(), epochs=1, batch_size=8, optimizer=SGD(model, lr=3.0), progress=False, clip_norm=20)


def test_one_layer_in_two_places_is_refused():
    relu = ReLU()
    with pytest.raises(ValueError, match="'relu1' and 'relu2' are one and the same layer"):
        Sequential(relu, Conv2d(1, 1, 1), relu)
    first, second = Linear(2, 2), Linear(2, 2)
    second.w = first.w
    with pytest.raises(ValueError, match="'fc1.w' and 'fc2.w' are one and the same Parameter"):
        Sequential(first, second)

    class Twice(Layer):
        def __init__(self):
            self.one = self.other = Linear(2, 2)

    with pytest.raises(ValueError, match="'one' and 'other' are one and the same layer"):
        SGD(Twice())


@pytest.mark.parametrize("layer", [
    Conv2d(1, 1, 1), Linear(1, 1), ReLU(), LeakyReLU(), MaxPool2d(2), Flatten(), GlobalAvgPool2d(), BatchNorm2d(1),
    tc.layers.AvgPool2d(2), tc.layers.Dropout(), tc.layers.LocalResponseNorm(3), Sequential(ReLU()),
], ids=lambda layer: type(layer).__name__)  # fmt: skip
def test_a_list_is_no_array(layer):
    with pytest.raises(tc.errors.DeviceError, match="Lists become arrays with numpy.asarray"):
        layer.forward([[1.0]])


def test_a_file_of_the_earlier_format_is_read(tmp_path):
    import json

    model = tc.models.localizer(3, image_size=16, channels=(4,), hidden=8)
    tc.save(model, tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as archive:
        members = {name: archive[name] for name in archive.files}
    meta = json.loads(bytes(members["meta"]))
    meta |= {"format": "tinycnn-1", "box_mean": [0.1, 0.2, 0.3, 0.4], "box_std": [0.5, 0.6, 0.7, 0.8]}
    members = {name: array for name, array in members.items() if not name.startswith("buffer/")}
    members["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    np.savez(tmp_path / "old.npz", **members)
    loaded = tc.load(tmp_path / "old.npz")
    assert loaded.box_mean.tolist() == [0.1, 0.2, 0.3, 0.4] and loaded.box_std.tolist() == [0.5, 0.6, 0.7, 0.8]
    x = numbers((2, 16, 16, 3), "float32")
    np.testing.assert_array_equal(loaded.forward(x)[0], model.forward(x)[0])


class Faulty(MultiTaskLoss):
    def __init__(self, **parts):
        super().__init__()
        self.parts = parts

    def forward(self, outputs, truth):
        value = super().forward(outputs, truth)
        self.terms = self.parts.get("terms", self.terms)
        return self.parts.get("value", value)

    def backward(self):
        gradients = super().backward()
        return self.parts["pick"](*gradients) if "pick" in self.parts else gradients


@pytest.mark.parametrize(("loss", "said"), [
    (Faulty(terms=None), "needs an attribute `terms`"),
    (Faulty(terms={"box": np.ones(4)}), r"box_loss must be one number .* got an array of shape \(4,\)"),
    (Faulty(value=np.ones(3)), r"loss must be one number .* got an array of shape \(3,\)"),
    (Faulty(pick=lambda scores, boxes: None), r"must return two gradients, \(dscores, dboxes\), got None"),
    (Faulty(pick=lambda scores, boxes: scores), r"two gradients, .* got an array of shape \(8, 3\)"),
    (Faulty(pick=lambda scores, boxes: (scores, None)), "got an array .* and None; each is an array of floating"),
    (Faulty(terms={"valid": 1.0}), "a term may not be called 'valid'"),
    (L2Loss, "the class L2Loss; pass an object"),
    (object(), "object has no method forward"),
])  # fmt: skip
def test_a_loss_of_ones_own_that_does_not_fit_is_told_why(loss, said):
    with pytest.raises(TypeError, match=said):
        tc.fit(own_model(), samples(8), epochs=1, batch_size=8, loss=loss, progress=False)


def test_a_loss_may_be_a_plain_float():
    history = tc.fit(own_model(), samples(8), samples(8), epochs=1, loss=Faulty(value=1.5, terms={}), progress=False)
    assert history.rows[0]["loss"] == history.rows[0]["valid_loss"] == 1.5


def test_a_loss_that_is_infinite_at_once_is_not_blamed_on_the_rate():
    with pytest.raises(TrainingError, match="at step 1 .* the learning rate is not to blame"):
        tc.fit(own_model(), samples(8), epochs=1, loss=Faulty(value=float("inf")), progress=False)


def test_only_layers_are_saved_and_loaded_into(tmp_path):
    tc.save(Linear(2, 3), tmp_path / "layer.npz")
    with pytest.raises(TypeError, match="a layer or network that was built"):
        tc.load(tmp_path / "layer.npz", into=Linear)
    with pytest.raises(TypeError, match="a layer or a network can be saved, got an int"):
        tc.save(3, tmp_path / "three.npz")
    with pytest.raises(CheckpointError, match=r"first \['b', 'w'\]$|does not fit the model"):
        tc.load(tmp_path / "layer.npz", into=BatchNorm2d(3))
