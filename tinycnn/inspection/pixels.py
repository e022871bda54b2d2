"""Which pixels matter: by the gradient (saliency), and by covering them up (occlusion).

The gradient of a score with respect to the image answers "if this pixel grew a little brighter, by how much would the
score change?" (Simonyan, Vedaldi and Zisserman 2014). A box has edges, and the same question can be asked of each: how
many pixels would the right edge move? Occlusion asks less subtly and more honestly: cover a patch with gray and predict
again (Zeiler and Fergus 2014, section 4.2). The gradient sees one small step, occlusion what is really needed.
"""

from dataclasses import dataclass

import numpy as np

from tinycnn import boxes as box_codec
from tinycnn.backend import Array, to_numpy
from tinycnn.inspection.taps import expect_localizer, frames, network_input, twin
from tinycnn.models.localizer import Localizer, softmax
from tinycnn.plots.look import Figure
from tinycnn.resize import GRAY

EDGES = ("left", "top", "right", "bottom")


@dataclass(frozen=True, repr=False)
class Saliency:
    """Gradients of one class's score and of the four edges of the box with respect to the pixels.

    gradients: {"score", "left", "top", "right", "bottom"} -> (S, S, 3) float64, per gray level of the picture as the
    network sees it; of an edge: pixels of the given image by which it moves    shown: (S, S, 3) uint8, that picture
    box: (4,) xyxy in it, clipped    name: of the class    probability: of it
    """

    gradients: dict[str, np.ndarray]
    shown: np.ndarray
    box: np.ndarray
    name: str
    probability: float

    def __repr__(self) -> str:
        return f"Saliency({self.name!r}, {self.probability:.0%}; gradients of {', '.join(self.gradients)})"

    def strength(self, target: str) -> np.ndarray:
        """(S, S): the size of the gradient at each pixel, the largest of its three channels."""
        return np.abs(self.gradients[target]).max(axis=2)

    def plot(self) -> Figure:
        """The picture beside the maps of the score and of the four edges."""
        from tinycnn.plots.pixels import saliency_figure

        return saliency_figure(self)


def saliency(model: Localizer, image: Array, label: int | None = None) -> Saliency:
    """dscore/dpixel and dedge/dpixel for one image; returns a Saliency. Nothing of `model` changes.

    image: uint8 (H, W, 3)    label: whose score, and whose box where there is one per class; None takes the predicted
    """
    expect_localizer(model, "saliency")
    calm = twin(model).eval()
    shown, sizes = frames(model, image)
    label, probability, code = _predicted(calm, shown, label)
    # Five questions at once: the same picture five times, each row with another upstream gradient.
    scores, boxes = calm.forward(network_input(model, np.repeat(shown, 1 + len(EDGES), axis=0)))
    dscores, dboxes = scores * 0, boxes * 0
    dscores[0, label] = 1
    target = dboxes[:, label] if boxes.ndim == 3 else dboxes  # (5, 4), a view
    for row, slopes in enumerate(_edge_slopes(model, code, sizes[0]), start=1):
        for k, slope in enumerate(slopes):
            target[row, k] = slope
    dx = to_numpy(calm.backward(dscores, dboxes, input_gradient=True)).astype(np.float64) / model.pixel_scale
    side = np.array([model.image_size, model.image_size])
    box = box_codec.clip(box_codec.decode(code, side), side)
    return Saliency(dict(zip(("score", *EDGES), dx, strict=True)), shown[0], box, model.classes[label], probability)


def _predicted(calm, shown, label):
    """(label, its probability, the box code (cx, cy, h, w) in 0..1) of one picture."""
    scores, boxes = calm.forward(network_input(calm, shown))
    probabilities = to_numpy(softmax(scores))[0]
    label = int(probabilities.argmax()) if label is None else int(label)
    return label, float(probabilities[label]), calm.box_codes(to_numpy(boxes), [label])[0]


