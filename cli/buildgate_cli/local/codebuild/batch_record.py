"""What is written down of a batch on its way: its phases and its end."""

from typing import Any, Protocol

from buildgate_cli.local.codebuild.names import Clock
from buildgate_cli.local.codebuild.store import Document


class BatchBook(Protocol):
    """Where batches are written down."""

    def record(self, batch_id: str) -> Document: ...

    def change(self, batch_id: str, **members: Any) -> None: ...

    def ended(self, batch_id: str) -> None: ...


class BatchRecord:
    """One batch in the book."""

    def __init__(self, batch_id: str, book: BatchBook, now: Clock) -> None:
        self._id = batch_id
        self._book = book
        self._now = now

    def open_phase(self, name: str) -> None:
        """End the phase before and begin this one."""
        self.close_phase("SUCCEEDED", "", "")
        phases = [*self._phases(), {"phaseType": name, "startTime": self._now().timestamp()}]
        self._book.change(self._id, phases=phases, currentPhase=name)

    def close_phase(self, status: str, code: str, message: str) -> None:
        """End the last phase; one that has ended stays as it is."""
        phases, stamp = self._phases(), self._now().timestamp()
        phase = phases[-1]
        if "endTime" in phase:
            return
        stamp = max(stamp, phase["startTime"])  # the clock may have been put back
        phase |= {"endTime": stamp, "durationInSeconds": round(stamp - phase["startTime"]), "phaseStatus": status}
        if code:
            phase["contexts"] = [{"statusCode": code, "message": message}]
        self._book.change(self._id, phases=phases)

    def finish(self, status: str) -> None:
        """Complete the batch."""
        stamp = max(self._now().timestamp(), self._book.record(self._id)["batch"]["startTime"])
        last = status if status in {"SUCCEEDED", "STOPPED"} else "FAILED"
        phases = [*self._phases(), {"phaseType": last, "startTime": stamp}]
        self._book.change(
            self._id, phases=phases, currentPhase=last, buildBatchStatus=status, complete=True, endTime=stamp
        )

    def reopen(self, *, keeps_good: bool) -> None:
        """Make a complete batch one that runs; its builds become earlier ones, the good ones only if asked."""
        groups, stamp = self._book.record(self._id)["batch"]["buildGroups"], self._now().timestamp()
        for group in groups:
            summary = group.get("currentBuildSummary")
            if summary and not (keeps_good and summary["buildStatus"] == "SUCCEEDED"):
                group.setdefault("priorBuildSummaryList", []).append(group.pop("currentBuildSummary"))
        self._book.change(
            self._id,
            buildGroups=groups,
            buildBatchStatus="IN_PROGRESS",
            complete=False,
            endTime=None,
            currentPhase="SUBMITTED",
            phases=[{"phaseType": "SUBMITTED", "startTime": stamp}],
        )

    def _phases(self) -> list[Document]:
        return list(self._book.record(self._id)["batch"]["phases"])
