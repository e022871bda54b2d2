"""Ten everyday things, and some that lie about as clutter, drawn with the distance functions of `distances.py`.

A *drawing* is a function `drawing(rng, x, y)`: coordinates in, in a frame where the thing reaches from about -1 to 1, x
to the right and y down; a list of `Part`s out, to be painted in that order. The generator decides the proportions, so
no two mugs are alike. Colors are the four slots below; which colors those are is decided elsewhere, and in the same way
for every class.
"""

import math
from typing import NamedTuple

import numpy as np

from tinycnn.data.scenes.distances import box, capsule, circle, ellipse, lathe, melt, polygon, ring

BODY, TRIM, DARK, PALE = range(4)  # the slots of a palette


class Part(NamedTuple):
    """One painted piece: its distance field (h, w), the slot of its color, and its relief.

    The relief is heights (h, w), or a number: the depth to which the edge is rounded, 0 for paint on what lies below.
    """

    distance: np.ndarray
    color: int = BODY
    relief: object = 0.0


# ---- the ten classes -------------------------------------------------------------------------------------------------


def bottle(rng, x, y):
    width, neck = rng.uniform(0.32, 0.44), rng.uniform(0.11, 0.15)
    shoulder = rng.uniform(-0.3, 0.05)  # the height at which the body ends
    body = box(x, y, 0, shoulder + 2, width, 2, 0.1)
    wall = melt(body, box(x, y, 0, 0, neck, 0.96), rng.uniform(0.3, 0.75))
    glass = np.maximum(wall, box(x, y, 0, 0, width + 0.01, 0.98, 0.08))
    cap = box(x, y, 0, -0.9, neck + 0.035, 0.1, 0.03)
    top = shoulder + rng.uniform(0.2, 0.3)
    label = np.maximum(box(x, y, 0, (top + 0.8) / 2, 1, (0.8 - top) / 2), glass + 0.01)
    mark = ellipse(x, y, 0, (top + 0.8) / 2, width * 0.5, (0.8 - top) * 0.25)
    return [
        Part(glass, BODY, lathe(x, wall)),
        Part(label, PALE),
        Part(np.maximum(mark, label), TRIM),
        Part(cap, TRIM, 0.1),
    ]


def butterfly(rng, x, y):
    side = np.abs(x)  # the left half mirrors the right
    lift, droop = rng.uniform(-0.12, 0.1), rng.uniform(-0.12, 0.12)
    fore = [(0.1, -0.12), (0.5, -0.6 + lift), (0.76, -0.66 + lift), (0.66, -0.26), (0.3, -0.08)]
    hind = [(0.12, 0.12), (0.46, 0.2), (0.54, 0.4), (0.42, 0.58 + droop), (0.24, 0.42)]
    upper, lower = polygon(side, y, fore, 0.21), polygon(side, y, hind, 0.18)
    wings = np.minimum(upper, lower)
    border = rng.uniform(0.05, 0.1)
    inner = np.minimum(upper, lower + 0.02) + border
    spots = np.minimum(
        circle(side, y, 0.68, -0.52 + lift, rng.uniform(0.07, 0.13)),
        circle(side, y, 0.44, 0.42, rng.uniform(0.08, 0.14)),
    )
    body = capsule(x, y, 0, -0.38, 0, 0.5, 0.085, 0.05)
    feeler = np.minimum(capsule(side, y, 0.03, -0.4, 0.2, -0.84, 0.035), circle(side, y, 0.2, -0.86, 0.06))
    return [
        Part(feeler, DARK),
        Part(wings, DARK if rng.random() < 0.6 else TRIM, 0.12),
        Part(inner, BODY),
        Part(np.maximum(spots, inner + 0.02), PALE),
        Part(body, DARK, 0.09),
    ]


