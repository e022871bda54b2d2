"""Batches: every sample once with its own answers, the same bytes with any number of threads, no thread left over."""

import gc
import threading

import numpy as np
import pytest

from tinycnn.boxes import decode, encode
from tinycnn.data.augment import Augment
from tinycnn.data.batches import THREAD_NAME, balanced, batches, rows_of
from tinycnn.data.dataset import Samples
from tinycnn.data.mixing import CutMix, Mixup
from tinycnn.errors import DataError
from tinycnn.resize import crop_resize

SIDE = 16


def samples(count=23, side=SIDE, seed=0):
    """Dark noise with a white box; the first corner pixel tells which sample it is."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 60, (count, side, side, 3), np.uint8)
    corners = rng.integers(1, side // 2, (count, 2))
    boxes = np.concatenate([corners, corners + rng.integers(4, side // 2, (count, 2))], axis=1)
    for image, (xmin, ymin, xmax, ymax) in zip(images, boxes, strict=True):
        image[ymin:ymax, xmin:xmax] = 255
    images[:, 0, 0, 0] = np.arange(count)
    return Samples(images, rng.integers(0, 3, count), boxes, [f"picture-{i}" for i in range(count)], ("a", "b", "c"))


def mixed_samples():
    """A list of pictures of different sizes, none of them square."""
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (10 + i, 30 - i, 3), np.uint8) for i in range(8)]
    boxes = [[1, 2, 9 + i, 9 + i] for i in range(8)]
    return Samples(images, np.arange(8) % 2, boxes, [f"file-{i}.jpg" for i in range(8)], ("a", "b"))


def alive():
    return [thread for thread in threading.enumerate() if thread.name.startswith(THREAD_NAME)]


def assert_all_end():
    for thread in alive():
        thread.join(timeout=10)
    assert not alive()


def equal(one, two):
    one, two = list(one), list(two)
    assert len(one) == len(two)
    for a, b in zip(one, two, strict=True):
        for name in ("images", "labels", "codes", "indices"):
            assert getattr(a, name).tobytes() == getattr(b, name).tobytes(), name


# --- what is in a batch ---

@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
def test_every_sample_comes_once_with_its_own_answers(shuffle, drop_last):
    data = samples(23)
    got = list(batches(data, 5, SIDE, shuffle=shuffle, seed=0, epoch=0, drop_last=drop_last))
    assert [len(batch.labels) for batch in got] == [5] * 4 + [3] * (not drop_last)
    order = np.concatenate([batch.indices for batch in got])
    assert len(set(order.tolist())) == len(order) == (20 if drop_last else 23)
    assert (order == np.arange(len(order))).all() == (not shuffle)
    for batch in got:
        np.testing.assert_array_equal(batch.images, data.images[batch.indices])
        np.testing.assert_array_equal(batch.images[:, 0, 0, 0], batch.indices)
        np.testing.assert_array_equal(batch.labels, data.labels[batch.indices])
        np.testing.assert_allclose(decode(batch.codes, (SIDE, SIDE)), data.boxes[batch.indices], atol=1e-5)
        assert (batch.images.dtype, batch.labels.dtype, batch.codes.dtype) == (np.uint8, np.int64, np.float32)


def test_pictures_of_any_size_are_resized_and_their_codes_are_not_changed():
    data = mixed_samples()
    for batch in batches(data, 3, SIDE, shuffle=True, seed=0, epoch=0):
        assert batch.images.shape == (len(batch.labels), SIDE, SIDE, 3)
        np.testing.assert_array_equal(batch.codes, encode(data.boxes, data.sizes).astype(np.float32)[batch.indices])
        for picture, index in zip(batch.images, batch.indices, strict=True):
            height, width = data.sizes[index]
            np.testing.assert_array_equal(
                picture, crop_resize(data.images[index], (0, 0, width, height), (SIDE, SIDE)))


def test_a_list_of_right_sized_pictures_gives_what_the_array_gives():
    data = samples()
    as_list = Samples(list(data.images), data.labels, data.boxes, data.names, data.classes)
    equal(*(batches(one, 4, SIDE, shuffle=True, seed=3, epoch=1) for one in (data, as_list)))


def test_batches_are_copies():
    data = samples()
    before = data.images.copy(), data.boxes.copy()
    for batch in batches(data, 4, SIDE, shuffle=False, seed=0, epoch=0, augment=None):
        batch.images[:] = 0
        batch.codes[:] = 0
        batch.labels[:] = -1
    np.testing.assert_array_equal(data.images, before[0])
    np.testing.assert_array_equal(data.boxes, before[1])
    assert data.labels.min() >= 0


def test_augmented_boxes_surround_the_augmented_object():
    data = samples(40, side=32)
    moved = False
    recipe = Augment(scale=(0.7, 1.3), shift=0.1, color=(0, 0, 0), fill=0)
    for batch in batches(data, 8, 32, shuffle=True, augment=recipe, seed=0, epoch=0):
        for picture, box in zip(batch.images, decode(batch.codes, (32, 32)), strict=True):
            white = (picture > 150).all(axis=-1)
            rows, columns = np.flatnonzero(white.any(axis=1)), np.flatnonzero(white.any(axis=0))
            found = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
            np.testing.assert_allclose(found, box, atol=1.2)
        moved |= not np.allclose(decode(batch.codes, (32, 32)), data.boxes[batch.indices], atol=2)
    assert moved


# --- classes that come equally often ---

def unbalanced(rare=3, frequent=40):
    data = samples(rare + frequent)
    data.labels[:] = [0] * frequent + [2] * rare
    return data


@pytest.mark.parametrize("shuffle_seed", range(3))
def test_balanced_batches_show_every_class_equally_often(shuffle_seed):
    data = unbalanced()
    got = list(batches(data, 8, SIDE, shuffle=True, balance=True, seed=shuffle_seed))
    assert [len(batch.labels) for batch in got] == [8] * 5 + [3]  # an epoch stays as long
    order = np.concatenate([batch.indices for batch in got])
    times = np.bincount(order, minlength=43)
    assert abs(times[:40].sum() - times[40:].sum()) == 1 and times[:40].max() == 1
    assert set(times[40:].tolist()) <= {7, 8}
    for batch in got:
        np.testing.assert_array_equal(batch.labels, data.labels[batch.indices])
        np.testing.assert_array_equal(batch.images, data.images[batch.indices])


def test_every_class_gets_its_share_over_many_epochs():
    """43 places of 5 classes: 8.6 on average, and every frequent picture is seen sometime."""
    labels = np.array([0] * 30 + [1] * 10 + [2, 3, 4])
    orders = [balanced(labels, np.random.default_rng(seed)) for seed in range(400)]
    assert {len(order) for order in orders} == {43}
    mean = np.mean([np.bincount(labels[order], minlength=5) for order in orders], axis=0)
    np.testing.assert_allclose(mean, 8.6, atol=0.1)
    assert set(np.concatenate(orders).tolist()) == set(range(43))
    assert len({tuple(order) for order in orders}) == 400


def test_balanced_batches_are_decided_by_seed_and_epoch_and_not_by_workers():
    data = unbalanced()
    how = {"shuffle": True, "balance": True, "augment": Augment(), "seed": 5}
    for workers in (0, 3):
        equal(batches(data, 8, SIDE, epoch=2, workers=workers, **how), batches(data, 8, SIDE, epoch=2, **how))
    one, other = (np.concatenate([b.indices for b in batches(data, 8, SIDE, epoch=e, **how)]) for e in (0, 1))
    assert (one != other).any()


def test_balance_without_shuffle_is_refused():
    with pytest.raises(DataError, match="needs shuffle=True"):
        batches(samples(), 4, SIDE, shuffle=False, balance=True)


# --- randomness ---

@pytest.mark.parametrize("data", [samples(), mixed_samples()], ids=["array", "list"])
@pytest.mark.parametrize("augment", [None, Augment.strong()], ids=["plain", "augmented"])
def test_threads_do_not_change_a_byte(data, augment):
    def run(workers):
        return batches(data, 3, SIDE, shuffle=True, augment=augment, seed=7, epoch=2, workers=workers)

    equal(run(0), run(1))
    equal(run(0), run(3))


def test_seed_and_epoch_decide_the_order_and_the_augmentation():
    def run(seed, epoch, shuffle=True):
        got = batches(samples(), 23, SIDE, shuffle=shuffle, augment=Augment.light(), seed=seed, epoch=epoch, workers=0)
        return next(got)

    for seed, epoch in [(0, 1), (1, 0)]:
        assert (run(0, 0).indices != run(seed, epoch).indices).any()
        assert (run(0, 0, shuffle=False).codes != run(seed, epoch, shuffle=False).codes).any()


def test_each_batch_has_numbers_of_its_own():
    drawn = []

    def augment(image, box, size, rng):
        drawn.append(rng.random())
        return image, box

    list(batches(samples(), 1, SIDE, shuffle=True, augment=augment, seed=0, epoch=0, workers=0))
    drawn.append(np.random.default_rng((0, 0)).random())  # the generator of the shuffle
    assert len(set(drawn)) == 24


# --- threads and errors ---

def test_workers_prepare_ahead_but_not_without_bound():
    started, go = [], threading.Semaphore(0)

    def augment(image, box, size, rng):
        started.append(1)
        go.release()
        return image, box

    iterator = batches(samples(40), 1, SIDE, shuffle=False, augment=augment, seed=0, epoch=0, workers=2)
    next(iterator)
    for _ in range(4):  # the first, two in its place ahead, and the one that took its turn
        assert go.acquire(timeout=10)
    assert len(started) == 4
    iterator.close()
    assert_all_end()


def test_threads_end_with_the_iterator():
    data = samples()
    list(batches(data, 2, SIDE, shuffle=False, seed=0, epoch=0, workers=3))
    assert_all_end()
    for _ in batches(data, 2, SIDE, shuffle=False, seed=0, epoch=0, workers=3):
        assert alive()
        break
    assert_all_end()
    iterator = batches(data, 2, SIDE, shuffle=False, seed=0, epoch=0, workers=3)
    next(iterator)
    ring = [iterator]
    ring.append(ring)  # a cycle: only the garbage collector finds it
    del iterator, ring
    gc.collect()
    assert_all_end()


def test_no_workers_means_no_threads():
    for _ in batches(samples(), 4, SIDE, shuffle=False, seed=0, epoch=0, workers=0):
        assert not alive()


class Vanishing:
    """A sequence whose pictures 9 and later cannot be read any more."""

    def __init__(self, images, error):
        self.images, self.error = images, error
        self.sizes = np.full((len(images), 2), SIDE)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        if index >= 9:
            raise self.error
        return self.images[index]


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("error", [DataError("the file a/b.jpg is missing"), FileNotFoundError("missing: a/b.jpg")])
def test_a_picture_that_vanishes_is_named_when_its_turn_comes(workers, error):
    data = samples()
    data = Samples(Vanishing(data.images, error), data.labels, data.boxes, data.names, data.classes)
    got = []
    with pytest.raises(DataError, match=r"sample 9 \(picture-9\): .*missing"):
        for batch in batches(data, 4, SIDE, shuffle=False, seed=0, epoch=0, workers=workers):
            got.append(batch)
    assert [batch.indices.tolist() for batch in got] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert_all_end()


def test_a_mistake_in_an_augment_function_keeps_its_type_and_names_the_sample():
    def augment(image, box, size, rng):
        return image[:, :, 7], box

    with pytest.raises(IndexError) as caught:
        list(batches(samples(), 4, SIDE, shuffle=False, augment=augment, seed=0, epoch=0))
    assert "sample 0 (picture-0)" in caught.value.__notes__[0]


def test_a_picture_of_the_wrong_shape_is_refused():
    with pytest.raises(DataError, match=r"sample 0 \(picture-0\).*got shape \(16, 16, 1\)"):
        list(batches(samples(), 4, SIDE, shuffle=False, augment=lambda image, box, size, rng: (image[..., :1], box)))


def test_impossible_requests_are_refused_before_the_first_batch():
    data = samples(3)
    with pytest.raises(DataError, match="empty"):
        batches(data.subset([]), 4, SIDE, shuffle=False)
    with pytest.raises(DataError, match="batch_size"):
        batches(data, 0, SIDE, shuffle=False)
    with pytest.raises(DataError, match="3 samples and batch_size is 4"):
        batches(data, 4, SIDE, shuffle=False, drop_last=True)


# --- shares of several processes ---


class Twice(Augment):
    """Draws more numbers than the class that it inherits from says."""

    def __call__(self, image, box, size, rng):
        rng.random(rng.integers(1, 5))
        return super().__call__(image, box, size, rng)


def shaken(image, box, size, rng):
    image, box = Augment(color=(0, 0, 0))(image, box, size, rng)
    return np.roll(image, rng.integers(0, 3), axis=1), box


@pytest.mark.parametrize("augment", [None, Augment(), Twice(), shaken])
def test_shares_of_a_batch_are_the_bytes_of_the_whole_one(augment):
    data, how = mixed_samples(), {"shuffle": True, "augment": augment, "seed": 3, "epoch": 1}
    whole = list(batches(data, 5, SIDE, **how))  # of 5 and 3 pictures
    for size in (2, 3, 5):
        shares = zip(*(batches(data, 5, SIDE, share=(rank, size), **how) for rank in range(size)), strict=True)
        for batch, parts in zip(whole, shares, strict=True):
            n = len(batch.labels)
            counted = [part for rank, part in enumerate(parts) if rows_of(n, (rank, size))]
            assert len(counted) == min(n, size)
            for name in ("images", "labels", "codes", "indices"):
                put_together = np.concatenate([getattr(part, name) for part in counted])
                np.testing.assert_array_equal(put_together, getattr(batch, name), err_msg=name)


@pytest.mark.parametrize("mix", [Mixup(1.0), CutMix(1.0)])
def test_shares_of_a_batch_that_is_mixed_are_those_of_the_whole_one(mix):
    """A picture is mixed with one of another process's, so each prepares the whole batch."""
    how = {"shuffle": True, "augment": Augment(), "mix": mix, "seed": 3}
    for batch, *parts in zip(batches(samples(8), 8, SIDE, **how),
                             *(batches(samples(8), 8, SIDE, share=(rank, 3), **how) for rank in range(3)), strict=True):
        for name in vars(batch):
            put_together = np.concatenate([getattr(part, name) for part in parts])
            np.testing.assert_array_equal(put_together, getattr(batch, name), err_msg=name)


def test_who_has_no_row_of_a_short_batch_is_given_its_first_picture():
    shares = [list(batches(samples(5), 4, SIDE, shuffle=True, share=(rank, 3))) for rank in range(3)]
    assert [[rows_of(n, (rank, 3)) for n in (4, 1)] for rank in range(3)] == [
        [range(0, 1), range(0, 0)], [range(1, 2), range(0, 0)], [range(2, 4), range(0, 1)]]  # fmt: skip
    assert [share[1].indices.tolist() for share in shares] == [shares[2][1].indices.tolist()] * 3
