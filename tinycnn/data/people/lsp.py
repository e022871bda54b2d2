"""People on photographs with their joints: the Leeds Sports Pose data set and its extension (Johnson and Everingham).

A folder holds `images/` with im0001.jpg ... (LSP, 2,000 people) or im00001.jpg ... (LSP Extended, 10,000), and
`joints.mat`, whose matrix gives x, y and a flag for 14 joints of every image. The flag means two things. In LSP
Extended, 0 says that a joint was not marked, and its numbers mean nothing: it is hidden. In LSP, 1 says that something
covers the joint, whose place is marked all the same: it is learned and counted like any other.

There is no person box. It is made from the joints, which is a hint to whoever predicts them, and a note says so.
"""

import re
from pathlib import Path

import numpy as np

from tinycnn.data.people.matlab import read_matrix
from tinycnn.data.photographs import Photographs, PictureError, PixelCache, decode
from tinycnn.data.pose_samples import PoseDataset, PoseSamples
from tinycnn.data.readers.records import Ledger
from tinycnn.errors import DataError
from tinycnn.poses import JOINTS

MAT_LIMIT = 64 * 2**20  # bytes; the largest of the two has 2 million
NAME = re.compile(r"im(\d{4,5})\.jpe?g", re.IGNORECASE)
FEWEST = 2  # visible joints, from which a person's box can be made


def read_people(path: str | Path, valid_fraction: float = 0.1, seed: int = 0) -> PoseDataset:
    """Read LSP or LSP Extended from its folder, as far as its pictures are there; a `PoseDataset`.

    Tested is with the second half of LSP, as its authors say, and with the last tenth of LSP Extended, which has no
    division of its own; both by the numbers in the files' names. `valid_fraction` of the rest is split off by `seed`.

    DataError says what is wrong with the folder. Pictures that cannot be used are left out, and a note counts them.
    """
    root = Path(path)
    joints, visible, first_test = _read_joints(root / "joints.mat")
    names = {file: NAME.fullmatch(file.name) for file in sorted((root / "images").glob("*"))}
    files = {int(match[1]) - 1: file for file, match in names.items() if match}
    if not files:
        raise DataError(f"{root / 'images'} holds no pictures called im0001.jpg or im00001.jpg, as LSP has them")
    ledger, numbers, pictures = Ledger(), [], []
    for number, file in files.items():
        reason = _problem(number, joints, visible)
        try:
            if not reason:
                picture = decode(file)
                pictures.append((file, picture.upright_size, picture.digest))
        except PictureError as error:
            reason = error.reason
        if reason:
            ledger.leave_out(file.name, reason)
        else:
            numbers.append(number)
    if not numbers:
        raise DataError(f"{root}: no person can be used. {' '.join(ledger.sentences(0))}")
    chosen = np.array(numbers)
    boxes = np.stack([_box_around(joints[n][visible[n]]) for n in chosen])
    # Nothing is kept in memory: a training cuts every person out once, and needs the photographs no more.
    paths, sizes, digests = zip(*pictures, strict=True)
    images = Photographs(paths, sizes, cache=PixelCache(limit=0), digests=digests)
    people = PoseSamples(images, joints[chosen], visible[chosen], boxes, [file.name for file in paths])
    rest, test = people.subset(chosen < first_test), people.subset(chosen >= first_test)
    train, valid = rest.split(valid_fraction, seed)
    notes = [*ledger.sentences(len(people)), "the person boxes are made from the true joints, which helps to find them"]
    return PoseDataset(root.name, train, valid, test, notes)


def _read_joints(path):
    """joints (n, 14, 2), visible (n, 14), and the number from which on is tested."""
    if not path.is_file():
        raise DataError(f"{path} is missing: it holds the joints of all pictures")
    if path.stat().st_size > MAT_LIMIT:
        raise DataError(f"{path} has {path.stat().st_size:,} bytes, more than joints can take")
    try:
        matrix = read_matrix(path, "joints")
    except DataError as error:
        raise DataError(f"{path} is damaged, or holds no matrix `joints` ({error})"[:300]) from error
    if matrix.ndim != 3 or {*matrix.shape[:2]} != {3, len(JOINTS)}:
        raise DataError(f"{path}: `joints` has shape {matrix.shape}, expected (14, 3, n) as in LSP Extended, or "
                        "(3, 14, n) as in LSP")
    extended = matrix.shape[0] == len(JOINTS)
    matrix = (matrix if extended else matrix.swapaxes(0, 1)).transpose(2, 0, 1)  # (n, 14, 3)
    places = matrix[..., :2]
    visible = np.isfinite(places).all(axis=2) & ((matrix[..., 2] > 0) if extended else True)
    return places, visible, round(len(places) * (0.9 if extended else 0.5))


def _problem(number, joints, visible):
    """Why a picture cannot be used, or None."""
    if not 0 <= number < len(joints):
        return "joints.mat has no such number"
    if visible[number].sum() < FEWEST or np.ptp(joints[number][visible[number]], axis=0).max() < 1:
        return "too few joints are marked"
    return None


def _box_around(joints):
    """The tight box around joints (k, 2); at least a pixel wide and high."""
    low, high = joints.min(axis=0), joints.max(axis=0)
    return np.concatenate([low, np.maximum(high, low + 1)])
