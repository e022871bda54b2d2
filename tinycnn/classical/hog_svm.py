"""Windows judged by a linear SVM on their HOG features (Dalal and Triggs 2005).

    HOG of a whole level, once -> each window is a piece of it -> SVM: K scores

A linear classifier that is slid over a map of features is a convolution, and is computed as one: patches of the map,
one matrix product.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinycnn.backend import Array
from tinycnn.classical.hog import HogFeatures
from tinycnn.classical.svm import LinearSVM
from tinycnn.classical.window import WindowDetector
from tinycnn.models.heads import class_names
from tinycnn.patches import im2col


class HogDetector(WindowDetector):
    """A LinearSVM on the HOG features of windows, which lie a cell apart."""

    def __init__(self, classes: Sequence[str], image_size: int = 48, cell: int = 8,
                 config: dict[str, Any] | None = None) -> None:
        super().__init__(classes, image_size, step=cell, config=config)
        self.hog = HogFeatures(cell)
        (features,) = self.hog.output_shape((image_size, image_size, 3))
        self.blocks = image_size // cell - 1  # along a side of the window
        self.svm = LinearSVM(features, len(self.classes))
        self.svm.w.value = np.zeros_like(self.svm.w.value)

    def forward(self, x: Array) -> Array:
        windows = im2col(self.hog.blocks(x), (self.blocks, self.blocks), (1, 1), (0, 0))  # (N, OH, OW, D)
        return windows @ self.svm.w.value + self.svm.b.value

    def features(self, pictures: np.ndarray) -> np.ndarray:
        return self.hog.forward(self.normalize(pictures))

    def learn(self, x: np.ndarray, labels: np.ndarray, C: float) -> None:
        self.svm.fit(x, labels, C)


def hog_svm(num_classes: int = 10, window: int = 48, cell: int = 8,
            classes: Sequence[str] | None = None) -> HogDetector:
    """A HogDetector. window: its side in pixels    cell: that of the HOG features    classes: K names"""
    config = {"architecture": "hog-svm", "num_classes": num_classes, "window": window, "cell": cell}
    return HogDetector(class_names(num_classes, classes), window, cell, config)
