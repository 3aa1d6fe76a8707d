"""Someone wants a run to end: note it, stop its builds, release what it waits for. The machine closes itself."""

from __future__ import annotations

from dataclasses import dataclass

from buildgate.domain.errors import NotFound, Rejected
from buildgate.domain.redaction import redact, shorten
from buildgate.domain.runs import StopRequest
from buildgate.ports import Clock, Executions, Launcher, Runs

_COMMENT_LIMIT = 500


@dataclass(frozen=True, slots=True)
class StopRun:
    """Stops a run without StopExecution, which no clean-up of the machine would see. Safe to repeat."""

    runs: Runs
    launcher: Launcher
    executions: Executions
    clock: Clock

    def __call__(self, run_id: str, *, actor: str, comment: str) -> str:
        """Note the wish and release the run; returns what happened, in words.

        Raises:
            NotFound: There is no such run.
            Rejected: The run has ended.
        """
        record = self.runs.record(run_id)
        if record is None:
            raise NotFound(f"there is no run {run_id}", field="run", fix="buildgate run list")
        if record.run.status.is_final:
            raise Rejected(f"run {run_id} has ended: {record.run.status}")
        said = shorten(redact(comment.strip()), limit=_COMMENT_LIMIT)
        asked = self.runs.ask_stop(run_id, StopRequest(actor, said, self.clock.now()))
        record = self.runs.record(run_id) or record
        for slot in record.open_slots:
            if slot.build_id:
                self.launcher.stop(slot.build_id)
            if slot.token:
                self.executions.fail(slot.token, error="Stopped", cause=f"stopped by {actor}")
        for approval in record.approvals:
            if not approval.is_decided and approval.token:
                self.executions.fail(approval.token, error="Stopped", cause=f"stopped by {actor}")
        for ticket in record.tickets:
            if not ticket.is_delivered:
                self.executions.fail(ticket.token, error="Stopped", cause=f"stopped by {actor}")
        return "stopping" if asked else "was being stopped already"
