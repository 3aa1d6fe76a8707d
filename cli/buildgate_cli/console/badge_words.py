"""What a badge says: the last ended run of a pipeline, the last build of a project, the last gate, the DORA level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from buildgate_cli.console.pages import Api

KINDS: Final = ("pipelines", "projects", "gates", "dora")
_LEVELS: Final = ("low", "medium", "high", "elite")
_SILENT: Final = {"QUEUED", "RUNNING", "SUPERSEDED"}
"""Runs that say nothing of their pipeline: they go on still, or a newer one went in their place."""


def badge_words(api: Api, kind: str, name: str) -> tuple[str, str]:
    """Return label and state of a badge: pipelines/NAME, projects/NAME, gates/PIPELINE or dora/PIPELINE.

    Raises:
        ApiError: What the badge is about is not there.
    """
    if kind == "dora":
        return "DORA", _level(api.get("metrics", "dora", pipeline=name, days=90)["dora"]["measures"])
    if kind == "projects":
        builds = api.get("metrics", "projects", name, "builds", days=30, limit=1)["builds"]
        return name, _word(builds[0]["status"]) if builds else "no builds"
    if kind == "gates":
        found = api.get("pipelines", name, "judgements", limit=1)["judgements"]
        return f"{name} gate" if not found else found[0]["gate"], found[0]["status"] if found else "not judged"
    runs = api.get("runs", pipeline=name, limit=20)["runs"]
    ended = next((run for run in runs if run["status"] not in _SILENT), runs[0] if runs else None)
    return name, _word(ended["status"]) if ended else "no runs"


def _level(measures: Sequence[dict[str, Any]]) -> str:
    """Return the lowest level that any of the five metrics has: a chain is as strong as its weakest link."""
    found = [word for one in measures if (word := str(one["level"]).split(":", maxsplit=1)[0]) in _LEVELS]
    return min(found, key=_LEVELS.index) if found else "not enough data"


def _word(status: str) -> str:
    return status.replace("_", " ").lower()
