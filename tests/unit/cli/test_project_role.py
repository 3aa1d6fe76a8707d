import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from buildgate_cli.cloud_context import CloudContext, Credentials
from buildgate_cli.errors import UserError
from buildgate_cli.projects.build_policy import Where, policy, trust
from buildgate_cli.projects.model import BatchConfig, Project
from buildgate_cli.projects.own_role import Roles, given, patiently, planned, removal, role_name

WHERE = Where("aws", "111122223333", "eu-west-1", "reports-of-stack")
SHARED = "arn:aws:iam::111122223333:role/path/stack-BuildRole"
OWN = "arn:aws:iam::111122223333:role/buildgate-build-eu-west-1-shop"
DATA: dict[str, Any] = {
    "name": "shop",
    "source": {"type": "CODECOMMIT", "location": "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop"},
    "artifacts": {"type": "NO_ARTIFACTS"},
    "environment": {"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"},
    "serviceRole": "",
}


def failure(code: str, operation: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class FakeIam:
    """The roles of an account; `denied` operations are refused, and every change is written down."""

    class exceptions:  # noqa: N801  # as clients call it
        class NoSuchEntityException(Exception):
            """As clients raise it."""

    def __init__(self, *denied: str) -> None:
        self.denied, self.roles, self.changes = set(denied), {}, []  # type: ignore[var-annotated]

    def get_role(self, RoleName: str) -> dict[str, Any]:  # noqa: N803  # as clients take it
        if "GetRole" in self.denied:
            raise failure("AccessDenied", "GetRole")
        if RoleName not in self.roles:
            raise self.exceptions.NoSuchEntityException
        return {"Role": self.roles[RoleName]}

    def create_role(self, RoleName: str, AssumeRolePolicyDocument: str, Tags: Any, **_: Any) -> None:  # noqa: N803
        if "CreateRole" in self.denied:
            raise failure("AccessDenied", "CreateRole")
        self.changes.append("create")
        self.roles[RoleName] = {"AssumeRolePolicyDocument": AssumeRolePolicyDocument, "Tags": Tags, "policies": {}}

    def put_role_policy(self, RoleName: str, PolicyName: str, PolicyDocument: str) -> None:  # noqa: N803
        self.changes.append("put")
        self.roles[RoleName]["policies"][PolicyName] = json.loads(PolicyDocument)

    def get_role_policy(self, RoleName: str, PolicyName: str) -> dict[str, Any]:  # noqa: N803
        return {"PolicyDocument": self.roles[RoleName]["policies"][PolicyName]}


class FakeCloud(CloudContext):
    """A stack whose IAM is at hand."""

    def client(self, *_: Any, **__: Any) -> Any:
        return self.endpoints["iam"]


def cloud(iam: FakeIam, outputs: Mapping[str, str] | None = None) -> CloudContext:
    return FakeCloud(
        kind="aws",
        region="eu-west-1",
        api_url="",
        credentials=Credentials("", ""),
        stack="s",
        table=None,
        report_bucket="reports-of-stack",
        state_dir=Path(),
        outputs={"BuildRoleArn": SHARED} if outputs is None else outputs,
        endpoints={"iam": iam},  # type: ignore[dict-item]  # carried to `client`
    )


def project(**changes: Any) -> Project:
    return Project.from_data({**DATA, **changes})


def resources(found: dict[str, Any]) -> dict[str, list[str]]:
    return {one["Sid"]: one["Resource"] for one in found["Statement"]}


def test_reports_are_written_below_the_projects_own_prefix_only() -> None:
    writes = [one for one in policy(WHERE, project())["Statement"] if "s3:PutObject" in one["Action"]]

    assert [one["Resource"] for one in writes] == [["arn:aws:s3:::reports-of-stack/reports/shop/*"]]


def test_a_role_is_taken_on_for_builds_of_its_project_only() -> None:
    condition = trust(WHERE, "shop")["Statement"][0]["Condition"]

    assert condition["ArnEquals"] == {"aws:SourceArn": "arn:aws:codebuild:eu-west-1:111122223333:project/shop"}


@pytest.mark.parametrize(
    ("changes", "sid", "expected"),
    [
        ({}, "Source", ["arn:aws:codecommit:eu-west-1:111122223333:shop"]),
        ({}, "ReportGroups", ["arn:aws:codebuild:eu-west-1:111122223333:report-group/shop-*"]),
        ({"source": {"type": "S3", "location": "b/in.zip"}}, "SourceInS3", ["arn:aws:s3:::b/in.zip"]),
        ({"cache": {"type": "S3", "location": "b/c"}}, "Cache", ["arn:aws:s3:::b/c/*"]),
        ({"artifacts": {"type": "S3", "location": "b", "packaging": "ZIP"}}, "Artifacts", ["arn:aws:s3:::b/shop"]),
        ({"artifacts": {"type": "S3", "location": "b", "path": "p"}}, "Artifacts", ["arn:aws:s3:::b/p/shop/*"]),
        ({"cache": {"type": "S3", "location": "b/*${x}"}}, "Cache", ["arn:aws:s3:::b/${*}${$}{x}/*"]),
        (
            {"logsConfig": {"cloudWatchLogs": {"status": "ENABLED", "groupName": "g"}}},
            "OwnLog",
            [f"arn:aws:logs:eu-west-1:111122223333:log-group:g{end}" for end in ("", ":*")],
        ),
    ],
)
def test_the_policy_names_what_the_project_names(changes: dict[str, Any], sid: str, expected: list[str]) -> None:
    assert resources(policy(WHERE, project(**changes)))[sid] == expected


def test_a_project_that_names_no_role_gets_its_own_once() -> None:
    iam = FakeIam()
    roles = planned(cloud(iam), project(), None)
    assert iam.changes == []

    made = given(roles, None)

    assert made.project.service_role == OWN
    assert iam.changes == ["create", "put"]
    assert planned(cloud(iam), project(), made.project).steps == ()


def test_batches_that_name_no_role_run_in_the_projects_own_which_may_start_its_builds() -> None:
    config = {"combineArtifacts": True}
    kept = {"type": "S3", "location": "kept", "path": "out", "namespaceType": "BUILD_ID"}
    iam, batch = FakeIam(), Project.from_data({**DATA, "artifacts": kept, "buildBatchConfig": config})
    other = Project.from_data({**DATA, "buildBatchConfig": {"serviceRole": SHARED}})

    roles = planned(cloud(iam), batch, None)
    denied = planned(cloud(FakeIam("GetRole")), batch, None)
    named = planned(cloud(FakeIam()), other, None)

    assert roles.project.build_batch_config == BatchConfig(service_role=OWN, combine_artifacts=True)
    statements = {one["Sid"]: one for one in policy(WHERE, roles.project)["Statement"]}
    assert statements["BuildsOfBatches"]["Resource"] == ["arn:aws:codebuild:eu-west-1:111122223333:project/shop"]
    assert statements["ArtifactsOfBatches"]["Resource"] == ["arn:aws:s3:::kept/out/*"]
    assert denied.project.build_batch_config == BatchConfig(combine_artifacts=True)
    assert "BuildsOfBatches" not in {one["Sid"] for one in policy(WHERE, named.project)["Statement"]}


def test_what_a_file_leaves_as_it_is_on_aws_stays_allowed() -> None:
    iam = FakeIam()
    found = project(cache={"type": "S3", "location": "b/c"}, serviceRole=OWN)

    given(planned(cloud(iam), project(), found), found)

    assert "Cache" in resources(iam.roles[role_name("eu-west-1", "shop")]["policies"]["build"])


@pytest.mark.parametrize("operation", ["GetRole", "CreateRole"])
def test_where_iam_denies_a_project_that_names_no_role_gets_the_stacks_and_it_is_said(operation: str) -> None:
    roles = given(planned(cloud(FakeIam(operation)), project(), None), None)

    assert roles.project.service_role == SHARED
    assert f"{operation} is not allowed to you" in roles.words[0]


@pytest.mark.parametrize("operation", ["GetRole", "CreateRole"])
def test_where_iam_denies_a_project_that_asks_for_its_own_role_is_refused(operation: str) -> None:
    with pytest.raises(UserError, match=f"own needs {operation}"):
        given(planned(cloud(FakeIam(operation)), project(serviceRole="own"), None), None)


def test_where_iam_denies_a_project_keeps_the_role_of_its_own_that_it_has() -> None:
    roles = planned(cloud(FakeIam("GetRole")), project(), project(serviceRole=OWN))

    assert (roles.project.service_role, roles.words) == (OWN, ())


def test_a_role_of_that_name_that_somebody_else_made_is_neither_changed_nor_removed() -> None:
    iam = FakeIam()
    iam.roles[role_name("eu-west-1", "shop")] = {"AssumeRolePolicyDocument": "{}", "Tags": []}

    with pytest.raises(UserError, match="did not make it"):
        planned(cloud(iam), project(), None)
    assert removal(cloud(iam), project(serviceRole=OWN)) == []


def test_codebuild_is_asked_again_while_it_does_not_see_a_new_role() -> None:
    unseen = "CodeBuild is not authorized to perform: sts:AssumeRole on service role"
    answers: list[ClientError | None] = [failure("InvalidInputException", "CreateProject", unseen), None]
    pauses: list[float] = []

    def create(**_: Any) -> None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    patiently(create, {}, planned(cloud(FakeIam()), project(), None), pauses.append)

    assert (answers, pauses) == ([], [2.0])


def test_a_role_that_was_there_before_is_not_waited_for() -> None:
    def create(**_: Any) -> None:
        raise failure("InvalidInputException", "CreateProject", "not authorized to perform: sts:AssumeRole")

    with pytest.raises(ClientError):
        patiently(create, {}, Roles(project()))


def test_long_names_of_projects_make_names_that_iam_takes_and_that_differ() -> None:
    names = {role_name("eu-west-1", "x" * 100 + end) for end in "ab"}

    assert (len(names), max(map(len, names))) == (2, 64)
