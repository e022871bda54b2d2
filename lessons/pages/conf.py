"""Sphinx's settings for the site. The pages are gathered by `python -m lessons.site`, which also runs Sphinx."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project, author, copyright = "tinycnn", "the tinycnn authors", "the tinycnn authors"
extensions = ["myst_nb", "sphinx.ext.autodoc", "mathml", "docstrings"]
html_theme = "furo"
html_title = "tinycnn"
html_static_path = ["_static"]
html_css_files = ["site.css"]
highlight_language = "none"  # docstrings; everything else names its language
html_copy_source = False
html_show_sourcelink = False
myst_enable_extensions = ["dollarmath", "amsmath", "attrs_inline"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the lessons bring what they printed
nb_merge_streams = True
autodoc_typehints = "none"  # the docstrings give shapes and dtypes, which say more
autodoc_member_order = "bysource"
suppress_warnings = ["mystnb.unknown_mime_type", "myst.header"]
exclude_patterns = ["_build"]
