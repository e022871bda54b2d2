"""Type hints: every public name has them, and a type checker reads from them what is right and what is wrong.

The hints are read with inspect. The programs at the end go through mypy, which is skipped where it is not installed.
"""

import ast
import importlib
import importlib.util
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tinycnn

PACKAGE = Path(tinycnn.__file__).parent
ROOT = PACKAGE.parent

# Of these packages, what __all__ names.
PACKAGES = ["", "layers", "models", "data", "inspection", "plots", "reference", "gradient_check"]
# Of these modules, every function and class without an underscore that is defined there.
MODULES = [
    "backend", "boxes", "checkpoint", "data.augment", "data.batches", "data.dataset", "data.photographs", "errors",
    "history", "layers.base", "layers.window", "losses", "metrics", "models.alexnet", "models.architectures",
    "models.localizer", "models.weights", "optim", "patches", "poses", "resize", "training", "box_losses", "memory",
    "progress", "range_test", "breakdown", "origin",
]  # fmt: skip
LAZY = ["tinycnn", "tinycnn.data", "tinycnn.data.scenes"]  # packages that load names at their first use


def module_of(name):
    return importlib.import_module(f"tinycnn.{name}".rstrip("."))


def public(name):
    """{dotted name: function or class} of a package or module."""
    module = module_of(name)
    names = module.__all__ if name in PACKAGES else [
        each for each, thing in vars(module).items() if getattr(thing, "__module__", None) == module.__name__]
    things = {each: getattr(module, each) for each in names if not each.startswith("_")}
    return {f"{name}.{each}".lstrip("."): thing for each, thing in things.items()
            if inspect.isclass(thing) or inspect.isroutine(thing)}  # fmt: skip


def functions(name, thing):
    """(dotted name, function) of a function itself, or of the methods that a class and its bases here write out."""
    if not inspect.isclass(thing):
        yield name, inspect.unwrap(thing)
        return
    for owner in thing.__mro__:
        for each, member in vars(owner).items() if owner.__module__.partition(".")[0] == "tinycnn" else ():
            if each.startswith("_") and not each.startswith("__"):
                continue
            for found in (member, *(getattr(member, part, None) for part in ("__func__", "fget", "func"))):
                found = inspect.unwrap(found) if callable(found) else found
                # Written here, not made by dataclass, NamedTuple or Protocol.
                if inspect.isfunction(found) and PACKAGE in Path(found.__code__.co_filename).parents:
                    yield f"{name}.{each}", found


def without_hints(name, function):
    """What a function leaves open: ["name(x)", "name -> ..."]."""
    signature = inspect.signature(function)
    own = [each for each in signature.parameters.values() if each.name not in ("self", "cls")]
    found = [f"{name}({each.name})" for each in own if each.annotation is each.empty]
    return found + ([f"{name} -> ..."] if signature.return_annotation is signature.empty else [])


@pytest.mark.parametrize("name", [*PACKAGES, *MODULES])
def test_every_public_function_has_hints_for_all_it_takes_and_gives(name):
    pairs = [pair for each, thing in public(name).items() for pair in functions(each, thing)]
    assert pairs
    assert not sorted({missing for pair in pairs for missing in without_hints(*pair)})


def test_the_search_finds_what_it_must():
    found = {each for name in (*PACKAGES, *MODULES) for pair in public(name).items() for each, _ in functions(*pair)}
    wanted = {"fit", "gradcheck", "layers.Conv2d.forward", "layers.Conv2d.train", "layers.Layer.predicting",
              "models.Localizer.device", "data.Augment.light", "gradient_check.Report.ok", "backend.gpu_problem",
              "plots.contact_sheet", "data.scenes", "losses.MultiTaskLoss.backward"}  # fmt: skip
    assert wanted <= found and len(found) > 350
    assert without_hints("f", lambda x: x) == ["f(x)", "f -> ..."]


# --- what a type checker sees of a package ---


