"""Numbers and gradients that are not where one looks first, digits that are missing, and forwards that are slow."""

import numpy as np
import pytest

from tinycnn.gradient_check import gradcheck


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


class Network:
    """Two layers in lists of plain arrays; order: in which backward lists the gradients of w, b, v, c."""

    def __init__(self, order, hidden=5, outputs=3, factor=1):
        self.params = [numbers(4, hidden, seed=1), numbers(hidden, seed=2), numbers(hidden, outputs, seed=3),
                       numbers(outputs, seed=4)]
        self._order, self._factor = order, factor

    def forward(self, x):
        w, b, v, c = self.params
        self.x, self.h = x, np.tanh(x @ w + b)
        return self.h @ v + c

    def backward(self, dy):
        w, _, v, _ = self.params
        dz = dy @ v.T * (1 - self.h**2)
        found = [self.x.T @ dz, dz.sum(0), self._factor * self.h.T @ dy, dy.sum(0)]
        self.grads = [found[i] for i in self._order]
        return dz @ w.T


@pytest.mark.parametrize("order, words", [
    ([3, 2, 1, 0], "paired in reverse order."), ([2, 3, 0, 1], "in reverse order, 2 by 2"),
    ([0, 2, 1, 3], "paired by their shapes"), ([0, 1, 2, 3], None),
])
def test_gradients_in_another_order_are_paired_by_their_shapes(order, words):
    report = gradcheck(Network(order), numbers(6, 4))
    assert report.ok, report
    assert ("another order" in str(report)) == (words is not None) and (words or "") in str(report)


def test_a_wrong_gradient_in_another_order_is_the_only_one_accused():
    report = gradcheck(Network([3, 2, 1, 0], factor=2), numbers(6, 4))
    assert [t.name for t in report.tensors if t.verdict == "wrong"] == ["params[2]"]
    assert report.families == ["factor"]


def test_where_all_have_one_shape_an_optimizer_would_exchange_them():
    report = gradcheck(Network([2, 3, 0, 1], hidden=4, outputs=4), numbers(6, 4))
    assert report.families == ["exchanged"]


class Linear:
    def __init__(self, w):
        self.w = w

    def forward(self, x):
        self.x = x
        return x @ self.w

    def backward(self, dy):
        self.dw = self.x.T @ dy
        return dy @ self.w.T


class Tied:
    """Encoder and decoder hold one array. kept: what backward leaves of the decoder's part"""

    def __init__(self, kept="its part", dtype=float):
        w = numbers(4, 4, seed=1).astype(dtype)
        self.encoder, self.decoder, self.kept = Linear(w), Linear(w), kept

    def forward(self, x):
        self.h = np.tanh(self.encoder.forward(x))
        return self.decoder.forward(self.h)

    def backward(self, dy):
        dx = self.encoder.backward(self.decoder.backward(dy) * (1 - self.h**2))
        if self.kept == "nothing":
            self.decoder.dw = np.zeros_like(self.decoder.dw)
        if self.kept == "all":
            self.encoder.dw = self.decoder.dw = self.encoder.dw + self.decoder.dw
        return dx


@pytest.mark.parametrize("kept", ["its part", "all"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_parts_of_an_array_with_two_owners_are_added(kept, dtype):
    report = gradcheck(Tied(kept, dtype), numbers(5, 4))
    assert report.ok, report
    assert [t.name for t in report.tensors] == ["x", "encoder.w"]
    assert "encoder.dw, decoder.dw are its parts" in str(report)
    assert "note, dtype" not in str(report)  # in every dtype it stays one array


def test_a_part_that_is_lost_is_noticed():
    report = gradcheck(Tied("nothing"), numbers(5, 4))
    assert report["encoder.w"].verdict == "wrong" and not report.unseen


class OfMatrices:
    def __init__(self, factor=1):
        self.w, self._factor = np.asmatrix(numbers(4, 3, seed=1)), factor

    def forward(self, x):
        self.x = x
        return x * self.w

    def backward(self, dy):
        self.dw = self.x.T * dy * self._factor
        return dy * self.w.T


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_numpy_matrices_keep_their_product():
    assert gradcheck(OfMatrices(), np.asmatrix(numbers(5, 4))).ok
    assert gradcheck(OfMatrices(2.0), np.asmatrix(numbers(5, 4))).families == ["factor"]


# --- digits, and time ---


class CubeRoot:
    """Newton's iteration by half steps for dx, ended at `tolerance`."""

    def __init__(self, tolerance):
        self._tolerance = tolerance

    def forward(self, x):
        self.y = np.cbrt(x)
        return self.y

    def backward(self, dy):
        y, step = np.ones_like(self.y), 1.0
        while step > self._tolerance:
            new = y - 0.5 * (y**3 - self.y**3) / (3 * y * y)
            y, step = new, abs(new - y).max()
        return dy / (3 * y**2)


@pytest.mark.parametrize("tolerance", [1e-8, 1e-7, 1e-6])
def test_an_iteration_that_stops_early_is_not_called_float32(tolerance):
    report = gradcheck(CubeRoot(tolerance), numbers(5, 4) + 3)
    assert not report.ok and set(report.families) <= {"imprecise"}, report
    assert gradcheck(CubeRoot(1e-14), numbers(5, 4) + 3).ok


def test_samples_is_a_budget_that_the_report_names():
    def forward(x):
        return np.tanh(x)

    def backward(dy, x):
        return dy / np.cosh(x) ** 2

    whole = gradcheck((forward, backward), numbers(20, 20))
    report = gradcheck((forward, backward), numbers(20, 20), samples=5)
    assert report.ok and report.tensors[0].elements.count("ok") <= 5 < whole.tensors[0].elements.count("ok")
    assert "samples=5" in str(report) and "samples" not in str(whole)
    with pytest.raises(ValueError, match="samples must be a whole number"):
        gradcheck((forward, backward), numbers(2, 2), samples=0)
