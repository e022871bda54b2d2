"""Everything that can go wrong while a set is fetched: what is kept, what is said, and that the next call goes on."""

import contextlib
import dataclasses
import errno
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.data.named.layouts import LAYOUTS, packed
from tests.data.named.server import QUICK, answers, cut_after, give, reset_after
from tinycnn.data.named import cache as places
from tinycnn.data.named import fetch as module
from tinycnn.data.named.fetch import fetch
from tinycnn.errors import DataError

FILE = "tiny-imagenet-200.zip"
LSP = "lspet_dataset.zip"


@pytest.fixture
def quietly():
    """quietly(named): fetch it; the sentences are in quietly.said, also of a call that failed."""

    def run(named, patience=QUICK):
        run.said = []
        return fetch(named, run.said.append, progress=False, patience=patience)

    return run


def part(cache, name="tiny-imagenet", file=FILE):
    return cache / "downloads" / name / f"{file}.part"


def test_a_reset_in_the_middle_is_gone_on_from(tiny, server, cache, quietly):
    named = tiny("tiny-imagenet")
    server.plan[FILE] = [reset_after(1000), reset_after(2000)]
    assert quietly(named).is_dir()
    ranges = [wanted for _, wanted in server.asked]
    # What was on its way when the connection was reset may be lost, so that the places are not known exactly.
    assert len(ranges) == 3 and ranges[0] is None
    assert all(wanted is None or wanted.startswith("bytes=") for wanted in ranges)
    assert sum("Trying again in" in sentence for sentence in quietly.said) == 2


def test_a_connection_that_ends_early_is_gone_on_from(tiny, server, cache, quietly):
    named = tiny("tiny-imagenet")
    server.plan[FILE] = [cut_after(1000), cut_after(500)]
    assert quietly(named).is_dir()
    assert server.asked == [(FILE, None), (FILE, "bytes=1000-"), (FILE, "bytes=1500-")]
    size = named.archives[0].size
    assert f"the connection ended after 1,000 of {size:,} bytes. Trying again in 0.01 s, going on after 1 kB" \
        in quietly.said[0]


def test_it_gives_up_and_the_next_call_goes_on(tiny, server, cache, quietly):
    named = tiny("tiny-imagenet")
    server.plan[FILE] = [cut_after(1000)] * 3
    with pytest.raises(DataError) as caught:
        quietly(named)
    line = str(caught.value)
    assert "\n" not in line and f"{FILE} could not be fetched: {server.address(FILE)} the connection ended" in line
    assert f"Look for it at {named.page} with a browser, put it into {cache / 'downloads/tiny-imagenet'}" in line
    assert part(cache).stat().st_size == 3000 and not (cache / "tiny-imagenet").exists()
    assert quietly(named).is_dir() and server.asked[-1] == (FILE, "bytes=3000-")


def test_one_that_brings_something_may_break_more_often(tiny, server, quietly, monkeypatch):
    monkeypatch.setattr("tinycnn.data.named.download.ENOUGH", 1000)
    server.plan[FILE] = [cut_after(1000)] * 7
    assert quietly(tiny("tiny-imagenet")).is_dir() and len(server.asked) == 8


def test_pauses_grow_up_to_a_bound(tiny, server, quietly, monkeypatch):
    slept = []
    monkeypatch.setattr("tinycnn.data.named.download.time.sleep", slept.append)
    server.plan[FILE] = [answers(503)] * 2 + [answers(503, Retry_After="7")] + [answers(503)] * 9
    with pytest.raises(DataError, match="answers 503 Service Unavailable"):
        quietly(tiny("tiny-imagenet"), dataclasses.replace(QUICK, tries=7, pause=1.0, longest=10.0))
    assert slept == [1, 2, 7, 8, 10, 10]


def test_a_refused_connection(tiny, quietly):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    named = tiny("pets")
    closed = dataclasses.replace(named.archives[0], addresses=(f"http://127.0.0.1:{port}/images.tar.gz",))
    with pytest.raises(DataError, match=r"images.tar.gz could not be fetched: .*refuses the connection. Look for"):
        quietly(dataclasses.replace(named, archives=(closed, named.archives[1])))


