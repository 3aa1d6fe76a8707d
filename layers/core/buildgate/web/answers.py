"""What the API answers, as types: the type checker holds the code to them, and the document is made from them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from buildgate.web.lane_answers import StandingView
from buildgate.web.schemas import Format, Moment

Next = Annotated[str | None, "Leads to the next page as the parameter `next`; null on the last page."]
MicroUsd = Annotated[int | None, "Millionths of a US dollar; null when a price is not known."]

Problem = TypedDict(
    "Problem",
    {
        "class": Annotated[
            Literal["Rejected", "Conflict", "Unavailable", "Corrupt", "BuildgateError"], "What it means."
        ],
        "message": str,
        "field": Annotated[str | None, "The parameter or the field of the body that it is about."],
        "fix": Annotated[str | None, "What to do about it."],
    },
)


class Failed(TypedDict):
    """What went wrong, in words for a person and a class for a program."""

    error: Problem


class Refusal(TypedDict):
    """What API Gateway itself says to a caller it does not let in."""

    message: str


class PipelineHeadView(TypedDict):
    """A pipeline as lists show it."""

    name: str
    version: str
    description: str
    repositories: list[str]
    applied_at: Moment | None
    applied_by: str
    last_run_id: str
    last_run_status: str


class PipelineVersionView(TypedDict):
    """One immutable version of a pipeline."""

    version: str
    applied_at: Moment | None
    applied_by: str


class PipelineList(TypedDict):
    """Pipelines by name."""

    pipelines: list[PipelineHeadView]
    next: Next


class Applied(TypedDict):
    """What applying a pipeline did, or would do."""

    name: str
    version: str
    digest: str
    created: bool
    changed: bool


class PipelineView(TypedDict):
    """A pipeline as it was written, and its versions."""

    pipeline: Annotated[dict[str, Any], "As in the pipeline file."]
    version: str
    applied_at: Moment | None
    applied_by: str
    current: str
    versions: list[PipelineVersionView]


class DecisionView(TypedDict):
    """What one person decided, and how well that person is known."""

    decision: Literal["approve", "reject"]
    actor: str
    identity: Literal["link", "mailbox", "iam", "oidc"]
    comment: str
    at: Moment | None


class ApprovalView(TypedDict):
    """What people are asked, and what they said."""

    id: str
    run_id: str
    pipeline: str
    stage: str
    name: str
    status: str
    channel: Literal["link", "mailbox", "iam", "oidc"]
    approvers: list[str]
    required: int
    instructions: str
    asked_at: Moment | None
    due_at: Moment | None
    decided_by: str
    identity: str
    comment: str
    superseded_by: Annotated[str, "The newer run that is asked for in its place; empty when there is none."]
    decisions: list[DecisionView]


class BuildView(TypedDict):
    """A build as runs and lists show it."""

    build_id: str
    project: str
    duration_seconds: float | None
    queue_seconds: float | None
    cost_micro_usd: MicroUsd
    phase: str
    started_at: Moment | None
    finished_at: Moment | None
    log_link: str
    initiator: str
    commit: str


class SlotView(TypedDict):
    """The place of a build in a run, with the build that fills it."""

    name: str
    project: str
    status: str
    state: str
    reason: str
    build_id: str
    duration_seconds: float | None
    cost_micro_usd: MicroUsd
    phase: str
    started_at: Moment | None
    queue_seconds: NotRequired[float | None]
    finished_at: NotRequired[Moment | None]
    log_link: NotRequired[str]
    initiator: NotRequired[str]
    commit: NotRequired[str]


class ObjectiveView(TypedDict):
    """How one objective of a gate came out; what is not set is left out."""

    name: str
    status: Literal["pass", "warn", "fail", "inconclusive", "error", "skipped", "no_baseline", "info"]
    reason: str
    measurement: NotRequired[str]
    value: NotRequired[float | None]
    target: NotRequired[str]
    baseline: NotRequired[float | None]
    source_file: NotRequired[str]
    weight: NotRequired[float]
    points: NotRequired[float]
    key: NotRequired[bool]
    error_tolerated: NotRequired[bool]
    waived: NotRequired[int]


class GateView(TypedDict):
    """A gate's verdict; what is not set is left out."""

    name: str
    gate: str
    status: Literal["pass", "warn", "fail", "inconclusive", "error"]
    is_blocking: bool
    score: float | None
    objectives: list[ObjectiveView]
    reasons: list[str]
    policy_hash: str
    engine_version: str
    notes: NotRequired[list[str]]
    mode: NotRequired[str]
    is_advisory: NotRequired[bool]
    may_seed_baseline: NotRequired[bool]
    baseline_runs: NotRequired[list[str]]


