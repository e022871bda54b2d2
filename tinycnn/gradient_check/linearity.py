"""Is y linear in a tensor? Then its gradient is told exactly, by the adjoint test, with no step size at all."""

import numpy as np


def linearity(differences, name, u, v):
    """(is y linear in this tensor? up to a constant), [(direction, y change)] for both directions, and how far
    sum of dy * y may be off because y is a little bent, or rounded.

    Compared with y's change and not with y: what moves y by a millionth may be curved as it likes.
    """
    (yu, _), (yv, _) = differences.move(u, 1.0), differences.move(v, 1.0)
    yw, _ = differences.move({name: 0.7 * u[name] - 1.3 * v[name]}, 1.0)
    linear, bent = True, 0.0
    for y, a, b, w, dy in zip(differences.y, yu, yv, yw, differences.dys, strict=True):
        with np.errstate(all="ignore"):
            parts = [abs(part) for part in (y, a, b, w) if part.size]
            change = max((float(abs(part - y).max()) for part in (a, b) if part.size), default=0.0)
            off = abs((w - y) - 0.7 * (a - y) + 1.3 * (b - y))
            bent += float(np.sum(abs(dy) * off))
        size = max((float(part.max()) for part in parts), default=0.0)
        rounding = 1e-12 * size
        linear &= bool(np.isfinite(size)) and (not off.size or float(off.max()) <= rounding <= max(1e-6 * change, 0.0)
                                               or float(off.max()) == change == 0.0)
    responses = [[a - y for a, y in zip(moved, differences.y, strict=True)] for moved in (yu, yv)] if linear else []
    return linear, list(zip((u, v), responses, strict=False)), bent


def adjoint_error(differences, direction, response, bent=0.0):
    """|<dy, A u> - <gradient, u>| relative to the size of such products; rounding gives about 1e-15."""
    left = differences.dot(response)
    right, typical = differences.analytic(direction)
    squares = sum(np.sum((dy * part) ** 2) for dy, part in zip(differences.dys, response, strict=True))
    size = typical + float(np.sqrt(squares))
    distance = max(0.0, abs(left - right) - 4 * (differences.noise + bent))
    return distance / size if size else 0.0
