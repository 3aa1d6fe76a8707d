"""Every guard that keeps a promise, and how a test switches it off: each switch is one small change of one world.

A switch changes what a world is made of (a call on its way out, a rule, a definition, a function) or, where a guard is
a plain function, replaces that function for the length of a test. Nothing else in the tests replaces our own code.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from buildgate.adapters.memory.client import Call, Proceed
from buildgate_cli.simulate.world import World

Switch = Callable[[World, pytest.MonkeyPatch], object]


@dataclass(frozen=True, slots=True)
class Guard:
    """A guard: where it is, what it prevents, how it is switched off, and the test that fails without it."""

    name: str
    place: str
    prevents: str
    switch: Switch
    kinds: str = "all"
    test: str = "test_guards.py::test_bad_days_break_a_promise_without"


def on_calls(world: World, change: Callable[[Call], object]) -> None:
    """Let every call of a function be changed on its way out of the process."""
    boundary = world.aws.boundary

    def changed(call: Call, proceed: Proceed) -> dict[str, Any]:
        change(call)
        return boundary(call, proceed)

    world.aws.boundary = changed


def writes_of(call: Call) -> list[dict[str, Any]]:
    """Return the writes of a call to the table, one or those of a transaction; they may be changed."""
    if call.service != "dynamodb":
        return []
    return [next(iter(one.values())) for one in call.parameters.get("TransactItems", [])] or [call.parameters]


def without_condition(*needles: str) -> Switch:
    """Return a switch that takes the condition off every write in which all these texts occur."""

    def switch(world: World, _: pytest.MonkeyPatch) -> None:
        def change(call: Call) -> None:
            for write in writes_of(call):
                if "ConditionExpression" in write and all(needle in str(write) for needle in needles):
                    _drop_condition(write)

        on_calls(world, change)

    return switch


def _drop_condition(write: dict[str, Any]) -> None:
    """Drop a condition with the names and values that only it used, as DynamoDB demands."""
    del write["ConditionExpression"]
    used = f"{write.get('UpdateExpression', '')} {write.get('KeyConditionExpression', '')}"
    for member in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        left = {name: value for name, value in write.get(member, {}).items() if re.search(rf"{name}\b", used)}
        write.pop(member, None)
        if left:
            write[member] = left


def head_condition(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write heads and days whatever they were before."""
    without_condition("'BUILD#", "'HEAD'")(world, monkeypatch)


def park_before_start(world: World, _: pytest.MonkeyPatch) -> None:
    """Lose the task's token when a slot is parked, as if the build were started before its token is stored."""

    def change(call: Call) -> None:
        if call.operation == "update_item" and "parked_at" in str(call.parameters):
            values, names = call.parameters["ExpressionAttributeValues"], call.parameters["ExpressionAttributeNames"]
            short = next(key for key, name in names.items() if name == "token")
            used = re.search(rf"{short}\s*=\s*(:\w+)", call.parameters["UpdateExpression"])
            values[used[1]] = {"S": "lost"}

    on_calls(world, change)


def nonce(world: World, _: pytest.MonkeyPatch) -> None:
    """Bind whatever build claims a slot."""

    def change(call: Call) -> None:
        text = str(call.parameters)
        if call.operation == "update_item" and "bound_at" in text and "ConditionExpression" in call.parameters:
            _drop_condition(call.parameters)

    on_calls(world, change)


