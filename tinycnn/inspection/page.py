"""One HTML file with everything inside: no network, no scripts, no fonts from elsewhere.

Pictures are embedded as data URIs, and a content security policy forbids the browser to fetch or run anything, whatever
the text may contain. Every text that comes in is escaped here, in one place.
"""

import base64
import html
import re
from urllib.parse import quote

from tinycnn.errors import MissingExtra
from tinycnn.text import first_line

NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")  # control, halves
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
FOOTER = "Written by tinycnn. This file holds everything it shows and fetches nothing."

STYLE = """
:root { --ink: #1d2733; --soft: #5b6775; --line: #dfe4e9; --paper: #ffffff; --wash: #f5f7f9; --blue: #0072B2;
        --green: #00725a; --orange: #8f5a00; --red: #b34700; }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body { margin: 0; background: var(--wash); color: var(--ink);
       font: 17px/1.6 Charter, "Bitstream Charter", "Iowan Old Style", Georgia, "DejaVu Serif", serif; }
h1, h2, h3, nav, table, .label, figcaption, .mark { font-family: system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial,
       "DejaVu Sans", sans-serif; }
.page { display: grid; grid-template-columns: 15rem minmax(0, 74rem); gap: 0 2.6rem; max-width: 96rem; margin: 0 auto;
        padding: 0 2rem; }
header { grid-column: 1 / -1; padding: 3.2rem 0 1.6rem; }
h1 { font-size: 2.1rem; line-height: 1.2; letter-spacing: -0.02em; margin: 0 0 .4rem; }
header p { margin: 0; color: var(--soft); max-width: none; }
nav { position: sticky; top: 1.5rem; align-self: start; font-size: .92rem; line-height: 1.4; }
nav ol { list-style: none; counter-reset: part; margin: 0; padding: 0; border-left: 2px solid var(--line); }
nav a { display: block; padding: .34rem 0 .34rem 1rem; color: var(--soft); text-decoration: none; }
nav a:hover, nav a:focus { color: var(--blue); box-shadow: -2px 0 0 var(--blue); }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 1.7rem 2.2rem 2rem;
          margin: 0 0 1.6rem; scroll-margin-top: 1rem; }
h2 { font-size: 1.38rem; line-height: 1.25; letter-spacing: -0.01em; margin: 0 0 .7rem; }
h3 { font-size: 1.02rem; margin: 1.9rem 0 .4rem; }
p { margin: 0 0 .9rem; max-width: 48rem; }
section > :last-child { margin-bottom: 0; }
p.quiet, figcaption { color: var(--soft); }
figure { margin: 1.3rem 0 1.1rem; }
figure img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
figcaption { font-size: .9rem; line-height: 1.5; margin-top: .7rem; max-width: 52rem; }
code, pre { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Consolas, "DejaVu Sans Mono", monospace; }
code { font-size: .84em; background: var(--wash); border: 1px solid var(--line); border-radius: 4px;
       padding: .08em .35em; }
pre { font-size: .82rem; line-height: 1.5; background: var(--wash); border: 1px solid var(--line); border-radius: 6px;
      padding: .8rem 1rem; overflow-x: auto; }
pre code { border: 0; padding: 0; background: none; font-size: 1em; }
.wide { overflow-x: auto; margin: 1.1rem 0 .4rem; }
table { border-collapse: collapse; font-size: .86rem; line-height: 1.4; font-variant-numeric: tabular-nums;
        width: 100%; }
th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 2px solid var(--line);
     padding: .35rem .8rem; vertical-align: bottom; }
td { border-bottom: 1px solid var(--line); padding: .35rem .8rem; vertical-align: top; }
tr:last-child td { border-bottom: 0; }
th:first-child, td:first-child { padding-left: 0; white-space: nowrap; }
.number { text-align: right; white-space: nowrap; }
.mark { display: inline-block; font-size: .76rem; font-weight: 600; line-height: 1; border-radius: 99px;
        padding: .34em .7em; white-space: nowrap; border: 1px solid currentColor; }
.fine { color: var(--green); }
.look { color: var(--orange); }
.wrong { color: #fff; background: var(--red); border-color: var(--red); }
.advice { display: block; margin-top: .25rem; color: var(--soft); }
footer { grid-column: 2; color: var(--soft); font-size: .85rem; padding: .4rem 0 3rem; }
details { margin: 1rem 0 0; } summary { cursor: pointer; color: var(--blue); font-size: .95rem; }
@media (max-width: 70rem) { .page { display: block; padding: 0 1rem; } nav { position: static; margin-bottom: 1.6rem; }
        section { padding: 1.3rem 1.2rem 1.5rem; } header { padding-top: 1.8rem; } }
@media print { body { background: #fff; font-size: 11pt; } nav { display: none; } .page { display: block; padding: 0; }
        section { border: 0; padding: 0; } figure, tr { break-inside: avoid; } details { display: block; } }
"""


