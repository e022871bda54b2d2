import contextlib
import math

import numpy as np
import pytest

import tinycnn.data
from tinycnn.data.readers import coco, cvat, table, voc
from tinycnn.data.readers.records import Ledger
from tinycnn.errors import DataError

BOX = """<box label="cat" source="manual" occluded="0" xtl="20.00" ytl="10.00" xbr="50.00" ybr="40.00" z_order="0">
    </box>"""
SMALL = """<box label="dog" source="manual" occluded="1" xtl="0.25" ytl="0.50" xbr="9.75" ybr="9.50" z_order="1">
    </box>"""
META = """  <meta>
    <task>
      <name>pets</name>
      <mode>annotation</mode>
      <subset>{subset}</subset>
      <labels>
        <label>
          <name>dog</name>
          <attributes><attribute><name>age</name></attribute></attributes>
        </label>
        <label> <name>cat</name> </label>
        <label> <name>owl</name> </label>
      </labels>
    </task>
    <dumped>2024-05-02 10:11:12.131415+00:00</dumped>
  </meta>
"""


def read(root, test_fraction=0.0):
    """The Dataset of a folder or file of this format, no part of it split off."""
    return tinycnn.data.read(root, "cvat", valid_fraction=0.0, test_fraction=test_fraction, max_side=None)


@pytest.fixture
def export(tmp_path):
    """export({"a.png": (shape, ...)}): annotations.xml as CVAT writes it; (name, subset) as a key is for projects."""

    def write(pictures, name="annotations.xml", subset=""):
        text = '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
        text += META.format(subset=subset)
        for number, (key, shapes) in enumerate(pictures.items()):
            its_name, its_subset = key if isinstance(key, tuple) else (key, None)
            project = f' subset="{its_subset}" task_id="4"' if its_subset else ""
            text += f'  <image id="{number}" name="{its_name}"{project} width="80" height="50">\n'
            text += "".join(f"    {shape}\n" for shape in shapes) + "  </image>\n"
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "</annotations>\n", encoding="utf-8")
        return path

    return write


def test_a_task_with_several_objects(tmp_path, picture, export, answers):
    picture("images/a.png", "images/sub/b.png")
    age = SMALL.replace("\n", '\n      <attribute name="age">3</attribute>\n')
    export({"a.png": (age, BOX), "sub/b.png": (SMALL,)})
    data = read(tmp_path)
    assert answers(data) == {
        "a.png": ("train", "cat", [20, 10, 50, 40]), "b.png": ("train", "dog", [0.25, 0.5, 9.75, 9.5]),
    }
    assert data.classes == ("dog", "cat")  # in the order of the labels in CVAT, without those that no picture shows
    assert not any("left out" in note or "found by" in note for note in data.notes)


def test_the_box_covers_the_object_exactly(tmp_path, picture, export):
    picture("images/a.png")
    data = read(export({"a.png": (SMALL, BOX)}))
    xmin, ymin, xmax, ymax = data.train.boxes[0].astype(int)
    bright = (data.train.images[0] == 255).all(-1)
    assert bright[ymin:ymax, xmin:xmax].all() and bright.sum() == (ymax - ymin) * (xmax - xmin)


def test_subsets_of_a_project_are_parts(tmp_path, picture, export, answers):
    names = [("a.png", "Train"), ("a.png", "Validation"), ("b.png", "Test"), ("c.png", "Val")]
    picture(*(f"images/{subset}/{name}" for name, subset in names))
    export({key: (BOX,) for key in names})
    assert {name: part for name, (part, *_) in answers(read(tmp_path, None)).items()} == {
        "images/Train/a.png": "train", "images/Validation/a.png": "valid", "b.png": "test", "c.png": "valid",
    }


def test_tasks_side_by_side_name_their_subset_once(tmp_path, picture, export, answers):
    for task, subset in (("one", "Train"), ("two", "Test")):
        picture(f"{task}/images/a.png", f"{task}/b.png")
        export({"a.png": (BOX,), "b.png": (SMALL,)}, f"{task}/annotations.xml", subset)
    assert {name: part for name, (part, *_) in answers(read(tmp_path, None)).items()} == {
        "one/images/a.png": "train", "one/b.png": "train", "two/images/a.png": "test", "two/b.png": "test",
    }


def test_default_and_foreign_subsets_are_no_parts(tmp_path, picture, export):
    picture("images/default/a.png", "images/mine/b.png")
    export({("a.png", "default"): (BOX,), ("b.png", "mine"): (BOX,)})
    ledger = Ledger()
    records, _ = cvat.records(tmp_path, cvat.find(tmp_path), ledger)
    assert [record.part for record in records] == [None, None] and not ledger.left_out
    assert ledger.remarks == {"its subset 'mine' is not Train, Validation or Test, so it has no part": ["b.png"]}


def test_a_folder_or_file_named_for_its_part(tmp_path, picture, export, answers):
    picture("train/a.png", "b.png")
    export({"a.png": (BOX,)}, "train/annotations.xml")
    export({"b.png": (BOX,)}, "val.xml")
    parts = {name: part for name, (part, *_) in answers(read(tmp_path, None)).items()}
    assert parts == {"a.png": "train", "b.png": "test"}  # the only part beside train


