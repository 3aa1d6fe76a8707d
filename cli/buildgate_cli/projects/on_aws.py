"""Reading projects and their report groups from CodeBuild; nothing here changes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.errors import ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

MANAGED_TAG: Final = {"key": "buildgate", "value": "managed"}
"""What the stack's policies ask of a project before they start, stop or read its builds; report groups carry it, too."""


def find(client: Any, name: str) -> dict[str, Any] | None:
    """Return a project as AWS describes it, None when there is none."""
    found = client.batch_get_projects(names=[name])["projects"]
    return dict(found[0]) if found else None


def get(client: Any, name: str) -> dict[str, Any]:
    """Return a project as AWS describes it; UserError when there is none."""
    found = find(client, name)
    if found is None:
        raise UserError(f"There is no project {name}.", "See `buildgate project list`.", ExitCode.REFUSED)
    return found


def every(client: Any) -> Iterator[dict[str, Any]]:
    """Yield all projects as AWS describes them, by name."""
    for page in client.get_paginator("list_projects").paginate(sortBy="NAME", sortOrder="ASCENDING"):
        if page["projects"]:
            yield from client.batch_get_projects(names=page["projects"])["projects"]
