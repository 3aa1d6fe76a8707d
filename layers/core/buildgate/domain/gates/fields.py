"""Reading untrusted mappings field by field, collecting every problem with its place instead of stopping at one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from buildgate.domain.durations import minutes_of
from buildgate.domain.errors import Rejected
from buildgate.domain.gates.criteria import LARGEST
from buildgate.domain.gates.vocabulary import nearest

Path = tuple[str | int, ...]
T = TypeVar("T", bound=str)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one place of a gate file. Unpacks as `(path, message, fix)`."""

    path: Path
    message: str
    fix: str = ""

    def __iter__(self) -> Iterator[Any]:
        return iter((self.path, self.message, self.fix))

    @property
    def place(self) -> str:
        """The path as people write it: `objectives[0].weight`."""
        text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return text.removeprefix(".") or "the gate"


class GateFileError(Rejected):
    """A gate that cannot be used, with every problem found in it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{first.place}: {first.message}{more}", field=first.place, fix=first.fix or None)
        self.problems = tuple(problems)


@dataclass(slots=True)
class Fields:
    """A mapping being read. Every accessor notes a problem and returns a harmless value instead of raising."""

    data: Mapping[str, Any]
    path: Path
    problems: list[Problem]
    seen: set[str] = field(default_factory=set)
    written: dict[str, str] = field(default_factory=dict)
    origins: tuple[int | None, ...] = ()

    @classmethod
    def of(cls, data: Any, path: Path, problems: list[Problem], what: str) -> Fields:
        """Open `data` as a mapping with text keys; anything else is a problem and reads as empty."""
        if not isinstance(data, Mapping):
            problems.append(Problem(path, f"{what} must be a mapping, not {kind(data)}", "write key: value pairs"))
            return cls({}, path, problems)
        written = {str(key).replace("-", "_"): str(key) for key in data}
        return cls({str(key).replace("-", "_"): value for key, value in data.items()}, path, problems, set(), written)

    def problem(self, key: str, message: str, fix: str = "") -> None:
        """Note a problem with one key."""
        self.problems.append(Problem((*self.path, self.written.get(key, key)), message, fix))

    def at(self, key: str) -> Path:
        """The path of one key, as the file spells it."""
        return (*self.path, self.written.get(key, key))

    def raw(self, key: str, default: Any = None) -> Any:
        """The value as it stands."""
        self.seen.add(key)
        return self.data.get(key, default)

    def has(self, key: str) -> bool:
        """Whether the key is written, with a value other than null."""
        return self.data.get(key) is not None

    def text(self, key: str, default: str = "", *, required: bool = False) -> str:
        """A text; numbers are not taken for one."""
        value = self.raw(key)
        if value is None:
            if required:
                self.problem(key, f"{key} is missing", f"add {key}: ...")
            return default
        if not isinstance(value, str) or (required and not value.strip()):
            self.problem(key, f"{key} must be a text, not {kind(value)}", f'write {key}: "..."')
            return default
        return value

    def number(self, key: str, default: float | None = None) -> float | None:
        """A finite number. Texts like `90%` read as 90."""
        value = self.raw(key)
        if value is None:
            return default
        if isinstance(value, str):
            value = _number_of(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
            self.problem(key, f"{key} must be a number, not {kind(self.data[key])}", f"write {key}: 1")
            return default
        return float(value)

    def integer(self, key: str, default: int, *, at_least: int) -> int:
        """A whole number, at least so much."""
        value = self.raw(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
            self.problem(
                key, f"{key} must be a whole number, at least {at_least}", f"write {key}: {max(default, at_least)}"
            )
            return default
        return value

    def flag(self, key: str, default: bool = False) -> bool:  # noqa: FBT001, FBT002 - reads as dict.get(key, default)
        """True or false."""
        value = self.raw(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.problem(key, f"{key} must be true or false, not {kind(value)}", f"write {key}: true")
            return default
        return value

    def choice(self, key: str, choices: tuple[T, ...], default: T) -> T:
        """One of the words; another is a problem that names the nearest."""
        value = self.raw(key)
        if value is None:
            return default
        for choice in choices:
            if value == choice:
                return choice
        near = nearest(str(value), choices)
        fix = f"did you mean {near}?" if near else f"write one of: {', '.join(choices)}"
        self.problem(key, f"{key} is {value!r}; it must be one of: {', '.join(choices)}", fix)
        return default

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; a single text is a list of one."""
        value = self.raw(key)
        if value is None:
            return ()
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list | tuple) or not all(isinstance(item, str) and item for item in items):
            self.problem(key, f"{key} must be a list of texts", f"write {key}: [...]")
            return ()
        return tuple(items)

    def items(self, key: str, what: str) -> list[tuple[Any, Path]]:
        """The entries of a list with their paths."""
        value = self.raw(key)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            self.problem(key, f"{key} must be a list of {what}, not {kind(value)}", f"write {key}: [ ... ]")
            return []
        return [(item, self._place(key, index)) for index, item in enumerate(value)]

    def _place(self, key: str, index: int) -> Path:
        """Lead to the entry the author wrote: entries of a preset are `preset`, own ones keep their own position."""
        if key != "objectives" or not self.origins:
            return (*self.at(key), index)
        own = self.origins[index]
        return ("preset", index) if own is None else (*self.at(key), own)

    def minutes(self, key: str, default: int) -> int:
        """A duration in minutes: `90` (minutes), `30m`, `24h`, `2d`."""
        value = self.raw(key)
        if value is None:
            return default
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        minutes = value if is_whole else minutes_of(value) if isinstance(value, str) else None
        if not minutes or minutes < 0:
            self.problem(key, f"{key} is {value!r}, which is not a duration", f"write {key}: 24h")
            return default
        return int(minutes)

    def day(self, key: str) -> date | None:
        """A day, `2026-12-31`; YAML's own dates are taken too."""
        value = self.raw(key)
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            self._no_day(key, value)
            return None

    def _no_day(self, key: str, value: Any) -> None:
        said = f"{key} is missing" if value is None else f"{key} is {value!r}, which is not a day"
        self.problem(key, said, f"write {key}: 2026-12-31")

    def finish(self, known: tuple[str, ...]) -> None:
        """Note each key that was not asked for, with the nearest that exists."""
        for key in self.data:
            if key not in known:
                near = nearest(key, known)
                fix = f"did you mean {near}?" if near else f"known keys: {', '.join(sorted(known))}"
                self.problem(key, f"unknown key {self.written.get(key, key)!r}", fix)


def kind(value: Any) -> str:
    """Name a value's type the way a gate file's author would."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    names = {str: "a text", int: "a number", float: "a number", list: "a list", dict: "a mapping"}
    return next((name for cls, name in names.items() if isinstance(value, cls)), type(value).__name__)


def _number_of(text: str) -> float | str:
    try:
        return float(text.strip().removesuffix("%").strip())
    except ValueError:
        return text
