"""A GPU computes what the CPU computes, and the same bits each time.

The tests of each file run on a GPU too, through the fixture `device`. Here both are compared with each other: every
layer, and whole runs of training. The simulated device goes through the same lines, so that they are known to work
where no GPU is.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from harness import LIMIT, difference, distinct, expect_close, numbers, run

from tests.conformance.runs import samples
from tinycnn import layers, training
from tinycnn.backend import gpu_problem, to_device, to_numpy
from tinycnn.engine import workers
from tinycnn.losses import L2Loss, MultiTaskLoss, SoftmaxCrossEntropy
from tinycnn.models.localizer import localizer
from tinycnn.optim import SGD, Adam
from tinycnn.patches import col2im, im2col

OTHERS = ["simulated"] + ([pytest.param("cuda", marks=pytest.mark.gpu)] if gpu_problem() is None else [])


@pytest.fixture(scope="module", params=OTHERS)
def gpu(request):
    """A device that is not the CPU; the head of the report says why there is no GPU among them."""
    return request.param


# A sum of n products is about sqrt(n) large and its rounding error grows with n as well; the limits of expect_close are
# relative to the largest number of an array, so they grow with the length of its sums.
LAYERS = {
    "convolution": lambda: layers.Conv2d(8, 16, 3, padding=1, rng=np.random.default_rng(1)),
    "strided convolution": lambda: layers.Conv2d(8, 16, (5, 3), stride=(2, 3), padding=(2, 0)),
    "grouped convolution": lambda: layers.Conv2d(8, 16, 3, padding=1, groups=4),
    "convolution of 1 x 1": lambda: layers.Conv2d(8, 16, 1, bias=False),
    "max pooling": lambda: layers.MaxPool2d(2),
    "overlapping max pooling": lambda: layers.MaxPool2d(3, 2, 1, ceil_mode=True),
    "average pooling": lambda: layers.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
    "ReLU": lambda: layers.ReLU(),
    "normalization": lambda: layers.LocalResponseNorm(5, alpha=0.1),
    "dropout": lambda: layers.Dropout(0.5),
    "linear": lambda: layers.Sequential(layers.Flatten(), layers.Linear(15 * 14 * 8, 10)),
}


@pytest.mark.parametrize("dtype", LIMIT)
@pytest.mark.parametrize("name", LAYERS)
def test_layers_agree(gpu, name, dtype):
    x = distinct((3, 15, 14, 8), dtype) / 100 if "max" in name else numbers((3, 15, 14, 8), dtype)
    results = []
    for device in ("cpu", gpu):
        layer = LAYERS[name]().astype(dtype)
        if name == "dropout":
            results.append(dropped(layer, x, device))
            continue
        results.append(run(layer, x, device))
    here, there = results
    expect_close(there.y, here.y, dtype)
    expect_close(there.dx, here.dx, dtype)
    assert here.grads.keys() == there.grads.keys()
    for parameter, grad in here.grads.items():
        expect_close(there.grads[parameter], grad, dtype)


def dropped(layer, x, device):
    """As harness.run, for a layer whose second run differs from its first."""
    y = layer.forward(to_device(x, device))
    dx = layer.backward(to_device(numbers(x.shape, x.dtype, 1), device))
    return SimpleNamespace(y=to_numpy(y), dx=to_numpy(dx), grads={})


@pytest.mark.parametrize("dtype", LIMIT)
def test_losses_agree(gpu, dtype):
    scores, boxes, labels = numbers((6, 5), dtype), numbers((6, 4), dtype), np.arange(6) % 5
    results = []
    for device in ("cpu", gpu):
        classes, places = SoftmaxCrossEntropy(), L2Loss()
        values = [classes.forward(to_device(scores, device), labels),
                  places.forward(to_device(boxes, device), to_device(boxes[::-1].copy(), device))]  # fmt: skip
        results.append([to_numpy(a) for a in (*values, classes.backward(), places.backward())])
    for here, there in zip(*results, strict=True):
        expect_close(there, here, dtype)


def train(device, dtype="float32", optimizer="sgd", steps=4):
    """A short training with dropout and validation; (history, parameters), on the host."""
    net = localizer(num_classes=3, image_size=16, channels=(4, 6), hidden=8, dropout=0.5, seed=0)
    net.astype(dtype).to(device)
    chosen = SGD(net, lr=0.02, momentum=0.9, weight_decay=1e-3) if optimizer == "sgd" else Adam(net, lr=1e-3)
    history = training.fit(net, samples(4 * steps), samples(), epochs=1, batch_size=4, optimizer=chosen,
                           loss=MultiTaskLoss(0.5, 2.0), clip_norm=5.0, progress=False)  # fmt: skip
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in history.rows]
    return rows, {name: to_numpy(parameter.value) for name, parameter in net.parameters().items()}


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("dtype", LIMIT)
def test_training_agrees(gpu, dtype, optimizer):
    (rows, values), (there_rows, there_values) = train("cpu", dtype, optimizer), train(gpu, dtype, optimizer)
    for row, there in zip(rows, there_rows, strict=True):
        assert row == pytest.approx(there, rel=LIMIT[dtype])
    assert values.keys() == there_values.keys()
    for name, value in values.items():
        assert value.dtype == there_values[name].dtype == dtype
        assert difference(there_values[name], value) < LIMIT[dtype], name


def test_two_runs_give_the_same_bits(gpu):
    (rows, values), (again_rows, again_values) = train(gpu, steps=12), train(gpu, steps=12)
    assert rows == again_rows
    for name, value in values.items():
        np.testing.assert_array_equal(value, again_values[name], err_msg=name)


def test_patches_of_more_than_two_gigabytes(gpu):
    """Offsets need 64 bits here. Every image is alike, so the first answers for the last."""
    n = 2 if gpu == "simulated" else 2**31 // (64 * 64 * 9 * 4 * 4) + 1  # images whose patches have 2**31 bytes
    one = numbers((1, 64, 64, 4), "float32")
    x = to_device(np.repeat(one, n, axis=0), gpu)
    cols = im2col(x, (3, 3), (1, 1), (1, 1))
    assert gpu == "simulated" or cols.nbytes > 2**31
    np.testing.assert_array_equal(to_numpy(cols[-1]), im2col(one, (3, 3), (1, 1), (1, 1))[0])
    back = to_numpy(col2im(cols, x.shape, (3, 3), (1, 1), (1, 1)))
    np.testing.assert_array_equal(back, np.broadcast_to(back[:1], back.shape))
    expect_close(back[0], col2im(to_numpy(cols[:1]), one.shape, (3, 3), (1, 1), (1, 1))[0], "float32")


def test_a_batch_in_pieces_agrees_with_a_batch_at_once(gpu, monkeypatch):
    layer, x = LAYERS["convolution"](), numbers((5, 15, 14, 8), "float32")
    whole = run(layer, x, gpu)
    monkeypatch.setattr(workers, "DEVICE_BYTES", 2 * layer.workspace_bytes(x.shape[1:]))
    pieces = run(layer, x, gpu)
    expect_close(pieces.y, whole.y, "float32")
    expect_close(pieces.grads["w"], whole.grads["w"], "float32")
