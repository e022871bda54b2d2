"""What every lesson has: exercises with hints and solutions, a prediction, a bug to find, an open task.

A source is longer than a file of the package may be, since half of it is prose. Its code is held to the same measure.
"""

import ast
import re

MOST = 300  # lines of code that a lesson may show besides its exercises


def lacks(source, cells):
    """Sentences about what a lesson's source has not got, and which exercise lacks it. cells: the source's"""
    text, number = source.read_text("utf-8"), source.name[:2]
    for tag in ("exercise", "solution", "yours", "picture"):
        if not any(tag in cell.metadata.get("tags", ()) for cell in cells):
            yield f"{source.name}: no cell is tagged {tag}"
    exercises, solutions = ([_names(cell) for cell in cells if tag in cell.metadata.get("tags", ())]
                            for tag in ("exercise", "solution"))
    yield from (f"{source.name}: the exercise {', '.join(sorted(names))} has no solution" for names in exercises
                if names not in solutions)
    headings = re.split(r"^# ### Exercise (?=\d+: )", text, flags=re.M)[1:]
    for part in headings:
        title = part.partition("\n")[0]
        before = part.partition('# %% tags=["exercise"]')[0]
        if not re.search(r"^# \*Difficulty [1-5]/5, about \d+ minutes\*$", before, re.M):
            yield f"{source.name}: exercise {title} does not say: *Difficulty 2/5, about 10 minutes*"
        if "<details><summary>Hint" not in before:
            yield f"{source.name}: exercise {title} has no hint"
    if len(headings) != len(exercises):
        yield f"{source.name}: {len(headings)} headings '### Exercise n: ...', {len(exercises)} cells tagged exercise"
    plain = [cell for cell in cells if cell.cell_type == "code" and not {"exercise", "solution"} & set(
        cell.metadata.get("tags", ()))]
    if (lines := sum(len(cell.source.splitlines()) for cell in plain)) > MOST:
        yield (f"{source.name}: {lines} lines of code besides the exercises, {MOST} are enough: figures belong into "
               "tinycnn/course/drawings, helpers that teach nothing beside them")
    following = sorted(path.stem for path in source.parent.glob("[0-9][0-9]_*.py") if path.stem > source.stem)[:1]
    last = text.partition("# **Next:**")[2]
    yield from (f"{source.name}: its last words do not lead to the next lesson (**Next:** [...]({name}.ipynb))"
                for name in following if f"({name}.ipynb)" not in last)
    yield from (f"{source.name}: the item {item} of a list stands in the middle of a line"
                for item in re.findall(r"^#.*\S (\d\.)\s#? ?\*(?:\(\d/5\)|\*Open)", text, flags=re.M))
    wanted = {"**Predict first.**": "asks for no prediction before a figure", "read(": "reads nothing in the library"}
    if number != "00":  # the first look around is shorter
        wanted |= {": find the bug": "has no debugging exercise", "**Open task.**": "ends without an open task",
                   f'keep("{number}", ': "keeps nothing of what was written"}
    yield from (f"{source.name}: it {words} ({sign})" for sign, words in wanted.items() if sign not in text)


def _names(cell):
    """Functions and classes that a cell defines."""
    return {node.name for node in ast.parse(cell.source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def defined(text):
    """{what a function or class at a module's top says}, however it is laid out."""
    nodes = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return {ast.unparse(node) for node in nodes}
