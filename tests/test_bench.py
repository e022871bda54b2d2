"""The bench command on tiny networks: it runs, says what it measured, counts right, and refuses unequal sides.

No time is asserted anywhere: what is tested is the arithmetic around the clock.
"""

import gc
import json
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.backend import gpu_problem
from tinycnn.bench import measure, on_device, process, report, roofline, run, scaling, sides, workloads
from tinycnn.cli import bench, main
from tinycnn.errors import DataError
from tinycnn.layers import (
    AvgPool2d,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
    Sequential,
)
from tinycnn.models.localizer import Localizer, small_head
from tinycnn.simulated import launches

pytestmark = pytest.mark.slow  # processes and pictures of their own, half a minute in all

TINY = {"architecture": "localizer", "num_classes": 3, "image_size": 16, "channels": [4, 8], "hidden": 8}
TRAINING = workloads.Workload("T", "a tiny step", TINY, "training", 4, repeats=2)
PREDICTION = workloads.Workload("P", "a tiny prediction", TINY, "inference", 2, repeats=2)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Networks this small are slower on several threads, in PyTorch most of all."""
    monkeypatch.setenv("TINYCNN_THREADS", "1")


@pytest.fixture
def tiny(monkeypatch):
    """The command's own workloads replaced by tiny ones, and no wait between turns."""
    monkeypatch.setattr(workloads, "WORKLOADS", (TRAINING, PREDICTION))
    monkeypatch.setattr(measure, "PAUSE", 0.0)
    monkeypatch.setattr(measure, "SHORTEST", 0.0)
    monkeypatch.setattr(measure, "product_sizes", lambda device: (16,))


@pytest.fixture
def torch():
    """PyTorch, with its number of threads restored afterwards."""
    module = pytest.importorskip("torch")
    before = module.get_num_threads()
    yield module
    module.set_num_threads(before)


# --- arithmetic ---


@pytest.mark.parametrize("network", [TINY, {"architecture": "localizer", "image_size": 32, "hidden": 16}])
def test_operations_are_those_of_the_summary(network):
    model = tc.models.build(network)
    training = workloads.Workload("T", "", network, "training", 5)
    rows = tc.summary(model).rows
    first = next(row.multiply_adds for row in rows if row.multiply_adds)
    total = sum(row.multiply_adds for row in rows)
    assert workloads.flop(training, model) == 5 * 2 * (3 * total - first)
    assert workloads.flop(workloads.Workload("P", "", network, "inference", 5), model) == 5 * 2 * total
    work = workloads.work_by_layer(model)
    assert sum(one.flop(5) for one in work.values()) == workloads.flop(training, model)
    assert {name: one.multiply_adds for name, one in work.items()} == {
        row.name: row.multiply_adds for row in rows if row.multiply_adds}


def test_operations_of_a_step_counted_by_hand():
    model = tc.models.build(TINY)
    conv1, conv2, hidden, heads = 16 * 16 * 4 * 27, 8 * 8 * 8 * 36, 4 * 4 * 8 * 8, 8 * 3 + 8 * 4
    assert workloads.flop(TRAINING, model) == 4 * 2 * (2 * conv1 + 3 * (conv2 + hidden + heads))


def test_the_named_workloads_are_those_promised():
    found = {workload.key: workload for workload in workloads.WORKLOADS}
    assert found["A"].network["channels"] == [16, 32, 64, 128] and found["A"].network["hidden"] == 256
    small, default = (found[key].model() for key in "AB")
    assert default.config == tc.models.localizer().config and default.image_size == small.image_size == 64
    assert found["C"].network == {"architecture": "alexnet", "num_classes": 1000}
    batches = {key: workload.batch for key, workload in found.items()}
    assert batches == {"A": 64, "B": 64, "C": 16, "D1": 1, "D256": 256, "E": 64}


def test_choosing_workloads():
    def keys(*arguments):
        return [workload.key for workload in workloads.choose(*arguments)]

    assert keys([]) == ["A", "B", "C", "D1", "D256"]
    assert keys([], "photos") == ["A", "B", "C", "D1", "D256", "E"]
    assert keys(["d", "A", "d1"]) == ["D1", "D256", "A"]
    assert workloads.choose(["e"], "photos", 2)[0].workers == 2
    with pytest.raises(DataError, match="no workload 'F': use A, B, C, D, E"):
        keys(["F"])
    with pytest.raises(DataError, match="--data"):
        keys(["E"])


