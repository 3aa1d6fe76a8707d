"""Every sample reads as its manifest says; every format has samples; every figure has a name that gates know."""

import json
from pathlib import Path
from typing import Any

import pytest

from buildgate.domain.gates import vocabulary
from buildgate.domain.measurements import Report
from buildgate.reports import REASONS, ReportRefused, read, registry

SAMPLES = Path(__file__).parents[2] / "samples" / "reports"
MANIFEST: dict[str, dict[str, Any]] = json.loads((SAMPLES / "manifest.json").read_text(encoding="utf-8"))
READ = [name for name, entry in MANIFEST.items() if "refused" not in entry]
REFUSED = [name for name, entry in MANIFEST.items() if "refused" in entry]


def read_sample(name: str) -> Report:
    with (SAMPLES / name).open("rb") as stream:
        return read(stream, name=name, format=MANIFEST[name].get("asked_for"))


@pytest.mark.parametrize("name", READ)
def test_sample_is_recognised_and_measured(name):
    wanted = MANIFEST[name]

    report = read_sample(name)

    assert report.format == wanted["format"]
    measured = {key: report.measurements.get(key) for key in wanted.get("measurements", {})}
    assert measured == pytest.approx(wanted.get("measurements", {}))
    assert not set(wanted.get("absent", ())) & set(report.measurements)
    for part in wanted.get("warnings", ()):
        assert any(part in warning for warning in report.warnings), report.warnings
    if wanted.get("warnings") == []:
        assert report.warnings == ()


@pytest.mark.parametrize("name", REFUSED)
def test_sample_is_refused_with_its_reason(name):
    with pytest.raises(ReportRefused) as refused:
        read_sample(name)

    assert refused.value.reason_code == MANIFEST[name]["refused"]
    assert refused.value.reason_code in REASONS
    assert refused.value.refusal.file == name


@pytest.mark.parametrize("name", READ)
def test_every_figure_has_a_name_that_gates_know_and_a_possible_value(name):
    for measurement, value in read_sample(name).measurements.items():
        assert vocabulary.is_known(measurement), measurement
        least, most = vocabulary.limits(measurement)
        assert least is None or value >= least
        assert most is None or value <= most


@pytest.mark.parametrize("name", READ)
def test_counts_agree_with_each_other(name):
    measured = read_sample(name).measurements

    if "tests.flaky" in measured:
        parts = ("tests.passed", "tests.failed", "tests.errored", "tests.skipped")
        assert measured["tests.total"] == sum(measured[part] for part in parts)
    if "findings.suppressed" in measured:
        severities = ("critical", "high", "medium", "low", "info", "unknown")
        assert measured["findings.total"] == sum(measured[f"findings.{level}"] for level in severities)


@pytest.mark.parametrize("name", READ)
def test_findings_have_rule_severity_and_fingerprint(name):
    for finding in read_sample(name).findings:
        assert finding.fingerprint
        assert finding.rule
        assert "\n" not in finding.message


def test_every_format_has_a_sample_that_is_read():
    assert {MANIFEST[name]["format"] for name in READ} == set(registry.BUILT_IN)


def test_every_sample_file_is_in_the_manifest():
    files = {str(path.relative_to(SAMPLES)) for path in SAMPLES.rglob("*") if path.is_file()}

    assert files - {"README.md", "manifest.json"} == set(MANIFEST)


def test_every_sample_says_who_made_it():
    assert all(entry["made_by"] for entry in MANIFEST.values())


def test_registry_and_readers_agree_about_names_and_kinds():
    for name, (_, kinds) in registry.BUILT_IN.items():
        reader = registry.reader(name)
        assert (reader.name, reader.kinds) == (name, kinds)
        assert reader.title
        assert reader.reads


@pytest.mark.parametrize(
    ("names", "family"),
    [
        (("cobertura/jest.xml", "clover/jest.xml", "lcov/jest.info"), "coverage."),
        (("cobertura/coverage-py.xml", "coverage-py/report.json", "lcov/coverage-py.info"), "coverage."),
        (("behave/report.json", "junit/behave.xml"), "tests."),
        (("k6/handle-summary.json", "k6/summary-export.json"), "performance."),
        (("trivy/schema-2.json", "trivy/legacy-list.json", "trivy/kubernetes.json"), "findings."),
        (("spdx/tool.json", "spdx/tool.yaml", "spdx/tool.xml", "spdx/tool.rdf.xml", "spdx/tool.spdx"), "components."),
        (("asff/get-findings.json", "asff/list.json"), "findings."),
        (("prowler-json/version-2.json", "prowler-json/version-2-lines.json"), "compliance."),
        (("sarif/levels.sarif", "sarif/rules-after-results.sarif"), "findings."),
    ],
)
def test_one_run_exported_in_several_formats_measures_the_same(names, family):
    reports = [read_sample(name).measurements for name in names]

    shared = set.intersection(*(set(report) for report in reports))
    assert any(name.startswith(family) for name in shared)
    for name in shared - {"tests.duration_seconds"}:
        assert {report[name] for report in reports} == {reports[0][name]}, name


def test_cucumber_counts_as_its_own_junit_does():
    json_report, junit = read_sample("cucumber/cucumber-js.json"), read_sample("junit/cucumber-js.xml")

    for name in ("tests.total", "tests.passed", "tests.failed", "tests.errored", "tests.skipped"):
        assert json_report.measurements[name] == junit.measurements[name]


def test_a_leaked_secret_is_never_repeated():
    report = read_sample("gitleaks/report.json")

    assert "NOTAKEY" not in repr(report)
