"""Names in figures: whatever people call their classes, a figure is drawn, shows it, and says what it cannot show."""

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

from tinycnn.data.dataset import Dataset, Samples
from tinycnn.inspection.page import escape
from tinycnn.models import Prediction
from tinycnn.text import aligned, columns, legible, shortened

matplotlib = pytest.importorskip("matplotlib")
pytest.importorskip("PIL.Image")

from tinycnn import plots  # noqa: E402
from tinycnn.plots import labels  # noqa: E402
from tinycnn.plots.annotate import annotate, written  # noqa: E402

UGLY = ("a$b$c", "x^{$", "back\\slash_", "100%", "line\nbreak", "\x1b[31mred", "half\udce9", "n" * 300, "n" * 301,
        "猫" * 40, "кошка", "قطة", "🐱 cat", "<b>&\"'", "𐍈", "\u202etac", "{", "\\frac", " ")  # fmt: skip


@pytest.fixture(autouse=True)
def said_anew():
    labels.advise.cache_clear()


def samples(classes=UGLY):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (30, 40, 3), dtype=np.uint8) for _ in classes]
    return Samples(images, np.arange(len(classes)), [(4, 6, 30, 25)] * len(classes), list(classes), classes)


def answers(part):
    turned = np.roll(part.labels, 1)
    return Prediction(turned, np.full((len(part), len(part.classes)), 0.75), part.boxes.astype(float), part.classes)


@pytest.mark.parametrize(("name", "seen"), [
    ("cat", "cat"), ("a\nb\t c", "a b c"), ("\x1b[2J", "\ufffd[2J"), ("caf\udce9", "caf\ufffd"),
    ("\u202egpj", "\ufffdgpj"), ("\u2028x", "x"), ("猫 é", "猫 é"), ("", ""), (7, "7")])  # fmt: skip
def test_legible(name, seen):
    assert legible(name) == seen
    legible(name).encode("utf-8")  # or raise


def test_columns_of_a_terminal():
    assert [columns(text) for text in ("cat", "猫", "e\u0301", "한국")] == [3, 2, 1, 4]
    assert shortened("猫" * 9, 8) == "猫猫猫…" and shortened("猫" * 4, 8) == "猫" * 4
    assert aligned([("猫", 1), ("a\nb", 22)]) == ["猫    1", "a b  22"]
    assert aligned([("  猫", 1), ("  ab", 2)]) == ["  猫  1", "  ab  2"]


def test_labels_are_short_and_no_two_are_alike():
    with pytest.warns(UserWarning, match="no installed font has all the letters"):
        found = labels.labels(UGLY)
    assert len(set(found)) == len(UGLY) and all(0 < columns(text) <= 18 for text in found)
    assert found[:2] == ["a$b$c", "x^{$"] and found[UGLY.index(" ")] == f"class {len(UGLY) - 1}"
    assert found[4] == "line break" and found[UGLY.index("𐍈")] == f"class {UGLY.index('𐍈')}"
    assert found[7].endswith("… (7)") and found[8].endswith("… (8)")


