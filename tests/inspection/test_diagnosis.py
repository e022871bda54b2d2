"""Every fault is planted, one at a time, into a healthy network or healthy data, and must be found by its name."""

import copy
import json

import numpy as np
import pytest
from inspection.looks import CLASSES, drawn, network, pictures, unchanged

import tinycnn as tc
from tinycnn.data.dataset import Dataset, Samples
from tinycnn.inspection import data_checks, diagnose
from tinycnn.layers import Flatten, Linear, Sequential
from tinycnn.models.localizer import Localizer

pytestmark = pytest.mark.slow  # networks trained to be diagnosed


def changed(samples, **parts):
    """The same Samples with other images, labels or boxes."""
    kept = {name: getattr(samples, name) for name in ("images", "labels", "boxes", "names", "classes")}
    return Samples(**kept | parts)


@pytest.fixture(scope="module")
def data():
    parts = [pictures(n, seed=seed) for n, seed in ((150, 1), (60, 2), (30, 3))]
    return Dataset("rectangles", *parts, notes=[])


@pytest.fixture(scope="module")
def trained(data):
    model = network(channels=(8, 12), hidden=24)
    tc.fit(model, data.train, epochs=8, batch_size=16, optimizer=tc.optim.Adam(model, lr=3e-3), progress=False)
    return model


def levels(diagnosis):
    return {finding.check: finding.level for finding in diagnosis.findings}


def wrong(diagnosis):
    return {finding.check for finding in diagnosis.findings if finding.level == "wrong"}


@pytest.fixture(scope="module")
def healthy(trained, data):
    return unchanged(trained, lambda: diagnose(trained, data))


def test_a_healthy_network_is_healthy(healthy):
    assert healthy.ok and not wrong(healthy)
    assert set(levels(healthy)) == {
        "labels", "boxes", "boxes fit pictures", "doubles", "classes", "weights", "box statistics", "first loss",
        "learn a handful", "layers", "heads", "same box", "same class", "learned"}  # fmt: skip
    assert levels(healthy)["same box"] == levels(healthy)["learned"] == "fine"
    assert healthy["same box"].numbers["variance ratio"] > 0.25 and healthy["same box"].numbers["gain"] > 0.3


def test_text_json_and_figure(healthy):
    text = str(healthy)
    assert "0 wrong" in text and max(map(len, text.splitlines())) <= 118
    assert json.loads(json.dumps(healthy.to_dict(), allow_nan=False))["ok"] is True
    pytest.importorskip("matplotlib")
    drawn(healthy.plot())


def test_an_untrained_network_is_not_called_broken(data):
    diagnosis = diagnose(network(channels=(8, 12), hidden=24), data)
    assert diagnosis.ok and diagnosis["learn a handful"].level == "fine"
    assert "not been trained yet" in diagnosis["same box"].advice
    assert diagnosis["first loss"].numbers["class"] == pytest.approx(np.log(3), abs=0.1)


def test_the_numbers_of_same_box_by_hand(trained, data):
    diagnosis = diagnose(trained, data, overfit_steps=0)
    assert "learn a handful" not in levels(diagnosis)
    valid, truth = data.valid, tc.boxes.encode(data.valid.boxes, data.valid.sizes)
    calm = copy.deepcopy(trained).eval()
    _, outputs = calm.forward(calm.normalize(valid.images))
    codes = outputs.astype(np.float64) * calm.box_std + calm.box_mean
    std = calm.box_std  # of the same training pictures
    ratio = (codes / std).var(axis=0).sum() / (truth / std).var(axis=0).sum()
    gain = 1 - (((codes - truth) / std) ** 2).mean() / (((calm.box_mean - truth) / std) ** 2).mean()
    assert diagnosis["same box"].numbers["variance ratio"] == pytest.approx(ratio, rel=1e-6)
    assert diagnosis["same box"].numbers["gain"] == pytest.approx(gain, rel=1e-6)
    labels = trained.predict(valid.images).labels
    assert diagnosis["learned"].numbers["unseen"] == (labels == valid.labels).mean()


