"""The list of exercises that grading goes by is that of the lessons."""

import pytest

pytest.importorskip("jupytext", reason="the lessons' tools are not installed: pip install -e '.[lessons]'")
pytest.importorskip("nbclient")

from lessons import index  # noqa: E402
from tinycnn.course import names  # noqa: E402
from tinycnn.course.grading import exercises  # noqa: E402


def test_the_list_agrees_with_the_lessons():
    assert index.PATH.read_text("utf-8") == index.text(), "run python -m lessons.index"
    assert sorted(exercises()) == sorted(names())
    assert all(entry["points"] in range(1, 6) for entry in exercises().values())
