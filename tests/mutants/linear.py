"""Wrong Linear, Flatten and Sequential."""

from functools import partial

import numpy as np

from tinycnn.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential

from .registry import plant


def features(rng):
    return (rng.standard_normal((5, 6), dtype=np.float32),)


def images(rng):
    return (rng.standard_normal((3, 6, 4, 2), dtype=np.float32),)


# --- Linear ---

linear = partial(plant, Linear, inputs=features, in_features=6, out_features=4)
square = partial(linear, out_features=6)

linear("weight gradient has shape of transpose", "axes", "dw = dy.T @ x, of shape (F, D).",
       ("x.T @ dy", "dy.T @ x"))

square("square weight gradient transposed", "axes", "dw = dy.T @ x in a square layer, where the shapes agree.",
       ("x.T @ dy", "dy.T @ x"))

square("weights not transposed", "axes", "dx = dy @ w in a square layer.",
       ("self.w.value.T", "self.w.value"))

square("output remembered", None, "forward remembers y, so dw = y.T @ dy.",
       ("self.remember(x, output=y)", "self.remember(y, output=y)"), at="forward")

linear("linear bias not summed", "not summed", "db = dy, of shape (N, F).",
       ("dy.sum(axis=0)", "dy.copy()"))

linear("linear bias mean", "batch mean", "db = mean of dy over the batch.",
       ("dy.sum(axis=0)", "dy.mean(axis=0)"))

linear("linear bias summed too far", "shape", "db = the sum over batch and outputs, one number.",
       ("dy.sum(axis=0)", "dy.sum().reshape(1)"))

linear("linear bias summed over outputs", "shape", "db = the sum over outputs, one number for each example.",
       ("dy.sum(axis=0)", "dy.sum(axis=1)"))

linear("one example only", "overlap", "dw from the first example of the batch.",
       ("x.T @ dy", "x[:1].T @ dy[:1]"))

linear("linear mean twice", "batch mean", "dw is divided by the batch size, which the loss has done already.",
       ("x.T @ dy", "x.T @ dy / len(dy)"))

linear("linear input negative", "sign", "dx has the wrong sign.",
       ("return dy @", "return -dy @"))

linear("forgotten weights", "never stored", "dw is computed and thrown away.",
       ("self.w.grad =", "dw ="))

linear("forgotten input", "never stored", "backward has no return.",
       ("return dy @", "dx = dy @"))

linear("divides by zero", "not finite", "dw is normalized by a count that is 0.",
       ("self.w.grad = x.T @ dy", "with np.errstate(all='ignore'):\n"
                                  "            self.w.grad = x.T @ dy / (self.w.value.ndim - 2)"))

linear("scales its input", "modified", "forward centers x in place.",
       ("y = x @", "x -= x.mean()\n        y = x @"), at="forward")

# --- Flatten ---

flatten = partial(plant, Flatten, inputs=images)

flatten("flattened in other order", "axes", "backward reshapes in Fortran order.",
        ("dy.reshape(shape)", "dy.reshape(shape, order='F')"))

flatten("channels first", "axes", "backward takes the row for a picture with channels first.",
        ("return dy.reshape(shape)",
         "n, h, w, c = shape\n        return dy.reshape(n, c, h, w).transpose(0, 2, 3, 1)"))

# --- Sequential: its two loops are the engine's, so that is where they go wrong ---


def network(cls, rng):
    return cls(Conv2d(2, 3, 3, padding=1, rng=rng), ReLU(), MaxPool2d(2), Flatten(), Linear(18, 5, rng=rng), ReLU(),
               Linear(5, 5, rng=rng), input_shape=(6, 4, 2))


def three_rows(cls, rng):
    return cls(Linear(6, 5, rng=rng), ReLU(), Linear(5, 4, rng=rng))


def all_alike(cls, rng):
    return cls(*(Linear(6, 6, rng=rng) for _ in range(3)))


chain = partial(plant, Sequential, inputs=images, build=network, at="engine.backward")

chain("skips an activation", None, "backward walks past the ReLU, as past all that has no parameters.",
      ("row, kept = tape.pop()", "row, kept = tape.pop()\n        if not row.learns():\n            continue"),
      inputs=features, build=three_rows)

chain("walks from the start", None, "backward takes the rows in the order of forward.",
      ("tape.pop()", "tape.pop(first)"),
      inputs=features, build=all_alike)

chain("stops early", "never stored", "backward ends before the first layers.",
      ("while len(tape) > first:", "while len(tape) > first + 1:"))

chain("loses first gradient", "input_gradient",
      "Without dx, the first layer's own gradients are not computed either.",
      ("first = next((i for", "first = 1 + next((i for"))

chain("forgets to pass on", "never stored", "backward has no return.",
      ("return dy if input_gradient else None", "return None"))
