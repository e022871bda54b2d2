"""A body as a painted figure: limbs of cloth and skin, lit by one lamp, laid over each other from back to front.

Each part is a distance field (data/scenes/distances.py), rounded like a sausage. While it is painted, a second picture
notes which part is in front at every place: that says which joints are seen and which are hidden.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tinycnn.data.people.body import Body
from tinycnn.data.scenes.distances import capsule, circle, ellipse, polygon
from tinycnn.data.scenes.painting import Light
from tinycnn.data.scenes.surfaces import hsv, step
from tinycnn.poses import JOINTS

BACKGROUND, IN_FRONT = 0, -1  # in the second picture: nobody, and something that hides the person
SHADOW, DARKEST = 0.03, 0.55  # of a limb on what is close behind it: how far it reaches, of a person's height
WHITE, BLACK = np.full(3, 0.8, np.float32), np.full(3, 0.02, np.float32)
INDEX = {name: i for i, name in enumerate(JOINTS)}


class Clothes(NamedTuple):
    """Colors (3,) linear light, and how far sleeves and trousers reach along the limb, 0 to 2: 1 is elbow or knee.

    arms: the sleeves' color    open_at: how far the neckline reaches down    bag: a rucksack, seen from behind
    """

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
    arms: np.ndarray
    open_at: float
    bag: bool


class Part(NamedTuple):
    """One piece: its name, the distance field of (x, y), its radius, its color, and the corners of where it may be;
    where its pattern of (x, y) is 1, it has the second color. Pieces of one limb cast no shadow on each other.
    """

    name: str
    distance: Callable[[np.ndarray, np.ndarray], np.ndarray]
    radius: float
    color: np.ndarray
    corners: np.ndarray
    pattern: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    second: np.ndarray | None = None
    limb: str = ""


def random_clothes(rng: np.random.Generator) -> Clothes:
    """What somebody wears, and looks like."""
    def any_color():
        return hsv(rng.random(), rng.uniform(0.05, 0.9), rng.uniform(0.15, 0.95))

    skin = hsv(rng.uniform(0.03, 0.09), rng.uniform(0.25, 0.6), rng.uniform(0.35, 0.95))
    hair = hsv(rng.uniform(0.02, 0.12), rng.uniform(0.2, 0.8), rng.uniform(0.08, 0.75))
    shirt, second, trousers, shoes = (any_color() for _ in range(4))
    sleeves = float(rng.choice([0.0, 0.5, 2.0], p=[0.2, 0.4, 0.4]))
    legs = float(rng.choice([0.6, 2.0], p=[0.35, 0.65]))
    stripes, long_hair = rng.uniform(8, 18) if rng.random() < 0.35 else 0.0, rng.random() < 0.4
    (own,) = rng.spawn(1)  # a stream of its own, which moves nothing else in the picture
    if 0.4 < hair.mean() / skin.mean() < 2.5:  # a face is seen beside another color
        hair = hair * np.float32(0.3 if skin.mean() > 0.1 else 4)
    return Clothes(skin, shirt, second, trousers, shoes, hair, sleeves, legs, stripes, long_hair,
                   second if own.random() < 0.3 else shirt, own.uniform(0.03, 0.07), own.random() < 0.6)


def paint(canvas: np.ndarray, body: Body, places: np.ndarray, size: float, clothes: Clothes, light: Light,
          arms_behind: bool) -> tuple[np.ndarray, list[str]]:
    """Paint a body into the canvas (3, n, n). places: (14, 2) of its joints there    size: pixels of a standing person

    Returns which part is in front at each place, (n, n) integers: 1 + its number in the list of names, that comes too.
    """
    n = canvas.shape[-1]
    owner, names, limbs = np.zeros((n, n), np.int16), [], [""]
    rim = SHADOW * size
    for part in _parts(body, places, size, clothes, arms_behind):
        names.append(part.name)
        limbs.append(part.limb or part.name)
        low = np.floor(part.corners.min(axis=0) - part.radius - 2 - rim).astype(int)
        high = np.ceil(part.corners.max(axis=0) + part.radius + 3 + rim).astype(int)
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
        window, behind = canvas[:, y0:y1, x0:x1], owner[y0:y1, x0:x1]
        others = np.array([limb not in ("", limbs[-1]) for limb in limbs])[behind]
        window *= 1 - DARKEST * others * np.clip(1 - distance / rim, 0, 1)
        window += (color * matte + gleam * 0.02 - window) * cover
        behind[cover > 0.5] = len(names)
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
    yield from _trunk(at, r, clothes, body)
    yield from _head(at, r, clothes, body)
    if not arms_behind:
        yield from _arm(at, body.near, r, clothes)


def _limb(name, a, b, radius, end, color, cover=0.0, cloth=None, limb=""):
    """A tapering limb from a to b; the share `cover` of it, from a on, has the color of cloth."""
    if cloth is not None and cover >= 1:
        color = cloth
    corners = np.array([a, b])
    shape = lambda x, y: capsule(x, y, *a, *b, radius, end)  # noqa: E731
    if cloth is None or not 0 < cover < 1:
        return Part(name, shape, radius, color, corners, limb=limb)
    along = (b - a) / ((b - a) @ (b - a))
    sleeve = lambda x, y: step(cover - ((x - a[0]) * along[0] + (y - a[1]) * along[1]), -0.03, 0.03)  # noqa: E731
    return Part(name, shape, radius, color, corners, sleeve, cloth, limb)


def _unit(v):
    """A vector of length 1 in the direction of v."""
    return v / max(np.hypot(*v), 1e-6)


def _leg(at, side, r, clothes, heading):
    hip, knee, ankle = (at[f"{side} {joint}"] for joint in ("hip", "knee", "ankle"))
    leg = f"{side} leg"
    yield _limb(f"{side} upper leg", hip, knee, 0.052 * r, 0.038 * r, clothes.skin, clothes.legs, clothes.trousers,
                leg)
    yield _limb(f"{side} lower leg", knee, ankle, 0.037 * r, 0.025 * r, clothes.skin, clothes.legs - 1,
                clothes.trousers, leg)  # fmt: skip
    x, y = shin = _unit(ankle - knee)
    toes = ankle + 0.065 * r * np.array([heading * abs(y) - 0.2 * x, 0.35 * y - 0.6 * heading * x])
    yield _limb(f"{side} foot", ankle + 0.01 * r * shin, toes, 0.026 * r, 0.02 * r, clothes.shoes, limb=leg)


def _arm(at, side, r, clothes):
    shoulder, elbow, wrist = (at[f"{side} {joint}"] for joint in ("shoulder", "elbow", "wrist"))
    skin, sleeves, cloth, arm = clothes.skin, clothes.sleeves, clothes.arms, f"{side} arm"
    yield _limb(f"{side} upper arm", shoulder, elbow, 0.036 * r, 0.028 * r, skin, sleeves, cloth, arm)
    yield _limb(f"{side} lower arm", elbow, wrist, 0.027 * r, 0.02 * r, skin, sleeves - 1, cloth, arm)
    palm = wrist + 0.04 * r * _unit(wrist - elbow)
    yield _limb(f"{side} hand", wrist, palm, 0.022 * r, 0.026 * r, skin, limb=arm)


def _trunk(at, r, clothes, body):
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

    def across(x, y):  # from the back's line, to either side
        return np.abs((x - middle[0]) * axis[1] - (y - middle[1]) * axis[0])

    def neckline(x, y):  # a V below the throat
        below = top - height(x, y)
        return np.maximum(chest(x, y), 0.8 * across(x, y) + 0.6 * (below - clothes.open_at * r))

    def buttons(x, y):  # down the middle, as far as the belt
        return np.maximum(across(x, y) - 0.012 * r, np.abs(height(x, y) - 0.5 * top) - 0.42 * top)

    def bag(x, y):
        return polygon(x, y, [*shoulders, *low], 0.02 * r)

    top = height(*at["neck"])
    yield Part("torso", chest, 0.075 * r, clothes.shirt, np.array(corners), stripes, clothes.second)
    yield Part("torso", seat, 0.06 * r, clothes.trousers, np.array(corners))
    if body.front:
        yield Part("torso", buttons, 0.05 * r, clothes.second, np.array(corners))
        yield Part("torso", neckline, 0.05 * r, clothes.skin, np.array(corners))
    elif clothes.bag:
        center = np.mean(corners, axis=0)
        shoulders, low = (center + 0.8 * (np.array(corners)[k] - center) for k in ([0, 1], [2, 3]))
        yield Part("torso", bag, 0.06 * r, clothes.shoes, np.array(corners), limb="bag")


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
    long = Part("hair", lambda x, y: ellipse(*turned(x, y), 0, -0.12 * length, length * 0.5, length * 0.58),
                length * 0.4, clothes.hair, box, limb="head")
    if clothes.long_hair and body.front:
        yield long
    yield Part("head", head, length * 0.4, clothes.skin, box, limb="head")
    line = 0.18 * length if body.front else -0.42 * length  # hair reaches down to here

    def cap(x, y):
        u, v = turned(x, y)
        return np.maximum(ellipse(u, v, 0, 0, length * 0.43, length * 0.53), line + 0.12 * u * body.heading - v)

    yield Part("hair", cap, length * 0.3, clothes.hair, box, limb="head")
    if not body.front:
        if clothes.long_hair:
            yield long
        return
    for eye in (-1, 1):
        place = center + side * ((eye * 0.17 + 0.06 * body.heading) * length) - up * 0.02 * length
        for color, radius in ((WHITE, 0.1), (BLACK, 0.06)):
            yield Part("head", lambda x, y, p=place, radius=radius: circle(x, y, *p, radius * length), radius * length,
                       color, np.array([place - 2, place + 2]), limb="head")
