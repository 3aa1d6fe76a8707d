"""Builds as CodeBuild ran them, and the rule that decides what a report of one changes.

Events about a build arrive twice, late, out of order or never. What is true is what BatchGetBuilds says; what is
recorded only ever moves forward: first by rank (running, then finished), never back.

Values of the path that runs with every event are named tuples: a frozen dataclass with slots costs a start three times
as much.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from buildgate.domain.errors import Corrupt
from buildgate.domain.ids import parse_place, place_text
from buildgate.domain.times import seconds_between


class BuildStatus(StrEnum):
    """CodeBuild's own words for how a build stands (API model, ``StatusType``)."""

    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    FAULT = "FAULT"
    TIMED_OUT = "TIMED_OUT"
    STOPPED = "STOPPED"

    @property
    def is_finished(self) -> bool:
        return self is not BuildStatus.IN_PROGRESS

    @property
    def rank(self) -> int:
        """Return 1 while running and 9 when finished: a record moves only to a higher rank."""
        return 9 if self.is_finished else 1


PHASES = (
    "SUBMITTED",
    "QUEUED",
    "PROVISIONING",
    "DOWNLOAD_SOURCE",
    "INSTALL",
    "PRE_BUILD",
    "BUILD",
    "POST_BUILD",
    "UPLOAD_ARTIFACTS",
    "FINALIZING",
)
"""In CodeBuild's order, which is how the table numbers them: the tuple only ever grows at its end."""


class Phase(NamedTuple):
    """One phase of a build; a phase that is under way has neither status nor end."""

    name: str
    status: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_seconds: float | None = None
    messages: tuple[str, ...] = ()


class SlotRef(NamedTuple):
    """Names one build of one stage attempt of one run; its text form travels as a build variable."""

    run_id: str
    stage: int
    attempt: int
    name: str

    def to_text(self) -> str:
        return place_text(self.run_id, self.stage, self.attempt, self.name)

    @classmethod
    def from_text(cls, text: str) -> SlotRef:
        """Return the reference of a text.

        Raises:
            Corrupt: The text is not one that ``to_text`` writes.
        """
        place = parse_place(text)
        if place is None:
            raise Corrupt(f"{text[:100]!r} does not name a build of a run")
        return cls(*place)


def reports_prefix(project: str, slot: SlotRef) -> str:
    """Return where a run's build may put reports of its own, below what its project's role may write."""
    return f"reports/{project}/{slot.to_text()}/"


class SlotClaim(NamedTuple):
    """What a build says of itself through its variables: the slot it was started for, and that slot's nonce.

    ``correlation_id`` is its run's, so that whoever records the build can name it without reading the run.
    """

    slot: SlotRef
    nonce: str
    correlation_id: str = ""

    def __repr__(self) -> str:
        return f"SlotClaim({self.slot.to_text()!r})"


class CacheProbe(NamedTuple):
    """What a build says its cache did: ``result`` is hit, partial (a fallback key matched) or miss.

    ``seconds`` passed until the cache was there, ``size_bytes`` is what it then held; None where the probe was silent.
    """

    result: str
    key: str = ""
    matched_key: str = ""
    size_bytes: int | None = None
    seconds: float | None = None


class Misreported(NamedTuple):
    """A build whose description cannot be true, and why: it is set aside, counted, and never counted as a build."""

    build_id: str
    reason: str

    @property
    def project(self) -> str:
        return self.build_id.rsplit(":", 1)[0]


class Owner(NamedTuple):
    """Who answers and pays for a project, from its tags or its pipeline's; empty where nobody said."""

    team: str = ""
    cost_centre: str = ""


NOBODY = Owner()
NO_PHASES: Mapping[str, float] = MappingProxyType({})


