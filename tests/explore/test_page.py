"""The page in a browser: whatever is clicked, every number that it shows is NumPy's; and it works without a mouse."""

import numpy as np
import pytest
from explore.browser import axe_file
from explore.networks import HOSTILE, SEEN, Halve, network_of_all_layers, pictures, told_of
from explore.numbers import Numbers, shown

import tinycnn as tc
from tinycnn.box_losses import GIoULoss, SmoothL1Loss
from tinycnn.explorer import explore
from tinycnn.explorer.epochs import read
from tinycnn.layers import Conv2d, Flatten, Linear, ReLU, Sequential
from tinycnn.losses import MultiTaskLoss
from tinycnn.models.localizer import Localizer

pytestmark = pytest.mark.slow  # a browser, and a network of all layers

# What a page shows, with what it says the numbers are. An open <details> counts, a closed one is not shown.
COLLECT = """[...document.querySelectorAll("SELECTOR .n")].filter((one) => one.checkVisibility())
    .map((one) => [one.textContent, String(typeof one.of === "function" ? one.of() : one.of)])"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """(path of a page, Numbers of the same step)."""
    model, samples = network_of_all_layers(), pictures(6, seed=9)
    loss = MultiTaskLoss(box_weight=2.0, label_smoothing=0.1)
    path = tmp_path_factory.mktemp("page") / "page.html"
    explore(model, samples, path, loss=loss, name=HOSTILE[0], mistakes=False)
    told = told_of(path)
    return path, Numbers(model, samples.subset(told["numbers"]), loss, told["rate"])


@pytest.fixture(scope="module")
def page(browser, written):
    page = browser.open(written[0], script=SEEN)
    page.wait("document.body.dataset.ready === 'yes'")
    yield page
    page.close()


def expect_numbers(page, numbers, selector="#detail"):
    """Every number below `selector` is NumPy's to the digits shown; returns how many there are."""
    found = page.evaluate(COLLECT.replace("SELECTOR", selector))
    for text, words in found:
        value, half = shown(text)
        truth = numbers.value(words)
        assert abs(value - truth) <= half * 1.001 + 1e-9 * abs(truth), \
            f"{text} is shown for {words[:200]}, NumPy: {truth}"
    return len(found)


def test_its_arrays_are_those_of_numpy(page, written):
    numbers = written[1]
    for picture in (0, 4):
        for i in range(len(numbers.nodes)):
            mine = page.evaluate(f"Array.from(stepOf({picture}).values[{i}])")
            np.testing.assert_allclose(mine, numbers.step.values[i][picture].reshape(-1), rtol=1e-9, atol=1e-12)
            for head in ("class", "box"):
                mine = page.evaluate(f"Array.from(stepOf({picture}).gradients('{head}')[{i}])")
                truth = numbers.step.gradients[head][i][picture].reshape(-1)
                np.testing.assert_allclose(mine, truth, rtol=1e-9, atol=1e-12)
        for head in ("class", "box"):
            for name, truth in numbers.step.parameters[head].items():
                mine = page.evaluate(f"Array.from(stepOf({picture}).parameters('{head}')['{name}'])")
                np.testing.assert_allclose(mine, truth[picture].reshape(-1), rtol=1e-9, atol=1e-12)


def click_unit(page, node, unit):
    """Click with the mouse where a card draws a unit."""
    page.evaluate(f"document.querySelector('[data-node=\"{node}\"]')?.scrollIntoView({{block: 'center'}}), 0")
    place = page.evaluate(f"""(() => {{
        const {{body}} = cards.find((card) => card.node?.number === {node}), area = body.canvas.getBoundingClientRect();
        const [x, y] = body.middle(body.drawn({list(unit)}));
        return [area.left + x, area.top + y];
    }})()""")
    page.click(*place)
    assert page.evaluate("[state.node, ...state.unit]") == [node, *unit]


