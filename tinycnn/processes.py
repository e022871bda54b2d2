"""Many processes train one network, each on its share of every batch: data parallelism, over MPI.

    mpirun -n 4 tinycnn train ...
    mpirun -n 4 python -m mpi4py own.py        and there: fit(..., processes=Processes(MPI.COMM_WORLD))

Every process has the whole network and takes the same steps. In each of them:

  1. A process computes what the network says of its own rows of the batch. Pictures and dropout are those that one
     process alone would have: each draws the random numbers of the whole batch, and uses those of its rows.
  2. What the network says is put together with the answers, some thousand numbers. So each process has the loss of the
     whole batch, whatever a loss is the mean of, and with it the gradient of every row. It goes on with its own.
  3. The gradient of a weight is a sum over pictures. So the gradients of all processes are added up, in one call, on
     one long array, and then each optimizer takes the step of the whole batch.

What a process remembers of its rows, such as BatchNorm2d's running averages, is averaged in the same call. The batch's
own mean and variance are those of a process's rows, as in PyTorch's DistributedDataParallel: with BatchNorm2d alone,
four processes are not quite one. The first process writes, prints and measures; validation is shared out. Pictures, and
a folder that is resumed, must be where every process can read them.
"""

import contextlib
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinycnn.backend import Array, array_module, device_of, gpu_group, to_device, to_numpy
from tinycnn.data.batches import rows_of
from tinycnn.errors import DataError, require
from tinycnn.layers import Layer
from tinycnn.nested import each

PAUSE = 1e-4  # seconds between two looks whether all have come; MPI's own waiting takes a core from those who compute
MOST_PROCESSORS = 4096


