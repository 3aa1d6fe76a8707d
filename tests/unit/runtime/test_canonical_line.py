"""One line per invocation, with what is needed to follow a push to its notice, and nothing secret."""

from typing import NamedTuple

import pytest

from buildgate.domain.errors import Corrupt, Rejected
from buildgate.runtime import settings
from buildgate.runtime.entrypoint import entrypoint
from buildgate.runtime.observability import Line, canonical_line


class Example(NamedTuple):
    buildgate_table: str
    limit: int = 5
    time_scale: float = 1.0


def written(caplog):
    """Return the fields of each line that was logged."""
    return [record.__dict__ for record in caplog.records if record.message == "invocation"]


def test_a_good_invocation_is_one_line(caplog):
    with canonical_line("start_run", "request-1") as line:
        line.add(run_id="r1", reason="main fits", empty="", nothing=None, zero=0)

    (logged,) = written(caplog)
    assert (logged["levelname"], logged["function"], logged["run_id"], logged["outcome"]) == (
        "INFO",
        "start_run",
        "r1",
        "done",
    )
    assert logged["zero"] == 0
    assert {"empty", "nothing"}.isdisjoint(logged)
    assert isinstance(logged["ms"], int)


@pytest.mark.parametrize(
    ("error", "outcome"), [(Rejected("no such project: x"), "Rejected"), (KeyError("slot"), "Crashed")]
)
def test_a_failure_is_one_line_with_its_kind_and_goes_on(caplog, error, outcome):
    def fail():
        with canonical_line("start_run", "request-1") as line:
            line.add(run_id="r1")
            raise error

    with pytest.raises(type(error)):
        fail()

    (logged,) = written(caplog)
    assert (logged["levelname"], logged["outcome"], logged["run_id"]) == ("ERROR", outcome, "r1")


def test_secrets_are_masked_in_texts_and_in_lists_of_texts(caplog):
    with canonical_line("f", "r") as line:
        line.add(reason="password=hunter2", failures=["runs: token=abcdef is wrong"], run_ids=("r1",))

    (logged,) = written(caplog)
    assert logged["reason"] == "password=***"
    assert logged["failures"] == ["runs: token=*** is wrong"]
    assert logged["run_ids"] == ["r1"]


def test_a_long_text_is_cut():
    line = Line()

    line.add(reason="x" * 10_000)

    assert len(line.fields["reason"]) == 500


# ---------------------------------------------------------------------------------------------------- settings


def test_settings_are_variables_in_capitals_with_their_types():
    found = settings.read(Example, {"BUILDGATE_TABLE": "t", "LIMIT": "7", "TIME_SCALE": "60"})

    assert found == Example("t", 7, 60.0)


def test_an_empty_variable_is_its_default():
    assert settings.read(Example, {"BUILDGATE_TABLE": "t", "LIMIT": ""}) == Example("t")


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "BUILDGATE_TABLE is not set"),
        ({"BUILDGATE_TABLE": "t", "LIMIT": "many"}, "LIMIT is 'many', which is no int"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_is_named(environment, message):
    with pytest.raises(Corrupt, match=message):
        settings.read(Example, environment)


# ---------------------------------------------------------------------------------------------------- entry points


class Context:
    function_name = "example"
    aws_request_id = "request-1"


def built(calls):
    def build(found, aws):
        calls.append(found)
        return lambda event, line: line.add(event_id=event["id"]) or {"ok": True}

    return build


def test_elsewhere_the_ports_are_built_on_the_first_call_and_once(monkeypatch, caplog):
    monkeypatch.setenv("BUILDGATE_TABLE", "t")
    calls = []
    handler = entrypoint(built(calls), Example)
    assert calls == []

    answers = [handler({"id": f"e{number}"}, Context()) for number in range(2)]

    assert answers == [{"ok": True}] * 2
    assert calls == [Example("t")]
    assert [line["event_id"] for line in written(caplog)] == ["e0", "e1"]


def test_in_lambda_the_ports_are_built_at_the_start(monkeypatch):
    monkeypatch.setenv("BUILDGATE_TABLE", "t")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "example")
    calls = []

    entrypoint(built(calls), Example, warm=())

    assert calls == [Example("t")]
