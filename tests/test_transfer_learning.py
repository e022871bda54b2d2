"""Going on with a trunk that has learned before: frozen at first, then at a rate of its own, from Python and the
command line, and resumed with the same bits."""

import json

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.cli import main
from tinycnn.errors import CheckpointError

pytestmark = pytest.mark.slow  # trainings

SMALL = dict(num_classes=3, image_size=32, channels=(6, 8), hidden=10)
TRAIN = ["train", "--model", "resnet", "--channels", "6,8", "--hidden", "10", "--image-size", "32", "--size", "24",
         "--valid-fraction", "0.2", "--batch-size", "12", "--quiet"]  # fmt: skip


@pytest.fixture(scope="module")
def data():
    return tc.data.scenes(n=24, image_size=32, valid=6, test=0, seed=0)


def model_of(data):
    return tc.models.resnet_localizer(len(data.classes), 32, (6, 8), 10, classes=data.classes, seed=1)


def numbers(model, part="trunk"):
    held = model.parameters() | model.buffers()
    return {name: each.value.copy() for name, each in held.items() if name.startswith(part)}


def same(one, other):
    return all((one[name] == other[name]).all() for name in one)


def fit(model, data, epochs=3, **how):
    optimizer = tc.optim.Adam(model, lr=1e-2, rates=how.pop("rates", None))
    return tc.fit(model, data.train, data.valid, epochs=epochs, batch_size=12, optimizer=optimizer, progress=False,
                  **how)


def test_a_frozen_part_begins_to_learn_when_its_epochs_are_over(data):
    model, seen = model_of(data), []
    fit(model, data, freeze=("trunk", 2),
        on_epoch=lambda row, model: seen.append((numbers(model), numbers(model, "box_"))))
    (first, first_head), (second, second_head), (third, _) = seen
    assert same(first, second) and same(first, numbers(model_of(data))) and not same(second, third)
    assert not same(first_head, second_head)
    assert not model.trunk.frozen


def test_a_rate_of_zero_and_a_frozen_trunk_leave_the_same_weights(data):
    """But a frozen one also keeps its running averages."""
    frozen, slow = model_of(data), model_of(data)
    fit(frozen, data, freeze=("trunk", 3))
    fit(slow, data, rates={"trunk": 0.0})
    weights = {name: value for name, value in numbers(frozen).items() if "running" not in name}
    assert same(weights, numbers(slow)) and not same(numbers(frozen), numbers(slow))


@pytest.mark.parametrize("stop", [1, 2])
def test_a_resumed_run_has_the_same_bits(data, tmp_path, stop):
    class Stop(Exception):
        pass

    def interrupt(row, model):
        if row["epoch"] == stop:
            raise Stop

    whole, cut = model_of(data), model_of(data)
    how = dict(freeze=("trunk", 2), rates={"trunk": 0.3})
    fit(whole, data, 4, **how)
    with pytest.raises(Stop):
        fit(cut, data, 4, out=tmp_path, on_epoch=interrupt, **dict(how))
    again = model_of(data)
    fit(again, data, 4, out=tmp_path, resume=True, **how)
    assert same(numbers(whole, ""), numbers(again, ""))


@pytest.mark.parametrize("freeze", ["trunk", ("trunk",), ("head", 2), ("trunk", -1), ("trunk", 1.5), ("trunk.relu1", 2),
                                    3])  # fmt: skip
def test_what_cannot_be_frozen(data, freeze):
    with pytest.raises(ValueError, match=r"such as \('trunk', 3\), got .*; parts are called trunk, trunk.conv1"):
        fit(model_of(data), data, freeze=freeze)


def test_resume_with_another_freeze_is_refused(data, tmp_path):
    fit(model_of(data), data, 1, out=tmp_path, freeze=("trunk", 1))
    with pytest.raises(CheckpointError, match="freeze"):
        fit(model_of(data), data, 1, out=tmp_path, resume=True, freeze=("trunk", 2))


