"""One output taken apart adds up to what the layer computes; maps and filters show the layers' own numbers."""

import numpy as np
import pytest
from harness import convolutions
from hypothesis import assume, given
from hypothesis import strategies as st
from inspection.looks import drawn, network, pictures, unchanged

from tinycnn.backend import to_device
from tinycnn.errors import ShapeError
from tinycnn.inspection import activations, explain_conv, filters
from tinycnn.layers import Conv2d, Linear, Sequential
from tinycnn.reference import conv2d


@given(convolutions(), st.integers(0, 2**32 - 1))
def test_the_products_add_up_to_the_output(geometry, seed):
    arguments, (_, *shape) = geometry
    rng, layer = np.random.default_rng(seed), Conv2d(**arguments).astype("float64")
    layer.b.value = rng.standard_normal(layer.out_channels)
    x = rng.standard_normal((1, *shape))
    y = conv2d(x, layer.w.value, layer.b.value, layer.stride, layer.padding, layer.groups, layer.dilation)
    assume(y.size)
    position = tuple(int(rng.integers(n)) for n in y.shape[1:])
    seen = explain_conv(layer, x, *position)
    assert seen.value == pytest.approx(y[0, *position], rel=1e-10, abs=1e-12)
    assert seen.products.shape == layer.w.value.shape[:3] and seen.bias == layer.b.value[position[2]]
    # Inside the window of the input lies the patch, and zeros where the border is.
    xmin, ymin, xmax, ymax = seen.window
    for i, j in np.ndindex(*layer.kernel):
        row, column = ymin + i * layer.dilation[0], xmin + j * layer.dilation[1]
        inside = 0 <= row < shape[0] and 0 <= column < shape[1]
        expected = x[0, row, column, list(seen.channels)] if inside else 0
        np.testing.assert_array_equal(seen.patch[i, j], expected)
    reach = [(k - 1) * d + 1 for k, d in zip(layer.kernel, layer.dilation, strict=True)]
    assert [ymax - ymin, xmax - xmin] == reach


def test_words_and_devices(device):
    layer = Conv2d(5, 4, 3, padding=1, bias=False).to(device)
    x = to_device(np.random.default_rng(0).standard_normal((6, 6, 5)).astype("float32"), device)
    seen = explain_conv(layer, x, 0, 5, filter=2)
    assert str(seen).startswith("y[0, 5, 2] = ") and seen.bias == 0


def test_the_figure_is_drawn_for_pictures_and_for_maps():
    pytest.importorskip("matplotlib")
    for layer in (Conv2d(3, 4, 11, stride=4), Conv2d(5, 4, 3, padding=1)):
        drawn(explain_conv(layer, np.ones((1, 12, 12, layer.in_channels), "float32"), 0, 0).plot())


@pytest.mark.parametrize(
    ("layer", "x", "position", "error", "words"),
    [
        (Linear(3, 4), np.zeros((1, 3)), (0, 0), TypeError, "explains a Conv2d"),
        (Conv2d(3, 4, 3), np.zeros((2, 8, 8, 3)), (0, 0), ShapeError, "choose an image"),
        (Conv2d(3, 4, 3), np.zeros((8, 8, 3)), (6, 0), IndexError, "6 x 6 x 4"),
        (Conv2d(3, 4, 3), np.zeros((8, 8, 2)), (0, 0), ShapeError, "expects"),
    ],
)
def test_mistakes_are_explained(layer, x, position, error, words):
    with pytest.raises(error, match=words):
        explain_conv(layer, x, *position)


def test_activations_are_the_layers_outputs(device):
    model, image = network(dropout=0.5).to(device), pictures(1).images[0]
    seen = unchanged(model, lambda: activations(model, image, "relu2"))
    on_host = network()
    np.testing.assert_allclose(seen.maps, on_host.trunk[:"relu2"].forward(on_host.normalize(image[None]))[0], rtol=1e-5)
    assert repr(seen) == "Activations('trunk.relu2', 4 x 4 x 6)"
    assert seen.layer == "trunk.relu2" and seen.maps.shape == (4, 4, 6)
    strength = np.abs(seen.maps).mean(axis=(0, 1))
    assert list(seen.strongest(3)) == sorted(range(6), key=lambda k: -strength[k])[:3]
    with pytest.raises(ShapeError, match="before Flatten"):
        activations(model, image, "fc1")
    pytest.importorskip("matplotlib")
    drawn(seen.plot())
    drawn(activations(model, image, "conv1").plot(most=2))


def test_filters_are_drawn_for_color_and_gray():
    pytest.importorskip("matplotlib")
    drawn(filters(network()))
    drawn(filters(Conv2d(1, 3, 5)))
    with pytest.raises(ShapeError, match="mixes 4 channels"):
        filters(Conv2d(4, 3, 5))
    with pytest.raises(TypeError, match="has none"):
        filters(Sequential(Linear(3, 4)))
