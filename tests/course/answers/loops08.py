"""Learners' answers to two exercises of lesson 08: the batches of an epoch, and the mended training loop."""

import numpy as np

from tests.course.answers import Answers, wrong

# --- batches ---


def batches_by_slices(images, labels, batch_size, rng):
    order = rng.permutation(len(images))
    found = []
    for i in range(0, len(images), batch_size):
        found.append((images[order[i : i + batch_size]], labels[order[i : i + batch_size]]))
    return found


def batches_shuffled_first(images, labels, batch_size, rng):
    order = np.arange(len(images))
    rng.shuffle(order)
    images, labels = images[order], labels[order]
    return [(images[i : i + batch_size], labels[i : i + batch_size]) for i in range(0, len(images), batch_size)]


def batches_yielded(images, labels, batch_size, rng):
    order = rng.permutation(len(labels))
    start = 0
    while start < len(order):
        few = order[start : start + batch_size]
        yield images[few], labels[few]
        start += batch_size


def batches_by_split(images, labels, batch_size, rng):
    order = rng.choice(len(images), len(images), replace=False)
    parts = np.split(order, range(batch_size, len(order), batch_size))
    return tuple((images[part], labels[part]) for part in parts)


def batches_of_lists(images, labels, batch_size, rng):
    pairs, batch = [], []
    for i in rng.permutation(len(images)):
        batch.append(i)
        if len(batch) == batch_size:
            pairs.append([images[batch], labels[batch]])
            batch = []
    if batch:
        pairs.append([images[batch], labels[batch]])
    return pairs


def batches_by_sorting(images, labels, batch_size, rng):
    order = np.argsort(rng.random(len(images)))
    pairs = []
    for k in range(int(np.ceil(len(images) / batch_size))):
        few = order[k * batch_size : (k + 1) * batch_size]
        pairs.append((images[few], labels[few]))
    return pairs


def batches_in_order(images, labels, batch_size, rng):
    return [(images[i : i + batch_size], labels[i : i + batch_size]) for i in range(0, len(images), batch_size)]


def batches_own_generator(images, labels, batch_size, rng):
    rng = np.random.default_rng(42)
    return batches_by_slices(images, labels, batch_size, rng)


def batches_old_random(images, labels, batch_size, rng):
    order = np.random.permutation(len(images))
    return [(images[order[i : i + batch_size]], labels[order[i : i + batch_size]])
            for i in range(0, len(images), batch_size)]


