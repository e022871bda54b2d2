"""From pictures with answers for several heads to batches, as tinycnn.data.batches does it for a class and a box."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinycnn.data.augment import Augment
from tinycnn.data.batches import Share, in_batches, is_ready, painted, passed_over
from tinycnn.data.head_samples import HeadSamples
from tinycnn.data.mixing import Mixed, Mixing, mixed_with
from tinycnn.resize import crop_resize
from tinycnn.views import View


@dataclass(frozen=True)
class HeadBatch:
    """n pictures ready for the network, with their answers, all on the host.

    images: (n, S, S, 3) uint8    codes: {head: what head.encode gives, (n, ...)}    indices: (n,) which samples
    mixed: with what the pictures were mixed, and the codes of that: other_codes; or None
    """

    images: np.ndarray
    codes: dict[str, np.ndarray]
    indices: np.ndarray
    mixed: Mixed | None = None
    other_codes: dict[str, np.ndarray] | None = None

    def first(self, n: int) -> "HeadBatch":
        """The first n of them."""
        return self.part(slice(n))

    def part(self, rows: slice) -> "HeadBatch":
        """Some of them, side by side."""
        codes, others = ({name: array[rows] for name, array in (some or {}).items()}
                         for some in (self.codes, self.other_codes))
        mixed = None if self.mixed is None else Mixed(*(array[rows] for array in self.mixed))
        return HeadBatch(self.images[rows], codes, self.indices[rows], mixed, others or None)


def head_batches(samples: HeadSamples, heads: Mapping[str, Any], batch_size: int, image_size: int, *, shuffle: bool,
                 augment: Any = None, seed: int = 0, epoch: int = 0, workers: int = 1, mix: Mixing | None = None,
                 balance: np.ndarray | None = None, skip_missing: bool = False, first: int = 0,
                 share: Share = (0, 1)) -> Iterator[HeadBatch]:
    """One pass over `samples`: an iterator of `HeadBatch`.

    samples: whose answers the heads have taken (head.taken)    heads: {name: Head}, of tinycnn.models.named_heads
    augment: an `Augment`, which keeps a share of what boxes and points lie in; or any function (image, answers, size,
        rng) -> (image, answers), answers = {head: one picture's}
    balance: labels (N,), all of which are to come equally often
    The other arguments are those of tinycnn.data.batches.
    """

    def augmented(image, one, rng):
        if not isinstance(augment, Augment):
            return augment(image, one, image_size, rng)
        view = augment.view(image.shape[:2], extent(heads, one, image.shape[:2]), image_size, rng)
        return augment.paint(image, view), followed(heads, one, view)

    def pass_over(index, rng):
        augmented(samples.images[index], {name: samples.answers[name][index] for name in heads}, rng)

    def prepare(indices, rows, rng):
        passed_over(augment, rows.start, lambda row: pass_over(indices[row], rng), rng)
        whole, indices = len(rows) == len(indices), indices[rows.start : rows.stop]
        answers = {name: samples.answers[name][indices] for name in heads}
        answers = {name: some if some.dtype.kind == "i" else some.astype(np.float64) for name, some in answers.items()}
        sizes = np.full((len(indices), 2), image_size)

        def paint(row, image):
            if augment is None:
                sizes[row] = height, width = image.shape[:2]
                return crop_resize(image, (0, 0, width, height), (image_size, image_size))
            picture, one = augmented(image, {name: answers[name][row] for name in heads}, rng)
            for name in heads:
                answers[name][row] = one[name]
            return picture

        if augment is None and is_ready(samples.images, image_size):
            images, kept = samples.images[indices], list(range(len(indices)))
        else:
            images, kept = painted(samples, indices, image_size, paint, skip_missing,
                                   lambda: passed_over(augment, 1, None, rng), whole)
        codes = {name: head.encode(answers[name][kept], sizes[kept]) for name, head in heads.items()}
        batch = HeadBatch(images, codes, indices[kept])
        if mix is None:
            return batch
        scale = image_size / sizes[kept][:, [1, 0, 1, 0]]  # (n, 4): from each picture's pixels to those of the batch
        inside = [extent(heads, {name: answers[name][row] for name in heads}, sizes[row], empty=True) for row in kept]
        new, mixed = mixed_with(images, np.array(inside, np.float64) * scale, mix, rng)
        return replace(batch, images=new, mixed=mixed, other_codes={k: v[mixed.rows] for k, v in codes.items()})

    return in_batches(len(samples), batch_size, prepare, shuffle, seed, epoch, False, workers, share, balance,
                      first, whole=mix is not None)


def extent(heads: Mapping[str, Any], answers: dict[str, Any], size: Any, empty: bool = False) -> tuple[float, ...]:
    """The smallest box (xmin, ymin, xmax, ymax) around all that one picture's answers say a place of.

    size: (H, W) of the picture, all of which it is where no answer has a place; with empty, a box without area
    """
    found = [inside for name, head in heads.items() if (inside := head.extent(answers[name])) is not None]
    if not found:
        return (0, 0, 0, 0) if empty else (0, 0, int(size[1]), int(size[0]))
    low, high = np.min([box[:2] for box in found], axis=0), np.max([box[2:] for box in found], axis=0)
    return *low.tolist(), *high.tolist()


def followed(heads: Mapping[str, Any], answers: dict[str, Any], view: View) -> dict[str, Any]:
    """One picture's answers after it was augmented."""
    return {name: head.follow(answers[name], view) for name, head in heads.items()}


def shown_head_codes(samples: HeadSamples, heads: Mapping[str, Any], image_size: int, augment: Any = None,
                     seed: int = 0) -> dict[str, np.ndarray]:
    """{head: codes (m, ...)} as training will show them: those of the samples, or of augmented ones.

    An Augment is asked for answers alone; any other function paints the pictures too, so of those a few hundred are
    enough.
    """
    if augment is None:
        return {name: head.encode(samples.answers[name], samples.sizes) for name, head in heads.items()}
    rng, alone = np.random.default_rng((seed, len(samples))), isinstance(augment, Augment)
    chosen = np.resize(rng.permutation(len(samples)), max(len(samples), 4000) if alone else 400)
    found = []
    for i in chosen:
        one = {name: samples.answers[name][i] for name in heads}
        if alone:
            size = samples.sizes[i]
            found.append(followed(heads, one, augment.view(size, extent(heads, one, size), image_size, rng)))
        else:
            found.append(augment(samples.images[i], one, image_size, rng)[1])
    side = np.full((len(found), 2), image_size)
    return {name: head.encode(np.stack([one[name] for one in found]), side) for name, head in heads.items()}
