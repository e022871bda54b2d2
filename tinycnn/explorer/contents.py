"""What a page is told: the network, the pictures, the weights, and the numbers by which it checks itself.

A page computes the step again, in JavaScript and in float64, from the weights and the pixels; that keeps it small, and
lets a reader move the learning rate. What NumPy computed goes along as a few sums for each layer and picture, and
every page compares its own with them. A layer that the page cannot compute (one of the reader's own) goes along with
its values.
"""

from typing import Any

import numpy as np

from tinycnn import boxes as box_codec
from tinycnn.backend import Array, Labels, to_numpy
from tinycnn.data.dataset import Samples
from tinycnn.explorer.record import HEADS, Node, Step, calm_twin, record
from tinycnn.explorer.sources import sources
from tinycnn.inspection.taps import batch_of, frames, loss_for
from tinycnn.losses import L2Loss, MultiTaskLoss, SoftmaxCrossEntropy
from tinycnn.models.localizer import Localizer
from tinycnn.text import short

# What the page computes by itself (page/layers.js): what it has to know of each besides its parameters.
COMPUTED: dict[str, tuple[str, ...]] = {
    "Picture": (), "Sum": (), "Conv2d": ("kernel", "stride", "padding", "dilation", "groups"),
    "MaxPool2d": ("kernel", "stride", "padding"), "AvgPool2d": ("kernel", "stride", "padding", "count_include_pad"),
    "GlobalAvgPool2d": (), "ReLU": (), "LeakyReLU": ("negative_slope",), "Dropout": ("p",), "Flatten": (), "Linear": (),
    "BatchNorm2d": ("eps",), "LocalResponseNorm": ("size", "alpha", "beta", "k", "divide_alpha"),
}  # fmt: skip
HALVINGS = 20  # at most, of a rate at which the loss rises
BOX_LOSSES = ("L2Loss", "SmoothL1Loss", "GIoULoss")


def contents(model: Localizer, samples: Samples, loss: Any = None,
             rate: float | None = None) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(what goes in as JSON, what goes in as arrays) for a few samples, all of which are shown. rate: see explore"""
    calm, loss = calm_twin(model), loss_the_page_computes(model, loss)
    x, labels, targets = batch_of(calm, samples.images, samples.labels, samples.boxes)
    step = record(calm, x, labels, targets.astype(np.float64), loss, parameters=False)
    shown, sizes = frames(model, samples.images)
    arrays: dict[str, np.ndarray] = {"pixels": shown}
    arrays |= {f"{name}.value": to_numpy(p.value).astype(np.float32) for name, p in model.parameters().items()}
    nodes = [_node(i, step, arrays) for i in range(len(step.graph.nodes))]
    codes = box_codec.encode(samples.boxes, sizes)
    pictures = [{"name": samples.names[i], "label": int(labels[i]), "target": _plain(targets[i]),
                 "code": _plain(codes[i]), "size": [int(side) for side in sizes[i]]} for i in range(len(samples))]
    box_loss = type(loss.box_loss).__name__
    told = {
        "classes": list(model.classes), "image_size": model.image_size, "per_class_boxes": model.per_class_boxes,
        "mirror": bool(getattr(model, "mirror", False)), "box_mean": _plain(model.box_mean),
        "box_std": _plain(model.box_std), "pixel_mean": _three(model.pixel_mean),
        "pixel_scale": _three(model.pixel_scale), "rate_chosen": rate is None,
        **(suitable_rate(calm, step, loss, x, labels, targets) if rate is None else {"rate": float(rate)}),
        "nodes": nodes, "pictures": pictures,
        "trunk_end": step.graph.trunk_end, "class_end": step.graph.class_end, "box_end": step.graph.box_end,
        "loss": {"class_weight": loss.class_weight, "box_weight": loss.box_weight,
                 "label_smoothing": loss.class_loss.label_smoothing, "box_loss": box_loss,
                 "beta": float(getattr(loss.box_loss, "beta", 1.0))},
        "check": _check(step),
        "sources": sources([*(node["kind"] for node in nodes), "SoftmaxCrossEntropy", box_loss, "SGD"]),
    }  # fmt: skip
    return told, arrays


def loss_the_page_computes(model: Localizer, loss: Any) -> Any:
    """The loss of the run, told how its boxes are standardized; one that no page can compute gives way to the usual."""
    known = type(loss) is MultiTaskLoss and type(loss.class_loss) is SoftmaxCrossEntropy and \
        type(loss.box_loss).__name__ in BOX_LOSSES
    return loss_for(model, loss if known else MultiTaskLoss(box_loss=L2Loss()))


def straight_rate(step: Step, loss: Any) -> float:
    """The rate at which a step would bring the loss to 0 if it were a straight line: loss / |gradient| ** 2.

    The median over the pictures, each of which takes its own step, rounded to one digit. Where the loss is a parabola
    with its lowest point at 0, twice this rate ends there and four times it comes up again on the other side.
    """
    values = loss.class_weight * step.losses["class"] + loss.box_weight * step.losses["box"]
    rates = [value / size if size else 0.0 for value, size in zip(values, step.squares, strict=True)]
    return float(f"{np.median(rates):.0e}") or 0.01


def suitable_rate(calm: Localizer, step: Step, loss: Any, x: Array, labels: Labels, targets: Array) -> dict[str, Any]:
    """The straight rate, halved (at most HALVINGS times) until a step on the first picture lowers its own loss.

    calm, x, labels, targets: as they were given to record; the weights of `calm` are the same afterwards
    Returns {"rate", "rate_straight", "rate_halved": how many times, "rate_falls": whether the loss falls at it}. Where
    the gradient of the picture is 0 no rate is better than another, and the straight one stays.
    """
    straight = straight_rate(step, loss)
    tried = [float(f"{straight / 2**k:.2g}") for k in range(HALVINGS + 1)] if step.squares[0] else []
    falls = _falls_at(calm, loss, x[:1], labels[:1], targets[:1].astype(np.float64))
    halved = next((k for k, rate in enumerate(tried) if falls(rate)), None)
    last = max(0, len(tried) - 1) if halved is None else halved
    return {"rate": tried[last] if tried else straight, "rate_straight": straight, "rate_halved": last,
            "rate_falls": halved is not None}


def _falls_at(calm, loss, x, labels, targets):
    """Whether one step of plain gradient descent on the batch makes its loss smaller, as a function of the rate."""
    found, parameters, truth = record(calm, x, labels, targets, loss).parameters, calm.parameters(), (labels, targets)
    own = [(parameters[name], parameters[name].value, found["class"][name][0] + found["box"][name][0])
           for name in found["class"]]
    before = float(loss.forward(calm.forward(x), truth))

    def falls(rate):
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # a step that is far too long gives no numbers
                for p, value, gradient in own:
                    p.value = value - rate * gradient
                return float(loss.forward(calm.forward(x), truth)) < before
        finally:
            for p, value, _ in own:
                p.value = value

    return falls


def computed(node: Node) -> bool:
    """Whether the page computes this node by itself: only the library's own classes, whose formulas it knows."""
    return node.kind in COMPUTED and (node.layer is None or type(node.layer).__module__.startswith("tinycnn.layers"))


