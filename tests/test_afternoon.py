"""The afternoon: README.md lists the files that say what is computed, and they are as short and as plain as it claims.

The list, its line counts and their sum are compared with the files. The layers are held to their promise: forward and
backward in a class of their own, a screen at most, and not a word of how the engine runs them.
"""

import ast
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import tinycnn
from tinycnn.layers import Conv2d

PACKAGE = Path(tinycnn.__file__).parent
README = PACKAGE.parent / "README.md"
TITLE = "The afternoon"
ROW = re.compile(r"^\| \[([\w/]+\.py)\]\((tinycnn/[\w/]+\.py)\) \| ([\d,]+) \|", re.M)
SUM = re.compile(r"\*\*([\d,]+) lines\*\*")

MAY_CALL_THE_ENGINE = {"layers/sequential.py", "optim.py"}
MOST_LINES = 25  # of forward and backward together
LAYERS = {
    "Conv2d": "conv", "MaxPool2d": "pool", "AvgPool2d": "pool", "ReLU": "activation", "Dropout": "activation",
    "LocalResponseNorm": "normalization", "Linear": "linear", "Flatten": "linear", "LeakyReLU": "activation",
    "GlobalAvgPool2d": "pool", "BatchNorm2d": "batchnorm", "Residual": "residual",
    "Upsample2d": "upsample",
}  # fmt: skip
LONGER = {"Conv2d": 28}  # groups, padding="same", and a dx that can be skipped


def section():
    text = README.read_text(encoding="utf-8")
    assert f"\n## {TITLE}\n" in text, f"README.md has no section '## {TITLE}'"
    return text.partition(f"\n## {TITLE}\n")[2].partition("\n## ")[0]


def listed():
    """[(name below tinycnn, its path, stated lines)] in the order of README.md."""
    rows = [(name, PACKAGE.parent / path, number(lines)) for name, path, lines in ROW.findall(section())]
    assert len(rows) >= 10, f"README.md, '{TITLE}': rows look like | [losses.py](tinycnn/losses.py) | 126 | phrase |"
    return rows


def number(text):
    return int(text.replace(",", ""))


def stated_sum():
    found = SUM.findall(section())
    assert len(found) == 1, f"README.md, '{TITLE}': state the sum once, as **2,001 lines**"
    return number(found[0])


def lines_of(path):
    return path.read_text(encoding="utf-8").count("\n")


# --- the list ---


def test_every_file_of_the_list_is_there_once():
    rows = listed()
    gone = [name for name, path, _ in rows if not path.is_file()]
    assert not gone, f"README.md, '{TITLE}', lists files that are gone"
    assert not [name for name, path, _ in rows if path != PACKAGE / name], "the link leads to another file"
    assert len({name for name, _, _ in rows}) == len(rows)


def test_the_line_counts_and_their_sum_are_true():
    rows = listed()
    wrong = [f"| {name} | {lines_of(path):,} | (it says {stated:,})" for name, path, stated in rows
             if lines_of(path) != stated]  # fmt: skip
    total = sum(lines_of(path) for _, path, _ in rows)
    if stated_sum() != total:
        wrong.append(f"**{total:,} lines** (it says {stated_sum():,})")
    assert not wrong, f"README.md, '{TITLE}': the files have changed, so write there:\n" + "\n".join(wrong)


def test_it_is_an_afternoon():
    total = sum(lines_of(path) for _, path, _ in listed())
    assert 1500 <= total <= 2300, f"{total} lines: a file has grown too long, or does not belong into the list"


def test_the_list_knows_nothing_of_the_engine():
    """Imports inside functions count too. Sequential and the optimizers hand their work to it, nobody else does."""
    wrong = []
    for name, path, _ in listed():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            engine = any(f"{module}.".startswith("tinycnn.engine.") for module in modules)
            if engine and name not in MAY_CALL_THE_ENGINE:
                wrong.append(f"{name}, line {node.lineno}")
    assert not wrong, f"only {', '.join(sorted(MAY_CALL_THE_ENGINE))} may import tinycnn.engine"


def test_every_file_of_the_list_opens_with_a_paragraph():
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path, _ in listed()}
    short = [name for name, tree in trees.items() if len((ast.get_docstring(tree) or "").split()) < 8]
    assert not short, "say in a paragraph at the top what the file is about"


def test_the_specification_is_named_beside_the_list():
    assert "(tinycnn/reference)" in section()


# --- the layers ---


def methods(layer):
    """{name: its lines without docstring, blank lines and comments} for forward and backward of a class itself."""
    text = (PACKAGE / "layers" / f"{LAYERS[layer]}.py").read_text(encoding="utf-8")
    (node,) = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef) and node.name == layer]
    return {each.name: code_lines(each, text.splitlines()) for each in node.body
            if isinstance(each, ast.FunctionDef) and each.name in ("forward", "backward")}  # fmt: skip


def code_lines(function, lines):
    first = function.body[0]
    docstring = range(first.lineno, first.end_lineno + 1) if ast.get_docstring(function) is not None else ()
    own = [lines[number - 1].strip() for number in range(function.lineno, function.end_lineno + 1)
           if number not in docstring]  # fmt: skip
    return [line for line in own if line and not line.startswith("#")]


def test_the_layers_are_those_of_the_package():
    bases = {"Layer", "Parameter", "Buffer", "Sequential"}
    public = set(tinycnn.layers.__all__) - bases
    assert {name for name in public if name[0].isupper()} == set(LAYERS), "a new layer goes into LAYERS here"


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_says_both_ways_in_its_own_class_on_one_screen(layer):
    own = methods(layer)
    assert set(own) == {"forward", "backward"}, f"{layer} inherits one of them: write it out"
    most = LONGER.get(layer, MOST_LINES)
    count = sum(map(len, own.values()))
    assert count <= most, f"{layer}.forward and .backward have {count} lines of code, {most} are allowed"


def test_layers_do_not_know_how_they_are_run():
    """Threads, chunks and workers are the engine's business. per_image and recorder are all that a layer says to it."""
    words = re.compile(r"\b(threads?|chunks?|chunked|workers?|engine)\b", re.I)
    told = re.compile(r"\b(recorder|per_image)\b")
    found = []
    for path in sorted((PACKAGE / "layers").glob("*.py")):
        if path.name == "sequential.py":  # the engine's only door in layers/
            continue
        for place, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if words.search(line) and not (path.name == "base.py" and told.search(line)):
                found.append(f"layers/{path.name}, line {place}: {line.strip()}")
    assert not found, "say what is computed, not how:\n" + "\n".join(found)


def test_one_convolution_takes_few_functions_in_few_files():
    """What a reader with a debugger steps into between x and dx. A convolution called directly knows no engine."""
    conv = Conv2d(3, 4, 3, padding=1)
    x = np.random.default_rng(0).random((2, 6, 5, 3), dtype=np.float32)
    entered = set()

    def watch(frame, event, argument):
        code = frame.f_code
        if event == "call" and PACKAGE in Path(code.co_filename).parents and not code.co_name.startswith("<"):
            entered.add((Path(code.co_filename).relative_to(PACKAGE).as_posix(), code.co_firstlineno, code.co_name))

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        y = conv.forward(x)
        conv.backward(y)
    finally:
        sys.setprofile(before)
    told = "\n".join(f"{file}, line {line}: {name}" for file, line, name in sorted(entered))
    assert len(entered) <= 10, f"{len(entered)} functions:\n{told}"
    assert len({file for file, _, _ in entered}) <= 4, f"more than 4 files:\n{told}"
