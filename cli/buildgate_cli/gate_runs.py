"""What the gates of recorded runs said, asked of the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from buildgate.domain.gates import Verdict, gate_from_data
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.human import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from buildgate.domain.gates import Gate
    from buildgate_cli.api_client import ApiClient


@dataclass(frozen=True)
class RunVerdict:
    """A verdict with the run and stage it belongs to; `stage_index` is the stage's place in the pipeline."""

    run_id: str
    pipeline: str
    version: str
    started_at: str
    stage: str
    stage_index: int
    verdict: Verdict


def verdicts_of(run: Mapping[str, Any]) -> Iterator[RunVerdict]:
    """Yield the verdicts of one run as the API describes it, in the order of its stages."""
    for index, stage in enumerate(run.get("stages", ())):
        for data in stage.get("gates", ()):
            about = (run["run_id"], run["pipeline"], run.get("version", ""), run.get("started_at") or "")
            yield RunVerdict(*about, stage["name"], index, Verdict.from_data(data))


def verdicts_of_run(client: ApiClient, run_id: str) -> list[RunVerdict]:
    """Return the verdicts of a run; UserError when no gate has judged it."""
    found = list(verdicts_of(client.get("runs", run_id)["run"]))
    if not found:
        raise UserError(f"No gate has judged run {safe(run_id)}.", None, ExitCode.REFUSED)
    return found


def gate_of(client: ApiClient, judged: RunVerdict) -> Gate:
    """Return the gate that gave a verdict, from the pipeline version that the run is pinned to.

    Raises:
        UserError: The version has no such gate any more, or another one.
    """
    stored = client.get("pipelines", judged.pipeline, version=judged.version or None)["pipeline"]
    stages = stored.get("stages", [])
    listed = stages[judged.stage_index].get("gates", []) if judged.stage_index < len(stages) else []
    for data in listed:
        if data.get("name") == judged.verdict.gate:
            return gate_from_data(data)
    name = safe(judged.verdict.gate)
    raise UserError(f"Pipeline {safe(judged.pipeline)} has no gate {name} in that version.", None, ExitCode.REFUSED)


def history(client: ApiClient, pipeline: str, *, limit: int) -> list[RunVerdict]:
    """Return the verdicts of a pipeline's last runs, newest run first."""
    runs = client.get("runs", pipeline=pipeline, limit=limit)["runs"]
    found: list[RunVerdict] = []
    for run in runs[:limit]:
        found += verdicts_of(client.get("runs", run["run_id"])["run"])
    return found
