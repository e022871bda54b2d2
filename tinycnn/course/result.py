"""What a check says: one line in a terminal, a card in a notebook."""

import html
from dataclasses import dataclass, field

RIGHT, EMPTY, RAISED, SHAPE, DTYPE, MODIFIED = "right", "not written yet", "raised", "shape", "dtype", "modified"
LIST = "list"
KNOWN, WRONG = "known mistake", "wrong"
HEADS = {
    RIGHT: "right", EMPTY: "not written yet", RAISED: "an error was raised", SHAPE: "not the right shape",
    DTYPE: "not the right dtype", LIST: "not an array", MODIFIED: "an input was changed",
    KNOWN: "a mistake that others made too", WRONG: "not right yet",
}
GREEN, GRAY, RED = "#009E73", "#888888", "#D55E00"


@dataclass(frozen=True)
class Result:
    """verdict: one of the words above    lines: what is said about it    mistakes: keys of the known mistakes met"""

    name: str
    title: str
    verdict: str
    lines: list = field(default_factory=list)
    mistakes: tuple = ()

    @property
    def ok(self):
        return self.verdict == RIGHT

    def __bool__(self):
        return self.ok

    @property
    def _sign(self):
        return {RIGHT: "✓", EMPTY: "○"}.get(self.verdict, "✗")

    def __str__(self):
        head = f"{self._sign} {self.name} ({self.title}): {HEADS[self.verdict]}"
        return "\n".join([head, *(f"    {line}" for line in self.lines)])

    __repr__ = __str__

    def _repr_html_(self):
        color = {RIGHT: GREEN, EMPTY: GRAY}.get(self.verdict, RED)
        return _card(color, self._sign, HEADS[self.verdict], f"{self.title}, {self.name}", self.lines)


@dataclass(frozen=True)
class Kept:
    """What was written to a learner's own module.

    file: such as mine/lesson03.py    names: what it now holds of this lesson    left: sentences about what stayed out
    """

    file: str
    names: tuple
    left: tuple = ()

    def __bool__(self):
        return not self.left

    @property
    def _head(self):
        return f"{self.file} holds your {', '.join(self.names)}" if self.names else f"nothing new for {self.file} yet"

    @property
    def _sign(self):
        return "✓" if self.names else "○"

    def __str__(self):
        return "\n".join([f"{self._sign} {self._head}", *(f"    left out, {reason}" for reason in self.left)])

    __repr__ = __str__

    def _repr_html_(self):
        return _card(GREEN if self else GRAY, self._sign, self._head, "",
                     [f"left out, {reason}" for reason in self.left])


def _card(color, sign, head, note, lines):
    """A sentence in a colored frame, for notebooks."""
    below = "".join(f'<div style="margin-top:.3em;white-space:pre-wrap">{html.escape(line)}</div>' for line in lines)
    return (f'<div style="border-left:.4em solid {color};padding:.5em .9em;margin:.3em 0;background:{color}14">'
            f'<b style="color:{color}">{sign}</b> <b>{html.escape(head)}</b> '
            f'<span style="opacity:.7">{html.escape(note)}</span>{below}</div>')
