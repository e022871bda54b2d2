"""tc.explore and the command: what goes into the page, what is refused; that nothing in it can be run or fetched."""

import base64
import hashlib
import re
import shutil

import numpy as np
import pytest
from explore.networks import HOSTILE, Halve, network_of_all_layers, pictures, told_of

import tinycnn as tc
from tinycnn.cli import main
from tinycnn.data.dataset import Dataset, Samples
from tinycnn.errors import DataError
from tinycnn.explorer import SHOWN, choose, explore
from tinycnn.explorer.sources import ROOT, TAUGHT, sources
from tinycnn.layers import Flatten, Linear, ReLU, Sequential
from tinycnn.models.localizer import Localizer


def small(**options):
    settings = {"num_classes": 5, "image_size": 16, "channels": (4,), "hidden": 6, "classes": HOSTILE}
    return tc.models.localizer(**settings | options)


def test_it_is_one_page_that_runs_only_its_own_script(tmp_path):
    page = tc.explore(small(), pictures(6, side=16), tmp_path / "page.html", name=HOSTILE[4], mistakes=False)
    html = (tmp_path / "page.html").read_text("utf-8")
    assert html == page.html and html.count("<!doctype html>") == 1 and "{{" not in html.split("<script")[0]
    scripts = re.findall(r"<script>(.*?)</script>", html, re.S)
    assert len(scripts) == 1  # whatever a class is called
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]
    assert f"script-src 'sha256-{digest}'" in policy and policy.startswith("default-src 'none'")
    assert not re.search(r"(src|href)=.?https?:", html)
    assert HOSTILE[0] not in html and HOSTILE[4] not in html and "蝴蝶" in html
    assert told_of(tmp_path / "page.html")["classes"] == list(HOSTILE)


def test_a_notebook_shows_it_in_a_frame():
    page = explore(small(), pictures(3, side=16), mistakes=False)
    frame = page._repr_html_()
    assert frame.startswith("<iframe") and 'sandbox="allow-scripts"' in frame and "<script" not in frame
    assert "MB" in repr(page)


def test_wrong_answers_come_first_and_a_chosen_picture_before_them():
    model, samples = network_of_all_layers(), pictures(20, seed=5)
    order = choose(model, samples)
    assert len(order) == len(set(order)) == SHOWN
    said = model.predict(samples.images)
    right = (said.labels == samples.labels) & (tc.boxes.iou(said.boxes, samples.boxes) >= 0.5)
    assert not right[order[:3]].any()
    assert choose(model, samples, 13)[0] == 13 and len(choose(model, samples, 13)) == SHOWN
    assert choose(model, samples.subset([0, 1])) in ([0, 1], [1, 0])


def test_a_layer_of_ones_own_goes_along_with_its_values(tmp_path):
    rng = np.random.default_rng(0)
    trunk = Sequential(Flatten(), Linear(16 * 16 * 3, 8, rng=rng), Halve(), ReLU(), input_shape=(16, 16, 3))
    model = Localizer(trunk, Linear(8, 5, rng=rng), Linear(8, 4, rng=rng), HOSTILE, 16)
    explore(model, pictures(2, side=16), tmp_path / "page.html", mistakes=False)
    told = told_of(tmp_path / "page.html")
    assert [node["name"] for node in told["nodes"] if not node["computed"]] == ["trunk.halve1"]
    keys = [entry["key"] for entry in told["index"]]
    assert {"trunk.halve1.y", "trunk.halve1.dx.class", "trunk.halve1.dx.box"} <= set(keys)


def test_a_subclass_of_a_known_layer_is_a_layer_of_ones_own(tmp_path):
    ReLU_ = type("ReLU", (ReLU,), {"__module__": "mine"})
    model = small()
    model.trunk = Sequential(**{**model.trunk.children(), "relu1": ReLU_()})
    explore(model, pictures(2, side=16), tmp_path / "page.html", mistakes=False)
    told = told_of(tmp_path / "page.html")
    assert [node["name"] for node in told["nodes"] if not node["computed"]] == ["trunk.relu1"]


def test_what_cannot_be_explored_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(TypeError, match="explore shows localizers"):
        explore(Linear(2, 2), pictures(2))
    with pytest.raises(DataError, match="at least one picture"):
        explore(small(), pictures(6, side=16).subset([]))
    with pytest.raises(DataError, match="numbered 0 to 5"):
        explore(small(), pictures(6, side=16), picture=6)
    (tmp_path / "mine.html").write_text("mine")
    with pytest.raises(DataError, match="stays as it is"):
        explore(small(), pictures(2, side=16), tmp_path / "mine.html", mistakes=False)
    assert (tmp_path / "mine.html").read_text() == "mine"
    huge = small()
    huge.trunk.children()["fc1"].w.value = np.zeros((4000, 4000), np.float32)
    with pytest.raises(DataError, match="at most 12,000,000 numbers; this one has 16,000"):
        explore(huge, pictures(2, side=16))
    broken = small()
    broken.trunk.children()["fc1"].w.value[0, 0] = np.nan
    with pytest.raises(tc.TinyCNNError, match="no numbers"):
        explore(broken, pictures(2, side=16))