def _node(i: int, step: Step, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    node = step.graph.nodes[i]
    told: dict[str, Any] = {
        "name": node.name, "short": short(node.name), "kind": node.kind, "part": node.part, "inputs": list(node.inputs),
        "shape": list(step.values[i].shape[1:]), "repr": "" if node.layer is None else repr(node.layer),
        "computed": computed(node),
    }  # fmt: skip
    if not told["computed"]:
        arrays[f"{node.name}.y"] = step.values[i].astype(np.float32)
        for head in HEADS:
            arrays[f"{node.name}.dx.{head}"] = step.sent[head][i].astype(np.float32)
        return told
    told["args"] = {name: _argument(getattr(node.layer, name)) for name in COMPUTED[node.kind]}
    if node.layer is not None and node.kind != "Sum":
        told["parameters"] = {name: f"{node.name}.{name}" for name in node.layer.parameters()}
    for name, buffer in node.layer.buffers().items() if node.kind == "BatchNorm2d" else ():
        arrays[f"{node.name}.{name}.buffer"] = to_numpy(buffer.value).astype(np.float32)
    return told


def _check(step: Step) -> list[dict[str, Any]]:
    """For each picture the size (root of the sum of squares) of every node's value and of the gradients that arrive."""
    def sizes(arrays, i):
        return [float(np.sqrt((a[i].astype(np.float64) ** 2).sum())) for a in arrays]

    return [{"values": sizes(step.values, i),
             **{head: sizes(step.gradients[head], i) for head in HEADS},
             "losses": {head: float(step.losses[head][i]) for head in HEADS}}
            for i in range(len(step.values[0]))]  # fmt: skip


def _plain(array):
    return [float(a) for a in np.asarray(array).reshape(-1)]


def _three(value):
    return [float(v) for v in np.broadcast_to(np.asarray(value, np.float64), 3)]


def _argument(value):
    return list(value) if isinstance(value, tuple) else value

