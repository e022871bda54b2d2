"""Plain-text tables, and how counts, shares and sizes are written in them and in sentences."""

import math
import re
import textwrap
import unicodedata

UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # Unicode's classes of what steers, and of halves of a letter
JOINERS = "\u200c\u200d"  # they shape letters in many scripts, and steer nothing


def table(rows, left=1, rules=(1,), **options):
    """Rows of cells as aligned text, with lines drawn between some of them.

    rows: lists of cells; whatever they are, they are shown as str(cell)    left: as in aligned
    rules: numbers of the rows that have a line above them; the default sets off a heading of one row. -1: the last row
    options: narrowest and wrap, as in aligned

    >>> print(table([("layer", "parameters"), ("conv1", 896), ("fc1", 32800)]))
    layer  parameters
    -----------------
    conv1         896
    fc1         32800
    """
    lines = aligned(rows, left, **options)
    rule = "-" * max(len(line) for row in lines for line in row.splitlines())
    above = {number + len(lines) if number < 0 else number for number in rules}
    return "\n".join(part for number, line in enumerate(lines) for part in [rule] * (number in above) + [line])


def aligned(rows, left=1, narrowest=0, wrap=None):
    """Rows of cells as a list of strings, one for each row, whose columns stand one below the other.

    left: the columns that are aligned left, the others are aligned right; a count of leading columns, or their numbers
    narrowest: the least width of a column    wrap: the width of a line, within which the last column is wrapped
    """
    rows = [[_kept_indent(cell) for cell in row] for row in rows]
    left = range(left) if isinstance(left, int) else left
    widths = [max(narrowest, *(columns(row[k]) for row in rows)) for k in range(len(rows[0]))]
    lines = []
    for row in rows:
        fill = [" " * (width - columns(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [cell + fill[k] if k in left else fill[k] + cell for k, cell in enumerate(row)]
        if wrap is not None:
            indent = sum(width + 2 for width in widths[:-1])
            cells[-1] = _wrapped(row[-1], wrap - indent, indent)
        lines.append("  ".join(cells).rstrip())
    return lines


def _kept_indent(cell):
    """A cell as text in which names cannot break the table; the spaces before it stay."""
    text = str(cell)
    return text if text.isascii() and text.isprintable() else " " * (len(text) - len(text.lstrip(" "))) + legible(text)


def _wrapped(text, width, indent):
    """`text` in lines of `width`, all but the first indented. What follows an arrow stays to the right of it."""
    arrow = "-> " if text.startswith("-> ") else ""
    lines = textwrap.wrap(text, width, subsequent_indent=" " * len(arrow))
    return ("\n" + " " * indent).join(lines)


def figure_of(value, digits=2):
    """A number in few characters: 0.0123 -> 0.012, 12345 -> 12,345, 3e-7 -> 3e-07, None -> -."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    size = abs(value)
    if size < 1e-3:
        return f"{value:.0e}"
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(size)))}f}"


def percent(share):
    """0.613 -> 61 %; what is not quite none and not quite all does not become 0 % or 100 %."""
    if share is None:
        return "-"
    if 0 < share < 0.01:
        return "<1 %"
    return ">99 %" if 0.99 < share < 1 else f"{100 * share:.0f} %"


def count(n, singular, plural=None):
    """1 -> 1 image, 2000 -> 2,000 images."""
    return f"{n:,} {singular if n == 1 else plural or singular + 's'}"


def short(name):
    """How a layer or parameter is called in sentences and figures: trunk.conv1.w -> conv1.w."""
    return name.removeprefix("trunk.")


def plain(value):
    """The same value in types that JSON knows: NumPy numbers and arrays, tuples, and infinities (as text)."""
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def byte_size(n):
    """n bytes of memory with a unit: 512 -> 512 bytes, 4_200_000 -> 4.2 MB; a kB is 1000 bytes."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if n < 1000 or unit == "GB":
            return f"{n:.0f} {unit}" if unit == "bytes" else f"{n:.3g} {unit}"
        n /= 1000


def megabytes(n, digits=1):
    """n bytes in MB, for a column whose heading says so: 4_230_000 -> 4.2, 0 -> 0, 4000 -> <0.1."""
    least = 10.0**-digits
    return "0" if n == 0 else f"<{least:.{digits}f}" if n < 5e5 * least else f"{n / 1e6:,.{digits}f}"


def times(shape):
    """A shape in words: (32, 32, 3) -> 32 x 32 x 3."""
    return " x ".join(map(str, shape))


def legible(text):
    """`text` on one line, for screens and figures: a line break becomes a space, what has no sign of its own a �.

    Names come from files of others: control characters steer a terminal, marks of direction reverse what follows, and
    halves of a broken encoding cannot be written at all.

    >>> legible("cat\\nand\\x1b[2J dog")
    'cat and�[2J dog'
    """
    words = " ".join(str(text).split())
    if words.isascii() and words.isprintable():
        return words
    return "".join("\ufffd" if unicodedata.category(c) in UNSEEN and c not in JOINERS else c for c in words)


def for_json(value):
    """`value`, for JSON that others read: in each text, also inside lists and dictionaries, a � for what is no letter.

    A file's name may be any bytes. Python keeps those that are no UTF-8 as halves of letters, which JSON cannot hold.
    """
    if isinstance(value, dict):
        return {for_json(name): for_json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [for_json(inner) for inner in value]
    return re.sub("[\ud800-\udfff]", "\ufffd", value) if isinstance(value, str) else value


def is_address(text):
    """Whether this is an address as browsers have it, http://..., and no path."""
    return re.match(r"[a-z][a-z0-9+.-]+://", text, re.I) is not None


def columns(text):
    """How many columns of a terminal `text` takes: Chinese, Japanese and Korean letters take two, accents none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def shortened(words, most, end="…"):
    """`words` if they take at most so many columns, else their beginning and `end`."""
    if columns(words) <= most:
        return words
    words = words[:most]
    while columns(words) + columns(end) > most:
        words = words[:-1]
    return words + end


def first_line(error):
    """The first line of an error's message; its type where it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def kind(value):
    """What something is, for an error message: None, an array of shape (2, 3), a list."""
    if value is None:
        return "None"
    if getattr(value, "shape", None) is not None:
        return f"an array of shape {tuple(value.shape)}"
    return f"{'an' if type(value).__name__[0] in 'aeiou' else 'a'} {type(value).__name__}"
