"""How the published document describes the approval page: the only route that is open, guarded by what its link holds."""

from __future__ import annotations

from typing import Any, Final

from buildgate.web.http import BODY_LIMIT

_HTML: Final = {"text/html": {"schema": {"type": "string"}}}
_JSON: Final = {"application/json": {"schema": {"type": "object", "required": ["error"]}}}
"""What a program that asks for JSON is told of a link that a newer release sent."""
_ID: Final = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The id of the approval.",
    "schema": {"type": "string", "pattern": "^[^/]+$", "maxLength": 300},
}
_CAPABILITY: Final = {
    "name": "k",
    "in": "query",
    "required": True,
    "description": "The secret of the link, which opens this approval and no other.",
    "schema": {"type": "string", "maxLength": 100},
}
_LOOKED: Final = {
    "200": "What is asked, what is known, and, while it waits, the form.",
    "403": "The link is not valid, or there is no such approval: nobody can tell which. Or a newer release sent it.",
    "410": "Nobody decided in time.",
    "503": "Not now; try again.",
}
_POSTED: Final = {
    "200": "Decided now, or by the same person before.",
    "400": "No decision, or no name.",
    "403": "The link or the form is not valid, a newer release sent it, or this person may not decide.",
    "409": "Somebody else decided, or the run ended.",
    "410": "Nobody decided in time.",
    "413": f"The form is larger than {BODY_LIMIT // 1024} KiB.",
    "503": "Not now; try again.",
}
_FORM: Final = {
    "type": "object",
    "required": ["k", "form", "decision"],
    "properties": {
        "k": {"type": "string", "description": "The secret of the link."},
        "form": {"type": "string", "description": "The proof that the page's own form was used."},
        "decision": {"enum": ["approve", "reject"]},
        "name": {"type": "string", "description": "Who decides, when the link was sent to more than one."},
        "comment": {"type": "string"},
    },
}


def page_paths() -> dict[str, Any]:
    """Return the paths of the approval page. Looking changes nothing; posting decides, once."""
    return {
        "/approvals/{id}": {
            "get": _described("get_approval_page", "Show an approval to whom its link was sent.", _LOOKED, _CAPABILITY),
            "head": _described("head_approval_page", "Like GET, without the page.", _LOOKED, _CAPABILITY),
            "post": _described("post_approval_page", "Decide an approval with the page's form.", _POSTED)
            | {
                "requestBody": {
                    "required": True,
                    "content": {"application/x-www-form-urlencoded": {"schema": _FORM}},
                }
            },
        }
    }


def _described(name: str, summary: str, answers: dict[str, str], *more: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["approvals"],
        "security": [],
        "parameters": [_ID, *more],
        "responses": {
            status: {"description": words, "content": _HTML | (_JSON if status == "403" else {})}
            for status, words in answers.items()
        },
    }
