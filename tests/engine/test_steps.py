"""Single steps: a layer's own formula run by copies of it, and pooling on the host and on devices."""

import copy

import numpy as np
import pytest
from engine.networks import BLAS_MAY_WARN, Gain, Shortcut, Tanh, step
from harness import DTYPES, LAYOUTS, expect_close, lay_out, numbers, poolings
from hypothesis import given
from hypothesis import strategies as st

from tinycnn import engine
from tinycnn.backend import to_device, to_numpy
from tinycnn.engine import workers
from tinycnn.engine.pooling import MaxPooling, Rectifier
from tinycnn.engine.steps import Formula, replica
from tinycnn.engine.workers import Worker
from tinycnn.errors import DtypeError, ShapeError
from tinycnn.layers import AvgPool2d, Conv2d, Layer, LocalResponseNorm, MaxPool2d, Parameter, ReLU, Sequential

pytestmark = BLAS_MAY_WARN


@pytest.fixture(params=[1, 3], ids="{} threads".format)
def image_by_image(monkeypatch, request):
    monkeypatch.setenv("TINYCNN_THREADS", str(request.param))
    monkeypatch.setattr(workers, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(workers, "CPU_BYTES", 1)
    monkeypatch.setattr(workers, "DEVICE_BYTES", 1)


def expect_the_formula(net, x):
    """The engine gives what the layers' formulas give."""
    got = step(net, x)
    grads = {name: to_numpy(grad) for name, grad in got.grads.items()}
    with engine.switched_off():
        expected = step(net, x)
    expect_close(to_numpy(got.y), to_numpy(expected.y), x.dtype)
    expect_close(to_numpy(got.dx), to_numpy(expected.dx), x.dtype)
    for name, grad in grads.items():
        expect_close(grad, to_numpy(expected.grads[name]), x.dtype)


@pytest.mark.parametrize("layer", [Tanh(), Gain(3), Shortcut(3), LocalResponseNorm(3, alpha=0.1)], ids=repr)
def test_a_layer_is_run_image_by_image(device, image_by_image, layer):
    net = Sequential(copy.deepcopy(layer), Tanh(), copy.deepcopy(layer)).astype("float64").to(device)
    expect_the_formula(net, to_device(numbers((7, 5, 4, 3)), device))


def test_the_layer_itself_is_not_touched_but_for_its_gradients(image_by_image):
    """So what it kept of a forward of its own is still there afterwards."""
    gain, shortcut = Gain(3).astype("float64"), Shortcut(3).astype("float64")
    x, net = numbers((4, 5, 5, 3)), Sequential(gain, shortcut)
    own = gain.forward(2 * x), shortcut.forward(2 * x)
    before = {name: parameter.value for name, parameter in net.parameters().items()}
    step(net, x)
    assert gain.seen is not x and all(p.value is before[name] for name, p in net.parameters().items())
    expect_close(gain.backward(own[0]), own[0] * gain.w.value, "float64")
    assert shortcut.backward(own[1]).shape == x.shape


def test_a_copy_has_gradients_and_memory_of_its_own_and_shares_the_values():
    layer = Shortcut(3)
    layer.forward(numbers((2, 4, 4, 3), "float32"))
    second = replica(layer)
    assert list(second.parameters()) == list(layer.parameters()) and list(dict(second.layers())) == list(
        dict(layer.layers()))  # fmt: skip
    for name, parameter in layer.parameters().items():
        assert second.parameters()[name] is not parameter and second.parameters()[name].value is parameter.value
    assert not {id(one) for one in layer.tree()} & {id(one) for one in second.tree()}
    assert not any(one.kept() for one in second.tree())


def test_the_shares_of_a_gradient_are_added_in_a_fixed_order(monkeypatch):
    """With numbers of very different sizes every other order would show."""
    layer, net = Gain(1), None
    layer.w.value = np.ones(1, "float32")
    net, x = Sequential(layer), (10.0 ** np.arange(-8, 8)).astype("float32").reshape(16, 1, 1, 1)
    monkeypatch.setenv("TINYCNN_THREADS", "4")
    monkeypatch.setattr(workers, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(workers, "CPU_BYTES", 1)
    dy = numbers(x.shape, "float32")
    shares = np.float32(0)
    for worker in range(4):
        share = np.float32(0)
        for i in range(4 * worker, 4 * worker + 4):
            share += (x[i] * dy[i]).item()
        shares += share
    for _ in range(20):
        net.forward(x)
        net.backward(dy)
        assert layer.w.grad.tolist() == [shares]


def test_a_parameter_that_got_no_gradient_in_any_part_has_none_in_the_end(image_by_image):
    class Half(Gain):
        per_image = True

        def __init__(self):
            super().__init__(3)
            self.unused = Parameter(np.zeros(2, "float32"))

    net = Sequential(Half())
    step(net, numbers((4, 2, 2, 3), "float32"))
    assert net[0].unused.grad is None and net[0].w.grad.shape == (3,)


class Cropped(Layer):
    per_image = True

    def forward(self, x):
        self.remember(x.shape)
        return x[:, 1:]

    def backward(self, dy):
        return np.pad(dy, ((0, 0), (1, 0), (0, 0), (0, 0)))


def test_a_shape_that_was_not_announced_is_explained():
    net, x = Sequential(ReLU(), Cropped()), numbers((2, 4, 4, 3), "float32")
    words = r"Cropped\(\).output_shape\(4, 4, 3\) says \(4, 4, 3\) for one image.* returned \(2, 3, 4, 3\) for 2"
    with pytest.raises(ShapeError, match=words + ".*defines output_shape"):
        net.forward(x)

    class Announced(Cropped):
        per_image = True

        def output_shape(self, shape):
            return (shape[0] - 1, *shape[1:])

    assert Sequential(ReLU(), Announced()).forward(x).shape == (2, 3, 4, 3)


def test_another_dtype_is_explained():
    class Doubled(Tanh):
        per_image = True

        def forward(self, x):
            return super().forward(x.astype("float64"))

    with pytest.raises(DtypeError, match=r"Doubled\(\).forward turned float32 into float64.* one dtype"):
        Sequential(ReLU(), Doubled()).forward(numbers((2, 4, 4, 3), "float32"))


def test_per_image_counts_only_where_the_class_itself_says_so():
    class Quiet(Tanh):
        pass

    class Loud(Tanh):
        per_image = True

    class No(Tanh):
        per_image = False

    kinds = [type(row).__name__ for row in engine.plan([Quiet(), Loud(), Tanh(), No(), Loud()], np)]
    assert kinds == ["Whole", "Chunked", "Whole", "Chunked"]


def test_a_network_inside_a_layer_finds_the_engine_switched_off():
    """Its threads are all at work already."""
    found = []

    class Asking(Tanh):
        per_image = True

        def forward(self, x):
            found.append(engine.enabled())
            return super().forward(x)

    Sequential(Asking()).forward(numbers((2, 3), "float32"))
    assert found == [False] and engine.enabled()


def test_without_dx_a_layer_is_told_so_or_never_asked():
    class Asked(Conv2d):
        per_image = skips_input_gradient = True
        found = []

        def backward(self, dy, input_gradient=True):
            self.found.append(input_gradient)
            return super().backward(dy, input_gradient)

    class Below(Tanh):
        per_image = True

        def backward(self, dy):
            raise AssertionError("there is nothing to learn below")

    net = Sequential(Below(), Asked(3, 2, 1), Tanh(), Asked(2, 2, 1))
    step(net, numbers((2, 4, 4, 3), "float32"), input_gradient=False)
    assert Asked.found == [True, False]


@given(poolings(), DTYPES, LAYOUTS, st.booleans())
def test_pooling_in_a_row_has_the_bits_of_its_formula(device, geometry, dtype, layout, ties):
    """A maximum rounds nothing, and the gradients are added in the same order."""
    arguments, shape = geometry
    x = lay_out(numbers(shape, dtype).round() if ties else numbers(shape, dtype), layout, device)
    for layers in ([MaxPool2d(**arguments)], [AvgPool2d(**arguments)]):
        net, found = Sequential(*layers), []
        for off in (True, False):
            with engine.switched_off() if off else pytest.MonkeyPatch.context():
                y = net.forward(x)
                found.append((y, net.backward(lay_out(numbers(y.shape, dtype, seed=1), layout, device))))
        for one, other in zip(*found, strict=True):
            np.testing.assert_array_equal(to_numpy(one), to_numpy(other))


@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_pooling_in_a_row_passes_nan_on(device, place):
    """Where the gradient of such a window goes is left open; the others are not disturbed."""
    x, dy = numbers((2, 4, 6, 2), "float32"), numbers((2, 2, 3, 2), "float32", seed=1)
    x[(1, *place, 0)] = np.nan
    net, found = Sequential(MaxPool2d(2)), []
    for off in (True, False):
        with engine.switched_off() if off else pytest.MonkeyPatch.context():
            y, dx = net.forward(to_device(x, device)), net.backward(to_device(dy, device))
            found.append((to_numpy(y), to_numpy(dx)))
    (y, dx), (expected, expected_dx) = found
    np.testing.assert_array_equal(y, expected)
    assert np.isnan(y).sum() == 1 and np.isnan(y[1, 0, 0, 0])
    dx[1, :2, :2, 0] = expected_dx[1, :2, :2, 0] = 0
    np.testing.assert_array_equal(dx, expected_dx)


@given(poolings(), DTYPES)
def test_every_pixel_of_y_and_dx_is_written(geometry, dtype):
    """Also those that no window sees: the arrays come with whatever was in that memory before."""
    arguments, shape = geometry
    x, worker = numbers(shape, dtype), Worker(0, shape[0])
    for kind, layer in ((MaxPooling, MaxPool2d(**arguments)), (Formula, AvgPool2d(**arguments)), (Rectifier, ReLU())):
        single = kind(layer, x.shape, x.dtype)
        y, dx = np.full((len(x), *single.y_shape), np.nan, dtype), np.full(shape, np.nan, dtype)
        kept = single.forward(x, y, worker)
        single.backward(numbers(y.shape, dtype, seed=1), kept, dx, worker)
        assert np.isfinite(y).all() and np.isfinite(dx).all()


def test_on_a_device_a_maximum_takes_no_patches(monkeypatch):
    monkeypatch.setattr("tinycnn.layers.pool.im2col", lambda *given: pytest.fail("patches"))
    step(Sequential(MaxPool2d(3, 2)), to_device(numbers((2, 7, 7, 3), "float32"), "simulated"))


def test_windows_larger_than_a_byte_can_number(device):
    x = np.zeros((1, 20, 20, 1))
    x[0, 16, 19] = 1.0  # place 16 * 20 + 19 = 339 of the window
    expect_the_formula(Sequential(MaxPool2d(20)), to_device(x, device))


# --- what a layer of a learner's own may do with its gradients ---


class Shared(Layer):
    """Two parameters, one gradient array."""

    per_image = True

    def __init__(self, c):
        self.a, self.b = Parameter(np.zeros(c, "float32")), Parameter(np.zeros(c, "float32"))

    def forward(self, x):
        self.remember(output=x)
        return x + self.a.value + self.b.value

    def backward(self, dy):
        self.recall(dy)
        self.a.grad = self.b.grad = dy.sum((0, 1, 2))
        return dy


class View(Shared):
    """A gradient that is a part of dy itself."""

    per_image = True

    def backward(self, dy):
        self.recall(dy)
        self.a.grad, self.b.grad = dy[0, 0, 0], np.broadcast_to(dy.sum(), self.b.value.shape)
        return dy


class Sometimes(Shared):
    """A gradient in some chunks only."""

    per_image = True

    def backward(self, dy):
        self.recall(dy)
        self.a.grad = dy.sum((0, 1, 2)) if dy.max() > 0 else None
        return dy


class Stack(Layer):
    """What backward needs lies in a list."""

    per_image = True

    def __init__(self):
        self.stack = []

    def forward(self, x):
        self.stack.append(x)
        return x * x

    def backward(self, dy):
        return 2 * dy * self.stack.pop()


@pytest.mark.parametrize("layer", [Shared(3), View(3), Stack()], ids=lambda layer: type(layer).__name__)
def test_gradients_of_chunks_are_added_whatever_they_share(monkeypatch, layer):
    monkeypatch.setenv("TINYCNN_THREADS", "2")
    monkeypatch.setattr(workers, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(workers, "CPU_BYTES", 1)
    net, x = Sequential(layer), numbers((5, 2, 2, 3), "float32")
    dy = np.ones_like(x)
    net.forward(x)
    dx = net.backward(dy)
    np.testing.assert_array_equal(dy, np.ones_like(x))
    if isinstance(layer, Stack):
        np.testing.assert_allclose(dx, 2 * x)
    else:
        total = {"Shared": 20.0, "View": 5.0}[type(layer).__name__]
        np.testing.assert_array_equal(layer.a.grad, np.full(3, total, np.float32))
        assert layer.b.grad.sum() == {"Shared": 60.0, "View": 180.0}[type(layer).__name__]


@pytest.mark.parametrize("image", [0, 4])
def test_a_gradient_that_only_one_chunk_has_is_kept(monkeypatch, image):
    monkeypatch.setenv("TINYCNN_THREADS", "2")
    monkeypatch.setattr(workers, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(workers, "CPU_BYTES", 1)
    layer, x = Sometimes(3), numbers((5, 2, 2, 3), "float32")
    net, dy = Sequential(layer), np.zeros_like(x)
    dy[image] = 1
    net.forward(x)
    net.backward(dy)
    np.testing.assert_array_equal(layer.a.grad, np.full(3, 4.0, np.float32))


@pytest.mark.parametrize("per_image", [True, False])
@pytest.mark.parametrize("method", ["forward", "backward"])
def test_a_forgotten_return_is_said(per_image, method):
    class Silent(Layer):
        def forward(self, x):
            self.remember(output=x)
            return None if method == "forward" else x

        def backward(self, dy):
            return None

    Silent.per_image = per_image
    net, x = Sequential(Silent(), ReLU()), numbers((2, 3, 3, 1), "float32")
    with pytest.raises((TypeError, ShapeError), match=rf"Silent(\(\))?\.{method} returned (nothing|None)"):
        net.forward(x)
        net.backward(x)
