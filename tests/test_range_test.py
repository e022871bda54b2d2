"""The learning-rate range test: it touches nothing, finds a rate that trains, and says so where there is none."""

import copy

import numpy as np
import pytest
from inspection.looks import network, pictures, unchanged

import tinycnn as tc
from tinycnn.data.dataset import Dataset
from tinycnn.errors import TrainingError
from tinycnn.models.pose import pose_resnet
from tinycnn.range_test import FALLEN, RangeTest, chosen, lr_find


def find(model, data=None, **options):
    return lr_find(model, pictures(24) if data is None else data, **{"batch_size": 8, "progress": False} | options)


def test_the_model_the_optimizer_and_the_loss_stay_as_they_are():
    model = network(dropout=0.5)
    model.parameters()["trunk.conv1.w"].frozen = True
    optimizer, loss, samples = tc.optim.Adam(model, lr=0.123), tc.MultiTaskLoss(), pictures(24)
    x = model.normalize(samples.images)
    for _ in range(2):  # an optimizer in the middle of its work, and gradients that wait for the next step
        loss.forward(model.forward(x), (samples.labels, np.zeros((24, 4), np.float32)))
        model.backward(*loss.backward())
        optimizer.step()
    loss.forward(model.forward(x), (samples.labels, np.zeros((24, 4), np.float32)))
    model.backward(*loss.backward())
    state = copy.deepcopy((optimizer.state, optimizer.turns, optimizer.steps, loss.terms))
    found = unchanged(model, lambda: find(model, samples, optimizer=optimizer, loss=loss))
    assert isinstance(found, RangeTest) and len(found.rates) >= 20
    np.testing.assert_equal((optimizer.state, optimizer.turns, optimizer.steps, loss.terms), state)
    assert optimizer.lr == 0.123 and optimizer.model is model


def test_batch_statistics_stay_too():
    model = tc.models.resnet_localizer(3, image_size=16, channels=(4, 6), hidden=8)
    before = {name: buffer.value.copy() for name, buffer in model.buffers().items()}
    find(model, steps=20)
    assert len(before) > 2
    for name, buffer in model.buffers().items():
        np.testing.assert_array_equal(buffer.value, before[name])
    assert not model.has_statistics


def test_what_is_interrupted_leaves_the_model_as_it_was():
    class Stopped:
        terms = {}

        def forward(self, outputs, truth):
            raise KeyboardInterrupt

        def backward(self): ...

    model = network()
    with pytest.raises(KeyboardInterrupt):
        unchanged(model, lambda: find(model, loss=Stopped()))


def test_the_first_steps_are_those_of_fit():
    """The same pictures in the same order: at a rate that is as good as none, the losses are those of an epoch."""
    seen = []

    class Told(tc.MultiTaskLoss):
        def forward(self, outputs, truth):
            seen.append(float(super().forward(outputs, truth)))
            return seen[-1]

    model, samples = network(), pictures(160)
    found = find(model, samples, lowest=1e-12, highest=1e-11, steps=20, seed=3)
    tc.fit(model, samples, epochs=1, batch_size=8, loss=Told(), seed=3, optimizer=tc.optim.SGD(model, lr=1e-12),
           progress=False)
    assert found.losses.tolist() == pytest.approx(seen) and len(set(seen)) == 20


def test_a_valley_by_hand():
    """Flat, down a line from 3 to 1 over steps 40 to 80, then up: 70 % of the fall are at step 68."""
    rates = np.geomspace(1e-5, 1, 151)
    losses = np.interp(np.arange(151), [0, 40, 80, 100, 150], [3, 3, 1, 3, 3])
    found = chosen(rates, losses, 151)
    assert rates[58] < found.suggestion < rates[70]  # smoothing lifts the bottom of the valley
    assert "70 %" in found.reason and "smallest at 0.0" in found.reason and "rises then" in found.reason
    assert f"suggested rate: {found.suggestion}" in str(found)


def test_where_it_never_turns_a_larger_rate_may_do():
    found = chosen(np.geomspace(1e-5, 1, 150), np.linspace(3, 1, 150), 150)
    assert found.suggestion and "a larger highest may show more" in found.reason