def test_a_letter_without_a_font_becomes_a_plainer_one(monkeypatch):
    monkeypatch.setattr(labels, "unknown", lambda text: {c for c in text if ord(c) > 0x2FF})
    assert labels.label("ｃａｔ", "x") == "cat" and labels.label("🐱", "x") == "cat face"
    assert labels.title("set 猫", "x") == "set \ufffd" and labels.title("猫", "x") == "x"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("draw", [
    plots.contact_sheet, lambda part: plots.predictions(part, answers(part)),
    lambda part: plots.contact_sheet(part, title="$^{ \\x 猫 \x07"),
], ids=["contact sheet", "predictions", "title"])  # fmt: skip
def test_every_name_is_drawn(draw, tmp_path):
    """Not one warning but the one sentence: matplotlib's own speak of each letter."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        figure = draw(samples())
        plots.save(figure, tmp_path / "a.png")
        figure.savefig(tmp_path / "b.png")  # as people do
    assert [str(warning.message) for warning in said if warning.category is UserWarning] == [labels.ADVICE]
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_numbers_of_a_log_axis_stay_formulas(tmp_path):
    figure = plots.new_figure(2, 2)
    ax = figure.subplots()
    ax.loglog([1e-3, 1e3], [1, 2])
    ax.set_title("$a")
    plots.save(figure, tmp_path / "a.png")
    assert ax.title.get_parse_math() is False
    assert all(tick.get_parse_math() for tick in ax.get_xticklabels())


def test_names_at_an_axis_are_no_formulas(tmp_path):
    from tinycnn.course.drawings.heads import bars

    figure = bars(np.zeros((9, 9, 3), np.uint8), ["$a^{", "b_$", "100%"], np.array([0.1, 0.2, 0.7]))
    plots.save(figure, tmp_path / "a.png")
    assert [tick.get_text() for tick in figure.axes[1].get_yticklabels()] == ["$a^{", "b_$", "100%"]


def test_a_font_that_has_the_letter_is_used(tmp_path):
    """A font made of DejaVu's, in which the letter A stands for a Chinese one."""
    ttLib = pytest.importorskip("fontTools.ttLib")
    from matplotlib import font_manager

    font = ttLib.TTFont(font_manager.findfont("DejaVu Sans"))
    for table in font["cmap"].tables:
        table.cmap = {0x732B: "A"}
    for record in font["name"].names:
        record.string = "Chinese Test"
    font.save(tmp_path / "chinese.ttf")
    before = list(font_manager.fontManager.ttflist)
    font_manager.fontManager.addfont(str(tmp_path / "chinese.ttf"))
    for cached in (labels.installed, labels.fallbacks):
        cached.cache_clear()
    try:
        assert labels.labels(["猫 cat"]) == ["猫 cat"]
        figure = plots.contact_sheet(samples(("猫 cat", "dog")))
        assert figure.axes[0].title.get_fontfamily()[-1] == "Chinese Test"
        assert "Chinese Test" not in figure.axes[1].title.get_fontfamily()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            plots.save(figure, tmp_path / "a.png")
    finally:
        font_manager.fontManager.ttflist[:] = before
        for cached in (labels.installed, labels.fallbacks):
            cached.cache_clear()


def test_names_in_a_drawn_picture():
    image = np.full((120, 200, 3), 90, np.uint8)
    with pytest.warns(UserWarning, match="no installed font"):
        names = written(UGLY)
    assert names[:2] == ["a$b$c", "x^{$"] and names[14] == "class 14"
    for name in (*names, *UGLY):
        drawn = annotate(image, (30, 40, 90, 100), f"{name} 75%")
        assert drawn.size == (400, 240) and (np.asarray(drawn) != 90).any()


def test_html_holds_no_control_characters():
    assert escape("a\x00\x1b\udce9\u202e<b>\n") == "a\ufffd\ufffd\ufffd\ufffd&lt;b&gt;\n"
    escape("\udce9").encode("utf-8")


def test_a_data_set_is_described_in_one_line_for_each_class():
    part = samples()
    text = Dataset("x\x1b[2J", part, part.subset(slice(0, 0)), part.subset(slice(0, 0)), ["a\nb"]).describe()
    assert text.encode("utf-8") and "\x1b" not in text and text.endswith("note: a b")
    assert "\n  line break " in text


@pytest.mark.parametrize("backend", ["nonsense", "module://no.such.module", ""])
def test_a_backend_that_is_not_there_costs_no_figure(backend, tmp_path):
    code = ("import os; from tinycnn import plots; plots.save(plots.new_figure(1, 1), 'a.png')\n"
            "import sys; assert 'matplotlib.pyplot' not in sys.modules; print(os.environ['MPLBACKEND'])")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True,
                          env=os.environ | {"MPLBACKEND": backend, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert (done.returncode, done.stdout.strip()) == (0, backend), done.stderr
    assert (tmp_path / "a.png").exists()


def test_a_backend_that_is_there_is_kept():
    code = "from tinycnn import plots; plots.new_figure(1, 1); import matplotlib; print(matplotlib.rcParams['backend'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env=os.environ | {"MPLBACKEND": "svg", "PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.stdout.strip() == "svg", done.stderr


def test_a_name_never_stops_a_print():
    part = samples(("half\udce9", "\x1b[2J"))
    assert repr(part).encode("utf-8") and "\x1b" not in repr(part)
