"""The two heads' gradients against the joint backward, angles computed by hand, and other loss weights."""

import json
import math

import numpy as np
import pytest
from inspection.looks import drawn, network, pictures, unchanged

import tinycnn as tc
from tinycnn.backend import to_numpy
from tinycnn.inspection import TugOfWar, head_gradients
from tinycnn.inspection.heads import raw_head_gradients
from tinycnn.inspection.taps import batch_of, tap, twin
from tinycnn.layers import Flatten, Linear, Sequential
from tinycnn.models.localizer import Localizer


def batch(model, n=6):
    samples = pictures(n)
    return batch_of(model, samples.images, samples.labels, samples.boxes)


@pytest.mark.parametrize("per_class", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_the_two_gradients_add_up_to_the_joint_one(device, per_class, dropout):
    model = network(per_class_boxes=per_class, dropout=dropout).astype("float64").to(device)
    x, labels, targets = batch(model)
    outputs, parameters = unchanged(
        model, lambda: raw_head_gradients(model, x, labels, targets, tc.MultiTaskLoss(0.7, 3.0)))
    joint, loss = twin(model), tc.MultiTaskLoss(0.7, 3.0)
    taps = tap(joint)
    loss.forward(joint.forward(x), (labels, targets))
    joint.backward(*loss.backward())
    assert set(outputs) == {name for name in taps if name.startswith("trunk")}
    assert set(parameters) == {name for name in model.parameters() if name.startswith("trunk")}
    for name, (of_class, of_box) in outputs.items():
        np.testing.assert_allclose(of_class + of_box, to_numpy(taps[name].dy), rtol=1e-9, atol=1e-15)
        assert np.abs(of_class).max() > 0 and np.abs(of_box).max() > 0
    for name, (of_class, of_box) in parameters.items():
        np.testing.assert_allclose(of_class + of_box, to_numpy(joint.parameters()[name].grad), rtol=1e-9, atol=1e-15)


def test_norms_and_cosine_at_the_features_by_hand():
    """Without a trunk to speak of, the gradient at the features is dscores @ w_class.T and dboxes @ w_box.T."""
    rng = np.random.default_rng(0)
    trunk = Sequential(Flatten(), input_shape=(2, 2, 3))
    model = Localizer(trunk, Linear(12, 3, rng=rng), Linear(12, 4, rng=rng), ("a", "b", "c"), 2).astype("float64")
    x, labels, targets = rng.standard_normal((5, 2, 2, 3)), np.array([0, 1, 2, 0, 1]), rng.standard_normal((5, 4))
    scores, boxes = model.forward(x)
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    of_class = 0.5 * (p - np.eye(3)[labels]) / 5 @ model.class_head.w.value.T
    of_box = 2.0 * 2 * (boxes - targets) / 20 @ model.box_head.w.value.T
    seen = head_gradients(model, x, labels, targets, tc.MultiTaskLoss(0.5, 2.0)).features
    assert seen.class_norm == pytest.approx(np.linalg.norm(of_class), rel=1e-12)
    assert seen.box_norm == pytest.approx(np.linalg.norm(of_box), rel=1e-12)
    cosine = np.vdot(of_class, of_box) / np.linalg.norm(of_class) / np.linalg.norm(of_box)
    assert seen.cosine == pytest.approx(cosine, rel=1e-12)


def test_another_loss_weight_scales_norms_and_keeps_angles():
    model = network().astype("float64")
    x, labels, targets = batch(model)
    first = head_gradients(model, x, labels, targets)
    measured = head_gradients(model, x, labels, targets, tc.MultiTaskLoss(0.5, 7.0))
    computed = first.reweighted(0.5, 7.0)
    for a, b in zip(measured.outputs + measured.parameters, computed.outputs + computed.parameters, strict=True):
        assert (a.name, a.weights) == (b.name, b.weights)
        assert a.class_norm == pytest.approx(b.class_norm, rel=1e-9)
        assert a.box_norm == pytest.approx(b.box_norm, rel=1e-9)
        assert a.cosine == pytest.approx(b.cosine, abs=1e-9)
    assert measured.losses == pytest.approx(first.losses)
    # At the balanced weight both pull equally hard, whatever the weight was when it was computed.
    for seen in (first, measured.reweighted(1.0, 7.0)):
        even = head_gradients(model, x, labels, targets, tc.MultiTaskLoss(1.0, seen.balanced_box_weight)).features
        assert even.class_norm == pytest.approx(even.box_norm, rel=1e-9)


def test_the_verdict_says_who_pulls_and_how():
    model = network()
    x, labels, targets = batch(model)
    strong_box = head_gradients(model, x, labels, targets, tc.MultiTaskLoss(1.0, 1e3))
    assert "the box head pulls" in strong_box.verdict() and strong_box.verdict() in str(strong_box)
    no_box = head_gradients(model, x, labels, targets, tc.MultiTaskLoss(1.0, 0.0))
    assert no_box.features.cosine is None and no_box.balanced_box_weight is None
    assert no_box.verdict().startswith("The trunk feels nothing of the box head")
    with pytest.raises(ValueError, match="neither of them 0"):
        no_box.reweighted(1.0, 1.0)
    json.dumps(no_box.to_dict(), allow_nan=False)
    angle = math.degrees(math.acos(strong_box.features.cosine))
    assert f"angle of {angle:.0f}°" in strong_box.verdict()


def test_the_recorder_keeps_every_epoch_and_does_not_disturb_the_training():
    samples = pictures(12)

    def trained(**options):
        model = network(dropout=0.5)
        tc.fit(model, samples, epochs=3, batch_size=4, progress=False, **options)
        return {name: p.value for name, p in model.parameters().items()}

    war = TugOfWar(samples.subset(slice(0, 6)), tc.MultiTaskLoss())
    watched, alone = trained(on_epoch=war), trained()
    for name in alone:
        np.testing.assert_array_equal(watched[name], alone[name])
    assert war.epochs == [1, 2, 3] and len(war.gradients) == 3
    assert war.gradients[0].features.class_norm != war.gradients[2].features.class_norm
    json.dumps(war.to_dict(), allow_nan=False)
    pytest.importorskip("matplotlib")
    drawn(war.plot())
    silent = TugOfWar(samples, tc.MultiTaskLoss(0.0, 1.0))
    with pytest.raises(tc.TinyCNNError, match="no epoch was recorded"):
        silent.plot()
    silent({"epoch": 1}, network())
    drawn(silent.plot())
    drawn(silent.gradients[0].plot())


def test_the_colors_of_the_epochs_are_explained_below_their_panels_in_powers_of_two():
    pytest.importorskip("matplotlib")
    samples, war = pictures(6), TugOfWar(pictures(6), tc.MultiTaskLoss(1.0, 3.0))
    war({"epoch": 0}, network())
    tc.fit(network(), samples, epochs=2, batch_size=3, progress=False, on_epoch=war)
    figure = war.plot()
    figure.draw_without_rendering()
    panels, bars = figure.axes[1:3], figure.axes[3:]
    assert len(bars) == 2
    for panel, bar in zip(panels, bars, strict=True):
        above, below = panel.get_position(), bar.get_position()
        assert below.y1 < above.y0 and below.x0 == pytest.approx(above.x0, abs=0.01)
    words, places = zip(*[(tick.get_text(), place) for tick, place in zip(
        bars[0].get_xticklabels(), bars[0].get_xticks(), strict=True)], strict=True)
    assert "1" in words and 3 <= len(words) <= 9
    for word, place in zip(words, places, strict=True):
        over, _, under = word.partition("/")
        assert math.log2(int(over) / int(under or 1)) == pytest.approx(place)
