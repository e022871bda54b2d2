"""Putting a drawing into a picture: pose it, paint it, light it, let it cast a shadow.

A drawing (`things.py`) is flat. Depth below its edges, rounded off, gives it relief; the slope of that relief against
the lamp gives light and shade; and the same distance field, moved away from the lamp and cut off softly, is its shadow.
Shadows are soft, so they are taken from a coarse copy of the field, which also tells beforehand how far a drawing
reaches once it is turned. Pictures are color planes (3, n, n) of linear light, rows down and columns to the right.
"""

import math
from typing import NamedTuple

import numpy as np

from tinycnn.data.scenes.surfaces import double, fractal, hsv, step
from tinycnn.data.scenes.things import BODY, TRIM

REACH, COARSE = 1.8, 56  # the coarse copy covers -REACH to REACH of a drawing's units with COARSE x COARSE samples


class Light:
    """One lamp and what the surroundings give back: the direction to it, its color, the color of the shade."""

    def __init__(self, rng):
        azimuth, height = rng.normal(-math.pi / 2, 0.7), rng.uniform(0.55, 1.05)  # mostly from the top of the picture
        self.x, self.y = math.cos(azimuth) * math.cos(height), math.sin(azimuth) * math.cos(height)
        self.z = math.sin(height)  # towards the camera
        self.strength = rng.uniform(0.55, 0.8)  # the lamp's share of all light
        warmth = rng.uniform(-0.06, 0.1)
        self.color = np.array([1 + warmth, 1, 1 - warmth], dtype=np.float32)[:, None, None]
        self.shade = np.array([1 - warmth, 1, 1 + warmth], dtype=np.float32)[:, None, None]
        self.softness = rng.uniform(0.02, 0.09)  # of shadows, as a share of the picture
        self.falloff = rng.uniform(0, 0.35)

    def spread(self, n):
        """How bright the lamp makes each place of a flat picture, (1, n, n): brighter towards the lamp."""
        t = np.linspace(-self.falloff, self.falloff, n, dtype=np.float32)
        return 1 + t[None, None, :] * self.x + t[None, :, None] * self.y

    def on(self, slope_x, slope_y):
        """What a surface of these slopes (h, w) gives back: matte light (3, h, w), to be tinted, and a gleam (h, w)."""
        length = 1 / np.sqrt(slope_x * slope_x + slope_y * slope_y + 1)
        towards = self.z - slope_x * self.x - slope_y * self.y
        lamp = np.maximum(towards, 0) * length * (self.strength / self.z)
        sky = ((0.8 + 0.2 * slope_y) * length + 0.1) * (1.1 * (1 - self.strength))  # brighter from the top
        half = 1 / math.sqrt(self.x**2 + self.y**2 + (self.z + 1) ** 2)  # halfway between lamp and camera (Blinn 1977)
        gleam = np.maximum((towards + 1) * length * half, 0)
        for _ in range(5):
            gleam = gleam * gleam  # the 32nd power
        return lamp * self.color + sky * self.shade, gleam


class Pose(NamedTuple):
    """Where a drawing's origin lies in the picture, pixels per unit, its turn, its width (negative: mirrored)."""

    cx: float
    cy: float
    scale: float
    angle: float
    width: float

    def local(self, columns, rows):
        """Picture coordinates (w,) and (h,) as the drawing's own x and y, (h, w) float32."""
        c, s = math.cos(self.angle) / self.scale, math.sin(self.angle) / self.scale
        u, v = (columns - self.cx).astype(np.float32)[None, :], (rows - self.cy).astype(np.float32)[:, None]
        return (u * c + v * s) / self.width, v * c - u * s

    def glance(self, field, columns, rows):
        """The nearest sample of a coarse field, doubled or not, at picture coordinates that broadcast to (h, w)."""
        last = len(field) - 1
        times = (last - 1) / (
            COARSE - 2
        )  # each doubling makes 2 n - 2 of n samples, and sample m stands at m / 2 + 1 / 4
        across = times * (COARSE - 1) / (2 * REACH * self.scale)  # samples per pixel
        middle = times * (COARSE - 2) / 2 + 0.5
        j, i = (((c - o) * across + (middle + 0.5)) for c, o in ((columns, self.cx), (rows, self.cy)))
        return field[np.clip(i, 0, last).astype(np.int32), np.clip(j, 0, last).astype(np.int32)]


