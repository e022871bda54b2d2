"""What samples consist of, by content: so that a run finds its pictures again wherever they lie, and says what changed.

Every picture, label, box or pose becomes a number of 64 bits, its digest. For pictures in files it is made from the
file's bytes, which the reader has digested already; for arrays (drawn scenes, pictures of your own) from their pixels,
which are read once. A sequence that makes its pictures as they are asked for is not asked for all of them: then only
the answers are compared.
"""

import hashlib
import json
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from tinycnn.data.dataset import Samples
from tinycnn.data.head_samples import HeadSamples
from tinycnn.data.photographs import Photographs, digest_of
from tinycnn.data.pose_samples import PoseSamples
from tinycnn.text import count

ANSWERS = {"labels": "label", "boxes": "box", "joints": "pose"}  # an attribute of samples: one of them in words
OF_HEAD = "answers of "  # and its name: what samples for several heads have
LEARNED = ("train", "valid")  # what a training depends on: valid chooses the best epoch
PREFIX, TEXT = "samples/", "text"
SHOWN = 3  # names in a sentence


class Contents(NamedTuple):
    """One part of a data set. columns: {"pictures": (n,) uint64, "labels": ...}, without pictures that are not known"""

    names: list[str]
    classes: list[str]
    columns: dict[str, np.ndarray]


def contents(samples: Samples | PoseSamples | HeadSamples) -> Contents:
    """The Contents of samples of any kind."""
    columns = {what: _rows(getattr(samples, what)) for what in ANSWERS if hasattr(samples, what)}
    if isinstance(samples, PoseSamples):  # what is hidden has no truth and may hold any number
        columns["joints"] = _rows(np.where(samples.visible[..., None], samples.joints, np.nan))
    if isinstance(samples, HeadSamples):
        columns = {OF_HEAD + head: _rows(_as_written(given)) for head, given in samples.answers.items()}
    pictures = picture_digests(samples.images)
    if pictures is not None:
        columns["pictures"] = pictures
    return Contents(list(samples.names), list(getattr(samples, "classes", ())), columns)


def picture_digests(images: Any) -> np.ndarray | None:
    """(n,) uint64, one for each picture; None for a sequence that would have to make them all first."""
    if isinstance(images, Photographs):
        return _numbers(images.digests or [digest_of(path.read_bytes()) for path in images.paths])
    if isinstance(images, np.ndarray) or isinstance(images, list | tuple) and \
            all(isinstance(image, np.ndarray) for image in images):
        return _numbers([_digest(image) for image in images])
    return None


def fingerprint(some: Contents) -> str:
    """16 hexadecimal digits that tell these pictures and answers, in this order, from others. Names do not count."""
    digest = hashlib.sha256(json.dumps([len(some.names), some.classes]).encode())
    for what in sorted(some.columns):
        digest.update(what.encode() + some.columns[what].tobytes())
    return digest.hexdigest()[:16]


def to_arrays(parts: dict[str, Contents]) -> dict[str, np.ndarray]:
    """The contents of several parts as arrays for an .npz, without pickle."""
    text = {part: {"names": some.names, "classes": some.classes} for part, some in parts.items()}
    arrays = {f"{PREFIX}{part}/{what}": column for part, some in parts.items() for what, column in some.columns.items()}
    return arrays | {PREFIX + TEXT: np.frombuffer(json.dumps(text).encode(), np.uint8)}


def pictures_of(parts: dict[str, Any]) -> dict[str, np.ndarray]:
    """The digests of the pictures alone, as arrays for an .npz. parts: {"train": samples, ...}"""
    digests = {part: picture_digests(samples.images) for part, samples in parts.items()}
    return {f"{PREFIX}{part}/pictures": numbers for part, numbers in digests.items() if numbers is not None}