def escape(text):
    """Text as HTML that shows exactly this text, but for what no HTML may hold: that becomes a �."""
    return html.escape(NO_TEXT.sub("\ufffd", str(text)), quote=True)


class Page:
    """A page in the making: sections in order, each with paragraphs, tables and figures.

    Everything handed in is plain text, but for what `code` in backquotes becomes in paragraphs and captions.
    """

    def __init__(self, title, subtitle):
        self.title, self.subtitle = title, subtitle
        self.sections = []  # (heading, [html, ...])

    def section(self, heading):
        self.sections.append((heading, []))
        return self

    def add(self, markup):
        """Add HTML that is safe already to the last section."""
        self.sections[-1][1].append(markup)
        return self

    def text(self, text, quiet=False):
        return self.add(f'<p{" class=quiet" if quiet else ""}>{_inline(text)}</p>')

    def heading(self, text):
        return self.add(f"<h3>{escape(text)}</h3>")

    def link(self, file, text):
        """A link to a file that lies beside the page."""
        return self.add(f'<p><a href="{escape(quote(file))}">{escape(text)}</a></p>')

    def code(self, text):
        return self.add(f"<pre><code>{escape(text)}</code></pre>")

    def figure(self, draw, alt, caption=""):
        """What `draw` returns, a matplotlib Figure, embedded. alt: what it shows, for those who cannot see it.

        A figure that fails leaves a sentence in its place: all else of the page was measured and counts.
        """
        try:
            data = base64.b64encode(draw()._repr_png_()).decode()
        except MissingExtra:
            raise
        except Exception as error:
            return self.text(f"{alt}: this figure could not be drawn ({type(error).__name__}: {first_line(error)})")
        below = f"<figcaption>{_inline(caption)}</figcaption>" if caption else ""
        return self.add(f'<figure><img alt="{escape(alt)}" src="data:image/png;base64,{data}">{below}</figure>')

    def table(self, rows, left=1):
        """rows: cells, the first row being the heading; a cell that is a Markup goes in as it is."""
        def cells(row, tag):
            return "".join(f"<{tag}{'' if k < left else ' class=number'}>{_cell(cell)}</{tag}>"
                           for k, cell in enumerate(row))

        head, *body = rows
        lines = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in body)
        return self.add(f'<div class="wide"><table><thead><tr>{cells(head, "th")}</tr></thead>'
                        f"<tbody>{lines}</tbody></table></div>")

    def folded(self, label, text):
        """Text in a fixed width, hidden until it is asked for."""
        return self.add(f"<details><summary>{escape(label)}</summary><pre>{escape(text)}</pre></details>")

    def __str__(self):
        contents = "".join(f'<li><a href="#part-{i}">{escape(heading)}</a></li>'
                           for i, (heading, _) in enumerate(self.sections, start=1))
        parts = "".join(f'<section id="part-{i}"><h2>{escape(heading)}</h2>{"".join(body)}</section>\n'
                        for i, (heading, body) in enumerate(self.sections, start=1))
        return (f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
                f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
                f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
                f"<title>{escape(self.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
                f'<div class="page">\n<header><h1>{escape(self.title)}</h1><p>{_inline(self.subtitle)}</p></header>\n'
                f'<nav aria-label="Contents"><ol>{contents}</ol></nav>\n<main>\n{parts}</main>\n'
                f"<footer>{FOOTER}</footer>\n"
                f"</div>\n</body>\n</html>\n")


class Markup(str):
    """Text that is HTML already, made by this file or with `escape`."""


def mark(level):
    """A finding's level as a small badge."""
    name = {"fine": "fine", "worth a look": "look", "wrong": "wrong"}[level]
    return Markup(f'<span class="mark {name}">{escape(level)}</span>')


def _cell(cell):
    return cell if isinstance(cell, Markup) else escape(cell)


def _inline(text):
    """Escaped text, with `words` in backquotes as code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if k % 2 else piece for k, piece in enumerate(pieces))
