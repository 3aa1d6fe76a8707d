"""Gate files: what is refused, where, and with which way out."""

from __future__ import annotations

from typing import Any

import pytest

from buildgate.domain.errors import Corrupt
from buildgate.domain.gates import GateFileError, Problem, gate_from_data, gate_to_data, parse, parse_waivers
from buildgate.inbound.gate_file import parse_file

FAILED = {"measurement": "tests.failed", "pass": ["<= 0"]}


def problems(data: Any) -> list[Problem]:
    with pytest.raises(GateFileError) as refused:
        parse(data)
    return list(refused.value.problems)


def only(data: Any) -> Problem:
    found = problems(data)
    assert len(found) == 1, found
    return found[0]


def with_objective(**keys: Any) -> dict[str, Any]:
    return {"name": "quality", "objectives": [{**FAILED, **keys}]}


def test_unknown_measurement_names_the_nearest_valid_one():
    problem = only(with_objective(measurement="test.failed"))

    assert problem.path == ("objectives", 0, "measurement")
    assert problem.fix == "did you mean tests.failed?"


@pytest.mark.parametrize("weight", [0, -1, "none", True, 10**400, float("nan"), float("inf")])
def test_weight_must_be_above_zero(weight: Any):
    assert only(with_objective(weight=weight)).path == ("objectives", 0, "weight")


@pytest.mark.parametrize(
    ("measurement", "criteria"),
    [
        ("coverage.line_percent", [">= 120"]),
        ("coverage.line_percent", ["> 100"]),
        ("tests.failed", ["< 0"]),
        ("tests.failed", ["<= 1", ">= 2"]),
        ("tests.failed", ["== 1", "!= 1"]),
        ("tests.failed", ["< 3", "> 3"]),
    ],
)
def test_criteria_that_can_never_hold_are_refused(measurement: str, criteria: list[str]):
    problem = only(
        with_objective(measurement=measurement) | {"objectives": [{"measurement": measurement, "pass": criteria}]}
    )

    assert "can never" in problem.message


@pytest.mark.parametrize(
    ("measurement", "criteria"),
    [
        ("tests.failed", ["> 0", "< 1"]),
        ("cost.monthly_usd_delta", ["< 0"]),
        ("model.loss", ["< 0"]),
        ("tests.failed", ["<= +10 %", ">= 0"]),
        ("coverage.line_percent", [">= 100"]),
    ],
)
def test_criteria_that_can_hold_are_taken(measurement: str, criteria: list[str]):
    assert parse({"name": "g", "objectives": [{"measurement": measurement, "pass": criteria}]})


@pytest.mark.parametrize("data", [{"name": "q"}, {"name": "q", "objectives": []}, {"name": "q", "objectives": None}])
def test_gate_without_objectives_is_refused_because_it_would_judge_nothing(data: Any):
    assert "judge nothing" in only(data).message


def test_gate_of_information_only_is_refused():
    assert "judge nothing" in only({"name": "q", "objectives": [{"measurement": "tests.total"}]}).message


def test_every_problem_is_reported_at_once():
    data = {"name": 5, "modee": "x", "objectives": [{**FAILED, "weight": 0}, {"measurement": "nothing.like.it"}]}

    assert {problem.place for problem in problems(data)} == {
        "name",
        "modee",
        "objectives[0].weight",
        "objectives[1].measurement",
    }


@pytest.mark.parametrize("data", [None, [], "text", 5])
def test_what_is_no_mapping_is_refused_in_words(data: Any):
    assert any("must be a mapping" in problem.message for problem in problems(data))


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"total_score": {"pass": 50, "warn": 60}}, "total_score"),
        ({"total_score": 0}, "total_score"),
        ({"total_score": {"warn": 60}}, "total_score.pass"),
        ({"on_error": "blok"}, "on_error"),
        ({"mode": "dry"}, "mode"),
        ({"blocking": "yes"}, "blocking"),
        ({"baseline": {"results": 0}}, "baseline.results"),
        ({"baseline": {"compare_with": "run"}}, "baseline.run"),
        ({"baseline": {"compare_with": "last_passing", "results": 3}}, "baseline.results"),
        ({"preset": "security_scam"}, "preset"),
        ({"manual": {"approvers": ["alice@example.com"]}}, "objectives"),
        ({"reports": [1]}, "reports"),
        ({"waivers": [{"rule": "X", "reason": "r", "owner": "o"}]}, "waivers[0].expires"),
        ({"waivers": [{"reason": "r", "owner": "o", "expires": "2027-01-01"}]}, "waivers[0].finding"),
        ({"scores": {"security.scor": {"per": {"findings.high": -1}}}}, "scores.security.scor"),
        ({"scores": {"custom.s": {"per": {"findings.hgih": -1}}}}, "scores.custom.s.per.findings.hgih"),
        ({"control_sets": {"a": {"controls": []}}}, "control_sets.a.controls"),
    ],
)
def test_bad_value_is_refused_at_its_place(data: dict[str, Any], place: str):
    assert only({**with_objective(), **data}).place == place