def test_a_name_that_is_not_known(tiny, quietly, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    named = tiny("pets")
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(DataError, match="its name is not known here: is this machine offline?"):
        quietly(named)


def test_a_certificate_that_is_not_valid(tiny, quietly, monkeypatch):
    calls = []

    def mistrust(*_, **__):
        calls.append(0)
        raise ssl.SSLCertVerificationError("self-signed certificate")

    named = tiny("pets")
    monkeypatch.setattr(socket, "create_connection", mistrust)
    with pytest.raises(DataError, match="has no valid certificate .*self-signed certificate"):
        quietly(named)
    assert len(calls) == 1


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_file_that_is_gone_is_not_asked_for_again(tiny, server, quietly, status):
    named = tiny("tiny-imagenet")
    server.plan[FILE] = [answers(status)] * 5
    with pytest.raises(DataError, match=rf"answers {status} .*Look for it at http://cs231n.stanford.edu/ with"):
        quietly(named)
    assert len(server.asked) == 1


def test_a_mirror_takes_over_and_goes_on(tiny, server, quietly):
    named = tiny("tiny-imagenet", mirrors=("other",))
    server.plan[FILE] = [cut_after(1000), answers(404)]
    assert quietly(named).is_dir()
    assert server.asked[-1] == (f"other/{FILE}", "bytes=1000-")
    assert any(sentence.endswith("answers 404 Not Found. Trying the next address") for sentence in quietly.said)


def test_redirections_are_followed_with_the_range(tiny, server, quietly):
    named = tiny("tiny-imagenet", mirrors=("there",))
    moved = answers(302, Location=f"/there/{FILE}")
    server.plan[FILE] = [moved, moved]
    server.plan[f"there/{FILE}"] = [cut_after(1000)]
    assert quietly(named).is_dir() and server.asked[-1] == (f"there/{FILE}", "bytes=1000-")


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/x.zip", f"/{FILE}"])
def test_redirections_to_elsewhere_and_for_ever(tiny, server, cache, quietly, place):
    server.plan[FILE] = [answers(302, Location=place)] * 50
    with pytest.raises(DataError, match="could not be fetched"):
        quietly(tiny("tiny-imagenet"))
    assert not part(cache).exists() and len(server.asked) < 40


def test_a_server_that_does_not_go_on_in_the_middle(tiny, server, quietly):
    server.plan[FILE] = [cut_after(1000), lambda handler, content: give(handler, content, ranges=False)]
    assert quietly(tiny("tiny-imagenet")).is_dir()
    assert "this server does not go on in the middle, or its file has changed: from the beginning again" in quietly.said


def test_a_server_that_goes_on_at_another_place(tiny, server, quietly):
    def elsewhere(handler, content):
        handler.begin(206, len(content) - 5, Content_Range=f"bytes 5-{len(content) - 1}/{len(content)}")
        handler.wfile.write(content[5:])

    server.plan[FILE] = [cut_after(1000), elsewhere]
    assert quietly(tiny("tiny-imagenet")).is_dir()
    assert any("goes on at byte 5 instead of 1000" in sentence for sentence in quietly.said)


def test_a_server_that_says_no_length(tiny, server, quietly):
    def closing(handler, content):
        handler.begin(200, None, Connection="close")
        handler.wfile.write(content)
        handler.close_connection = True

    def chunked(handler, content):
        handler.begin(200, None, Transfer_Encoding="chunked")
        handler.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content))

    named = tiny("pets")
    server.plan = {"images.tar.gz": [closing], "annotations.tar.gz": [chunked]}
    assert quietly(named).is_dir()


def test_a_chunk_that_is_cut_off(tiny, server, quietly):
    def cut(handler, content):
        handler.begin(200, None, Transfer_Encoding="chunked")
        handler.wfile.write(b"%x\r\n%b" % (len(content), content[:3000]))
        handler.close_connection = True

    server.plan[FILE] = [cut]
    assert quietly(tiny("tiny-imagenet")).is_dir() and server.asked[1] == (FILE, "bytes=3000-")