def test_a_slope_is_the_power_of_the_growth():
    sizes = np.array([1, 2, 4, 8, 16])
    assert scaling.slope(sizes, 0.3 * sizes**1.25) == pytest.approx(1.25)


def test_ratios_are_of_neighbors():
    # The machine became ten times slower in the middle: medians compared with each other would say 1.
    ours, theirs = measure.Times((1.0, 2.0, 30.0), 4), measure.Times((2.0, 4.0, 40.0), 4)
    assert measure.ratio(ours, theirs) == {"median": 0.5, "min": 0.5, "max": 0.75}
    assert ours.to_dict()["images_per_second"] == 2.0


# --- clocks ---


class Counting(sides.Side):
    """A side that writes its turns into a list."""

    def __init__(self, name, turns):
        self.name, self.turns = name, turns

    def step(self):
        self.turns.append(self.name)


def test_sides_take_turns(tiny):
    turns = []
    first, second = (Counting(name, turns) for name in "ab")
    times = measure.alternate([first, second], repeats=3, steps=2)
    assert turns == list("aabb") + list("aabb") * 3  # the warm-up, then three rounds
    assert [len(times[name].seconds) for name in "ab"] == [3, 3] and min(times["a"].seconds) >= 0


def test_short_steps_are_repeated_within_a_turn(monkeypatch):
    monkeypatch.setattr(measure, "PAUSE", 0.0)
    turns = []
    measure.alternate([Counting("a", turns)], repeats=1)
    assert len(turns) == 2 + 1 + 250  # the warm-up, one to see how long it takes, and the most that fit a turn


def test_a_stopwatch_waits_adds_up_and_leaves_nothing_behind():
    waits, layer = [], ReLU()
    with measure.Stopwatch(lambda: waits.append(1)) as watch:
        watch.on(layer, "forward", "relu")
        y = layer.forward(np.array([-1.0, 2.0]))
        once = watch.seconds["relu"]
        layer.forward(y)
    np.testing.assert_array_equal(y, [0.0, 2.0])
    assert 0 < once < watch.seconds["relu"] and len(waits) == 4
    assert "forward" not in vars(layer)


def test_every_layer_has_its_time_and_its_operations():
    side = sides.TinyCNN(TRAINING)
    rows = measure.by_layer(side, workloads.work_by_layer(side.model), repeats=2)
    names = [name for name, _ in side.model.layers()]
    assert [row["name"] for row in rows] == [*names, "loss", "optimizer", "all between"]
    by_name = {row["name"]: row for row in rows}
    pools = {"trunk.pool1", "trunk.pool2"}  # inside the convolutions before them, which have the time of both
    assert all((by_name[name]["forward"] or 0) > 0 for name in {*names} - pools)
    assert all((by_name[name]["backward"] or 0) > 0 for name in {*names} - pools)
    assert all(by_name[name]["forward"] is by_name[name]["backward"] is None for name in pools)
    conv1, conv2 = by_name["trunk.conv1"], by_name["trunk.conv2"]
    assert conv1["forward_gflops"] * conv1["forward"] * 1e9 == pytest.approx(2 * 4 * 16 * 16 * 4 * 27)
    # The first layer gives no gradient of its input, every other one multiplies twice as much as in forward.
    assert conv1["backward_gflops"] * conv1["backward"] * 1e9 == pytest.approx(2 * 4 * 16 * 16 * 4 * 27)
    assert conv2["backward_gflops"] * conv2["backward"] * 1e9 == pytest.approx(2 * 2 * 4 * 8 * 8 * 8 * 36)
    assert "forward_gflops" not in by_name["trunk.relu1"]
    for thing in (side, side.loss, side.optimizer, *(layer for _, layer in side.model.layers())):
        assert not {"step", "forward", "backward"} & set(vars(thing))


