"""Written in lesson 15."""

import numpy as np


def split_groups(groups, order, share):
    """groups: (N,), the group of each picture; order: names of all groups, shuffled -> indices of train, of test."""
    names, count = [], 0
    for name in order:
        if count >= share * len(groups):
            break
        names.append(name)
        count += np.sum(groups == name)  # the whole group, or nothing of it
    taken = np.isin(groups, names)
    return np.flatnonzero(~taken), np.flatnonzero(taken)


def best_run(valid, test):
    """valid: (S, R), scores; test: (S, R, N), 1 where right -> setting, run, what that run had right (N,)."""
    setting = valid.mean(axis=1).argmax()  # a setting is as good as its runs on average
    run = valid[setting].argmax()  # its best run, as far as anybody may know before the test
    return setting, run, test[setting, run]


def wilson(right, n, z=1.96):
    """right, n: (M,) whole numbers -> low end and high end of the interval for the share, (M,) each."""
    p, w = right / n, z**2 / n
    middle = (p + w / 2) / (1 + w)
    half = z * np.sqrt(p * (1 - p) / n + w / (4 * n)) / (1 + w)
    return middle - half, middle + half


def recall(labels, predicted, classes):
    """labels, predicted: (N,) whole numbers; classes: K -> (K,), nan for a class without pictures."""
    answer = np.full(classes, np.nan)
    for k in np.unique(labels):
        answer[k] = np.mean(predicted[labels == k] == k)
    return answer


def worst(probabilities, ious, labels, k):
    """probabilities: (N, K); ious, labels: (N,) -> difficulty (N,), indices of the k worst pictures (k,)."""
    difficulty = -np.log(probabilities[np.arange(len(labels)), labels]) + 1 - ious
    return difficulty, np.argsort(-difficulty)[:k]
