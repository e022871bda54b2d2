"""Answers of learners to the exercise of lesson 10 about the best epoch and the last one."""

import numpy as np

from tests.course.answers import Answers, wrong


def with_a_counter(scores, patience):
    best_score, best, waited = -np.inf, 0, 0
    for epoch, score in enumerate(scores, start=1):
        if score > best_score:
            best_score, best, waited = score, epoch, 0
        else:
            waited += 1
            if waited >= patience:
                return best, epoch
    return best, len(scores)


def with_argmax(scores, patience):
    for last in range(1, len(scores) + 1):
        best = int(np.argmax(scores[:last])) + 1
        if last - best >= patience:
            break
    return best, last


def with_running_maximum(scores, patience):
    top = np.maximum.accumulate(scores)
    first = np.array([int(np.argmax(scores == value)) for value in top])
    over = np.flatnonzero(np.arange(len(scores)) - first >= patience)
    last = over[0] if len(over) else len(scores) - 1
    return [first[last] + 1, last + 1]


def with_while(scores, patience):
    epoch, best = 1, 1
    while epoch < len(scores) and epoch - best < patience:
        epoch += 1
        if scores[epoch - 1] > scores[best - 1]:
            best = epoch
    return best, epoch


def with_lists(scores, patience):
    scores, seen = list(scores), []
    for score in scores:
        seen.append(score)
        best = seen.index(max(seen)) + 1
        if len(seen) == best + patience:
            return best, len(seen)
    return best, len(seen)


def as_floats(scores, patience):
    best, last = with_a_counter(scores, patience)
    return np.array([best, last], np.float32)


def recursive(scores, patience, start=0):
    ahead = scores[start + 1:start + 1 + patience]
    better = np.flatnonzero(ahead > scores[start])
    if len(better):
        return recursive(scores, patience, start + 1 + int(better[0]))
    return start + 1, min(start + 1 + patience, len(scores))


def best_of_all(scores, patience):
    return int(np.argmax(scores)) + 1, with_a_counter(scores, patience)[1]


def no_patience(scores, patience):
    return int(np.argmax(scores)) + 1, len(scores)


def from_zero(scores, patience):
    best, last = with_a_counter(scores, patience)
    return best - 1, last - 1


def equal_counts(scores, patience):
    best, waited, at = -1, 0, 0
    for i, s in enumerate(scores):
        if s >= best:
            best, at, waited = s, i + 1, 0
        else:
            waited += 1
            if waited == patience:
                return at, i + 1
    return at, len(scores)


def waits_longer(scores, patience):
    best, waited, at = -1, 0, 0
    for i, s in enumerate(scores):
        if s > best:
            best, at, waited = s, i + 1, 0
        else:
            waited += 1
            if waited > patience:
                return at, i + 1
    return at, len(scores)


def counter_goes_on(scores, patience):
    best, waited, at = -1, 0, 0
    for i, s in enumerate(scores):
        if s > best:
            best, at = s, i + 1
        else:
            waited += 1
            if waited == patience:
                return at, i + 1
    return at, len(scores)


def against_yesterday(scores, patience):
    waited, at = 0, 0
    for i in range(1, len(scores)):
        if scores[i] > scores[at]:
            at = i
        if scores[i] > scores[i - 1]:
            waited = 0
        else:
            waited += 1
        if waited == patience:
            return at + 1, i + 1
    return at + 1, len(scores)


def smallest(scores, patience):
    best, at = np.inf, 0
    for i, s in enumerate(scores):
        if s < best:
            best, at = s, i
        if i - at == patience:
            return at + 1, i + 1
    return at + 1, len(scores)


def score_returned(scores, patience):
    best, last = with_a_counter(scores, patience)
    return scores[best - 1], last


def stopped_is_best(scores, patience):
    last = with_a_counter(scores, patience)[1]
    return last, last


def best_twice(scores, patience):
    best = with_a_counter(scores, patience)[0]
    return best, best


def one_number(scores, patience):
    return with_a_counter(scores, patience)[0]


def exchanged(scores, patience):
    return with_a_counter(scores, patience)[::-1]


def start_at_half(scores, patience):
    best, at, waited = 0.5, 0, 0
    for i, s in enumerate(scores):
        if s > best:
            best, at, waited = s, i + 1, 0
        else:
            waited += 1
            if waited == patience:
                return at, i + 1
    return at, len(scores)


def no_end(scores, patience):
    at = 0
    for i in range(len(scores)):
        if scores[i] > scores[at]:
            at = i
        if i - at == patience:
            return at + 1, i + 1


EARLY_STOPPING = Answers(
    right=[with_a_counter, with_argmax, with_running_maximum, with_while, with_lists, as_floats, recursive],
    wrong=[wrong(best_of_all, "best: peeks"), wrong(no_patience, "best: peeks, last: never stops"),
           wrong(from_zero, "best: from 0, last: from 0"), wrong(equal_counts, "ties"),
           wrong(waits_longer, "one too late"), wrong(counter_goes_on, "never reset"),
           wrong(against_yesterday, "previous epoch"), wrong(smallest, "lower is better"),
           wrong(score_returned, "best: score"), wrong(stopped_is_best, "best: is last"),
           wrong(best_twice, "last: is best"), wrong(one_number), wrong(exchanged, "exchanged"), wrong(start_at_half),
           wrong(no_end)],
)