@pytest.mark.parametrize(("losses", "steps", "words"), [
    (np.full(150, 3.0), 150, "larger highest"),
    (np.r_[np.full(60, 3.0), np.linspace(3, 20, 40)], 150, "before it rose"),
    (np.array([3.0, 3.0, 90.0]), 150, "blew up after 3 steps, at a rate of"),
    (np.array([3.0]), 150, "blew up after 1 step, at a rate of"),
])  # fmt: skip
def test_without_a_fall_no_rate_is_suggested(losses, steps, words):
    found = chosen(np.geomspace(1e-5, 1, steps)[: len(losses)], losses, steps)
    assert found.suggestion is None and words in found.reason and "no rate to suggest" in str(found)


def test_a_small_fall_counts_and_a_smaller_one_does_not():
    for fallen, there in ((1.2 * FALLEN, True), (0.8 * FALLEN, False)):
        losses = np.interp(np.arange(150), [0, 50, 70, 110, 150], [3, 3, 3 - 3 * fallen, 3 - 3 * fallen, 9])
        assert (chosen(np.geomspace(1e-5, 1, 150), losses, 150).suggestion is not None) is there


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Adam", "SGD"])
def test_what_is_suggested_trains_better_than_a_tenth_or_thirty_times_as_much(kind):
    train = pictures(300, seed=1)
    model = network(channels=(8, 12), hidden=32)
    found = find(model, Dataset("squares", train, pictures(9), pictures(9), []), batch_size=16,
                 optimizer=getattr(tc.optim, kind)(model))
    losses = {}
    for factor in (0.03, 1, 30):
        model = network(channels=(8, 12), hidden=32)
        optimizer = getattr(tc.optim, kind)(model, lr=factor * found.suggestion)
        try:
            losses[factor] = tc.fit(model, train, epochs=3, batch_size=16, optimizer=optimizer,
                                    progress=False).rows[-1]["loss"]
        except TrainingError:  # it blew up
            losses[factor] = np.inf
    assert losses[1] < losses[0.03] and losses[1] < losses[30]


def test_poses_have_rates_too():
    from tinycnn.data import draw_people

    model = pose_resnet(image_size=32, channels=(4, 8), hidden=16)
    found = lr_find(model, draw_people(24, 32, 0, 4, 4), steps=20, batch_size=8, progress=False)
    assert len(found.losses) == 20 and not model.has_statistics


def test_it_stops_soon_after_the_loss_has_blown_up():
    found = find(network(), lowest=1e-3, highest=1e6, steps=100)
    assert len(found.rates) < 60 and np.isfinite(found.losses).all()


@pytest.mark.parametrize(("options", "error", "words"), [
    ({"lowest": 0}, ValueError, "lowest"), ({"lowest": 1, "highest": 0.1}, ValueError, "lowest"),
    ({"steps": 5}, ValueError, "steps must be a whole number, 20 or more"),
    ({"optimizer": "adam"}, TypeError, "lr_find: optimizer must be an object"),
    ({"loss": tc.SoftmaxCrossEntropy}, TypeError, "lr_find: loss is the class"),
    ({"optimizer": tc.optim.SGD(network())}, ValueError, "made for another model"),
])  # fmt: skip
def test_what_cannot_be_is_refused_in_its_own_name(options, error, words):
    with pytest.raises(error, match=words) as caught:
        find(network(), **options)
    assert "fit:" not in str(caught.value)


def test_a_model_that_gives_no_numbers_is_not_blamed_on_the_rate():
    model = network()
    model.parameters()["trunk.conv1.w"].value[:] = np.nan
    with pytest.raises(TrainingError, match="No weight has moved yet"):
        find(model)


@pytest.mark.slow
@pytest.mark.parametrize("losses", [np.r_[np.full(40, 3.0), np.linspace(3, 1, 40), np.linspace(1, 9, 20)],
                                    np.full(100, 3.0), np.array([2.0, 3.0, 50.0]), np.array([1.0])])  # fmt: skip
def test_the_figure(losses):
    pytest.importorskip("matplotlib")
    found = chosen(np.geomspace(1e-5, 1, 100)[: len(losses)], losses, 100)
    (ax,) = found.plot().axes
    assert ax.get_xscale() == "log" and "learning rate" in ax.get_xlabel()
    points, line = ax.lines[:2]
    assert points.get_ydata().tolist() == losses.tolist() and line.get_ydata().tolist() == found.smoothed.tolist()
    assert ("suggested" in ax.get_legend().get_texts()[-1].get_text()) is (found.suggestion is not None)
    assert found._repr_png_().startswith(b"\x89PNG")
