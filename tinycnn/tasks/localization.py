"""The task of a Localizer: the class and the box of a picture's main subject."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinycnn import boxes as box_codec
from tinycnn.backend import Array, array_module, to_device, to_numpy
from tinycnn.box_losses import BOX_LOSSES
from tinycnn.class_losses import WeightedCrossEntropy
from tinycnn.data.batches import Augmentation, Batch, batches, shown_codes
from tinycnn.data.dataset import Dataset, Samples
from tinycnn.data.mixing import Mixing
from tinycnn.errors import DataError
from tinycnn.history import Row, losses_of
from tinycnn.losses import Loss, MultiTaskLoss, SoftmaxCrossEntropy, tell_box_statistics
from tinycnn.models.localizer import Localizer, softmax
from tinycnn.tasks.parts import counted_by, expect_part, expect_something, say_if_exploded, two_parts
from tinycnn.text import kind
from tinycnn.updates import ALONE


class Localization:
    """See tinycnn/tasks."""

    class_heads = 1
    dataset, samples, taken = Dataset, Samples, "Samples"
    made_by, fields = "tinycnn.data.read or tinycnn.data.scenes make", "Samples(images, labels, boxes, names, classes)"
    augmented_by = 4, ("picture, box, side and generator, such as tinycnn.data.Augment() or "
                       "tinycnn.data.Augment.strong()")

    def __init__(self, model: Localizer) -> None:
        self.model = model

    def fitting(self, train: Samples | Dataset, valid: Samples | None) -> tuple[Samples, Samples | None]:
        """The samples with the labels that the model counts in; what does not fit is refused before any work."""
        model = self.model
        samples, valid = two_parts(self, train, valid)
        if not model.named and len(samples.classes) != len(model.classes):
            raise DataError(f"the class head was made anew for {len(model.classes)} classes, and the training samples "
                            f"have {len(samples.classes)}: model.replace_head(\"class\", samples.classes)")
        if len(samples.classes) > len(model.classes):
            raise DataError(
                f"the training samples have {len(samples.classes)} classes, but the model has {len(model.classes)} "
                f"(0 to {len(model.classes) - 1}): build it with num_classes={len(samples.classes)}"
            )
        if model.has_statistics and model.named:  # it has learned classes that have names
            unknown = [name for name in samples.classes if name not in model.classes]
            if unknown:
                raise DataError(
                    f"the model has learned {', '.join(model.classes[:8])}, and the training samples have "
                    f"{', '.join(unknown[:8])}. To go on with other classes, give it a new class head first: "
                    'model.replace_head("class", samples.classes).'
                )
            samples = samples.relabel(model.classes)
        return samples, None if valid is None else valid.relabel(samples.classes)

    def usual_loss(self, mix: Mixing | None) -> MultiTaskLoss:
        """Cross-entropy and L2; pictures that are mixed belong to several classes."""
        return MultiTaskLoss(class_loss=None if mix is None else WeightedCrossEntropy())

    def check_loss(self, loss: Loss, name: str, mix: Mixing | None) -> None:
        """A loss of one head is refused with the line that is meant."""
        if isinstance(loss, (SoftmaxCrossEntropy, *BOX_LOSSES.values())):
            raise TypeError(f"{name}: {loss!r} is the loss of one head; both together: MultiTaskLoss(box_loss=...)")
        class_loss = getattr(loss, "class_loss", None)
        if mix is not None and type(class_loss) is SoftmaxCrossEntropy:
            raise TypeError(f"{name}: pictures that are mixed belong to several classes, and {class_loss!r} takes one: "
                            f"MultiTaskLoss(class_loss=WeightedCrossEntropy(...)), from tinycnn.class_losses")

    def fingerprint(self, train: Samples) -> list[float]:
        """What tells one set of training samples from another, for a run that is resumed."""
        return [len(train), int(train.labels.sum()), float(train.boxes.sum())]

    def prepare(self, train: Samples, augment: Augmentation | None, seed: int, loss: Loss) -> None:
        """Measure the statistics of the boxes that training will show, once."""
        model = self.model
        if not model.has_statistics or not model.named:
            model.classes, model.named = train.classes, True
        if not model.has_statistics:
            model.set_box_statistics(shown_codes(train, model.image_size, augment, seed))
        tell_box_statistics(loss, model.box_statistics)

    def batches(self, samples: Samples, batch_size: int, **how: Any) -> Iterator[Batch]:
        """One pass over samples; how: as of tinycnn.data.batches."""
        return batches(samples, batch_size, self.model.image_size, **how)

    def truth(self, batch: Batch) -> tuple[np.ndarray, Array]:
        """(labels on the host, or shares of classes, and standardized boxes on the model's device)"""
        side = self.model.image_size
        (k,) = self.model.class_head.output_shape(self.model.trunk.output_shape((side, side, 3)))
        return batch.truth(k), self.model.standardize(batch.codes)

    def forward(self, images: np.ndarray) -> tuple[Array, Array]:
        """What the network says of pictures on the host, (scores, boxes)."""
        return self.model.forward(self.model.normalize(to_device(images, self.model.device)))

    def backward(self, gradients: Any, name: str) -> None:
        """(dloss/dscores, dloss/dboxes) down into the model. name: of the loss that gave them"""
        found = [kind(part) for part in gradients] if isinstance(gradients, tuple | list) else [kind(gradients)]
        if len(found) != 2 or any(getattr(getattr(part, "dtype", None), "kind", "") != "f" for part in gradients):
            raise TypeError(f"{name}.backward must return two gradients, (dscores, dboxes), got "
                            f"{' and '.join(found) or 'none'}; each is an array of floating-point numbers")
        self.model.backward(*gradients)

    def validate(self, valid: Samples, loss: Loss, batch_size: int, workers: int, processes: Any = ALONE) -> Row:
        """The loss with its terms, and the headline metrics, on the validation samples."""
        there = processes.over(valid, lambda part: outputs_of(self.model, part, batch_size, workers))
        targets = self.model.standardize(box_codec.encode(valid.boxes, valid.sizes))
        value = loss.forward(there, (valid.labels, targets))
        losses = {f"valid_{name}": float(number) for name, number in losses_of(loss, value).items()}
        scores, outputs = map(to_numpy, there)
        labels = scores.argmax(axis=1)
        iou = box_codec.iou(self.model.boxes_in_pixels(outputs, valid.sizes, labels), valid.boxes)
        right = labels == valid.labels
        return {**losses, "valid_accuracy": float(right.mean()), "valid_mean_iou": float(iou.mean()),
                "valid_iou50": float((iou >= 0.5).mean()), "valid_joint": float((right & (iou >= 0.5)).mean())}

    def say_if_exploded(self, row: Row, loss: Loss) -> None:
        """Warn of a loss that is far above that of equal probabilities and the mean box."""
        if isinstance(loss, MultiTaskLoss):
            usual = {"class_loss": math.log(len(self.model.classes)) + 0.1, "box_loss": 1.0}
            say_if_exploded(row, usual, "look at the boxes (tinycnn data show)")

    @staticmethod
    def comparison_table(measured: dict[str, float]) -> str:
        """What `evaluate` gives, as a text table."""
        from tinycnn.metrics import comparison_table

        return comparison_table(measured)

    def evaluate(self, samples: Samples, train_samples: Samples | None, batch_size: int,
                 workers: int) -> dict[str, float]:
        """All metrics of tinycnn.metrics, with the baselines made from `train_samples` beside them."""
        return self.measure(samples, train_samples, batch_size, workers)[0]

    def measure(self, samples: Samples, train_samples: Samples | None, batch_size: int,
                workers: int) -> tuple[dict[str, float], Any]:
        """What `evaluate` gives, and the Breakdown of the same answers."""
        from tinycnn.breakdown import breakdown
        from tinycnn.metrics import evaluate_predictions

        expect_part(self, samples, "evaluate")
        expect_something(samples)
        model = self.model
        samples = counted_by(model, samples)
        train_samples = train_samples and counted_by(model, train_samples, "training samples")
        scores, outputs = predict_samples(model, samples, batch_size, workers)
        boxes, probabilities = model.boxes_in_pixels(outputs, samples.sizes), softmax(scores)
        labels = scores.argmax(axis=1)
        answered = boxes[np.arange(len(labels)), labels] if boxes.ndim == 3 else boxes
        return evaluate_predictions(labels, boxes, probabilities, samples, train_samples), \
            breakdown(labels, answered, probabilities, samples)


def predict_samples(model: Localizer, samples: Samples, batch_size: int = 64,
                    workers: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Run the model over samples without augmentation: (scores (n, K), box outputs) on the host, in their order.

    The outputs stay on the device until the end and come down once. TrainingError where one is NaN or infinite.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # finite() says it once
        scores, boxes = model.finite(*map(to_numpy, outputs_of(model, samples, batch_size, workers)))
    return scores, boxes


def outputs_of(model: Localizer, samples: Samples, batch_size: int, workers: int) -> tuple[Array, ...]:
    """Scores and box head outputs for all samples, on the device."""
    device, outputs = model.device, []
    with model.predicting():
        for batch in batches(samples, batch_size, model.image_size, shuffle=False, seed=0, epoch=0, workers=workers):
            outputs.append(model.answer(model.normalize(to_device(batch.images, device))))
    xp = array_module(outputs[0][0])
    return tuple(xp.concatenate(parts) for parts in zip(*outputs, strict=True))
