"""One canonical line per invocation: everything needed to follow a push to its notice, and nothing secret."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aws_lambda_powertools.logging import Logger

from buildgate.domain.errors import BuildgateError
from buildgate.domain.redaction import redact, shorten

_VALUE_LIMIT = 500
_log = Logger(service="buildgate", level="INFO", log_uncaught_exceptions=False)


class Line:
    """Collects the fields of an invocation's line while it runs."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}

    def add(self, **fields: Any) -> None:
        """Add fields; empty values are left out, texts are redacted."""
        for name, value in fields.items():
            clean = _clean(value) if value else value
            if clean or clean == 0:
                self.fields[name] = clean


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return shorten(redact(value), limit=_VALUE_LIMIT)
    return [_clean(one) for one in value] if isinstance(value, list | tuple) else value


@contextmanager
def canonical_line(function: str, request_id: str) -> Iterator[Line]:
    """Log one line when the block ends: how long it took, what was decided and why, or how it failed."""
    line, started = Line(), time.perf_counter()
    line.add(function=function, request_id=request_id)
    try:
        yield line
    except BuildgateError as error:
        line.add(outcome=type(error).__name__, reason=error.reason)
        _write(line.fields, started, is_failure=True)
        raise
    except Exception as error:
        line.add(outcome="Crashed", reason=f"{type(error).__name__}: {error}")
        _write(line.fields, started, is_failure=True)
        raise
    line.fields.setdefault("outcome", "done")
    _write(line.fields, started, is_failure=False)


def _write(fields: Mapping[str, Any], started: float, *, is_failure: bool) -> None:
    extra = dict(fields) | {"ms": round((time.perf_counter() - started) * 1000)}
    if is_failure:
        _log.error("invocation", extra=extra)
    else:
        _log.info("invocation", extra=extra)
