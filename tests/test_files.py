"""Files: whole or not at all, and nobody else's written over."""

import os

import numpy as np
import pytest

from tinycnn.errors import DataError
from tinycnn.files import atomic_write, expect_own, holds

MARK = b"written by us"


@pytest.mark.parametrize(("before", "after", "found"), [(0, 0, True), (900, 5000, True), (5000, 900, True),
                                                        (1020, 5000, False), (5000, 5000, False)])
def test_a_mark_counts_at_the_start_and_at_the_end(tmp_path, before, after, found):
    path = tmp_path / "file"
    path.write_bytes(b"x" * before + MARK + b"y" * after)
    assert holds(path, MARK) is found


def test_what_is_no_file_holds_no_mark_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "nothing"):
        assert not holds(path, MARK)


def test_somebody_elses_file_is_refused(tmp_path):
    path = tmp_path / "report.html"
    expect_own(path, MARK)  # there is none
    path.write_bytes(MARK)
    expect_own(path, MARK)
    path.write_bytes(b"a year's work")
    with pytest.raises(DataError, match=r"report.html exists already and was written by something else"):
        expect_own(path, MARK)
    path.unlink()
    path.symlink_to("nowhere")
    with pytest.raises(DataError, match="exists already"):
        expect_own(path, MARK)


def test_a_figure_carries_our_mark(tmp_path):
    plots = pytest.importorskip("tinycnn.plots")
    pytest.importorskip("matplotlib")
    figure = plots.new_figure(2, 2)
    figure.subplots().plot(np.arange(3))
    plots.save(figure, tmp_path / "a.png")
    assert holds(tmp_path / "a.png", plots.look.MARK)
    figure.savefig(tmp_path / "b.png")
    assert not holds(tmp_path / "b.png", plots.look.MARK)
    plots.save(figure, tmp_path / "a.svg")


def test_a_name_may_be_as_long_as_names_may_be(tmp_path):
    with atomic_write(tmp_path / ("x" * 255)) as file:
        file.write(b"1")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"1"]
