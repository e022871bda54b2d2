"""tinycnn sweep: every combination once, whatever interrupts it, and a choice that no test picture has a say in."""

import csv
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.test_cli import contents, one_line, weights
from tinycnn.cli import main
from tinycnn.cli.combinations import combinations, folder_name, varied_options

ROOT = Path(__file__).parent.parent
FIXED = ["--size", "64", "--image-size", "32", "--channels", "4,8", "--hidden", "16", "--batch-size", "16", "--epochs",
         "2", "--device", "cpu"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty current folder, and nothing is drawn, which would take most of the time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tinycnn.cli.train._draw", lambda *arguments: [])
    monkeypatch.setattr("tinycnn.cli.sweep.draw", lambda *arguments: False)
    return tmp_path


@pytest.fixture
def trained(monkeypatch):
    """The settings of all trainings that are begun, in their order; nothing is trained."""
    seen = []

    def train_one(call, load):
        seen.append(call)
        folder = Path(call.out)
        folder.mkdir(parents=True, exist_ok=True)
        if not call.resume:
            settings = {name: value for name, value in vars(call).items()
                        if name not in ("out", "config", "resume", "quiet", "progress", "argv")}
            (folder / "config.json").write_text(json.dumps({"settings": settings}))
        joint = 0.1 + call.lr if hasattr(call, "lr") else 0.2
        scores = {"accuracy": joint, "mean_iou": joint, "joint": joint, "count": 8}
        metrics = {"best_epoch": 1, "valid": scores, "test": scores | {"joint": 0.987 - joint}}
        (folder / "metrics.json").write_text(json.dumps(metrics))

    monkeypatch.setattr("tinycnn.cli.train.train_one", train_one)
    return seen


def ran(*words):
    return main(["sweep", *words])


def test_every_combination_is_trained_once_and_the_next_time_none(trained, capsys):
    call = ["--lr", "0.01,0.03", "--dropout", "0,0.5", "--out", "out", "--", *FIXED]
    assert ran(*call) == 0
    assert [(one.dropout, one.lr) for one in trained] == [(0.0, 0.01), (0.0, 0.03), (0.5, 0.01), (0.5, 0.03)]
    assert {(one.epochs, one.size, one.seed) for one in trained} == {(2, 64, 0)}
    assert {path.name for path in Path("out").iterdir()} == {
        "dropout=0.0,lr=0.01", "dropout=0.5,lr=0.01", "dropout=0.0,lr=0.03", "dropout=0.5,lr=0.03", "sweep.csv"}
    before = capsys.readouterr().out
    assert "4 runs in out: 4 to train" in before
    assert ran(*call) == 0 and len(trained) == 4
    after = capsys.readouterr().out
    assert "4 runs in out: 4 ended before" in after
    assert after.partition("\n\ndropout ")[2] == before.partition("\n\ndropout ")[2] != ""
    assert ran("--lr", "0.01,0.03,0.1", *call[2:]) == 0 and [one.lr for one in trained[4:]] == [0.1, 0.1]


def test_without_dashes_what_has_one_value_is_the_same_for_all(trained):
    assert ran("--lr", "0.01,0.03", "--epochs", "2", "--balance", "no", "--out", "out") == 0
    assert [(one.lr, one.epochs) for one in trained] == [(0.01, 2), (0.03, 2)]


def test_values_with_commas_and_yes_and_no(trained):
    assert ran("--channels", "4,8/8,16", "--balance", "yes,no", "--patience", "none,3", "--out", "out") == 0
    assert {(one.channels, one.balance, one.patience) for one in trained} == set(
        itertools.product([(4, 8), (8, 16)], [True, False], [None, 3]))
    assert "channels=4-8,balance=yes,patience=none" in os.listdir("out")


def test_a_config_is_the_base_of_all(trained):
    Path("base").mkdir()
    Path("base/config.json").write_text(json.dumps({"settings": {"hidden": 77, "lr": 0.5}}))
    assert ran("--lr", "0.01,0.03", "--out", "out", "--", "--config", "base") == 0
    assert [(one.lr, one.hidden) for one in trained] == [(0.01, 77), (0.03, 77)]


def test_the_choice_is_made_on_validation_pictures_and_no_other_test_metric_is_shown(trained, capsys):
    """The better a run of these is on validation pictures, the worse on test pictures."""
    assert ran("--lr", "0.01,0.3,0.05", "--out", "out") == 0
    told = capsys.readouterr().out
    assert "Chosen by the validation pictures (joint): lr 0.3." in told and "0.587" in told
    assert "0.877" not in told and "0.837" not in told  # of the others
    assert "0.877" not in Path("out/sweep.csv").read_text()
    with open("out/sweep.csv") as file:
        rows = list(csv.DictReader(file))
    assert [(row["lr"], row["best_epoch"], row["valid_joint"]) for row in rows] == [
        ("0.01", "1", "0.11"), ("0.05", "1", "0.15"), ("0.3", "1", "0.4")]


def test_the_order_of_typing_changes_neither_runs_nor_table(trained, capsys):
    assert ran("--lr", "0.01,0.03", "--seed", "0,1", "--balance", "yes,no", "--out", "out") == 0
    assert len(trained) == 8
    assert ran("--balance", "no,yes", "--seed", "2,1,0", "--lr", "0.03,0.01", "--out", "out") == 0
    assert [(one.lr, one.balance, one.seed) for one in trained[8:]] == list(
        itertools.product([0.01, 0.03], [False, True], [2]))
    table, told = Path("out/sweep.csv").read_text(), capsys.readouterr().out.partition("\n\nlr ")[2]
    assert "12 runs in out: 4 to train, 8 ended before" in told
    told = told.rpartition("\nlr ")[2]
    assert ran("--seed", "0,2,1", "--lr", "0.01,0.03", "--balance", "yes,no", "--out", "out") == 0
    assert Path("out/sweep.csv").read_text() == table and len(trained) == 12
    assert capsys.readouterr().out.endswith(told)
    assert folder_name({"seed": 0, "lr": 0.01}) == folder_name({"lr": 0.01, "seed": 0}) == "lr=0.01,seed=0"


@pytest.mark.parametrize(("option", "words", "values"), [
    ("patience", "3,none,2", [None, 2, 3]), ("channels", "8,4/4,16/4,8", [(4, 8), (4, 16), (8, 4)]),
    ("model", "hog-svm,localizer", ["localizer", "hog-svm"]), ("freeze", "trunk:3,none", [None, ("trunk", 3)]),
    ("format", "none", [None]), ("balance", "yes,no", [False, True]),
])  # fmt: skip
def test_values_of_every_kind_have_an_order(option, words, values):
    assert getattr(varied_options().parse_args([f"--{option}", words]), option) == values


def test_names_of_folders_are_safe_and_no_two_alike():
    several = {"init": ["/a/b c.npz", "/a/b-c.npz", None], "channels": [(4, 8), (48,)], "data": ["x" * 300, "x" * 301]}
    names = [folder_name(combination) for combination in combinations(several)]
    assert len(set(names)) == 12 and max(map(len, names)) < 128
    assert not [name for name in names if set(name) & set("/\\ :*?\"<>|\n")]
    assert folder_name({"lr": 0.01, "dropout": 0.0}) == "dropout=0.0,lr=0.01"


@pytest.mark.parametrize(("call", "words"), [
    (["--lr", "0.1"], "nothing is varied"),
    (["--lr", "0.1,0.2"], "--out runs/sweep"),
    (["--lr", "0.1,two", "--out", "out"], "two"),
    (["--model", "localizer,tree", "--out", "out"], "expected some of localizer"),
    (["--balance", "yes,perhaps", "--out", "out"], "yes or no"),
    (["--lr", "0.1,0.2", "--out", "out", "--", "--lr", "0.3"], "--lr stands before and behind"),
    (["--lr", "0.1,0.2", "--out", "out", "--", "--out", "other"], "--out stands before and behind"),
    (["--lr", "0.1,0.2", "--out", "out", "--", "--nothing"], "--nothing"),
    (["--dropout", "0,0.5", "--out", "out", "--", "--model", "haar"], "--dropout"),
    (["--lr", "0.1,0.2", "--out", "out", "--", "--valid-fraction", "0"], "--valid-fraction"),
])  # fmt: skip
def test_wrong_calls_are_one_line_before_anything_is_trained(call, words, trained, capsys):
    one_line(capsys, ran(*call), words)
    assert not trained and not Path("out").exists()


def test_other_settings_in_a_folder_are_refused_and_it_stays(trained, capsys):
    call = ["--lr", "0.01,0.03", "--out", "out", "--"]
    assert ran(*call, "--epochs", "2") == 0
    before = contents("out")
    one_line(capsys, ran(*call, "--epochs", "3"), "was trained with epochs 2, and this sweep says 3")
    assert contents("out") == before and len(trained) == 2
    assert ran(*call, "--epochs", "2", "--workers", "0") == 0 and len(trained) == 2  # changes no result
    Path("out/sweep.csv").write_text("my own\n")
    one_line(capsys, ran(*call, "--epochs", "2"), "sweep.csv exists already")
    one_line(capsys, ran(*call[:3], str(next(Path("out").glob("lr*")))), "is the folder of a run")


def test_a_dry_run_trains_nothing(trained, capsys):
    assert ran("--lr", "0.01,0.03", "--out", "out", "--dry-run") == 0
    told = capsys.readouterr().out
    assert "lr 0.03  new" in told and not trained and not Path("out").exists()


# Whole trainings.


@pytest.mark.slow
def test_a_sweep_trains_as_train_does_and_draws_its_data_once(monkeypatch, capsys):
    from tinycnn.cli import runs

    seen, load = [], runs.load_data
    monkeypatch.setattr(runs, "load_data", lambda settings: seen.append(settings) or load(settings))
    assert ran("--lr", "0.003,0.01", "--quiet", "--out", "out", "--", *FIXED) == 0
    assert len(seen) == 1
    assert main(["train", *FIXED, "--lr", "0.01", "--out", "alone", "--quiet"]) == 0
    one, other = weights("out/lr=0.01/checkpoint.npz"), weights("alone/checkpoint.npz")
    assert all((one[name] == other[name]).all() for name in other)
    assert json.loads(Path("out/lr=0.01/metrics.json").read_text())["test"] == \
        json.loads(Path("alone/metrics.json").read_text())["test"]


@pytest.mark.slow
def test_a_run_that_diverges_does_not_end_the_others(capsys):
    assert ran("--lr", "1e30,0.003", "--optimizer", "sgd", "--quiet", "--out", "out", "--", *FIXED) == 1
    told = capsys.readouterr().out
    assert "failed: the" in told and "Failed: lr 1e+30: the" in told and "Chosen by the validation pictures" in told
    assert Path("out/lr=0.003/metrics.json").exists()


@pytest.mark.slow
def test_poses_are_swept_and_compared_by_their_own_measures(capsys):
    call = ["--lr", "0.001,0.003", "--quiet", "--out", "out", "--", "--model", "pose-plain", *FIXED]
    assert ran(*call) == 0
    told = capsys.readouterr().out
    assert "valid PCP  valid PCK" in told and "Chosen by the validation pictures (PCK): lr 0.00" in told
    with open("out/sweep.csv") as file:
        (one, other) = csv.DictReader(file)
    metrics = json.loads(Path("out/lr=0.003/metrics.json").read_text())
    assert float(other["valid_pck"]) == pytest.approx(metrics["valid"]["pck/total"], abs=1e-5)
    assert main(["compare", "out", "--no-figure"]) == 0
    assert "test PCP  test PCK" in capsys.readouterr().out


@pytest.mark.slow
def test_data_without_validation_pictures_are_refused(capsys):
    call = ["--lr", "0.003,0.01", "--out", "out", "--", *FIXED, "--valid-fraction", "0.001"]
    one_line(capsys, ran(*call), "has none: give a larger --valid-fraction")


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(monkeypatch, capsys):
    from tinycnn.tasks.localization import Localization

    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(Localization, "validate", stop)
    assert ran("--lr", "0.003,0.01", "--quiet", "--out", "out", "--", *FIXED) == 130
    assert "interrupted; the same command goes on where it stopped" in capsys.readouterr().err


@pytest.mark.slow
def test_a_sweep_that_is_killed_goes_on_with_the_same_bits():
    call = ["sweep", "--lr", "0.003,0.01", "--seed", "0,1", "--quiet", "--out"]
    fixed = ["--", *FIXED[:-4], "--epochs", "6", "--device", "cpu"]

    def start():
        return subprocess.Popen([sys.executable, "-m", "tinycnn", *call, "killed", *fixed], text=True,
                                env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    assert main([*call, "whole", *fixed]) == 0
    rng, kills = np.random.default_rng(0), 0
    while kills < 3:
        run, before = start(), len(list(Path("killed").glob("*/checkpoint.npz")))
        deadline = time.monotonic() + 60
        while len(list(Path("killed").glob("*/checkpoint.npz"))) == before and run.poll() is None and \
                time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.3))
        run.send_signal(signal.SIGKILL)
        run.communicate()
        kills += 1
    last = start()
    told, complaints = last.communicate()
    assert last.returncode == 0 and "Chosen by the validation pictures" in told, complaints
    for folder in ("lr=0.003,seed=0", "lr=0.003,seed=1", "lr=0.01,seed=0", "lr=0.01,seed=1"):
        for file in ("model.npz", "checkpoint.npz"):
            one, other = weights(Path("whole", folder, file)), weights(Path("killed", folder, file))
            assert all((one[name] == other[name]).all() for name in one)
        one, other = (json.loads(Path(out, folder, "metrics.json").read_text()) for out in ("whole", "killed"))
        assert one["test"] == other["test"] and one["best_epoch"] == other["best_epoch"]