def test_a_layer_that_is_never_called_has_no_time(monkeypatch):
    side = sides.TinyCNN(PREDICTION)
    monkeypatch.setattr(side.model.trunk, "forward", lambda x: np.zeros((len(x), 8), x.dtype))
    rows = {row["name"]: row for row in measure.by_layer(side, workloads.work_by_layer(side.model), repeats=1)}
    assert rows["trunk.conv1"]["forward"] is rows["trunk.conv1"]["forward_gflops"] is None
    assert rows["class_head"]["forward"] > 0 and "optimizer" not in rows


@pytest.mark.parametrize("engine", ["0", "1"])
def test_a_step_watched_computes_what_a_step_does(engine, monkeypatch):
    monkeypatch.setenv("TINYCNN_ENGINE", engine)
    watched, plain = sides.TinyCNN(TRAINING), sides.TinyCNN(TRAINING)
    measure.by_layer(watched, {}, repeats=2)
    plain.sample(2)
    assert watched.answers() == plain.answers()


def test_the_fastest_product_is_a_rate(monkeypatch):
    monkeypatch.setattr(measure, "product_sizes", lambda device: (8, 32))
    now = iter(np.arange(100) * 1e-6)
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))  # every product takes 1 µs
    assert measure.fastest_product() == pytest.approx(2 * 32**3 / 1e-6 / 1e9)


# --- the same work on both sides ---


def test_both_sides_lose_the_same(torch):
    from tinycnn.bench.torch_twin import Torch, forms

    ours = sides.TinyCNN(TRAINING).answers()
    assert abs(ours["losses"][0] - ours["losses"][2]) > 1e-3  # training changes something, so agreement says something
    for form in forms("training"):
        theirs = Torch(TRAINING, **form).answers()
        np.testing.assert_allclose(ours["losses"], theirs["losses"], rtol=1e-4)
        np.testing.assert_allclose(ours["gradients"], theirs["gradients"], rtol=1e-3)


def test_both_sides_predict_the_same(torch):
    found = run.agreement(PREDICTION)
    assert set(found) == {"boxes", "scores"} and max(found.values()) < 1e-4


def test_sides_that_differ_are_not_measured(torch, monkeypatch):
    right = Conv2d.backward

    def wrong(self, dy, input_gradient=True):
        dx = right(self, dy, input_gradient)
        self.w.grad = self.w.grad * 0.9
        return dx

    monkeypatch.setattr(Conv2d, "backward", wrong)
    with pytest.raises(process.BenchError, match="do not compute the same"):
        run.agreement(TRAINING)
    run.agreement(PREDICTION)  # its forward is right


def everything():
    """A localizer with every kind of layer that has a counterpart, on pictures of 20 x 20."""
    rng = np.random.default_rng(3)
    trunk = Sequential(
        Conv2d(3, 8, (5, 3), stride=2, padding=(2, 0), rng=rng), ReLU(),
        LocalResponseNorm(5, alpha=0.3, beta=0.75, k=2.0, divide_alpha=False), MaxPool2d(3, stride=2, ceil_mode=True),
        Sequential(Conv2d(8, 6, 3, padding=1, groups=2, bias=False, rng=rng), ReLU()),
        LocalResponseNorm(3, alpha=0.2), AvgPool2d(2, padding=1, count_include_pad=False),
        Flatten(), Linear(3 * 3 * 6, 12, rng=rng), ReLU(), Dropout(0.5), Linear(12, 7, bias=False, rng=rng),
        input_shape=(20, 20, 3),
    )  # fmt: skip
    return Localizer(trunk, small_head(7, 3, rng), small_head(7, 4, rng), ("a", "b", "c"), 20, False, None)


@pytest.mark.parametrize("channels_last", [False, True])
def test_every_layer_has_its_counterpart(torch, monkeypatch, channels_last):
    from tinycnn.bench.torch_twin import Torch

    monkeypatch.setattr(workloads.Workload, "model", lambda self: everything())
    ours, theirs = sides.TinyCNN(TRAINING), Torch(TRAINING, channels_last=channels_last)
    ours, theirs = ours.answers(), theirs.answers()
    np.testing.assert_allclose(ours["losses"], theirs["losses"], rtol=1e-4)
    np.testing.assert_allclose(ours["gradients"], theirs["gradients"], rtol=1e-3)
    with pytest.raises(TypeError, match="no counterpart"):
        tc.to_torch(tc.layers.Layer())


