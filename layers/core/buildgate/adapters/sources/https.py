"""Asking servers outside AWS: https only, no redirects, bounded in time and size, never this machine itself.

A name is resolved once per question, every address it has is checked, and the connection goes to a checked address: a
name that leads elsewhere a moment later (DNS rebinding) gains nothing. The server still has to prove the name by its
certificate, and is still addressed by it.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import urllib3

from buildgate.domain.errors import Rejected

MOST_BYTES = 32 * 1024 * 1024
_CONNECT_SECONDS = 5.0
_READ_SECONDS = 30.0
_TRIES = 3
_PAUSE_SECONDS = 2.0
_PIECE_BYTES = 64 * 1024
_AGAIN = frozenset({429, 502, 503, 504})
_MOST_ADDRESSES = 4
_PORTS = {"https": 443, "http": 80}
_INSTANCE_SERVICES = ipaddress.ip_network("fd00:ec2::/32")
"""Where AWS answers instances over IPv6: metadata, names, time."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A server's answer, whatever its status."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class _Place:
    """A server that may be asked: its name, and the addresses that were checked."""

    scheme: str
    host: str
    port: int
    addresses: tuple[str, ...]

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a name. Raises OSError when there are none."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Https:
    """A careful HTTP client. `is_loopback_allowed` is for the local cloud, where servers of this machine may be asked,
    by http too.
    """

    def __init__(
        self, *, pause: Callable[[float], None], is_loopback_allowed: bool = False, resolve: Resolve = resolve
    ) -> None:
        self._pause = pause
        self._is_loopback_allowed = is_loopback_allowed
        self._resolve = resolve

    def ask(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> HttpAnswer:
        """Return the answer, a redirect being one like any other; a server that is busy is asked three times.

        Raises:
            Rejected: The address may not be asked, the server does not answer, or says too much.
        """
        place, target = self._checked(url), _target(url)
        said = {"User-Agent": "buildgate", "Accept": "application/json", **(headers or {}), "Host": place.authority}
        for left in range(_TRIES - 1, -1, -1):
            try:
                answer = _first_that_connects(place, method, target, said, body)
            except urllib3.exceptions.HTTPError as error:
                if not left:
                    raise Rejected(f"{place.host} does not answer: {type(error).__name__}") from error
            else:
                if answer.status not in _AGAIN or not left:
                    return answer
            self._pause(_PAUSE_SECONDS)
        raise Rejected(f"{place.host} does not answer")

    def _checked(self, url: str) -> _Place:
        """Return the server of a URL; refuse addresses of this machine, of its credentials and of nobody."""
        parts = _parts(url)
        scheme, host = parts.scheme, parts.hostname
        if scheme not in _PORTS or not host or (scheme == "http" and not self._is_loopback_allowed):
            raise Rejected(f"{url} is not an https address")
        port = parts.port or _PORTS[scheme]
        try:
            found = [ipaddress.ip_address(one.partition("%")[0]) for one in self._resolve(host, port)]
        except OSError as error:
            raise Rejected(f"{host} is not known: {error.strerror or error}") from error
        for address in found:
            self._check(host, scheme, _meant(address))
        if not found:
            raise Rejected(f"{host} has no address")
        return _Place(scheme, host, port, tuple(dict.fromkeys(map(str, found)))[:_MOST_ADDRESSES])

    def _check(self, host: str, scheme: str, address: Address) -> None:
        if address.is_loopback and self._is_loopback_allowed:
            return
        if scheme != "https":
            raise Rejected(f"{host} leads to {address}: other machines are asked by https only")
        is_nobody = address.is_unspecified or address.is_multicast or address.is_reserved
        if is_nobody or address.is_loopback or address.is_link_local or address in _INSTANCE_SERVICES:
            raise Rejected(f"{host} leads to {address}, which may not be asked")


def _meant(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one wraps, else the address."""
    wrapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return wrapped or address


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise Rejected(f"{url} is not an https address: {error}") from error
    return parts


def _target(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _first_that_connects(
    place: _Place, method: str, target: str, headers: dict[str, str], body: bytes | None
) -> HttpAnswer:
    """Ask the first address that takes a connection."""
    *others, last = place.addresses
    for address in others:
        try:
            return _once(_pool(place, address), method, target, headers, body)
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
            continue
    return _once(_pool(place, last), method, target, headers, body)


def _pool(place: _Place, address: str) -> urllib3.HTTPConnectionPool:
    """Return connections to one address; over TLS the server proves the name, not the address."""
    timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
    if place.scheme == "http":
        return urllib3.HTTPConnectionPool(address, place.port, timeout=timeout, retries=False)
    return urllib3.HTTPSConnectionPool(
        address,
        place.port,
        timeout=timeout,
        retries=False,
        cert_reqs="CERT_REQUIRED",
        server_hostname=place.host,
        assert_hostname=place.host,
    )


def _once(
    pool: urllib3.HTTPConnectionPool, method: str, target: str, headers: dict[str, str], body: bytes | None
) -> HttpAnswer:
    with pool:
        answer = pool.urlopen(method, target, body=body, headers=headers, redirect=False, preload_content=False)
        try:
            pieces, size = [], 0
            for piece in answer.stream(_PIECE_BYTES, decode_content=True):
                size += len(piece)
                if size > MOST_BYTES:
                    raise Rejected(f"{headers['Host']} answers with more than {MOST_BYTES // 1024 // 1024} MiB")
                pieces.append(piece)
            return HttpAnswer(answer.status, b"".join(pieces))
        finally:
            answer.close()
