"""Exercises of lesson 15: a split that keeps groups whole, and a choice of the best run that leaks.

What is measured after that (an interval, recall of each class, the worst pictures) is in measure15.py.
"""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.measure15 import MEASURES

# --- split ---


def split_groups(groups, order, share):
    """groups: (N,); order: the G names of groups, shuffled; share: 0 to 1 -> indices of train and of test."""
    names, wanted, count = [], share * len(groups), 0
    for name in order:
        if count >= wanted:
            break
        names.append(name)
        count += np.sum(groups == name)
    taken = np.isin(groups, names)
    return np.flatnonzero(~taken), np.flatnonzero(taken)


def _taking(names):
    """The two parts, where names(groups, order, share) says which groups are for the test."""
    def function(groups, order, share):
        taken = np.isin(groups, names(groups, order, share))
        return np.flatnonzero(~taken), np.flatnonzero(taken)
    return function


def _as_many(groups, order, share, more=0, strict=False):
    """Groups from the beginning of `order` until there are enough pictures."""
    total = np.cumsum([np.sum(groups == name) for name in order])
    enough = total > share * len(groups) if strict else total >= share * len(groups)
    return order[: max(0, int(np.argmax(enough)) + 1 + more)]


def _cut(groups, order, share):
    """The exact number of pictures: the last group is cut in two."""
    by_group = np.concatenate([np.flatnonzero(groups == name) for name in order])
    count = int(np.ceil(share * len(groups)))
    return np.sort(by_group[count:]), np.sort(by_group[:count])


def _pictures(groups, order, share):
    count = int(np.ceil(share * len(groups)))
    return np.arange(count, len(groups)), np.arange(count)


def _split_cases(rng):
    """Groups of different sizes, their frames not side by side, so that no two ways to count agree; and in the last
    two a share that is met exactly."""
    def draw(sizes, share):
        names = rng.permutation(4 * len(sizes))[: len(sizes)]
        return rng.permutation(np.repeat(names, sizes)), rng.permutation(names), share

    def case(count, share):
        while True:
            drawn = draw(rng.integers(1, 8, count), share)
            found = [str(np.array(function(*drawn)[1]).tolist()) for function in (split_groups, *_COUNTING)]
            if len(set(found)) == len(found):
                return Case(*drawn)
    exact = [Case(*draw([4] * 10, 0.2)), Case(*draw([3] * 8, 0.5))]
    return [case(7, 0.4), case(9, 0.45), case(8, 0.4), *exact]


_COUNTING = (
    _taking(lambda groups, order, share: order[: int(np.ceil(share * len(order)))]),
    _taking(lambda groups, order, share: order[: int(share * len(order))]),
    _taking(lambda groups, order, share: _as_many(groups, order, share, more=-1)),
    _taking(lambda groups, order, share: _as_many(groups, order, share, more=1)),
    _cut,
)


SPLIT = Exercise(
    title="a split that keeps groups whole",
    solution=split_groups,
    lists=True,
    cases=_split_cases,
    returns=("train", "test"),
    mistakes={
        "groups counted": Mistake(
            _taking(lambda groups, order, share: order[: int(np.ceil(share * len(order)))]),
            "It takes a share of the groups, whatever their sizes. The share is one of pictures: a long film counts "
            "more than a short one."),
        "groups counted, rounded down": Mistake(
            _taking(lambda groups, order, share: order[: int(share * len(order))]),
            "It takes a share of the groups, rounded down. The share is one of pictures, and at least that many are "
            "asked for."),
        "groups counted, to the nearest": Mistake(
            _taking(lambda groups, order, share: order[: round(share * len(order))]),
            "It takes a share of the groups, to the nearest one. The share is one of pictures, and at least that many "
            "are asked for."),
        "one group too few": Mistake(
            _taking(lambda groups, order, share: _as_many(groups, order, share, more=-1)),
            "The group with which the share is reached stays out, and the test part is too small. Look at the moment "
            "at which the loop ends."),
        "one group too many": Mistake(
            _taking(lambda groups, order, share: _as_many(groups, order, share, more=1)),
            "A group is taken although there are enough pictures already. Is it asked before each group whether more "
            "are needed?"),
        "more than the share": Mistake(
            _taking(lambda groups, order, share: _as_many(groups, order, share, strict=True)),
            "Where the share is met exactly, one more group is taken. At least so many are asked for, not more."),
        "never more than the share": Mistake(
            _taking(lambda groups, order, share: [
                name for name, total in zip(order, np.cumsum([np.sum(groups == g) for g in order]), strict=True)
                if total <= share * len(groups)]),
            "The test part never has more than the share, so it often has less. Take groups until there are at least "
            "so many pictures."),
        "a group is cut": Mistake(
            _cut,
            "The number of pictures is exact, but the last group is cut in two: some of its frames are in both parts. "
            "That is the leak which this split is to close."),
        "pictures instead of groups": Mistake(
            _pictures,
            "The first pictures are taken for the test, whatever group they are from. A group has to be in one part."),
        "order ignored": Mistake(
            _taking(lambda groups, order, share: _as_many(groups, np.unique(groups), share)),
            "Groups are taken in the order of their names. Take them in the order that was handed in, or every split "
            "is the same one."),
        "order of appearance": Mistake(
            _taking(lambda groups, order, share: _as_many(groups, np.array(list(dict.fromkeys(groups.tolist()))),
                                                          share)),
            "Groups are taken as they come among the pictures. Take them in the order that was handed in."),
        "from the end": Mistake(
            _taking(lambda groups, order, share: _as_many(groups, order[::-1], share)),
            "Groups are taken from the end of the order. Begin with the first."),
        "parts exchanged": Mistake(
            lambda groups, order, share: split_groups(groups, order, share)[::-1],
            "Train and test are exchanged: train comes first."),
        "indices of groups": Mistake(
            lambda groups, order, share: (np.sort(order[len(_as_many(groups, order, share)) :]),
                                          np.sort(_as_many(groups, order, share))),
            "These are names of groups. Indices of pictures are asked for: at which places does `groups` hold them?"),
        "masks": Mistake(
            lambda groups, order, share: tuple(np.isin(groups, groups[part])
                                               for part in split_groups(groups, order, share)),
            "These are masks of True and False, one for each picture. The indices of the pictures are asked for."),
        "not ascending": Mistake(
            lambda groups, order, share: _in_order_of_groups(groups, order, share),
            "The right pictures, but group after group. The indices are to be ascending."),
    },
)


