"""Human pose: one person in, the places of 14 joints out, by the same idea as the box of the localizer.

    picture and person box -> square window -> trunk -> 28 numbers: x and y of each joint, in units of the window

The window is a little larger than the person's box. Joints are measured from its center in units of its side, and
standardized joint by joint, so an untrained network says the mean pose (DeepPose, Toshev and Szegedy 2014). Who the
person is and where his box comes from is not this network's question: the box is given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinycnn.backend import Array, ArrayLike, MaybeNone, Shape, array_module, device_of, to_device, to_numpy
from tinycnn.data.dataset import Pictures
from tinycnn.errors import DataError, ShapeError
from tinycnn.layers import (
    Buffer,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
)
from tinycnn.models.alexnet import VARIANTS, alexnet_pose
from tinycnn.models.base import Images, PictureModel, chain, structure
from tinycnn.models.heads import small_head
from tinycnn.models.resnet import residual_trunk
from tinycnn.poses import JOINTS, MIRRORED, decode_joints, places_in_maps, windows
from tinycnn.resize import crop_resize


@dataclass
class PosePrediction:
    """What the model says of N people. joints: (N, J, 2), x and y in each picture's own pixels    names: J"""

    joints: np.ndarray
    names: tuple[str, ...] = JOINTS

    def __len__(self) -> int:
        return len(self.joints)

    def __getitem__(self, i: int) -> dict[str, tuple[float, float]]:
        """One person: {"right ankle": (x, y), ...}."""
        return {name: (float(x), float(y)) for name, (x, y) in zip(self.names, self.joints[i], strict=True)}