def batches_whole_ones_only(images, labels, batch_size, rng):
    order, pairs = rng.permutation(len(images)), []
    for k in range(len(images) // batch_size):
        few = order[k * batch_size : (k + 1) * batch_size]
        pairs.append((images[few], labels[few]))
    return pairs


def batches_reshaped(images, labels, batch_size, rng):
    count = len(images) // batch_size
    order = rng.permutation(len(images))[: count * batch_size].reshape(count, batch_size)
    return [(images[few], labels[few]) for few in order]


def batches_wrapped(images, labels, batch_size, rng):
    order, pairs = rng.permutation(len(images)), []
    for i in range(0, len(images), batch_size):
        few = np.arange(i, i + batch_size) % len(images)
        pairs.append((images[order[few]], labels[order[few]]))
    return pairs


def batches_last_moved_back(images, labels, batch_size, rng):
    order, pairs = rng.permutation(len(images)), []
    for i in range(0, len(images), batch_size):
        few = order[min(i, len(images) - batch_size) :][:batch_size]
        pairs.append((images[few], labels[few]))
    return pairs


def batches_drawn(images, labels, batch_size, rng):
    order = rng.integers(0, len(images), len(images))
    return [(images[order[i : i + batch_size]], labels[order[i : i + batch_size]])
            for i in range(0, len(images), batch_size)]


def batches_chosen_anew(images, labels, batch_size, rng):
    pairs = []
    for i in range(0, len(images), batch_size):
        few = rng.choice(len(images), min(batch_size, len(images) - i))
        pairs.append((images[few], labels[few]))
    return pairs


def batches_labels_in_order(images, labels, batch_size, rng):
    order = rng.permutation(len(images))
    images = images[order]
    return [(images[i : i + batch_size], labels[i : i + batch_size]) for i in range(0, len(images), batch_size)]


def batches_two_orders(images, labels, batch_size, rng):
    images, labels = rng.permutation(images), rng.permutation(labels)
    return [(images[i : i + batch_size], labels[i : i + batch_size]) for i in range(0, len(images), batch_size)]


def batches_order_of_batches(images, labels, batch_size, rng):
    starts = np.arange(0, len(images), batch_size)
    rng.shuffle(starts)
    return [(images[i : i + batch_size], labels[i : i + batch_size]) for i in starts]


def batches_one_array(images, labels, batch_size, rng):
    order = rng.permutation(len(images))
    return images[order], labels[order]


def batches_in_place(images, labels, batch_size, rng):
    order = rng.permutation(len(images))
    images[:], labels[:] = images[order], labels[order]
    return [(images[i : i + batch_size].copy(), labels[i : i + batch_size].copy())
            for i in range(0, len(images), batch_size)]


def batches_of_images_only(images, labels, batch_size, rng):
    order = rng.permutation(len(images))
    return [images[order[i : i + batch_size]] for i in range(0, len(images), batch_size)]


def batches_returned_too_early(images, labels, batch_size, rng):
    order, pairs = rng.permutation(len(images)), []
    for i in range(0, len(images), batch_size):
        pairs.append((images[order[i : i + batch_size]], labels[order[i : i + batch_size]]))
        return pairs


BATCHES = Answers(
    right=[batches_by_slices, batches_shuffled_first, batches_yielded, batches_by_split, batches_of_lists,
           batches_by_sorting],
    wrong=[wrong(batches_in_order, "not shuffled"), wrong(batches_own_generator, "same order each epoch"),
           wrong(batches_old_random, "not from rng"), wrong(batches_whole_ones_only, "last batch lost"),
           wrong(batches_reshaped, "last batch lost"), wrong(batches_wrapped, "last batch filled up"),
           wrong(batches_last_moved_back, "last batch filled up"), wrong(batches_drawn, "drawn with putting back"),
           wrong(batches_chosen_anew, "drawn with putting back"), wrong(batches_labels_in_order, "labels as given"),
           wrong(batches_two_orders, "labels apart"), wrong(batches_order_of_batches, "whole batches shuffled"),
           wrong(batches_one_array), wrong(batches_in_place), wrong(batches_of_images_only),
           wrong(batches_returned_too_early)],
)

# --- loop ---


def loop_outdented(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    for _ in range(epochs):
        for start in range(0, len(x), batch_size):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            dy = 2 * (few @ w + b - true) / true.size
            vw = momentum * vw + few.T @ dy
            vb = momentum * vb + dy.sum(axis=0)
            w = w - lr * vw
            b = b - lr * vb
        lr = lr * factor
    return w, b


def loop_with_a_power(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    vw, vb = 0, 0
    for epoch in range(epochs):
        rate = lr * factor**epoch
        for start in range(0, len(x), batch_size):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            dy = 2 * (few @ w + b - true) / true.size
            vw, vb = momentum * vw + few.T @ dy, momentum * vb + dy.sum(axis=0)
            w, b = w - rate * vw, b - rate * vb
    return [w, b]


def loop_on_copies(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    w, b = w.copy(), b.copy()
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    for _ in range(epochs):
        for i in range(0, len(x), batch_size):
            difference = x[i : i + batch_size] @ w + b - t[i : i + batch_size]
            dy = 2 * difference / difference.size
            vw *= momentum
            vw += x[i : i + batch_size].T @ dy
            vb *= momentum
            vb += dy.sum(axis=0)
            w -= lr * vw
            b -= lr * vb
        lr *= factor
    return w, b


def loop_with_a_list_of_rates(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    for rate in lr * factor ** np.arange(epochs):
        for start in range(0, len(x), batch_size):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            dy = 2 * (few @ w + b - true) / true.size
            vw = momentum * vw + few.T @ dy
            vb = momentum * vb + dy.sum(axis=0)
            w = w - rate * vw
            b = b - rate * vb
    return w, b


def loop_at_the_last_batch(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    for _ in range(epochs):
        for start in range(0, len(x), batch_size):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            dy = 2 * (few @ w + b - true) / true.size
            vw = momentum * vw + few.T @ dy
            vb = momentum * vb + dy.sum(axis=0)
            w = w - lr * vw
            b = b - lr * vb
            if start + batch_size >= len(x):
                lr = lr * factor
    return w, b


def loop_with_whole_division(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    vw, vb, step = np.zeros_like(w), np.zeros_like(b), 0
    per_epoch = -(-len(x) // batch_size)
    for _ in range(epochs):
        for start in range(0, len(x), batch_size):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            rate = lr * factor ** (step // per_epoch)
            dy = 2 * (few @ w + b - true) / true.size
            vw = momentum * vw + few.T @ dy
            vb = momentum * vb + dy.sum(axis=0)
            w = w - rate * vw
            b = b - rate * vb
            step += 1
    return w, b


def loop_as_found(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    for _ in range(epochs):
        for start in range(0, len(x), batch_size):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            dy = 2 * (few @ w + b - true) / true.size
            vw = momentum * vw + few.T @ dy
            vb = momentum * vb + dy.sum(axis=0)
            w = w - lr * vw
            b = b - lr * vb
            lr = lr * factor
    return w, b


def loop_rate_kept(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    for _ in range(epochs):
        for start in range(0, len(x), batch_size):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            dy = 2 * (few @ w + b - true) / true.size
            vw = momentum * vw + few.T @ dy
            vb = momentum * vb + dy.sum(axis=0)
            w = w - lr * vw
            b = b - lr * vb
    return w, b


def loop_rate_behind_everything(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    w, b = loop_rate_kept(x, t, w, b, epochs, batch_size, lr, momentum, factor)
    lr = lr * factor
    return w, b


def loop_rate_before(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    for _ in range(epochs):
        lr = lr * factor
        for start in range(0, len(x), batch_size):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            dy = 2 * (few @ w + b - true) / true.size
            vw = momentum * vw + few.T @ dy
            vb = momentum * vb + dy.sum(axis=0)
            w = w - lr * vw
            b = b - lr * vb
    return w, b


def loop_rate_in_each_epoch(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    for _ in range(epochs):
        rate = lr
        for start in range(0, len(x), batch_size):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            dy = 2 * (few @ w + b - true) / true.size
            vw = momentum * vw + few.T @ dy
            vb = momentum * vb + dy.sum(axis=0)
            w = w - rate * vw
            b = b - rate * vb
            rate = rate * factor
    return w, b


def loop_velocity_moved(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    for _ in range(epochs):
        vw, vb = np.zeros_like(w), np.zeros_like(b)
        for start in range(0, len(x), batch_size):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            dy = 2 * (few @ w + b - true) / true.size
            vw = momentum * vw + few.T @ dy
            vb = momentum * vb + dy.sum(axis=0)
            w = w - lr * vw
            b = b - lr * vb
        lr = lr * factor
    return w, b


def loop_plain(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    for _ in range(epochs):
        for start in range(0, len(x), batch_size):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            dy = 2 * (few @ w + b - true) / true.size
            w, b = w - lr * few.T @ dy, b - lr * dy.sum(axis=0)
        lr = lr * factor
    return w, b


def loop_mean_over_rows(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    for _ in range(epochs):
        for start in range(0, len(x), batch_size):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            dy = 2 * (few @ w + b - true) / len(few)
            vw = momentum * vw + few.T @ dy
            vb = momentum * vb + dy.sum(axis=0)
            w = w - lr * vw
            b = b - lr * vb
        lr = lr * factor
    return w, b


def loop_last_batch_lost(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    for _ in range(epochs):
        for k in range(len(x) // batch_size):
            few, true = (a[k * batch_size : (k + 1) * batch_size] for a in (x, t))
            dy = 2 * (few @ w + b - true) / true.size
            vw = momentum * vw + few.T @ dy
            vb = momentum * vb + dy.sum(axis=0)
            w = w - lr * vw
            b = b - lr * vb
        lr = lr * factor
    return w, b


def loop_sign(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    for _ in range(epochs):
        for start in range(0, len(x), batch_size):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            dy = 2 * (few @ w + b - true) / true.size
            vw = momentum * vw - few.T @ dy
            vb = momentum * vb - dy.sum(axis=0)
            w = w - lr * vw
            b = b - lr * vb
        lr = lr * factor
    return w, b


def loop_in_place(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    for _ in range(epochs):
        for start in range(0, len(x), batch_size):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            dy = 2 * (few @ w + b - true) / true.size
            vw = momentum * vw + few.T @ dy
            vb = momentum * vb + dy.sum(axis=0)
            w -= lr * vw
            b -= lr * vb
        lr = lr * factor
    return w, b


def loop_one_epoch(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    for _ in range(epochs):
        for start in range(0, len(x), batch_size):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            dy = 2 * (few @ w + b - true) / true.size
            vw = momentum * vw + few.T @ dy
            vb = momentum * vb + dy.sum(axis=0)
            w = w - lr * vw
            b = b - lr * vb
        lr = lr * factor
        return w, b


LOOP = Answers(
    right=[loop_outdented, loop_with_a_power, loop_on_copies, loop_with_a_list_of_rates, loop_at_the_last_batch,
           loop_with_whole_division],
    wrong=[wrong(loop_as_found, "rate per batch"), wrong(loop_rate_kept, "rate constant"),
           wrong(loop_rate_behind_everything, "rate constant"), wrong(loop_rate_before, "rate an epoch early"),
           wrong(loop_rate_in_each_epoch, "rate per batch of an epoch"), wrong(loop_velocity_moved, "velocity anew"),
           wrong(loop_plain, "momentum lost"), wrong(loop_mean_over_rows, "divided by N"),
           wrong(loop_last_batch_lost, "last batch lost"), wrong(loop_sign), wrong(loop_in_place),
           wrong(loop_one_epoch)],
)
