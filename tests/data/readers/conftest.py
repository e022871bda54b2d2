"""Each test builds a small data set in its own folder; these fixtures draw the pictures and read the answers back."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photo(tmp_path):
    """photo("a/b.png", height, width): write a picture unlike all others below tmp_path, and give its path."""
    rng = np.random.default_rng(0)

    def save(name, height=20, width=30, **options):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path, **options)
        return path

    return save


@pytest.fixture
def answers():
    """answers(dataset): {name of the picture: (part, class, box as a list)} over all parts."""

    def collect(data):
        return {
            name: (part, data.classes[label], box.tolist())
            for part, samples in data.parts.items()
            for name, label, box in zip(samples.names, samples.labels, samples.boxes, strict=True)
        }

    return collect


@pytest.fixture
def table(tmp_path):
    """table(lines): write labels.csv with the usual header below tmp_path, and give the folder."""

    def write(*lines, header="image,label,xmin,ymin,xmax,ymax,split", name="labels.csv"):
        (tmp_path / name).write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return tmp_path

    return write