class PoseNet(PictureModel):
    """A trunk and a head of 2 * J numbers, or of a map of scores for each joint.

    trunk: any layer from images (N, S, S, 3) to features    head: features -> (N, 2 * J), or maps (N, R, R, J)
    image_size: S
    margin: the side of the window that is shown, as a multiple of the longer side of a person's box
    """

    trunk: Any
    head: Any
    skips_input_gradient = True

    def __init__(self, trunk: Layer, head: Layer, image_size: int, margin: float = 1.2,
                 config: dict[str, Any] | None = None, mirror: bool = False) -> None:
        self.trunk, self.head, self.image_size, self.margin = trunk, head, image_size, margin
        self.config, self.mirror, self.built = config, mirror, structure(self)
        # Mean and standard deviation (2, 2 * J) of the training set's joints, in units of the window. fit() measures.
        numbers = 2 * len(JOINTS)
        self.joint_statistics = Buffer(np.array([[0.0] * numbers, [0.25] * numbers]))
        given = head.output_shape(trunk.output_shape((image_size, image_size, 3)))
        if given != (numbers,) and (len(given) != 3 or given[0] != given[1] or given[2] != len(JOINTS)):
            raise ShapeError(f"the head must give {numbers} numbers, x and y of {len(JOINTS)} joints, or a map of "
                             f"each, (R, R, {len(JOINTS)}), gives {given}")
        self.map_size = 0 if given == (numbers,) else given[0]  # R, of a head that gives maps

    def forward(self, x: Array) -> Array:
        """x: (N, S, S, 3) from normalize() -> standardized coordinates (N, 2 * J): x and y of joint 1, joint 2 ...; or
        maps of scores (N, R, R, J)
        """
        trunk, head = chain(self.trunk), chain(self.head)
        y = head.forward(trunk.forward(x))
        self.remember((trunk, head), output=y)
        return y

    def backward(self, dy: Array, input_gradient: bool = True) -> Array | MaybeNone:
        """Gradients of all parameters, and dx; input_gradient=False saves the work for dx, which training needs not."""
        ((trunk, head),) = self.recall(dy)
        return trunk.backward(head.backward(dy), input_gradient)

    def answer(self, x: Array) -> np.ndarray:
        """Joints (N, J, 2) on the host, float64, in units of the window; with `mirror`, the mean of both ways."""
        codes = self._codes(self.forward(x))
        if self.mirror:
            mirrored = self._codes(self.forward(array_module(x).ascontiguousarray(x[:, :, ::-1])))
            codes = (codes + mirrored[:, MIRRORED] * [-1, 1]) / 2  # left is right in a mirror, and x runs backwards
        return codes

    def _codes(self, y):
        if self.map_size:
            return places_in_maps(to_numpy(y))
        mean, std = to_numpy(self.joint_statistics.value).astype(np.float64)
        return (to_numpy(y) * std + mean).reshape(len(y), -1, 2)

    def standardize(self, codes: ArrayLike) -> Array:
        """Joints (N, J, 2) on the host, in units of the window -> the head's targets (N, 2 * J), where the model is.
        Those of maps are in units of the window.
        """
        mean, std = to_numpy(self.joint_statistics.value).astype(np.float64)
        targets = (np.asarray(codes, np.float64).reshape(len(codes), -1) - mean) / std
        return to_device(targets.astype(np.float32), self.device)

    def set_joint_statistics(self, codes: ArrayLike, visible: ArrayLike) -> None:
        """Take mean and standard deviation of each coordinate where it is visible; codes (n, J, 2), visible (n, J)."""
        shown = np.repeat(np.asarray(visible, bool), 2, axis=1)  # (n, 2 * J)
        numbers = np.where(shown, np.asarray(codes, np.float64).reshape(shown.shape), 0.0)
        counts = shown.sum(axis=0)
        if (counts == 0).any():
            never = JOINTS[int(counts.argmin()) // 2]
            raise DataError(f"the training set never shows the {never}: its place cannot be learned")
        mean = numbers.sum(axis=0) / counts
        std = np.sqrt((np.where(shown, numbers - mean, 0.0) ** 2).sum(axis=0) / counts)
        if self.map_size:  # a map has its places wherever joints mostly are
            mean, std = np.zeros_like(mean), np.ones_like(std)
        was, new = self.joint_statistics.value, np.stack([mean, np.maximum(std, 1e-3)])
        self.joint_statistics.value = to_device(new.astype(was.dtype), device_of(was))
        self.has_statistics = True

    def predict(self, images: Pictures, boxes: ArrayLike | None = None, batch_size: int = 64) -> PosePrediction:
        """The joints of one person in each picture.

        images: one uint8 image (H, W, 3), or a sequence of them, of any sizes    boxes: (N, 4) or (4,), each person's
        (xmin, ymin, xmax, ymax) in pixels; without them, each person is taken to fill his picture

        Raises DataError for what is no image or box, TrainingError for a network that answers NaN or infinity.
        """
        images, shown, found = Images(images), [], []
        if boxes is not None:
            boxes = np.atleast_2d(np.asarray(boxes, np.float64))
            if boxes.shape != (len(images), 4) or not (boxes[:, 2:] > boxes[:, :2]).all():
                got = boxes.tolist() if boxes.size <= 8 else f"shape {boxes.shape}"
                raise DataError(f"{len(images)} pictures need as many boxes of people, (xmin, ymin, xmax, ymax) with "
                                f"an area, got {got}")
        with self.predicting(), np.errstate(over="ignore", invalid="ignore"):  # finite() says it once
            for i in range(0, len(images), batch_size):
                some = [self._cut(images[k], None if boxes is None else boxes[k])
                        for k in range(i, min(i + batch_size, len(images)))]  # fmt: skip
                batch = np.stack([frame for frame, _ in some])
                shown += [window for _, window in some]
                found.append(self.answer(self.normalize(to_device(batch, self.device))))
            (codes,) = self.finite(np.concatenate(found))
            places = np.stack(shown)
            (joints,) = self.finite(self.refined(decode_joints(codes, places), images, places))
        return PosePrediction(joints)

    def refined(self, joints: np.ndarray, images: Sequence[np.ndarray], shown: np.ndarray) -> np.ndarray:
        """Joints (N, J, 2) in pixels as this network says them, after further stages: it has none (see PoseCascade).

        images: N    shown: (N, 4), the windows that the joints were found in
        """
        return joints

    def _cut(self, image, box):
        """What the network is shown of one picture, (S, S, 3), and its window (4,)."""
        whole = (0, 0, image.shape[1], image.shape[0])
        box, margin = (whole, 1.0) if box is None else (box, self.margin)  # without a box the picture is the window
        (window,) = windows([box], margin)
        return crop_resize(image, tuple(window), (self.image_size, self.image_size)), window

    def output_shape(self, shape: Shape) -> Shape:
        return self.head.output_shape(self.trunk.output_shape(shape))

    def multiply_adds(self, shape: Shape) -> int:
        return self.trunk.multiply_adds(shape) + self.head.multiply_adds(self.trunk.output_shape(shape))

    def __repr__(self) -> str:
        return f"PoseNet({len(JOINTS)} joints, {self.image_size} x {self.image_size})"


def pose_plain(image_size: int = 64, channels: Sequence[int] = (16, 32, 64, 128), hidden: int = 256,
               dropout: float = 0.0, mirror: bool = True, seed: int = 0) -> PoseNet:
    """A PoseNet on the localizer's trunk, convolutions and pools. It takes a quarter of the time of pose_resnet, and so
    sees more people in the same time; and it is small enough for a second stage.
    """
    config = {"architecture": "pose-plain", "image_size": image_size, "channels": list(channels), "hidden": hidden,
              "dropout": dropout, "mirror": mirror}
    rng, layers, c = np.random.default_rng(seed), list[Layer](), 3
    for f in channels:
        layers += [Conv2d(c, f, 3, padding=1, rng=rng), ReLU(), MaxPool2d(2)]
        c = f
    trunk = Sequential(*layers, input_shape=(image_size, image_size, 3))
    return PoseNet(trunk, _head(trunk, image_size, hidden, dropout, rng, seed), image_size, config=config,
                   mirror=mirror)


def pose_resnet(image_size: int = 64, channels: Sequence[int] = (32, 64, 128, 192), hidden: int = 256,
                dropout: float = 0.3, mirror: bool = True, seed: int = 0) -> PoseNet:
    """A PoseNet on the residual trunk of tinycnn.models.resnet: the map is flattened, since joints have places."""
    config = {"architecture": "pose", "image_size": image_size, "channels": list(channels), "hidden": hidden,
              "dropout": dropout, "mirror": mirror}
    rng = np.random.default_rng(seed)
    trunk = residual_trunk(image_size, channels, rng)
    return PoseNet(trunk, _head(trunk, image_size, hidden, dropout, rng, seed), image_size, config=config,
                   mirror=mirror)


def _head(trunk, image_size, hidden, dropout, rng, seed):
    """The map, flattened -> a hidden layer -> 28 numbers."""
    h, w, c = trunk.output_shape((image_size, image_size, 3))
    one, two = (Dropout(dropout, rng=np.random.default_rng([seed, i])) for i in (1, 2))
    return Sequential(Flatten(), one, Linear(h * w * c, hidden, rng=rng), ReLU(), two,
                      small_head(hidden, 2 * len(JOINTS), rng), input_shape=(h, w, c))


def pose_alexnet(variant: str = "paper", dropout: float = 0.5, mirror: bool = True, seed: int = 0) -> PoseNet:
    """A PoseNet on AlexNet's trunk, as DeepPose had it."""
    config = {"architecture": "pose-alexnet", "variant": variant, "dropout": dropout, "mirror": mirror}
    net = alexnet_pose(len(JOINTS), variant=variant, dropout=dropout, seed=seed)
    return PoseNet(net[:"dropout7"], net["joints"], VARIANTS[variant].image_size, config=config, mirror=mirror)
