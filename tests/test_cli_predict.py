"""tinycnn predict as people call it: folders, patterns, bad pictures among good ones, any size, nothing overwritten."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tinycnn as tc
from tinycnn.cli import main
from tinycnn.cli.pictures import find

CLASSES = ("cat", "dog", "cow")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A current folder with a model in it; its answers differ from picture to picture."""
    monkeypatch.chdir(tmp_path)
    tc.save(tc.models.localizer(3, 16, (4,), 8, classes=CLASSES), "model.npz")
    return tmp_path


def picture(path, width=60, height=40, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def predict(*arguments):
    return main(["predict", "--model", "model.npz", *map(str, arguments)])


def answers(capsys, *arguments):
    """(status, what stdout says as JSON, the lines of stderr)"""
    status = predict("--json", *arguments)
    out, err = capsys.readouterr()
    return status, json.loads(out), err.splitlines()


def names(capsys, *arguments):
    status, entries, lines = answers(capsys, "--no-draw", *arguments)
    assert status == 0 and not lines
    return [entry["image"] for entry in entries]


# Which pictures are meant.


def test_a_folder_is_all_pictures_in_it_and_below_in_natural_order(here, capsys):
    for name in ("img10.png", "img2.JPG", "sub/a.gif", "sub/deeper/b.webp", ".hidden.png", ".git/c.png", "Img1.bmp"):
        picture(here / "photos" / name)
    (here / "photos/labels.csv").write_text("image,label")
    expected = ["Img1.bmp", "img2.JPG", "img10.png", "sub/a.gif", "sub/deeper/b.webp"]
    assert names(capsys, "photos") == [f"photos/{name}" for name in expected]
    assert names(capsys, "photos/sub", "photos") == [f"photos/{name}" for name in (*expected[3:], *expected[:3])]


def test_patterns_are_expanded_where_the_shell_has_not(here, capsys):
    for name in ("img10.jpg", "img2.jpg", "sub/img3.jpg", "other.png", ".hidden.jpg"):
        picture(here / "photos" / name)
    assert names(capsys, "photos/*.jpg") == ["photos/img2.jpg", "photos/img10.jpg"]
    assert names(capsys, "photos/**/*.jpg") == ["photos/img2.jpg", "photos/img10.jpg", "photos/sub/img3.jpg"]
    assert names(capsys, "photos/img?.jpg", "photos/[o]*.png") == ["photos/img2.jpg", "photos/other.png"]
    assert names(capsys, "photo*") == names(capsys, "photos")  # as if the shell had: a folder is its pictures


def test_a_name_with_brackets_or_stars_is_that_name(here, capsys):
    for name in ("a[1].png", "a1.png", "b*.png", "b2.png", "day [2]/x.png", "day 2/x.png"):
        picture(here / name)
    assert names(capsys, "a[1].png", "b*.png", "day [2]", "day [2]/*.png") == ["a[1].png", "b*.png", "day [2]/x.png"]
    assert names(capsys, "a[0-9].png") == ["a1.png"]


def test_no_picture_twice_and_arguments_in_their_order(here, capsys):
    picture(here / "b.png")
    picture(here / "a.png")
    os.symlink("a.png", here / "same.png")
    assert names(capsys, "b.png", "./b.png", here / "b.png", "a.png", "same.png", "*.png") == ["b.png", "a.png"]


def test_drawings_of_predict_are_not_predicted(here, capsys):
    picture(here / "photos/a.png")
    for _ in range(2):  # into the folder itself, twice
        assert predict("photos", "--out", "photos") == 0
    assert sorted(path.name for path in (here / "photos").iterdir()) == ["a-2.png", "a.png"]
    capsys.readouterr()
    assert names(capsys, "photos") == names(capsys, "photos/*") == ["photos/a.png"]
    assert names(capsys, "photos/a-2.png") == ["photos/a-2.png"]  # who names it means it


@pytest.mark.parametrize(("arguments", "words"), [
    (["empty"], "empty: the folder holds no pictures"), (["empty/*.jpg"], "empty/*.jpg: nothing fits this pattern"),
    (["nowhere.jpg"], "nowhere.jpg: the picture is missing"), (["no/where/*"], "nothing fits this pattern"),
])
def test_what_matches_nothing_is_one_line(here, capsys, arguments, words):
    (here / "empty").mkdir()
    status, entries, lines = answers(capsys, *arguments)
    assert status == 1 and len(lines) == 1 and words in lines[0]
    assert [set(entry) for entry in entries] == [{"image", "error"}] and entries[0]["image"] == arguments[0]
    assert not (here / "predictions").exists()
    assert predict(*arguments) == 1
    out, err = capsys.readouterr()
    assert not out and err.splitlines() == lines


def test_a_folder_that_cannot_be_opened_is_named(here, capsys, monkeypatch):
    picture(here / "photos/a.png")
    (here / "photos/locked").mkdir()
    scan = os.scandir

    def scandir(path):
        if str(path).endswith("locked"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert [problem for _, problem in find(["photos"])] == [None, "the folder cannot be opened (Permission denied)"]


# Bad pictures among good ones.


@pytest.fixture
def mixed(here):
    """Three good pictures, and one of each kind that is none."""
    for name in ("a.jpg", "m.png", "z.png"):
        picture(here / "photos" / name)
    whole = (here / "photos/a.jpg").read_bytes()
    (here / "photos/cut.jpg").write_bytes(whole[: len(whole) // 2])
    (here / "photos/text.png").write_text("this is no picture")
    (here / "photos/empty.png").write_bytes(b"")
    os.mkfifo(here / "photos/pipe.png")
    os.symlink("/dev/zero", here / "photos/device.png")
    os.symlink("nowhere", here / "photos/link.png")
    return here


REASONS = {"cut.jpg": "damaged or cut off", "device.png": "a device", "empty.png": "empty file", "link.png": "missing",
           "pipe.png": "a pipe", "text.png": "the picture is no JPEG"}  # fmt: skip


def test_bad_pictures_are_named_and_the_rest_is_predicted(mixed, capsys):
    status, entries, lines = answers(capsys, "photos")
    assert status == 1 and len(entries) == 9
    assert [entry["image"] for entry in entries if "error" not in entry] == [
        "photos/a.jpg", "photos/m.png", "photos/z.png"]  # fmt: skip
    assert len(list((mixed / "predictions").iterdir())) == 3
    errors = {entry["image"].removeprefix("photos/"): entry["error"] for entry in entries if "error" in entry}
    assert set(errors) == set(REASONS) and all(reason in errors[name] for name, reason in REASONS.items())
    for name, line in zip(sorted(REASONS), lines, strict=False):
        assert line == f"tinycnn: photos/{name}: {errors[name]}"
    assert lines[6:] == ["tinycnn: error: 6 of 9 could not be used and are named above; 3 predicted"]


def test_bad_pictures_in_words(mixed, capsys):
    assert predict("photos", "--no-draw") == 1
    out, err = capsys.readouterr()
    assert out.count("of 60 x 40") == 3 and err.count("\n") == 7 and "drawn" not in out


def test_a_picture_that_vanishes_meanwhile_is_one_of_them(here, capsys, monkeypatch):
    for name in ("a.png", "b.png", "c.png"):
        picture(here / name)
    from tinycnn.models.localizer import Localizer

    whole = Localizer.predict

    def and_remove(self, images):
        (here / "b.png").unlink(missing_ok=True)
        return whole(self, images)

    monkeypatch.setattr(Localizer, "predict", and_remove)
    status, entries, lines = answers(capsys, "*.png", "--no-draw")
    assert status == 1 and [("error" in entry) for entry in entries] == [False, True, False] and len(lines) == 2


def test_a_picture_too_large_for_memory_costs_itself_alone(here, capsys, monkeypatch):
    picture(here / "a.png", 30)
    picture(here / "b.png", 31)
    from tinycnn.models.localizer import Localizer

    whole = Localizer.predict

    def refuse(self, images):
        if images[0].shape[1] == 30:
            raise MemoryError("Unable to allocate 12.0 TiB")
        return whole(self, images)

    monkeypatch.setattr(Localizer, "predict", refuse)
    status, entries, _ = answers(capsys, "*.png", "--no-draw")
    assert status == 1 and entries[0] == {"image": "a.png", "error": "there is not enough memory for it"}
    assert "class" in entries[1]


def test_json_is_json_whatever_happens(here, capsys, monkeypatch):
    picture(here / "a.png")
    picture(here / "b.png")
    for arguments, entries in ((["a.png", "--model", "nowhere.npz"], 0), (["a.png", "--out", "a.png"], 0),
                               (["nowhere.png", "no*"], 2)):  # fmt: skip
        status, found, _ = answers(capsys, *arguments)
        assert status != 0 and len(found) == entries

    def interrupt(*arguments):
        raise KeyboardInterrupt

    for end in (interrupt, lambda answer, target, draw: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full"))):
        monkeypatch.setattr("tinycnn.cli.predict._draw", end)
        status, found, lines = answers(capsys, "a.png", "b.png")
        assert status in (1, 130) and found == [] and len(lines) == 1


@pytest.mark.parametrize("json_too", [False, True])
@pytest.mark.filterwarnings("error")
def test_a_model_of_nan_is_refused_and_nan_never_printed(here, capsys, json_too):
    model = tc.load("model.npz")
    model.trunk["conv1"].w.value[:] = np.nan
    tc.save(model, "model.npz")
    picture(here / "a.png")
    picture(here / "b.png")
    assert predict("a.png", "b.png", *["--json"] * json_too) == 1
    out, err = capsys.readouterr()
    assert out == ("[]\n" if json_too else "") and not (here / "predictions").exists()
    assert err.count("\n") == 1 and "answers NaN or infinity" in err and "trunk.conv1.w" in err


# Answers.


def test_the_most_probable_classes(here, capsys):
    picture(here / "a.png")
    for k, count in ((1, 1), (2, 2), (9, 3)):
        _, (answer,), _ = answers(capsys, "a.png", "--top", k, "--no-draw")
        assert len(answer["top"]) == count
        assert answer["top"][0] == {"class": answer["class"], "probability": answer["probability"]}
        shares = [entry["probability"] for entry in answer["top"]]
        assert shares == sorted(shares, reverse=True)
    assert {entry["class"] for entry in answer["top"]} == set(CLASSES)
    assert sum(shares) == pytest.approx(1, abs=2e-4)
    assert predict("a.png", "--top", 2, "--no-draw") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split()[1] == answer["top"][0]["class"] and second.split()[0] == answer["top"][1]["class"]
    assert second.index(second.split()[0]) == first.index(first.split()[1])  # one below the other
    for wrong in ("0", "-1", "two"):
        assert predict("a.png", "--top", wrong) == 2


def test_an_answer_does_not_depend_on_the_pictures_beside_it(here, capsys):
    for i in range(5):
        picture(here / f"{i}.png", seed=i)
    together = answers(capsys, "*.png", "--no-draw")[1]
    assert together == [answers(capsys, f"{i}.png", "--no-draw")[1][0] for i in range(5)]


def test_a_pose_has_joints_and_no_classes(here, capsys):
    tc.save(tc.models.pose_resnet(16, (4,), 8), "model.npz")
    picture(here / "a.png")
    (here / "b.png").write_text("this is no picture")
    status, (answer, bad), lines = answers(capsys, "*.png", "--person", "5,5,50,35")
    assert status == 1 and len(answer["joints"]) == 14 and set(bad) == {"image", "error"} and len(lines) == 2
    assert predict("a.png", "--top", 2) == 2
    assert "--top is for models that learned classes" in capsys.readouterr().err


# Drawings.


def test_the_same_name_in_many_folders(here, capsys):
    for i in range(12):
        picture(here / f"photos/{i}/a.png")
    picture(here / "photos/12/A.png")
    assert predict("photos", "--out", "drawn") == 0
    made = {path.name for path in (here / "drawn").iterdir()}
    assert made == {"a.png", *(f"a-{k}.png" for k in range(2, 13)), "A-13.png"}  # on some disks A.png is a.png
    assert predict("photos", "--out", "drawn") == 0
    assert {path.name for path in (here / "drawn").iterdir()} == made


def test_a_name_as_long_as_names_may_be(here, capsys):
    names = ["x" * 250 + ".png", "ä" * 120 + ".jpg", "ä" * 120 + ".png"]
    for name in names:
        picture(here / name)
    assert predict(*names, "--out", "drawn") == 0
    assert len(list((here / "drawn").iterdir())) == 3


@pytest.mark.parametrize("out", ["taken", "taken/deeper/still"])
def test_out_is_a_file(here, capsys, out):
    picture(here / "a.png")
    (here / "taken").write_text("mine")
    assert predict("a.png", "--out", out) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "taken is no folder" in err and (here / "taken").read_text() == "mine"
    assert predict("a.png", "--out", out, "--no-draw") == 0


def test_out_without_permission_is_said_before_anything_is_computed(here, capsys, monkeypatch):
    picture(here / "a.png")

    def locked(*arguments, **options):  # a real one would not stop root, as whom tests may run
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/tmp/whatever")

    monkeypatch.setattr("tempfile.TemporaryFile", locked)
    monkeypatch.setattr("tinycnn.cli.runs.load", lambda *arguments, **options: pytest.fail("it has begun"))
    assert predict("a.png", "--out", "drawn/here") == 1
    err = capsys.readouterr().err
    assert "no permission to use this file or folder: drawn/here" in err and err.count("\n") == 1


# Memory: one picture at a time, 3 bytes a pixel as an array and 4 in Pillow, whatever the shape.

MEASURE = """
import resource, sys
from tinycnn.cli import main
status = main(sys.argv[1:])
print("peak", status, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


def peak(*arguments):
    """(exit status, bytes) of a process of its own."""
    command = [sys.executable, "-c", MEASURE, "predict", "--model", "model.npz", *map(str, arguments)]
    folder = os.path.dirname(os.path.dirname(tc.__file__))
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": folder})
    status, size = done.stdout.splitlines()[-1].split()[1:]
    return int(status), int(size)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the peak of a process is measured by resource, which is not there")
def test_memory_is_bounded_by_the_largest_picture(here):
    picture(here / "small.png")
    Image.new("RGB", (20000, 1), "gray").save("wide.png")
    Image.new("RGB", (1, 20000), "gray").save("tall.png")
    Image.new("RGB", (8000, 6000), "gray").save("large0.jpg", quality=20)
    for i in range(1, 4):
        (here / f"large{i}.jpg").write_bytes((here / "large0.jpg").read_bytes())
    status, usual = peak("small.png")
    assert status == 0
    status, thin = peak("wide.png", "tall.png")
    assert status == 0 and thin < usual + 100e6  # it was 4.8 GB
    status, large = peak("large*.jpg")
    assert status == 0 and large < usual + 9 * 48e6 + 50e6  # it was 1 GB for four


@pytest.mark.parametrize("address", ["http://a/b.png", "HTTPS://a/b//c.png", "file:///a/b.png"])
def test_an_address_is_printed_as_it_was_typed_and_not_fetched(here, capsys, address):
    picture(here / "a.png")
    status, entries, lines = answers(capsys, address, "a.png", "--no-draw")
    assert status == 1 and entries[0]["image"] == address and "class" in entries[1]
    assert entries[0]["error"].startswith("addresses are not fetched: download")
    assert lines[0] == f"tinycnn: {address}: {entries[0]['error']}"
    for call in (["evaluate", address], ["data", "show", address], ["train", "--data", address],
                 ["train", "--init", address], ["predict", "a.png", "--model", address]):  # fmt: skip
        assert main(call) == 2
        err = capsys.readouterr().err
        assert f"got {address}. Addresses are not fetched" in err and err.count("\n") == 1


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="needs names that are any bytes")
def test_json_of_a_name_that_is_no_utf8_can_be_written_as_utf8(here, capsys):
    name = os.fsdecode(b"caf\xe9.png")
    picture(here / name)
    for asked in (name, "caf*", os.fsdecode(b"none\xff.png")):
        _, entries, _ = answers(capsys, asked)
        for text in entries[0].values():
            str(text).encode("utf-8")
        assert entries[0]["image"] in ("caf\ufffd.png", "none\ufffd.png")
    assert (here / "predictions" / os.fsdecode(b"caf\xe9.png")).exists()


def test_a_home_folder_of_nobody_is_said(here, capsys):
    for call in (["data", "show", "~nosuch/x"], ["predict", "a.png", "--model", "~nosuch/x"]):
        assert main(call) == 2
        err = capsys.readouterr().err
        assert "there is no user 'nosuch'" in err and err.count("\n") == 1
    with pytest.raises(tc.errors.DataError, match="~nosuch"):
        tc.data.read("~nosuch/x")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that closes streams")
def test_closed_streams_cost_nothing(here):
    run = [sys.executable, "-m", "tinycnn", "train", "--size", "40", "--image-size", "32", "--channels", "4",
           "--hidden", "8", "--epochs", "1", "--out", "run"]  # fmt: skip
    subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *run], check=True, timeout=100,
                   env=os.environ | {"PYTHONPATH": str(Path(tc.__file__).parent.parent)})
    assert tc.load(here / "run/model.npz") and json.loads((here / "run/metrics.json").read_text())
