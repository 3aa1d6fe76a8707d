"""Each rule on its own examples, policies, rules of other packages, and projects that are not what they should be."""

import json
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st

from buildgate_cli import reference
from buildgate_cli.errors import UserError
from buildgate_cli.projects import Found, Project, Rule, catalogue, waste
from buildgate_cli.projects.policy import Policy, read_policy
from buildgate_cli.projects.role import RoleFacts, facts_of
from buildgate_cli.projects.validate import Standards, findings_of
from buildgate_cli.source_files import FileRefusedError
from cli_harness import Cli

ROOT = Path(__file__).parents[3]
PLAIN: dict[str, Any] = {
    "name": "shop-unit",
    "source": {"type": "CODECOMMIT", "location": "shop"},
    "artifacts": {"type": "NO_ARTIFACTS"},
    "environment": {
        "type": "LINUX_CONTAINER",
        "image": "aws/codebuild/standard:7.0",
        "computeType": "BUILD_GENERAL1_SMALL",
    },
    "serviceRole": "arn:aws:iam::111122223333:role/shop-build",
    "timeoutInMinutes": 15,
    "tags": [{"key": "team", "value": "shop"}, {"key": "cost-centre", "value": "cc-42"}],
}
EXAMPLES = [rule for rule in catalogue.OWN if rule.failing]


@pytest.fixture(scope="module")
def standards() -> Standards:
    return Standards(MODEL, catalogue.OWN, Policy())


def laid_over(text: str) -> dict[str, Any]:
    """Return the plain project with an example over it; a null takes a member away, Lambda brings no timeout."""
    data = {**PLAIN, **yaml.safe_load(text)}
    if "LAMBDA" in data["environment"]["type"] and "timeoutInMinutes" not in text:
        data["timeoutInMinutes"] = None
    return {key: value for key, value in data.items() if value is not None}


def codes(standards: Standards, data: Any, **more: Any) -> list[str]:
    return [one.code for one in findings_of(standards, data, "p", **more)]


def test_a_plain_project_has_nothing_against_it(standards: Standards) -> None:
    assert codes(standards, PLAIN) == []


@pytest.mark.parametrize("rule", EXAMPLES, ids=lambda rule: rule.code)
def test_each_rule_finds_its_failing_example_and_not_its_fixed_one(standards: Standards, rule: Rule) -> None:
    failing, fixed = laid_over(rule.failing), laid_over(rule.fixed)

    assert rule.code in codes(standards, failing)
    assert rule.code not in codes(standards, fixed)
    assert catalogue.MODEL_CODE not in codes(standards, fixed)
    assert all(one.fix and one.message for one in findings_of(standards, failing, "p"))


def test_codes_are_unlike_each_other_and_in_order() -> None:
    known = [rule.code for rule in catalogue.OWN]

    assert known == sorted(set(known))


def test_a_public_project_is_found_on_aws(standards: Standards) -> None:
    assert codes(standards, {**PLAIN, "projectVisibility": "PUBLIC_READ"}) == ["PR209"]


@pytest.mark.parametrize("value", ["", "true", "3600", "/shop/token-name", "none"])
def test_values_that_hold_no_secret_are_not_called_one(standards: Standards, value: str) -> None:
    variables = [{"name": "TOKEN_LIFETIME", "value": value}]

    assert codes(standards, {**PLAIN, "environment": {**PLAIN["environment"], "environmentVariables": variables}}) == []


def test_a_value_shaped_like_a_secret_is_found_under_any_name(standards: Standards) -> None:
    variables = [{"name": "SETTING", "value": "ghp_" + "a" * 36}]
    data = {**PLAIN, "environment": {**PLAIN["environment"], "environmentVariables": variables}}

    found = findings_of(standards, data, "p")

    assert [one.code for one in found] == ["PR201"]
    assert "ghp_" not in found[0].message


