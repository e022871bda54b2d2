"""What goes wrong between here and a server: what is kept, what is said, and that the next call goes on."""

import contextlib
import dataclasses
import socket
import ssl
import time

import pytest

from tests.data.named.server import FILE, LSP, QUICK, answers, cut_after, give, part, reset_after
from tinycnn.data.named import fetch as module
from tinycnn.errors import DataError


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

    named, waited = tiny("pets"), []
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr("time.sleep", waited.append)
    with pytest.raises(DataError, match="has a name that is not known here: is this machine offline?"):
        quietly(named)
    assert not waited  # trying again would not help


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