class Build(NamedTuple):
    """A build as BatchGetBuilds describes it, without a single value of its environment variables.

    ``build_id`` is ``project:uuid``. ``variables`` holds names and types only; ``exported`` holds what the build chose
    to show, secrets masked. ``buildspec`` is a digest of an inline buildspec, or the name of the file. ``retry_of`` is
    the build that this one repeats, ``batch`` the batch it is part of.
    """

    build_id: str
    project: str
    status: BuildStatus
    started_at: datetime
    ended_at: datetime | None = None
    number: int | None = None
    phases: tuple[Phase, ...] = ()
    compute_type: str = ""
    environment_type: str = ""
    image: str = ""
    initiator: str = ""
    source_version: str = ""
    commit: str = ""
    current_phase: str = ""
    report_arns: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    exported: tuple[tuple[str, str], ...] = ()
    cache: CacheProbe | None = None
    buildspec: str = ""
    retry_of: str = ""
    batch: str = ""
    log_group: str = ""
    log_stream: str = ""
    log_link: str = ""
    claim: SlotClaim | None = None

    def phase(self, name: str) -> Phase | None:
        return next((phase for phase in self.phases if phase.name == name), None)

    @property
    def duration_seconds(self) -> float | None:
        """Return the seconds from start to end; None while it runs, or when the end is before the start."""
        return seconds_between(self.started_at, self.ended_at)

    @property
    def queue_seconds(self) -> float | None:
        """Return the seconds spent in SUBMITTED and QUEUED, before anything was provisioned."""
        return self._phase_seconds("SUBMITTED", "QUEUED")

    @property
    def provisioning_seconds(self) -> float | None:
        return self._phase_seconds("PROVISIONING")

    @property
    def billed_seconds(self) -> float | None:
        """Return the seconds that are paid for: from provisioning to the end, the queue left out."""
        if self.duration_seconds is None:
            return None
        return max(0.0, self.duration_seconds - (self.queue_seconds or 0.0))

    @property
    def phase_seconds(self) -> dict[str, float]:
        """Return the seconds of each phase that has ended."""
        return {phase.name: phase.duration_seconds for phase in self.phases if phase.duration_seconds is not None}

    @property
    def failed_phase(self) -> Phase | None:
        return next((phase for phase in self.phases if phase.status not in {None, "SUCCEEDED"}), None)

    def _phase_seconds(self, *names: str) -> float | None:
        known = [phase.duration_seconds for phase in self.phases if phase.name in names]
        values = [value for value in known if value is not None]
        return sum(values) if values else None


class BuildHead(NamedTuple):
    """The small record of a build that lists, decisions and analyses read. ``nonce`` is never part of it.

    ``reason`` says why it did not succeed, as ``PHASE STATUS: message``. ``branch`` is the run's branch or tag; outside a
    run it is the source version, where that is no commit.
    """

    build_id: str
    project: str
    status: BuildStatus
    started_at: datetime
    ended_at: datetime | None = None
    duration_seconds: float | None = None
    queue_seconds: float | None = None
    cost_micro_usd: int | None = None
    compute_type: str = ""
    environment_type: str = ""
    image: str = ""
    initiator: str = ""
    source_version: str = ""
    commit: str = ""
    current_phase: str = ""
    slot: SlotRef | None = None
    pipeline: str = ""
    stage: str = ""
    log_link: str = ""
    reason: str = ""
    phase_seconds: Mapping[str, float] = NO_PHASES
    cache: CacheProbe | None = None
    buildspec: str = ""
    retry_of: str = ""
    batch: str = ""
    branch: str = ""
    owner: Owner = NOBODY

    @property
    def work_seconds(self) -> float | None:
        """Return the seconds from start to end without the queue."""
        if self.duration_seconds is None:
            return None
        return max(0.0, self.duration_seconds - (self.queue_seconds or 0.0))

    @property
    def is_retry(self) -> bool:
        return bool(self.retry_of) or bool(self.slot and self.slot.attempt > 1)


class Recorded(NamedTuple):
    """The report moves the record forward; ``is_finish`` says that the build is counted now."""

    is_finish: bool
    reason: str


class Duplicate(NamedTuple):
    """The record says this already."""

    reason: str


class Stale(NamedTuple):
    """The record is further on than the report."""

    reason: str


def branch_of(source_version: str) -> str:
    """Return the branch or tag that a source version names; a commit, a pull request's number or nothing names none."""
    name = source_version.removeprefix("refs/heads/").removeprefix("refs/tags/")
    is_commit = len(name) == 40 and all(letter in "0123456789abcdef" for letter in name)
    return "" if is_commit or name.startswith(("arn:", "pr/")) else name[:120]


def judge_report(known: BuildHead | None, reported: Build) -> Recorded | Duplicate | Stale:
    """Decide what a report about a build changes. Safe to repeat: the second answer is Duplicate.

    A finished record is final whatever is reported later, so that a build counts once for ever.
    """
    if known is None or reported.status.rank > known.status.rank:
        came = "first report" if known is None else f"was {known.status}"
        return Recorded(reported.status.is_finished, f"{reported.status}: {came}")
    if reported.status.rank < known.status.rank:
        return Stale(f"already {known.status}, the report says {reported.status}")
    if known.status is not reported.status:
        return Stale(f"already {known.status}: a finished build does not become {reported.status}")
    if not reported.status.is_finished and known.current_phase != reported.current_phase:
        return Recorded(is_finish=False, reason=f"now in phase {reported.current_phase}")
    return Duplicate(f"already {known.status}")
