"""What judging promises for every gate and all evidence."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from buildgate.domain.gates import (
    Baseline,
    Evidence,
    GateFileError,
    Verdict,
    Waiver,
    gate_from_data,
    gate_to_data,
    judge,
    parse,
)
from buildgate.domain.gates.criteria import CriterionError, parse_criterion
from buildgate.domain.gates.evidence import canonical
from buildgate.domain.gates.gather import gather
from buildgate.domain.gates.reconstruct import reconstruct
from buildgate.domain.gates.why_not import why_not
from buildgate.domain.measurements import Finding, Measured, Refusal, Report

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LESS = ("findings.critical", "findings.high", "tests.failed", "performance.p95_ms")
MORE = ("coverage.line_percent", "tests.passed", "performance.rps")
VALUES = st.integers(0, 100).map(float)
SCORED = {"findings.critical", "findings.high"}


def goodness(verdict: Verdict) -> int:
    """Fail, error, inconclusive, an error that is tolerated, warn, pass: from worst to best."""
    if verdict.status == "error" and not verdict.is_blocking:
        return 3
    return {"fail": 0, "error": 1, "inconclusive": 2, "warn": 4, "pass": 5}[verdict.status]


def criteria(*operators: str) -> st.SearchStrategy[list[list[str]]]:
    one = st.builds(
        lambda op, sign, n, unit: f"{op} {sign}{n}{unit if sign else ''}",
        st.sampled_from(operators),
        st.sampled_from(["", "", "+", "-"]),
        st.integers(1, 99),
        st.sampled_from(["", " %"]),
    )
    return st.lists(st.lists(one, min_size=1, max_size=2), min_size=1, max_size=2)


# Made once: Hypothesis looks every new strategy over, which took longer than to draw from it.
FEW, MANY = criteria("<=", "<"), criteria(">=", ">")
EITHER = st.booleans()
WEIGHTS = st.sampled_from([0.1, 0.5, 1, 2, 7])
WITHOUT_BASELINE = st.sampled_from(["pass", "warn", "fail", "inconclusive"])
NAMES = st.lists(st.sampled_from(LESS + MORE), min_size=1, max_size=5, unique=True)
SCORES = st.lists(st.integers(1, 100), min_size=2, max_size=2)
ON_ERROR = st.sampled_from(["block", "warn"])
ONE_IN_TEN = st.integers(0, 9).map(lambda drawn: drawn == 0)


@st.composite
def objectives(draw: Any, name: str) -> dict[str, Any]:
    wanted = FEW if name in LESS else MANY
    found: dict[str, Any] = {"measurement": name, "pass": draw(wanted), "weight": draw(WEIGHTS), "key": draw(EITHER)}
    if draw(EITHER):
        found["warn"] = draw(wanted)
    if draw(EITHER):
        found["on_no_baseline"] = draw(WITHOUT_BASELINE)
    return found


OBJECTIVES = {name: objectives(name) for name in LESS + MORE}


@st.composite
def gates(draw: Any, **fixed: Any) -> Any:
    names = draw(NAMES)
    data: dict[str, Any] = {"name": "g", "objectives": [draw(OBJECTIVES[name]) for name in names], **fixed}
    if draw(EITHER):
        low, high = sorted(draw(SCORES))
        data["total_score"] = {"pass": high, "warn": low}
    data["on_error"] = draw(ON_ERROR)
    if draw(EITHER):
        data["objectives"].append({"measurement": "security.score", "pass": [">= 80"], "warn": [">= 40"]})
    try:
        return parse(data)
    except GateFileError:
        for objective in data["objectives"]:
            objective.pop("warn", None)
            objective["pass"] = [["<= 50" if objective["measurement"] in LESS else ">= 50"]]
        return parse(data)


@st.composite
def evidences(draw: Any) -> Evidence:
    values = {name: draw(VALUES) for name in (*LESS, *MORE) if name in SCORED or not draw(ONE_IN_TEN)}
    values["findings.medium"] = draw(VALUES)
    baseline = {name: draw(VALUES) for name in (*LESS, *MORE) if draw(EITHER)}
    return Evidence(
        {name: Measured(value, f"{name}.json") for name, value in values.items()},
        baseline=Baseline(baseline, ("run-1",)) if draw(EITHER) else None,
        refused=(Refusal("x", "truncated", "cut off"),) if draw(ONE_IN_TEN) else (),
        now=NOW,
    )


def with_value(evidence: Evidence, name: str, value: float) -> Evidence:
    measured = {**evidence.measurements, name: Measured(value, "changed.json")}
    return Evidence(measured, evidence.refused, evidence.baseline, now=NOW)


@settings(deadline=None)
@given(gates(), evidences(), st.data())
def test_a_better_value_never_gives_a_worse_verdict(gate: Any, evidence: Evidence, data: Any):
    name = data.draw(st.sampled_from(sorted(n for n in evidence.measurements if n in LESS + MORE)))
    now = evidence.measurements[name].value
    better = data.draw(st.integers(0, int(now)) if name in LESS else st.integers(int(now), 200))

    before, after = judge(gate, evidence), judge(gate, with_value(evidence, name, float(better)))

    assert goodness(after) >= goodness(before)


@settings(deadline=None)
@given(gates(), evidences())
def test_the_same_inputs_give_the_same_bytes_through_storage(gate: Any, evidence: Evidence):
    verdict = judge(gate, evidence)

    again = judge(gate_from_data(gate_to_data(gate)), Evidence.from_data(evidence.to_data()))

    assert canonical(again.to_data()) == canonical(verdict.to_data())
    assert Verdict.from_data(verdict.to_data()) == verdict


FINDINGS = st.lists(
    st.builds(
        lambda rule, severity, dead: Finding(rule, severity, fingerprint=f"{rule}-{severity}", is_suppressed=dead),
        st.sampled_from(["CVE-1", "CVE-2", "S3"]),
        st.sampled_from(["critical", "high", "medium", "low"]),
        st.booleans(),
    ),
    max_size=8,
)
WAIVERS = st.lists(
    st.builds(
        lambda rule, year: Waiver("why", "alice@example.com", date(year, 1, 1), rule=rule),
        st.sampled_from(["CVE-1", "CVE-*", "*"]),
        st.sampled_from([2026, 2027]),
    ),
    max_size=3,
)
COUNT_NAMES = ("findings.critical", "findings.high", "findings.total", "findings.new.total", "findings.unchanged.total")


@settings(deadline=None)
@given(FINDINGS, WAIVERS, st.data())
def test_a_waiver_never_worsens_whatever_the_criteria(found: list[Finding], waivers: list[Waiver], data: Any):
    chosen = data.draw(st.lists(st.sampled_from((*COUNT_NAMES, "security.score")), min_size=1, unique=True))
    operators = st.sampled_from(["<= 1", ">= 1", "== 1", "!= 1", "> 2", "< 2", "<= +10 %"])
    rows = [{"measurement": name, "pass": [data.draw(operators)], "key": data.draw(st.booleans())} for name in chosen]
    score = data.draw(st.sampled_from([{}, {"total_score": {"pass": 90, "warn": 30}}]))
    gate = parse({"name": "g", "objectives": rows, **score})
    open_now = [f for f in found if not f.is_suppressed]
    counts = {f"findings.{s}": sum(f.severity == s for f in open_now) for s in ("critical", "high", "medium", "low")}
    values = {name: Measured(float(n), "s") for name, n in {**counts, "findings.total": len(open_now)}.items()}
    baseline = Baseline({"findings.high": 1.0}, (), frozenset({"CVE-1-high"}))

    plain = Evidence(values, baseline=baseline, findings=tuple(found), now=NOW)
    waived = Evidence(values, baseline=baseline, findings=tuple(found), now=NOW, waivers=tuple(waivers))

    assert goodness(judge(gate, waived)) >= goodness(judge(gate, plain))


CHECKS = ("s3_encryption", "rds_encryption", "s3_public")
CONTROL_SETS = {
    "privacy": {
        "title": "Privacy",
        "controls": [
            {"id": "encrypted", "title": "Encrypted", "evidence": ["*_encryption"]},
            {"id": "private", "title": "Private", "evidence": ["s3_public"]},
        ],
    }
}
CONTROL_STATUSES = ("passed", "failed", "manual", "not_applicable")
CONTROL_COUNTS = ("compliance.failed", "compliance.manual", *(f"compliance.privacy.{s}" for s in CONTROL_STATUSES))
CONTROL_WAIVERS = st.builds(
    lambda control, year: Waiver("why", "alice@example.com", date(year, 1, 1), control=control),
    st.sampled_from([*CHECKS, "s3_*", "encrypted", "*"]),
    st.sampled_from([2026, 2027]),
)


@settings(deadline=None)
@given(
    st.fixed_dictionaries({check: st.sampled_from(CONTROL_STATUSES) for check in CHECKS}),
    st.lists(CONTROL_WAIVERS, min_size=1, max_size=3),
)
def test_a_waiver_of_a_control_never_worsens_whatever_the_criteria(controls: dict[str, str], waivers: list[Waiver]):
    values = {f"compliance.{s}": Measured(float(list(controls.values()).count(s)), "s") for s in CONTROL_STATUSES}
    plain = Evidence(values, controls=controls, now=NOW)
    waived = Evidence(values, controls=controls, now=NOW, waivers=tuple(waivers))

    for name, criterion in product(CONTROL_COUNTS, ("<= 0", ">= 1", "== 1", "!= 1")):
        rows = [{"measurement": name, "pass": [criterion]}]
        gate = parse({"name": "g", "objectives": rows, "control_sets": CONTROL_SETS})

        assert goodness(judge(gate, waived)) >= goodness(judge(gate, plain)), (name, criterion)


@settings(deadline=None)
@given(gates(), st.lists(st.dictionaries(st.sampled_from(LESS + MORE), VALUES, min_size=1), max_size=4), st.randoms())
def test_the_order_of_reports_does_not_matter(gate: Any, rows: list[dict[str, float]], rng: random.Random):
    reports = [Report(f"r{at}.json", "metrics", row) for at, row in enumerate(rows)]
    refused = [Refusal("b.xml", "truncated", "x"), Refusal("a.xml", "empty", "y")]
    first = gather(gate, reports, refused, Evidence(now=NOW))
    rng.shuffle(reports)
    rng.shuffle(refused)
    second = gather(gate, reports, refused, Evidence(now=NOW))

    assert first.digest() == second.digest()
    assert canonical(judge(gate, first).to_data()) == canonical(judge(gate, second).to_data())


@settings(deadline=None)
@given(gates(), evidences())
def test_nothing_measured_never_passes(gate: Any, evidence: Evidence):
    verdict = judge(gate, Evidence(now=NOW, baseline=evidence.baseline))

    assert verdict.status == "error"


@settings(deadline=None)
@given(gates(on_missing="fail"), evidences())
def test_a_refused_report_never_passes(gate: Any, evidence: Evidence):
    refused = Evidence(evidence.measurements, (Refusal("x", "empty", "nothing"),), evidence.baseline, now=NOW)

    assert judge(gate, refused).status in {"error", "fail", "inconclusive"}


@settings(deadline=None)
@given(gates(), evidences())
def test_why_not_never_makes_it_worse_and_every_change_is_needed(gate: Any, evidence: Evidence):
    answer = why_not(gate, evidence)

    assert goodness(answer.after) >= goodness(answer.before)
    if answer.before.status == "pass":
        assert answer.changes == ()


KEYS = ("name", "objectives", "measurement", "pass", "warn", "weight", "key", "total_score", "baseline", "preset",
        "manual", "approvers", "waivers", "scores", "per", "control_sets", "controls", "reports", "on-error")  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 200) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON)
def test_reading_a_gate_is_total(data: Any):
    try:
        gate = parse(data)
    except GateFileError:
        return

    assert gate_from_data(gate_to_data(gate)) == gate


@settings(deadline=None)
@given(st.text(max_size=12))
def test_reading_a_criterion_is_total_and_its_text_reads_back(text: str):
    try:
        criterion = parse_criterion(text)
    except CriterionError:
        return

    assert parse_criterion(criterion.text) == criterion


@settings(deadline=None)
@given(gates(), evidences())
def test_a_verdict_shows_enough_to_be_judged_again(gate: Any, evidence: Evidence):
    verdict = judge(gate, evidence)

    assert judge(gate, reconstruct(verdict)).status == verdict.status
