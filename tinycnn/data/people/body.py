"""A body as joints: a random pose with the proportions of people and angles that joints allow.

Everything is in heights of a standing person, x to the right and y down, from the middle of the hips. Limbs hang from
the torso and turn; they look shorter where they point towards us or away. Left and right are the person's own: from the
front, the left hand is on the right of the picture.
"""

import math
from typing import NamedTuple

import numpy as np

from tinycnn.poses import JOINTS

TORSO, NECK_TO_TOP, SHOULDERS, HIPS = 0.29, 0.19, 0.105, 0.068  # lengths, and half widths
THIGH, SHIN, UPPER_ARM, FOREARM = 0.245, 0.235, 0.165, 0.145


class Body(NamedTuple):
    """joints: (14, 2) in the order of tinycnn.poses.JOINTS    front: seen from the front    near: the side nearer to us
    heading: where knees and feet point, -1 left, 1 right    slender: factor on all thicknesses
    """

    joints: np.ndarray
    front: bool
    near: str
    heading: int
    slender: float


def random_body(rng: np.random.Generator) -> Body:
    """Somebody who stands, walks, runs, stretches, bends or turns a cartwheel."""
    front, heading = rng.random() < 0.85, 1 if rng.random() < 0.5 else -1
    turned = rng.uniform(0.65, 1.0)  # how wide shoulders and hips look
    lean = rng.normal(0, 0.2) + (rng.uniform(0.3, 1.1) * heading if rng.random() < 0.15 else 0)
    up = _direction(math.pi + lean)
    across = np.array([-up[1], up[0]])  # from the picture's left to its right, for somebody upright
    left_is = 1 if front else -1
    hips = np.zeros(2)
    neck = hips + TORSO * up * rng.uniform(0.88, 1)
    top = neck + NECK_TO_TOP * _direction(math.pi + lean + rng.normal(0, 0.2)) * rng.uniform(0.92, 1.04)
    joints = {"neck": neck, "head top": top}
    active = rng.random() < 0.6
    for side, sign in (("left", left_is), ("right", -left_is)):
        shoulder = neck - 0.035 * up + across * sign * SHOULDERS * turned
        hip = hips + across * sign * HIPS * turned
        joints |= {f"{side} shoulder": shoulder, f"{side} hip": hip}
        joints |= dict(zip((f"{side} knee", f"{side} ankle"), _leg(rng, hip, lean, sign, heading, active), strict=True))
        joints |= dict(zip((f"{side} elbow", f"{side} wrist"), _arm(rng, shoulder, lean, sign, active), strict=True))
    turn = rng.normal(0, 0.12) if rng.random() < 0.95 else rng.uniform(-math.pi, math.pi)
    c, s = math.cos(turn), math.sin(turn)
    places = np.array([joints[name] for name in JOINTS]) @ np.array([[c, s], [-s, c]])
    return Body(places, front, "left" if rng.random() < 0.5 else "right", heading, rng.uniform(0.85, 1.2))


def _leg(rng, hip, lean, sign, heading, active):
    """Knee and ankle. The knee bends to one side alone."""
    spread = rng.normal(0.12, 0.12) * sign
    swing = rng.normal(0.1, 0.55) * heading if active else rng.normal(0, 0.12)
    thigh = spread + swing + 0.3 * lean * rng.random()
    bend = abs(rng.normal(0, 0.7 if active else 0.15)) * heading
    knee = hip + THIGH * rng.uniform(0.8, 1) * _direction(thigh)
    return knee, knee + SHIN * rng.uniform(0.82, 1) * _direction(thigh - min(abs(bend), 2.0) * heading)


def _arm(rng, shoulder, lean, sign, active):
    """Elbow and wrist. Arms hang, are held out, or are raised; elbows bend inwards."""
    raised = rng.choice([0.15, 0.8, 1.6, 2.6], p=[0.35, 0.25, 0.2, 0.2] if active else [0.7, 0.2, 0.05, 0.05])
    upper = sign * (raised + rng.normal(0, 0.3)) + 0.5 * lean
    bend = abs(rng.normal(0, 0.9)) if rng.random() < 0.7 else rng.uniform(1.2, 2.4)
    elbow = shoulder + UPPER_ARM * rng.uniform(0.78, 1) * _direction(upper)
    inwards = -sign if raised < 1.2 and rng.random() < 0.6 else sign
    return elbow, elbow + FOREARM * rng.uniform(0.75, 1) * _direction(upper + inwards * min(bend, 2.4))


def _direction(angle):
    """The unit vector at an angle from straight down, towards the picture's right."""
    return np.array([math.sin(angle), math.cos(angle)])


