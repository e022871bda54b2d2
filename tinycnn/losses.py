"""How wrong the network is, as one number, and where the gradient starts.

A loss is the last layer: forward takes the network's output and the truth and gives one number; backward takes
nothing (dloss/dloss = 1) and gives the gradient with respect to the network's output. Every loss is a mean, so the size
of the gradient does not depend on the batch size.
"""

from typing import Any, Protocol

import numpy as np

from tinycnn.backend import Array, Labels, Shape, array_module, device_of, to_device
from tinycnn.errors import DataError, ShapeError
from tinycnn.layers.base import Buffer, Layer


class Loss(Protocol):
    """What training needs of a loss: your own may be any object that has this.

    forward: (the model's outputs, the truth) -> the loss of the batch, 0-d    backward: its gradient, for the model
    terms: after forward, what the loss is made of, under names of your choice, each 0-d; history shows them apart

        class OnlyBoxes:
            def __init__(self):
                self.box_loss, self.terms = L2Loss(), {}
            def forward(self, outputs, truth):
                (scores, boxes), (labels, targets) = outputs, truth
                self.scores = scores
                self.terms = {"box": self.box_loss.forward(boxes, targets)}
                return self.terms["box"]
            def backward(self):
                return 0 * self.scores, self.box_loss.backward()

    The class head gets no gradient there, but an array of its shape. What the loss prints as, its __repr__, is compared
    when a run is resumed. With a method use_box_statistics(buffer) it is told how the targets were standardized, before
    training begins, and so are the losses among its attributes, such as a GIoULoss.
    """

    terms: dict[str, Any]

    def forward(self, outputs: Any, truth: Any) -> Any: ...

    def backward(self) -> Any: ...


