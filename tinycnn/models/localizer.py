"""The two-headed localizer: one image in, the class of its main subject and its bounding box out.

    image -> trunk (convolutions) -> feature vector -> class head: K scores
                                                    -> box head:   4 numbers, the box (cx, cy, h, w)

Both heads are fully connected layers on the same features, so in backward their gradients meet there and are added:
the trunk learns what both need. The box head's four numbers are standardized: 0 means "as in the average training
box", 1 means "one standard deviation more". With a bias that starts at 0, an untrained box head then says the mean
box, which is the baseline to beat.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinycnn import boxes as box_codec
from tinycnn.backend import Array, ArrayLike, Labels, MaybeNone, Shape, array_module, device_of, to_device, to_numpy
from tinycnn.data.dataset import Pictures
from tinycnn.errors import ShapeError
from tinycnn.layers import Buffer, Conv2d, Dropout, Flatten, Layer, Linear, MaxPool2d, ReLU, Sequential
from tinycnn.models.base import Images, PictureModel, chain, structure
from tinycnn.models.heads import class_names, named_classes, small_head, with_new_end
from tinycnn.resize import crop_resize


@dataclass
class Prediction:
    """What the model says of N images.

    labels: (N,) class numbers    probabilities: (N, K)    boxes: (N, 4) (xmin, ymin, xmax, ymax) in each image's own
    pixels, clipped to it    classes: K names
    """

    labels: np.ndarray
    probabilities: np.ndarray
    boxes: np.ndarray
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> tuple[str, float, np.ndarray]:
        """One image's answer: (class name, its probability, its box)."""
        label = int(self.labels[i])
        return self.classes[label], float(self.probabilities[i, label]), self.boxes[i]