def test_a_slow_trickle_is_left(tiny, server, quietly):
    def trickle(handler, content):
        handler.begin(200, len(content))
        for byte in content:
            if handler.server.stopped.wait(0.02):
                return
            handler.wfile.write(bytes([byte]))

    named = tiny("tiny-imagenet", mirrors=("other",))
    server.plan[FILE] = [trickle] * 3
    start = time.monotonic()
    assert quietly(named).is_dir() and time.monotonic() - start < 20
    assert sum("sent only" in sentence for sentence in quietly.said) == 3
    assert server.asked[-1][0] == f"other/{FILE}" and server.asked[-1][1].startswith("bytes=")


def test_a_server_that_says_nothing(tiny, server, quietly):
    server.plan[FILE] = [lambda handler, content: handler.server.stopped.wait(2)]
    assert quietly(tiny("tiny-imagenet")).is_dir()
    assert "did not answer for 0.5 s" in quietly.said[0]


def test_a_server_that_stops_in_the_middle(tiny, server, quietly):
    def stop(handler, content):
        give(handler, content, most=1000)
        handler.server.stopped.wait(2)

    server.plan[FILE] = [stop]
    assert quietly(tiny("tiny-imagenet")).is_dir()
    assert server.asked[1] == (FILE, "bytes=1000-") and "did not answer for 0.5 s" in quietly.said[0]


@pytest.mark.parametrize("noise", [b"", b"\0" * 100, b"HTTP/9.9 abc\r\n\r\n", b"SSH-2.0-OpenSSH\r\n",
                                   b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
                                   b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\nContent-Range: bytes x-y/z\r\n\r\nabc",
                                   b"HTTP/1.1 206 OK\r\nContent-Range: bytes 7-\xb2/5\r\n\r\nabc",
                                   b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
                                   b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\n\r\n",
                                   b"HTTP/1.1 503 x\r\nRetry-After: -3\r\n\r\n"])  # fmt: skip
def test_a_server_that_speaks_nonsense(tiny, server, quietly, noise):
    def speak(handler, content):
        handler.wfile.write(noise)
        handler.close_connection = True

    server.plan[FILE] = [speak] * 3
    with contextlib.suppress(DataError):  # a sentence, or a right file in spite of it
        quietly(tiny("tiny-imagenet"))


def test_a_web_page_instead_of_a_file(tiny, server, cache, quietly):
    def page(handler, content):
        handler.begin(200, 11, Content_Type="text/html; charset=utf-8")
        handler.wfile.write(b"please pay!")

    server.plan = {LSP: [page]}
    with pytest.raises(DataError, match="answers with a web page instead of a file. Look for it at"):
        quietly(tiny("lsp-extended"))
    assert not part(cache, "lsp-extended", LSP).exists()


def test_a_file_of_another_size_is_not_even_begun(tiny, server, cache, quietly):
    named = tiny("tiny-imagenet")
    server.files[FILE] += b"more"
    with pytest.raises(DataError, match=rf"has a file of {len(server.files[FILE]):,} bytes, not of"):
        quietly(named)
    assert not part(cache).exists()


def test_one_that_sends_without_end(tiny, server, cache, quietly):
    def endless(handler, content):
        handler.begin(200, None, Connection="close")
        with contextlib.suppress(OSError):
            while not handler.server.stopped.is_set():
                handler.wfile.write(bytes(2**16))

    for name, file in (("tiny-imagenet", FILE), ("lsp-extended", LSP)):  # of a known size, and of none
        named = tiny(name)
        server.plan[file] = [endless]
        with pytest.raises(DataError, match="sends more than"):
            quietly(named)
        assert not part(cache, name, file).exists() or part(cache, name, file).stat().st_size <= 3 * named.size


def test_a_wrong_checksum_is_never_unpacked(tiny, server, cache, quietly, monkeypatch):
    named = tiny("tiny-imagenet")
    server.files[FILE] = bytes(reversed(server.files[FILE]))
    monkeypatch.setattr(module, "unpack", None)
    with pytest.raises(DataError, match="sends another file than expected: its checksum is md5:.* instead of md5:"):
        quietly(named)
    assert not part(cache).exists() and len(server.asked) == 1


def test_a_wrong_copy_on_one_address_is_right_on_the_next(tiny, server, quietly):
    named = tiny("tiny-imagenet", mirrors=("other",))
    server.files[FILE] = bytes(reversed(server.files[FILE]))
    assert quietly(named).is_dir()
    assert [name for name, _ in server.asked] == [FILE, f"other/{FILE}"]


