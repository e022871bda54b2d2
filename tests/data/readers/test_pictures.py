"""Which picture a name means, where several have it: the one that is not in a folder of masks or thumbnails."""

import pytest

from tinycnn.data import read
from tinycnn.data.readers.pictures import BY_NAME, SEVERAL, Pictures

HEADER = "image,label,xmin,ymin,xmax,ymax"


@pytest.mark.parametrize("beside", ["masks", "Thumbs", "data/labels", "SegmentationClass", "train_masks", "gt2"])
def test_pictures_are_preferred_to_what_lies_beside_them(picture, tmp_path, beside):
    picture("photos/a.png", f"{beside}/a.png")
    assert Pictures(tmp_path).find("a.png") == (tmp_path / "photos/a.png", BY_NAME)
    assert Pictures(tmp_path).find(f"{beside}/a.png") == (tmp_path / beside / "a.png", None)  # as it is written


def test_two_folders_of_pictures_remain_two(picture, tmp_path):
    picture("one/a.png", "two/a.png", "masks/a.png", "masks/b.png", "thumbs/b.png", "masks/c.png")
    find = Pictures(tmp_path).find
    assert find("a.png") == find("b.png") == (None, SEVERAL)
    assert find("c.png") == (tmp_path / "masks/c.png", BY_NAME)  # there is no other


def test_a_table_and_xml_files_beside_masks(picture, table, tmp_path):
    picture("photos/a.png", "photos/b.png", "masks/a.png", "masks/b.png")
    data = read(table("a.png,cat,20,10,50,40", "b.png,cat,20,10,50,40", header=HEADER), valid_fraction=0)
    assert {path.parent.name for part in data.parts.values() for path in part.images.paths} == {"photos"}
    (tmp_path / "labels.csv").unlink()
    (tmp_path / "xml").mkdir()
    for name in "ab":
        (tmp_path / "xml" / f"{name}.xml").write_text(
            "<annotation><size><width>80</width><height>50</height></size><object><name>cat</name><bndbox><xmin>21</xmin>"
            "<ymin>11</ymin><xmax>50</xmax><ymax>40</ymax></bndbox></object></annotation>")
    data = read(tmp_path, valid_fraction=0)
    assert {path.parent.name for part in data.parts.values() for path in part.images.paths} == {"photos"}


def test_folders_named_training_and_testing_are_parts(picture, tmp_path):
    header = HEADER + "\n"
    for part, names in (("training", "abcd"), ("validation", "ef"), ("testing", "gh")):
        picture(*(f"{part}/{name}.png" for name in names))
        (tmp_path / part / "labels.csv").write_text(header + "".join(f"{n}.png,cat,20,10,50,40\n" for n in names))
    assert [len(part) for part in read(tmp_path).parts.values()] == [4, 2, 2]
