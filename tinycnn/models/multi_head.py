"""One trunk and any number of heads, each with a name: the localizer's idea, carried on.

    image -> trunk -> features -> heads["class"]:  K scores
                               -> heads["box"]:    4 numbers
                               -> heads["joints"]: 2 * J numbers

    model = tc.models.multi_head({"class": ["cat", "dog"], "box": "box", "joints": {"points": names}})
    train = tc.data.HeadSamples(images, {"class": [...], "box": boxes, "joints": joints}, file_names)
    loss = tc.HeadLosses({"class": tc.SoftmaxCrossEntropy(), "box": GIoULoss(), "joints": tc.L2Loss()}, {"box": 2.0})
    tc.fit(model, train, valid, loss=loss)

Every head is a chain of layers on the same features, so in backward all their gradients meet there and are added. The
Localizer, which the lessons take apart, is this with two heads, written out; it stays a class of its own, since a
reader shall see two heads and no loop.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinycnn.backend import Array, MaybeNone, Shape, to_device, to_numpy
from tinycnn.data.dataset import Pictures
from tinycnn.errors import ShapeError
from tinycnn.layers import Dropout, Flatten, Layer, Linear, ReLU
from tinycnn.models.base import Images, PictureModel, chain, structure
from tinycnn.models.heads import small_head
from tinycnn.models.localizer import localizer
from tinycnn.models.named_heads import BoxHead, ClassHead, Head, NumbersHead, PointsHead
from tinycnn.models.resnet import residual_trunk
from tinycnn.poses import JOINTS, MIRRORED
from tinycnn.resize import crop_resize


class MultiHead(PictureModel):
    """A trunk and named heads.

    trunk: any layer from images (N, S, S, 3) to features    heads: {name: ClassHead, BoxHead, PointsHead, NumbersHead
    or a Head of your own}    image_size: S    config: see PictureModel

    Whatever goes in or comes out by head is a dictionary with these names.
    """

    trunk: Any
    heads: dict[str, Any]
    mirror = False

    def __init__(self, trunk: Layer, heads: Mapping[str, Head], image_size: int,
                 config: dict[str, Any] | None = None) -> None:
        self.trunk, self.heads, self.image_size = trunk, dict(heads), image_size
        features = trunk.output_shape((image_size, image_size, 3))
        if not heads or not all(isinstance(head, Head) for head in heads.values()):
            raise TypeError("MultiHead takes heads by name, such as {\"class\": ClassHead(Linear(256, 10), "
                            f"classes=names)}}, got {heads!r}")
        for name, head in self.heads.items():
            if not isinstance(name, str) or not name.isidentifier():
                raise ValueError(f"MultiHead: a head's name is made of letters, digits and _, got {name!r}")
            if name in RESERVED:
                raise ValueError(f"MultiHead: a head cannot be called {name!r}: a history has a column of that name")
            head.expect(name, features)
        self.config, self.built = config, structure(self)

    def forward(self, x: Array) -> dict[str, Array]:
        """x: (N, S, S, 3) from normalize() -> {head: its numbers (N, D)}."""
        trunk = chain(self.trunk)
        features = trunk.forward(x)
        outputs = {name: head.forward(features) for name, head in self.heads.items()}
        self.remember(trunk, {name: y.shape for name, y in outputs.items()})
        return outputs

    def backward(self, gradients: Mapping[str, Array], input_gradient: bool = False) -> Array | MaybeNone:
        """Gradients of all parameters. gradients: {head: dloss/doutputs}; a head that is left out gets none, and pulls
        no trunk. dx on request.
        """
        given = {name: dy.shape for name, dy in gradients.items()}
        if self.kept() and not (given and given.items() <= self.kept()[1].items()):
            raise ShapeError(f"MultiHead.backward expects gradients of the shapes that forward returned, "
                             f"{self.kept()[1]}, got {given}")
        trunk, _ = self.recall()
        dfeatures: Any = None
        for name, head in self.heads.items():
            if name in gradients:
                share = head.backward(gradients[name])
                dfeatures = share if dfeatures is None else dfeatures + share  # all heads pull on the trunk
            else:
                head.forget()
        return trunk.backward(dfeatures, input_gradient)

    def predict(self, images: Pictures, batch_size: int = 64) -> dict[str, Any]:
        """{head: its answers} to one uint8 image (H, W, 3), or to a sequence of them, of any sizes: of a ClassHead a
        Classified, of a BoxHead boxes (N, 4), of a PointsHead points (N, P, 2), both in each image's own pixels, of a
        NumbersHead numbers (N, D).

        Raises DataError for what is no image, TrainingError for a network that answers NaN or infinity.
        """
        images, sizes, parts = Images(images), [], []
        with self.predicting(), np.errstate(over="ignore", invalid="ignore"):  # finite() says it once
            for i in range(0, len(images), batch_size):
                some = [images[k] for k in range(i, min(i + batch_size, len(images)))]
                sizes += [image.shape[:2] for image in some]
                batch = np.stack([self.fit_frame(image) for image in some])
                parts.append(self.forward(self.normalize(to_device(batch, self.device))))
        return self.answers({name: np.concatenate([to_numpy(part[name]) for part in parts]) for name in self.heads},
                            np.array(sizes))

    def answers(self, outputs: Mapping[str, np.ndarray], sizes: np.ndarray) -> dict[str, Any]:
        """{head: its answers} from outputs on the host; sizes: (N, 2), height and width of each picture."""
        self.finite(*outputs.values())
        return {name: head.decode(outputs[name], sizes) for name, head in self.heads.items()}

    def fit_frame(self, image: np.ndarray) -> np.ndarray:
        """A whole uint8 image (H, W, 3), stretched to the network's input (S, S, 3)."""
        return crop_resize(image, (0, 0, image.shape[1], image.shape[0]), (self.image_size, self.image_size))

    def output_shape(self, shape: Shape) -> Any:
        features = self.trunk.output_shape(shape)
        return {name: head.output_shape(features) for name, head in self.heads.items()}

    def multiply_adds(self, shape: Shape) -> int:
        features = self.trunk.output_shape(shape)
        return self.trunk.multiply_adds(shape) + sum(head.multiply_adds(features) for head in self.heads.values())

    def __repr__(self) -> str:
        return f"MultiHead({', '.join(self.heads)}; {self.image_size} x {self.image_size})"


