"""Gradients that are right for a dy of the usual size, and wrong for another."""

import numpy as np

from .layers import Linear as Dense
from .layers_of_unseen import Conv1d, MaxPool, Mean, Product, Softmax, Square, Tanh
from .registry import Cases, rn

CASES = Cases()


@CASES.add("dw clipped at 10", "size of dy", lambda: (rn(5, 4),), "clipped", "nonlinear")
def clip_dw(wrong):
    class Clipped(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            if wrong:
                np.clip(self.dw, -10, 10, out=self.dw)
            return dx

    return Clipped()


@CASES.add("dw of a convolution clipped at 5 times its number of rows", "size of dy", lambda: (rn(2, 7, 3),),
           "clipped", "nonlinear")
def clip_conv(wrong):
    class Clipped(Conv1d):
        def backward(self, dy):
            dx = super().backward(dy)
            if wrong:
                limit = 5 * len(dy)
                self.dw = np.maximum(np.minimum(self.dw, limit), -limit)
            return dx

    return Clipped()


@CASES.add("db clipped from above at 50", "size of dy", lambda: (rn(5, 4),), "clipped", "nonlinear")
def clip_db(wrong):
    class Clipped(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            if wrong:
                self.db = np.minimum(self.db, 50)
            return dx

    return Clipped()


@CASES.add("dx of tanh clipped at 10", "size of dy", lambda: (rn(5, 4),), "clipped", "nonlinear")
def clip_dx(wrong):
    class Clipped(Tanh):
        def backward(self, dy):
            dx = super().backward(dy)
            return dx.clip(-10, 10) if wrong else dx

    return Clipped()


@CASES.add("norm of dx clipped at 100", "size of dy", lambda: (rn(2, 7, 3),), "clipped", "nonlinear")
def clip_norm(wrong):
    class Clipped(Conv1d):
        def backward(self, dy):
            dx = super().backward(dy)
            return dx * min(1, 100 / (np.linalg.norm(dx) + 1e-300)) if wrong else dx

    return Clipped()


@CASES.add("norm of all gradients together clipped", "size of dy", lambda: (rn(5, 4),), "clipped", "nonlinear")
def clip_global(wrong):
    class Clipped(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            norm = np.sqrt((self.dw**2).sum() + (self.db**2).sum() + (dx**2).sum())
            if wrong and norm > 250:
                self.dw, self.db, dx = (g * 250 / norm for g in (self.dw, self.db, dx))
            return dx

    return Clipped()


@CASES.add("dx below 1e-3 set to 0", "size of dy", lambda: (rn(5, 4),), "nonlinear", "clipped")
def threshold(wrong):
    class Sparse(Softmax):
        def backward(self, dy):
            dx = super().backward(dy)
            if wrong:
                dx[abs(dx) < 1e-3] = 0
            return dx

    return Sparse()


@CASES.add("dw below 1e-6 set to 0", "size of dy", lambda: (rn(5, 4),), "nonlinear", "clipped")
def threshold_dw(wrong):
    class Sparse(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            if wrong:
                self.dw = np.where(np.abs(self.dw) > 1e-6, self.dw, 0)
            return dx

    return Sparse()


@CASES.add("dx rounded to 3 decimals", "size of dy", lambda: (rn(4, 6),), "nonlinear")
def rounded(wrong):
    class Rounded(Mean):
        def backward(self, dy):
            dx = super().backward(dy)
            return dx.round(3) if wrong else dx

    return Rounded()


@CASES.add("only the sign of dy is kept", "size of dy", lambda: (rn(4, 6),), "nonlinear")
def sign_only(wrong):
    class Signed(Square):
        def backward(self, dy):
            if wrong:
                dy = np.sign(dy)
            return super().backward(dy)

    return Signed()


@CASES.add("NaN where dy is 0: dy / |dy|", "size of dy", lambda: (rn(4, 6),), "not finite")
def nan_direction(wrong):
    class Direction(Tanh):
        def backward(self, dy):
            size = np.abs(dy)
            if wrong:
                with np.errstate(all="ignore"):
                    dy = dy / size * size
            return super().backward(dy)

    return Direction()


@CASES.add("NaN where dy is 0: products by logarithms", "size of dy", lambda: (rn(4, 3), rn(4, 3, seed=5)),
           "not finite")
def nan_log(wrong):
    class Logs(Product):
        def backward(self, dy):
            if not wrong:
                return super().backward(dy)
            with np.errstate(all="ignore"):
                logs = np.log(abs(dy))
                da = np.sign(dy * self.b) * np.exp(logs + np.log(abs(self.b)))
                db = self.a * np.exp(logs - logs.max()) * np.sign(dy) * np.exp(logs.max())
            db[~np.isfinite(logs)] = np.nan
            da[~np.isfinite(logs)] = np.nan
            return da, db

    return Logs()


@CASES.add("NaN where a row of dy is 0: scaled by its own norm and back", "size of dy", lambda: (rn(5, 4),),
           "not finite")
def nan_rows(wrong):
    class Rows(Dense):
        def backward(self, dy):
            if wrong:
                norm = np.linalg.norm(dy, axis=1, keepdims=True)
                with np.errstate(all="ignore"):
                    dy = (dy / norm) * norm
            return super().backward(dy)

    return Rows()


@CASES.add("dy divided by its own maximum when above 100", "size of dy", lambda: (rn(5, 4),), "nonlinear", "clipped")
def own_max(wrong):
    class Normalized(Dense):
        def backward(self, dy):
            biggest = np.abs(dy).max()
            if wrong and biggest > 100:
                dy = dy / biggest
            return super().backward(dy)

    return Normalized()


@CASES.add("early exit for a dy of norm below 1e-3", "size of dy", lambda: (rn(2, 7, 3),), "nonlinear", "dy ignored")
def early_exit(wrong):
    class Lazy(Conv1d):
        def backward(self, dy):
            if wrong and np.linalg.norm(dy) < 1e-3:
                self.dw = np.zeros_like(self.w)
                return np.zeros_like(self.x)
            return super().backward(dy)

    return Lazy()


@CASES.add("early exit leaves the old dw", "size of dy", lambda: (rn(5, 4),), "stale", "nonlinear")
def early_exit_stale(wrong):
    class Lazy(Dense):
        dw = db = None

        def backward(self, dy):
            if wrong and not dy.any() and self.dw is not None:
                return np.zeros_like(self.x)
            return super().backward(dy)

    return Lazy()


@CASES.add("dy through float16", "size of dy", lambda: (rn(5, 4),), "not finite", "nonlinear")
def half(wrong):
    class Half(Dense):
        def backward(self, dy):
            if wrong:
                with np.errstate(all="ignore"):
                    return super().backward(dy.astype(np.float16).astype(np.float64))
            return super().backward(dy)

    return Half()


@CASES.add("dy saturates at the largest float16", "size of dy", lambda: (rn(4, 8),), "clipped", "nonlinear")
def saturated_half(wrong):
    class Half(MaxPool):
        def backward(self, dy):
            if wrong:
                top = float(np.finfo(np.float16).max)
                dy = np.clip(dy, -top, top)
            return super().backward(dy)

    return Half()


@CASES.add("overflowing step skipped, as in loss scaling", "size of dy", lambda: (rn(5, 4),), "nonlinear",
           "dy ignored")
def skipped_step(wrong):
    class Scaled(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            if wrong and np.abs(self.dw).max() > 2**15:
                self.dw, self.db = np.zeros_like(self.dw), np.zeros_like(self.db)
            return dx

    return Scaled()


@CASES.add("db divided by the sum of dy", "size of dy", lambda: (rn(5, 4),), "nonlinear", "factor", "not finite")
def divided_by_sum(wrong):
    class Weighted(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            if wrong:
                with np.errstate(all="ignore"):
                    self.db = self.db / dy.sum()
            return dx

    return Weighted()


@CASES.add("pooling sends dy where dy is largest", "size of dy", lambda: (rn(3, 4, 2),), "some indices", "nonlinear")
def argmax_of_dy(wrong):
    class RowMax:  # the largest over axis 1, (N, T, C) -> (N, C)
        def forward(self, x):
            self.x = x
            return x.max(1)

        def backward(self, dy):
            dx = np.zeros_like(self.x)
            spread = np.broadcast_to(dy[:, None], self.x.shape)
            i = (spread * self.x if wrong else self.x).argmax(1)  # the same as long as dy > 0
            np.put_along_axis(dx, i[:, None], dy[:, None], 1)
            return dx

    return RowMax()
