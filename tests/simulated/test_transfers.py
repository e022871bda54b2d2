"""What is counted: uploads, downloads, waiting; and what is recorded."""

import operator
import threading

import numpy as np
import pytest

from tests.simulated.common import on
from tinycnn import simulated
from tinycnn.backend import to_device, to_numpy
from tinycnn.simulated import xp


@pytest.mark.parametrize("download", [
    float, int, bool, complex, str, repr, lambda s: f"{s:.2f}", lambda s: s.item(), lambda s: s.get(),
    lambda s: s.tolist(), lambda s: xp.asnumpy(s), to_numpy, lambda s: max(s, 3.0), lambda s: 1 if s > 0 else 2,
])  # fmt: skip
def test_what_brings_a_number_to_the_host_is_a_download(download):
    number = xp.ones((2, 2)).sum()
    with simulated.count() as transfers:
        download(number)
    assert (transfers.uploads, transfers.downloads, transfers.synchronizations) == (0, 1, 1)


@pytest.mark.parametrize("upload, nbytes", [
    (lambda: xp.asarray(np.zeros(3, "float32")), 12), (lambda: xp.array([1.0, 2.0]), 16), (lambda: xp.asarray(3.0), 8),
    (lambda: to_device(np.zeros(2), "simulated"), 16), (lambda: xp.zeros(3).set(np.ones(3)), 24),
    (lambda: xp.zeros(3)[[0, 2]], 16), (lambda: xp.zeros(3)[np.array([1])], 8), (lambda: xp.take(xp.zeros(3), [1]), 8),
])  # fmt: skip
def test_uploads(upload, nbytes):
    with simulated.count() as transfers:
        upload()
    assert (transfers.uploads, transfers.bytes_uploaded, transfers.downloads) == (1, nbytes, 0)


def test_work_on_the_device_is_no_transfer():
    x = on(np.ones((4, 4), "float32"))
    with simulated.count() as transfers:
        y = xp.maximum(x * 2.0 + np.float32(1), 0) @ x.T
        y[1:, ::2] = 0
        y -= y.mean(axis=0, keepdims=True)
        xp.stack([y.sum(), x.sum()])
        xp.asarray([y.sum(), x.sum()])
        xp.asarray(y)[xp.arange(2), xp.arange(2)] += 1
    assert transfers == simulated.Transfers()


@pytest.mark.parametrize("wait", [
    lambda x: x[x > 0], lambda x: operator.setitem(x, x > 0, 1.0), xp.nonzero, xp.unique, lambda x: xp.where(x > 0),
    lambda x: x.nonzero(), xp.flatnonzero, xp.argwhere,
])  # fmt: skip
def test_results_whose_size_depends_on_the_data_make_the_host_wait(wait):
    x = on([0.0, 1.0, 2.0])
    with simulated.count() as transfers:
        wait(x)
    assert transfers.synchronizations == transfers.downloads == 1


def test_counters_nest_and_see_every_thread():
    with simulated.count() as outer:
        with simulated.count() as inner:
            thread = threading.Thread(target=lambda: xp.asarray([1.0]))
            thread.start()
            thread.join()
        simulated.synchronize()
    assert inner.uploads == outer.uploads == 1
    assert (inner.synchronizations, outer.synchronizations) == (0, 1)


def test_recording_collects_forms_of_calls():
    x = xp.ones((2, 2))
    with simulated.record() as calls:
        xp.sum(x, axis=0), xp.sum(x, axis=1), x.sum(0)
        xp.add.at(x, ([0], [1]), 1.0), xp.random.default_rng(0).random(3)
    assert calls == {
        simulated.Call("sum", 1, ("axis",)), simulated.Call("ndarray.sum", 1, ()), simulated.Call("add.at", 3, ()),
        simulated.Call("random.default_rng", 1, ()), simulated.Call("random.Generator.random", 1, ()),
    }  # fmt: skip
    xp.exp(x)
    assert len(calls) == 5  # the recording is over
