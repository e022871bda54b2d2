"""Dividing pictures in two: by chance, every class in proportion, and whole groups where groups belong together.

Frames of one film, shots of one thing, slides of one patient resemble each other. Divided at random they come into both
parts, and the test measures what was learned by heart. A group is put into one part as a whole.
"""

from collections.abc import Sequence

import numpy as np

from tinycnn.errors import DataError

MOST_TRIES, MOST_STEPS = 50, 20_000  # orders of groups that are tried, and groups in all of them together
MOST_FLIPS = 1000  # groups that are taken or given back afterwards


def divide(labels: np.ndarray, fraction: float, seed: int = 0,
           groups: Sequence[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Indices of two parts, (1 - fraction) and `fraction` of all, ascending; labels: (N,) int, the class of each.

    Each class gives its share to both, to within one picture, and the total is exact; a class of one picture stays in
    the first part. groups: N names; pictures of one name stay together, and shares are met as nearly as groups allow.
    Then a class that is in one group only stays in the first part. Where that leaves nothing to take, nothing is taken.
    """
    if not 0 <= fraction < 1:
        raise DataError(f"a fraction to split off lies between 0 and 1 (1 excluded), not {fraction!r}")
    rng = np.random.default_rng(seed)
    if groups is not None and fraction > 0:
        numbers = {name: k for k, name in enumerate(dict.fromkeys(groups))}
        in_groups = _groups(labels, fraction, rng, np.array([numbers[name] for name in groups], dtype=np.int64))
        return np.flatnonzero(~in_groups), np.flatnonzero(in_groups)
    # Each class is shuffled and spread evenly over 0..1, and the cut is at `fraction`.
    shuffled, rank = rng.permutation(len(labels)), np.empty(len(labels))
    for label in np.unique(labels):
        mine = shuffled[labels[shuffled] == label]
        rank[mine] = (np.arange(len(mine)) + 0.5) / len(mine)
    order = shuffled[np.argsort(rank[shuffled], kind="stable")]
    taken = max(1, round(fraction * len(labels))) if fraction > 0 and len(labels) > 1 else 0
    return np.sort(order[taken:]), np.sort(order[:taken])


def _groups(labels, fraction, rng, group):
    """Which pictures are taken, (N,) bool. group: (N,) numbers of groups

    In a random order, each group is taken that brings the shares nearer to what is wanted. Of some such orders the best
    one counts, and then single groups are taken or given back as long as that helps.
    """
    table = np.zeros((group.max(initial=-1) + 1, labels.max(initial=-1) + 1))  # pictures of each group and class
    np.add.at(table, (group, labels), 1)
    table = np.concatenate([table, table.sum(axis=1, keepdims=True)], axis=1)  # the last column counts all
    total = table.sum(axis=0)

    def missed(counts):  # by how much counts (..., K + 1) miss what is wanted
        return ((counts - fraction * total) ** 2 / np.maximum(total, 1)).sum(axis=-1)

    def whole(counts):  # whether they would leave nothing of a class to the other part
        return ((counts == total) & (total > 0)).any(axis=-1)

    allowed = np.flatnonzero(~whole(table))
    if not len(allowed):
        return np.zeros(len(labels), bool)
    best = [allowed[missed(table[allowed]).argmin()]]  # one at least
    least = missed(table[best[0]])
    for _ in range(min(MOST_TRIES, MOST_STEPS // len(allowed) + 1)):
        chosen, counts, now = [], np.zeros(len(total)), missed(np.zeros(len(total)))
        for number in rng.permutation(allowed):
            more = counts + table[number]
            if (after := missed(more)) < now and not whole(more):
                chosen.append(number)
                counts, now = more, after
        if chosen and now < least:
            best, least = chosen, now
    return np.isin(group, best if len(best) == 1 else _mended(best, allowed, table, missed, whole))


def _mended(best, allowed, table, missed, whole):
    """Take or give back one group after the other, the one that helps most, as long as that helps."""
    taken = np.isin(np.arange(len(table)), best)
    counts = table[taken].sum(axis=0)
    for _ in range(MOST_FLIPS):
        after = counts + np.where(taken[allowed, None], -1, 1) * table[allowed]
        gain = np.where(whole(after), np.inf, missed(after))
        number = allowed[gain.argmin()]
        if gain.min() >= missed(counts) * (1 - 1e-9) or (taken[number] and taken.sum() == 1):
            break
        taken[number] ^= True
        counts = table[taken].sum(axis=0)
    return np.flatnonzero(taken)
