"""The rate of the step that a page opens on, where nobody gave one."""

import numpy as np
import pytest
from explore.networks import HOSTILE, SEEN, network_of_all_layers, pictures, told_of

import tinycnn as tc
from tinycnn.explorer import explore
from tinycnn.explorer.contents import HALVINGS, contents
from tinycnn.explorer.record import calm_twin
from tinycnn.inspection.taps import batch_of
from tinycnn.layers import Flatten, Layer, Linear, Sequential
from tinycnn.losses import MultiTaskLoss
from tinycnn.models.localizer import Localizer


def loss_after(model, samples, i, rate):
    """(loss of sample i behind a step on it alone, loss / |gradient| ** 2), by the network's own backward."""
    calm, loss = calm_twin(model), MultiTaskLoss()
    x, labels, targets = batch_of(calm, *(part[i : i + 1] for part in (samples.images, samples.labels, samples.boxes)))
    value = float(loss.forward(calm.forward(x), (labels, targets)))
    calm.backward(*loss.backward())
    size = sum(float((p.grad**2).sum()) for p in calm.parameters().values())
    for p in calm.parameters().values():
        p.value = p.value - rate * p.grad
    return float(loss.forward(calm.forward(x), (labels, targets))), value / size


def test_it_is_the_straight_one_halved_until_the_loss_of_the_first_picture_falls(tmp_path):
    model, samples = network_of_all_layers(), pictures(6, seed=3)
    explore(model, samples, tmp_path / "page.html", mistakes=False)
    told = told_of(tmp_path / "page.html")
    straight, halved, first = told["rate_straight"], told["rate_halved"], told["numbers"][0]
    assert straight == pytest.approx(np.median([loss_after(model, samples, i, 0)[1] for i in range(6)]), rel=0.5)
    before = loss_after(model, samples, first, 0)[0]
    assert halved >= 1 and told["rate_chosen"] and told["rate_falls"]
    for k in range(halved + 1):
        assert (loss_after(model, samples, first, straight / 2**k)[0] < before) == (k == halved)
    assert told["rate"] == pytest.approx(straight / 2**halved, rel=0.05)


def test_the_straight_one_stays_where_the_loss_falls_at_it():
    model = tc.models.localizer(num_classes=5, image_size=16, channels=(4,), hidden=6, classes=HOSTILE)
    samples = pictures(6, side=16)
    before = {name: p.value.copy() for name, p in model.parameters().items()}
    told, arrays = contents(model, samples)
    assert told["rate"] == told["rate_straight"] and told["rate_halved"] == 0 and told["rate_falls"]
    assert loss_after(model, samples, 0, told["rate"])[0] < loss_after(model, samples, 0, 0)[0]
    for name, value in before.items():
        np.testing.assert_array_equal(model.parameters()[name].value, value)
        np.testing.assert_array_equal(arrays[f"{name}.value"], value)


class Turned(Layer):
    """A backward with the wrong sign: against what it gives, the loss rises."""

    def forward(self, x):
        self.remember(output=x)
        return x

    def backward(self, dy):
        self.recall(dy)
        return -dy


def test_it_ends_where_no_rate_helps():
    rng = np.random.default_rng(0)
    heads = (Sequential(Linear(16 * 16 * 3, n, rng=rng), Turned()) for n in (5, 4))
    told, _ = contents(Localizer(Sequential(Flatten(), input_shape=(16, 16, 3)), *heads, HOSTILE, 16),
                       pictures(2, side=16))
    assert told["rate_halved"] == HALVINGS and not told["rate_falls"]
    assert told["rate"] == pytest.approx(told["rate_straight"] / 2**HALVINGS, rel=0.05)


def test_a_rate_that_is_given_is_taken():
    told, _ = contents(network_of_all_layers(), pictures(6, seed=3), rate=0.03)
    assert told["rate"] == 0.03 and not told["rate_chosen"]


@pytest.mark.slow  # a browser
@pytest.mark.parametrize("rate, said, leaves", [
    (None, "The rate was halved 3 times: with this one it does.", False), (1e-6, "", False), (1.0, "", True),
    (1e200, "", True)])
def test_the_curve_of_a_step_shows_where_the_loss_falls(browser, tmp_path, rate, said, leaves):
    explore(network_of_all_layers(), pictures(6, seed=3), tmp_path / "page.html", rate=rate, mistakes=False)
    page = browser.open(tmp_path / "page.html", script=SEEN)
    page.wait("document.body.dataset.ready === 'yes'")
    page.evaluate("change({view: 'step'}), 0")
    page.wait("document.querySelector('#step-curve svg.chart') !== null")
    lead = page.evaluate("document.querySelector('.lead').textContent")
    assert lead.endswith(said) and ("chosen" in lead) == (rate is None)
    before = page.evaluate("afterStep(0).total")
    assert page.evaluate("afterStep(1).total < afterStep(0).total") == (rate in (None, 1e-6))
    top = max(page.evaluate("[...document.querySelectorAll('#step-curve svg text')].map((one) => parseFloat("
                            "one.textContent.endsWith('×') ? '0' : one.textContent))"))
    note = page.evaluate("document.querySelector('#step-curve .note')?.textContent ?? ''")
    assert ("leaves the frame" in note) == leaves and before < top <= 3 * before
    drawn = page.evaluate(
        "[...document.querySelectorAll('#step-curve path')].map((one) => one.getAttribute('d')).join()")
    assert "NaN" not in drawn and "Infinity" not in drawn and not page.problems
    page.close()
