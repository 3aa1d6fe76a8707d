"""What an execution is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from buildgate.adapters.memory.stepfunctions.paths import Failed
from buildgate.adapters.memory.stepfunctions.tasks import Attempt, Scope

if TYPE_CHECKING:
    import random

    from buildgate.adapters.memory.lambdas import Lambda
    from buildgate.adapters.memory.timeline import Timeline

Done = Callable[[Any], None]
Broken = Callable[[Failed], None]


@dataclass(slots=True)
class World:
    """What an execution acts on. `breakdown` may name the error of a service that a task cannot reach."""

    timeline: Timeline
    lambdas: Lambda
    dice: random.Random
    open_token: Callable[[Attempt], str]
    breakdown: Callable[[str], str | None]


@dataclass(slots=True)
class Execution:
    """An execution and what became of it."""

    arn: str
    name: str
    machine_arn: str
    machine_name: str
    definition: dict[str, Any]
    input: Any
    started_at: datetime
    status: str = "RUNNING"
    stopped_at: datetime | None = None
    output: Any = None
    error: str = ""
    cause: str = ""
    scope: Scope = field(default_factory=Scope)
    history: list[tuple[datetime, str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Flow:
    """States being walked: the machine's own, or those of one iteration or branch."""

    states: dict[str, Any]
    scope: Scope
    done: Done
    broken: Broken
    item: dict[str, Any] | None


@dataclass(slots=True)
class Visit:
    """One stay in a state, over all its attempts."""

    flow: Flow
    name: str
    state: dict[str, Any]
    data: Any
    entered_at: datetime
    attempts: dict[int, int] = field(default_factory=dict)