def test_the_same_box_for_every_image_because_its_head_is_dead(trained, data):
    model = copy.deepcopy(trained)
    model.box_head.w.value *= 0
    diagnosis = diagnose(model, data, overfit_steps=0)
    assert wrong(diagnosis) >= {"same box", "heads"}
    assert diagnosis["same box"].measured.startswith("it predicts the same box for every image")
    assert diagnosis["same box"].numbers["variance ratio"] == pytest.approx(0, abs=1e-9)
    assert "No gradient of the box head arrives" in diagnosis["same box"].advice


def test_the_same_box_because_the_loss_weight_is_tiny(data):
    model, loss = network(channels=(8, 12), hidden=24), tc.MultiTaskLoss(1.0, 1e-6)
    tc.fit(model, data.train, epochs=1, batch_size=50, loss=loss, progress=False)
    diagnosis = diagnose(model, data, loss=loss, overfit_steps=0)
    assert "same box" in wrong(diagnosis) and levels(diagnosis)["heads"] == "worth a look"
    assert "MultiTaskLoss(box_weight=" in diagnosis["same box"].advice
    assert diagnosis["heads"].numbers["balanced box_weight"] > 1e-3


def test_the_same_box_because_the_heads_weights_are_nearly_zero(trained, data):
    model = copy.deepcopy(trained)
    model.box_head.w.value *= np.float32(1e-4)
    diagnosis = diagnose(model, data, overfit_steps=0)
    assert "same box" in wrong(diagnosis) and "weights are nearly 0" in diagnosis["same box"].advice
    assert "weights are nearly 0" in diagnosis["heads"].advice


def test_the_same_box_because_a_layer_is_dead(trained, data):
    model = copy.deepcopy(trained)
    model.trunk["conv2"].b.value[:] = -1e3
    diagnosis = diagnose(model, data, overfit_steps=20)
    assert wrong(diagnosis) >= {"layers", "same box", "same class", "learn a handful"}
    assert "Nothing passes relu2" in diagnosis["layers"].advice
    assert diagnosis["layers"].measured.startswith("conv2: 100 %")
    assert "dead or blind" in diagnosis["same box"].advice


@pytest.mark.parametrize("rare, level", [(8, "wrong"), (3, "worth a look"), (0, "fine")])
def test_the_same_class_where_nearly_all_pictures_are_of_it(trained, data, rare, level):
    """Always the most frequent class is right for most, and still the same answer to every picture."""
    blind = copy.deepcopy(trained)
    blind.class_head.w.value *= 0
    blind.class_head.b.value[:] = 0, 9, 0
    few = pictures(400, seed=5)
    kept = np.r_[np.flatnonzero(few.labels == 1), np.flatnonzero(few.labels == 0)[:rare]]
    unequal = Dataset("unequal", data.train, few.subset(kept), data.test, notes=[])
    found = diagnose(blind, unequal, overfit_steps=0)["same class"]
    assert found.level == level and found.numbers["true largest share"] > 0.9
    assert ("so are 100 % of the" in found.measured) == ("--balance" in (found.advice or "")) == (rare > 0)
    assert diagnose(trained, unequal, overfit_steps=0)["same class"].level == "fine"


def test_a_loss_weight_of_zero(trained, data):
    for loss, silent in ((tc.MultiTaskLoss(1.0, 0.0), "box"), (tc.MultiTaskLoss(0.0, 1.0), "class")):
        diagnosis = diagnose(network(), data, loss=loss, overfit_steps=60)
        assert wrong(diagnosis) >= {"heads", "learn a handful"}
        assert f"nothing of the {silent} head" in diagnosis["heads"].measured


