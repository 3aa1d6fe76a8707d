"""How a function of the emulator is replaced: named, checked before use, and refused when it moved.

A seam is a function decorated with `replaces` (a module's function) or `replaces_entry` (a function in one of its
tables). It receives the original and returns what stands in its place. Nothing is replaced before every joint of every
seam has been found as it was written for: an emulator that changed is refused, never half adapted.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

Function = Callable[..., Any]
Maker = Callable[[Function], Function]


class EmulatorChangedError(Exception):
    """The installed emulator is not the one the seams were cut for; `moved` names each joint and what was found."""

    def __init__(self, moved: Iterable[str]) -> None:
        self.moved = tuple(moved)
        super().__init__("; ".join(self.moved))


@dataclass(frozen=True)
class Joint:
    """One function of the emulator, the parameters it must take, and the maker of its replacement."""

    module: str
    name: str
    parameters: tuple[str, ...]
    make: Maker
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.module}.{self.name}" + "".join(f"[{key!r}]" for key in self.keys)

    def problem(self) -> str | None:
        """Return why this joint does not fit, or None."""
        try:
            found = self._holder()[self._last]
        except (ImportError, AttributeError, KeyError, TypeError) as missing:
            return f"{self} is gone ({type(missing).__name__}: {missing})"
        if not callable(found):
            return f"{self} is no longer a function"
        parameters = tuple(inspect.signature(found).parameters)
        if parameters[: len(self.parameters)] != self.parameters:
            return f"{self} takes ({', '.join(parameters)}), not ({', '.join(self.parameters)})"
        return None

    def fit(self) -> None:
        """Put the replacement in place. Call once, after `problem` said None."""
        holder = self._holder()
        holder[self._last] = self.make(holder[self._last])

    @property
    def _last(self) -> str:
        return self.keys[-1] if self.keys else self.name.rsplit(".", 1)[-1]

    def _holder(self) -> Any:
        """Return what holds the function as a mapping: the module's or class's names, or the table's own dict."""
        owner: Any = importlib.import_module(self.module)
        *outer, name = self.name.split(".")
        for part in outer:
            owner = getattr(owner, part)
        if not self.keys:
            getattr(owner, name)
            return _Names(owner)
        table = getattr(owner, name)
        for key in self.keys[:-1]:
            table = table[key]
        return table


class _Names:
    """A module's or class's attributes, read and written like a table's entries."""

    def __init__(self, owner: ModuleType | type) -> None:
        self._owner = owner

    def __getitem__(self, name: str) -> Any:
        return getattr(self._owner, name)

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self._owner, name, value)


@dataclass
class Seam:
    """The joints of one topic, and the names of the emulator it reads without replacing them."""

    topic: str
    joints: list[Joint] = field(default_factory=list)
    reads: list[tuple[str, str]] = field(default_factory=list)
    checks: list[Callable[[], str | None]] = field(default_factory=list)

    def replaces(self, module: str, name: str, *parameters: str) -> Callable[[Maker], Maker]:
        """Register the decorated maker as the replacement of `module.name`, which takes `parameters`."""

        def register(make: Maker) -> Maker:
            self.joints.append(Joint(module, name, parameters, make))
            return make

        return register

    def replaces_entry(
        self, module: str, name: str, keys: tuple[str, ...], *parameters: str
    ) -> Callable[[Maker], Maker]:
        """Register the decorated maker for a function held in the table `module.name` under `keys`."""

        def register(make: Maker) -> Maker:
            self.joints.append(Joint(module, name, parameters, make, keys))
            return make

        return register

    def needs(self, module: str, *names: str) -> None:
        """Declare names of `module` that the seam reads."""
        self.reads.extend((module, name) for name in names)

    def problems(self) -> list[str]:
        """Return one line for each thing that is not as the seam was written for."""
        found = [problem for joint in self.joints if (problem := joint.problem())]
        found += [f"{module}.{name} is gone" for module, name in self.reads if not _has(module, name)]
        return found or [problem for check in self.checks if (problem := check())]


def _has(module: str, name: str) -> bool:
    try:
        owner: Any = importlib.import_module(module)
        for part in name.split("."):
            owner = getattr(owner, part)
    except (ImportError, AttributeError):
        return False
    return True


def fit_all(seams: Iterable[Seam]) -> None:
    """Check every joint of every seam, then put all replacements in place.

    Raises EmulatorChangedError, before anything is replaced, naming each joint that moved.
    """
    chosen = list(seams)
    moved = [f"{seam.topic}: {problem}" for seam in chosen for problem in seam.problems()]
    if moved:
        raise EmulatorChangedError(moved)
    for seam in chosen:
        for joint in seam.joints:
            joint.fit()
