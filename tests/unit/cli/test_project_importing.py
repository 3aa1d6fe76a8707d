"""What import says of things beside a project that were changed by hand, are gone, or cannot be read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from buildgate_cli.projects.beside import Alarms
from buildgate_cli.projects.extras import BESIDE_TAG, CREDENTIALS_TAG, alarm_steps
from buildgate_cli.projects.importing import beside
from buildgate_cli.projects.model import Project
from buildgate_cli.projects.on_aws import MANAGED_TAG

TOKEN = "arn:aws:codebuild:us-east-1:111122223333:token/github"
SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:github"


class Aws:
    """CodeBuild, CloudWatch and S3 that answer what they are told."""

    def __init__(self) -> None:
        self.alarms: list[dict[str, Any]] = []
        self.groups: list[dict[str, Any]] = []
        self.credentials: list[dict[str, Any]] = []
        self.rules: list[dict[str, Any]] = []
        self.kind, self.report_bucket = "aws", "reports"
        self.outputs = {"AlarmTopicArn": "arn:aws:sns:us-east-1:111122223333:alarms"}

    def client(self, service: str) -> Any:
        return {
            "codebuild": SimpleNamespace(
                list_report_groups=lambda **_: {"reportGroups": [one["arn"] for one in self.groups]},
                batch_get_report_groups=lambda **_: {"reportGroups": self.groups},
                list_source_credentials=lambda: {"sourceCredentialsInfos": self.credentials},
            ),
            "cloudwatch": SimpleNamespace(
                describe_alarms=lambda **_: {"MetricAlarms": self.alarms},
                put_metric_alarm=lambda **alarm: self.alarms.append(alarm),
            ),
            "s3": SimpleNamespace(get_bucket_lifecycle_configuration=lambda **_: {"Rules": self.rules}),
        }[service]


def project(**tags: str) -> Project:
    data = {
        "name": "shop",
        "source": {"type": "GITHUB", "location": "https://github.com/example/shop.git"},
        "artifacts": {"type": "S3", "location": "kept", "path": "out"},
        "cache": {"type": "S3", "location": "kept/cache/shop"},
        "environment": {"type": "LINUX_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_SMALL"},
        "serviceRole": "arn:aws:iam::111122223333:role/build",
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }
    return Project.of_aws(data)


def with_alarms(aws: Aws, **section: Any) -> Aws:
    for step in alarm_steps(aws, "shop", Alarms(**section)):  # type: ignore[arg-type]
        step.call()
    return aws


def rule(kind: str, days: int) -> dict[str, Any]:
    return {"ID": f"buildgate-shop-{kind}", "Filter": {"Prefix": "p/"}, "Expiration": {"Days": days}}


def imported(aws: Aws, **tags: str) -> tuple[dict[str, Any], list[str]]:
    found = beside(aws, project(**tags))  # type: ignore[arg-type]
    return found.sections, found.remarks


def test_alarms_come_back_as_the_section_that_made_them() -> None:
    aws = with_alarms(Aws(), failed_builds=2, period_minutes=30, topic="arn:aws:sns:us-east-1:111122223333:own")

    sections, remarks = imported(aws, **{BESIDE_TAG: "alarms"})

    own = "arn:aws:sns:us-east-1:111122223333:own"
    assert sections == {"alarms": {"failedBuilds": 2, "periodMinutes": 30, "topic": own}}
    assert remarks == []


def test_an_alarm_changed_by_hand_is_named() -> None:
    aws = with_alarms(Aws(), failed_builds=2, duration_minutes=30)
    aws.alarms[1]["EvaluationPeriods"] = 3

    sections, remarks = imported(aws, **{BESIDE_TAG: "alarms"})

    assert sections == {"alarms": {"failedBuilds": 2, "durationMinutes": 30}}
    assert remarks == ["alarm buildgate-shop-long-builds was changed by hand; applying updates it"]


def test_what_is_gone_is_said_and_not_written() -> None:
    sections, remarks = imported(Aws(), **{BESIDE_TAG: "alarms lifecycle"})

    assert sections == {}
    assert [remark.partition(" are gone")[0] for remark in remarks] == ["its alarms", "its lifecycle rules"]


def test_lifecycle_rules_come_back_and_two_figures_for_artifacts_are_said() -> None:
    aws = Aws()
    aws.rules = [rule("cache", 14), rule("artifacts", 90)]

    assert imported(aws, **{BESIDE_TAG: "lifecycle"}) == (
        {"lifecycle": {"cacheDays": 14, "artifactsDays": 90}},
        [],
    )


def test_credentials_are_named_by_who_keeps_their_token_and_a_token_never_is() -> None:
    aws = Aws()
    aws.credentials = [{"arn": TOKEN, "serverType": "GITHUB", "authType": "SECRETS_MANAGER", "resource": SECRET}]
    kept, _ = imported(aws, **{CREDENTIALS_TAG: TOKEN})
    aws.credentials = [{"arn": TOKEN, "serverType": "GITHUB", "authType": "PERSONAL_ACCESS_TOKEN"}]
    lost, said = imported(aws, **{CREDENTIALS_TAG: TOKEN})
    foreign, told = imported(aws)

    assert kept == {"sourceCredentials": {"serverType": "GITHUB", "authType": "SECRETS_MANAGER", "arn": SECRET}}
    assert (lost, foreign) == ({}, {})
    assert "cannot be read back: no token ever is" in said[0]
    assert "are the account's, not the project's" in told[0]


def test_a_report_group_that_exports_elsewhere_is_said() -> None:
    aws = Aws()
    place = {"bucket": "reports", "path": "reports/shop", "packaging": "NONE", "encryptionDisabled": False}
    group = {"arn": "arn:x:report-group/shop-unit", "name": "shop-unit", "type": "TEST", "tags": [dict(MANAGED_TAG)]}
    aws.groups = [{**group, "exportConfig": {"exportConfigType": "S3", "s3Destination": place}}]
    usual = imported(aws)
    aws.groups[0]["exportConfig"] = {"exportConfigType": "NO_EXPORT"}
    _, said = imported(aws)

    assert usual == ({"reportGroups": [{"name": "unit", "type": "TEST"}]}, [])
    where = "elsewhere than to the stack's report bucket, where gates read"
    assert said == [f"report group shop-unit exports {where}: applying brings it back"]