def form_token(_: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a decision that did not come from the page's form."""
    monkeypatch.setattr("buildgate.web.approval_page.compare_digest", lambda *_: True)


def capability(_: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let any link in that names an approval."""
    monkeypatch.setattr("buildgate.web.approval_page.find_capability", lambda approval, _: approval.capabilities[0])


def decision_condition(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Store a decision whatever was decided before."""
    without_condition("decisions")(world, monkeypatch)
    monkeypatch.setattr("buildgate.domain.approvals._refusal", lambda *_: None)


def heeded(world: World, _: pytest.MonkeyPatch | None) -> None:
    """Store a decision whatever has become of its run meanwhile."""

    def change(call: Call) -> None:
        items = call.parameters.get("TransactItems", [])
        items[:] = [one for one in items if "ConditionCheck" not in one]

    on_calls(world, change)


def reconciler(world: World, _: pytest.MonkeyPatch) -> None:
    """Let the schedule beat in vain."""
    world.function("reconcile").build = lambda: lambda _event, _context: {}


def status_rule(world: World, _: pytest.MonkeyPatch) -> None:
    """Tell nobody that an execution failed, timed out or was aborted."""
    world.aws.events.rules[:] = [rule for rule in world.aws.events.rules if "CloseRun" not in rule.name]


def catch(world: World, _: pytest.MonkeyPatch) -> None:
    """Take the Catch off the task that starts a build and waits for it."""
    for machine in world.aws.stepfunctions.machines.values():
        machine.definition = copy.deepcopy(machine.definition)
        states = machine.definition["States"]["Builds"]["ItemProcessor"]["States"]
        del states["Build"]["Catch"]


def redaction(_: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mask nothing."""
    monkeypatch.setattr("buildgate.domain.redaction._SHAPES", ())
    monkeypatch.setattr("buildgate.domain.redaction._ASSIGNMENT", re.compile(r"(?!)"))


def input_transformer(world: World, _: pytest.MonkeyPatch) -> None:
    """Hand build events over whole, with every variable's value."""
    rules = world.aws.events.rules
    rules[:] = [replace(rule, targets=tuple(replace(t, input_template="") for t in rule.targets)) for rule in rules]


def failure_queue(world: World, _: pytest.MonkeyPatch) -> None:
    """Keep no event that a function gave up on."""
    for function in world.aws.lambdas.functions.values():
        function.on_failure = None


def cursor(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open runs of a push whatever is known of its event and its branch."""
    without_condition("'EVENT#")(world, monkeypatch)
    without_condition("'REF#")(world, monkeypatch)
    monkeypatch.setattr("buildgate.adapters.table.pushes.TablePushes.event", lambda *_: None)
    monkeypatch.setattr("buildgate.adapters.table.pushes.TablePushes.cursor", lambda *_: None)


def idempotency_token(world: World, _: pytest.MonkeyPatch) -> None:
    """Start builds without the token that makes a repeated start the same build."""

    def change(call: Call) -> None:
        if call.operation == "start_build":
            call.parameters.pop("idempotencyToken", None)

    on_calls(world, change)


def owed_first(_: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Note what a build's end owes only after its head says that it ended."""
    from buildgate.usecases.record_build import RecordBuild

    first, owe = RecordBuild._record, RecordBuild._owe

    def recorded(self: Any, build: Any, slot: Any) -> Any:
        result = first(self, build, slot)
        if build.status.is_finished:
            owe(self, build, slot)
        return result

    monkeypatch.setattr(RecordBuild, "_owe", lambda *_: None)
    monkeypatch.setattr(RecordBuild, "_record", recorded)


def gate_verdict(world: World, _: pytest.MonkeyPatch) -> None:
    """Store every verdict as one that does not block."""

    def change(call: Call) -> None:
        for write in writes_of(call):
            verdict = write.get("Item", {}).get("verdict", {})
            if "M" in verdict:
                verdict["M"]["is_blocking"] = {"BOOL": False}

    on_calls(world, change)


GUARDS = (
    Guard(
        "the condition on the build head",
        "`adapters/table/builds.py`",
        "a build counted twice",
        head_condition,
        kinds="duplicate,overtake,delay",
    ),
    Guard(
        "park before start",
        "`usecases/start_build.py`",
        "a run that waits for a build that has ended",
        park_before_start,
        kinds="none",
    ),
    Guard(
        "the nonce",
        "`adapters/table/slots.py`",
        "a stranger's build taken for a run's own",
        nonce,
        kinds="strangers,lag,delay",
    ),
    Guard(
        "the idempotency token",
        "`usecases/start_build.py`",
        "two builds in one place of a run",
        idempotency_token,
        kinds="all",
    ),
    Guard(
        "the form token", "`web/approval_page.py`", "a mail scanner that approves", form_token, kinds="strangers,people"
    ),
    Guard(
        "the capability", "`domain/approvals.py`", "a forged link that approves", capability, kinds="strangers,people"
    ),
    Guard(
        "the first decision stands",
        "`domain/approvals.py`",
        "a decision that is changed",
        decision_condition,
        kinds="people",
    ),
    Guard(
        "a decision needs a run that heeds it",
        "`adapters/table/approvals.py`",
        "an approval of a run that is to stop, or that a newer one has superseded",
        heeded,
        test="test_guards.py::test_a_decision_about_a_run_that_is_to_stop_is_refused_unless_nobody_looks_at_the_run",
    ),
    Guard(
        "what is owed is noted first",
        "`usecases/record_build.py`",
        "a notice or a callback that is forgotten",
        owed_first,
    ),
    Guard(
        "the seen event and the cursor",
        "`adapters/table/pushes.py`",
        "a push that runs twice",
        cursor,
        kinds="duplicate,delay",
    ),
    Guard(
        "a blocking verdict blocks",
        "`domain/gates`",
        "a stage that passes a gate that failed",
        gate_verdict,
        kinds="reports",
    ),
    Guard("the reconciler", "`usecases/reconcile.py`", "work that a lost event leaves open", reconciler, kinds="drop"),
    Guard(
        "the Catch of a build",
        "`statemachines/run.asl.json`",
        "a place in a run that nobody settles",
        catch,
        test="test_guards.py::test_a_refused_start_settles_its_slot_unless_the_catch_is_off",
    ),
    Guard(
        "the failure queues", "`template.yaml`", "an event that is given up without a trace", failure_queue, kinds="all"
    ),
    Guard(
        "redaction",
        "`domain/redaction.py`",
        "secrets of commit messages and comments in the table",
        redaction,
        kinds="none",
    ),
    Guard(
        "the input transformer",
        "`template.yaml`",
        "plaintext variables in a function or its failure queue",
        input_transformer,
        kinds="none",
    ),
    Guard(
        "the status-change rule",
        "`template.yaml`",
        "an aborted run that is closed late",
        status_rule,
        test="test_guards.py::test_an_aborted_execution_closes_its_run_at_once_unless_the_rule_is_off",
    ),
)
