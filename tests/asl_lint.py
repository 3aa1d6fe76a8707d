"""Rules for our state machines: the machine moves, Lambda judges; every wait ends; every failure is cleaned up.

`problems(machine)` returns sentences; an empty list is a clean machine. Rules that depend on meaning are tested elsewhere, by
running the machine down every edge.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MAX_STATES = 20
TERMINAL = {"Succeed", "Fail"}
KNOWN = {"Task", "Map", "Parallel", "Choice", "Wait", "Pass", *TERMINAL}
# What a callback task may retry: the call itself failed. Anything else would replace a token that somebody may hold.
CALLBACK_RETRIES = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "Unavailable",
    "Conflict",
    "Busy",
}
# Words of JSONata and of variables, which only one of the two engines that run our machines knows.
FORBIDDEN = {"Assign", "Arguments", "Output", "QueryLanguage"}


@dataclass
class Scope:
    """A set of states with one start: the machine itself, or what runs inside a Map or Parallel."""

    name: str
    start: str
    states: dict[str, dict[str, Any]]
    depth: int = 0
    cleanups: set[str] = field(default_factory=set)


def problems(machine: dict[str, Any]) -> list[str]:
    found = list(_machine_problems(machine))
    for scope in scopes(machine):
        found += _reach_problems(scope)
        for name, state in scope.states.items():
            found += [f"{scope.name}.{name}: {text}" for text in _state_problems(scope, name, state)]
        if len(scope.cleanups) > 1:
            found.append(f"{scope.name}: failures end in {sorted(scope.cleanups)}; one clean-up state is the rule")
    return found


def scopes(machine: dict[str, Any], name: str = "machine", depth: int = 0) -> Iterator[Scope]:
    """Yield the machine's own scope, then every nested one."""
    yield Scope(name, machine["StartAt"], machine["States"], depth)
    for key, state in machine["States"].items():
        if "ItemProcessor" in state:
            yield from scopes(state["ItemProcessor"], f"{name}.{key}", depth + 1)
        for number, branch in enumerate(state.get("Branches", ())):
            yield from scopes(branch, f"{name}.{key}[{number}]", depth + 1)


def tasks(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every Task with its name, nested ones included."""
    for scope in scopes(machine):
        yield from ((name, state) for name, state in scope.states.items() if state["Type"] == "Task")


def is_callback(state: dict[str, Any]) -> bool:
    return str(state.get("Resource", "")).endswith(".waitForTaskToken")


def _machine_problems(machine: dict[str, Any]) -> Iterator[str]:
    if "TimeoutSeconds" in machine:
        yield "machine: a timeout here ends a run in the middle of an approval; the run's deadline is in the table"
    count = sum(len(scope.states) for scope in scopes(machine))
    if count > MAX_STATES:
        yield f"machine: {count} states, {MAX_STATES} at most"
    if not machine.get("Comment"):
        yield "machine: no Comment says what it is for"


def _reach_problems(scope: Scope) -> list[str]:
    reached, waiting = set(), [scope.start]
    found = []
    while waiting:
        name = waiting.pop()
        if name not in scope.states:
            found.append(f"{scope.name}: {name} is named and does not exist")
        elif name not in reached:
            reached.add(name)
            waiting += _targets(scope.states[name])
    return found + [f"{scope.name}.{name}: nothing leads here" for name in sorted(set(scope.states) - reached)]


def _targets(state: dict[str, Any]) -> list[str]:
    named = [state.get("Next"), state.get("Default")]
    named += [choice.get("Next") for choice in state.get("Choices", ())]
    named += [catcher.get("Next") for catcher in state.get("Catch", ())]
    return [name for name in named if name]


def _state_problems(scope: Scope, name: str, state: dict[str, Any]) -> Iterator[str]:
    kind = state.get("Type")
    if kind not in KNOWN:
        yield f"{kind} is no state type"
        return
    if words := sorted(FORBIDDEN & set(state)):
        yield f"{', '.join(words)} is not JSONPath"
    ends = [key for key in ("Next", "End") if key in state]
    if kind in {"Task", "Map", "Parallel", "Wait", "Pass"} and len(ends) != 1:
        yield "needs exactly one of Next and End"
    if kind == "Choice" and "Default" not in state:
        yield "a choice without Default fails on what nobody thought of"
    if kind == "Task":
        yield from _task_problems(scope, name, state)
    if kind in {"Task", "Map", "Parallel"}:
        yield from _catch_problems(scope, name, state)


def _task_problems(scope: Scope, name: str, state: dict[str, Any]) -> Iterator[str]:
    if not {"TimeoutSeconds", "TimeoutSecondsPath"} & set(state):
        yield "no timeout"
    if "ResultPath" not in state:
        yield "its result replaces the run's id: ResultPath is null or a place of its own"
    if not state.get("Retry"):
        yield "no Retry"
    for retrier in state.get("Retry", ()):
        if retrier.get("JitterStrategy") != "FULL":
            yield f"Retry of {retrier['ErrorEquals']} has no jitter"
        if not 1 <= retrier.get("MaxAttempts", 3) <= 100:
            yield f"Retry of {retrier['ErrorEquals']} has no bound"
        if is_callback(state) and (wrong := sorted(set(retrier["ErrorEquals"]) - CALLBACK_RETRIES)):
            yield f"a callback task must not retry {', '.join(wrong)}: a retry replaces the token that somebody holds"
    if is_callback(state) and "Task.Token" not in str(state.get("Parameters")):
        yield "waits for a token that it never hands out"


def _catch_problems(scope: Scope, name: str, state: dict[str, Any]) -> Iterator[str]:
    """A failure goes to the scope's clean-up state: the one state that has no Catch of its own."""
    catchers = state.get("Catch", ())
    if not catchers:
        scope.cleanups.add(name)
        if "Retry" not in state:
            yield "no Catch, and no Retry either"
        return
    if catchers[-1]["ErrorEquals"] != ["States.ALL"]:
        yield "its last Catch is not States.ALL"
    scope.cleanups.add(catchers[-1]["Next"])
    for catcher in catchers:
        path = catcher.get("ResultPath", "$")
        if path is not None and catcher["Next"] not in scope.cleanups:
            yield f"the error caught in {path} travels on to {catcher['Next']} and is mistaken for a failure later"
        if path == "$":
            yield "a caught error replaces the run's id"
