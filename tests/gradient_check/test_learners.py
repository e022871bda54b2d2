"""Code that somebody else wrote: no base class, no Parameter, parameters kept as people keep them."""

import numpy as np
import pytest

from tinycnn.gradient_check import gradcheck


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


class Affine:
    """As in many a first notebook: w, b and dw, db are attributes. Subclasses plant the mistakes."""

    def __init__(self):
        self.w, self.b = numbers(4, 3, seed=1), np.zeros(3)

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, dy):
        self.dw, self.db = self.x.T @ dy, dy.sum(axis=0)
        return dy @ self.w.T


def test_attributes_w_and_dw():
    report = gradcheck(Affine(), numbers(5, 4))
    assert report.ok, report
    assert [(t.name, t.role) for t in report.tensors] == [("x", "input"), ("w", "parameter"), ("b", "parameter")]


def test_a_cache_of_an_earlier_call_is_no_parameter():
    layer = Affine()
    layer.backward(layer.forward(numbers(2, 4)))  # leaves x, dw and db behind, of another batch size
    report = gradcheck(layer, numbers(5, 4))
    assert report.ok, report
    assert [t.name for t in report.tensors] == ["x", "w", "b"]


def test_dictionaries_params_and_grads():
    class Layer:
        def __init__(self):
            self.params, self.grads = {"W": numbers(4, 3, seed=1), "bias": np.zeros(3)}, {}

        def forward(self, x):
            self.x = x
            return np.tanh(x @ self.params["W"] + self.params["bias"])

        def backward(self, dy):
            dz = dy * (1 - self.forward(self.x) ** 2)
            self.grads = {"W": self.x.T @ dz, "bias": dz.sum(axis=0)}
            return dz @ self.params["W"].T

    report = gradcheck(Layer(), numbers(5, 4))
    assert report.ok, report
    assert [t.name for t in report.tensors] == ["x", "W", "bias"]


def test_lists_params_and_grads_that_share_arrays():
    class Layer:
        def __init__(self):
            self.params = [numbers(4, 3, seed=1), np.zeros(3)]
            self.grads = [np.zeros((4, 3)), np.zeros(3)]

        def forward(self, x):
            self.x, (w, b) = x, self.params
            return x @ w + b

        def backward(self, dy):
            self.grads[0][...], self.grads[1][...] = self.x.T @ dy, dy.sum(axis=0)
            return dy @ self.params[0].T

    report = gradcheck(Layer(), numbers(5, 4))
    assert report.ok, report
    assert [t.name for t in report.tensors] == ["x", "params[0]", "params[1]"]


def test_objects_with_data_and_grad_and_parts_in_a_list():
    class Weight:
        def __init__(self, array):
            self.data, self.grad = array, None

    class Scale:
        def __init__(self):
            self.s = Weight(numbers(4, seed=2))

        def forward(self, x):
            self.x = x
            return x * self.s.data

        def backward(self, dy):
            self.s.grad = (self.x * dy).sum(axis=0)
            return dy * self.s.data

    class Net:
        def __init__(self):
            self.layers = [Scale(), Affine()]

        def forward(self, x):
            for layer in self.layers:
                x = layer.forward(x)
            return x

        def backward(self, dy):
            for layer in reversed(self.layers):
                dy = layer.backward(dy)
            return dy

    report = gradcheck(Net(), numbers(5, 4))
    assert report.ok, report
    assert [t.name for t in report.tensors] == ["x", "layers[0].s", "layers[1].w", "layers[1].b"]


def test_a_pair_of_functions_with_all_inputs():
    report = gradcheck((lambda x, w: x @ w, lambda dy, x, w: (dy @ w.T, x.T @ dy)), numbers(5, 4), numbers(4, 3))
    assert report.ok, report
    assert [t.name for t in report.tensors] == ["x", "w"]


def test_a_pair_of_functions_with_a_cache():
    def forward(x, w):
        return x @ w, (x, w)

    def backward(dy, cache):
        x, w = cache
        return dy @ w.T, x.T @ dy

    assert gradcheck((forward, backward), numbers(5, 4), numbers(4, 3)).ok
    report = gradcheck((forward, lambda dy, cache: backward(dy, cache)[::-1]), numbers(5, 4), numbers(4, 3))
    assert not report.ok and report.families == ["axes"] or "shape" in report.families, report


def test_a_loss_that_takes_no_dy():
    class MeanSquare:
        def forward(self, pred, target):
            self.difference = pred - target
            return float((self.difference**2).mean())

        def backward(self):
            return 2 * self.difference / self.difference.size

    report = gradcheck(MeanSquare(), numbers(5, 4), numbers(5, 4, seed=1))
    assert report.ok, report
    assert "not differentiated: target" in report.notes


