"""Pictures of one folder or film stay in one part, and what cannot be divided so is said in one sentence."""

import numpy as np
import pytest

from tinycnn.data import read
from tinycnn.errors import DataError

HEADER = "image,label,xmin,ymin,xmax,ymax"
FILM = r"(film\d+)_frame"


@pytest.fixture
def films(picture, table):
    """films(split): 12 films of 2 to 6 frames, cats and dogs, in three folders, and labels.csv; split: name -> part"""

    def make(split=None):
        names = [f"{'abc'[film % 3]}/film{film}_frame{k:02}.png" for film in range(12) for k in range(2 + film % 5)]
        picture(*names)
        header = HEADER + ("" if split is None else ",split")
        rows = [f"{name},{('cat', 'dog')[int(name[6:].split('_')[0]) // 3 % 2]},20,10,50,40"
                + ("" if split is None else f",{split(name)}") for name in names]
        return table(*rows, header=header)

    return make


def group_of(name):
    return name.rpartition("/")[2].partition("_")[0]


def notes(data):
    return "\n".join(data.notes)


@pytest.mark.parametrize("seed", range(4))
def test_films_stay_together(films, seed):
    folder = films()
    data = read(folder, group_by=FILM, seed=seed)
    where = {part: {group_of(name) for name in samples.names} for part, samples in data.parts.items()}
    assert all(where.values()) and sum(map(len, where.values())) == 12
    assert 7 <= len(data.test) <= 12 and set(data.train.labels) == {0, 1}
    sizes = ", ".join(f"{part} {len(samples)}" for part, samples in data.parts.items())
    assert f"12 groups, each in one part, as near to those shares as that allows: {sizes}" in notes(data)
    again = read(folder, group_by=FILM, seed=seed)
    assert all(again.parts[part].names == samples.names for part, samples in data.parts.items())


def test_without_groups_films_are_torn(films):
    data = read(films())
    assert {group_of(name) for name in data.test.names} & {group_of(name) for name in data.train.names}
    assert "group" not in notes(data)


def test_folders_stay_together(films):
    data = read(films(), group_by="folder", test_fraction=0.3)
    folders = [{path.parent.name for path in part.images.paths} for part in data.parts.values()]
    assert sorted(map(len, folders)) == [1, 1, 1] and set.union(*folders) == {"a", "b", "c"}


def test_pictures_that_do_not_match_are_groups_of_their_own(films):
    data = read(films(), group_by=r"(film\d)_frame")  # not film10 and film11
    assert "does not match, so each is a group of its own: 5 (" in notes(data) and "15 groups" in notes(data)


@pytest.mark.parametrize("group_by, words", [
    (r"(video\d+)_", r"matches no picture: the paths below .* look like a/film0_frame00.png"),
    ("(film)", "everything into one group, which cannot be divided: it finds 'film' in every path"),
    ("(film", "is none: missing \\)"), (r"film\d+", "needs one pair of parentheses .* has none"),
    (r"(fi)(lm)", "needs one pair of parentheses .* has 2"), (3, '"folder" or a regular expression, and 3 is none'),
])  # fmt: skip
def test_patterns_that_divide_nothing(films, group_by, words):
    with pytest.raises(DataError, match=words):
        read(films(), group_by=group_by)


def test_one_folder_cannot_be_divided_by_folder(picture, table):
    picture("one/a.png", "one/b.png")
    folder = table("one/a.png,cat,20,10,50,40", "one/b.png,cat,20,10,50,40", header=HEADER)
    with pytest.raises(DataError, match="all pictures lie in one folder, one"):
        read(folder, group_by="folder")


def test_groups_that_are_the_classes(picture, table):
    names = [f"{label}/{k}.png" for label in ("cat", "dog", "owl") for k in range(4)]
    picture(*names)
    folder = table(*(f"{name},{name.split('/')[0]},20,10,50,40" for name in names), header=HEADER)
    with pytest.raises(DataError, match="none of the 3 groups can be the test part.*Are the groups the classes?"):
        read(folder, group_by="folder")


def test_parts_that_the_set_brings_stay_and_torn_groups_are_said(films):
    data = read(films(lambda name: "test" if name[-6:-4] == "00" else "train"), group_by=FILM)
    assert len(data.test) == 12
    assert "12 of 12 groups lie in several of the parts that the set brings (film0, film1, film10, ...)" in notes(data)
    assert not {group_of(name) for name in data.valid.names} & {group_of(name) for name in data.train.names}


def test_whole_groups_in_the_parts_that_the_set_brings_are_not_remarked(films):
    parts = ("train", "train", "valid", "test")
    data = read(films(lambda name: parts[int(group_of(name)[4:]) % 4]), group_by=FILM)
    assert "groups" not in notes(data) and [len(part) for part in data.parts.values()] == [24, 9, 12]


def test_a_valid_part_that_no_group_can_be(picture, table):
    names = [f"f{film}_{k}.png" for film in range(2) for k in range(3)]
    picture(*names)
    folder = table(*(f"{name},cat,20,10,50,40" for name in names), header=HEADER)
    data = read(folder, group_by="(f.)_")
    assert [len(part) for part in data.parts.values()] == [3, 0, 3]
    assert "no group could be the valid part" in notes(data)
    assert np.array_equal(data.train.labels, [0, 0, 0])
