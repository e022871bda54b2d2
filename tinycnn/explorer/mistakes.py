"""Mistakes of backward that learners make, planted in a network of one's own: where do the gradients go wrong?

The layers of a copy of the network get a wrong line (wrong_lines.py), the same training step is taken with the copy and
with the right network, and all gradients are compared. Since the gradient of a layer is made of the one that arrives
there, a mistake shows in the layers before it and in none behind it; one that is in a parameter's gradient alone shows
there and nowhere else. That is how one finds the guilty layer.
"""

import base64
import math
from typing import Any

import numpy as np

from tinycnn.backend import Array, ArrayLike, Labels, MaybeNone, to_numpy
from tinycnn.data.dataset import Pictures
from tinycnn.engine import switched_off
from tinycnn.errors import ShapeError
from tinycnn.explorer.wrong_lines import MISTAKES
from tinycnn.gradient_check import gradcheck
from tinycnn.inspection.taps import Tap, batch_of, loss_for, tap, twin
from tinycnn.inspection.trace import norm_of
from tinycnn.layers import Conv2d, Linear, MaxPool2d
from tinycnn.losses import Loss
from tinycnn.models.localizer import Localizer

CHECKED = 3  # images with which the gradient checker looks at a wrong layer by itself
SEEN = 64  # pixels of a side, at most, of the gradient at the picture
MANY = 40  # channels or features that it is shown of a layer which takes any number of them


def planted(model: Localizer, images: Pictures, labels: Labels, boxes: ArrayLike, loss: Loss | None = None,
            seed: int = 0) -> list[dict[str, Any]]:
    """Take one training step for each mistake with a copy of `model` that has it; what differs, layer by layer.

    images, labels, boxes: as in trace, two pictures or more    loss: default MultiTaskLoss()
    seed: of Dropout's masks

    A list of dicts ready for JSON, one for each of MISTAKES that the network has a place for:

        name, title, sentence    see Mistake
        line        see Line.told, of the class of the first that has it
        planted     names of the layers that have it; "loss" where it is in the loss
        layers      in order of forward: {"layer", "kind": how it prints itself, "planted": whether it has the mistake,
                    "arrives": difference of dy, "passes": difference of dx, or None where the layer shows none,
                    "parameters": {"w": difference of dw, "b": ...}}
        picture     the gradient at the first picture, summed over colors: {"shape": [h, w], "right": base64 of int8,
                    127 for the largest, "wrong": ..., "longer": |wrong| / |right|}; None where it is the same, or no
                    number
        diagnosis   of the first of `planted` by itself, in the words of tinycnn.gradcheck: {"of": its name, "tensor",
                    "family", "words", "report": the whole report as text}; family "" where there is none

    A difference is the norm of wrong - right over the larger of the two norms: 0 where all numbers are the same, to the
    last bit, and never more than 2. `model` is left as it is. ShapeError for fewer than two pictures.
    """
    if len(labels) < 2:
        raise ShapeError(f"planted mistakes need two pictures or more, got {len(labels)}: with one, a mean and a sum "
                         "are the same, and a mistake between them cannot be seen")

    found, batch = [], (images, labels, boxes)
    with switched_off(), np.errstate(over="ignore", invalid="ignore"):  # the formulas: what is right is so to the bit
        right = _Step(model, loss, seed).take(batch)
        for mistake in MISTAKES:
            run = _Step(model, loss, seed, mistake)
            if run.places:
                run.take(batch)
                found.append({"name": mistake.name, "title": mistake.title, "sentence": mistake.sentence,
                              "line": mistake.lines[run.first].told(), "planted": list(run.places),
                              "layers": list(_compared(right, run)), "picture": at_picture(right.dx[0], run.dx[0]),
                              "diagnosis": _diagnosis(run, seed)})
    return found