class Processes:
    """comm: an intracommunicator of mpi4py, such as MPI.COMM_WORLD

    rank, size: which of how many processes this is    on_machine: the same, of those on this machine
    threads: how many of this machine's processors are this process's share; `tinycnn train` keeps to it, and a program
        of one's own does by: with tinycnn.engine.threads.sharing_machine(processes.threads): fit(...)
    sent: bytes that it has handed to others for adding up
    """

    def __init__(self, comm: Any) -> None:
        self.mpi = require("mpi4py.MPI", "mpi")
        self.comm, self.rank, self.size = comm, comm.Get_rank(), comm.Get_size()
        self.share = (self.rank, self.size)
        neighbors = comm.Split_type(self.mpi.COMM_TYPE_SHARED)
        self.on_machine = neighbors.Get_rank(), neighbors.Get_size()
        self.threads = _processors(neighbors)
        self.sent = self.n = self.rows_done = self.all_done = 0
        self.rows, self.mine = range(0), slice(0, 0)
        self.flat: Array = np.empty(0)
        self.before: dict[str, Array] = {}  # the buffers after the last step, the same in all processes
        self.gpus: Any = None

    def agree(self, run: Any) -> None:
        """All go on from what the first one has: the model's numbers, and what a checkpoint keeps."""
        model = run.model
        numbers = {f"model/{name}": held for name, held in (model.parameters() | model.buffers()).items()}
        extra, arrays = run.state()
        pictured = [layer for layer in model.tree() if hasattr(layer, "pixel_mean")]  # as it is shown them, first
        extra["pixels"] = [[layer.pixel_mean, layer.pixel_scale] for layer in pictured]
        arrays = {name: held.value for name, held in numbers.items()} | arrays
        table = {name: [array.dtype.str, array.shape] for name, array in arrays.items()}
        told = np.frombuffer(json.dumps([extra, table]).encode(), np.uint8)
        extra, table = json.loads(self._from_first(told).tobytes())
        for name, (dtype, shape) in table.items():
            array = np.ascontiguousarray(to_numpy(arrays[name])) if self.rank == 0 else np.empty(shape, dtype)
            self.comm.Bcast(array)
            arrays[name] = array
        if self.rank:
            there = {name: arrays[name] for name in table}
            for name, held in numbers.items():
                held.value = to_device(there.pop(name), model.device)
            run.take(extra, there)
            for layer, pixels in zip(pictured, extra["pixels"], strict=True):
                layer.pixel_mean, layer.pixel_scale = (tuple(v) if isinstance(v, list) else v for v in pixels)
        self.before = {name: held.value.copy() for name, held in model.buffers().items()}

    def begin(self, n: int) -> None:
        """A batch of n pictures comes."""
        self.n, self.rows = n, rows_of(n, self.share)

    @contextlib.contextmanager
    def drawing(self, model: Layer) -> Iterator[None]:
        """For the length of a with block, layers that draw random numbers draw those of the whole batch."""
        generators = {layer: layer.rng for layer in model.tree()  # type: ignore[attr-defined]  # not every layer has one
                      if isinstance(getattr(layer, "rng", None), np.random.Generator)}
        for layer, rng in generators.items():
            vars(layer)["rng"] = _Rows(rng, self.n, self.rows.start)
        try:
            yield
        finally:
            for layer, rng in generators.items():
                vars(layer)["rng"] = rng

    def shown(self, images: Any) -> Any:
        """The pictures of this process's share; a black one stands in where all of them are gone."""
        return images if len(images) else np.zeros((1, *images.shape[1:]), images.dtype)

    def whole(self, outputs: Any, truth: Any, count: int) -> tuple[Any, Any, int]:
        """(outputs, truth) of the whole batch from those of this process's rows, and of how many pictures they are.

        outputs, truth: arrays (count, ...), also within tuples, lists and dicts
        """
        count = count if self.rows else 0  # one picture that stands in: see rows_of
        (outputs, truth), pictures = self._gathered((outputs, truth), count)
        if not pictures:  # all processes see that
            raise DataError(f"all {self.n} pictures of a batch are gone: is the disk or the folder they are on still "
                            "there?")
        self.rows_done, self.all_done = self.rows_done + count, self.all_done + pictures
        return outputs, truth, pictures

    def own(self, gradient: Any) -> Any:
        """The rows of this process, of a gradient of the outputs of the whole batch; 0 for one that stands in."""
        stands_in = self.mine.start == self.mine.stop
        return each(gradient, lambda dy: array_module(dy).zeros_like(dy[:1]) if stands_in else dy[self.mine])

    def add_up(self, model: Layer) -> None:
        """Gradients of this process's rows become those of the whole batch, and buffers the mean of all processes'."""
        learning = [p for p in model.parameters().values() if p.grad is not None and not p.frozen]
        buffers, weight = model.buffers(), self.rows_done / self.all_done
        grads = [parameter.grad for parameter in learning]
        if not grads:
            return  # the optimizer says what is wrong
        # What is sent of a buffer is how far it has moved: one that has not stays as it is, to the bit.
        moved = [weight * (held.value - self.before[name]) for name, held in buffers.items()]
        flat = self._flat(sum(part.size for part in (*grads, *moved)), grads)
        parts, start = [], 0
        for part in (*grads, *moved):
            parts.append(flat[start : start + part.size].reshape(part.shape))
            parts[-1][...] = part
            start += part.size
        self._sum(flat)
        for parameter, part in zip(learning, parts, strict=False):
            parameter.grad = part
        for (name, held), part in zip(buffers.items(), parts[len(learning) :], strict=True):
            held.value = (self.before[name] + part).astype(held.value.dtype)
            self.before[name] = held.value.copy()
        self.rows_done = self.all_done = 0

    def over(self, samples: Any, answers: Callable[[Any], Any]) -> Any:
        """answers(samples): arrays with a row for each sample, of which each process computes its share."""
        self.begin(len(samples))
        part = samples.subset(np.array(self.rows or [0]))
        return self._gathered(answers(part), len(part) if self.rows else 0)[0]

    def wait(self) -> None:
        """Until all processes have come here."""
        request = self.comm.Ibarrier()
        while not request.Test():
            time.sleep(PAUSE)

    def _gathered(self, tree, count):
        """(the same tree with the rows of all processes, how many these are); count: rows of this one."""
        place = slice(self.rows.start, self.rows.start + count)
        present = np.zeros((self.n, 1))
        present[place] = 1
        arrays: list[Array] = []
        each(tree, arrays.append)
        here = {id(array): array for array in arrays if array_module(array) is np}
        there = {id(array): array for array in arrays if id(array) not in here}
        *found, present = self._tables([*here.values(), present[place]], place)
        found += self._tables(list(there.values()), place) if there else []
        rows = np.flatnonzero(present[:, 0])
        if len(rows) < self.n:  # pictures are gone, and every process leaves them out
            found = [array[to_device(rows, device_of(array))] for array in found]
        first = int(np.count_nonzero(rows < place.start))
        self.mine = slice(first, first + count)
        new = dict(zip((*here, *there), found, strict=True))
        return each(tree, lambda array: new[id(array)]), len(rows)

    def _tables(self, arrays, place):
        """Each of these arrays, all on one device, with the rows of all processes; they travel side by side."""
        xp, count = array_module(*arrays), place.stop - place.start
        widths = np.cumsum([0, *(math.prod(array.shape[1:]) for array in arrays)]).tolist()
        table = xp.zeros((self.n, widths[-1]), np.result_type(*(array.dtype for array in arrays)))
        columns = [slice(*edges) for edges in zip(widths, widths[1:], strict=False)]
        for array, column in zip(arrays, columns, strict=True):
            table[place, column] = array[:count].reshape(count, column.stop - column.start)
        self._sum(table)
        return [table[:, column].reshape(self.n, *array.shape[1:]).astype(array.dtype)
                for array, column in zip(arrays, columns, strict=True)]

    def _flat(self, size, grads):
        """The long array, which is the same one in each step."""
        xp, dtype = array_module(*grads), np.result_type(*(grad.dtype for grad in grads))
        if self.flat.size != size or self.flat.dtype != dtype or array_module(self.flat) is not xp:
            self.flat = xp.empty(size, dtype)
        return self.flat

    def _sum(self, array):
        """Replace the numbers of an array by their sums over all processes: on the host by MPI, on GPUs by NCCL."""
        self.sent += array.nbytes
        if device_of(array).startswith("cuda"):
            self.gpus = self.gpus or gpu_group(self.size, self.rank)
            self.gpus.all_reduce(array, array)
            return
        host = to_numpy(array)
        self.wait()
        self.comm.Allreduce(self.mpi.IN_PLACE, host)
        if host is not array:
            array[...] = to_device(host, device_of(array))

    def _from_first(self, data):
        """Bytes (n,) of the first process, in all."""
        self.wait()
        size = np.array([len(data)])
        self.comm.Bcast(size)
        data = data if self.rank == 0 else np.empty(size[0], np.uint8)
        self.comm.Bcast(data)
        return data


class _Rows(np.random.Generator):
    """A generator that draws for a whole batch of n and gives some rows of it, from `first` on."""

    def __init__(self, rng, n, first):
        super().__init__(rng.bit_generator)  # whose state moves on
        self.n, self.first = n, first

    def random(self, size=None, dtype=np.float64, out=None):
        return self._some(super().random, size, dtype)

    def standard_normal(self, size=None, dtype=np.float64, out=None):
        return self._some(super().standard_normal, size, dtype)

    def _some(self, draw, size, dtype):
        if not isinstance(size, tuple) or not size or size[0] > self.n:
            return draw(size, dtype)
        first = min(self.first, self.n - size[0])
        return draw((self.n, *size[1:]), dtype)[first : first + size[0]]


def _processors(neighbors):
    """This process's share of the processors of a machine, at least one, where each may be bound to some of them."""
    mine = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    users = np.zeros(MOST_PROCESSORS)
    users[list(mine)] = 1
    everybody = np.empty_like(users)
    neighbors.Allreduce(users, everybody)
    return max(1, int((users / np.maximum(everybody, 1)).sum() + 1e-9))
