"""Wrong two-headed localizers: the mistakes that are made where two gradients meet."""

from functools import partial

import numpy as np

from tinycnn.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential
from tinycnn.models import BoxHead, ClassHead, Localizer, MultiHead

from .registry import plant


def images(rng):
    return (rng.standard_normal((3, 8, 8, 3), dtype=np.float32),)


def small(cls, rng, per_class_boxes=False):
    """A localizer of three classes for images of 8 x 8."""
    trunk = Sequential(Conv2d(3, 4, 3, padding=1, rng=rng), MaxPool2d(2), ReLU(), Flatten(), Linear(64, 6, rng=rng),
                       ReLU(), input_shape=(8, 8, 3))
    boxes = Linear(6, 12 if per_class_boxes else 4, rng=rng)
    return cls(trunk, Linear(6, 3, rng=rng), boxes, "abc", 8, per_class_boxes)


heads = partial(plant, Localizer, inputs=images, build=small)

FROM_BOXES = "box_head.backward(dboxes.reshape(len(dboxes), -1))"

heads("heads averaged", "factor", "The two heads' gradients are averaged where they meet.",
      (f"dfeatures + {FROM_BOXES}", f"(dfeatures + {FROM_BOXES}) / 2"))

heads("box head overwrites", "output ignored", "dfeatures = where += is needed: the class head is forgotten.",
      (f"dfeatures + {FROM_BOXES}", FROM_BOXES))

heads("trunk frozen for boxes", "output ignored", "Only the class head trains the trunk.",
      (f"dfeatures = dfeatures + {FROM_BOXES}", FROM_BOXES))

heads("box head forgotten", "never stored", "The box head's backward is not called.",
      (f"dfeatures = dfeatures + {FROM_BOXES}", ""))

heads("heads subtracted", "sign", "A minus where the gradients meet.",
      (f"dfeatures + {FROM_BOXES}", f"dfeatures - {FROM_BOXES}"))

heads("boxes in other order", "axes", "(N, K, 4) is flattened as if it were (N, 4, K).",
      ("dboxes.reshape(", "dboxes.transpose(0, 2, 1).reshape("), build=partial(small, per_class_boxes=True))

heads("head divides again", "batch mean", "The class head divides by the batch size, which the loss has done already.",
      ("class_head.backward(dscores)", "class_head.backward(dscores / len(dscores))"))

heads("trunk forgotten", "never stored", "Only the heads are trained.",
      ("return trunk.backward(dfeatures, input_gradient)", "side = self.image_size\n"
       "        return np.zeros((len(dscores), side, side, 3), dscores.dtype) if input_gradient else None"))

heads("features reversed", "batch order", "The heads' gradients meet in different orders of the batch.",
      ("dboxes.reshape(", "dboxes[::-1].reshape("))

# --- MultiHead ---


def with_heads(cls, rng):
    """Two heads on the trunk of `small`."""
    made = small(Localizer, rng)
    return cls(made.trunk, {"class": ClassHead(made.class_head, classes=list("abc")), "box": BoxHead(made.box_head)}, 8)


many = partial(plant, MultiHead, inputs=images, build=with_heads)

many("last head alone", "output ignored", "dfeatures = where += is needed: the heads before the last are forgotten.",
     ("share if dfeatures is None else dfeatures + share", "share"))

many("first head alone", "output ignored", "Only the first head pulls on the trunk.",
     ("dfeatures + share", "dfeatures"))

many("heads averaged where they meet", "factor", "The sum of the heads is divided by how many there are.",
     ("return trunk.backward(dfeatures,", "return trunk.backward(dfeatures / len(self.heads),"))

many("trunk sees one sample", None, "Every picture sends what the first one of the batch sends.",
     ("return trunk.backward(dfeatures,", "return trunk.backward(dfeatures[:1] + 0 * dfeatures,"))
