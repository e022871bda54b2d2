"""How the annotator saw a photograph: as its file stores it, or upright, as its EXIF orientation says.

Phones store a picture as the sensor lay and write down how to turn it. Browsers and most annotation tools turn it
before it is shown, some programs do not, and then boxes count the pixels of a picture that lies on its side, or is
mirrored. Where the stated size, or a box that fits one reading alone, does not tell, the set's other pictures do.
"""

from collections import Counter

import numpy as np

READINGS = ("stored", "upright")
TURNED = "turned upright, and the box with it"  # remark
KEPT = "turned upright by its EXIF orientation, and the box counts in the upright picture"  # remark
SAY = 'orientation="stored" or "upright" says it, on the command line --orientation'


def how_seen(record, picture, same_shape):
    """"stored" or "upright", where a record and its decoded picture tell; None where they do not.

    same_shape(a, b): is a picture of size a a resized copy of one of size b, both (H, W)?
    """
    if picture.orientation == 1:
        return "upright"
    sizes = {"stored": picture.stored_size, "upright": picture.upright_size}
    if sizes["stored"] == sizes["upright"]:
        return None
    stated = record.stated_size
    if stated is not None:
        fits = [name for name in READINGS if sizes[name] == stated]
        fits = fits or [name for name in READINGS if same_shape(stated, sizes[name])]
    else:
        fits = [name for name in READINGS if record.whole is None and _inside(record.objects, sizes[name])]
    return fits[0] if len(fits) == 1 else None


def _inside(objects, size):
    """Do all boxes lie within a picture of (H, W), up to a pixel or a hundredth of its side?"""
    limit = np.array(size[::-1] * 2) * 1.01 + 1
    return all((np.asarray(box, np.float64) <= limit).all() for _, box in objects)


def settle(shown, ledger):
    """How the pictures that tell nothing were seen: as most of those that do, else upright; and say it.

    shown: for each picture that is turned, its name and "stored", "upright" or None
    """
    votes = Counter(reading for _, reading in shown if reading)
    reading = "stored" if votes["stored"] > votes["upright"] else "upright"
    if votes:
        why = f"as in {votes[reading]} of {votes.total()} that tell"
        sentence = f"{TURNED}, {why}" if reading == "stored" else f"{KEPT}, {why}"
    else:
        sentence = f"{KEPT}, as is assumed where nothing tells; {SAY}"
    for name, told in shown:
        if told is None:
            ledger.remark(name, sentence)
    return reading


def turn_box(box, orientation, stored_size):
    """A box in the pixels of the stored picture -> the same box after the picture was turned upright; float64 (4,)."""
    xmin, ymin, xmax, ymax = box
    height, width = stored_size
    return np.array({
        2: (width - xmax, ymin, width - xmin, ymax),  # mirrored left to right
        3: (width - xmax, height - ymax, width - xmin, height - ymin),  # half a turn
        4: (xmin, height - ymax, xmax, height - ymin),  # mirrored top to bottom
        5: (ymin, xmin, ymax, xmax),  # mirrored at the diagonal
        6: (height - ymax, xmin, height - ymin, xmax),  # a quarter turn clockwise
        7: (height - ymax, width - xmax, height - ymin, width - xmin),  # mirrored at the other diagonal
        8: (ymin, width - xmax, ymax, width - xmin),  # a quarter turn counterclockwise
    }.get(orientation, (xmin, ymin, xmax, ymax)), dtype=np.float64)
