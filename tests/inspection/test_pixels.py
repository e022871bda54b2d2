"""Saliency against finite differences of what predict says; occlusion against predictions with a square painted in."""

import numpy as np
import pytest
from inspection.looks import drawn, network, pictures, unchanged

from tinycnn import boxes
from tinycnn.backend import to_numpy
from tinycnn.inspection import occlusion, saliency
from tinycnn.inspection.taps import frames
from tinycnn.models.base import PIXEL_MEAN
from tinycnn.models.localizer import softmax


def prepared(**options):
    """A network in float64 whose box statistics and heads are such that the box lies inside the picture."""
    model = network(**options).astype("float64")
    model.box_statistics.value = np.array([[0.4, 0.5, 0.5, 0.45], [0.1, 0.2, 0.15, 0.12]])
    model.box_head.w.value *= 20
    model.class_head.w.value *= 20
    return model


def said(model, pixels, label, size):
    """(score, left, top, right, bottom) for float pixels (S, S, 3), edges in pixels of an image of `size`."""
    scores, outputs = model.forward(((pixels - PIXEL_MEAN) / model.pixel_scale)[None])
    outputs = outputs[:, label] if outputs.ndim == 3 else outputs
    return np.array([scores[0, label], *boxes.decode(outputs[0] * model.box_std + model.box_mean, size)])


@pytest.mark.parametrize("per_class", [False, True])
def test_saliency_is_the_derivative(per_class):
    model = prepared(per_class_boxes=per_class, dropout=0.5)
    model.pixel_scale = 50.0  # as AlexNet's is another one
    image = np.random.default_rng(3).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    seen = unchanged(model, lambda: saliency(model, image, label=1))
    model.eval()
    pixels, size, h = frames(model, image)[0][0].astype(float), (24, 40), 1e-4
    rng = np.random.default_rng(0)
    for _ in range(12):
        i, j, c = rng.integers(16), rng.integers(16), rng.integers(3)
        up, down = pixels.copy(), pixels.copy()
        up[i, j, c] += h
        down[i, j, c] -= h
        slope = (said(model, up, 1, size) - said(model, down, 1, size)) / (2 * h)
        found = [seen.gradients[name][i, j, c] for name in ("score", "left", "top", "right", "bottom")]
        np.testing.assert_allclose(found, slope, rtol=1e-5, atol=1e-9)
    assert seen.name == model.classes[1] and np.abs(slope).min() > 0
    assert seen.strength("right").shape == (16, 16)


def test_a_box_without_width_has_edges_that_move_together():
    model = prepared()
    model.box_head.b.value[3] = -1e3
    seen = saliency(model, pictures(1).images[0])
    np.testing.assert_array_equal(seen.gradients["left"], seen.gradients["right"])
    assert not np.array_equal(seen.gradients["top"], seen.gradients["bottom"])


def test_saliency_and_occlusion_on_devices(device):
    model, image = network(per_class_boxes=True).to(device), pictures(1).images[0]
    there, here = unchanged(model, lambda: saliency(model, image)), saliency(network(per_class_boxes=True), image)
    for name, gradient in here.gradients.items():
        np.testing.assert_allclose(there.gradients[name], gradient, rtol=1e-3, atol=1e-7)
    assert repr(there).startswith("Saliency('")
    assert there.name == here.name and there.probability == pytest.approx(here.probability, rel=1e-5)
    there, here = unchanged(model, lambda: occlusion(model, image)), occlusion(network(per_class_boxes=True), image)
    np.testing.assert_allclose(there.probability, here.probability, rtol=1e-4)


def test_occlusion_is_prediction_with_a_gray_square():
    model, image = prepared(), pictures(5).images[4]
    seen = unchanged(model, lambda: occlusion(model, image, size=5, stride=4, batch_size=3))
    assert "covered at 4 x 4 places" in repr(seen)
    assert seen.windows.shape == (4, 4, 4) and seen.windows[-1, -1].tolist() == [11, 11, 16, 16]
    plain = model.predict(image)
    assert seen.whole == pytest.approx(plain.probabilities.max()) and seen.name == model.classes[plain.labels[0]]
    np.testing.assert_allclose(seen.box, plain.boxes[0], atol=1e-9)
    for row, column in ((0, 0), (1, 3), (3, 2)):
        covered = image.copy()
        xmin, ymin, xmax, ymax = seen.windows[row, column]
        covered[ymin:ymax, xmin:xmax] = 128
        scores, _ = model.forward(model.normalize(covered[None]))
        assert seen.probability[row, column] == pytest.approx(to_numpy(softmax(scores))[0, plain.labels[0]])
        assert seen.iou[row, column] == pytest.approx(boxes.iou(model.predict(covered).boxes[0], plain.boxes[0]))


def test_each_pixel_gets_the_mean_of_the_squares_over_it():
    seen = occlusion(network(), pictures(1).images[0], size=8, stride=8)
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(seen.per_pixel(values), np.kron(values, np.ones((8, 8))))


def test_figures_are_drawn():
    pytest.importorskip("matplotlib")
    model, image = network(), pictures(1).images[0]
    drawn(saliency(model, image).plot())
    drawn(occlusion(model, image).plot())
