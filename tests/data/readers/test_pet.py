import zlib

import numpy as np
import pytest
from PIL import Image

from tinycnn.data.photographs import PixelCache
from tinycnn.data.readers import coco, pet, table, voc
from tinycnn.data.readers.assemble import assemble
from tinycnn.data.readers.records import Ledger

HEADER = "#Image CLASS-ID SPECIES BREED ID\n#ID: 1:37 Class ids\n#SPECIES: 1:Cat 2:Dog\n#BREED 1-25:Cat 1:12:Dog\n"
NUMBERS = {"Abyssinian": "1 1 1", "american_bulldog": "2 2 1", "Bengal": "6 1 2", "yorkshire_terrier": "37 2 25"}
ANIMAL, HEAD = (4, 3, 24, 18), (5, 6, 13, 12)  # half-open pixels of 20 x 30


@pytest.fixture
def animal(tmp_path):
    """animal("Bengal_1", xml=True): a picture, bright where the animal is and brighter at its head, and its files."""

    def write(name, xml=False, trimap=True, folder="set", head=HEAD):
        root = tmp_path / folder
        pixels = np.random.default_rng(zlib.crc32(name.encode())).integers(0, 100, (20, 30, 3), dtype=np.uint8)
        values = np.full((20, 30), 2, np.uint8)
        for value, border, (xmin, ymin, xmax, ymax) in ((200, 3, ANIMAL), (255, None, head)):
            pixels[ymin:ymax, xmin:xmax] = value
            if border:
                values[ymin:ymax, xmin:xmax] = border
                values[ymin + 1 : ymax - 1, xmin + 1 : xmax - 1] = 1
        for below in ("images", "annotations/xmls", "annotations/trimaps"):
            (root / below).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / f"images/{name}.jpg", format="PNG")  # so that its pixels stay
        if trimap:
            Image.fromarray(values).save(root / f"annotations/trimaps/{name}.png")
        if xml:
            xmin, ymin, xmax, ymax = head
            (root / f"annotations/xmls/{name}.xml").write_text(
                f"<annotation><folder>OXIIIT</folder><filename>{name}.jpg</filename><source><database>OXFORD-IIIT"
                " Pet Dataset</database></source><size><width>30</width><height>20</height><depth>3</depth></size>"
                "<segmented>0</segmented><object><name>cat</name><pose>Frontal</pose>"
                f"<truncated>0</truncated><bndbox><xmin>{xmin + 1}</xmin><ymin>{ymin + 1}</ymin>"
                f"<xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox>"
                "<difficult>0</difficult></object></annotation>"
            )
        return root

    return write


def lists(root, **names):
    """lists(root, trainval=["Bengal_1"], ...): write the lists; list.txt has a header, and all of them."""
    names = {"list": [name for part in names.values() for name in part]} | names
    for part, listed in names.items():
        lines = "".join(f"{name} {NUMBERS[name.rpartition('_')[0]]}\n" for name in listed)
        (root / f"annotations/{part}.txt").write_text((HEADER if part == "list" else "") + lines)


def load(root, **options):
    files = pet.find(root)
    assert files
    ledger = Ledger()
    options = {"valid_fraction": 0.0, "test_fraction": None, "seed": 0, "max_side": None} | options
    found, classes = pet.records(root, files, ledger)
    return assemble(root.name, root, found, classes, ledger, cache=PixelCache(2**26), **options)


@pytest.fixture
def whole(animal):
    """A small set in the layout of the two archives."""
    for name in ("yorkshire_terrier_10", "Abyssinian_1", "american_bulldog_100", "Bengal_7"):
        root = animal(name, xml=True)
    animal("Bengal_8")
    for name in ("Abyssinian_2", "american_bulldog_3", "yorkshire_terrier_4"):
        animal(name)
    lists(root, trainval=["yorkshire_terrier_10", "Abyssinian_1", "american_bulldog_100", "Bengal_7", "Bengal_8"],
          test=["Abyssinian_2", "american_bulldog_3", "yorkshire_terrier_4"])
    return root


