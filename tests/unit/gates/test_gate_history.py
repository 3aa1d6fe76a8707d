"""Baselines, counterfactuals, backtests, records and changed lines."""

from __future__ import annotations

from typing import Any

import pytest

from buildgate.domain.errors import Corrupt
from buildgate.domain.gates import Baseline, BaselineRule, Evidence, judge, parse
from buildgate.domain.gates.backtest import PastRun, backtest
from buildgate.domain.gates.baselines import PastResult, select
from buildgate.domain.gates.changed_lines import changed_lines, count
from buildgate.domain.gates.record import Judgement
from buildgate.domain.gates.why_not import sentence, why_not
from buildgate.domain.measurements import Measured, Refusal

P95 = "performance.p95_ms"


def evidence(values: dict[str, float], **more: Any) -> Evidence:
    return Evidence({name: Measured(value, "r.json") for name, value in values.items()}, **more)


def gate(*objectives: dict[str, Any], **keys: Any) -> Any:
    return parse({"name": "g", "objectives": list(objectives), **keys})


def past(run: str, value: float, status: str = "pass", branch: str = "main") -> PastResult:
    return PastResult(run, branch, f"2026-11-{run}", status, status == "pass", {P95: value}, frozenset({run}))  # type: ignore[arg-type]


HISTORY = [past("03", 30), past("01", 10), past("02", 20), past("04", 400, "fail"), past("05", 5, branch="topic")]


def test_last_passing_run_on_the_target_branch_is_the_baseline():
    chosen = select(BaselineRule(), HISTORY, target_branch="main")

    assert chosen.baseline == Baseline({P95: 30}, ("03",), frozenset({"03"}))
    assert chosen.reason == "the last passing run on main: 03"


@pytest.mark.parametrize(("how", "value"), [("avg", 20), ("p50", 20), ("p90", 30), ("p95", 30)])
def test_several_passing_runs_are_aggregated(how: Any, value: float):
    chosen = select(BaselineRule("several", 3, how), HISTORY, target_branch="main")

    assert chosen.baseline is not None
    assert chosen.baseline.measurements == {P95: value}
    assert chosen.baseline.runs == ("03", "02", "01")


def test_named_run_is_taken_unless_it_failed_or_is_unknown():
    assert select(BaselineRule("run", run="05"), HISTORY, target_branch="main").baseline is not None
    assert "did not pass" in select(BaselineRule("run", run="04"), HISTORY, target_branch="main").reason
    assert "not in this gate's history" in select(BaselineRule("run", run="99"), HISTORY, target_branch="main").reason


def test_branch_of_the_rule_wins_over_the_target_branch():
    chosen = select(BaselineRule(branch="topic"), HISTORY, target_branch="main")

    assert chosen.baseline is not None
    assert chosen.baseline.runs == ("05",)


def test_run_that_warned_serves_only_when_asked_for():
    warned = [past("01", 1, "warn")]

    assert select(BaselineRule(), warned, target_branch="main").baseline is None
    assert select(BaselineRule(include="pass_or_warn"), warned, target_branch="main").baseline is not None


def test_no_history_says_so():
    assert select(BaselineRule(), [], target_branch="main").reason == "no run on main has passed this gate yet"


def test_first_run_seeds_the_history_of_a_relative_gate_and_the_second_passes():
    relative = gate({"measurement": P95, "pass": ["<= +10 %"]})
    first = judge(relative, evidence({P95: 100}))
    entry = PastResult("1", "main", "1", first.status, first.may_seed_baseline, {P95: 100})

    chosen = select(BaselineRule(), [entry], target_branch="main").baseline

    assert judge(relative, evidence({P95: 105}, baseline=chosen)).status == "pass"


def test_why_not_names_the_nearest_values():
    answer = why_not(
        gate(
            {"measurement": "tests.failed", "pass": ["<= 0"]},
            {"measurement": "coverage.line_percent", "pass": [">= 80"]},
        ),
        evidence({"tests.failed": 3, "coverage.line_percent": 71.5}),
    )

    assert {change.text for change in answer.changes} == {
        "tests.failed from 3 to 0 (<= 0)",
        "coverage.line_percent from 71.5 to 80 (>= 80)",
    }
    assert answer.after.status == "pass"
    assert sentence(answer) == "2 changes would take g from fail to pass"


def test_why_not_leaves_out_what_the_score_does_not_need():
    objectives = [
        {"measurement": "tests.failed", "pass": ["<= 0"], "weight": 1},
        {"measurement": "coverage.line_percent", "pass": [">= 80"], "weight": 5},
        {"measurement": "tests.skipped", "pass": ["<= 0"], "weight": 4},
    ]
    answer = why_not(
        gate(*objectives, total_score=50), evidence({"tests.failed": 1, "coverage.line_percent": 1, "tests.skipped": 9})
    )

    assert [change.subject for change in answer.changes] == ["coverage.line_percent"]


def test_why_not_always_mends_a_failed_key_objective():
    objectives = [
        {"measurement": "tests.failed", "pass": ["<= 0"], "weight": 0.1, "key": True},
        {"measurement": "coverage.line_percent", "pass": [">= 80"], "weight": 9},
    ]
    answer = why_not(gate(*objectives, total_score=90), evidence({"tests.failed": 1, "coverage.line_percent": 90}))

    assert [change.subject for change in answer.changes] == ["tests.failed"]


