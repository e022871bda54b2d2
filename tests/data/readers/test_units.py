"""What the numbers of boxes mean is decided by the whole set, and boxes that cannot be meant so are refused."""

import numpy as np
import pytest
from PIL import Image

from tinycnn.data import read
from tinycnn.data.readers import units
from tinycnn.errors import DataError

EVERYTHING = {"valid_fraction": 0, "test_fraction": 0}
HEADER = "image,label,xmin,ymin,xmax,ymax"


@pytest.fixture
def blank(tmp_path):
    """blank({"a.png": (height, width), ...}): pictures unlike each other, cheap however large."""

    def save(sizes):
        for k, (name, (height, width)) in enumerate(sizes.items()):
            Image.new("RGB", (width, height), (k, 0, 0)).save(tmp_path / name)

    return save


@pytest.fixture
def voc(tmp_path):
    """voc([box, ...]): pictures of 100 rows and 200 columns with one box each, as VOC writes it; gives their folder."""

    def write(boxes):
        for k, box in enumerate(boxes):
            Image.new("RGB", (200, 100), (k, 0, 0)).save(tmp_path / f"{k}.png")
            numbers = "".join(f"<{n}>{v}</{n}>" for n, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
            (tmp_path / f"{k}.xml").write_text(
                f"<annotation><filename>{k}.png</filename><size><width>200</width><height>100</height></size>"
                f"<object><name>cat</name><bndbox>{numbers}</bndbox></object></annotation>")
        return tmp_path

    return write


def boxes(data):
    return data.train.boxes.tolist()


@pytest.mark.parametrize("smallest", [90, 400])
def test_percentages_are_refused_although_a_few_pictures_are_small(table, blank, smallest):
    names = [f"{k}.png" for k in range(12)]
    blank({name: (smallest, smallest) if k == 0 else (400, 640) for k, name in enumerate(names)})
    folder = table(*(f"{name},cat,20,20,80,{80 + k / 10}" for k, name in enumerate(names)), header=HEADER)
    with pytest.raises(DataError, match="look like percentages") as caught:
        read(folder, **EVERYTHING)
    assert 'units="percent"' in str(caught.value) and "--units" in str(caught.value)
    assert boxes(read(folder, units="percent", **EVERYTHING))[1] == pytest.approx([128, 80, 512, 320.4], abs=1e-3)
    assert boxes(read(folder, units="pixels", **EVERYTHING))[1] == pytest.approx([20, 20, 80, 80.1], abs=1e-3)


def test_small_boxes_in_small_pictures_are_pixels(table, blank):
    names = [f"{k}.png" for k in range(12)]
    blank({name: (units.LARGE, units.LARGE) for name in names})
    assert len(read(table(*(f"{name},cat,20,20,80,80" for name in names), header=HEADER), **EVERYTHING).train) == 12


def test_voc_counts_pixels_from_1_the_last_one_included(voc):
    data = read(voc([(1, 1, 10, 20), (5, 5, 200, 100)]), **EVERYTHING)
    assert boxes(data) == [[0, 0, 10, 20], [4, 4, 200, 100]] and not any("count from 0" in note for note in data.notes)


@pytest.mark.parametrize("written", [[(0, 4, 10, 20), (5, 5, 200, 100)], [(0.5, 4.5, 10, 20), (5.5, 5.5, 200, 100)]])
def test_voc_that_counts_from_0_shows_it(voc, written):
    data = read(voc(written), **EVERYTHING)
    assert boxes(data) == [list(box) for box in written]
    assert any("boxes count from 0 here" in note for note in data.notes)


@pytest.mark.parametrize("slip", [(0, 5, 50, 60), (45.7, 5, 50, 60)])
def test_a_slip_among_many_does_not_change_what_voc_counts(voc, slip):
    data = read(voc([slip, (1, 1, 10, 20), (1, 5, 20, 20), (5, 5, 200, 100)]), **EVERYTHING)
    assert boxes(data)[1:] == [[0, 0, 10, 20], [0, 4, 20, 20], [4, 4, 200, 100]]
    assert boxes(data)[0] == pytest.approx([max(slip[0] - 1, 0), 4, 50, 60], abs=1e-4)


@pytest.mark.parametrize("whole, chosen", [(1, None), (1, "shares"), (100, "percent")])
def test_voc_with_parts_of_the_picture_is_not_counted_from_1(voc, whole, chosen):
    data = read(voc(np.array([(0.25, 0.5, 0.75, 1.0), (0.0, 0.1, 0.5, 0.6)]) * whole), units=chosen, **EVERYTHING)
    assert boxes(data) == [[50, 50, 150, 100], pytest.approx([0, 10, 100, 60], abs=1e-4)]
    assert any(f"boxes are {'shares' if whole == 1 else 'percent'} of the picture: 2" in note for note in data.notes)


def test_corners_read_as_width_and_height_are_refused_unless_meant(table, blank):
    names = [f"{k}.png" for k in range(8)]
    blank(dict.fromkeys(names, (100, 200)))
    lines = [f"{name},cat,[{100 + k} 40 180 90]" for k, name in enumerate(names)]  # corners under COCO's word
    folder = table(*lines, header="image,label,bbox")
    with pytest.raises(DataError, match=r"8 of 8 boxes .* reach far out of their pictures"):
        read(folder, **EVERYTHING)
    assert boxes(read(folder, units="pixels", **EVERYTHING))[0] == [100, 40, 200, 100]


def test_some_boxes_beyond_the_border_are_cut_and_not_refused(table, blank):
    names = [f"{k}.png" for k in range(20)]
    blank(dict.fromkeys(names, (100, 200)))
    folder = table(*(f"{n},cat,20,20,{260 if k < 4 else 201},80" for k, n in enumerate(names)), header=HEADER)
    assert [box[2] for box in boxes(read(folder, **EVERYTHING))] == [200] * 20
