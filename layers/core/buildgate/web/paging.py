"""Lists page by page: each page names the place where the next one begins, sealed, so that nobody makes places up.

A token is bound to its route and filters. The seal catches what was damaged, made up or taken from another list; it
hides nothing and grants nothing: a place can only be one in a list that the caller may read anyway.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from buildgate.domain.errors import Rejected
from buildgate.web.http import Request
from buildgate.web.operations import NEXT

_SEAL_BYTES: Final = 16
_FREE: Final = {"limit", "next"}
"""Parameters that may change from page to page."""

_T = TypeVar("_T")


class Pager:
    """Cuts lists into pages and gives, and takes back, the tokens between them."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def place(self, request: Request) -> str:
        """Return where the page begins, empty for the first.

        Raises:
            Rejected: The token is not one of this list.
        """
        token = NEXT.of(request)
        if not token:
            return ""
        try:
            raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            raw = b""
        seal, place = raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
        is_whole = base64.urlsafe_b64encode(raw) == token.encode()
        if not place or not is_whole or not hmac.compare_digest(seal, self._seal(request, place)):
            fix = "Ask again without next, from the beginning."
            raise Rejected("next is no token of this list with these filters", field="next", fix=fix)
        return place.decode("utf-8")

    def token(self, request: Request, place: str) -> str:
        """Return the token of a place in the list that a request asks for."""
        raw = place.encode()
        return base64.urlsafe_b64encode(self._seal(request, raw) + raw).decode()

    def cut(
        self, request: Request, rows: Iterable[_T], key: Callable[[_T], str], *, limit: int, is_falling: bool = False
    ) -> tuple[Sequence[_T], str | None]:
        """Return a page of a whole list, in the order of ``key``, and the token of the next page.

        A row that came or went between two pages moves no other: the place is a key, not a number.
        """
        place = self.place(request)
        ordered = sorted(rows, key=key, reverse=is_falling)
        if place:
            ordered = [row for row in ordered if (key(row) < place if is_falling else key(row) > place)]
        page = ordered[:limit]
        return page, self.token(request, key(page[-1])) if len(ordered) > limit else None

    def _seal(self, request: Request, place: bytes) -> bytes:
        asked = sorted((name, value) for name, value in request.query.items() if name not in _FREE and value)
        scope = json.dumps([request.path, asked, place.decode("utf-8", "replace")]).encode()
        return hmac.new(self._key, scope, hashlib.sha256).digest()[:_SEAL_BYTES]