@pytest.mark.parametrize("mistake, tensor, family", [
    ({"db": lambda self, dy: dy.mean(axis=0)}, "b", "batch mean"),
    ({"db": lambda self, dy: dy.sum()}, "b", "shape"),
    ({"dw": lambda self, dy: -self.x.T @ dy}, "w", "sign"),
    ({"dw": lambda self, dy: self.x.T @ np.ones_like(dy)}, "w", "dy ignored"),
    ({"dw": lambda self, dy: None}, "w", "never stored"),
    ({"dw": lambda self, dy: (dy.T @ self.x).reshape(4, 3)}, "w", "axes"),
    ({"dx": lambda self, dy: (dy @ self.w.T)[::-1]}, "x", "batch order"),
    ({"dx": lambda self, dy: dy @ self.w.T / 7}, "x", "factor"),
])
def test_a_learners_wrong_layer_is_diagnosed(mistake, tensor, family):
    class Mine(Affine):
        def backward(self, dy):
            dx = super().backward(dy)
            self.dw = mistake["dw"](self, dy) if "dw" in mistake else self.dw
            self.db = mistake["db"](self, dy) if "db" in mistake else self.db
            return mistake["dx"](self, dy) if "dx" in mistake else dx

    report = gradcheck(Mine(), numbers(5, 4))
    assert not report.ok
    assert report[tensor].family == family, report
    assert [t.name for t in report.tensors if t.verdict != "ok"] == [tensor]


def test_a_parameter_without_any_gradient_attribute_is_missed():
    class Forgetful(Affine):
        def backward(self, dy):
            self.dw = self.x.T @ dy
            return dy @ self.w.T

    report = gradcheck(Forgetful(), numbers(5, 4))
    assert report["b"].family == "never stored"


def test_a_convolution_from_scratch_with_a_wrong_overlap():
    class MyConv:
        def __init__(self):
            self.w, self.b = numbers(3, 3, 2, 4, seed=1), numbers(4, seed=2)

        def forward(self, x):
            self.x = x
            n, h, w, _ = x.shape
            y = np.zeros((n, h - 2, w - 2, 4))
            for i in range(h - 2):
                for j in range(w - 2):
                    y[:, i, j] = np.tensordot(x[:, i : i + 3, j : j + 3], self.w, 3) + self.b
            return y

        def backward(self, dy):
            dx, self.dw, self.db = np.zeros_like(self.x), np.zeros_like(self.w), dy.sum(axis=(0, 1, 2))
            for i in range(dy.shape[1]):
                for j in range(dy.shape[2]):
                    self.dw += np.tensordot(self.x[:, i : i + 3, j : j + 3], dy[:, i, j], (0, 0))
                    dx[:, i : i + 3, j : j + 3] = np.tensordot(dy[:, i, j], self.w, (1, 3))  # = instead of +=
            return dx

    report = gradcheck(MyConv(), numbers(2, 5, 6, 2))
    assert [t.verdict for t in report.tensors] == ["wrong", "ok", "ok"]
    assert report["x"].family == "overlap" and "assigned" in str(report)
    # float64 arrays made by np.zeros are a remark in a learner's code, not a mistake
    assert [c.verdict for c in report.checks if c.name == "dtype"] == ["note"]


def test_inputs_that_have_no_gradient_are_recognized():
    def forward(x, rows, scale):
        return x[rows] * scale

    def backward(dy, x, rows, scale):
        dx = np.zeros_like(x)
        np.add.at(dx, rows, dy * scale)
        return dx, None, None

    report = gradcheck((forward, backward), numbers(5, 4), np.array([0, 2, 2]), 3.0)
    assert report.ok, report
    assert "not differentiated: rows, scale" in report.notes


def test_things_that_cannot_be_checked_say_why():
    with pytest.raises(TypeError, match="forward and backward"):
        gradcheck(np.tanh, numbers(3))
    with pytest.raises(ValueError, match="returned 2 gradients for 1 inputs"):
        gradcheck((lambda x: 2 * x, lambda dy, x: (2 * dy, 2 * dy)), numbers(3, 2))
    with pytest.raises(ValueError, match="mode must be"):
        gradcheck(Affine(), numbers(5, 4), mode="fast")
    with pytest.raises(ValueError, match="nothing here is called v; there are: x, w, b"):
        gradcheck(Affine(), numbers(5, 4), only="v")
    with pytest.raises(ValueError, match="dy must have the shape of y"):
        gradcheck(Affine(), numbers(5, 4), dy=np.ones(3))
