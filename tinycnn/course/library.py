"""The library's own lines, shown in a lesson that has just taught them."""

import inspect
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # the folder that holds the package


@dataclass(frozen=True)
class Lines:
    """Pieces of source: (file, first line, last line, text) each. A notebook shows them as code."""

    pieces: tuple

    def __str__(self):
        return "\n\n".join(f"{file}, lines {first} to {last}\n\n{text}" for file, first, last, text in self.pieces)

    __repr__ = __str__

    def _repr_markdown_(self):
        return "\n\n".join(f"`{file}`, lines {first} to {last}\n\n```python\n{text}\n```"
                           for file, first, last, text in self.pieces)


def read(*things):
    """The source of the library's functions, methods or classes, with file and lines: read(tc.layers.Linear.forward)"""
    pieces = []
    for thing in things:
        lines, first = inspect.getsourcelines(thing)
        file = Path(inspect.getsourcefile(thing)).resolve().relative_to(ROOT).as_posix()
        pieces.append((file, first, first + len(lines) - 1, textwrap.dedent("".join(lines)).rstrip()))
    return Lines(tuple(pieces))
