"""The two forms in which CodeBuild answers about many things: those that were named, and a page of a list."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from buildgate_cli.local.codebuild.store import Document
from buildgate_cli.local.paging import page

PAGE = 100
"""The most that one page holds, whatever is asked for."""


def named(member: str, keys: Iterable[str], find: Callable[[str], Document | None]) -> dict[str, Any]:
    """Answer a BatchGet operation: what was found under `member`, each once, and the keys that nothing has."""
    found = {key: find(key) for key in dict.fromkeys(keys)}
    return {
        member: [one for one in found.values() if one is not None],
        f"{member}NotFound": [key for key, one in found.items() if one is None],
    }


def listed(member: str, items: Sequence[Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a List or Describe operation: the page that `nextToken` asks for, of `maxResults` at most.

    Raises ServiceError (InvalidInputException) for a token that is not one of ours.
    """
    size = min(request.get("maxResults", PAGE), PAGE)
    part, token = page(items, request.get("nextToken"), size, refusal="InvalidInputException")
    return {member: part, "nextToken": token}