def _in_order_of_groups(groups, order, share):
    chosen = len(_as_many(groups, order, share))
    return tuple(np.concatenate([np.flatnonzero(groups == name) for name in part])
                 for part in (order[chosen:], order[:chosen]))


# --- the best run ---


def best_run(valid, test):
    """valid: (S, R); test: (S, R, N) -> setting, run, what that run had right in the test (N,)."""
    setting = valid.mean(axis=1).argmax()
    run = valid[setting].argmax()
    return setting, run, test[setting, run]


def _run(setting, run):
    """setting(valid, scores) -> a number; run(valid, scores, setting) -> a number; scores: (S, R), of the test."""
    def function(valid, test):
        scores = test.mean(axis=2)
        s = setting(valid, scores)
        r = run(valid, scores, s)
        return s, r, test[s, r]
    return function


def _by_mean(valid, scores):
    return valid.mean(axis=1).argmax()


def _on_valid(valid, scores, setting):
    return valid[setting].argmax()


best_run_stub = _run(_by_mean, lambda valid, scores, s: scores[s].argmax())


def _run_cases(rng):
    """Chance decides which run is best; in all cases the test would have chosen otherwise, and so would a lucky run."""
    cases = []
    for s, r, n in ((5, 3, 11), (6, 5, 8), (5, 4, 9), (7, 6, 10), (6, 3, 7)):
        while True:
            valid, test = rng.uniform(0.4, 0.7, (s, r)), rng.integers(0, 2, (s, r, n)).astype(float)
            right, scores = best_run(valid, test), test.mean(axis=2)
            settings = [right[0], _by_mean(scores, None), valid.max(axis=1).argmax(), valid.min(axis=1).argmax(),
                        (valid + scores).mean(axis=1).argmax()]
            runs = {right[1], scores[right[0]].argmax(), valid.mean(axis=0).argmax(), 0, valid[right[0]].argmin()}
            if len(set(settings)) == 5 and len(runs) >= min(4, r):
                cases.append(Case(valid, test))
                break
    return cases


BEST_RUN = Exercise(
    title="which run is tested",
    solution=best_run,
    lists=True,
    cases=_run_cases,
    returns=("setting", "run", "right"),
    stub=best_run_stub,
    stub_says="run chosen on the test part",
    mistakes={
        "run chosen on the test part": Mistake(
            best_run_stub,
            "The run is chosen by what it scores in the test, so the report is of the luckiest one. Every choice "
            "has to be made before the test part is opened."),
        "all chosen on the test part": Mistake(
            _run(lambda valid, scores: _by_mean(scores, None), lambda valid, scores, s: scores[s].argmax()),
            "Setting and run are both chosen by the test. Then it is a second validation part, and there is no test "
            "left."),
        "setting chosen on the test part": Mistake(
            _run(lambda valid, scores: _by_mean(scores, None), _on_valid),
            "The setting is chosen by the test. Which part is there to choose with?"),
        "setting by its best run": Mistake(
            _run(lambda valid, scores: valid.max(axis=1).argmax(), _on_valid),
            "The setting is chosen by its luckiest run. A setting is as good as its runs on average."),
        "setting by its worst run": Mistake(
            _run(lambda valid, scores: valid.min(axis=1).argmax(), _on_valid),
            "The setting is chosen by its worst run. A setting is as good as its runs on average."),
        "setting by valid and test": Mistake(
            _run(lambda valid, scores: (valid + scores).mean(axis=1).argmax(), _on_valid),
            "The setting is chosen by both parts together. The test may have no say in it, not even half of one."),
        "worst setting": Mistake(
            _run(lambda valid, scores: valid.mean(axis=1).argmin(), _on_valid),
            "The setting is the one that does worst: a score is better when it is larger."),
        "first run": Mistake(
            _run(_by_mean, lambda valid, scores, s: 0),
            "It is the first run of the setting. That does not leak, but here the one that does best in the "
            "validation is asked for."),
        "worst run": Mistake(
            _run(_by_mean, lambda valid, scores, s: valid[s].argmin()),
            "It is the run that does worst in the validation: a score is better when it is larger."),
        "run by mean over settings": Mistake(
            _run(_by_mean, lambda valid, scores, s: valid.mean(axis=0).argmax()),
            "The run is chosen by a mean over all settings. Runs of different settings have only their number in "
            "common: look at those of the chosen one."),
    },
)

EXERCISES = {"split": SPLIT, "best_run": BEST_RUN, **MEASURES}