def learned_pictures(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """{"train": (n,) uint64, "valid": ...} from the arrays of a model.npz or a checkpoint; {} where it keeps none."""
    return {name.split("/")[1]: array for name, array in arrays.items() if name.endswith("/pictures")}


def from_arrays(arrays: dict[str, np.ndarray]) -> dict[str, Contents]:
    """What `to_arrays` was given; {} where there is nothing of it. Raises ValueError for what is something else."""
    if PREFIX + TEXT not in arrays:
        return {}
    text = json.loads(bytes(arrays[PREFIX + TEXT].astype(np.uint8)))
    found = {part: Contents(list(map(str, some["names"])), list(map(str, some["classes"])), {})
             for part, some in text.items()}
    for name, column in arrays.items():
        part, _, what = name.removeprefix(PREFIX).partition("/")
        if name.startswith(PREFIX) and what:
            if column.dtype != np.uint64 or part not in found or column.shape != (len(found[part].names),):
                raise ValueError(f"{name} is {column.dtype} {column.shape}, and not one digest for each sample")
            found[part].columns[what] = column
    return found


def difference(was: dict[str, Contents], now: dict[str, Contents], parts: tuple[str, ...] = LEARNED) -> str:
    """How these parts of now differ from those that were, as a phrase that names some; "" where they are the same.

    Other parts that both have are only looked up for pictures that have come from there or gone there. Names of samples
    are not compared, so files may be renamed as long as their order stays.
    """
    one, other = ({part: some[part] for part in parts if part in some} for some in (was, now))
    if one.keys() != other.keys():
        return f"there were {' and '.join(one)} samples, and now there are {' and '.join(other) or 'none'}"
    for part, some in one.items():
        here = other[part]
        if some.classes != here.classes:
            return f"the classes were {_listed(some.classes, 8)}, and are {_listed(here.classes, 8)}"
        if len(here.names) != len(some.names) and not {"pictures"} <= some.columns.keys() & here.columns.keys():
            return f"there were {len(some.names)} {part} samples, and now there are {len(here.names)}"
    if not _same(one, other, "pictures"):
        return _other_pictures(*({part: some[part] for part in was.keys() & now.keys()} for some in (was, now)))
    return ", and ".join(_other_answers(one, other, what) for what in _answers_in(one, other)
                         if not _same(one, other, what))


def _same(was, now, what):
    """Whether what both know is the same."""
    pairs = [(some.columns, now[part].columns) for part, some in was.items()]
    return all(np.array_equal(one[what], other[what]) for one, other in pairs if what in one and what in other)


def _other_pictures(was, now):
    gone, new = _without(was, now), _without(now, was)
    both = set(gone) & set(new)
    changed = [name for name in gone if name in both]
    gone, new = ([name for name in names if name not in both] for names in (gone, new))
    phrases = [f"{count(len(names), 'picture')} {verb[len(names) > 1]} ({_listed(names)})"
               for names, verb in ((gone, ("is missing", "are missing")), (changed, ("has changed", "have changed")),
                                   (new, ("is new", "are new"))) if names]
    if phrases:
        return " and ".join(phrases)
    then, here = _by_picture(was), _by_picture(now)
    others = {what: [name for picture, (name, answers) in here.items()
                     if answers.get(what) != then[picture][1].get(what)] for what in _answers_in(was, now)}
    phrases = [_changed(what, names) for what, names in others.items() if names]
    return ", and ".join([*phrases, "the same pictures stand in another order, or in other parts"])


def _by_picture(parts):
    """{digest of a picture: (its name, {what: digest of its answer})}, without pictures that are there several times"""
    often = Counter(number for some in parts.values() for number in some.columns["pictures"].tolist())
    return {number: (some.names[i], {what: column[i] for what, column in some.columns.items() if what != "pictures"})
            for some in parts.values() for i, number in enumerate(some.columns["pictures"].tolist())
            if often[number] == 1}  # fmt: skip


def _without(some, others):
    """Names of the pictures of `some` that are not among `others`."""
    there = Counter(number for part in others.values() for number in part.columns.get("pictures", ()))
    names = []
    for part in some.values():
        for name, number in zip(part.names, part.columns.get("pictures", ()), strict=False):
            if there[number]:
                there[number] -= 1
            else:
                names.append(name)
    return names


def _other_answers(was, now, what):
    pairs = [(some.names, was[part].columns[what], some.columns[what]) for part, some in now.items()]
    return _changed(what, [name for columns in pairs for name, one, other in zip(*columns, strict=True)
                           if one != other])  # fmt: skip


def _answers_in(*sides):
    """What both sides have besides pictures, those of ANSWERS first."""
    found = {what for parts in sides for some in parts.values() for what in some.columns} - {"pictures"}
    return [*(what for what in ANSWERS if what in found), *sorted(found - ANSWERS.keys())]


def _changed(what, names):
    one = ANSWERS.get(what, f"answer for the head {what.removeprefix(OF_HEAD)}")
    many = {"box": "boxes"}.get(one, f"{one}s" if what in ANSWERS else one.replace("answer", "answers", 1))
    return f"{count(len(names), one, many)} {'has' if len(names) == 1 else 'have'} changed ({_listed(names)})"


def _listed(names, most=SHOWN):
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def _as_written(answers):
    """Names as bytes of one length, which the longest of all pictures does not change."""
    if answers.dtype.kind not in "UO":
        return answers
    return _numbers([hashlib.sha256(str(name).encode()).digest() for name in answers])


def _rows(array):
    array = np.ascontiguousarray(array)
    return _numbers([hashlib.sha256(row.tobytes()).digest() for row in array])


def _digest(image):
    image = np.ascontiguousarray(image)
    digest = hashlib.sha256(f"{image.shape} {image.dtype}".encode())  # many processors have a circuit for it
    digest.update(image.data)
    return digest.digest()


def _numbers(digests):
    return np.frombuffer(b"".join(digest[:8] for digest in digests), np.uint64)
