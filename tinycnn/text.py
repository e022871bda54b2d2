"""Plain-text tables, and how numbers are written in them and in sentences."""

import math


def table(rows, left=1):
    """Rows of cells (the first is the heading) as aligned text; the first `left` columns to the left, numbers right."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) if k < left else cell.rjust(width)
                       for k, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip() for row in rows]
    rule = "-" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:]])


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
    """1 image, 2 images."""
    return f"{n:,} {singular if n == 1 else plural or singular + 's'}"


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


def byte_size(count):
    """An amount of memory with its unit: 512 -> 512 bytes, 4_200_000 -> 4.2 MB (powers of 1000)."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.3g} {unit}"
        count /= 1000
