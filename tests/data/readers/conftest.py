"""Each test builds a small data set in its own folder; these fixtures draw the pictures and read the answers back."""

import zlib

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


BRIGHT = (20, 10, 50, 40)  # of the bright rectangle in pictures of 50 rows and 80 columns, half-open pixels


@pytest.fixture
def picture(tmp_path):
    """picture("images/a.png", ...): noise with a rectangle of 255 at BRIGHT, each picture unlike all others."""

    def save(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(zlib.crc32(name.encode())).integers(0, 200, (50, 80, 3), dtype=np.uint8)
            xmin, ymin, xmax, ymax = BRIGHT
            pixels[ymin:ymax, xmin:xmax] = 255
            Image.fromarray(pixels).save(path)

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
