"""What cells give, as notebooks may show it: nothing of the machine, small pictures, the library's lines of today."""

import base64
import io
import os
import re
import tempfile
from pathlib import Path

import nbformat
from PIL import Image

from lessons.cells import BuildError

MOST = 45_000  # bytes of a picture, if fewer colors and pixels allow
WIDEST = 1440  # pixels of a picture across, which is 9.6 inches


def joined(outputs):
    """What a cell prints is one output, however busy the machine was and in how many pieces it came."""
    found = []
    for output in outputs:
        if found and output.output_type == "stream" and found[-1].get("name") == output.name:
            found[-1].text += output.text
        else:
            found.append(output)
    return found


def presentable(output, title, cell, folder):
    """One output without what changes from run to run. Warnings, paths and addresses of objects are refused.

    folder: the lessons'
    """
    text = str({key: value for key, value in output.get("data", {}).items() if not key.startswith("image/")})
    text += output.get("text", "")
    for sign in (str(folder.parent), str(Path.home()) + os.sep, " object at 0x", tempfile.gettempdir() + os.sep):
        if sign in text:
            raise BuildError(f"{title}: the output of this cell contains {sign!r}:\n{cell.source}\n{text}")
    if output.get("name") == "stderr":
        raise BuildError(f"{title}: this cell wrote to stderr:\n{cell.source}\n{text}")
    if "image/png" in output.get("data", {}):
        data, width = small_picture(base64.b64decode(output.data["image/png"]))
        output.data = nbformat.from_dict({"image/png": base64.b64encode(data).decode(), "text/plain": "<Figure>"})
        output.metadata = nbformat.from_dict({"image/png": {"width": width}})
    return output


def small_picture(png):
    """(PNG with a palette, width at which a page should show it) of a figure of 150 dots per inch."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    drawn = picture.getcolors(20_000) is not None  # lines and letters; a photograph has more colors than that
    width, widest = round(picture.width * 96 / 150), WIDEST if drawn else WIDEST * 2 // 3
    tried = []  # fewer pixels can give what is drawn more colors, and make it larger
    fewer, fewest = (64, 64) if drawn else (256, 160)
    for colors, across in ((256, widest), (fewer, widest * 3 // 4), (fewest, widest * 2 // 3)):
        small, file = picture, io.BytesIO()
        if picture.width > across:
            small = picture.resize((across, round(picture.height * across / picture.width)), Image.Resampling.LANCZOS)
        dither = Image.Dither.NONE if drawn else Image.Dither.FLOYDSTEINBERG
        small.quantize(colors, dither=dither).save(file, "png", optimize=True)
        tried.append(file.getvalue())
        if len(tried[-1]) <= MOST:
            break
    return min(tried, key=len), min(width, WIDEST * 96 // 150)


def read_anew(cells):
    """{cell id: (as text, as Markdown)} of the cells that show the library's own lines, as these are now."""
    reading = [cell for cell in cells if cell.cell_type == "code" and cell.source.startswith("read(")]
    space = {}
    if not reading:
        return {}
    exec(next(cell.source for cell in cells if cell.cell_type == "code"), space)  # the lesson's imports
    shown = [(cell.id, eval(cell.source, space)) for cell in reading]
    return {name: (str(lines), lines._repr_markdown_()) for name, lines in shown}


def stale_lines(cells):
    """The first `read(...)` whose output is not what the library says now, wherever in its file it says it; or None."""
    texts = {cell.id: cell.outputs[0].data["text/plain"] for cell in cells if cell.source.startswith("read(")
             and cell.cell_type == "code" and cell.outputs}
    now, sources = read_anew(cells), {cell.id: cell.source for cell in cells}
    return next((sources[name] for name, text in texts.items()
                 if _without_places(text) != _without_places(now[name][0])), None)


def _without_places(text):
    return re.sub(r"^(\S+), lines \d+ to \d+$", r"\1", text, flags=re.M)
