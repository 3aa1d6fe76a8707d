"""Findings: waivers, comparison by fingerprint, derived scores and control sets."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from buildgate.domain.gates import Baseline, Evidence, Verdict, Waiver, judge, parse
from buildgate.domain.gates.gather import gather
from buildgate.domain.measurements import Control, Finding, Measured, Report, Severity

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def finding(rule: str, severity: Severity = "high", **more: Any) -> Finding:
    return Finding(rule, severity, fingerprint=f"fp-{rule}", **more)


def scan(*found: Finding, waivers: tuple[Waiver, ...] = (), **more: Any) -> Evidence:
    open_now = [f for f in found if not f.is_suppressed]
    values = {"findings.total": Measured(float(len(open_now)), "scan.sarif")}
    for severity in ("critical", "high", "medium", "low", "info", "unknown"):
        count = float(sum(f.severity == severity for f in open_now))
        values[f"findings.{severity}"] = Measured(count, "scan.sarif")
    return Evidence(values, findings=found, waivers=waivers, now=NOW, **more)


def waive(**subject: str) -> Waiver:
    expires = date.fromisoformat(subject.pop("expires", "2026-12-31"))
    return Waiver("not reachable", "alice@example.com", expires, **subject)


def verdict_on(measurement: str, criterion: str, evidence: Evidence, **keys: Any) -> Verdict:
    return judge(
        parse({"name": "g", "objectives": [{"measurement": measurement, "pass": [criterion]}], **keys}), evidence
    )


def test_waiver_takes_its_finding_out_and_is_shown_where_it_acts():
    verdict = verdict_on("findings.high", "<= 0", scan(finding("CVE-1"), waivers=(waive(rule="CVE-1"),)))

    assert verdict.status == "pass"
    assert verdict.objectives[0].reason == "findings.high is 0, meets <= 0, 1 waived (scan.sarif)"
    assert verdict.notes == ("waived 1 finding: rule CVE-1, by alice@example.com until 2026-12-31 (not reachable)",)


def test_waiver_holds_through_its_last_day_and_expires_loudly_after():
    last_day = scan(finding("CVE-1"), waivers=(waive(rule="CVE-1", expires="2026-11-22"),))
    day_after = scan(finding("CVE-1"), waivers=(waive(rule="CVE-1", expires="2026-11-21"),))

    assert verdict_on("findings.high", "<= 0", last_day).status == "pass"
    late = verdict_on("findings.high", "<= 0", day_after)
    assert late.status == "fail"
    assert late.notes == ("EXPIRED waiver of rule CVE-1 (alice@example.com, 2026-11-21): 1 finding counts again",)


@pytest.mark.parametrize(
    ("subject", "left"),
    [
        ({"finding": "fp-CVE-1"}, 1),
        ({"rule": "CVE-*"}, 0),
        ({"rule": "CVE-*", "path": "vendor/*"}, 1),
        ({"rule": "GHSA-*"}, 2),
        ({"finding": ""}, 2),
    ],
)
def test_waiver_matches_a_fingerprint_or_a_rule_within_a_path(subject: dict[str, str], left: int):
    evidence = scan(
        finding("CVE-1", file="vendor/a.py"), finding("CVE-2", file="src/b.py"), waivers=(waive(**subject),)
    )

    assert verdict_on("findings.high", "<= 99", evidence).objectives[0].value == left


def test_waiver_that_matches_nothing_asks_to_be_removed():
    verdict = verdict_on("findings.high", "<= 0", scan(waivers=(waive(rule="CVE-1"),)))

    assert "matches nothing any more" in verdict.notes[0]


def test_two_waivers_of_one_finding_take_it_out_once():
    waivers = (waive(rule="CVE-1"), waive(finding="fp-CVE-1"))

    assert (
        verdict_on("findings.high", "<= 9", scan(finding("CVE-1"), finding("CVE-2"), waivers=waivers))
        .objectives[0]
        .value
        == 1
    )


def test_finding_suppressed_in_its_tool_is_not_waived_again():
    evidence = scan(finding("CVE-1", is_suppressed=True), waivers=(waive(rule="CVE-1"),))

    assert verdict_on("findings.high", "<= 0", evidence).objectives[0].waived == 0


def test_waiver_never_worsens_even_where_more_findings_are_wanted():
    evidence = scan(finding("CVE-1"), waivers=(waive(rule="CVE-1"),))

    assert verdict_on("findings.high", ">= 1", evidence).status == "pass"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("findings.new.high", 1),
        ("findings.new.total", 1),
        ("findings.unchanged.total", 1),
        ("findings.fixed.total", 1),
        ("findings.new.critical", 0),
    ],
)
def test_findings_are_compared_by_fingerprint(name: str, value: float):
    baseline = Baseline({}, ("run-1",), frozenset({"fp-old", "fp-gone"}))
    evidence = scan(finding("old"), finding("new"), baseline=baseline)

    assert verdict_on(name, ">= 0", evidence).objectives[0].value == value


def test_findings_counted_but_not_listed_are_taken_for_new():
    full = scan(finding("old"), baseline=Baseline({}, (), frozenset({"fp-old"})))
    values = {**full.measurements, "findings.high": Measured(5, "scan.sarif")}
    evidence = Evidence(values, findings=full.findings, baseline=full.baseline, now=NOW)

    assert verdict_on("findings.new.high", "<= 0", evidence).objectives[0].value == 4


def test_comparison_without_a_passing_run_follows_on_no_baseline():
    assert verdict_on("findings.new.high", "<= 0", scan()).status == "warn"
    assert verdict_on("findings.new.high", "<= 0", scan(), on_no_baseline="fail").status == "fail"


@pytest.mark.parametrize(
    ("critical", "high", "medium", "score", "status"),
    [(0, 0, 0, 100, "pass"), (0, 2, 0, 80, "pass"), (0, 2, 1, 78, "fail"), (1, 0, 0, 60, "fail"), (3, 0, 0, 0, "fail")],
)
def test_security_score_is_the_seeds_formula(critical: int, high: int, medium: int, score: float, status: str):
    found = [finding(f"c{i}", "critical") for i in range(critical)]
    found += [finding(f"h{i}", "high") for i in range(high)]
    found += [finding(f"m{i}", "medium") for i in range(medium)]

    verdict = judge(parse({"preset": "security_scan"}), scan(*found))

    by_name = {result.name: result for result in verdict.objectives}
    assert by_name["security.score"].value == score
    assert verdict.status == status


def test_own_score_is_judged_and_compared_like_any_measurement():
    keys = {"scores": {"custom.debt": {"start": 0, "per": {"findings.low": 1, "findings.high": 5}}}}
    evidence = scan(finding("a"), finding("b", "low"), baseline=Baseline({"findings.low": 0, "findings.high": 1}))

    result = verdict_on("custom.debt", "<= +10 %", evidence, **keys).objectives[0]

    assert (result.value, result.baseline, result.status) == (6, 5, "fail")


def test_score_without_its_parts_is_an_error():
    assert verdict_on("security.score", ">= 80", Evidence(now=NOW)).status == "error"


SETS = {
    "control_sets": {
        "gdpr": {
            "title": "GDPR",
            "controls": [
                {"id": "at-rest", "title": "Encrypted at rest", "evidence": ["s3_*_encryption", "rds_encrypted"]},
                {"id": "private", "title": "Not public", "evidence": ["s3_public_access"]},
            ],
        }
    }
}


@pytest.mark.parametrize(
    ("controls", "failed", "status"),
    [
        ({"s3_default_encryption": "passed", "s3_public_access": "passed"}, 0, "pass"),
        ({"s3_default_encryption": "passed", "rds_encrypted": "failed", "s3_public_access": "passed"}, 1, "fail"),
        ({"s3_default_encryption": "failed", "s3_public_access": "failed"}, 2, "fail"),
        ({"s3_default_encryption": "passed"}, None, "error"),
        ({}, None, "error"),
    ],
)
def test_control_holds_when_its_evidence_ran_and_none_failed(controls: dict[str, str], failed: int | None, status: str):
    verdict = verdict_on("compliance.gdpr.failed", "<= 0", Evidence(controls=controls, now=NOW), **SETS)

    assert (verdict.objectives[0].value, verdict.status) == (failed, status)


def test_control_that_no_report_proves_is_named():
    evidence = Evidence(controls={"s3_default_encryption": "passed"}, now=NOW)

    verdict = verdict_on("compliance.gdpr.failed", "<= 0", evidence, **SETS)

    assert verdict.reasons[0] == "no report measures control private of gdpr"
    assert verdict_on("compliance.gdpr.missing", "<= 1", evidence, **SETS).status == "pass"


def test_reports_that_contradict_each_other_are_an_error():
    evidence = Evidence({"model.loss": Measured(1, "m")}, conflicts=("model.accuracy",), now=NOW)

    verdict = verdict_on("model.accuracy", ">= 0.8", evidence)

    assert verdict.status == "error"
    assert "contradict each other about model.accuracy" in verdict.reasons[0]


PROVED = {"s3_default_encryption": "failed", "rds_encrypted": "passed", "s3_public_access": "failed"}


def on_controls(measurement: str, controls: dict[str, str], *waivers: Waiver) -> Verdict:
    failed = sum(status == "failed" for status in controls.values())
    measured = {"compliance.failed": Measured(float(failed), "prowler.csv")}
    seen = Evidence(measured, controls=controls, waivers=waivers, now=NOW)
    return verdict_on(measurement, "<= 0", seen, **SETS)


@pytest.mark.parametrize(
    ("measurement", "waived", "left"),
    [
        ("compliance.failed", ["s3_default_encryption"], 1),
        ("compliance.failed", ["s3_*"], 0),
        ("compliance.failed", ["rds_encrypted"], 2),
        ("compliance.gdpr.failed", ["s3_default_encryption"], 1),
        ("compliance.gdpr.failed", ["s3_default_encryption", "private"], 0),
        ("compliance.gdpr.failed", ["*"], 0),
    ],
)
def test_a_waived_control_may_fail_named_by_its_check_or_itself(measurement: str, waived: list[str], left: int):
    verdict = on_controls(measurement, PROVED, *(waive(control=one) for one in waived))

    assert verdict.objectives[0].value == left


def test_a_waived_control_is_said_and_counts_again_after_its_last_day():
    acting = on_controls("compliance.gdpr.failed", PROVED, waive(control="s3_*"))
    late = on_controls("compliance.gdpr.failed", PROVED, waive(control="s3_*", expires="2026-11-21"))

    assert (acting.status, acting.objectives[0].reason) == (
        "pass",
        "compliance.gdpr.failed is 0, meets <= 0, 2 waived (prowler.csv)",
    )
    assert acting.notes == ("waived 2 controls: control s3_*, by alice@example.com until 2026-12-31 (not reachable)",)
    assert late.status == "fail"
    assert late.notes == ("EXPIRED waiver of control s3_* (alice@example.com, 2026-11-21): 2 controls count again",)


def test_a_control_that_no_report_proves_cannot_be_waived():
    verdict = on_controls("compliance.gdpr.failed", {"s3_default_encryption": "failed"}, waive(control="*"))

    assert verdict.status == "error"


def test_a_waiver_of_a_control_survives_storage():
    gate = parse({**SETS, "name": "g", "objectives": [{"measurement": "compliance.gdpr.failed", "pass": ["<= 0"]}]})
    kept = Evidence(controls=PROVED, waivers=(waive(control="private"),), now=NOW)

    assert judge(gate, Evidence.from_data(kept.to_data())) == judge(gate, kept)


@pytest.mark.parametrize(
    ("counted", "notes"),
    [
        ("critical", ("a.json: 2 findings state no severity, and the gate counts none of these (findings.unknown)",)),
        ("unknown", ()),
        ("total", ()),
    ],
)
def test_findings_of_no_severity_that_the_gate_would_not_count_are_noted(counted: str, notes: tuple[str, ...]):
    asked = parse({"name": "g", "objectives": [{"measurement": f"findings.{counted}", "pass": ["<= 9"]}]})
    report = Report("a.json", "pip-audit", {"findings.critical": 0, "findings.unknown": 2, "findings.total": 2})

    assert gather(asked, [report], [], Evidence()).notes == notes


def test_control_that_waits_for_a_person_is_noted():
    report = Report("p.json", "ocsf", {"compliance.manual": 1}, controls=(Control("macie_is_enabled", "manual"),))

    notes = gather(parse({"preset": "compliance_check"}), [report], [], Evidence()).notes

    assert notes == ("a person must check, and no report proves: data-sensitive-discovered",)
