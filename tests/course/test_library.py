"""The library's own lines in a lesson."""

import tinycnn as tc
from tinycnn.course.library import ROOT, read


def test_lines_are_those_of_the_file():
    shown = read(tc.layers.Linear.forward, tc.layers.Linear.backward)
    file, first, last, text = shown.pieces[0]
    lines = (ROOT / file).read_text().splitlines()[first - 1 : last]
    assert file == "tinycnn/layers/linear.py" and text.startswith("def forward(self, x")
    assert [line.strip() for line in lines] == [line.strip() for line in text.splitlines()]
    assert "```python\ndef forward" in shown._repr_markdown_() and str(shown) == repr(shown) and "lines " in str(shown)
