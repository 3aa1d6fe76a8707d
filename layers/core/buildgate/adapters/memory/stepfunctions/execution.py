"""One execution: a walk through the states of a machine, driven by appointments in virtual time."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from typing import Any

from buildgate.adapters.memory.stepfunctions.choices import holds, moment
from buildgate.adapters.memory.stepfunctions.paths import Failed, find, limited, placed, runtime_failure, template
from buildgate.adapters.memory.stepfunctions.records import Broken, Done, Execution, Flow, Visit, World
from buildgate.adapters.memory.stepfunctions.retries import catcher, next_delay
from buildgate.adapters.memory.stepfunctions.tasks import CALLBACK, Attempt, Scope, invoke, seconds_of

MAX_EVENTS = 25_000
INLINE_CONCURRENCY = 40


class Walk:
    """Walks an execution to its end and then calls `ended`."""

    def __init__(self, execution: Execution, world: World, ended: Callable[[str, Any, str, str], None]) -> None:
        self._execution = execution
        self._world = world
        self._ended = ended

    def begin(self) -> None:
        """Enter the first state."""
        self._log("ExecutionStarted", "")
        self._start(
            self._execution.definition,
            self._execution.input,
            self._execution.scope,
            lambda output: self._ended("SUCCEEDED", output, "", ""),
            lambda failure: self._ended("FAILED", None, failure.error, failure.cause),
        )

    def _start(
        self, machine: dict[str, Any], data: Any, scope: Scope, done: Done, broken: Broken, item: Any = None
    ) -> None:
        self._go(Flow(machine["States"], scope, done, broken, item), machine["StartAt"], data)

    def _go(self, flow: Flow, name: str, data: Any) -> None:
        def enter() -> None:
            visit = Visit(flow, name, flow.states[name], data, self._world.timeline.now())
            if flow.scope.is_open:
                self._log(f"{visit.state['Type']}StateEntered", name)
                self._try(visit)

        self._world.timeline.after(0, enter, f"{self._execution.name} enters {name}")

    def _log(self, kind: str, name: str) -> None:
        self._execution.history.append((self._world.timeline.now(), kind, name))
        if len(self._execution.history) > MAX_EVENTS and self._execution.scope.is_open:
            self._ended("FAILED", None, "States.Runtime", "The execution reached the maximum number of history events")

    def _context(self, visit: Visit, token: str = "") -> dict[str, Any]:
        execution = self._execution
        context: dict[str, Any] = {
            "Execution": {
                "Id": execution.arn,
                "Input": execution.input,
                "Name": execution.name,
                "StartTime": _text(execution.started_at),
            },
            "State": {
                "EnteredTime": _text(visit.entered_at),
                "Name": visit.name,
                "RetryCount": sum(visit.attempts.values()),
            },
            "StateMachine": {"Id": execution.machine_arn, "Name": execution.machine_name},
        }
        if visit.flow.item is not None:
            context["Map"] = {"Item": visit.flow.item}
        if token:
            context["Task"] = {"Token": token}
        return context

    def _try(self, visit: Visit) -> None:
        acts = {
            "Pass": self._pass,
            "Choice": self._choice,
            "Wait": self._wait,
            "Succeed": self._succeed,
            "Fail": self._fail,
            "Task": self._task,
            "Map": self._map,
            "Parallel": self._parallel,
        }
        try:
            acts[visit.state["Type"]](visit)
        except Failed as failure:
            self._failed(visit, failure)

    def _input(self, visit: Visit) -> Any:
        path = visit.state.get("InputPath", "$")
        return {} if path is None else find(path, visit.data, self._context(visit))

    def _leave(self, visit: Visit, result: Any) -> None:
        """Combine the result with the input and go on; what goes wrong here fails the state too."""
        state, context = visit.state, self._context(visit)
        try:
            if "ResultSelector" in state:
                result = template(state["ResultSelector"], result, context)
            data = placed(visit.data, state.get("ResultPath", "$"), result)
            path = state.get("OutputPath", "$")
            data = limited({} if path is None else find(path, data, context))
        except Failed as failure:
            self._failed(visit, failure)
            return
        self._log(f"{state['Type']}StateExited", visit.name)
        if state.get("End"):
            visit.flow.done(data)
        else:
            self._go(visit.flow, state["Next"], data)

    def _failed(self, visit: Visit, failure: Failed) -> None:
        if not visit.flow.scope.is_open:
            return
        state = visit.state
        delay = next_delay(state.get("Retry", []), visit.attempts, failure.error, self._world.dice)
        if delay is not None:
            name = f"{self._execution.name} tries {visit.name} again"
            visit.flow.scope.keep(self._world.timeline.after(delay, lambda: self._try(visit), name))
            return
        caught = catcher(state.get("Catch", []), failure.error)
        if caught is None:
            visit.flow.broken(failure)
            return
        result = {"Error": failure.error, "Cause": failure.cause}
        try:
            data = placed(visit.data, caught.get("ResultPath", "$"), result)
        except Failed as worse:
            visit.flow.broken(worse)
            return
        self._log(f"{state['Type']}StateExited", visit.name)
        self._go(visit.flow, caught["Next"], data)

    def _pass(self, visit: Visit) -> None:
        data = self._input(visit)
        if "Parameters" in visit.state:
            data = template(visit.state["Parameters"], data, self._context(visit))
        self._leave(visit, deepcopy(visit.state.get("Result", data)))

    def _choice(self, visit: Visit) -> None:
        data, context = self._input(visit), self._context(visit)
        chosen = next((rule["Next"] for rule in visit.state["Choices"] if holds(rule, data, context)), None)
        following = chosen or visit.state.get("Default")
        if following is None:
            raise Failed("States.NoChoiceMatched", f"No choice rule of {visit.name} matched, and it has no Default")
        path = visit.state.get("OutputPath", "$")
        self._log("ChoiceStateExited", visit.name)
        self._go(visit.flow, following, find(path, data, context))

    def _wait(self, visit: Visit) -> None:
        state, data, context = visit.state, self._input(visit), self._context(visit)
        if "Timestamp" in state or "TimestampPath" in state:
            text = state["Timestamp"] if "Timestamp" in state else find(state["TimestampPath"], data, context)
            until = moment(text)
            if until is None:
                raise runtime_failure(f"'{text}' is not a timestamp")
            seconds = (until - self._world.timeline.now()).total_seconds()
        else:
            seconds = float(state["Seconds"] if "Seconds" in state else find(state["SecondsPath"], data, context))
        name = f"{self._execution.name} has waited in {visit.name}"
        visit.flow.scope.keep(self._world.timeline.after(seconds, lambda: self._leave(visit, data), name))

    def _succeed(self, visit: Visit) -> None:
        path = visit.state.get("OutputPath", "$")
        data = {} if path is None else find(path, self._input(visit), self._context(visit))
        self._log("SucceedStateExited", visit.name)
        visit.flow.done(data)

    def _fail(self, visit: Visit) -> None:
        state, context = visit.state, self._context(visit)
        texts = [
            find(state[name + "Path"], visit.data, context) if name + "Path" in state else state.get(name, "")
            for name in ("Error", "Cause")
        ]
        visit.flow.broken(Failed(*texts))

    def _task(self, visit: Visit) -> None:
        world, resource = self._world, visit.state["Resource"]
        attempt = Attempt(
            visit.flow.scope,
            world.timeline,
            lambda result: self._task_done(visit, result),
            lambda failure: self._task_failed(visit, failure),
        )
        if resource.endswith(CALLBACK):
            attempt.token = world.open_token(attempt)
        data, context = self._input(visit), self._context(visit, attempt.token)
        parameters = template(visit.state["Parameters"], data, context) if "Parameters" in visit.state else data
        timeout = seconds_of(visit.state, "TimeoutSeconds", data, context)
        attempt.heartbeat_seconds = seconds_of(visit.state, "HeartbeatSeconds", data, context)
        if timeout is not None:
            attempt.limit(timeout, f"{self._execution.name} {visit.name}")
        attempt.beat()
        self._log("TaskScheduled", visit.name)
        self._log("TaskStarted", visit.name)
        invoke(world.lambdas, resource, parameters, attempt, world.breakdown)

    def _task_done(self, visit: Visit, result: Any) -> None:
        self._log("TaskSucceeded", visit.name)
        self._leave(visit, result)

    def _task_failed(self, visit: Visit, failure: Failed) -> None:
        self._log("TaskTimedOut" if failure.error == "States.Timeout" else "TaskFailed", visit.name)
        self._failed(visit, failure)

    def _map(self, visit: Visit) -> None:
        state, data, context = visit.state, self._input(visit), self._context(visit)
        items = find(state.get("ItemsPath", "$"), data, context)
        if not isinstance(items, list):
            raise runtime_failure(f"The ItemsPath of {visit.name} does not lead to a list")
        most = find(state["MaxConcurrencyPath"], data, context) if "MaxConcurrencyPath" in state else None
        most = int(most if most is not None else state.get("MaxConcurrency", 0)) or INLINE_CONCURRENCY
        selector = state.get("ItemSelector", state.get("Parameters"))
        machine = state.get("ItemProcessor") or state["Iterator"]
        work = []
        for index, value in enumerate(items):
            item = {"Index": index, "Value": value}
            chosen = template(selector, data, {**context, "Map": {"Item": item}}) if selector is not None else value
            work.append((machine, chosen, item))
        self._fan_out(visit, work, min(most, INLINE_CONCURRENCY))

    def _parallel(self, visit: Visit) -> None:
        data = self._input(visit)
        if "Parameters" in visit.state:
            data = template(visit.state["Parameters"], data, self._context(visit))
        work = [(branch, deepcopy(data), visit.flow.item) for branch in visit.state["Branches"]]
        self._fan_out(visit, work, len(work))

    def _fan_out(self, visit: Visit, work: list[tuple[Any, Any, Any]], most: int) -> None:
        """Walk all of the work, at most so many at a time; the first failure abandons the rest."""
        scope = visit.flow.scope.inside()
        results: list[Any] = [None] * len(work)
        waiting = list(range(len(work)))
        left = len(work)

        def done(index: int, output: Any) -> None:
            nonlocal left
            results[index] = output
            left -= 1
            if left:
                begin_next()
            else:
                self._leave(visit, results)

        def broken(failure: Failed) -> None:
            scope.abandon()
            self._failed(visit, failure)

        def begin_next() -> None:
            if waiting and scope.is_open:
                index = waiting.pop(0)
                machine, data, item = work[index]
                self._start(machine, data, scope, lambda output: done(index, output), broken, item)

        for _ in range(min(most, len(work))):
            begin_next()
        if not work:
            self._leave(visit, results)


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_json(value: Any) -> str:
    """Return the compact JSON in which the API shows inputs and outputs."""
    return json.dumps(value, separators=(",", ":"))
