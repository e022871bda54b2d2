"""What figures are given, as far as they look at it: the library's own objects, or yours with the same attributes."""

from typing import Any, Protocol, Self

import numpy as np


class Samples(Protocol):
    """Pictures with their answers, as tinycnn.data.Samples."""

    images: Any
    labels: np.ndarray
    boxes: np.ndarray
    classes: tuple[str, ...]

    def __len__(self) -> int: ...
    def subset(self, indices: Any) -> Self: ...


class Prediction(Protocol):
    """What model.predict returns: answers about several pictures, as tinycnn.models.Prediction."""

    boxes: np.ndarray

    def __len__(self) -> int: ...
    def __getitem__(self, i: int, /) -> tuple[str, float, np.ndarray]: ...


class History(Protocol):
    """A row of numbers for each epoch, as tinycnn.fit returns."""

    rows: list[dict[str, float]]

    @property
    def best_epoch(self) -> int: ...
    def column(self, name: str) -> list[float]: ...
