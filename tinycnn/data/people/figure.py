"""A body as a painted figure: limbs of cloth and skin, lit by one lamp, laid over each other from back to front.

Each part is a distance field (data/scenes/distances.py), rounded like a sausage. While it is painted, a second picture
notes which part is in front at every place: that says which joints are seen and which are hidden.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tinycnn.data.people.body import Body
from tinycnn.data.scenes.distances import capsule, ellipse, polygon
from tinycnn.data.scenes.painting import Light
from tinycnn.data.scenes.surfaces import hsv, step
from tinycnn.poses import JOINTS

BACKGROUND, IN_FRONT = 0, -1  # in the second picture: nobody, and something that hides the person
INDEX = {name: i for i, name in enumerate(JOINTS)}


class Clothes(NamedTuple):
    """Colors (3,) linear light, and how far sleeves and trousers reach along the limb, 0 to 2: 1 is elbow or knee."""

    skin: np.ndarray
    shirt: np.ndarray
    second: np.ndarray
    trousers: np.ndarray
    shoes: np.ndarray
    hair: np.ndarray
    sleeves: float
    legs: float
    stripes: float
    long_hair: bool


class Part(NamedTuple):
    """One piece: its name, the distance field of (x, y), its radius, its color, and the corners of where it may be."""

    name: str
    distance: Callable[[np.ndarray, np.ndarray], np.ndarray]
    radius: float
    color: np.ndarray
    corners: np.ndarray
    pattern: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    second: np.ndarray | None = None


def random_clothes(rng: np.random.Generator) -> Clothes:
    """What somebody wears, and looks like."""
    def any_color():
        return hsv(rng.random(), rng.uniform(0.05, 0.9), rng.uniform(0.15, 0.95))

    skin = hsv(rng.uniform(0.03, 0.09), rng.uniform(0.25, 0.6), rng.uniform(0.35, 0.95))
    hair = hsv(rng.uniform(0.02, 0.12), rng.uniform(0.2, 0.8), rng.uniform(0.08, 0.75))
    return Clothes(skin, any_color(), any_color(), any_color(), any_color(), hair,
                   float(rng.choice([0.0, 0.5, 2.0], p=[0.2, 0.4, 0.4])), float(rng.choice([0.6, 2.0], p=[0.35, 0.65])),
                   rng.uniform(8, 18) if rng.random() < 0.35 else 0.0, rng.random() < 0.4)


def paint(canvas: np.ndarray, body: Body, places: np.ndarray, size: float, clothes: Clothes, light: Light,
          arms_behind: bool) -> tuple[np.ndarray, list[str]]:
    """Paint a body into the canvas (3, n, n). places: (14, 2) of its joints there    size: pixels of a standing person

    Returns which part is in front at each place, (n, n) integers: 1 + its number in the list of names, that comes too.
    """
    n = canvas.shape[-1]
    owner, names = np.zeros((n, n), np.int16), []
    for part in _parts(body, places, size, clothes, arms_behind):
        names.append(part.name)
        low = np.floor(part.corners.min(axis=0) - part.radius - 2).astype(int)
        high = np.ceil(part.corners.max(axis=0) + part.radius + 3).astype(int)
        (x0, y0), (x1, y1) = np.clip(low, 0, n), np.clip(high, 0, n)
        if x1 <= x0 or y1 <= y0:
            continue
        x = np.arange(x0, x1, dtype=np.float32)[None, :] + 0.5
        y = np.arange(y0, y1, dtype=np.float32)[:, None] + 0.5
        distance = part.distance(x, y).astype(np.float32)
        cover = np.clip(0.5 - distance, 0, 1)
        deep = np.clip(-distance / part.radius, 0, 1)  # 0 at the edge, 1 on the axis
        relief = part.radius * 0.9 * np.sqrt(deep * (2 - deep))
        slope_y, slope_x = np.gradient(relief) if min(relief.shape) > 1 else (relief * 0, relief * 0)
        matte, gleam = light.on(slope_x, slope_y)
        color = part.color[:, None, None]
        if part.pattern is not None:
            color = color + (part.second - part.color)[:, None, None] * part.pattern(x, y)
        window = canvas[:, y0:y1, x0:x1]
        window += (color * matte + gleam * 0.02 - window) * cover
        owner[y0:y1, x0:x1][cover > 0.5] = len(names)
    return owner, names


def visible_joints(owner: np.ndarray, names: list[str], places: np.ndarray) -> np.ndarray:
    """Which joints are seen, (14,) bool: inside the picture, with nothing before them but parts that they belong to."""
    n = len(owner)
    seen = np.zeros(len(JOINTS), bool)
    for i, (name, (x, y)) in enumerate(zip(JOINTS, places, strict=True)):
        if 0 <= x < n and 0 <= y < n:
            front = owner[int(y), int(x)]
            seen[i] = front == BACKGROUND or (front != IN_FRONT and names[front - 1] in TOUCHING[name])
    return seen


def _touching() -> dict[str, set[str]]:
    """{joint: the parts that it lies in}"""
    found = {"neck": {"torso", "neck", "head", "hair"}, "head top": {"head", "hair"}}
    chains = ("shoulder", "upper arm", "elbow", "lower arm", "wrist", "hand"), ("hip", "upper leg", "knee", "lower leg",
                                                                              "ankle", "foot")  # fmt: skip
    for side in ("left", "right"):
        for chain in chains:
            before = "torso"
            for joint, after in zip(chain[::2], chain[1::2], strict=True):
                found[f"{side} {joint}"] = {before, f"{side} {after}"}
                before = f"{side} {after}"
    return found


TOUCHING = _touching()


def _parts(body, places, size, clothes, arms_behind):
    """From back to front: the far limbs, torso and head, the near limbs; the arms before or behind the torso."""
    at = {name: places[i] for name, i in INDEX.items()}
    r = size * body.slender
    far = "left" if body.near == "right" else "right"
    if arms_behind:
        yield from _arm(at, "left", r, clothes)
        yield from _arm(at, "right", r, clothes)
    else:
        yield from _arm(at, far, r, clothes)
    for side in (far, body.near):
        yield from _leg(at, side, r, clothes, body.heading)
    yield from _trunk(at, r, clothes)
    yield from _head(at, r, clothes, body)
    if not arms_behind:
        yield from _arm(at, body.near, r, clothes)


def _limb(name, a, b, radius, end, color, cover=0.0, cloth=None):
    """A tapering limb from a to b; the share `cover` of it, from a on, has the color of cloth."""
    if cloth is not None and cover >= 1:
        color = cloth
    corners = np.array([a, b])
    shape = lambda x, y: capsule(x, y, *a, *b, radius, end)  # noqa: E731
    if cloth is None or not 0 < cover < 1:
        return Part(name, shape, radius, color, corners)
    along = (b - a) / ((b - a) @ (b - a))
    sleeve = lambda x, y: step(cover - ((x - a[0]) * along[0] + (y - a[1]) * along[1]), -0.03, 0.03)  # noqa: E731
    return Part(name, shape, radius, color, corners, sleeve, cloth)


def _unit(v):
    """A vector of length 1 in the direction of v."""
    return v / max(np.hypot(*v), 1e-6)


def _leg(at, side, r, clothes, heading):
    hip, knee, ankle = (at[f"{side} {joint}"] for joint in ("hip", "knee", "ankle"))
    yield _limb(f"{side} upper leg", hip, knee, 0.052 * r, 0.038 * r, clothes.skin, clothes.legs, clothes.trousers)
    yield _limb(f"{side} lower leg", knee, ankle, 0.037 * r, 0.025 * r, clothes.skin, clothes.legs - 1,
                clothes.trousers)  # fmt: skip
    x, y = shin = _unit(ankle - knee)
    toes = ankle + 0.065 * r * np.array([heading * abs(y) - 0.2 * x, 0.35 * y - 0.6 * heading * x])
    yield _limb(f"{side} foot", ankle + 0.01 * r * shin, toes, 0.026 * r, 0.02 * r, clothes.shoes)


def _arm(at, side, r, clothes):
    shoulder, elbow, wrist = (at[f"{side} {joint}"] for joint in ("shoulder", "elbow", "wrist"))
    skin, sleeves, shirt = clothes.skin, clothes.sleeves, clothes.shirt
    yield _limb(f"{side} upper arm", shoulder, elbow, 0.036 * r, 0.028 * r, skin, sleeves, shirt)
    yield _limb(f"{side} lower arm", elbow, wrist, 0.027 * r, 0.02 * r, skin, sleeves - 1, shirt)
    palm = wrist + 0.03 * r * _unit(wrist - elbow)
    yield _limb(f"{side} hand", wrist, palm, 0.021 * r, 0.023 * r, clothes.skin)


def _trunk(at, r, clothes):
    corners = [at["right shoulder"], at["left shoulder"], at["left hip"], at["right hip"]]
    middle = (at["right hip"] + at["left hip"]) / 2
    axis = _unit(at["neck"] - middle)
    grown = 0.036 * r
    throat = at["neck"] + 0.25 * (at["head top"] - at["neck"])
    yield _limb("neck", at["neck"], throat, 0.03 * r, 0.028 * r, clothes.skin)

    def height(x, y):  # above the hips, along the back
        return (x - middle[0]) * axis[0] + (y - middle[1]) * axis[1]

    def stripes(x, y):
        wave = np.sin(height(x, y) * (clothes.stripes * 2 * math.pi / r))
        return step(wave, -0.3, 0.3) if clothes.stripes else np.zeros_like(wave)

    def seat(x, y):  # the trousers, up to the belt
        return np.maximum(polygon(x, y, corners, grown * 1.05), height(x, y) - 0.015 * r)

    def chest(x, y):
        return polygon(x, y, corners, grown)

    yield Part("torso", chest, 0.075 * r, clothes.shirt, np.array(corners), stripes, clothes.second)
    yield Part("torso", seat, 0.06 * r, clothes.trousers, np.array(corners))


def _head(at, r, clothes, body):
    neck, top = at["neck"], at["head top"]
    up = _unit(top - neck)
    length = np.hypot(*(top - neck)) * 0.72
    center = top - up * length / 2
    side = np.array([-up[1], up[0]])

    def turned(x, y):
        u, v = x - center[0], y - center[1]
        return u * side[0] + v * side[1], u * up[0] + v * up[1]

    def head(x, y):
        return ellipse(*turned(x, y), 0, 0, length * 0.4, length / 2)

    box = np.array([center - length, center + length])
    if clothes.long_hair:
        yield Part("hair", lambda x, y: ellipse(*turned(x, y), 0, -0.12 * length, length * 0.5, length * 0.58),
                   length * 0.4, clothes.hair, box)
    yield Part("head", head, length * 0.4, clothes.skin, box)
    line = 0.16 * length if body.front else -0.35 * length  # hair reaches down to here

    def cap(x, y):
        u, v = turned(x, y)
        return np.maximum(ellipse(u, v, 0, 0, length * 0.43, length * 0.53), line + 0.12 * u * body.heading - v)

    yield Part("hair", cap, length * 0.3, clothes.hair, box)
    if body.front:
        for eye in (-1, 1):
            look = 0.07 * body.heading * length
            place = center + side * (eye * 0.16 * length + look) - up * 0.02 * length
            yield Part("head", lambda x, y, p=place: np.sqrt((x - p[0]) ** 2 + (y - p[1]) ** 2) - 0.05 * length,
                       0.05 * length, np.full(3, 0.02, np.float32), np.array([place - 2, place + 2]))
