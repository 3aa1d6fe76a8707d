"""Lint of every state machine, and proof that the lint sees what it is for."""

import copy
import json
import re
from pathlib import Path

import pytest

from asl_lint import is_callback, problems, tasks
from template_model import Template

ROOT = Path(__file__).parents[2]
MACHINES = sorted((ROOT / "statemachines").glob("*.asl.json"))

CLEAN = {
    "Comment": "An example that follows every rule.",
    "StartAt": "Ask",
    "States": {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": "${Ask}", "Payload": {"token.$": "$$.Task.Token"}},
            "TimeoutSeconds": 60,
            "ResultPath": None,
            "Retry": [{"ErrorEquals": ["Unavailable"], "MaxAttempts": 3, "JitterStrategy": "FULL"}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "Close"}],
            "Next": "Close",
        },
        "Close": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "${Close}"},
            "TimeoutSeconds": 60,
            "ResultPath": None,
            "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 3, "JitterStrategy": "FULL"}],
            "End": True,
        },
    },
}


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.stem)
def test_machine_follows_every_rule(path):
    assert problems(json.loads(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.stem)
def test_every_substitution_of_a_machine_is_given_by_the_template_and_used(path):
    used = set(re.findall(r"\$\{(\w+)\}", path.read_text(encoding="utf-8")))

    assert used == Template.load().substitutions(f"statemachines/{path.name}")


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.stem)
def test_only_callback_tasks_see_a_token(path):
    machine = json.loads(path.read_text(encoding="utf-8"))

    leaks = [name for name, task in tasks(machine) if not is_callback(task) and "Task.Token" in json.dumps(task)]

    assert leaks == []


def test_every_machine_of_the_template_has_its_file():
    assert Template.load().machine_files() == {f"statemachines/{path.name}" for path in MACHINES}


def test_a_clean_machine_has_no_problem():
    assert problems(CLEAN) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda states: states["Ask"].pop("TimeoutSeconds"), "no timeout"),
        (lambda states: states["Ask"].pop("Retry"), "no Retry"),
        (lambda states: states["Ask"]["Retry"][0].pop("JitterStrategy"), "no jitter"),
        (
            lambda states: states["Ask"]["Retry"][0].update(ErrorEquals=["States.Timeout"]),
            "must not retry States.Timeout",
        ),
        (
            lambda states: states["Ask"]["Catch"][0].update(ErrorEquals=["States.Timeout"]),
            "last Catch is not States.ALL",
        ),
        (lambda states: states["Ask"]["Catch"][0].pop("ResultPath"), "replaces the run's id"),
        (lambda states: states["Ask"].pop("Catch"), "one clean-up state is the rule"),
        (lambda states: states["Ask"].pop("ResultPath"), "its result replaces"),
        (lambda states: states["Ask"].update(Next="Clsoe"), "Clsoe is named and does not exist"),
        (lambda states: states.update(Orphan={"Type": "Succeed"}), "nothing leads here"),
        (lambda states: states["Ask"]["Parameters"].pop("Payload"), "never hands out"),
        (lambda states: states["Ask"].update(Assign={"x": 1}), "Assign is not JSONPath"),
        (lambda states: states["Close"].update(Next="Ask"), "exactly one of Next and End"),
        (lambda states: states.update({f"S{n}": {"Type": "Succeed"} for n in range(20)}), "22 states"),
    ],
)
def test_lint_names_what_is_wrong(change, complaint):
    machine = copy.deepcopy(CLEAN)

    change(machine["States"])

    assert complaint in "\n".join(problems(machine))


def test_lint_refuses_a_timeout_on_the_machine_itself():
    assert "deadline is in the table" in problems({**CLEAN, "TimeoutSeconds": 7200})[0]
