"""Tug of war: which head pulls the trunk, how hard, and whether both pull the same way.

In backward the gradients of the class head and of the box head are added at the features, and from there on they travel
as one. But backward is linear in what it is given, so they can be sent down one at a time: forward, then backward with
the boxes' gradient set to 0; the same again with the scores' gradient set to 0. The two results add up to the joint
gradient. Their norms say who pulls harder; the cosine of the angle between them says whether a step for one head helps
the other (1), leaves it alone (0) or harms it (-1).
"""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from tinycnn.backend import Array, Labels, MaybeNone, to_numpy
from tinycnn.data.dataset import Samples
from tinycnn.history import Row
from tinycnn.inspection.taps import batch_of, expect_localizer, loss_for, tap, twin
from tinycnn.losses import MultiTaskLoss
from tinycnn.models.localizer import Localizer
from tinycnn.plots.look import Figure
from tinycnn.text import figure_of, plain, short, table


@dataclass(frozen=True)
class Pull:
    """Two gradients of one array, from the class head and from the box head.

    class_norm, box_norm: their norms, weights of the loss included    cosine: of the angle between them, None where one
    is 0    weights: True for a parameter, False for a layer's output
    """

    name: str
    weights: bool
    class_norm: float
    box_norm: float
    cosine: float | MaybeNone


@dataclass(frozen=True, repr=False)
class HeadGradients:
    """What each head sends down the trunk, for the outputs of its layers and for its parameters, in order of forward.

    losses: {"class": ..., "box": ...}, without their weights    weights: the loss's two weights, where it has them
    """

    outputs: tuple[Pull, ...]
    parameters: tuple[Pull, ...]
    losses: dict[str, float]
    weights: dict[str, float]

    @property
    def features(self) -> Pull:
        """The Pull at the trunk's output, where the two gradients meet."""
        return self.outputs[-1]

    @property
    def balanced_box_weight(self) -> float | None:
        """The box_weight at which both heads would pull equally hard at the features; None if one does not pull."""
        pull = self.features
        if not pull.class_norm or not pull.box_norm:
            return None
        return self.weights.get("box_weight", 1.0) * pull.class_norm / pull.box_norm

    def reweighted(self, class_weight: float, box_weight: float) -> "HeadGradients":
        """The same step under another loss. Exact, without a new backward: gradients are proportional to the weights.

        Raises ValueError where a weight was 0: what was never sent cannot be scaled.
        """
        if not all(self.weights.get(name) for name in ("class_weight", "box_weight")):
            raise ValueError(f"reweighted needs a loss with two weights, neither of them 0; it was {self.weights}")
        a, b = class_weight / self.weights["class_weight"], box_weight / self.weights["box_weight"]
        outputs, parameters = (
            tuple(Pull(p.name, p.weights, abs(a) * p.class_norm, abs(b) * p.box_norm,
                       None if p.cosine is None or a * b == 0 else math.copysign(1, a * b) * p.cosine) for p in pulls)
            for pulls in (self.outputs, self.parameters))
        return HeadGradients(outputs, parameters, self.losses, {"class_weight": class_weight, "box_weight": box_weight})

    def __repr__(self) -> str:
        head = ("gradient at", "class head", "box head", "box / class", "cosine")
        rows = [(f"{short(p.name)}{'' if p.weights else ' output'}", figure_of(p.class_norm), figure_of(p.box_norm),
                 figure_of(p.box_norm / p.class_norm) if p.class_norm else "-",
                 "-" if p.cosine is None else f"{p.cosine:+.2f}")
                for p in (*self.outputs, *self.parameters)]
        return "\n".join([table([head, *rows]), "", self.verdict()])

    def verdict(self) -> str:
        """Who pulls harder at the features, and whether both pull the same way, in a sentence."""
        pull = self.features
        if not pull.class_norm or not pull.box_norm:
            norms = {"class": pull.class_norm, "box": pull.box_norm}
            silent = " and the ".join(f"{name} head" for name, norm in norms.items() if not norm)
            return f"The trunk feels nothing of the {silent}: the gradient at the features is 0."
        ratio = pull.box_norm / pull.class_norm
        stronger = f"the box head pulls {figure_of(ratio)} times as hard as the class head" if ratio >= 1 else \
            f"the class head pulls {figure_of(1 / ratio)} times as hard as the box head"
        angle = math.degrees(math.acos(max(-1.0, min(1.0, pull.cosine))))
        way = "they help each other" if pull.cosine > 0.2 else "they hardly touch each other"
        way = "they work against each other" if pull.cosine < -0.2 else way
        return f"At the features {stronger}, at an angle of {angle:.0f}°: {way}. " \
               f"With box_weight={figure_of(self.balanced_box_weight)} both would pull equally hard."

    def to_dict(self) -> dict[str, Any]:
        return plain({**asdict(self), "balanced_box_weight": self.balanced_box_weight})

    def plot(self) -> Figure:
        """Norms and cosines over the layers, and what the loss weight does to them, as a figure."""
        from tinycnn.plots.heads import heads_figure

        return heads_figure(self)


