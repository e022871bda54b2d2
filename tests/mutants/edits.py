"""Changing the text of shipped code, in a copy.

A mutant is one line of the library written wrongly. So it is made as a person would make it: the source of a method is
taken, a piece of it replaced, and the result compiled beside everything else that its module knows. The library itself
is left as it is.

    wrong = mutate(Conv2d, ("dcols = rows @", "dcols = -rows @"))             # in Conv2d.backward
    wrong = mutate(Conv2d, ("] += cols", "] = cols"), at="col2im")            # in a function that a method calls
"""

import inspect
import linecache
import operator
import sys
from types import SimpleNamespace


def mutate(cls, *edits, at="backward"):
    """A subclass of `cls` with edits (old text, new text) made `at` the named places; without edits, a twin of it.

    at: names of methods of cls, or of functions that they call as they stand in the module of cls ("col2im",
    "engine.backward"), with spaces between. Raises ValueError unless each old text is there exactly once: an edit that
    no longer fits the library is noticed and not passed over.
    """
    module = sys.modules[cls.__module__]
    texts = {name: inspect.getsource(_named(cls, name, module)) for name in at.split()}
    for old, new in edits:
        places = [name for name, text in texts.items() for _ in range(text.count(old))]
        if len(places) != 1:
            raise ValueError(f"{old!r} must be in {cls.__name__}: {at} exactly once, is there {len(places)} times")
        texts[places[0]] = texts[places[0]].replace(old, new)
    namespace, methods = dict(vars(module)), {name: text for name, text in texts.items() if hasattr(cls, name)}
    for name in texts.keys() - methods.keys():
        _replace_function(namespace, name, texts[name])
        methods = _callers(cls, name) | methods
    title = f"Wrong{cls.__name__}"
    _execute(f"class {title}({cls.__name__}):\n" + "\n".join(methods.values()), f"{cls.__name__} {edits}", namespace)
    return namespace[title]


def _named(cls, name, module):
    return getattr(cls, name) if hasattr(cls, name) else operator.attrgetter(name)(module)


def _callers(cls, name):
    """The sources of the methods of cls that call a function of the module, so that they call the changed one."""
    found = {method.__name__: inspect.getsource(method) for _, method in inspect.getmembers(cls, inspect.isfunction)
             if set(name.split(".")) <= set(method.__code__.co_names)}
    if not found:
        raise ValueError(f"no method of {cls.__name__} calls {name}")
    return found


def _replace_function(namespace, name, text):
    """Compile a changed function in its own module's namespace, and put it where `namespace` has the shipped one."""
    function = operator.attrgetter(name)(SimpleNamespace(**namespace))
    inner = dict(vars(sys.modules[function.__module__]))
    _execute(text, f"{name} of {len(text)} characters", inner)
    owner, _, last = name.rpartition(".")
    changed = inner[last]
    namespace[owner or name] = SimpleNamespace(**vars(namespace[owner]) | {last: changed}) if owner else changed


def _execute(text, title, namespace):
    """Run source text; tracebacks and inspect show its lines."""
    file = f"<{title}>"
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    exec(compile(text, file, "exec"), namespace)
