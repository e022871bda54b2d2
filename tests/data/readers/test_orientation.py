"""How an annotator saw photographs that EXIF turns: told by sizes, by boxes, by the rest of the set, or by you.

Every picture is black with a white rectangle, wherever it is turned to; a box that is right is around the white.
"""

import numpy as np
import pytest
from PIL import Image

from tinycnn.data import read
from tinycnn.data.photographs import ORIENTATION
from tinycnn.data.readers.orientation import KEPT, SAY, TURNED, turn_box
from tinycnn.errors import DataError

WHITE = (5, 3, 20, 9)  # in the stored picture of 20 rows and 30 columns
SIZE = (20, 30)


def upright(orientation):
    """(the white rectangle in the upright picture, its (H, W)), by turning pixels and looking for the white."""
    pixels = np.zeros((*SIZE, 3), np.uint8)
    pixels[WHITE[1]:WHITE[3], WHITE[0]:WHITE[2]] = 255
    turned = {2: pixels[:, ::-1], 3: pixels[::-1, ::-1], 4: pixels[::-1], 5: pixels.swapaxes(0, 1),
              6: np.rot90(pixels, -1), 7: pixels[::-1, ::-1].swapaxes(0, 1), 8: np.rot90(pixels)}  # fmt: skip
    turned = turned.get(orientation, pixels)
    rows, columns = np.nonzero(turned[..., 0])
    return (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1), turned.shape[:2]


@pytest.fixture
def photographs(tmp_path):
    """photographs((orientation, how it was seen, is a size stated?), ...): a table of these pictures, 0.png ..."""

    def write(*cases):
        lines = ["image,label,xmin,ymin,xmax,ymax,width,height"]
        for i, (orientation, seen, stated) in enumerate(cases):
            pixels = np.zeros((*SIZE, 3), np.uint8)
            pixels[WHITE[1]:WHITE[3], WHITE[0]:WHITE[2]] = 255
            pixels[0, 0] = i  # no two are the same
            exif = Image.Exif()
            exif[ORIENTATION] = orientation
            Image.fromarray(pixels).save(tmp_path / f"{i}.png", exif=exif)
            box, (height, width) = upright(orientation) if seen == "upright" else (WHITE, SIZE)
            lines.append(f"{i}.png,{'cat' if i % 2 else 'dog'},{','.join(map(str, box))},"
                         + (f"{width},{height}" if stated else ","))
        (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
        return tmp_path

    return write


def right(data):
    """{name: is the box around the white?}"""
    found = {}
    for part in data.parts.values():
        for name, image, box in zip(part.names, part.images, part.boxes, strict=True):
            rows, columns = np.nonzero(image[..., 0] > 128)
            found[name] = box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    return found


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_is_turned_as_the_pixels_are(orientation):
    assert tuple(turn_box(WHITE, orientation, SIZE)) == upright(orientation)[0]


@pytest.mark.parametrize("seen", ["stored", "upright"])
@pytest.mark.parametrize("orientation", range(5, 9))
def test_the_stated_size_tells(photographs, orientation, seen):
    data = read(photographs((orientation, seen, True), (1, "upright", True), (1, "upright", True)))
    assert all(right(data).values())
    assert f"{TURNED if seen == 'stored' else KEPT}: 1 (0.png)" in data.notes


@pytest.mark.parametrize("seen", ["stored", "upright"])
def test_the_others_decide_where_nothing_tells(photographs, seen):
    """2, 3 and 4 turn without a change of the size; 5 to 8 state one here."""
    data = read(photographs(*((k, seen, True) for k in range(1, 9)), (6, seen, False)))
    assert all(right(data).values()), data.notes
    text = TURNED if seen == "stored" else KEPT
    assert any(note.startswith(f"{text}, as in 4 of 4 that tell: 4 (1.png, 2.png, 3.png, ...)") for note in data.notes)


def test_a_box_that_fits_one_reading_alone_tells(photographs):
    """(5, 3, 28, 9) does not fit into a picture that is 20 wide."""
    folder = photographs((6, "stored", False), (3, "stored", False), (1, "stored", False))
    text = (folder / "labels.csv").read_text().replace("0.png,dog,5,3,20,9", "0.png,dog,5,3,29,9")
    (folder / "labels.csv").write_text(text)
    assert f"{TURNED}: 1 (0.png)" in read(folder).notes and right(read(folder))["1.png"]


def test_the_default_is_said(photographs):
    data = read(photographs(*((k, "upright", False) for k in (2, 3, 4, 6)), (1, "upright", False)))
    assert all(right(data).values())
    assert f"{KEPT}, as is assumed where nothing tells; {SAY}: 4 (0.png, 1.png, 2.png, ...)" in data.notes


@pytest.mark.parametrize("stated", [False, True])
@pytest.mark.parametrize("seen", ["stored", "upright"])
def test_what_you_say_counts(photographs, seen, stated):
    folder = photographs(*((k, seen, stated) for k in range(1, 9)))
    data = read(folder, orientation=seen)
    assert all(right(data).values()) and len(right(data)) == 8
    assert any(note.startswith(f"{TURNED if seen == 'stored' else KEPT}: 7 (") for note in data.notes)
    other = "stored" if seen == "upright" else "upright"
    assert not any(ok for name, ok in right(read(folder, orientation=other)).items() if name != "0.png")


def test_a_stated_size_of_a_smaller_copy(photographs):
    folder = photographs((6, "stored", True), (1, "stored", True), (1, "stored", True))
    text = (folder / "labels.csv").read_text().replace("dog,5,3,20,9,30,20", "dog,10,6,40,18,60,40", 1)
    (folder / "labels.csv").write_text(text)
    assert right(read(folder))["0.png"]


def test_another_word_is_refused(photographs):
    with pytest.raises(DataError, match='"stored" or "upright"'):
        read(photographs((1, "upright", True)), orientation="sideways")
