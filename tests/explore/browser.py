"""Driving a page in a real browser: headless Chromium, told what to do over its own DevTools protocol.

    with Browser() as browser:
        page = browser.open("page.html", width=390)
        page.click("#next")
        page.keys("Tab", "Enter")
        assert page.evaluate("document.title") == "One step"
        assert not page.problems
        page.screenshot("page.png")

What a person does is done as the browser itself gets it: a click goes to the place where the element is drawn, and is
refused where something else lies over it. Needs Chromium on the machine, and `pip install -e '.[browser]'`.
"""

import base64
import contextlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
         "--force-color-profile=srgb", "--no-first-run", "--disable-extensions", "--disable-background-networking",
         "--remote-debugging-port=0")
START, ANSWER = 60, 120  # seconds to wait for Chromium, and for one answer of it on a busy machine
PHONE = 600  # pixels of width below which a page is shown as a phone shows it
AXE_PACKAGES = ("axe_playwright_python", "axe_core_python")  # packages of PyPI with the checker's JavaScript inside
# What the protocol wants to know of a key: its name, the code of its place, the number that older pages ask for.
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "PageUp": 33, "PageDown": 34, "End": 35, "Home": 36,
        "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Backspace": 8, "Delete": 46}
TEXTS = {"Enter": "\r", "Backspace": "", "Delete": ""}


class PageError(AssertionError):
    """The page did not do what was asked of it."""


