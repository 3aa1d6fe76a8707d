"""Which things were listed more than once, at eight bytes a thing.

A Python set of a million names takes a hundred megabytes; here each is a 64-bit hash in one of a few sorted arrays.
The hash is Python's own, keyed at random per process: nobody can prepare names that collide. Two different names
among a million are taken for one with a probability below one in a million.
"""

from __future__ import annotations

from array import array
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKETS: Final = 256
STATE_BITS: Final = 3
STATE_MASK: Final = (1 << STATE_BITS) - 1


class Identities:
    """Hashes with a small state (0 to 7) each. Use `buckets` directly where every nanosecond counts."""

    def __init__(self) -> None:
        self.buckets: tuple[array[int], ...] = tuple(array("q") for _ in range(BUCKETS))

    def add(self, identity: int, state: int) -> None:
        """Note one listing of the thing with this hash."""
        self.buckets[identity >> STATE_BITS & (BUCKETS - 1)].append(identity & ~STATE_MASK | state)

    def repeated(self) -> Iterator[list[int]]:
        """Yield, for each thing listed more than once, the states it was listed with, in the order of the file."""
        for bucket in self.buckets:
            if len({entry >> STATE_BITS for entry in bucket}) != len(bucket):
                yield from _runs(sorted(bucket, key=_identity))


def _identity(entry: int) -> int:
    return entry >> STATE_BITS


def _runs(entries: list[int]) -> Iterator[list[int]]:
    run = [entries[0] & STATE_MASK]
    for before, entry in pairwise(entries):
        if _identity(entry) == _identity(before):
            run.append(entry & STATE_MASK)
            continue
        if len(run) > 1:
            yield run
        run = [entry & STATE_MASK]
    if len(run) > 1:
        yield run
