"""Every choice of a bad day in one place, so that the same choices make the same day, and fewer make a shorter story."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Fate:
    """Chooses what happens at each place where a day may go wrong.

    Without a script choices are drawn with the seed, and those that differ from a good day's are kept in `taken`, by
    place and how often the place was passed before. With a script nothing is drawn: what the script does not name goes
    well. Playing `taken` again is therefore the same day, and playing a part of it is a day with fewer mishaps.
    `passed` counts how often each place was passed.
    """

    def __init__(self, seed: int, script: Mapping[str, Any] | None = None) -> None:
        self.taken: dict[str, Any] = {}
        self._dice = random.Random(f"fate/{seed}")  # noqa: S311 - a simulation wants chance that repeats
        self._script = script
        self.passed: dict[str, int] = {}

    def strike(self, place: str, ratio: float, draw: Callable[[float], T | None]) -> T | None:
        """Return what happens where most often nothing does: below a ratio, what `draw` makes of the number drawn."""
        if self._script is not None:
            return self.choose(place, lambda _: None)
        passed = self.passed[place] = self.passed.get(place, 0) + 1
        number = self._dice.random()
        if number >= ratio:
            return None
        value = draw(number)
        if value is not None:
            self.taken[f"{place} #{passed}"] = value
        return value

    def choose(self, place: str, draw: Callable[[random.Random], T | None]) -> T | None:
        """Return what happens here; None is what happens on a good day."""
        passed = self.passed[place] = self.passed.get(place, 0) + 1
        if self._script is None:
            value = draw(self._dice)
            if value is not None:
                self.taken[f"{place} #{passed}"] = value
            return value
        key = f"{place} #{passed}"
        value = cast("T | None", self._script.get(key))
        if value is not None:
            self.taken[key] = value
        return value
