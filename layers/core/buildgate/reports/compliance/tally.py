"""Controls counted: each once, with the worst of its results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from buildgate.domain.measurements import CONTROL_STATUSES, Control, ControlStatus, worst_of

if TYPE_CHECKING:
    from buildgate.reports.document import Document

_CONTROLS_KEPT: Final = 20_000


class Controls:
    """The controls of one report. A control that fails for one resource has failed, whatever it says of others."""

    def __init__(self, document: Document) -> None:
        self.contents = document.contents
        self._worst: dict[str, Control] = {}
        self._beyond: dict[ControlStatus, int] = dict.fromkeys(CONTROL_STATUSES, 0)

    def add(self, control: Control) -> None:
        """Note one result of a control."""
        known = self._worst.get(control.id)
        if known is None and len(self._worst) >= _CONTROLS_KEPT:
            self._beyond[control.status] += 1
        elif known is None or CONTROL_STATUSES.index(control.status) < CONTROL_STATUSES.index(known.status):
            self._worst[control.id] = control

    def count(self, status: ControlStatus, number: int) -> None:
        """Count controls that the report does not name."""
        self._beyond[status] += number

    def finish(self) -> None:
        """Set the measurements."""
        counts = dict(self._beyond)
        for control in self._worst.values():
            counts[control.status] += 1
        for status in ("passed", "failed", "manual", "not_applicable"):
            self.contents.measure(f"compliance.{status}", counts[status])
        self.contents.controls = worst_of(self._worst.values())
        if not any(counts.values()):
            self.contents.warn("the report lists no control")