def test_the_policies_of_a_role_speak_instead_of_its_name(standards: Standards) -> None:
    wide = RoleFacts([{"Effect": "Allow", "Action": "*", "Resource": "*"}])
    narrow = RoleFacts([{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*"}])
    data = {**PLAIN, "serviceRole": "arn:aws:iam::111122223333:role/shop-admin"}

    assert codes(standards, PLAIN, role=wide) == ["PR204"]
    assert codes(standards, data) == ["PR204"]
    assert codes(standards, data, role=narrow) == []
    assert codes(standards, PLAIN, role=RoleFacts(is_missing=True)) == ["PR110"]


class Roles:
    """IAM with one role: an inline policy and one that is attached."""

    class exceptions:  # noqa: N801 - botocore's name
        class NoSuchEntityException(Exception):
            pass

    def get_paginator(self, name: str) -> Any:
        return self.Pages(name)

    class Pages:
        def __init__(self, name: str) -> None:
            self.name = name

        def paginate(self, RoleName: str) -> list[dict[str, Any]]:  # noqa: N803
            if RoleName != "shop":
                raise Roles.exceptions.NoSuchEntityException
            is_inline = self.name == "list_role_policies"
            return [{"PolicyNames": ["own"]}] if is_inline else [{"AttachedPolicies": [{"PolicyArn": "arn:x"}]}]

    def get_role_policy(self, **_: Any) -> dict[str, Any]:
        return {"PolicyDocument": "%7B%22Statement%22%3A%7B%22Effect%22%3A%22Deny%22%7D%7D"}

    def get_policy(self, **_: Any) -> dict[str, Any]:
        return {"Policy": {"DefaultVersionId": "v3"}}

    def get_policy_version(self, **_: Any) -> dict[str, Any]:
        return {"PolicyVersion": {"Document": {"Statement": [{"Effect": "Allow", "Action": "s3:*"}]}}}


def test_the_allowing_statements_of_a_role_are_read_from_iam() -> None:
    assert facts_of(Roles(), "arn:aws:iam::1:role/path/shop").statements == [{"Effect": "Allow", "Action": "s3:*"}]
    assert facts_of(Roles(), "arn:aws:iam::1:role/other").is_missing


def test_images_that_codebuild_offers_fit_their_environment_type(standards: Standards) -> None:
    for image in waste.curated()[1]:
        kind = "ARM_CONTAINER" if "aarch64" in image else "LINUX_CONTAINER"
        kind = f"WINDOWS_SERVER_{image.split(':')[1][:4]}_CONTAINER" if "windows" in image else kind
        environment = {**PLAIN["environment"], "type": kind, "image": image}

        assert codes(standards, {**PLAIN, "environment": environment}) == []


def policy(folder: Path, text: str) -> Policy:
    (folder / "policy.yaml").write_text(text)
    return read_policy(folder / "policy.yaml", {rule.code for rule in catalogue.OWN}, MODEL)


MODEL = Session().get_service_model("codebuild")
POLICY = """\
images: {allowed: ["aws/codebuild/standard:6.*"], effect: deny}
compute-types: {allowed: [BUILD_GENERAL1_LARGE], effect: warn}
environment-types: {allowed: [ARM_CONTAINER]}
required-tags: {tags: {team: "[0-9]+", owner: ".+"}}
name: {pattern: "team-.*", effect: warn}
timeout-minutes: {at-most: 10}
privileged: {allowed: false}
rules: {PR901: deny, PR307: "off"}
"""


def test_a_policy_denies_and_warns_by_its_sections(standards: Standards, tmp_path: Path) -> None:
    held = Standards(standards.model, standards.rules, policy(tmp_path, POLICY))
    environment = {**PLAIN["environment"], "privilegedMode": True}

    found = findings_of(held, {**PLAIN, "environment": environment}, "p")

    assert {(one.code, one.severity) for one in found} == {
        ("policy.images", "error"),
        ("policy.compute-types", "warning"),
        ("policy.environment-types", "error"),
        ("policy.required-tags", "error"),
        ("policy.name", "warning"),
        ("policy.timeout-minutes", "error"),
        ("policy.privileged", "error"),
    }
    assert sum(one.code == "policy.required-tags" for one in found) == 2


def test_a_policy_raises_and_silences_single_rules(standards: Standards, tmp_path: Path) -> None:
    held = Standards(standards.model, standards.rules, policy(tmp_path, 'rules: {PR901: deny, PR307: "off"}\n'))
    environment = {**PLAIN["environment"], "image": "registry.example.com/ci"}

    found = findings_of(held, {**PLAIN, "environment": environment, "tags": []}, "p")

    assert [(one.code, one.severity) for one in found] == [("PR901", "error")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("imges: {allowed: []}\n", "unknown key 'imges'"),
        ("images: {allow: []}\n", "does not say 'allowed'"),
        ("images: {allowed: x}\n", "found str"),
        ("images: {allowed: [], effect: refuse}\n", "'refuse' is not allowed"),
        ('name: {pattern: "("}\n', "no regular expression"),
        ("rules: {PR999: deny}\n", "there is no rule PR999"),
        ("rules: {PR201: false}\n", "False is not allowed"),
        ("privileged: {allowed: maybe}\n", "found str"),
        ("- a\n", "holds no mapping"),
    ],
)
def test_a_policy_that_is_wrong_is_refused_at_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FileRefusedError) as refused:
        policy(tmp_path, text)

    assert message in refused.value.problems[0].message
    assert refused.value.problems[0].line == 1


def no_tests(project: Project) -> list[Found]:
    return [] if "test" in project.name else [Found(("name",), "it tests nothing", "name it ...-test")]


def breaks(project: Project) -> list[Found]:
    raise LookupError("no such thing")


OURS = Rule("ORG1", "Projects test", "They should.", no_tests, given_severity="error")
BROKEN = Rule("ORG2", "Breaks", "It does.", breaks)


def entry(name: str) -> EntryPoint:
    return EntryPoint("ours", f"{__name__}:{name}", catalogue.ENTRY_POINT_GROUP)


class Loaded(EntryPoint):
    """An entry point whose module is not found by name, for tests are no package."""

    def load(self) -> Any:
        return globals()[self.value.rpartition(":")[2]]


def test_packages_add_rules_of_their_own(standards: Standards) -> None:
    rules = catalogue.all_rules([Loaded("ours", "x:OURS", catalogue.ENTRY_POINT_GROUP)])

    assert codes(Standards(standards.model, rules, Policy()), PLAIN) == ["ORG1"]


def test_a_rule_that_breaks_lets_no_project_pass(standards: Standards) -> None:
    found = findings_of(Standards(standards.model, [BROKEN], Policy()), PLAIN, "p")

    assert [(one.code, one.severity) for one in found] == [("PR199", "error")]
    assert "LookupError: no such thing" in found[0].message


def test_an_entry_that_is_no_rule_is_named() -> None:
    for entry_point, words in (
        (Loaded("ours", "x:PLAIN", "g"), "is no project rule but dict"),
        (EntryPoint("ours", "no_such_module:RULE", "g"), "cannot be loaded"),
    ):
        with pytest.raises(UserError, match=words):
            catalogue.all_rules([entry_point])


def test_two_rules_may_not_share_a_code() -> None:
    twice = Loaded("ours", "x:OURS", "g")

    with pytest.raises(UserError, match="a code that is taken"):
        catalogue.all_rules([twice, twice])


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5000) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from(
    [
        "cache",
        "vpcConfig",
        "logsConfig",
        "secondarySources",
        "secondaryArtifacts",
        "webhook",
        "alarms",
        "lifecycle",
        "sourceCredentials",
        "buildspec",
        "reportGroups",
        "concurrentBuildLimit",
        "projectVisibility",
        "name",
        "source",
        "artifacts",
        "environment",
        "serviceRole",
        "tags",
    ]
)


