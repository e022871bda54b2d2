"""A model as an ONNX file: what predicts, without what learns, for programs that know nothing of tinycnn.

    tc.to_onnx(model, "model.onnx")

Of a model of pictures the file takes pixels and gives answers: normalization and the statistics of boxes or joints are
in it. ONNX has channels first, and here they are last; so arrays are transposed where a layer needs it, and weights of
fully connected layers stay in the order that they have.
"""

from pathlib import Path
from typing import Any

import numpy as np

from tinycnn import layers
from tinycnn.backend import Shape, to_numpy
from tinycnn.errors import require
from tinycnn.exchange.arrangement import expect_one_stage
from tinycnn.exchange.onnx_pose import joints
from tinycnn.files import atomic_write
from tinycnn.layers import Layer
from tinycnn.models.base import PictureModel, has_own_methods
from tinycnn.models.localizer import Localizer
from tinycnn.models.multi_head import MultiHead
from tinycnn.models.named_heads import BoxHead, ClassHead, PointsHead
from tinycnn.models.pose import PoseNet

OPSET, IR_VERSION = 19, 9  # what onnxruntime 1.16 reads already
FIRST, LAST = (0, 3, 1, 2), (0, 2, 3, 1)  # channels last -> first, and back


def to_onnx(model: Layer, path: str | Path, input_shape: Shape | None = None) -> None:
    """Write what `model` predicts with as an ONNX file. Any number of pictures may be given to it at a time, N.

    A Localizer takes "pixels" (N, S, S, 3), float32, 0 to 255, and gives "probabilities" (N, K) and "boxes" (N, 4):
        xmin, ymin, xmax, ymax as shares of the picture's width and height, not clipped. With one box per class they
        are (N, K, 4). The names of the classes are in the file's metadata, "classes", one a line.
    A PoseNet takes the same of a person's window and gives "joints" (N, J, 2), measured from the window's center in
        units of its side.
    A MultiHead takes the pixels of a Localizer and gives one output for each head, under its name: probabilities, boxes
        as above, points (N, P, 2) as shares of the picture's width and height, or numbers. The names of the classes of
        a head are in the metadata, "classes of NAME".
    Another layer or network takes "x" (N, ...), float32, images with channels last, and gives "y".
    input_shape: (H, W, C) or (D,) of one input of another layer or network; a model of pictures knows its own

    Needs the package onnx. Raises TypeError for a layer that ONNX has nothing for, such as one of your own.
    """
    expect_one_stage(model, "to_onnx")
    onnx = require("onnx", extra="onnx")
    graph = Graph(onnx)
    write = next((write for of, write in MODELS.items() if isinstance(model, of)), None)
    if write is not None and isinstance(model, PictureModel):
        input_shape = (model.image_size, model.image_size, 3)
        outputs, source = write(graph, model), "pixels"
    elif input_shape is None or isinstance(model, PictureModel):
        raise TypeError(f"to_onnx: give the shape of one input of {type(model).__name__}, such as "
                        "input_shape=(64, 64, 3)")  # fmt: skip
    else:
        y = graph.layer(model, ("x", False))
        outputs, source = {"y": (graph.last(y), model.output_shape(tuple(input_shape)))}, "x"
    proto = graph.file(type(model).__name__, {source: input_shape}, outputs)
    named = {"classes": model.classes} if isinstance(model, Localizer) else {
        f"classes of {name}": head.classes for name, head in getattr(model, "heads", {}).items()
        if isinstance(head, ClassHead)}
    onnx.helper.set_model_props(proto, {key: "\n".join(classes) for key, classes in named.items()})
    onnx.checker.check_model(proto)
    with atomic_write(path) as file:
        file.write(proto.SerializeToString())


def _localizer(graph, model):
    """{output: (its value, its shape)} of the graph from pixels to probabilities and boxes."""
    k, per_class = len(model.classes), model.per_class_boxes
    mean, std = model.box_mean, model.box_std
    scores, boxes = None, None
    for mirrored in [False, True] if model.mirror else [False]:
        features = graph.layer(model.trunk, (graph.pixels(model, mirrored), False))
        found = [graph.last(graph.layer(head, features)) for head in (model.class_head, model.box_head)]
        if per_class:
            found[1] = graph.node("Reshape", [found[1], graph.integers([0, k, 4])])
        if mirrored:  # cx -> 1 - cx, standardized
            found[1] = graph.add(graph.multiply(found[1], [-1, 1, 1, 1]), [(1 - 2 * mean[0]) / std[0], 0, 0, 0])
            scores, boxes = graph.mean(scores, found[0]), graph.mean(boxes, found[1])
        else:
            scores, boxes = found
    return {"probabilities": (graph.node("Softmax", [scores], axis=1), (k,)),
            "boxes": (_corners(graph, graph.add(graph.multiply(boxes, std), mean)), (k, 4) if per_class else (4,))}


