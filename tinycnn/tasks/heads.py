"""The task of a MultiHead: every head's answers to a picture, by its name."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tinycnn.backend import Array, array_module, to_device, to_numpy
from tinycnn.data.head_batches import HeadBatch, head_batches, shown_head_codes
from tinycnn.data.head_samples import HeadDataset, HeadSamples
from tinycnn.errors import DataError
from tinycnn.head_losses import HeadLosses
from tinycnn.history import Row, losses_of
from tinycnn.losses import SoftmaxCrossEntropy, tell_box_statistics
from tinycnn.models.multi_head import MultiHead
from tinycnn.models.named_heads import ClassHead
from tinycnn.tasks.parts import expect_part, expect_something, say_if_exploded, two_parts
from tinycnn.text import kind, table
from tinycnn.updates import ALONE

BASELINE = "constant/"  # in front of what an answer scores that never looks at a picture


class ManyHeads:
    """See tinycnn/tasks."""

    dataset, samples, taken = HeadDataset, HeadSamples, "HeadSamples for a MultiHead"
    made_by, fields = "tinycnn.data.HeadDataset is", "HeadSamples(images, answers, names)"
    augmented_by = 4, "picture, answers by head, side and generator, such as tinycnn.data.Augment()"

    def __init__(self, model: MultiHead) -> None:
        self.model = model
        self.class_heads = sum(isinstance(head, ClassHead) for head in model.heads.values())

    def fitting(self, train: HeadSamples | HeadDataset,
                valid: HeadSamples | None) -> tuple[HeadSamples, HeadSamples | None]:
        """The samples with the answers as the heads take them; what does not fit is refused before any work."""
        samples, valid = two_parts(self, train, valid)
        return self.counted(samples), None if valid is None else self.counted(valid)

    def counted(self, samples: HeadSamples) -> HeadSamples:
        """Samples with answers for the model's heads alone, each as its head takes them."""
        lacking = [name for name in self.model.heads if name not in samples.answers]
        if lacking:
            raise DataError(f"the samples have answers for {', '.join(samples.answers) or 'no head'}, and the model "
                            f"has the heads {', '.join(self.model.heads)}: there are none for {lacking[0]!r}")
        taken = {name: head.taken(name, samples.answers[name], samples) for name, head in self.model.heads.items()}
        return replace(samples, answers=taken)

    def usual_loss(self, mix: Any) -> HeadLosses:
        """Every head's usual loss, all of weight 1."""
        return HeadLosses({name: head.usual_loss(mix) for name, head in self.model.heads.items()})

    def check_loss(self, loss: Any, name: str, mix: Any) -> None:
        """A loss of something else is refused with the line that is meant."""
        heads, losses = self.model.heads, getattr(loss, "losses", {})
        if not isinstance(loss, HeadLosses) and type(loss).__module__.startswith("tinycnn."):
            raise TypeError(f"{name}: {loss!r} is no loss of several heads: tinycnn.HeadLosses({{head: its loss}})")
        if isinstance(loss, HeadLosses) and set(losses) != set(heads):
            raise TypeError(f"{name}: the loss is one of {', '.join(losses)}, and the model has the heads "
                            f"{', '.join(heads)}: give each its loss, with a weight of 0 where it shall not learn")
        for head, one in losses.items() if mix is not None else ():
            if type(one) is SoftmaxCrossEntropy:
                raise TypeError(f"{name}: pictures that are mixed belong to several classes, and the loss of {head!r}, "
                                f"{one!r}, takes one: WeightedCrossEntropy(...), from tinycnn.class_losses")

    def fingerprint(self, train: HeadSamples) -> list[float]:
        """How many there are; contents are compared by themselves."""
        return [len(train)]

    def prepare(self, train: HeadSamples, augment: Any, seed: int, loss: Any) -> None:
        """Measure the statistics of the numbers that training will show, once."""
        model = self.model
        if not model.has_statistics:
            codes = shown_head_codes(train, model.heads, model.image_size, augment, seed)
            for name, head in model.heads.items():
                head.learn(name, codes[name])
            model.has_statistics = True
        for name, one in getattr(loss, "losses", {}).items():
            if hasattr(model.heads.get(name), "statistics"):
                tell_box_statistics(one, model.heads[name].statistics)

    def batches(self, samples: HeadSamples, batch_size: int, balance: bool = False, **how: Any) -> Iterator[HeadBatch]:
        """One pass over samples; how: as of tinycnn.data.head_batches. balance: the classes of the only class head"""
        labels = [samples.answers[name] for name, head in self.model.heads.items() if isinstance(head, ClassHead)]
        return head_batches(samples, self.model.heads, batch_size, self.model.image_size,
                            balance=labels[0] if balance else None, **how)

    def truth(self, batch: HeadBatch) -> dict[str, tuple[Any, ...]]:
        """{head: what follows its outputs in forward of its loss}"""
        others = batch.other_codes or {}
        return {name: head.truth(batch.codes[name], others.get(name), batch.mixed)
                for name, head in self.model.heads.items()}

    def forward(self, images: np.ndarray) -> dict[str, Array]:
        """What the heads say of pictures on the host, {head: outputs}."""
        return self.model.forward(self.model.normalize(to_device(images, self.model.device)))

    def backward(self, gradients: Any, name: str) -> None:
        """{head: dloss/doutputs} down into the model. name: of the loss that gave them"""
        fits = isinstance(gradients, Mapping) and gradients and all(
            getattr(getattr(part, "dtype", None), "kind", "") == "f" for part in gradients.values())
        if not fits:
            raise TypeError(f"{name}.backward must return a dictionary, {{head: its gradient, an array of "
                            f"floating-point numbers}}, got {kind(gradients)}")
        self.model.backward(gradients)

    def validate(self, valid: HeadSamples, loss: Any, batch_size: int, workers: int, processes: Any = ALONE) -> Row:
        """The loss with its terms, and every head's measures, on the validation samples."""
        there, heads = processes.over(valid, lambda part: self._outputs(part, batch_size, workers)), self.model.heads
        sizes = valid.sizes
        truth = {name: head.truth(head.encode(valid.answers[name], sizes), None, None) for name, head in heads.items()}
        value = loss.forward(there, truth)
        losses = {f"valid_{name}": float(number) for name, number in losses_of(loss, value).items()}
        on_host = {name: to_numpy(part) for name, part in there.items()}
        return losses | {f"valid_{name}": value for name, value in self._measures(on_host, valid, sizes).items()}

    def say_if_exploded(self, row: Row, loss: Any) -> None:
        """Warn of a loss that is far above that of equal probabilities and mean numbers."""
        if isinstance(loss, HeadLosses):
            usual = {f"{name}_loss": head.guess for name, head in self.model.heads.items()}
            say_if_exploded(row, usual, "look at the answers of the samples")

    def evaluate(self, samples: HeadSamples, train_samples: HeadSamples | None, batch_size: int,
                 workers: int) -> dict[str, float]:
        """Every head's measures, "box/mean_iou" for instance, and with train_samples those of an answer that never
        looks at a picture, the mean of the training set or its most frequent class, as "constant/box/mean_iou".
        """
        expect_part(self, samples, "evaluate")
        expect_something(samples)
        samples = self.counted(samples)
        sizes, outputs = samples.sizes, self._outputs(samples, batch_size, workers)
        found = {"count": len(samples), **self._measures({n: to_numpy(y) for n, y in outputs.items()}, samples, sizes)}
        if train_samples is not None:
            train, n = self.counted(train_samples), len(samples)
            codes = {name: head.encode(train.answers[name], train.sizes) for name, head in self.model.heads.items()}
            guesses = {name: head.constant(codes[name], n) for name, head in self.model.heads.items()}
            found |= {BASELINE + name: value for name, value in self._measures(guesses, samples, sizes).items()}
        return found

    def measure(self, samples: HeadSamples, train_samples: HeadSamples | None, batch_size: int,
                workers: int) -> tuple[dict[str, float], None]:
        """What `evaluate` gives; heads of so many kinds are not taken apart."""
        return self.evaluate(samples, train_samples, batch_size, workers), None

    @staticmethod
    def comparison_table(measured: dict[str, float]) -> str:
        """What `evaluate` gives, as a text table."""
        names = [name for name in measured if name != "count" and not name.startswith(BASELINE)]
        cells = [[f"{measured[each]:.3f}" if each in measured else "-" for each in (name, BASELINE + name)]
                 for name in names]
        return table([("", "model", "never looking"), *((name, *row) for name, row in zip(names, cells, strict=True))])

    def _measures(self, outputs, samples, sizes):
        """{"box/mean_iou": ...} of outputs on the host."""
        found = self.model.answers(outputs, sizes)
        return {f"{name}/{what}": value for name, head in self.model.heads.items()
                for what, value in head.measures(found[name], samples.answers[name], sizes).items()}

    def _outputs(self, samples, batch_size, workers):
        """{head: the numbers for all samples}, on the device."""
        model, parts = self.model, []
        with model.predicting(), np.errstate(over="ignore", invalid="ignore"):
            for batch in self.batches(samples, batch_size, shuffle=False, workers=workers):
                parts.append(self.forward(batch.images))
        xp = array_module(next(iter(parts[0].values())))
        return {name: xp.concatenate([part[name] for part in parts]) for name in model.heads}
