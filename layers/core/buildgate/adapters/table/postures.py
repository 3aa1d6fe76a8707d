"""How safely projects are set up, day by day, in the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from buildgate.adapters.table import keys
from buildgate.adapters.table.table import Change, Put, Table
from buildgate.domain.metrics.posture import PostureDay, RoleLook


class TablePostures:
    """One item a project and day, and in the project's registry entry the day that was judged last."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def judged(self) -> Mapping[str, str]:
        """Return every known project with the day on which it was judged last, empty for never."""
        return {item["sk"]: item.get("judged_on", "") for item in self._table.query(keys.PROJECTS)}

    def store(self, project: str, day: PostureDay) -> None:
        """Keep a project's day, then note that it was judged. Safe to repeat."""
        self._table.put(Put(_item(project, day)))
        self._table.change(Change(keys.PROJECTS, project, sets={"judged_on": day.day}))

    def days(self, project: str, days: Sequence[str]) -> Sequence[PostureDay]:
        if not days:
            return []
        items = self._table.query(keys.posture(project), between=(f"D#{days[0]}", f"D#{days[-1]}"))
        return [_day(item) for item in items]


def _item(project: str, day: PostureDay) -> dict[str, Any]:
    return {
        "pk": keys.posture(project),
        "sk": f"D#{day.day}",
        "score": day.score,
        "by_severity": dict(day.by_severity),
        "role_looked_at": day.role.day if day.role else "",
        "role_risks": [list(one) for one in day.role.risks] if day.role else [],
    }


def _day(item: Mapping[str, Any]) -> PostureDay:
    looked = item.get("role_looked_at", "")
    risks = tuple((str(severity), str(risk)) for severity, risk in item.get("role_risks", ()))
    role = RoleLook(looked, risks) if looked else None
    return PostureDay(item["sk"].removeprefix("D#"), item.get("score"), item.get("by_severity", {}), role)
