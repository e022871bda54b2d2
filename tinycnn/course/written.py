"""What a learner's function is made of: its own text, their other functions, and what it takes from the library."""

import ast
import linecache
import types


def definition(name, thing):
    """(text, syntax tree) of a function or class where it was written; LookupError if that is not known."""
    code = next((f.__code__ for f in functions(thing)), None)
    lines = [] if code is None else linecache.getlines(code.co_filename)
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:  # a cell with a line of Jupyter's own, such as %matplotlib
        lines = [("pass\n" if line.lstrip().startswith(("%", "!")) else line) for line in lines]
        tree = ast.parse("".join(lines))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name]
    if not found:
        raise LookupError(f"the text of {name} was not found; write it with def or class in a cell of its own")
    return lines_of("".join(lines).splitlines(), found[-1]), found[-1]


def functions(thing):
    """The functions with code of their own that make up a function or a class."""
    if isinstance(thing, types.FunctionType):
        yield thing
    elif isinstance(thing, type):
        for value in vars(thing).values():
            yield from functions(getattr(value, "__func__", getattr(value, "fget", value)))


def namespace(thing):
    """The names that a function or class can see."""
    return next((f.__globals__ for f in functions(thing)), {})


def is_learners(value, space):
    """Was it written in the same notebook, or kept in an earlier lesson?"""
    module = getattr(value, "__module__", None) or ""
    return isinstance(value, types.FunctionType | type) and \
        (module == space.get("__name__") or module.startswith("mine_lesson"))


def names(node):
    """Names that a definition reads and does not make itself."""
    found = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
    made = {part.id for part in found if not isinstance(part.ctx, ast.Load)}
    made |= {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
    made |= {part.name for part in ast.walk(node) if isinstance(part, ast.FunctionDef | ast.ClassDef)}
    made |= {(alias.asname or alias.name).split(".")[0] for part in ast.walk(node)
             if isinstance(part, ast.Import | ast.ImportFrom) for alias in part.names}
    return {part.id for part in found if isinstance(part.ctx, ast.Load)} - made


def lines_of(lines, node):
    """The text of a definition, decorators included."""
    first = min([node.lineno, *(part.lineno for part in getattr(node, "decorator_list", []))])
    return "\n".join(lines[first - 1 : node.end_lineno])


def library_uses(name, thing):
    """What of tinycnn a learner's function or class calls, directly or through their other functions: dotted names.

    An answer that is not written in the notebook at all, such as `im2col = tc.patches.im2col`, is itself the use.
    """
    found, seen = set(), set()

    def look(name, thing, space):
        if not is_learners(thing, space):
            found.add(_dotted(thing))
            return
        if id(thing) in seen:
            return
        seen.add(id(thing))
        try:
            _, node = definition(getattr(thing, "__name__", name), thing)
        except LookupError:
            return
        inside = namespace(thing)
        for part in ast.walk(node):
            if isinstance(part, ast.Import | ast.ImportFrom):
                found.update(alias.name if isinstance(part, ast.Import) else f"{part.module}.{alias.name}"
                             for alias in part.names)
            elif isinstance(part, ast.Attribute):
                found.update(_chain(part, inside))
        for used in names(node):
            if used in inside and not isinstance(inside[used], types.ModuleType):
                look(used, inside[used], inside)

    look(name, thing, namespace(thing))
    return {use for use in found if use and use.split(".")[0] == "tinycnn"}


def _chain(node, space):
    """The dotted name behind tc.boxes.decode, where tc is a module; nothing for an attribute of something else."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    thing = space.get(node.id) if isinstance(node, ast.Name) else None
    if not isinstance(thing, types.ModuleType):
        return
    for part in reversed(parts):
        thing = getattr(thing, part, None)
        if not isinstance(thing, types.ModuleType):
            break
    if thing is not None and not isinstance(thing, types.ModuleType):
        yield _dotted(thing)


def _dotted(thing):
    module = getattr(thing, "__module__", None)
    return f"{module}.{getattr(thing, '__qualname__', '')}" if isinstance(module, str) else ""
