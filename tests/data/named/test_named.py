"""Named sets from the server to `load`, and what is said where one is not there."""

import numpy as np
import pytest

import tinycnn as tc
from tests.data.named.layouts import LAYOUTS
from tests.data.named.server import QUICK
from tinycnn.data.named import CATALOG, describe, set_in
from tinycnn.data.named.cache import cache_folder, state
from tinycnn.data.named.fetch import fetch
from tinycnn.errors import DataError


def quietly(named):
    said = []
    folder = fetch(named, said.append, progress=False, patience=QUICK)
    return folder, said


def test_pets_are_heads_alone(tiny, cache):
    folder, said = quietly(tiny("pets"))
    assert folder == cache / "pets" and said[-1] == f"Oxford-IIIT Pet is in {folder}"
    data = tc.data.load("pets", valid_fraction=0.25, seed=1)
    assert data.name == "pets" and data.classes == ("Abyssinian", "american bulldog", "Bengal")
    assert [len(part) for part in data.parts.values()] == [8, 2, 2]
    for part in data.parts.values():
        assert (part.boxes == [10, 5, 30, 20]).all()
    assert len(data.test) and not any("whole animal" in note for note in data.notes)
    assert not (folder / "annotations/trimaps").exists() and not (folder / "annotations/test.txt").exists()


def test_voc_2007_has_its_own_parts(tiny):
    quietly(tiny("voc2007"))
    data = tc.data.load("voc2007", valid_fraction=0.25)
    assert data.name == "voc2007" and set(data.classes) == {"cat", "dog"}
    assert sorted(data.test.names) == ["000003.jpg", "000006.jpg", "000009.jpg", "000012.jpg"]
    assert len(data.train) + len(data.valid) == 8 and (data.test.boxes == [4, 4, 40, 30]).all()


def test_tiny_imagenet(tiny):
    quietly(tiny("tiny-imagenet"))
    data = tc.data.load("tiny-imagenet", valid_fraction=0.25)
    assert data.classes == ("goldfish", "lemon") and len(data.train) + len(data.valid) == 12
    assert data.test.names == ["val_0.JPEG", "val_1.JPEG"] and (data.test.boxes == [0, 0, 63, 62]).all()


def test_birds(tiny):
    quietly(tiny("birds"))
    data = tc.data.load("birds", valid_fraction=0.0)
    assert data.name == "birds" and data.classes == ("Black footed Albatross", "Laysan Albatross")
    assert (len(data.train), len(data.test)) == (6, 2) and (data.train.boxes == [6, 2, 38, 32]).all()


def test_people(tiny):
    folder, said = quietly(tiny("lsp-extended"))
    data = tc.data.load("lsp-extended", valid_fraction=0.0)
    assert isinstance(data, tc.data.PoseDataset) and (len(data.train), len(data.test)) == (18, 2)
    assert any("is remembered" in sentence and "sha256:" in sentence for sentence in said)


def test_the_layouts_are_those_of_the_catalog():
    assert LAYOUTS.keys() == CATALOG.keys()
    for name, make in LAYOUTS.items():
        assert list(make()) == [archive.name for archive in CATALOG[name].archives]


def test_the_catalog_says_everything():
    for name, named in CATALOG.items():
        assert named.name == name and named.task in ("localize", "pose")
        for archive in named.archives:
            assert archive.addresses and all(a.startswith(("https://", "http://")) for a in archive.addresses)
            assert all(a.endswith(f"/{archive.name}") for a in archive.addresses) and archive.expected > 10**7
            method, _, digits = (archive.checksum or "sha256:" + "0" * 64).partition(":")
            assert len(digits) == {"sha256": 64, "md5": 32}[method] and int(digits, 16) >= 0
        text = describe(named)
        for part in (named.citation, named.terms, named.page, named.checksums, *named.archives[0].addresses):
            assert part in text


def test_nothing_is_fetched_by_loading(cache, server):
    with pytest.raises(DataError, match=r"Pascal VOC 2007 is not in .*my cache. Fetch it, 911 MB: tinycnn data fetch"):
        tc.data.load("voc2007")
    with pytest.raises(DataError, match="no data set named 'Pet'; do you mean pets.* Known are pets, voc2007"):
        tc.data.load("Pet")
    assert not cache.exists() and not server.asked


def test_a_second_time_asks_nobody(tiny, server):
    named = tiny("pets")
    folder, _ = quietly(named)
    asked = len(server.asked)
    assert quietly(named) == (folder, []) and len(server.asked) == asked
    assert state(named) == "there" and set_in(folder) == named and set_in("pets") is None


def test_nothing_is_left_beside_the_set(tiny, cache):
    quietly(tiny("voc2007"))
    left = sorted(path.relative_to(cache).as_posix() for path in cache.rglob("*") if "VOCdevkit" not in str(path))
    assert left == ["downloads", "downloads/voc2007", "downloads/voc2007.lock", "voc2007"]
    assert (cache / "voc2007").stat().st_mode & 0o777 == (cache / "downloads").stat().st_mode & 0o777


def test_a_set_of_which_something_was_deleted(tiny, cache):
    named = tiny("pets")
    quietly(named)
    (cache / "pets/annotations/list.txt").unlink()
    assert state(named) == "not whole: annotations/list.txt is missing"
    with pytest.raises(DataError, match="is not whole: annotations/list.txt is missing. Move it away"):
        tc.data.load("pets")
    with pytest.raises(DataError, match="list.txt is missing in it: move it away or delete it"):
        quietly(named)
    assert (cache / "pets/images").is_dir()


def test_a_file_is_no_cache(monkeypatch, tmp_path):
    (tmp_path / "notes.txt").write_text("a year's work")
    monkeypatch.setenv("TINYCNN_DATA", str(tmp_path / "notes.txt"))
    with pytest.raises(DataError, match="notes.txt, which is a file: give a folder"):
        cache_folder()


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.delenv("TINYCNN_DATA", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == tmp_path / ".cache/tinycnn"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache_folder() == tmp_path / "x/tinycnn"
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache_folder() == tmp_path / "Library/Caches/tinycnn"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))
    assert cache_folder() == tmp_path / "Local/tinycnn"
    monkeypatch.setenv("TINYCNN_DATA", "~/sets")
    assert cache_folder() == tmp_path / "sets"
    monkeypatch.setenv("TINYCNN_DATA", "~nosuchuser/sets")
    with pytest.raises(DataError, match="TINYCNN_DATA=FOLDER"):
        cache_folder()


def test_boxes_are_of_the_pictures(tiny):
    """What is read are the pictures that were packed."""
    quietly(tiny("tiny-imagenet"))
    data = tc.data.load("tiny-imagenet", valid_fraction=0.0)
    assert data.train.images[0].shape == (64, 64, 3) and np.ptp(data.train.images[0]) > 100
