"""Tables in plain text, and numbers in words."""

import pytest

from tinycnn.text import aligned, byte_size, count, figure_of, megabytes, percent, shortened, table, times

ROWS = [("name", "n", "words"), ("a", 1, "one"), ("longer", 1000, "")]


def test_columns_stand_one_below_the_other():
    assert aligned(ROWS) == ["name       n  words", "a          1    one", "longer  1000"]
    assert aligned(ROWS, left=(0, 2)) == ["name       n  words", "a          1  one", "longer  1000"]
    assert aligned([("a", 1)], narrowest=4) == ["a        1"]


def test_lines_set_rows_off():
    assert table(ROWS).splitlines()[1] == "-" * len("name       n  words")
    heading, *rest = table(ROWS, rules=(0, 2, -1)).splitlines()
    assert set(heading) == {"-"} and [line[0] for line in rest] == ["n", "a", "-", "l"]


def test_the_last_column_wraps_and_what_follows_an_arrow_stays_to_its_right():
    first, second = aligned([("key", "one two three"), ("", "-> four five six")], left=2, wrap=14)
    assert first == "key  one two\n     three"
    assert second == "     -> four\n        five\n        six"
    rule = table([("a", "b"), ("key", "one two three")], left=2, wrap=14).splitlines()[1]
    assert rule == "-" * len("key  one two")  # as wide as the widest line, not as all of them together


@pytest.mark.parametrize("n, words", [
    (0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (4_200_000, "4.2 MB"), (3e9, "3 GB"),
])  # fmt: skip
def test_sizes(n, words):
    assert byte_size(n) == words


@pytest.mark.parametrize("n, digits, words", [
    (0, 1, "0"), (49_999, 1, "<0.1"), (50_001, 1, "0.1"), (4_230_000_000, 1, "4,230.0"), (400_000, 0, "<1"),
    (1_600_000, 0, "2"),
])  # fmt: skip
def test_megabytes(n, digits, words):
    assert megabytes(n, digits) == words


def test_counts_shares_and_figures():
    assert [count(1, "image"), count(2000, "image"), count(2, "class", "classes")] == [
        "1 image", "2,000 images", "2 classes"]
    shares = None, 0, 0.001, 0.613, 0.999, 1
    assert [percent(share) for share in shares] == ["-", "0 %", "<1 %", "61 %", ">99 %", "100 %"]
    assert [figure_of(x) for x in (None, 0, 0.0123, 12345, 3e-7)] == ["-", "0", "0.012", "12,345", "3e-07"]
    assert times((32, 32, 3)) == "32 x 32 x 3"
    assert shortened("Conv2d(3, 8)", 12) == "Conv2d(3, 8)" and shortened("Conv2d(3, 8)", 9, "…)") == "Conv2d(…)"
