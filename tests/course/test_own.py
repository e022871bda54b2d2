"""What learners keep: a plain module that works by itself, what is not right stays out, nothing kept is lost."""

import linecache
import subprocess
import sys

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.course import keep, mine
from tinycnn.errors import TinyCNNError

IMPORTS = """
import numpy as np
import tinycnn as tc
from tinycnn.layers import Layer, Parameter
from tinycnn.patches import im2col as library_im2col
"""
IM2COL = """
LIMIT = 3


def helper(kernel):
    return tuple(kernel)


def im2col(x, kernel, stride=1, padding=0):
    kernel = helper(kernel)
    assert len(kernel) < LIMIT
    return library_im2col(x, kernel, (stride, stride), (padding, padding))
"""


def cell(text, space, name="<cell 1>"):
    """Run a piece of a notebook, whose text Jupyter keeps where tracebacks look for it."""
    linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
    exec(compile(text, name, "exec"), space)
    return space


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYCNN_MINE", str(tmp_path / "mine"))
    return cell(IMPORTS + IM2COL, {"__name__": "__main__"})


def test_a_kept_module_needs_nothing_of_the_notebook(notebook, tmp_path):
    kept = keep("06", {"06.im2col": notebook["im2col"]})
    assert kept and kept.names == ("im2col",) and "mine/lesson06.py holds your im2col" in str(kept)
    path = tmp_path / "mine" / "lesson06.py"
    assert path.read_text() == '''"""Written in lesson 06."""

from tinycnn.patches import im2col as library_im2col

LIMIT = 3


def helper(kernel):
    return tuple(kernel)


def im2col(x, kernel, stride=1, padding=0):
    kernel = helper(kernel)
    assert len(kernel) < LIMIT
    return library_im2col(x, kernel, (stride, stride), (padding, padding))
'''
    code = "import numpy, lesson06; print(lesson06.im2col(numpy.ones((1, 3, 3, 1)), (2, 2)).shape)"
    run = subprocess.run([sys.executable, "-c", code], cwd=path.parent, capture_output=True, text=True)
    assert run.stdout.strip() == "(1, 2, 2, 4)", run.stderr


def test_a_class_is_kept_with_its_decorators_and_what_its_methods_use(notebook, tmp_path):
    cell("""
def conv_backward(dy, x, w, stride=1, padding=0):
    cols = im2col(x, w.shape[:2], stride, padding)
    dw = cols.reshape(-1, cols.shape[3]).T @ dy.reshape(-1, w.shape[3])
    dx = tc.patches.col2im(dy @ w.reshape(-1, w.shape[3]).T, x.shape, w.shape[:2], (stride,) * 2, (padding,) * 2)
    return dx, dw.reshape(w.shape), dy.sum(axis=(0, 1, 2))


class MyConv2d(Layer):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        self.w = Parameter(np.zeros((kernel_size, kernel_size, in_channels, out_channels), np.float32))
        self.b = Parameter(np.zeros(out_channels, np.float32))
        self.stride, self.padding = stride, padding

    @property
    def kernel(self):
        return self.w.value.shape[:2]

    def forward(self, x):
        self.remember(x)
        cols = im2col(x, self.kernel, self.stride, self.padding)
        return cols @ self.w.value.reshape(-1, len(self.b.value)) + self.b.value

    def backward(self, dy):
        (x,) = self.recall()
        dx, self.w.grad, self.b.grad = conv_backward(dy, x, self.w.value, self.stride, self.padding)
        return dx
""", notebook, "<cell 2>")
    kept = keep("06", {"06.layer": notebook["MyConv2d"]})
    assert kept.names == ("MyConv2d",), kept
    text = (tmp_path / "mine" / "lesson06.py").read_text()
    for needed in ("import numpy as np\n", "import tinycnn as tc\n", "from tinycnn.layers.base import Layer\n",
                   "def im2col", "    @property\n", "LIMIT = 3\n"):
        assert needed in text
    own = mine("06", "MyConv2d", tc.layers.Conv2d)
    assert own is not notebook["MyConv2d"]
    assert own(1, 2, 3).forward(np.ones((1, 4, 4, 1), np.float32)).shape == (1, 2, 2, 2)


def test_what_is_not_right_stays_out_and_what_was_kept_stays(notebook, tmp_path, capsys):
    keep("06", {"06.im2col": notebook["im2col"]})
    cell("def im2col(x, kernel, stride=1, padding=0):\n    return x\n\n\n"
         "def output_size(size, kernel, stride=1, padding=0):\n    return 1 + (size + 2 * padding - kernel)//stride\n",
         notebook, "<cell 3>")
    kept = keep("06", {"06.im2col": notebook["im2col"], "06.output_size": notebook["output_size"], "06.layer": ...})
    assert not kept and kept.names == ("output_size",) and "left out, 06.im2col: shape" in str(kept)
    text = (tmp_path / "mine" / "lesson06.py").read_text()
    assert "LIMIT = 3" in text and "def helper" in text and "def output_size" in text
    assert mine("06", "im2col", print)(np.ones((1, 3, 3, 1)), (2, 2)).shape == (1, 2, 2, 4)
    assert keep("06", {"06.im2col": None}).names == ()
    assert (tmp_path / "mine" / "lesson06.py").read_text() == text


def test_what_cannot_be_written_down_is_said(notebook):
    cell("table = np.arange(3)\n\n\ndef output_size(size, kernel, stride=1, padding=0):\n"
         "    return (size + 2 * padding - kernel) // stride + len(table[:1])\n", notebook, "<cell 4>")
    assert "uses table of the notebook" in str(keep("06", {"06.output_size": notebook["output_size"]}))
    unnamed = keep("06", {"06.output_size": lambda size, kernel, stride=1, padding=0: (size + 2 * padding - kernel)
                          // stride + 1})
    assert "was not found" in str(unnamed) and not unnamed
    assert "<b>" in unnamed._repr_html_()


def test_mine_falls_back_and_says_so(notebook, tmp_path, capsys):
    assert mine("03", "MyLinear", tc.layers.Linear) is tc.layers.Linear
    assert "MyLinear: tinycnn.layers.linear.Linear, as there is no mine/lesson03.py yet" in capsys.readouterr().out
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine" / "lesson03.py"
    path.write_text("MyOther = 3\n")
    assert mine("03", "MyLinear", tc.layers.Linear) is tc.layers.Linear
    assert "has none" in capsys.readouterr().out
    path.write_text("def broken(:\n")
    assert mine("03", "MyLinear", tc.layers.Linear) is tc.layers.Linear
    assert "cannot be imported (SyntaxError" in capsys.readouterr().out
    path.write_text("class MyLinear:\n    pass\n")
    assert mine("03", "MyLinear", tc.layers.Linear).__name__ == "MyLinear"


def test_a_lesson_is_named_by_two_digits(notebook):
    for lesson in (3, "3", "../x"):
        with pytest.raises(TinyCNNError, match="two digits"):
            keep(lesson, {})
        with pytest.raises(TinyCNNError, match="two digits"):
            mine(lesson, "x", print)
