"""Components and their licences, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from buildgate.reports.document import Document

_NONE: Final = frozenset({"", "NOASSERTION", "NONE"})
_LICENCES_KEPT: Final = 5000


class Components:
    """The components of one bill of materials."""

    def __init__(self, document: Document) -> None:
        self.contents = document.contents
        self.total = 0
        self.licensed = 0
        self._licences: dict[str, int] = {}

    def add(self, licences: Iterable[str]) -> None:
        """Count one component with the licences it states."""
        self.total += 1
        stated = sorted({licence.strip() for licence in licences if licence.strip() not in _NONE})
        self.licensed += bool(stated)
        for licence in stated:
            if licence in self._licences or len(self._licences) < _LICENCES_KEPT:
                self._licences[licence] = self._licences.get(licence, 0) + 1

    def finish(self, vulnerabilities: int | None = None) -> None:
        """Set the measurements; `vulnerabilities` is None where the format cannot say."""
        self.contents.measure("components.total", self.total)
        self.contents.measure("components.licensed", self.licensed)
        self.contents.measure("components.unlicensed", self.total - self.licensed)
        self.contents.measure("components.vulnerabilities", vulnerabilities)
        self.contents.licences = self._licences
        if not self.total:
            self.contents.warn("the bill of materials lists no component")