def _corners(graph, codes):
    """xmin, ymin, xmax, ymax of codes (cx, cy, h, w)."""
    sizes = graph.node("Relu", [graph.pick(codes, [3, 2])])  # (w, h); a network may answer with less than 0
    half, centers = graph.multiply(sizes, [0.5]), graph.pick(codes, [0, 1])
    corners = [graph.node(operation, [centers, half]) for operation in ("Sub", "Add")]
    return graph.node("Concat", corners, axis=-1)


def _heads(graph, model):
    """{head: (its value, its shape)} of a MultiHead."""
    features = graph.layer(model.trunk, (graph.pixels(model, False), False))
    outputs: dict[str, Any] = {}
    for name, head in model.heads.items():
        y = graph.last(_chain(graph, head, features))
        if isinstance(head, ClassHead):
            outputs[name] = graph.node("Softmax", [y], axis=1), (head.outputs,)
            continue
        mean, std = to_numpy(head.statistics.value)
        codes = graph.add(graph.multiply(y, std), mean)
        if isinstance(head, BoxHead):
            outputs[name] = _corners(graph, codes), (4,)
        elif isinstance(head, PointsHead):
            points = head.outputs // 2
            outputs[name] = graph.node("Reshape", [codes, graph.integers([0, points, 2])]), (points, 2)
        else:
            outputs[name] = codes, (head.outputs,)
    return outputs


MODELS: dict[type, Any] = {Localizer: _localizer, PoseNet: joints, MultiHead: _heads}


