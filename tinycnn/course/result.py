"""What a check says: one line in a terminal, a card in a notebook."""

import html
from dataclasses import dataclass, field

RIGHT, EMPTY, RAISED, SHAPE, DTYPE, MODIFIED = "right", "not written yet", "raised", "shape", "dtype", "modified"
KNOWN, WRONG = "known mistake", "wrong"
HEADS = {
    RIGHT: "right", EMPTY: "not written yet", RAISED: "an error was raised", SHAPE: "not the right shape",
    DTYPE: "not the right dtype", MODIFIED: "an input was changed", KNOWN: "a mistake that others made too",
    WRONG: "not right yet",
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
        lines = "".join(f'<div style="margin-top:.3em">{html.escape(line)}</div>' for line in self.lines)
        return (f'<div style="border-left:.4em solid {color};padding:.5em .9em;margin:.3em 0;background:{color}14">'
                f'<b style="color:{color}">{self._sign}</b> <b>{html.escape(HEADS[self.verdict])}</b> '
                f'<span style="opacity:.7">{html.escape(self.title)}, {self.name}</span>{lines}</div>')
