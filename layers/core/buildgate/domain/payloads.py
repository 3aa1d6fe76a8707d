"""The format of what outlives a process outside the table: inputs of executions, invocations, notices, stored documents.

A payload names its format in ``fmt``; one that does not is of format 1. Within a format fields are only added, and one
that a newer release wrote is not guessed at: it waits, with its reason, for the release that knows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildgate.domain.errors import Unavailable

FORMAT = 1
"""What this release writes, and the newest that it reads."""
NAME = "fmt"


def refuse_newer(kept: Mapping[str, Any], what: str) -> None:
    """Let a payload pass that this release can read.

    Raises:
        Unavailable: It is of a newer format, or of one that is no number.
    """
    written = kept.get(NAME, FORMAT)
    if str(written).isdecimal() and int(written) <= FORMAT:
        return
    reason = f"{what} has format {str(written)[:20]}, and this release reads formats up to {FORMAT}"
    raise Unavailable(reason, fix="deploy the newer release again")
