"""A progress bar for whoever is watching: on a terminal and in a notebook, and none in a file, a pipe or a log."""

import warnings
from collections.abc import Iterable
from typing import Any


def bar(iterable: Iterable[Any], total: int, title: str, shown: bool = True, unit: str = "batch") -> Iterable[Any]:
    """`iterable` itself, with a bar beside it where `shown`, tqdm is installed, and someone is watching.

    A notebook's own bar needs ipywidgets. Where they are missing there is none, and no warning for each cell either:
    what is printed after each epoch says how far it is.
    """
    if not shown:
        return iterable
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm
    except ImportError:
        return iterable
    # A notebook is no terminal, so tqdm would take it for a log: its own class of bar says what it is.
    notebook = any("notebook" in base.__module__ for base in tqdm.__mro__)
    return tqdm(iterable, total=total, desc=title, leave=False, disable=False if notebook else None, unit=unit)
