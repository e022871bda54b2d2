"""Leeds Sports Pose: both shapes of its matrix, what its flags mean, the division, and damaged folders."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

import tinycnn as tc
from tinycnn.errors import DataError

REAL = Path(__file__).parents[4] / "shared/data/lsp-extended"


def folder(path, n=10, extended=True, pictures=None, digits=None, **changed):
    """A small data set in the layout of LSP or LSP Extended; joint 3 of person 1 is flagged unlike the others."""
    rng = np.random.default_rng(0)
    places, flags = rng.uniform(5, 45, (n, 14, 2)), np.full((n, 14), 1.0 if extended else 0.0)
    flags[1, 3] = 1 - flags[1, 3]
    matrix = np.concatenate([places, flags[..., None]], axis=2)  # (n, 14, 3)
    (path / "images").mkdir(parents=True)
    for i in range(n) if pictures is None else pictures:
        Image.fromarray(rng.integers(0, 256, (50, 48, 3), dtype=np.uint8)).save(
            path / "images" / f"im{i + 1:0{digits or (5 if extended else 4)}d}.jpg")  # fmt: skip
    matrix = matrix.transpose(1, 2, 0) if extended else matrix.transpose(2, 1, 0)
    savemat(path / "joints.mat", {"joints": matrix} | changed)
    return places


@pytest.mark.parametrize("extended", [True, False])
def test_both_layouts_and_their_flags(tmp_path, extended):
    places = folder(tmp_path, extended=extended)
    data = tc.data.read_people(tmp_path, valid_fraction=0.25)
    assert len(data.test) == (1 if extended else 5) and len(data.train) + len(data.valid) == 10 - len(data.test)
    assert data.test.names[0] == ("im00010.jpg" if extended else "im0006.jpg")
    everybody = [part for part in (data.train, data.valid) if "2.jpg" in " ".join(part.names)]
    part = next(p for p in everybody if any(name.endswith("02.jpg") for name in p.names))
    i = next(i for i, name in enumerate(part.names) if name.endswith("02.jpg"))
    # In LSP Extended an unmarked joint is hidden; in LSP a covered one is marked all the same.
    assert part.visible[i].tolist() == [not extended or j != 3 for j in range(14)]
    np.testing.assert_allclose(part.joints[i], places[1])
    shown = places[1][part.visible[i]]
    np.testing.assert_allclose(part.boxes[i], [*shown.min(axis=0), *shown.max(axis=0)])
    assert part.images[i].shape == (50, 48, 3) and "made from the true joints" in str(data)


def test_pictures_that_are_missing_or_damaged_are_counted(tmp_path):
    folder(tmp_path, pictures=[0, 1, 2, 9, 30])
    (tmp_path / "images/im00002.jpg").write_bytes(b"no picture")
    (tmp_path / "images/notes.txt").write_text("nothing")
    data = tc.data.read_people(tmp_path, valid_fraction=0)
    assert data.train.names == ["im00001.jpg", "im00003.jpg"] and data.test.names == ["im00010.jpg"]
    assert "left out 1 of 5: the picture is no JPEG" in str(data)
    assert "joints.mat has no such number (im00031.jpg)" in str(data)


def test_people_of_whom_hardly_anything_is_marked_are_left_out(tmp_path):
    matrix = np.zeros((14, 3, 2))
    matrix[:, :2] = np.random.default_rng(0).uniform(5, 40, (14, 2, 2))
    matrix[:, 2, 1] = 1
    matrix[0, :2, 1] = np.nan
    folder(tmp_path, n=2, joints=matrix)
    data = tc.data.read_people(tmp_path, valid_fraction=0)
    assert data.train.names == ["im00002.jpg"] and not data.train.visible[0, 0]
    assert "too few joints are marked (im00001.jpg)" in str(data)


@pytest.mark.parametrize("spoil, words", [
    (lambda p: (p / "joints.mat").unlink(), "joints.mat is missing"),
    (lambda p: (p / "joints.mat").write_bytes(b"MATLAB 5.0 MAT-file, cut off"), "damaged, or holds no matrix"),
    (lambda p: savemat(p / "joints.mat", {"other": np.zeros(3)}), "damaged, or holds no matrix"),
    (lambda p: savemat(p / "joints.mat", {"joints": np.zeros((13, 3, 4))}), r"has shape \(13, 3, 4\)"),
    (lambda p: savemat(p / "joints.mat", {"joints": np.array(["a", "b"])}), "damaged, or holds no matrix"),
    (lambda p: [file.unlink() for file in (p / "images").iterdir()], "holds no pictures called"),
    (lambda p: savemat(p / "joints.mat", {"joints": np.zeros((14, 3, 2))}), "no person can be used"),
])  # fmt: skip
def test_a_damaged_folder(tmp_path, spoil, words):
    folder(tmp_path, n=2)
    spoil(tmp_path)
    with pytest.raises(DataError, match=words):
        tc.data.read_people(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not REAL.exists(), reason="the photographs of LSP Extended are not here")
def test_the_real_one():
    data = tc.data.read_people(REAL, valid_fraction=0.0)
    assert (len(data.train), len(data.test)) == (3553, 386) and data.train.visible.all()
    margin = 1.2
    shown = [tc.poses.windows(part.boxes, margin) for part in (data.train, data.test)]
    mean = tc.poses.mean_pose(data.train.joints, shown[0])
    constant = tc.poses.decode_joints(np.broadcast_to(mean, (386, 14, 2)), shown[1])
    assert tc.poses.pcp(constant, data.test.joints)["total"] == pytest.approx(0.014, abs=0.002)
    assert tc.poses.pck(constant, data.test.joints)["total"] == pytest.approx(0.044, abs=0.002)
