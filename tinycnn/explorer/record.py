"""One training step of a localizer, layer by layer, as the layers' own formulas compute it.

A network is laid out as a list of nodes in the order of forward: the picture, then one node for each innermost layer,
and one for each sum at the end of a residual block. The step goes through them one layer at a time, with each layer's
`forward` and `backward` and without the engine, once for the gradient that the class head sends down and once for that
of the box head. Backward is linear, so the gradient of the whole loss is the sum of the two.

Every picture is a batch of one: what is recorded for it is the step that this picture alone would ask for. Dropout
passes everything and BatchNorm2d takes its running averages, as in a prediction, so that a second look sees the same.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinycnn.backend import Array, Labels
from tinycnn.inspection.taps import loss_for, twin
from tinycnn.layers import Layer, Residual, Sequential
from tinycnn.losses import Loss
from tinycnn.models.localizer import Localizer

HEADS = ("class", "box")


@dataclass(frozen=True)
class Node:
    """One place of the network that has a value.

    name: dotted, as in layers()    layer: None for the picture; the block itself for a "Sum"    inputs: positions, in
    the list of nodes, of what it is made from    part: "trunk", "class" or "box"
    """

    name: str
    kind: str
    layer: Any
    inputs: tuple[int, ...]
    part: str


@dataclass(frozen=True)
class Graph:
    """The nodes in order of forward, and where the trunk and both heads end."""

    nodes: tuple[Node, ...]
    trunk_end: int
    class_end: int
    box_end: int


@dataclass
class Step:
    """What one step computes for N pictures, each a batch of its own.

    values: y of each node, (N, ...)    gradients: {"class": ..., "box": ...}, of each node the gradient that arrives at
    its y, (N, ...)    parameters: {"class": {name: (N, ...)}, "box": ...}, gradients of the parameters
    losses: {"class": (N,), "box": (N,)}, without the weights of the loss
    sent: {"class": {position: dx}, "box": ...}, what each node sends to its (first) input
    squares: (N,), of each picture the square of the length of its whole gradient, with respect to all parameters
    """

    graph: Graph
    values: list[np.ndarray]
    gradients: dict[str, list[np.ndarray]]
    parameters: dict[str, dict[str, np.ndarray]]
    losses: dict[str, np.ndarray] = field(default_factory=dict)
    sent: dict[str, dict[int, np.ndarray]] = field(default_factory=dict)
    squares: np.ndarray = field(default_factory=lambda: np.zeros(0))


def graph_of(model: Localizer) -> Graph:
    """The layers of a localizer as a Graph; chains and residual blocks are taken apart, other layers are one node."""
    nodes = [Node("picture", "Picture", None, (), "trunk")]
    trunk = _lay_out(nodes, "trunk", model.trunk, 0, "trunk")
    class_end = _lay_out(nodes, "class_head", model.class_head, trunk, "class")
    box_end = _lay_out(nodes, "box_head", model.box_head, trunk, "box")
    return Graph(tuple(nodes), trunk, class_end, box_end)


def _lay_out(nodes: list[Node], name: str, layer: Layer, before: int, part: str) -> int:
    """Append the nodes of `layer`, which takes the value of node `before`; returns the position of its output."""
    if type(layer) is Sequential:
        for inner, child in layer.children().items():
            before = _lay_out(nodes, f"{name}.{inner}", child, before, part)
        return before
    if type(layer) is Residual:
        body = _lay_out(nodes, f"{name}.body", layer.body, before, part)
        around = before if layer.shortcut is None else _lay_out(nodes, f"{name}.shortcut", layer.shortcut, before, part)
        nodes.append(Node(name, "Sum", layer, (body, around), part))
    else:
        nodes.append(Node(name, type(layer).__name__, layer, (before,), part))
    return len(nodes) - 1


def calm_twin(model: Localizer, dtype: str = "float64") -> Localizer:
    """A second network with the same weights on the host, in `dtype`, as it is in a prediction."""
    return twin(model, own_weights=True).to("cpu").astype(dtype).eval()


def record(model: Localizer, x: Array, labels: Labels, targets: Array, loss: Loss | None = None,
           parameters: bool = True) -> Step:
    """One step for each picture; nothing of `model` changes.

    model: as calm_twin gives it    x: (N, S, S, 3) from model.normalize, in its dtype    labels: (N,)
    targets: (N, 4) standardized    loss: default MultiTaskLoss()    parameters: whether their gradients are kept
    """
    graph, loss, steps, squares = graph_of(model), loss_for(model, loss), [], np.zeros(len(x))
    for i in range(len(x)):
        truth = labels[i : i + 1], targets[i : i + 1]
        steps.append([_one(model, graph, x[i : i + 1], truth, loss, head) for head in HEADS])
        own = [step[2] for step in steps[-1]]
        squares[i] = sum(float((sum(each[name] for each in own) ** 2).sum()) for name in own[0])
        for each in () if parameters else own:
            each.clear()
    found = Step(graph, [np.concatenate(each) for each in zip(*(step[0][0] for step in steps), strict=True)], {}, {},
                 squares=squares)
    for k, head in enumerate(HEADS):
        found.gradients[head] = [np.concatenate(each) for each in zip(*(step[k][1] for step in steps), strict=True)]
        found.parameters[head] = {name: np.stack([step[k][2][name] for step in steps]) for name in steps[0][k][2]}
        found.losses[head] = np.array([step[k][3][head] for step in steps])
        found.sent[head] = {i: np.concatenate([step[k][4][i] for step in steps]) for i in steps[0][k][4]}
    return found


def _one(model, graph, x, truth, loss, head):
    """(values, gradients, gradients of parameters, terms of the loss, what was sent) of one batch and one head."""
    values: list[Any] = [x]
    for node in graph.nodes[1:]:
        given = [values[i] for i in node.inputs]
        values.append(given[0] + given[1] if node.kind == "Sum" else node.layer.forward(*given))
    scores, boxes = values[graph.class_end], values[graph.box_end]
    loss.forward((scores, boxes.reshape(len(boxes), -1, 4) if model.per_class_boxes else boxes), truth)
    terms = {name: float(value) for name, value in loss.terms.items()}
    dscores, dboxes = loss.backward()
    arriving = {"class": (dscores, 0 * dboxes), "box": (0 * dscores, dboxes)}[head]
    gradients, sent = backward_of(graph, arriving[0], arriving[1].reshape(boxes.shape))
    own = {name: p.grad for name, p in model.parameters().items() if p.grad is not None}
    return values, gradients, own, terms, sent


def backward_of(graph: Graph, dscores: np.ndarray, dboxes: np.ndarray) -> tuple[list[Any], dict[int, np.ndarray]]:
    """(The gradient that arrives at each node, what each layer sends to its input), after a forward of every layer.

    dscores, dboxes: the gradients of the two heads' outputs
    """
    gradients: list[Any] = [None] * len(graph.nodes)
    passed: dict[int, np.ndarray] = {}
    gradients[graph.class_end], gradients[graph.box_end] = dscores, dboxes
    for i in range(len(graph.nodes) - 1, 0, -1):
        node, dy = graph.nodes[i], gradients[i]
        sent = (dy, dy) if node.kind == "Sum" else (node.layer.backward(dy),)
        passed[i] = sent[0]
        for k, dx in zip(node.inputs, sent, strict=True):
            gradients[k] = dx if gradients[k] is None else gradients[k] + dx
    return gradients, passed
