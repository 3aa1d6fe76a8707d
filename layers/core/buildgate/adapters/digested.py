"""Streams of reports on their way to a reader, digested as they pass."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

from buildgate.adapters.aws_errors import calling
from buildgate.domain.measurements import Refusal
from buildgate.reports import Options, ReportRefused, read_all
from buildgate.usecases.gate_ports import ReadFile

_PIECE_BYTES = 1024 * 1024
_DRAIN_PIECES = 1024


def read_digested(
    body: Any, name: str, *, changed: Mapping[str, frozenset[int]] | None = None, format_name: str = ""
) -> ReadFile:
    """Read a report to its end; what cannot be read is a refusal.

    Raises:
        Unavailable: The stream broke off.
    """
    stream = _Digested(body)
    options = Options(changed_lines=changed or {})
    try:
        given = read_all(cast("BinaryIO", stream), name=name, format=format_name or None, options=options)
        reports = tuple(given)
    except ReportRefused as refused:
        return ReadFile((), Refusal(name, refused.reason_code, refused.message), stream.drain())
    return ReadFile(reports, None, stream.drain())


class _Digested:
    def __init__(self, body: Any) -> None:
        self._body = body
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        with calling("S3 GetObject body"):
            data = bytes(self._body.read(None if size < 0 else size))
        self._digest.update(data)
        return data

    def drain(self) -> str:
        """Read what the reader left, up to the size that readers take, and return the digest."""
        for _ in range(_DRAIN_PIECES):
            if not self.read(_PIECE_BYTES):
                break
        return self._digest.hexdigest()