def test_shuffled_labels_learned_by_heart(data):
    """A network knows 24 pictures by heart whatever their labels; on others it guesses."""
    few = data.train.subset(slice(0, 24))
    shuffled = changed(few, labels=np.random.default_rng(3).permutation(few.labels))
    model = network(channels=(8,), hidden=64)
    tc.fit(model, shuffled, epochs=60, batch_size=12, optimizer=tc.optim.Adam(model, lr=3e-3), progress=False)
    diagnosis = diagnose(model, Dataset("shuffled", shuffled, data.valid, data.test, notes=[]), overfit_steps=0)
    assert diagnosis["learned"].level == "wrong" and "shuffled" in diagnosis["learned"].advice


def test_a_backward_with_the_wrong_sign_cannot_learn_a_handful(data):
    class Wrong(Linear):
        def backward(self, dy, input_gradient=True):
            dx = super().backward(dy, input_gradient)
            self.w.grad, self.b.grad = -self.w.grad, -self.b.grad
            return dx

    rng = np.random.default_rng(0)
    trunk = Sequential(Flatten(), input_shape=(16, 16, 3))
    model = Localizer(trunk, Wrong(768, 3, rng=rng), Wrong(768, 4, rng=rng), CLASSES, 16)
    model.class_head.w.value *= np.float32(0.01)
    model.box_head.w.value *= np.float32(0.01)
    assert "learn a handful" in wrong(diagnose(model, data, overfit_steps=60))


def test_heads_that_start_sure_of_themselves(data):
    rng = np.random.default_rng(0)
    trunk = Sequential(Flatten(), input_shape=(16, 16, 3))
    model = Localizer(trunk, Linear(768, 3, rng=rng), Linear(768, 4, rng=rng), CLASSES, 16)
    model.class_head.w.value *= 20
    diagnosis = diagnose(model, data, overfit_steps=0)
    assert "first loss" in wrong(diagnosis) and "small weights" in diagnosis["first loss"].advice


def test_classes_that_mean_something_else(trained, data):
    assert wrong(diagnose(network(num_classes=2, classes=("a", "b")), data)) == {"classes"}
    parts = (Samples(p.images, p.labels, p.boxes, p.names, CLASSES[::-1]) for p in data.parts.values())
    other = Dataset("other", *parts, notes=[])
    diagnosis = diagnose(trained, other)
    assert "another order" in diagnosis["classes"].advice
    with pytest.raises(tc.TinyCNNError, match="ended before"):
        diagnosis.plot()


def test_weights_that_are_no_numbers(trained, data):
    model = copy.deepcopy(trained)
    model.trunk["conv2"].w.value[0, 0, 0, 0] = np.nan
    diagnosis = diagnose(model, data)
    assert wrong(diagnosis) == {"weights"} and diagnosis["weights"].measured.startswith("conv2.w:")


def data_levels(train, **others):
    return {finding.check: finding for finding in data_checks.run({"train": train, **others}, seed=0)}


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (lambda b: b[:, [1, 0, 3, 2]], "x and y exchanged"),
        (lambda b: np.stack([16 - b[:, 2], b[:, 1], 16 - b[:, 0], b[:, 3]], axis=1), "left and right mirrored"),
        (lambda b: np.stack([b[:, 0], 16 - b[:, 3], b[:, 2], 16 - b[:, 1]], axis=1), "top and bottom mirrored"),
        (lambda b: np.roll(b, len(b) // 2, axis=0), "the boxes of other pictures"),
    ],
)
def test_boxes_that_mean_something_else(data, reading, words):
    found = data_levels(changed(data.train, boxes=reading(data.train.boxes)))["boxes fit pictures"]
    assert found.level == "wrong" and words in found.measured
    assert data_levels(data.train)["boxes fit pictures"].level == "fine"


def test_boxes_of_no_picture_at_all(data):
    boxes = pictures(150, seed=77).boxes
    assert data_levels(changed(data.train, boxes=boxes))["boxes fit pictures"].level == "worth a look"


