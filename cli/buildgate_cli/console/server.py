"""Serves the console on loopback: one person, one secret link, pages and nothing else."""

from __future__ import annotations

import gzip
import hmac
import secrets
from functools import cached_property
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import parse_qs, quote, unquote, urlsplit

from buildgate_cli.api_client import ApiClient, ApiError
from buildgate_cli.console.badge_words import badge_words
from buildgate_cli.console.badges import COLOURS, badge
from buildgate_cli.errors import ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildgate_cli.cloud_context import CloudContext
    from buildgate_cli.console.pages import Pages
    from buildgate_cli.console.render import Page

_COOKIE: Final = "buildgate"
_BODY_LIMIT: Final = 16 * 1024
_SMALL_BYTES: Final = 2 * 1024
_STATUS: Final = {
    "Rejected": HTTPStatus.NOT_FOUND,
    "Conflict": HTTPStatus.CONFLICT,
    "Unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}
HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_ICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="{colour}"/>'
    '<path d="M8 23V9h4v14M20 23V9h4v14M12 14h8v4h-8" fill="#fff"/></svg>'
)
_ICONS: Final = {"/icon.svg": "#0b62c4"} | {f"/icon-{kind}.svg": colour for kind, colour in COLOURS.items()}
"""The tab's icon says from afar how what the page is about stands."""


class ConsoleServer:
    """A console for one cloud. Whoever has the link may look and decide with this person's credentials, so the link
    carries a secret of 256 bits that becomes a cookie, and every request must name the loopback address.
    """

    def __init__(self, cloud: CloudContext, *, port: int = 0, key: str = "") -> None:
        self._key = key or secrets.token_urlsafe(32)
        files = resources.files("buildgate_cli.console").joinpath("templates")
        self.files: Mapping[str, tuple[bytes, str]] = {
            f"/{name}": (files.joinpath(name).read_bytes(), f"text/{kind}; charset=utf-8")
            for name, kind in (("style.css", "css"), ("live.js", "javascript"))
        }
        self.api = ApiClient(cloud)
        self.form = secrets.token_urlsafe(32)
        self._cloud = cloud
        try:
            self._server = _Http(("127.0.0.1", port), _Handler)
        except OSError as error:
            fix = "Choose another with --port, or leave it out."
            raise UserError(f"Port {port} cannot be used: {error.strerror}.", fix, ExitCode.UNAVAILABLE) from error
        self._server.console = self

    @cached_property
    def pages(self) -> Pages:
        """The pages, made when somebody looks: templates and charts take a while to load."""
        from buildgate_cli.console.pages import Pages  # noqa: PLC0415 - see above

        cloud = self._cloud
        name = f"{cloud.stack} in {cloud.region}" if cloud.kind == "aws" else "local cloud"
        me = f"account {cloud.account}" if cloud.account else "yourself"
        return Pages(self.api, _logs(cloud), cloud=name, me=me, form=self.form)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The link that lets a browser in."""
        return f"http://{self.address}/?key={self._key}"

    def knows(self, key: str) -> bool:
        """Return whether a key is this console's, in constant time."""
        return hmac.compare_digest(key.encode(), self._key.encode())

    def serve(self) -> None:
        """Serve until ``close`` or an interrupt."""
        self._server.serve_forever(poll_interval=0.2)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _logs(cloud: CloudContext) -> Any:
    client: list[Any] = []

    def read(group: str, stream: str, *, limit: int) -> list[str]:
        if not client:
            client.append(cloud.client("logs"))
        answer = client[0].get_log_events(logGroupName=group, logStreamName=stream, limit=limit, startFromHead=False)
        return [event["message"] for event in answer["events"]]

    return read


class _Http(ThreadingHTTPServer):
    """The server, and the console whose pages it gives."""

    daemon_threads = True
    console: ConsoleServer


