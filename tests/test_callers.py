"""One network and several threads: predictions side by side, or one training and nobody else, who is told so."""

import copy
import inspect
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.errors import OrderError


@pytest.fixture
def data():
    return tc.data.scenes(n=40, image_size=32, seed=0, valid=8, test=1)


@pytest.fixture
def model(data):
    return tc.models.localizer(len(data.classes), image_size=32, channels=(4,), hidden=8, classes=data.classes)


def train(model, data, **more):
    return tc.fit(model, data.train, epochs=2, batch_size=20, progress=False, **more)


def in_another_thread(work, *arguments, **named):
    with ThreadPoolExecutor(1) as other:
        return other.submit(work, *arguments, **named).result()


@pytest.mark.parametrize("who", ["predict", "evaluate", "a part of it", "fit"])
def test_nobody_else_works_with_a_network_that_is_trained_and_the_training_is_not_disturbed(model, data, who):
    train(alone := copy.deepcopy(model), data)
    told = []

    def disturb(row, _):
        work = {"predict": lambda: model.predict(data.valid.images), "evaluate": lambda: tc.evaluate(model, data.valid),
                "a part of it": lambda: model.trunk.predicting().__enter__(),
                "fit": lambda: train(model, data)}[who]
        with pytest.raises(OrderError, match="another thread trains this network at this moment.*deepcopy") as error:
            in_another_thread(work)
        told.append(error)
        model.predict(data.valid.images)  # this thread does one thing after the other

    train(model, data, on_epoch=disturb)
    assert len(told) == 2
    for name, parameter in model.parameters().items():
        np.testing.assert_array_equal(parameter.value, alone.parameters()[name].value)
    in_another_thread(model.predict, data.valid.images)  # it is free again


def test_a_copy_made_in_on_epoch_predicts_anywhere_as_what_it_was_copied_from(model, data):
    def look(row, model):
        got = in_another_thread(copy.deepcopy(model).predict, data.valid.images)
        np.testing.assert_array_equal(got.probabilities, model.predict(data.valid.images).probabilities)

    train(model, data, on_epoch=look)


def test_a_network_that_another_thread_predicts_with_is_not_trained(model, data):
    before = {name: parameter.value.copy() for name, parameter in model.parameters().items()}
    with ThreadPoolExecutor(1) as other:
        block = model.predicting()
        other.submit(block.__enter__).result()
        with pytest.raises(OrderError, match="another thread predicts with this network at this moment.*deepcopy"):
            train(model, data)
        assert all((parameter.value == before[name]).all() for name, parameter in model.parameters().items())
        other.submit(block.__exit__, None, None, None).result()
    train(model, data)


def test_one_block_object_in_two_threads_is_two_blocks(model, data):
    block = model.predicting()
    with ThreadPoolExecutor(1) as other:
        with block:
            other.submit(block.__enter__).result()
        with pytest.raises(OrderError, match="another thread predicts"):  # it still does: only this one has ended
            train(model, data)
        other.submit(block.__exit__, None, None, None).result()
    train(model, data)


def test_a_training_that_fails_leaves_the_network_free(model, data):
    with pytest.raises(ZeroDivisionError):
        train(model, data, on_epoch=lambda row, model: 1 // 0)
    in_another_thread(train, model, data)


def test_two_networks_that_share_a_part_are_one_network(model, data):
    other = tc.models.localizer(len(data.classes), image_size=32, channels=(4,), hidden=8, classes=data.classes)
    other.trunk = model.trunk

    def disturb(row, _):
        with pytest.raises(OrderError, match="at this moment"):
            in_another_thread(other.predict, data.valid.images)

    train(model, data, on_epoch=disturb)


def test_predictions_that_begin_and_end_at_once_leave_the_mode_as_it_was(model, data):
    start = threading.Barrier(8, timeout=20)

    def predict(_):
        start.wait()
        for _ in range(40):
            model.predict(data.valid.images[:1])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(predict, range(8)))
    assert all(layer.training and layer.keeping for layer in model.tree())


def test_fit_looks_as_it_is_written():
    assert list(inspect.signature(tc.fit).parameters)[:3] == ["model", "train", "valid"]
    with pytest.raises(TypeError, match="fit"):
        tc.fit(3, None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_may_train_what_another_thread_of_its_parent_works_with():
    """Both are held open by other threads, which the child does not have."""
    program = """
import os, threading
import tinycnn as tc
from tinycnn import callers
data = tc.data.scenes(n=20, image_size=32, seed=0, valid=4, test=1)
one, other = (tc.models.localizer(len(data.classes), image_size=32, channels=(4,), hidden=8, classes=data.classes)
              for _ in range(2))
go_on, there = threading.Event(), threading.Barrier(3)

def hold(block):
    with block:
        there.wait()
        go_on.wait()

for block in (one.predicting(), callers.training(other.tree())):
    threading.Thread(target=hold, args=(block,)).start()
there.wait()
with one.predicting():  # one more, of this thread, which the child goes on with
    child = os.fork()
    if child == 0:
        assert not one.training
if child == 0:
    assert one.training and one.keeping
    for model in (one, other):
        tc.fit(model, data.train, epochs=1, progress=False)
    os._exit(0)
status = os.waitpid(child, 0)[1]
go_on.set()
assert status == 0
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, timeout=60)
