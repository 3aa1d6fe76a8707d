"""The log of a build: CodeBuild's own line form, secrets masked, size bounded."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

MASK = "***"
MAX_LINE_BYTES = 64 * 1024
LINE_OVERHEAD_BYTES = 26
"""What CloudWatch Logs counts for each event beside its text."""
_MIN_SECRET_PART = 6
_KEY_START = "IA"
_ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")


def container_line(text: str, at: datetime) -> str:
    """Return a line of the agent's own, as CodeBuild writes it."""
    return f"[Container] {at.astimezone(UTC):%Y/%m/%d %H:%M:%S.%f} {text}"


class Log:
    """Turns bytes into lines and hands them on; never holds more than one unfinished line.

    `on_full` is called once, when the log passes `max_bytes`; lines after that are dropped.
    """

    def __init__(
        self,
        write: Callable[[list[str]], None],
        *,
        now: Callable[[], datetime],
        max_bytes: int,
        on_full: Callable[[], None],
    ) -> None:
        self._write = write
        self._now = now
        self._left = max_bytes
        self._on_full = on_full
        self._rest = b""
        self._secrets: list[str] = []

    def hide(self, values: Iterable[str]) -> None:
        """Mask these values from now on, by exact match; each line of a value of several lines too."""
        parts = {part for value in values for part in (value, *_lines_of(value)) if part}
        self._secrets = sorted({*self._secrets, *parts}, key=len, reverse=True)

    def masked(self, text: str) -> str:
        """Return the text without secrets and without ids of AWS access keys, which CodeBuild masks, too."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return _ACCESS_KEY.sub(MASK, text) if _KEY_START in text else text

    def say(self, text: str) -> None:
        """Write a line of the agent's own; further lines of the text follow as they are."""
        self.flush()
        at = self._now()
        first, *more = text.split("\n")
        self._emit([container_line(first, at), *more])

    def feed(self, data: bytes) -> None:
        """Take what the build's processes printed."""
        *lines, rest = (self._rest + data).split(b"\n")
        pieces = [piece for line in lines for piece in _pieces(line)]
        *full, self._rest = _pieces(rest)
        if pieces or full:
            self._emit([_text(piece) for piece in (*pieces, *full)])

    def flush(self) -> None:
        """Write the unfinished line, if any."""
        if self._rest:
            rest, self._rest = self._rest, b""
            self._emit([_text(rest)])

    def _emit(self, lines: list[str]) -> None:
        if self._left <= 0:
            return
        self._left -= sum(len(line) + LINE_OVERHEAD_BYTES for line in lines)
        self._write([self.masked(line) for line in lines])
        if self._left <= 0:
            self._write([container_line("The log has reached its size limit; the build is ended.", self._now())])
            self._on_full()


def _pieces(line: bytes) -> list[bytes]:
    """Return a line in pieces that a log service takes; most lines are one piece."""
    if len(line) <= MAX_LINE_BYTES:
        return [line]
    return [line[start : start + MAX_LINE_BYTES] for start in range(0, len(line), MAX_LINE_BYTES)]


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r")


def _lines_of(value: str) -> list[str]:
    lines = value.splitlines()
    return [line for line in lines if len(line) >= _MIN_SECRET_PART] if len(lines) > 1 else []
