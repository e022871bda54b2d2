"""Watching a network at work without touching it.

Everything in this room runs on a `twin`: a second tree of the same layers that shares the weights (or owns a copy,
where a step will change them) and has its own gradients, memory, mode and random generators. So nothing that is looked
at is ever changed, not even when the look ends in an error.

A `Tap` sits on one layer of a twin and keeps what flows through: x and y on the way forward, dy and dx on the way back.
"""

import copy
import threading
from typing import Any, TypeVar

import numpy as np

from tinycnn import boxes as box_codec
from tinycnn.backend import Array, ArrayLike, Labels, MaybeNone, array_module, to_device
from tinycnn.data.dataset import Dataset, Pictures, Samples
from tinycnn.engine import Recorder
from tinycnn.errors import ShapeError
from tinycnn.layers import Layer
from tinycnn.losses import Loss, MultiTaskLoss, tell_box_statistics
from tinycnn.models.base import Images
from tinycnn.models.localizer import Localizer
from tinycnn.text import kind, short

AnyLayer = TypeVar("AnyLayer", bound=Layer)


def twin(model: AnyLayer, own_weights: bool = False, seed: int | None = None) -> AnyLayer:
    """A network that computes what `model` does, bit for bit, and leaves `model` as it is.

    own_weights: copy the weights; otherwise both networks hold the same arrays, and only reading is allowed.
    seed: of the generators inside (Dropout); None continues as those of `model` would, without advancing them.
    """
    memo: dict[int, Any] = {}  # what deepcopy finds here under id(thing), it takes as the copy of that thing
    for parameter in model.parameters().values():
        memo[id(parameter.value)] = parameter.value.copy() if own_weights else parameter.value
        if parameter.grad is not None:
            memo[id(parameter.grad)] = None
    second = copy.deepcopy(model, memo)
    if seed is not None:
        for number, layer in enumerate(second.tree()):
            if isinstance(getattr(layer, "rng", None), np.random.Generator):
                vars(layer)["rng"] = np.random.default_rng((seed, number))
    return second


class Tap(Recorder):
    """What flowed through one layer: x, y forward; dy, dx backward (None where backward was not asked), seconds.

    It is the layer's `recorder`: the network shows it each chunk of a batch, from the thread that computed it, and runs
    as it would without it.
    """

    layer: Any
    x: Array | MaybeNone
    y: Array | MaybeNone
    dy: Array | MaybeNone
    dx: Array | MaybeNone

    def __init__(self, name: str, layer: Layer) -> None:
        self.name, self.layer = name, layer
        self.x = self.y = self.dy = self.dx = None
        self.forward_seconds = self.backward_seconds = 0.0
        self._lock = threading.Lock()
        layer.recorder = self

    def saw_forward(self, images, n, x, y, seconds):
        """The layer made y of x: the slice `images` of a batch of n."""
        with self._lock:
            self.x, self.y = _put(self.x, x, images, n), _put(self.y, y, images, n)
            self.forward_seconds += seconds

    def saw_backward(self, images, n, dy, dx, seconds):
        """The layer made dx of dy; dx is None where nobody wanted it."""
        with self._lock:
            self.dy = _put(self.dy, dy, images, n)
            self.dx = None if dx is None else _put(self.dx, dx, images, n)
            self.backward_seconds += seconds


def _put(whole, part, images, n):
    """The array of the whole batch, with one chunk written into it."""
    if len(part) == n:
        return part.copy()  # the chunk may be scratch memory
    if whole is None or whole.shape != (n, *part.shape[1:]):
        whole = array_module(part).empty((n, *part.shape[1:]), part.dtype)
    whole[images] = part
    return whole


def tap(second: Layer) -> dict[str, Tap]:
    """Put a Tap on every innermost layer of a twin: {dotted name: Tap}, in order of forward."""
    return {name: Tap(name, layer) for name, layer in second.layers()}


def expect_localizer(model: Any, name: str) -> None:
    """What looks at a class head and a box head takes a network that has both. name: of the function, for the error"""
    if not isinstance(model, Localizer):
        raise TypeError(f"{name} looks into a Localizer, with a class head and a box head, got {kind(model)}. "
                        "summary and receptive_fields take any network, inspection.pose has looks into a PoseNet, "
                        "and head_pulls looks into a MultiHead")


def expect_pictures(data: Any, name: str) -> None:
    """Pictures with a class and a box, one part of them or a whole data set."""
    if not isinstance(data, Samples | Dataset):
        raise TypeError(f"{name} takes Samples or a data set of pictures with a class and a box, got {kind(data)}")


def loss_for(model: Localizer, loss: Loss | None) -> Any:
    """A loss of one's own for a look at `model`, told how its boxes are standardized. None: MultiTaskLoss()"""
    loss = copy.deepcopy(loss) if loss is not None else MultiTaskLoss()
    tell_box_statistics(loss, model.box_statistics)
    return loss


def find_layer(model: Layer, name: str) -> tuple[str, Layer]:
    """The innermost layer called `name`, in full or as in sentences: (full name, layer)."""
    layers = dict(model.layers())
    for full in (name, f"trunk.{name}"):
        if full in layers:
            return full, layers[full]
    raise KeyError(f"no layer is called {name!r}; there are: {', '.join(map(short, layers))}")


def frames(model: Localizer, images: Pictures) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of any sizes -> what the network is shown: uint8 (N, S, S, 3), stretched to its input, on the host.

    images: one uint8 image (H, W, 3) or a sequence of them. Also returns their sizes (N, 2) = (H, W).
    """
    both = [(model.fit_frame(image), image.shape[:2]) for image in Images(images)]
    return np.stack([shown for shown, _ in both]), np.array([size for _, size in both])


def network_input(model: Localizer, shown: np.ndarray) -> Array:
    """uint8 (N, S, S, 3) on the host -> the network's input, on its device."""
    return model.normalize(to_device(shown, model.device))


def batch_of(model: Localizer, images: Pictures, labels: Labels, boxes: ArrayLike) -> tuple[Array, np.ndarray, Array]:
    """What a training step takes, from pictures with their answers: x, labels (N,) on the host, targets (N, 4).

    boxes: (N, 4) xyxy in the pixels of the given images
    """
    shown, sizes = frames(model, images)
    labels, boxes = np.atleast_1d(labels), np.atleast_2d(np.asarray(boxes, np.float64))
    if labels.shape != (len(shown),) or boxes.shape != (len(shown), 4):
        raise ShapeError(
            f"{len(shown)} images need labels ({len(shown)},) and boxes ({len(shown)}, 4), "
            f"got {labels.shape} and {boxes.shape}"
        )
    return network_input(model, shown), labels, model.standardize(box_codec.encode(boxes, sizes))
