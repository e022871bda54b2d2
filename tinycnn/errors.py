"""The errors of the library.

An error here is part of the teaching: it says what was expected, what came, the likely cause, and the fix. Each class
also inherits from the built-in error that a caller would expect, so `except ValueError` still works.
"""

import contextlib
import importlib
import os
import re
import sys
from types import ModuleType


class TinyCNNError(Exception):
    """Base of every error that the library raises on purpose; the command line prints it as one line."""


class ShapeError(TinyCNNError, ValueError):
    """An array or a layer does not have the shape that the next one needs."""


class DataError(TinyCNNError, ValueError):
    """A data set, an image, a box or a label cannot be used."""


class DeviceError(TinyCNNError, TypeError):
    """Arrays of two devices were mixed, or a device cannot be used."""


class CheckpointError(TinyCNNError, ValueError):
    """A saved model or checkpoint is damaged, foreign, or does not fit."""


class DtypeError(TinyCNNError, TypeError):
    """Numbers of one type met numbers of another, or are not floating-point numbers where they must be."""


class OrderError(TinyCNNError, RuntimeError):
    """backward was called before forward, or twice for one forward, or a network was to do two things at once."""


class TrainingError(TinyCNNError, RuntimeError):
    """Training cannot go on, or has gone wrong: a loss, or what a network answers, is infinite or NaN."""


class MissingExtra(TinyCNNError, ImportError):
    """A part of the library needs a package that is not installed."""


def require(module: str, extra: str) -> ModuleType:
    """Import `module`, or say which extra of tinycnn brings it.

    >>> require("json", extra="images").dumps([1])
    '[1]'
    """
    try:
        return _without_backend(module) if module.partition(".")[0] == "matplotlib" else importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingExtra(
            f"this needs the package that provides {package!r}, which could not be imported ({error}). "
            f"Install it with: {install_command(extra)}"
        ) from error


def _without_backend(module):
    """Import matplotlib, or a part of it, also where MPLBACKEND names a backend that is not there.

    A notebook sets it, also for the commands started from it, in whatever environment they run. matplotlib would refuse
    to be imported; figures here are drawn without a backend. One that is there is kept for your own windows.
    """
    backend = None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
    try:
        imported = importlib.import_module(module)
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend:
        with contextlib.suppress(ValueError):
            sys.modules["matplotlib"].rcParams["backend"] = backend
    return imported


def install_command(extra: str) -> str:
    """pip install 'pillow>=10.1' ...: the packages of an extra by their own names, which every index knows."""
    from importlib import metadata  # slow to import, and rarely needed

    packages = []
    with contextlib.suppress(metadata.PackageNotFoundError):
        for requirement in metadata.requires(__package__) or []:
            package, _, condition = requirement.partition(";")
            if re.search(rf"""extra == ['"]{extra}['"]""", condition):
                inner = re.match(r"tinycnn\[(\w+)\]", package)
                packages.append(install_command(inner[1])[len("pip install ") :] if inner else f"'{package.strip()}'")
    return "pip install " + (" ".join(packages) or f"-e '.[{extra}]'  (in tinycnn's own folder)")
