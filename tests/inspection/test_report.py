"""The report: one file, nothing fetched, nothing executed, everything from outside escaped, whatever the network."""

import base64
import re
from html.parser import HTMLParser
from unittest import mock

import numpy as np
import pytest
from inspection.looks import network, pictures, unchanged

import tinycnn as tc
from tinycnn.data.dataset import Dataset, Samples
from tinycnn.inspection import head_gradients, report
from tinycnn.inspection.page import POLICY, Page, mark
from tinycnn.layers import Flatten, Linear, Sequential
from tinycnn.models.localizer import Localizer
from tinycnn.plots import look

pytestmark = pytest.mark.slow  # processes and pictures of their own, half a minute in all

pytest.importorskip("matplotlib")
WRITTEN = look._written
PNG = b"\x89PNG, of a figure"
HOSTILE = '<script>alert("1")</script>'


class Reader(HTMLParser):
    """Collects tags, links and texts; checks that what is opened is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.texts, self.open = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.links += [value for name, value in attributes if name in ("src", "href", "data", "action", "srcset")]
        if tag not in ("meta", "img", "br", "link", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.texts.append(text)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The report about a trained network whose class, picture and model names are hostile."""
    classes = (HOSTILE, "a & b", "`back`")
    parts = [pictures(n, seed=seed) for n, seed in ((60, 1), (20, 2), (20, 3))]
    parts = [Samples(p.images, p.labels, p.boxes, [f"{HOSTILE}{name}" for name in p.names], classes) for p in parts]
    model = network(channels=(8, 12), hidden=16, classes=classes)
    tc.fit(model, parts[0], epochs=3, batch_size=16, optimizer=tc.optim.Adam(model, lr=3e-3), progress=False)
    data = Dataset(HOSTILE, *parts, notes=[])
    out = tmp_path_factory.mktemp("report") / "not yet there"
    return unchanged(model, lambda: report(model, data, out, name=HOSTILE))


@pytest.fixture(scope="module", autouse=True)
def undrawn():
    """Figures are made and not painted, which would take most of the time; the tests of each look draw theirs."""
    with mock.patch.object(look, "_written", lambda figure, kind: PNG):
        yield


@pytest.fixture(scope="module")
def page(written):
    return Reader(written[0].read_text("utf-8"))


