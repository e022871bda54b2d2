"""A progress bar for whoever is watching: on a terminal and in a notebook, and none in a file, a pipe or a log."""

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any


def bar(iterable: Iterable[Any], total: int, title: str, shown: bool = True, unit: str = "batch",
        first: int = 0) -> Iterable[Any]:
    """`iterable` itself, with a bar beside it where `shown`, tqdm is installed, and someone is watching.

    first: how many of `total` were done before

    A notebook's own bar needs ipywidgets. Where they are missing there is none, and no warning for each cell either:
    what is printed after each epoch says how far it is.
    """
    tqdm, how = _tqdm(shown)
    return iterable if tqdm is None else tqdm(iterable, total=total, desc=title, unit=unit, initial=first, **how)


@contextlib.contextmanager
def byte_bar(title: str, shown: bool = True) -> Iterator[Callable[[int, int | None], None]]:
    """A function to be told (bytes that are there, bytes in all or None), which shows them where `bar` would."""
    tqdm, how = _tqdm(shown)
    bars: list[Any] = []

    def report(have: int, total: int | None) -> None:
        if tqdm is None:
            return
        if not bars:  # what was there before says nothing about the speed
            bars.append(tqdm(desc=title, total=total, initial=have, unit="B", unit_scale=True, **how))
        bars[0].total = total or bars[0].total
        bars[0].update(have - bars[0].n)

    try:
        yield report
    finally:
        for each in bars:
            each.close()


def say(sentence: str) -> None:
    """Print a sentence, above a bar where one is shown."""
    tqdm, _ = _tqdm(True)
    (print if tqdm is None else tqdm.write)(sentence)
    sys.stdout.flush()


def _tqdm(shown):
    """(tqdm's class for this terminal or notebook, or None; the options that all bars have)"""
    if not shown:
        return None, {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm
    except ImportError:
        return None, {}
    # A notebook is no terminal, so tqdm would take it for a log: its own class of bar says what it is.
    notebook = any("notebook" in base.__module__ for base in tqdm.__mro__)
    return tqdm, {"leave": False, "disable": False if notebook else None}
