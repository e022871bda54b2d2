"""Ctrl-C, kills, and two processes that fetch the same set."""

import dataclasses
import os
import subprocess
import sys
import threading
import time

import pytest

from tests.data.named.server import FILE, QUICK, cut_after, give, part
from tinycnn.data.named import cache as places
from tinycnn.data.named.fetch import fetch


@pytest.mark.parametrize("when", ["fetching", "unpacking", "between"])
def test_an_interruption_keeps_what_was_fetched(tiny, server, cache, quietly, monkeypatch, when):
    named = tiny("tiny-imagenet")

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    if when == "fetching":
        server.plan[FILE] = [cut_after(1000)]
        monkeypatch.setattr("tinycnn.data.named.download.time.sleep", interrupt)
    else:
        monkeypatch.setattr(*{"unpacking": ("tinycnn.data.readers.unpacking._copy", interrupt),
                              "between": ("tinycnn.data.named.fetch._root", interrupt)}[when])
    with pytest.raises(KeyboardInterrupt, match="what was fetched is kept, and the same command goes on from there"):
        quietly(named)
    assert part(cache).stat().st_size == (1000 if when == "fetching" else named.size)
    assert not (cache / "tiny-imagenet").exists() and not list(cache.glob(".tiny*"))
    assert places.state(named).startswith("begun: ")
    monkeypatch.undo()
    monkeypatch.setenv("TINYCNN_DATA", str(cache))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert quietly(named).is_dir()


def test_what_a_killed_process_was_unpacking_is_removed(tiny, cache, quietly):
    (cache / ".pets.x8s7d6f5/images").mkdir(parents=True)
    quietly(tiny("pets"))
    assert not list(cache.glob(".*"))


def test_two_threads_fetch_one_set_once(tiny, server, cache):
    named, begun, go, said = tiny("tiny-imagenet"), threading.Event(), threading.Event(), []

    def slowly(handler, content):
        begun.set()
        go.wait(10)
        give(handler, content)

    server.plan[FILE] = [slowly]
    patience = dataclasses.replace(QUICK, timeout=10)
    first = threading.Thread(target=fetch, args=(named, lambda _: None, False, patience))
    second = threading.Thread(target=fetch, args=(named, said.append, False, patience))
    first.start()
    assert begun.wait(10)
    second.start()
    deadline = time.monotonic() + 10
    while not said and time.monotonic() < deadline:
        time.sleep(0.01)
    assert said == ["another process is fetching tiny-imagenet: waiting until it has ended (Ctrl-C ends the waiting "
                    "alone)"]
    go.set()
    first.join(10)
    second.join(10)
    assert (cache / "tiny-imagenet").is_dir() and server.asked == [(FILE, None)] and len(said) == 1


PROGRAM = """
import dataclasses, sys
from tinycnn.data.named import catalog
from tinycnn.data.named.catalog import Archive
from tinycnn.data.named.fetch import fetch
real = catalog.CATALOG["tiny-imagenet"]
archive = Archive(real.archives[0].name, (sys.argv[1],), int(sys.argv[2]), sys.argv[3])
fetch(dataclasses.replace(real, archives=(archive,), unpacked=10**6), lambda words: print(words, flush=True), False)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_two_processes_one_of_which_is_killed(tiny, server, cache):
    named, begun, go = tiny("tiny-imagenet"), threading.Event(), threading.Event()

    def hold(handler, content):
        give(handler, content, most=1000)
        handler.wfile.flush()
        begun.set()
        go.wait(20)
        handler.close_connection = True

    server.plan[FILE] = [hold]
    archive = named.archives[0]
    call = [sys.executable, "-c", PROGRAM, archive.addresses[0], str(archive.size), archive.checksum]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(call, env=environment, stdout=subprocess.PIPE, text=True) as first:
        assert begun.wait(20)
        deadline = time.monotonic() + 20
        while not (part(cache).exists() and part(cache).stat().st_size == 1000) and time.monotonic() < deadline:
            time.sleep(0.01)
        with subprocess.Popen(call, env=environment, stdout=subprocess.PIPE, text=True) as second:
            assert second.stdout.readline().startswith("another process is fetching tiny-imagenet: waiting")
            first.kill()
            assert second.wait(20) == 0 and f"is in {cache / 'tiny-imagenet'}" in second.stdout.read()
        go.set()
    assert server.asked == [(FILE, None), (FILE, "bytes=1000-")]
    assert (cache / "tiny-imagenet/tiny-imagenet-200").is_dir()
