"""What imports what: there is no circle, and every room imports only from itself and from the rooms above it.

All imports count, those inside functions too: a circle that a function closes is still a circle, it only fails later.
In a file that loads modules by name (`import_module`, `lazy`), a text that is a module's name counts as its import.
"""

import ast
import importlib
import pkgutil
import types
from collections import deque
from pathlib import Path

import tinycnn

PACKAGE = Path(tinycnn.__file__).parent
FILES = {".".join(("tinycnn", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
         for path in sorted(PACKAGE.rglob("*.py"))}  # fmt: skip
ROOT = "tinycnn"  # the names of modules that it loads at first use do not count as imports

# From the first to the last. A room is a module or package of tinycnn; of several that fit, the longest name decides.
# Two spaces begin a remark.
ROOMS = """
errors callers claims files interruption lazy nested progress text version
backend
memory
kernels
patches
layers.base
layers.initial layers.sharing layers.window layers.activation layers.normalization
layers.linear layers.conv layers.pool layers.batchnorm
engine  it knows the layers
layers.sequential  the engine's only door in layers/
layers.residual
layers
losses optim
box_losses class_losses pose_loss hinge_loss head_losses
boxes poses resize views
plots  above all that has something to draw: figures are given values, and look nothing up
data
metrics  of Samples
models.base models.heads models.localizer models.alexnet models.resnet models.pose models.cascade models.named_heads
models.multi_head
classical
models
breakdown
exchange  models for other programs
gradient_check  above training, which checks a gradient every few steps if asked (gradcheck_every)
history origin anomaly
generations  the last checkpoint and the one before
continuation
snapshots  of each epoch, beside the checkpoint
updates
processes  the updates of many, over MPI
mixed_precision
checkpoint
tasks  what a training has to know of its task
own_code
fit_arguments
training
range_test
reference
inspection
explorer
simulated
course
doctor  above bench, whose reports say what doctor finds about the machine
bench
cli
__main__
"""

def imports(module):
    """{imported module: line} of one module."""
    found, nodes = {}, list(ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))))
    called = {getattr(node.func, "attr", getattr(node.func, "id", "")) for node in nodes if isinstance(node, ast.Call)}
    by_name = module != ROOT and called & {"import_module", "lazy"}
    for node in nodes:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: write the whole name, not a relative import"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in FILES else node.module for name in whole]  # a submodule, or a name in the package
        elif isinstance(node, ast.Constant) and by_name:
            names = [node.value]
        for name in names:
            if name in FILES and name != module:
                found.setdefault(name, node.lineno)
    return found


GRAPH = {module: imports(module) for module in FILES}
ORDER = {room: (place, line) for place, line in enumerate(ROOMS.strip().splitlines())
         for room in line.partition("  ")[0].split()}  # fmt: skip


def room(module):
    """(place in the order, its line) of the room in which a module is; None if it is in none."""
    parts = module.split(".")[1:]
    names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((ORDER[name] for name in names if name in ORDER), None)


def shortest_circle(graph, start):
    """Modules from `start` back to `start`, each importing the next; None if there is no such way."""
    before, waiting = {start: None}, deque([start])
    while waiting:
        module = waiting.popleft()
        for other in graph[module]:
            if other == start:
                way = [start]
                while module is not None:
                    way.append(module)
                    module = before[module]
                return way[::-1]
            if other not in before:
                before[other] = module
                waiting.append(other)
    return None


def told(way):
    """A circle in words: tinycnn.a -> (line 3) tinycnn.b -> (line 9) tinycnn.a"""
    steps = [f" -> (line {GRAPH[one][other]}) {other}" for one, other in zip(way, way[1:], strict=False)]
    return way[0] + "".join(steps)


def test_imports_form_no_circle():
    ways = {frozenset(way): told(way) for module in GRAPH if (way := shortest_circle(GRAPH, module))}
    assert not ways, "circles:\n" + "\n".join(sorted(ways.values(), key=len))


def test_every_module_is_in_a_room():
    assert not [module for module in FILES if module != ROOT and room(module) is None], "give it a place in ROOMS"


def test_rooms_import_only_from_the_rooms_above_them():
    wrong = [f"{module}, line {line}: {other}" for module, found in GRAPH.items() for other, line in found.items()
             if ROOT not in (module, other) and room(other) > room(module)
             and not other.startswith(f"{module}.")]  # a package may name all that is in it
    assert not wrong


def test_no_module_imports_from_the_package_root():
    """The root imports nearly everything, so whoever imports a name from it depends on nearly everything."""
    assert not [(module, found[ROOT]) for module, found in GRAPH.items() if ROOT in found]


def test_plots_are_given_what_they_draw():
    """Plots draw values that they are given. Other rooms call plots, never the reverse."""
    used = {other.split(".")[1] for module, found in GRAPH.items() if module.startswith("tinycnn.plots")
            for other in found}  # fmt: skip
    assert used == {"plots", "boxes", "errors", "files", "poses", "resize", "text"}


def test_a_public_name_is_not_hidden_by_the_module_of_that_name():
    """`from tinycnn.data.batches import ...` anywhere must not turn the function tinycnn.data.batches into a module."""
    packages = [info.name for info in pkgutil.walk_packages(tinycnn.__path__, "tinycnn.") if info.ispkg]
    shared = 0
    for package in map(importlib.import_module, packages):
        modules = {info.name for info in pkgutil.iter_modules(package.__path__)}
        for name in modules & set(getattr(package, "__all__", ())):
            importlib.import_module(f"{package.__name__}.{name}")
            assert not isinstance(getattr(package, name), types.ModuleType), f"{package.__name__}.{name}"
            shared += 1
    assert shared > 5
