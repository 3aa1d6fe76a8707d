"""Starts the build of a slot exactly once, and keeps the task token where the build's end will find it.

Park, start, bind, deliver. The token is stored before anything starts, so that the earliest event finds it; the build
carries a nonce, so that a build whose start was never answered can be found and adopted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from buildgate.domain.builds import Build, SlotRef, reports_prefix
from buildgate.domain.errors import NotFound, Stopped
from buildgate.domain.ids import idempotency_token
from buildgate.domain.pipelines import BuildStep, Stage
from buildgate.domain.runs import Run, wait_seconds
from buildgate.domain.slots import Slot
from buildgate.ports import BuildOrder, Clock, Launcher, Pipelines, Randomness, Runs
from buildgate.usecases.find_start import find_start
from buildgate.usecases.record_build import RecordBuild

TOKEN_LIFE = timedelta(minutes=5)
_MARGIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Started:
    """The slot's build, what this call did (``decision``, one word), and why."""

    build_id: str
    decision: str
    reason: str
    run: Run


@dataclass(frozen=True, slots=True)
class StartBuild:
    """Starts what a slot asks for. Safe to repeat: the same slot never gets a second build."""

    pipelines: Pipelines
    runs: Runs
    launcher: Launcher
    record: RecordBuild
    clock: Clock
    randomness: Randomness
    report_bucket: str

    def __call__(self, ref: SlotRef, *, token: str) -> Started:
        """Start, adopt or find the slot's build.

        Raises:
            Stopped: The run is being stopped or has ended.
            Rejected: CodeBuild refuses the order, for example because the project is gone.
            Busy: The queue is full.
        """
        run, stage, step = self._place(ref)
        now = self.clock.now()
        due_at = now + timedelta(seconds=wait_seconds(stage.timeout_minutes))
        nonce = self.randomness.random_bytes(32).hex()
        slot = self.runs.park_slot(ref, token=token, nonce=nonce, now=now, due_at=due_at)
        if slot.is_settled:
            return Started(slot.build_id, "settled", f"settled before: {self.record.delivery.slot(ref)}", run)
        if slot.build_id:
            return Started(slot.build_id, "bound", f"bound before: {self._look(slot.build_id)}", run)
        if self._is_ending(ref):
            raise Stopped(f"run {ref.run_id} is being stopped or has ended: nothing more is started")
        build, decision, reason = self._start_or_adopt(run, stage, step, slot, now)
        if self._keep_or_stop(build, ref):
            return Started(build.build_id, decision, reason, run)
        return Started(build.build_id, "stopped", f"{reason}, and stopped: nobody waits for it any more", run)

    def _keep_or_stop(self, build: Build, ref: SlotRef) -> bool:
        """Record the build; stop one whose slot or run came to its end while it was being started (False)."""
        head = self.record(build).head
        is_ours = head is not None and head.slot == ref
        if build.status.is_finished or (is_ours and not self._is_ending(ref)):
            return True
        self.launcher.stop(build.build_id)
        return False

    def _is_ending(self, ref: SlotRef) -> bool:
        """Return whether the run is to end. Asked after each write, for whoever ends a run writes first, then looks."""
        run = self.runs.run(ref.run_id)
        return run is None or run.is_ending

    def _place(self, ref: SlotRef) -> tuple[Run, Stage, BuildStep]:
        run = self.runs.run(ref.run_id)
        pipeline = self.pipelines.version(run.pipeline, run.version) if run else None
        if run is None or pipeline is None or ref.stage >= len(pipeline.stages):
            raise NotFound(f"there is no run for {ref.to_text()}")
        stage = pipeline.stages[ref.stage]
        step = next((one for one in stage.builds if one.name == ref.name), None)
        if step is None:
            raise NotFound(f"stage {stage.name} has no build {ref.name}")
        return run, stage, step

    def _look(self, build_id: str) -> str:
        """Record how a bound build stands: had it ended already, this delivers its end to the new token."""
        result = self.record.by_id(build_id)
        return result.callback or result.reason

    def _start_or_adopt(
        self, run: Run, stage: Stage, step: BuildStep, slot: Slot, now: datetime
    ) -> tuple[Build, str, str]:
        first_parked = slot.parked_at or now
        if now - first_parked > TOKEN_LIFE - _MARGIN:
            adopted = find_start(self.launcher, slot)
            if adopted is not None:
                return adopted, "adopted", "adopted a build whose start was not answered"
        return self.launcher.start(self._order(run, stage, step, slot)), "started", "started"

    def _order(self, run: Run, stage: Stage, step: BuildStep, slot: Slot) -> BuildOrder:
        """Return the order, byte-identical on every repeat: a changed one under the same token is an error."""
        prefix = f"s3://{self.report_bucket}/{reports_prefix(step.project, slot.ref)}"
        variables = (
            dict(stage.variables)
            | dict(step.variables)
            | {
                "BUILDGATE_RUN": run.run_id,
                "BUILDGATE_PIPELINE": run.pipeline,
                "BUILDGATE_STAGE": stage.name,
                "BUILDGATE_REPORTS": prefix,
                "BUILDGATE_SLOT": slot.ref.to_text(),
                "BUILDGATE_NONCE": slot.nonce,
                "BUILDGATE_CORRELATION": run.correlation_id,
            }
        )
        return BuildOrder(
            project=step.project,
            source_version=run.source.commit,
            idempotency_token=idempotency_token(slot.ref.to_text(), slot.nonce),
            variables=tuple(sorted(variables.items())),
            timeout_minutes=stage.timeout_minutes,
        )
