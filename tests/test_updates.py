"""Steps of several batches, averaged weights, the best weights, and callbacks of a training."""

import numpy as np
import pytest
from test_steering import SMALL, samples

import tinycnn as tc
from tinycnn.class_losses import WeightedCrossEntropy
from tinycnn.data import CutMix, Mixup
from tinycnn.errors import CheckpointError, TrainingError
from tinycnn.optim import SGD, constant
from tinycnn.tasks import task_of


def train(model=None, valid=None, epochs=2, **options):
    model = tc.models.localizer(**SMALL) if model is None else model
    options = {"batch_size": 8, "optimizer": SGD(model, lr=0.05), "schedule": constant(), "progress": False} | options
    return model, tc.fit(model, samples(), valid, epochs=epochs, **options)


def weights(model):
    return {name: p.value.copy() for name, p in model.parameters().items()}


def expect_close(one, other, atol=1e-6):
    for name, value in one.items():
        np.testing.assert_allclose(value, other[name], atol=atol, err_msg=name)


def expect_equal(one, other):
    assert all(np.array_equal(value, other[name]) for name, value in one.items())


# --- accumulate ---


@pytest.mark.parametrize("batch_size, accumulate", [(6, 2), (4, 3), (5, 99)])
def test_small_batches_make_the_step_of_a_large_one(batch_size, accumulate):
    """Of 24 pictures also an uneven last batch, 5 + 5 + 5 + 5 + 4: every picture counts the same."""
    large = train(batch_size=min(24, batch_size * accumulate))[0]
    small, _ = train(batch_size=batch_size, accumulate=accumulate)
    expect_close(weights(small), weights(large))
    assert not np.allclose(weights(small)["class_head.w"], weights(train(batch_size=batch_size)[0])["class_head.w"])


def test_an_accumulated_step_is_one_step_with_one_norm():
    model = tc.models.localizer(**SMALL)
    seen = []
    train(model, epochs=1, batch_size=4, accumulate=4, clip_norm=1e-3,
          on_step=lambda what, model: seen.append(what["step"]))  # fmt: skip
    assert seen == [1, 2]  # 6 batches: four, and the two that are left
    before = weights(tc.models.localizer(**SMALL))
    moved = np.sqrt(sum(((value - before[name]) ** 2).sum() for name, value in weights(model).items()))
    assert 0 < moved < 0.05 * 1e-3 * (1 + 1.9) + 1e-6


def test_steps_count_from_one_in_callbacks_and_in_errors_alike(tmp_path):
    seen = []

    def poison(what, model):
        seen.append((what["epoch"], what["step"]))
        if what["step"] == 3:
            model.class_head.w.value[:] = np.nan

    options = {"accumulate": 2, "out": tmp_path / "run"}  # three batches an epoch, so two steps
    train(epochs=1, **options)
    with pytest.raises(TrainingError, match=r"at step 4 \(epoch 2\)"):
        train(resume=True, on_step=poison, **options)
    assert seen == [(2, 3)]


def test_a_frozen_part_stays_as_it_is_with_accumulated_gradients():
    model, _ = train(epochs=1, accumulate=2, freeze=("trunk", 1))
    before = weights(tc.models.localizer(**SMALL))
    after = weights(model)
    assert all(np.array_equal(after[name], before[name]) == name.startswith("trunk") for name in after)


# --- mix ---


@pytest.mark.parametrize("mix", [Mixup(1.0), CutMix()])
def test_a_training_with_mixed_pictures_learns_and_goes_on_with_the_same_bits(tmp_path, mix):
    options = {"mix": mix, "epochs": 3, "valid": samples(12, seed=1), "augment": tc.data.Augment()}
    whole, _ = train(**options, out=tmp_path / "whole", gradcheck_every=4, detect_anomaly=True)
    stopped = lambda row, model: 1 / (row["epoch"] != 1)  # noqa: E731
    with pytest.raises(ZeroDivisionError):
        train(**options, out=tmp_path / "run", on_epoch=stopped)
    with pytest.raises(CheckpointError, match="mix was .*, is None"):
        train(**options | {"mix": None}, out=tmp_path / "run", resume=True,
              loss=tc.MultiTaskLoss(class_loss=WeightedCrossEntropy()))  # fmt: skip
    expect_equal(weights(train(**options, out=tmp_path / "run", resume=True, workers=2)[0]), weights(whole))
    model = tc.models.localizer(**SMALL)
    train(model, mix=mix, epochs=30, optimizer=tc.optim.Adam(model, lr=3e-3))
    assert tc.evaluate(model, samples())["accuracy"] > 0.9


