"""Archives from elsewhere: what they hold is read, and nothing outside of the temporary folder is touched."""

import io
import stat
import zipfile

import pytest
from PIL import Image

from tinycnn.data import read
from tinycnn.data.readers import archive
from tinycnn.errors import DataError


def png(shade):
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), (shade, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def packed(tmp_path):
    """packed({name: bytes}, name=...): an archive of these files and of a table with two pictures."""

    def pack(more=(), folder="export/"):
        path = tmp_path / "set.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            rows = "image,label,xmin,ymin,xmax,ymax\na.png,cat,1,2,9,8\nb.png,dog,0,0,5,5\n"
            file.writestr(f"{folder}labels.csv", rows)
            for k, name in enumerate("ab"):
                file.writestr(f"{folder}{name}.png", png(50 * k))
            for name, content in dict(more).items():
                file.writestr(name, content)
        return path

    return pack


def test_what_is_in_it_is_read(packed, answers):
    data = read(packed({"__MACOSX/export/._a.png": b"no picture", "run.sh": "rm"}), valid_fraction=0, test_fraction=0)
    assert answers(data) == {"a.png": ("train", "cat", [1, 2, 9, 8]), "b.png": ("train", "dog", [0, 0, 5, 5])}
    assert data.name == "set" and not any("left out" in note for note in data.notes)


def test_one_archive_is_unpacked_once(packed):
    path = packed()
    assert archive.unpack(path) == archive.unpack(path)


@pytest.mark.parametrize("name", ["../out.png", "/tmp/out.png", "a/../../out.png", "C:\\out.png"])
def test_names_that_lead_out_are_refused(packed, name, tmp_path):
    with pytest.raises(DataError, match="would lead out of its folder"):
        read(packed({name: png(9)}))
    assert not (tmp_path / "out.png").exists() and not (tmp_path.parent / "out.png").exists()


def test_links_are_refused(packed):
    link = zipfile.ZipInfo("export/c.png")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(DataError, match="would lead out"):
        read(packed({link: "/etc/passwd"}))


def test_what_would_become_huge_is_refused(packed):
    with pytest.raises(DataError, match="that is not unpacked"):
        read(packed({"export/zeros.txt": bytes(50 * 2**20)}))


def test_damaged_archives_say_so(packed, tmp_path):
    whole = packed().read_bytes()
    for content in (whole[: len(whole) // 2], b"PK\3\4 no archive", b""):
        (tmp_path / "set.zip").write_bytes(content)
        with pytest.raises(DataError, match="cannot be unpacked"):
            read(tmp_path / "set.zip")
