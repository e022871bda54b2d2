"""The server, an empty cache, and the sets of the catalog as tiny ones on that server."""

import dataclasses
import hashlib
import threading

import pytest

from tests.data.named.layouts import LAYOUTS
from tests.data.named.server import QUICK, Server
from tinycnn.data.named import catalog
from tinycnn.data.named.catalog import Archive
from tinycnn.data.named.fetch import fetch


@pytest.fixture
def server(monkeypatch):
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield running
        running.stopped.set()
        running.shutdown()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder, named as somebody might name his."""
    folder = tmp_path / "my cache"
    monkeypatch.setenv("TINYCNN_DATA", str(folder))
    return folder


@pytest.fixture
def tiny(server, cache, monkeypatch):
    """tiny("pets"): the set of the catalog, its archives tiny ones on the server. mirrors: further names there"""

    def make(name, mirrors=(), **changed):
        real = catalog.CATALOG[name]
        archives = []
        for archive, (file, content) in zip(real.archives, LAYOUTS[name]().items(), strict=True):
            assert archive.name == file
            server.files[file] = content
            server.files |= {f"{mirror}/{file}": content for mirror in mirrors}
            addresses = tuple(server.address(place) for place in (file, *(f"{m}/{file}" for m in mirrors)))
            checksum = archive.checksum and f"sha256:{hashlib.sha256(content).hexdigest()}"
            if archive.checksum and archive.checksum.startswith("md5"):
                checksum = f"md5:{hashlib.md5(content).hexdigest()}"
            size = archive.size and len(content)
            archives.append(Archive(file, addresses, size, checksum, about=0 if size else len(content)))
        named = dataclasses.replace(real, archives=tuple(archives), unpacked=10**6, **changed)
        monkeypatch.setitem(catalog.CATALOG, name, named)
        return named

    return make


@pytest.fixture
def quietly():
    """quietly(named): fetch it; the sentences are in quietly.said, also of a call that failed."""

    def run(named, patience=QUICK):
        run.said = []
        return fetch(named, run.said.append, progress=False, patience=patience)

    return run
