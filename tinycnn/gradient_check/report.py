"""What gradcheck found, for people: a table in the terminal, the same in a notebook, and two kinds of figures."""

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from tinycnn.gradient_check.elements import Elements
from tinycnn.gradient_check.rule import BROKEN, HOLDS, NOTE, Check
from tinycnn.gradient_check.step_sizes import KINK, NOTHING, OK, UNCLEAR, WRONG, Sweep
from tinycnn.plots.look import Figure
from tinycnn.text import aligned

TEXTS = (0, 1, 2, 4, 7)  # the columns of the table that hold no numbers
VERDICTS = {OK: "ok", WRONG: "WRONG", KINK: "NOT CHECKED", NOTHING: "NOT CHECKED", UNCLEAR: "UNCLEAR"}
INCOMPLETE = "incomplete"
HEADINGS = {OK: "ok", WRONG: "NOT OK", UNCLEAR: "NOT SETTLED", INCOMPLETE: "INCOMPLETE"}
REASONS = {
    KINK: "every direction and element looked at lies at a kink (a tie, or a ReLU at exactly 0), where no gradient "
          "exists. Use random inputs without equal numbers",
    NOTHING: "y does not change with it here, so there was nothing to compare: is dy zero, or is a layer dead?",
    UNCLEAR: "no step size gives a clear slope: forward is rough (it computes in float32, or jumps), or y hardly moves "
             "beside its own size",
}
HOW = {
    "exact": "exact = y is linear in it, so dy . y changes by gradient . u for a move u of any size, to the last digit",
    "steps": "steps = slopes along a direction, with h from a tenth to a billionth of the numbers' size",
}
BETWEEN = ("steps so small that they cross no kink (a ReLU, the winner of a pool) move y by rounding only. Use "
           "inputs that are larger, or lie further from ties")


@dataclass
class TensorReport:
    """One input or parameter: what was measured, and the verdict.

    verdict: "ok", "wrong", "kink", "nothing" or "unclear"    problem: "missing", "shape (...)", "not finite" or None
    linear: is y linear in it?    adjoint: relative error of the exact test, if it is
    elements: what single elements say, or None    sweeps: list of Sweep, along whole directions
    family, words: the diagnosis of a wrong gradient
    """

    name: str
    role: str
    shape: tuple[int, ...]
    verdict: str = UNCLEAR
    problem: str | None = None
    linear: bool = False
    adjoint: float | None = None
    elements: Elements | None = None
    sweeps: list[Sweep] = field(default_factory=list)
    family: str | None = None
    words: str = ""

    @property
    def worst(self) -> tuple[float, str, float, float]:
        """(relative error, where, analytic, numeric) of the worst element, or of a direction where none was checked."""
        found = [(sweep.error, sweep.where, sweep.analytic, sweep.estimate)
                 for sweep in self.sweeps if sweep.verdict in (OK, WRONG)]
        if self.elements is not None:
            e = self.elements
            keep = [i for i, state in enumerate(e.states) if state in (OK, WRONG)]
            rows = [(e.errors[i], str(list(e.indices[i])), e.analytic[i], e.numeric[i]) for i in keep]
            found = rows or found
        return max(found, key=lambda row: np.nan_to_num(row[0], nan=np.inf), default=(np.nan, "", np.nan, np.nan))

    @property
    def checked(self) -> str:
        """What was looked at, in words."""
        parts = ["exact"] if self.adjoint is not None else ["steps"] if self._decided else []
        if self.elements is not None:
            count, total = self.elements.count(OK, WRONG, UNCLEAR), int(np.prod(self.shape))
            parts.append(f"all {total}" if count == total else f"{count} of {total}")
        return ", ".join(parts) or "nothing"

    @property
    def _decided(self):
        return any(sweep.verdict in (OK, WRONG, UNCLEAR) for sweep in self.sweeps)

    @property
    def excluded(self) -> int:
        """Number of elements left out because a step from them crosses a kink."""
        return self.elements.count(KINK) if self.elements else 0

    @property
    def diagnosis(self) -> str:
        """What is wrong with it, as one line; empty for a gradient that is not wrong."""
        return f"{self.family}: {self.words}" if self.family else self.words

    def remarks(self, said: Mapping[str, str] | None = None) -> list[str]:
        """Sentences to print under the tensor's row. said: {diagnosis: name of the tensor that it was printed for}."""
        lines, said = list[str](), said or {}
        if self.verdict == WRONG:
            lines.append(f"{self.family}: as {said[self.diagnosis]}" if self.diagnosis in said else self.diagnosis)
        elif self.verdict != OK:
            between = self.verdict == UNCLEAR and any(any(sweep.crossings) for sweep in self.sweeps)
            lines.append(BETWEEN if between else REASONS[self.verdict])
        elif self.words:
            lines.append(self.words)
        if self.elements is not None and self.excluded:
            kinks = [str(crossing) for crossings in self.elements.kinks.values() for crossing in crossings]
            seen = f" ({kinks[0]}{', ...' if len(kinks) > 1 else ''})" if kinks else ""
            lines.append(f"{self.excluded} of {len(self.elements.states)} elements left out: at a kink{seen}")
        crossed = [(h, f) for sweep in self.sweeps[-1:] for h, f in zip(sweep.h, sweep.crossings, strict=True) if f]
        if crossed and self._decided and self.sweeps[-1].left_out:
            h, kinks = crossed[-1]
            lines.append(f"steps of h = {h:.0e} and more left out: they cross kinks ({kinks[0]})")
        return lines