def test_it_is_one_file_that_fetches_and_runs_nothing(written, page):
    path, _ = written
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]
    assert not page.open and not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "form", "base"}
    assert all(link.startswith(("data:image/png;base64,", "#part-")) for link in page.links)
    policies = [a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policies == [POLICY] and POLICY.startswith("default-src 'none'")
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    text = path.read_text("utf-8")
    style = re.search("<style>(.*?)</style>", text, re.DOTALL)[1]
    assert "url(" not in style and "@import" not in style
    assert not re.search("https?://", text)


def test_what_comes_from_outside_is_shown_and_not_obeyed(page):
    assert any(HOSTILE in text for text in page.texts)
    assert any("a & b" in text for text in page.texts)


def test_every_picture_is_whole_and_described(page):
    pictures = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(pictures) >= 14 and all(attributes["alt"] for attributes in pictures)
    for attributes in pictures:
        assert base64.b64decode(attributes["src"].partition(",")[2], validate=True) == PNG


def test_contents_lead_to_the_sections(page):
    targets = [link for link in page.links if link.startswith("#")]
    assert targets == [f"#{attributes['id']}" for tag, attributes in page.tags if tag == "section"]
    said = " ".join(page.texts)
    parts = ["In short", "What it predicts", "What it is made of", "One training step under the microscope",
             "Tug of war", "Where a gradient comes from", "What a convolution computes", "Which pixels matter"]
    assert all(part in said for part in parts)


def test_the_findings_are_in_it(written, page):
    said = " ".join(" ".join(page.texts).split())
    for finding in written[1].findings:
        assert finding.check in said and " ".join(finding.measured.split()) in said


def test_the_heads_balance_is_one_number_throughout(tmp_path):
    """More pictures than one batch, so that two choices of a batch could differ."""
    train, model = pictures(60, seed=1), network(channels=(8,), hidden=8)
    tc.fit(model, train, epochs=1, batch_size=16, progress=False)
    seen = []
    with mock.patch("tinycnn.inspection.report.head_gradients",
                    lambda *arguments: seen.append(head_gradients(*arguments)) or seen[-1]):
        _, diagnosis = report(model, train, tmp_path)
    (drawn,) = seen
    assert drawn.balanced_box_weight == diagnosis["heads"].numbers["balanced box_weight"]


def test_a_network_without_convolutions_and_samples_alone(tmp_path):
    rng = np.random.default_rng(0)
    trunk = Sequential(Flatten(), Linear(768, 8, rng=rng), input_shape=(16, 16, 3))
    model = Localizer(trunk, Linear(8, 3, rng=rng), Linear(8, 4, rng=rng), ("disc", "square", "cross"), 16)
    path, _ = report(model, pictures(24), tmp_path)
    assert "has none" in path.read_text("utf-8")


def test_a_network_for_other_classes_gets_a_short_report(tmp_path):
    path, diagnosis = report(network(num_classes=2, classes=("a", "b")), pictures(24), tmp_path)
    assert not diagnosis.ok and "num_classes=3" in path.read_text("utf-8")
    assert "What it predicts" not in path.read_text("utf-8")


def test_a_figure_is_embedded_as_it_is_painted():
    with mock.patch.object(look, "_written", WRITTEN):
        text = str(Page("a", "b").section("c").figure(lambda: look.new_figure(1, 1), "empty"))
    (picture,) = re.findall('<img alt="empty" src="data:image/png;base64,([^"]+)">', text)
    assert base64.b64decode(picture, validate=True)[:8] == b"\x89PNG\r\n\x1a\n"


def test_paragraphs_know_code_and_nothing_else():
    page = Page("a <b>", "c").section("d & e").text("use `x < y` <i>").table([("k", "v"), ("<td>", mark("wrong"))])
    text = str(page)
    assert "<code>x &lt; y</code> &lt;i&gt;" in text and "<h2>d &amp; e</h2>" in text
    assert "&lt;td&gt;" in text and '<span class="mark wrong">wrong</span>' in text
    assert "<title>a &lt;b&gt;</title>" in text


def test_the_command(tmp_path, monkeypatch, capsys):
    from tinycnn.cli import main

    monkeypatch.chdir(tmp_path)
    asked = []
    parts = [pictures(n) for n in (4, 3, 3)]
    monkeypatch.setattr("tinycnn.cli.runs.load_data", lambda settings: Dataset(settings["data"], *parts, notes=[]))
    monkeypatch.setattr("tinycnn.inspection.report", lambda model, data, out, loss, name, explorer: (
        asked.append((model.classes, data.name, out, loss, name, explorer)) or f"{out}/report.html", "the diagnosis"))
    (tmp_path / "runs").mkdir()
    tc.save(network(), tmp_path / "runs" / "first" / "model.npz")
    assert main(["inspect", "runs/first", "photographs", "--out", "seen"]) == 0
    assert asked == [(network().classes, "photographs", "seen", None, "first", "explore.html")]  # no settings: no loss
    assert capsys.readouterr().out == ("the diagnosis\n\nThe whole report: seen/report.html\n"
                                       "One step to walk through: seen/explore.html\n")
    assert (tmp_path / "seen" / "explore.html").exists()
    assert main(["inspect", "--data", "scenes"]) == 0  # the newest run
    assert asked[1][1:] == ("scenes", "inspection", None, "first", "explore.html")
    assert main(["inspect", "runs/first", "photographs", "--data", "scenes"]) == 2
    assert main(["inspect", "nowhere.npz"]) == 1
