"""Progress: a bar where someone is watching, and nothing but what was asked for everywhere else."""

import sys
import types

import pytest
from inspection.looks import network, pictures

import tinycnn as tc
from tinycnn.progress import bar


def test_the_same_things_come_out_in_their_order():
    assert list(bar(iter("abc"), 3, "letters")) == list("abc")
    assert list(bar(iter("abc"), 3, "letters", shown=False)) == list("abc")


def test_nothing_is_drawn_where_nobody_watches(capsys):
    list(bar(range(3), 3, "numbers"))  # stderr is no terminal here
    assert capsys.readouterr() == ("", "")


def test_it_does_without_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    things = [1, 2]
    assert bar(things, 2, "numbers") is things


@pytest.mark.parametrize(("home", "disable"), [("tqdm.notebook", False), ("tqdm.asyncio", None)])
def test_a_notebook_has_a_bar_although_it_is_no_terminal(monkeypatch, home, disable):
    seen = {}

    class Bar:
        def __init__(self, iterable, **options):
            seen.update(options)

    Bar.__module__ = home
    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Bar))
    bar([1], 1, "one")
    assert seen["disable"] is disable and seen["total"] == 1 and seen["leave"] is False


def test_without_a_terminal_fit_prints_a_line_for_each_epoch(capsys):
    tc.fit(network(), pictures(12), epochs=3, batch_size=4)
    out, err = capsys.readouterr()
    assert [line.split()[:2] for line in out.splitlines()] == [["epoch", "1"], ["epoch", "2"], ["epoch", "3"]]
    assert err == ""
    tc.fit(network(), pictures(12), epochs=1, batch_size=4, progress=False)
    assert capsys.readouterr() == ("", "")
