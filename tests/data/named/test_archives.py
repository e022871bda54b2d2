"""Archives: without a known checksum, placed by hand, meaning harm, or on a disk that is full."""

import dataclasses
import errno
import shutil
from pathlib import Path

import pytest

from tests.data.named.layouts import LAYOUTS, packed
from tests.data.named.server import FILE, LSP, cut_after, part
from tinycnn.errors import DataError


def test_without_a_checksum_the_server_is_asked_whether_it_is_still_the_same_file(tiny, server, quietly):
    named = tiny("lsp-extended")
    server.plan[LSP] = [cut_after(1000)]
    assert quietly(named).is_dir() and server.asked[1] == (LSP, "bytes=1000-")
    assert not any("from the beginning" in sentence for sentence in quietly.said)


def test_a_file_that_was_replaced_meanwhile_is_begun_anew(tiny, server, quietly):
    named = tiny("lsp-extended")

    def replaced(handler, content):
        cut_after(1000)(handler, content)
        handler.server.files[LSP] = LAYOUTS["lsp-extended"](n=30)[LSP]

    server.plan[LSP] = [replaced]
    assert quietly(named).is_dir() and len(list((quietly(named) / "images").iterdir())) == 30


def test_without_a_name_for_its_state_nothing_is_put_together(tiny, server, quietly):
    def nameless(handler, content):
        handler.begin(200, len(content))
        handler.wfile.write(content[:1000])
        handler.close_connection = True

    server.plan[LSP] = [nameless]
    assert quietly(tiny("lsp-extended")).is_dir() and server.asked == [(LSP, None), (LSP, None)]


def test_the_first_checksum_is_remembered(tiny, server, cache, quietly):
    named = tiny("lsp-extended")
    shutil.rmtree(quietly(named))
    assert quietly(named).is_dir()  # the same again
    assert not any("is remembered" in sentence for sentence in quietly.said)
    shutil.rmtree(cache / "lsp-extended")
    server.files[LSP] = LAYOUTS["lsp-extended"](n=30)[LSP]
    with pytest.raises(DataError, match=r"its checksum is sha256:.* from http://127.*delete .*pins.json"):
        quietly(named)
    (cache / "downloads/lsp-extended/pins.json").write_text("{")
    with pytest.raises(DataError, match="pins.json, which holds the checksums.* is damaged"):
        quietly(named)


def test_what_is_no_archive_is_neither_kept_nor_remembered(tiny, server, cache, quietly):
    named = tiny("lsp-extended")
    whole = server.files[LSP]
    for content in (b"no archive at all", whole[:-200], packed("zip", {"images/x.jpg": b""})):
        server.files[LSP] = content
        with pytest.raises(DataError, match="cannot be unpacked|is cut off|do not hold joints.mat"):
            quietly(named)
        assert not (cache / "lsp-extended").exists() and not list(cache.glob(".lsp*"))
        assert not (cache / "downloads/lsp-extended/pins.json").exists()
    server.files[LSP] = whole
    assert quietly(named).is_dir()


def test_a_set_that_an_archive_wraps_in_a_folder(tiny, server, cache, quietly):
    server.files[LSP] = b""
    named = tiny("lsp-extended")
    server.files[LSP] = packed("zip", {"lspet_dataset/images/im00001.jpg": b"x", "lspet_dataset/joints.mat": b"x"})
    quietly(named)
    assert sorted(path.name for path in (cache / "lsp-extended").iterdir()) == ["images", "joints.mat"]


# --- placed by hand ---


def by_hand(cache, name, file, content):
    folder = cache / "downloads" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes(content)
    return folder / file


def test_a_file_placed_by_hand_is_taken_and_stays(tiny, server, cache, quietly):
    named = tiny("pets")
    file = by_hand(cache, "pets", "images.tar.gz", server.files["images.tar.gz"])
    server.files["images.tar.gz"] = None
    assert quietly(named).is_dir() and [name for name, _ in server.asked] == ["annotations.tar.gz"]
    assert file.exists() and f"{file} was placed by hand, and is taken" in quietly.said
    assert f"not needed any more: {file}" in quietly.said


