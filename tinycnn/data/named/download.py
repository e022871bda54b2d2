"""One file from one address: what was fetched before is kept and continued, and what fails for a while is tried again.

The standard library does the work. Nothing is decoded, no cookie is kept, and nothing but http and https is followed.
"""

import contextlib
import http.client
import json
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinycnn.errors import DataError
from tinycnn.files import atomic_write
from tinycnn.text import byte_size, first_line
from tinycnn.version import __version__

BLOCK = 2**18
LATER = {408, 425, 429, 500, 502, 503, 504}  # what a server says when it may be asked again
ENOUGH = 2**20  # bytes after which a connection that breaks counts as the first one


@dataclass(frozen=True)
class Patience:
    """How long to wait, and how often to try again."""

    timeout: float = 30.0  # seconds without a byte
    window: float = 60.0  # seconds in which at least ...
    least: int = 32_768  # ... so many bytes must come
    tries: int = 5  # in a row, without anything new
    pause: float = 1.0  # seconds before the second try; twice as long before each further one
    longest: float = 60.0


class Broken(DataError):
    """It did not work this time, and may work at another. wait: seconds that the server asks for"""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


class Refused(DataError):
    """It does not work, and will not work by trying again."""


def opener() -> urllib.request.OpenerDirector:
    """What opens addresses: http and https, redirections among them, and the proxy of the environment."""
    chosen = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler, urllib.request.UnknownHandler, urllib.request.HTTPHandler,
                    urllib.request.HTTPSHandler, urllib.request.HTTPDefaultErrorHandler,
                    urllib.request.HTTPRedirectHandler, urllib.request.HTTPErrorProcessor):  # fmt: skip
        chosen.add_handler(handler())
    return chosen


def notes_of(part: Path) -> Path:
    """Where it is kept what the server said of a file."""
    return part.with_name(f"{part.name}.json")


