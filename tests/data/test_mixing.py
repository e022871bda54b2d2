"""Pictures of two: whose pixels they have, how their shares add up, and whose box they keep."""

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.boxes import area, intersection
from tinycnn.class_losses import shares_of_classes
from tinycnn.data import Augment, CutMix, Mixup
from tinycnn.data.batches import batches
from tinycnn.data.dataset import Samples
from tinycnn.errors import DataError

SIDE = 16


def case(n=40, seed=0):
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, SIDE // 2, (n, 2))
    boxes = np.concatenate([corners, corners + rng.integers(4, SIDE // 2, (n, 2))], axis=1).astype(float)
    return rng.integers(0, 256, (n, SIDE, SIDE, 3), np.uint8), boxes


def samples(n=23):
    images, boxes = case(n)
    return Samples(images, np.arange(n) % 3, boxes, [str(i) for i in range(n)], ("a", "b", "c"))


@pytest.mark.parametrize("mix", [Mixup(0.5), CutMix(), CutMix(keep=1.0), Mixup(probability=0.3)])
def test_a_mixed_picture_is_mostly_its_first_one(mix):
    images, boxes = case()
    before = images.copy()
    mixed, others, shares = mix(images, boxes, np.random.default_rng(1))
    assert mixed.dtype == np.uint8 and (images == before).all() and (shares >= 0.5).all() and (shares <= 1).all()
    assert sorted(others) == list(range(len(images)))
    whole = shares == 1
    assert (mixed[whole] == images[whole]).all() and (whole.mean() > 0.5) == (mix.probability < 1)
    again = mix(images, boxes, np.random.default_rng(1))
    assert all((one == other).all() for one, other in zip((mixed, others, shares), again, strict=True))


def test_mixup_lays_one_over_the_other():
    images, boxes = case()
    mixed, others, shares = Mixup(1.0)(images, boxes, np.random.default_rng(1))
    expected = [s * one.astype(float) + (1 - s) * images[k] for one, k, s in zip(images, others, shares, strict=True)]
    np.testing.assert_allclose(mixed, expected, atol=0.51)


@pytest.mark.parametrize("keep", [0.0, 0.7, 1.0])
def test_cutmix_pastes_a_square_that_leaves_the_box_in_sight(keep):
    images, boxes = case()
    mixed, others, shares = CutMix(keep=keep)(images, boxes, np.random.default_rng(1))
    hidden = []
    for i, k in enumerate(others):
        pasted = (mixed[i] != images[i]).any(axis=2)
        rows, columns = (np.flatnonzero(pasted.any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            continue
        square = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        assert (mixed[i] == np.where(pasted[..., None], images[k], images[i])).all()
        if pasted.sum() == area(square):  # where no pixel of the two happens to be the same
            assert shares[i] == pytest.approx(1 - pasted.sum() / SIDE**2) and len(rows) == len(columns)
        hidden.append(area(intersection(square, boxes[i])) / area(boxes[i]))
    assert max(hidden) <= 1 - keep + 1e-9 and len(hidden) > 20
    assert max(hidden) > (1 - keep) / 2 or keep == 1


def test_cutmix_leaves_a_picture_alone_that_its_box_fills():
    images, filling = case()[0], np.tile([0, 0, SIDE, SIDE], (40, 1))
    mixed, _, shares = CutMix(alpha=50.0, keep=1.0)(images, filling, np.random.default_rng(0))
    assert (mixed == images).all() and (shares == 1).all()


@pytest.mark.parametrize("mix", [Mixup(1.0), CutMix()])
def test_a_batch_says_the_shares_and_keeps_its_boxes(mix):
    some = samples()

    def how(workers, **mixing):
        return list(batches(some, 8, SIDE, shuffle=True, augment=Augment(), seed=3, workers=workers, **mixing))

    plain, mixed = how(0), how(0, mix=mix)
    for one, other, again in zip(plain, mixed, how(2, mix=mix), strict=True):
        assert (one.codes == other.codes).all() and (one.labels == other.labels).all()
        assert all(other_part.tobytes() == again_part.tobytes() for other_part, again_part in
                   zip(vars(other).values(), vars(again).values(), strict=True))  # fmt: skip
        truth = other.truth(3)
        np.testing.assert_allclose(truth.sum(axis=1), 1)
        assert (truth[np.arange(len(truth)), other.labels] >= 0.5 - 1e-9).all() and one.truth(3) is one.labels
        assert (other.first(2).truth(3) == truth[:2]).all() and len(one.first(2).images) == 2
    assert any((one.images != other.images).any() for one, other in zip(plain, mixed, strict=True))


def test_two_pictures_of_one_class_are_all_of_it():
    shares = shares_of_classes(np.array([1, 0]), np.array([1, 2]), np.array([0.6, 0.7]), 3)
    np.testing.assert_allclose(shares, [[0, 1, 0], [0.7, 0, 0.3]])


@pytest.mark.parametrize("answer, said", [
    (lambda images, n: (images[:1], np.arange(n), np.ones(n)), "it returned images of uint8"),
    (lambda images, n: (images / 255, np.arange(n), np.ones(n)), "images of float64"),
    (lambda images, n: (images, np.arange(n) + 1, np.ones(n)), "others of int64"),
    (lambda images, n: (images, np.arange(n), np.full(n, 1.5)), r"shares \[1.5, 1.5, 1.5\] ..."),
    (lambda images, n: (images, np.arange(n), 0.5), "shares"),
])  # fmt: skip
def test_a_function_of_ones_own_that_does_not_fit_is_told_why(answer, said):
    def mine(images, boxes, rng):
        return answer(images, len(images))

    with pytest.raises(DataError, match=f"mix must return images like .*{said}"):
        next(batches(samples(), 8, SIDE, shuffle=False, workers=0, mix=mine))


def test_recipes_that_cannot_be_are_refused():
    for make in (lambda: Mixup(0), lambda: CutMix(alpha=-1), lambda: Mixup(probability=2), lambda: CutMix(keep=1.1)):
        with pytest.raises(DataError, match="Mixup|CutMix"):
            make()
    assert tc.data.Mixup is Mixup
