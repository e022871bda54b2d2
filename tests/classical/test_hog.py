"""HOG against the loops and against scikit-image, its backward against differences, and pictures that are too small."""

import numpy as np
import pytest
from harness import DTYPES, LAYOUTS, expect_close, numbers, run
from hypothesis import given
from hypothesis import strategies as st

import tinycnn as tc
from tinycnn import reference
from tinycnn.backend import to_device, to_numpy
from tinycnn.classical import HogFeatures, hog
from tinycnn.errors import DtypeError, ShapeError

SHAPES = st.tuples(st.integers(0, 2), st.integers(6, 13), st.integers(6, 11), st.integers(1, 3))


@given(SHAPES, st.integers(2, 3), st.integers(2, 9), st.booleans())
def test_it_equals_the_loops(device, shape, cell, bins, interpolate):
    x = numbers(shape)
    found = to_numpy(hog(to_device(x, device), cell, bins, interpolate))
    expect_close(found, reference.hog(x, cell, bins, interpolate), "float64")


@given(SHAPES, DTYPES, LAYOUTS)
def test_as_a_layer_it_keeps_all_rules(device, shape, dtype, layout):
    x = numbers(shape, dtype)
    got = run(HogFeatures(cell=3), x, device, layout)
    assert got.y.shape == (shape[0], (shape[1] // 3 - 1) * (shape[2] // 3 - 1) * 36)


def test_it_equals_scikit_images_where_the_conventions_are_the_same():
    """scikit-image lets a pixel vote for one bin and one cell alone, as interpolate=False does."""
    theirs = pytest.importorskip("skimage.feature").hog
    for seed in range(5):
        image = np.random.default_rng(seed).random((64, 48 + 8 * seed, 3))
        expected = theirs(image, orientations=9, pixels_per_cell=(8, 8), cells_per_block=(2, 2), block_norm="L2-Hys",
                          channel_axis=2, feature_vector=False)  # fmt: skip
        found = hog(image[None], interpolate=False)[0]
        np.testing.assert_allclose(found, expected.reshape(found.shape), atol=1e-6)


def test_the_papers_numbers():
    assert HogFeatures().output_shape((64, 64, 3)) == (1764,)
    assert HogFeatures().output_shape((128, 64, 3)) == (3780,)  # height 128, width 64: a standing person


@pytest.mark.parametrize("interpolate", [True, False])
def test_its_gradient_is_right(interpolate):
    for seed in range(3):
        x = np.random.default_rng(seed).standard_normal((2, 9, 12, 2))
        if interpolate:
            report = tc.gradcheck(HogFeatures(3), x, seed=seed)
            assert report.ok, report
        else:  # votes for one bin: where an angle changes bins there is a jump, and no slope says so
            layer = HogFeatures(3, interpolate=False)
            layer.forward(x)
            assert np.isfinite(layer.backward(np.ones((2, 2 * 3 * 36)))).all()


def test_contrast_does_not_matter_and_a_flat_picture_is_zero():
    x = numbers((2, 16, 16, 3))
    np.testing.assert_allclose(hog(x), hog(50 * x + 7), atol=1e-6)
    flat = HogFeatures()
    assert (flat.forward(np.full((1, 16, 16, 3), 3.0)) == 0).all()
    assert np.isfinite(flat.backward(np.ones((1, 36)))).all()


def test_an_edge_votes_for_its_orientation():
    """A vertical edge has a horizontal difference: angle 0, shared by the first and the last bin."""
    x = np.zeros((1, 16, 16, 1))
    x[:, :, 8:] = 1
    votes = hog(x).reshape(4, 9).sum(axis=0)
    assert votes[0] == votes[8] > 0 and (votes[1:8] == 0).all()


def test_pictures_that_are_too_small_and_settings_that_make_no_sense():
    with pytest.raises(ShapeError, match="pictures of 16 x 16 pixels or more, got"):
        hog(numbers((1, 15, 40, 3)))
    with pytest.raises(ShapeError, match="batch of images"):
        hog(numbers((20, 20, 3)))
    with pytest.raises(DtypeError, match="floating-point"):
        hog(np.zeros((1, 20, 20, 3), np.uint8))
    for wrong in (dict(cell=1), dict(bins=1)):
        with pytest.raises(ValueError, match="at least 2"):
            HogFeatures(**wrong)


def test_two_heads_on_it_learn_and_are_saved(tmp_path):
    data = tc.data.scenes(n=120, image_size=32, valid=20, test=0, seed=0)
    model = tc.models.hog_localizer(len(data.classes), 32, dropout=0.1, classes=data.classes)
    history = tc.fit(model, data.train, data.valid, epochs=6, batch_size=20, progress=False,
                     optimizer=tc.optim.Adam(model, lr=3e-3))  # fmt: skip
    assert history.column("loss")[-1] < 0.95 * history.column("loss")[0]
    tc.save(model, tmp_path / "model.npz")
    read = tc.load(tmp_path / "model.npz")
    images = data.valid.images[:4]
    np.testing.assert_array_equal(read.predict(images).boxes, model.predict(images).boxes)