def silhouette(parts):
    """The distance field of everything painted."""
    return np.minimum.reduce([part.distance for part in parts])


def put(rng, canvas, drawing, light, size, horizon=None, tilt=math.pi, near=None, spare=None):
    """Paint a drawing about `size` pixels wide, if slender longer, into `canvas`; returns its coverage of it, (n, n).

    With a `horizon` (a row) it stands almost upright on the floor below that; without, it lies on the ground, turned by
    up to `tilt` radians. Its place is random, or around `near` (x, y). If it would hide more than 15 % of the
    coverage `spare`, nothing is painted and the answer is None.
    """
    n = canvas.shape[-1]
    angle = rng.uniform(-tilt, tilt) if horizon is None else rng.normal(0, 0.08)
    width = rng.uniform(0.85, 1.15) * (1 if rng.random() < 0.5 else -1)
    seed = int(rng.integers(2**62))  # the drawing is made twice, coarse and fine, with the same random numbers

    t = np.linspace(-REACH, REACH, COARSE)
    field = silhouette(drawing(np.random.default_rng(seed), *Pose(0, 0, 1, angle, width).local(t, t)))
    inside = field < 0.05
    x, y = t[inside.any(axis=0)], t[inside.any(axis=1)]
    short, long = sorted((x[-1] - x[0], y[-1] - y[0]))
    scale = min(size * (long / short) ** 0.35, 0.84 * n) / long
    w, h = (x[-1] - x[0]) * scale, (y[-1] - y[0]) * scale
    if near is None:
        rim = 0.02 * n
        lowest = rim + h if horizon is None else max(rim + h, min(horizon + 0.06 * n, 0.97 * n))
        left, bottom = rng.uniform(rim, n - rim - w), rng.uniform(lowest, n - rim)
    else:
        left, bottom = near[0] - w / 2, near[1] + h / 2
    pose = Pose(left - x[0] * scale, bottom - y[-1] * scale, scale, angle, width)

    rows, columns = _clipped(bottom - h, bottom, 3, n), _clipped(left, left + w, 3, n)
    parts = drawing(np.random.default_rng(seed), *pose.local(columns + 0.5, rows + 0.5))
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    coverage = np.zeros((n, n), dtype=np.float32)
    coverage[window] = np.clip(0.5 - silhouette(parts) * (scale * min(1, abs(width))), 0, 1)
    if spare is not None and (coverage * spare).sum() > 0.15 * spare.sum():
        return None
    background = canvas[:, *window].mean(axis=(1, 2))
    for _ in range(round(math.log2(2 * REACH / COARSE * scale))):  # until a sample is about a pixel
        field = double(double(field, 0), 1)
    cast_shadow(rng, canvas, field, pose, light, (left, bottom - h, left + w, bottom), horizon)
    lit = shaded(rng, parts, pose.local(columns, rows), scale, palette(rng, background), light)
    canvas[:, *window] += (lit - canvas[:, *window]) * coverage[window]
    return coverage


def _clipped(low, high, margin, n):
    return np.arange(max(int(low) - margin, 0), max(min(int(high) + margin, n), 1))


