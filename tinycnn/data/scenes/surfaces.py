"""Surfaces to put things on: wood, grass, brick, gravel, cloth, marble, and rooms to stand in.

A texture is made in two steps. *Tone* says, for every point of a square, which of two colors it has and how much light
falls into it (gaps and cracks are dark); it is drawn straight, as a carpenter would lay it. Then the square is looked
at: turned, as a table top seen from above, or in perspective, as a floor that runs towards a wall. Colors are linear
light (twice the number is twice the light) and color planes come first, (3, H, W), as arithmetic on whole planes is
fastest that way; the camera in `camera.py` turns them into an ordinary (H, W, 3) picture at the very end.
"""

import math

import numpy as np


def hsv(hue, saturation, value):
    """A color, (3,) linear light float32, or many, (K, 3). All numbers run from 0 to 1, and the hue wraps around."""
    hue, saturation, value = (np.asarray(a)[..., None] for a in (hue, saturation, value))
    wheel = np.clip(np.abs((hue * 6 + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)  # red, green, blue of the pure hue
    return ((value * (1 - saturation * (1 - wheel))) ** 2.2).astype(np.float32)


def step(a, lo, hi):
    """0 below lo, 1 above hi, and a smooth ramp between them."""
    t = np.clip((a - lo) * (1 / (hi - lo)), 0, 1)
    return t * t * (3 - 2 * t)


# ---- noise -----------------------------------------------------------------------------------------------------------


def double(a, axis):
    """Twice as many samples along an axis: each pair of neighbors gives two, a quarter and three quarters of the way.

    Done again and again this cutting of corners (Chaikin 1974) turns random numbers into smooth quadratic splines.
    n samples give 2 n - 2.
    """
    before = (slice(None),) * (axis % a.ndim)
    near, far = a[(*before, slice(None, -1))], a[(*before, slice(1, None))]
    slope = (far - near) * 0.25
    out = np.empty((*a.shape[: len(before)], 2 * near.shape[len(before)], *a.shape[len(before) + 1 :]), dtype=a.dtype)
    np.add(near, slope, out=out[(*before, slice(0, None, 2))])
    np.subtract(far, slope, out=out[(*before, slice(1, None, 2))])
    return out


def fractal(rng, height, width, octaves, roughness=0.55, smooth=0):
    """Noise of many sizes at once, (height, width): clouds at roughness .4, sand at .8; mean 0, about 1 in size.

    The coarsest octave has grains of 2 ** (octaves - 1) pixels; the finest `smooth` octaves are left out.
    """

    def build(h, w, octave):
        fresh = rng.random((h, w), dtype=np.float32) - 0.5 if octave >= smooth else None
        if octave == octaves - 1:
            return fresh
        coarse = double(double(build((h + 3) // 2, (w + 3) // 2, octave + 1), 0), 1)[:h, :w]
        return coarse if fresh is None else coarse + fresh * roughness ** (octaves - 1 - octave)

    noise = build(height, width, 0)
    noise -= noise.mean()
    return noise / (np.sqrt(np.mean(noise * noise)) + 1e-6)


def grain(rng, n, octaves, times=3, roughness=0.8):
    """Noise stretched along the rows by 2 ** times, (n, n): wood, grass, brushed metal."""
    short = n
    for _ in range(times):
        short = (short + 3) // 2
    noise = fractal(rng, n, short, octaves, roughness)
    for _ in range(times):
        noise = double(noise, 1)
    return noise[:, :n]


def soften(canvas, times):
    """Blur a stack of planes: to half size `times` times by averaging, and smoothly back. A stand-in for a lens."""
    if times == 0:
        return canvas
    h, w = canvas.shape[-2:]
    a = np.pad(canvas, ((0, 0), (4, 4 + h % 2), (4, 4 + w % 2)), mode="edge")
    half = (a[:, 0::2, 0::2] + a[:, 1::2, 0::2] + a[:, 0::2, 1::2] + a[:, 1::2, 1::2]) * 0.25
    return double(double(soften(half, times - 1), 1), 2)[:, 3 : 3 + h, 3 : 3 + w]


# ---- tones: n -> which of two colors (n, n), 0 to 1, and how much light, about 1 -------------------------------------


def _grid(n):
    return (np.arange(n, dtype=np.float32) + 0.5) / n


def planks(rng, n, octaves):
    count = int(rng.integers(5, 11))
    v = _grid(n) * count
    row = v.astype(np.int32)
    tone = 0.45 + 0.3 * (rng.random(count, dtype=np.float32)[row] - 0.5)[:, None] + 0.16 * grain(rng, n, octaves, 4)
    edge = np.minimum(v - row, 1 - (v - row))[:, None]  # (n, 1)
    joint = np.abs((_grid(n)[None, :] + rng.random(count, dtype=np.float32)[row][:, None]) % 0.8 - 0.4)  # (n, n)
    return tone, (0.35 + 0.65 * step(edge, 0.0, 0.07)) * (0.5 + 0.5 * step(joint, 0.0, 0.008))


def bricks(rng, n, octaves):
    rows, columns = (8, 4) if rng.random() < 0.5 else (10, 5)
    v = _grid(n) * rows
    row = v.astype(np.int32)
    u = _grid(n)[None, :] * columns + (row % 2 * 0.5).astype(np.float32)[:, None]
    column = u.astype(np.int32)
    tone = 0.3 * rng.random((rows, columns + 1), dtype=np.float32)[row[:, None], column]
    across, along = np.abs(u - column - 0.5) / columns, np.abs(v - row - 0.5)[:, None] / rows
    mortar = np.maximum(step(across, 0.44 / columns, 0.49 / columns), step(along, 0.4 / rows, 0.46 / rows))
    noise = fractal(rng, n, n, octaves - 2, 0.8)
    return tone + mortar * (0.9 - tone), 1 + 0.1 * noise - 0.15 * mortar


def tiles(rng, n, octaves):
    count = int(rng.integers(4, 9))
    v = _grid(n) * count
    row = v.astype(np.int32)
    edge = np.minimum(v - row, 1 - (v - row))
    gap = step(np.minimum(edge[:, None], edge[None, :]), 0.02, 0.06)
    checker = ((row[:, None] + row[None, :]) % 2).astype(np.float32) * rng.choice([0.0, 0.35, 0.8])
    each = rng.random((count, count), dtype=np.float32)[row[:, None], row[None, :]]
    return 0.1 + checker + 0.1 * each + 0.06 * fractal(rng, n, n, octaves, 0.6), 0.55 + 0.45 * gap


def grass(rng, n, octaves):
    rows = np.arange(n)
    blades = np.float32(-9)
    for lean in (-0.5, 0.0, 0.45):  # three swaths of straw, each leaning another way
        layer = grain(rng, n, octaves - 2, 2, 0.9).T
        shift = (lean * rows).astype(np.int64)[:, None]
        blades = np.maximum(blades, layer[rows[:, None], (rows[None, :] + shift) % n])
    patches = fractal(rng, n, n, octaves, 0.5, smooth=2)
    return 0.3 + 0.2 * blades + 0.14 * patches, 0.6 + 0.3 * np.clip(blades, -1, 2)


def gravel(rng, n, octaves):
    """Stones: every point belongs to the nearest of the points strewn one to a cell (Worley 1996)."""
    count = int(rng.integers(9, 16))
    jitter = rng.random((3, count, count), dtype=np.float32)
    v = _grid(n) * count
    row = v.astype(np.int32)
    nearest, second, tone = np.float32(9), np.float32(9), np.float32(0)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            i, j = (row + dy) % count, (row + dx) % count
            cell = jitter[:, i][:, :, j]  # (3, n, n)
            d = (v[None, :] - (row + dx) - cell[0]) ** 2 + ((v - row - dy)[:, None] - cell[1]) ** 2
            closer = d < nearest
            second = np.where(closer, nearest, np.minimum(second, d))
            tone = np.where(closer, cell[2], tone)
            nearest = np.minimum(nearest, d)
    return tone, 0.35 + 0.75 * step(second - nearest, 0, 0.45) + 0.06 * fractal(rng, n, n, 3)


def cloth(rng, n, octaves):
    t = _grid(n) * (2 * math.pi * rng.uniform(28, 44))
    weave = np.sin(t)[:, None] * np.sin(t)[None, :]
    check = step(np.abs(_grid(n) * rng.integers(3, 7) % 1 - 0.5), 0.2, 0.26) * rng.choice([0.0, 0.3, 0.4])
    folds = fractal(rng, n, n, octaves, 0.35, smooth=2)
    return 0.15 + check[:, None] + check[None, :] + 0.04 * folds, 1 + 0.06 * weave + 0.16 * folds


def sand(rng, n, octaves):
    dunes = fractal(rng, n, n, octaves, 0.45, smooth=2)
    return 0.4 + 0.2 * dunes, 1 + 0.06 * fractal(rng, n, n, 3, 1.0) + 0.1 * dunes


def marble(rng, n, octaves):
    cloud = fractal(rng, n, n, octaves, 0.6)
    veins = 1 - np.abs(fractal(rng, n, n, octaves, 0.5) * 1.6)
    return 0.2 + 0.12 * cloud + 0.6 * np.maximum(veins, 0) ** 3, np.float32(1)


def plaster(rng, n, octaves):
    return 0.3 + 0.13 * fractal(rng, n, n, octaves, 0.55), 1 + 0.025 * fractal(rng, n, n, 3, 1.0)


#: Each texture with the hues it comes in (from, to), its saturation and its brightness.
TEXTURES = {
    planks: ((0.04, 0.12), (0.15, 0.65), (0.4, 0.85)),
    bricks: ((0.0, 0.09), (0.2, 0.6), (0.4, 0.75)),
    tiles: ((0.0, 1.0), (0.03, 0.4), (0.55, 0.95)),
    grass: ((0.18, 0.34), (0.35, 0.75), (0.4, 0.7)),
    gravel: ((0.04, 0.16), (0.05, 0.3), (0.45, 0.8)),
    cloth: ((0.0, 1.0), (0.1, 0.65), (0.4, 0.95)),
    sand: ((0.07, 0.14), (0.2, 0.5), (0.6, 0.9)),
    marble: ((0.0, 1.0), (0.02, 0.2), (0.7, 0.98)),
    plaster: ((0.0, 1.0), (0.05, 0.45), (0.4, 0.98)),
}


def surface(rng, n, kind=None):
    """One texture in two colors of its own kind, (3, n, n) linear light."""
    kind = kind or list(TEXTURES)[rng.integers(len(TEXTURES))]
    hues, saturations, values = TEXTURES[kind]
    hue, saturation, value = rng.uniform(*hues), rng.uniform(*saturations), rng.uniform(*values)
    near = hsv(hue, saturation, value)
    other = hsv(
        hue + rng.uniform(-0.05, 0.05),
        saturation * rng.uniform(0.5, 1.1),
        value * rng.uniform(0.5, 0.7) if value > 0.5 else value * rng.uniform(1.3, 1.7),
    )
    tone, light = kind(rng, n, max(4, round(math.log2(n / 4))))
    mixed = near[:, None, None] + (other - near)[:, None, None] * np.clip(tone, 0, 1)  # (3, n, n)
    return mixed * np.clip(light, 0.1, 1.6)


# ---- ways to look at them --------------------------------------------------------------------------------------------


def _look_up(texture, u, v):
    """The texture (3, n, n) at columns u and rows v, which broadcast to (h, w); beyond its border it is mirrored."""
    n = texture.shape[-1]
    i, j = (np.abs((c.astype(np.int32) + n) % (2 * n) - n) for c in (v, u))  # 0 to n and back
    return texture.reshape(3, -1).take(np.minimum(i, n - 1) * n + np.minimum(j, n - 1), axis=1)


def table_top(rng, n):
    """A surface seen from above at any angle, (3, n, n)."""
    texture = surface(rng, int(1.42 * n))
    if rng.random() < 0.15:
        return texture[:, :n, :n].copy()
    angle = rng.uniform(-math.pi, math.pi)
    t = np.arange(n, dtype=np.float32) - n / 2
    u = t[None, :] * math.cos(angle) - t[:, None] * math.sin(angle) + 0.71 * n
    v = t[None, :] * math.sin(angle) + t[:, None] * math.cos(angle) + 0.71 * n
    return _look_up(texture, u, v)


def out_of_focus(rng, n):
    """A far background: soft shapes and discs of light, (3, n, n)."""
    hue = rng.random()
    low, high = (
        hsv(hue, rng.uniform(0.2, 0.7), rng.uniform(0.2, 0.5)),
        hsv(hue + rng.uniform(-0.12, 0.12), rng.uniform(0.1, 0.6), rng.uniform(0.6, 0.95)),
    )
    shapes = fractal(rng, n, n, round(math.log2(n / 4)), 0.45, smooth=3)
    height = np.linspace(1, 0, n, dtype=np.float32)[:, None]
    canvas = low[:, None, None] + (high - low)[:, None, None] * np.clip(height * 0.7 + 0.25 * shapes, 0, 1)
    for _ in range(int(rng.integers(0, 9))):
        r = n * rng.uniform(0.03, 0.09)
        x, y = rng.uniform(0, n), rng.uniform(0, n * 0.8)
        x0, y0 = max(int(x - r - 2), 0), max(int(y - r - 2), 0)
        part = canvas[:, y0 : int(y + r + 3), x0 : int(x + r + 3)]
        py, px = np.ogrid[: part.shape[1], : part.shape[2]]
        d = np.sqrt((px + x0 - x) ** 2 + (py + y0 - y) ** 2).astype(np.float32)
        disc = step(r - d, -1.5, 1.5) * (0.35 + 0.4 * d / r) * rng.uniform(0.3, 0.9)
        part += disc * hsv(hue + rng.uniform(-0.1, 0.1), rng.uniform(0, 0.5), 1)[:, None, None]
    return canvas


def room(rng, n):
    """A floor that runs towards a wall or into the distance: (3, n, n), and the row where they meet."""
    horizon = rng.uniform(0.3, 0.72) * n
    eye = rng.uniform(0.25, 0.5) * n  # rows above the corner of the room at which the floor would vanish
    rows = np.arange(n, dtype=np.float32)[:, None]
    far = eye / np.maximum(rows - horizon + eye, eye * 0.5)  # 1 at the wall, smaller towards us
    side = (np.arange(n, dtype=np.float32)[None, :] - n / 2) * far
    floor = _look_up(surface(rng, n), side * 1.6 + n / 2, far * n * 1.9)
    choice = rng.random()
    if choice < 0.5:
        wall = out_of_focus(rng, n)
    else:
        wall = soften(surface(rng, n, plaster if choice < 0.75 else None), int(rng.integers(1, 3)))
    blur = step(far, 0.55, 1.0)
    floor = floor + (soften(floor, 2) - floor) * blur  # depth of field
    meet = step(rows, horizon - 1.5, horizon + 1.5)
    corner = 1 - 0.35 * np.exp(-np.abs(rows - horizon) * (25 / n))  # less light reaches a corner
    return (wall + (floor - wall) * meet) * corner, horizon
