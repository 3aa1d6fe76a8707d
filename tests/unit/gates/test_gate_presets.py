"""The presets: their figures, and evidence named for every criterion."""

from __future__ import annotations

import jsonschema
import pytest

from buildgate.domain.gates import Evidence, Gate, judge, parse
from buildgate.domain.gates import presets as library
from buildgate.domain.gates.vocabulary import is_known
from buildgate.domain.measurements import Measured
from buildgate.inbound.gate_file import json_schema

FIGURES = {
    "security_scan": {"findings.critical": "<= 0", "findings.high": "<= 5", "security.score": ">= 80"},
    "code_quality": {
        "coverage.line_percent": ">= 80",
        "quality.smells": "<= 100",
        "quality.debt_hours": "<= 24",
        "quality.maintainability_rating": "<= A",
    },
    "performance_test": {
        "performance.p95_ms": "<= 2000",
        "performance.rps": ">= 100",
        "performance.error_percent": "<= 0.1",
    },
    "sonar_way": {
        "quality.changed.issues": "<= 0",
        "quality.changed.hotspots_reviewed_percent": ">= 100",
        "coverage.changed.line_percent": ">= 80",
        "quality.changed.duplicated_percent": "<= 3",
    },
}


def preset(name: str) -> Gate:
    return parse({"preset": name})


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_preset_has_its_figures(name: str):
    assert {o.measurement: o.passes[0][0].text for o in preset(name).objectives} == FIGURES[name]


def test_only_the_performance_test_is_advisory():
    assert [name for name in library.names() if preset(name).is_advisory] == ["performance_test"]


@pytest.mark.parametrize(
    ("name", "approvers", "hours"),
    [
        ("architecture_review", ("senior-architect", "security-lead"), 24),
        ("business_approval", ("product-owner", "ux-lead"), 48),
    ],
)
def test_manual_preset_needs_both_approvers_in_time(name: str, approvers: tuple[str, ...], hours: int):
    manual = preset(name).manual

    assert manual is not None
    assert (manual.approvers, manual.required, manual.timeout_minutes) == (approvers, 2, hours * 60)
    assert len(manual.checklist) == 3


def test_compliance_covers_four_control_sets_each_control_mapped_to_evidence():
    gate = preset("compliance_check")

    assert [found.name for found in gate.control_sets] == ["gdpr", "sox", "pci", "data_classification"]
    assert all(control.evidence for found in gate.control_sets for control in found.controls)


@pytest.mark.parametrize("name", library.names())
def test_preset_names_what_feeds_every_criterion_and_nothing_unknown(name: str):
    for objective in preset(name).objectives:
        assert objective.fed_by, objective.measurement
        assert is_known(objective.measurement)


@pytest.mark.parametrize("name", [name for name in library.names() if preset(name).manual is None])
def test_preset_that_nothing_feeds_is_an_error_that_names_the_formats(name: str):
    verdict = judge(preset(name), Evidence({"tests.total": Measured(1, "junit.xml")}))

    assert verdict.status == "error"
    assert all("it is fed by" in result.reason for result in verdict.objectives if result.status == "error")


@pytest.mark.parametrize("name", library.names())
def test_preset_fits_the_published_schema(name: str):
    jsonschema.validate({"name": name, **library.data_of(name)}, json_schema())


def test_schema_refuses_what_the_reader_refuses():
    schema = json_schema()
    for bad in ({"name": "g"}, {"preset": "none"}, {"objectives": [{"measurement": "tests.fail"}]}, {"gates": []}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)
