"""What a build costs, from a dated price table whose rounding rule is data, too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

MICRO = 1_000_000


class Price(NamedTuple):
    """What one unit of build time costs: ``unit_seconds`` started units are each paid whole."""

    micro_usd_per_unit: float
    unit_seconds: int


class PriceTable(NamedTuple):
    """Prices by environment type and compute type, as of one day.

    An unknown combination has no price: the cost is unknown and shown as such, never guessed.
    """

    as_of: str
    region: str
    prices: Mapping[tuple[str, str], Price]

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> PriceTable:
        """Read ``data/prices.json``: ``{"as_of", "region", "prices": [{environment, compute, usd, unit_seconds}]}``."""
        prices = {
            (row["environment"], row["compute"]): Price(row["usd"] * MICRO, row["unit_seconds"])
            for row in data["prices"]
            if row["usd"] is not None
        }
        return cls(data["as_of"], data["region"], prices)

    def cost_micro_usd(self, environment_type: str, compute_type: str, billed_seconds: float | None) -> int | None:
        """Return the cost in millionths of a dollar, or None where no price is known.

        EC2 compute is paid by the started minute, Lambda compute by the second (AWS CodeBuild pricing).
        """
        price = self.prices.get((environment_type, compute_type))
        if price is None or billed_seconds is None:
            return None
        units = max(1, math.ceil(billed_seconds / price.unit_seconds))
        return round(units * price.micro_usd_per_unit)
