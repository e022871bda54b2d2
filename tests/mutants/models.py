"""Wrong two-headed localizers: the mistakes that are made where two gradients meet."""

import numpy as np

from .plain import PlainLocalizer
from .registry import mutant


def images(rng):
    return (rng.standard_normal((3, 8, 8, 3), dtype=np.float32),)


@mutant("factor", images)
class HeadsAveraged(PlainLocalizer):
    """The two heads' gradients are averaged where they meet."""

    def meet(self, from_class, from_box):
        return (from_class + from_box) / 2


@mutant("output ignored", images)
class BoxHeadOverwrites(PlainLocalizer):
    """dfeatures = where += is needed: the class head is forgotten."""

    def meet(self, from_class, from_box):
        return from_box


@mutant("output ignored", images)
class TrunkFrozenForBoxes(PlainLocalizer):
    """Only the class head trains the trunk."""

    def meet(self, from_class, from_box):
        return from_class


@mutant("never stored", images)
class BoxHeadForgotten(PlainLocalizer):
    """The box head's backward is not called."""

    def backward(self, dscores, dboxes, input_gradient=False):
        return self.trunk.backward(self.class_head.backward(dscores), input_gradient=input_gradient)


@mutant("sign", images)
class HeadsSubtracted(PlainLocalizer):
    """A minus where the gradients meet."""

    def meet(self, from_class, from_box):
        return from_class - from_box


@mutant("axes", images, per_class_boxes=True)
class BoxesInOtherOrder(PlainLocalizer):
    """(N, K, 4) is flattened as if it were (N, 4, K)."""

    def flat(self, dboxes):
        return dboxes.transpose(0, 2, 1).reshape(len(dboxes), -1)


@mutant("batch mean", images)
class HeadDividesAgain(PlainLocalizer):
    """The class head divides by the batch size, which the loss has done already."""

    def backward(self, dscores, dboxes, input_gradient=False):
        return super().backward(dscores / len(dscores), dboxes, input_gradient)


@mutant("never stored", images)
class TrunkForgotten(PlainLocalizer):
    """Only the heads are trained."""

    def backward(self, dscores, dboxes, input_gradient=False):
        self.class_head.backward(dscores)
        self.box_head.backward(dboxes)
        return np.zeros((len(dscores), 8, 8, 3), dscores.dtype) if input_gradient else None


@mutant("batch order", images)
class FeaturesReversed(PlainLocalizer):
    """The heads' gradients meet in different orders of the batch."""

    def backward(self, dscores, dboxes, input_gradient=False):
        return super().backward(dscores, dboxes[::-1], input_gradient)
