"""Totals of wider scopes, who owns a project, and the builds that analyses look at one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from buildgate.adapters.table import keys
from buildgate.adapters.table.build_items import head_of
from buildgate.adapters.table.conditions import Is
from buildgate.adapters.table.day_items import folded_item
from buildgate.adapters.table.table import Change, Put, Table
from buildgate.domain.builds import BuildHead, Misreported, Owner
from buildgate.domain.metrics.rollups import DayTotals, Scope
from buildgate.domain.times import to_text

LONGEST_BUILD = timedelta(hours=44)
"""From start to end at most: eight hours in the queue and 36 at work (CodeBuild's limits)."""


class TableTotals:
    """What ``fold_days`` keeps, and what is read build by build."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def owners(self) -> Mapping[str, Owner]:
        items = self._table.query(keys.PROJECTS)
        return {item["sk"]: Owner(item.get("team", ""), item.get("cost_centre", "")) for item in items}

    def set_owner(self, project: str, owner: Owner) -> None:
        sets = {"team": owner.team, "cost_centre": owner.cost_centre}
        self._table.change(Change(keys.PROJECTS, project, sets=sets))

    def scopes(self) -> Sequence[Scope]:
        """Return every scope that was ever folded."""
        return [Scope(*item["sk"].split("#", 1)) for item in self._table.query(keys.SCOPES)]

    def know_scope(self, scope: Scope) -> None:
        self._table.put(Put({"pk": keys.SCOPES, "sk": scope.key}))

    def replace_day(self, scope: Scope, day: DayTotals) -> None:
        """Set a day of a folded scope; doing it again changes nothing."""
        self._table.put(Put(folded_item(scope, day)))

    def owed(self) -> Mapping[str, str]:
        """Return the days of long ago on which builds were counted since they were folded, each with its note."""
        return {item["sk"]: item["noted_at"] for item in self._table.query(keys.FOLDS) if "noted_at" in item}

    def settle(self, day: str, note: str) -> bool:
        """Take a day's note away; False when a build was counted since it was read."""
        return self._table.has_put(Put({"pk": keys.FOLDS, "sk": day}, only_if=Is("noted_at", note)))

    def finished_between(
        self, project: str, first: datetime, last: datetime, *, after: str = "", page: int | None = None
    ) -> Iterator[BuildHead]:
        """Yield a project's builds that ended in ``first <= end < last``, the newest start first, as they are read."""
        low, high = f"B#{to_text(first - LONGEST_BUILD)}", f"B#{min(after, to_text(last)) if after else to_text(last)}"
        between = (min(low, high), high)
        for item in self._table.query(
            keys.project(project), index="GSI1", between=between, newest_first=True, page=page
        ):
            head = head_of(item)
            if item["g1s"] != high and head.ended_at is not None and first <= head.ended_at < last:
                yield head

    def quarantined(self, project: str = "") -> Sequence[tuple[Misreported, str]]:
        """Return what is set aside, of one project if one is named, each with the time it was seen.

        A build whose end made sense later, and is on record now, is left out.
        """
        items = list(self._table.query(keys.QUARANTINE, begins=f"{project}:" if project else ""))
        heads = self._table.get_many([(keys.build(item["sk"]), keys.HEAD) for item in items])
        mended = {item["build_id"] for item in heads if head_of(item).status.is_finished}
        return [
            (Misreported(item["sk"], item["reason"]), item["seen_at"]) for item in items if item["sk"] not in mended
        ]