class SoftmaxCrossEntropy(Layer):
    """-log of the probability that softmax gives to the true class, mean over the batch.

    scores: (N, K), any real numbers    labels: (N,) integers 0 .. K-1, on the host    value: 0-d

    Softmax and logarithm are one step: log p = z - log(sum(exp(z))) with the row's largest score subtracted first,
    so scores of 1e4 neither overflow nor lose the loss. Its gradient is (p - onehot(label)) / N.

    label_smoothing: a share e of the truth that is spread over all classes, so that no score is driven to infinity: the
    true class counts 1 - e + e / K, every other one e / K (Szegedy et al. 2016, section 7)
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"SoftmaxCrossEntropy: label_smoothing is a share, 0 to below 1, got {label_smoothing}")
        self.label_smoothing = float(label_smoothing)

    def forward(self, scores: Array, labels: Labels) -> Array:
        xp = array_module(scores)
        n, k = self._expect(scores, labels)
        rows, labels = xp.arange(n), to_device(np.asarray(labels, np.int64), device_of(scores))
        z = scores - scores.max(axis=1, keepdims=True)
        log_p = z - xp.log(xp.exp(z).sum(axis=1, keepdims=True))  # (N, K)
        self.remember(log_p, rows, labels)
        value, e = 0 - log_p[rows, labels].mean(), self.label_smoothing  # 0, not -0, where all are sure
        return (1 - e) * value - e * log_p.mean() if e else value

    def backward(self) -> Array:
        log_p, rows, labels = self.recall()
        dscores, e = array_module(log_p).exp(log_p), self.label_smoothing
        dscores -= e / log_p.shape[1]
        dscores[rows, labels] -= 1.0 - e
        return dscores / len(log_p)

    def __repr__(self) -> str:
        return f"SoftmaxCrossEntropy({f'label_smoothing={self.label_smoothing}' if self.label_smoothing else ''})"

    @staticmethod
    def _expect(scores: Array, labels: Labels) -> Shape:
        labels = np.asarray(labels)
        if scores.ndim != 2 or labels.shape != scores.shape[:1]:
            raise ShapeError(
                f"SoftmaxCrossEntropy expects scores (N, K) and labels (N,), got {scores.shape} and {labels.shape}"
            )
        if not np.issubdtype(labels.dtype, np.integer):
            raise DataError(f"labels are class numbers, integers 0 .. K-1; got dtype {labels.dtype}")
        if scores.shape[0] == 0:
            raise ShapeError("SoftmaxCrossEntropy: the mean over an empty batch is undefined")
        wrong = (labels < 0) | (labels >= scores.shape[1])
        if wrong.any():
            i = int(np.argmax(wrong))
            raise DataError(
                f"label {labels[i]} at position {i} is outside 0 .. {scores.shape[1] - 1}: the network has "
                f"{scores.shape[1]} classes. Do labels start at 1, or was num_classes set too small?"
            )
        return scores.shape


class L2Loss(Layer):
    """Mean of (pred - target) ** 2 over the elements that count.

    pred, target: same shape    mask: None, or 0/1 of a shape that broadcasts to pred: elements with 0 do not count,
    whatever their target is
    """

    def forward(self, pred: Array, target: Array, mask: Array | None = None) -> Array:
        difference, count = differences(self, pred, target, mask)
        self.remember(difference, count)
        return (difference * difference).sum() / count

    def backward(self) -> Array:
        difference, count = self.recall()
        return difference * 2.0 / count


def differences(loss: Layer, pred: Array, target: Array, mask: Array | None = None) -> tuple[Array, Any]:
    """(pred - target, how many elements count); 0 where mask is 0. Raises ShapeError unless the shapes are the same."""
    xp = array_module(pred, target, pred if mask is None else mask)
    if pred.shape != target.shape:
        raise ShapeError(
            f"{type(loss).__name__} expects pred and target of one shape, got {pred.shape} and {target.shape}. "
            "Broadcasting here would average the wrong pairs without a word."
        )
    # float64 targets, or an integer mask, would make the whole backward float64: twice the memory and time.
    difference = pred - target.astype(pred.dtype, copy=False)
    if mask is None:
        return difference, max(1, pred.size)
    counts = xp.broadcast_to(mask != 0, pred.shape)
    # Not a product: an unknown target may be NaN. And a batch without a single visible element has loss 0, not 0 / 0.
    return xp.where(counts, difference, 0.0), xp.maximum(counts.sum(dtype=pred.dtype), 1.0)


class MultiTaskLoss(Layer):
    """class_weight * cross-entropy + box_weight * box_loss: one number that both heads of the localizer pull on.

    outputs: (scores (N, K), boxes (N, 4) or (N, K, 4))    truth: (labels (N,) on the host, targets (N, 4))

    With one box per class (N, K, 4), only the true class's box is compared. After forward, `terms` holds both losses
    without their weights, so that they can be seen apart: {"class": ..., "box": ...}.
    """

    def __init__(self, class_weight: float = 1.0, box_weight: float = 1.0, box_loss: Layer | None = None,
                 label_smoothing: float = 0.0, class_loss: Layer | None = None) -> None:
        self.class_weight, self.box_weight = float(class_weight), float(box_weight)
        self.class_loss: Any = SoftmaxCrossEntropy(label_smoothing) if class_loss is None else class_loss
        if class_loss is not None and not isinstance(class_loss, SoftmaxCrossEntropy) or class_loss and label_smoothing:
            raise TypeError("MultiTaskLoss: class_loss is a SoftmaxCrossEntropy, or a WeightedCrossEntropy, with its "
                            f"own label_smoothing; got {class_loss!r} and label_smoothing={label_smoothing}")
        self.box_loss: Any = L2Loss() if box_loss is None else box_loss
        if isinstance(box_loss, type | str | MultiTaskLoss) or not hasattr(self.box_loss, "forward"):
            raise TypeError(f"MultiTaskLoss: box_loss is a loss of the boxes alone, such as L2Loss(), got {box_loss!r}")
        self.terms: dict[str, Array] = {}

    def forward(self, outputs: tuple[Array, Array], truth: tuple[Labels, Array]) -> Array:
        (scores, boxes), (labels, targets) = outputs, truth
        array_module(scores, boxes, targets)  # refuses what is no array
        class_value = self.class_loss.forward(scores, labels)
        if boxes.ndim == 3:
            rows, columns = self.class_loss.kept()[1:3]  # the labels have travelled to the device already
            self.remember(boxes.shape, rows, columns)
            boxes = boxes[rows, columns]  # (N, K, 4) -> (N, 4)
        else:
            self.remember(None, None, None)
        box_value = self.box_loss.forward(boxes, targets)
        self.terms = {"class": class_value, "box": box_value}
        return self.class_weight * class_value + self.box_weight * box_value

    def backward(self) -> tuple[Array, Array]:
        """(dscores, dboxes), each with its weight."""
        per_class, rows, columns = self.recall()
        dscores = self.class_loss.backward() * self.class_weight
        dboxes = self.box_loss.backward() * self.box_weight
        if per_class is not None:
            chosen, dboxes = dboxes, array_module(dboxes).zeros(per_class, dboxes.dtype)
            dboxes[rows, columns] = chosen  # the other classes' boxes had no part in the loss
        return dscores, dboxes

    def __repr__(self) -> str:
        weights = f"class_weight={self.class_weight}, box_weight={self.box_weight}"
        smoothing = getattr(self.class_loss, "label_smoothing", 0.0)  # a class loss of your own has none
        other = f", label_smoothing={smoothing}" if smoothing else ""
        if isinstance(self.class_loss, SoftmaxCrossEntropy) and type(self.class_loss) is not SoftmaxCrossEntropy:
            other = f", class_loss={self.class_loss!r}"
        return f"MultiTaskLoss({weights}, box_loss={self.box_loss!r}{other})"


def tell_box_statistics(loss: Any, statistics: Buffer) -> None:
    """Tell a loss, and the losses among its attributes, how the box targets were standardized, where one asks for it.

    statistics: the localizer's own Buffer (2, 4), mean and standard deviation
    """
    for part in (loss, *getattr(loss, "__dict__", {}).values()):
        if hasattr(part, "use_box_statistics"):
            part.use_box_statistics(statistics)
