"""Near twins: pictures of two parts that show nearly the same, as frames of one film and copies of one photograph do.

Files with the same bytes are found when a set is read. A copy that was reduced, compressed again or cut a little has
other bytes and the same content, and so has the next frame of a film: a network that has learned the one has seen the
other, and the test measures memory.

A picture's fingerprint is a perceptual hash of its coarse structure (the DCT hash, "pHash", of C. Zauner,
"Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, with 16 x 16 frequencies in place of 8 x 8):
the picture in gray, 32 x 32; its cosine transform; of the 256 lowest frequencies all but the mean; for each whether it
is larger than their median. That makes 255 bits, and the distance of two pictures is in how many they differ: about 128
for two that have nothing to do with each other.

Measured: the share of copies that lie within `NEAR` = 48 bits, and how close the nearest two different pictures come.

                                       scenes, 64 px   Tiny ImageNet-10, 64 px   vegetables, 227 px
    JPEG of quality 30                      1.000              1.000                   1.000
    half the size                           1.000              1.000                   1.000
    half the size, then quality 30          1.000               .991                   1.000
    1 % cut off each side (1 pixel)         1.000               .996                    .989
    2 % cut off each side                                                               .871
    1.3 times as bright, cut at white       1.000               .998                    .962
    .7 times as bright                      1.000              1.000                   1.000
    pairs of different pictures        12,497,500         14,985,075                  17,205
    of them within 48 bits; the nearest     0; 50              0; 56                   0; 70

(The nearest two of Tiny ImageNet do show the same.) Of frames in which one thing moves by a pixel of 64, or the
camera does, all are found; by two pixels 95 and 47 %, by three 55 and 6 %. Mirrored, turned and strongly cut copies are
not found. Pictures of one shape on an even ground come near each other without being copies: of black discs of any
size and place, one pair in 2,000.

A picture takes 30 to 90 microseconds, which is a tenth to a fifth of reading one of 64 pixels, so `read` leaves it to
those who look: `tinycnn data show` and `tinycnn inspect`.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from tinycnn.data.dataset import Samples

NEAR = 48  # bits of 255
SIDE, FREQUENCIES = 32, 16
COARSE = 64  # pixels of the shorter side that are enough to begin with
FLAT = 2.0  # gray levels: a picture that varies less has no structure to compare
MOST = 20_000  # pictures of each part that are compared, unless the caller says otherwise
ADVICE = "frames of one film, or copies, make a test measure memory; --group-by keeps together what belongs together"
_BLOCK = 256  # pictures that are compared with all others, or transformed, at a time
_COSINES = np.cos(np.pi * np.outer(np.arange(FREQUENCIES), 2 * np.arange(SIDE) + 1) / (2 * SIDE)).astype(np.float32)
_NOTHING = np.packbits(np.arange(256) == 255).view(np.uint64)[3]  # the bit of a picture without structure
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


class Twin(NamedTuple):
    """A picture of another part that has a near twin among the training pictures: numbers in both, and bits apart."""

    part: str
    picture: int
    train_picture: int
    distance: int


class Twins(NamedTuple):
    """What `near_twins` found. compared: {part: pictures that were looked at}"""

    found: list[Twin]
    compared: dict[str, int]


def near_twins(parts: dict[str, Samples], most: int = MOST, seed: int = 0) -> Twins:
    """The pictures of valid and test that have a near twin in train, each with the nearest one; parts: as of a Dataset.

    Of a part that is larger than `most`, so many are drawn at random. Every picture of another part is compared with
    every training picture: 2,000 with 8,000 take a fifth of a second.
    """
    rng = np.random.default_rng(seed)
    chosen = {part: np.sort(rng.permutation(len(samples))[:most]) for part, samples in parts.items() if len(samples)}
    compared = {part: len(indices) for part, indices in chosen.items()}
    if "train" not in chosen or len(chosen) == 1:
        return Twins([], compared)
    prints = {part: fingerprints(parts[part].images, indices) for part, indices in chosen.items()}
    mine, known = chosen.pop("train"), prints.pop("train")
    found = []
    for part, theirs in chosen.items():
        nearest, distance = nearest_of(prints[part], known)
        found += [Twin(part, int(theirs[i]), int(mine[nearest[i]]), int(distance[i]))
                  for i in np.flatnonzero(distance <= NEAR)]
    return Twins(found, compared)


def sentence(parts: dict[str, Samples], twins: Twins) -> str | None:
    """What to say of the twins that were found, with up to three pairs of names; None where there is none."""
    if not twins.found:
        return None
    counts = {part: sum(twin.part == part for twin in twins.found) for part in parts}
    told = " and ".join(f"{n:,} of {twins.compared[part]:,} {part} pictures" for part, n in counts.items() if n)
    whole = all(twins.compared[part] == len(parts[part]) for part in twins.compared)
    scope = "" if whole else f" ({twins.compared['train']:,} of those were compared)"
    return f"{told} look nearly like training pictures{scope}, such as {pairs_of(parts, twins)}: {ADVICE}"


def pairs_of(parts: dict[str, Samples], twins: Twins, most: int = 3) -> str:
    """The names of the nearest pairs, those of the test part first: "test a.jpg and train b.jpg"."""
    nearest = sorted(twins.found, key=lambda twin: (twin.part != "test", twin.distance, twin.picture))[:most]
    return ", ".join(f"{t.part} {parts[t.part].names[t.picture]} and train {parts['train'].names[t.train_picture]}"
                     for t in nearest)


def fingerprints(images: Any, chosen: Iterable[int] | None = None) -> np.ndarray:
    """The fingerprints (n, 4) uint64 of pictures, of those with the numbers `chosen` or of all.

    255 bits, and one that says that there is no structure: a picture of one color is no twin of any other.
    """
    chosen = range(len(images)) if chosen is None else chosen
    if hasattr(images, "thumbnail"):  # files: Pillow decodes without holding Python's lock
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
            small = list(threads.map(lambda i: _gray(images.thumbnail(int(i), 2 * COARSE)), chosen))
    else:
        small = [_gray(images[int(i)]) for i in chosen]
    blocks = [_hash(np.stack(small[start : start + _BLOCK])) for start in range(0, len(small), _BLOCK)]
    return np.concatenate(blocks) if blocks else np.zeros((0, 4), np.uint64)


def nearest_of(prints: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each fingerprint (n, 4) the number of the nearest known one (m, 4), and its distance in bits, (n,) each."""
    nearest, distance = np.zeros(len(prints), np.int64), np.full(len(prints), 255, np.int64)
    structured = np.flatnonzero((known[:, 3] & _NOTHING) == 0)
    for start in range(0, len(prints) if len(structured) else 0, _BLOCK):
        rows = slice(start, start + _BLOCK)
        apart = np.zeros((len(prints[rows]), len(structured)), np.uint8)
        for word in range(4):
            apart += np.bitwise_count(prints[rows, None, word] ^ known[structured, word])
        nearest[rows] = structured[apart.argmin(axis=1)]
        distance[rows] = apart.min(axis=1)
    distance[(prints[:, 3] & _NOTHING) != 0] = 255
    return nearest, distance


def _gray(image):
    """float32 (SIDE, SIDE): the mean of each of SIDE x SIDE equal pieces."""
    step = max(1, min(image.shape[:2]) // COARSE)
    gray = image[::step, ::step] @ _LUMA
    return _means(gray.shape[0]) @ gray @ _means(gray.shape[1]).T


@lru_cache(maxsize=1024)
def _means(n):
    """(SIDE, n): row i takes the mean of the i-th of SIDE equal pieces of n pixels, of cut ones a part."""
    edges, pixels = np.arange(SIDE + 1)[:, None] * n / SIDE, np.arange(n)
    inside = np.minimum(pixels + 1, edges[1:]) - np.maximum(pixels, edges[:-1])
    return (np.clip(inside, 0, None) * SIDE / n).astype(np.float32)


def _hash(gray):
    """Fingerprints (n, 4) of gray pictures (n, SIDE, SIDE)."""
    waves = (_COSINES @ gray @ _COSINES.T).reshape(len(gray), -1)[:, 1:]  # (n, 255); the first one is the mean
    bits = np.zeros((len(gray), 256), bool)
    bits[:, 255] = gray.std(axis=(1, 2)) < FLAT
    bits[:, :255] = waves > np.median(waves, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(np.uint64)
