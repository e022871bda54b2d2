"""The site: the course with its outputs, how-to pages, the API from the docstrings, the library's files, a search.

    python -m lessons.site                 gather the pages, run Sphinx, check every link; into build/site
    python -m lessons.site --out FOLDER

Needs the extra `site`. Pages are gathered from where they are kept: the notebooks, the README files, lessons/pages, and
the docstrings. Links between them are turned into links between pages; those to source files lead to a page with that
file. Reading the site needs no network: formulas are MathML, and whatever a page loads lies beside it.
"""

import argparse
import base64
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lessons.build import FOLDER, sources
from lessons.cells import notebooks_of

ROOT = FOLDER.parent
PAGES = FOLDER / "pages"
TEXTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "datasets/README.md", "lessons/README.md",
         "lessons/LECTURERS.md", "tests/README.md", "tests/benchmarks/README.md")
PUBLIC = ("tinycnn", "tinycnn.layers", "tinycnn.losses", "tinycnn.box_losses", "tinycnn.optim", "tinycnn.boxes",
          "tinycnn.metrics", "tinycnn.data", "tinycnn.models", "tinycnn.classical", "tinycnn.inspection",
          "tinycnn.plots", "tinycnn.course")
LINK = re.compile(r"(!?\[[^\]]*\])\(([^)\s]+)\)")
FENCE = "`" * 8  # longer than any in a file
PICTURES = {".png", ".jpg", ".svg"}


def gather(stage):
    """Write all pages below `stage`, laid out as in the repository."""
    notebooks = [path for source in sources() for path in notebooks_of(source)]
    texts = [ROOT / name for name in TEXTS] + sorted((PAGES / "how_to").glob("*.md"))
    files = sorted([*ROOT.glob("tinycnn/**/*.py"), *ROOT.glob("lessons/*.py"), *ROOT.glob("tests/**/*.py")])
    known = {*notebooks, *texts, PAGES / "source.md", PAGES / "api.md"}
    for path in notebooks:
        _write(stage, path, _notebook(path, known, stage))
    for path in texts:
        _write(stage, path, _relinked(path.read_text("utf-8"), path, known, stage))
    home = (PAGES / "index.md").read_text("utf-8")  # its links are those of a page in the repository's root
    for place, pages in (("lessons", notebooks[::2]), ("how_to", sorted((PAGES / "how_to").glob("*.md")))):
        home = home.replace(f"{{{place}}}", "\n".join(path.relative_to(ROOT).as_posix() for path in pages))
    _write(stage, ROOT / "index.md", _relinked(home, ROOT / "index.md", known, stage))
    for path in files:
        name = path.relative_to(ROOT).as_posix()
        _write(stage, path.with_suffix(".md"), f"---\norphan: true\nnosearch: true\n---\n# {name}\n\n{FENCE}"
               f"{{code-block}} python\n:linenos:\n\n{path.read_text('utf-8')}{FENCE}\n")
    _write(stage, PAGES / "source.md", _list_of_files(files))
    _write(stage, PAGES / "api.md", _api())
    for name in ("tests/README.md", "tests/benchmarks/README.md"):
        page = stage / name
        page.write_text("---\norphan: true\n---\n" + page.read_text("utf-8"), "utf-8")
    (stage / "_static").mkdir()
    for path in PAGES.glob("*.*"):
        if path.suffix in (".py", ".css"):
            shutil.copy(path, stage / ("_static" if path.suffix == ".css" else "") / path.name)


