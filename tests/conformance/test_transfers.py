"""The budget: what a training step may move between host and device."""

import pytest

from tests.conformance.runs import model, samples
from tests.conformance.transfers import KINDS, count, table
from tinycnn import history, layers, simulated, training
from tinycnn.backend import to_device
from tinycnn.losses import L2Loss
from tinycnn.optim import SGD


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.title)
def test_a_step_uploads_its_batch_and_downloads_nothing(kind):
    row = count(kind)
    assert row.uploads == 3 + row.dropouts  # images, labels, box targets, and a mask for each dropout
    assert row.downloads == row.waits == 0
    assert (row.epoch_uploads, row.epoch_downloads) == (0, 1)  # all losses of the epoch at once


def test_images_travel_as_bytes():
    plain = count(KINDS[0])
    # 3 images of 16 x 16 x 3 bytes, 3 labels of 8 bytes, 3 boxes of 4 float32
    assert plain.kilobytes == 3 * (16 * 16 * 3 + 8 + 4 * 4) / 1e3


def test_a_long_epoch_is_looked_at_now_and_then(monkeypatch):
    monkeypatch.setattr(history, "LOOK_EVERY", 2)
    with simulated.count() as seen:
        training.fit(model(), samples(7), epochs=1, batch_size=1, progress=False)
    assert seen.downloads == 4  # after steps 2, 4, 6 and at the end


def test_the_budget_would_be_broken_by_one_number(monkeypatch):
    forward = training.forward

    def curious(task, batch, loss, *others):
        found = forward(task, batch, loss, *others)
        assert float(loss.terms["class"]) > 0  # what a line of logging would do
        return found

    monkeypatch.setattr(training, "forward", curious)
    row = count(KINDS[0])
    assert row.downloads == row.waits == 1


def test_layers_on_their_own_move_nothing():
    net = layers.Sequential(
        layers.Conv2d(3, 4, 3, stride=2, padding=1), layers.LocalResponseNorm(3), layers.ReLU(), layers.MaxPool2d(2),
        layers.Conv2d(4, 4, 3, padding=1, groups=2), layers.AvgPool2d(2), layers.Flatten(), layers.Linear(16, 4),
    ).to("simulated")  # fmt: skip
    x, loss, optimizer = to_device(samples(2).images.astype("float32"), "simulated"), L2Loss(), SGD(net, lr=0.1)
    target = to_device(samples(2).boxes, "simulated")
    with simulated.count() as seen:
        for _ in range(2):
            loss.forward(net.forward(x), target)
            net.backward(loss.backward())
            optimizer.step()
    assert seen == simulated.Transfers()


def test_the_table_has_a_line_for_each_kind():
    assert [line for line in table().splitlines() if line.startswith("dropout ")]