TRUNKS = ("localizer", "resnet")
RESERVED = ("loss", "lr", "epoch", "seconds", "valid")  # columns of a history, and what those of validation begin with


def multi_head(answers: Mapping[str, Any] | None = None, body: str = "localizer", image_size: int = 64,
               channels: Any = (32, 64, 128, 256), hidden: int = 256, dropout: float = 0.0, seed: int = 0) -> MultiHead:
    """A MultiHead on the trunk of the localizer, or with body="resnet" on the residual one.

    answers: what each head is to give, as plain values, since a file keeps them: a list of names for a class, "box",
        {"points": names, "mirrored": numbers} or {"numbers": names}; None: ten classes, a box, and the joints of a pose
    channels: filters of each convolution or block    hidden: the width of the layer that the heads share, with resnet
        of one within each head    dropout: in front of the heads
    """
    if answers is None:
        answers = {"class": list("0123456789"), "box": "box", "joints": {"points": JOINTS, "mirrored": MIRRORED}}
    if not isinstance(answers, Mapping):
        raise TypeError(f"multi_head: answers are a dictionary, {{head: what it gives}}, got {answers!r}")
    if body not in TRUNKS:
        raise ValueError(f"multi_head: body is {' or '.join(TRUNKS)}, got {body!r}")
    config = {"architecture": "multi-head", "answers": {name: _plain(given) for name, given in answers.items()},
              "body": body, "image_size": image_size, "channels": list(channels), "hidden": hidden, "dropout": dropout}
    rng = np.random.default_rng(seed)
    residual = body == "resnet"
    trunk = residual_trunk(image_size, channels, rng) if residual else \
        localizer(1, image_size, channels, hidden, seed=seed).trunk
    features = trunk.output_shape((image_size, image_size, 3))
    heads = {}
    for number, (name, given) in enumerate(answers.items()):
        layers: list[Layer] = [Dropout(dropout, rng=np.random.default_rng([seed, number + 1]))] if dropout else []
        if residual:
            layers = [Flatten(), *layers, Linear(int(np.prod(features)), hidden, rng=rng), ReLU()]
        heads[name] = _head(name, given, lambda outputs, before=layers: (*before, small_head(hidden, outputs, rng)))
    return MultiHead(trunk, heads, image_size, config)


def _plain(given):
    """What one head gives, as JSON has it."""
    if isinstance(given, Mapping):
        wrong = [value for value in given.values() if value is not None and not isinstance(value, list | tuple)]
        if wrong:
            raise TypeError(f"multi_head: names are given in a list, as {{'numbers': ['years']}}, got {wrong[0]!r}")
        return {key: list(value) for key, value in given.items() if value is not None}
    if isinstance(given, list | tuple) and not given:
        raise ValueError("multi_head: a class head needs the names of its classes, got an empty list")
    return list(given) if isinstance(given, list | tuple) else given


def _head(name, given, layers):
    """layers: (how many numbers) -> the layers of the head"""
    if isinstance(given, str) and given == "box":
        return BoxHead(*layers(4))
    if isinstance(given, list | tuple):
        return ClassHead(*layers(len(given)), classes=given)
    if isinstance(given, Mapping) and set(given) <= {"points", "mirrored"} and "points" in given:
        return PointsHead(*layers(2 * len(given["points"])), names=given["points"], mirrored=given.get("mirrored"))
    if isinstance(given, Mapping) and set(given) == {"numbers"}:
        return NumbersHead(*layers(len(given["numbers"])), names=given["numbers"])
    raise ValueError(f'multi_head: a head gives a class, ["cat", "dog"], a "box", {{"points": names}} or '
                     f'{{"numbers": names}}; {name!r} is {given!r}')
