"""Time and randomness of this machine."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SystemRandomness:
    """The machine's source of randomness fit for secrets."""

    def random_bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)
