"""`buildgate simulate` prints what so many days came to, and the story of the one that broke a promise."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from buildgate_cli.errors import ExitCode
from buildgate_cli.main import app
from guards import owed_first

DAYS = ["simulate", "--builds-only", "--runs", "3"]


def test_days_are_told_in_figures_for_programs():
    answer = CliRunner().invoke(app, [*DAYS, "--json"])

    told = json.loads(answer.stdout)
    assert (answer.exit_code, told["days"], told["builds"], told["broken"]) == (0, 3, 6, None)
    assert set(told["promises"].values()) == {"kept"}


def test_days_go_on_where_an_earlier_call_ended(monkeypatch):
    monkeypatch.setattr("buildgate_cli.commands.simulate.SAY_SO_EVERY", 2)

    whole = CliRunner().invoke(app, ["simulate", "--builds-only", "--runs", "4", "--json"])
    parts = [CliRunner().invoke(app, [*DAYS[:2], "--runs", "2", "--first", one, "--json"]) for one in ("1", "3")]

    assert json.loads(whole.stdout)["events"] == sum(json.loads(part.stdout)["events"] for part in parts)
    assert whole.stderr.splitlines() == ["2 of 4 days; go on with --first 3", "4 of 4 days"]


def test_a_broken_promise_names_its_seed_and_tells_its_story(monkeypatch):
    owed_first(None, monkeypatch)

    answer = CliRunner().invoke(app, ["simulate", "--builds-only", "--runs", "400", "--json"])

    told = json.loads(answer.stdout)["broken"]
    assert answer.exit_code == ExitCode.REFUSED
    assert told["seed"] == json.loads(answer.stdout)["days"]
    assert "BROKEN: " in told["story"][-1]


def test_an_installation_whose_functions_cannot_start_says_so(monkeypatch):
    monkeypatch.setattr("buildgate_cli.simulate.world.settings.read", lambda *_: 1 / 0)

    answer = CliRunner().invoke(app, DAYS)

    assert answer.exit_code == ExitCode.INCONCLUSIVE
    assert "cannot start: ZeroDivisionError" in " ".join(answer.stderr.split())


def test_a_fault_that_there_is_not_is_refused_with_those_that_there_are():
    answer = CliRunner().invoke(app, [*DAYS, "--faults", "rain"])

    assert answer.exit_code == ExitCode.USAGE
    assert "There is no fault 'rain'" in answer.stderr


@pytest.mark.parametrize("seed", [1, 7])
def test_a_seed_is_the_same_day_each_time(seed):
    first, again = (CliRunner().invoke(app, ["simulate", "--builds-only", "--seed", str(seed), "--json"]) for _ in "ab")

    def known(answer):
        return {name: value for name, value in json.loads(answer.stdout).items() if name != "seconds"}

    assert known(first) == known(again)