class Download:
    """A file that is fetched into `part`, which may have its beginning already.

    size: bytes it must have, where they are known    most: bytes at which it is given up
    certain: whether its checksum is known, so that the end of one copy may follow the beginning of another. Where it is
        not, the server is asked whether it is still the same file, and without an answer it is begun anew
    say: is told what happens    report: is told the bytes that are there, and in all, or None
    """

    def __init__(self, part: Path, size: int | None, most: int, certain: bool, say: Callable[[str], object],
                 report: Callable[[int, int | None], object], patience: Patience) -> None:
        self.part, self.size, self.most, self.certain = part, size, most, certain
        self.say, self.report, self.patience = say, report, patience
        self.notes = notes_of(part)

    def have(self) -> int:
        """Bytes that are there."""
        return self.part.stat().st_size if self.part.exists() else 0

    def known(self) -> dict[str, Any]:
        """{"version": how the server names this state of the file, "size": bytes}, as far as they are known"""
        try:
            notes = json.loads(self.notes.read_text("utf-8"))
            return {key: notes[key] for key, kind in (("version", str), ("size", int)) if type(notes[key]) is kind}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def begin_anew(self) -> None:
        """Forget what is there."""
        for path in (self.part, self.notes):
            path.unlink(missing_ok=True)

    def run(self, address: str) -> None:
        """Fetch what is missing. Refused or Broken say why not; what was fetched until then is kept.

        OSError is the disk's: it is full, or may not be written to.
        """
        failures, pause = 0, self.patience.pause
        while True:
            before = self.have()
            try:
                self._once(address)
                return
            except Broken as error:
                if self.have() - before >= ENOUGH:
                    failures, pause = 0, self.patience.pause
                failures += 1
                if failures >= self.patience.tries:
                    raise
                wait = min(max(pause, error.wait), self.patience.longest)
                have = self.have()
                kept = f", going on after {byte_size(have)}" if have else ""
                self.say(f"{address}: {error}. Trying again in {wait:.3g} s{kept}")
                time.sleep(wait)
                pause *= 2

    def _once(self, address):
        have, known = self.have(), self.known()
        whole = self.size or known.get("size")
        if have > (whole or self.most) or have and not self.certain and not known.get("version"):
            self.begin_anew()
            have = 0
        elif have and have == whole:
            return
        headers = {"User-Agent": f"tinycnn/{__version__}", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if not self.certain:
                headers["If-Range"] = known["version"]
        request = urllib.request.Request(address, headers=headers)
        with self._talking():
            answer = opener().open(request, timeout=self.patience.timeout)
        with contextlib.closing(answer):
            have, total = self._accept(answer, have)
            with open(self.part, "r+b" if have else "wb") as file:
                file.seek(have)
                file.truncate()
                for block in self._blocks(answer):
                    have += len(block)
                    if have > (total or self.most):
                        raise Refused(f"sends more than {total or self.most:,} bytes")
                    file.write(block)
                    file.flush()  # so that a kill loses nothing
                    self.report(have, total)
            if total is None:
                self._remember(answer, have)
            elif have < total:
                raise Broken(f"the connection ended after {have:,} of {total:,} bytes")

    def _accept(self, answer, have):
        """(bytes to keep, bytes in all or None), from the head of an answer; Refused where it is not the file."""
        length = answer.headers.get("Content-Length", "")
        total = int(length) if length.isdigit() and length.isascii() else None
        if answer.status == 206:
            first, whole = _range(answer.headers.get("Content-Range", ""))
            if first != have:
                self.begin_anew()
                raise Broken(f"it goes on at byte {first} instead of {have}")
            total = whole
        elif answer.status != 200:
            raise Refused(f"answers {answer.status} {answer.reason}, and no file")
        else:
            if have:
                self.say("this server does not go on in the middle, or its file has changed: from the beginning again")
            have = 0
        if answer.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
            raise Refused("answers with a web page instead of a file")
        if self.size is not None and total not in (None, self.size):
            raise Refused(f"has a file of {total:,} bytes, not of {self.size:,}")
        if total is not None and total > self.most:
            raise Refused(f"has a file of {total:,} bytes, more than {self.most:,}")
        if not have:
            self._remember(answer, total)
        return have, self.size or total

    def _remember(self, answer, size):
        """Keep how the server names this state of the file: a strong ETag, or the time of its last change."""
        tag = answer.headers.get("ETag", "")
        version = tag if tag.startswith('"') else answer.headers.get("Last-Modified")
        with atomic_write(self.notes, "w") as file:
            json.dump({"version": version, "size": size}, file)

    def _blocks(self, answer):
        """What comes, in pieces. A server that sends a byte now and then is left."""
        start, got = time.monotonic(), 0
        while True:
            with self._talking():
                block = answer.read1(BLOCK)
            if not block:
                return
            yield block
            got += len(block)
            if (passed := time.monotonic() - start) >= self.patience.window:
                if got < self.patience.least:
                    raise Broken(f"sent only {byte_size(got)} in {passed:.3g} s")
                start, got = time.monotonic(), 0

    @contextlib.contextmanager
    def _talking(self) -> Iterator[None]:
        """What goes wrong with a connection, as Broken or Refused, in words. Nothing within may touch the disk."""
        try:
            yield
        except urllib.error.HTTPError as error:
            with error:
                raise self._turned_down(error) from error
        except (OSError, http.client.HTTPException) as error:
            raise _failure(error, self.patience.timeout) from error
        except ValueError as error:
            raise Refused(f"is no address that can be opened ({error})") from error

    def _turned_down(self, error):
        """Broken or Refused for an answer such as 404 Not Found."""
        if error.code == 416:  # nothing comes after what we have
            self.begin_anew()
            return Broken("has no more than what was there already, so that was another file")
        words, after = f"answers {error.code} {error.reason}", error.headers.get("Retry-After", "")
        if error.code in LATER:
            return Broken(words, float(after) if after.isdigit() and len(after) < 6 else 0.0)
        return Refused(words)


def _range(text):
    """(first byte, bytes in all) of `bytes 100-199/200`; None for what it does not say."""
    unit, _, rest = text.partition(" ")
    span, _, whole = rest.partition("/")
    first = span.partition("-")[0]
    return (int(first) if unit == "bytes" and first.isdigit() else None), (int(whole) if whole.isdigit() else None)


def _failure(error, timeout):
    """Broken or Refused, with the reason in words."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Refused(f"has no valid certificate ({getattr(cause, 'verify_message', cause)})")
    if isinstance(cause, socket.gaierror):
        return Refused("has a name that is not known here: is this machine offline?")  # trying again would not help
    if isinstance(cause, TimeoutError):
        return Broken(f"did not answer for {timeout:.3g} s")
    words = {ConnectionRefusedError: "refuses the connection", ConnectionResetError: "broke the connection off",
             BrokenPipeError: "broke the connection off", http.client.IncompleteRead: "broke the connection off",
             http.client.RemoteDisconnected: "broke the connection off before it answered"}
    known = next((text for kind, text in words.items() if type(cause) is kind), None)
    return Broken(known or f"does not work ({first_line(cause)})")
