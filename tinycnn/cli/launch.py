"""Whether a command was started as one of many processes, by mpirun, and what follows from that.

mpirun tells its processes who they are in their environment, so a command that was started without it imports nothing
of MPI. All processes run the same command; the first one prints, and says why the command failed.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from tinycnn.cli.failures import UsageError
from tinycnn.cli.options import WITHOUT_EPOCHS
from tinycnn.errors import require
from tinycnn.updates import ALONE

TOLD_BY = {"PMI_SIZE": "PMI_RANK", "OMPI_COMM_WORLD_SIZE": "OMPI_COMM_WORLD_RANK"}  # MPICH, Intel MPI; Open MPI
WRONG_CALL = 2  # the exit status of one
FIRST_SPEAKS = 3.0  # seconds that the others wait for the first process to say what went wrong in all of them


def started() -> tuple[int, int]:
    """(rank, size) as mpirun says them; (0, 1) without it."""
    for size, rank in TOLD_BY.items():
        if os.environ.get(size, "").isdecimal() and os.environ.get(rank, "").isdecimal():
            return int(os.environ[rank]), int(os.environ[size])
    return 0, 1


@contextlib.contextmanager
def first_alone_prints() -> Iterator[None]:
    """For the length of a with block, what the other processes print goes nowhere."""
    if started()[0] == 0:
        yield
        return
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def expect_shared(shared: bool) -> None:
    """Raise UsageError where mpirun started several processes of a command that does not share its work."""
    if not shared and started()[1] > 1:
        raise UsageError("mpirun is for tinycnn train, whose work is shared; start this command without it")


def processes() -> Any:
    """The Processes that this command is one of; ALONE without mpirun."""
    if started()[1] == 1:
        return ALONE
    mpi = require("mpi4py.MPI", "mpi")
    from tinycnn.processes import Processes

    if mpi.COMM_WORLD.Get_size() == 1:
        raise UsageError(f"mpirun started {started()[1]} processes, and mpi4py sees one: they belong to different "
                         "MPIs. The package mpich brings an mpirun that fits: pip install mpi4py mpich, then "
                         f"{os.path.join(os.path.dirname(sys.executable), 'mpirun')}")
    return Processes(mpi.COMM_WORLD)


def expect_epochs(settings: dict[str, Any]) -> None:
    """Raise UsageError for what learns in one go, without batches that could be shared, and for two stages."""
    if settings["model"] in WITHOUT_EPOCHS:
        raise UsageError(f"{settings['model']} learns in one go, without batches to share: start it without mpirun")
    if settings["stages"] > 1:
        raise UsageError("a run of two stages, --stages 2, is trained by one process: start it without mpirun")


def device_for(processes: Any, device: str) -> str:
    """The device of this process: on a machine with GPUs each has its own."""
    if processes.size == 1 or not device.startswith("cuda"):
        return device
    from tinycnn.backend import devices

    (rank, here), gpus = processes.on_machine, sum(name.startswith("cuda") for name in devices())
    if here > gpus or ":" in device:
        raise UsageError(f"{here} processes on this machine, which has {gpus} GPU(s): start one for each, with "
                         "--device cuda, or compute with --device cpu")
    return f"cuda:{rank}"


def said_by_first(line: str, status: int) -> str | None:
    """What this process is to print of an error. The first one says it at once and ends all; another one waits for that
    first, and if nothing comes, what has gone wrong is its own.

    None for a wrong call that came up before MPI began: all of them have read the same one. The others then have to end
    as if nothing were wrong, for mpirun ends the first one, in the middle of its sentence, when another one fails.
    """
    rank, size = started()
    if rank == 0:
        return line
    if status == WRONG_CALL and not _running():
        return None
    time.sleep(FIRST_SPEAKS)
    return f"process {rank + 1} of {size}: {line}"


def end_all(status: int) -> None:
    """End the other processes too, which would wait for this one; where MPI has not begun, mpirun sees to that."""
    mpi = _running()
    if started()[1] == 1 or mpi is None:
        return
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # MPI would add a line of its own
    mpi.COMM_WORLD.Abort(status)


def _running():
    """mpi4py's MPI between its beginning and its end, else None."""
    mpi = sys.modules.get("mpi4py.MPI")
    return mpi if mpi is not None and mpi.Is_initialized() and not mpi.Is_finalized() else None
