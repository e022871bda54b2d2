"""Names in figures: those of classes and data sets come from people and files, in every script, and with any sign.

A dollar sign is no formula here, a control character nothing that happens, and a letter that the figure's font lacks is
taken from an installed font that has it. Where none has it, a class is called by its number, and it is said once.
"""

import functools
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tinycnn.errors import require
from tinycnn.text import legible, shortened

NO_LETTER, MARK = "\ufffd", "\u200e"  # what stands for a letter; "from left to right"
LETTERS, TITLE = 16, 40  # columns of a name, where nothing else is said, and of one in a title
NO_FONTS = re.compile("last ?resort|blank|^stix(size|nonuni)|^cm[a-z]+10$", re.IGNORECASE)  # boxes, parts of formulas
ADVICE = ("no installed font has all the letters of some names, so figures show these classes by their numbers, as "
          "class 3. A font that has them will be used once it is installed, for example one of Google's Noto fonts")


def labels(names: Sequence[str], most: int = LETTERS) -> list[str]:
    """The names of all classes as figures show them, no two alike. most: columns of each; a Chinese letter has two."""
    shown = [label(name, f"class {k}", most) for k, name in enumerate(names)]
    times = Counter(shown)
    return [text if times[text] == 1 else f"{shortened(text, most - len(f' ({k})'))} ({k})"
            for k, text in enumerate(shown)]


def label(name: object, otherwise: str, most: int = LETTERS) -> str:
    """`name` on one line, shortened, in letters that there is a font for; `otherwise` where it cannot be shown."""
    text = legible(name)
    if unknown(text):
        text = "".join(_plainer(c) if unknown(c) else c for c in text)
    if unknown(text):
        advise()
        return otherwise
    return from_left(shortened(text, most)) if text.strip(f"{NO_LETTER} ") else otherwise


def title(name: object, otherwise: str, most: int = TITLE) -> str:
    """The name of a data set, as in `label`, but with signs in place of letters that there is no font for."""
    text = legible(name)
    none = unknown(text)
    text = "".join(NO_LETTER if c in none else c for c in text)
    return from_left(shortened(text, most)) if text.strip(f"{NO_LETTER} ") else otherwise


def from_left(text: str) -> str:
    """A name of letters that run from right to left, in marks that keep what stands around it in its place."""
    return f"{MARK}{text}{MARK}" if any(unicodedata.bidirectional(c) in ("R", "AL") for c in text) else text


@functools.cache
def advise() -> None:
    """Say that some names are not shown, once."""
    warnings.warn(ADVICE, stacklevel=2)


def _plainer(letter):
    """A letter in other letters: without what a style or an accent adds, and a small picture as its name."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(c))
    picture = unicodedata.category(letter) == "So" and unicodedata.name(letter, "").lower()
    return picture or plain


def unknown(text: str) -> frozenset[str]:
    """The letters of `text` that no installed font has."""
    needed = _lacking(text, _path(None))
    return needed and fallbacks(needed)[1]


def finish(figure: Any) -> None:
    """Make every text of a figure harmless: no formulas, and fonts for all its letters. It may be done twice."""
    ticker = require("matplotlib.ticker", extra="viz")
    texts = figure.findobj(require("matplotlib.text", extra="viz").Text)
    ticks = set()
    for axis in (axis for ax in figure.findobj(require("matplotlib.axes", extra="viz").Axes)
                 for axis in (ax.xaxis, ax.yaxis)):
        words = axis.get_major_formatter()
        named = isinstance(words, ticker.FixedFormatter) or isinstance(words, ticker.FuncFormatter) and \
            isinstance(axis.get_major_locator(), ticker.FixedLocator)  # set_ticks makes one or the other
        ticks |= set() if named else set(axis.findobj(type(texts[0]))) - {axis.label}
        if named:  # their words are put in only when it is drawn
            texts += axis.get_ticklabels()
    for text in texts:
        if text not in ticks:  # numbers at an axis: those of a log scale are formulas
            _finish(text)


def _finish(text):
    text.set_parse_math(False)
    text.set_usetex(False)
    words = text.get_text()
    needed = _lacking(words, _path(text.get_fontproperties()))
    if not needed:
        return
    families, none = fallbacks(needed)
    if none:
        text.set_text("".join(NO_LETTER if c in none else c for c in words))
    if families:
        own = text.get_fontfamily()
        text.set_fontfamily([*own, *(family for family in families if family not in own)])


def _lacking(text, path):
    return frozenset() if text.isascii() and text.isprintable() else \
        frozenset(c for c in text if c not in ("\n", MARK) and ord(c) not in _letters(path))


@functools.lru_cache(maxsize=64)
def fallbacks(needed: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """(families of installed fonts that have some of these letters, the letters that none has)."""
    families: list[str] = []
    for family, path in installed():
        if not needed:
            break
        found = {c for c in needed if ord(c) in _letters(path)}
        if found:
            families.append(family)
            needed -= found
    return tuple(families), needed


@functools.cache
def installed() -> tuple[tuple[str, str], ...]:
    """(family, path) of each installed family of fonts whose letters can be drawn, those without serifs first."""
    manager = require("matplotlib.font_manager", extra="viz")
    plainest: dict[str, Any] = {}  # of each family
    for entry in sorted(manager.fontManager.ttflist, key=lambda e: (e.style != "normal", abs(_weight(e) - 400))):
        plainest.setdefault(entry.name, entry)
    names = [name for name in plainest if not NO_FONTS.search(name)]
    return tuple((name, plainest[name].fname) for name in sorted(names, key=lambda name: ("Sans" not in name, name)))


def _weight(entry):
    return entry.weight if isinstance(entry.weight, int) else 400 if entry.weight in ("normal", "regular") else 700


def _path(properties):
    manager = require("matplotlib.font_manager", extra="viz")
    return manager.findfont(properties or manager.FontProperties())


@functools.lru_cache(maxsize=256)
def _letters(path):
    """The code points that a font has; none of one that matplotlib cannot draw with, as those of colored pictures."""
    try:
        font = require("matplotlib.ft2font", extra="viz").FT2Font(path)
        return frozenset(font.get_charmap()) if font.scalable else frozenset()
    except (OSError, RuntimeError):
        return frozenset()


def font_with(text: str) -> str | None:
    """The path of an installed font that has all letters of `text`, for what takes one font only; None without one."""
    paths: Iterable[str] = (_path(None), *(path for _, path in installed()))
    return next((path for path in paths if not _lacking(text, path)), None)