def _edge_slopes(model, code, size):
    """d(left, top, right, bottom)/d(outputs of the box head), four rows of four floats, in pixels of the image."""
    (height, width), (sx, sy, sh, sw) = map(float, size), map(float, model.box_std)
    # A negative side counts as 0 and does not move.
    half_h, half_w = (sh / 2 if code[2] > 0 else 0.0), (sw / 2 if code[3] > 0 else 0.0)
    return [(width * sx, 0.0, 0.0, -width * half_w), (0.0, height * sy, -height * half_h, 0.0),
            (width * sx, 0.0, 0.0, width * half_w), (0.0, height * sy, height * half_h, 0.0)]


@dataclass(frozen=True, repr=False)
class Occlusion:
    """What the model says while a gray square covers a part of the picture.

    probability, iou: (R, C), of the class, and of the box with the box of the whole picture, for every position of the
    square    windows: (R, C, 4) xyxy of the square in the picture as the network sees it    shown: (S, S, 3) uint8
    whole: the probability with nothing covered    box: (4,) xyxy, with nothing covered    name: of the class
    """

    probability: np.ndarray
    iou: np.ndarray
    windows: np.ndarray
    shown: np.ndarray
    whole: float
    box: np.ndarray
    name: str

    def __repr__(self) -> str:
        rows, columns = self.probability.shape
        return f"Occlusion({self.name!r}: {self.whole:.0%}, covered at {rows} x {columns} places at least " \
               f"{self.probability.min():.0%})"

    def per_pixel(self, values: np.ndarray) -> np.ndarray:
        """(S, S): the mean of values (R, C) over the squares that cover each pixel."""
        total, covered = np.zeros(self.shown.shape[:2]), np.zeros(self.shown.shape[:2])
        for (xmin, ymin, xmax, ymax), value in zip(self.windows.reshape(-1, 4), values.reshape(-1), strict=True):
            total[ymin:ymax, xmin:xmax] += value
            covered[ymin:ymax, xmin:xmax] += 1
        return total / np.maximum(covered, 1)

    def plot(self) -> Figure:
        """The picture beside the maps of lost probability and lost overlap."""
        from tinycnn.plots.pixels import occlusion_figure

        return occlusion_figure(self)


def occlusion(model: Localizer, image: Array, size: int | None = None, stride: int | None = None,
              label: int | None = None, batch_size: int = 64) -> Occlusion:
    """Cover every part of one image in turn and predict again; returns an Occlusion. Nothing of `model` changes.

    image: uint8 (H, W, 3)
    size, stride: of the gray square, in pixels of the network's input; default S / 5 and S / 16
    label: whose probability (and box, where there is one per class); None takes the predicted
    """
    expect_localizer(model, "occlusion")
    calm, side = twin(model).eval(), model.image_size
    size, stride = size or max(2, side // 5), stride or max(1, side // 16)
    shown, _ = frames(model, image)
    label, whole, code = _predicted(calm, shown, label)
    starts = np.unique(np.r_[np.arange(0, side - size, stride), side - size])
    windows = np.array([[(x, y, x + size, y + size) for x in starts] for y in starts])  # (R, C, 4)
    flat, parts = windows.reshape(-1, 4), []
    for i in range(0, len(flat), batch_size):
        covered = np.repeat(shown, len(flat[i : i + batch_size]), axis=0)
        for picture, (xmin, ymin, xmax, ymax) in zip(covered, flat[i : i + batch_size], strict=True):
            picture[ymin:ymax, xmin:xmax] = GRAY
        parts.append([to_numpy(part).astype(np.float64) for part in calm.forward(network_input(model, covered))])
    scores, outputs = (np.concatenate(part) for part in zip(*parts, strict=True))
    probability = softmax(scores)[:, label].reshape(windows.shape[:2])
    sides = np.array([side, side])
    box = box_codec.clip(box_codec.decode(code, sides), sides)
    found = model.boxes_in_pixels(outputs, np.tile(sides, (len(flat), 1)), np.full(len(flat), label))
    iou = box_codec.iou(found, box).reshape(windows.shape[:2])
    return Occlusion(probability, iou, windows, shown[0], whole, box, model.classes[label])
