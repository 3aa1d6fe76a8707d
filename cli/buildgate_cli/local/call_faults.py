"""Calls of AWS that go wrong on purpose, by the rules in the home's file `call-faults.json`. For tests.

Only a cloud that was started with `BUILDGATE_TEST_CALLS=1` looks for the file. It is a list of rules
`{"call", "action", "times", "after"}`, of which each call meets the first that fits and has turns left; the first `after`
calls that fit are spared:

- `call` is a pattern of `X-Amz-Target`, such as `DynamoDB_*.TransactWriteItems`; `caller`, one of the caller's ARN, may
  be left out.
- `lose` does the work and breaks the connection in the middle of the answer; `fail`, `throttle` and `refuse` do nothing
  and answer as AWS does when it is down, asked too often, or may not be asked, which nobody tries again; `amend` (CodeBuild and CodeCommit) puts the rule's `with`
  into the answer: members are merged, into every element of a list, and lists are added to.

Turns are counted from the moment that the file is written. Each call that met a rule is a line of `call-faults.ndjson`.
"""

from __future__ import annotations

import json
import os
import threading
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .jsonservice import AnswerLostError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .jsonservice import Boundary, Caller

RULES_FILE: Final = "call-faults.json"
MET_FILE: Final = "call-faults.ndjson"
SWITCH: Final = "BUILDGATE_TEST_CALLS"
FOLDER_VARIABLE: Final = "BUILDGATE_CALL_FAULTS"
REFUSALS: Final = {
    "fail": ("InternalServerError", "This call fails on purpose.", 500),
    "refuse": ("AccessDeniedException", "This call is refused on purpose.", 400),
    "throttle": ("ThrottlingException", "Throughput exceeds the current capacity, on purpose.", 400),
}
"""What a rule's action answers instead of doing anything: code, message and HTTP status."""


def boundary(home: Path) -> Boundary:
    """Return what lets calls of our own services go wrong by the rules; nothing does without the switch."""
    if os.environ.get(SWITCH) != "1":
        return lambda _call, _caller, answer: answer()
    faults = CallFaults(home)

    def between(call: str, caller: Caller, answer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        rule = faults.take(call, caller.arn) or {"action": ""}
        if rule["action"] in REFUSALS:
            raise ServiceError(*REFUSALS[rule["action"]])
        given = answer()
        if rule["action"] == "lose":
            raise AnswerLostError
        return dict(amended(given, rule["with"])) if rule["action"] == "amend" else given

    return between


def variables(home: Path) -> dict[str, str]:
    """Return what the emulator's environment needs to know of the file; nothing without the switch."""
    return {FOLDER_VARIABLE: str(home)} if os.environ.get(SWITCH) == "1" else {}


class CallFaults:
    """The rules of one home, and how often this process has used each."""

    def __init__(self, home: Path) -> None:
        self._path, self._met = home / RULES_FILE, home / MET_FILE
        self._lock = threading.Lock()
        self._written = 0
        self._rules: list[dict[str, Any]] = []

    def take(self, call: str, caller: str) -> dict[str, Any] | None:
        """Return the rule that a call meets, and count one turn of it."""
        with self._lock:
            self._read()
            for rule in self._rules:
                if (
                    rule["times"] > 0
                    and fnmatchcase(call, rule["call"])
                    and fnmatchcase(caller, rule.get("caller", "*"))
                ):
                    if rule.get("after", 0) > 0:
                        rule["after"] -= 1
                        continue
                    rule["times"] -= 1
                    with self._met.open("a", encoding="utf-8") as met:
                        met.write(json.dumps({"call": call, "caller": caller, "action": rule["action"]}) + "\n")
                    return rule
        return None

    def _read(self) -> None:
        try:
            written = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            self._rules, self._written = [], 0
            return
        if written != self._written:
            self._rules, self._written = json.loads(self._path.read_text(encoding="utf-8")), written


def amended(answer: Any, change: Any) -> Any:
    """Return an answer with a change merged into it."""
    if isinstance(answer, list):
        return answer + change if isinstance(change, list) else [amended(one, change) for one in answer]
    if isinstance(answer, dict) and isinstance(change, dict):
        return {**answer, **{name: amended(answer.get(name), value) for name, value in change.items()}}
    return change