def test_classes_that_the_model_lacks_are_refused_as_elsewhere(tmp_path):
    few, many = pictures(6, side=16, classes=tuple("abc")), pictures(20, side=16, classes=tuple("abcdefghij"))
    model = small(num_classes=3, classes=None)
    for look in explore, tc.mistakes, tc.evaluate, tc.lr_find:
        with pytest.raises(DataError, match=r"samples have 10 classes, but the model has 3 \(0 to 2\): build it with"):
            look(model, many)
    tc.fit(model, few, epochs=1, progress=False)
    for look in explore, tc.mistakes, tc.evaluate:
        with pytest.raises(DataError, match="the model does not know: d, e, f, g, h, i, j. It knows: a, b, c"):
            look(model, many)
    turned = Samples(few.images, 2 - few.labels, few.boxes, few.names, tuple("cba"))
    explore(model, turned, tmp_path / "page.html", mistakes=False)
    told = told_of(tmp_path / "page.html")
    assert [told["classes"][picture["label"]] for picture in told["pictures"]] == \
        [picture["name"].split()[1][0] for picture in told["pictures"]]  # the names say what is in them


@pytest.mark.parametrize("wrong, told", [
    ({"rate": float("nan")}, "rate must be a number above 0, or None, got nan"), ({"rate": 0}, "got 0"),
    ({"rate": float("inf")}, "got inf"), ({"rate": "0.1"}, "got '0.1'"), ({"rate": True}, "got True"),
    ({"picture": 1.5}, "picture must be a whole number, 0 or more, or None, got 1.5"), ({"picture": "1"}, "got '1'"),
    ({"picture": True}, "got True"), ({"picture": np.arange(2)}, "got array")])
def test_what_is_no_such_number_is_refused_in_a_sentence(wrong, told):
    with pytest.raises(ValueError, match="explore: .*" + re.escape(told)):
        explore(small(), pictures(6, side=16), **wrong)


def test_numbers_of_numpy_are_numbers(tmp_path):
    explore(small(), pictures(6, side=16), tmp_path / "page.html", rate=np.float32(0.5), picture=np.int64(4),
            mistakes=False)
    told = told_of(tmp_path / "page.html")
    assert told["rate"] == 0.5 and told["numbers"][0] == 4


def test_a_whole_data_set_or_an_array_is_no_part():
    samples = pictures(6, side=16)
    with pytest.raises(TypeError, match="explore takes one part of a data set here: data.train, data.valid or data.te"):
        explore(small(), Dataset("three parts", samples, samples, samples))
    for wrong in None, samples.images:
        with pytest.raises(TypeError, match="explore takes Samples, got"):
            explore(small(), wrong)


def test_the_lines_shown_are_those_of_the_library():
    found = sources([*TAUGHT, "Unknown"])
    assert found["Conv2d"]["forward"]["text"].startswith("def forward(self, x: Array)")
    lines = open(tc.layers.conv.__file__, encoding="utf-8").read().splitlines()
    assert lines[found["Conv2d"]["backward"]["line"] - 1].strip().startswith("def backward")
    assert found["Conv2d"]["forward"]["file"] == "tinycnn/layers/conv.py" and found["Unknown"] == {}
    for kind in TAUGHT:
        assert (ROOT / found[kind]["lesson"]["path"]).exists()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "first"
    assert main(["train", "--size", "40", "--epochs", "1", "--channels", "4,4", "--hidden", "8", "--image-size", "32",
                 "--out", str(folder)]) == 0
    return folder


def test_the_command_writes_the_page_of_a_run(run, tmp_path, capsys):
    out = tmp_path / "page.html"
    assert main(["explore", str(run), "--part", "valid", "--picture", "1", "--out", str(out)]) == 0
    assert "Open it in a browser" in capsys.readouterr().out
    told = told_of(out)
    assert told["pictures"][0]["name"] == "valid-00001" and told["numbers"][0] == 1
    assert told["epochs"]["curves"]["epoch"] == [1] and len(told["mistakes"]) >= 5


@pytest.mark.parametrize("words, told", [
    (["--picture", "9999"], "numbered 0 to"), (["--part", "all"], "invalid choice"),
    (["--picture", "-1"], "at least 0"), (["--out", "."], "is a folder")])
def test_a_wrong_call_is_one_line(run, tmp_path, monkeypatch, capsys, words, told):
    monkeypatch.chdir(tmp_path)
    assert main(["explore", str(run), *words]) == 2
    assert told in capsys.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize("name, content", [
    ("epochs.npz", b""), ("epochs.npz", b"PK\3\4 cut off"), ("history.csv", b""), ("history.csv", b"epoch,loss\n1\n")])
def test_damaged_epochs_cost_their_tab_and_nothing_else(run, tmp_path, name, content):
    folder, out = tmp_path / "run", tmp_path / "page.html"
    shutil.copytree(run, folder)
    (folder / name).write_bytes(content)
    with pytest.warns(UserWarning, match=f"the page comes without the tab Epochs: .*{name} is damaged") as said:
        assert main(["explore", str(folder), "--out", str(out)]) == 0
    assert len(said) == 1
    told = told_of(out)
    assert told["epochs"] is None and told["pictures"] and told["mistakes"]


@pytest.mark.slow  # the report makes all its figures; painted they are in tests/inspection
def test_the_report_of_inspect_links_to_it(run, tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("tinycnn.plots.look._written", lambda figure, kind: b"")
    assert main(["inspect", str(run), "--out", str(tmp_path)]) == 0
    assert 'href="explore.html"' in (tmp_path / "report.html").read_text("utf-8")
    assert (tmp_path / "explore.html").exists() and "explore.html" in capsys.readouterr().out