def test_without_pytorch_the_cure_is_named(tiny, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "tinycnn.bench.torch_twin", raising=False)
    monkeypatch.delattr("tinycnn.bench.torch_twin", raising=False)
    assert main(["bench", "T", "--against", "torch", "--device", "cpu"]) == 1
    out, err = capsys.readouterr()
    assert "pip install torch" in err and err.count("\n") == 1 and not out


# --- processes of their own ---


def test_memory_of_a_process_counts_its_own(tiny):
    held = np.ones(40_000_000)  # what this process holds is not the other one's
    found = process.peak_memory(TRAINING)
    assert 5e6 < found["imported_bytes"] <= found["peak_bytes"] < held.nbytes
    assert found["gpu_pool_bytes"] is None
    more = workloads.Workload("T", "", TINY | {"image_size": 64}, "training", 128)
    # At least the output of the first convolution, which backward needs.
    assert process.peak_memory(more)["peak_bytes"] > found["peak_bytes"] + 128 * 64 * 64 * 4 * 4


def test_a_process_that_fails_says_why():
    impossible = workloads.Workload("T", "", TINY | {"image_size": 2}, "training", 1)
    with pytest.raises(process.BenchError, match="does not fit|too small"):
        process.Remote(impossible)
    with pytest.raises(process.BenchError, match="status 1.*KeyError"):
        process.Remote(workloads.Workload("T", "", {"architecture": "nothing"}, "training", 1))


# --- the command ---


def test_the_command_prints_every_part(tiny, capsys):
    assert main(["bench", "--device", "cpu", "--repeats", "2"]) == 0
    out, err = capsys.readouterr()
    for words in ("thread", f"NumPy {np.__version__}", "GFLOP/s", "T: a tiny step, batch 4", "P: a tiny prediction",
                  "peak memory", "trunk.conv1", "optimizer", "all between", "Arithmetic"):
        assert words in out, words
    assert "PyTorch" not in out and not err
    lines = [line for line in out.splitlines() if not line.startswith(("BLAS: ", "WARNING: "))]  # as long as names are
    assert max(map(len, lines)) <= 132