class Localizer(PictureModel):
    """A trunk with a class head and a box head.

    trunk: any layer from images (N, S, S, 3) to features (N, D)    class_head: (N, D) -> (N, K)
    box_head: (N, D) -> (N, 4), or (N, 4 * K) with per_class_boxes    image_size: S    classes: K names
    config: keyword arguments with which tinycnn.models.build makes this architecture again; None for your own
    mirror: whether `predict` and `evaluate` take the mean of the answers to a picture and to its mirror image
    """

    trunk: Any  # three layers of any kind, which may have more attributes than Layer knows of
    class_head: Any
    box_head: Any

    def __init__(self, trunk: Layer, class_head: Layer, box_head: Layer, classes: Sequence[str], image_size: int,
                 per_class_boxes: bool = False, config: dict[str, Any] | None = None, mirror: bool = False) -> None:
        self.trunk, self.class_head, self.box_head, self.mirror = trunk, class_head, box_head, mirror
        self.classes, self.image_size, self.per_class_boxes = tuple(classes), image_size, per_class_boxes
        self.config, self.built = config, structure(self)
        # Mean and standard deviation (2, 4) of the training set's box codes (cx, cy, h, w). fit() measures them.
        self.box_statistics = Buffer(np.array([[0.5] * 4, [0.25] * 4]))
        self.has_statistics, self.named = False, True  # not named: fit() takes the names of its samples' classes
        features = trunk.output_shape((image_size, image_size, 3))
        for name, head, outputs in (("class", class_head, len(self.classes)), ("box", box_head, self._box_numbers())):
            if head.output_shape(features) != (outputs,):
                raise ShapeError(f"the {name} head must give {outputs} numbers, gives {head.output_shape(features)}")

    def _box_numbers(self) -> int:
        return 4 * len(self.classes) if self.per_class_boxes else 4

    def forward(self, x: Array) -> tuple[Array, Array]:
        """x: (N, S, S, 3) from normalize() -> scores (N, K), standardized boxes (N, 4) or (N, K, 4)."""
        trunk, *heads = (chain(part) for part in (self.trunk, self.class_head, self.box_head))
        features = trunk.forward(x)
        scores, boxes = (head.forward(features) for head in heads)
        boxes = boxes.reshape(len(boxes), -1, 4) if self.per_class_boxes else boxes
        self.remember((trunk, *heads), scores.shape, boxes.shape)
        return scores, boxes

    def backward(self, dscores: Array, dboxes: Array, input_gradient: bool = False) -> Array | MaybeNone:
        """Gradients of all parameters; dx only on request: the first layer is the largest, and training needs none."""
        if self.kept() and (dscores.shape, dboxes.shape) != self.kept()[1:]:
            raise ShapeError(
                f"Localizer.backward expects gradients of shape {' and '.join(map(str, self.kept()[1:]))}, as forward "
                f"returned, got {dscores.shape} and {dboxes.shape}"
            )
        (trunk, class_head, box_head), _, _ = self.recall()
        dfeatures = class_head.backward(dscores)
        dfeatures = dfeatures + box_head.backward(dboxes.reshape(len(dboxes), -1))  # both heads pull on the trunk
        return trunk.backward(dfeatures, input_gradient)

    def answer(self, x: Array) -> tuple[Array, Array]:
        """Scores and standardized boxes as `predict` takes them: those of forward, or with `mirror` of both ways."""
        scores, boxes = self.forward(x)
        if self.mirror:
            mirrored_scores, mirrored = self.forward(array_module(x).ascontiguousarray(x[:, :, ::-1]))
            mean, std = to_numpy(self.box_statistics.value)[:, 0]
            mirrored[..., 0] = (1 - 2 * mean) / std - mirrored[..., 0]  # cx -> 1 - cx, standardized
            scores, boxes = (scores + mirrored_scores) / 2, (boxes + mirrored) / 2
        return scores, boxes

    def replace_head(self, which: str, classes: int | Sequence[str] | None = None, seed: int = 0) -> None:
        """Give a head a new last Linear, which has learned nothing, so that a trained trunk goes on with other classes.

        which: "class", with one box per class "box" too; or "box", which takes no classes    classes: their names; or
        how many there are, and `fit` takes the names of its samples
        """
        if which not in ("class", "box") or (which == "box") != (classes is None):
            raise ValueError('replace_head takes "class" and the names or the number of the classes, or "box" alone, '
                             f"got {which!r}, {classes!r}")
        as_built, rng = self.built == structure(self), np.random.default_rng(seed)
        if classes is not None:
            self.classes, self.named = named_classes(classes), not isinstance(classes, int)
            self.class_head = with_new_end(self.class_head, len(self.classes), rng)
        if which == "box" or self.per_class_boxes:
            self.box_head = with_new_end(self.box_head, self._box_numbers(), rng)
        if self.config is not None and as_built:
            self.config, self.built = self.config | {"num_classes": len(self.classes)}, structure(self)

    # Between boxes in pixels and what the network computes with.

    def set_box_statistics(self, codes: ArrayLike) -> None:
        """Take mean and standard deviation of the training set's box codes (n, 4), units of the network's input."""
        codes = np.asarray(codes, np.float64)
        std = np.maximum(codes.std(axis=0), 1e-3)  # boxes that never vary must not divide by 0
        was = self.box_statistics.value
        self.box_statistics.value = to_device(np.stack([codes.mean(axis=0), std]).astype(was.dtype), device_of(was))
        self.has_statistics = True

    @property
    def box_mean(self) -> np.ndarray:
        """Mean of the training set's box codes, float64 (4,) on the host."""
        return to_numpy(self.box_statistics.value)[0].astype(np.float64)

    @property
    def box_std(self) -> np.ndarray:
        """Standard deviation of the training set's box codes, float64 (4,) on the host."""
        return to_numpy(self.box_statistics.value)[1].astype(np.float64)

    def standardize(self, codes: ArrayLike) -> Array:
        """Box codes (n, 4) on the host -> the box head's targets (n, 4), float32, on the model's device."""
        mean, std = self.box_statistics.value[0], self.box_statistics.value[1]
        codes = to_device(np.asarray(codes), device_of(mean))
        return ((codes - mean) / std).astype(np.float32)

    def box_codes(self, outputs: np.ndarray, labels: Labels | None = None) -> np.ndarray:
        """The box head's outputs on the host -> codes (cx, cy, h, w) in 0..1, float64 (n, 4).

        labels: whose box to take where there is one per class; without labels, those of all classes (n, K, 4).
        """
        if outputs.ndim == 3 and labels is not None:
            outputs = outputs[np.arange(len(outputs)), labels]
        return outputs.astype(np.float64) * self.box_std + self.box_mean

    def boxes_in_pixels(self, outputs: np.ndarray, sizes: ArrayLike, labels: Labels | None = None) -> np.ndarray:
        """The box head's outputs on the host -> boxes (n, 4) in pixels of images of sizes (n, 2) = (H, W), clipped.

        labels: whose box to take where there is one per class; without labels, the boxes of all classes (n, K, 4).
        """
        codes = self.box_codes(outputs, labels)
        sizes = np.asarray(sizes)[:, None] if codes.ndim == 3 else sizes
        return box_codec.clip(box_codec.decode(codes, sizes), sizes)

    def predict(self, images: Pictures, batch_size: int = 64) -> Prediction:
        """Class, probabilities and box of each image.

        images: one uint8 image (H, W, 3), or a sequence of them, of any sizes; or a batch (N, H, W, 3). Each is asked
        for once, and only what the network is shown of it is kept: a Photographs may be larger than memory.

        Raises DataError for what is no image, TrainingError for a network that answers NaN or infinity.
        """
        images, sizes, parts = Images(images), [], []
        with self.predicting(), np.errstate(over="ignore", invalid="ignore"):  # finite() says it once
            for i in range(0, len(images), batch_size):
                some = [self._shown(images[k]) for k in range(i, min(i + batch_size, len(images)))]
                batch = np.stack([frame for frame, _ in some])
                sizes += [size for _, size in some]
                scores, boxes = self.answer(self.normalize(to_device(batch, self.device)))
                parts.append((to_numpy(softmax(scores)), to_numpy(boxes)))
        probabilities, boxes = self.finite(*(np.concatenate(part) for part in zip(*parts, strict=True)))
        labels = probabilities.argmax(axis=1)
        return Prediction(labels, probabilities, self.boxes_in_pixels(boxes, sizes, labels), self.classes)

    def _shown(self, image):
        return self.fit_frame(image), image.shape[:2]

    def fit_frame(self, image: np.ndarray) -> np.ndarray:
        """A whole uint8 image (H, W, 3), stretched to the network's input (S, S, 3)."""
        h, w, _ = image.shape
        return crop_resize(image, (0, 0, w, h), (self.image_size, self.image_size))

    def output_shape(self, shape: Shape) -> tuple[Shape, Shape]:
        self.trunk.output_shape(shape)
        return (len(self.classes),), ((len(self.classes), 4) if self.per_class_boxes else (4,))

    def multiply_adds(self, shape: Shape) -> int:
        features = self.trunk.output_shape(shape)
        heads = self.class_head.multiply_adds(features) + self.box_head.multiply_adds(features)
        return self.trunk.multiply_adds(shape) + heads

    def __repr__(self) -> str:
        return f"Localizer({len(self.classes)} classes, {self.image_size} x {self.image_size})"