@given(changes=st.dictionaries(MEMBERS, JSON_VALUES, max_size=4))
def test_no_data_whatever_breaks_the_rules(standards: Standards, changes: dict[str, Any]) -> None:
    found = findings_of(standards, {**PLAIN, **changes}, "p")

    assert "PR199" not in [one.code for one in found]


def test_the_command_prints_places_and_ends_with_what_it_found(cli: Cli, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.json"
    good.write_text(yaml.safe_dump(PLAIN))
    bad.write_text(json.dumps({**PLAIN, "vpcConfig": {"vpcId": "vpc-1"}, "timeoutInMinutes": 3}, indent=1))

    fine, refused = cli("project", "validate", str(good)), cli("project", "validate", str(good), str(bad))

    assert (fine.exit_code, fine.stdout) == (0, "1 project checked: nothing to say\n")
    assert refused.exit_code == 1
    assert "error PR100 timeoutInMinutes: 3 is too small; expected at least 5" in refused.stdout
    assert "error PR101 vpcConfig: the VPC lacks subnets, securityGroupIds" in refused.stdout
    assert refused.stdout.endswith("2 projects checked: 2 errors\n")


def test_warnings_end_with_four_only_when_asked(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "project.yaml"
    file.write_text(yaml.safe_dump({**PLAIN, "timeoutInMinutes": 2160}))

    assert cli("project", "validate", str(file)).exit_code == 0
    assert cli("project", "validate", "--strict", str(file)).exit_code == 4


def test_json_is_a_list_of_findings(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "project.yaml"
    file.write_text(
        "name: shop\ntimeoutInMinutes: 2160\nserviceRole: shared\n"
        + yaml.safe_dump({k: PLAIN[k] for k in ("source", "tags")})
    )

    found = json.loads(cli("project", "validate", "--json", str(file)).stdout)

    assert [set(one) for one in found] == [
        {"file", "line", "column", "code", "severity", "field", "message", "fix"}
    ] * 3
    assert {(one["code"], one["line"]) for one in found} == {("PR100", 1), ("PR902", 3), ("PR304", 2)}


def test_the_reference_of_rules_is_current() -> None:
    page = reference.pages()["docs/reference/project-rules.md"]

    assert (ROOT / "docs/reference/project-rules.md").read_text(encoding="utf-8") == page, "run `make docs`"
