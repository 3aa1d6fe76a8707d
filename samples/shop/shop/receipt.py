"""Receipts as text."""

from shop.prices import Line, total


def euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d} EUR"


def receipt(lines: list[Line]) -> str:
    """Return the receipt of a cart, one line per position and the total last."""
    if not lines:
        return "The cart is empty."
    width = max(len(line.name) for line in lines)
    rows = [f"{line.pieces:3d} x {line.name:<{width}}  {euros(line.gross()):>14}" for line in lines]
    return "\n".join([*rows, f"{'Total':<{width + 6}}  {euros(total(lines)):>14}"])
