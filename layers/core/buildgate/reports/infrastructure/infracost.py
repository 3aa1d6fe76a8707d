"""Infracost's JSON: `breakdown` and `diff`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from buildgate.reports.json_values import at, number, text
from buildgate.reports.routes import follow

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_CENTS: Final = 0.01


class Infracost:
    """Reader of `infracost ... --format json`."""

    name = "infracost"
    title = "Infracost JSON"
    reads = "cost"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """Projects with a breakdown, and total costs."""
        if head.is_array:
            return None
        if head.has("projects[].breakdown") or head.has("diffTotalMonthlyCost") or head.has("pastTotalMonthlyCost"):
            return 95
        return 90 if head.has("totalMonthlyCost") or head.has("currency", "projects") else None

    def read(self, document: Document) -> None:
        """Add up the projects; the stated totals are compared, and stand where there is no project."""
        costs = _Costs(document)
        follow(
            document,
            {
                "projects[].breakdown": costs.breakdown,
                "projects[].diff": costs.difference,
                "currency": costs.currency,
                "totalMonthlyCost": lambda value: costs.said("cost.monthly_usd", value),
                "diffTotalMonthlyCost": lambda value: costs.said("cost.monthly_usd_delta", value),
                "pastTotalMonthlyCost": lambda value: costs.said("past", value),
            },
        )
        costs.finish()


class _Costs:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.totals: list[float] = []
        self.differences: list[float] = []
        self.header: dict[str, float] = {}
        self.unit = "USD"

    def breakdown(self, value: Any) -> None:
        self.totals.append(number(at(value, "totalMonthlyCost")) or 0.0)

    def difference(self, value: Any) -> None:
        cost = number(at(value, "totalMonthlyCost"))
        if cost is not None:
            self.differences.append(cost)

    def currency(self, value: Any) -> None:
        self.unit = text(value).upper() or "USD"

    def said(self, name: str, value: Any) -> None:
        cost = number(value)
        if cost is not None:
            self.header[name] = cost

    def finish(self) -> None:
        """Costs in another currency are not measured: nothing here knows the rate."""
        contents, header = self.document.contents, self.header
        if self.unit != "USD":
            self.document.warn(f"the costs are in {self.unit}, not in USD; they are not measured")
            return
        total = math.fsum(self.totals) if self.totals else header.get("cost.monthly_usd")
        delta = math.fsum(self.differences) if self.differences else header.get("cost.monthly_usd_delta")
        if delta is None and total is not None and "past" in header:
            delta = total - header["past"]
        contents.measure("cost.monthly_usd", round(total, 6) if total is not None else None)
        contents.measure("cost.monthly_usd_delta", round(delta, 6) if delta is not None else None)
        if delta is None:
            self.document.warn("the report is a breakdown and no comparison: the change is unknown")
        for name in ("cost.monthly_usd", "cost.monthly_usd_delta"):
            contents.compare(name, header.get(name), better=-1, tolerance=_CENTS * max(1, len(self.totals)))