def executable():
    """The path of a Chromium on this machine, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def problem():
    """Why no page can be driven here, in a sentence; None where one can."""
    if executable() is None:
        return f"no Chromium on this machine ({', '.join(NAMES)}): apt-get install chromium"
    if importlib.util.find_spec("websocket") is None:
        return "the package websocket-client is not installed: pip install -e '.[browser]'"
    return None


def axe_file():
    """The path of axe.min.js, the accessibility checker; None where it is not installed.

    Looked for in $TINYCNN_AXE, in node_modules (npm install axe-core), and in the packages AXE_PACKAGES.
    """
    places = [Path(os.environ["TINYCNN_AXE"])] if os.environ.get("TINYCNN_AXE") else []
    places.append(Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js")
    for package in AXE_PACKAGES:
        found = importlib.util.find_spec(package)
        places += [Path(folder) / "axe.min.js" for folder in (found.submodule_search_locations or ())] if found else []
    return next((path for path in places if path.is_file()), None)


class Browser:
    """A headless Chromium with a profile of its own, for the length of a with block.

    Raises RuntimeError where Chromium does not start.
    """

    def __init__(self):
        import websocket

        self._profile = tempfile.TemporaryDirectory(prefix="tinycnn-browser-", ignore_cleanup_errors=True)
        self._number, self._pages = 0, {}
        self._process = subprocess.Popen([executable(), *FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"],
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self._socket = websocket.create_connection(self._address(), timeout=ANSWER, suppress_origin=True,
                                                       http_no_proxy=["127.0.0.1"])
        except BaseException:
            self.close()
            raise

    def _address(self):
        """Chromium writes the port that it has chosen, and the path to ask for, into a file of its profile."""
        file, end = Path(self._profile.name) / "DevToolsActivePort", time.monotonic() + START
        while time.monotonic() < end and self._process.poll() is None:
            lines = file.read_text().split() if file.exists() else []
            if len(lines) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            time.sleep(0.05)
        ended = "it ended" if self._process.poll() is not None else f"it said nothing for {START} s"
        raise RuntimeError(f"{executable()} did not start: {ended}")

    def open(self, place, width=1280, height=800, script=None):
        """Show a file, or a URL, in a tab of its own; returns its Page when it has loaded.

        width, height: of the window, in pixels    script: JavaScript that runs before the page's own
        """
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, target, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.resize(width, height)
        if script:
            page.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        page.go(str(place) if re.match(r"\w+:", str(place)) else Path(place).resolve().as_uri())
        return page

    def call(self, method, session=None, **arguments):
        """Send one command and wait for its answer; what the pages report meanwhile goes to them."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": arguments}
        self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        while True:
            answer = self.receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise PageError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def receive(self):
        """The next message, which a page is told of where it is about that page."""
        message = json.loads(self._socket.recv())
        page = self._pages.get(message.get("sessionId"))
        if page is not None and "method" in message:
            page.saw(message["method"], message["params"])
        return message

    def forget(self, session):
        """Nothing more is told of a page that was closed."""
        self._pages.pop(session, None)

    def close(self):
        """End Chromium, and remove its profile."""
        with contextlib.suppress(Exception):
            self.call("Browser.close")
        with contextlib.suppress(Exception):
            self._socket.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._profile.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Page:
    """One tab. problems: what its console said of errors and warnings    requests: URLs it asked for beyond itself"""

    def __init__(self, browser, target, session):
        self._browser, self._target, self._session = browser, target, session
        self.problems, self.requests, self._loaded = [], [], 0

    def call(self, method, **arguments):
        """One command of the DevTools protocol for this tab; returns its result as a dict."""
        return self._browser.call(method, self._session, **arguments)

    def saw(self, event, about):
        """Note what the tab reports."""
        if event == "Page.loadEventFired":
            self._loaded += 1
        elif event == "Runtime.exceptionThrown":
            self.problems.append(_thrown(about["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert"):
            self.problems.append(f"{about['type']}: {' '.join(map(_told, about['args']))}")
        elif event == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.problems.append(f"{about['entry']['level']}: {about['entry']['text']}")
        elif event == "Network.requestWillBeSent" and not re.match("(data|blob|about):", about["request"]["url"]):
            self.requests.append(about["request"]["url"])

    def go(self, url):
        """Show another page here, and wait until it has loaded."""
        before = self._loaded
        failed = self.call("Page.navigate", url=url).get("errorText")
        if failed:
            raise PageError(f"{url}: {failed}")
        while self._loaded == before:
            self._browser.receive()
        self.requests = [asked for asked in self.requests if asked.partition("#")[0] != url.partition("#")[0]]

    def evaluate(self, script):
        """The value of a JavaScript expression, as JSON gives it; a promise is waited for. PageError if it throws."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True,
                           userGesture=True)
        if "exceptionDetails" in answer:
            raise PageError(f"{script[:200]}: {_thrown(answer['exceptionDetails'])}")
        return answer["result"].get("value")

    def wait(self, script, seconds=20):
        """Wait until a JavaScript expression is true, and return its value."""
        end = time.monotonic() + seconds
        while not (value := self.evaluate(script)):
            if time.monotonic() > end:
                raise PageError(f"{script} was not true within {seconds} s; problems: {self.problems}")
            time.sleep(0.02)
        return value

    def click(self, where, y=None):
        """Click on an element, given as a CSS selector, or at the place (x, y) of the window, in pixels.

        PageError where no such element is drawn, or where another one lies over its middle.
        """
        x, y = (where, y) if y is not None else self._middle(where)
        mouse = {"x": x, "y": y, "button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.call("Input.dispatchMouseEvent", type="mousePressed", **mouse)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", **mouse)

    def _middle(self, selector):
        found = self.evaluate(f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            if (!element) return "is not there";
            element.scrollIntoView({{block: "center", inline: "center", behavior: "instant"}});
            const box = element.getBoundingClientRect();
            const x = box.left + box.width / 2, y = box.top + box.height / 2;
            const top = document.elementFromPoint(x, y);
            if (!box.width || !box.height || !top) return "is not drawn where one could click on it";
            if (element.contains(top) || [...(element.labels || [])].some(label => label.contains(top))) return [x, y];
            return "lies under " + top.outerHTML.slice(0, 100);
        }})()""")
        if isinstance(found, str):
            raise PageError(f"{selector} {found}")
        return found

    def keys(self, *keys, shift=False):
        """Press keys one after the other: names such as "Tab", "Enter", "ArrowRight", or single characters."""
        for key in keys:
            code = KEYS.get(key, ord(key[0].upper()))
            about = {"key": key, "code": key if len(key) > 1 else "Space" if key == " " else f"Key{key.upper()}",
                     "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
            text = TEXTS.get(key, key if len(key) == 1 else "")
            self.call("Input.dispatchKeyEvent", type="keyDown", **about, **({"text": text} if text else {}))
            self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def resize(self, width, height=800, scale=1):
        """Give the window another size in pixels; a narrow one is a phone's. scale: device pixels for one of those"""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale,
                  mobile=width < PHONE)

    def screenshot(self, path, width=None, height=800, whole=False):
        """Write what the window shows as a PNG. width, height: of another window first    whole: the page to its end"""
        if width is not None:
            self.resize(width, height)
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        Path(path).write_bytes(base64.b64decode(picture["data"]))

    def overflow(self):
        """How many pixels the page is wider than its window; 0 where nothing has to be scrolled sideways."""
        return self.evaluate("Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)")

    def pdf(self, path):
        """Print the page as a PDF, as a person would who keeps the browser's defaults."""
        printed = self.call("Page.printToPDF", printBackground=False, preferCSSPageSize=True)
        Path(path).write_bytes(base64.b64decode(printed["data"]))

    def media(self, **features):
        """Show the page as to a reader with other wishes: prefers_color_scheme="dark", prefers_reduced_motion="reduce".
        """
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": name.replace("_", "-"), "value": value} for name, value in features.items()])

    def axe(self, levels=("serious", "critical")):
        """What axe, the accessibility checker, finds violated: one line for each rule and its elements.

        levels: the impacts that count. Raises FileNotFoundError where axe is not installed (axe_file).
        """
        file = axe_file()
        if file is None:
            raise FileNotFoundError("axe is not installed: npm install axe-core, or pip install -e '.[browser]'")
        if not self.evaluate("typeof axe === 'object'"):
            self.evaluate(file.read_text("utf-8") + "\n;0")
        found = self.evaluate("axe.run(document, {resultTypes: ['violations']}).then(result => result.violations)")
        return [f"{rule['impact']} {rule['id']}: {rule['help']}: "
                + "; ".join(f"{' '.join(map(str, node['target']))} {node['html'][:120]}" for node in rule["nodes"][:5])
                for rule in found if rule["impact"] in levels]

    def close(self):
        """Close the tab."""
        self._browser.call("Target.closeTarget", targetId=self._target)
        self._browser.forget(self._session)


def _thrown(details):
    return details.get("exception", {}).get("description") or details["text"]


def _told(argument):
    return str(argument.get("value", argument.get("description", argument["type"])))
