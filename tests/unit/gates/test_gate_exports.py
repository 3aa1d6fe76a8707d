"""Verdicts as JUnit, SARIF, Markdown and text."""

from __future__ import annotations

import json

from defusedxml import ElementTree

from buildgate.domain.gates import Evidence, judge, parse
from buildgate.domain.gates.exports import to_junit, to_markdown, to_sarif, to_text
from buildgate.domain.measurements import Measured, Refusal

GATE = parse(
    {
        "name": "quality",
        "objectives": [
            {"measurement": "tests.failed", "pass": ["<= 0"], "key": True},
            {"measurement": "coverage.line_percent", "pass": [">= 80"], "warn": [">= 70"]},
            {"measurement": "coverage.changed.line_percent", "pass": [">= 80"]},
        ],
    }
)
VERDICT = judge(
    GATE,
    Evidence(
        {
            "tests.failed": Measured(2, "a<b>|`x`.xml"),
            "coverage.line_percent": Measured(75, "cov.xml"),
            "coverage.changed.line_percent": Measured(5, "cov.xml"),
        },
        changed_lines=3,
    ),
)


def test_junit_has_a_case_for_each_objective_with_its_reason():
    suite = ElementTree.fromstring(to_junit([VERDICT])).find("testsuite")

    assert suite.attrib == {"name": "quality", "tests": "3", "failures": "1", "errors": "0", "skipped": "1"}
    assert suite.find("testcase/failure").attrib["message"] == "tests.failed is 2, must be <= 0 (a<b>|`x`.xml)"
    assert "SKIPPED" in suite.find("testcase/skipped").attrib["message"]


def test_junit_of_a_refused_report_has_an_error_and_never_a_control_character():
    refused = Refusal("x.xml", "nul_byte", "a \x00 in the text")
    suite = ElementTree.fromstring(to_junit([judge(GATE, Evidence(refused=(refused,)))])).find("testsuite")

    assert int(suite.attrib["errors"]) >= 1


def test_junit_shows_a_gate_level_error_when_every_objective_holds():
    gate = parse({"name": "g", "objectives": [{"measurement": "tests.failed", "pass": ["<= 0"]}]})
    seen = Evidence({"tests.failed": Measured(0, "a.xml")}, refused=(Refusal("b.xml", "truncated", "cut off"),))

    suite = ElementTree.fromstring(to_junit([judge(gate, seen)])).find("testsuite")

    assert suite.attrib["errors"] == "1"


def test_sarif_has_a_result_for_what_does_not_hold_at_the_report_that_says_so():
    data = json.loads(to_sarif([VERDICT]))

    assert data["version"] == "2.1.0"
    results = data["runs"][0]["results"]
    assert [(r["ruleId"], r["level"]) for r in results] == [
        ("quality/tests.failed", "error"),
        ("quality/coverage.line_percent", "warning"),
    ]
    assert results[1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "cov.xml"


def test_markdown_is_a_table_that_text_from_reports_cannot_break():
    text = to_markdown([VERDICT])

    assert "| ❌ fail | **tests.failed** | 2 | \\<= 0 | - | a\\<b\\>\\|\\`x\\`.xml |" in text.splitlines()
    assert text.startswith("### ❌ quality: fail")


def test_text_says_status_objectives_and_which_policy():
    lines = to_text(VERDICT).splitlines()

    assert lines[0] == "quality: FAIL  score 25  (blocks)"
    assert lines[1] == "  fail     tests.failed is 2, must be <= 0 (a<b>|`x`.xml) [key]"
    assert lines[-1].startswith("  policy ")
