"""A build as people and programs read it: phases, what it cost so far, a waterfall, JSON without a secret in it."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from buildgate.domain.builds import BuildStatus
from buildgate.domain.costs import PriceTable
from buildgate.domain.errors import Corrupt
from buildgate.domain.redaction import MASK, is_secret_name, redact
from buildgate.inbound.codebuild_build import parse_build
from buildgate_cli.errors import UserError
from buildgate_cli.human import duration, safe
from buildgate_cli.output import status_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from buildgate.domain.builds import Build

QUEUED: Final = frozenset({"SUBMITTED", "QUEUED", ""})
WATERFALL_WIDTH: Final = 40
_BAR, _UNDER_WAY = "█", "▒"


@cache
def prices() -> PriceTable:
    """Return the dated table of list prices."""
    return PriceTable.from_data(json.loads(resources.files("buildgate.data").joinpath("prices.json").read_bytes()))


_COMMAND: Final = re.compile(r"Error while executing command: (?P<command>.*)\. Reason: (?P<end>.*)", re.DOTALL)


def read(data: Mapping[str, Any]) -> Build:
    """Return an entry of BatchGetBuilds as a build."""
    return parse_build(data)


def readable(data: Iterable[Mapping[str, Any]]) -> tuple[list[Build], list[str]]:
    """Return the builds that can be understood, and a remark on each of the others."""
    found, remarks = [], []
    for one in data:
        try:
            found.append(read(one))
        except Corrupt as error:
            remarks.append(str(error))
    return found, remarks


def status_named(text: str) -> str:
    """Return a build's status as CodeBuild writes it; UserError when there is none of that name."""
    known = [one.value for one in BuildStatus]
    if text.upper() not in known:
        raise UserError(f"{text} is no status of a build.", f"Name one of {', '.join(known)}.")
    return text.upper()


def seconds(build: Build, now: datetime) -> float:
    """Return how long a build has taken, up to `now` while it runs."""
    return max(0.0, ((build.ended_at or now) - build.started_at).total_seconds())


def cost_micro_usd(build: Build, now: datetime) -> int | None:
    """Return what a build has cost at list price, up to `now` while it runs; None where no price is known.

    What waits in the queue costs nothing.
    """
    if not build.status.is_finished and build.current_phase in QUEUED:
        return 0
    billed = max(0.0, seconds(build, now) - (build.queue_seconds or 0.0))
    return prices().cost_micro_usd(build.environment_type, build.compute_type, billed)


def reason(build: Build) -> str:
    """Return why a build did not succeed: the failed phase and its first message."""
    failed = build.failed_phase
    if failed is None:
        return ""
    said = failed.messages[0] if failed.messages else ""
    return redact(f"{failed.name} {failed.status}: {said}".rstrip(": "))


def why(build: Build) -> str:
    """Return the reason as tables show it: of a command that failed, how it ended before what it was."""
    text = reason(build)
    match = _COMMAND.search(text)
    return f"{text.partition(' ')[0]}: {match['end']}: {match['command']}" if match else text


def to_data(build: Build, now: datetime) -> dict[str, Any]:
    """Return what `--json` prints of a build."""
    return {
        "build_id": build.build_id,
        "project": build.project,
        "number": build.number,
        "status": build.status.value,
        "phase": build.current_phase,
        "started_at": build.started_at.isoformat(),
        "finished_at": build.ended_at.isoformat() if build.ended_at else None,
        "duration_seconds": round(seconds(build, now), 3),
        "queue_seconds": build.queue_seconds,
        "cost_micro_usd": cost_micro_usd(build, now),
        "source_version": build.source_version,
        "commit": build.commit,
        "initiator": build.initiator,
        "compute_type": build.compute_type,
        "environment_type": build.environment_type,
        "image": build.image,
        "reason": reason(build),
        "exported_variables": dict(build.exported),
        "reports": list(build.report_arns),
        "phases": [_phase_data(phase) for phase in build.phases],
        "log_group": build.log_group,
        "log_stream": build.log_stream,
    }


def _phase_data(phase: Any) -> dict[str, Any]:
    return {
        "name": phase.name,
        "status": phase.status,
        "started_at": phase.started_at.isoformat() if phase.started_at else None,
        "duration_seconds": phase.duration_seconds,
        "messages": [redact(message) for message in phase.messages],
    }


def without_secrets(data: dict[str, Any]) -> dict[str, Any]:
    """Return what AWS says of a build, values masked of plain variables that are named like secrets."""
    environment = dict(data.get("environment", {}))
    environment["environmentVariables"] = [
        {**one, "value": MASK} if one.get("type", "PLAINTEXT") == "PLAINTEXT" and is_secret_name(one["name"]) else one
        for one in environment.get("environmentVariables", [])
    ]
    return {**data, "environment": environment}


def variables(data: dict[str, Any]) -> dict[str, str]:
    """Return a build's variables by name: the value of plain ones, masked as above; of others, where it is kept."""
    shown = without_secrets(data)["environment"]["environmentVariables"]
    plain = "PLAINTEXT"
    return {
        one["name"]: one["value"] if one.get("type", plain) == plain else f"{one['type']} {one['value']}"
        for one in shown
    }


def artifacts(data: dict[str, Any]) -> str:
    """Return where a build's or a batch's artifacts are, primary first; empty when it has none."""
    every = [data.get("artifacts") or {}, *data.get("secondaryArtifacts", [])]
    return ", ".join(one["location"].replace("arn:aws:s3:::", "s3://") for one in every if one.get("location"))


def source(build: Build) -> str:
    """Return what was asked for and the commit that it was, once where both are the same."""
    if not build.source_version or build.commit.startswith(build.source_version):
        return build.commit or "-"
    return f"{build.source_version} {build.commit[:12]}".strip()


def waterfall(build: Build, now: datetime) -> list[list[object]]:
    """Return a row per phase: name, status, seconds, and a bar at its place in the build's time."""
    whole = max(seconds(build, now), 0.001)
    rows: list[list[object]] = []
    for phase in build.phases:
        if phase.name == "COMPLETED" or phase.started_at is None:
            continue
        begin = max(0.0, (phase.started_at - build.started_at).total_seconds())
        took = phase.duration_seconds
        is_open = phase.status is None
        length = (whole - begin) if is_open else _length(phase, took)
        status = status_text("IN_PROGRESS" if is_open else phase.status)
        rows.append([phase.name, status, duration(length), _bar(begin / whole, length / whole, is_open=is_open)])
    return rows


def _length(phase: Any, took: float | None) -> float:
    """Return a phase's length; CodeBuild's own figure is in whole seconds, the two moments are finer."""
    if phase.ended_at is not None and phase.started_at is not None:
        return max(0.0, float((phase.ended_at - phase.started_at).total_seconds()))
    return float(took or 0.0)


def _bar(begin: float, share: float, *, is_open: bool) -> Text:
    start = min(WATERFALL_WIDTH - 1, int(begin * WATERFALL_WIDTH))
    length = max(1, min(WATERFALL_WIDTH - start, round(share * WATERFALL_WIDTH)))
    sign = _UNDER_WAY if is_open else _BAR
    return Text(" " * start + sign * length, style="blue" if is_open else "green")


def first_line(text: str, limit: int = 120) -> str:
    """Return the first line of a text, fit for a table."""
    lines = safe(text.replace("\n", "  ")).strip()
    return lines if len(lines) <= limit else f"{lines[: limit - 1]}…"