@dataclass
class Report:
    """All tensors and all rules. `ok` only if every tensor was really compared, and right, and no rule is broken.

    unseen: {name: why} of what was not looked at, which leaves the report incomplete
    """

    title: str
    seed: int
    mode: str
    tensors: list[TensorReport]
    checks: list[Check]
    notes: list[str]
    unseen: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.verdict == OK

    @property
    def verdict(self) -> str:
        """ "ok"; "wrong"; "incomplete": nothing is wrong, and something was not looked at; "unclear": not settled."""
        states = [tensor.verdict for tensor in self.tensors]
        if WRONG in states or any(check.verdict == BROKEN for check in self.checks):
            return WRONG
        if self.unseen or not states:
            return INCOMPLETE
        return OK if all(state == OK for state in states) else UNCLEAR

    @property
    def families(self) -> list[str]:
        """The families of mistakes that were recognized, each once, in order."""
        found = [t.family for t in self.tensors if t.verdict == WRONG] + \
            [c.family for c in self.checks if c.verdict == BROKEN]
        return list(dict.fromkeys(family for family in found if family))

    @property
    def summary(self) -> str:
        """One line: ok, or what is wrong."""
        if self.ok:
            return "ok"
        wrong = [f"{t.name} is {'wrong' if t.verdict == WRONG else 'not settled'}" for t in self.tensors
                 if t.verdict != OK]
        wrong += [f"rule broken: {c.name}" for c in self.checks if c.verdict == BROKEN]
        wrong += [f"{name} was not looked at" for name in self.unseen]
        return "; ".join(wrong) or "nothing was checked"

    def __getitem__(self, name: str) -> TensorReport:
        """The TensorReport called `name`."""
        return next(tensor for tensor in self.tensors if tensor.name == name)

    def rows(self) -> Iterator[list[str]]:
        """The table as text: a header, then one row for each tensor."""
        yield ["tensor", "shape", "checked", "worst error", "where", "analytic", "numeric", "verdict"]
        for t in self.tensors:
            error, where, analytic, numeric = t.worst
            if t.problem:
                error, analytic = np.inf, np.nan
            numbers = [_number(error, ".1e"), where, _number(analytic, ".5g"), _number(numeric, ".5g")]
            yield [t.name, str(t.shape), t.checked, *numbers, VERDICTS[t.verdict]]

    def sentences(self) -> Iterator[str]:
        """What is said under the table, line by line."""
        how = [words for key, words in HOW.items() if any(t.checked.startswith(key) for t in self.tensors)]
        if how:
            yield f"how: {'; '.join(how)}"
        held = [c.name for c in self.checks if c.verdict == HOLDS]
        if held:
            yield f"rules kept: {', '.join(held)}"
        for c in self.checks:
            if c.verdict == BROKEN:
                family = f"{c.family}: " if c.family not in (None, c.name) else ""
                yield f"RULE BROKEN, {c.name}: {family}{c.words}"
            elif c.verdict != HOLDS:
                yield f"{'note' if c.verdict == NOTE else 'skipped'}, {c.name}: {c.words}"
        yield from (f"NOT CHECKED, {name}: {why}" for name, why in self.unseen.items())
        yield from self.notes

    def _remarks(self) -> Iterator[list[str]]:
        """The remarks of each tensor; a diagnosis that several share is spelled out once."""
        said: dict[str, str] = {}
        for t in self.tensors:
            yield t.remarks(said)
            if t.family:
                said.setdefault(t.diagnosis, t.name)

    def __str__(self) -> str:
        lines = [f"{self.title}: {HEADINGS[self.verdict]}   (seed {self.seed}, {self.mode})"]
        for row, remarks in zip(aligned(self.rows(), left=TEXTS), [[], *self._remarks()], strict=True):
            lines += [f"  {row}", *(f"    > {remark}" for remark in remarks)]
        return "\n".join(lines + [f"  {sentence}" for sentence in self.sentences()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *body = self.rows()
        cell = "padding:.2em .8em;text-align:left"
        parts = [f"<p><b>{html.escape(self.title)}</b>: {'✓' if self.ok else '✗'} {HEADINGS[self.verdict].lower()} "
                 f"<small>(seed {self.seed}, {html.escape(self.mode)})</small></p><table><tr>"]
        parts += [f'<th style="{cell}">{html.escape(text)}</th>' for text in head]
        for tensor, row, remarks in zip(self.tensors, body, self._remarks(), strict=True):
            tint = "" if tensor.verdict == OK else ";background:#D55E0022"
            parts.append("</tr><tr>")
            parts += [f'<td style="{cell}{tint}">{html.escape(text)}</td>' for text in row]
            for remark in remarks:
                parts.append(f'</tr><tr><td></td><td colspan="7" style="{cell}">{html.escape(remark)}</td>')
        lines = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self.sentences())
        return "".join(parts) + f"</tr></table><ul>{lines}</ul>"

    def plot(self) -> Figure:
        """A matplotlib Figure: the error against h with its diagnosis, and where each wrong tensor is wrong."""
        from tinycnn.gradient_check.plot import draw

        return draw(self)


def _number(value, form):
    return format(value, form) if np.isfinite(value) else "-"
