"""Answers to the first two exercises of lesson 15: the split by groups, and which run is tested."""

import numpy as np

from tests.course.answers import Answers, wrong


# --- split: right ---
def with_a_set(groups, order, share):
    chosen, i = set(), 0
    while sum(g in chosen for g in groups) < share * len(groups):
        chosen.add(order[i])
        i += 1
    inside = np.array([g in chosen for g in groups])
    return np.nonzero(~inside)[0], np.nonzero(inside)[0]


def with_cumsum(groups, order, share):
    sizes = np.array([(groups == name).sum() for name in order])
    before = np.cumsum(sizes) - sizes
    test_names = order[before < share * len(groups)]
    is_test = np.isin(groups, test_names)
    everything = np.arange(len(groups))
    return everything[~is_test], everything[is_test]


def with_lists(groups, order, share):
    test = []
    for name in order:
        if len(test) >= share * len(groups):
            break
        test += [i for i in range(len(groups)) if groups[i] == name]
    return [i for i in range(len(groups)) if i not in test], sorted(test)


def with_ranks(groups, order, share):
    position = {name: k for k, name in enumerate(order.tolist())}
    rank = np.array([position[name] for name in groups.tolist()])
    ranked = np.sort(rank)
    last = ranked[int(np.ceil(share * len(groups) - 1e-9)) - 1]
    return [np.flatnonzero(rank > last), np.flatnonzero(rank <= last)]


def with_setdiff(groups, order, share):
    test = np.array([], int)
    for name in order:
        if len(test) < share * len(groups):
            test = np.concatenate([test, np.where(groups == name)[0]])
    return np.setdiff1d(np.arange(len(groups)), test), np.sort(test)


def with_counter(groups, order, share):
    sizes = dict(zip(*np.unique(groups, return_counts=True), strict=True))
    names, left = [], share * len(groups)
    for name in order:
        if left <= 0:
            break
        names.append(name)
        left -= sizes[name]
    test = np.isin(groups, names)
    return np.flatnonzero(test == 0), np.flatnonzero(test)


# --- split: wrong ---
def splitter(enough=lambda count, new, wanted: count >= wanted, names=lambda groups, order: order,
             answer=lambda train, test: (train, test)):
    """A loop over groups with one line that is another."""
    def split_groups(groups, order, share):
        test, count = [], 0
        for name in names(groups, order):
            if enough(count, np.sum(groups == name), share * len(groups)):
                break
            test.append(name)
            count += np.sum(groups == name)
        mask = np.isin(groups, test)
        return answer(np.flatnonzero(~mask), np.flatnonzero(mask))
    return split_groups


def share_of_groups(groups, order, share):
    k = round(share * len(order))
    return np.flatnonzero(np.isin(groups, order[k:])), np.flatnonzero(np.isin(groups, order[:k]))


def floor_of_groups(groups, order, share):
    k = int(share * len(order))
    mask = np.isin(groups, order[:k])
    return np.flatnonzero(~mask), np.flatnonzero(mask)


def first_pictures(groups, order, share):
    k = int(np.ceil(share * len(groups)))
    indices = np.arange(len(groups))
    return indices[k:], indices[:k]


def cut_exactly(groups, order, share):
    test = []
    for name in order:
        test.extend(np.flatnonzero(groups == name))
    test = test[: int(np.ceil(share * len(groups)))]
    return np.setdiff1d(np.arange(len(groups)), test), np.sort(test)


def group_by_group(groups, order, share):
    test, train = [], []
    for name in order:
        part = test if len(test) < share * len(groups) else train
        part.extend(np.flatnonzero(groups == name))
    return np.array(train), np.array(test)


def names_come_back(groups, order, share):
    count, k = 0, 0
    while count < share * len(groups):
        count += (groups == order[k]).sum()
        k += 1
    return np.sort(order[k:]), np.sort(order[:k])


def one_part(groups, order, share):
    return splitter()(groups, order, share)[1]


def nothing_returned(groups, order, share):
    test = []
    for name in order:
        test.append(name)
        if np.isin(groups, test).mean() >= share:
            break


def skips(groups, order, share):
    """Goes on after a group that is too large, as a packer of bags would."""
    test, count = [], 0
    for name in order:
        size = np.sum(groups == name)
        if count + size <= np.ceil(share * len(groups)):
            test.append(name)
            count += size
    mask = np.isin(groups, test)
    return np.flatnonzero(~mask), np.flatnonzero(mask)


def share_of_train(groups, order, share):
    test, train = splitter()(groups, order, 1 - share)
    return test, train


def its_own_shuffle(groups, order, share):
    return splitter()(groups, np.random.default_rng(0).permutation(np.unique(groups)), share)


def the_masks(groups, order, share):
    names, count = [], 0
    for name in order:
        if count >= share * len(groups):
            break
        names.append(name)
        count += (groups == name).sum()
    mask = np.isin(groups, names)
    return ~mask, mask


