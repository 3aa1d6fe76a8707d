"""One attempt at a Task: the function it invokes, the token it waits for, its time-out and its heartbeat."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from buildgate.adapters.memory.errors import AwsError
from buildgate.adapters.memory.stepfunctions.paths import Failed, find

if TYPE_CHECKING:
    from buildgate.adapters.memory.lambdas import Lambda, Outcome
    from buildgate.adapters.memory.timeline import Appointment, Timeline

CALLBACK = ".waitForTaskToken"
INVOKE = ":states:::lambda:invoke"
Breakdown = Callable[[str], str | None]


@dataclass(slots=True)
class Scope:
    """Something that can be abandoned, with everything inside it: an execution, or the iterations of a Map."""

    parent: Scope | None = None
    is_abandoned: bool = False
    _inner: list[Scope] = field(default_factory=list)
    _timers: list[Appointment] = field(default_factory=list)

    def inside(self) -> Scope:
        """Return a scope that is abandoned with this one."""
        scope = Scope(self)
        self._inner.append(scope)
        return scope

    def keep(self, timer: Appointment) -> Appointment:
        """Cancel an appointment when this is abandoned."""
        self._timers = [one for one in self._timers if one.action is not None]
        self._timers.append(timer)
        return timer

    def abandon(self) -> None:
        """Give up everything inside: nothing there acts or is heard any more."""
        self.is_abandoned = True
        for timer in self._timers:
            timer.cancel()
        for scope in self._inner:
            scope.abandon()

    @property
    def is_open(self) -> bool:
        """Whether neither this nor anything around it was abandoned."""
        return not self.is_abandoned and (self.parent is None or self.parent.is_open)


@dataclass(slots=True)
class Attempt:
    """One attempt. It ends once: by a result, a failure, a time-out, or with the scope it belongs to."""

    scope: Scope
    timeline: Timeline
    succeed: Callable[[Any], None]
    fail: Callable[[Failed], None]
    token: str = ""
    heartbeat_seconds: float | None = None
    is_over: bool = False
    _heartbeat: Appointment | None = None
    _timers: list[Appointment] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether an answer would still be heard."""
        return not self.is_over and self.scope.is_open

    def result(self, value: Any) -> None:
        """End with a result."""
        if self._end():
            self.succeed(value)

    def failure(self, error: str, cause: str) -> None:
        """End with a failure."""
        if self._end():
            self.fail(Failed(error, cause))

    def _end(self) -> bool:
        if not self.is_open:
            return False
        self.is_over = True
        for timer in self._timers:
            timer.cancel()
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        return True

    def limit(self, seconds: float, name: str) -> None:
        """Fail with States.Timeout when this much time has passed."""
        timer = self.timeline.after(seconds, lambda: self.failure("States.Timeout", ""), f"{name} times out")
        self._timers.append(self.scope.keep(timer))

    def beat(self) -> None:
        """Start or restart the wait for the next heartbeat."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        if self.heartbeat_seconds is not None:
            missed = lambda: self.failure("States.HeartbeatTimeout", "")  # noqa: E731 - one line, used once
            self._heartbeat = self.scope.keep(
                self.timeline.after(self.heartbeat_seconds, missed, "a heartbeat is missed")
            )


def seconds_of(state: dict[str, Any], name: str, data: Any, context: Any) -> float | None:
    """Return `TimeoutSeconds` or `HeartbeatSeconds`, or what their Path leads to."""
    if name + "Path" in state:
        found = find(state[name + "Path"], data, context)
        if isinstance(found, bool) or not isinstance(found, int) or found <= 0:
            raise Failed("States.Runtime", f"{name}Path '{state[name + 'Path']}' must lead to a positive integer")
        return float(found)
    return float(state[name]) if name in state else None


def invoke(lambdas: Lambda, resource: str, parameters: Any, attempt: Attempt, breakdown: Breakdown) -> None:
    """Invoke the function of a Task and let its outcome (unless a token is awaited) end the attempt."""
    name, payload = _target(resource, parameters)
    broken = breakdown(name)
    if broken is not None:
        attempt.failure(broken, "The service that the task calls is having a bad day")
        return
    try:
        function = lambdas.function(name)
    except AwsError as error:
        attempt.failure(f"Lambda.{error.code}", error.message)
        return
    if lambdas.is_full(function):
        attempt.failure("Lambda.TooManyRequestsException", "Rate Exceeded.")
        return
    lambdas.run(function, json.dumps(payload), lambda outcome: _answered(resource, attempt, outcome))


def _target(resource: str, parameters: Any) -> tuple[str, Any]:
    if INVOKE in resource:
        return parameters["FunctionName"], parameters.get("Payload", {})
    return resource, parameters


def _answered(resource: str, attempt: Attempt, outcome: Outcome) -> None:
    if outcome.error:
        cause = json.dumps({"errorMessage": outcome.cause, "errorType": outcome.error})
        attempt.failure(outcome.error, cause)
    elif not resource.endswith(CALLBACK):
        wrapped = {"ExecutedVersion": "$LATEST", "Payload": outcome.payload, "StatusCode": 200}
        attempt.result(wrapped if INVOKE in resource else outcome.payload)
