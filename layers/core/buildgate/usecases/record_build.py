"""A build changed: record it once, bind it to its run, let the run go on, tell people."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from buildgate.domain.builds import (
    Build,
    BuildHead,
    BuildStatus,
    Duplicate,
    Owner,
    Recorded,
    Stale,
    branch_of,
    judge_report,
)
from buildgate.domain.errors import Conflict, NotFound
from buildgate.domain.notices import build_ended, build_ended_ref
from buildgate.domain.redaction import redact, shorten
from buildgate.domain.slots import Slot, SlotState
from buildgate.usecases.deliver_slot import NOT_SETTLED
from buildgate.usecases.send_notice import TRY_AGAIN, SendNotice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildgate.domain.costs import PriceTable
    from buildgate.ports import BuildRecords, Clock, Launcher, Outbox, Slots
    from buildgate.usecases.deliver_slot import SlotDelivery

_TRIES = 5
_REASON_LIMIT = 300
_HEAD_REASON_LIMIT = 140
NEWS_LIFE = timedelta(days=2)
"""How long the end of a build is news: events come for a day; what is found later is history."""


class _Place(NamedTuple):
    """Where in a run a build belongs; all empty outside any run."""

    pipeline: str
    stage: str
    branch: str


_NOWHERE = _Place("", "", "")


class RecordResult(NamedTuple):
    """What recording a build did. ``is_counted`` is true once in the life of a build.

    ``head`` is None when CodeBuild's description cannot be true and was quarantined. ``decision`` says in one word what
    the report was: recorded, duplicate, stale or quarantined. ``correlation_id`` is that of the build's run, if it has one.
    """

    head: BuildHead | None
    is_counted: bool
    reason: str
    callback: str = ""
    notice: str = ""
    decision: str = "quarantined"
    correlation_id: str = ""


class RecordBuild(NamedTuple):
    """Records what BatchGetBuilds says; the event that led here was only a hint. Safe to repeat in any order."""

    launcher: Launcher
    records: BuildRecords
    slots: Slots
    delivery: SlotDelivery
    outbox: Outbox
    send: SendNotice
    prices: PriceTable
    clock: Clock

    def by_id(self, build_id: str) -> RecordResult:
        """Look a build up and record it; one that cannot be true is set aside, and asking again may find it mended.

        CodeBuild is not asked about a build whose end is on record and of which nothing is owed.

        Raises:
            NotFound: CodeBuild knows no such build.
        """
        known = self.records.heads([build_id])
        head = known.get(build_id)
        ended = self._ended_before(head) if head is not None and head.status.is_finished else None
        if ended is not None:
            return ended
        builds = self.launcher.builds([build_id])
        if builds:
            return self(builds[0], known)
        if self.records.is_quarantined(build_id):
            return RecordResult(None, is_counted=False, reason="quarantined: its description cannot be true")
        raise NotFound(f"CodeBuild knows no build {build_id}")

    def past(self, build: Build) -> RecordResult:
        """Record a build of long ago as if its events had come in time: counted once, and nobody is told."""
        slot = self._bind(build)
        head, judged = self._record(build, slot)
        return _result(build, head, judged)

    def _ended_before(self, head: BuildHead) -> RecordResult | None:
        """Let the run of a build go on whose end is on record; None when its end has more to be done about it."""
        if head.slot is None:
            if not self.outbox.is_sent(build_ended_ref(head)):
                return None
            callback, notice, origin = "", "sent before", None
        else:
            callback, notice = self.delivery.slot(head.slot), ""
            if callback == NOT_SETTLED:
                return None
            origin = self.slots.origin(head.slot.run_id)
        return RecordResult(
            head,
            is_counted=False,
            reason=f"already {head.status}",
            callback=callback,
            notice=notice,
            decision="duplicate",
            correlation_id=origin.correlation_id if origin else "",
        )

    def __call__(self, build: Build, known: Mapping[str, BuildHead] | None = None) -> RecordResult:
        """Record a build; ``known`` is what was on record a moment ago, by id, if somebody has just looked."""
        slot = self._bind(build)
        if build.status.is_finished:
            self._owe(build, slot)
        head, judged = self._record(build, slot, known)
        callback = notice = ""
        if build.status.is_finished:
            if slot is not None:
                callback = self.delivery.slot(slot.ref)
            else:
                notice = self._tell(build)
        return _result(build, head, judged)._replace(callback=callback, notice=notice)

    def _owe(self, build: Build, slot: Slot | None) -> None:
        """Note what a build's end owes before its head says that it ended: a finished head is not looked at again."""
        if slot is not None:
            self._settle(build, slot)
        elif self._is_news(build):
            self.outbox.owe(build_ended_ref(build), kind="build", due_at=self.clock.now() + TRY_AGAIN)

    def _bind(self, build: Build) -> Slot | None:
        """Return the slot a build belongs to, binding it if need be; a claim with the wrong nonce is no claim."""
        if build.claim is None:
            return None
        ref, nonce = build.claim.slot, build.claim.nonce
        bound = self.slots.bind_slot(ref, nonce=nonce, build_id=build.build_id, now=self.clock.now())
        slot = self.slots.slot(ref)
        if slot is None or not (bound or slot.build_id == build.build_id):
            return None
        return slot

    def _record(
        self, build: Build, slot: Slot | None, looked: Mapping[str, BuildHead] | None = None
    ) -> tuple[BuildHead, Recorded | Duplicate | Stale]:
        place = _NOWHERE
        for _ in range(_TRIES):
            known = (self.records.heads([build.build_id]) if looked is None else looked).get(build.build_id)
            judged = judge_report(known, build)
            if not isinstance(judged, Recorded) and known is not None:
                return known, judged
            if slot is not None and not place.pipeline:
                place = self._place(slot)
            head = self._head(build, slot, place)
            try:
                self.records.record(head, build, known=known, is_finish=build.status.is_finished, now=self.clock.now())
            except Conflict:
                looked = None
                continue
            return head, judged
        raise Conflict(f"build {build.build_id}: other reports were in the way {_TRIES} times")

    def _place(self, slot: Slot) -> _Place:
        origin = self.slots.origin(slot.ref.run_id)
        stage = slot.stage_name or f"{slot.ref.stage:02d}"
        return _Place(origin.pipeline, stage, origin.ref) if origin else _Place("", stage, "")

    def _head(self, build: Build, slot: Slot | None, place: _Place) -> BuildHead:
        cost = self.prices.cost_micro_usd(build.environment_type, build.compute_type, build.billed_seconds)
        finished = build.status.is_finished
        return BuildHead(
            build_id=build.build_id,
            project=build.project,
            status=build.status,
            started_at=build.started_at,
            ended_at=build.ended_at,
            duration_seconds=build.duration_seconds,
            queue_seconds=build.queue_seconds,
            cost_micro_usd=cost,
            compute_type=build.compute_type,
            environment_type=build.environment_type,
            image=build.image,
            initiator=build.initiator,
            source_version=build.source_version,
            commit=build.commit,
            current_phase=build.current_phase,
            slot=slot.ref if slot else None,
            pipeline=place.pipeline,
            stage=place.stage,
            log_link=build.log_link,
            reason=shorten(why(build), limit=_HEAD_REASON_LIMIT) if finished else "",
            phase_seconds=build.phase_seconds if finished else {},
            cache=build.cache,
            buildspec=build.buildspec,
            retry_of=build.retry_of,
            batch=build.batch,
            branch=place.branch or branch_of(build.source_version),
            owner=self.records.owner(build.project) if finished else Owner(),
        )

    def _settle(self, build: Build, slot: Slot) -> None:
        now = self.clock.now()
        settled = slot._replace(
            state=SlotState.SETTLED,
            build_id=build.build_id,
            build_status=build.status,
            reason=why(build),
            due_at=now,
        )
        self.slots.settle_slot(settled)

    def _is_news(self, build: Build) -> bool:
        return build.ended_at is None or self.clock.now() - build.ended_at <= NEWS_LIFE

    def _tell(self, build: Build) -> str:
        """Tell of a build outside any run, once; a duplicate finds the notice sent."""
        if not self._is_news(build):
            return "ended too long ago to be news"
        return self.send(build_ended(build, why(build) or f"build {build.build_id} {build.status}"))


def _result(build: Build, head: BuildHead, judged: Recorded | Duplicate | Stale) -> RecordResult:
    counted = isinstance(judged, Recorded) and judged.is_finish
    correlation = build.claim.correlation_id if build.claim and head.slot == build.claim.slot else ""
    decision = type(judged).__name__.lower()
    return RecordResult(head, counted, judged.reason, decision=decision, correlation_id=correlation)


def why(build: Build) -> str:
    """Return why a build did not succeed, in its own words: the failed phase and its message."""
    if build.status is BuildStatus.SUCCEEDED:
        return ""
    phase = build.failed_phase
    if phase is None:
        return ""
    said = f": {phase.messages[0]}" if phase.messages else ""
    return shorten(redact(f"{phase.name} {phase.status}{said}"), limit=_REASON_LIMIT)
