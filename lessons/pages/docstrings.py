"""Docstrings as they stand in the source: the first paragraph as text, the rest line by line.

They are written to be read as text, with names, shapes and units in columns, which reStructuredText would run together.
"""

import re


def process(app, what, name, obj, options, lines):
    """Sphinx's hook: change the lines in place."""
    text = list(lines)
    while text and not text[-1].strip():
        text.pop()
    end = next((i for i, line in enumerate(text) if not line.strip()), len(text))
    first, rest = text[:end], text[end + 1 :]
    lines[:] = [_marked(line) for line in first] + [""]
    if rest:
        lines += ["::", "", *(f"    {line}" for line in rest), ""]


def _marked(line):
    """Names in single backticks become literal text; what reStructuredText would take for its own is escaped."""
    line = re.sub(r"`+([^`]+)`+", "\0\\1\0", line)
    line = re.sub(r"([*|_\\])", r"\\\1", line)
    return re.sub("\0([^\0]+)\0", lambda found: "``" + re.sub(r"\\(.)", r"\1", found[1]) + "``", line)


def setup(app):
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
