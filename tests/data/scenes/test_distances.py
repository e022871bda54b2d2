"""Signed distance functions: distances are distances to the edge, and drawings made of them fill their frame."""

import numpy as np
import pytest
from scipy.spatial import cKDTree
from skimage.measure import points_in_poly

from tinycnn.data.scenes.distances import box, capsule, circle, ellipse, polygon
from tinycnn.data.scenes.things import BODY, CLASSES, CLUTTER, DARK, PALE, TRIM


def grid(n=81, reach=1.5):
    t = np.linspace(-reach, reach, n, dtype=np.float32)
    return np.broadcast_arrays(t[None, :], t[:, None])


def distance_to_edge(figure, x, y):
    """The distance by search: to the nearest place on a fine grid where inside and outside meet."""
    u, v = grid(1201)
    inside = figure(u, v) < 0
    edge = inside[:-1, :-1] ^ (inside[1:, :-1] & inside[:-1, 1:] & inside[1:, 1:])
    edge |= (inside[:-1, :-1] ^ inside[1:, :-1]) | (inside[:-1, :-1] ^ inside[:-1, 1:])
    half = 1.5 / 1200
    found = cKDTree(np.stack([u[:-1, :-1][edge] + half, v[:-1, :-1][edge] + half], axis=1))
    return found.query(np.stack([x.ravel(), y.ravel()], axis=1))[0].reshape(x.shape)


STAR = [(0.0, -1.0), (0.25, -0.2), (1.0, 0.1), (0.2, 0.3), (-0.1, 0.9), (-0.7, -0.2)]


@pytest.mark.parametrize(
    "figure",
    [
        lambda x, y: circle(x, y, 0.1, -0.2, 0.7),
        lambda x, y: box(x, y, -0.1, 0.2, 0.8, 0.4, 0.2),
        lambda x, y: capsule(x, y, -0.6, -0.5, 0.5, 0.6, 0.25),
        lambda x, y: polygon(x, y, STAR),
        lambda x, y: polygon(x, y, [(-0.6, -0.5), (0.7, -0.3), (0.2, 0.8)], 0.15),
    ],
    ids=["circle", "box", "capsule", "polygon", "round polygon"],
)
def test_distances_are_distances_to_the_edge(figure):
    x, y = grid(51)
    d = figure(x, y)
    assert d.dtype == np.float32
    assert np.abs(np.abs(d) - distance_to_edge(figure, x, y)).max() < 0.01  # the fine grid has steps of 0.0025


def test_polygon_agrees_with_scikit_image_about_inside():
    x, y = grid()
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    d = polygon(x, y, STAR)
    clear = np.abs(d) > 1e-4
    assert np.array_equal((d < 0)[clear], points_in_poly(points, STAR).reshape(d.shape)[clear])


def test_ellipse_is_exact_on_its_edge_and_has_slope_one_there():
    turn = np.linspace(0, 2 * np.pi, 100)
    normal = np.stack([np.cos(turn) / 0.9, np.sin(turn) / 0.3])
    normal /= np.sqrt((normal**2).sum(axis=0))
    x, y = 0.1 + 0.9 * np.cos(turn), -0.2 + 0.3 * np.sin(turn)
    assert np.abs(ellipse(x, y, 0.1, -0.2, 0.9, 0.3)).max() < 1e-5
    out = ellipse(x + 1e-3 * normal[0], y + 1e-3 * normal[1], 0.1, -0.2, 0.9, 0.3)
    assert np.allclose(out, 1e-3, rtol=0.02)


@pytest.mark.parametrize("drawing", [*CLASSES.values(), *CLUTTER], ids=lambda drawing: drawing.__name__)
def test_drawings_fill_their_frame_in_single_precision(drawing):
    for seed in range(5):
        x, y = grid(61, 1.8)
        parts = drawing(np.random.default_rng(seed), x, y)
        d = np.minimum.reduce([part.distance for part in parts])
        assert d.dtype == np.float32 and d.shape == x.shape and np.isfinite(d).all()
        rows, columns = (d < 0).any(axis=1), (d < 0).any(axis=0)
        longer = max(np.ptp(x[0][columns]), np.ptp(y[:, 0][rows]))
        assert 1 < longer < 2.3
        assert not (rows[0] or rows[-1] or columns[0] or columns[-1])
        assert all(part.color in (BODY, TRIM, DARK, PALE) for part in parts)
