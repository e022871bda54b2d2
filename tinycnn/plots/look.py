"""One look for all figures: colors, sizes of letters, and how a figure is made, shown and written."""

import functools
import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeAlias, TypeVar

from tinycnn.errors import DataError, require
from tinycnn.files import atomic_write
from tinycnn.plots.labels import finish

if TYPE_CHECKING:
    import matplotlib.figure

Figure: TypeAlias = "matplotlib.figure.Figure"  # a name for type hints: matplotlib is imported where it draws
P = ParamSpec("P")
R = TypeVar("R")

# Okabe and Ito (2008), "Color Universal Design".
COLORS = {"black": "#000000", "orange": "#E69F00", "sky": "#56B4E9", "green": "#009E73", "yellow": "#F0E442",
          "blue": "#0072B2", "vermilion": "#D55E00", "purple": "#CC79A7"}
TRUTH, PREDICTION, WRONG = COLORS["sky"], COLORS["orange"], COLORS["vermilion"]
INK, FAINT = "#222222", "#888888"
DOTS_PER_INCH = 150
MARK = b"Software\0tinycnn figure"  # in each PNG, so that it may be replaced by the next one

SETTINGS = {
    "font.size": 11, "axes.titlesize": 12, "axes.labelsize": 11, "xtick.labelsize": 10, "ytick.labelsize": 10,
    "legend.fontsize": 10, "figure.titlesize": 14, "axes.titlepad": 8, "text.color": INK, "axes.labelcolor": INK,
    "axes.edgecolor": FAINT, "xtick.color": INK, "ytick.color": INK, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": "#e4e4e4", "axes.axisbelow": True,
    "lines.linewidth": 2.0, "lines.markersize": 4, "legend.frameon": False, "savefig.facecolor": "white",
}


def style() -> AbstractContextManager[None]:
    """A context in which matplotlib draws in the library's style: `with style(): ...`. The settings outside stay."""
    return require("matplotlib", extra="viz").rc_context(SETTINGS)


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function that draws inside `style()`; the texts of a figure that it returns are made harmless."""

    @functools.wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        with style():
            drawn = function(*args, **kwargs)
            if isinstance(drawn, require("matplotlib.figure", extra="viz").Figure):
                finish(drawn)
            return drawn

    return inside


@styled
def new_figure(width: float, height: float) -> Figure:
    """An empty Figure of width x height inches that arranges its parts by itself; a notebook shows it as a picture."""
    figure = require("matplotlib.figure", extra="viz").Figure(figsize=(width, height), layout="constrained")
    # A Figure made without pyplot has no picture of its own in notebooks; IPython asks the object for this method.
    figure._repr_png_ = lambda: _written(figure, "png")
    return figure


def save(figure: Figure, path: str | Path) -> None:
    """Write `figure` to `path`, whole or not at all; the ending decides the format (.png, .pdf, .svg, .jpg)."""
    kind = Path(path).suffix.lstrip(".").lower()
    kinds = figure.canvas.get_supported_filetypes()
    if kind not in kinds:
        raise DataError(f"cannot write a figure as {Path(path).name!r}: its ending must be one of {', '.join(kinds)}")
    picture = _written(figure, kind)
    with atomic_write(path) as file:
        file.write(picture)


@styled
def _written(figure, kind):
    """The bytes of the file; styled, since matplotlib makes some parts (the numbers at an axis) only now."""
    finish(figure)  # what was added since
    file = io.BytesIO()
    more = {"metadata": dict([MARK.decode().split("\0")])} if kind == "png" else {}
    figure.savefig(file, format=kind, dpi=DOTS_PER_INCH, **more)
    return file.getvalue()