def test_boxes_normalized_twice_or_meaningless(data, trained):
    twice = changed(data.train, boxes=data.train.boxes / 16)
    assert "normalized already" in data_levels(twice)["boxes"].advice
    diagnosis = diagnose(trained, twice, overfit_steps=0)
    assert wrong(diagnosis) >= {"boxes", "box statistics"}
    same = changed(data.train, boxes=np.tile(np.float32([2, 2, 9, 9]), (150, 1)))
    assert "All boxes are the same" in data_levels(same)["boxes"].advice
    whole = np.tile(np.float32([0, 0, 16, 16]), (150, 1))
    whole[:10] = [0, 0, 8, 8]
    assert "whole picture" in data_levels(changed(data.train, boxes=whole))["boxes"].advice


def test_labels_that_never_occur(data):
    without = data.train.subset(data.train.labels != 1)
    found = data_levels(without, valid=data.valid)["labels"]
    assert found.level == "wrong" and "square" in found.measured
    assert data_levels(without)["labels"].level == "worth a look"
    rare = data.train.subset(np.r_[np.flatnonzero(data.train.labels != 1), 1])
    assert "rarest" in data_levels(rare)["labels"].measured


def test_pictures_that_are_in_two_parts(data):
    twice = changed(data.valid, images=np.concatenate([data.train.images[7:8], data.valid.images[1:]]))
    found = data_levels(data.train, test=twice)["doubles"]
    assert found.level == "wrong" and "test picture-0 and train picture-7" in found.measured
    noisy = data.train.images[7:8].astype(int) + np.random.default_rng(0).integers(-3, 4, (1, 16, 16, 3))
    noisy = np.clip(noisy, 0, 255).astype(np.uint8)
    nearly = changed(data.valid, images=np.concatenate([noisy, data.valid.images[1:]]))
    found = data_levels(data.train, test=nearly)["doubles"]
    assert found.level == "worth a look" and found.numbers["nearly the same"] == 1
    assert data_levels(data.train, test=data.test)["doubles"].level == "fine"


def test_networks_on_devices_with_one_box_per_class(device, data):
    model = network(per_class_boxes=True, dropout=0.5).to(device)
    diagnosis = unchanged(model, lambda: diagnose(model, data.train.subset(slice(0, 40)), overfit_steps=5))
    assert "doubles" not in levels(diagnosis) and "same box" in levels(diagnosis)


def test_a_tiny_network_is_slow_and_not_broken(data):
    few = diagnose(network(), data, overfit_steps=150)
    assert few.ok and few["learn a handful"].level == "worth a look"
    assert diagnose(network(), data, overfit_steps=400)["learn a handful"].level == "fine"


def test_no_pictures():
    with pytest.raises(tc.TinyCNNError, match="needs training pictures"):
        diagnose(network(), pictures(0))


def test_a_box_head_whose_gradient_is_never_added(data):
    class Forgetful(Localizer):
        def backward(self, dscores, dboxes, input_gradient=True):
            (trunk, class_head, box_head), _, _ = self.recall()
            box_head.backward(dboxes)
            return trunk.backward(class_head.backward(dscores), input_gradient)

    whole = network()
    model = Forgetful(whole.trunk, whole.class_head, whole.box_head, CLASSES, 16)
    diagnosis = diagnose(model, data, overfit_steps=0)
    assert "heads" in wrong(diagnosis) and "nothing of the box head" in diagnosis["heads"].measured
    assert "does not add what box_head.backward returns" in diagnosis["heads"].advice


def test_a_silent_head_is_told_why(trained, data):
    dead = copy.deepcopy(trained)
    dead.box_head.w.value *= 0
    assert "weights are all 0" in diagnose(dead, data, overfit_steps=0)["heads"].advice
    silenced = diagnose(trained, data, loss=tc.MultiTaskLoss(1.0, 0.0), overfit_steps=0)
    assert "Its loss weight is 0" in silenced["heads"].advice