@pytest.mark.parametrize(
    ("shape", "box", "remark"),
    [
        ('<polygon label="cat" source="manual" occluded="0" points="20.00,25.5;35.25,10.0;50.00,40.00" z_order="0">',
         (20, 10, 50, 40), None),
        ('<ellipse label="cat" occluded="0" cx="35.00" cy="25.00" rx="15.00" ry="10.00" z_order="0">',
         (20, 15, 50, 35), None),
        ('<ellipse label="cat" cx="35.0" cy="25.0" rx="15.0" ry="10.0" rotation="90.00">', (25, 10, 45, 40), True),
        ('<ellipse label="cat" cx="35.0" cy="25.0" rx="15.0" ry="15.0" rotation="33.00">', (20, 10, 50, 40), True),
        ('<box label="cat" occluded="0" xtl="20.00" ytl="10.00" xbr="50.00" ybr="30.00" rotation="90.00">',
         (25, 5, 45, 35), True),
        ('<box label="cat" xtl="25" ytl="15" xbr="45" ybr="35" rotation="45.00" z_order="0">',
         (35 - 10 * math.sqrt(2), 25 - 10 * math.sqrt(2), 35 + 10 * math.sqrt(2), 25 + 10 * math.sqrt(2)), True),
        ('<box label="cat" xtl="20" ytl="10" xbr="50" ybr="40" rotation="0.0">', (20, 10, 50, 40), None),
    ],
)
def test_other_shapes_become_boxes(tmp_path, picture, export, shape, box, remark):
    picture("images/a.png")
    export({"a.png": (shape + f"</{shape[1:].split()[0]}>",)})
    data = read(tmp_path)
    np.testing.assert_allclose(data.train.boxes[0], box, atol=1e-4)
    assert any(note.startswith(f"{cvat.TURNED}: 1 (a.png)") for note in data.notes) == bool(remark)


def test_a_turned_box_lies_where_its_turned_corners_do(tmp_path, picture, export):
    picture("images/a.png")
    corners, middle, turn = np.array([(20, 15), (50, 15), (50, 30), (20, 30)]), (35, 22.5), math.radians(30)
    turned = (corners - middle) @ [[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]] + middle
    export({"a.png": ('<box label="cat" xtl="20" ytl="15" xbr="50" ybr="30" rotation="30.00"/>',)})
    np.testing.assert_allclose(read(tmp_path).train.boxes[0], [*turned.min(0), *turned.max(0)], atol=1e-4)


def test_shapes_without_a_box_are_remarked(tmp_path, picture, export, answers):
    picture("images/a.png", "images/b.png", "images/c.png")
    skeleton = '<skeleton label="cat" source="manual" z_order="0"><points label="1" points="3,4"></points></skeleton>'
    export({
        "a.png": (BOX, '<polyline label="cat" points="0.00,0.00;70.00,9.00"/>', '<points label="cat" points="1,2"/>'),
        "b.png": ('<mask label="cat" rle="3, 4" left="1" top="2" width="3" height="2"/>', skeleton),
        "c.png": ('<tag label="dog" source="manual"></tag>', SMALL, "<cuboid/>", "<unheard/>"),
    })
    data = read(tmp_path)
    assert {name: answer[1] for name, answer in answers(data).items()} == {"a.png": "cat", "c.png": "dog"}
    assert set(data.notes[:-1]) == {
        "left out 1 of 3: no box, polygon or ellipse is marked in it (b.png)",
        *(f"{what} {cvat.ONLY}: 1 (a.png)" for what in ("a polyline", "points")),
        *(f"{what} {cvat.ONLY}: 1 (b.png)" for what in ("a mask", "a skeleton")),
        *(f"{what} {cvat.ONLY}: 1 (c.png)" for what in ("a cuboid", "a shape of an unknown kind")),
        f"a tag (a class of the whole picture) {cvat.ONLY}: 1 (c.png)",
    }


def test_what_cannot_be_used_is_left_out(tmp_path, picture, export, answers):
    picture("set/images/ok.png", "out.png", *(f"set/images/{i}.png" for i in range(9)))
    export({
        "ok.png": (BOX,),
        "gone.png": (BOX,),
        "../out.png": (BOX,),
        "": (BOX,),
        "0.png": (),
        "1.png": ('<box label="cat" xtl="1" ytl="2" xbr="x" ybr="4"/>',),
        "2.png": ('<box label="cat"/>',),
        "3.png": ('<polygon label="cat" points="1,2;3"/>',),
        "4.png": ('<polygon label="cat" points="1,2;nan,7;5,9"/>',),
        "5.png": ('<box label="cat" xtl="9" ytl="2" xbr="9" ybr="4" rotation="45"/>',),
        "6.png": ('<box xtl="1" ytl="2" xbr="3" ybr="4"/>',),
        "7.png": ('<box label="cat" xtl="1" ytl="2" xbr="9" ybr="4" rotation="inf"/>', "<ellipse/>", "<polygon/>"),
        "8.png": ('<ellipse label="cat" cx="9" cy="9" rx="-3" ry="3" rotation="5"/>',),
    }, "set/annotations.xml")
    data = read(tmp_path / "set")
    assert answers(data) == {"ok.png": ("train", "cat", [20, 10, 50, 40])}
    assert {note for note in data.notes if note.startswith("left out")} == {
        "left out 2 of 13: the picture is missing (gone.png, ../out.png)",
        "left out 1 of 13: its annotation names no picture (image 3)",
        "left out 1 of 13: no object is marked in it (0.png)",
        "left out 5 of 13: its box is not four numbers (1.png, 2.png, 3.png, ...)",
        "left out 2 of 13: box has no area (5.png, 8.png)",
        "left out 1 of 13: its class has no name (6.png)",
    }


