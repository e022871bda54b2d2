"""What tinycnn train can be told of its steps, its classes and its pictures, and that fit is told the same."""

import json

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.cli import ingredients, main, train
from tinycnn.cli.options import MODELS
from tinycnn.generations import read_checkpoint

TINY = ["--size", "24", "--image-size", "32", "--channels", "4", "--hidden", "8", "--epochs", "1", "--batch-size", "8",
        "--valid-fraction", "0.3", "--quiet"]  # fmt: skip


def settings_of(folder):
    return read_checkpoint(folder / "checkpoint.npz").settings


def test_a_run_is_steered_and_goes_on_as_it_was(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(train, "_draw", lambda *given: [])  # of no matter here
    out = tmp_path / "run"
    how = ["--accumulate", "2", "--average", "0.9", "--mix", "cutmix", "--mix-alpha", "0.5", "--label-smoothing", "0.1",
           "--class-weights", "bottle=2,fish=0.5"]  # fmt: skip
    assert main(["train", *TINY, *how, "--out", str(out)]) in (0, None)
    was = settings_of(out)
    assert was["accumulate"] == 2 and was["average"] == 0.9 and was["mix"].startswith("CutMix(alpha=0.5")
    assert "label_smoothing=0.1" in was["loss"] and "WeightedCrossEntropy(class_weights=[" in was["loss"]
    config = json.loads((out / "config.json").read_text("utf-8"))
    assert config["class_weights"]["bottle"] == 2 and config["class_weights"]["fish"] == 0.5
    assert sorted(config["class_weights"].values())[1:-1] == [1.0] * 8
    loss = ingredients.loss_of_run(out / "model.npz")
    assert loss.class_loss.class_weights == list(config["class_weights"].values())
    assert main(["train", "--resume", "--out", str(out), "--epochs", "2", "--quiet"]) in (0, None)
    assert len((out / "history.csv").read_text("utf-8").splitlines()) == 3
    capsys.readouterr()


def test_balanced_weights_let_every_class_count_alike():
    labels, square = np.array([0, 0, 0, 0, 1, 1]), np.zeros((6, 4, 4, 3), np.uint8)
    train = tc.data.Samples(square, labels, [[0, 0, 2, 2]] * 6, "abcdef", ("often", "twice", "never"))
    weights = ingredients.class_weights({"class_weights": "balanced"}, train)
    assert weights == {"often": 0.75, "twice": 1.5, "never": 1.0}
    assert ingredients.class_weights({"class_weights": None}, train) is None


def test_without_them_the_loss_is_as_before():
    settings = {"box_loss": "l2", "task": "localize", "label_smoothing": 0.1, "mix": "none", "class_weight": 1,
                "box_weight": 2}  # fmt: skip
    assert repr(ingredients.loss_of(settings)) == \
        "MultiTaskLoss(class_weight=1.0, box_weight=2.0, box_loss=L2Loss(), label_smoothing=0.1)"


@pytest.mark.parametrize("options, said", [
    (["--class-weights", "circle"], "balanced, or classes with their weights"),
    (["--class-weights", "circle=-1"], "at least 0"),
    (["--class-weights", "unicorn=2"], "there is no class 'unicorn'"),
    (["--mix", "blend"], "invalid choice: 'blend'"),
    (["--average", "1"], "less than 1"),
    (["--task", "pose", "--mix", "mixup"], "--mix has no meaning for a pose"),
    (["--model", "hog-svm", "--accumulate", "2"], "--accumulate has no meaning for hog-svm"),
])  # fmt: skip
def test_what_cannot_be_meant_is_one_sentence(options, said, tmp_path, capsys):
    tiny = [] if "--task" in options or "--model" in options else TINY
    assert main(["train", *tiny, *options, "--out", str(tmp_path / "run")]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_a_network_of_many_heads_is_looked_at_in_python(tmp_path, capsys):
    tc.save(tc.models.multi_head({"kind": ["a", "b"], "box": "box"}, image_size=8, channels=(4,), hidden=8),
            tmp_path / "model.npz")
    for command in (["evaluate", str(tmp_path)], ["inspect", str(tmp_path), str(tmp_path)],
                    ["predict", "--model", str(tmp_path), str(tmp_path)]):  # fmt: skip
        assert main(command) == 2
        assert "holds a network of the heads kind, box, and commands know those" in capsys.readouterr().err
    assert main(["summary", str(tmp_path)]) in (0, None) and "heads.box.fc1" in capsys.readouterr().out
    assert "multi-head" not in MODELS
