"""Around a layer on a device: its name in an error, ranges for a profiler, observers; and nothing of it on the CPU."""

import contextlib

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.backend import to_device
from tinycnn.cli.failures import explain
from tinycnn.engine import observed
from tinycnn.engine.on_device import Ranges
from tinycnn.layers import Conv2d, Flatten, Layer, Linear, ReLU, Residual, Sequential
from tinycnn.memory import explain_out_of_memory


class HostOnly(Layer):
    """Mixes a host array into what lies on the device, forward or backward."""

    def __init__(self, wrong):
        self.wrong = wrong

    def forward(self, x):
        self.remember(output=x)
        return x + np.ones(x.shape, x.dtype) if self.wrong == "forward" else x

    def backward(self, dy):
        self.recall(dy)
        return dy * np.ones(dy.shape, dy.dtype)

    def __repr__(self):
        return "HostOnly()"


def run(net):
    x = to_device(np.ones((2, 4, 4, 3), np.float32), "simulated")
    return net.backward(net.to("simulated").forward(x))


@pytest.mark.parametrize("way", ["forward", "backward"])
def test_the_simulated_device_names_the_layer_that_failed(way):
    net = Sequential(Conv2d(3, 3, 3, padding=1), Residual(Conv2d(3, 3, 1), HostOnly(way)), Flatten())
    with pytest.raises(tc.errors.DeviceError) as caught:
        run(net)
    inner, outer = caught.value.__notes__
    assert inner == f"in {way} of layer 2 of 2, HostOnly(), given (2, 4, 4, 3) of float32"
    assert outer.startswith(f"in {way} of layer 2 of 3, Residual(")
    assert inner in explain(caught.value)  # as the command line prints it


def test_on_the_cpu_nothing_is_added():
    net = Sequential(ReLU(), Linear(5, 2))
    with pytest.raises(tc.errors.ShapeError) as caught:
        net.forward(np.ones((1, 3), np.float32))
    assert not getattr(caught.value, "__notes__", [])


def test_memory_that_runs_out_is_said_with_the_layer():
    class Greedy(Layer):
        def forward(self, x):
            raise MemoryError("Out of memory allocating 9 bytes (allocated so far: 8 bytes, limit set to: 16)")

    with pytest.raises(MemoryError) as caught:
        run(Sequential(ReLU(), Greedy()))
    assert "(in forward of layer 2 of 2, Greedy(), given" in explain_out_of_memory(caught.value, 8)


class Profiler:
    """What Ranges asks of cupy.cuda.nvtx."""

    def __init__(self):
        self.depth, self.names = 0, []

    def RangePush(self, message):  # noqa: N802
        self.names.append((self.depth, message))
        self.depth += 1

    def RangePop(self):  # noqa: N802
        self.depth -= 1


def test_ranges_lie_inside_each_other_and_end_after_an_error_too():
    profiler = Profiler()
    with observed(Ranges(profiler)):
        run(Sequential(Residual(ReLU()), Flatten()))
        with contextlib.suppress(tc.errors.DeviceError):
            run(Sequential(HostOnly("forward")))
    assert [(depth, name.split("(")[0]) for depth, name in profiler.names] == [
        (0, "forward Residual"), (1, "forward ReLU"), (0, "forward Flatten"), (0, "backward Flatten"),
        (0, "backward Residual"), (1, "backward ReLU"), (0, "forward HostOnly")]  # fmt: skip
    assert profiler.depth == 0 and all("\n" not in name for _, name in profiler.names)


def test_ranges_are_off_unless_they_are_asked_for(monkeypatch):
    profiler, xp = Profiler(), tc.backend.array_module(to_device(np.ones(1), "simulated"))
    monkeypatch.setattr(type(xp), "cuda", type("cuda", (), {"nvtx": profiler}), raising=False)
    monkeypatch.delenv("TINYCNN_NVTX", raising=False)
    run(Sequential(ReLU()))
    assert not profiler.names
    monkeypatch.setenv("TINYCNN_NVTX", "1")
    run(Sequential(ReLU()))
    assert [name for _, name in profiler.names] == ["forward ReLU()", "backward ReLU()"]


def test_the_bits_are_the_same_with_an_observer():
    net = Sequential(Conv2d(3, 4, 3), ReLU(), Flatten())
    x = to_device(np.random.default_rng(0).standard_normal((2, 5, 5, 3), dtype=np.float32), "simulated")
    y = net.to("simulated").forward(x)
    with observed(Ranges(Profiler())):
        again = net.forward(x)
    assert bool((y == again).all())
