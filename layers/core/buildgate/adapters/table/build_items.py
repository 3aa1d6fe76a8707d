"""Builds as items: the small head that lists and analyses read, and the detail beside it."""

from __future__ import annotations

from typing import Any

from buildgate.adapters.table import keys
from buildgate.domain.builds import PHASES, Build, BuildHead, BuildStatus, CacheProbe, Owner, Phase, SlotRef
from buildgate.domain.redaction import redact, shorten
from buildgate.domain.times import from_text, to_text

_MESSAGE_LIMIT = 500


def head_item(head: BuildHead) -> dict[str, Any]:
    return {
        "pk": keys.build(head.build_id),
        "sk": keys.HEAD,
        "g1p": keys.project(head.project),
        "g1s": f"B#{to_text(head.started_at)}#{head.build_id.rsplit(':', 1)[-1]}",
        "build_id": head.build_id,
        "project": head.project,
        "status": head.status.value,
        "rank": head.status.rank,
        "started_at": to_text(head.started_at),
        "finished_at": None if head.ended_at is None else to_text(head.ended_at),
        "duration_seconds": head.duration_seconds,
        "cost_micro_usd": head.cost_micro_usd,
        "commit": head.commit,
        "phase": head.current_phase,
        "pipeline": head.pipeline,
        "log_link": head.log_link,
        "reason": head.reason,
        "batch": head.batch,
        "facts": _facts(head),
    }


def _facts(head: BuildHead) -> dict[str, Any]:
    """Return what analyses read beside the list's columns: one attribute, for an index projects twenty at most."""
    known = {
        "queue_seconds": head.queue_seconds,
        "compute_type": head.compute_type,
        "environment_type": head.environment_type,
        "image": head.image,
        "initiator": head.initiator,
        "source_version": head.source_version,
        "slot": head.slot.to_text() if head.slot else None,
        "stage": head.stage,
        "branch": head.branch,
        "ph": _phase_list(head),
        "cache": _cache_data(head.cache),
        "buildspec": head.buildspec,
        "retry_of": head.retry_of,
        "team": head.owner.team,
        "cost_centre": head.owner.cost_centre,
    }
    return {name: value for name, value in known.items() if value not in (None, "", [])}


def head_of(item: dict[str, Any]) -> BuildHead:
    """Return the head of an item; a list index carries only a part of it, the rest is empty then."""
    facts = item.get("facts", {})
    return BuildHead(
        build_id=item["build_id"],
        project=item["project"],
        status=BuildStatus(item["status"]),
        started_at=from_text(item["started_at"]),
        ended_at=from_text(item["finished_at"]) if item.get("finished_at") else None,
        duration_seconds=item.get("duration_seconds"),
        queue_seconds=facts.get("queue_seconds"),
        cost_micro_usd=item.get("cost_micro_usd"),
        compute_type=facts.get("compute_type", ""),
        environment_type=facts.get("environment_type", ""),
        image=facts.get("image", ""),
        initiator=facts.get("initiator", ""),
        source_version=facts.get("source_version", ""),
        commit=item.get("commit", ""),
        current_phase=item.get("phase", ""),
        slot=SlotRef.from_text(facts["slot"]) if facts.get("slot") else None,
        pipeline=item.get("pipeline", ""),
        stage=facts.get("stage", ""),
        log_link=item.get("log_link", ""),
        reason=item.get("reason", ""),
        phase_seconds=_phase_map(facts.get("ph", [])),
        cache=_cache_of(facts.get("cache")),
        buildspec=facts.get("buildspec", ""),
        retry_of=facts.get("retry_of", ""),
        batch=item.get("batch", ""),
        branch=facts.get("branch", ""),
        owner=Owner(facts.get("team", ""), facts.get("cost_centre", "")),
    )


def detail_item(build: Build) -> dict[str, Any]:
    return {
        "pk": keys.build(build.build_id),
        "sk": keys.DETAIL,
        "phases": [_phase_data(phase) for phase in build.phases],
        "variables": [[name, kind] for name, kind in build.variables],
        "exported": dict(build.exported),
        "reports": list(build.report_arns),
        "log_group": build.log_group,
        "log_stream": build.log_stream,
        "number": build.number,
        "correlation": (build.claim.correlation_id or None) if build.claim else None,
    }


def _phase_data(phase: Phase) -> dict[str, Any]:
    known = {
        "name": phase.name,
        "status": phase.status,
        "seconds": phase.duration_seconds,
        "messages": [shorten(redact(message), limit=_MESSAGE_LIMIT) for message in phase.messages],
    }
    return {name: value for name, value in known.items() if value not in (None, [])}


def _phase_list(head: BuildHead) -> list[int]:
    known = head.phase_seconds
    if not known:
        return []
    return [round(known[name] * 1000) if name in known else -1 for name in PHASES]


def _phase_map(stored: list[int]) -> dict[str, float]:
    return {name: value / 1000 for name, value in zip(PHASES, stored, strict=False) if value >= 0}


def _cache_data(probe: CacheProbe | None) -> dict[str, Any] | None:
    if probe is None:
        return None
    known = {
        "result": probe.result,
        "key": probe.key,
        "matched": probe.matched_key if probe.matched_key != probe.key else "",
        "bytes": probe.size_bytes,
        "seconds": probe.seconds,
    }
    return {name: value for name, value in known.items() if value not in (None, "")}


def _cache_of(data: dict[str, Any] | None) -> CacheProbe | None:
    if not data:
        return None
    key = data.get("key", "")
    matched = data.get("matched", "") or (key if data["result"] == "hit" else "")
    return CacheProbe(data["result"], key, matched, data.get("bytes"), data.get("seconds"))
