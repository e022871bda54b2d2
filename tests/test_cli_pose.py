"""Poses on the command line: trained, measured, predicted, looked into; and calls that make no sense."""

import json

import numpy as np
import pytest
from PIL import Image

from tinycnn.checkpoint import Run
from tinycnn.cli import main
from tinycnn.poses import JOINTS

pytestmark = pytest.mark.slow  # most of it trains

COMMON = ["--size", "24", "--image-size", "32", "--batch-size", "8", "--valid-fraction", "0.2", "--quiet"]
TINY = ["--model", "pose-plain", "--channels", "6,8,8", "--hidden", "10", "--stages", "1", *COMMON]
MAPS = ["--task", "pose", "--channels", "4,6,8,8", *COMMON]
TWO = [*TINY, "--stages", "2", "--epochs", "1", "--second-epochs", "2", "--second-size", "16", "--zoom", "0.6"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("poses") / "run"
    assert main(["train", *TINY, "--epochs", "2", "--out", str(folder)]) == 0
    return folder


def test_a_run_leaves_everything_in_its_folder(run):
    assert {path.name for path in run.iterdir()} == {
        "model.npz", "checkpoint.npz", "checkpoint.previous.npz", "history.csv", "metrics.json", "config.json",
        "curves.png", "predictions.png"}
    metrics = json.loads((run / "metrics.json").read_text())
    assert {"pcp/total", "pck/total", "pckh/total", "mean_pose/pck/total"} <= set(metrics["test"])
    settings = json.loads((run / "config.json").read_text())["settings"]
    assert settings["task"] == "pose" and settings["data"] == "people" and settings["box_loss"] == "smooth-l1"


@pytest.mark.parametrize("stages", ["1", "2"])
def test_drawn_people_are_learned_by_maps(stages, tmp_path, capsys):
    second = ["--second-epochs", "1", "--second-size", "16"] if stages == "2" else []
    assert main(["train", *MAPS, "--epochs", "1", "--stages", stages, *second, "--out", str(tmp_path / "run")]) == 0
    assert json.loads((tmp_path / "run/config.json").read_text())["settings"]["model"] == "pose-maps"
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "run")]) == 0 and "PCK@.2" in capsys.readouterr().out
    assert main(["inspect", str(tmp_path / "run"), "--out", str(tmp_path)]) == 0


def test_it_is_repeated_resumed_and_measured_again(run, tmp_path, capsys):
    assert main(["train", "--config", str(run), "--out", str(tmp_path / "again"), "--quiet"]) == 0
    assert main(["train", "--resume", "--out", str(run), "--quiet"]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(run), "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert main(["evaluate", str(tmp_path / "again"), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert {k: v for k, v in first.items() if k != "model"} == {k: v for k, v in again.items() if k != "model"}
    assert main(["evaluate", str(run)]) == 0
    assert "PCP, strict" in capsys.readouterr().out


def test_two_stages_are_one_model_that_goes_on_where_it_was_interrupted(tmp_path, monkeypatch, capsys):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert main(["train", *TWO, "--out", str(whole)]) == 0
    assert {path.name for path in (whole / "stage-1").iterdir()} >= {"model.npz", "checkpoint.npz", "history.csv"}
    finish = Run.finish_epoch
    for stop in (1, 2):  # once after the first stage's epoch, once after the first of the second's
        done = []

        def interrupted(self, row, done=done, stop=stop):
            finish(self, row)
            done.append(row)
            if len(done) == 1:
                raise KeyboardInterrupt

        monkeypatch.setattr(Run, "finish_epoch", interrupted)
        call = ["train", *TWO, "--out", str(cut)] if stop == 1 else ["train", "--resume", "--out", str(cut), "--quiet"]
        assert main(call) == 130
        assert "tinycnn train --resume" in capsys.readouterr().err
    monkeypatch.undo()
    assert main(["train", "--resume", "--out", str(cut), "--epochs", "5", "--quiet"]) == 2
    assert "a run of 2 stages" in capsys.readouterr().err
    assert main(["train", "--resume", "--out", str(cut), "--quiet"]) == 0
    one, other = (json.loads((folder / "metrics.json").read_text()) for folder in (whole, cut))
    assert one["test"] == other["test"] and {"stage_1/pck/total", "pck/total"} <= set(one["test"])
    capsys.readouterr()
    assert main(["evaluate", str(cut), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pck/total"] == one["test"]["pck/total"]
    picture = tmp_path / "somebody.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 70, 3), dtype=np.uint8)).save(picture)
    assert main(["predict", str(picture), "--model", str(cut), "--no-draw"]) == 0
    assert main(["inspect", str(cut), "--out", str(tmp_path / "looks")]) == 0


def test_people_on_pictures_are_drawn_over_and_listed(run, tmp_path, capsys):
    picture = tmp_path / "somebody.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 70, 3), dtype=np.uint8)).save(picture)
    call = ["predict", str(picture), "--model", str(run), "--out", str(tmp_path / "drawn")]
    assert main(call) == 0
    assert "right ankle" in capsys.readouterr().out
    assert Image.open(tmp_path / "drawn/somebody.png").size == (280, 360)  # four times as large, to be seen
    assert main([*call, "--person", "10,10,50,80", "--json", "--no-draw"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert set(answer["joints"]) == set(JOINTS) and answer["width"] == 70


def test_inspect_writes_one_picture(run, tmp_path, capsys):
    assert main(["inspect", str(run), "--out", str(tmp_path)]) == 0
    assert "torso diagonals off" in capsys.readouterr().out and (tmp_path / "poses.png").exists()


@pytest.mark.parametrize("call, words", [
    (["train", "--task", "pose", "--data", "scenes"], "--task pose learns people"),
    (["train", "--task", "pose", "--box-loss", "l2"], "--box-loss compares numbers, and pose-maps says maps"),
    (["train", "--task", "pose", "--model", "resnet"], "with --model pose-maps or pose or pose-plain or pose-alexnet"),
    (["train", "--data", "people"], "--task localize learns scenes"),
    (["train", *TINY, "--class-weight", "2"], "--class-weight has no meaning for a pose"),
    (["train", *TINY, "--box-loss", "giou"], "giou compares boxes"),
    (["train", "--zoom", "0.4"], "--zoom belongs to --task pose"),
    (["train", *TINY, "--stages", "3"], "at most 2"),
    (["train", *MAPS, "--hidden", "10"], "belongs to other models"),
    (["train", *MAPS, "--image-size", "36"], "must be a multiple of 8 pixels"),
    (["train", *TINY, "--data", "nowhere"], "joints.mat is missing"),
    (["train", *TINY, "--freeze", "box_head:1"], "parts are called trunk"),
    (["predict", "x.png", "--person", "1,2,3"], "expected a box xmin,ymin,xmax,ymax"),
])  # fmt: skip
def test_wrong_calls(tmp_path, monkeypatch, capsys, call, words):
    monkeypatch.chdir(tmp_path)
    assert main(call) not in (0, None)
    _, err = capsys.readouterr()
    assert words in err and err.count("\n") == 1, err


def test_a_person_box_for_a_model_of_boxes_is_refused(tmp_path, capsys, monkeypatch):
    import tinycnn as tc

    monkeypatch.chdir(tmp_path)
    tc.save(tc.models.localizer(2, 16, (4,), 8), tmp_path / "model.npz")
    Image.new("RGB", (20, 20)).save("x.png")
    assert main(["predict", "x.png", "--model", str(tmp_path), "--person", "1,2,9,9"]) == 2
    assert "--person is for models that learned poses" in capsys.readouterr().err
