"""Answers to waiting tasks for hypothesis to make up, and what a machine tells of them.

Every machine asks twice, `First` and then `Second`, each time by a token that somebody has to answer. Tokens are told by
the order in which they were given out. Several executions go on side by side, so that a limit is waited for only once.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from hypothesis import strategies as st

from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.memory.lambdas import Function
from contract.service_histories import code_or

EXECUTIONS = 6
LIMIT_SECONDS = 2
LATER: Mapping[str, Any] = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.caught", "Next": "Second"}
FIRST: Mapping[str, Mapping[str, Any]] = {
    "waits": {},
    "waits with limits": {"TimeoutSeconds": 600, "HeartbeatSeconds": 300, "Catch": [LATER]},
    "catches one": {"Catch": [{**LATER, "ErrorEquals": ["Rejected"]}]},
    "tries again": {
        "Retry": [{"ErrorEquals": ["Unavailable"], "IntervalSeconds": 1, "MaxAttempts": 1, "MaxDelaySeconds": 1}]
    },
    "times out": {"TimeoutSeconds": LIMIT_SECONDS},
    "times out and goes on": {"TimeoutSeconds": LIMIT_SECONDS, "Catch": [{**LATER, "ErrorEquals": ["States.Timeout"]}]},
    "is silent": {"HeartbeatSeconds": LIMIT_SECONDS, "Catch": [LATER]},
}
"""How a machine's first task waits."""
EXPIRING = frozenset({"times out", "times out and goes on", "is silent"})
"""Those whose first token is late before anybody answers."""
NOBODYS = "nobody was given this"

Step = tuple[str, int | None, str]
"""What is done: with the token of which order, or nobody's; and with which output or error."""

STOP: Step = ("stop", None, "")
_ORDER = st.integers(0, 2)
_OUTPUTS = st.sampled_from(['"fine"', '{"a": [1, null]}'])
_ANSWERS: tuple[st.SearchStrategy[Step], ...] = (
    st.tuples(st.just("succeed"), _ORDER, _OUTPUTS),
    st.tuples(st.just("fail"), _ORDER, st.sampled_from(["Rejected", "Other"])),
    st.tuples(st.sampled_from(["succeed", "fail", "beat"]), st.none(), st.just('"nobody"')),
)
_MORE: tuple[st.SearchStrategy[Step], ...] = (
    st.tuples(st.just("beat"), _ORDER, st.just("")),
    st.tuples(st.just("succeed"), _ORDER, st.sampled_from(["{", ""])),
    st.tuples(st.just("fail"), _ORDER, st.just("Unavailable")),
    st.just(STOP),
)


class History(NamedTuple):
    """How the first task waits, and who answers what."""

    first: str
    steps: Sequence[Step]


def _histories(*steps: st.SearchStrategy[Step]) -> st.SearchStrategy[list[History]]:
    one = st.builds(History, st.sampled_from(sorted(FIRST)), st.lists(st.one_of(*steps), min_size=1, max_size=6))
    return st.lists(one, min_size=EXECUTIONS, max_size=EXECUTIONS)


HISTORIES = _histories(*_ANSWERS, *_MORE)
PLAIN_HISTORIES = _histories(*_ANSWERS)
"""Those that moto can tell of: its gaps are left out."""


class Desk(Protocol):
    """A cloud whose function notes each token under the key that it was given with it."""

    states: Any
    function: str
    role: str

    def tokens(self, key: str) -> Sequence[str]:
        """Return the tokens that were noted under a key, oldest first."""

    def wait(self, is_done: Callable[[], bool]) -> None:
        """Let time pass until it is so."""


def machine_of(first: str, function: str) -> str:
    """Return the machine whose first task waits so."""
    payload = {"do": "park", "key.$": "$$.Execution.Name", "token.$": "$$.Task.Token"}
    ask = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": function, "Payload": payload},
        "ResultPath": "$.answer",
    }
    states = {"First": {**ask, **FIRST[first], "Next": "Second"}, "Second": {**ask, "End": True}}
    return json.dumps({"StartAt": "First", "States": states})


class Told:
    """One execution: what its answers were answered, and what became of it."""

    def __init__(self, desk: Desk, name: str, history: History) -> None:
        self._desk, self._key, self._history = desk, name, history
        definition = machine_of(history.first, desk.function)
        made = desk.states.create_state_machine(name=name, definition=definition, roleArn=desk.role)
        started = desk.states.start_execution(stateMachineArn=made["stateMachineArn"], name=name, input="{}")
        self._arn = started["executionArn"]

    def told(self) -> list[Any]:
        self._moved_past(1 if self._history.first in EXPIRING else 0)
        return [self._stood(), *(self._step(*step) for step in self._history.steps), self._end()]

    def _moved_past(self, tokens: int) -> None:
        """Wait until another token was given out, or there will be none any more."""
        self._desk.wait(lambda: len(self._desk.tokens(self._key)) > tokens or self._status() != "RUNNING")

    def _status(self) -> str:
        return str(self._desk.states.describe_execution(executionArn=self._arn)["status"])

    def _stood(self) -> tuple[int, str]:
        return len(self._desk.tokens(self._key)), self._status()

    def _step(self, kind: str, order: int | None, value: str) -> Any:
        states, tokens = self._desk.states, self._desk.tokens(self._key)
        if kind == "stop" and self._status() != "RUNNING":
            return None
        if kind == "stop":
            states.stop_execution(executionArn=self._arn, error="Stopped", cause="by hand")
            return self._stood()
        if order is not None and order >= len(tokens):
            return None
        token = NOBODYS if order is None else tokens[order]
        if kind == "beat":
            return self._refusal(code_or(states.send_task_heartbeat, taskToken=token))
        if kind == "succeed":
            refusal = self._refusal(code_or(states.send_task_success, taskToken=token, output=value))
        else:
            refusal = self._refusal(code_or(states.send_task_failure, taskToken=token, error=value, cause="because"))
        if refusal:
            return refusal
        self._moved_past(len(tokens))
        return self._stood()

    @staticmethod
    def _refusal(answer: Any) -> str:
        return answer if isinstance(answer, str) else ""

    def _end(self) -> Any:
        found = self._desk.states.describe_execution(executionArn=self._arn)
        if found["status"] == "RUNNING":
            self._desk.states.stop_execution(executionArn=self._arn)
        output = json.loads(found["output"]) if found["status"] == "SUCCEEDED" else None
        return found["status"], output, found.get("error")


def tokens_told(desk: Desk, prefix: str, histories: Sequence[History]) -> list[Any]:
    """Return what each history tells, in their order."""
    begun = [Told(desk, f"{prefix}-{number}", history) for number, history in enumerate(histories)]
    return [one.told() for one in begun]


class MemoryDesk:
    """The in-memory AWS, whose time passes as soon as somebody waits."""

    function, role = "park", "arn:aws:iam::000000000000:role/machine"

    def __init__(self) -> None:
        self._aws, self._tokens = MemoryAws(), defaultdict[str, list[str]](list)
        self.states = self._aws.client("stepfunctions")
        note = lambda event, _: self._tokens[event["key"]].append(event["token"])  # noqa: E731 - used once
        self._aws.lambdas.deploy(Function("park", lambda: note))

    def tokens(self, key: str) -> Sequence[str]:
        return self._tokens[key]

    def wait(self, is_done: Callable[[], bool]) -> None:
        while not is_done():
            assert self._aws.timeline.step() is not None, "nothing is left to happen"
