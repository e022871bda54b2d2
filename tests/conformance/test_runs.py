"""Training, evaluation, gradient checks and a trace run on the simulated device from end to end."""

import numpy as np
import pytest

from tests.conformance.runs import RUNS, model, samples
from tinycnn import simulated, training
from tinycnn.backend import to_numpy
from tinycnn.engine import workers
from tinycnn.losses import MultiTaskLoss
from tinycnn.optim import SGD
from tinycnn.tasks import localization


@pytest.mark.parametrize("run", [
    pytest.param(run, marks=[pytest.mark.slow] if run.__name__ == "check_gradients" else []) for run in RUNS
], ids=lambda run: run.__name__)  # fmt: skip
def test_the_run_keeps_every_rule(run):
    assert len(run()) > 10  # it did call the device


def test_evaluation_downloads_once():
    net = model()
    with simulated.count() as transfers:
        localization.predict_samples(net, samples(12), batch_size=4)
    assert transfers.uploads == 3  # the images of three batches
    assert transfers.downloads == 2  # scores and boxes, at the end


def test_training_gives_the_same_bits_as_on_the_cpu(monkeypatch):
    # A sum depends on where it is cut, so both devices cut their batches in the same place here.
    monkeypatch.setenv("TINYCNN_THREADS", "1")
    monkeypatch.setattr(workers, "CPU_BYTES", workers.DEVICE_BYTES)
    monkeypatch.setenv("TINYCNN_ENGINE", "0")  # a device computes with patches
    on_cpu, on_device = model(dropout=0.5).to("cpu"), model(dropout=0.5)
    for net in (on_cpu, on_device):
        loss, optimizer = MultiTaskLoss(0.5, 2.0), SGD(net, lr=0.05, momentum=0.9, weight_decay=1e-3)
        history = training.fit(net, samples(), samples(), epochs=2, batch_size=5, optimizer=optimizer, loss=loss,
                               clip_norm=5.0, progress=False)  # fmt: skip
        net.history = [{k: v for k, v in row.items() if k != "seconds"} for row in history.rows]
    assert on_cpu.history == on_device.history
    for name, parameter in on_cpu.parameters().items():
        np.testing.assert_array_equal(parameter.value, to_numpy(on_device.parameters()[name].value))