def car(rng, x, y):
    roof, hood = rng.uniform(-0.5, -0.38), rng.uniform(-0.12, -0.03)  # heights
    front, back = rng.uniform(0.15, 0.32), rng.uniform(-0.62, -0.4)  # the ends of the roof
    wheel, axle = rng.uniform(0.17, 0.22), rng.uniform(0.5, 0.58)
    cabin = [(back, roof), (front, roof), (front + 0.32, hood + 0.05), (max(back - 0.25, -0.86), hood + 0.05)]
    lower = box(x, y, 0, (hood + 0.34) / 2, 0.97, (0.34 - hood) / 2, 0.13)
    shell = np.minimum(lower, polygon(x, y, cabin, 0.05))
    glass = np.maximum(polygon(x, y, cabin) + 0.05, y - hood)
    pillar = np.abs(x - (front + back) / 2 - 0.02) - 0.035
    wheels = circle(np.abs(x), y, axle, 0.33, wheel)
    arch = wheels - 0.05
    lamp = ellipse(x, y, 0.89, hood + 0.14, 0.07, 0.05)
    tail = box(x, y, -0.92, hood + 0.15, 0.05, 0.06, 0.02)
    return [
        Part(shell, BODY, 0.14),
        Part(np.maximum(arch, shell), DARK),
        Part(np.maximum(glass, -pillar), DARK),
        Part(np.minimum(lamp, tail), PALE if rng.random() < 0.5 else TRIM),
        Part(wheels, DARK, 0.06),
        Part(circle(np.abs(x), y, axle, 0.33, wheel * 0.5), PALE, 0.05),
    ]


def donut(rng, x, y):
    squash = rng.uniform(0.72, 1.0)  # looked at from the side, a ring is flatter than it is wide
    v = y / squash
    radius, thick = 0.62, rng.uniform(0.25, 0.36)
    tube = np.sqrt(x * x + v * v) - radius
    dough = np.abs(tube) - thick
    angle = np.arctan2(v, x)
    wave = np.sin(angle * int(rng.integers(5, 9)) + rng.uniform(0, 6)) * rng.uniform(0.015, 0.05)
    icing = np.abs(tube - 0.01) - thick * 0.76 + wave
    turns = rng.uniform(0, 2 * math.pi, 14)
    sprinkles = np.float32(np.inf)
    for k, turn in enumerate(turns):
        r = radius + thick * 0.5 * math.sin(2.4 * k)
        at = 2 * math.pi * k / len(turns)
        px, py = r * math.cos(at), r * math.sin(at)
        end = px + 0.08 * math.cos(turn), py + 0.08 * math.sin(turn)
        sprinkles = np.minimum(sprinkles, capsule(x, v, px, py, *end, 0.03))
    parts = [Part(dough * squash, TRIM, thick), Part(icing * squash, BODY)]
    return parts + [Part(sprinkles, PALE)] if rng.random() < 0.7 else parts


def fish(rng, x, y):
    fat = rng.uniform(0.34, 0.45)
    r = (0.75**2 + fat**2) / (2 * fat)  # two circles of this radius cross in a lens, pointed at both ends
    u = x - 0.22
    lens = np.maximum(circle(u, y, 0, r - fat, r), circle(u, y, 0, fat - r, r))
    body = melt(lens, ellipse(x, y, 0.3, 0, 0.5, fat * 0.9), 0.1)
    spread, notch = rng.uniform(0.32, 0.46), rng.uniform(-0.82, -0.72)
    tail = polygon(x, y, [(-0.42, 0), (-0.92, -spread), (notch, 0), (-0.92, spread)], 0.06)
    lean = rng.uniform(-0.35, -0.1)
    back = polygon(x, y, [(0.42, -fat * 0.75), (lean + 0.12, -fat - 0.24), (-0.16, -fat * 0.6)], 0.04)
    belly = polygon(x, y, [(0.2, fat * 0.7), (lean + 0.2, fat + 0.2), (-0.02, fat * 0.6)], 0.04)
    fins = np.minimum(np.minimum(tail, back), belly)
    gill = np.maximum(np.abs(circle(x, y, 0.78, 0, 0.38)) - 0.022, np.maximum(body + 0.07, x - 0.7))
    mouth = np.maximum(np.abs(y - 0.1 - 0.5 * (x - 0.92)) - 0.022, np.maximum(body, 0.82 - x))
    side_fin = polygon(x, y, [(0.28, 0.08), (0.06, 0.06), (0.1, 0.2)], 0.035)
    ex, ey, er = 0.64, -fat * 0.22, rng.uniform(0.11, 0.14)
    return [
        Part(fins, TRIM if rng.random() < 0.5 else BODY, 0.1),
        Part(body, BODY, 0.3),
        Part(np.minimum(gill, mouth), DARK),
        Part(side_fin, TRIM, 0.05),
        Part(circle(x, y, ex, ey, er), PALE, 0.05),
        Part(circle(x, y, ex + 0.015, ey, er * 0.55), DARK),
    ]


