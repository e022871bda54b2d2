"""A gradient's terms against the gradient: exactly in integers, to rounding in floating point, on every geometry."""

import json

import numpy as np
import pytest
from harness import convolutions
from hypothesis import given
from hypothesis import strategies as st
from inspection.looks import drawn, network, pictures, unchanged

import tinycnn as tc
from tinycnn.inspection import provenance, receptive_field
from tinycnn.inspection.provenance import contributions
from tinycnn.inspection.taps import batch_of
from tinycnn.layers import Conv2d


@given(convolutions(), st.integers(0, 2**32 - 1))
def test_the_terms_sum_to_the_gradient_exactly(geometry, seed):
    """Small integers have exact sums in any order: nothing is left to tolerance."""
    arguments, shape = geometry
    rng, layer = np.random.default_rng(seed), Conv2d(**arguments).astype("float64")
    x = rng.integers(-8, 9, shape).astype(float)
    dy = rng.integers(-8, 9, layer.forward(x).shape).astype(float)
    layer.backward(dy)
    weight = tuple(int(rng.integers(n)) for n in layer.w.value.shape)
    terms = contributions(layer, x, dy, weight)
    assert terms.shape == dy.shape[:3]
    assert terms.sum() == layer.w.grad[weight]


def traced_back(model, **options):
    samples = pictures()
    return provenance(model, samples.images, samples.labels, samples.boxes, **options)


def test_a_weight_in_a_whole_network(device):
    model, samples, loss = network(dropout=0.5).astype("float64").to(device), pictures(), tc.MultiTaskLoss(1.0, 2.0)
    origin = unchanged(model, lambda: traced_back(model, layer="conv2", weight=(0, 2, 3, 5), loss=loss))
    assert origin.contributions.shape == (12, 8, 8) and origin.layer == "trunk.conv2"
    assert origin.contributions.sum() == pytest.approx(origin.gradient, rel=1e-10)
    assert origin.per_image.sum() == pytest.approx(origin.gradient, rel=1e-10)
    # The same step as trace takes: the same masks, the same gradient.
    seen = tc.inspection.trace(model, samples.images, samples.labels, samples.boxes, loss=loss)
    assert abs(origin.gradient) <= seen.parameter("conv2.w").gradient_norm
    with np.errstate(invalid="ignore"):
        shares = [c.share for c in origin.strongest(12 * 8 * 8)]
    assert np.abs(shares).sum() == pytest.approx(1)
    signed = origin.gradient / np.abs(origin.contributions).sum()
    assert np.sum(shares) == pytest.approx(signed) and origin.cancelled == pytest.approx(1 - abs(signed))


def test_by_default_the_weight_with_the_largest_gradient():
    model, samples = network(), pictures()
    origin = traced_back(model, layer="conv1")
    x, labels, targets = batch_of(model, samples.images, samples.labels, samples.boxes)
    loss = tc.MultiTaskLoss()
    loss.forward(model.forward(x), (labels, targets))
    model.backward(*loss.backward())
    dw = model.trunk["conv1"].w.grad
    assert abs(dw[origin.weight]) == np.abs(dw).max()
    assert origin.gradient == pytest.approx(float(dw[origin.weight]), rel=1e-6)
    assert origin.kernel[origin.weight[0], origin.weight[1]] == pytest.approx(origin.value)


def test_only_the_named_windows_matter():
    """Paint over all but a term's window, and the number that the weight met there stays the same."""
    model, samples = network(), pictures()
    origin = traced_back(model, layer="conv2", weight=(1, 1, 2, 3))
    best = origin.strongest(1)[0]
    assert best.window == receptive_field(model, "conv2", best.row, best.column)
    assert abs(best.value) == np.abs(origin.contributions).max()
    assert best.value == origin.contributions[best.image, best.row, best.column]
    xmin, ymin, xmax, ymax = best.window
    image, painted = samples.images[best.image], np.full((16, 16, 3), 77, np.uint8)
    painted[ymin:ymax, xmin:xmax] = image[ymin:ymax, xmin:xmax]
    maps = model.trunk[:"conv2"].forward(model.normalize(np.stack([image, painted])))
    np.testing.assert_allclose(*maps[:, best.row, best.column], rtol=1e-5)
    assert {c.image for c in origin.strongest(3, image=best.image)} == {best.image}


def test_mistakes_are_explained():
    with pytest.raises(TypeError, match="needs a Conv2d"):
        traced_back(network(), layer="fc1")
    with pytest.raises(IndexError, match=r"inside \(3, 3, 3, 4\)"):
        traced_back(network(), layer="conv1", weight=(3, 0, 0, 0))


def test_text_json_and_figure():
    origin = traced_back(network(), layer="conv1", weight=(0, 0, 0, -1))
    assert origin.weight == (0, 0, 0, 3) and "conv1.w[0, 0, 0, 3]" in str(origin)
    json.dumps(origin.to_dict(), allow_nan=False)
    pytest.importorskip("matplotlib")
    drawn(origin.plot())
