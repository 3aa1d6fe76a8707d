"""Identifiers that sort by time, and secrets; the caller brings the time and the randomness."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BYTES = 10
_PLACE = re.compile(r"([0-9a-z]{1,40})\.([0-9]{1,4})\.([0-9]{1,4})\.([A-Za-z0-9][A-Za-z0-9_-]{0,63})")


def sortable_id(now: datetime, random_bytes: bytes) -> str:
    """Return a 26-character id whose order is the order of time (the layout of a ULID, in lower case).

    Args:
        now: The moment of creation; milliseconds count.
        random_bytes: Ten random bytes.
    """
    if len(random_bytes) != _RANDOM_BYTES:
        raise ValueError(f"ten random bytes are needed, got {len(random_bytes)}")
    number = (int(now.timestamp() * 1000) << 80) | int.from_bytes(random_bytes, "big")
    digits = []
    for _ in range(26):
        number, remainder = divmod(number, 32)
        digits.append(_ALPHABET[remainder])
    return "".join(reversed(digits))


def place_text(run_id: str, stage: int, attempt: int, name: str) -> str:
    """Return the text that names a build or an approval of a stage attempt, everywhere outside of the table."""
    return f"{run_id}.{stage:02d}.{attempt}.{name}"


def parse_place(text: str) -> tuple[str, int, int, str] | None:
    """Return run, stage, attempt and name of a text that `place_text` wrote; None for any other, however long."""
    found = _PLACE.fullmatch(text)
    return None if found is None else (found[1], int(found[2]), int(found[3]), found[4])


def fingerprint(secret: str) -> str:
    """Return the SHA-256 of a secret as hexadecimal text: what the table keeps in its place."""
    return hashlib.sha256(secret.encode()).hexdigest()


def idempotency_token(*parts: str) -> str:
    """Return a token of 64 characters that is the same for the same parts, and else different."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
