"""What every model of pictures has: the size that they are brought to, and the numbers that their pixels become."""

from typing import Any

import numpy as np

from tinycnn.backend import Array, device_of, to_device
from tinycnn.data.dataset import Pictures
from tinycnn.layers import Layer

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
    # What is taken from a pixel, and what it is then divided by: one number, or one for each channel.
    pixel_mean: float | tuple[float, ...] = PIXEL_MEAN
    pixel_scale: float | tuple[float, ...] = PIXEL_SCALE

    def predict(self, images: Pictures) -> Any:
        """What each model says of pictures; see its own predict."""
        raise NotImplementedError(f"{type(self).__name__} must define predict(self, images)")

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