def _notebook(path, known, stage):
    """A notebook with the links of the site, and with its attached pictures as files beside it."""
    notebook = json.loads(path.read_text("utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] != "markdown":
            continue
        text = "".join(cell["source"])
        for name, kinds in cell.pop("attachments", {}).items():
            picture = path.with_name(f"{path.stem}_files") / f"{cell['id']}_{name}"
            target = stage / picture.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(base64.b64decode(kinds["image/png"]))
            text = text.replace(f"](attachment:{name})", f"]({picture.parent.name}/{picture.name})")
            known.add(picture)
        cell["source"] = _relinked(text, path, known, stage)
    if path.parent.name == "solutions":
        notebook["metadata"]["orphan"] = True  # it stands in no table of contents
    return json.dumps(notebook)


def _write(stage, path, text):
    target = stage / path.relative_to(ROOT)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, "utf-8")


def _relinked(text, path, known, stage):
    """Links of a page at `path` turned into links of the site; pictures are copied."""
    def link(found):
        words, target = found.groups()
        there = path.parent / unquote(target.partition("#")[0])
        if there in known and there.suffix == ".png":
            return found[0]
        if "://" in target or target.startswith(("#", "attachment:", "mailto:")):
            return found[0]
        place, _, anchor = target.partition("#")
        there = (path.parent / unquote(place)).resolve()
        if there.suffix.lower() in PICTURES and there.exists():
            copy = stage / there.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(there, copy)
            return found[0]
        if there in known:
            return f"{words}({place}{'#' + anchor if anchor else ''})"
        if there.suffix == ".py" and there.exists():
            return f"{words}({_from(path, there.with_suffix('.md'))})"
        if there.is_dir() or there.exists():  # a folder, or a file that is no page: the list of files
            return f"{words}({_from(path, PAGES / 'source.md')})"
        raise SystemExit(f"{path}: the link {target} leads nowhere")

    return LINK.sub(link, re.sub(r'<img src="([^"]+)" width="\d+" alt="([^"]*)">', r"![\2](\1)", text)
                    if path.name == "README.md" else text)


def _from(path, there):
    return Path(os.path.relpath(there, path.parent)).as_posix()


def _list_of_files(files):
    words = "Every file, as it is. [Contributing](../../CONTRIBUTING.md) says which room is for what."
    lines, folder = ["# The files", "", words], None
    for path in files:
        name = path.relative_to(ROOT)
        if name.parent != folder:
            folder = name.parent
            lines += ["", f"## {folder.as_posix()}", ""]
        lines.append(f"- [{name.name}]({_from(PAGES / 'source.md', path.with_suffix('.md'))})")
    return "\n".join(lines) + "\n"


def _api():
    """One page with every public name, each once: under the shortest module that offers it."""
    lines, seen = ["# Every public name", ""], set()
    for name in PUBLIC:
        module = import_module(name)
        lines += [f"## {name}", "", (module.__doc__ or "").strip().splitlines()[0], ""]
        for public in getattr(module, "__all__", None) or _defined_in(module):
            thing = getattr(module, public)
            if not callable(thing) or not getattr(thing, "__module__", "").startswith("tinycnn") or id(thing) in seen:
                continue  # modules, constants, types of others
            seen.add(id(thing))
            kind, members = ("class", ["   :members:"]) if isinstance(thing, type) else ("function", [])
            lines += ["```{eval-rst}", f".. auto{kind}:: {name}.{public}", *members, "```", ""]
    return "\n".join(lines)


def _defined_in(module):
    return [name for name, thing in vars(module).items() if not name.startswith("_")
            and getattr(thing, "__module__", None) == module.__name__]


class _Links(HTMLParser):
    """What a page refers to: (attribute, address), and the anchors it has."""

    def __init__(self):
        super().__init__()
        self.links, self.anchors = [], set()

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id":
                self.anchors.add(value)
            elif value and (name == "src" or name == "href" and tag in ("a", "link")):
                self.links.append(("loads" if tag != "a" else "leads to", value))


def broken(site):
    """Sentences about links that lead nowhere, and about what a page would load from elsewhere."""
    pages = {}
    for path in site.rglob("*.html"):
        pages[path] = _Links()
        pages[path].feed(path.read_text("utf-8"))
    for path, page in pages.items():
        for how, address in page.links:
            parts = urlsplit(address)
            if parts.scheme in ("http", "https") or address.startswith("//"):
                if how == "loads":
                    yield f"{path.relative_to(site)} loads {address}"
                continue
            if parts.scheme:  # data:, mailto:
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            there = there / "index.html" if there.is_dir() else there
            if not there.exists():
                yield f"{path.relative_to(site)}: {address} is not there"
            elif parts.fragment and there in pages and unquote(parts.fragment) not in pages[there].anchors:
                yield f"{path.relative_to(site)}: {address} has no such place"


def build(out):
    """Make the site in `out`; returns (pages, sentences about broken links). SystemExit if Sphinx finds fault."""
    stage = out.parent / f"{out.name}-pages"
    for folder in (stage, out):
        shutil.rmtree(folder, ignore_errors=True)
    gather(stage)
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run([sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-j", "2", str(stage), str(out)],
                          env=environment)
    if done.returncode:
        raise SystemExit(done.returncode)
    shutil.rmtree(stage)
    return len(list(out.rglob("*.html"))), list(broken(out))


def main(arguments=None):
    """Build the site; exit with 1 if a link is broken."""
    parser = argparse.ArgumentParser(prog="python -m lessons.site", description="Build the site.")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site", metavar="FOLDER")
    out = parser.parse_args(arguments).out.resolve()
    pages, wrong = build(out)
    print(*wrong, f"{pages} pages, {len(wrong)} broken links: {out / 'index.html'}", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
