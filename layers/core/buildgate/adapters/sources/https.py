"""Asking servers outside AWS: https only, no redirects, bounded in time and size, never this machine itself."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3

from buildgate.domain.errors import Rejected

MOST_BYTES = 32 * 1024 * 1024
_CONNECT_SECONDS = 5.0
_READ_SECONDS = 30.0
_TRIES = 3
_PAUSE_SECONDS = 2.0
_PIECE_BYTES = 64 * 1024
_AGAIN = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A server's answer, whatever its status."""

    status: int
    body: bytes


class Https:
    """A careful HTTP client. `is_loopback_allowed` is for tests, whose servers run on this machine."""

    def __init__(self, *, pause: Callable[[float], None], is_loopback_allowed: bool = False) -> None:
        timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)
        self._pause = pause
        self._is_loopback_allowed = is_loopback_allowed

    def ask(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> HttpAnswer:
        """Return the answer; a server that is busy is asked three times.

        Raises:
            Rejected: The address may not be asked, the server does not answer, or says too much.
        """
        self._check(url)
        for left in range(_TRIES - 1, -1, -1):
            try:
                answer = self._once(method, url, dict(headers or {}), body)
            except urllib3.exceptions.HTTPError as error:
                if not left:
                    raise Rejected(f"{_host(url)} does not answer: {type(error).__name__}") from error
            else:
                if answer.status not in _AGAIN or not left:
                    return answer
            self._pause(_PAUSE_SECONDS)
        raise Rejected(f"{_host(url)} does not answer")

    def _once(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> HttpAnswer:
        said = {"User-Agent": "buildgate", "Accept": "application/json", **headers}
        answer = self._pool.request(method, url, headers=said, body=body, redirect=False, preload_content=False)
        try:
            pieces, size = [], 0
            for piece in answer.stream(_PIECE_BYTES, decode_content=True):
                size += len(piece)
                if size > MOST_BYTES:
                    raise Rejected(f"{_host(url)} answers with more than {MOST_BYTES // 1024 // 1024} MiB")
                pieces.append(piece)
            return HttpAnswer(answer.status, b"".join(pieces))
        finally:
            answer.close()

    def _check(self, url: str) -> None:
        """Refuse addresses of this machine, of its credentials (link-local) and of nobody."""
        parts = urlsplit(url)
        if self._is_loopback_allowed:
            return
        if parts.scheme != "https" or not parts.hostname:
            raise Rejected(f"{url} is not an https address")
        try:
            found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Rejected(f"{parts.hostname} is not known: {error.strerror or error}") from error
        for entry in found:
            address = ipaddress.ip_address(entry[4][0])
            if address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast:
                raise Rejected(f"{parts.hostname} leads to {address}, which may not be asked")


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the server"
