"""What the metrics part of the API answers, as types; what the domain computes is shown field by field as it is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, TypedDict

from buildgate.domain.builds import CacheProbe
from buildgate.domain.metrics.advice import Advice
from buildgate.domain.metrics.caches import CacheAnalysis
from buildgate.domain.metrics.dora import Dora
from buildgate.domain.metrics.fingerprints import Failure
from buildgate.domain.metrics.own_cost import OwnCost
from buildgate.domain.metrics.peers import Standing
from buildgate.domain.metrics.posture import Posture
from buildgate.domain.metrics.scores import Score
from buildgate.domain.metrics.spending import Spending
from buildgate.domain.metrics.summary import Summary
from buildgate.domain.metrics.test_cases import CaseChange, CaseFigures, CaseState
from buildgate.domain.metrics.trends import ChangePoint, Trend
from buildgate.domain.metrics.waterfall import Bar, LeadTime
from buildgate.usecases.analyse_builds import Share
from buildgate.usecases.recall_builds import Recalled, Verified
from buildgate.web.answers import BuildView, Next
from buildgate.web.schemas import Moment

WindowView = TypedDict("WindowView", {"from": Moment, "to": Moment, "days": int, "is_whole_days": bool})


class ScopeView(TypedDict):
    """Whose builds an answer is about."""

    kind: str
    name: str


class Windowed(TypedDict):
    """What an answer is about: a name, empty for the account, and a window."""

    project: str
    window: WindowView


class Selected(Windowed):
    """What an answer is about: whose builds, which part of them, when, and whether all were looked at."""

    scope: ScopeView
    part: dict[str, str]
    is_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySummary(Summary):
    """One UTC day."""

    day: str


class PostureScore(TypedDict):
    """A project's score on one day; unknown where the project was gone."""

    day: str
    score: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostureView(Posture):
    """How securely a project is set up, worst finding first, and its score on the days on which it was judged."""

    by_severity: Mapping[str, int]
    history: list[PostureScore]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectAdvice(Advice):
    """What could be done for a project, with its evidence, what it would save, and how to apply and undo it."""

    project: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStateView(CaseState):
    """How a test case stands that ever failed; ``flaky_by`` is ``commit``, ``rate``, or empty."""

    project: str
    is_flaky: bool
    flaky_by: str
    is_bad: bool


class ListedBuild(BuildView):
    """A build as lists show it, with what analyses read."""

    status: str
    reason: str
    branch: str
    pipeline: str
    run_id: str | None
    stage: str
    compute_type: str
    environment_type: str
    image: str
    cache: CacheProbe | None
    retry_of: str
    team: str
    cost_centre: str


class PhaseView(TypedDict):
    """A phase of a build; what is not known is left out."""

    name: str
    status: NotRequired[str]
    seconds: NotRequired[float]
    messages: NotRequired[list[str]]


class WholeBuild(ListedBuild):
    """A build with its detail, as far as it was recorded."""

    phase_seconds: dict[str, float]
    batch: str
    phases: NotRequired[list[PhaseView]]
    variables: NotRequired[Annotated[list[list[str]], "Names of variables and where their values come from."]]
    exported: NotRequired[dict[str, str]]
    reports: NotRequired[list[str]]
    log_group: NotRequired[str | None]
    log_stream: NotRequired[str | None]
    number: NotRequired[int | None]
    correlation: NotRequired[Annotated[str | None, "Id of what set its run off, in every log line that speaks of it."]]
    tests: NotRequired[Annotated[dict[str, Any] | None, "Totals of the test reports that were read."]]


class SummaryAnswer(Selected):
    summary: Summary
    score_v2: Score
    by_day: list[DaySummary]


class ClassicAnswer(SummaryAnswer):
    """A project's summary with its newest builds."""

    builds: list[ListedBuild]


class TrendAnswer(Selected):
    trends: list[Trend]
    change_points: list[ChangePoint]


class CostAnswer(Selected):
    cost: Spending


class CacheAnswer(Selected):
    cache: CacheAnalysis


class FailuresAnswer(Selected):
    failures: list[Failure]


class RecommendAnswer(Selected):
    recommendations: list[ProjectAdvice]


class PostureAnswer(Selected):
    posture: list[PostureView]


class CaseRun(TypedDict):
    """One run of a test case."""

    build_id: str
    at: Moment
    commit: str
    status: str
    seconds: float
    message: str


class TestsView(TypedDict):
    """Cases that ever failed, and figures of all cases in the newest builds whose reports were read.

    Asked for one case, every turn of it between good and bad, and its runs in more builds, oldest first.
    """

    states: list[CaseStateView]
    cases: list[CaseFigures]
    builds: list[str]
    explanation: str
    changes: NotRequired[list[CaseChange]]
    runs: NotRequired[list[CaseRun]]


class TestsAnswer(Selected):
    tests: TestsView
    next: Next


class BuildsAnswer(Selected):
    builds: list[ListedBuild]
    next: Next


class ReportAnswer(SummaryAnswer):
    """Everything that is known of a selection."""

    trends: list[Trend]
    change_points: list[ChangePoint]
    cost: Spending
    cache: CacheAnalysis
    failures: list[Failure]
    tests: TestsView
    recommendations: list[ProjectAdvice]
    posture: list[PostureView]
    builds_looked_at: int
    builds_limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyAnswer(Verified):
    """A recount of the days of a project or a wider scope; a difference is a defect."""

    project: str
    scope: ScopeView


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillAnswer(Recalled):
    """One page of history that was recorded."""

    project: str


class DoraAnswer(Windowed):
    """The five metrics; asked for ``lead_time=parts``, where the lead time went too."""

    pipeline: str
    dora: Dora
    notes: list[str]
    lead_time: NotRequired[LeadTime]


class WaterfallAnswer(TypedDict):
    """Where a run's time went."""

    run_id: str
    bars: list[Bar]
    by_kind: dict[str, float]


class BuildAnswer(TypedDict):
    build: WholeBuild


class OverviewAnswer(Windowed):
    projects: dict[str, Summary]


class AttributionAnswer(Windowed):
    shares: list[Share]
    next: Next


class BenchmarksAnswer(Windowed):
    standings: list[Standing]
    explanation: str


class Quarantined(TypedDict):
    """A build whose description cannot be true."""

    build_id: str
    reason: str
    at: Moment


class QuarantineAnswer(Windowed):
    quarantine: list[Quarantined]
    next: Next


class AccountPostureAnswer(Windowed):
    posture: list[PostureView]


class SelfCostAnswer(Windowed):
    self_cost: OwnCost
