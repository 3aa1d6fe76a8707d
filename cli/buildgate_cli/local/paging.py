"""Pages over a list that is computed whole, with a token that says where the next one begins."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from buildgate_cli.local.jsonservice import ServiceError

Item = TypeVar("Item")


def page(
    items: Sequence[Item], token: str | None, size: int, *, refusal: str = "InvalidContinuationTokenException"
) -> tuple[list[Item], str | None]:
    """Return one page and the token of the next, None at the end. Raises ServiceError(refusal) for a foreign token."""
    start = _offset(token, refusal) if token else 0
    end = start + max(size, 1)
    following = base64.urlsafe_b64encode(f"buildgate:{end}".encode()).decode() if end < len(items) else None
    return list(items[start:end]), following


def _offset(token: str, refusal: str) -> int:
    try:
        name, _, offset = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        if name == "buildgate" and offset.isdecimal():
            return int(offset)
    except (binascii.Error, ValueError):
        pass
    raise ServiceError(refusal, "The token is not one this service gave out.")
