"""The driver of the browser, on a page so small that one sees what it must answer."""

import struct

import pytest
from explore.browser import PageError

PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Small</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>#wide { width: 500px } #over { position: fixed; right: 0; top: 0; width: 200px; height: 50px;
background: #fff } #under { position: fixed; right: 0; top: 0; width: 200px; height: 50px }</style></head>
<body><main><h1>Small</h1><button id="add">Add</button> <label for="name">Name</label> <input id="name">
<p id="sum">0</p><div id="wide">wide</div></main><div style="height: 2000px"></div>
<button id="far">Far below</button><button id="under">Under</button><div id="over"></div>
<script>
let sum = 0;
const say = number => { sum += number; document.getElementById("sum").textContent = sum; };
document.getElementById("add").onclick = () => say(1);
document.getElementById("far").onclick = () => say(10);
document.addEventListener("keydown", event => { if (event.key === "ArrowRight") say(100); });
</script></body></html>"""


@pytest.fixture
def page(browser, tmp_path):
    (tmp_path / "small page.html").write_text(PAGE, "utf-8")
    page = browser.open(tmp_path / "small page.html")
    yield page
    page.close()


def test_what_a_person_does_reaches_the_page(page):
    page.click("#add")
    page.click("#far")  # which is first brought into view
    page.keys("ArrowRight")
    assert page.evaluate("document.getElementById('sum').textContent") == "111"
    assert page.evaluate("scrollY") > 500
    page.evaluate("document.getElementById('add').focus()")
    page.keys("Enter", " ")
    assert page.wait("sum === 113")
    page.keys("Tab", "a", "B", " ", "7")
    assert page.evaluate("document.activeElement.value") == "aB 7"
    page.keys("Tab", shift=True)
    assert page.evaluate("document.activeElement.id") == "add"
    assert page.problems == page.requests == []


def test_a_place_is_clicked_in_pixels_of_the_window(page):
    box = page.evaluate("(box => [box.left + 2, box.top + 2])(document.getElementById('add').getBoundingClientRect())")
    page.click(*box)
    assert page.evaluate("sum") == 1


@pytest.mark.parametrize("selector, why", [
    ("#nowhere", "#nowhere is not there"), ("#under", '#under lies under <div id="over"'),
    ("script", "script is not drawn")])
def test_what_nobody_could_click_on_is_refused(page, selector, why):
    with pytest.raises(PageError, match=why):
        page.click(selector)
    assert page.evaluate("sum") == 0


def test_values_promises_and_errors_come_back(page):
    assert page.evaluate("[1, 'a', null, {b: 2.5}]") == [1, "a", None, {"b": 2.5}]
    assert page.evaluate("new Promise(done => setTimeout(() => done(7), 20))") == 7
    with pytest.raises(PageError, match="TypeError.*nothing"):
        page.evaluate("null.nothing")
    with pytest.raises(PageError, match="was not true within 0 s"):
        page.wait("false", seconds=0)


def test_what_the_console_says_is_kept(page):
    page.evaluate("console.log('fine'); console.error('bad', 3); console.warn('odd'); 0")
    page.evaluate("setTimeout(() => { throw new Error('thrown') }, 0); 0")
    page.wait("new Promise(done => setTimeout(() => done(true), 50))")
    assert page.problems[:2] == ["error: bad 3", "warning: odd"]
    assert len(page.problems) == 3 and page.problems[2].startswith("Error: thrown")


def test_what_a_page_asks_for_beyond_itself_is_kept(browser, tmp_path):
    (tmp_path / "asking.html").write_text('<title>Asking</title><img src="other.png"><img src="data:,">', "utf-8")
    page = browser.open(tmp_path / "asking.html")
    assert [url.rpartition("/")[2] for url in page.requests] == ["other.png"]
    assert page.problems and "ERR_FILE_NOT_FOUND" in page.problems[0]
    page.close()


def test_a_script_can_run_before_the_page(browser, tmp_path):
    (tmp_path / "page.html").write_text("<title>A</title><script>document.title = window.given</script>", "utf-8")
    page = browser.open(tmp_path / "page.html", script="window.given = 'before'")
    assert page.evaluate("document.title") == "before"
    page.close()


def test_pictures_have_the_asked_size_and_a_narrow_window_is_a_phone(page, tmp_path):
    def size(**how):
        page.screenshot(tmp_path / "page.png", **how)
        return struct.unpack(">II", (tmp_path / "page.png").read_bytes()[16:24])

    assert size() == (1280, 800) and page.overflow() == 0
    assert size(width=390, height=844) == (390, 844)
    assert page.evaluate("innerWidth") >= 390 and page.overflow() > 100  # the wide block does not fit
    width, height = size(whole=True)
    assert width >= 390 and height > 2000
    page.pdf(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF-")


def test_a_reader_with_other_wishes(page):
    page.media(prefers_color_scheme="dark", prefers_reduced_motion="reduce")
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert page.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches")


def test_accessibility(page, axe):
    assert page.axe() == []
    page.evaluate("document.querySelector('label').remove(); document.documentElement.removeAttribute('lang')")
    found = page.axe()
    assert sorted(line.split(":")[0] for line in found) == ["critical label", "serious html-has-lang"], found
    assert "#name" in next(line for line in found if "label" in line)
