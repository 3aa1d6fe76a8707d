"""Which build a person means: an id, an ARN, `project#number`, the beginning of an id, or a project's newest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.output import console

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

BATCH_SIZE: Final = 100
"""The most ids that BatchGetBuilds takes in one call (API model)."""
_UUID_LENGTH: Final = 36
_WIDE: Final = 140
_SHORT: Final = 8


def resolve(client: Any, text: str) -> str:
    """Return the id (`project:uuid`) of the build that `text` means.

    Raises:
        UserError: When nothing, or more than one build, fits.
    """
    named = text.strip().rsplit(":build/", 1)[-1]
    project, colon, rest = named.partition(":")
    if colon and len(rest) == _UUID_LENGTH:
        return named
    if "#" in named:
        return _by_number(client, *named.rsplit("#", 1))
    fitting = [one for one in _recent(client, project) if one.startswith(named)]
    if not fitting:
        raise UserError(f"No recent build fits {text}.", f"See `buildgate build list {project}`.", ExitCode.REFUSED)
    if colon and len(fitting) > 1:
        raise UserError(f"{text} fits {len(fitting)} builds.", f"Write more of the id: {', '.join(fitting[:3])}")
    return fitting[0]


def shown(build_id: str, screen: Console = console) -> str:
    """Return the id of a build or a batch for a person to read: on a narrow terminal its beginning, which names it too."""
    project, _, rest = build_id.rpartition(":")
    is_narrow = screen.is_terminal and screen.width < _WIDE
    return f"{project}:{rest[:_SHORT]}" if is_narrow and project else build_id


def _by_number(client: Any, project: str, number: str) -> str:
    if not number.isdigit():
        raise UserError(f"{number!r} is no build number.", "Write project#12.")
    recent = _recent(client, project)
    for build in _described(client, recent):
        if build.get("buildNumber") == int(number):
            return str(build["id"])
    raise UserError(f"{project} has no recent build {number}.", f"See `buildgate build list {project}`.", 1)


def _recent(client: Any, project: str) -> list[str]:
    """Return the hundred newest builds of a project."""
    return list(client.list_builds_for_project(projectName=project, sortOrder="DESCENDING").get("ids", []))


def _described(client: Any, ids: Sequence[str]) -> list[dict[str, Any]]:
    return list(client.batch_get_builds(ids=list(ids))["builds"]) if ids else []


def newest_ids(client: Any, project: str | None, limit: int) -> Iterator[str]:
    """Yield up to `limit` build ids, newest first, following every page that is needed."""
    request: dict[str, Any] = {"sortOrder": "DESCENDING"}
    call = client.list_builds
    if project:
        request["projectName"], call = project, client.list_builds_for_project
    while limit > 0:
        answer = call(**request)
        yield from answer.get("ids", [])[:limit]
        limit -= len(answer.get("ids", []))
        if not answer.get("nextToken"):
            return
        request["nextToken"] = answer["nextToken"]


def described(client: Any, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return what CodeBuild says of builds, in the order of `ids`: a call per hundred. Unknown ones are left out."""
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(ids), BATCH_SIZE):
        for build in _described(client, ids[start : start + BATCH_SIZE]):
            found[build["id"]] = build
    return [found[one] for one in ids if one in found]


def one(client: Any, build_id: str) -> dict[str, Any]:
    """Return what CodeBuild says of one build; UserError when it knows none of that id."""
    found = described(client, [build_id])
    if not found:
        raise UserError(f"There is no build {build_id}.", "See `buildgate build list`.", ExitCode.REFUSED)
    return found[0]
