"""The rules of the house, checked on the source itself: they hold for every file, so no file's own test can hold them.

Each test collects all places that break its rule, so that one run shows everything there is to do.
"""

import ast
import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tinycnn

PACKAGE = Path(tinycnn.__file__).parent
SOURCES = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8")
           for path in sorted(PACKAGE.rglob("*.py"))}  # fmt: skip
TREES = {path: ast.parse(text) for path, text in SOURCES.items()}


def nodes(kind):
    """(path, node) for every node of a kind in the whole package."""
    return [(path, node) for path, tree in TREES.items() for node in ast.walk(tree) if isinstance(node, kind)]


def imports(node):
    """The modules that an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.level == 0 else []


def importers(*packages):
    """(path, line) of every import of one of the packages, wherever in a file it stands."""
    return [(path, node.lineno) for path, node in nodes((ast.Import, ast.ImportFrom))
            for module in imports(node) if module.partition(".")[0] in packages]  # fmt: skip


def found(pattern):
    """(path, line) wherever the pattern stands."""
    return [(path, text[: match.start()].count("\n") + 1, match[0])
            for path, text in SOURCES.items() for match in re.finditer(pattern, text)]  # fmt: skip


def is_own(node):
    """Is this expression self, cls or super()?"""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "super"
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def defined(tree):
    """Names that a file gives to functions, classes, variables and attributes."""
    nodes = list(ast.walk(tree))
    stored = [node for node in nodes if isinstance(getattr(node, "ctx", None), ast.Store)]
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)} | \
        {node.id for node in stored if isinstance(node, ast.Name)} | \
        {node.attr for node in stored if isinstance(node, ast.Attribute)}


def test_only_the_backend_imports_cupy():
    assert {path for path, _ in importers("cupy", "cupyx")} == {"backend.py"}
    assert not found(r"(import_module|require|__import__)\(\s*['\"]cupy")


def test_random_numbers_come_from_a_generator_that_was_handed_in():
    allowed, theirs = "default_rng|Generator|SeedSequence", "gradient_check/generators.py"  # puts back what others draw
    assert not [hit for hit in found(rf"\b(np|numpy|xp)\.random\.(?!({allowed})\b)\w+") if hit[0] != theirs]
    assert {path for path, _ in importers("random")} <= {theirs}, "the standard library's random is one global stream"
    assert not found(r"default_rng\(\)"), "without a seed it differs from run to run"


def test_nothing_from_outside_can_run_as_code():
    assert not importers("pickle", "marshal", "shelve", "dill", "joblib")
    assert not found(r"allow_pickle=True")
    calls = [(path, node.lineno) for path, node in nodes(ast.Call)
             if isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec")]  # fmt: skip
    # Grading runs what learners handed in, in a process of its own: that is its task.
    assert {path for path, _ in calls} == {"course/grading_worker.py"}


def test_one_file_alone_opens_connections():
    users = importers("socket", "ssl", "urllib", "http", "ftplib", "smtplib", "asyncio", "socketserver", "requests")
    # The one for grading takes sockets away from what learners handed in; the page escapes names in its links.
    assert {path for path, _ in users} == {"data/named/download.py", "course/grading_worker.py", "inspection/page.py"}


def test_a_file_is_one_idea():
    assert not {path: text.count("\n") for path, text in SOURCES.items() if text.count("\n") > 320}


def test_every_file_opens_with_a_paragraph():
    assert not [path for path, tree in TREES.items() if tree.body and not ast.get_docstring(tree)]


def test_every_public_function_and_class_says_what_it_is():
    public = [(path, node) for path, tree in TREES.items() for node in tree.body
              if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
              and "overload" not in [ast.unparse(decorator) for decorator in node.decorator_list]]  # fmt: skip
    assert len(public) > 100
    # Series of functions of one signature are explained once, at the top of their file or folder: the commands, the
    # drawings.
    series = re.compile(r"cli/\w+.py (add|run)|data/scenes/(things|surfaces).py \w+")
    without = [f"{path} {node.name}" for path, node in public if not ast.get_docstring(node)]
    assert not [name for name in without if not series.fullmatch(name)]


def test_the_project_speaks_of_itself_alone():
    assert not found(r"\bTODO\b|\bFIXME\b|\bXXX\b")
    # No folder of somebody's machine; what the system shows of itself is at the same place everywhere.
    assert not found(r"(?<![\w.}\])>*-])/(?!proc/|dev/|sys/)[a-z]+/")


def test_what_is_private_stays_in_its_file():
    """Neither `other._name` nor `from other import _name`, unless the file itself defines `_name`."""
    protocols = {"_repr_png_", "_repr_html_", "_fields", "_replace", "_asdict", "_exit"}  # of IPython, namedtuple, os
    wrong = {}
    for path, tree in TREES.items():
        used = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and not is_own(node.value):
                used[node.attr] = node.lineno
            elif isinstance(node, ast.ImportFrom):
                used |= {alias.name: node.lineno for alias in node.names}
        wrong |= {(path, name): line for name, line in used.items() if re.match("_[^_]", name)
                  and name not in protocols | defined(tree)}  # fmt: skip
    assert not wrong


# --- what importing does ---


def in_a_fresh_python(program):
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=120, cwd=PACKAGE.parent
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_import_loads_nothing_but_numpy_and_the_core():
    loaded = set(in_a_fresh_python("import sys, tinycnn; print(*sys.modules)").split())
    before = set(in_a_fresh_python("import sys, numpy; print(*sys.modules)").split())
    packages = {name.partition(".")[0] for name in loaded - before}
    assert packages - set(sys.stdlib_module_names) == {"tinycnn"}
    later = ("plots", "metrics", "training", "inspection", "gradient_check", "simulated", "reference", "course", "cli")
    assert not [name for name in loaded if name.startswith(tuple(f"tinycnn.{room}" for room in later))]
    # Of the data only what is small: no format, nothing that draws. (Pillow is loaded with the first picture.)
    of_data = {name for name in loaded if name.startswith("tinycnn.data.")}
    assert of_data == {f"tinycnn.data.{name}" for name in ("batches", "dataset", "mixing", "photographs",
                                                                "scenes", "splits")}
    assert not loaded & {"subprocess", "xml", "csv"} - before


def test_every_public_name_can_be_reached():
    for public in tinycnn.__all__:
        assert getattr(tinycnn, public) is not None
    assert set(tinycnn.__all__) <= set(dir(tinycnn))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        tinycnn.nothing  # noqa: B018


def test_the_scenes_are_a_function_and_a_package_whatever_is_imported_first():
    program = "import tinycnn.data.scenes.compose\nfrom tinycnn.data.scenes import scene\nimport tinycnn.data.scenes\n"
    assert in_a_fresh_python(f"{program}print(len(tinycnn.data.scenes(n=1, valid=0, test=0).train))") == "1\n"


def test_examples_in_docstrings_are_true():
    tried = 0
    for path in (path for path, text in SOURCES.items() if ">>> " in text):
        name = "tinycnn." + path.removesuffix(".py").replace("/", ".")
        result = doctest.testmod(importlib.import_module(name.removesuffix(".__init__")))
        assert not result.failed, path
        tried += result.attempted
    assert tried
