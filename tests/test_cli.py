"""The command line from end to end: a tiny run and everything that can be done with it, and every way it can fail."""

import csv
import errno
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.cli import main

pytestmark = pytest.mark.slow  # whole runs of the program

PIL = pytest.importorskip("PIL.Image")

TINY = ["--size", "64", "--image-size", "32", "--channels", "4,8", "--hidden", "16", "--batch-size", "16",
        "--lr", "0.01", "--device", "cpu"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished run of two epochs."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    assert main(["train", *TINY, "--epochs", "2", "--out", str(folder), "--quiet"]) == 0
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def no_figures(monkeypatch):
    """Drawing takes most of a tiny run's time; where the pictures do not matter they are left out."""
    monkeypatch.setattr("tinycnn.cli.train._draw", lambda *arguments: [])


def photographs(folder, count=12, size=(40, 30), labels=("cat", "dog"), box=None):
    """A CSV data set: a bright or dark rectangle for each class, on noise."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, rows = np.random.default_rng(0), []
    for i in range(count):
        w, h = size
        image = rng.integers(90, 160, (h, w, 3), dtype=np.uint8)
        image[5:20, 8:30] = 250 - 200 * (labels[i % len(labels)] == labels[-1])
        PIL.fromarray(image).save(folder / f"{i:02}.jpg")
        rows.append([f"{i:02}.jpg", labels[i % len(labels)], *(box or (8, 5, 30, 20))])
    write_rows(folder, rows)
    return folder


def write_rows(folder, rows):
    with open(folder / "labels.csv", "w", newline="") as file:
        csv.writer(file).writerows([["image", "label", "xmin", "ymin", "xmax", "ymax"], *rows])


def contents(folder):
    return {path: path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


def weights(path):
    return {name: p.value for name, p in tc.load(path).parameters().items()}


def one_line(capsys, status, *words):
    """What stderr says: one line, without a traceback, with these words in it."""
    out, err = capsys.readouterr()
    assert status not in (0, None)
    assert err.startswith("tinycnn: ") and err.count("\n") == 1 and err.endswith("\n"), err
    assert "Traceback" not in err + out
    for word in words:
        assert word in err, err
    return err


# The main job.


def test_train_leaves_everything_in_its_folder(finished):
    assert {path.name for path in finished.iterdir()} == {
        "model.npz", "checkpoint.npz", "checkpoint.previous.npz", "history.csv", "epochs.npz", "metrics.json",
        "config.json", "curves.png", "predictions.png"}
    metrics = json.loads((finished / "metrics.json").read_text())
    assert metrics["test"]["count"] == 8 and metrics["valid"]["count"] == 4 and metrics["epochs"] == 2
    assert {"joint", "mean_iou", "mean_box/mean_iou", "whole_frame/mean_iou"} <= set(metrics["test"])
    with open(finished / "history.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"] and float(rows[1]["class_loss"]) > 0
    for name in ("curves.png", "predictions.png"):
        picture = PIL.open(finished / name)
        assert min(picture.size) > 400 and np.asarray(picture.convert("L")).std() > 10
    config = json.loads((finished / "config.json").read_text())
    assert config["settings"]["epochs"] == 2 and config["settings"]["channels"] == [4, 8]
    assert config["data"]["name"] == "scenes" and config["versions"]["numpy"] == np.__version__


def test_train_prints_the_result_with_its_baselines(here, no_figures, capsys):
    assert main(["train", *TINY, "--epochs", "1"]) == 0
    out, _ = capsys.readouterr()
    for words in ("scenes", "parameters", "runs/scenes-1", "class accuracy", "mean box", "whole frame",
                  "majority class", "tinycnn predict --model runs/scenes-1"):
        assert words in out, words
    first = contents("runs/scenes-1")
    assert main(["train", *TINY, "--epochs", "1", "--quiet"]) == 0  # a new folder, not the old one
    assert (here / "runs/scenes-2/model.npz").exists() and contents("runs/scenes-1") == first


def test_config_repeats_a_run_bit_for_bit(finished, tmp_path, no_figures):
    assert main(["train", "--config", str(finished / "config.json"), "--out", str(tmp_path / "again"), "--quiet"]) == 0
    once, again = weights(finished / "model.npz"), weights(tmp_path / "again" / "model.npz")
    for name in once:
        np.testing.assert_array_equal(once[name], again[name])
    assert main(["train", "--config", str(finished), "--seed", "1", "--out", str(tmp_path / "other"), "--quiet"]) == 0
    assert (weights(tmp_path / "other" / "model.npz")["box_head.w"] != once["box_head.w"]).any()


def test_ctrl_c_says_how_to_resume_and_the_resumed_run_is_the_same(finished, tmp_path, monkeypatch, no_figures, capsys):
    from tinycnn.tasks.localization import Localization

    out, count, validate = str(tmp_path / "cut"), [], Localization.validate

    def interrupt_the_second(*arguments):
        count.append(1)
        if len(count) == 2:
            raise KeyboardInterrupt
        return validate(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Localization, "validate", interrupt_the_second)
        status = main(["train", *TINY, "--epochs", "2", "--out", out, "--quiet"])
    assert status == 130
    one_line(capsys, status, "interrupted", f"tinycnn train --resume --out {out}")
    assert main(["train", "--resume", "--out", out, "--quiet"]) == 0
    whole, resumed = weights(finished / "checkpoint.npz"), weights(tmp_path / "cut" / "checkpoint.npz")
    for name in whole:
        np.testing.assert_array_equal(whole[name], resumed[name])
    assert (tmp_path / "cut" / "metrics.json").exists()


def test_ctrl_c_before_the_first_epoch(here, monkeypatch, capsys):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("tinycnn.training.fit", interrupt)
    status = main(["train", *TINY, "--quiet"])
    assert status == 130
    one_line(capsys, status, "interrupted", "no epoch was finished")


def test_ctrl_c_where_the_checkpoints_are_damaged(here, monkeypatch, capsys):
    def interrupt(model, *arguments, out, **options):
        (out / "checkpoint.npz").write_bytes(b"cut off")
        raise KeyboardInterrupt

    monkeypatch.setattr("tinycnn.training.fit", interrupt)
    status = main(["train", *TINY, "--quiet"])
    assert status == 130
    one_line(capsys, status, "interrupted", "holds nothing to continue: ")


def test_without_pillow_and_matplotlib_training_still_works(here, monkeypatch, capsys):
    for module in [name for name in sys.modules if name.partition(".")[0] in ("matplotlib", "PIL")]:
        monkeypatch.delitem(sys.modules, module)
    for module in ("matplotlib", "PIL"):
        monkeypatch.setitem(sys.modules, module, None)
    assert main(["train", *TINY, "--epochs", "1", "--out", "run", "--quiet"]) == 0
    out, _ = capsys.readouterr()
    assert "not drawn" in out and "'matplotlib>=3.8'" in out
    assert not list(here.glob("run/*.png")) and (here / "run/metrics.json").exists()


def test_train_on_photographs_of_the_users_own(here, no_figures, capsys):
    photographs(here / "pets", 40)
    assert main(["train", "--data", "pets", "--epochs", "1", "--image-size", "16", "--channels", "4", "--hidden", "8",
                 "--device", "cpu"]) == 0
    assert "pets" in capsys.readouterr().out
    config = json.loads((here / "runs/pets-1/config.json").read_text())
    assert config["data"]["classes"] == ["cat", "dog"]
    assert config["settings"]["augment"] == "strong"  # the default for photographs
    assert config["settings"]["data"] == str(here / "pets")  # works from any folder
    assert main(["evaluate"]) == 0  # the newest run, on its own test part
    assert "pets, 8 test pictures" in capsys.readouterr().out


# What a trained model is for.


def test_evaluate_repeats_the_test_of_the_training(finished, capsys):
    assert main(["evaluate", str(finished), "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    expected = json.loads((finished / "metrics.json").read_text())["test"]
    assert {name: measured[name] for name in expected} == pytest.approx(expected)
    assert main(["evaluate", str(finished / "model.npz"), "--part", "valid"]) == 0
    assert "4 valid pictures" in capsys.readouterr().out


def test_evaluate_compares_classes_by_name(finished, here, capsys):
    classes = tc.load(finished / "model.npz").classes
    photographs(here / "data", 30, labels=(classes[7], classes[2]))
    assert main(["evaluate", str(finished), "--data", "data", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["count"] == 6
    photographs(here / "data", 30, labels=(classes[7], "unicorn"))
    one_line(capsys, main(["evaluate", str(finished), "--data", "data"]), "unicorn", classes[0])


def test_predict_answers_in_the_pixels_of_each_picture(finished, here, capsys):
    rng = np.random.default_rng(0)
    for name, (w, h) in {"wide.jpg": (400, 100), "tall.png": (50, 300)}.items():
        PIL.fromarray(rng.integers(0, 255, (h, w, 3), dtype=np.uint8)).save(name)
    PIL.new("L", (64, 64), 90).save("gray.png")
    PIL.new("RGBA", (90, 64), (9, 200, 30, 128)).save("transparent.png")
    before = contents(here)
    names = ["wide.jpg", "tall.png", "gray.png", "transparent.png"]
    assert main(["predict", *names, "--model", str(finished), "--json", "--out", "drawn"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert [answer["image"] for answer in answers] == names
    model = tc.load(finished / "model.npz")
    for answer in answers:
        xmin, ymin, xmax, ymax = answer["box"]
        assert 0 <= xmin <= xmax <= answer["width"] and 0 <= ymin <= ymax <= answer["height"]
        assert answer["class"] in model.classes and 0 < answer["probability"] <= 1
        picture = PIL.open(answer["picture"])
        assert (picture.width / picture.height) == pytest.approx(answer["width"] / answer["height"])
    assert answers[0]["width"] == 400 and answers[1]["height"] == 300
    expected = model.predict(np.asarray(PIL.open("tall.png"))).boxes[0]
    np.testing.assert_allclose(answers[1]["box"], expected, atol=0.06)
    assert {path: data for path, data in contents(here).items() if path in before} == before


def test_predict_prints_for_people_and_never_draws_over_a_picture(finished, here, capsys):
    (here / "a").mkdir()
    for path in ("cat.png", "a/cat.png"):
        PIL.new("RGB", (80, 60), "gray").save(path)
    before = contents(here)
    assert main(["predict", "cat.png", "a/cat.png", "--model", str(finished), "--out", "."]) == 0
    out, _ = capsys.readouterr()
    assert out.count("of 80 x 60") == 2 and "%" in out
    after = contents(here)
    assert {path: after[path] for path in before} == before
    assert {path.name for path in after} == {"cat.png", "cat-2.png", "cat-3.png"}
    assert main(["predict", "cat.png", "--model", str(finished), "--no-draw", "--out", "unused"]) == 0
    assert not (here / "unused").exists()


def test_summary_of_an_architecture_and_of_a_model(finished, capsys):
    assert main(["summary"]) == 0
    assert "2,493,262" in capsys.readouterr().out
    assert main(["summary", str(finished), "--batch", "1"]) == 0
    assert "Conv2d(3, 4, 3, padding=1)" in capsys.readouterr().out
    assert main(["summary", "localizer", "--channels", "2,4", "--num-classes", "3"]) == 0
    assert "Linear(512, 3)" in capsys.readouterr().out


@pytest.mark.slow
def test_summary_of_alexnet(capsys):
    assert main(["summary", "alexnet"]) == 0
    out, _ = capsys.readouterr()
    assert "60,981,612" in out and "724,423,200" in out


def test_data_show(here, capsys):
    photographs(here / "pets", 20)
    assert main(["data", "show", "pets", "--count", "6"]) == 0
    out, _ = capsys.readouterr()
    assert "pets: 2 classes" in out and "contact.png" in out
    assert np.asarray(PIL.open("contact.png").convert("L")).std() > 10
    before = contents(here)
    one_line(capsys, main(["data", "show", "pets"]), "contact.png exists already", "--force")
    assert contents(here) == before
    assert main(["data", "show", "pets", "--force"]) == 0


def test_data_show_says_which_pictures_are_nearly_the_same_in_two_parts(here, capsys):
    (here / "films").mkdir()
    for i, image in enumerate(tc.data.scenes(n=20, image_size=48, valid=0, test=0).train.images):
        for quality in (95, 40):
            PIL.fromarray(image).save(here / "films" / f"{i:02}-{quality}.jpg", quality=quality)
    write_rows(here / "films", [[f"{i:02}-{q}.jpg", "thing", 5, 5, 40, 40] for i in range(20) for q in (95, 40)])
    assert main(["data", "show", "films"]) == 0
    (note,) = [line for line in capsys.readouterr().out.splitlines() if "nearly like training pictures" in line]
    pair = re.search(r"such as test (\d\d)-(\d\d).jpg and train (\d\d)-(\d\d).jpg", note)
    assert note.startswith("note: ") and pair[1] == pair[3] and pair[2] != pair[4]


def test_rare_classes_on_the_command_line(here, no_figures, capsys):
    photographs(here / "pets", 42, labels=["cat"] * 6 + ["dog"])
    call = ["train", "--data", "pets", *TINY[2:], "--epochs", "1", "--test-fraction", ".3", "--balance", "--out", "run"]
    assert main(call) == 0
    out, _ = capsys.readouterr()
    assert "note: unbalanced: 4 training pictures of dog, 22 of cat" in out
    assert "mean over classes" in out and "Accuracy of each class" in out and "of 11" in out
    assert json.loads(Path("run/config.json").read_text())["settings"]["balance"] is True
    metrics = json.loads(Path("run/metrics.json").read_text())["test"]
    assert {"balanced_accuracy", "accuracy_of/cat", "share_of/dog"} <= set(metrics)
    assert main(["evaluate", "run"]) == 0 and "Accuracy of each class" in capsys.readouterr().out
    one_line(capsys, main(["train", "--task", "pose", "--balance"]), "--balance has no meaning for a pose")
    one_line(capsys, main(["train", "--model", "hog-svm", "--balance"]), "--balance", "learns in another way")


def test_units_on_the_command_line(here, capsys):
    photographs(here / "pets", 12, box=(20, 10, 40, 30))
    one_line(capsys, main(["data", "show", "pets", "--units", "miles"]), "--units", "percent")
    assert main(["data", "show", "pets", "--units", "percent"]) == 0
    assert "boxes are percent of the picture: 1 (labels.csv)" in capsys.readouterr().out


def test_gradcheck_by_name_and_of_a_model(here, capsys):
    assert main(["gradcheck", "maxpool"]) == 0
    out, _ = capsys.readouterr()
    assert "ok  MaxPool2d(2)" in out and "Conv2d" not in out and "all gradients are right" in out
    tc.save(tc.models.localizer(3, image_size=8, channels=(3,), hidden=4), "model.npz")
    assert main(["gradcheck", "model.npz"]) == 0
    assert "1 checked: all gradients are right" in capsys.readouterr().out
    one_line(capsys, main(["gradcheck", "conv7"]), "conv7", "Linear")


def test_gradcheck_fails_for_a_wrong_backward(monkeypatch, capsys):
    from tinycnn.layers import ReLU

    right = ReLU.backward
    monkeypatch.setattr(ReLU, "backward", lambda self, dy: -right(self, dy))
    assert main(["gradcheck", "ReLU"]) == 1
    out, _ = capsys.readouterr()
    assert "NOT OK" in out and "GRADIENTS ARE WRONG" in out


def test_as_a_module():
    done = subprocess.run([sys.executable, "-m", "tinycnn", "--version"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == f"tinycnn {tc.__version__}\n"


def test_help_shows_every_default(capsys):
    assert main(["--help"]) == 0 and "predict" in capsys.readouterr().out
    assert main(["train", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "of the learning rate (constant | steps | cosine; default cosine)" in text
    assert "default light for scenes, strong for pictures" in text


# Every way to fail: one clear line, a status other than 0, and nothing lost.


def empty(folder):
    folder.mkdir()
    write_rows(folder, [])


def no_annotations(folder):
    photographs(folder)
    (folder / "labels.csv").unlink()


def all_cut_off(folder):
    photographs(folder)
    for path in folder.glob("*.jpg"):
        path.write_bytes(path.read_bytes()[:200])


BAD_DATA = {
    "empty": (empty, "list no picture"),
    "no annotations": (no_annotations, "no annotations"),
    "inverted boxes": (lambda folder: photographs(folder, box=(30, 20, 8, 5)), "no area"),
    "boxes outside": (lambda folder: photographs(folder, box=(130, 120, 180, 150)), "outside the picture"),
    "cut off pictures": (all_cut_off, "nothing usable"),
    "missing": (lambda folder: None, "no file or folder"),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data(case, here, capsys):
    prepare, words = BAD_DATA[case]
    prepare(here / "data")
    before = contents(here)
    one_line(capsys, main(["train", "--data", "data"]), words)
    one_line(capsys, main(["data", "show", "data"]), words)
    assert contents(here) == before and not (here / "runs").exists()


def test_a_folder_without_annotations_is_told_in_a_line_that_can_be_read(here, capsys):
    no_annotations(here / "data")
    line = one_line(capsys, main(["data", "show", "data"]), "12 pictures", "Formats: voc, coco, csv,")
    assert len(line) < 450 and "centre" not in line and "ImageSets" not in line
    assert main(["data", "show", "data", "--debug"]) == 1
    assert "\n  voc: one .xml file per picture" in capsys.readouterr().err


def test_a_cut_off_picture_among_good_ones_is_left_out_and_named(here, capsys):
    photographs(here / "data", 30)
    path = here / "data" / "07.jpg"
    path.write_bytes(path.read_bytes()[:300])
    assert main(["data", "show", "data"]) == 0
    assert "07.jpg" in capsys.readouterr().out


def test_bad_pictures_to_predict(finished, here, capsys):
    PIL.new("RGB", (300, 200), "gray").save("cut.jpg")
    whole = (here / "cut.jpg").read_bytes()
    (here / "cut.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    (here / "text.jpg").write_text("this is no picture")
    (here / "empty").mkdir()
    for name, words in (("cut.jpg", "cut.jpg"), ("text.jpg", "text.jpg"), ("empty", "the folder holds no pictures"),
                        ("none.jpg", "none.jpg: the picture is missing")):
        one_line(capsys, main(["predict", name, "--model", str(finished)]), words)
    one_line(capsys, main(["predict", "a.jpg", "--model", str(finished), "--device", "warp"]), "warp")
    assert not (here / "predictions").exists()


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil",)


def cut_off(path, whole):
    path.write_bytes(whole[: len(whole) // 2])


def pickled(path, whole):
    np.savez(path, meta=np.array([Evil()], dtype=object))


def foreign(path, whole):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")


@pytest.mark.parametrize("damage", [cut_off, pickled, foreign])
def test_bad_models(damage, finished, here, capsys):
    whole = (finished / "model.npz").read_bytes()
    damage(here / "model.npz", whole)
    PIL.new("RGB", (64, 64)).save("a.png")
    for command in (["evaluate", "model.npz"], ["predict", "a.png", "--model", "model.npz"], ["summary", "model.npz"]):
        one_line(capsys, main(command), "model.npz")
    assert not (here / "evil").exists()


def test_a_damaged_checkpoint_is_not_resumed(finished, here, capsys):
    run = here / "run"
    run.mkdir()
    for path in finished.iterdir():
        (run / path.name).write_bytes(path.read_bytes())
    for name in ("checkpoint.npz", "checkpoint.previous.npz"):
        cut_off(run / name, (run / name).read_bytes())
    before = contents(run)
    one_line(capsys, main(["train", "--resume", "--out", "run"]), "checkpoint.npz")
    assert contents(run) == before


def test_a_full_disk_loses_nothing(finished, here, monkeypatch, capsys):
    run = here / "run"
    run.mkdir()
    for name in ("config.json", "model.npz", "checkpoint.npz"):
        (run / name).write_bytes((finished / name).read_bytes())
    before = contents(run)

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    one_line(capsys, main(["train", "--resume", "--out", "run", "--quiet"]), "the disk is full")
    one_line(capsys, main(["train", *TINY, "--epochs", "1", "--quiet"]), "the disk is full")
    assert contents(run) == before  # no half file either


def test_a_folder_without_permission(here, monkeypatch, capsys):
    def locked(self, *arguments, **options):  # a real one would not stop root, as whom tests may run
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "mkdir", locked)
    one_line(capsys, main(["train", *TINY, "--out", "locked/run"]), "no permission", "locked/run", "--out")


def test_a_finished_run_is_not_overwritten(finished, capsys):
    before = contents(finished)
    one_line(capsys, main(["train", *TINY, "--out", str(finished)]), "already holds a run", "--resume")
    assert contents(finished) == before


def test_a_loss_that_explodes_names_the_step(here, capsys):
    status = main(["train", *TINY, "--lr", "1e30", "--clip-norm", "none", "--epochs", "2", "--out", "run", "--quiet"])
    one_line(capsys, status, "loss became", "step", "learning rate")


def test_out_of_memory(here, monkeypatch, capsys):
    def refuse(*arguments, **options):
        raise MemoryError("Unable to allocate 12.0 TiB")

    monkeypatch.setattr("tinycnn.training.fit", refuse)
    one_line(capsys, main(["train", *TINY, "--quiet"]), "out of memory")


@pytest.mark.parametrize(("arguments", "words"), [
    ([], "COMMAND"),
    (["dance"], "dance"),
    (["train", "--epochs", "0"], "expected a whole number, at least 1, got '0'"),
    (["train", "--lr", "fast"], "a number"),
    (["train", "--epoch", "3"], "--epoch"),  # no abbreviations: a later option would change what they mean
    (["train", "--optimizer", "magic"], "magic"),
    (["train", "--channels", "4,,8"], "--channels"),
    (["train", "--valid-fraction", "1"], "less than 1"),
    (["train", "--model", "alexnet", "--hidden", "7"], "--hidden"),
    (["train", "--device", "cuda:77"], "cuda:77"),
    (["train", "--resume"], "--out"),
    (["train", "--resume", "--out", "nowhere"], "no run to resume"),
    (["train", "--config", "nowhere.json"], "nowhere.json"),
    (["evaluate", "nowhere.npz"], "nowhere.npz"),
    (["evaluate"], "no trained model"),
    (["predict", "a.png"], "no trained model"),
    (["summary", "vgg"], "vgg"),
    (["summary", "localizer", "--image-size", "9", "--channels", "1,1,1,1,1"], "too small"),
])
def test_wrong_calls(arguments, words, here, capsys):
    one_line(capsys, main(arguments), "error: ", words)
    assert not contents(here)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"settings": 3}', '{"settings": {"lrr": 1}}',
                                  '{"settings": {"lr": "high"}}', pytest.param("[" * 10**5, id="deep"),
                                  '{"settings": {"data": "scenes", "size": [1]}}'])
def test_a_damaged_config(text, here, capsys):
    (here / "config.json").write_text(text)
    one_line(capsys, main(["train", "--config", "config.json"]), "config.json")


def test_resume_refuses_other_settings(finished, capsys):
    before = contents(finished)
    one_line(capsys, main(["train", "--resume", "--out", str(finished), "--lr", "0.5"]), "--lr")
    assert contents(finished) == before


def test_debug_adds_the_traceback(here, capsys):
    assert main(["evaluate", "nowhere.npz", "--debug"]) == 1
    _, err = capsys.readouterr()
    assert "Traceback" in err and "tinycnn: error: " in err
