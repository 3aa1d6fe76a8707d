"""Stores on an empty table, as the cases of what every store promises need them: wherever there is a DynamoDB."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from buildgate.adapters.table.approvals import TableApprovals
from buildgate.adapters.table.builds import TableBuilds
from buildgate.adapters.table.outbox import TableOutbox
from buildgate.adapters.table.pipelines import TablePipelines
from buildgate.adapters.table.pushes import TablePushes
from buildgate.adapters.table.runs import TableRuns
from buildgate.adapters.table.table import Table
from buildgate.adapters.table.work import TableWork
from run_records import NOON

TABLE = "buildgate"
LATER = NOON + timedelta(days=3650)
FIRST_TOKEN = "t1"
CASES: list[Callable[[Stores], None]] = []


@dataclass(frozen=True)
class Stores:
    """Every store over one client."""

    client: Any

    @property
    def table(self) -> Table:
        return Table(self.client, TABLE, pause=lambda _: None)

    @property
    def runs(self) -> TableRuns:
        return TableRuns(self.table)

    @property
    def pushes(self) -> TablePushes:
        return TablePushes(self.table)

    @property
    def pipelines(self) -> TablePipelines:
        return TablePipelines(self.table)

    @property
    def builds(self) -> TableBuilds:
        return TableBuilds(self.table)

    @property
    def approvals(self) -> TableApprovals:
        return TableApprovals(self.table)

    @property
    def outbox(self) -> TableOutbox:
        return TableOutbox(self.table)

    @property
    def work(self) -> TableWork:
        return TableWork(self.table)


def case(function: Callable[[Stores], None]) -> Callable[[Stores], None]:
    CASES.append(function)
    return function


def empty(client: Any) -> Stores:
    """Return stores on the table after emptying it."""
    for item in client.scan(TableName=TABLE)["Items"]:
        client.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})
    return Stores(client)


def unnamed(client: Any) -> list[tuple[str, str]]:
    """Return the keys of the items that do not name their format."""
    found = client.scan(TableName=TABLE)["Items"]
    return [(item["pk"]["S"], item["sk"]["S"]) for item in found if "fmt" not in item]
