"""A look into a WindowDetector: the weights of its SVM as glyphs, and its scores over one picture."""

from pathlib import Path

import numpy as np

from tinycnn.classical.window import WindowDetector
from tinycnn.data.dataset import Dataset
from tinycnn.errors import DataError


def window_picture(model: WindowDetector, data: Dataset, out: str | Path, index: int = 0) -> str:
    """Write windows.png into the folder `out`: for picture number `index` of the test part; returns a sentence."""
    from tinycnn import plots
    from tinycnn.plots.hog import window_report

    part = next((part for part in (data.test, data.valid, data.train) if len(part)), None)
    if part is None:
        raise DataError("there is no picture to look at")
    image, blocks = part.images[index % len(part)], model.blocks
    answer = model.predict(image)
    label = int(answer.labels[0])
    weights = model.svm.w.value.T.reshape(len(model.classes), blocks, blocks, -1)
    order = np.argsort(-answer.probabilities[0])  # the class that was found comes first
    figure = window_report(weights[order], tuple(model.classes[k] for k in order), image, model.heat(image, label, 16),
                           model.classes[label], answer.boxes[0], part.boxes[index % len(part)])  # fmt: skip
    path = Path(out) / "windows.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    plots.save(figure, path)
    found = f"{model.classes[label]}, {answer.probabilities[0, label]:.0%}"
    return f"{part.names[index % len(part)]}: {found}.\nThe picture: {path}"