def test_breeds_parts_and_both_kinds_of_boxes(whole, answers):
    (whole / "annotations/trimaps/._Bengal_8.png").write_bytes(b"\0\5\26\7")  # as in the real archive
    data = load(whole, valid_fraction=0, seed=1)
    assert data.classes == ("Abyssinian", "american bulldog", "Bengal", "yorkshire terrier")  # by their numbers
    everything = answers(data)
    train = {name: entry for name, entry in everything.items() if entry[0] != "test"}
    assert train == {
        "Abyssinian_1.jpg": ("train", "Abyssinian", list(HEAD)),
        "Bengal_7.jpg": ("train", "Bengal", list(HEAD)),
        "american_bulldog_100.jpg": ("train", "american bulldog", list(HEAD)),
        "yorkshire_terrier_10.jpg": ("train", "yorkshire terrier", list(HEAD)),
        "Bengal_8.jpg": ("train", "Bengal", list(ANIMAL)),
    }
    assert {name: entry[1:] for name, entry in everything.items() if entry[0] == "test"} == {
        "Abyssinian_2.jpg": ("Abyssinian", list(ANIMAL)),
        "american_bulldog_3.jpg": ("american bulldog", list(ANIMAL)),
        "yorkshire_terrier_4.jpg": ("yorkshire terrier", list(ANIMAL)),
    }
    assert f"{pet.HEAD}: 4 (Bengal_8.jpg, Abyssinian_2.jpg, american_bulldog_3.jpg, ...)" in data.notes
    assert not any("left out" in note for note in data.notes)


def test_boxes_enclose_the_bright_pixels(whole):
    data = load(whole)
    for samples, box, least in ((data.train, HEAD, 255), (data.test, ANIMAL, 200)):
        image = samples.images[[its.tolist() for its in samples.boxes].index(list(box))]
        ys, xs = np.nonzero((image >= least).all(axis=2))
        assert (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) == box


def test_without_trimaps_pictures_without_xml_are_left_out(whole, monkeypatch):
    monkeypatch.setattr(pet, "USE_TRIMAPS", False)
    data = load(whole, test_fraction=0)
    assert len(data.train) == 4
    assert any(note.startswith("left out 4 of 8: there is no box of its head in xmls/") for note in data.notes)


def test_list_alone_brings_no_parts(whole):
    for name in ("trainval", "test"):
        (whole / f"annotations/{name}.txt").unlink()
    data = load(whole, test_fraction=0.25)
    assert len(data.train) + len(data.test) == 8 and any("no parts of its own" in note for note in data.notes)


@pytest.mark.parametrize("folder", ["oxford-iiit-pet/annotations", "annotations/annotations"])
def test_unpacked_one_folder_deeper(whole, tmp_path, folder):
    (tmp_path / "deep" / folder).parent.mkdir(parents=True)
    (whole / "annotations").rename(tmp_path / "deep" / folder)
    images = tmp_path / "deep" / folder.replace("annotations", "images")
    images.parent.mkdir(parents=True, exist_ok=True)
    (whole / "images").rename(images)
    data = load(tmp_path / "deep")
    assert (len(data.train), len(data.test)) == (5, 3) and not any("found by" in note for note in data.notes)