@pytest.mark.parametrize("size", ["", 'width="80"', 'width="x" height="50"', 'width="-1" height="50"',
                                  f'width="{"9" * 5000}" height="50"'])
def test_a_size_that_is_none_is_not_compared(tmp_path, picture, export, size):
    picture("images/a.png")
    path = export({"a.png": (BOX,)})
    path.write_text(path.read_text().replace('width="80" height="50"', size))
    assert read(tmp_path).train.boxes.tolist() == [[20, 10, 50, 40]]


def test_the_video_format_is_refused(tmp_path):
    (tmp_path / "annotations.xml").write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
        + META.format(subset="").replace("annotation<", "interpolation<")
        + '  <track id="0" label="cat" source="manual">\n    <box frame="0" keyframe="1" outside="0" occluded="0" '
        'xtl="1.00" ytl="2.00" xbr="3.00" ybr="4.00" z_order="0">\n    </box>\n  </track>\n</annotations>\n'
    )
    with pytest.raises(DataError, match='annotations.xml: it holds the tracks of a video.*"CVAT for images 1.1"'):
        read(tmp_path)


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9, 0.99])
def test_a_file_that_is_cut_off_is_refused(tmp_path, picture, export, cut):
    picture("images/a.png")
    path = export({"a.png": (BOX, SMALL)})
    path.write_text(path.read_text()[: int(cut * path.stat().st_size)])
    with pytest.raises(DataError, match=r"annotations.xml, line \d+: expected XML that ends with </annotations>"):
        read(tmp_path)


def test_every_damage_is_a_data_error(tmp_path, picture, export):
    picture("images/a.png")
    path = export({"a.png": (BOX, SMALL)})
    data, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(data)
        for at in rng.integers(60, len(data), rng.integers(1, 4)):
            damaged[at] = rng.integers(256)
        path.write_bytes(damaged)
        with contextlib.suppress(DataError):
            read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotations>" + "<a>" * 100_000, "more than 32 elements lie within each other"),
        ('<!DOCTYPE annotations [<!ENTITY a "aaaa">]><annotations>&a;</annotations>', "DOCTYPE, which is refused"),
        ("<annotation/>", "outermost element is <annotation>, not <annotations>"),
        ('<?xml version="1.0" encoding="nonsense"?><annotations/>', "not text in the encoding|damaged"),
    ],
)
def test_hostile_and_foreign_files_are_refused(tmp_path, text, message):
    (tmp_path / "annotations.xml").write_text(text)
    with pytest.raises(DataError, match=message):
        cvat.records(tmp_path, [tmp_path / "annotations.xml"], Ledger())


def test_large_files_are_read_in_pieces_up_to_a_limit(tmp_path, picture, export, monkeypatch):
    picture("images/a.png", "images/b.png")
    export({"a.png": (BOX,), "b.png": (SMALL,)})
    monkeypatch.setattr(cvat, "PIECE", 7)
    assert read(tmp_path).train.boxes.tolist() == [[20, 10, 50, 40], [0.25, 0.5, 9.75, 9.5]]
    monkeypatch.setattr(cvat, "MAX_BYTES", 10)
    with pytest.raises(DataError, match="more than 10 is not read, to protect memory"):
        read(tmp_path)


def test_folders_of_other_formats_are_not_claimed(tmp_path, picture, export):
    for name, text in (
        ("voc/a.xml", "<?xml version='1.0'?>\n<annotation><filename>a.png</filename></annotation>"),
        ("voc/b.xml", "no XML"),
        ("coco/annotations.json", '{"images": [], "annotations": [], "categories": []}'),
        ("csv/labels.csv", "image,label,xmin,ymin,xmax,ymax\na.png,cat,1,2,3,4\n"),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        assert cvat.find(path) == [] and cvat.find(path.parent) == []
    path = export({"a.png": (BOX,)}, "ours/annotations.xml")
    assert cvat.find(path) == cvat.find(path.parent) == [path]
    assert not any(reader.find(path.parent) for reader in (voc, coco, table))
    path.write_text("\ufeff<?xml version='1.0'?>\n<!-- exported -->\n<annotations>")
    assert cvat.find(path.parent) == [path]
