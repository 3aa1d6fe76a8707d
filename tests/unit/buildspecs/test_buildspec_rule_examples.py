"""Every rule's examples: the failing one has the finding, the fixed one is clean of it and loads."""

import pytest

from buildgate_cli.buildspecs import BuildspecError, load
from buildgate_cli.buildspecs.lint import Surroundings, lint
from buildgate_cli.buildspecs.rules import RULES, Rule


def surroundings_of(options: tuple[str, ...]) -> Surroundings:
    privileged = True if "--privileged" in options else False if "--no-privileged" in options else None
    return Surroundings(privileged=privileged)


def codes(text: str, options: tuple[str, ...] = ()) -> list[str]:
    return [finding.code for finding in lint(text, surroundings=surroundings_of(options))]


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.code)
def test_failing_example_has_the_finding_at_a_place(rule: Rule) -> None:
    findings = lint(rule.failing, surroundings=surroundings_of(rule.options))

    (finding, *_) = [one for one in findings if one.code == rule.code]
    assert finding.severity == rule.severity
    assert 1 <= finding.line <= rule.failing.count("\n") + 1
    assert finding.column >= 1
    assert finding.message
    assert all(one.fix for one in findings)


@pytest.mark.parametrize(
    "text",
    [
        b"\xc3\x28",
        "- a\n",
        'version: 0.2\nphases: {build: {commands: ["a}\n',
        "version: 0.2\nphases:\n build:\n   commands:\n  - a\n",
        "version: 0.2\nenv: {variables: {A: [b]}}\nphases: {build: {commands: [[a]]}}\n",
        "version: 0.2\nbatch: {build-fanout: {}}\nphases: {build: {commands: [a]}}\n",
    ],
)
def test_whatever_is_wrong_the_way_out_is_told(text: str | bytes) -> None:
    findings = lint(text)

    assert findings
    assert all(one.fix for one in findings)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.code)
def test_fixed_example_is_clean(rule: Rule) -> None:
    assert [code for code in codes(rule.fixed, rule.fixed_options) if code not in {"BS904", "BS906"}] == []


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.code)
def test_load_refuses_a_failing_example_exactly_when_the_rule_is_an_error(rule: Rule) -> None:
    if rule.severity == "error" or rule.code == "BS901":
        with pytest.raises(BuildspecError):
            load(rule.failing)
    else:
        load(rule.failing)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.code)
def test_failing_example_of_a_warning_has_no_error(rule: Rule) -> None:
    severities = {finding.severity for finding in lint(rule.failing, surroundings=surroundings_of(rule.options))}

    assert ("error" in severities) == (rule.severity == "error")


def test_codes_are_well_formed_and_sorted_by_kind() -> None:
    assert all(len(code) == 5 and code.startswith("BS") and code[2:].isdecimal() for code in RULES)
    assert list(RULES) == sorted(RULES)
