"""Names of a package that are loaded at their first use, so that importing the package stays quick."""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy(package: str, homes: Mapping[str, str | None]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions __getattr__ and __dir__ of a package's __init__.py: `__getattr__, __dir__ = lazy(__name__, {...})`.

    homes: {public name: the module that defines it}; None where the name is that of a module of the package
    """

    def load(name):
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = homes[name]
        module = importlib.import_module(f"{package}.{name}" if home is None else home)
        value = module if home is None else getattr(module, name)
        setattr(sys.modules[package], name, value)  # from now on Python finds it without asking here
        return value

    def names():
        return sorted({*vars(sys.modules[package]), *homes})

    return load, names