def localizer(num_classes: int = 10, image_size: int = 64, channels: Sequence[int] = (32, 64, 128, 256),
              hidden: int = 512, dropout: float = 0.0, per_class_boxes: bool = False, mirror: bool = False,
              classes: Sequence[str] | None = None, seed: int = 0) -> Localizer:
    """The small localizer: 3x3 convolutions, each followed by a 2x2 max pool, then one hidden layer and two heads.

    At 64 x 64 with the default channels the last map is 4 x 4 x 256: a feature vector of 4096 numbers, as in AlexNet.
    It is flattened, not averaged over positions, since a box needs to know where things are.
    """
    config = {"architecture": "localizer", "num_classes": num_classes, "image_size": image_size,
              "channels": list(channels), "hidden": hidden, "dropout": dropout, "per_class_boxes": per_class_boxes,
              "mirror": mirror}
    names, rng = class_names(num_classes, classes), np.random.default_rng(seed)
    layers, c, size = [], 3, image_size
    for f in channels:
        conv = Conv2d(c, f, 3, padding=1, rng=rng)
        # The largest of four has about three times the mean square of a ReLU alone; without this factor the numbers
        # would grow from layer to layer.
        conv.w.value *= np.float32(3**-0.5)
        # max(relu(a), relu(b)) = relu(max(a, b)): behind the pool the ReLU has a quarter of the work.
        layers += [conv, MaxPool2d(2), ReLU()]
        c, size = f, size // 2
    if size < 1:
        raise ShapeError(f"images of {image_size} x {image_size} are too small for {len(channels)} poolings by two")
    layers += [Flatten(), Linear(size * size * c, hidden, rng=rng), ReLU()]
    if dropout:
        layers.append(Dropout(dropout, rng=np.random.default_rng([seed, 1])))
    trunk = Sequential(*layers, input_shape=(image_size, image_size, 3))
    class_head = small_head(hidden, num_classes, rng)
    box_head = small_head(hidden, 4 * num_classes if per_class_boxes else 4, rng)
    return Localizer(trunk, class_head, box_head, names, image_size, per_class_boxes, config, mirror)


def softmax(scores: Array) -> Array:
    """Probabilities (N, K) of scores (N, K), on any device."""
    xp = array_module(scores)
    e = xp.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
