"""Learners' answers to the exercises of lesson 08; those about loops and the class are in loops08.py and sgd08.py."""

import math

import numpy as np

from tests.course.answers import Answers, wrong
from tests.course.answers.loops08 import BATCHES, LOOP
from tests.course.answers.sgd08 import SGD

# --- sgd_step ---


def step_as_written(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    g = dw + weight_decay * w
    new_v = momentum * v + g
    new_w = w - lr * new_v
    return new_w, new_v


def step_as_list(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    v = v * momentum + weight_decay * w + dw
    return [w - v * lr, v]


def step_in_place_on_copies(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    w, v, g = w.copy(), v.copy(), dw.copy()
    g += weight_decay * w
    v *= momentum
    v += g
    w -= lr * v
    return w, v


def step_with_ufuncs(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    velocity = np.add(np.multiply(v, momentum), np.add(dw, np.multiply(w, weight_decay)))
    return np.subtract(w, np.multiply(velocity, lr)), velocity


def step_number_by_number(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    new_w, new_v = np.empty_like(w), np.empty_like(v)
    for i in np.ndindex(w.shape):
        new_v[i] = momentum * v[i] + dw[i] + weight_decay * w[i]
        new_w[i] = w[i] - lr * new_v[i]
    return new_w, new_v


def step_with_cases(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    if weight_decay:
        dw = dw + weight_decay * w
    v = momentum * v + dw if momentum else dw.copy()
    return w + -lr * v, v


def step_up(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    v = momentum * v + (dw + weight_decay * w)
    return w + lr * v, v


def step_of_caffe(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    v = momentum * v + lr * (dw + weight_decay * w)
    return w - v, v


def step_of_caffe_turned(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    v = momentum * v - lr * (dw + weight_decay * w)
    return w + v, v


def step_rate_twice(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    grad = dw + weight_decay * w
    v = momentum * v + lr * grad
    w = w - lr * v
    return w, v


def step_mean(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    v = momentum * v + (1 - momentum) * (dw + weight_decay * w)
    return w - lr * v, v


def step_without_v(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    grad = dw + weight_decay * w
    v = momentum * v + grad
    return w - lr * grad, v


def step_too_early(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    new_w = w - lr * v
    v = momentum * v + dw + weight_decay * w
    return new_w, v


def step_old_v(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    w_new = w - lr * (momentum * v + dw + weight_decay * w)
    return w_new, v


def step_negative_decay(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    g = dw - weight_decay * w
    v = momentum * v + g
    return w - lr * v, v


def step_no_decay(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    v = momentum * v + dw
    return w - lr * v, v


def step_adamw(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    v = momentum * v + dw
    return w * (1 - lr * weight_decay) - lr * v, v


def step_shrinks(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    v = momentum * v + dw
    return (1 - weight_decay) * w - lr * v, v


def step_changes_gradient(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    dw += weight_decay * w
    v = momentum * v + dw
    return w - lr * v, v


def step_changes_w(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    g = dw + weight_decay * w
    v = momentum * v + g
    w -= lr * v
    return w, v


def step_only_w(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    v = momentum * v + dw + weight_decay * w
    return w - lr * v


def step_decay_squared(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    g = dw + weight_decay * w**2 / 2
    v = momentum * v + g
    return w - lr * v, v


def step_exchanged(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    v = momentum * v + dw + weight_decay * w
    return v, w - lr * v


def step_in_float64(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    v = np.array(v, dtype=float) * momentum + dw + weight_decay * w
    return w - lr * v, v


STEP = Answers(
    right=[step_as_written, step_as_list, step_in_place_on_copies, step_with_ufuncs, step_number_by_number,
           step_with_cases],
    wrong=[wrong(step_up, "uphill"), wrong(step_of_caffe, "rate in the velocity"),
           wrong(step_of_caffe_turned, "velocity turned"),
           wrong(step_rate_twice, "rate twice"), wrong(step_mean, "averaged"),
           wrong(step_without_v, "gradient alone"), wrong(step_too_early, "velocity of before"),
           wrong(step_old_v, "velocity not kept"), wrong(step_negative_decay, "decay turned"),
           wrong(step_no_decay, "decay forgotten"), wrong(step_adamw, "decay beside the velocity"),
           wrong(step_shrinks, "decay without the rate"), wrong(step_changes_gradient), wrong(step_changes_w),
           wrong(step_only_w), wrong(step_decay_squared), wrong(step_exchanged), wrong(step_in_float64)],
)

# --- init ---


def std_by_product(shape):
    return np.sqrt(2 / np.prod(shape[:-1]))


def std_by_cases(shape):
    if len(shape) == 2:
        d, _ = shape
        return math.sqrt(2 / d)
    kh, kw, c, _ = shape
    return math.sqrt(2 / (kh * kw * c))


def std_by_loop(shape):
    fan_in = 1
    for n in shape[:-1]:
        fan_in *= n
    return (2.0 / fan_in) ** 0.5


def std_by_math(shape):
    *inputs, _ = shape
    return math.sqrt(2) / math.sqrt(math.prod(inputs))


def std_by_division(shape):
    return np.float32(np.sqrt(2.0 * shape[-1] / np.prod(shape)))


def std_as_array(shape):
    return np.array((2 / np.array(shape)[:-1].prod()) ** 0.5)


def std_of_outputs(shape):
    return np.sqrt(2 / shape[-1])


def std_of_outputs_and_window(shape):
    return np.sqrt(2 / (np.prod(shape[:-2]) * shape[-1]))


def std_as_variance(shape):
    return 2 / np.prod(shape[:-1])


def std_root_of_two(shape):
    return np.sqrt(2) / np.prod(shape[:-1])


def std_lecun(shape):
    return 1 / np.sqrt(np.prod(shape[:-1]))


def std_of_channels(shape):
    fan_in = shape[0] if len(shape) == 2 else shape[2]
    return np.sqrt(2 / fan_in)


def std_of_window(shape):
    fan_in = shape[0] if len(shape) == 2 else shape[0] * shape[1]
    return np.sqrt(2 / fan_in)


def std_of_first_axis(shape):
    return np.sqrt(2 / shape[0])


def std_of_all(shape):
    return np.sqrt(2 / np.prod(shape))


def std_glorot(shape):
    places = np.prod(shape[:-2])
    return np.sqrt(2 / (places * shape[-2] + places * shape[-1]))


def std_of_pytorch_order(shape):
    return np.sqrt(2 / np.prod(shape[1:]))


def std_as_text(shape):
    return f"{np.sqrt(2 / np.prod(shape[:-1])):.3f} is the std"


def std_of_two_axes_only(shape):
    d, _ = shape
    return np.sqrt(2 / d)


def std_whole_numbers(shape):
    return np.sqrt(2 // np.prod(shape[:-1]))


INIT = Answers(
    right=[std_by_product, std_by_cases, std_by_loop, std_by_math, std_by_division, std_as_array],
    wrong=[wrong(std_of_outputs, "outputs"), wrong(std_of_outputs_and_window, "outputs and kernel"),
           wrong(std_as_variance, "variance"), wrong(std_root_of_two, "root of 2 alone"),
           wrong(std_lecun, "without the 2"), wrong(std_of_channels, "channels only"),
           wrong(std_of_window, "window only"), wrong(std_of_first_axis, "first axis"),
           wrong(std_of_all, "everything"), wrong(std_glorot, "both sides"), wrong(std_of_pytorch_order),
           wrong(std_as_text), wrong(std_of_two_axes_only), wrong(std_whole_numbers)],
)

# --- cosine ---


def rates_by_loop(steps, lr, warmup=0, final=0.0):
    found = []
    for k in range(steps):
        if k < warmup:
            found.append(lr * (k + 1) / warmup)
        else:
            p = (k - warmup) / (steps - warmup)
            found.append(final + (lr - final) * (1 + math.cos(math.pi * p)) / 2)
    return found


def rates_by_where(steps, lr, warmup=0, final=0.0):
    k = np.arange(steps)
    p = (k - warmup) / (steps - warmup)
    rise = lr * (k + 1) / max(warmup, 1)
    return np.where(k < warmup, rise, final + 0.5 * (lr - final) * (1 + np.cos(np.pi * p)))


def rates_joined(steps, lr, warmup=0, final=0.0):
    rise = np.linspace(0, lr, warmup + 1)[1:]
    fall = final + (lr - final) / 2 * (1 + np.cos(np.linspace(0, np.pi, steps - warmup, endpoint=False)))
    return np.concatenate([rise, fall])


def rates_float32(steps, lr, warmup=0, final=0.0):
    return np.array(rates_by_loop(steps, lr, warmup, final), dtype=np.float32)


def rates_filled(steps, lr, warmup=0, final=0.0):
    rates = np.zeros(steps)
    rates[:warmup] = lr * np.arange(1, warmup + 1) / (warmup or 1)
    p = np.arange(steps - warmup) / (steps - warmup)
    rates[warmup:] = lr * (1 + np.cos(np.pi * p)) / 2 + final * (1 - np.cos(np.pi * p)) / 2
    return rates


def rates_as_tuple(steps, lr, warmup=0, final=0.0):
    rise = [lr * (k + 1) / warmup for k in range(warmup)]
    fall = [final + (lr - final) * math.cos(math.pi * k / (steps - warmup) / 2) ** 2 for k in range(steps - warmup)]
    return tuple(rise + fall)


def rates_from_zero(steps, lr, warmup=0, final=0.0):
    k = np.arange(steps)
    p = (k - warmup) / (steps - warmup)
    return np.where(k < warmup, lr * k / max(warmup, 1), final + (lr - final) * (1 + np.cos(np.pi * p)) / 2)


def rates_long_rise(steps, lr, warmup=0, final=0.0):
    k = np.arange(steps)
    p = (k - warmup) / (steps - warmup)
    return np.where(k < warmup, lr * (k + 1) / (warmup + 1), final + (lr - final) * (1 + np.cos(np.pi * p)) / 2)


def rates_without_warmup(steps, lr, warmup=0, final=0.0):
    p = np.arange(steps) / steps
    return final + (lr - final) * (1 + np.cos(np.pi * p)) / 2


def rates_of_all_steps(steps, lr, warmup=0, final=0.0):
    rates = final + (lr - final) * (1 + np.cos(np.pi * np.arange(steps) / steps)) / 2
    for k in range(warmup):
        rates[k] = lr * (k + 1) / warmup
    return rates


def rates_stretched(steps, lr, warmup=0, final=0.0):
    k = np.arange(steps)
    p = (k - warmup) / steps
    return np.where(k < warmup, lr * (k + 1) / max(warmup, 1), final + (lr - final) * (1 + np.cos(np.pi * p)) / 2)


def rates_to_the_end(steps, lr, warmup=0, final=0.0):
    rise = [lr * (k + 1) / warmup for k in range(warmup)]
    fall = final + (lr - final) * (1 + np.cos(np.linspace(0, np.pi, steps - warmup))) / 2
    return np.array([*rise, *fall])


def rates_whole_wave(steps, lr, warmup=0, final=0.0):
    k = np.arange(steps)
    p = (k - warmup) / (steps - warmup)
    return np.where(k < warmup, lr * (k + 1) / max(warmup, 1), final + (lr - final) * (1 + np.cos(2 * np.pi * p)) / 2)


def rates_quarter(steps, lr, warmup=0, final=0.0):
    k = np.arange(steps)
    p = (k - warmup) / (steps - warmup)
    return np.where(k < warmup, lr * (k + 1) / max(warmup, 1), final + (lr - final) * np.cos(np.pi / 2 * p))


def rates_straight(steps, lr, warmup=0, final=0.0):
    k = np.arange(steps)
    p = (k - warmup) / (steps - warmup)
    return np.where(k < warmup, lr * (k + 1) / max(warmup, 1), lr + (final - lr) * p)


def rates_doubled(steps, lr, warmup=0, final=0.0):
    k = np.arange(steps)
    p = (k - warmup) / (steps - warmup)
    return np.where(k < warmup, lr * (k + 1) / max(warmup, 1), final + (lr - final) * (1 + np.cos(np.pi * p)))


def rates_without_final(steps, lr, warmup=0, final=0.0):
    k = np.arange(steps)
    p = (k - warmup) / (steps - warmup)
    return np.where(k < warmup, lr * (k + 1) / max(warmup, 1), lr * (1 + np.cos(np.pi * p)) / 2)


def rates_on_top(steps, lr, warmup=0, final=0.0):
    k = np.arange(steps)
    p = (k - warmup) / (steps - warmup)
    return np.where(k < warmup, lr * (k + 1) / max(warmup, 1), final + lr * (1 + np.cos(np.pi * p)) / 2)


def rates_clipped(steps, lr, warmup=0, final=0.0):
    k = np.arange(steps)
    p = (k - warmup) / (steps - warmup)
    return np.where(k < warmup, lr * (k + 1) / max(warmup, 1), np.maximum(lr * (1 + np.cos(np.pi * p)) / 2, final))


def rates_in_degrees(steps, lr, warmup=0, final=0.0):
    k = np.arange(steps)
    p = (k - warmup) / (steps - warmup)
    return np.where(k < warmup, lr * (k + 1) / max(warmup, 1), final + (lr - final) * (1 + np.cos(180 * p)) / 2)


def rates_divide_by_zero(steps, lr, warmup=0, final=0.0):
    return [lr * (k + 1) / warmup if k < warmup or warmup / warmup > 1 else lr for k in range(steps)]


def rates_behind_only(steps, lr, warmup=0, final=0.0):
    p = np.arange(steps - warmup) / (steps - warmup)
    return final + (lr - final) * (1 + np.cos(np.pi * p)) / 2


def rates_as_factors(steps, lr, warmup=0, final=0.0):
    return [rate / lr for rate in rates_by_loop(steps, lr, warmup, final)]


COSINE = Answers(
    right=[rates_by_loop, rates_by_where, rates_joined, rates_float32, rates_filled, rates_as_tuple],
    wrong=[wrong(rates_from_zero, "begins at 0"), wrong(rates_long_rise, "rises too long"),
           wrong(rates_without_warmup, "no warm-up"), wrong(rates_of_all_steps, "counted from the start"),
           wrong(rates_stretched, "too slow"), wrong(rates_to_the_end, "one step too soon"),
           wrong(rates_whole_wave, "whole wave"), wrong(rates_quarter, "quarter wave"),
           wrong(rates_straight, "straight"), wrong(rates_doubled, "not halved"),
           wrong(rates_without_final, "final ignored"), wrong(rates_on_top, "final on top"),
           wrong(rates_clipped, "floor"), wrong(rates_in_degrees), wrong(rates_divide_by_zero),
           wrong(rates_behind_only), wrong(rates_as_factors)],
)

ANSWERS = {"08.sgd_step": STEP, "08.batches": BATCHES, "08.init": INIT, "08.cosine": COSINE, "08.loop": LOOP,
           "08.sgd": SGD}
