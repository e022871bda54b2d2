"""Training in several processes: the losses of one process, one line when something goes wrong, and nothing without."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from many import CASES, with_batchnorm
from test_steering import SMALL, samples

import tinycnn as tc
from tinycnn.cli import launch
from tinycnn.engine import threads
from tinycnn.history import read_rows
from tinycnn.updates import ALONE

ROOT = Path(tc.__file__).parents[1]
BESIDE = Path(sys.executable).parent / "mpirun"  # as the package mpich brings it
MPIRUN = str(BESIDE) if BESIDE.exists() else shutil.which("mpirun")
SMALL_RUN = ["--size", "40", "--channels", "4,8", "--hidden", "16", "--dropout", "0.3", "--batch-size", "10"]


@pytest.fixture(scope="module")
def mpi():
    pytest.importorskip("mpi4py", reason="mpi4py is not installed: pip install -e '.[mpi]'")
    if MPIRUN is None:
        pytest.skip("there is no mpirun: pip install -e '.[mpi]'")


def start(count, *command):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    environment.pop("TINYCNN_THREADS", None)
    return subprocess.Popen([MPIRUN, "-n", str(count), sys.executable, *map(str, command)], cwd=ROOT, env=environment,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(running, most_seconds=240):
    out, err = running.communicate(timeout=most_seconds)
    return running.returncode, out, err


def tinycnn(count, *arguments):
    return finished(start(count, "-m", "tinycnn", *arguments))


# --- the same as in one process ---


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process gives: {case: numbers}."""
    return {name: case(ALONE, tmp_path_factory.mktemp(name)) for name, case in CASES.items()}


@pytest.fixture(scope="module", params=[2, 4])
def together(request, mpi, tmp_path_factory):
    """What several processes give: (how many, {case: numbers})."""
    status, out, err = finished(start(request.param, "-m", "tests.many", tmp_path_factory.mktemp("many"), *CASES))
    assert status == 0, err
    return request.param, json.loads(out)


@pytest.mark.parametrize("case", ["default_localizer", "uneven", "poses", "simulated", "gone", "shares_gone",
                                  "shares_gone_mixed", "best_of_resumed"])
def test_losses_validation_and_weights_are_those_of_one_process(case, alone, together):
    """The case itself sees that all processes end with the same bits."""
    one, many = alone[case], together[1][case]
    np.testing.assert_allclose(many["losses"], one["losses"], rtol=1e-5)
    np.testing.assert_allclose(many["weights"], one["weights"], rtol=1e-4, atol=1e-4)
    assert len(many["rows"]) == len(one["rows"])
    for row, expected in zip(many["rows"], one["rows"], strict=True):
        assert row == pytest.approx(expected, rel=1e-4)


def test_there_were_twenty_steps(alone):
    assert len(alone["default_localizer"]["losses"]) == 20


def test_running_averages_are_those_of_all_processes_together(alone, together):
    """The mean of the shares' means is the batch's; of the variances, the one between the shares' means is lacking."""
    size, found = together
    one, many = alone["normalized"], found["normalized"]
    np.testing.assert_allclose(many["mean"], one["mean"], rtol=1e-5, atol=1e-7)
    order, shares = np.random.default_rng((0, 0)).permutation(8), []
    for rank in range(size):
        model = with_batchnorm()
        rows = order[rank * 8 // size : (rank + 1) * 8 // size]
        model.trunk[:2].forward(model.normalize(samples(8).images[rows]))
        shares.append(model.trunk["norm1"].running_var.value)
    np.testing.assert_allclose(many["var"], np.mean(shares, axis=0), rtol=1e-5)
    assert not np.allclose(many["var"], one["var"], rtol=1e-3)


def test_the_first_process_alone_writes(together):
    assert together[1]["best_of_resumed"]["files"] == [
        "checkpoint.npz", "checkpoint.previous.npz", "epochs.npz", "history.csv", "model.npz", "run.json"]


# --- the command ---


def test_a_killed_process_ends_the_run_and_another_number_of_processes_goes_on(mpi, tmp_path):
    if not Path("/proc").is_dir():
        pytest.skip("which process has which rank is read from /proc")
    run, whole = tmp_path / "run", tmp_path / "whole"
    running = start(4, "-m", "tinycnn", "train", *SMALL_RUN, "--epochs", "8", "--out", run, "--quiet")
    deadline = time.monotonic() + 100
    while not (run / "checkpoint.npz").exists() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(ranks_of(running.pid)[2], signal.SIGKILL)
    assert finished(running, 20)[0] != 0  # long before its epochs are over, or anybody has waited for another
    status, out, err = tinycnn(2, "train", "--resume", "--out", run)
    assert status == 0 and "number of processes was 4, and is 2 now" in out, err
    assert tc.cli.main(["train", *SMALL_RUN, "--epochs", "8", "--out", str(whole), "--quiet"]) == 0
    for row, expected in zip(read_rows(run / "history.csv"), read_rows(whole / "history.csv"), strict=True):
        assert row == pytest.approx(expected | {"seconds": row["seconds"]}, rel=1e-3)


def ranks_of(pid):
    """{rank: process} of the processes that an mpirun has started."""
    found, waiting = {}, [pid]
    for process in waiting:
        waiting += map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())
        rank = re.search(rb"PMI_RANK=(\d+)", Path(f"/proc/{process}/environ").read_bytes())
        if rank:
            found.setdefault(int(rank[1]), process)
    return found


