"""The epochs of a run, for a page: its learning curves, and what it said of the same few pictures after each epoch."""

import base64
import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tinycnn.errors import DataError
from tinycnn.history import History, read_rows
from tinycnn.snapshots import NAME, Record, read_record


def read(run: str | Path) -> dict[str, Any] | None:
    """What the folder of a run knows of its epochs, ready for JSON; None where it has no epochs.npz.

        part      "valid", or "train" where nothing was validated
        classes   names    best    the best epoch, counted from 1
        curves    {column of the history: one number for each epoch, None where it was none}, "epoch" among them
        epochs    numbers of the epochs whose answers were kept: of a long run not all
        pictures  those that are wrong in the end first, each {"name", "label": the true class, "box": the true box,
                  "size": [height, width] in pixels, "image": a data URL of a small PNG, "answers": one for each of
                  `epochs`: {"top": [[class, probability], ...] the most probable first, "true": probability of the
                  true class, "box", "iou", "right": whether class and box both are}}

    Boxes are (xmin, ymin, xmax, ymax) as fractions of width and height; a number that was no number is None.
    Raises DataError, one sentence, for files that are damaged, an empty history.csv among them.
    """
    folder = Path(run)
    if not (folder / NAME).is_file():
        return None
    record, rows = read_record(folder / NAME), read_rows(folder / "history.csv")
    columns = list(rows[0]) if rows else []
    return {"part": record.part, "classes": record.classes, "best": History(rows).best_epoch,
            "curves": {name: [_number(row[name]) for row in rows] for name in columns},
            "epochs": record.epochs.tolist(), "pictures": list(_pictures(record))}


def read_if_sound(run: str | Path) -> dict[str, Any] | None:
    """What `read` gives; None, and a warning that says why, where its files are damaged: the rest of a page is sound.
    """
    try:
        return read(run)
    except (DataError, OSError) as error:
        warnings.warn(f"the page comes without the tab Epochs: {error}", stacklevel=2)
        return None


def _pictures(record: Record) -> Iterator[dict[str, Any]]:
    overlaps, right = record.overlaps(), record.right()
    for i, picture in record.pictures.items():
        answers = [{"top": [[int(k), _number(p)] for k, p in zip(record.top[e, i], record.shares[e, i], strict=True)],
                    "true": _number(record.true_shares[e, i]), "box": list(map(_number, record.boxes[e, i])),
                    "iou": _number(overlaps[e, i]), "right": bool(right[e, i])} for e in range(len(record.epochs))]
        yield {"name": record.names[i], "label": int(record.labels[i]), "box": list(map(_number, record.truth[i])),
               "size": record.sizes[i].tolist(), "image": png(picture), "answers": answers}


def _number(value):
    value = float(value)
    return value if math.isfinite(value) else None


def png(picture: np.ndarray) -> str:
    """A uint8 picture (H, W, 3) as a data URL, without any package for pictures."""
    height, width, _ = picture.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), picture.reshape(height, -1)], axis=1)  # 0: not filtered
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")
    chunks = b"".join(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
                      for kind, data in parts)
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunks).decode()
