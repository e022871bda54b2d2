"""The localizer's shallow twin: features made by hand, and on them a linear class head and a linear box head.

Everything else is the same: the same losses, the same training, the same files. What the trunk of a convolutional
network has learned to see is the whole difference between the two.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinycnn.classical.hog import HogFeatures
from tinycnn.layers import Dropout, Sequential
from tinycnn.models.heads import class_names, small_head
from tinycnn.models.localizer import Localizer


def hog_localizer(num_classes: int = 10, image_size: int = 64, cell: int = 8, dropout: float = 0.0,
                  per_class_boxes: bool = False, mirror: bool = False, classes: Sequence[str] | None = None,
                  seed: int = 0) -> Localizer:
    """A Localizer on HOG features (Dalal and Triggs 2005): only its two heads learn.

    cell: pixels along a cell's side    dropout: share of the features dropped while training    classes: K names
    """
    config = {"architecture": "hog-heads", "num_classes": num_classes, "image_size": image_size, "cell": cell,
              "dropout": dropout, "per_class_boxes": per_class_boxes, "mirror": mirror}
    names, rng = class_names(num_classes, classes), np.random.default_rng(seed)
    layers: dict[str, Any] = {"hog": HogFeatures(cell)}
    if dropout:
        layers["dropout"] = Dropout(dropout, rng=np.random.default_rng([seed, 1]))
    trunk = Sequential(**layers, input_shape=(image_size, image_size, 3))
    (features,) = trunk.output_shape((image_size, image_size, 3))
    class_head = small_head(features, num_classes, rng)
    box_head = small_head(features, 4 * num_classes if per_class_boxes else 4, rng)
    return Localizer(trunk, class_head, box_head, names, image_size, per_class_boxes, config, mirror)
