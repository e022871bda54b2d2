"""From records to a Dataset: open every picture once, fit its box, choose the main subject, and form the parts.

Every picture is decoded here, completely, although it will be decoded again later if memory is short: a file that is
cut off shows it only in its last rows, and a crash in the middle of training is the worst moment to learn of it.
"""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinycnn.data.dataset import Dataset, Samples
from tinycnn.data.photographs import Photographs, PictureError, decode
from tinycnn.data.readers.groups import groups_of
from tinycnn.data.readers.parts import form_parts
from tinycnn.data.readers.units import refuse_misfits, settle_units
from tinycnn.errors import DataError

OUTSIDE = "box lies outside the picture"
FAR_OUT = 0.1  # of a picture's side: a box that reaches further out of it was not drawn in this picture
PRECEDENCE = ("test", "valid", "train", None)  # the part that keeps a picture listed in two: what is reported on wins


class Checked(NamedTuple):
    """A picture that was opened and has a usable box."""

    path: Path
    part: str | None
    label: str
    box: np.ndarray  # float32 (4,), half-open pixels of the picture as it comes out
    size: tuple  # (H, W) of the picture as it comes out
    digest: bytes
    remarks: list
    misfit: bool  # its box reached far out of the picture


def assemble(name, root, records, classes, ledger, *, valid_fraction, test_fraction, seed, max_side, cache, units=None,
             group_by=None):
    """The Dataset of these records; DataError if too little remains. Options as in `read`.

    classes: the class names in the order of their labels (those without a picture are dropped), or None: by name
    """
    records = _merge(records, ledger)
    brought = {record.part for record in records}
    small = settle_units(records, units, ledger)
    checked = _check(records, ledger, max_side, cache)
    outside = len(ledger.left_out.get(OUTSIDE, ()))
    checked = _without_copies(checked, ledger)
    _refuse_nothing(checked, root, ledger)
    if units is None:
        refuse_misfits(root, [picture.size for picture in checked], small,
                       sum(picture.misfit for picture in checked) + outside, len(checked) + outside)
    used = {picture.label for picture in checked}
    classes = tuple(sorted(used) if classes is None else [label for label in classes if label in used])
    number = {label: k for k, label in enumerate(classes)}
    repeated = Counter(picture.path.name for picture in checked)

    def samples(chosen):
        images = Photographs([p.path for p in chosen], [p.size for p in chosen], max_side, cache)
        names = [p.path.name if repeated[p.path.name] == 1 else p.path.relative_to(root).as_posix() for p in chosen]
        return Samples(images, [number[p.label] for p in chosen], [p.box for p in chosen], names, classes)

    names = groups_of([p.path for p in checked], root, group_by, ledger) if group_by is not None else None
    parts, groups = {}, {}
    for part in PRECEDENCE:
        chosen = [i for i, picture in enumerate(checked) if picture.part == part]
        parts[part] = samples([checked[i] for i in chosen])
        groups[part] = None if names is None else [names[i] for i in chosen]
    notes = ledger.sentences(len(checked))
    if len(brought) > 1 and None not in brought and len(parts["train"]) == 0:
        others = ", ".join(sorted(brought - {"train"}))
        why = "; ".join(notes) or "no part is named train"
        raise DataError(f"{root} has pictures for {others}, but no training picture remains: {why}")
    train, valid, test, how = form_parts(parts, brought, valid_fraction, test_fraction, seed, groups)
    if len(classes) == 1:
        how.append(f"one class only ({classes[0]}): what is learned is where it is, and the class is always right")
    alike = sorted(label for label in classes if sum(label.casefold() == other.casefold() for other in classes) > 1)
    if alike:
        how.append(f"classes that differ by capitals alone: {', '.join(alike)}")
    unseen = [label for label in classes if number[label] not in set(train.labels.tolist())]
    if unseen:
        how.append(f"no training picture shows: {', '.join(unseen)}")
    return Dataset(name, train, valid, test, notes + how)


def _merge(records, ledger):
    """One record per file: a file listed twice is one picture with the objects of both."""
    merged: dict[Path, Any] = {}
    for record in records:
        known = merged.setdefault(record.path, record)
        if known is record:
            continue
        known.objects.extend(record.objects)
        if known.source != record.source:
            ledger.remark(record.path.name, f"has boxes from two files, {known.source} and {record.source}; all count")
        if known.part != record.part:
            ledger.remark(record.path.name, "listed in two parts, kept in the first of test, valid, train")
            known.part = min(known.part, record.part, key=PRECEDENCE.index)
    return list(merged.values())


