"""What the shell offers when a person presses Tab on a name: asked of the cloud, quickly, and silently nothing on failure."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli import cloud_context
from buildgate_cli.human import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from buildgate_cli.api_client import ApiClient

Offer = tuple[str, str]
OFFERS_LIMIT: Final = 50


def _silently(find: Callable[[], Iterator[Offer]]) -> list[Offer]:
    """Return what `find` yields; a completion that fails must never disturb the line being typed."""
    try:
        return list(find())
    except Exception:  # noqa: BLE001  # any error at all means: no offers
        return []


def _client(context: Any) -> ApiClient:
    from buildgate_cli.api_client import ApiClient  # noqa: PLC0415  # loads the SDK's signer

    _choose(context)
    return ApiClient(cloud_context.current(), pause=lambda _: None, read_seconds=2.0)


def _choose(context: Any) -> None:
    """Choose the cloud by what the unfinished line says; a completion runs no callback that would."""
    said = context.find_root().params
    choice = cloud_context.Choice(
        stack=said.get("stack") or os.environ.get(cloud_context.STACK_VARIABLE),
        profile=said.get("profile"),
        region=said.get("region"),
    )
    cloud_context.choose(choice)


def pipelines(ctx: Any, args: list[str], incomplete: str) -> list[Offer]:
    """Offer the names of pipelines."""

    def find() -> Iterator[Offer]:
        for item in _client(ctx).get("pipelines")["pipelines"]:
            yield item["name"], safe(item.get("description", ""))

    return _silently(find)


def runs(ctx: Any, args: list[str], incomplete: str) -> list[Offer]:
    """Offer the ids of recent runs, newest first."""

    def find() -> Iterator[Offer]:
        for run in _client(ctx).get("runs", limit=OFFERS_LIMIT)["runs"]:
            yield run["run_id"], safe(f"{run['pipeline']} {run['status']} {run.get('message') or ''}").strip()

    return _silently(find)


def approvals(ctx: Any, args: list[str], incomplete: str) -> list[Offer]:
    """Offer the ids of the approvals that wait."""

    def find() -> Iterator[Offer]:
        for item in _client(ctx).get("approvals", status="waiting")["approvals"]:
            yield item["id"], safe(f"{item.get('pipeline', '')} {item.get('stage', '')}").strip()

    return _silently(find)


def projects(ctx: Any, args: list[str], incomplete: str) -> list[Offer]:
    """Offer the names of CodeBuild projects."""
    _choose(ctx)
    return [(name, "") for name in project_names()]


def builds(ctx: Any, args: list[str], incomplete: str) -> list[Offer]:
    """Offer the newest builds, of the project that the word begins with."""

    def find() -> Iterator[Offer]:
        client = cloud_context.current().client("codebuild", is_quick=True)
        project, colon, _ = incomplete.partition(":")
        if not colon:
            yield from ((name, "newest build") for name in project_names())
            return
        yield from ((one, "") for one in client.list_builds_for_project(projectName=project)["ids"][:OFFERS_LIMIT])

    _choose(ctx)
    return _silently(find)


def project_names() -> list[str]:
    """Return the first hundred projects of the cloud in use; none when it cannot be asked."""

    def find() -> Iterator[Offer]:
        for name in cloud_context.current().client("codebuild", is_quick=True).list_projects(sortBy="NAME")["projects"]:
            yield name, ""

    return [name for name, _ in _silently(find)]
