"""Two training pictures in one: Mixup lays one over the other, CutMix pastes a rectangle of one into the other.

The class of such a picture is that of both, in shares that add up to 1: a network that has seen .7 cat and .3 dog is
less sure of what lies between the pictures that it knows.

A box cannot be shared. The mean of two boxes is a place where nothing is, and just that is what a loss of both would
teach. So the first picture always has the larger share, at least half: its subject stays the main one, and the box is
its own. CutMix, which hides what it pastes over, pastes only where at least `keep` of that box stays in sight.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tinycnn.errors import DataError

# (images, boxes, rng) -> (images, others, shares), see Mixup
Mixing = Callable[[np.ndarray, np.ndarray, "np.random.Generator"], tuple[np.ndarray, np.ndarray, np.ndarray]]


class Mixed(NamedTuple):
    """What n pictures were mixed with. rows: (n,) which picture of their batch    shares: (n,) of the first, .5 to 1"""

    rows: np.ndarray
    shares: np.ndarray


@dataclass(frozen=True)
class Mixup:
    """Each picture of a batch is laid over another one of it (Zhang et al. 2018).

    alpha: shares are drawn from Beta(alpha, alpha), the larger one for the first: .2 mostly mixes a little, 1 anything
    probability: of a picture to be mixed at all

    A call takes images (n, S, S, 3) uint8, boxes (n, 4) xyxy in their pixels and a Generator, and returns new images,
    others (n,), the numbers of the second pictures, and shares (n,) of the first ones. A function of your own that does
    may be given to fit(mix=...) too.
    """

    alpha: float = 0.2
    probability: float = 1.0

    def __post_init__(self) -> None:
        _expect(self)

    def __call__(self, images: np.ndarray, boxes: np.ndarray,
                 rng: "np.random.Generator") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        others, shares = _drawn(self, len(images), rng)
        weights = shares.astype(np.float32)[:, None, None, None]
        mixed = images * weights + images[others] * (1 - weights)
        return np.rint(mixed).astype(np.uint8), others, shares


@dataclass(frozen=True)
class CutMix:
    """Into each picture of a batch a rectangle of another one of it is pasted, where that had it (Yun et al. 2019).

    alpha: the share of the picture that stays is drawn from Beta(alpha, alpha), the larger one    probability: of a
    picture to be mixed at all    keep: share of its box's area that is not pasted over; where no place leaves so much,
    the picture stays as it is

    A call is as of Mixup. Shares are those of the area, whatever of the second picture's subject is in the rectangle.
    """

    alpha: float = 1.0
    probability: float = 1.0
    keep: float = 0.7

    def __post_init__(self) -> None:
        _expect(self)
        if not 0 <= self.keep <= 1:
            raise DataError(f"CutMix: keep is a share, 0 to 1, got {self.keep}")

    def __call__(self, images: np.ndarray, boxes: np.ndarray,
                 rng: "np.random.Generator") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        others, shares = _drawn(self, len(images), rng)
        places, mixed, side = rng.random(len(images)), images.copy(), images.shape[1]
        for i, (other, place) in enumerate(zip(others, places, strict=True)):
            edge = round(side * np.sqrt(1 - shares[i]))
            corner = _corner(boxes[i], side, edge, 1 - self.keep, place) if edge else None
            shares[i] = 1.0
            if corner is not None:
                inside = slice(corner[0], corner[0] + edge), slice(corner[1], corner[1] + edge)
                mixed[i][inside] = images[other][inside]
                shares[i] = 1 - edge**2 / side**2
        return mixed, others, shares


MIXES: dict[str, Any] = {"mixup": Mixup, "cutmix": CutMix}  # by the names that the command line has


def mixed_with(images: np.ndarray, boxes: np.ndarray, mix: Mixing,
               rng: "np.random.Generator") -> tuple[np.ndarray, Mixed]:
    """What `mix` makes of a batch, looked at before anybody learns from it."""
    new, others, shares = (np.asarray(part) for part in mix(images, boxes, rng))
    n = len(images)
    wrong = (f"images of {new.dtype} {new.shape}" if new.dtype != np.uint8 or new.shape != images.shape else
             f"others of {others.dtype} {others.shape}" if others.shape != (n,) or others.dtype.kind not in "iu" or
             not ((others >= 0) & (others < n)).all() else
             f"shares {shares.ravel()[:3].tolist()} ..." if shares.shape != (n,) or
             not ((shares >= 0) & (shares <= 1)).all() else "")
    if wrong:
        raise DataError(f"mix must return images like those that it was given, {n} whole numbers from 0 to {n - 1}, "
                        f"with whom each was mixed, and {n} shares from 0 to 1; it returned {wrong}")
    return new, Mixed(others, shares.astype(np.float64))


def _expect(recipe: Any) -> None:
    name = type(recipe).__name__
    if not 0 < recipe.alpha < np.inf or not 0 <= recipe.probability <= 1:
        raise DataError(f"{name}: alpha is above 0 and probability 0 to 1, got {recipe.alpha} and {recipe.probability}")


def _drawn(recipe, n, rng):
    """(the second picture of each, the share of the first); the same count of numbers, whatever the settings."""
    others, shares, chance = rng.permutation(n), rng.beta(recipe.alpha, recipe.alpha, n), rng.random(n)
    return others, np.where(chance < recipe.probability, np.maximum(shares, 1 - shares), 1.0)


def _corner(box, side, edge, most, place):
    """(top, left) of a square of `edge` pixels that hides at most `most` of the box; None where there is none.

    place: 0 to 1, which one of all that there are
    """
    xmin, ymin, xmax, ymax = box
    starts = np.arange(side - edge + 1)
    across, down = (np.clip(np.minimum(high, starts + edge) - np.maximum(low, starts), 0, None)
                    for low, high in ((xmin, xmax), (ymin, ymax)))
    hidden = down[:, None] * across  # square pixels of the box, for every (top, left)
    allowed = np.flatnonzero(hidden <= most * (xmax - xmin) * (ymax - ymin))
    return divmod(int(allowed[int(place * len(allowed))]), len(starts)) if len(allowed) else None