def test_the_loss_of_a_mixed_batch_is_that_of_both_classes_and_of_one_box():
    model, data = tc.models.localizer(**SMALL), samples(8)
    task = task_of(model)
    task.prepare(data, None, 0, None)
    batch = next(task.batches(data, 8, shuffle=False, workers=0, mix=Mixup(1.0)))
    outputs, loss, plain = model.forward(model.normalize(batch.images)), task.usual_loss(Mixup()), tc.MultiTaskLoss()
    expected, targets = 0.0, model.standardize(batch.codes)
    for i in range(8):
        one = tuple(part[[i]] for part in outputs)
        for labels, share in ((batch.labels, batch.shares[i]), (batch.others, 1 - batch.shares[i])):
            expected += share * float(plain.forward(one, (labels[[i]], targets[[i]]))) / 8
    assert float(loss.forward(outputs, task.truth(batch))) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("options, said", [
    ({"mix": Mixup(), "loss": tc.MultiTaskLoss()}, "belong to several classes, and SoftmaxCrossEntropy"),
    ({"mix": "mixup"}, "fit: mix must be a function of images, boxes and generator"),
    ({"mix": Mixup}, "mix must be a function"),
])  # fmt: skip
def test_a_mix_that_does_not_fit_is_refused(options, said):
    with pytest.raises(TypeError, match=said):
        train(**options)


# --- average ---


def test_the_average_is_that_of_the_formula():
    steps = []
    model, _ = train(average=0.6, on_step=lambda what, model: steps.append(weights(model)))
    average = steps[0]
    for t, now in enumerate(steps[1:], 1):
        d = min(0.6, (1 + t) / (10 + t))
        average = {name: d * average[name] + (1 - d) * now[name] for name in now}
    expect_close(weights(model), average)
    expect_equal(steps[-1], weights(train()[0]))  # what learns is what would have learned without
    assert not np.array_equal(steps[-1]["class_head.w"], weights(model)["class_head.w"])


def test_what_is_validated_and_written_is_the_average(tmp_path):
    model, history = train(valid=samples(12, seed=1), average=0.9, epochs=3, out=tmp_path / "run")
    assert history.best_epoch in (1, 2, 3)
    if history.best_epoch == 3:
        expect_equal(weights(tc.load(tmp_path / "run/model.npz")), weights(model))
    measured = tc.evaluate(model, samples(12, seed=1))
    assert measured["mean_iou"] == pytest.approx(history.rows[-1]["valid_mean_iou"], abs=1e-6)


@pytest.mark.parametrize("options", [{"average": 0.9}, {"accumulate": 2}, {"average": 0.5, "restore_best": True}])
def test_a_run_that_was_stopped_ends_with_the_same_bits(options, tmp_path):
    class Stop(Exception):
        pass

    def stop(row, model):
        if row["epoch"] == 2:
            raise Stop

    valid = samples(12, seed=1)
    alone, told = train(valid=valid, epochs=4, out=tmp_path / "alone", **options)
    with pytest.raises(Stop):
        train(valid=valid, epochs=4, out=tmp_path / "run", on_epoch=stop, **options)
    again, history = train(tc.models.localizer(**SMALL | {"seed": 7}), valid, 4, out=tmp_path / "run", resume=True,
                           **options)  # fmt: skip
    expect_equal(weights(alone), weights(again))
    assert history.column("valid_mean_iou") == told.column("valid_mean_iou")
    other = {"average": 0.3} if "average" in options else {"accumulate": 3}
    with pytest.raises(CheckpointError, match=f"{next(iter(other))} was"):
        train(valid=valid, epochs=4, out=tmp_path / "run", resume=True, **options | other)


# --- the best weights ---


@pytest.mark.parametrize("out", [False, True])
def test_the_best_weights_come_back(tmp_path, out):
    kept = {}

    def spoil(row, model):
        kept[row["epoch"]] = weights(model)
        if row["epoch"] == 2:
            for p in model.parameters().values():
                p.value = p.value * 0

    options = {"out": tmp_path / "run"} if out else {}
    model = tc.models.localizer(**SMALL)
    optimizer = tc.optim.Adam(model, lr=3e-3)
    model, history = train(model, samples(12, seed=1), 4, on_epoch=spoil, restore_best=True, optimizer=optimizer,
                           **options)  # fmt: skip
    assert history.best_epoch <= 2
    expect_equal(weights(model), kept[history.best_epoch])


# --- callbacks ---


def test_every_step_is_told_and_may_set_the_rate():
    seen, model = [], tc.models.localizer(**SMALL)
    optimizer = SGD(model, lr=0.1)

    def follow(what, given):
        assert given is model
        seen.append(dict(what))
        optimizer.lr = optimizer.lr / 2

    train(model, optimizer=optimizer, on_step=follow)
    assert [(what["epoch"], what["step"]) for what in seen] == [(1, 1), (1, 2), (1, 3), (2, 4), (2, 5), (2, 6)]
    assert [what["lr"] for what in seen] == pytest.approx([0.1 / 2**k for k in range(6)])
    assert all(np.isfinite(float(what["loss"])) for what in seen)


@pytest.mark.parametrize("error, said, options", [
    (TypeError, r"on_step must be a function of \(what, model\)", {"on_step": lambda what: None}),
    (TypeError, r"on_epoch must be a function of \(row, model\)", {"on_epoch": lambda row: None}),
    (ValueError, "average is a share", {"average": 1}),
    (ValueError, "average is a share", {"average": "x"}),
    (ValueError, "accumulate must be a whole number, 1 or more", {"accumulate": 0}),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused(error, said, options):
    with pytest.raises(error, match=f"fit: {said}"):
        train(**options)