def key(rng, x, y):
    bow = rng.integers(3)
    if bow == 0:
        head, hole = circle(x, y, -0.56, 0, 0.44), circle(x, y, -0.64, 0, rng.uniform(0.17, 0.23))
    elif bow == 1:
        head, hole = box(x, y, -0.6, 0, 0.38, 0.43, 0.16), box(x, y, -0.68, 0, 0.16, 0.22, 0.07)
    else:
        leaves = np.minimum(circle(x, np.abs(y), -0.52, 0.27, 0.25), circle(x, y, -0.76, 0, 0.24))
        head, hole = melt(leaves, circle(x, y, -0.54, 0, 0.22), 0.1), circle(x, y, -0.58, 0, 0.14)
    shaft = box(x, y, 0.37, 0, 0.63, rng.uniform(0.09, 0.12), 0.04)
    collar = box(x, y, -0.12, 0, 0.055, 0.16, 0.03)
    bit = np.minimum(shaft, collar)
    at = 0.92
    for _ in range(int(rng.integers(2, 4))):
        length = rng.uniform(0.26, 0.4)
        bit = np.minimum(bit, box(x, y, at, length / 2, 0.065, length / 2, 0.02))
        at -= rng.uniform(0.17, 0.21)
    metal = np.maximum(np.minimum(head, bit), -hole)
    rim = np.maximum(np.abs(head + 0.09) - 0.025, -hole)
    return [Part(metal, BODY, 0.09), Part(np.maximum(rim, metal), TRIM)]


def mug(rng, x, y):
    half, tall = rng.uniform(0.46, 0.6), rng.uniform(0.62, 0.85)
    lip = half * rng.uniform(0.22, 0.38)  # the opening is a circle seen at a slant
    u = x + 0.25
    wall = u * (1 + rng.uniform(-0.02, 0.14) * y)  # narrower or wider at the foot
    side = np.maximum(box(wall, y, 0, 0, half, tall), -ellipse(u, y, 0, -tall, half, lip * 0.1))
    cup = np.minimum(np.maximum(side, y - tall + lip * 0.7), ellipse(wall, y, 0, tall - lip * 0.8, half * 0.99, lip))
    cup = np.minimum(cup, ellipse(u, y, 0, -tall, half, lip))
    reach = rng.uniform(0.26, 0.36)
    handle = ring(u, y, half - 0.04, 0.02, reach, tall * rng.uniform(0.48, 0.6), rng.uniform(0.07, 0.1))
    handle = np.maximum(handle, half * 0.8 - u)
    inside = ellipse(u, y, 0, -tall, half * 0.88, lip * 0.82)
    drink = np.maximum(ellipse(u, y, 0, -tall + lip * 0.35, half * 0.8, lip * 0.72), inside + 0.01)
    band = np.maximum(np.abs(y - lip * 0.5 * np.sqrt(np.maximum(1 - (u / half) ** 2, 0)) - 0.15) - 0.13, cup + 0.005)
    parts = [Part(handle, BODY, 0.08), Part(cup, BODY, lathe(wall, np.abs(wall) - half))]
    if rng.random() < 0.4:
        parts.append(Part(band, TRIM))
    rim = ellipse(u, y, 0, -tall, half, lip)
    return [*parts, Part(rim, PALE, 0.03), Part(inside, DARK if rng.random() < 0.3 else BODY), Part(drink, DARK)]


