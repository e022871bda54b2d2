"""From samples to batches: shuffle, decode, augment, stack, while the network is busy with the batch before.

Decoding and augmenting take about as long as a training step of a small network, so they happen in background threads,
a few batches ahead. Threads finish in any order; the result must not depend on it. So the batches come out in their
order, and each batch draws its random numbers from a generator of its own, seeded by (seed, epoch, number of the
batch): the same bytes with no thread, with one, or with three.
"""

import contextlib
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from tinycnn.backend import Array
from tinycnn.boxes import decode, encode
from tinycnn.class_losses import shares_of_classes
from tinycnn.data.dataset import Samples
from tinycnn.data.mixing import Mixing, mixed_with
from tinycnn.data.photographs import MISSING, Photographs
from tinycnn.errors import DataError
from tinycnn.resize import crop_resize

THREAD_NAME = "tinycnn-batches"
Share = tuple[int, int]  # (which process, of how many)
Augmentation = Callable[[Array, Array, int, "np.random.Generator"], tuple[Array, Array]]


@dataclass(frozen=True)
class Batch:
    """n pictures ready for the network, with their answers, all on the host."""

    images: np.ndarray  # (n, S, S, 3) uint8
    labels: np.ndarray  # (n,) int64
    codes: np.ndarray  # (n, 4) float32: (cx, cy, h, w) in units of the network's input, 0 to 1
    indices: np.ndarray  # (n,) int64: which samples these are
    others: np.ndarray | None = None  # (n,) int64, where each is mixed with a second picture: the class of that
    shares: np.ndarray | None = None  # (n,) float64, and how much of it the first picture is

    def first(self, n: int) -> "Batch":
        """The first n of them."""
        return self.part(slice(n))

    def part(self, rows: slice) -> "Batch":
        """Some of them, side by side."""
        return replace(self, **{name: array[rows] for name, array in vars(self).items() if array is not None})

    def truth(self, num_classes: int) -> np.ndarray:
        """The labels (n,); where pictures are mixed, the shares of all classes (n, K), which add up to 1."""
        if self.others is None or self.shares is None:
            return self.labels
        return shares_of_classes(self.labels, self.others, self.shares, num_classes)


def batches(samples: Samples, batch_size: int, image_size: int, *, shuffle: bool, augment: Augmentation | None = None,
            seed: int = 0, epoch: int = 0, drop_last: bool = False, workers: int = 1,
            balance: bool = False, mix: Mixing | None = None, skip_missing: bool = False, first: int = 0,
            share: Share = (0, 1)) -> Iterator[Batch]:
    """One pass over `samples`: an iterator of `Batch`.

    image_size: S, the side of the network's input; pictures of another size are resized, stretched if not square
    shuffle: a new order, decided by seed and epoch; otherwise the samples' own order
    augment: an `Augment`, or any function (image, box, size, rng) -> (image, box); None resizes and no more
    drop_last: leave out a last batch of fewer than batch_size samples
    workers: background threads; they prepare workers + 1 batches ahead, and end when the iterator does (at its end, at
        `break`, on an error). 0 prepares each batch when it is asked for
    balance: as many samples as there are, all classes equally often (see `balanced`); needs shuffle
    mix: a `Mixup` or `CutMix` (see tinycnn.data.mixing), or a function like them; None mixes no pictures
    first: the number of the batch to begin with, where those before it have been seen
    skip_missing: leave out a picture whose file is gone, with a warning that names it and counts; batches get smaller
    share: (r, p): only what the process r of p prepares of each batch (`rows_of`), the same bytes as in the whole one

    A picture that cannot be used raises DataError with the sample's name when the iteration reaches its batch.
    """
    if image_size < 1:
        raise DataError(f"image_size is at least 1, got {image_size}")

    def prepare(indices, rows, rng):
        batch = _prepare(samples, indices, rows, image_size, augment, rng, skip_missing)
        return batch if mix is None else _mixed(batch, mix, rng)

    if balance and not shuffle:
        raise DataError("balance draws samples anew in each epoch, so it needs shuffle=True")
    return in_batches(len(samples), batch_size, prepare, shuffle, seed, epoch, drop_last, workers, share,
                      samples.labels if balance else None, first, whole=mix is not None)


