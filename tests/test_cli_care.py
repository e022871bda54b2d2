"""Nothing of the user's is lost, and no folder is left behind that stands in the way."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

import tinycnn as tc
import tinycnn.inspection  # noqa: F401
from tests.test_cli import contents, photographs
from tinycnn.classical import LinearSVM
from tinycnn.classical.hog_svm import hog_svm
from tinycnn.cli import main, runs
from tinycnn.errors import CheckpointError, DataError, TrainingError
from tinycnn.tasks import task_of

pytestmark = pytest.mark.slow  # trainings

TINY = ["train", "--size", "40", "--image-size", "32", "--channels", "4", "--hidden", "8", "--epochs", "1", "--quiet"]


@pytest.fixture
def trained(tmp_path):
    assert main([*TINY, "--out", str(tmp_path / "run")]) == 0
    return tmp_path / "run"


def test_predict_replaces_its_own_drawings_and_nothing_else(trained, tmp_path):
    rng, out = np.random.default_rng(0), tmp_path / "out"
    out.mkdir()
    for path in (tmp_path / "a.png", out / "a.png", out / "a-2.png"):
        Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(path)
    before = [(out / name).read_bytes() for name in ("a.png", "a-2.png")]
    for _ in range(2):  # the second time its own drawing is replaced
        assert main(["predict", "--model", str(trained), str(tmp_path / "a.png"), "--out", str(out)]) == 0
        assert sorted(path.name for path in out.iterdir()) == ["a-2.png", "a-3.png", "a.png"]
    assert [(out / name).read_bytes() for name in ("a.png", "a-2.png")] == before


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A YOLO set photos/ of 12 pictures, in the current folder."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for i in range(12):
        for kind in ("images", "labels"):
            (tmp_path / "photos" / kind).mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"photos/images/{i}.jpg")
        (tmp_path / f"photos/labels/{i}.txt").write_text(f"{i % 2} .5 .5 .4 .4\n")
    return tmp_path / "photos"


def told_of(data):
    return [data.notes, *(sorted(part.names) for part in data.parts.values())]


@pytest.mark.parametrize("out", ["photos", "photos/images", "photos/../photos/labels"])
def test_train_does_not_write_among_its_data(photos, capsys, out):
    before = sorted(photos.rglob("*"))
    assert main([*TINY[:1], *TINY[3:], "--data", "photos", "--out", out]) == 2
    err = capsys.readouterr().err
    assert "holds the data" in err and "runs/" in err and err.count("\n") == 1
    assert sorted(photos.rglob("*")) == before


def test_runs_and_drawings_inside_a_data_folder_are_no_part_of_it(photos, trained, monkeypatch):
    before = told_of(tc.data.read("photos"))
    assert main([*TINY[:1], *TINY[3:], "--data", "photos", "--out", "photos/models/new"]) == 0
    assert main(["predict", "--model", str(trained), "photos/images", "--out", "photos/images"]) == 0
    assert (photos / "images/3.png").exists()
    monkeypatch.chdir(photos)
    assert main([*TINY[:1], *TINY[3:], "--data", "."]) == 0 and (photos / "runs/photos-1/predictions.png").exists()
    assert told_of(tc.data.read(photos)) == before


@pytest.mark.parametrize("name", ["curves.png", "predictions.png"])
def test_train_does_not_draw_over_what_lies_in_its_folder(tmp_path, capsys, name):
    out = tmp_path / "mine"
    out.mkdir()
    (out / name).write_text("a year's work")
    assert main([*TINY, "--out", str(out)]) == 2
    err = capsys.readouterr().err
    assert f"holds no run, but {name}, which" in err and err.count("\n") == 1
    assert [(path.name, path.read_text()) for path in out.iterdir()] == [(name, "a year's work")]
    (out / name).rename(out / "notes.txt")
    assert runs.new_folder(out, "mine") == out


def test_inspect_replaces_its_own_report_and_nothing_else(trained, tmp_path, capsys, monkeypatch):
    module, out = sys.modules["tinycnn.inspection.report"], tmp_path / "report.html"
    out.write_text("<html>a year's work</html>")
    with monkeypatch.context() as patch:
        patch.setattr(module, "diagnose", lambda *arguments: pytest.fail("it has begun"))
        assert main(["inspect", str(trained), "--out", str(tmp_path)]) == 1
    err = capsys.readouterr().err
    assert "report.html exists already and was written by something else" in err and err.count("\n") == 1
    assert out.read_text() == "<html>a year's work</html>"
    out.unlink()
    data = tc.data.scenes(n=8, valid=0, test=0, image_size=32).train
    for classes in (2, 3):  # too few for the data: a short report
        module.report(tc.models.localizer(classes, 32, (4,), 8), data, tmp_path)
        assert "num_classes=10" in out.read_text()


def test_inspect_makes_no_folder_that_is_called_like_a_page(trained, tmp_path, capsys):
    assert main(["inspect", str(trained), "--out", str(tmp_path / "seen.html")]) == 2
    err = capsys.readouterr().err
    assert "--out is the folder" in err and f"--out {tmp_path / 'seen'}" in err and err.count("\n") == 1
    assert not (tmp_path / "seen.html").exists()


@pytest.mark.parametrize("kind", ["pose", "windows"])
def test_nor_do_its_pictures(kind, tmp_path):
    from tinycnn.inspection.pose import pose_picture
    from tinycnn.inspection.windows import window_picture

    write, name = {"pose": (pose_picture, "poses.png"), "windows": (window_picture, "windows.png")}[kind]
    (tmp_path / name).write_text("a year's work")
    with pytest.raises(DataError, match=f"{name} exists already and was written by something else"):
        write(None, None, tmp_path)
    assert (tmp_path / name).read_text() == "a year's work"


def test_a_finished_run_without_its_checkpoint_is_not_begun_again(trained, capsys):
    (trained / "checkpoint.npz").unlink()
    before = (trained / "model.npz").read_bytes()
    assert main(["train", "--resume", "--out", str(trained)]) != 0
    assert "nothing to continue from" in capsys.readouterr().err and (trained / "model.npz").read_bytes() == before


def test_a_run_that_lost_its_best_weights_is_not_gone_on_with(trained, capsys):
    (trained / "model.npz").rename(trained / "kept.npz")
    before = contents(trained)
    assert main(["train", "--resume", "--out", str(trained), "--epochs", "2", "--quiet"]) == 2
    err = capsys.readouterr().err
    assert "model.npz is gone" in err and err.count("\n") == 1 and contents(trained) == before
    (trained / "kept.npz").rename(trained / "model.npz")
    assert main(["train", "--resume", "--out", str(trained), "--epochs", "2", "--quiet"]) == 0


@pytest.mark.parametrize("more, words", [
    (["--out", "notes.txt"], "notes.txt is a file"),
    (["--out", "run", "--init", "nowhere.npz"], "there is no file or folder"),
])
def test_what_cannot_be_is_said_before_anything_is_drawn(more, words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tinycnn.cli.train._load", lambda *arguments: pytest.fail("it has begun"))
    (tmp_path / "notes.txt").write_text("a year's work")
    assert main([*TINY, *more]) == 2
    err = capsys.readouterr().err
    assert words in err and err.count("\n") == 1
    assert (tmp_path / "notes.txt").read_text() == "a year's work" and len(list(tmp_path.iterdir())) == 1


def test_a_run_that_never_began_leaves_its_name_free(tmp_path, capsys):
    out = tmp_path / "run"
    assert main([*TINY, "--freeze", "nose:1", "--out", str(out)]) != 0
    assert not out.exists()
    assert main([*TINY, "--out", str(out)]) == 0


def test_what_is_dropped_or_never_learns_is_said(trained, tmp_path, capsys):
    command = [part for part in TINY if part != "--quiet"]
    assert main([*command, "--freeze", "trunk:3", "--out", str(tmp_path / "frozen")]) == 0
    assert "trunk is frozen for all 1 epochs" in capsys.readouterr().out
    assert main(["train", "--config", str(trained), "--model", "hog-svm", "--out", str(tmp_path / "svm")]) == 0
    assert "is of another model: its data and seed are taken" in capsys.readouterr().out


def test_a_network_that_answers_nan_has_not_learned():
    task = task_of(tc.models.localizer(2, image_size=8, channels=(4,), hidden=8))
    row = {"epoch": 2, "class": 0.5, "box": 0.5, "valid_class": float("nan"), "valid_joint": 0.0}
    with pytest.raises(TrainingError, match="valid class is nan after epoch 2"):
        task.say_if_exploded(row, tc.MultiTaskLoss())


@pytest.mark.parametrize("x, C, words", [
    (np.array([[np.nan, 1.0]]), 0.01, "1 numbers that are none"), (np.zeros((0, 2)), 0.01, "0 samples"),
    (np.ones((2, 2)), float("inf"), "C=inf"), (np.full((2, 2), 1e20), 0.01, "a size around 1"),
])
def test_a_machine_is_not_fed_what_is_no_number(x, C, words):
    with pytest.raises(DataError, match=words):
        LinearSVM(2, 2).fit(x, np.zeros(len(x), int), C=C)


def test_a_detector_compares_names_and_not_numbers():
    images = [np.full((24, 24, 3), 40 * k, np.uint8) for k in range(4)]
    samples = tc.data.Samples(images, [0, 1, 0, 1], [[2, 2, 20, 20]] * 4, list("wxyz"), ("b", "a"))
    named = hog_svm(2, window=16, classes=("a", "b"))
    assert named._in_own_order(samples).labels.tolist() == [1, 0, 1, 0]
    unnamed = hog_svm(2, window=16)
    assert unnamed._in_own_order(samples).labels.tolist() == [0, 1, 0, 1] and unnamed.classes == ("b", "a")
    with pytest.raises(DataError, match="does not know"):
        hog_svm(2, window=16, classes=("a", "c"))._in_own_order(samples)
    with pytest.raises(ValueError, match="number above 0"):
        named.fit(samples, C=float("nan"))


def test_to_begin_with_nothing_is_an_error(trained):
    with pytest.raises(CheckpointError, match="nothing that"):
        tc.models.initialize(hog_svm(2, window=16), trained)


def test_evaluate_says_which_pictures_it_could_not_measure(tmp_path, capsys):
    data = photographs(tmp_path / "photos")
    assert main([*TINY, "--data", str(data), "--out", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    sorted(data.glob("*.jpg"))[0].write_bytes(b"no picture")
    main(["evaluate", str(tmp_path / "run")])
    assert "tinycnn: note: left out 1 of 12" in capsys.readouterr().err


@pytest.fixture
def pictures(tmp_path):
    """A folder of 40 photographs of two classes, all different."""
    rng, rows = np.random.default_rng(0), ["image,label,xmin,ymin,xmax,ymax"]
    (tmp_path / "photos").mkdir()
    for i in range(40):
        pixels = rng.integers(90, 160, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{i}.png")
        rows.append(f"{i}.png,{'cat' if i % 2 else 'dog'},5,5,30,25")
    (tmp_path / "photos" / "labels.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "photos"


def test_pictures_that_were_learned_are_not_tested_on_unsaid(pictures, tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    assert main(["train", "--data", str(pictures), *TINY[3:], "--out", str(run)]) == 0
    capsys.readouterr()
    monkeypatch.chdir(tmp_path)
    for same in ([], ["--data", str(pictures)], ["--data", "photos"], ["--data", "./photos/../photos"]):
        assert main(["evaluate", str(run), *same]) == 0
        out, err = capsys.readouterr()
        assert "8 test pictures" in out and "learned from" not in err
    assert main(["evaluate", str(run), "--data-seed", "5"]) == 0
    assert "of these 8 test pictures were learned from" in capsys.readouterr().err


def test_groups_of_a_run_stay_together_wherever_it_is_used_again(pictures, tmp_path, capsys):
    """4 films of 10 frames, told by the tens of their numbers: 00.png to 39.png."""
    for path in sorted(pictures.glob("?.png")):
        path.rename(path.with_stem(f"0{path.stem}"))
    table = pictures / "labels.csv"
    table.write_text("\n".join(line if line[1] != "." else f"0{line}" for line in table.read_text().splitlines()))
    run, pattern = tmp_path / "run", r"([0-3])\d.png"
    train = ["train", "--data", str(pictures), *TINY[3:], "--group-by", pattern]
    assert main([*train, "--out", str(run)]) == 0
    config = json.loads((run / "config.json").read_text())
    assert config["settings"]["group_by"] == pattern and "4 groups" in " ".join(config["data"]["notes"])
    assert main(["train", "--resume", "--out", str(run)]) == 0
    assert main(["train", "--resume", "--out", str(run), "--group-by", "folder"]) == 2
    capsys.readouterr()
    assert main(["evaluate", str(run)]) == 0
    assert "10 test pictures" in capsys.readouterr().out  # a film
    assert main(["evaluate", str(run), "--group-by", "none"]) == 0
    assert "of these 8 test pictures were learned from" in capsys.readouterr().err
    assert main(["data", "show", str(pictures), "--group-by", pattern, "--out", str(tmp_path / "sheet.png")]) == 0
    assert "4 groups, each in one part" in capsys.readouterr().out
    assert main([*train[:-1], "(ab", "--out", str(tmp_path / "no")]) == 1
    assert main(["train", "--group-by", "folder"]) == 2
    err = capsys.readouterr().err.splitlines()
    assert "regular expression" in err[0] and "no meaning for drawn scenes" in err[1] and not (tmp_path / "no").exists()