def seen_by_type_checkers(package):
    """Of an __init__.py: {name: module} of the imports under `if TYPE_CHECKING`, and the names bound beside them."""
    tree = ast.parse((ROOT / package.replace(".", "/") / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    seen = {alias.name: node.module for node in block.body for alias in node.names}
    bound = {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    return seen, bound | {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("package", LAZY)
def test_names_that_are_loaded_at_their_first_use_are_there_for_type_checkers(package):
    module = sys.modules[package] if package in sys.modules else importlib.import_module(package)
    seen, bound = seen_by_type_checkers(package)
    assert set(seen) == set(module.__all__) - bound
    assert set(getattr(module, "_LATER", seen)) == set(seen)
    for name, home in seen.items():
        home = importlib.import_module(f"{home}.{name}" if home == package else home)
        assert getattr(module, name) is (home if home.__name__ == f"{package}.{name}" else getattr(home, name)), name


@pytest.mark.parametrize("name", PACKAGES)
def test_a_list_of_public_names_is_written_out(name):
    """Type checkers run nothing: of [*LATER] they would see no name."""
    tree = ast.parse(Path(module_of(name).__file__).read_text(encoding="utf-8"))
    (value,) = [node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"]
    assert len(ast.literal_eval(value)) == len(set(ast.literal_eval(value)))


def test_an_installed_package_says_that_it_has_hints():
    assert (PACKAGE / "py.typed").read_text() == ""
    assert '"py.typed"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


# --- programs through mypy ---

RIGHT = '''
import numpy as np
import tinycnn as tc
from tinycnn.backend import Array
from tinycnn.layers import Conv2d, Dropout, Flatten, Layer, Linear, MaxPool2d, Parameter, ReLU, Sequential

class Scale(Layer):
    per_image = True

    def __init__(self) -> None:
        self.w = Parameter(np.ones(1, "float32"))

    def forward(self, x: Array) -> Array:
        self.remember(x, output=x)
        return x * self.w.value

    def backward(self, dy: Array) -> Array:
        (x,) = self.recall(dy)
        self.w.grad = (x * dy).sum().reshape(1)
        return dy * self.w.value

x = np.random.default_rng(0).random((2, 16, 16, 3), dtype="float32")
conv = Conv2d(3, 8, kernel_size=(3, 3), padding=1, rng=np.random.default_rng(1))
y = conv.forward(x)
print(conv.backward(np.ones_like(y)).shape, conv.w.grad.shape, conv.b.value.shape)
net = Sequential(conv, ReLU(), Scale(), MaxPool2d(2), Flatten(), Dropout(0.5), fc=Linear(512, 10))
print(net["conv1"].w.value.mean(), net[:3].forward(x), len(net), net.output_shape((16, 16, 3)))
net.to("cpu").astype("float64").train().eval()
with net.predicting():
    print(net(x).argmax(axis=1))

report = tc.gradcheck(conv, x, seed=1, only=["w"])
print(report, report.ok, report["w"].diagnosis, report.plot())

data = tc.data.scenes(n=400, image_size=64, seed=0)
photographs = tc.data.read("photos", format="voc").train.split(0.5)[0]
mine = tc.data.Samples([np.zeros((9, 9, 3), "uint8")], [0], [[0, 0, 4, 5]], ["a"], ("cat", "dog"))
model = tc.models.localizer(num_classes=len(data.classes), channels=[32, 64])
optimizer = tc.optim.SGD(model, lr=0.01, momentum=0.9)
war = tc.inspection.TugOfWar(data.valid)
history = tc.fit(model, data.train, data.valid, epochs=2, optimizer=optimizer, loss=tc.MultiTaskLoss(box_weight=2),
                 augment=tc.data.Augment.light(), schedule=tc.optim.cosine(), out="runs/x", on_epoch=war)
print(history.best_epoch, max(history.column("valid_joint")), tc.evaluate(model, data.test, data.train)["joint"])

answer = model.predict(data.test.images[:6])
name, probability, box = answer[0]
print(name.upper(), round(probability, 2), box.shape, answer.boxes.mean())

loss = tc.MultiTaskLoss()
scores, boxes = model.forward(model.normalize(data.train.images[:4]))
value = float(loss.forward((scores, boxes), ([0, 1, 2, 3], model.standardize(boxes))))
dscores, dboxes = loss.backward()
print(value, float(loss.terms["box"]), model.backward(dscores, dboxes, input_gradient=True).shape)
print(tc.SoftmaxCrossEntropy().forward(scores, data.train.labels[:4]), tc.L2Loss().forward(boxes, boxes, mask=None))
optimizer.step()
tc.save(model, "model.npz")
model = tc.load("model.npz", device="cpu")

print(tc.summary(net, shape=(16, 16, 3))["conv1"].multiply_adds, tc.explain_conv(conv, x[0], row=0, column=1).value)
print(tc.trace(model, mine.images, mine.labels, mine.boxes).losses, tc.diagnose(model, data).ok, model.trunk["conv1"].w)
print(tc.boxes.iou([0, 0, 2, 2], [[1, 0, 3, 2]]).mean(), tc.metrics.accuracy([1, 2], answer.labels))
print(tc.reference.conv2d(x, conv.w.value), tc.backend.to_device(x, "simulated"), tc.backend.pick_device("cpu")[1])
tc.plots.save(tc.plots.predictions(data.test.subset(slice(6)), answer), "answers.png")
tc.plots.curves(history)
'''

WRONG = '''
import numpy as np
import tinycnn as tc
from tinycnn.layers import Conv2d, Sequential

conv, model, data = Conv2d(3, 8, 3), tc.models.localizer(), tc.data.scenes()
tc.fit(model, 3)                                    # arg-type
tc.fit(model, data.train, valid=data)               # arg-type
tc.fit(model, data.train, data.valid, 20)           # call-arg
tc.fit(model, data.train, epoch=20)                 # call-arg
tc.fit(model, data.train, loss=tc.L2Loss())         # arg-type
tc.fti(model, data.train)                           # attr-defined
tc.data.scences(n=10)                               # attr-defined
conv.forward("x")                                   # arg-type
conv.forwards(np.zeros(3))                          # attr-defined
Conv2d("3", 8, 3)                                   # arg-type
Conv2d(3, 8)                                        # call-arg
Sequential(3)                                       # arg-type
tc.optim.SGD(data)                                  # arg-type
tc.SoftmaxCrossEntropy().forward(np.zeros((2, 3)))  # call-arg
tc.boxes.iou("a", [0, 0, 1, 1])                     # arg-type
tc.gradcheck(conv, np.zeros(3), seed="x")           # arg-type
tc.plots.curves(data)                               # arg-type
model.predict(3)                                    # arg-type
model.predict(data.test.images).label               # attr-defined
tc.load("model.npz").to(0)                          # arg-type
'''


@pytest.fixture(scope="module")
def mypy(tmp_path_factory):
    """({program: [(line, code)]}, all that was said): what mypy refuses in the programs above and in README.md's."""
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed")
    folder = tmp_path_factory.mktemp("programs")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    programs = {"right.py": RIGHT, "wrong.py": WRONG, "readme.py": re.search("```python\n(.*?)```", readme, re.S)[1]}
    for name, text in programs.items():
        (folder / name).write_text(text, encoding="utf-8")
    # Strict, as some users have it, but for what NumPy's own products return: Any, for arrays of any dtype.
    options = ["--strict", "--no-warn-return-any", "--follow-imports=silent", "--config-file=", "--no-error-summary"]
    result = subprocess.run([sys.executable, "-m", "mypy", *options, *programs], capture_output=True, text=True,
                            timeout=300, cwd=folder, env=os.environ | {"MYPYPATH": str(ROOT)})  # fmt: skip
    lines = re.findall(r"^(\w+\.py):(\d+): error: .*\[([\w-]+)\]$", result.stdout, re.M)
    assert result.returncode == 1 and len(lines) == result.stdout.count(": error: "), result.stdout + result.stderr
    return {name: [(int(line), code) for file, line, code in lines if file == name] for name in programs}, result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("program", ["right.py", "readme.py"])
def test_a_right_program_passes(mypy, program):
    refused, told = mypy
    assert not refused[program], told


@pytest.mark.slow
def test_every_mistake_of_a_wrong_program_is_refused(mypy):
    refused, told = mypy
    wanted = [(number, line.partition("  # ")[2]) for number, line in enumerate(WRONG.split("\n"), 1) if "  # " in line]
    assert len(wanted) == 20 and refused["wrong.py"] == wanted, told
