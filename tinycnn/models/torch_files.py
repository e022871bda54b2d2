"""Weights as PyTorch saves them, read without PyTorch and without running what is in the file.

A .pth is a .zip of raw numbers and of a list of instructions, a pickle, that says which numbers make which array.
Python's own reader of pickles calls whatever function a file names. Here the instructions are only looked at: the few
that put together dictionaries, lists and arrays are followed, and a file that asks for anything else is refused.
"""

import math
import pickletools
import zipfile
from pathlib import Path

import numpy as np

from tinycnn.errors import CheckpointError
from tinycnn.text import legible

INSTRUCTIONS_LIMIT = 64 * 2**20  # bytes; those of a thousand arrays need a hundred thousand
DTYPES = {"DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2", "BFloat16Storage": "bf16",
          "LongStorage": "i8", "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1",
          "BoolStorage": "?"}  # fmt: skip
LITERALS = {"BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE"}
WITHIN = ("state_dict", "model_state_dict", "model")  # where programs keep the weights beside other things


class Refused(ValueError):
    """What a file asks for is none of what weights need."""


class Named(str):
    """A function or class that the file names; never looked up."""


def is_torch_file(path: Path) -> bool:
    """Whether it is a .zip, as PyTorch writes since version 1.6; an earlier one is one pickle."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # one in several parts, or damaged: read_torch says so
        return True


def read_torch(path: Path) -> dict[str, np.ndarray]:
    """{name: array} of a state_dict, also where it lies in a dictionary beside other things.

    Raises CheckpointError, one sentence, for a file that is damaged, or holds more than numbers.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            found = _Reader(archive).read()
    except Exception as error:  # a damaged archive, or damaged instructions, can fail in any way
        raise CheckpointError(
            f"{path} is not a file of PyTorch weights alone: damaged, something else, or with more in it than arrays, "
            f"which is never run ({legible(str(error) or type(error).__name__)}). Save model.state_dict() by itself"
        ) from error
    for name in WITHIN:
        if isinstance(found, dict) and isinstance(found.get(name), dict):
            found = found[name]
            break
    arrays = {name: each for name, each in found.items() if isinstance(name, str) and isinstance(each, np.ndarray)} \
        if isinstance(found, dict) else {}  # fmt: skip
    if not arrays:
        raise CheckpointError(f"{path} holds no weights by name: save model.state_dict()")
    return arrays


class _Reader:
    """Follows the instructions of one file. MARK stands on the stack where a list of things begins."""

    MARK = object()

    def __init__(self, archive):
        (listing,) = [name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl"]
        self.archive, self.folder = archive, listing[: -len("data.pkl")]
        if archive.getinfo(listing).file_size > INSTRUCTIONS_LIMIT:
            raise Refused("its list of arrays is too long")
        self.instructions = archive.read(listing)
        order = self.folder + "byteorder"
        self.order = ">" if order in archive.namelist() and archive.read(order) == b"big" else "<"
        self.stack, self.memo, self.storages = [], {}, {}

    def read(self):
        for instruction, argument, _ in pickletools.genops(self.instructions):
            name = instruction.name
            if name == "STOP":
                return self.stack.pop()
            step = getattr(self, f"_{name.lower()}", None)
            if step is not None:
                step(argument)
            elif name in LITERALS:
                self.stack.append(argument)
            elif name in ("NONE", "NEWTRUE", "NEWFALSE"):
                self.stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[name])
            elif name in ("EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE"):
                self.stack.append({"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}[name]())
            elif name in ("BINPUT", "LONG_BINPUT"):
                self.memo[argument] = self.stack[-1]
            elif name in ("BINGET", "LONG_BINGET"):
                self.stack.append(self.memo[argument])
            elif name not in ("PROTO", "FRAME"):
                raise Refused(f"instruction {name}")
        raise Refused("it ends too soon")

    def _mark(self, _):
        self.stack.append(self.MARK)

    def _since_mark(self):
        """What was put on the stack since the last mark, which goes too."""
        place = max(i for i, each in enumerate(self.stack) if each is self.MARK)
        found, self.stack[place:] = self.stack[place + 1 :], []
        return found

    def _memoize(self, _):
        self.memo[len(self.memo)] = self.stack[-1]

    def _global(self, argument):
        self.stack.append(Named(argument))  # "module name"

    def _stack_global(self, _):
        name, module = self.stack.pop(), self.stack.pop()
        self.stack.append(Named(f"{module} {name}"))

    def _tuple(self, _):
        self.stack.append(tuple(self._since_mark()))

    def _tuple1(self, _, count=1):
        found, self.stack[-count:] = tuple(self.stack[-count:]), []
        self.stack.append(found)

    def _tuple2(self, _):
        self._tuple1(_, 2)

    def _tuple3(self, _):
        self._tuple1(_, 3)

    def _appends(self, _):
        found = self._since_mark()
        self.stack[-1].extend(found)

    def _append(self, _):
        found = self.stack.pop()
        self.stack[-1].append(found)

    def _setitems(self, _):
        found = self._since_mark()
        self.stack[-1].update(zip(found[::2], found[1::2], strict=True))

    def _setitem(self, _):
        value, key = self.stack.pop(), self.stack.pop()
        self.stack[-1][key] = value

    def _build(self, _):
        """Attributes of the dictionary, such as versions of layers: not needed."""
        self.stack.pop()

    def _binpersid(self, _):
        """Numbers in a file of their own: ("storage", type, key, where they were, how many)"""
        _, kind, key, _, _ = self.stack.pop()
        self.stack.append((DTYPES[kind.rpartition(" ")[2]], str(key)))

    def _reduce(self, _):
        given, function = self.stack.pop(), self.stack.pop()
        name = str(function) if isinstance(function, Named) else ""
        if name == "collections OrderedDict":
            self.stack.append({})
        elif name == "torch._utils _rebuild_tensor_v2":
            self.stack.append(self._array(*given[:4]))
        elif name == "torch._utils _rebuild_parameter":
            self.stack.append(given[0])
        else:
            raise Refused(f"it calls {legible(name.replace(' ', '.')[:80])}")

    def _array(self, storage, offset, shape, strides):
        dtype, key = storage
        if storage not in self.storages:
            file = self.archive.getinfo(f"{self.folder}data/{key}")
            if file.compress_type != zipfile.ZIP_STORED:  # PyTorch compresses nothing; a few bytes could become many
                raise Refused("its numbers are compressed")
            raw = self.archive.read(file)
            if dtype == "bf16":  # the upper half of a float32
                numbers = np.frombuffer(raw, self.order + "u2").astype(np.uint32) << 16
                self.storages[storage] = numbers.view(np.float32)
            else:
                self.storages[storage] = np.frombuffer(raw, self.order + dtype)
        numbers = self.storages[storage]
        sizes = (offset, *shape, *strides)
        last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
        if any(type(size) is not int or size < 0 for size in sizes) or math.prod(shape) and last >= len(numbers):
            raise Refused("an array reaches beyond its numbers")
        steps = [stride * numbers.itemsize for stride in strides]
        view = np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps, writeable=False)
        if view.nbytes > max(numbers.nbytes, 1):
            raise Refused("an array is larger than its numbers")
        return view.astype(view.dtype.newbyteorder("="))
