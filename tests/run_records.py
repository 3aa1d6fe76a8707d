"""Runs, pipelines and their parts as tests need them: everything has a default, tests name what matters."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from buildgate.domain.approvals import Approval, ApprovalRef, ApprovalStatus, Decision, Identity
from buildgate.domain.builds import BuildStatus, SlotRef
from buildgate.domain.gates import Verdict
from buildgate.domain.pipelines import ApprovalRule, BuildStep, Pipeline, Stage, Trigger
from buildgate.domain.runs import GateResult, Run, RunRecord, RunStatus, Source, StageAttempt, StageStatus
from buildgate.domain.slots import Slot, SlotState

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
RUN_ID = "01jd8x3k5v9m2q4r6t8w0y1z3b"


def stage(name="test", builds=("unit",), **changes):
    steps = tuple(BuildStep(one, f"shop-{one}") for one in builds)
    return replace(Stage(name=name, builds=steps), **changes)


def pipeline(*stages):
    trigger = Trigger(repository="shop", branches=("main",))
    return Pipeline(name="shop", stages=stages or (stage(),), triggers=(trigger,))


def approval_rule(**changes):
    return replace(ApprovalRule(timeout_minutes=60), **changes)


def run(**changes):
    source = Source("codecommit", "shop", "branch", "main", "b" * 40, "a" * 40, "arn:aws:iam::1:user/alice")
    base = Run(
        run_id=RUN_ID,
        pipeline="shop",
        version="v1",
        status=RunStatus.RUNNING,
        source=source,
        opened_at=NOON,
        due_at=NOON + timedelta(days=2),
    )
    return replace(base, **changes)


def attempt(index=0, name="test", status=StageStatus.RUNNING, **changes):
    return replace(StageAttempt(index, 1, name, status, NOON), **changes)


def slot(name="unit", index=0, status=None, **changes):
    state = SlotState.SETTLED if status else SlotState.WAITING
    base = Slot(SlotRef(RUN_ID, index, 1, name), f"shop-{name}", state, build_status=status)
    return base._replace(**changes)


def succeeded(name="unit", index=0):
    return slot(name, index, BuildStatus.SUCCEEDED)


def gate_result(name="quality", status="pass", index=0, reasons=()):
    verdict = Verdict(
        gate=name, status=status, is_blocking=status in {"fail", "error"}, score=None, objectives=(), reasons=reasons
    )
    return GateResult(index, 1, name, verdict, NOON)


def approval(status=ApprovalStatus.WAITING, index=0, name="entry", **changes):
    decisions = ()
    if status in {ApprovalStatus.APPROVED, ApprovalStatus.REJECTED}:
        decisions = (Decision(status is ApprovalStatus.APPROVED, "alice", Identity.LINK, "no", NOON),)
    base = Approval(
        ref=ApprovalRef(RUN_ID, index, 1, name),
        pipeline="shop",
        stage_name="test",
        status=status,
        asked_at=NOON,
        due_at=NOON + timedelta(hours=1),
        channel=Identity.LINK,
        required=1,
        decisions=decisions,
    )
    return replace(base, **changes)


def record(*, head=None, stages=(), slots=(), gates=(), approvals=()):
    return RunRecord(head or run(), list(stages), list(slots), list(gates), list(approvals))