def test_what_is_not_listed_or_missing_is_counted(whole, animal):
    for name in ("Bengal_20", "Bengal_21", "Bengal_22"):
        animal(name)
    (whole / "images/Bengal_21.jpg").unlink()
    (whole / "images/Abyssinian_2.jpg").unlink()
    (whole / "annotations/trimaps/Bengal_8.png").unlink()
    with (whole / "annotations/list.txt").open("a") as file:
        file.write("Bengal_20 6 1 2\n")
    with (whole / "annotations/test.txt").open("a") as file:
        file.write("Bengal_7 6 1 2\nBengal_7 6 1 2\n../../secret_1 1 1 1\nBengal 6 1 2\nBengal_9 x 1 2\n\n")
        file.write("Bengal_21 6 1 2\nBen")
    notes = load(whole).notes
    assert "left out 1 of 15: it is in neither trainval.txt nor test.txt (Bengal_20.jpg)" in notes
    assert "left out 1 of 15: it is in none of the lists (Bengal_22.jpg)" in notes
    assert "left out 2 of 15: the picture is missing (Abyssinian_2.jpg, Bengal_21.jpg)" in notes
    assert "left out 1 of 15: there is no box of its head in xmls/, and no trimap (Bengal_8.jpg)" in notes
    (line,) = [note for note in notes if pet.MALFORMED in note]
    assert line.startswith("left out 4 of ") and "test.txt, line 6" in line
    assert "listed in two parts, kept in test: 1 (Bengal_7)" in notes


def test_a_broken_xml_gives_way_to_the_trimap(whole, answers):
    (whole / "annotations/xmls/Bengal_7.xml").write_text("<annotation><obj")
    path = whole / "annotations/xmls/Abyssinian_1.xml"
    path.write_text(path.read_text().replace("<difficult>0", "<difficult>1"))
    data = load(whole)
    assert answers(data)["Bengal_7.jpg"][2] == answers(data)["Abyssinian_1.jpg"][2] == list(ANIMAL)
    assert f"{pet.NOT_USED} its annotation is not well-formed XML: 1 (Bengal_7.xml)" in data.notes
    assert any("since all its objects are marked difficult: 1 (Abyssinian_1.xml)" in note for note in data.notes)


@pytest.mark.parametrize(("spoil", "reason"), [
    (lambda path: path.write_bytes(path.read_bytes()[:60]), "its trimap is damaged or cut off"),
    (lambda path: path.write_bytes(b""), "its trimap is damaged or cut off"),
    (lambda path: path.write_bytes(b"GIF89a" + bytes(50)), "its trimap is damaged or cut off"),
    (lambda path: Image.new("L", (30, 20), 2).save(path), "its trimap shows background alone"),
    (lambda path: Image.new("L", (30, 20), 128).save(path), "its trimap holds other values than 1, 2 and 3"),
    (lambda path: Image.new("RGB", (30, 20)).save(path), "its trimap holds other values than 1, 2 and 3"),
    (lambda path: Image.new("L", (2, 20), 1).save(path), "its annotation is for a picture of another size"),
    (lambda path: path.write_bytes(bytes(pet.MAX_BYTES + 1)), "its trimap is larger than"),
    (lambda path: Image.new("1", (9000, 8000)).save(path), "its trimap has more than"),
])
def test_broken_trimaps(whole, spoil, reason):
    spoil(whole / "annotations/trimaps/Abyssinian_2.png")
    data = load(whole)
    assert len(data.test) == 2 and any(note.startswith(f"left out 1 of 8: {reason}") for note in data.notes)


def test_a_trimap_in_a_palette(whole, answers):
    path = whole / "annotations/trimaps/Abyssinian_2.png"
    with Image.open(path) as image:
        image.load()
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.save(path)
    with Image.open(path) as image:
        assert image.mode == "P"
    assert answers(load(whole))["Abyssinian_2.jpg"][2] == list(ANIMAL)


def test_only_this_format_is_claimed(whole, tmp_path, photo):
    assert coco.find(whole) == [] and table.find(whole) == []
    assert [file.name for file in pet.find(whole)] == ["trainval.txt", "test.txt", "list.txt"]
    assert pet.find(whole / "annotations/list.txt") == [] and pet.find(whole / "images") == []
    other = tmp_path / "voc"
    (other / "annotations/xmls").mkdir(parents=True)
    (other / "annotations/xmls/a.xml").write_text("<annotation/>")
    assert pet.find(other) == [] and voc.find(other)
    for text in ("", "a\nb\n", "#only\n", "a_1 1\n", "\0\xff", "images/a_1.jpg 1 1 1\n"):
        (other / "annotations/trainval.txt").write_text(text)
        assert pet.find(other) == []