def mushroom(rng, x, y):
    wide, high = rng.uniform(0.78, 1.0), rng.uniform(0.7, 1.05)
    rim = rng.uniform(-0.05, 0.15)  # the height of the cap's edge
    stem_r = rng.uniform(0.17, 0.27)
    stem = capsule(x, y, 0, rim - 0.1, rng.uniform(-0.08, 0.08), 0.98 - stem_r, stem_r * 0.8, stem_r * 1.15)
    curl = rim + 0.16 * (x / wide) ** 2  # the edge hangs lower at the sides
    cap = np.maximum(ellipse(x, y, 0, rim + 0.12, wide, high), y - curl) - 0.04
    gills = np.maximum(ellipse(x, y, 0, rim + 0.02, wide * 0.86, 0.17), cap * -0.2)
    skirt = ellipse(x, y, 0, rim + 0.3, stem_r * 1.35, 0.07)
    parts = [
        Part(np.minimum(stem, skirt) if rng.random() < 0.5 else stem, PALE, 0.2),
        Part(gills, TRIM, 0.05),
        Part(cap, BODY, 0.4),
    ]
    if rng.random() < 0.6:
        dots = np.float32(np.inf)
        for px, py in ((-0.5, 0.3), (0.02, 0.7), (0.52, 0.36), (-0.12, 0.28), (0.26, 0.05)):
            px, py = px * wide + rng.uniform(-0.08, 0.08), rim - py * high * 0.85
            dots = np.minimum(dots, ellipse(x, y, px, py, rng.uniform(0.08, 0.14), rng.uniform(0.07, 0.11)))
        parts.append(Part(np.maximum(dots, cap + 0.03), PALE, 0.04))
    return parts


def starfish(rng, x, y):
    r = np.sqrt(x * x + y * y)
    sector = 2 * math.pi / 5
    angle = np.arctan2(x, -y) + rng.uniform(-0.35, 0.35) * r  # arms bent a little to one side
    arm = np.abs((angle / sector + 0.5) % 1 - 0.5) * sector  # the angle to the nearest arm
    along, across = r * np.cos(arm), r * np.sin(arm)
    base, tip = rng.uniform(0.24, 0.34), rng.uniform(0.06, 0.1)
    star = melt(capsule(along, across, 0, 0, 1 - tip, 0, base, tip), r - 0.36, 0.15)
    spine = np.maximum(across - 0.035 * (1.2 - along), along - 0.85)
    beads = circle((along * 5) % 1, across * 5, 0.5, 0, 0.3) / 5
    marks = np.maximum(beads if rng.random() < 0.5 else spine, star + 0.05)
    parts = [Part(star, BODY, 0.24)]
    return parts + [Part(marks, PALE if rng.random() < 0.5 else TRIM, 0.0)] if rng.random() < 0.75 else parts


