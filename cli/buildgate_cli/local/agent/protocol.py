"""The language between a build's agent and the cloud that started it: one JSON object a line, both ways.

From the cloud: first the job, then answers to questions and `stop`. The end of the stream means that the cloud is
gone, and the agent ends its build. From the agent: what happens, questions, and at last `done`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from buildgate_cli.local.agent.build import (
    BroughtSource,
    CacheResult,
    CollectedFile,
    Failure,
    Limits,
    Outcome,
    PhaseResult,
    Request,
    Used,
)
from buildgate_cli.local.agent.source import FolderSource, GitSource, NoSource, ObjectSource, RefusedSource, Source

_PATHS = ("folder", "source")
_SOURCES: Mapping[str, type[GitSource | NoSource | RefusedSource | ObjectSource | FolderSource]] = {
    "git": GitSource,
    "none": NoSource,
    "refused": RefusedSource,
    "object": ObjectSource,
    "folder": FolderSource,
}


def encode(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def job(request: Request, source: Source, secondary: Mapping[str, Source]) -> dict[str, Any]:
    """Return the first message to an agent."""
    values = asdict(request) | {name: str(getattr(request, name)) for name in _PATHS}
    others = {identifier: _plain(each) for identifier, each in secondary.items()}
    return {"kind": "job", "request": values, "source": _plain(source), "secondary": others}


def read_job(message: Mapping[str, Any]) -> tuple[Request, Source, dict[str, Source]]:
    """Return what `job` was given."""
    values = dict(message["request"])
    values |= {name: Path(values[name]) for name in _PATHS}
    values["limits"] = Limits(**values["limits"])
    secondary = {identifier: _source(each) for identifier, each in message["secondary"].items()}
    return Request(**values), _source(message["source"]), secondary


def _source(members: Mapping[str, Any]) -> Source:
    values = dict(members)
    kind = _SOURCES[values.pop("kind")]
    if kind is FolderSource:
        return FolderSource(Path(values["origin"]), tuple(values["ignored"]))
    return kind(**values)


def _plain(source: Source) -> dict[str, Any]:
    kind = next(name for name, cls in _SOURCES.items() if isinstance(source, cls))
    members = asdict(source)  # type: ignore[call-overload]
    return {"kind": kind, **{name: str(v) if isinstance(v, Path) else v for name, v in members.items()}}


def files(collected: tuple[CollectedFile, ...]) -> list[list[str]]:
    return [[str(file.path), file.name] for file in collected]


def phase_result(message: Mapping[str, Any]) -> PhaseResult:
    return PhaseResult(
        name=message["name"],
        status=message["status"],
        started_at=datetime.fromtimestamp(message["started_at"], UTC),
        ended_at=datetime.fromtimestamp(message["ended_at"], UTC),
        contexts=tuple((code, text) for code, text in message["contexts"]),
    )


def phase_message(result: PhaseResult) -> dict[str, Any]:
    return {
        "kind": "phase-ended",
        "name": result.name,
        "status": result.status,
        "started_at": result.started_at.timestamp(),
        "ended_at": result.ended_at.timestamp(),
        "contexts": [list(context) for context in result.contexts],
    }


def used(message: Mapping[str, Any]) -> Used:
    return Used(**{each.name: message[each.name] for each in fields(Used)})


def brought(message: Mapping[str, Any]) -> BroughtSource:
    values = {each.name: message[each.name] for each in fields(BroughtSource)}
    return BroughtSource(**values | {"clone": Path(values["clone"])})


def cache_result(message: Mapping[str, Any]) -> CacheResult | None:
    """Return what the archive of a build's cache did, as `done` says it."""
    said = message.get("cache")
    return CacheResult(**said) if said else None


def done_message(outcome: Outcome) -> dict[str, Any]:
    return {
        "kind": "done",
        "status": outcome.status,
        "exported": dict(outcome.exported),
        "commit": outcome.resolved_version,
        "retries": outcome.retries,
        "cache": asdict(outcome.cache) if outcome.cache else None,
    }


def answer_value(message: Mapping[str, Any]) -> Any:
    """Return the value of an answer. Raises the Failure it carries."""
    if "failure" in message:
        raise Failure(*message["failure"])
    return message["value"]