def test_a_failure_of_all_is_said_once_and_nothing_is_left(mpi, tmp_path):
    status, out, err = tinycnn(4, "train", *SMALL_RUN, "--lr", "1e9", "--warmup", "0", "--clip-norm", "none", "--quiet",
                               "--out", tmp_path / "run")
    assert status == 1 and not (tmp_path / "run").exists()
    assert err.count("tinycnn: error: the class loss became") == len(err.strip().splitlines()) == 1, err


def test_a_wrong_call_is_said_once(mpi, tmp_path):
    for arguments, sentence in ((["train", "--epoch"], "unrecognized arguments: --epoch"),
                                (["train", "--model", "haar"], "haar learns in one go"),
                                (["doctor"], "mpirun is for tinycnn train")):
        status, out, err = tinycnn(2, *arguments)
        assert (status, out, len(err.strip().splitlines())) == (2, "", 1) and sentence in err


def test_what_fails_in_one_process_alone_is_said_by_that_one(mpi, tmp_path):
    own = tmp_path / "own.py"
    own.write_text("import os, sys\nfrom tinycnn import cli, training\nif os.environ['PMI_RANK'] == '1':\n"
                   "    def broken(*whatever):\n        raise ValueError('a cosmic ray')\n"
                   "    training.take_step = broken\nsys.exit(cli.main())\n")  # fmt: skip
    status, out, err = finished(start(2, own, "train", *SMALL_RUN, "--quiet", "--out", tmp_path / "run"))
    assert status == 1 and err.strip() == "tinycnn: process 2 of 2: error: a cosmic ray"


def test_without_mpirun_nothing_of_it_is_imported(tmp_path):
    code = f"""
import sys, tinycnn.cli
assert tinycnn.cli.main(["train", *{SMALL_RUN!r}, "--epochs", "1", "--quiet", "--out", {str(tmp_path / "run")!r}]) == 0
print([name for name in sys.modules if name.startswith(("mpi4py", "tinycnn.processes"))])"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PMI_", "OMPI_"))}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip().endswith("[]"), done.stderr


def test_without_mpi4py_a_sentence_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    assert tc.cli.main(["train"]) == 1
    assert "Install it with: pip install" in capsys.readouterr().err


def test_a_number_is_no_processes():
    with pytest.raises(TypeError, match=r"Processes\(MPI.COMM_WORLD\), made in each of the processes .* got 4"):
        tc.fit(tc.models.localizer(**SMALL), samples(4), progress=False, processes=4)


# --- threads ---


def test_a_process_has_its_share_of_the_processors(monkeypatch):
    monkeypatch.delenv("TINYCNN_THREADS", raising=False)
    before = threads.thread_count()
    with threads.sharing_machine(3):
        assert threads.thread_count() == 3
        monkeypatch.setenv("TINYCNN_THREADS", "5")  # who says so decides, for each process
        assert threads.thread_count() == 5
        monkeypatch.delenv("TINYCNN_THREADS")
    assert threads.thread_count() == before


def test_mpirun_is_recognized_by_what_it_tells_its_processes(monkeypatch):
    for name in ("PMI_SIZE", "PMI_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert launch.started() == (0, 1) and launch.processes() is ALONE
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "8")
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "3")
    assert launch.started() == (3, 8)


def test_each_process_of_a_machine_has_its_own_gpu(monkeypatch):
    class Four:
        size, on_machine = 8, (1, 2)

    monkeypatch.setattr("tinycnn.backend.devices", lambda: ["cpu", "cuda:0", "cuda:1"])
    assert launch.device_for(Four, "cuda") == "cuda:1" and launch.device_for(Four, "cpu") == "cpu"
    assert launch.device_for(ALONE, "cuda") == "cuda"
    monkeypatch.setattr("tinycnn.backend.devices", lambda: ["cpu", "cuda:0"])
    with pytest.raises(launch.UsageError, match="2 processes on this machine, which has 1 GPU"):
        launch.device_for(Four, "cuda")
