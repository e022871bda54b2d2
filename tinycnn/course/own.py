"""What a learner wrote, kept for later lessons: `keep` writes it to mine/lessonNN.py, `mine` takes it from there.

The file is a plain module that needs nothing of the notebook: the definitions as they stand in their cells, what else
of the learner's they use, and the imports. It may be read, edited and imported like any other. It lies in the folder
mine/ beside the notebook, or where the environment variable TINYCNN_MINE says.
"""

import ast
import builtins
import hashlib
import importlib.util
import os
import sys
import types
from pathlib import Path

from tinycnn.course.judge import check
from tinycnn.course.result import Kept
from tinycnn.course.written import definition, is_learners, lines_of, names, namespace
from tinycnn.errors import TinyCNNError
from tinycnn.files import atomic_write

PLAIN = int, float, complex, str, bytes, bool, type(None)


def folder():
    """Where a learner's modules are."""
    return Path(os.environ.get("TINYCNN_MINE") or "mine")


def keep(lesson, answers):
    """Write what is right to mine/lessonNN.py. lesson: "03"; answers: {exercise: function or class}, by their checks.

    Each answer is checked; what is not right yet stays out, and what was kept of it earlier stays. Returns a Kept,
    which says what was done; like `check` this does not raise for what a learner wrote.
    """
    _refuse_unknown(lesson)
    path, kept, left, blocks = folder() / f"lesson{lesson}.py", [], [], _Blocks()
    for exercise, answer in answers.items():
        result, name = check(exercise, answer), getattr(answer, "__name__", str(answer))
        try:
            if result.ok:
                blocks.add(name, answer)
                kept.append(name)
            else:
                left.append(f"{exercise}: {result.verdict}")
        except Unkept as reason:
            left.append(f"{exercise}: {reason}")
    if kept:
        earlier = _Blocks.read(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, "w") as file:
            file.write(earlier.updated(blocks).text(lesson))
    return Kept(f"{path.parent.name}/{path.name}", tuple(kept), tuple(left))


def mine(lesson, name, fallback):
    """`name` from the learner's own mine/lessonNN.py, or else the fallback; says in a printed line which it is."""
    _refuse_unknown(lesson)
    path = folder() / f"lesson{lesson}.py"
    shown, instead = f"{path.parent.name}/{path.name}", f"{fallback.__module__}.{fallback.__qualname__}"
    if not path.exists():
        print(f"{name}: {instead}, as there is no {shown} yet (the last cells of lesson {lesson} write it)")
        return fallback
    try:
        found = getattr(_module(path), name, None)
    except Exception as error:
        print(f"{name}: {instead}, as {shown} cannot be imported ({type(error).__name__}: {error})")
        return fallback
    if found is None:
        print(f"{name}: {instead}, as {shown} has none")
        return fallback
    print(f"{name}: your own, from {shown}")
    return found


def _module(path):
    """A learner's module, read anew whenever its text has changed."""
    text = path.read_bytes()
    name = f"mine_{path.stem}_{hashlib.sha256(str(path.resolve()).encode() + text).hexdigest()[:12]}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


class Unkept(Exception):
    """Why something cannot stand in a module of its own."""


class _Blocks:
    """What a module is made of: {name: text}, definitions after the imports and constants that they need."""

    def __init__(self):
        self.imports, self.constants, self.definitions = {}, {}, {}

    def add(self, name, thing):
        """The definition of a function or class of the learner's, and before it whatever it uses."""
        if name in self.definitions:
            return
        try:
            text, node = definition(name, thing)
        except LookupError as error:
            raise Unkept(str(error)) from None
        space = namespace(thing)
        self.definitions[name] = None  # it may use itself
        for used in sorted(names(node) - {name}):
            if used in space:
                self._add_used(used, space[used], space, name)
            elif not hasattr(builtins, used):
                raise Unkept(f"{name} uses {used}, which is not defined")
        del self.definitions[name]
        self.definitions[name] = text

    def _add_used(self, name, value, space, user):
        if isinstance(value, types.ModuleType):
            self.imports[name] = f"import {value.__name__}" + ("" if value.__name__ == name else f" as {name}")
        elif is_learners(value, space):
            self.add(name, value)
        elif (module := getattr(value, "__module__", None)) and \
                getattr(sys.modules.get(module), getattr(value, "__name__", ""), None) is value:
            known = value.__name__
            self.imports[name] = f"from {module} import {known}" + ("" if known == name else f" as {name}")
        elif _is_plain(value):
            self.constants[name] = f"{name} = {value!r}"
        else:
            raise Unkept(f"{user} uses {name} of the notebook, which cannot be written down: hand it in as an argument")

    @classmethod
    def read(cls, path):
        """What an earlier file holds; nothing if there is none, or if it cannot be read."""
        blocks = cls()
        try:
            text = path.read_text("utf-8")
            tree = ast.parse(text)
        except (OSError, ValueError, SyntaxError):
            return blocks
        for node in tree.body:
            piece = lines_of(text.splitlines(), node)
            if isinstance(node, ast.Import | ast.ImportFrom):
                blocks.imports |= {alias.asname or alias.name: piece for alias in node.names}
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                blocks.definitions[node.name] = piece
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                blocks.constants[node.targets[0].id] = piece
        return blocks

    def updated(self, other):
        """The same with what the other holds in the place of what has the same name."""
        both = _Blocks()
        for part in ("imports", "constants", "definitions"):
            mine, theirs = getattr(self, part), getattr(other, part)
            setattr(both, part, {name: text for name, text in mine.items() if name not in theirs} | theirs)
        return both

    def text(self, lesson):
        head = f'"""Written in lesson {lesson}."""'
        imports = sorted(set(self.imports.values()), key=lambda line: (line.startswith("from"), line))
        top = "\n".join([*imports, *([""] if imports and self.constants else []), *self.constants.values()])
        definitions = [f"\n\n{text}" for text in self.definitions.values()]
        return "\n".join([head, *([f"\n{top}"] if top else []), *definitions, ""])


def _is_plain(value):
    return isinstance(value, PLAIN) or isinstance(value, tuple | list | dict) and all(
        _is_plain(part) for part in (value.items() if isinstance(value, dict) else value))


def _refuse_unknown(lesson):
    if not (isinstance(lesson, str) and len(lesson) == 2 and lesson.isdigit()):
        raise TinyCNNError(f'a lesson is named by its two digits, such as "03", got {lesson!r}')
