"""fit(detect_anomaly=True) names layer, array, step and picture in which NaN or infinity first appears."""

import re

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.engine import workers
from tinycnn.errors import TrainingError
from tinycnn.layers import Conv2d, Flatten, Layer, Linear, MaxPool2d, ReLU, Sequential
from tinycnn.models import Localizer
from tinycnn.updates import ALONE


class Odd(Layer):
    """The identity, but for what it makes of one number of the pictures that begin with a bright pixel."""

    per_image = True
    forth = back = 1.0

    def forward(self, x):
        self.remember(output=x)
        return self._changed(x, self.forth)

    def backward(self, dy):
        self.recall(dy)
        return self._changed(dy, self.back)

    def _changed(self, array, factor):
        array = array.copy()
        if factor != 1:
            array[self.marked, ..., 0] *= factor
        return array

    marked = slice(0, 0)


class Whole(Odd):
    """The same on the whole batch."""

    per_image = False

    def forward(self, x):
        self.marked = slice(5, 7)
        return super().forward(x)


@pytest.fixture
def data():
    return tc.data.scenes(n=24, image_size=32, seed=0, valid=4, test=1)


def network(data, odd, seed=0):
    rng = np.random.default_rng(seed)
    trunk = Sequential(Conv2d(3, 4, 3, padding=1, rng=rng), MaxPool2d(2), ReLU(), odd, Flatten(),
                       Linear(1024, 8, rng=rng))  # fmt: skip
    k = len(data.classes)
    return Localizer(trunk, Linear(8, k, rng=rng), Linear(8, 4, rng=rng), data.classes, image_size=32)


def train(model, data, **more):
    return tc.fit(model, data.train, epochs=2, batch_size=12, progress=False, detect_anomaly=True, **more)


def shown(data, step):
    """Indices of the samples of a step, in its order."""
    from tinycnn.data.batches import batches

    return list(batches(data.train, 12, 32, shuffle=True, seed=0, epoch=0))[step].indices


@pytest.mark.parametrize(("way", "array"), [("forth", "y, the output of trunk.whole1"),
                                            ("back", "dx, the gradient handed on of trunk.whole1")])  # fmt: skip
@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "(NaN|infinity)")])
def test_the_layer_the_array_the_step_and_the_picture_are_named(data, way, array, value, word):
    class Late(Whole):
        steps = 0

        def forward(self, x):
            self.steps += 1
            if self.steps == 2:
                setattr(self, way, value)
            return super().forward(x)

    Late.__name__ = "Whole"
    first = shown(data, 1)[5]
    place = re.escape(f"{array}, for sample {first} ({data.train.names[first]}) and 1 more of 12")
    with pytest.raises(TrainingError, match=f"at step 2, {word} appears first in {place}"):
        train(network(data, Late()), data)


def test_whatever_thread_finds_it_first_the_first_picture_in_order_is_named(data, monkeypatch):
    monkeypatch.setattr(workers, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(workers, "CPU_BYTES", 1)  # one picture at a time
    monkeypatch.setenv("TINYCNN_THREADS", "3")

    class Every(Odd):
        marked, forth = slice(None), np.nan

    first = shown(data, 0)[0]
    place = re.escape(f"sample {first} ({data.train.names[first]}) and 11 more of 12")
    for _ in range(5):
        with pytest.raises(TrainingError, match=f"at step 1, NaN .* y, the output of .*every1, for {place}"):
            train(network(data, Every()), data)


def test_weights_that_are_none_before_or_after_a_step(data):
    model = network(data, Odd())
    model.trunk["fc1"].w.value[3, 3] = np.nan
    with pytest.raises(TrainingError, match="before step 1, trunk.fc1.w holds NaN already"):
        train(model, data)
    with pytest.raises(TrainingError, match=r"at step 1, the optimizer makes trunk.conv1.w (NaN|infinity)"):
        model = network(data, Odd())
        train(model, data, optimizer=tc.optim.SGD(model, lr=1e38, momentum=0), schedule=tc.optim.constant(),
              loss=tc.MultiTaskLoss(1e6, 1e6))


def test_a_loss_that_is_none_of_finite_outputs(data):
    class Broken(tc.MultiTaskLoss):
        def forward(self, outputs, truth):
            return super().forward(outputs, truth) * np.float32(np.nan)

    with pytest.raises(TrainingError, match="at step 1, the loss itself gives NaN"):
        train(network(data, Odd()), data, loss=Broken())


@pytest.mark.parametrize("threads", ["1", "2"])
def test_nothing_else_changes(data, monkeypatch, threads):
    monkeypatch.setenv("TINYCNN_THREADS", threads)
    one, other = network(data, Odd()), network(data, Odd())
    train(one, data)
    tc.fit(other, data.train, epochs=2, batch_size=12, progress=False)
    for name, parameter in one.parameters().items():
        np.testing.assert_array_equal(parameter.value, other.parameters()[name].value)
    assert all(layer.recorder is None for layer in one.tree())


def test_poses_are_looked_at_too():
    data = tc.data.draw_people(20, 32, 0, 4, 2)
    model = tc.models.pose_resnet(image_size=32, channels=(4, 4, 4), hidden=8, mirror=False)
    model.trunk = Sequential(model.trunk, Whole())
    Whole.forth = np.nan
    try:
        with pytest.raises(TrainingError, match=r"at step 1, NaN appears first in y, the output of trunk.*whole1"):
            tc.fit(model, data.train, epochs=1, batch_size=10, progress=False, detect_anomaly=True)
    finally:
        Whole.forth = 1.0


def test_several_processes_cannot_say_whose_picture_it_was():
    class Two(type(ALONE)):
        size = 2

    data = tc.data.scenes(n=8, image_size=32, valid=0, test=0)
    model = tc.models.localizer(len(data.classes), image_size=32, channels=(4,), hidden=8)
    with pytest.raises(ValueError, match="detect_anomaly looks at the pictures of one process"):
        tc.fit(model, data, detect_anomaly=True, processes=Two(), progress=False)
