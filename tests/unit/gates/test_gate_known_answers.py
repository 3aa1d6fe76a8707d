"""Answers that Keptn v1 and Argo Rollouts document for the same questions, and where ours differ on purpose."""

from __future__ import annotations

from typing import Any

import pytest

from buildgate.domain.gates import Baseline, Evidence, Verdict, judge, parse
from buildgate.domain.gates.baselines import aggregate, percentile
from buildgate.domain.measurements import Measured

P95 = "performance.p95_ms"
ERRORS = "performance.error_percent"


def keptn(values: dict[str, float], baseline: dict[str, float] | None = None, **keys: Any) -> Verdict:
    """The SLO file of Keptn's documentation, with its weights and total score."""
    data = {
        "name": "slo",
        "total_score": {"pass": "90%", "warn": "75%"},
        "objectives": [
            {"measurement": P95, "pass": [["<=+10%", "<600"]], "warn": [["<=800"]], "weight": 1},
            {"measurement": ERRORS, "pass": [["<=1"]], "warn": [["<=2"]], "weight": 2, "key": True},
        ],
        **keys,
    }
    history = None if baseline is None else Baseline(baseline, ("run-1",))
    return judge(parse(data), Evidence({k: Measured(v, "k6.json") for k, v in values.items()}, baseline=history))


@pytest.mark.parametrize(
    ("p95", "errors", "score", "status"),
    [
        (500, 0.5, 100, "pass"),
        (700, 0.5, 250 / 3, "warn"),  # half of weight 1 lost: 2.5 of 3
        (900, 0.5, 200 / 3, "fail"),  # 66.7 is under the warning line
        (500, 1.5, 200 / 3, "fail"),  # half of weight 2 lost
        (500, 2.5, 100 / 3, "fail"),  # the key objective failed
    ],
)
def test_weights_half_points_and_total_score_are_keptns(p95: float, errors: float, score: float, status: str):
    verdict = keptn({P95: p95, ERRORS: errors}, {P95: 500})

    assert verdict.score == pytest.approx(score)
    assert verdict.status == status


def test_and_inside_a_list_needs_both_the_relative_and_the_absolute_criterion():
    assert keptn({P95: 560, ERRORS: 0}, {P95: 500}).objectives[0].status == "warn"
    assert keptn({P95: 605, ERRORS: 0}, {P95: 590}).objectives[0].status == "warn"
    assert keptn({P95: 550, ERRORS: 0}, {P95: 500}).objectives[0].status == "pass"


def test_or_between_lists_needs_one():
    objectives = [{"measurement": P95, "pass": [["<=+10%"], ["<600"]]}]

    assert keptn({P95: 590}, {P95: 100}, objectives=objectives).status == "pass"
    assert keptn({P95: 650}, {P95: 640}, objectives=objectives).status == "pass"
    assert keptn({P95: 700}, {P95: 100}, objectives=objectives).status == "fail"


def test_relative_criterion_without_history_passes_in_keptn_and_here_only_when_asked_to():
    objectives = [{"measurement": P95, "pass": ["<=+10%"]}]

    assert keptn({P95: 500}, objectives=objectives).status == "warn"
    assert keptn({P95: 500}, objectives=objectives, on_no_baseline="pass").status == "pass"


def test_absolute_half_of_a_list_still_decides_without_history():
    assert keptn({P95: 900, ERRORS: 0}).objectives[0].status == "fail"


def test_objective_without_pass_is_informational_and_outside_the_maximum():
    objectives = [{"measurement": P95}, {"measurement": ERRORS, "pass": ["<=1"]}]
    verdict = keptn({P95: 99999, ERRORS: 0}, objectives=objectives)

    assert (verdict.status, verdict.score) == ("pass", 100)
    assert verdict.objectives[0].status == "info"


def test_missing_value_fails_with_no_points():
    verdict = keptn({ERRORS: 0})

    assert verdict.objectives[0].status == "fail"
    assert verdict.score == pytest.approx(200 / 3)


@pytest.mark.parametrize(
    ("share", "values", "answer"),
    [
        (0.5, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 5.5),
        (0.9, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 9.9),
        (0.95, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 10),
        (0.5, [7], 7),
        (0.9, [3, 1], 3),
        (0.5, [3, 1, 2], 2),
    ],
)
def test_percentile_is_at_share_times_n_plus_one_clamped_to_the_ends(share: float, values: list[float], answer: float):
    assert percentile(share, values) == pytest.approx(answer)


def test_average_of_several_results():
    assert aggregate("avg", [1, 2, 6]) == 3


ARGO_ORDER = ["pass", "inconclusive", "error", "fail"]
"""Argo's order of badness: Successful < Inconclusive < Error < Failed."""

CAUSES = {
    "pass": ({"measurement": "tests.errored", "pass": ["<= 0"]}, {"tests.errored": 0.0}),
    "fail": ({"measurement": "tests.failed", "pass": ["<= 0"]}, {"tests.failed": 1.0}),
    "error": ({"measurement": "coverage.line_percent", "pass": [">= 0"]}, {}),
    "inconclusive": ({"measurement": P95, "pass": ["<=+10%"], "on_no_baseline": "inconclusive"}, {P95: 1.0}),
}


@pytest.mark.parametrize("first", ARGO_ORDER)
@pytest.mark.parametrize("second", ARGO_ORDER)
def test_worst_objective_wins_in_argos_order(first: str, second: str):
    kinds = list(dict.fromkeys((first, second)))
    values = {name: value for kind in kinds for name, value in CAUSES[kind][1].items()}
    gate = parse({"name": "g", "objectives": [CAUSES[kind][0] for kind in kinds]})

    verdict = judge(gate, Evidence({name: Measured(value, "r") for name, value in values.items()}))

    assert verdict.status == max((first, second), key=ARGO_ORDER.index)


def test_dry_run_measures_and_reports_but_never_stops_anything():
    gate = parse({"name": "g", "mode": "observe", "objectives": [CAUSES["fail"][0]]})

    verdict = judge(gate, Evidence({"tests.failed": Measured(1, "r")}))

    assert (verdict.status, verdict.is_blocking) == ("fail", False)
    assert verdict.notes == ("observe mode: this verdict would have stopped the run",)


def test_error_is_not_a_failure_and_not_a_pass():
    gate = parse({"name": "g", "objectives": [CAUSES["error"][0]]})

    assert judge(gate, Evidence()).status == "error"
