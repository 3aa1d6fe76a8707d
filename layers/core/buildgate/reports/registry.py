"""The readers there are: ours by name, and those of users by the entry point group `buildgate.readers`.

Modules are imported when a file could be theirs, so that a function which reads JUnit loads no other reader.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

from buildgate.reports.refusal import Refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildgate.reports.document import Reader

GROUP: Final = "buildgate.readers"

_XML: Final = ("xml",)
_JSON: Final = ("json",)
_JSON_LINES: Final = ("json", "jsonlines")
_TEXT: Final = ("text",)
BUILT_IN: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "junit": ("tests.junit:Junit", _XML),
    "nunit2": ("tests.nunit:Nunit2", _XML),
    "nunit3": ("tests.nunit:Nunit3", _XML),
    "xunit": ("tests.xunit:Xunit", _XML),
    "testng": ("tests.testng:Testng", _XML),
    "trx": ("tests.trx:Trx", _XML),
    "cucumber": ("tests.cucumber:Cucumber", _JSON),
    "behave": ("tests.cucumber:Behave", _JSON),
    "go-test": ("tests.gotest:GoTest", ("json", "jsonlines", "text")),
    "cobertura": ("coverage.cobertura:Cobertura", _XML),
    "jacoco": ("coverage.jacoco:Jacoco", _XML),
    "clover": ("coverage.clover:Clover", _XML),
    "lcov": ("coverage.lcov:Lcov", _TEXT),
    "simplecov": ("coverage.simplecov:Simplecov", _JSON),
    "opencover": ("coverage.opencover:Opencover", _XML),
    "coverage-py": ("coverage.coveragepy:CoveragePy", _JSON),
    "sarif": ("security.sarif:Sarif", _JSON),
    "trivy": ("security.containers:Trivy", _JSON),
    "grype": ("security.containers:Grype", _JSON),
    "snyk": ("security.dependencies:Snyk", _JSON),
    "npm-audit": ("security.dependencies:NpmAudit", _JSON_LINES),
    "pip-audit": ("security.dependencies:PipAudit", _JSON),
    "checkmarx": ("security.checkmarx:Checkmarx", _JSON),
    "checkmarx-xml": ("security.checkmarx:CheckmarxXml", _XML),
    "bandit": ("security.code:Bandit", _JSON),
    "semgrep": ("security.code:Semgrep", _JSON),
    "gitleaks": ("security.code:Gitleaks", _JSON),
    "checkov": ("security.infrastructure_code:Checkov", _JSON),
    "tfsec": ("security.infrastructure_code:Tfsec", _JSON),
    "dependency-check": ("security.owasp:DependencyCheck", ("json", "xml")),
    "zap": ("security.owasp:Zap", ("json", "xml")),
    "gitlab-security": ("security.gitlab:GitlabSecurity", _JSON),
    "inspector": ("security.aws:Inspector", _JSON),
    "ecr-scan": ("security.aws:EcrScan", _JSON),
    "asff": ("security.aws:Asff", _JSON_LINES),
    "sonar-measures": ("quality.sonar:SonarMeasures", _JSON),
    "sonar-status": ("quality.sonar:SonarStatus", _JSON),
    "eslint": ("quality.linters:Eslint", _JSON),
    "codeclimate": ("quality.linters:CodeClimate", _JSON_LINES),
    "hadolint": ("quality.linters:Hadolint", _JSON),
    "cfn-lint": ("quality.linters:CfnLint", _JSON),
    "checkstyle": ("quality.linters:Checkstyle", _XML),
    "jmeter-csv": ("performance.jmeter:JmeterCsv", _TEXT),
    "jmeter-xml": ("performance.jmeter:JmeterXml", _XML),
    "k6": ("performance.k6:K6", _JSON_LINES),
    "artillery": ("performance.artillery:Artillery", _JSON),
    "prowler-json": ("compliance.prowler:ProwlerJson", _JSON_LINES),
    "prowler-csv": ("compliance.prowler:ProwlerCsv", _TEXT),
    "ocsf": ("compliance.prowler:ProwlerOcsf", _JSON_LINES),
    "inspec": ("compliance.inspec:Inspec", _JSON),
    "opa": ("compliance.policies:Opa", _JSON),
    "conftest": ("compliance.policies:Conftest", _JSON),
    "cfn-guard": ("compliance.policies:CfnGuard", _JSON_LINES),
    "terraform-plan": ("infrastructure.terraform:TerraformPlan", _JSON),
    "infracost": ("infrastructure.infracost:Infracost", _JSON),
    "cyclonedx": ("components.cyclonedx:CycloneDx", ("json", "xml")),
    "spdx": ("components.spdx:Spdx", ("json", "text", "xml")),
    "metrics": ("own:Metrics", _JSON),
}
"""Format name -> where its reader is, and the kinds of content it may claim."""


FAMILIES: Final[dict[str, tuple[str, ...]]] = {
    "nunit": ("nunit2", "nunit3"),
    "jmeter": ("jmeter-csv", "jmeter-xml"),
    "prowler": ("prowler-json", "prowler-csv", "ocsf", "asff"),
    "sonarqube": ("sonar-measures", "sonar-status"),
    "checkmarx": ("checkmarx", "checkmarx-xml"),
}
"""What people call a tool -> the formats it writes; asked for by such a name, the content decides among them."""

EMPTY_LISTS: Final = frozenset(
    {"asff", "behave", "cfn-guard", "cfn-lint", "checkov", "codeclimate", "conftest", "cucumber", "eslint", "gitleaks"}
) | {"hadolint", "ocsf", "pip-audit", "prowler-json", "snyk", "trivy"}
"""Formats whose report of nothing is `[]` or `null`: it says nothing about itself, so it is read only when asked for by name."""


@cache
def _entry_points() -> dict[str, object]:
    from importlib.metadata import entry_points  # noqa: PLC0415  # costs more than all the rest; rarely needed

    return {point.name: point for point in entry_points(group=GROUP)}


@cache
def _load(name: str) -> Reader:
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name][0].partition(":")
        reader: Reader = getattr(import_module(f"buildgate.reports.{module}"), attribute)()
        return reader
    point = _entry_points().get(name)
    if point is None:
        raise Refuse("unknown_format", f"there is no reader named {name!r}; `buildgate report formats` lists them")
    made: Reader = point.load()()  # type: ignore[attr-defined]
    return made


def reader(name: str) -> Reader:
    """Return the reader of a format."""
    return _load(name)


def names() -> tuple[str, ...]:
    """Return the names of all formats, ours first."""
    return (*BUILT_IN, *sorted(name for name in _entry_points() if name not in BUILT_IN))


def candidates(kind: str) -> Iterator[Reader]:
    """Yield our readers that may claim content of this kind."""
    for name, (_, kinds) in BUILT_IN.items():
        if kind in kinds:
            yield _load(name)


def plugged(kind: str) -> Iterator[Reader]:
    """Yield the readers of users that may claim content of this kind; to be asked when none of ours does."""
    for name in sorted(_entry_points()):
        if name not in BUILT_IN and kind in _load(name).kinds:
            yield _load(name)