def head_gradients(model: Localizer, x: Array, labels: Labels, targets: Array,
                   loss: MultiTaskLoss | None = None) -> HeadGradients:
    """What each head of a localizer sends down the trunk in one step; nothing of `model` changes.

    x: (N, S, S, 3) from model.normalize    labels: (N,) on the host    targets: (N, 4) standardized, on x's device
    loss: default MultiTaskLoss()    Dropout, while the model is in training mode, takes the masks of its next step.
    """
    expect_localizer(model, "head_gradients")
    loss = loss_for(model, loss)
    outputs, parameters = raw_head_gradients(model, x, labels, targets, loss)
    weights = {name: float(getattr(loss, name)) for name in ("class_weight", "box_weight") if hasattr(loss, name)}
    losses = {name: float(term) for name, term in loss.terms.items()}
    return HeadGradients(tuple(_pull(name, False, *pair) for name, pair in outputs.items()),
                         tuple(_pull(name, True, *pair) for name, pair in parameters.items()), losses, weights)


def raw_head_gradients(model, x, labels, targets, loss):
    """The gradients themselves, on the host: two dicts, of layers' outputs and of parameters, name -> (class, box).

    Only of the trunk: inside a head there is nothing to share.
    """
    found = []
    for head in ("class", "box"):
        second = twin(model)  # made anew, so that both passes draw the same masks
        taps = tap(second)
        value = second.forward(x)
        loss.forward(value, (labels, targets))
        dscores, dboxes = loss.backward()
        one = (dscores, dboxes * 0) if head == "class" else (dscores * 0, dboxes)
        second.backward(*one, input_gradient=True)  # down to the image, so that no layer is passed over
        found.append((
            {name: to_numpy(a.dy) for name, a in taps.items() if name.startswith("trunk") and a.dy is not None},
            {name: to_numpy(p.grad) for name, p in second.parameters().items()
             if name.startswith("trunk") and p.grad is not None},
        ))  # fmt: skip
    return tuple({name: (of_class[name], of_box[name]) for name in of_class}
                 for of_class, of_box in zip(*found, strict=True))


def _pull(name, weights, of_class, of_box):
    a, b = of_class.reshape(-1).astype(np.float64), of_box.reshape(-1).astype(np.float64)
    class_norm, box_norm = float(np.sqrt(a @ a)), float(np.sqrt(b @ b))
    cosine = float(a @ b) / (class_norm * box_norm) if class_norm and box_norm else None
    return Pull(name, weights, class_norm, box_norm, cosine)


@dataclass
class TugOfWar:
    """Records the heads' gradients on the same pictures after every epoch: `fit(..., on_epoch=TugOfWar(samples))`.

    samples: a few Samples, the same throughout (a handful is enough; all are used)    loss: as given to fit
    epochs: the epochs recorded    gradients: the HeadGradients of each
    """

    samples: Samples
    loss: MultiTaskLoss | None = None
    epochs: list[float] = field(default_factory=list)
    gradients: list[HeadGradients] = field(default_factory=list, repr=False)

    def __call__(self, row: Row, model: Localizer) -> None:
        calm = twin(model).eval()  # Dropout's chance would hide what changes from epoch to epoch
        x, labels, targets = batch_of(calm, self.samples.images, self.samples.labels, self.samples.boxes)
        self.epochs.append(row["epoch"])
        self.gradients.append(head_gradients(calm, x, labels, targets, self.loss))

    def to_dict(self) -> dict[str, Any]:
        return {"epochs": list(self.epochs), "gradients": [g.to_dict() for g in self.gradients]}

    def plot(self) -> Figure:
        """Strength and direction of the two heads over layers and epochs, as a figure."""
        from tinycnn.plots.heads import epochs_figure

        return epochs_figure(self)
