"""Unpacking archives of strangers: what is right comes out whole, what is not leaves the folder and is said."""

import errno
import gzip
import io
import os
import stat
import tarfile
import zipfile

import pytest

from tinycnn.data.readers import unpacking as module
from tinycnn.data.readers.unpacking import unpack
from tinycnn.errors import DataError

FILES = {"set/a.txt": b"one", "set/pictures/b.jpg": bytes(range(256)) * 300, "set/c.txt": b""}


def tar_of(files, mode="w", more=()):
    """The bytes of a .tar (mode w) or .tar.gz (w:gz). more: TarInfo objects that hold nothing, or with content"""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        folder = tarfile.TarInfo("./")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in more:
            archive.addfile(info)
    return buffer.getvalue()


def zip_of(files, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("set/", b"")
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def opened(tmp_path):
    """opened(bytes, **options): {name: content} of what comes out; what was written may be looked at in tmp_path."""

    def unpacked(content, **options):
        path, folder = tmp_path / "archive", tmp_path / "out"
        path.write_bytes(content)
        folder.mkdir(exist_ok=True)
        unpack(path, folder, **options)
        return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    return unpacked


def kinds(files):
    return {"tar": tar_of(files), "tar.gz": tar_of(files, "w:gz"), "zip": zip_of(files)}


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_what_is_in_it_comes_out(opened, kind):
    told = []
    hidden = {"set/._a.txt": b"mac", "__MACOSX/set/x.txt": b"mac", "set/.hidden": b""}
    content = kinds(FILES | hidden)[kind]
    assert opened(content, report=told.append) == FILES and sum(told) == sum(map(len, FILES.values()))


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_what_is_not_wanted_stays_in(opened, kind):
    assert opened(kinds(FILES)[kind], keep=lambda name: name.endswith(".txt")) == \
        {name: content for name, content in FILES.items() if name.endswith(".txt")}


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt", "C:\\out.txt", "..\\out.txt"])
def test_names_that_lead_out(opened, kind, name, tmp_path):
    with pytest.raises(DataError, match="would lead out of its folder"):
        opened(kinds({name: b"x"})[kind])
    assert not list(tmp_path.rglob("out.txt")) and not os.path.exists("/out.txt")


@pytest.mark.parametrize("type", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_what_is_neither_file_nor_folder(opened, type, tmp_path):
    info = tarfile.TarInfo("set/x.txt")
    info.type, info.linkname, info.devmajor, info.devminor = type, "/etc/passwd", 1, 3
    with pytest.raises(DataError, match="'set/x.txt', a (link|device)"):
        opened(tar_of({}, more=[info]))
    assert not list((tmp_path / "out").rglob("x.txt"))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_the_same_in_a_zip(opened, kind):
    info = zipfile.ZipInfo("set/x.txt")
    info.create_system, info.external_attr = 3, (kind | 0o644) << 16
    with pytest.raises(DataError, match="'set/x.txt', a (link|device)"):
        opened(zip_of({info: b"/etc/passwd"}))


def test_a_link_that_stands_there_already_is_not_made_by_an_archive(opened, tmp_path):
    """Two entries of one name: a link would be followed by the second."""
    link = tarfile.TarInfo("set/x")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
    with pytest.raises(DataError, match="a link"):
        opened(tar_of({}, more=[link])[:1024] + tar_of({"set/x/y.txt": b"out"}))
    assert not (tmp_path / "y.txt").exists()


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_bombs(opened, kind, tmp_path):
    with pytest.raises(DataError, match="that is not unpacked"):
        opened(kinds({"a.txt": bytes(50 * 2**20)})[kind])
    assert sum(file.stat().st_size for file in (tmp_path / "out").rglob("*")) < 2**25


def test_a_bomb_in_what_is_left_out(opened):
    """A .tar.gz has to be unpacked to get over what is not wanted."""
    with pytest.raises(DataError, match="that is not unpacked"):
        opened(tar_of({"a.txt": bytes(200 * 2**20)}, "w:gz"), keep=lambda name: False)


def test_too_many_files(opened, monkeypatch):
    monkeypatch.setattr(module, "MOST_FILES", 10)
    for content in kinds({f"{i}.txt": b"" for i in range(12)}).values():
        with pytest.raises(DataError, match="more than 10 files"):
            opened(content)


def test_a_zip_that_lies_about_its_sizes(opened):
    content = bytearray(zip_of({"a.txt": b"x" * 100}, zipfile.ZIP_STORED))
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    with pytest.raises(DataError, match="holds more than the archive says|cannot be unpacked"):
        opened(bytes(content))


def test_a_name_of_gigabytes(opened):
    """tarfile reads long names, and the headers of pax, at once and whole."""
    for type in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE):
        info = tarfile.TarInfo("x")
        info.type, info.size = type, 2**33
        header = info.tobuf(tarfile.GNU_FORMAT)
        with pytest.raises(DataError, match="claims a name of 8,589,934,592 bytes"):
            opened(gzip.compress(header + bytes(2**20)))


def test_a_size_below_zero(opened):
    """tarfile would go back, and read the same entry for ever."""
    info = tarfile.TarInfo("x.txt")
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 10 + b"\xfc\x00"  # -1024
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    with pytest.raises(DataError, match="has -1024 bytes"):
        opened(bytes(header) + bytes(10240))


def test_a_file_with_holes(opened):
    info = tarfile.TarInfo("x.txt")
    info.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.map": "0,0",
                        "GNU.sparse.size": str(2**40)}  # fmt: skip
    with pytest.raises(DataError, match="a file with holes"):
        opened(tar_of({}, more=[info]))


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_damaged_ones(opened, kind):
    whole = kinds(FILES)[kind]
    for content in (whole[: len(whole) // 2], b"", b"PK\3\4 no archive", b"\x1f\x8b no archive", b"no archive"):
        with pytest.raises(DataError, match="cannot be unpacked|is cut off"):
            opened(content)


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_every_place_of_a_cut_is_seen(opened, kind):
    whole = kinds({"a.txt": b"one" * 100, "b.txt": b"two"})[kind]
    end = {"tar": 6 * 512, "tar.gz": len(whole), "zip": len(whole)}[kind]  # zeros follow in a .tar
    for length in range(0, end, 37):
        with pytest.raises(DataError):
            opened(whole[:length])


def test_damage_in_the_middle_is_not_the_end(opened):
    whole = bytearray(tar_of(FILES))
    at = whole.index(b"set/c.txt")
    whole[at] ^= 1  # the checksum of its header is wrong then
    with pytest.raises(DataError, match="cut off or damaged after 3 entries"):
        opened(bytes(whole))


def test_a_name_of_nothing(opened):
    with pytest.raises(DataError, match="'', which would lead out"):
        opened(zip_of({"xy.txt": b"1"}).replace(b"xy.txt", b"\0y.txt"))


def test_unknown_ways_to_pack(opened):
    with pytest.raises(DataError, match="packed by a method that is not read"):
        opened(zip_of({"a.txt": b"x"}, zipfile.ZIP_LZMA))


def test_a_full_disk_is_no_damage(opened, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_copy", full)
    for content in kinds(FILES).values():
        with pytest.raises(OSError, match="No space left"):
            opened(content)


def test_a_file_where_a_folder_is_needed(opened):
    for content in kinds({"a": b"x", "a/b.txt": b"y"}).values():
        with pytest.raises(DataError, match="cannot be unpacked"):
            opened(content)
