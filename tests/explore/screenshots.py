"""The pictures of the page in README.md and lesson 13, and how fast a page is: commands, not tests.

    tinycnn train && tinycnn explore runs/scenes-1           README's first run, and its page
    python -m tests.explore.screenshots explore.html         write lessons/pictures/explore_*.png
    python -m tests.explore.screenshots explore.html --time  print its size, when it is ready, what a click takes
"""

import argparse
import io
import statistics
import time
from pathlib import Path

from PIL import Image

from tests.explore.browser import Browser
from tests.explore.networks import SEEN

PICTURES = Path(__file__).resolve().parents[2] / "lessons" / "pictures"
WIDE, PHONE = (1280, 900), (390, 844)
MOST = 200_000  # bytes of a picture
UNIT = "const node = nodes.find((one) => one.short === '{layer}'); select(node.number, strongest(node)[1])"
SHOWN = {  # name: what is opened, as JavaScript
    "forward": "change({view: 'network', mode: 'forward'}); " + UNIT.format(layer="conv2"),
    "backward": "change({view: 'network', mode: 'backward', head: 'both'}); " + UNIT.format(layer="relu1"),
    "step": "change({view: 'step', rate: 1})",
    "epochs": "change({view: 'epochs'})",
}
READY = "document.body.dataset.ready === 'yes'"


def shots(browser, file):
    """{name: picture of a wide window}, and [pictures of a phone's] in the same order."""
    wide, narrow = {}, []
    for size, scale in ((WIDE, 1), (PHONE, 2)):
        page = browser.open(file, *size, script=SEEN)
        page.wait(READY)
        page.resize(*size, scale)
        for name, script in SHOWN.items():
            page.evaluate(f"(() => {{ {script}; window.scrollTo(0, 0) }})()")
            time.sleep(0.5)  # the chart of a step is drawn last
            path = PICTURES / f".{name}.png"
            page.screenshot(path)
            picture = Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
            path.unlink()
            if scale == 1:
                wide[name] = picture
            else:
                narrow.append(picture)
        assert not page.problems, page.problems
        page.close()
    return wide, narrow


def in_a_row(pictures, width=380, gap=16):
    """Pictures of phones beside each other, each with a line around it."""
    height = round(width * PHONE[1] / PHONE[0])
    sheet = Image.new("RGB", (len(pictures) * (width + gap) - gap, height), "white")
    for i, picture in enumerate(pictures):
        framed = Image.new("RGB", (width, height), "#aeb7c1")
        framed.paste(picture.resize((width - 2, height - 2), Image.Resampling.LANCZOS), (1, 1))
        sheet.paste(framed, (i * (width + gap), 0))
    return sheet


def save(picture, name):
    """Write explore_NAME.png, in all its colors where MOST allows it, else in 256.

    Colors that are rare and bright must not be lost, as they are where the palette follows their numbers (MEDIANCUT):
    purple and orange are what a map says.
    """
    path = PICTURES / f"explore_{name}.png"
    picture.save(path, optimize=True)
    if path.stat().st_size > MOST:
        picture.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB, {Image.open(path).mode}")


def measure(browser, file, clicks=100):
    """Print the page's size, the seconds until it is ready, and the milliseconds until a click has its answer."""
    ready, answers = [], []
    for _ in range(5):
        begun = time.monotonic()
        page = browser.open(file, *WIDE, script=SEEN)
        page.wait(READY)
        ready.append(time.monotonic() - begun)
        page.close()
    page = browser.open(file, *WIDE, script=SEEN)
    page.wait("document.body.dataset.checked")
    for mode in ("forward", "backward"):
        page.evaluate(f"change({{mode: '{mode}'}}), 0")
        for i in range(clicks // 2):  # to the next picture that the browser draws: the answer is seen then
            answers.append(page.evaluate(f"""new Promise((done) => {{
                const node = nodes[{i} % nodes.length], size = product(node.shape), begun = performance.now();
                select(node.number, unitAt(node.shape, ({i} * 7919) % size));
                document.body.getBoundingClientRect();
                requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
            }})"""))
    print(f"{Path(file).stat().st_size / 1e6:.2f} MB; ready after {statistics.median(ready):.2f} s "
          f"({min(ready):.2f} to {max(ready):.2f}, {len(ready)} times); a click is answered within "
          f"{statistics.median(answers):.0f} ms (median of {len(answers)}; the slowest {max(answers):.0f} ms)")


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.explore.screenshots")
    parser.add_argument("page", help="as tinycnn explore writes it")
    parser.add_argument("--time", action="store_true", help="measure, and write no pictures")
    options = parser.parse_args()
    with Browser() as browser:
        if options.time:
            measure(browser, options.page)
            return
        wide, narrow = shots(browser, options.page)
        for name, picture in wide.items():
            save(picture, name)
        save(in_a_row(narrow), "phone")


if __name__ == "__main__":
    main()
