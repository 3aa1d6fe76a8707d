"""Every automated preset judges the shipped sample reports, by the command that its page names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildgate.domain.gates import parse, presets
from buildgate_cli.main import main
from buildgate_cli.preset_samples import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[3]
MISSED = {
    "code_quality": {
        "coverage.line_percent is 61, must be >= 80",
        "quality.smells is 240, must be <= 100",
        "quality.debt_hours is 40, must be <= 24",
        "quality.maintainability_rating is C, must be <= A",
    },
    "compliance_check": {
        "compliance.gdpr.failed is 1, must be <= 0: gdpr-encryption-at-rest",
        "compliance.sox.failed is 1, must be <= 0: sox-strong-sign-in",
        "compliance.pci.failed is 1, must be <= 0: pci-stored-data",
        "compliance.data_classification.failed is 1, must be <= 0: data-classified",
    },
    "data_quality": {
        "data.schema_violations is 7, must be <= 0, was 0",
        "data.null_percent is 9.5, must be <= 1, was 0.4",
        "data.duplicate_percent is 2, must be <= 0.1, was 0.02",
        "data.freshness_hours is 60, must be <= 24, was 3",
        "data.rows is 90000, must be >= 1 and >= -20 % (96000), was 120000",
    },
    "infrastructure_change": {
        "changes.deleted is 1, must be <= 0",
        "changes.replaced is 1, must be <= 0",
        "findings.critical is 1, must be <= 0",
        "cost.monthly_usd_delta is 812, must be <= 100",
    },
    "model_quality": {
        "model.accuracy is 0.78, must be >= 0.8 and >= -1 % (0.9207), was 0.93",
        "model.f1 is 0.7, must be >= 0.8 and >= -2 % (0.8918), was 0.91",
        "model.fairness_gap is 0.22, must be <= 0.1, was 0.04",
        "model.latency_p95_ms is 450, must be <= 200, was 85",
    },
    "performance_test": {"performance.rps is 10, must be >= 100", "performance.error_percent is 2, must be <= 0.1"},
    "security_scan": {"findings.critical is 1, must be <= 0", "security.score is 38, must be >= 80"},
    "sonar_way": {
        "quality.changed.issues is 3, must be <= 0",
        "quality.changed.hotspots_reviewed_percent is 50, must be >= 100",
        "coverage.changed.line_percent is 64, must be >= 80",
        "quality.changed.duplicated_percent is 7.5, must be <= 3",
    },
    "supply_chain": {"findings.critical is 2, must be <= 0, was 0", "findings.new.high is 3, must be <= 0"},
}


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Judge files of the checkout with a preset; return the exit code and the verdict. What passes is the baseline."""
    monkeypatch.chdir(ROOT)
    passed = tmp_path / "passed.json"

    def run(preset: str, files: Sequence[str]) -> tuple[int, dict]:
        history = ["--baseline", str(passed)] if passed.exists() else []
        said = tmp_path / "verdict.json"
        code = main(["gate", "check", "-g", preset, *files, *history, "--format", "json", "--output", str(said)])
        return code, json.loads(said.read_text())["verdicts"][0]

    def saved(preset: str, files: Sequence[str]) -> str:
        main(["gate", "check", "-g", preset, *files, "--save", str(passed)])
        return json.loads(passed.read_text())["verdict"]["status"]

    run.save = saved
    return run


def test_every_automated_preset_has_samples():
    assert set(SAMPLES) == {name for name in presets.names() if parse({"preset": name}).manual is None} == set(MISSED)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_preset_passes_and_fails_what_its_page_says(name: str, check):
    samples, is_advisory = SAMPLES[name], parse({"preset": name}).is_advisory

    if samples.needs_history:
        assert check.save(name, samples.passes) == "warn"
    code, passing = check(name, samples.passes)
    assert (code, passing["status"]) == (0, "pass")

    code, failing = check(name, samples.fails)
    assert (code, failing["status"]) == (0 if is_advisory else 1, "fail")
    missed = {o["reason"].partition(" (tests/")[0] for o in failing["objectives"] if o["status"] == "fail"}
    assert missed == MISSED[name]


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_preset_fed_by_reports_of_another_kind_alone_is_an_error(name: str, check):
    code, verdict = check(name, ["tests/samples/reports/junit/pytest.xml"])

    assert verdict["status"] == "error"
    assert code == (0 if parse({"preset": name}).is_advisory else 5)
    assert {o["status"] for o in verdict["objectives"]} == {"error"}
