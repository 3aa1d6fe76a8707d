"""BatchGetBuilds' answer to a Build: parsed by hand, for this runs with every event. Variable values stop here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from buildgate.domain.builds import Build, BuildStatus, Phase, SlotClaim, SlotRef
from buildgate.domain.errors import Corrupt
from buildgate.inbound.exported_variables import cache_of, exported_of

SLOT_VARIABLE = "BUILDGATE_SLOT"
NONCE_VARIABLE = "BUILDGATE_NONCE"
CORRELATION_VARIABLE = "BUILDGATE_CORRELATION"


def parse_build(data: Mapping[str, Any]) -> Build:
    """Return the build of one entry of BatchGetBuilds' ``builds``.

    Raises:
        Corrupt: A required field is missing, the status is unknown, a duration is negative, the end comes before the
            start, or a finished build has no end.
    """
    try:
        status = BuildStatus(data["buildStatus"])
        build_id, project = str(data["id"]), str(data["projectName"])
        started_at = _moment(data["startTime"])
    except (KeyError, ValueError) as error:
        raise Corrupt(f"CodeBuild described a build that cannot be understood: {error}") from error
    ended_at = _moment(data["endTime"]) if data.get("endTime") is not None else None
    if ended_at is not None and ended_at < started_at:
        raise Corrupt(f"build {build_id} ended before it started", field="endTime")
    if status.is_finished and ended_at is None:
        raise Corrupt(f"build {build_id} is {status} and has no end", field="endTime")
    phases = tuple([_phase(entry) for entry in data.get("phases") or []])
    if any(seconds < 0 for seconds in (phase.duration_seconds or 0.0 for phase in phases)):
        raise Corrupt(f"build {build_id} has a phase of negative duration", field="phases")
    environment = data.get("environment") or {}
    variables = environment.get("environmentVariables") or []
    exported = data.get("exportedEnvironmentVariables") or []
    kinds = {str(v["name"]): str(v.get("type", "PLAINTEXT")) for v in variables}
    logs = data.get("logs") or {}
    return Build(
        build_id=build_id,
        project=project,
        status=status,
        started_at=started_at,
        ended_at=ended_at,
        number=data.get("buildNumber"),
        phases=phases,
        compute_type=environment.get("computeType", ""),
        environment_type=environment.get("type", ""),
        image=environment.get("image", ""),
        initiator=data.get("initiator", ""),
        source_version=data.get("sourceVersion", ""),
        commit=data.get("resolvedSourceVersion", ""),
        current_phase=data.get("currentPhase", ""),
        report_arns=tuple(data.get("reportArns") or ()),
        variables=tuple(kinds.items()),
        exported=exported_of(exported, kinds),
        cache=cache_of(exported),
        buildspec=_buildspec(data.get("source") or {}),
        retry_of=_retry_of(data.get("autoRetryConfig") or {}),
        batch=str(data.get("buildBatchArn") or "").rsplit("/", 1)[-1],
        log_group=logs.get("groupName", ""),
        log_stream=logs.get("streamName", ""),
        log_link=logs.get("deepLink", ""),
        claim=_claim(variables),
    )


def _buildspec(source: Mapping[str, Any]) -> str:
    """Return a short digest of an inline buildspec, or the path of the file; empty means the source's buildspec.yml."""
    text = str(source.get("buildspec") or "")
    return f"inline:{hashlib.sha256(text.encode()).hexdigest()[:12]}" if "\n" in text else text[:120]


def _retry_of(chain: Mapping[str, Any]) -> str:
    """Return the id of the build that CodeBuild repeated by itself, if it did (``autoRetryConfig``)."""
    return str(chain.get("previousAutoRetry") or "").rsplit("build/", 1)[-1]


def _claim(variables: list[Mapping[str, Any]]) -> SlotClaim | None:
    """Return which slot the build was started for; a variable that names no slot claims none."""
    values = {str(v["name"]): str(v.get("value", "")) for v in variables}
    text, nonce = values.get(SLOT_VARIABLE), values.get(NONCE_VARIABLE)
    if not text or not nonce:
        return None
    try:
        return SlotClaim(SlotRef.from_text(text), nonce, values.get(CORRELATION_VARIABLE, ""))
    except Corrupt:
        return None


def _phase(entry: Mapping[str, Any]) -> Phase:
    get = entry.get
    contexts, started, ended, seconds = get("contexts"), get("startTime"), get("endTime"), get("durationInSeconds")
    messages = [f"{c.get('statusCode', '')}: {c.get('message', '')}".strip(": ") for c in contexts] if contexts else ()
    return Phase(
        str(get("phaseType", "")),
        get("phaseStatus"),
        None if started is None else _moment(started),
        None if ended is None else _moment(ended),
        None if seconds is None else float(seconds),
        tuple(filter(None, messages)) if messages else (),
    )


def _moment(value: Any) -> datetime:
    """Return an aware UTC moment of what the SDK gives: a datetime, or seconds since 1970."""
    if isinstance(value, datetime):
        if value.tzinfo is UTC:
            return value
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(value), tz=UTC)
