"""The public address of the local cloud: links name it, and it stays the same over stops and starts.

A small reverse proxy on loopback. Method, path, query, headers (the host name included, so that signatures hold) and
body go to the emulated HTTP API as they came; the API to speak for is named in one header that only this side sets.
Only the documents of the cloud's own token issuer are answered here.
"""

from __future__ import annotations

import http.client
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar, Final

from .seams.front_door import API_HEADER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LOG = logging.getLogger(__name__)
MAX_BODY_BYTES: Final = 6 * 1024 * 1024
"""What a Lambda function takes at most, and so what an HTTP API can pass on."""

ANSWER_SECONDS: Final = 35.0
_HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "upgrade"}
) | {"transfer-encoding", "content-length", "expect", API_HEADER}


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class _Handler(BaseHTTPRequestHandler):
    """One connection of a browser, a client or the CLI."""

    protocol_version = "HTTP/1.1"
    server_version = "buildgate"
    sys_version = ""
    timeout = 75
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True
    front: ClassVar[Front]

    def _forward(self) -> None:
        try:
            passed_on, sent = self._passed_on(), self._body()
            own = self.front.own(self.command, self.path)
            status, headers, body = own or self.front.ask(self.command, self.path, passed_on, sent)
        except _Refused as refused:
            self.close_connection = True
            status, headers = refused.status, [("Content-Type", "application/json"), ("Connection", "close")]
            body = json.dumps({"message": refused.message}).encode()
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if status not in {204, 304}:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _forward  # noqa: N815 - the base's names

    def _passed_on(self) -> list[tuple[str, str]]:
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0].lower() not in self.front.hosts:
            raise _Refused(403, "This address answers only to its own loopback name.")
        return [(name, value) for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP]

    def _body(self) -> bytes:
        if "Transfer-Encoding" in self.headers:
            raise _Refused(411, "Send the body with a Content-Length.")
        length, *more = self.headers.get_all("Content-Length") or ["0"]
        if more or not (length.isascii() and length.isdecimal()):
            raise _Refused(400, "Content-Length is not one number.")
        if int(length) > MAX_BODY_BYTES:
            raise _Refused(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
        return self.rfile.read(int(length))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Keep request lines out of logs: paths carry capabilities of approval links."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


class Front:
    """The proxy. It answers 503 until it is told which API to speak for."""

    def __init__(
        self, port: int, emulator_port: int, *, documents: Callable[[str], Mapping[str, Any] | None] = lambda _: None
    ) -> None:
        self._emulator_port = emulator_port
        self._documents = documents
        self._api: str | None = None
        self._server = _Server(("127.0.0.1", port), type("_BoundHandler", (_Handler,), {"front": self}))
        self.hosts = frozenset({f"127.0.0.1:{self.port}", f"localhost:{self.port}"})
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The base of every public link."""
        return f"http://127.0.0.1:{self.port}"

    def speak_for(self, api_id: str) -> None:
        """Forward to this HTTP API from now on."""
        self._api = api_id

    def start(self) -> None:
        """Begin to answer, in a thread. Starting twice is a no-op."""
        if self._thread is None:
            loop = {"poll_interval": 0.1}
            self._thread = threading.Thread(target=self._server.serve_forever, kwargs=loop, name="front", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port. Stopping twice is a no-op."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()

    def own(self, method: str, path: str) -> tuple[int, list[tuple[str, str]], bytes] | None:
        """Return what this side answers by itself: a public document of the cloud's token issuer, None for the rest."""
        found = self._documents(path) if method in {"GET", "HEAD"} else None
        return None if found is None else (200, [("Content-Type", "application/json")], json.dumps(found).encode())

    def ask(
        self, method: str, path: str, headers: list[tuple[str, str]], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Put one request to the API and return its answer: status, headers, body."""
        if self._api is None:
            raise _Refused(503, "The local cloud is starting.")
        connection = http.client.HTTPConnection("127.0.0.1", self._emulator_port, timeout=ANSWER_SECONDS)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in [*headers, (API_HEADER, self._api)]:
                connection.putheader(name, value.encode("latin-1"))
            if body or method in {"POST", "PUT", "PATCH"}:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            answer = connection.getresponse()
            passed_on = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP]
            return answer.status, passed_on, answer.read()
        except (OSError, http.client.HTTPException, ValueError) as error:
            LOG.warning("the API did not answer: %s", error)
            raise _Refused(503, "The local cloud does not answer; see `buildgate local status`.") from error
        finally:
            connection.close()
