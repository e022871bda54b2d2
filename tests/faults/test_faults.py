"""A seeded part of python -m tests.faults, and that it would find what it looks for."""

import os
import sys

import numpy as np
import pytest

from tests.faults import kinds, memory
from tests.faults.attacked import Child, finish, train
from tests.faults.run import attack, whole
from tinycnn.generations import newest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and signals")]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Processes begin as copies of this one, and the arrays are tiny."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYCNN_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    return whole(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("name", kinds.KINDS)
def test_faults_are_survived(name, right):
    if "vanish" in name:
        pytest.importorskip("PIL.Image")
    ((_, tried, survived, _), wrong), = attack(seed=1, share=0.04, only=name, right=right)
    assert tried and tried == survived, f"python -m tests.faults --kind {name!r} --seed 1: {wrong}"


def test_what_is_wrong_is_found(tmp_path, right):
    right = right["left"]
    Child(kinds._train_until_step, tmp_path / "run", 7, 1).wait()
    kept = newest(tmp_path / "run")
    assert kept.within["batches"] == 2
    with np.load(kept.path) as archive:
        arrays = dict(archive)
    arrays["more/mean.trunk.conv1.w"] += np.float32(1e-3)  # as if it had been lost
    np.savez(kept.path, **arrays)
    assert finish(tmp_path / "run", right).startswith("other than in a run that was left alone: model.npz/")
    assert Child(sys.exit, 3).wait().status == 70
    (tmp_path / "run/.checkpoint.npz.abc.part").write_bytes(b"")
    assert finish(tmp_path / "run", right) == "left behind: .checkpoint.npz.abc.part"
    assert Child(train, "/dev/null/x").wait().status == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at /proc")
def test_memory_is_measured(capsys):
    pytest.importorskip("PIL.Image")
    assert memory.measure([20]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[0] == "20"
    assert memory.measure_large((3000, 2000)) == 0
