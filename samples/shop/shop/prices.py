"""Prices in whole cents, so that no sum is ever off by a rounding error."""

from dataclasses import dataclass

VAT_PERCENT = {"book": 7, "standard": 19}


@dataclass(frozen=True)
class Line:
    """So many pieces of one thing. ``cents`` is the price of one piece, without VAT."""

    name: str
    cents: int
    pieces: int = 1
    kind: str = "standard"

    def net(self) -> int:
        return self.cents * self.pieces

    def gross(self) -> int:
        """Return the price with VAT, half a cent rounded up."""
        if self.kind not in VAT_PERCENT:
            raise ValueError(f"unknown kind {self.kind!r}: one of {', '.join(sorted(VAT_PERCENT))}")
        return (self.net() * (100 + VAT_PERCENT[self.kind]) + 50) // 100


def discount_percent(net_cents: int) -> int:
    """Return the volume discount: 5 % from 100 euros on, 10 % from 500."""
    if net_cents >= 500_00:
        return 10
    return 5 if net_cents >= 100_00 else 0


def total(lines: list[Line]) -> int:
    """Return what a cart costs in cents, VAT and discount applied."""
    gross = sum(line.gross() for line in lines)
    net = sum(line.net() for line in lines)
    return gross - gross * discount_percent(net) // 100
