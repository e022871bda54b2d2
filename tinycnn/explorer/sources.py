"""Where the library computes what a page shows: the lesson about it, and the lines of its forward and backward."""

import inspect
import textwrap
from pathlib import Path
from typing import Any

from tinycnn import box_losses, layers, losses, optim

LESSONS = {
    "fc": ("03", "Fully connected layers", "lessons/03_fully_connected.ipynb"),
    "conv": ("06", "Convolution", "lessons/06_convolution.ipynb"),
    "pool": ("07", "Pooling and ReLU", "lessons/07_pooling_and_relu.ipynb"),
    "train": ("08", "Training", "lessons/08_training.ipynb"),
    "heads": ("09", "Two heads", "lessons/09_two_heads.ipynb"),
    "alexnet": ("11", "AlexNet", "lessons/11_alexnet.ipynb"),
    "boxes": ("04", "Boxes as regression", "lessons/04_boxes_as_regression.ipynb"),
}
TAUGHT = {"Conv2d": "conv", "MaxPool2d": "pool", "AvgPool2d": "pool", "GlobalAvgPool2d": "pool", "ReLU": "pool",
          "LeakyReLU": "pool", "Dropout": "alexnet", "Flatten": "fc", "Linear": "fc", "LocalResponseNorm": "alexnet",
          "BatchNorm2d": "alexnet", "Sum": "heads", "SoftmaxCrossEntropy": "fc", "L2Loss": "boxes",
          "SmoothL1Loss": "boxes", "GIoULoss": "boxes", "SGD": "train", "Picture": "conv"}  # fmt: skip
DEFINED = {**{name: getattr(layers, name) for name in layers.__all__}, "Sum": layers.Residual,
           "SoftmaxCrossEntropy": losses.SoftmaxCrossEntropy, "L2Loss": losses.L2Loss, "SGD": optim.SGD,
           "SmoothL1Loss": box_losses.SmoothL1Loss, "GIoULoss": box_losses.GIoULoss}  # fmt: skip
ROOT = Path(layers.__file__).resolve().parents[2]


def sources(kinds: Any) -> dict[str, dict[str, Any]]:
    """{kind: {"lesson": {"number", "title", "path"}, "forward": ..., "backward": ...}} for the kinds that are known.

    forward, backward: {"file", "line", "text"}, the lines of the library; of an optimizer, "update" stands for both
    """
    found: dict[str, dict[str, Any]] = {}
    for kind in dict.fromkeys(kinds):
        entry: dict[str, Any] = {}
        if kind in TAUGHT:
            entry["lesson"] = dict(zip(("number", "title", "path"), LESSONS[TAUGHT[kind]], strict=True))
        owner = DEFINED.get(kind)
        for way in ("forward", "backward"):
            method = None if owner is None else getattr(owner, "update" if kind == "SGD" else way, None)
            if method is not None:
                entry[way] = lines_of(method)
        found[kind] = entry
    return found


def lines_of(method: Any) -> dict[str, Any]:
    """The file, first line and text of a method."""
    text, line = inspect.getsourcelines(method)
    path = Path(inspect.getsourcefile(method) or "").resolve()
    file = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    return {"file": file, "line": line, "text": textwrap.dedent("".join(text))}