@pytest.mark.parametrize(
    ("objective", "place"),
    [
        ({"pass": None, "warn": ["<= 1"]}, "warn"),
        ({"pass": None, "key": True}, "key"),
        ({"warn": ["<= 0"]}, "warn"),
        ({"pass": []}, "pass"),
        ({"pass": [[]]}, "pass[0]"),
        ({"pass": 5}, "pass"),
        ({"pass": ["<= x"]}, "pass[0]"),
        ({"pass": [["<= 5"], ["<= 5", 7]]}, "pass[1][1]"),
    ],
)
def test_bad_objective_is_refused_at_its_place(objective: dict[str, Any], place: str):
    data = {"name": "q", "objectives": [{"measurement": "tests.total", "pass": [">= 1"]}, {**FAILED, **objective}]}

    assert problems(data)[0].place == f"objectives[1].{place}"


def test_two_objectives_of_one_name_are_refused():
    assert only({"name": "q", "objectives": [FAILED, FAILED]}).path == ("objectives", 1, "name")


def test_dashes_and_underscores_are_the_same_key_and_errors_keep_the_authors_spelling():
    assert parse({**with_objective(), "on-error": "warn"}).on_error == "warn"
    assert only({**with_objective(), "on-error": "x"}).place == "on-error"


def test_criteria_may_be_a_text_a_list_or_alternatives_as_in_keptn():
    one = parse(with_objective(**{"pass": "<= 0"}))
    several = parse(with_objective(**{"pass": [{"criteria": ["<= 1", "<= +10%"]}, {"criteria": ["<= 0"]}]}))

    assert len(one.objectives[0].passes) == 1
    assert [len(group) for group in several.objectives[0].passes] == [2, 1]


def test_preset_is_overridden_field_by_field_and_problems_lead_to_the_authors_lines():
    gate = parse(
        {
            "preset": "security_scan",
            "name": "scan",
            "objectives": [
                {"measurement": "findings.high", "pass": ["<= 10"]},
                {"measurement": "security.score", "remove": True},
                {"measurement": "findings.medium", "pass": ["<= 50"]},
            ],
        }
    )

    assert gate.name == "scan"
    assert [o.measurement for o in gate.objectives] == ["findings.critical", "findings.high", "findings.medium"]
    assert gate.objectives[1].passes[0][0].text == "<= 10"
    assert gate.objectives[1].fed_by

    bad = {"preset": "security_scan", "objectives": [{"measurement": "findings.high", "weight": 0}]}
    assert only(bad).path == ("objectives", 0, "weight")


def test_stored_gate_reads_back_equal_and_damage_is_corrupt():
    gate = parse(with_objective(weight=2.5, warn=["<= 3"], on_missing="skip") | {"owner": "team", "total_score": 90})

    assert gate_from_data(gate_to_data(gate)) == gate
    with pytest.raises(Corrupt):
        gate_from_data({"name": "q", "objectives": 5})


def test_waiver_file_is_a_list_or_a_mapping():
    row = {"rule": "CVE-*", "reason": "not reachable", "owner": "alice@example.com", "expires": "2027-01-01"}

    assert parse_waivers([row]) == parse_waivers({"waivers": [row]})
    with pytest.raises(GateFileError):
        parse_waivers({"waivers": [row], "more": 1})


def test_file_may_hold_one_gate_several_or_a_pipeline():
    one = with_objective()
    two = {"name": "scan", "preset": "security_scan"}
    pipeline = {"name": "shop", "stages": [{"name": "a", "gates": [one]}, {"name": "b", "gates": [two]}]}

    assert [g.name for g in parse_file(one).gates] == ["quality"]
    assert [g.name for g in parse_file([one, two]).gates] == ["quality", "scan"]
    assert [g.name for g in parse_file({"gates": [one, two]}).gates] == ["quality", "scan"]
    assert [g.name for g in parse_file(pipeline).gates] == ["quality", "scan"]


@pytest.mark.parametrize("data", [[], {"gates": []}, {"gates": 5}, "x", {"gates": [], "gate": 1}, None, {"stages": []}])
def test_file_without_a_gate_is_refused(data: Any):
    with pytest.raises(GateFileError):
        parse_file(data)


def test_problem_in_the_second_gate_of_a_file_leads_to_it():
    with pytest.raises(GateFileError) as refused:
        parse_file({"gates": [with_objective(), {**with_objective(weight=0), "name": "other"}]})

    assert refused.value.problems[0].path == ("gates", 1, "objectives", 0, "weight")
