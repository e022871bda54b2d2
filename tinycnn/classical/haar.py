"""Haar-like features chosen by boosting (Viola and Jones 2001): light beside dark, in rectangles.

    integral image: the sum of everything above and to the left        any rectangle is four look-ups
    a feature: two, three or four rectangles side by side, some added, some subtracted
    a stump: one feature, one threshold, one side; hardly better than chance
    AdaBoost: stumps in turn, each for the samples that those before it got wrong; together they decide

Of some hundred features, drawn at random, a few dozen are chosen for each class. One class stands against all others,
as with the SVM, and the same search over windows finds the place (window.py).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinycnn.classical.window import WindowDetector
from tinycnn.layers import Buffer
from tinycnn.layers.initial import expect_room
from tinycnn.models.heads import class_names

# Signs of the rectangles, row by row: two side by side, two on top of each other, three, three, four. Each sums to 0.
KINDS = ([[1, -1]], [[1], [-1]], [[1, -2, 1]], [[1], [-2], [1]], [[1, -1], [-1, 1]])
CORNERS, BINS = 9, 32  # most corners that a feature looks up; thresholds that a stump may choose from
MOST_FEATURES = 50_000  # which take a second to draw, also for a file that asks for more


class Stump(NamedTuple):
    """1 where side * feature > side * threshold, else -1; alpha: how much its word counts"""

    feature: int
    threshold: float
    side: float
    alpha: float


def integral_image(gray: np.ndarray) -> np.ndarray:
    """Sums over everything above and to the left of each corner: (N, H, W) -> float64 (N, H + 1, W + 1)."""
    n, h, w = gray.shape
    sums = np.zeros((n, h + 1, w + 1))
    sums[:, 1:, 1:] = gray.cumsum(axis=1, dtype=np.float64).cumsum(axis=2)
    return sums


def random_features(rng: "np.random.Generator", count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` features in a window of size x size: corners (count, 9, 2) as (y, x), and their weights (count, 9).

    Rectangles that touch share corners, so a feature is a sum over at most nine corners of the integral image.
    """
    places, weights = np.zeros((count, CORNERS, 2), np.int64), np.zeros((count, CORNERS))
    for f in range(count):
        signs = np.array(KINDS[f % len(KINDS)])
        rows, columns = signs.shape
        h, w = (int(rng.integers(2, size // cells + 1)) for cells in (rows, columns))
        y, x = int(rng.integers(0, size - rows * h + 1)), int(rng.integers(0, size - columns * w + 1))
        at_corner = np.zeros((rows + 1, columns + 1))
        for i, j in np.ndindex(rows, columns):
            # A rectangle's sum is I[bottom right] - I[top right] - I[bottom left] + I[top left].
            at_corner[i : i + 2, j : j + 2] += signs[i, j] * np.array([[1, -1], [-1, 1]])
        grid = np.stack(np.meshgrid(y + h * np.arange(rows + 1), x + w * np.arange(columns + 1), indexing="ij"), axis=2)
        used = at_corner.size
        places[f, :used], weights[f, :used] = grid.reshape(-1, 2), at_corner.reshape(-1) / (rows * h * columns * w)
    return places, weights


def boost(values: np.ndarray, signs: np.ndarray, rounds: int) -> list[Stump]:
    """AdaBoost on decision stumps (Freund and Schapire 1997): values (n, F), signs (n,) of 1 and -1 -> the stumps.

    Both signs begin with half of all weight. Each round takes the stump with the smallest weighted error, gives it
    alpha = 1/2 log((1 - error) / error), and multiplies the weight of each sample by exp(-alpha * sign * answer).
    """
    edges = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1], axis=0)  # (BINS - 1, F): the thresholds to try
    bins = np.stack([np.searchsorted(edges[:, f], values[:, f], side="left") for f in range(values.shape[1])], axis=1)
    slots = (bins + BINS * np.arange(values.shape[1])).reshape(-1)
    weight = np.where(signs > 0, 0.5 / max(1, (signs > 0).sum()), 0.5 / max(1, (signs < 0).sum()))
    stumps: list[Stump] = []
    for _ in range(rounds):
        balance = np.bincount(slots, np.repeat(weight * signs, values.shape[1]), BINS * values.shape[1])
        above = balance.reshape(-1, BINS)[:, ::-1].cumsum(axis=1)[:, ::-1]  # weight of 1 less that of -1 from a bin on
        agreement = 2 * above[:, 1:] - above[:, :1]  # of "1 above the threshold" with the truth, (F, BINS - 1)
        f, t = np.unravel_index(abs(agreement).argmax(), agreement.shape)
        side, error = float(np.sign(agreement[f, t])), (1 - abs(agreement[f, t]) / weight.sum()) / 2
        alpha = 0.5 * np.log((1 - error + 1e-9) / (error + 1e-9))
        stumps.append(Stump(int(f), float(edges[t, f]), side, float(alpha)))
        answer = np.where(side * (values[:, f] - edges[t, f]) > 0, 1, -1)
        weight = weight * np.exp(-alpha * signs * answer)
        weight /= weight.sum()
    return stumps


class HaarDetector(WindowDetector):
    """A WindowDetector whose windows are judged by boosted stumps on Haar-like features of the gray picture.

    stumps: (K, rounds, 4), Stump by Stump    A window's score is the weighted mean of the answers, -1 to 1.
    """

    def __init__(self, classes: Sequence[str], image_size: int = 24, features: int = 500, rounds: int = 40,
                 seed: int = 0, config: dict[str, Any] | None = None) -> None:
        super().__init__(classes, image_size, step=2, config=config)
        if not 1 <= features <= MOST_FEATURES:
            raise ValueError(f"a HaarDetector chooses from 1 to {MOST_FEATURES:,} features, got {features!r}")
        expect_room(len(self.classes), rounds, 4)
        self.rounds = rounds
        self.places, self.weights = random_features(np.random.default_rng(seed), features, image_size)
        self.stumps = Buffer(np.zeros((len(self.classes), rounds, 4)))

    def normalize(self, images: np.ndarray) -> np.ndarray:
        """Gray levels (N, H, W) of uint8 pictures (N, H, W, 3)."""
        return images.astype(np.float64) @ [0.299, 0.587, 0.114]

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Scores (N, OH, OW, K) of every window in gray pictures x (N, H, W), two pixels apart."""
        n, (oh, ow) = len(x), ((s - self.image_size) // self.step + 1 for s in x.shape[1:])
        used = np.unique(self.stumps.value[..., 0]).astype(int)
        values = self._values(x, used)  # (N * OH * OW, U)
        scores = np.empty((len(values), len(self.classes)))
        for k, stumps in enumerate(self.stumps.value):
            column = np.searchsorted(used, stumps[:, 0].astype(int))
            answers = np.where(stumps[:, 2] * (values[:, column] - stumps[:, 1]) > 0, 1, -1)
            scores[:, k] = answers @ stumps[:, 3] / max(stumps[:, 3].sum(), 1e-12)
        return scores.reshape(n, oh, ow, -1)

    def pattern(self, label: int) -> np.ndarray:
        """All stumps of a class laid over each other, (S, S): above 0 where it wants a window to be bright."""
        size = self.image_size
        found = np.zeros((size + 1, size + 1))
        for feature, _, side, alpha in self.stumps.value[label]:
            for (y, x), weight in zip(self.places[int(feature)], self.weights[int(feature)], strict=True):
                found[y, x] += alpha * side * weight  # of I[y, x], so of every pixel above and to the left
        return found[::-1, ::-1].cumsum(axis=0).cumsum(axis=1)[::-1, ::-1][1:, 1:]

    def _values(self, x, used):
        """The features `used` of every window of gray pictures (N, H, W): (N * OH * OW, U), for a contrast of 1."""
        size, (_, h, w) = self.image_size, x.shape
        sums, squares = integral_image(x), integral_image(x * x)
        starts = [np.arange(0, side - size + 1, self.step) for side in (h, w)]
        corner = (starts[0][:, None] * (w + 1) + starts[1]).reshape(-1)  # (P,): where windows begin in the flat sums
        offsets = self.places[used, :, 0] * (w + 1) + self.places[used, :, 1]  # (U, 9)
        flat, flat_squares = sums.reshape(len(x), -1), squares.reshape(len(x), -1)
        found = np.zeros((len(x), len(corner), len(used)), np.float32)
        for c in range(CORNERS):
            found += flat[:, corner[:, None] + offsets[:, c]] * self.weights[used, c]
        whole = np.array([0, size, size * (w + 1), size * (w + 1) + size])
        mean, square = ((s[:, corner[:, None] + whole] @ [1, -1, -1, 1]) / size**2 for s in (flat, flat_squares))
        contrast = np.sqrt(np.maximum(square - mean**2, 1.0))
        return (found / contrast[..., None]).reshape(-1, len(used))

    def features(self, pictures: np.ndarray) -> np.ndarray:
        return self._values(self.normalize(pictures), np.arange(len(self.places)))

    def learn(self, x: np.ndarray, labels: np.ndarray, C: float) -> None:
        self.stumps.value = np.array([boost(x, np.where(labels == k, 1, -1), self.rounds)
                                      for k in range(len(self.classes))])  # fmt: skip

    def __repr__(self) -> str:
        return f"HaarDetector({len(self.classes)} classes, {self.rounds} stumps of each)"


def haar(num_classes: int = 10, window: int = 24, features: int = 500, rounds: int = 40,
         classes: Sequence[str] | None = None, seed: int = 0) -> HaarDetector:
    """A HaarDetector. window: its side in pixels    features: to choose from    rounds: stumps for each class"""
    config = {"architecture": "haar", "num_classes": num_classes, "window": window, "features": features,
              "rounds": rounds, "seed": seed}
    return HaarDetector(class_names(num_classes, classes), window, features, rounds, seed, config)