class Graph:
    """Nodes and constants of an ONNX graph under construction.

    An array on its way is a pair (its name, whether its channels stand first).
    """

    def __init__(self, onnx: Any) -> None:
        self.onnx, self.nodes, self.constants = onnx, list[Any](), list[Any]()
        self.held: dict[int, str] = {}  # id of a Parameter or Buffer -> name of its constant: mirrored runs share it

    def node(self, operation: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        """Add a node; returns the name of its output."""
        output = output or f"{operation.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(operation, inputs, [output], **attributes))
        return output

    def constant(self, values: Any, dtype: str = "float32") -> str:
        """Keep an array in the file; returns its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(self.onnx.numpy_helper.from_array(np.ascontiguousarray(values, dtype), name))
        return name

    def weights(self, held: Any, arrange: tuple[int, ...] | None = None) -> str:
        """A Parameter's or Buffer's array, its axes in another order if asked."""
        if id(held) not in self.held:
            value = to_numpy(held.value)
            self.held[id(held)] = self.constant(value if arrange is None else value.transpose(arrange))
        return self.held[id(held)]

    def described(self, name: str, shape: Shape) -> Any:
        """An input or output (N, ...), float32."""
        return self.onnx.helper.make_tensor_value_info(name, self.onnx.TensorProto.FLOAT, ["N", *shape])

    def file(self, name: str, inputs: dict[str, Shape], outputs: dict[str, tuple[str, Shape]]) -> Any:
        """What a file says, as a ModelProto. inputs: name -> shape of one    outputs: name -> (value, shape of one)"""
        for output, (value, _) in outputs.items():
            self.node("Identity", [value], output)
        helper = self.onnx.helper
        described = helper.make_graph(self.nodes, name, [self.described(*one) for one in inputs.items()],
                                      [self.described(output, shape) for output, (_, shape) in outputs.items()],
                                      self.constants)  # fmt: skip
        return helper.make_model(described, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION,
                                 producer_name="tinycnn")

    def integers(self, values: Any) -> str:
        """A list of whole numbers as a constant."""
        return self.constant(values, "int64")

    def multiply(self, value: str, by: Any) -> str:
        """value * numbers"""
        return self.node("Mul", [value, self.constant(by)])

    def add(self, value: str, numbers: Any) -> str:
        """value + numbers"""
        return self.node("Add", [value, self.constant(numbers)])

    def mean(self, one: str, other: str) -> str:
        """The mean of two arrays."""
        return self.multiply(self.node("Add", [one, other]), [0.5])

    def pick(self, value: str, places: Any, axis: int = -1) -> str:
        """Some places along an axis, in this order."""
        return self.node("Gather", [value, self.integers(places)], axis=axis)

    def pixels(self, model: PictureModel, mirrored: bool) -> str:
        """The network's input: pixels normalized, or their mirror image."""
        shown = self.pick("pixels", range(model.image_size)[::-1], axis=2) if mirrored else "pixels"
        centered = self.node("Sub", [shown, self.constant(np.reshape(model.pixel_mean, -1))])
        return self.multiply(centered, 1 / np.reshape(np.asarray(model.pixel_scale, np.float64), -1))

    def first(self, x: tuple[str, bool]) -> str:
        """An array of images with channels first."""
        return x[0] if x[1] else self.node("Transpose", [x[0]], perm=FIRST)

    def last(self, x: tuple[str, bool]) -> str:
        """An array with channels last, or one without channels."""
        return self.node("Transpose", [x[0]], perm=LAST) if x[1] else x[0]

    def layer(self, layer: Any, x: tuple[str, bool]) -> tuple[str, bool]:
        """A layer's output for x."""
        write = WRITERS.get(type(layer))
        if write is None or has_own_methods(layer):
            raise TypeError(f"to_onnx: ONNX has nothing for {layer!r}. It knows "
                            f"{', '.join(sorted(kind.__name__ for kind in WRITERS))}")
        return write(self, layer, x)


def _chain(graph, chain, x):
    for layer in chain:
        x = graph.layer(layer, x)
    return x


def _residual(graph, layer, x):
    y = graph.layer(layer.body, x)
    around = x if layer.shortcut is None else graph.layer(layer.shortcut, x)
    if y[1] != around[1]:
        y, around = (graph.last(y), False), (graph.last(around), False)
    return graph.node("Add", [y[0], around[0]]), y[1]


def _convolution(graph, layer, x):
    (kh, kw), (dh, dw), (top, left) = layer.kernel, layer.dilation, layer.padding
    bottom, right = ((kh - 1) * dh - top, (kw - 1) * dw - left) if layer.same else layer.padding
    inputs = [graph.first(x), graph.weights(layer.w, (3, 2, 0, 1))]  # (KH, KW, C // groups, F) -> (F, C // groups, ...)
    inputs += [] if layer.b is None else [graph.weights(layer.b)]
    return graph.node("Conv", inputs, kernel_shape=layer.kernel, strides=layer.stride, dilations=layer.dilation,
                      group=layer.groups, pads=[top, left, bottom, right]), True


def _pool(operation):
    def write(graph, layer, x):
        counts = {"count_include_pad": int(layer.count_include_pad)} if operation == "AveragePool" else {}
        return graph.node(operation, [graph.first(x)], kernel_shape=layer.kernel, strides=layer.stride,
                          pads=[*layer.padding, *layer.padding], ceil_mode=int(layer.ceil_mode), **counts), True

    return write


def _global(graph, layer, x):
    return graph.node("Flatten", [graph.node("GlobalAveragePool", [graph.first(x)])], axis=1), False


def _larger(graph, layer, x):
    scales = graph.constant([1, 1, layer.factor, layer.factor])
    return graph.node("Resize", [graph.first(x), "", scales], mode="nearest", nearest_mode="floor",
                      coordinate_transformation_mode="asymmetric"), True


def _linear(graph, layer, x):
    inputs = [graph.last(x), graph.weights(layer.w)]
    return graph.node("Gemm", inputs + ([] if layer.b is None else [graph.weights(layer.b)])), False


def _response(graph, layer, x):
    if layer.size % 2 == 0:
        raise TypeError(f"to_onnx: ONNX centers the window of {layer!r} elsewhere: its size must be odd")
    alpha = layer.alpha * (1 if layer.divide_alpha else layer.size)  # ONNX divides by the size
    return graph.node("LRN", [graph.first(x)], size=layer.size, alpha=alpha, beta=layer.beta, bias=layer.k), True


def _batchnorm(graph, layer, x):
    held = (layer.w, layer.b, layer.running_mean, layer.running_var)
    return graph.node("BatchNormalization", [graph.first(x), *map(graph.weights, held)], epsilon=layer.eps), True


WRITERS: dict[type, Any] = {
    layers.Sequential: _chain, layers.Residual: _residual, layers.Conv2d: _convolution, layers.Linear: _linear,
    layers.MaxPool2d: _pool("MaxPool"), layers.AvgPool2d: _pool("AveragePool"), layers.GlobalAvgPool2d: _global,
    layers.LocalResponseNorm: _response, layers.BatchNorm2d: _batchnorm, layers.Upsample2d: _larger,
    layers.ReLU: lambda graph, layer, x: (graph.node("Relu", [x[0]]), x[1]),
    layers.LeakyReLU: lambda graph, layer, x: (graph.node("LeakyRelu", [x[0]], alpha=layer.negative_slope), x[1]),
    layers.Dropout: lambda graph, layer, x: x,
    layers.Flatten: lambda graph, layer, x: (graph.node("Flatten", [graph.last(x)], axis=1), False),
}  # fmt: skip