def umbrella(rng, x, y):
    high, edge = rng.uniform(0.7, 0.95), rng.uniform(-0.05, 0.08)  # height of the dome, where it ends
    dome = np.maximum(ellipse(x, y, 0, edge, 0.97, high), y - edge)
    panels = int(rng.integers(4, 7))
    turn = np.arcsin(np.clip(x / (0.97 * np.sqrt(np.clip(1 - ((y - edge) / high) ** 2, 1e-3, 1))), -1, 1))
    place = (turn / math.pi + 0.5) * panels  # ribs run from the top down the dome, like meridians
    step = 1.94 / panels
    middle = np.abs((x / step + panels / 2) % 1 - 0.5) * step
    scallop = ellipse(middle, y, 0, edge + 0.02, step * 0.46, rng.uniform(0.08, 0.14))
    canopy = np.maximum(dome, -scallop)
    odd = np.maximum(canopy, 0.3 * np.where(place.astype(np.int32) % 2 == 1, -1, 1).astype(x.dtype))
    rib = np.maximum(np.abs(place - np.round(place)) * 0.35 - 0.025, canopy)
    hook = rng.uniform(0.13, 0.18)
    thick = rng.uniform(0.05, 0.065)
    shaft = capsule(x, y, 0, -high + edge, 0, 0.94 - hook, thick * 0.8)
    curve = np.maximum(np.abs(circle(x, y, hook, 0.92 - hook, hook)) - thick, 0.92 - hook - y)
    grip = np.minimum(curve, capsule(x, y, 0, 0.62, 0, 0.92 - hook, thick))
    tip = capsule(x, y, 0, edge - high - 0.1, 0, edge - high + 0.1, 0.04, 0.07)
    handle = np.minimum(shaft, grip)
    parts = [Part(handle, DARK, 0.05), Part(tip, DARK, 0.05), Part(canopy, BODY, 0.5)]
    return [*parts, Part(odd, TRIM) if rng.random() < 0.6 else Part(rib, DARK)]


#: The drawing of every class by its name.
CLASSES = {
    drawing.__name__: drawing
    for drawing in (bottle, butterfly, car, donut, fish, key, mug, mushroom, starfish, umbrella)
}


# ---- things that belong to no class, to lie about in a scene ---------------------------------------------------------


def pebble(rng, x, y):
    angle = np.arctan2(y, x)
    bumps = 0.06 * np.sin(2 * angle + rng.uniform(0, 6)) + 0.04 * np.sin(3 * angle + rng.uniform(0, 6))
    return [Part(ellipse(x, y, 0, 0, 0.95, rng.uniform(0.6, 0.9)) + bumps, BODY, 0.5)]


def leaf(rng, x, y):
    fat = rng.uniform(0.3, 0.5)
    r = (0.9**2 + fat**2) / (2 * fat)
    blade = np.maximum(circle(x, y, 0, r - fat, r), circle(x, y, 0, fat - r, r))
    vein = np.maximum(np.minimum(np.abs(y), np.abs((x + np.abs(y) * 0.9) * 4 % 1 - 0.5) / 4) - 0.02, blade + 0.04)
    return [Part(blade, BODY, 0.15), Part(vein, TRIM)]


def pencil(rng, x, y):
    thick = rng.uniform(0.07, 0.11)
    wood = polygon(x, y, [(-0.95, -thick), (0.65, -thick), (0.95, 0), (0.65, thick), (-0.95, thick)])
    return [
        Part(wood, PALE, 0.1),
        Part(np.maximum(wood, x - 0.62), BODY, 0.1),
        Part(np.maximum(wood, 0.86 - x), DARK),
        Part(np.maximum(wood, x + 0.78), TRIM),
    ]


def ball(rng, x, y):
    whole = circle(x, y, 0, 0, 0.9)
    seam = np.maximum(np.abs(circle(x, y, rng.uniform(0.8, 1.5), 0, 1.1)) - 0.05, whole + 0.02)
    return [Part(whole, BODY, 0.9), Part(seam, PALE)]


def card(rng, x, y):
    paper = box(x, y, 0, 0, rng.uniform(0.55, 0.95), rng.uniform(0.5, 0.7), 0.05)
    lines = np.maximum(np.abs(y * 4 % 1 - 0.5) / 4 - 0.035, paper + 0.2)
    return [Part(paper, PALE if rng.random() < 0.5 else BODY, 0.05), Part(lines, TRIM)]


CLUTTER = (pebble, leaf, pencil, ball, card)
