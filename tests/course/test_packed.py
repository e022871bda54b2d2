"""What students install holds no right answer, and all that the checks need."""

import ast
from pathlib import Path

import pytest

pytest.importorskip("jupytext", reason="the lessons' tools are not installed: pip install -e '.[lessons]'")
pytest.importorskip("nbclient")

from lessons.build import sources  # noqa: E402
from lessons.cells import cells_of, tags_of  # noqa: E402
from lessons.known import EXERCISES, store  # noqa: E402
from tinycnn.course import names, stored  # noqa: E402

PACKAGE = Path(stored.__file__).parent


def bodies(text):
    """{what each function and method says, without its docstring}, if it says more than a line."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            said = "\n".join(ast.unparse(line) for line in body)
            found |= {said} if said.count("\n") or len(said) > 40 else set()
    return found


def test_no_solution_is_in_the_package():
    solutions = {said: source.name for source in sources() for cell in cells_of(source) if "solution" in tags_of(cell)
                 for said in bodies(cell.source)}
    exercises = {said for source in sources() for cell in cells_of(source) if "exercise" in tags_of(cell)
                 for said in bodies(cell.source)}
    packed = set().union(*(bodies(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")))
    assert len(solutions) > 80
    assert {said: name for said, name in solutions.items() if said in packed - exercises} == {}


def test_what_is_stored_is_what_the_programs_give():
    assert names() == list(EXERCISES)
    assert [lesson for lesson in store.LESSONS if store.stale(lesson)] == [], "run python -m lessons.index"
    assert store.left_over() == []


def test_every_call_belongs_to_an_exercise():
    for lesson in stored.lessons():
        calls, gradients, _ = stored.adapters(lesson)
        assert {*calls, *gradients} <= {*stored.exercises(lesson)}


def test_nothing_in_the_package_imports_the_lessons():
    for path in PACKAGE.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom | ast.Import):
                modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
                assert not [name for name in modules if name.split(".")[0] == "lessons"], path
