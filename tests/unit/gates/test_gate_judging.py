"""What a verdict is for each kind of evidence."""

from __future__ import annotations

from typing import Any

import pytest

from buildgate.domain.gates import Baseline, Evidence, Verdict, gate_from_data, gate_to_data, judge, parse
from buildgate.domain.gates.evidence import canonical
from buildgate.domain.measurements import Measured, Refusal


def gate(*objectives: dict[str, Any], **keys: Any) -> Any:
    return parse({"name": "quality", "objectives": list(objectives), **keys})


def evidence(values: dict[str, float], **more: Any) -> Evidence:
    return Evidence({name: Measured(value, f"{name.partition('.')[0]}.xml") for name, value in values.items()}, **more)


FAILED = {"measurement": "tests.failed", "pass": ["<= 0"]}
COVERAGE = {"measurement": "coverage.line_percent", "pass": [">= 80"], "warn": [">= 70"]}
RELATIVE = {"measurement": "performance.p95_ms", "pass": ["<= +10 %"]}


def test_reason_names_criterion_value_and_report_file():
    verdict = judge(gate(FAILED), Evidence({"tests.failed": Measured(2, "reports/junit.xml")}))

    assert verdict.status == "fail"
    assert verdict.reasons[0] == "tests.failed is 2, must be <= 0 (reports/junit.xml)"


@pytest.mark.parametrize(("coverage", "status"), [(80, "pass"), (79.9, "warn"), (70, "warn"), (69, "fail")])
def test_without_total_score_the_worst_objective_decides(coverage: float, status: str):
    verdict = judge(gate(FAILED, COVERAGE), evidence({"tests.failed": 0, "coverage.line_percent": coverage}))

    assert verdict.status == status


def test_absent_report_is_an_error_that_blocks():
    verdict = judge(gate(FAILED), Evidence())

    assert (verdict.status, verdict.is_blocking) == ("error", True)
    assert verdict.reasons[0] == "no report measures tests.failed"


def test_absent_report_does_not_block_when_on_error_is_warn_but_stays_an_error():
    verdict = judge(gate(FAILED, on_error="warn"), Evidence())

    assert (verdict.status, verdict.is_blocking) == ("error", False)
    assert "on_error is warn" in verdict.notes[-1]


def test_refused_report_is_an_error_even_when_every_objective_holds():
    refused = Refusal("reports/a.xml", "truncated", "the file ends in the middle of an element")
    verdict = judge(gate(FAILED), evidence({"tests.failed": 0}, refused=(refused,)))

    assert (verdict.status, verdict.is_blocking) == ("error", True)
    assert verdict.reasons[0] == "reports/a.xml was refused: the file ends in the middle of an element (truncated)"


def test_failure_wins_over_a_refused_report():
    refused = Refusal("reports/a.xml", "truncated", "cut off")
    verdict = judge(gate(FAILED), evidence({"tests.failed": 1}, refused=(refused,)))

    assert verdict.status == "fail"


@pytest.mark.parametrize(
    ("policy", "status"), [(None, "fail"), ("warn", "warn"), ("inconclusive", "inconclusive"), ("skip", "inconclusive")]
)
def test_value_missing_from_a_report_follows_on_missing(policy: str | None, status: str):
    objective = {"measurement": "coverage.branch_percent", "pass": [">= 80"]}
    keys = {} if policy is None else {"on_missing": policy}

    assert judge(gate(objective, **keys), evidence({"coverage.line_percent": 90})).status == status


def test_value_that_is_no_number_is_an_error():
    assert judge(gate(FAILED), evidence({"tests.failed": float("nan")})).status == "error"


@pytest.mark.parametrize(
    ("policy", "status"), [(None, "warn"), ("pass", "pass"), ("fail", "fail"), ("inconclusive", "inconclusive")]
)
def test_no_history_is_an_explicit_rule(policy: str | None, status: str):
    keys = {} if policy is None else {"on_no_baseline": policy}

    verdict = judge(gate(RELATIVE, **keys), evidence({"performance.p95_ms": 200}))

    assert verdict.status == status
    assert "there is no passing run to compare" in verdict.objectives[0].reason


def test_first_run_of_a_relative_gate_may_become_the_first_baseline():
    assert judge(gate(RELATIVE), evidence({"performance.p95_ms": 200})).may_seed_baseline


def test_relative_criterion_says_what_the_target_came_to_and_what_the_value_was():
    verdict = judge(
        gate(RELATIVE), evidence({"performance.p95_ms": 240}, baseline=Baseline({"performance.p95_ms": 200}))
    )

    assert verdict.reasons[0] == "performance.p95_ms is 240, must be <= +10 % (220), was 200 (performance.xml)"


def test_failed_key_objective_vetoes_a_good_score():
    key = {**FAILED, "key": True, "weight": 0.1}
    verdict = judge(gate(key, COVERAGE, total_score=50), evidence({"tests.failed": 1, "coverage.line_percent": 99}))

    assert verdict.score is not None
    assert verdict.score > 90
    assert verdict.status == "fail"


@pytest.mark.parametrize("keys", [{"blocking": False}, {"mode": "observe"}])
def test_advisory_and_observing_gates_fail_without_blocking_and_say_so(keys: dict[str, Any]):
    verdict = judge(gate(FAILED, **keys), evidence({"tests.failed": 1}))

    assert (verdict.status, verdict.is_blocking) == ("fail", False)
    assert verdict.notes


@pytest.mark.parametrize(("lines", "status"), [(19, "pass"), (20, "fail"), (None, "fail")])
def test_new_code_condition_is_ignored_visibly_under_twenty_changed_lines(lines: int | None, status: str):
    objective = {"measurement": "coverage.changed.line_percent", "pass": [">= 80"]}
    verdict = judge(gate(objective), evidence({"coverage.changed.line_percent": 10}, changed_lines=lines))

    assert verdict.status == status
    if lines == 19:
        assert verdict.notes == ("coverage.changed.line_percent SKIPPED (19 changed lines < 20)",)


def test_manual_gate_is_never_passed_by_judging():
    manual = parse({"name": "review", "manual": {"approvers": ["alice@example.com"]}})

    verdict = judge(manual, Evidence())

    assert (verdict.status, verdict.is_blocking) == ("inconclusive", True)


def test_gate_evidence_and_verdict_survive_storage_and_judge_to_the_same_bytes():
    policy = gate(FAILED, COVERAGE, RELATIVE, total_score={"pass": 90, "warn": 75})
    seen = evidence(
        {"tests.failed": 0, "coverage.line_percent": 71.5, "performance.p95_ms": 3.0},
        baseline=Baseline({"performance.p95_ms": 4}, ("run-1",), frozenset({"a"})),
        refused=(Refusal("x", "y", "z"),),
    )
    verdict = judge(policy, seen)

    again = judge(gate_from_data(gate_to_data(policy)), Evidence.from_data(seen.to_data()))

    assert canonical(again.to_data()) == canonical(verdict.to_data())
    assert Verdict.from_data(verdict.to_data()) == verdict
