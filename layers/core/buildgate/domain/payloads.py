"""The format of what outlives a process outside the table: inputs of executions, invocations, notices, stored documents.

A payload names its format in ``fmt``; one that does not is of format 1. Within a format fields are only added, and one
that a newer release wrote is not guessed at: it waits, with its reason, for the release that knows it.
"""

from __future__ import annotations

import re
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


_LINK_FORMAT = re.compile(r"([1-9][0-9]{0,3})\.")


def newer_link(capability: str) -> int:
    """Return of which format a link is that this release does not know, by what it carries; 0 for any other link.

    A capability of format 1 is 43 characters of base64url, without a dot; later ones begin with their format and a dot.
    """
    found = _LINK_FORMAT.match(capability)
    written = int(found[1]) if found else FORMAT
    return written if written > FORMAT else 0