def test_whatever_is_clicked_its_numbers_are_those_of_numpy(page, written):
    numbers, rng, counted = written[1], np.random.default_rng(1), 0
    ends = numbers.step.graph.class_end, numbers.step.graph.box_end
    clicks = [(node, mode) for node in range(len(numbers.nodes)) if node not in ends
              for mode in ("forward", "backward") for _ in range(3)]
    assert len(clicks) >= 100
    for node, mode in clicks:
        head = ["class", "box", "both"][rng.integers(3)]
        numbers.picture = int(rng.integers(6))
        page.evaluate(f"change({{picture: {numbers.picture}, mode: '{mode}', head: '{head}'}}), 0")
        click_unit(page, node, [int(rng.integers(side)) for side in numbers.step.values[node].shape[1:]])
        counted += expect_numbers(page, numbers)
        buttons = page.evaluate("document.querySelectorAll('#detail .grid .plain').length")
        if buttons:  # one of the windows that see the unit
            page.evaluate(f"document.querySelectorAll('#detail .grid .plain')[{rng.integers(buttons)}].click()")
            counted += expect_numbers(page, numbers)
    assert counted > 1500
    assert not page.problems


def test_heads_losses_and_parameters_too(page, written):
    numbers, rng = written[1], np.random.default_rng(2)
    for numbers.picture in (1, 3):
        page.evaluate(f"change({{picture: {numbers.picture}, mode: 'forward'}}), 0")
        for mode in ("forward", "backward"):
            page.evaluate(f"change({{mode: '{mode}', head: 'both'}}), 0")
            expect_numbers(page, numbers, "#network")
            for selector in (".head:first-child .row", ".head:last-child .row"):
                for i in range(page.evaluate(f"document.querySelectorAll('{selector}').length")):
                    page.evaluate(f"document.querySelectorAll('{selector}')[{i}].click()")
                    assert expect_numbers(page, numbers)
            page.evaluate("change({node: 'class loss'}), 0")
            assert expect_numbers(page, numbers) > 20
            page.evaluate("change({node: 'box loss'}), 0")
            assert expect_numbers(page, numbers) > 16
        for shown_ in ("value", "gradient", "update"):
            page.evaluate(f"change({{mode: 'parameters', shown: '{shown_}', head: 'both'}}), 0")
            for name, parameter in numbers.model.parameters().items():
                place = int(rng.integers(parameter.value.size))
                page.evaluate("(() => {const one = cards.flatMap((card) => card.parameters)"
                              f".find((map) => map.key === {name!r}); one.select({place})}})()")
                assert expect_numbers(page, numbers) > 3
    assert not page.problems


def test_one_step_is_that_of_the_library(page, written):
    numbers = written[1]
    page.evaluate("change({view: 'step'}), 0")
    for numbers.picture in (0, 5):
        for learned in ("one", "all"):
            for times in (0, 0.5, 1, 4):
                page.evaluate(f"change({{picture: {numbers.picture}, learnFrom: '{learned}', rate: {times}}}), 0")
                assert expect_numbers(page, numbers, "#other") > 40
    page.evaluate("change({view: 'network', mode: 'forward'}), 0")
    assert not page.problems


def test_names_are_shown_as_text(page, written):
    text = page.evaluate("document.body.innerText")
    for name in HOSTILE[:4]:
        assert name in text
    assert HOSTILE[0] in page.evaluate("document.title")
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    assert not page.requests and not page.problems


def test_it_is_small_and_fits(browser, written):
    assert written[0].stat().st_size < 5_000_000
    page = browser.open(written[0], width=390, height=800, script=SEEN)
    page.wait("document.body.dataset.ready === 'yes'")
    for width in (390, 1280):
        page.resize(width)
        for changes in ("mode: 'forward'", "mode: 'backward'", "mode: 'parameters'", "view: 'step'", "view: 'network'"):
            page.evaluate(f"change({{{changes}}}), 0")
            assert page.overflow() == 0, (width, changes)
    page.close()


