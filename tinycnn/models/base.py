"""What every model of pictures has: the size that they are brought to, and the numbers that their pixels become."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tinycnn.backend import Array, device_of, to_device, to_numpy
from tinycnn.data.dataset import Pictures
from tinycnn.errors import DataError, TrainingError
from tinycnn.layers import Buffer, Layer, Parameter, Sequential

PIXEL_MEAN, PIXEL_SCALE = 127.5, 64.0  # uint8 pixels become numbers around 0 with a standard deviation near 1


class PictureModel(Layer):
    """A network of pictures (N, S, S, 3).

    image_size: S    mirror: whether it answers with the mean of what a picture and its mirror image give
    config: keyword arguments with which tinycnn.models.build makes this architecture again; None for your own
    has_statistics: whether it has been told what the answers of its training set are like
    """

    image_size: int
    mirror: bool
    config: dict[str, Any] | None
    has_statistics = False
    built: dict[str, Any] | None = None  # what config builds, as its constructor found it
    # What is taken from a pixel, and what it is then divided by: one number, or one for each channel.
    pixel_mean: float | tuple[float, ...] = PIXEL_MEAN
    pixel_scale: float | tuple[float, ...] = PIXEL_SCALE

    def predict(self, images: Pictures) -> Any:
        """What each model says of pictures; see its own predict."""
        raise NotImplementedError(f"{type(self).__name__} must define predict(self, images)")

    def finite(self, *answers: np.ndarray) -> tuple[np.ndarray, ...]:
        """The network's answers on the host, as they are; TrainingError where one is NaN or infinite."""
        if not all(np.isfinite(answer).all() for answer in answers):
            weights = [name for name, p in self.parameters().items() if not np.isfinite(to_numpy(p.value)).all()]
            why = f"its weights are no numbers ({weights[0]} first)" if weights else "its weights are far too large"
            raise TrainingError(f"the network answers NaN or infinity, since {why}: its training went wrong. Train it "
                                "anew with a smaller learning rate, or use an earlier model.npz")
        return answers

    def normalize(self, images: Array) -> Array:
        """uint8 pixels (N, S, S, 3) on any device -> the network's input, in the dtype of its weights."""
        dtype = next(iter(self.parameters().values())).value.dtype
        x = images.astype(dtype)
        x -= self._each_channel(self.pixel_mean, x)
        x *= self._each_channel(1 / np.asarray(self.pixel_scale, np.float64), x)
        return x

    def _each_channel(self, value: Any, x: Array) -> Any:
        """A number as such; one for each channel as an array where x is."""
        return float(value) if np.ndim(value) == 0 else to_device(np.asarray(value, x.dtype), device_of(x))

    @property
    def device(self) -> str:
        """Where the weights are: "cpu", "cuda:0", "simulated"."""
        return device_of(next(iter(self.parameters().values())).value)


def chain(part: Layer) -> Any:
    """A part of a model as a Sequential: itself, or a chain of it alone. What stands in one, the engine runs."""
    plain = type(part) is Sequential and part.recorder is None and not has_own_methods(part)
    return part if plain else Sequential(part)


def has_own_methods(layer: Layer) -> bool:
    """Whether functions were put into this one object: it may compute something else than its class says."""
    return any(callable(value) and not isinstance(value, Layer) for value in vars(layer).values())


def layers_inside(model: Layer, prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """(dotted name, layer) of every layer inside, at any depth."""
    for name, layer in model.children().items():
        yield prefix + name, layer
        yield from layers_inside(layer, f"{prefix}{name}.")


def structure(model: Layer) -> dict[str, Any]:
    """What a network computes besides its weights: for every layer inside, by dotted name, its class, the numbers and
    texts among its attributes, the methods that were put into this one object, and the shapes of its weights.

    Two networks with one structure, weights and buffers give the same answers. A Dropout's probability counts, a mode
    (training, frozen) does not, nor whether something was measured: that is in a buffer.
    """
    passing = ("training", "frozen", "recorder", "has_statistics", "pixel_mean", "pixel_scale")
    found = {}
    for place, layer in layers_inside(model):
        own = {name: value for name, value in vars(layer).items() if name not in passing and not name.startswith("_")}
        plain = {name: value for name, value in own.items() if isinstance(value, int | float | str | tuple | None)}
        shapes = {name: held.value.shape for name, held in (layer.held(Parameter) | layer.held(Buffer)).items()}
        found[place] = type(layer), plain, sorted(name for name in own if callable(own[name])), shapes
    return found


class Images(Sequence[np.ndarray]):
    """One image or many, as a sequence of uint8 arrays (H, W, 3): each is checked when it is asked for, and not kept.

    Raises DataError when there is none, or when one is no such array.
    """

    def __init__(self, images: Any) -> None:
        single = getattr(images, "ndim", None) in (2, 3) or hasattr(images, "getbands")  # an array, or a Pillow image
        lasting = hasattr(images, "__getitem__") and hasattr(images, "__len__")  # what can be asked again, by number
        self.images = [images] if single else images if lasting else list(images)
        if not len(self.images):
            raise DataError("there must be at least one image, but no image was given")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: Any) -> Any:
        image = np.asarray(self.images[i])
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise DataError(
                f"image {i}: expected uint8 of shape (H, W, 3), got {image.dtype} of shape {image.shape}. "
                "Open pictures with Pillow's Image.open(path).convert('RGB'); numbers 0 to 1 become uint8 by * 255."
            )
        return image
