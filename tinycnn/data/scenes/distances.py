"""Signed distance functions: figures as formulas.

A signed distance function says, for every point of the plane, how far away the edge of a figure is: negative inside,
zero on the edge, positive outside. That one number per point gives everything a picture needs: the silhouette (where it
is below zero), a smooth edge (a ramp one pixel wide), relief to be lit (depth below the edge), a soft shadow (a wide
ramp). Figures combine: `minimum` joins two, `maximum` keeps what they share, and a minus sign turns one inside out.

In every function x and y are arrays that broadcast, x to the right and y down, and all else is numbers; the answer has
their shape and dtype.
"""

import numpy as np


def circle(x, y, cx, cy, r):
    """Distance to the center, less the radius."""
    return np.sqrt((x - cx) ** 2 + (y - cy) ** 2) - r


def ellipse(x, y, cx, cy, rx, ry):
    """Exact on the edge and nearly so around it: the implicit function divided by the length of its gradient."""
    u, v = (x - cx) / rx, (y - cy) / ry
    k = np.sqrt(u * u + v * v) + 1e-6
    return k * (k - 1) / (np.sqrt((u / rx) ** 2 + (v / ry) ** 2) + 1e-6)


def box(x, y, cx, cy, half_width, half_height, r=0.0):
    """A rectangle whose corners are rounded with radius r."""
    u, v = np.abs(x - cx) - (half_width - r), np.abs(y - cy) - (half_height - r)
    outside = np.sqrt(np.maximum(u, 0) ** 2 + np.maximum(v, 0) ** 2)
    return outside + np.minimum(np.maximum(u, v), 0) - r


def capsule(x, y, ax, ay, bx, by, r, end_r=None):
    """A thick line from (ax, ay) to (bx, by) with round ends; its radius goes from r to end_r."""
    ex, ey = bx - ax, by - ay
    wx, wy = x - ax, y - ay
    t = np.clip((wx * ex + wy * ey) / (ex * ex + ey * ey), 0, 1)
    return np.sqrt((wx - ex * t) ** 2 + (wy - ey * t) ** 2) - (r if end_r is None else r + (end_r - r) * t)


def polygon(x, y, points, r=0.0):
    """The polygon through `points`, grown by r with round corners: the nearest edge, signed by the even-odd rule.

    Exact outside; inside too, unless corners point inwards and r is not 0.
    """
    nearest, inside = np.float32(np.inf), False
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
        ex, ey = bx - ax, by - ay
        wx, wy = x - ax, y - ay
        t = np.clip((wx * ex + wy * ey) / (ex * ex + ey * ey), 0, 1)
        nearest = np.minimum(nearest, (wx - ex * t) ** 2 + (wy - ey * t) ** 2)
        if ey != 0:
            crosses = ((wy >= 0) != (y >= by)) & (wx < wy * (ex / ey))
            inside = inside ^ crosses
    return np.where(inside, -1, 1).astype(nearest.dtype) * np.sqrt(nearest) - r


def ring(x, y, cx, cy, rx, ry, thickness):
    """The band of half-width `thickness` along an ellipse."""
    return np.abs(ellipse(x, y, cx, cy, rx, ry)) - thickness


def melt(a, b, k):
    """The union of two figures with the crease between them filled over a width of about k (a smooth minimum)."""
    h = np.maximum(k - np.abs(a - b), 0) / k
    return np.minimum(a, b) - h * h * (k / 4)


def lathe(x, wall):
    """The heights of a body turned around the axis x = 0 whose outline is `wall`.

    Where the wall is upright, the radius at a point is its distance from the axis plus its depth below the wall.
    """
    depth = np.maximum(-wall, 0)
    return np.sqrt(depth * (depth + 2 * np.abs(x)))