class _Step:
    """Forward and backward of one batch with a copy of a network, which has a mistake or none.

    places: {name: layer with the mistake}    first: the class that the first of them had
    """

    def __init__(self, model, loss, seed, mistake=None):
        self.network, self.loss = twin(model, seed=seed).train(), loss_for(model, loss)
        self.places: dict[str, Any] = {}
        self.first: Any = None
        if mistake is not None:
            parts = dict(self.network.layers()) | {"loss": getattr(self.loss, "class_loss", self.loss)}
            for name, part in parts.items():
                cls = type(part)
                if cls in mistake.lines and mistake.shows(part):
                    part.__class__ = mistake.lines[cls].wrong  # the same object, with one method written otherwise
                    self.first = self.first or cls
                    self.places[name] = part
        self.taps: dict[str, Tap] = tap(self.network)

    def take(self, batch):
        """Forward and backward. batch: images, labels, boxes"""
        x, self.labels, targets = batch_of(self.network, *batch)
        self.scores, outputs = self.network.forward(x)
        self.loss.forward((self.scores, outputs), (self.labels, targets))
        self.dx = to_numpy(self.network.backward(*self.loss.backward(), input_gradient=True))
        return self


def _compared(right, wrong):
    for name, seen in wrong.taps.items():
        beside = right.taps[name]
        if seen.dy is None:  # a layer of somebody's own that runs outside of any Sequential
            continue
        others = beside.layer.parameters()
        yield {"layer": name, "kind": repr(beside.layer), "planted": name in wrong.places,
               "arrives": difference(seen.dy, beside.dy), "passes": difference(seen.dx, beside.dx),
               "parameters": {key: difference(parameter.grad, others[key].grad)
                              for key, parameter in seen.layer.parameters().items()}}


def difference(a: Array | MaybeNone, b: Array | MaybeNone) -> float | None:
    """|a - b| / max(|a|, |b|) of two arrays of one shape, by their norms, 0 to 2.

    None where one is missing, or holds NaN or infinity.
    """
    if a is None or b is None:
        return None
    a, b = to_numpy(a), to_numpy(b)
    if np.array_equal(a, b):
        return 0.0
    share = norm_of(np.subtract(a, b, dtype=np.float64)) / max(norm_of(a), norm_of(b))
    return share if math.isfinite(share) else None


def at_picture(right: np.ndarray, wrong: np.ndarray) -> dict[str, Any] | None:
    """What a mistake does to the gradient (H, W, C) at one picture, small enough to be shown: see planted."""
    sizes = norm_of(right), norm_of(wrong)
    if np.array_equal(right, wrong) or not all(size and math.isfinite(size) for size in sizes):
        return None
    (h, w, _), k = right.shape, -(-max(right.shape[:2]) // SEEN)
    h, w = h // k, w // k
    blocks = (dx[: h * k, : w * k].astype(np.float64).reshape(h, k, w, k, -1) for dx in (right, wrong))
    small = [block.sum(axis=(1, 3, 4)) for block in blocks]  # (h, w)
    shown = [np.round(127 * dx / (np.abs(dx).max() or 1)).astype(np.int8) for dx in small]
    texts = [base64.b64encode(dx.tobytes()).decode() for dx in shown]
    return {"shape": [h, w], "right": texts[0], "wrong": texts[1], "longer": sizes[1] / sizes[0]}


def _diagnosis(run, seed):
    """What the checker says of the first wrong layer by itself, with its own weights and random inputs."""
    name, part = next(iter(run.places.items()))
    part.recorder = None
    inputs = (run.scores, run.labels) if name == "loss" else (_random_input(part, run.taps[name].x.shape, seed),)
    report = gradcheck(part, *inputs, seed=seed, invariants=False, title=f"{name}: {type(part).__mro__[1].__name__}")
    found = next((tensor for tensor in report.tensors if tensor.verdict == "wrong"), None)
    return {"of": name, "tensor": found.name if found else "", "family": (found and found.family) or "",
            "words": found.words if found else "", "report": str(report)}


def _random_input(layer, shape, seed):
    """Random numbers for a layer that got x of `shape`: no ties and no dead units, and few enough to look at each."""
    size, sides, features = CHECKED, shape[1:-1], shape[-1]
    if isinstance(layer, Conv2d | MaxPool2d):
        reach = [(k - 1) * d + 1 + 2 * s for k, d, s in zip(layer.kernel, getattr(layer, "dilation", (1, 1)),
                                                            layer.stride, strict=True)]
        sides = tuple(min(side, most) for side, most in zip(sides, reach, strict=True))
    else:
        sides = tuple(min(side, MANY // 8) for side in sides)
    if not isinstance(layer, Conv2d | Linear):
        features = min(features, MANY if not sides else MANY // 8)
    return np.random.default_rng(seed).standard_normal((size, *sides, features))
