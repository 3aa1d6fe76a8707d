"""Routes of runs and approvals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from buildgate.domain.approvals import ApprovalRef, Decision, Identity, Refused
from buildgate.domain.errors import Conflict, Forbidden, NotFound
from buildgate.domain.pipelines import Pipeline
from buildgate.domain.runs import Run, RunRecord, RunStatus
from buildgate.domain.steps import stage_at_work
from buildgate.runtime.wiring import Wiring
from buildgate.web import lane_views, views
from buildgate.web.bodies import Decide, Retry, Stop
from buildgate.web.http import Request
from buildgate.web.operations import NEXT, Operation, Text, limit
from buildgate.web.paging import Pager

if TYPE_CHECKING:
    from buildgate.web.answers import (
        ApprovalAnswer,
        ApprovalList,
        DecisionAnswer,
        OpenedRun,
        RunAnswer,
        RunList,
        RunWithStages,
        Stopped,
    )
    from buildgate.web.lane_answers import StandingView

_RUNS: Final = limit(20, 50)
_LISTED: Final = limit(500, 1000)
_DEPTH: Final = 200
"""How many runs of each pipeline a page of filtered runs looks at, in one query."""

_PIPELINE: Final = Text("pipeline", "Only of this pipeline.")
_STATUS: Final = Text("status", "Only with this status.", tuple(RunStatus))
_REF: Final = Text("ref", "Only of this branch or tag.")
_COMMIT: Final = Text("commit", "Only of commits that begin so.")
_ID: Final = Text("id", "Only with ids that begin or end so.")
_WAITING: Final = Text("status", "Approvals are listed while they wait.", ("waiting",))
_APPROVER: Final = Text("approver", "Only those that this person is asked for.")


class RunsApi:
    """Runs newest first, each with its stages, and the approvals that wait in them."""

    def __init__(self, wiring: Wiring, pager: Pager) -> None:
        self._w = wiring
        self._pager = pager

    def operations(self) -> Sequence[Operation]:
        run, approval = "/v1/runs/{id}", "/v1/approvals/{id}"
        filters = (_PIPELINE, _STATUS, _REF, _COMMIT, _ID)
        return (
            Operation("GET", "/v1/runs", self._runs, "List runs, newest first.", (*filters, _RUNS, NEXT), fails=(404,)),
            Operation("GET", run, self._run, "Show a run with its stages.", fails=(404,)),
            Operation("POST", f"{run}/stop", self._stop, "Stop a run.", body=Stop, fails=(404, 409)),
            Operation(
                "POST", f"{run}/retry", self._retry, "Try again from a stage, as a new run.", (), Retry, (404, 409)
            ),
            Operation(
                "GET",
                "/v1/approvals",
                self._approvals,
                "List the approvals that wait.",
                (_WAITING, _PIPELINE, _APPROVER, _LISTED, NEXT),
            ),
            Operation("GET", approval, self._approval, "Show an approval and its run.", fails=(404,)),
            Operation("POST", f"{approval}/decision", self._decide, "Approve or reject, once.", (), Decide, (404, 409)),
        )

    def _runs(self, request: Request, _: Mapping[str, str]) -> RunList:
        most, place, name = _RUNS.of(request), self._pager.place(request), _PIPELINE.of(request)
        keep = _filter(request)
        depth = most + 1 if keep is None else _DEPTH
        names = [name] if name else [head.name for head in self._w.pipelines.heads()]
        if name and self._w.pipelines.head(name) is None:
            raise NotFound(f"there is no pipeline {name}", field="pipeline", fix="buildgate pipeline list")
        found = [self._w.runs.recent(one, limit=depth, before=place) for one in names]
        seen, horizon = _merged(found, depth)
        kept = [run for run in seen if keep is None or keep(run)]
        page = kept[:most]
        end = self._w.runs.place(page[-1]) if len(kept) > most else horizon and self._w.runs.place(horizon)
        token = self._pager.token(request, end) if end else None
        return {"runs": [views.run(run) for run in page], "next": token}

    def _record(self, run_id: str) -> RunRecord:
        record = self._w.runs.record(run_id)
        if record is None:
            raise NotFound(f"there is no run {run_id}", field="run", fix="buildgate run list")
        return record

    def _whole(self, run_id: str) -> RunWithStages:
        record = self._record(run_id)
        pipeline = self._w.pipelines.version(record.run.pipeline, record.run.version)
        names = [stage.name for stage in pipeline.stages] if pipeline else []
        ids = [slot.build_id for slot in record.slots if slot.build_id]
        heads = self._w.look_at_builds(self._w.records.heads(ids)) if ids else {}
        return views.run_record(record, names, heads, self._lanes(record, pipeline))

    def _lanes(self, record: RunRecord, pipeline: Pipeline | None) -> dict[int, StandingView]:
        """Return how an open run stands to the lane of the stage that it is in."""
        at_work = stage_at_work(record, pipeline) if pipeline and not record.run.status.is_final else None
        lane = self._w.take_turns.lane(record, at_work[0]) if at_work else None
        if at_work is None or lane is None:
            return {}
        stage, attempt = at_work
        return {attempt.index: lane_views.stands(record, stage, attempt, lane)}

    def _run(self, request: Request, parameters: Mapping[str, str]) -> RunAnswer:
        return {"run": self._whole(parameters["id"])}

    def _stop(self, request: Request, parameters: Mapping[str, str]) -> Stopped:
        comment = Stop.of(request).comment or ""
        return {"result": self._w.stop_run(parameters["id"], actor=request.actor, comment=comment)}

    def _retry(self, request: Request, parameters: Mapping[str, str]) -> OpenedRun:
        stage = Retry.of(request).stage or ""
        record = self._record(parameters["id"])
        run = self._w.open_run.retry(record, stage=stage, actor=request.actor, correlation_id=request.request_id)
        return {"run": views.run(run)}

    def _approvals(self, request: Request, _: Mapping[str, str]) -> ApprovalList:
        pipeline, approver = _PIPELINE.of(request), _APPROVER.of(request)
        found = [views.approval(one) for one in self._w.approvals.waiting()]
        kept = [one for one in found if pipeline in ("", one["pipeline"]) and approver in ("", *one["approvers"])]
        page, following = self._pager.cut(
            request, kept, lambda one: f"{one['due_at']}#{one['id']}", limit=_LISTED.of(request)
        )
        return {"approvals": list(page), "next": following}

    def _approval(self, request: Request, parameters: Mapping[str, str]) -> ApprovalAnswer:
        ref = _approval_ref(parameters["id"])
        approval = self._w.approvals.get(ref)
        if approval is None:
            raise NotFound(f"there is no approval {parameters['id']}", field="approval", fix="buildgate approval list")
        return {"approval": views.approval(approval), "run": self._whole(ref.run_id)}

    def _decide(self, request: Request, parameters: Mapping[str, str]) -> DecisionAnswer:
        body = Decide.of(request)
        identity = Identity.IAM if request.actor.startswith("arn:") else Identity.OIDC
        decision = Decision(
            body.decision == "approve", request.actor, identity, body.comment or "", self._w.clock.now()
        )
        approval, judged = self._w.decide_approval(_approval_ref(parameters["id"]), decision)
        if isinstance(judged, Refused):
            raise Conflict(judged.reason) if judged.status_code != 403 else Forbidden(judged.reason)
        return {"approval": views.approval(approval), "result": judged.reason}


def _filter(request: Request) -> Callable[[Run], bool] | None:
    """Return what keeps the runs that are asked for, None when all are."""
    status, ref, commit = _STATUS.of(request), _REF.of(request), _COMMIT.of(request).lower()
    wanted = _ID.of(request).lower()
    if not (status or ref or commit or wanted):
        return None

    def keep(run: Run) -> bool:
        return (
            status in ("", run.status.value)
            and ref in ("", run.source.ref)
            and run.source.commit.startswith(commit)
            and (run.run_id.startswith(wanted) or run.run_id.endswith(wanted))
        )

    return keep


def _merged(found: Sequence[Sequence[Run]], depth: int) -> tuple[list[Run], Run | None]:
    """Return the runs of several pipelines as one list, newest first, as far as it is whole, and where it ends.

    A pipeline that gave ``depth`` runs may have older ones: behind its last, other pipelines' runs would overtake them.
    The end is None when every pipeline gave all it has.
    """
    ends = [runs[-1] for runs in found if len(runs) >= depth]
    horizon = max(ends, key=_age, default=None)
    merged = sorted((run for runs in found for run in runs), key=_age, reverse=True)
    return [run for run in merged if horizon is None or _age(run) >= _age(horizon)], horizon


def _age(run: Run) -> tuple[str, str]:
    return views.moment(run.opened_at) or "", run.run_id


def _approval_ref(text: str) -> ApprovalRef:
    ref = ApprovalRef.from_text(text)
    if ref is None:
        raise NotFound(f"there is no approval {text}", field="approval", fix="buildgate approval list")
    return ref
