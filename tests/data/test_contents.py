"""What samples consist of: digests that find a picture again, and sentences that say what is other than it was."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.data.contents import contents, difference, from_arrays, picture_digests, pictures_of, to_arrays
from tinycnn.data.dataset import Samples
from tinycnn.data.photographs import Photographs
from tinycnn.data.pose_samples import PoseDataset, PoseSamples
from tinycnn.generations import newest
from tinycnn.poses import JOINTS


def samples(n=8, seed=0, **changed):
    rng = np.random.default_rng(seed)
    fields = dict(images=rng.integers(0, 256, (n, 6, 6, 3), dtype=np.uint8), labels=np.arange(n) % 2,
                  boxes=np.tile([1.0, 1.0, 4.0, 5.0], (n, 1)), names=[f"p{i}" for i in range(n)], classes=("a", "b"))
    return Samples(**fields | changed)  # fmt: skip


def people(n=4, hidden=0.0):
    images = np.random.default_rng(1).integers(0, 256, (n, 6, 6, 3), dtype=np.uint8)
    joints, visible = np.full((n, len(JOINTS), 2), 3.0), np.ones((n, len(JOINTS)), bool)
    visible[1, 2] = False
    joints[1, 2] = hidden
    return PoseSamples(images, joints, visible, [[0, 0, 6, 6]] * n, [f"p{i}" for i in range(n)])


def of(**parts):
    return {part: contents(some) for part, some in parts.items()}


def test_they_are_kept_in_an_archive_and_read_back(tmp_path):
    was = of(train=samples(), valid=samples(3, 1), test=samples(0))
    np.savez(tmp_path / "kept.npz", **to_arrays(was))
    with np.load(tmp_path / "kept.npz", allow_pickle=False) as archive:
        read = from_arrays({name: archive[name] for name in archive})
    assert read.keys() == was.keys() and not difference(was, read, ("train", "valid", "test"))
    assert read["train"].names == [f"p{i}" for i in range(8)] and read["train"].classes == ["a", "b"]
    assert from_arrays({}) == {} == from_arrays(pictures_of({"train": samples()}))


def test_a_picture_has_the_same_digest_wherever_it_stands_and_another_one_has_another():
    whole = picture_digests(samples().images)
    assert len(set(whole.tolist())) == 8
    np.testing.assert_array_equal(picture_digests(samples().images[::-1]), whole[::-1])
    np.testing.assert_array_equal(picture_digests(list(samples().images[:, ::1])), whole)
    flat = samples().images.reshape(8, 3, 12, 3)  # the same bytes in another shape
    assert not set(picture_digests(flat).tolist()) & set(whole.tolist())


def test_files_are_digested_by_their_bytes_once(tmp_path, monkeypatch):
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for i, path in enumerate(paths):
        path.write_bytes(bytes([i]) * 100)
    read = Photographs(paths, [(6, 6)] * 3)
    known = Photographs(paths, [(6, 6)] * 3, digests=[hashlib.blake2b(p.read_bytes(), digest_size=16).digest()
                                                      for p in paths])  # fmt: skip
    digests = picture_digests(read)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("the reader has digested it already"))
    np.testing.assert_array_equal(picture_digests(known), digests)
    np.testing.assert_array_equal(picture_digests(known[[2, 0]]), digests[[2, 0]])


def test_a_reader_hands_its_digests_on(tmp_path):
    PIL = pytest.importorskip("PIL.Image")
    rows = ["image,label,xmin,ymin,xmax,ymax"]
    for i, image in enumerate(samples(20).images):
        PIL.fromarray(image).save(tmp_path / f"{i}.png")
        rows.append(f"{i}.png,a,1,1,4,5")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    from tinycnn.data import read

    for part in read(tmp_path).parts.values():
        paths = Photographs(part.images.paths, part.images.sizes)
        assert part.images.digests and len(part) == len(part.images.digests)
        np.testing.assert_array_equal(picture_digests(part.images), picture_digests(paths))


def test_what_a_hidden_joint_holds_is_no_difference():
    assert not difference(of(train=people()), of(train=people(hidden=np.nan)))
    other = people()
    other.joints[2, 0] += 1
    assert difference(of(train=people()), of(train=other)) == "1 pose has changed (p2)"
    other = people()
    other.visible[0, 0] = False
    assert difference(of(train=people()), of(train=other)) == "1 pose has changed (p0)"


def test_a_picture_that_went_to_another_part_is_not_missing():
    whole = samples(10)
    was = of(train=whole.subset(range(8)), test=whole.subset([8, 9]))
    now = of(train=whole.subset([0, 1, 2, 3, 4, 5, 6, 9]), test=whole.subset([7, 8]))
    assert difference(was, now) == "the same pictures stand in another order, or in other parts"
    now = of(train=whole.subset([0, 1, 2, 3, 4, 5, 9]), test=whole.subset([8, 6]))
    assert difference(was, now) == "1 picture is missing (p7)"
    del now["test"]
    assert difference(was, now) == "2 pictures are missing (p6, p7) and 1 picture is new (p9)"


def test_exchanged_labels_are_named_where_they_divide_the_pictures_otherwise():
    whole, labels = samples(10), np.arange(10) % 2
    labels[[3, 4]] = labels[[4, 3]]
    other = samples(10, labels=labels)
    was = of(train=whole.subset(range(8)), valid=whole.subset([8, 9]))
    now = of(train=other.subset([0, 1, 2, 3, 4, 5, 6, 9]), valid=other.subset([7, 8]))
    said = difference(was, now)
    assert said == "2 labels have changed (p3, p4), and the same pictures stand in another order, or in other parts"


def test_copies_with_other_answers_are_no_change_when_they_stand_in_another_order():
    copies = samples(4, images=np.zeros((4, 6, 6, 3), np.uint8))
    was = of(train=copies.subset([0, 1]), valid=samples(2, 1))
    now = of(train=samples(2, 1), valid=copies.subset([1, 0]))
    assert difference(was, now) == "the same pictures stand in another order, or in other parts"


def test_copies_of_one_picture_are_counted():
    whole = samples(4)
    twice = whole.subset([0, 0, 1, 2])
    assert difference(of(train=twice), of(train=whole.subset([0, 1, 2]))) == "1 picture is missing (p0)"
    assert difference(of(train=whole.subset([0, 1, 2])), of(train=twice)) == "1 picture is new (p0)"


def test_several_differences_are_said_together():
    boxes = np.tile([1.0, 1.0, 4.0, 5.0], (8, 1))
    boxes[5, 2] = 5
    other = samples(labels=[1, 1, 0, 1, 0, 1, 0, 1], boxes=boxes)
    assert difference(of(train=samples()), of(train=other)) == "1 label has changed (p0), and 1 box has changed (p5)"


def test_a_training_keeps_what_it_was_given_and_not_what_it_makes_of_it(tmp_path):
    rng = np.random.default_rng(0)

    def part(n):  # far larger than the network's input, so that people are cut out first
        joints = rng.uniform(20, 140, (n, len(JOINTS), 2))
        images = list(rng.integers(0, 256, (n, 160, 160, 3), dtype=np.uint8))
        return PoseSamples(images, joints, np.ones((n, len(JOINTS)), bool), [[10, 10, 150, 150]] * n,
                           [f"p{n}-{i}" for i in range(n)])

    data = PoseDataset("large", part(4), part(3), part(3), [])
    tc.fit(tc.models.pose_plain(16, (4,), 8), data, epochs=1, batch_size=2, out=tmp_path / "run", progress=False)
    kept = newest(tmp_path / "run").samples
    assert kept.keys() == {"train", "valid", "test"}
    assert not difference(kept, of(**data.parts), ("train", "valid", "test"))