def in_batches(n: int, batch_size: int, prepare: Callable[[np.ndarray, range, "np.random.Generator"], Any],
               shuffle: bool, seed: int, epoch: int, drop_last: bool, workers: int, share: Share = (0, 1),
               balance: np.ndarray | None = None, first: int = 0, whole: bool = False) -> Iterator[Any]:
    """prepare(indices, rows, rng) for each batch of the numbers 0 .. n-1, in turn; the arguments are those of batches.

    rows: those of the batch's indices that are to be prepared, all without `share`
    balance: the class of each number, (n,), where all classes are to come equally often
    whole: prepare the whole batch and take those rows of it, since a picture needs others of its batch
    """
    if n == 0:
        raise DataError("there is nothing to make batches of: the samples are empty")
    if batch_size < 1 or workers < 0:
        raise DataError(f"batch_size is at least 1 and workers at least 0, got {batch_size} and {workers}")
    if drop_last and n < batch_size:
        raise DataError(f"drop_last leaves no batch: there are {n} samples and batch_size is {batch_size}")
    rng = np.random.default_rng((seed, epoch))
    order = balanced(balance, rng) if balance is not None else rng.permutation(n) if shuffle else np.arange(n)
    stop = n - n % batch_size if drop_last else n
    parts = [order[start : start + batch_size] for start in range(0, stop, batch_size)]

    def prepare_one(number):
        # + 1: NumPy fills seeds up with zeros, so (seed, epoch, 0) would repeat the numbers of the shuffle.
        rows = rows_of(len(parts[number]), share) or range(1)  # some picture: see rows_of
        rng = np.random.default_rng((seed, epoch, number + 1))
        if not whole:
            return prepare(parts[number], rows, rng)
        return prepare(parts[number], range(len(parts[number])), rng).part(slice(rows.start, rows.stop))

    return _in_order(prepare_one, range(first, len(parts)), workers)


