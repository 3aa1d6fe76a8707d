"""The HTTP API's generated reference: the OpenAPI document, and a page that lists its routes for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from buildgate.runtime.clients import Session
from buildgate.runtime.wiring import Wiring
from buildgate.web.api import Api
from buildgate.web.openapi import document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DOCUMENT: Final = "docs/reference/openapi.json"
PAGE: Final = "docs/reference/http-api.md"
_INTRODUCTION: Final = """\
# The HTTP API

Written from the routing table by `python -m buildgate_cli.reference`; `make docs` writes it again. The whole of it, with
every field of every answer, is the [OpenAPI document](openapi.json), which an installation serves itself at
`GET /v1/openapi.json`, and `buildgate api document` prints.

The address is the stack's output `ApiUrl`; that of the local cloud is in `buildgate local status`. Callers are proved by
AWS Signature Version 4 (service `execute-api`), or, where an issuer is configured, by a token under `/oidc/v1/...`.
`buildgate api get runs limit=5` asks as you.

- **Failures** have one shape: `{"error": {"class", "message", "field", "fix"}}`. `Rejected` (400, 403, 404) is the caller's
  fault, `Conflict` (409) says that somebody was first, `Unavailable` (503) may be tried again, `Corrupt` (500) needs
  somebody to look. API Gateway's own refusals are `{"message"}`.
- **Parameters** that a route does not know, or that are given twice, are refused: a misspelt filter is never a filter
  that is ignored.
- **Lists** come page by page. While there is more, `next` is a token: send it back as the parameter `next`, with the
  same filters. A token is bound to its list and sealed; one that was changed is refused. A page of filtered runs may be
  short, even empty, and still have a next one.
- **Tags**: the answer to a GET carries a strong `ETag`. Sent back in `If-None-Match` (weak forms and lists are
  understood), it is answered with 304 and no body while nothing has changed. Answers may be kept by the caller alone
  and only to be asked for again (`cache-control: private, no-cache`).
- **Looking changes nothing.** Only POST and PUT write. A body has at most 256 KiB.

## Routes
"""


def description(*, is_closed: bool = False) -> dict[str, Any]:
    """Return the OpenAPI document, made without asking any cloud; a closed one allows no field beyond those it names."""
    return document(Api(Wiring(Session(), table="none")).operations, is_closed=is_closed)


def pages() -> dict[str, str]:
    """Return the text of the generated pages by path."""
    described = description()
    return {
        DOCUMENT: json.dumps(described, indent=1, ensure_ascii=False) + "\n",
        PAGE: "\n".join([_INTRODUCTION, *_routes(described)]).rstrip() + "\n",
    }


def _routes(described: Mapping[str, Any]) -> Iterator[str]:
    by_tag: dict[str, list[str]] = {}
    for path, item in described["paths"].items():
        for method, one in item.items():
            taken = [f"`{p['name']}`" for p in one.get("parameters", ()) if p["in"] == "query"]
            row = f"| `{method.upper()} {path}` | {one['summary']} | {', '.join(taken)} |"
            by_tag.setdefault(one["tags"][0], []).append(row)
    for tag, rows in sorted(by_tag.items()):
        yield from (f"### {tag.capitalize()}", "", "| route | does | parameters |", "|---|---|---|", *rows, "")
