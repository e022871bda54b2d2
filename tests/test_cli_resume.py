"""Going on with a run from the command line: longer, with moved pictures, after a kill; and what is refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import tinycnn as tc
from tests.test_cli import contents, one_line, photographs, weights, write_rows
from tinycnn.cli import main
from tinycnn.cli.resume import repeat
from tinycnn.generations import read_checkpoint
from tinycnn.models.weights import load_with_extra, save

pytestmark = pytest.mark.slow  # trainings

PIL = pytest.importorskip("PIL.Image")
ROOT = Path(__file__).parent.parent
NETWORK = ["--image-size", "32", "--channels", "4,8", "--hidden", "16", "--batch-size", "16", "--device", "cpu"]
TRAIN = ["train", "--size", "64", *NETWORK, "--quiet"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty current folder, and nothing is drawn, which would take most of the time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tinycnn.cli.train._draw", lambda *arguments: [])
    return tmp_path


def settings(run):
    return json.loads(Path(run, "config.json").read_text())["settings"]


def same_weights(one, other, file="checkpoint.npz"):
    one, other = weights(Path(one, file)), weights(Path(other, file))
    return all((one[name] == other[name]).all() for name in one)


def resume(*more, quiet=True):
    return main(["train", "--resume", "--out", "run", *(["--quiet"] if quiet else []), *more])


def interrupted(monkeypatch, epoch, call):
    """Ctrl-C in the given epoch."""
    from tinycnn.tasks.localization import Localization

    count, validate = [], Localization.validate

    def stop(*arguments):
        count.append(1)
        if len(count) == epoch:
            raise KeyboardInterrupt
        return validate(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Localization, "validate", stop)
        assert main(call) == 130


# --- how long it is ---


def test_a_run_is_made_longer_and_its_config_says_how_to_repeat_it(capsys):
    assert main([*TRAIN, "--epochs", "1", "--out", "run"]) == 0
    capsys.readouterr()
    assert resume("--epochs", "3", quiet=False) == 0
    assert "of 1 epochs and is one of 3 now: from epoch 2 on the learning rate follows" in capsys.readouterr().out
    config = json.loads(Path("run/config.json").read_text())
    assert config["settings"]["epochs"] == 3 and config["went_on"] == [{"after": 1, "of": 1}]
    assert json.loads(Path("run/metrics.json").read_text())["epochs"] == 3
    first, second = (step.split()[1:] for step in config["repeat"].split(" && "))
    assert second == ["train", "--resume", "--out", "ANOTHER", "--epochs", "3"]
    assert main(first) == 0 and main(second) == 0
    assert same_weights("run", "ANOTHER") and same_weights("run", "ANOTHER", "model.npz")
    assert resume() == 0 and json.loads(Path("run/config.json").read_text()) == config  # still the same run
    capsys.readouterr()
    assert main(["train", "--config", "run", "--out", "whole"]) == 0
    assert "went on to 3. This one follows the schedule over 3 from the start" in capsys.readouterr().out
    assert not same_weights("run", "whole")
    assert main(["train", "--config", "run", "--out", "one", "--epochs", "1"]) == 0
    assert "went on to" not in capsys.readouterr().out


def test_with_a_constant_rate_a_longer_run_is_repeated_by_its_settings():
    call = [*TRAIN, "--schedule", "constant"]
    assert main([*call, "--epochs", "1", "--out", "run"]) == 0 and resume("--epochs", "2") == 0
    repeated = json.loads(Path("run/config.json").read_text())["repeat"].split()[1:]
    assert main([*repeated, "--out", "again"]) == 0 and same_weights("run", "again")


def test_a_run_that_is_killed_after_it_was_made_longer_goes_on_to_the_new_length(monkeypatch):
    assert main([*TRAIN, "--epochs", "1", "--out", "run"]) == 0
    shutil.copytree("run", "whole")
    assert main(["train", "--resume", "--out", "whole", "--epochs", "3", "--quiet"]) == 0
    for epoch in (1, 2):  # before the first epoch more is finished, and after it
        interrupted(monkeypatch, epoch, ["train", "--resume", "--out", "run", "--quiet"]
                    + ["--epochs", "3"] * (epoch == 1))  # fmt: skip
    assert resume() == 0 and same_weights("run", "whole")
    assert json.loads(Path("run/config.json").read_text())["went_on"] == [{"after": 1, "of": 1}]


def test_an_unfinished_run_that_was_made_longer_says_what_its_settings_do_not_repeat(monkeypatch):
    interrupted(monkeypatch, 2, [*TRAIN, "--epochs", "3", "--out", "run"])
    assert resume("--epochs", "2") == 0
    told = json.loads(Path("run/config.json").read_text())["repeat"]
    assert told == ("tinycnn train --config run/config.json  # but this run's rate has followed another schedule than "
                    "that over 2: that over 3 until epoch 1")


def test_a_run_that_went_on_twice_is_repeated_in_three_steps():
    stages = [{"after": 2, "of": 2}, {"after": 4, "of": 4}]
    said = repeat(Path("run"), {"schedule": "steps", "epochs": 9}, stages)
    assert said == ("tinycnn train --config run/config.json --epochs 2 --out ANOTHER && tinycnn train --resume --out "
                    "ANOTHER --epochs 4 && tinycnn train --resume --out ANOTHER --epochs 9")


def test_fewer_epochs_and_a_complete_run(capsys):
    assert main([*TRAIN, "--epochs", "2", "--out", "run"]) == 0
    before = contents("run")
    assert resume("--epochs", "1") == 2
    one_line(capsys, 2, "has 2 epochs behind it, and 1 would be fewer")
    assert contents("run") == before
    assert resume("--epochs", "2", quiet=False) == 0
    assert "the run is complete: 2 epochs of 2 are done" in capsys.readouterr().out
    assert contents("run") == before


def test_a_run_ended_by_its_patience(capsys):
    assert main([*TRAIN, "--epochs", "5", "--lr", "0", "--patience", "1", "--out", "run"]) == 0
    before = contents("run")
    one_line(capsys, resume("--epochs", "6"), "ended by its patience: 1 epoch after epoch 1", "--patience none")
    assert contents("run") == before
    assert resume(quiet=False) == 0
    assert "ended by its patience" in capsys.readouterr().out and contents("run") == before
    assert resume("--patience", "2", quiet=False) == 0
    assert "patience was 1, and is 2 from here on" in capsys.readouterr().out
    assert settings("run")["patience"] == 2 and json.loads(Path("run/metrics.json").read_text())["epochs"] == 3
    assert resume("--patience", "none", "--epochs", "4") == 0 and settings("run")["patience"] is None
    assert json.loads(Path("run/metrics.json").read_text())["epochs"] == 4


# --- the pictures ---


@pytest.fixture
def trained(here, monkeypatch):
    """A run on photographs, interrupted after its first epoch of two; and one that was left alone."""
    photographs(here / "photos", 40)
    call = ["train", "--data", "photos", *NETWORK, "--epochs", "2", "--quiet"]
    assert main([*call, "--out", "whole"]) == 0
    interrupted(monkeypatch, 2, [*call, "--out", "run"])


def test_pictures_that_were_moved_are_found_again(trained, capsys):
    Path("photos").rename("elsewhere")
    one_line(capsys, resume(), "there is no file or folder", "--resume --out run --data FOLDER")
    assert resume("--data", "elsewhere") == 0
    assert same_weights("run", "whole") and settings("run")["data"] == str(Path("elsewhere").absolute())
    assert json.loads(Path("run/config.json").read_text())["data"]["name"] == "elsewhere"
    assert main(["evaluate", "run"]) == 0


def repaint(folder):
    PIL.fromarray(np.full((30, 40, 3), 9, np.uint8)).save(folder / "07.jpg")


def exchange(folder):
    write_rows(folder, [[f"{i:02}.jpg", ("cat", "dog")[(i + (i in (8, 9))) % 2], 8, 5, 30, 20] for i in range(40)])


def rename_class(folder):
    write_rows(folder, [[f"{i:02}.jpg", ("cat", "fox")[i % 2], 8, 5, 30, 20] for i in range(40)])


def move_box(folder):
    write_rows(folder, [[f"{i:02}.jpg", ("cat", "dog")[i % 2], 8, 5, 30, 20 + (i == 6)] for i in range(40)])


@pytest.mark.parametrize("moved", [True, False])
@pytest.mark.parametrize(("change", "words"), [
    (repaint, r"has changed (07.jpg)"),
    (rename_class, "the classes were cat, dog, and are cat, fox"),
    (move_box, "1 box has changed (06.jpg)"),
    (lambda folder: (folder / "11.jpg").unlink(), "1 picture is missing (11.jpg)"),
    (lambda folder: photographs(folder, 41), "1 picture is new (40.jpg)"),
])  # fmt: skip
def test_other_pictures_are_refused_and_named(trained, capsys, change, words, moved):
    folder = Path("photos")
    if moved:
        folder = folder.rename("elsewhere")
    change(folder)
    before = contents("run")
    one_line(capsys, resume(*(["--data", "elsewhere"] if moved else [])), "has learned from", words)
    assert contents("run") == before


def test_exchanged_labels_are_refused(trained, capsys):
    """The sum of all labels is the same, and the division into parts may be another."""
    exchange(Path("photos"))
    one_line(capsys, resume(), "labels have changed (", "08.jpg, 09.jpg")


def test_other_test_pictures_are_said_and_do_not_stop_it(here, monkeypatch, capsys):
    """They teach nothing; but the metrics are of them."""
    photographs(here / "photos", 20)
    for i in range(6):  # no copies of the training pictures
        pixels = np.random.default_rng(i + 50).integers(0, 256, (30, 40, 3), dtype=np.uint8)
        PIL.fromarray(pixels).save(here / "photos" / f"t{i}.jpg")
    lines = ["image,label,xmin,ymin,xmax,ymax,split"]
    lines += [f"{i:02}.jpg,{('cat', 'dog')[i % 2]},8,5,30,20,train" for i in range(20)]
    lines += [f"t{i}.jpg,{('cat', 'dog')[i % 2]},8,5,30,20,test" for i in range(6)]
    (here / "photos" / "labels.csv").write_text("\n".join(lines) + "\n")
    interrupted(monkeypatch, 2, ["train", "--data", "photos", *NETWORK, "--epochs", "2", "--out", "run", "--quiet"])
    assert len(read_checkpoint(here / "run/checkpoint.npz").samples["test"].names) == 6
    (here / "photos" / "t3.jpg").unlink()
    capsys.readouterr()
    assert resume() == 0
    err = capsys.readouterr().err
    assert "other test pictures, or with other answers to them: 1 picture is missing (t3.jpg)" in err


@pytest.mark.parametrize(("change", "words"), [({"dropout": 0.7}, "dropout was 0.5, is 0.7"),
                                               ({"lr": 0.5}, "lr was 0.001, is 0.5"), ({"seed": 3}, "seed was 0, is 3"),
                                               ({"init": "/no/model.npz"}, "init was None, is /no/model.npz"),
                                               ({"orientation": "stored"}, "orientation was None, is stored"),
                                               ({"beta": 2.0}, "beta was 1.0, is 2.0"),
                                               ({"size": 1000}, "size was None, is 1000"),
                                               ({"channels": [4, 6]}, "channels was [4, 8], is [4, 6]"),
                                               ({"warmup": 0.5}, "warmup was 0.05, is 0.5")])  # fmt: skip
def test_an_edited_config_is_refused_by_name(trained, capsys, change, words):
    config = json.loads(Path("run/config.json").read_text())
    config["settings"] |= change
    Path("run/config.json").write_text(json.dumps(config))
    was = contents("run")
    one_line(capsys, resume(), "with other settings", words)
    assert contents("run") == was


@pytest.fixture
def three(here, monkeypatch):
    """Runs on drawn scenes, interrupted in their third epoch: one, and another with another seed."""
    for name, seed in (("run", "0"), ("other", "1")):
        interrupted(monkeypatch, 3, [*TRAIN, "--epochs", "3", "--seed", seed, "--out", name])


def test_a_model_of_another_run_in_the_folder_is_noticed_and_stays_as_it_is(three, capsys):
    shutil.copy("run/model.npz", "mine.npz")
    for foreign in ("other/model.npz", "run/checkpoint.npz"):
        shutil.copy(foreign, "run/model.npz")
        was = contents("run")
        one_line(capsys, resume("--epochs", "5"), "model.npz is not the file that this run wrote", "the best so far")
        assert contents("run") == was
    Path("run/model.npz").unlink()
    was = contents("run")
    one_line(capsys, resume("--epochs", "5"), "model.npz is gone", "put it back")
    assert contents("run") == was
    shutil.copy("mine.npz", "run/model.npz")
    assert resume() == 0


def test_a_model_that_was_written_just_before_the_kill_is_the_runs_own(three, capsys):
    shutil.copytree("run", "whole")
    assert main(["train", "--resume", "--out", "whole", "--quiet"]) == 0
    model, extra, arrays = load_with_extra("whole/model.npz")
    save(model, "run/model.npz", extra | {"epoch": 3}, arrays)  # of the epoch that the checkpoint does not know
    assert resume() == 0 and same_weights("run", "whole", "model.npz")


@pytest.mark.parametrize("command", ["evaluate", "inspect"])
def test_without_config_json_nobody_guesses_what_a_model_has_learned_from(trained, capsys, command):
    Path("run/config.json").unlink()
    one_line(capsys, main([command, "run"]), "run/model.npz", "no config.json", "--data")
    assert command == "inspect" or main([command, "run", "--data", "photos"]) == 0


def without_samples(path):
    model, extra, arrays = load_with_extra(path)
    save(model, path, extra, {name: array for name, array in arrays.items() if not name.startswith("samples/")})


def test_a_run_of_an_earlier_version_goes_on_with_moved_pictures_and_says_what_is_not_checked(trained, capsys):
    without_samples(Path("run/checkpoint.npz"))
    Path("photos").rename("elsewhere")
    assert resume("--data", "elsewhere", quiet=False) == 0
    assert "was not checked" in capsys.readouterr().out
    assert same_weights("run", "whole")


def learned(capsys, *more):
    assert main(["evaluate", "whole", *more]) == 0
    return capsys.readouterr().err


def test_evaluate_counts_what_was_learned_from_by_content(trained, capsys):
    assert not learned(capsys)
    copy = Path(shutil.copytree("photos", "more"))
    photographs(copy, 41)
    PIL.fromarray(np.full((30, 40, 3), 9, np.uint8)).save(copy / "40.jpg")
    assert "test pictures were learned from" in learned(capsys, "--data", "more")  # one more divides them otherwise
    assert "test pictures were learned from" in learned(capsys, "--data-seed", "3")
    assert "test pictures were learned from, and" in learned(capsys, "--test-fraction", "0.5", "--data-seed", "1")
    shutil.rmtree("photos")  # what it learned from is gone, and is still known
    assert "test pictures were learned from" in learned(capsys, "--data", "more")
    shutil.copy("whole/model.npz", "alone.npz")
    assert main(["evaluate", "alone.npz", "--data", "more", "--data-seed", "3"]) == 0
    assert "were learned from" in capsys.readouterr().err


def test_inspect_counts_them_too(trained, capsys, monkeypatch):
    monkeypatch.setattr("tinycnn.inspection.report", lambda *arguments, **options: ("report.html", "nothing"))
    assert main(["inspect", "whole", "--data-seed", "3"]) == 0
    assert "test pictures were learned from" in capsys.readouterr().err


def test_a_model_of_an_earlier_version_is_looked_up_where_its_pictures_were(trained, capsys):
    without_samples(Path("whole/model.npz"))
    assert not learned(capsys)
    assert "test pictures were learned from" in learned(capsys, "--data-seed", "3")
    Path("photos").rename("elsewhere")
    assert not learned(capsys, "--data", "elsewhere")


def test_what_learns_without_epochs_keeps_its_pictures_too(capsys):
    photographs(Path("photos"), 40)
    assert main(["train", "--data", "photos", "--model", "hog-svm", "--image-size", "32", "--out", "whole"]) == 0
    assert "were learned from" in learned(capsys, "--data-seed", "3")


# --- the weights it begins with ---


def test_a_run_killed_in_its_first_epoch_begins_again_with_the_weights_it_was_given(monkeypatch):
    assert main([*TRAIN, "--epochs", "1", "--out", "first"]) == 0
    call = [*TRAIN, "--epochs", "1", "--init", "first", "--lr", "1e-4"]
    assert main([*call, "--out", "whole"]) == 0
    assert main([*call, "--out", "run"]) == 0
    for name in ("model.npz", "checkpoint.npz", "history.csv", "metrics.json"):  # as after kill -9 in its first epoch
        Path("run", name).unlink()
    assert resume() == 0 and same_weights("run", "whole")


@pytest.mark.parametrize(("classes", "words"), [
    (("cat", "dog"), "(trunk, class_head, box_head)"),
    (("owl", "cat", "dog"), "class_head anew: the classes are others (there cat, dog; here cat, dog, owl)"),
    (("fox", "dog"), "class_head anew: the classes are others (there cat, dog; here dog, fox)"),
])  # fmt: skip
def test_what_begins_as_given_and_what_anew_is_said(trained, capsys, classes, words):
    photographs(Path("others"), 40)
    write_rows(Path("others"), [[f"{i:02}.jpg", classes[i % len(classes)], 8, 5, 30, 20] for i in range(40)])
    for given in ("whole", "whole/", "whole/model.npz", "./whole/../whole"):
        out = f"run-{given.count('/')}-{given.count('.')}"
        assert main(["train", "--data", "others", *NETWORK, "--epochs", "1", "--init", given, "--out", out]) == 0
        assert words in capsys.readouterr().out


# --- one at a time, and after a kill ---


def start(*call):
    return subprocess.Popen([sys.executable, "-m", "tinycnn", *call], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=os.environ | {"PYTHONPATH": str(ROOT), "TINYCNN_THREADS": "1"}, text=True)  # fmt: skip


def test_of_runs_started_at_once_in_one_folder_one_trains_and_the_others_say_why_not():
    for attempt in range(2):
        out = f"run-{attempt}"
        runs = [start(*TRAIN, "--epochs", "1", "--out", out) for _ in range(3)]
        said = [run.communicate()[1] for run in runs]
        assert sorted(run.returncode for run in runs)[0] == 0
        refused = [err for run, err in zip(runs, said, strict=True) if run.returncode]
        assert len(refused) == 2
        for err in refused:
            assert err.count("\n") == 1 and ("another training is writing" in err or "already holds a run" in err), err
        assert not [name for name in os.listdir(out) if name.startswith(".")]


def test_a_run_killed_at_once_or_later_is_resumed_to_the_same_bits_and_leaves_no_halves(monkeypatch):
    call = [*TRAIN, "--epochs", "4", "--augment", "strong"]
    monkeypatch.setenv("TINYCNN_THREADS", "1")  # as in the others
    assert main([*call, "--out", "whole"]) == 0
    rng, run = np.random.default_rng(0), start(*call, "--out", "run")
    while not Path("run/config.json").exists():
        time.sleep(0.005)
    for _ in range(4):
        time.sleep(rng.uniform(0, 0.1))
        run.send_signal(signal.SIGKILL)
        run.communicate()
        Path("run/.model.npz.abcdefgh.part").write_bytes(b"half")
        before = time.monotonic()
        run = start("train", "--resume", "--out", "run", "--quiet")
        while Path("run/.model.npz.abcdefgh.part").exists() and time.monotonic() < before + 30:
            time.sleep(0.005)
    assert run.wait() == 0
    assert same_weights("run", "whole") and same_weights("run", "whole", "model.npz")
    assert not [name for name in os.listdir("run") if name.startswith(".")]


def test_a_claim_that_was_left_behind_by_a_kill_stops_nobody():
    assert main([*TRAIN, "--epochs", "1", "--out", "run"]) == 0
    Path("run/.claim").write_bytes(b"")
    assert resume("--epochs", "2") == 0 and not Path("run/.claim").exists()


def test_a_failed_first_epoch_leaves_its_name_free(monkeypatch, capsys):
    call = [*TRAIN, "--epochs", "1", "--out", "run"]
    assert main([*call, "--lr", "1e30", "--batch-size", "4"]) == 1
    one_line(capsys, 1, "loss became")
    assert not os.path.exists("run")
    assert main([*TRAIN, "--epochs", "1", "--lr", "1e30", "--batch-size", "4"]) == 1
    assert os.listdir("runs") == []
    assert main(call) == 0


# --- wrong calls ---


@pytest.mark.parametrize("call", [["--lr", "inf"], ["--lr", "nan"], ["--lr=-inf"], ["--config", ""], ["--epochs", "0"],
                                  ["--out", ""], ["--data", ""], ["--init", ""], ["--weight-decay", "inf"],
                                  ["--config", "nowhere"], ["--resume", "--out", "x", "--config", ""],
                                  ["--resume", "--out", "run", "--epochs", "0"]])  # fmt: skip
def test_values_that_cannot_be_meant_are_one_line(call, here, capsys):
    assert main(["train", *call]) == 2
    one_line(capsys, 2, "error: ")
    assert not contents(here)


@pytest.mark.parametrize("call", [["evaluate", ""], ["inspect", ""], ["predict", "a.png", "--model", ""],
                                  ["predict", "a.png", "--out", ""], ["data", "show", ""]])  # fmt: skip
def test_an_empty_path_is_not_the_current_folder(call, capsys):
    assert main(call) == 2
    one_line(capsys, 2, "expected the path of a file or folder, got ''")


@pytest.mark.parametrize("threads", ["abc", "-1", "1.5", "²"])
@pytest.mark.parametrize("call", [["train"], ["evaluate"], ["summary"]])
def test_a_number_of_threads_that_is_none(threads, call, monkeypatch, here, capsys):
    monkeypatch.setenv("TINYCNN_THREADS", threads)
    assert main(call) == 2
    one_line(capsys, 2, "TINYCNN_THREADS is a number of threads, got")
    assert not contents(here)


def test_a_rate_that_is_no_number_is_refused_by_the_optimizers():
    for options in ({"lr": float("inf")}, {"lr": float("nan")}, {"lr": 0.1, "weight_decay": float("inf")}):
        with pytest.raises(ValueError, match="must not be negative or infinite"):
            tc.optim.SGD(tc.layers.Linear(2, 2), **options)


def test_the_checkpoint_of_another_run_is_passed_over(monkeypatch, capsys):
    for out, seed in (("whole", "0"), ("other", "1"), ("run", "0")):
        call = [*TRAIN, "--epochs", "3", "--seed", seed, "--out", out]
        assert main(call) == 0 if out != "run" else interrupted(monkeypatch, 3, call) is None
    shutil.copy("other/checkpoint.npz", "run")
    with pytest.warns(UserWarning, match="with other settings: .* The one before it, .*, with 1 epoch behind it"):
        assert resume() == 0
    assert same_weights("run", "whole") and Path("run/checkpoint.other.npz").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_a_second_ctrl_c_prints_no_traceback():
    for number, pause in enumerate((0.0, 0.02, 0.1)):
        call = [sys.executable, "-m", "tinycnn", *TRAIN, "--epochs", "500", "--out", f"run{number}"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        run = subprocess.Popen(call, stderr=subprocess.PIPE, text=True, env=environment,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # shells may ignore it
        while not Path(f"run{number}/checkpoint.npz").exists():
            time.sleep(0.01)
        for _ in range(2):
            run.send_signal(signal.SIGINT)
            time.sleep(pause)
        _, err = run.communicate(timeout=60)
        assert run.returncode in (130, -signal.SIGINT) and "Traceback" not in err, err