def test_json_holds_what_was_measured(tiny, capsys):
    assert main(["bench", "T", "--json", "--device", "cpu", "--repeats", "3"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["machine"]["numpy"] == np.__version__ and found["peak_gflops"]["tinycnn"] > 0
    measured = found["workloads"]["T"]
    assert workloads.Workload(**measured["workload"]) == TRAINING
    times = measured["times"]["tinycnn"]
    assert len(times["seconds"]) == 3
    assert times["min_seconds"] <= times["median_seconds"] <= times["max_seconds"]
    arithmetic = measured["arithmetic"]
    assert arithmetic["gflop"] * 1e9 == workloads.flop(TRAINING, TRAINING.model())
    assert arithmetic["share_at_peak"] * times["median_seconds"] == pytest.approx(arithmetic["seconds_at_peak"])


@pytest.mark.parametrize("paired", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_against_pytorch(torch, tiny, monkeypatch, capsys, paired):
    if not paired:  # each process imports PyTorch, which takes seconds
        known = {"peak_bytes": 2e8, "imported_bytes": 1e8, "gpu_pool_bytes": None}
        monkeypatch.setattr(run, "peak_memory", lambda *arguments: known)
    assert main(["bench", "T", "--against", "torch", "--device", "cpu", "--repeats", "2", "--json",
                 *(["--paired"] if paired else [])]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["machine"]["torch"] == torch.__version__ and set(found["peak_gflops"]) == {"tinycnn", "PyTorch"}
    measured = found["workloads"]["T"]
    plain, fused = ["PyTorch, default", "PyTorch, channels_last"], "PyTorch, channels_last, fused optimizer"
    assert list(measured["times"]) == ["tinycnn", *plain, fused] and measured["paired"] == paired
    assert measured["rival"] == min(plain, key=lambda name: measured["times"][name]["median_seconds"])
    assert set(measured["agreement"]) == {"losses", "gradients"} and max(measured["agreement"].values()) < 1e-3
    assert set(measured["memory"]) == {"tinycnn", measured["rival"]}
    assert measured["memory"][measured["rival"]]["imported_bytes"] > 5e7  # PyTorch's own libraries are told apart
    written = report.text(measured)
    assert "From the same weights both compute the same" in written and f"{measured['rival']} *" in written


def test_against_onnxruntime(tiny, monkeypatch, capsys):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(run, "peak_memory",
                        lambda *arguments: {"peak_bytes": 2e8, "imported_bytes": 1e8, "gpu_pool_bytes": None})
    given = ["--against", "onnxruntime", "--device", "cpu", "--repeats", "2", "--json"]
    assert main(["bench", "P", *given]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["machine"]["onnxruntime_threads"] == 1 and "ONNX Runtime" in report.heading(found["machine"], {})
    measured = found["workloads"]["P"]
    assert list(measured["times"]) == ["tinycnn", "ONNX Runtime"] and measured["rival"] == "ONNX Runtime"
    assert set(measured["agreement"]) == {"scores", "boxes"} and max(measured["agreement"].values()) < 1e-4
    assert "* ONNX Runtime at its fastest" in report.text(measured)
    assert main(["bench", "T", *given]) == 1
    assert "ONNX Runtime does not train" in capsys.readouterr().err


def test_the_simulated_device_says_that_its_times_mean_nothing(tiny, capsys):
    assert main(["bench", "T", "--device", "simulated", "--repeats", "1"]) == 0
    out, _ = capsys.readouterr()
    assert "none of these times means anything" in out and "on simulated" in out and "trunk.conv1" in out
    assert "forward: host" in out and "images, uint8, to the device" in out


def test_a_device_shows_copies_kernels_and_memory_layer_by_layer():
    """On the simulated device: launches as simulated.launches counts them, memory as large as what a layer keeps."""
    side = sides.TinyCNN(TRAINING, "simulated")
    rows = {row["name"]: row for row in on_device.by_layer(side, 2)}
    assert list(rows) == [name for name, _ in side.model.layers()]
    conv, x = side.model.trunk["conv1"], side.x
    with launches() as counted:
        y = Sequential(conv).forward(x)
    found = rows["trunk.conv1"]["forward"]
    assert found["launches"] == counted.total() and found["device"] >= found["host"] > 0
    assert y.nbytes <= found["bytes"] < y.nbytes + 2**14  # y stays, and little else
    assert rows["trunk.flatten1"]["forward"]["launches"] == 0
    uploaded, wide, loss = on_device.copies(side, 1)
    assert (uploaded["bytes"], wide["bytes"], loss["bytes"]) == (x.size, 4 * x.size, 4)
    assert all(row["bytes_per_second"] == row["bytes"] / row["seconds"] for row in (uploaded, wide, loss))


def test_events_and_the_pool_of_a_gpu_are_asked_in_their_order():
    asked = []

    class Event:
        def record(self):
            asked.append("record")

        def synchronize(self):
            asked.append("synchronize")

    class Pool:
        def used_bytes(self):
            return 7

    cuda = SimpleNamespace(Event=Event, get_elapsed_time=lambda start, end: 250.0)
    probe = on_device.CudaProbe(SimpleNamespace(cuda=cuda, get_default_memory_pool=Pool))
    assert probe.seconds(probe.event(), probe.event()) == 0.25 and probe.used_bytes() == 7
    assert asked == ["record", "record", "synchronize"]


@pytest.mark.gpu
def test_a_gpu_shows_its_pool(tiny, capsys):
    if gpu_problem() is not None:
        pytest.skip(f"no GPU: {gpu_problem()}")
    assert main(["bench", "T", "--device", "cuda", "--repeats", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["machine"]["gpu"] and found["workloads"]["T"]["times"]["tinycnn"]["images_per_second"] > 0
    model = TRAINING.model()
    weights = sum(parameter.value.nbytes for parameter in model.parameters().values())
    # Weights, gradients and velocities at least; PyTorch's pool, where it is installed, is held against it.
    assert all(memory["gpu_pool_bytes"] > 3 * weights for memory in found["workloads"]["T"]["memory"].values())


def test_on_a_gpu_pytorch_is_asked_for_by_itself(monkeypatch):
    torch_twin = pytest.importorskip("tinycnn.bench.torch_twin", exc_type=ImportError)
    monkeypatch.setattr(torch_twin.torch.cuda, "is_available", lambda: False)
    against, (why_not,) = bench._against(None, "cuda")
    assert against is None and "cannot use the GPU" in why_not
    monkeypatch.setattr(torch_twin.torch.cuda, "is_available", lambda: True)
    assert bench._against(None, "cuda:1") == ("torch", [])
    assert bench._against(None, "cpu") == (None, []) and bench._against("torch", "cpu") == ("torch", [])


def test_scaling_makes_a_table_and_a_figure(tiny, tmp_path, monkeypatch, capsys):
    image = pytest.importorskip("PIL.Image")
    monkeypatch.setattr(scaling, "BATCHES", (1, 2, 4))
    monkeypatch.setattr(scaling, "SIDES", (8, 16))
    out = tmp_path / "cost.png"
    command = ["bench", "T", "--scaling", "--device", "cpu", "--repeats", "1", "--out", str(out)]
    assert main(command) == 0
    printed, _ = capsys.readouterr()
    assert "16 x 16" in printed and "8 x 8" in printed and "batch^" in printed and "area^" in printed
    picture = image.open(out)
    assert min(picture.size) > 400 and np.asarray(picture.convert("L")).std() > 5
    before = out.read_bytes()
    assert main(command) == 2 and out.read_bytes() == before
    assert "exists already" in capsys.readouterr().err
    assert main([*command, "--force", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["scaling"]
    assert [point["batch"] for point in found["batch"]["points"]] == [1, 2, 4]
    assert [point["size"] for point in found["area"]["points"]] == [64, 256]
    assert set(found["area"]["slopes"]) == {"tinycnn"}


def test_a_roofline_makes_a_table_and_a_figure(tiny, tmp_path, monkeypatch, capsys):
    image = pytest.importorskip("PIL.Image")
    monkeypatch.setattr(roofline, "COPIED", 2**16)
    out = tmp_path / "roof.png"
    command = ["bench", "T", "--roofline", "--device", "cpu", "--repeats", "1", "--out", str(out)]
    assert main(command) == 0
    printed, _ = capsys.readouterr()
    assert "conv1 + pool1" in printed and "optimizer" in printed and "GB/s" in printed and "at best" in printed
    picture = image.open(out)
    assert min(picture.size) > 400 and np.asarray(picture.convert("L")).std() > 5
    assert main(command) == 2 and "exists already" in capsys.readouterr().err
    for arguments in (["E", "--data", "photos"], ["T", "P"], ["T", "--scaling"], ["T", "--against", "torch"]):
        assert main(["bench", "--roofline", *arguments, "--out", str(tmp_path / "other.png")]) in (1, 2)


def test_the_bytes_and_operations_of_a_layer_counted_by_hand():
    rows = [{"name": name, "forward": 1.0, "backward": 2.0} for name, _ in TRAINING.model().layers()]
    fused = {f"trunk.pool{i}": None for i in (1, 2)}
    rows = [row | ({"forward": None, "backward": None} if row["name"] in fused else {}) for row in rows]
    found = {(point.name, point.way): point for point in roofline.points(TRAINING, TRAINING.model(), rows)}
    x, y, w = 4 * 16 * 16 * 3, 4 * 8 * 8 * 4, 27 * 4 + 4
    first, back = (found["conv1 + pool1", way] for way in ("forward", "backward"))
    assert first.bytes == 4 * (x + y + w) and first.flop == 2 * 4 * 16 * 16 * 4 * 27
    assert back.bytes == 4 * (y + x + 2 * w) and back.flop == first.flop and back.seconds == 2.0
    inner = found["relu1", "backward"]
    assert inner.flop == 0 and inner.bytes == 4 * 3 * y and inner.ideal(100, 10) == (inner.bytes / 1e10, "memory")
    assert first.ideal(1, 1e6)[1] == "arithmetic"


def test_what_cannot_be_scaled_is_refused(capsys):
    for arguments in (["C"], ["D"], ["E", "--data", "photos"]):
        assert main(["bench", "--scaling", *arguments]) == 2
        assert "--scaling takes one workload" in capsys.readouterr().err
    assert main(["bench", "--scaling", "--paired"]) == 2 and "--paired" in capsys.readouterr().err


# --- an epoch ---


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A folder of 20 pictures of 40 x 30 as JPEG files."""
    image = pytest.importorskip("PIL.Image")
    folder, rng = tmp_path_factory.mktemp("photographs"), np.random.default_rng(0)
    rows = ["image,label,xmin,ymin,xmax,ymax"]
    for i in range(20):
        y, x = np.mgrid[:30, :40]
        waves = 128 + 60 * np.sin((x * (1 + i % 3) + y)[..., None] / 6 + np.arange(3))
        pixels = (waves + rng.normal(0, 5, (30, 40, 3))).clip(0, 255).astype(np.uint8)
        image.fromarray(pixels).save(folder / f"{i:02}.jpg", quality=95)
        left, top = rng.integers(0, 14, 2)
        rows.append(f"{i:02}.jpg,{'cat' if i % 2 else 'dog'},{left},{top},{left + 12 + i % 9},{top + 8 + i % 8}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


def epoch_of(folder):
    return workloads.Workload("E", "a tiny epoch", TINY, "epoch", 8, repeats=1, data=str(folder), workers=0)


def test_an_epoch_reads_every_picture_and_keeps_none(photographs, watch):
    from tinycnn.bench import epoch
    from tinycnn.data import photographs as files

    samples = epoch.training_pictures(photographs)
    opened = watch(files, "read_image")
    side = epoch.TinyCNNEpoch(epoch_of(photographs), samples)
    before = side.model.class_head.w.value.copy()
    side.step()
    side.step()
    assert sorted(path for (path, *_), _ in opened) == sorted(2 * list(samples.images.paths)) and side.epochs == 2
    assert (side.model.class_head.w.value != before).any() and 0 < side.mean_loss < 5


def test_both_ways_to_change_a_picture_agree(photographs):
    """Pillow's pictures are ours but for rounding, and for the line of pixels where a window leaves the image."""
    from tinycnn.bench import epoch

    samples = epoch.training_pictures(photographs)
    model = epoch.model_for(epoch_of(photographs), samples)
    theirs = epoch.PillowPictures(samples, model, seed=4)
    rng, reached_out = np.random.default_rng(4), 0
    for i in list(range(len(samples))) * 3:
        window = epoch.AUGMENT.window((30, 40), samples.boxes[i], *np.random.default_rng(i).random(4))
        ours, box = epoch.AUGMENT(samples.images[i], samples.boxes[i], model.image_size, rng)
        image, other_box = theirs.picture(i)
        np.testing.assert_array_equal(box, other_box)
        difference = abs(ours.astype(int) - np.asarray(image).astype(int))
        assert np.median(difference) <= 1 and (difference > 3).mean() < 0.25
        reached_out += window[0] < 0 or window[2] > 40
    assert reached_out
    pixels, label, target = theirs[0]
    assert pixels.shape == (16, 16, 3) and pixels.dtype == np.uint8 and label == samples.labels[0]
    assert target.dtype == np.float32 and abs(target).max() < 10


def test_an_epoch_against_pytorch(torch, photographs, tiny, monkeypatch, capsys):
    monkeypatch.setattr(workloads, "WORKLOADS", (epoch_of(photographs),))
    assert main(["bench", "E", "--data", str(photographs), "--workers", "0", "--against", "torch", "--repeats", "1",
                 "--device", "cpu", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["workloads"]["E"]
    assert list(found["times"]) == ["tinycnn", "PyTorch, default", "PyTorch, channels_last"]
    losses = list(found["mean_losses"].values())
    assert max(losses) - min(losses) < 0.5 * max(losses)  # other windows, the same task
    written = report.text(found)
    assert "Mean loss of the last epoch" in written and f"pictures {found['images']}" in written
    gc.collect()


@pytest.mark.slow
def test_an_epoch_with_a_background_worker(torch, photographs):
    from tinycnn.bench import epoch
    from tinycnn.bench.torch_epoch import TorchEpoch

    samples = epoch.training_pictures(photographs)
    workload = workloads.Workload("E", "", TINY, "epoch", 8, data=str(photographs), workers=1)
    side = TorchEpoch(workload, samples, channels_last=True)
    side.warm_up()
    side.step()
    side.step()
    assert 0 < side.mean_loss < 5
    side.close()