def test_a_beginning_that_does_not_fit_is_fetched_once_more(tiny, server, cache, quietly):
    named = tiny("tiny-imagenet")
    part(cache).parent.mkdir(parents=True)
    part(cache).write_bytes(b"of another file")
    assert quietly(named).is_dir()
    assert server.asked == [(FILE, "bytes=15-"), (FILE, None)]
    assert any("put together from several attempts" in sentence for sentence in quietly.said)


def test_more_than_there_should_be_is_begun_anew(tiny, server, cache, quietly):
    named = tiny("tiny-imagenet")
    part(cache).parent.mkdir(parents=True)
    part(cache).write_bytes(bytes(named.size + 1))
    assert quietly(named).is_dir() and server.asked == [(FILE, None)]


# --- where no checksum is known ---


def test_without_a_checksum_the_server_is_asked_whether_it_is_still_the_same_file(tiny, server, quietly):
    named = tiny("lsp-extended")
    server.plan[LSP] = [cut_after(1000)]
    assert quietly(named).is_dir() and server.asked[1] == (LSP, "bytes=1000-")
    assert not any("from the beginning" in sentence for sentence in quietly.said)


def test_a_file_that_was_replaced_meanwhile_is_begun_anew(tiny, server, quietly):
    named = tiny("lsp-extended")

    def replaced(handler, content):
        cut_after(1000)(handler, content)
        handler.server.files[LSP] = LAYOUTS["lsp-extended"](n=30)[LSP]

    server.plan[LSP] = [replaced]
    assert quietly(named).is_dir() and len(list((quietly(named) / "images").iterdir())) == 30


def test_without_a_name_for_its_state_nothing_is_put_together(tiny, server, quietly):
    def nameless(handler, content):
        handler.begin(200, len(content))
        handler.wfile.write(content[:1000])
        handler.close_connection = True

    server.plan[LSP] = [nameless]
    assert quietly(tiny("lsp-extended")).is_dir() and server.asked == [(LSP, None), (LSP, None)]


def test_the_first_checksum_is_remembered(tiny, server, cache, quietly):
    named = tiny("lsp-extended")
    shutil.rmtree(quietly(named))
    assert quietly(named).is_dir()  # the same again
    assert not any("is remembered" in sentence for sentence in quietly.said)
    shutil.rmtree(cache / "lsp-extended")
    server.files[LSP] = LAYOUTS["lsp-extended"](n=30)[LSP]
    with pytest.raises(DataError, match=r"its checksum is sha256:.* from http://127.*delete .*pins.json"):
        quietly(named)
    (cache / "downloads/lsp-extended/pins.json").write_text("{")
    with pytest.raises(DataError, match="pins.json, which holds the checksums.* is damaged"):
        quietly(named)


def test_what_is_no_archive_is_neither_kept_nor_remembered(tiny, server, cache, quietly):
    named = tiny("lsp-extended")
    whole = server.files[LSP]
    for content in (b"no archive at all", whole[:-200], packed("zip", {"images/x.jpg": b""})):
        server.files[LSP] = content
        with pytest.raises(DataError, match="cannot be unpacked|is cut off|do not hold joints.mat"):
            quietly(named)
        assert not (cache / "lsp-extended").exists() and not list(cache.glob(".lsp*"))
        assert not (cache / "downloads/lsp-extended/pins.json").exists()
    server.files[LSP] = whole
    assert quietly(named).is_dir()


def test_a_set_that_an_archive_wraps_in_a_folder(tiny, server, cache, quietly):
    server.files[LSP] = b""
    named = tiny("lsp-extended")
    server.files[LSP] = packed("zip", {"lspet_dataset/images/im00001.jpg": b"x", "lspet_dataset/joints.mat": b"x"})
    quietly(named)
    assert sorted(path.name for path in (cache / "lsp-extended").iterdir()) == ["images", "joints.mat"]


# --- placed by hand ---


def by_hand(cache, name, file, content):
    folder = cache / "downloads" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes(content)
    return folder / file