def test_everything_is_reached_with_keys(page):
    page.evaluate("change({view: 'network', mode: 'forward', node: 1, unit: [5, 5, 0]}), 0")
    page.evaluate("document.querySelector('[data-node=\"1\"]').focus(), 0")
    page.keys("ArrowRight", "ArrowDown", "PageDown")
    assert page.evaluate("[state.node, ...state.unit]") == [1, 6, 6, 1]
    assert "[6, 6, 1]" in page.evaluate("document.getElementById('spoken').textContent")
    page.evaluate("document.getElementById('tab-network').focus(), 0")
    page.keys("ArrowRight")
    assert page.evaluate("state.view") == "step"
    page.keys("ArrowLeft")
    assert page.evaluate("state.view") == "network"


def test_the_tour_is_shown_once(browser, written):
    page = browser.open(written[0], script="try { localStorage.clear() } catch {}")
    page.wait("document.body.dataset.ready === 'yes'")
    stops = page.evaluate("TOUR.length")
    for number in range(stops):
        page.wait(f"document.querySelector('#tour').innerText.includes('{number + 1} of {stops}')")
        page.click("#tour .next")
    assert page.evaluate("document.querySelector('#tour').hidden")
    assert page.evaluate("seen()")
    page.click("#tour-again")
    page.keys("Escape")
    assert page.evaluate("document.querySelector('#tour').hidden") and not page.problems
    page.close()


def test_axe_finds_nothing_serious(page, axe):
    for changes in ("mode: 'forward'", "mode: 'backward'", "mode: 'parameters'", "view: 'step'", "view: 'network'"):
        page.evaluate(f"change({{{changes}}}), 0")
        assert page.axe() == []


@pytest.fixture(scope="module")
def whole(browser, tmp_path_factory):
    """(page of a small trained run, with epochs and planted mistakes; Numbers that know what it was told)."""
    folder = tmp_path_factory.mktemp("run")
    train, valid = pictures(40, side=16, seed=1), pictures(10, side=16, seed=2)
    model = tc.models.localizer(num_classes=5, image_size=16, channels=(4, 6), hidden=8, classes=HOSTILE)
    tc.fit(model, train, valid, epochs=4, batch_size=10, progress=False, out=folder)
    explore(model, valid, folder / "page.html", epochs=read(folder))
    numbers = Numbers(model, valid)
    numbers.told = told_of(folder / "page.html")
    page = browser.open(folder / "page.html", script=SEEN)
    page.wait("document.body.dataset.ready === 'yes'")
    yield page, numbers
    page.close()


def test_the_epochs_are_those_of_the_run(whole):
    page, numbers = whole
    page.click("#tab-epochs")
    for epoch in range(4):
        page.evaluate(f"epoch = {epoch}, fillEpochs()")
        assert expect_numbers(page, numbers, "#other") == 12
        assert f"{epoch + 1} of 4" in page.evaluate("byId('epoch-said').textContent")
    assert page.evaluate("document.querySelectorAll('.gallery img').length") == 6
    assert page.evaluate("document.querySelectorAll('#epoch-curves svg.chart').length") == 3
    wrong = [not picture["answers"][-1]["right"] for picture in numbers.told["epochs"]["pictures"]]
    assert page.evaluate("document.querySelectorAll('.gallery article.wrong').length") == sum(wrong)
    assert wrong == sorted(wrong, reverse=True)  # wrong answers first
    page.click("#play")
    page.wait("byId('epoch-said').textContent.startsWith('2')")
    page.click("#play")
    assert page.axe() == [] if axe_file() else True
    assert not page.problems