def test_why_not_lifts_a_score_through_what_it_is_made_of():
    values = {"findings.critical": 0.0, "findings.high": 4.0, "findings.medium": 3.0}

    answer = why_not(parse({"preset": "security_scan"}), evidence(values))

    assert [change.text for change in answer.changes] == ["findings.high from 4 to 1 (<= 5)"]
    assert answer.after.status == "pass"


def test_why_not_asks_for_the_report_that_was_refused():
    refused = (Refusal("junit.xml", "truncated", "cut off"),)

    answer = why_not(gate({"measurement": "tests.failed", "pass": ["<= 0"]}), Evidence(refused=refused))

    assert [change.text for change in answer.changes] == [
        "junit.xml: give a report that can be read (truncated)",
        "a report that measures tests.failed to 0 (<= 0)",
    ]


def test_why_not_of_a_passing_gate_is_empty():
    answer = why_not(gate({"measurement": "tests.failed", "pass": ["<= 0"]}), evidence({"tests.failed": 0}))

    assert answer.changes == ()
    assert sentence(answer) == "g passes already"


@pytest.mark.parametrize(
    ("criterion", "value", "wanted"), [("< 5", 9, 4), ("> 5", 1, 6), ("== 3", 9, 3), ("!= 2", 2, 1)]
)
def test_why_not_of_strict_criteria_on_counts_moves_by_one(criterion: str, value: float, wanted: float):
    answer = why_not(gate({"measurement": "tests.skipped", "pass": [criterion]}), evidence({"tests.skipped": value}))

    assert [change.after for change in answer.changes] == [wanted]


def run(name: str, failed: float, status: Any, outcome: Any = None) -> PastRun:
    return PastRun(name, evidence({"tests.failed": failed}), status, status == "fail", outcome)


def test_backtest_counts_precision_and_recall_over_labelled_runs_judged_differently():
    runs = [
        run("a", 1, "pass", "bad"),
        run("b", 1, "pass", "good"),
        run("c", 1, "pass"),
        run("d", 0, "pass", "bad"),
        run("e", 0, "fail", "bad"),
    ]

    result = backtest(gate({"measurement": "tests.failed", "pass": ["<= 0"]}), runs)

    assert (result.judged, result.would_block, result.did_block) == (5, 3, 1)
    assert (result.precision, result.recall, result.unlabelled) == (0.5, 0.5, 1)
    assert [d.run_id for d in result.differences] == ["a", "b", "c", "e"]
    assert result.summary == (
        "would block 3 of 5 runs (the gate of the time blocked 1); 3 newly blocked, 1 let through; "
        "precision 50 %; recall 50 %; 1 of unknown outcome"
    )


def test_backtest_without_labels_has_no_precision_rather_than_zero():
    result = backtest(gate({"measurement": "tests.failed", "pass": ["<= 0"]}), [run("a", 1, "pass")])

    assert (result.precision, result.recall) == (None, None)


def test_backtest_counts_an_observing_gate_as_if_it_enforced():
    observing = gate({"measurement": "tests.failed", "pass": ["<= 0"]}, mode="observe")

    assert backtest(observing, [run("a", 1, "pass")]).would_block == 1


def test_record_survives_storage_and_proves_itself():
    policy = gate({"measurement": "tests.failed", "pass": ["<= 0"]})
    seen = evidence({"tests.failed": 2}, changed_lines=5)
    record = Judgement(policy, seen, judge(policy, seen), "run-1", "main", "2026-11-22T12:00:00.000Z", "bad")

    again = Judgement.from_data(record.to_data())

    assert again == record
    assert again.is_repeatable()


def test_record_whose_verdict_was_edited_is_found_out():
    policy = gate({"measurement": "tests.failed", "pass": ["<= 0"]})
    data = Judgement(policy, evidence({"tests.failed": 2}), judge(policy, evidence({"tests.failed": 2}))).to_data()
    data["verdict"]["status"] = "pass"

    assert not Judgement.from_data(data).is_repeatable()


@pytest.mark.parametrize("data", [{}, {"gate": 1, "evidence": {}, "verdict": {}}, {"gate": {}, "evidence": 5}])
def test_what_is_no_record_is_corrupt(data: Any):
    with pytest.raises(Corrupt):
        Judgement.from_data(data)


DIFF = """diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -1,3 +1,4 @@
 one
-two
+2
+2.5
 three
@@ -10 +11 @@ def f():
-ten
+TEN
\\ No newline at end of file
diff --git a/gone.py b/gone.py
--- a/gone.py
+++ /dev/null
@@ -1,2 +0,0 @@
-a
---- b
diff --git "a/caf\\303\\251.py" "b/caf\\303\\251.py"
--- /dev/null
+++ "b/caf\\303\\251.py"
@@ -0,0 +1,2 @@
+++ not a header
+x
"""


def test_changed_lines_are_those_added_or_rewritten():
    changed = changed_lines(DIFF.splitlines())

    assert changed == {"a.py": frozenset({2, 3, 11}), "café.py": frozenset({1, 2})}
    assert count(changed) == 5


def test_why_not_leads_to_a_warning_where_nothing_can_be_compared_yet():
    rule = gate({"measurement": "model.accuracy", "pass": [">= 0.8", ">= -1 %"]})

    answer = why_not(rule, evidence({"model.accuracy": 0.7}))

    assert [(change.subject, change.after) for change in answer.changes] == [("model.accuracy", 0.8)]
    assert (answer.before.status, answer.after.status) == ("fail", "warn")
    assert why_not(rule, evidence({"model.accuracy": 0.9})).changes == ()
