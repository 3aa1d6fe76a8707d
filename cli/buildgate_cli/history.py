"""Long questions about history, asked page by page: backfilling and verifying."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.progress import Progress, SpinnerColumn, TextColumn

from buildgate_cli import cloud_context
from buildgate_cli.api_client import ApiClient, ApiError, connect
from buildgate_cli.output import errors

if TYPE_CHECKING:
    from buildgate_cli.metric_questions import Whose

VERIFY_DAYS: Final = 7
_COUNTS: Final = ("looked_at", "counted", "known", "running")


def recall(project: str, days: int) -> dict[str, Any]:
    """Record a project's history and return what was counted.

    Where it is is kept beside the cloud's state, so that an interrupted backfill of the same project and days goes on
    from its last page; recording is idempotent, so going over a page again changes nothing.
    """
    api, place = connect(), _place(project, days)
    token = place.read_text(encoding="utf-8") if place.exists() else ""
    total: dict[str, Any] = {"project": project, **dict.fromkeys(_COUNTS, 0), "failures": [], "resumed": bool(token)}
    with _progress(f"{project}: recalling {days} days") as (progress, task):
        while True:
            page = _page(api, project, days, token)
            for name in _COUNTS:
                total[name] += page[name]
            total["failures"] += page["failures"]
            reached = (page["oldest_at"] or "")[:10]
            progress.update(task, description=f"{project}: {total['looked_at']} builds, back to {reached or '?'}")
            token = page["next_token"]
            if not token:
                place.unlink(missing_ok=True)
                return total
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(token, encoding="utf-8")


def recall_each(projects: list[str], days: int) -> list[dict[str, Any]]:
    """Record the history of several projects; one that cannot be asked for is named among the failures, the others go on."""
    found = []
    for project in projects:
        try:
            found.append(recall(project, days))
        except ApiError as error:
            if len(projects) == 1:
                raise
            nothing = dict.fromkeys(_COUNTS, 0)
            found.append({"project": project, **nothing, "failures": [f"{project}: {error}"], "resumed": False})
    return found


def _page(api: ApiClient, project: str, days: int, token: str) -> Any:
    """Ask for a page; one that a lost connection cut off is asked for once more, for it is safe to repeat."""
    body = {"days": days, "token": token}
    try:
        return api.post("metrics", "projects", project, "backfill", body=body)
    except ApiError as error:
        if error.kind != "Unavailable":
            raise
        return api.post("metrics", "projects", project, "backfill", body=body)


def _place(project: str, days: int) -> Path:
    context = cloud_context.current()
    name = hashlib.sha256(f"{context.stack} {context.region} {project} {days}".encode()).hexdigest()[:16]
    return (context.state_dir or cloud_context.home()) / "backfill" / name


def verify_days(whose: Whose, days: int) -> dict[str, Any]:
    """Recount the days of a scope, a week at a time backwards, and return every difference.

    Folded days of today may be minutes behind, so those of teams, cost centres and the account are counted to yesterday.
    """
    api, name = connect(), whose.path[-1]
    found: dict[str, Any] = {"project": name, "name": name, "days": days, "builds": 0, "differences": []}
    latest = 1 if whose.is_folded else 0
    with _progress(f"{name}: counting again") as (progress, task):
        for skip in range(latest, days + latest, VERIFY_DAYS):
            part = min(VERIFY_DAYS, days + latest - skip)
            answer = api.get("metrics", *whose.path, "verify", days=part, skip=skip)
            found["builds"] += answer["builds"]
            found["differences"] = answer["differences"] + found["differences"]
            progress.update(task, description=f"{name}: {skip + part - latest} of {days} days counted")
    return found


def projects_of(whose: Whose) -> list[str]:
    """Return the projects of a wider scope: those of a pipeline's stages, or those whose tags say so.

    Raises:
        UserError: Nobody is named, or more than one.
    """
    api, path = connect(), whose.path
    if path[1] == "pipelines":
        stages = api.get("pipelines", path[-1])["pipeline"]["stages"]
        return sorted({build["project"] for stage in stages for build in stage["builds"]})
    found, following = [], None
    while True:
        page = api.get("metrics", "account", "attribution", days=1, next=following)
        found += [one for one in page["shares"] if one["kind"] == "project"]
        following = page.get("next")
        if following is None:
            break
    names = {"teams": "team", "cost-centres": "cost_centre"}
    return [one["name"] for one in found if path[1] == "accounts" or one[names[path[1]]] == path[-1]]


class _progress:  # noqa: N801  # reads as the call it is
    """Shows one moving line on a terminal's standard error, and nothing through a pipe."""

    def __init__(self, text: str) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            console=errors,
            transient=True,
            disable=not errors.is_terminal,
        )
        self._text = text

    def __enter__(self) -> tuple[Progress, Any]:
        self._progress.start()
        return self._progress, self._progress.add_task(self._text, total=None)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