class StageView(TypedDict):
    """A stage of a run: its newest attempt, or one that is still to come (PENDING)."""

    name: str
    status: str
    attempt: int
    reason: str
    approval: ApprovalView | None
    builds: list[SlotView]
    gates: list[GateView]
    allowed: NotRequired[bool]
    started_at: NotRequired[Moment | None]
    finished_at: NotRequired[Moment | None]
    approvals: NotRequired[list[ApprovalView]]
    lane: NotRequired[Annotated[StandingView | None, "Where it stands in the stage's lane, while it is in the stage."]]


class RunView(TypedDict):
    """One push, or one person's wish, on its way through a pipeline."""

    run_id: str
    pipeline: str
    version: str
    status: Literal[
        "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "REJECTED", "EXPIRED", "STOPPED", "TIMED_OUT", "SUPERSEDED"
    ]
    reason: str
    trigger: str
    repository: str
    ref_type: str
    ref: str
    commit: str
    old_commit: str
    actor: str
    message: str
    authors: list[str]
    started_at: Moment | None
    finished_at: Moment | None
    due_at: Moment | None
    correlation_id: str
    retry_of: str


class RunWithStages(RunView):
    """A run with all that happened in it."""

    stages: list[StageView]


class RunList(TypedDict):
    """Runs, newest first. A page of filtered runs may be short, even empty, and still have a next one."""

    runs: list[RunView]
    next: Next


class RunAnswer(TypedDict):
    run: RunWithStages


class OpenedRun(TypedDict):
    run: RunView


class Stopped(TypedDict):
    result: str


class ApprovalList(TypedDict):
    """Approvals that wait for somebody, those due soonest first."""

    approvals: list[ApprovalView]
    next: Next


class ApprovalAnswer(TypedDict):
    approval: ApprovalView
    run: RunWithStages


class DecisionAnswer(TypedDict):
    approval: ApprovalView
    result: str


class IgnoredPush(TypedDict):
    """A push that opened no run, and why."""

    at: Moment | None
    ref: str
    commit: str
    reason: str


class PushList(TypedDict):
    """Pushes of a repository that opened nothing, newest first."""

    ignored: list[IgnoredPush]
    next: Next


class ProjectList(TypedDict):
    """Names of the projects whose builds were recorded."""

    projects: list[str]
    next: Next


class Place(TypedDict):
    """Where in the report bucket a judgement lies."""

    key: str
    version_id: str
    sha256: str


class JudgementAnswer(TypedDict):
    """A whole judgement; null when it is too large for an answer and has to be fetched from its place."""

    judgement: Annotated[dict[str, Any] | None, "The gate, the evidence and the verdict, as they are stored."]
    place: Place
    is_repeatable: NotRequired[bool]


class JudgementRow(TypedDict):
    """A judgement as histories list it."""

    run_id: str
    stage: str
    gate: str
    branch: str
    at: Moment
    status: Literal["pass", "warn", "fail", "inconclusive", "error"]
    is_blocking: bool
    is_advisory: bool
    mode: str
    may_seed_baseline: bool
    score: float | None
    reason: str
    policy_hash: str
    values: dict[str, float]
    has_evidence: bool
    outcome: Literal["good", "bad"] | None
    fate: Literal["held", "failed", "reverted", "rolled back"] | None


class JudgementList(TypedDict):
    """Judgements of a pipeline's gates, newest first."""

    pipeline: str
    judgements: list[JudgementRow]
    next: Next


class WaiverView(TypedDict):
    """A finding or a control that people live with until a day, and who answers for that."""

    id: str
    reason: str
    owner: str
    expires: Annotated[str, Format("date")]
    gate: str
    state: Literal["acting", "expired", "withdrawn"]
    granted_by: str
    granted_at: Moment
    withdrawn_by: str
    finding: NotRequired[str]
    rule: NotRequired[str]
    path: NotRequired[str]
    control: NotRequired[str]


class WaiverList(TypedDict):
    pipeline: str
    waivers: list[WaiverView]
    next: Next


class WaiverAnswer(TypedDict):
    waiver: WaiverView
