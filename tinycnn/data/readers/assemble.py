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
from tinycnn.data.readers.orientation import KEPT, TURNED, how_seen, settle, turn_box
from tinycnn.data.readers.parts import form_parts
from tinycnn.data.readers.units import refuse_misfits, settle_units
from tinycnn.errors import DataError

OUTSIDE = "box lies outside the picture"
TAKE_IN = "difficult=True, on the command line --difficult, takes in what is marked difficult, or as a crowd or a group"
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
    seen: str | None = "as it is"  # how its annotator saw a picture that is turned: "stored", "upright", None: unknown
    as_stored: Any = None  # what it is if it was seen as stored, where that is unknown


def assemble(name, root, records, classes, ledger, *, valid_fraction, test_fraction, seed, max_side, cache, units=None,
             orientation=None, difficult=False, group_by=None):
    """The Dataset of these records; DataError if too little remains. Options as in `read`.

    classes: the class names in the order of their labels (those without a picture are dropped), or None: by name
    """
    records = _merge(records, ledger)
    brought = {record.part for record in records}
    aside = _aside(records, difficult, ledger)
    small = settle_units(records, units, ledger)
    checked = _check(records, ledger, max_side, cache, orientation)
    outside = len(ledger.left_out.get(OUTSIDE, ()))
    checked = _without_copies(checked, ledger)
    _refuse_nothing(checked, root, ledger, aside)
    if units is None:
        refuse_misfits(root, [picture.size for picture in checked], small,
                       sum(picture.misfit for picture in checked) + outside, len(checked) + outside)
    used = {picture.label for picture in checked}
    classes = tuple(sorted(used) if classes is None else [label for label in classes if label in used])
    number = {label: k for k, label in enumerate(classes)}
    repeated = Counter(picture.path.name for picture in checked)

    def samples(chosen):
        images = Photographs([p.path for p in chosen], [p.size for p in chosen], max_side, cache,
                             [p.digest for p in chosen])
        names = [p.path.name if repeated[p.path.name] == 1 else p.path.relative_to(root).as_posix() for p in chosen]
        return Samples(images, [number[p.label] for p in chosen], [p.box for p in chosen], names, classes)

    names = groups_of([p.path for p in checked], root, group_by, ledger) if group_by is not None else None
    parts, groups = {}, {}
    for part in PRECEDENCE:
        chosen = [i for i, picture in enumerate(checked) if picture.part == part]
        parts[part] = samples([checked[i] for i in chosen])
        groups[part] = None if names is None else [names[i] for i in chosen]
    notes = ledger.sentences(len(checked)) + [TAKE_IN] * aside
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
        others = record.objects and repr(record.objects) != repr(known.objects)  # not one that is listed twice
        known.objects.extend(record.objects)
        known.aside.extend(record.aside)
        if known.source != record.source:
            ledger.remark(record.path.name, f"has boxes from two files, {known.source} and {record.source}; all count")
        elif others and known.source is None:
            ledger.remark(record.path.name, "has boxes from several annotations; all count")
        if known.part != record.part:
            ledger.remark(record.path.name, "listed in two parts, kept in the first of test, valid, train")
            known.part = min(known.part, record.part, key=PRECEDENCE.index)
    return list(merged.values())


def _aside(records, difficult, ledger):
    """Take in what annotations set aside, or say that it is not used; are there pictures that have nothing else?"""
    alone = False
    for record in records:
        alone |= not difficult and bool(record.aside) and not record.objects
        for what, label, box in record.aside:
            ledger.remark(record.path.name, f"{what} {'taken in' if difficult else 'not used'}")
            if difficult:
                record.objects.append((label, box))
    return alone


def _check(records, ledger, max_side, cache, orientation):
    """Open all of them, in threads, since Pillow decodes without holding Python's lock; the order stays."""
    kept, turned = [], []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        results = list(threads.map(lambda record: _examine(record, max_side, cache, orientation), records))
    for record, result in zip(records, results, strict=True):
        if isinstance(result, Checked) and result.seen != "as it is":
            turned.append((record.path.name, result.seen))
    reading = settle(turned, ledger) if turned else None
    for record, result in zip(records, results, strict=True):
        if isinstance(result, Checked) and result.seen is None and reading == "stored":
            result = result.as_stored
        if not isinstance(result, Checked):
            reason, detail = result
            ledger.leave_out(f"{record.path.name}{detail}", reason)
            continue
        kept.append(result._replace(as_stored=None))
        for sentence in result.remarks:
            ledger.remark(record.path.name, sentence)
    return kept


def _examine(record, max_side, cache, orientation=None):
    """A Checked picture, or (the reason to leave it out, a detail that goes with its name).

    orientation: how the annotator saw it, "stored" or "upright"; None to find it out
    """
    if not record.objects:
        return record.nothing, ""
    try:
        picture = decode(record.path, max_side)
    except PictureError as error:
        return error.reason, ""
    seen = orientation or how_seen(record, picture, _same_shape)
    result = _fit(record, picture, max_side, seen or "upright")
    if picture.orientation > 1 and isinstance(result, Checked):
        result = result._replace(seen=seen, as_stored=None if seen else _fit(record, picture, max_side, "stored"))
        if seen:
            result.remarks.append(TURNED if seen == "stored" else KEPT)
    if isinstance(result, Checked):
        cache.offer(record.path, picture.pixels)
    return result


def _fit(record, picture, max_side, seen):
    """The same for one way in which the annotator may have seen the picture, "stored" or "upright"."""
    stored = seen == "stored"
    full = picture.stored_size if stored else picture.upright_size  # (H, W) of the picture that was annotated
    stated, counted, remarks = record.stated_size, full, []
    if stated not in (None, full):
        if stated == full[::-1]:
            remarks.append("width and height are exchanged in its annotation, the box is not")
        elif _same_shape(stated, full):
            counted = stated
            remarks.append("annotated at another size, and the box brought to that of the picture")
        else:
            (h, w), (sh, sw) = full, stated
            return "its annotation is for a picture of another size", f" is {w} x {h}, annotated at {sw} x {sh}"
    height, width = size = picture.pixels.shape[:2]
    if size != picture.upright_size:
        remarks.append(f"reduced to {max_side} pixels, and the box with it")
    limits = np.array([width, height, width, height])
    upright = counted[::-1] if stored and picture.orientation >= 5 else counted
    scale = limits / np.array(upright[::-1] * 2)
    usable, problems = [], []
    for label, box in record.objects:
        if record.whole is not None:
            box = np.asarray(box, np.float64) / record.whole * np.array(counted[::-1] * 2)
        turned = turn_box(box, picture.orientation if stored else 1, counted) * scale
        box = np.clip(turned, 0, limits).astype(np.float32)  # (4,)
        problem = _problem(label, turned, box)
        if problem:
            problems.append(problem)
        else:
            area = float((box[2] - box[0]) * (box[3] - box[1]))
            usable.append((area, label, box, float((np.abs(turned - box) / limits).max())))
    if not usable:
        return problems[0], ""
    remarks += [f"an object ignored beside another one, since {problem}" for problem in problems]
    _, label, box, cut = max(usable, key=lambda candidate: candidate[0])  # the first of equals
    if cut * max(height, width) > 1e-3:
        remarks.append("box cut at the border of the picture")
    return Checked(record.path, record.part, label, box, size, picture.digest, remarks, cut > FAR_OUT)


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


def _refuse_nothing(checked, root, ledger, aside):
    if not checked:
        why = "; ".join(ledger.sentences(0)) or "the annotations list no picture"
        raise DataError(f"nothing usable remains in {root}: {why}" + f". {TAKE_IN}" * aside)
