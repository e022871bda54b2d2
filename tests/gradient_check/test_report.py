"""What people see: the table, the notebook's table, the figures; and the quick check during training."""

import numpy as np
import pytest
from mutants import MUTANTS

import tinycnn as tc
from tinycnn.backend import to_device
from tinycnn.gradient_check import gradcheck, quick_check
from tinycnn.layers import Conv2d, Linear, ReLU

pytestmark = pytest.mark.slow  # reports drawn

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def test_the_table_of_a_right_layer():
    report = gradcheck(Linear(4, 3), numbers(5, 4))
    first, head, *rows = str(report).splitlines()
    assert first == "Linear(4, 3): ok   (seed 0, auto)"
    assert head.split() == ["tensor", "shape", "checked", "worst", "error", "where", "analytic", "numeric", "verdict"]
    assert [row.split()[0] for row in rows[:3]] == ["x", "w", "b"]
    assert all(row.endswith(" ok") and "exact, all" in row for row in rows[:3])
    assert report.summary == "ok" and report.families == []


def test_the_table_of_a_wrong_layer_says_where_how_much_and_why():
    report = BY_NAME["weight gradient negative"].check()
    assert report.summary == "w is wrong"
    worst_error, where, analytic, numeric = report["w"].worst
    assert worst_error == pytest.approx(2) and analytic == pytest.approx(-numeric)
    line = next(line for line in str(report).splitlines() if line.strip().startswith("w "))
    assert "WRONG" in line and where in line and f"{analytic:.5g}" in line
    assert "> sign: every number has the wrong sign" in str(report)


def test_a_diagnosis_that_tensors_share_is_spelled_out_once():
    text = str(BY_NAME["upstream ignored"].check())
    assert text.count("the gradient is the same for every dy") == 1 and text.count("dy ignored: as x") == 2


def test_a_wrong_network_names_the_layer_to_blame():
    rng = np.random.default_rng(0)
    wrong = BY_NAME["kernel not turned"].make(rng)
    network = tc.layers.Sequential(Conv2d(2, 2, 3, rng=rng), ReLU(), bad=wrong)
    report = gradcheck(network, numbers(2, 6, 5, 2), mode="directional")
    assert "layer by layer: wrong on its own is bad" in report.notes


class Shift(tc.layers.Layer):
    """In place, as it must not be."""

    def forward(self, x):
        x -= 0.3
        self.remember(output=x)
        return x

    def backward(self, dy):
        self.recall(dy)
        return dy


class Exp(tc.layers.Layer):
    """Keeps its output, which the next layer then spoils."""

    def forward(self, x):
        y = np.exp(x)
        self.remember(y, output=y)
        return y

    def backward(self, dy):
        (y,) = self.recall(dy)
        return dy * y


def test_a_layer_that_writes_into_its_input_is_named():
    network = tc.layers.Sequential(tc.layers.Linear(5, 5), Exp(), shift=Shift())
    assert "layer by layer: shift.forward writes into" in str(gradcheck(network, numbers(2, 5)))
    assert "forward writes into its input x" in str(gradcheck(Shift(), numbers(2, 5)))
    wrong = BY_NAME["kernel not turned"].make(np.random.default_rng(0))
    both = tc.layers.Sequential(bad=wrong, relu=ReLU(), shift=Shift())
    told = str(gradcheck(both, numbers(2, 6, 5, 2), mode="directional"))
    assert "wrong on its own is bad; shift.forward writes into" in told


@pytest.mark.slow
def test_a_network_put_together_wrongly_blames_no_layer():
    report = BY_NAME["skips an activation"].check()
    assert any("right on their own and none is wrong" in note for note in report.notes)


def test_the_notebook_table_escapes_what_it_shows():
    html = gradcheck(Linear(4, 3), numbers(5, 4), title="<script>alert(1)</script>")._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html and html.count("<tr>") == html.count("</tr>") == 4
    wrong = BY_NAME["upstream ignored"].check()._repr_html_()
    assert "✗ not ok" in wrong and "WRONG" in wrong and "dy ignored" in wrong


@pytest.mark.parametrize("name", ["kernel not turned", "linear bias summed too far", "every tie wins"])
def test_every_report_can_be_drawn(name):
    pytest.importorskip("matplotlib")
    report = BY_NAME[name].check()
    figure = report.plot()
    curves, *rest = figure.axes
    assert curves.get_xlabel() and curves.get_ylabel() and curves.get_xscale() == curves.get_yscale() == "log"
    maps = [ax for ax in rest if ax.images]
    assert len(maps) == sum(t.verdict == "wrong" for t in report.tensors)
    assert all(ax.get_xlabel() for ax in maps)
    assert figure._repr_png_()[:4] == b"\x89PNG"


def small_model():
    return tc.models.localizer(num_classes=3, image_size=8, channels=(4, 6), hidden=16, dropout=0.3, seed=1)


def batch(device):
    rng = np.random.default_rng(2)
    x, targets = numbers(4, 8, 8, 3), numbers(4, 4, seed=3)
    return to_device(x, device), (rng.integers(3, size=4), to_device(targets, device))


def test_quick_check_of_a_model_in_training(device):
    model, (x, truth) = small_model().to(device), batch(device)
    generators = [layer.rng.bit_generator.state for _, layer in model.layers() if hasattr(layer, "rng")]
    values = {name: (p.value, p.grad) for name, p in model.parameters().items()}
    report = quick_check(model, tc.MultiTaskLoss(), x, truth, seed=5)
    assert report.ok, report
    assert [t.name for t in report.tensors] == ["all parameters"]
    assert all(p.value is values[name][0] and p.grad is values[name][1] for name, p in model.parameters().items())
    assert generators == [layer.rng.bit_generator.state for _, layer in model.layers() if hasattr(layer, "rng")]


def test_quick_check_finds_and_names_a_mistake_anywhere():
    model, (x, truth) = small_model(), batch("cpu")
    backward = type(model.trunk["conv2"]).backward

    class WrongBias(Conv2d):
        def backward(self, dy, input_gradient=True):
            dx = backward(self, dy, input_gradient)
            self.b.grad = -self.b.grad
            return dx

    model.trunk["conv2"].__class__ = WrongBias
    report = quick_check(model, tc.MultiTaskLoss(), x, truth, seed=5)
    assert not report.ok
    assert [(t.name, t.family) for t in report.tensors if t.verdict != "ok"] == [("trunk.conv2.b", "sign")]
    assert any("wrong on its own is" in note and "conv2" in note for note in report.notes)


def test_gradcheck_is_a_name_of_the_library():
    assert tc.gradcheck is gradcheck