SPLIT = Answers(
    right=[with_a_set, with_cumsum, with_lists, with_ranks, with_setdiff, with_counter],
    wrong=[
        wrong(share_of_groups, "groups counted, to the nearest"),
        wrong(floor_of_groups, "groups counted, rounded down"), wrong(first_pictures, "pictures instead of groups"),
        wrong(cut_exactly, "a group is cut"), wrong(group_by_group, "not ascending"),
        wrong(names_come_back, "indices of groups"), wrong(one_part), wrong(nothing_returned),
        wrong(skips, "never more than the share"),
        wrong(share_of_train), wrong(its_own_shuffle), wrong(the_masks, "masks"),
        wrong(splitter(lambda count, new, wanted: count > wanted), "more than the share"),
        wrong(splitter(lambda count, new, wanted: count + new > wanted), "never more than the share"),
        wrong(splitter(lambda count, new, wanted: count + new >= wanted), "one group too few"),
        wrong(splitter(names=lambda groups, order: np.unique(groups)), "order ignored"),
        wrong(splitter(names=lambda groups, order: list(dict.fromkeys(groups.tolist()))), "order of appearance"),
        wrong(splitter(names=lambda groups, order: order[::-1]), "from the end"),
        wrong(splitter(answer=lambda train, test: (test, train)), "parts exchanged"),
    ],
)


# --- best_run: right ---
def in_steps(valid, test):
    means = valid.sum(axis=1) / valid.shape[1]
    s = int(np.argmax(means))
    r = int(np.argmax(valid[s]))
    return s, r, test[s][r]


def with_loops(valid, test):
    best_s, best = None, -1
    for s in range(len(valid)):
        mean = sum(valid[s]) / len(valid[s])
        if mean > best:
            best_s, best = s, mean
    best_r, best = None, -1
    for r in range(valid.shape[1]):
        if valid[best_s, r] > best:
            best_r, best = r, valid[best_s, r]
    return [best_s, best_r, list(test[best_s, best_r])]


def with_max(valid, test):
    s = max(range(len(valid)), key=lambda s: valid[s].mean())
    r = max(range(valid.shape[1]), key=lambda r: valid[s, r])
    return np.array(s), np.array(r), test[s, r].astype(bool)


def with_argsort(valid, test):
    s = np.argsort(-np.mean(valid, axis=1))[0]
    r = np.argsort(valid[s])[-1]
    return s, r, test[s, r, :]


def with_where(valid, test):
    means = valid.mean(1)
    s = np.where(means == means.max())[0][0]
    r = np.where(valid[s] == valid[s].max())[0][0]
    return s, r, np.take(test[s], r, axis=0)


def with_a_mask(valid, test):
    rows = np.arange(len(valid)) == valid.mean(axis=1).argmax()
    masked = np.where(rows[:, None], valid, -np.inf)
    s, r = np.unravel_index(masked.argmax(), valid.shape)
    return s, r, test[s, r].tolist()


# --- best_run: wrong ---
def chooser(setting, run, answer=lambda test, s, r: test[s, r]):
    def best_run(valid, test):
        s = setting(valid, test.mean(axis=2))
        r = run(valid, test.mean(axis=2), s)
        return s, r, answer(test, s, r)
    return best_run


def mean_valid(valid, scores):
    return valid.mean(axis=1).argmax()


def own_valid(valid, scores, s):
    return valid[s].argmax()


def single_best(valid, test):
    s, r = np.unravel_index(valid.argmax(), valid.shape)
    return s, r, test[s, r]


def single_best_test(valid, test):
    s, r = np.unravel_index(test.mean(axis=2).argmax(), valid.shape)
    return s, r, test[s, r]


def flat_index(valid, test):
    best = valid.argmax()
    return best // len(valid), best % len(valid), test.reshape(-1, test.shape[2])[best]


BEST_RUN = Answers(
    right=[in_steps, with_loops, with_max, with_argsort, with_where, with_a_mask],
    wrong=[
        wrong(chooser(mean_valid, lambda v, t, s: t[s].argmax()), "run chosen on the test part"),
        wrong(chooser(lambda v, t: t.mean(axis=1).argmax(), lambda v, t, s: t[s].argmax()),
              "all chosen on the test part"),
        wrong(chooser(lambda v, t: t.mean(axis=1).argmax(), own_valid), "setting chosen on the test part"),
        wrong(chooser(lambda v, t: v.max(axis=1).argmax(), own_valid), "setting by its best run"),
        wrong(single_best, "setting by its best run"), wrong(single_best_test),
        wrong(flat_index, "setting by its best run"),
        wrong(chooser(lambda v, t: v.min(axis=1).argmax(), own_valid), "setting by its worst run"),
        wrong(chooser(lambda v, t: (v + t).mean(axis=1).argmax(), own_valid), "setting by valid and test"),
        wrong(chooser(mean_valid, lambda v, t, s: 0), "first run"),
        wrong(chooser(mean_valid, lambda v, t, s: v[s].argmin()), "worst run"),
        wrong(chooser(mean_valid, lambda v, t, s: v.mean(axis=0).argmax()), "run by mean over settings"),
        wrong(chooser(mean_valid, own_valid, lambda test, s, r: test[s, r].mean())),
        wrong(chooser(mean_valid, own_valid, lambda test, s, r: test[s].mean(axis=0))),
        wrong(chooser(mean_valid, own_valid, lambda test, s, r: test[:, r])),
        wrong(lambda valid, test: best_two(valid, test)),
        wrong(chooser(lambda v, t: v.mean(axis=0).argmax() % len(v), own_valid)),
    ],
)


def best_two(valid, test):
    s = valid.mean(axis=1).argmax()
    return s, test[s, valid[s].argmax()]
