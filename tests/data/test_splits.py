"""Whole groups in one part: nothing is shared, shares are met as groups allow, and the seed decides."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinycnn.data.splits import divide


def films(sizes, classes=2, seed=0):
    """(labels, groups) of films of these lengths, shuffled; each shows one class or several."""
    rng = np.random.default_rng(seed)
    groups = np.repeat([f"film{i}" for i in range(len(sizes))], sizes)
    labels = np.concatenate([rng.integers(0, classes, n) if i % 3 else np.full(n, i % classes)
                             for i, n in enumerate(sizes)])
    order = rng.permutation(len(groups))
    return labels[order], groups[order].tolist()


@given(sizes=st.lists(st.integers(1, 12), min_size=2, max_size=15), fraction=st.floats(0.05, 0.5),
       seed=st.integers(0, 2**32))
def test_groups_stay_together_and_the_seed_decides(sizes, fraction, seed):
    labels, groups = films(sizes)
    rest, taken = divide(labels, fraction, seed, groups)
    assert sorted([*rest, *taken]) == list(range(len(labels)))
    assert not {groups[i] for i in rest} & {groups[i] for i in taken}
    assert set(labels[rest]) == set(labels)  # no class is lost to learning
    again = divide(labels, fraction, seed, groups)
    assert np.array_equal(rest, again[0]) and np.array_equal(taken, again[1])


@pytest.mark.parametrize("seed", range(10))
def test_shares_are_met_as_nearly_as_groups_allow(seed):
    labels, groups = films([5] * 40, classes=3)
    for fraction in (0.1, 0.2, 0.25):
        _, taken = divide(labels, fraction, seed, groups)
        assert len(taken) == fraction * 200
        for label in range(3):
            assert abs((labels[taken] == label).sum() - fraction * (labels == label).sum()) <= 2.5
    uneven, names = films([100, 30, 20, 20, 10, 10, 5, 5], classes=1)
    assert abs(len(divide(uneven, 0.2, seed, names)[1]) - 40) <= 5


def test_seeds_choose_different_groups():
    labels, groups = films([5] * 20)
    assert len({tuple(divide(labels, 0.2, seed, groups)[1]) for seed in range(10)}) >= 8


def test_groups_of_one_picture_are_like_no_groups():
    labels = np.arange(100) % 4
    rest, taken = divide(labels, 0.2, 3, [str(i) for i in range(100)])
    assert np.bincount(labels[taken]).tolist() == [5] * 4 and len(rest) == 80


def test_one_group_at_least_although_it_is_larger_than_the_share():
    labels = np.zeros(60, int)
    rest, taken = divide(labels, 0.05, 0, ["a"] * 20 + ["b"] * 18 + ["c"] * 22)
    assert (len(rest), len(taken)) == (42, 18)


def test_what_would_take_a_whole_class_away_is_not_taken():
    labels = np.repeat([0, 1], [40, 20])
    groups = ["a1"] * 20 + ["a2"] * 20 + ["b"] * 20
    for seed in range(5):
        assert set(divide(labels, 0.4, seed, groups)[1]) in (set(range(20)), set(range(20, 40)))
    assert len(divide(labels, 0.4, 0, ["a"] * 40 + ["b"] * 20)[1]) == 0
    assert len(divide(labels, 0.4, 0, ["a"] * 60)[1]) == 0
    assert len(divide(labels, 0, 0, groups)[1]) == 0
    assert [len(part) for part in divide(labels[:0], 0.3, 0, [])] == [0, 0]


def test_many_groups_take_no_time():
    labels = np.arange(20_000) % 50
    rest, taken = divide(labels, 0.2, 0, [str(i // 2) for i in range(20_000)])
    assert abs(len(taken) - 4000) <= 2 and np.bincount(labels[taken]).min() > 70
