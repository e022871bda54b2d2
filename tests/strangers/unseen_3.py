"""Gradients that a checker may overlook, since nobody keeps them where it looks."""

import numpy as np

from .registry import Cases, rn

CASES = Cases()


@CASES.add("x of integers, dx returned", "unseen", lambda: (np.arange(20).reshape(5, 4) % 7 - 3,),
           "factor", "extra term")
def integers(wrong):
    class Poly:
        def forward(self, x):
            self.x = x
            return 0.5 * x**2 - x

        def backward(self, dy):
            return dy * (2 * self.x - 1) if wrong else dy * (self.x - 1)

    return Poly()


@CASES.add("embedding: x of indices, two outputs", "unseen", lambda: (np.array([2, 0, 2, 3, 2]),), "repeated rows",
           "some indices", "stale", "term missing")
def embedding(wrong):
    class TwoTables:
        def __init__(self):
            self.key_table, self.value_table = rn(5, 3, seed=1), rn(5, 2, seed=2)

        def forward(self, ids):
            self.ids = ids
            return self.key_table[ids], self.value_table[ids]

        def backward(self, dkey, dvalue):
            self.dkey_table, self.dvalue_table = np.zeros((5, 3)), np.zeros((5, 2))
            np.add.at(self.dkey_table, self.ids, dkey)
            if wrong:
                self.dvalue_table[self.ids] += dvalue  # an index that comes twice is added once
            else:
                np.add.at(self.dvalue_table, self.ids, dvalue)

    return TwoTables()


@CASES.add("x is a list of lists", "unseen", lambda: (rn(5, 4).tolist(),), "sign")
def nested_lists(wrong):
    class Sine:
        def forward(self, x):
            self.x = np.asarray(x)
            return np.cos(self.x)

        def backward(self, dy):
            return dy * np.sin(self.x) if wrong else -dy * np.sin(self.x)

    return Sine()


@CASES.add("x is a list of lists, dw wrong", "unseen", lambda: (rn(5, 4).tolist(),), "factor")
def nested_lists_dw(wrong):
    class Dense:
        def __init__(self):
            self.w = rn(4, 3, seed=1)

        def forward(self, x):
            self.x = x
            return np.dot(x, self.w)

        def backward(self, dy):
            self.dw = np.transpose(self.x) @ dy * (2 if wrong else 1)
            return (dy @ self.w.T).tolist()

    return Dense()


@CASES.add("bias is a 0-d array, scalar loss", "unseen", lambda: (rn(5, 4),), "factor", "batch mean")
def zero_d(wrong):
    class Loss:
        def __init__(self):
            self.w, self.b = rn(4, seed=1), np.array(0.3)
            self.db = np.zeros(())

        def forward(self, x):
            self.x, self.r = x, x @ self.w + self.b
            return 0.5 * (self.r**2).sum()

        def backward(self):
            self.dw = self.x.T @ self.r
            self.db[()] = self.r.mean() if wrong else self.r.sum()
            return np.outer(self.r, self.w)

    return Loss()


@CASES.add("weights of float32, x of float64", "unseen", lambda: (rn(5, 4),), "sign")
def float32_weights(wrong):
    class Dense:
        def __init__(self):
            self.w, self.b = rn(4, 3, seed=1).astype("float32"), rn(3, seed=2).astype("float32")

        def forward(self, x):
            self.x = x
            return x @ self.w + self.b

        def backward(self, dy):
            self.dw = (self.x.T @ dy).astype("float32") * np.float32(-1 if wrong else 1)
            self.db = dy.sum(0).astype("float32")
            return dy @ self.w.T

    return Dense()