def rows_of(n: int, share: Share) -> range:
    """Which rows of a batch of n pictures are those of the process r of p, share = (r, p).

    Neighbours, and as many for each as for any other, or one more. A process for which a batch of fewer than p pictures
    has none is given the first one, so that it takes part in all that is computed together; its rows are still none.
    """
    process, processes = share
    return range(n * process // processes, n * (process + 1) // processes)


def passed_over(augment: Any, count: int, call: Callable[[int], object] | None,
                rng: "np.random.Generator") -> None:
    """Move rng on as augmenting the rows 0 .. count-1 would, which another process does.

    A class may say how many numbers of rng.random each call takes, `draws`; without that the calls are made, call(row),
    where there is one.
    """
    draws = 0 if augment is None else vars(type(augment)).get("draws")  # a subclass may draw other numbers
    if draws is not None:
        rng.random(draws * count)
        return
    if call is None:
        return
    for row in range(count):
        with contextlib.suppress(DataError, OSError):  # whoever is to prepare it says what is wrong with it
            call(row)


def balanced(labels: np.ndarray, rng: "np.random.Generator") -> np.ndarray:
    """(N,) indices of samples, in random order, among which every class of `labels` (N,) has its equal share.

    What N leaves over goes to classes at random. Of a class with more samples than places some are left out, others
    each time; those of a class with fewer all come equally often, but for a random few that come once more.
    """
    classes = rng.permutation(np.unique(labels))
    places = np.full(len(classes), len(labels) // len(classes))
    places[: len(labels) % len(classes)] += 1
    chosen = [np.resize(rng.permutation(np.flatnonzero(labels == label)), n)
              for label, n in zip(classes, places, strict=True)]  # resize repeats them as often as needed
    return rng.permutation(np.concatenate(chosen))


def shown_codes(samples: Samples, image_size: int, augment: Augmentation | None = None, seed: int = 0) -> np.ndarray:
    """Box codes (m, 4) as training will show them: those of the samples, or of augmented ones where there is `augment`.

    Boxes that are all of one size come in many after augmentation. An Augment is asked for boxes alone; any other
    function paints the pictures too, so of those a few hundred are enough.
    """
    if augment is None:
        return encode(samples.boxes, samples.sizes)
    rng, boxes_alone = np.random.default_rng((seed, len(samples))), getattr(augment, "box", None)
    count = max(len(samples), 4000) if boxes_alone else 400
    chosen = np.resize(rng.permutation(len(samples)), count)
    if boxes_alone:
        found = [boxes_alone(samples.sizes[i], samples.boxes[i], image_size, rng) for i in chosen]
    else:
        found = [augment(samples.images[i], samples.boxes[i], image_size, rng)[1] for i in chosen]
    return encode(found, (image_size, image_size))


def _in_order(prepare, numbers, workers):
    """prepare(number) of each, computed ahead in threads."""
    numbers = iter(numbers)
    if workers == 0:
        yield from map(prepare, numbers)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix=THREAD_NAME)
    try:
        ahead = deque(pool.submit(prepare, number) for number in islice(numbers, workers + 1))
        while ahead:
            batch = ahead.popleft().result()  # raises here what went wrong there
            ahead.extend(pool.submit(prepare, number) for number in islice(numbers, 1))
            yield batch
    finally:
        # Also runs at break and when the iterator is forgotten. It does not wait for the batch in work: the garbage
        # collector may call this in one of the pool's own threads, which cannot wait for itself.
        pool.shutdown(wait=False, cancel_futures=True)


def skipped(samples: Any, index: int, error: Exception) -> bool:
    """Whether a picture that gave this error is one whose file is gone; said once of each, with their number so far."""
    gone = getattr(error, "reason", "") == MISSING and isinstance(samples.images, Photographs)
    if gone and samples.images.paths[index] not in samples.images.missing:
        samples.images.missing.add(samples.images.paths[index])
        warnings.warn(f"sample {index} ({samples.names[index]}): the picture is gone, so it is left out; so far "
                      f"{len(samples.images.missing):,} of {len(samples):,}", stacklevel=2)
    return gone


def _prepare(samples, indices, rows, side, augment, rng, skip_missing):
    def augmented(index, image):
        return augment(image, samples.boxes[index].astype(np.float64), side, rng)

    passed_over(augment, rows.start, lambda row: augmented(indices[row], samples.images[indices[row]]), rng)
    whole, indices = len(rows) == len(indices), indices[rows.start : rows.stop]
    boxes, labels = samples.boxes[indices].astype(np.float64), samples.labels[indices]
    if augment is None and is_ready(samples.images, side):
        return Batch(samples.images[indices], labels, encode(boxes, (side, side)).astype(np.float32), indices)
    sizes = np.full((len(indices), 2), side)

    def paint(row, image):
        if augment is None:
            sizes[row] = height, width = image.shape[:2]
            return crop_resize(image, (0, 0, width, height), (side, side))
        picture, boxes[row] = augmented(indices[row], image)
        return picture

    images, kept = painted(samples, indices, side, paint, skip_missing, lambda: passed_over(augment, 1, None, rng),
                           whole)
    return Batch(images, labels[kept], encode(boxes[kept], sizes[kept]).astype(np.float32), indices[kept])


def painted(samples: Any, indices: np.ndarray, side: int, paint: Callable[[int, np.ndarray], np.ndarray],
            skip_missing: bool, missed: Callable[[], None], whole: bool) -> tuple[np.ndarray, list[int]]:
    """(pictures (m, S, S, 3), the rows that they are of, (m,)): paint(row, image) for each sample whose file is there.

    missed: called for a picture that is gone, so that those behind it are shown as with it
    whole: whether these are all of a batch, which needs one that is there; a process's share of it may be empty
    A picture that cannot be used raises DataError with the sample's name.
    """
    images, kept = np.empty((len(indices), side, side, 3), np.uint8), list[int]()
    for row, index in enumerate(indices):
        try:
            image = samples.images[index]
            kept.append(row)
            picture = paint(row, image)
            if picture.shape != (side, side, 3):
                raise DataError(f"expected a picture of {side} x {side} with 3 channels, got shape {picture.shape}")
        except (DataError, OSError) as error:
            if skip_missing and skipped(samples, index, error):
                missed()
                continue
            raise DataError(f"sample {index} ({samples.names[index]}): {error}") from error
        except Exception as error:  # a mistake in someone's augment function keeps its own type
            error.add_note(f"while preparing sample {index} ({samples.names[index]})")
            raise
        images[row] = picture
    if not kept and whole:
        raise DataError(f"all {len(indices)} pictures of a batch are gone, {samples.names[indices[0]]} first: is the "
                        "disk or the folder they are on still there?")
    return images[kept] if len(kept) < len(indices) else images, kept


def _mixed(batch, mix, rng):
    """The batch with two pictures in each; its boxes stay those of the first ones."""
    side = batch.images.shape[1]
    images, (others, shares) = mixed_with(batch.images, decode(batch.codes, (side, side)), mix, rng)
    return replace(batch, images=images, others=batch.labels[others], shares=shares)


def is_ready(images: Any, side: int) -> bool:
    """Whether a plain gather is enough: one uint8 array in the network's size, as drawn scenes are."""
    return isinstance(images, np.ndarray) and images.dtype == np.uint8 and images.shape[1:] == (side, side, 3)
