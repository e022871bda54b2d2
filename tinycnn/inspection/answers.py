"""What a model is shown, and where it is wrong: a batch as training sees it, and its answers taken apart."""

import numpy as np

from tinycnn.breakdown import Breakdown
from tinycnn.classical.window import WindowDetector
from tinycnn.data.batches import Augmentation, batches
from tinycnn.data.dataset import Dataset, Samples
from tinycnn.data.mixing import Mixing
from tinycnn.errors import DataError
from tinycnn.inspection.taps import twin
from tinycnn.models.localizer import Localizer
from tinycnn.plots.look import Figure
from tinycnn.tasks import task_of
from tinycnn.text import count, kind


def mistakes(model: Localizer | WindowDetector, samples: Samples, batch_size: int = 64,
             workers: int = 1) -> Breakdown:
    """The Breakdown of the model's answers about `samples`: by class, by size, what is taken for what, the worst.

    Samples whose classes stand in another order than the model's are brought into that order.

        found = tc.mistakes(model, data.test)
        print(found)
        found.plot(), found.plot_classes(), found.plot_sizes(), found.plot_worst()
    """
    if not isinstance(model, Localizer | WindowDetector):
        raise TypeError(f"mistakes takes a model that answers with classes and boxes, got {kind(model)}")
    if not isinstance(samples, Samples):
        raise TypeError(f"mistakes takes one part of a data set, data.test for instance, got {kind(samples)}")
    if not len(samples):
        raise DataError("there is nothing to take apart: the samples are empty")
    return task_of(twin(model), "mistakes").measure(samples, None, batch_size, workers)[1]


def show_batch(data: Samples | Dataset, image_size: int = 64, most: int = 24, *, augment: Augmentation | None = None,
               mix: Mixing | None = None, batch_size: int = 64, seed: int = 0, epoch: int = 0,
               balance: bool = False) -> Figure:
    """The first pictures that `fit` will show the network, with their boxes: at most `most` of its first batch.

    data: the training samples, or a data set, whose training part is taken    image_size: of the network's input,
    model.image_size    augment, mix, batch_size, seed, balance: as fit will be given them    epoch: which one, from 0

    Not pictures like them but these very ones, stretched, augmented and in their order: a box that has slipped, a label
    that is wrong or an augmentation that goes too far is seen before an hour is spent on it.
    """
    from tinycnn.plots import contact_sheet

    samples = data.train if isinstance(data, Dataset) else data
    if not isinstance(samples, Samples):
        raise TypeError(f"show_batch takes Samples or a data set of pictures with boxes, got {kind(data)}")
    if most < 1 or epoch < 0:
        raise ValueError(f"show_batch: most is 1 or more, and epoch 0 or more, got most={most} and epoch={epoch}")
    if mix is not None and (isinstance(mix, type) or not callable(mix)):
        raise TypeError("show_batch: mix must be a function of images, boxes and generator, such as "
                        f"tinycnn.data.Mixup() or tinycnn.data.CutMix(), got {mix!r}")
    batch = next(batches(samples, batch_size, image_size, shuffle=True, augment=augment, seed=seed, epoch=epoch,
                         workers=0, balance=balance, mix=mix))
    some = batch.first(most)
    shown = Samples(some.images, some.labels, _pixels(some.codes, image_size),
                    [samples.names[i] for i in some.indices], samples.classes)
    how = ("no augmentation" if augment is None else "augmented") + ("" if mix is None else ", two in one")
    mixed = None
    if some.others is not None and some.shares is not None:
        mixed = list(zip(some.others.tolist(), some.shares.tolist(), strict=True))
    return contact_sheet(shown, len(shown), title=f"{len(shown)} of the {count(len(batch.images), 'picture')} in batch "
                         f"1 of epoch {epoch + 1}, {image_size} x {image_size}, {how}", in_turn=False, mixed=mixed)


def _pixels(codes, side):
    """Boxes (n, 4) in pixels of codes (cx, cy, h, w), as far as they lie inside."""
    cx, cy, h, w = codes.astype(np.float64).T * side
    return np.clip(np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1), 0, side)