def cast_shadow(rng, canvas, field, pose, light, box, horizon):
    """Darken the canvas where the lamp is hidden, and a little along the edge, where less of everything arrives."""
    n = canvas.shape[-1]
    rows, columns = _clipped(box[1], box[3], n // 6, n), _clipped(box[0], box[2], n // 6, n)
    i, j = rows.astype(np.float32)[:, None] + 0.5, columns.astype(np.float32)[None, :] + 0.5
    soft = light.softness * n / pose.scale  # in the drawing's units, as the field
    crease = np.exp(np.minimum(-pose.glance(field, j, i), 0) * (40 / n * pose.scale)) * 0.3
    if horizon is None:  # it lies: the shadow is the silhouette, moved away from the lamp
        away = rng.uniform(0.02, 0.08) * n / light.z
        shadow = step(-pose.glance(field, j + light.x * away, i + light.y * away), -soft, soft * 0.6)
    else:  # it stands: what is `above` the foot darkens the floor a third as far behind it
        above = (box[3] - i) * 3
        shadow = step(-pose.glance(field, j + above * (0.7 * light.x), box[3] - above), -soft * 0.7, soft * 0.4)
        shadow *= step(above, -0.1 * n, 0.02 * n) * step(-above, -2.5 * (box[3] - box[1]), 0)
        crease *= step(i, box[1] + 0.75 * (box[3] - box[1]), box[3])
    window = canvas[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    window *= 1 - np.minimum(shadow * light.strength + crease, 0.92) * light.shade


def palette(rng, background):
    """Four colors (4, 3), one to a slot of `things.py`.

    The body's stands out from the mean of the background, (3,), and the trim's from both.
    """
    body = _standing_out(rng, 0.95 * rng.beta(1.6, 1.8, 10), rng.uniform(0.25, 1, 10), 0.3, background)
    trim = _standing_out(rng, rng.beta(2, 2, 10), rng.uniform(0.15, 1, 10), 0.18, background, body)
    hue = rng.random()
    return np.stack([body, trim, hsv(hue, 0.4, rng.uniform(0.12, 0.3)), hsv(hue, 0.12, rng.uniform(0.8, 0.98))])


def _standing_out(rng, saturations, values, enough, *others):
    """Of some colors the first that differs enough from all others, or else the one that differs most, (3,)."""
    colors = hsv(rng.random(len(values)), saturations, values)
    contrast = np.min([np.abs(np.sqrt(colors) - np.sqrt(other)).mean(axis=1) for other in others], axis=0)
    return colors[np.argmax(np.minimum(contrast, enough))]


def pattern(rng, x, y, noise):
    """What is printed on the body: how much of a second color is where, (h, w), 0 to 1."""
    kind = rng.integers(12)
    angle, size = rng.uniform(0, math.pi), rng.uniform(2.5, 5)
    c, s = size * math.cos(angle), size * math.sin(angle)
    u, v = x * c + y * s + 9, y * c - x * s + 9  # the pattern's own units, turned; nowhere negative
    if kind == 0:  # stripes
        return step(np.abs((u + 0.1 * noise) % 1 - 0.5), 0.2, 0.3)
    if kind == 1:  # dots
        return step(-np.sqrt((u % 1 - 0.5) ** 2 + (v % 1 - 0.5) ** 2), -0.34, -0.24)
    if kind == 2:  # checks
        return np.abs(step(np.abs(u % 1 - 0.5), 0.2, 0.3) - step(np.abs(v % 1 - 0.5), 0.2, 0.3))
    if kind == 3:  # patches
        return step(noise, 0.2, 0.6)
    if kind == 4:  # one color fading into the other
        return np.clip((v - 9) * (0.6 / size) + 0.5, 0, 1)
    return np.clip(0.25 + 0.2 * noise, 0, 1) * rng.random()  # plain, a little uneven


def shaded(rng, parts, local, scale, colors, light):
    """The thing as the camera sees it, (3, h, w), of use only where the thing is. `local`: its own x and y, (h, w)."""
    h, w = parts[0].distance.shape
    noise = fractal(rng, h, w, max(3, round(math.log2(scale / 2))), 0.45)
    body = colors[BODY]
    second = colors[TRIM] if rng.random() < 0.3 else np.clip(body * rng.uniform(0.4, 1.8, 3), 0, 1).astype(np.float32)
    coat = body[:, None, None] + (second - body)[:, None, None] * pattern(rng, *local, noise)

    albedo, relief = np.zeros((3, h, w), dtype=np.float32), np.zeros((h, w), dtype=np.float32)
    for k, part in enumerate(parts):
        here = np.clip(0.5 - part.distance * scale, 0, 1)
        color = coat if part.color == BODY else colors[part.color][:, None, None]
        albedo += (color - albedo) * (here if k else 1)  # the first color goes under everything: no dark seam at edges
        if isinstance(part.relief, np.ndarray):
            relief += (part.relief - relief) * here
        elif part.relief:
            depth = np.clip(part.distance * (-1 / part.relief), 0, 1)
            relief += (depth * (2 - depth) * (0.8 * part.relief) - relief) * here
    albedo *= 1 + 0.08 * noise
    relief += noise * max(0, rng.uniform(-0.006, 0.008))  # smooth, or rough

    slope_x, slope_y = np.zeros_like(relief), np.zeros_like(relief)
    slope_x[:, 1:-1] = (relief[:, 2:] - relief[:, :-2]) * (scale / 2)
    slope_y[1:-1] = (relief[2:] - relief[:-2]) * (scale / 2)
    matte, gleam = light.on(slope_x, slope_y)
    return albedo * matte + gleam * rng.uniform(0, 0.6) ** 2 * light.color
