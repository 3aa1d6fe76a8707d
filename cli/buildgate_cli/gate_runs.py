"""What the gates of recorded runs said, asked of the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.gates import Verdict, gate_from_data
from buildgate.domain.gates.record import Judgement
from buildgate_cli.api_client import ApiError
from buildgate_cli.cloud_context import current
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.human import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from buildgate.domain.gates import Gate
    from buildgate_cli.api_client import ApiClient

HTTP_NOT_FOUND: Final = 404
AT_ONCE: Final = 8
Tell = Callable[[str, float | None], None]
"""Hears how far a long reading has come: in words, and as a ratio where the end is known."""


def _say(_what: str, _ratio: float | None) -> None:
    """Tell nobody."""


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


def judgement_of(client: ApiClient, judged: RunVerdict) -> Judgement | None:
    """Return the whole judgement behind a verdict; None when it is not kept, or people decided."""
    return _judgement(client, judged.run_id, judged.stage, judged.verdict.gate)


def _judgement(client: ApiClient, run_id: str, stage: str, gate: str) -> Judgement | None:
    try:
        answer = client.get("runs", run_id, "judgements", stage, gate)
    except ApiError as error:
        if error.status == HTTP_NOT_FOUND:
            return None
        raise
    data = answer["judgement"]
    return Judgement.from_data(_from_bucket(answer["place"]) if data is None else data)


def _from_bucket(place: Mapping[str, str]) -> Any:
    """Read a judgement too large for the API from the report bucket, with the caller's own permissions."""
    cloud = current()
    version = {"VersionId": place["version_id"]} if place.get("version_id") else {}
    stored = cloud.client("s3").get_object(Bucket=cloud.report_bucket, Key=place["key"], **version)
    return json.loads(stored["Body"].read())


def history(
    client: ApiClient,
    pipeline: str,
    *,
    since: str,
    gate: str | None = None,
    limit: int | None = None,
    tell: Tell = _say,
) -> list[dict[str, Any]]:
    """Return a pipeline's judgements from `since` on as the API lists them, newest first; all pages unless limited."""
    found: list[dict[str, Any]] = []
    following: str | None = None
    while True:
        left = None if limit is None else limit - len(found)
        facets = {"gate": gate, "since": since, "limit": left, "next": following}
        answer = client.get("pipelines", pipeline, "judgements", **facets)
        found += answer["judgements"]
        following = answer.get("next")
        tell(f"{len(found)} judgements listed", None)
        if not following or (limit is not None and len(found) >= limit):
            return found


def past_judgements(client: ApiClient, pipeline: str, gate: str, since: str, *, tell: Tell) -> list[Judgement]:
    """Return every kept judgement of a gate from `since` (90d) on, each with what became of its run.

    Raises:
        UserError: The gate has judged nothing in that time; the pipeline's other gates are named.
    """
    listed = history(client, pipeline, since=since, tell=tell)
    chosen = [one for one in listed if one["gate"] == gate and one["has_evidence"]]
    if not chosen:
        names = ", ".join(sorted({safe(one["gate"]) for one in listed if one["has_evidence"]}))
        fix = f"Choose whose evidence to take with --of: {names}." if names else "Let some runs be judged first."
        message = f"Gate {safe(gate)} of {safe(pipeline)} has judged nothing in the last {safe(since)}."
        raise UserError(message, fix, ExitCode.REFUSED)
    found = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for count, judgement in enumerate(pool.map(partial(_labelled, client), chosen), 1):
            tell(f"{count} of {len(chosen)} judgements read", count / len(chosen))
            if judgement is not None:
                found.append(judgement)
    return found


def _labelled(client: ApiClient, row: Mapping[str, Any]) -> Judgement | None:
    judgement = _judgement(client, row["run_id"], row["stage"], row["gate"])
    if judgement is None:
        return None
    return replace(judgement, outcome=row["outcome"], fate=row.get("fate") or "")