def test_a_wrong_file_placed_by_hand_is_said_and_stays(tiny, server, cache, quietly):
    named = tiny("pets")
    whole = server.files["images.tar.gz"]
    for content, words in ((whole[:-1], f"it has {len(whole) - 1:,} bytes instead of {len(whole):,}"),
                           (bytes(len(whole)), "its checksum is sha256:")):
        file = by_hand(cache, "pets", "images.tar.gz", content)
        with pytest.raises(DataError, match=f"placed by hand, is not the file that is expected: {words}"):
            quietly(named)
        assert file.read_bytes() == content
    assert not server.asked


# --- archives that mean harm, and disks that are full ---


def test_hostile_archives(tiny, server, cache, quietly, tmp_path):
    for content in (packed("zip", {"../../out.txt": b"x"}), packed("tar.gz", {"/out.txt": b"x"}),
                    packed("tar.gz", {"images/zeros.jpg": bytes(50 * 2**20)})):
        named = tiny("lsp-extended")
        server.files[LSP] = content
        named = dataclasses.replace(named, archives=(dataclasses.replace(named.archives[0], about=len(content)),))
        with pytest.raises(DataError, match="would lead out of its folder|that is not unpacked"):
            quietly(named)
        assert not list(tmp_path.rglob("out.txt")) and not list(cache.glob(".lsp*"))


@pytest.mark.parametrize("when", ["fetching", "unpacking"])
def test_a_full_disk(tiny, server, cache, quietly, monkeypatch, when):
    named, real = tiny("tiny-imagenet"), open

    class Full:
        """A file on a disk with room for 2,000 bytes more."""

        def __init__(self, file):
            self.file, self.room = file, 2000

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, content):
            self.file.write(content[: self.room])
            self.room -= len(content)
            if self.room < 0:
                raise OSError(errno.ENOSPC, "No space left on device")

    if when == "fetching":
        monkeypatch.setattr("tinycnn.data.named.download.open", lambda path, mode: Full(real(path, mode)),
                            raising=False)
    else:
        monkeypatch.setattr(Path, "open", lambda path, mode="r": Full(real(path, mode)) if "w" in mode else
                            real(path, mode))
    with pytest.raises(DataError) as caught:
        quietly(named)
    line = str(caught.value)
    assert line.startswith("the disk is full. What was fetched is kept in ") and "TINYCNN_DATA=FOLDER" in line
    assert not (cache / "tiny-imagenet").exists() and not list(cache.glob(".tiny*"))
    assert part(cache).stat().st_size == (2000 if when == "fetching" else named.size)
    monkeypatch.undo()
    monkeypatch.setenv("TINYCNN_DATA", str(cache))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    asked = len(server.asked)
    assert quietly(named).is_dir()
    assert server.asked[asked:] == ([(FILE, "bytes=2000-")] if when == "fetching" else [])


def test_too_little_room_is_said_before_anything_is_fetched(tiny, server, quietly, monkeypatch):
    named = tiny("pets")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**6, 10**6, 1000))
    with pytest.raises(DataError, match=r"pets needs about 1.*MB in .*, and 1 kB are free: make room, or choose"):
        quietly(named)
    assert not server.asked


def test_a_cache_that_may_not_be_written_to(tiny, cache, quietly, monkeypatch):
    there = quietly(tiny("voc2007"))

    def locked(*_, **__):  # a real one would not stop root, as whom tests may run
        raise PermissionError(errno.EACCES, "Permission denied", str(cache))

    named = tiny("pets")
    monkeypatch.setattr(Path, "mkdir", locked)
    with pytest.raises(DataError, match=r"Permission denied: .*choose another folder with TINYCNN_DATA=FOLDER"):
        quietly(named)
    assert quietly(tiny("voc2007")) == there
