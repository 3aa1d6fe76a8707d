"""Calls that go wrong on purpose: which call meets which rule, and what becomes of it."""

from __future__ import annotations

import json

import pytest

from buildgate_cli.local import call_faults
from buildgate_cli.local.call_faults import RULES_FILE, SWITCH, CallFaults, amended, boundary
from buildgate_cli.local.jsonservice import AnswerLostError, Caller, ServiceError

PUT = "DynamoDB_20120810.PutItem"
CALLER = Caller("key", "arn:aws:sts::000000000000:assumed-role/RecordBuild/x")


def rules(home, *given) -> None:
    (home / RULES_FILE).write_text(json.dumps(given))


def test_a_rule_has_its_turns_after_those_it_spares_and_for_its_caller_only(tmp_path):
    rules(tmp_path, {"call": "*.PutItem", "caller": "*Record*", "action": "fail", "times": 2, "after": 1})
    faults = CallFaults(tmp_path)

    met = [faults.take(PUT, CALLER.arn) is not None for _ in range(4)]

    assert met == [False, True, True, False]
    assert faults.take(PUT, "somebody else") is None
    assert len((tmp_path / call_faults.MET_FILE).read_text().splitlines()) == 2


def test_without_the_file_or_the_switch_nothing_goes_wrong(tmp_path, monkeypatch):
    assert CallFaults(tmp_path).take(PUT, CALLER.arn) is None
    rules(tmp_path, {"call": "*", "action": "fail", "times": 9})
    monkeypatch.delenv(SWITCH, raising=False)

    assert boundary(tmp_path)(PUT, CALLER, lambda: {"a": 1}) == {"a": 1}
    assert call_faults.variables(tmp_path) == {}


def test_an_answer_is_refused_lost_after_the_work_or_amended(tmp_path, monkeypatch):
    monkeypatch.setenv(SWITCH, "1")
    actions = ["throttle", "lose", "amend"]
    rules(tmp_path, *({"call": "*", "action": action, "times": 1, "with": {"b": [2]}} for action in actions))
    between, done = boundary(tmp_path), []

    def answer():
        done.append(1)
        return {"b": [1]}

    with pytest.raises(ServiceError, match="ThrottlingException"):
        between(PUT, CALLER, answer)
    assert done == []
    with pytest.raises(AnswerLostError):
        between(PUT, CALLER, answer)

    assert len(done) == 1
    assert between(PUT, CALLER, answer) == {"b": [1, 2]}


def test_a_change_reaches_every_element_of_a_list():
    assert amended({"a": [{"b": 1}, {"b": 2}]}, {"a": {"c": 3}}) == {"a": [{"b": 1, "c": 3}, {"b": 2, "c": 3}]}