def test_planted_mistakes_are_those_of_the_library(whole):
    page, numbers = whole
    page.click("#tab-mistakes")
    found = numbers.told["mistakes"]
    assert len(found) >= 5
    for i, mistake in enumerate(found):
        page.click(f".menu button:nth-child({i + 1})")
        assert expect_numbers(page, numbers, "#other") >= len(mistake["layers"])
        text = page.evaluate("byId('other').textContent")
        for told in (mistake["sentence"], mistake["diagnosis"]["words"], mistake["line"]["wrong"]):
            assert told in text
    assert page.axe() == [] if axe_file() else True
    assert not page.problems


def test_every_view_of_a_run_fits(whole):
    page, _ = whole
    for width in (1280, 390):
        page.resize(width)
        for view in page.evaluate("Object.keys(VIEWS)"):
            page.evaluate(f"change({{view: '{view}'}}), 0")
            page.wait("byId('step-curve') === null || byId('step-curve').children.length")  # it is drawn last
            assert page.overflow() == 0, (width, view)
            out = page.evaluate("""[...document.querySelectorAll(".plot .key-item")]
                .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right >
                    one.closest(".plot").getBoundingClientRect().right)
                .map((one) => one.textContent)""")
            assert not out, (width, view)
    page.resize(1280)


@pytest.mark.parametrize("box_loss, per_class_boxes", [(SmoothL1Loss(0.5), True), (GIoULoss(), False)])
def test_other_losses_and_a_box_for_each_class(browser, tmp_path, box_loss, per_class_boxes):
    model, samples = network_of_all_layers(per_class_boxes=per_class_boxes), pictures(6, seed=3)
    loss = MultiTaskLoss(class_weight=0.5, box_weight=3.0, box_loss=box_loss)
    explore(model, samples, tmp_path / "page.html", loss=loss, mistakes=False)
    told = told_of(tmp_path / "page.html")
    numbers = Numbers(model, samples.subset(told["numbers"]), loss, told["rate"])
    page = browser.open(tmp_path / "page.html", script=SEEN)
    page.wait("document.body.dataset.checked")
    assert float(page.evaluate("document.body.dataset.checked")) < 1e-9
    for mode in ("forward", "backward"):
        page.evaluate(f"change({{mode: '{mode}'}}), 0")
        for which in ("class loss", "box loss"):
            page.evaluate(f"change({{node: '{which}'}}), 0")
            assert expect_numbers(page, numbers) > 12
        page.evaluate("select(told.box_end, [nodes[told.box_end].shape[0] - 1])")
        assert expect_numbers(page, numbers)
    page.evaluate("change({view: 'step', rate: 2}), 0")
    assert expect_numbers(page, numbers, "#other") > 40
    assert not page.problems
    page.close()


def test_a_layer_of_ones_own_is_shown_as_numpy_computed_it(browser, tmp_path):
    rng = np.random.default_rng(0)
    trunk = Sequential(Conv2d(3, 4, 3, rng=rng), Halve(), ReLU(), Flatten(), input_shape=(24, 24, 3))
    model = Localizer(trunk, Linear(22 * 22 * 4, 5, rng=rng), Linear(22 * 22 * 4, 4, rng=rng), HOSTILE, 24)
    explore(model, pictures(2), tmp_path / "page.html", mistakes=False)
    numbers = Numbers(model, pictures(2).subset(told_of(tmp_path / "page.html")["numbers"]))
    page = browser.open(tmp_path / "page.html", script=SEEN)
    page.wait("document.body.dataset.checked")
    assert float(page.evaluate("document.body.dataset.checked")) < 1e-6  # float32 goes along
    for head in ("class", "box", "both"):
        for mode in ("forward", "backward"):
            page.evaluate(f"change({{mode: '{mode}', head: '{head}'}}), 0")
            for node in (1, 2, 3):
                page.evaluate(f"select({node}, [4, 5, 1])")
                assert expect_numbers(page, numbers)
    page.evaluate("change({view: 'step'}), 0")
    assert "halve1 can be computed by NumPy alone" in page.evaluate("document.querySelector('#other').innerText")
    assert not page.problems
    page.close()