# --- the command line ---


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    folder = tmp_path_factory.mktemp("earlier") / "run"
    assert main([*TRAIN, "--epochs", "1", "--out", str(folder)]) == 0
    return folder


def test_a_run_begins_with_another_runs_weights(earlier, tmp_path, capsys):
    call = [word for word in TRAIN if word != "--quiet"]
    assert main([*call, "--epochs", "1", "--init", str(earlier), "--freeze", "trunk:1", "--trunk-rate", "0.1",
                 "--seed", "3", "--out", str(tmp_path / "run")]) == 0  # fmt: skip
    out, _ = capsys.readouterr()
    assert "arrays of weights begin as in" in out
    assert same(numbers(tc.load(earlier / "model.npz")), numbers(tc.load(tmp_path / "run/model.npz")))
    settings = json.loads((tmp_path / "run/config.json").read_text())["settings"]
    assert settings["freeze"] == ["trunk", 1] and settings["init"] == str(earlier) and settings["trunk_rate"] == 0.1
    assert main(["train", "--config", str(tmp_path / "run"), "--out", str(tmp_path / "again"), "--quiet"]) == 0
    assert same(numbers(tc.load(tmp_path / "run/model.npz"), ""), numbers(tc.load(tmp_path / "again/model.npz"), ""))


def test_a_finished_run_resumes_without_the_weights_it_began_with(earlier, tmp_path):
    run = tmp_path / "run"
    began = tmp_path / "began"
    began.mkdir()
    (began / "model.npz").write_bytes((earlier / "model.npz").read_bytes())
    assert main([*TRAIN, "--epochs", "1", "--init", str(began), "--out", str(run)]) == 0
    (began / "model.npz").unlink()
    assert main(["train", "--resume", "--out", str(run), "--quiet"]) == 0


@pytest.mark.parametrize("call, words", [
    (["--init", "nothing.npz"], "there is no file"),
    (["--freeze", "trunk"], "as trunk:3"),
    (["--freeze", "trunk:x"], "a whole number"),
    (["--freeze", "nose:2"], "parts are called trunk"),
    (["--trunk-rate", "-1"], "at least 0"),
    (["--model", "localizer", "--variant", "one-gpu"], "localizer has no such choice"),
])  # fmt: skip
def test_wrong_calls(tmp_path, capsys, call, words):
    assert main([*TRAIN, "--epochs", "1", "--out", str(tmp_path / "run"), *call]) != 0
    _, err = capsys.readouterr()
    assert words in err and err.count("\n") == 1, err


def test_weights_of_another_architecture(earlier, tmp_path, capsys):
    assert main([*TRAIN, "--model", "localizer", "--init", str(earlier), "--out", str(tmp_path / "run")]) == 1
    _, err = capsys.readouterr()
    assert "another trunk" in err and err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_large_network_says_what_it_needs(data):
    from tinycnn.cli.train import _what_it_needs

    class Large:
        def parameters(self):
            return {"w": tc.layers.Parameter(np.broadcast_to(np.float32(0), (57_000_000,)))}

    settings = {"optimizer": "adam", "batch_size": 16, "init": None, "freeze": None, "epochs": 3}
    size, advice = _what_it_needs(Large(), data, settings)
    assert "57 million parameters take 0.9 GB in training" in size and "24 pictures are few" in advice
    assert len(list(_what_it_needs(Large(), data, settings | {"init": "runs/one"}))) == 1
    assert not list(_what_it_needs(tc.models.localizer(), data, settings))


def test_another_model_on_the_data_of_an_earlier_run(earlier, tmp_path):
    """It begins with its own settings: the channels and the rate of the first would be wrong for it."""
    assert main(["train", "--config", str(earlier), "--model", "localizer", "--image-size", "32", "--epochs", "1",
                 "--out", str(tmp_path / "run"), "--quiet"]) == 0  # fmt: skip
    folders = earlier, tmp_path / "run"
    one, other = (json.loads((folder / "config.json").read_text())["settings"] for folder in folders)
    assert other["size"] == one["size"] == 24 and other["channels"] == [16, 32, 64, 256] and not other["mirror"]
