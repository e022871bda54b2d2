"""The file: style, scripts, the step as JSON and the arrays as letters, all in one HTML page that fetches nothing.

A content security policy allows only the scripts of page/, known by their hash: whatever a class or a file is called,
it is shown as text and never run. JSON inside a script element holds no "<", so nothing in it can end the element.
"""

import base64
import hashlib
import html
import json
import re
from importlib import resources
from typing import Any

import numpy as np

from tinycnn.explorer.pack import pack

MARK = "Written by tinycnn explore. This page holds everything it shows and fetches nothing."
MOST = 4_950_000  # characters of the whole page, where the weights can be rounded so far
SCRIPTS = ("numbers.js", "elements.js", "layers.js", "window_layers.js", "loss.js", "network.js", "state.js",
           "tiles.js", "maps.js", "words.js", "explain.js", "explain_conv.js", "explain_pooling.js", "explain_rest.js",
           "explain_losses.js", "parameters.js", "outputs.js", "network_view.js", "detail_view.js", "charts.js",
           "step_view.js", "epochs_view.js", "mistakes_view.js", "tour.js", "main.js")
NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")  # control, halves


def document(told: dict[str, Any], arrays: dict[str, np.ndarray]) -> str:
    """The page for what `contents` gives."""
    style, frame = _file("style.css"), _file("index.html")
    script = "\n".join(_file(name) for name in SCRIPTS)
    rest = len(style.encode()) + len(frame) + len(script.encode()) + len(_json(told).encode())
    index, numbers = pack(arrays, MOST - rest)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data: blob:"
    filled = {"policy": policy, "title": html.escape(NO_TEXT.sub("\ufffd", str(told["title"]))), "style": style,
              "told": _json({**told, "index": index}), "numbers": numbers, "script": script, "mark": MARK}
    return re.sub(r"\{\{(\w+)\}\}", lambda found: filled[found[1]], frame)


def _json(told):
    """JSON that is safe inside a script element."""
    text = json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text = NO_TEXT.sub("\ufffd", text)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _file(name):
    return resources.files("tinycnn.explorer").joinpath("page", name).read_text("utf-8")
