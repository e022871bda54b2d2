"""One side in a process of its own: for its peak memory, and for timings that share nothing with the other side.

The process is this same file, run with `python -m tinycnn.bench.process`. It reads one JSON line that says what to
build, then one number of steps after another, and answers each with one JSON line. Between its turns it sleeps.

The peak counts everything: the interpreter, the libraries, the network being built, three steps. What was already there
after the imports is told beside it and subtracted from nothing.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tinycnn.bench.peers import twin
from tinycnn.bench.sides import Side, TinyCNN
from tinycnn.bench.workloads import Workload
from tinycnn.errors import TinyCNNError

STEPS = 3  # taken before the peak is read


class BenchError(TinyCNNError, RuntimeError):
    """A side could not be measured."""


class Remote(Side):
    """A side in another process; step by step it is asked for the seconds that its own clock saw.

    peer: None for tinycnn, or one of peers.PEERS    form: the arguments of the peer's side
    """

    def __init__(self, workload, device="cpu", peer=None, form=None):
        self.images, self.counts = workload.batch, not (form or {}).get("fused", False)  # the compiled form counts
        package = str(Path(__file__).resolve().parents[2])  # also when tinycnn is not installed
        path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._complaints = tempfile.TemporaryFile("w+", encoding="utf-8")  # a pipe that nobody reads could fill up
        self._process = subprocess.Popen([sys.executable, "-P", "-m", "tinycnn.bench.process"], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=self._complaints, text=True, encoding="utf-8",
                                         env=os.environ | {"PYTHONPATH": path})
        try:
            built = self._ask({"workload": workload.to_dict(), "device": device, "peer": peer, "form": form})
        except BaseException:
            self.close()
            raise
        self.name, self.imported_bytes = built["name"], built["imported_bytes"]

    def sample(self, steps):
        return self._ask(steps)["seconds"]

    def memory(self):
        """Peak bytes of the process so far, those after the imports, and those of the GPU pool; None where unknown."""
        answer = self._ask(0)
        return {"peak_bytes": answer["peak_bytes"], "imported_bytes": self.imported_bytes,
                "gpu_pool_bytes": answer["pool_bytes"]}

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._complaints.close()

    def _ask(self, question):
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            status = self._process.wait()
            self._complaints.seek(0)
            last = ["it said nothing", *self._complaints.read().splitlines()][-1]
            raise BenchError(f"the process that measures one side ended (status {status}): {last}")
        answer = json.loads(line)
        if "error" in answer:
            raise BenchError(answer["error"])
        return answer


def peak_memory(workload, device="cpu", peer=None, form=None):
    """What one side needs to build the network and take three steps, in a process of its own: a dict of bytes."""
    side = Remote(workload, device, peer, form)
    try:
        side.sample(STEPS)
        return side.memory()
    finally:
        side.close()


def peak_bytes():
    """The most memory this process has held at once, or None where the system does not say."""
    # Not getrusage: Linux counts there what the parent held before it started this program.
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    except (OSError, IndexError):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def serve(questions, answer):
    """The other end of Remote: build what the first line asks for, then take steps."""
    order = json.loads(next(questions))
    workload, device = Workload(**order["workload"]), order["device"]
    make = twin(order["peer"]).side if order["peer"] else TinyCNN
    imported = peak_bytes()
    side = make(workload, device, **order["form"] or {})
    answer({"name": side.name, "imported_bytes": imported})
    for line in questions:
        steps = json.loads(line)
        seconds = side.sample(steps) if steps else None
        answer({"seconds": seconds, "peak_bytes": peak_bytes(), "pool_bytes": side.pool_bytes()})


def main():
    """Answers go where stdout was; what libraries print goes to stderr."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def answer(content):
        print(json.dumps(content), file=answers, flush=True)

    try:
        serve(iter(sys.stdin), answer)
    except (TinyCNNError, MemoryError) as error:
        answer({"error": f"{error or type(error).__name__}"})


if __name__ == "__main__":
    main()
