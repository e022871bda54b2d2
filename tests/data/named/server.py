"""A server on this machine that gives files, or fails in a way that a test chooses; no test contacts any other."""

import hashlib
import http.server
import socket
import struct
import threading

from tinycnn.data.named.download import Patience

QUICK = Patience(timeout=0.5, window=0.3, least=10_000, tries=3, pause=0.01, longest=0.05)


FILE, LSP = "tiny-imagenet-200.zip", "lspet_dataset.zip"  # an archive with a checksum, and one without


def part(cache, name="tiny-imagenet", file=FILE):
    """Where an archive is fetched to."""
    return cache / "downloads" / name / f"{file}.part"


class Handler(http.server.BaseHTTPRequestHandler):
    """Gives server.files, as a good server does, unless server.plan has something else for this request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        name = self.path.lstrip("/")
        self.server.asked.append((name, self.headers.get("Range")))
        plan = self.server.plan.get(name) or []
        (plan.pop(0) if plan else give)(self, self.server.files.get(name))

    def begin(self, status, length, **headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_):
        pass


def tag(content):
    return f'"{hashlib.md5(content).hexdigest()}"'


def give(handler, content, ranges=True, most=None):
    """The file, from the byte that is asked for on; of the bytes, `most` alone."""
    if content is None:
        handler.begin(404, 0)
        return
    wanted = handler.headers.get("Range")
    if ranges and wanted and handler.headers.get("If-Range") in (None, tag(content)):
        first = int(wanted.removeprefix("bytes=").rstrip("-"))
        if first >= len(content):
            handler.begin(416, 0)
            return
        handler.begin(206, len(content) - first, ETag=tag(content),
                      Content_Range=f"bytes {first}-{len(content) - 1}/{len(content)}")
    else:
        first = 0
        handler.begin(200, len(content), ETag=tag(content))
    handler.wfile.write(content[first:] if most is None else content[first : first + most])


def reset_after(count):
    def plan(handler, content):
        give(handler, content, most=count)
        handler.wfile.flush()
        # SO_LINGER of no time: the connection is not closed but reset.
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
        handler.close_connection = True

    return plan


def cut_after(count):
    def plan(handler, content):
        give(handler, content, most=count)
        handler.close_connection = True

    return plan


def answers(status, **headers):
    return lambda handler, content: handler.begin(status, 0, **headers)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.plan, self.asked = {}, {}, []
        self.stopped = threading.Event()  # for plans that wait

    def handle_error(self, request, client_address):
        pass  # a connection that a test breaks off

    def address(self, name):
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"
