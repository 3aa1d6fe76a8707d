"""Composes what recording a build needs, and nothing more: this is the path that runs with every event."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from buildgate.adapters.codebuild import CodeBuildLauncher
from buildgate.adapters.sns import SnsTopics
from buildgate.adapters.stepfunctions import StepFunctionsExecutions
from buildgate.adapters.system import SystemClock, SystemRandomness
from buildgate.adapters.table.builds import TableBuilds
from buildgate.adapters.table.outbox import TableOutbox
from buildgate.adapters.table.slots import TableSlots
from buildgate.adapters.table.table import Table
from buildgate.domain.costs import PriceTable
from buildgate.usecases.deliver_slot import SlotDelivery
from buildgate.usecases.record_build import RecordBuild
from buildgate.usecases.send_notice import SendNotice

if TYPE_CHECKING:
    from buildgate.domain.builds import Misreported
    from buildgate.domain.notices import Topic
    from buildgate.ports import Clock, Randomness
    from buildgate.runtime.clients import Aws

_PRICES = Path(__file__).parent.parent / "data" / "prices.json"


@cache
def price_table() -> PriceTable:
    """Return the price table that ships with the package, read once."""
    return PriceTable.from_data(json.loads(_PRICES.read_bytes()))


class BuildWiring:
    """Everything a function may need, made when it is asked for: a function pays for what it uses."""

    def __init__(
        self,
        aws: Aws,
        *,
        table: str,
        machine_arn: str = "",
        report_bucket: str = "",
        topics: Mapping[Topic, str] | None = None,
        clock: Clock | None = None,
        randomness: Randomness | None = None,
    ) -> None:
        self._aws = aws
        self._table_name = table
        self._machine_arn = machine_arn
        self._report_bucket = report_bucket
        self._topic_arns = topics or {}
        # A simulated cloud brings its own time and chance.
        self.clock: Clock = clock or getattr(aws, "clock", None) or SystemClock()
        self.randomness: Randomness = randomness or getattr(aws, "randomness", None) or SystemRandomness()

    @cached_property
    def table(self) -> Table:
        return Table(self._aws.client("dynamodb"), self._table_name, pause=getattr(self._aws, "pause", time.sleep))

    @cached_property
    def slots(self) -> TableSlots:
        return TableSlots(self.table)

    @cached_property
    def records(self) -> TableBuilds:
        return TableBuilds(self.table)

    @cached_property
    def outbox(self) -> TableOutbox:
        return TableOutbox(self.table)

    @cached_property
    def launcher(self) -> CodeBuildLauncher:
        return CodeBuildLauncher(self._aws.client("codebuild"), quarantine=self.quarantine)

    def quarantine(self, unfit: Misreported) -> None:
        """Set a build aside whose description cannot be true, and count it where operators look."""
        from buildgate.runtime.metrics import emit_quarantined  # noqa: PLC0415 - most functions emit nothing

        if self.records.quarantine(unfit, now=self.clock.now()):
            emit_quarantined(unfit)

    @cached_property
    def executions(self) -> StepFunctionsExecutions:
        return StepFunctionsExecutions(self._aws.client("stepfunctions"), self._machine_arn)

    @cached_property
    def topics(self) -> SnsTopics:
        return SnsTopics(self._aws.client("sns"), self._topic_arns)

    @cached_property
    def slot_delivery(self) -> SlotDelivery:
        return SlotDelivery(self.slots, self.executions)

    @cached_property
    def send(self) -> SendNotice:
        return SendNotice(self.outbox, self.topics, self.clock)

    @cached_property
    def record_build(self) -> RecordBuild:
        return RecordBuild(
            launcher=self.launcher,
            records=self.records,
            slots=self.slots,
            delivery=self.slot_delivery,
            outbox=self.outbox,
            send=self.send,
            prices=price_table(),
            clock=self.clock,
        )
