"""Pipelines, their versions and triggers in the table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from buildgate.adapters.table import keys
from buildgate.adapters.table.conditions import Is, Missing
from buildgate.adapters.table.table import Change, Put, Table, Write
from buildgate.domain.pipelines import Pipeline, Trigger
from buildgate.domain.times import from_text, to_text
from buildgate.ports import PipelineHead, PipelineVersion


class TablePipelines:
    """Pipelines in the table: one head item in the list, one item per version, one per trigger."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def apply(self, pipeline: Pipeline, *, actor: str, now: datetime) -> bool:
        version = pipeline.digest
        known = self._table.get(keys.PIPELINES, pipeline.name)
        if known is not None and known["version"] == version:
            return False
        writes: list[Write] = [self._head(pipeline, version, known, actor, now)]
        if self._table.get(keys.pipeline(pipeline.name), f"V#{version}") is None:
            writes.append(_version_item(pipeline, version, actor, now))
        kept = {_trigger_keys(pipeline.name, i, t) for i, t in enumerate(pipeline.triggers)}
        writes += [_trigger_item(pipeline, version, i, t) for i, t in enumerate(pipeline.triggers)]
        former = known.get("triggers", []) if known is not None else []
        writes += [
            _retired(pipeline.name, version, at) for at in _trigger_places(pipeline.name, former) if at not in kept
        ]
        self._table.transact(writes)
        return True

    def _head(
        self, pipeline: Pipeline, version: str, known: dict[str, Any] | None, actor: str, now: datetime
    ) -> Change:
        """Return the change of the head; how the last run ended is left alone, for a run may end meanwhile."""
        triggers = [[_repository_key(trigger), index] for index, trigger in enumerate(pipeline.triggers)]
        sets: dict[str, Any] = {
            "version": version,
            "description": pipeline.description,
            "triggers": triggers,
            "applied_at": to_text(now),
            "applied_by": actor,
        }
        believed = Missing("pk") if known is None else Is("version", known["version"])
        return Change(keys.PIPELINES, pipeline.name, sets=sets, only_if=believed)

    def head(self, name: str) -> PipelineHead | None:
        item = self._table.get(keys.PIPELINES, name)
        return None if item is None else _head_of(item)

    def heads(self) -> Sequence[PipelineHead]:
        return [_head_of(item) for item in self._table.query(keys.PIPELINES)]

    def version(self, name: str, version: str) -> Pipeline | None:
        item = self._table.get(keys.pipeline(name), f"V#{version}")
        return None if item is None else _version_of(item["data"])

    def versions(self, name: str) -> Sequence[PipelineVersion]:
        items = self._table.query(keys.pipeline(name), begins="V#")
        found = [PipelineVersion(i["version"], from_text(i["applied_at"]), i.get("applied_by", "")) for i in items]
        return sorted(found, key=lambda one: one.applied_at, reverse=True)

    def triggered_by(self, repository_key: str) -> Sequence[tuple[str, str, int]]:
        items = self._table.query(keys.repository(repository_key), begins="TRIGGER#")
        return [(i["pipeline"], i["version"], i["index"]) for i in items if not i.get("is_retired")]


@lru_cache(maxsize=32)
def _version_of(text: str) -> Pipeline:
    """Return the pipeline of a stored version, which never changes: a warm function reads each text once."""
    return Pipeline.from_text(text)


def _repository_key(trigger: Trigger) -> str:
    return f"{trigger.provider}:{trigger.repository}"


def _trigger_keys(name: str, index: int, trigger: Trigger) -> tuple[str, str]:
    return keys.repository(_repository_key(trigger)), f"TRIGGER#{name}#{index}"


def _trigger_places(name: str, triggers: Sequence[Any]) -> list[tuple[str, str]]:
    return [(keys.repository(repository), f"TRIGGER#{name}#{index}") for repository, index in triggers]


def _retired(name: str, version: str, where: tuple[str, str]) -> Put:
    """Return a trigger of the former version that the new one has not: it fires no more."""
    return Put({"pk": where[0], "sk": where[1], "pipeline": name, "version": version, "is_retired": True})


def _trigger_item(pipeline: Pipeline, version: str, index: int, trigger: Trigger) -> Put:
    pk, sk = _trigger_keys(pipeline.name, index, trigger)
    return Put({"pk": pk, "sk": sk, "pipeline": pipeline.name, "version": version, "index": index})


def _version_item(pipeline: Pipeline, version: str, actor: str, now: datetime) -> Put:
    item = {
        "pk": keys.pipeline(pipeline.name),
        "sk": f"V#{version}",
        "version": version,
        "data": pipeline.to_text(),
        "applied_at": to_text(now),
        "applied_by": actor,
    }
    return Put(item, only_if=Missing("pk"))


def _head_of(item: dict[str, Any]) -> PipelineHead:
    return PipelineHead(
        name=item["sk"],
        version=item["version"],
        description=item.get("description", ""),
        repositories=tuple(sorted({repository for repository, _ in item.get("triggers", [])})),
        applied_at=from_text(item["applied_at"]),
        applied_by=item.get("applied_by", ""),
        last_run_id=item.get("last_run_id", ""),
        last_run_status=item.get("last_run_status", ""),
    )