class _Handler(BaseHTTPRequestHandler):
    """Answers one browser. What every request must pass is in ``_guarded``."""

    server_version = "buildgate"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = 60

    @property
    def _console(self) -> ConsoleServer:
        return cast("_Http", self.server).console

    def do_GET(self) -> None:
        self._guarded(self._read)

    def do_HEAD(self) -> None:
        self._guarded(self._read)

    def do_POST(self) -> None:
        self._guarded(self._write)

    def _guarded(self, answer: Any) -> None:
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if self.headers.get("Host") != self._console.address:
            self._send(HTTPStatus.MISDIRECTED_REQUEST, b"Not this host.\n", "text/plain; charset=utf-8")
        elif query.get("key"):
            self._let_in(query["key"], parts.path)
        elif not self._console.knows(self._cookie()):
            told = b"Open the link that `buildgate console` printed.\n"
            self._send(HTTPStatus.FORBIDDEN, told, "text/plain; charset=utf-8")
        else:
            self._answered(answer, parts.path, query)

    def _answered(self, answer: Any, path: str, query: Mapping[str, str]) -> None:
        try:
            answer(path, query)
        except ApiError as error:
            page = self._console.pages.message(error.kind, f"{error.message} {error.fix or ''}".strip())
            self._page(page, _STATUS.get(error.kind, HTTPStatus.BAD_GATEWAY))
        except UserError as error:
            self._page(self._console.pages.message("Not now", str(error)), HTTPStatus.SERVICE_UNAVAILABLE)
        except OSError:
            self.close_connection = True  # the browser went away, or the API did: there is nobody to tell
        except Exception as error:  # noqa: BLE001 - the edge: a page that cannot be made says so, and the server lives
            told = f"This page met a defect of the console: {type(error).__name__}: {error}"
            self._page(self._console.pages.message("Defect", told), HTTPStatus.INTERNAL_SERVER_ERROR)

    def _cookie(self) -> str:
        try:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(_COOKIE)
        except CookieError:
            return ""
        return found.value if found else ""

    def _let_in(self, key: str, path: str) -> None:
        if not self._console.knows(key):
            self._send(HTTPStatus.FORBIDDEN, b"This link is not of this console.\n", "text/plain; charset=utf-8")
            return
        cookie = f"{_COOKIE}={key}; HttpOnly; SameSite=Strict; Path=/"
        self._send(HTTPStatus.SEE_OTHER, b"", "text/plain", {"location": _inside(path), "set-cookie": cookie})

    def _read(self, path: str, query: Mapping[str, str]) -> None:
        if path in self._console.files:
            self._send(HTTPStatus.OK, *self._console.files[path])
        elif path in _ICONS:
            self._send(HTTPStatus.OK, _ICON.format(colour=_ICONS[path]).encode(), "image/svg+xml")
        elif path.startswith("/badges/"):
            self._badge(unquote(path.removeprefix("/badges/").removesuffix(".svg")))
        else:
            found = self._console.pages.find(path, query)
            told = self._console.pages.message("Not here", f"There is no page {path}.")
            self._page(found or told, HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)

    def _badge(self, name: str) -> None:
        kind, _, what = name.partition("/")
        self._send(HTTPStatus.OK, badge(*badge_words(self._console.api, kind, what)).encode(), "image/svg+xml")

    def _write(self, path: str, query: Mapping[str, str]) -> None:
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdecimal()):
            self._refused("Say how long the form is.", HTTPStatus.LENGTH_REQUIRED)
            return
        if int(length[:9]) > _BODY_LIMIT:
            self._refused("That is too much text.", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        form = {
            name: values[-1] for name, values in parse_qs(self.rfile.read(int(length)).decode(errors="replace")).items()
        }
        origin = self.headers.get("Origin")
        is_ours = hmac.compare_digest(form.get("form", "").encode(), self._console.form.encode())
        if not path.startswith("/approvals/") or not is_ours or origin not in {None, f"http://{self._console.address}"}:
            self._refused("This is no form of the console.", HTTPStatus.FORBIDDEN)
            return
        ref = unquote(path.removeprefix("/approvals/"))
        decision = {"decision": form.get("decision", ""), "comment": form.get("comment", "")}
        try:
            self._console.api.post("approvals", ref, "decision", body=decision)
        except ApiError as error:
            self._page(self._console.pages.approval({"said": error.message}, ref), HTTPStatus.CONFLICT)
            return
        self._send(HTTPStatus.SEE_OTHER, b"", "text/plain", {"location": _inside(path)})

    def _refused(self, said: str, status: HTTPStatus) -> None:
        self.close_connection = True
        self._page(self._console.pages.message("Refused", said), status)

    def _page(self, page: Page, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(status, page.encode(), "text/html; charset=utf-8")

    def _send(self, status: HTTPStatus, body: bytes, kind: str, more: Mapping[str, str] | None = None) -> None:
        headers = {**HEADERS, "content-type": kind, **(more or {})}
        if len(body) > _SMALL_BYTES and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, compresslevel=5)
            headers |= {"content-encoding": "gzip", "vary": "accept-encoding"}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing: requests hold names of people's projects."""


def _inside(path: str) -> str:
    """Return a path of this console to lead to: nothing that a browser could take for another place."""
    return "/" + quote(path.lstrip("/\\"), safe="/:.-_~%")
