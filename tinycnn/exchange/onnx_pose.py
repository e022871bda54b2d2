"""What a PoseNet answers, as operations of ONNX (onnx_file.py)."""

from typing import Any

import numpy as np

from tinycnn.backend import Shape, to_numpy
from tinycnn.models.pose import PoseNet
from tinycnn.poses import MIRRORED


def joints(graph: Any, model: PoseNet) -> dict[str, tuple[str, Shape]]:
    """As of a Localizer, from the pixels of a window to joints."""
    mean, std = to_numpy(model.joint_statistics.value)
    found: Any = None
    for mirrored in [False, True] if model.mirror else [False]:
        y = graph.last(graph.layer(model.head, graph.layer(model.trunk, (graph.pixels(model, mirrored), False))))
        if model.map_size:
            codes = _places(graph, y, model.map_size, len(mean) // 2)
        else:
            codes = graph.node("Reshape", [graph.add(graph.multiply(y, std), mean), graph.integers([0, -1, 2])])
        if mirrored:
            found = graph.mean(found, graph.multiply(graph.pick(codes, MIRRORED, axis=1), [-1, 1]))
        else:
            found = codes
    return {"joints": (found, (len(mean) // 2, 2))}


def _places(graph, maps, size, joints):
    """places_in_maps of poses.py: maps (N, R, R, J) -> (N, J, 2)"""
    middles = (np.arange(size) + 0.5) / size - 0.5
    places = np.stack([np.tile(middles, size), np.repeat(middles, size)], axis=1)  # (R * R, 2): x and y
    flat = graph.node("Reshape", [maps, graph.integers([0, size * size, joints])])
    scores = graph.node("Transpose", [flat], perm=(0, 2, 1))  # (N, J, R * R)
    highest = graph.node("ArgMax", [scores], axis=2, keepdims=1)
    there = graph.node("Gather", [graph.constant(places), highest], axis=0)  # (N, J, 1, 2)
    away = graph.node("Abs", [graph.node("Sub", [there, graph.constant(places)])])
    near = graph.node("Less", [graph.node("ReduceMax", [away, graph.integers([3])], keepdims=0),
                               graph.constant(1.5 / size)])
    shares = graph.node("Softmax", [graph.node("Where", [near, scores, graph.constant(-1e9)])], axis=2)
    return graph.node("MatMul", [shares, graph.constant(places)])