def test_a_file_placed_by_hand_is_taken_and_stays(tiny, server, cache, quietly):
    named = tiny("pets")
    file = by_hand(cache, "pets", "images.tar.gz", server.files["images.tar.gz"])
    server.files["images.tar.gz"] = None
    assert quietly(named).is_dir() and [name for name, _ in server.asked] == ["annotations.tar.gz"]
    assert file.exists() and f"{file} was placed by hand, and is taken" in quietly.said
    assert f"not needed any more: {file}" in quietly.said


def test_a_wrong_file_placed_by_hand_is_said_and_stays(tiny, server, cache, quietly):
    named = tiny("pets")
    whole = server.files["images.tar.gz"]
    for content, words in ((whole[:-1], f"it has {len(whole) - 1:,} bytes instead of {len(whole):,}"),
                           (bytes(len(whole)), "its checksum is sha256:")):
        file = by_hand(cache, "pets", "images.tar.gz", content)
        with pytest.raises(DataError, match=f"placed by hand, is not the file that is expected: {words}"):
            quietly(named)
        assert file.read_bytes() == content
    assert not server.asked


# --- archives that mean harm, and disks that are full ---


def test_hostile_archives(tiny, server, cache, quietly, tmp_path):
    for content in (packed("zip", {"../../out.txt": b"x"}), packed("tar.gz", {"/out.txt": b"x"}),
                    packed("tar.gz", {"images/zeros.jpg": bytes(50 * 2**20)})):
        named = tiny("lsp-extended")
        server.files[LSP] = content
        named = dataclasses.replace(named, archives=(dataclasses.replace(named.archives[0], about=len(content)),))
        with pytest.raises(DataError, match="would lead out of its folder|that is not unpacked"):
            quietly(named)
        assert not list(tmp_path.rglob("out.txt")) and not list(cache.glob(".lsp*"))


@pytest.mark.parametrize("when", ["fetching", "unpacking"])
def test_a_full_disk(tiny, server, cache, quietly, monkeypatch, when):
    named, real = tiny("tiny-imagenet"), open

    class Full:
        """A file on a disk with room for 2,000 bytes more."""

        def __init__(self, file):
            self.file, self.room = file, 2000

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, content):
            self.file.write(content[: self.room])
            self.room -= len(content)
            if self.room < 0:
                raise OSError(errno.ENOSPC, "No space left on device")

    if when == "fetching":
        monkeypatch.setattr("tinycnn.data.named.download.open", lambda path, mode: Full(real(path, mode)),
                            raising=False)
    else:
        monkeypatch.setattr(Path, "open", lambda path, mode="r": Full(real(path, mode)) if "w" in mode else
                            real(path, mode))
    with pytest.raises(DataError) as caught:
        quietly(named)
    line = str(caught.value)
    assert line.startswith("the disk is full. What was fetched is kept in ") and "TINYCNN_DATA=FOLDER" in line
    assert not (cache / "tiny-imagenet").exists() and not list(cache.glob(".tiny*"))
    assert part(cache).stat().st_size == (2000 if when == "fetching" else named.size)
    monkeypatch.undo()
    monkeypatch.setenv("TINYCNN_DATA", str(cache))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    asked = len(server.asked)
    assert quietly(named).is_dir()
    assert server.asked[asked:] == ([(FILE, "bytes=2000-")] if when == "fetching" else [])


def test_too_little_room_is_said_before_anything_is_fetched(tiny, server, quietly, monkeypatch):
    named = tiny("pets")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**6, 10**6, 1000))
    with pytest.raises(DataError, match=r"pets needs about 1.*MB in .*, and 1 kB are free: make room, or choose"):
        quietly(named)
    assert not server.asked


def test_a_cache_that_may_not_be_written_to(tiny, cache, quietly, monkeypatch):
    there = quietly(tiny("voc2007"))

    def locked(*_, **__):  # a real one would not stop root, as whom tests may run
        raise PermissionError(errno.EACCES, "Permission denied", str(cache))

    named = tiny("pets")
    monkeypatch.setattr(Path, "mkdir", locked)
    with pytest.raises(DataError, match=r"Permission denied: .*choose another folder with TINYCNN_DATA=FOLDER"):
        quietly(named)
    assert quietly(tiny("voc2007")) == there


# --- Ctrl-C, kills, and two at once ---


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
