"""A look into a WindowDetector: what its classes look for, and its scores over one picture."""

from pathlib import Path

import numpy as np

from tinycnn.classical.haar import HaarDetector
from tinycnn.classical.window import WindowDetector
from tinycnn.data.dataset import Dataset
from tinycnn.errors import DataError
from tinycnn.files import expect_own


def _wanted(model, label):
    """Two pictures of a window, 0 to 1: what speaks for a class, and what against it."""
    from tinycnn.plots.hog import glyphs

    if isinstance(model, HaarDetector):
        pattern = model.pattern(label)
        return tuple(np.clip(sign * pattern / max(abs(pattern).max(), 1e-12), 0, 1) for sign in (1, -1))
    weights = model.svm.w.value[:, label].reshape(model.blocks, model.blocks, -1)
    return tuple(glyphs(sign * weights) for sign in (1, -1))


def window_picture(model: WindowDetector, data: Dataset, out: str | Path, index: int = 0) -> str:
    """Write windows.png into the folder `out`: for picture number `index` of the test part; returns a sentence."""
    from tinycnn import plots
    from tinycnn.plots.hog import window_report
    from tinycnn.plots.look import MARK

    path = Path(out) / "windows.png"
    expect_own(path, MARK)
    part = next((part for part in (data.test, data.valid, data.train) if len(part)), None)
    if part is None:
        raise DataError("there is no picture to look at")
    image = part.images[index % len(part)]
    answer = model.predict(image)
    label = int(answer.labels[0])
    order = np.argsort(-answer.probabilities[0])  # the class that was found comes first
    wanted, names = [_wanted(model, k) for k in order], tuple(model.classes[k] for k in order)
    figure = window_report(wanted, names, image, model.heat(image, label, 16), model.classes[label], answer.boxes[0],
                           part.boxes[index % len(part)])  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    plots.save(figure, path)
    found = f"{model.classes[label]}, {answer.probabilities[0, label]:.0%}"
    return f"{part.names[index % len(part)]}: {found}.\nThe picture: {path}"