def _check(records, ledger, max_side, cache):
    """Open all of them, in threads, since Pillow decodes without holding Python's lock; the order stays."""
    kept = []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        for record, result in zip(records, threads.map(lambda r: _examine(r, max_side, cache), records), strict=True):
            if isinstance(result, tuple) and len(result) == 2:
                reason, detail = result
                ledger.leave_out(f"{record.path.name}{detail}", reason)
                continue
            kept.append(result)
            for sentence in result.remarks:
                ledger.remark(record.path.name, sentence)
    return kept


def _examine(record, max_side, cache):
    """A Checked picture, or (the reason to leave it out, a detail that goes with its name)."""
    if not record.objects:
        return record.nothing, ""
    try:
        picture = decode(record.path, max_side)
    except PictureError as error:
        return error.reason, ""
    stated, turn, remarks = record.stated_size, 1, []
    seen = picture.upright_size  # (H, W) of the picture whose pixels the boxes count
    if stated not in (None, picture.upright_size):
        if stated == picture.stored_size:
            turn = picture.orientation  # the annotator saw it as it is stored, lying on its side
            remarks.append("turned upright, and the box with it")
        elif stated == picture.upright_size[::-1]:
            remarks.append("width and height are exchanged in its annotation, the box is not")
        elif _same_shape(stated, picture.upright_size):
            seen = stated
            remarks.append("annotated at another size, and the box brought to that of the picture")
        else:
            (h, w), (sh, sw) = picture.upright_size, stated
            return "its annotation is for a picture of another size", f" is {w} x {h}, annotated at {sw} x {sh}"
    height, width = picture.pixels.shape[:2]
    if (height, width) != picture.upright_size:
        remarks.append(f"reduced to {max_side} pixels, and the box with it")
    scale = np.array([width, height, width, height]) / np.array(seen[::-1] * 2)
    usable, problems = [], []
    for label, box in record.objects:
        if record.whole is not None:
            box = np.asarray(box, np.float64) / record.whole * np.array(seen[::-1] * 2)
        turned = turn_box(box, turn, picture.stored_size) * scale
        box = np.clip(turned, 0, [width, height, width, height]).astype(np.float32)  # (4,)
        problem = _problem(label, turned, box)
        if problem:
            problems.append(problem)
        else:
            area = float((box[2] - box[0]) * (box[3] - box[1]))
            usable.append((area, label, box, float((np.abs(turned - box) / (width, height, width, height)).max())))
    if not usable:
        return problems[0], ""
    remarks += [f"an object ignored beside another one, since {problem}" for problem in problems]
    _, label, box, cut = max(usable, key=lambda candidate: candidate[0])  # the first of equals
    if cut * max(height, width) > 1e-3:
        remarks.append("box cut at the border of the picture")
    cache.offer(record.path, picture.pixels)
    return Checked(record.path, record.part, label, box, (height, width), picture.digest, remarks, cut > FAR_OUT)


def _same_shape(a, b):
    """Is one picture a resized copy of the other? To the rounding of its smaller side."""
    (ha, wa), (hb, wb) = a, b
    return ha != hb and wa != wb and abs(ha * wb - wa * hb) <= max(ha, wa, hb, wb) / 2


def _problem(label, turned, box):
    if not label:
        return "its class has no name"
    if not np.isfinite(turned).all():
        return "its box is not four numbers"
    if turned[2] <= turned[0] or turned[3] <= turned[1]:
        return "box has no area"
    if box[2] <= box[0] or box[3] <= box[1]:
        return OUTSIDE
    return None


def turn_box(box, orientation, stored_size):
    """A box in the pixels of the stored picture -> the same box after the picture was turned upright; float64 (4,).

    Only the orientations that swap height and width (5 to 8) turn: the others cannot be told from the size.
    """
    xmin, ymin, xmax, ymax = box
    height, width = stored_size
    return np.array({
        5: (ymin, xmin, ymax, xmax),  # mirrored at the diagonal
        6: (height - ymax, xmin, height - ymin, xmax),  # a quarter turn clockwise
        7: (height - ymax, width - xmax, height - ymin, width - xmin),  # mirrored at the other diagonal
        8: (ymin, width - xmax, ymax, width - xmin),  # a quarter turn counterclockwise
    }.get(orientation, (xmin, ymin, xmax, ymax)), dtype=np.float64)


def _without_copies(checked, ledger):
    """Files with the same bytes are one picture, wherever they lie: two parts must not share it."""
    seen, kept = set(), set()
    for part in PRECEDENCE:
        for picture in (p for p in checked if p.part == part):
            if picture.digest in seen:
                ledger.leave_out(picture.path.name, "the same picture is there under another name")
            else:
                seen.add(picture.digest)
                kept.add(picture.path)
    return [picture for picture in checked if picture.path in kept]


def _refuse_nothing(checked, root, ledger):
    if not checked:
        why = "; ".join(ledger.sentences(0))
        raise DataError(f"nothing usable remains in {root}: {why or 'the annotations list no picture'}")
