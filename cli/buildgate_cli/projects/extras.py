"""What stands beside a project: its webhook, alarms, S3 lifecycle and source credentials, set up and removed with it.

Each is planned first: a plan says what would change and holds the calls that do it; a plan without changes calls nothing.
A section that a file leaves out is left as it is, one that is null is removed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from buildgate_cli.errors import ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from buildgate_cli.cloud_context import CloudContext
    from buildgate_cli.project_file import ProjectFile

_WEBHOOK_READ_ONLY: Final = ("url", "payloadUrl", "secret", "lastModifiedSecret", "status", "statusMessage")
PREFIX: Final = "buildgate"
CREDENTIALS_TAG: Final = "buildgate-source-credentials"
BESIDE_TAG: Final = "buildgate-beside"
"""Says on a project what was set up outside CodeBuild and goes with it, so that other projects cost no look for it."""
_OUTSIDE: Final = ("alarms", "lifecycle")


@dataclass(frozen=True)
class Step:
    """One thing beside a project that would change, in words, and the call that changes it."""

    what: str
    call: Callable[[], Any]


def plan(cloud: CloudContext, file: ProjectFile, found: Mapping[str, Any] | None) -> list[Step]:
    """Return what applying a file changes beside its project, which must be there by the time the calls are made.

    `found` is the project as it was on AWS. Source credentials come before the project: see `plan_credentials`.
    """
    extras = file.extras
    steps: list[Step] = []
    if "webhook" in extras:
        steps += _webhook(cloud, file.name, extras["webhook"], (found or {}).get("webhook"))
    if "alarms" in extras:
        steps += _alarms(cloud, file.name, extras["alarms"])
    if "lifecycle" in extras:
        steps += _lifecycle(cloud, file, extras["lifecycle"])
    return steps


def removal(cloud: CloudContext, found: Mapping[str, Any], others: list[Mapping[str, Any]]) -> list[Step]:
    """Return what goes with a project: alarms, lifecycle rules, and credentials that no other project named.

    A webhook goes with its project by itself, and is removed first so that the provider hears of it.
    """
    name = str(found["name"])
    steps = _webhook(cloud, name, None, found.get("webhook"))
    outside = tag_of(found, BESIDE_TAG).split()
    if "alarms" in outside:
        steps += _alarms(cloud, name, None)
    if "lifecycle" in outside:
        for bucket in sorted({bucket for _, bucket, _ in _stores(found)}):
            steps += _lifecycle_of(cloud, name, bucket, [])
    arn = tag_of(found, CREDENTIALS_TAG)
    if arn and not any(tag_of(other, CREDENTIALS_TAG) == arn for other in others if other["name"] != name):
        client = cloud.client("codebuild")
        known = {one["arn"] for one in client.list_source_credentials()["sourceCredentialsInfos"]}
        if arn in known:
            steps.append(Step(f"source credentials {arn} removed", lambda: client.delete_source_credentials(arn=arn)))
    return steps


def beside_tag(file: ProjectFile, found: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Return the tag that says what a project will have outside CodeBuild once a file is applied; none for nothing."""
    before = tag_of(found or {}, BESIDE_TAG).split()
    kinds = [kind for kind in _OUTSIDE if file.extras.get(kind, kind in before)]
    return [{"key": BESIDE_TAG, "value": " ".join(kinds)}] if kinds else []


def tag_of(project: Mapping[str, Any], key: str) -> str:
    return next((str(tag["value"]) for tag in project.get("tags", []) if tag["key"] == key), "")


# Webhooks


def webhook_as_asked(webhook: Mapping[str, Any]) -> dict[str, Any]:
    """Return a webhook as AWS describes it in the words of a file."""
    return {
        key: value for key, value in webhook.items() if key not in _WEBHOOK_READ_ONLY and value not in (None, [], "")
    }


def _webhook(cloud: CloudContext, project: str, wanted: Any, found: Any) -> list[Step]:
    client = cloud.client("codebuild")
    if wanted is None:
        if not found:
            return []
        return [Step("webhook removed", lambda: client.delete_webhook(projectName=project))]
    if not found:
        return [Step("webhook created", lambda: client.create_webhook(projectName=project, **wanted))]
    known = webhook_as_asked(found)
    different = [key for key, value in wanted.items() if known.get(key) != value]
    if not different:
        return []
    members = client.meta.service_model.operation_model("UpdateWebhook").input_shape.members
    asked = {key: value for key, value in wanted.items() if key in members}
    words = f"webhook updated: {', '.join(different)}"
    return [Step(words, lambda: client.update_webhook(projectName=project, **asked))]


# Alarms


def _alarms(cloud: CloudContext, project: str, wanted: Mapping[str, Any] | None) -> list[Step]:
    client = cloud.client("cloudwatch")
    names = {kind: f"{PREFIX}-{project}-{kind}" for kind in ("failed-builds", "long-builds")}
    answer = client.describe_alarms(AlarmNames=list(names.values()))
    found = {one["AlarmName"]: one for one in answer.get("MetricAlarms", [])}
    asked = {one["AlarmName"]: one for one in _asked_alarms(cloud, project, names, wanted)}
    steps = []
    for name, alarm in asked.items():
        if name not in found or any(found[name].get(key) != value for key, value in alarm.items()):
            word = "updated" if name in found else "created"
            steps.append(Step(f"alarm {name} {word}", lambda alarm=alarm: client.put_metric_alarm(**alarm)))  # type: ignore[misc]
    gone = sorted(set(found) - set(asked))
    if gone:
        steps.append(Step(f"alarm {' and '.join(gone)} removed", lambda: client.delete_alarms(AlarmNames=gone)))
    return steps


def _asked_alarms(
    cloud: CloudContext, project: str, names: Mapping[str, str], wanted: Mapping[str, Any] | None
) -> Iterator[dict[str, Any]]:
    """Yield the alarms of a section; they watch the metrics that AWS/CodeBuild publishes for nothing."""
    if not wanted:
        return
    topic = wanted.get("topic") or cloud.outputs.get("AlarmTopicArn")
    common: dict[str, Any] = {
        "Namespace": "AWS/CodeBuild",
        "Dimensions": [{"Name": "ProjectName", "Value": project}],
        "Period": 60 * int(wanted.get("periodMinutes", 60)),
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [topic] if topic else [],
    }
    if "failedBuilds" in wanted:
        own = {"MetricName": "FailedBuilds", "Statistic": "Sum", "Threshold": float(wanted["failedBuilds"])}
        yield {"AlarmName": names["failed-builds"], **own, **common}
    if "durationMinutes" in wanted:
        own = {"MetricName": "Duration", "Statistic": "Maximum", "Threshold": 60.0 * wanted["durationMinutes"]}
        yield {"AlarmName": names["long-builds"], **own, **common}


# S3 lifecycle


def _stores(project: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return kind, bucket and prefix of a project's cache and artifacts; kinds are unlike each other."""
    found = []
    cache = project.get("cache") or {}
    if cache.get("type") == "S3":
        bucket, _, prefix = str(cache["location"]).rpartition(":")[2].partition("/")
        found.append(("cache", bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else ""))
    for index, one in enumerate([project.get("artifacts") or {}, *project.get("secondaryArtifacts", [])]):
        if one.get("type") == "S3":
            kind = f"artifacts-{index}" if index else "artifacts"
            found.append((kind, bucket_of(one), artifact_prefix(project, one)))
    return found


def bucket_of(artifacts: Mapping[str, Any]) -> str:
    """Return the bucket that artifacts go to; a location may be its name or its ARN."""
    return str(artifacts["location"]).rpartition(":")[2]


def artifact_prefix(project: Mapping[str, Any], artifacts: Mapping[str, Any]) -> str:
    """Return the folder of a project's artifacts in their bucket; empty when they have no folder of their own.

    With the build's id in the key they lie in `path/ID/`, else in `path/name/`. A ZIP without the id is one object that
    every build replaces: there is nothing old to expire, and its key may begin the key of another project's.
    """
    path = str(artifacts.get("path") or "").strip("/")
    if artifacts.get("namespaceType") == "BUILD_ID":
        return f"{path}/" if path else ""
    if artifacts.get("packaging") == "ZIP":
        return ""
    name = str(artifacts.get("name") or project["name"]).strip("/")
    return f"{path}/{name}/" if path else f"{name}/"


def _lifecycle(cloud: CloudContext, file: ProjectFile, wanted: Mapping[str, Any] | None) -> list[Step]:
    stores = _stores(file.project)
    rules: dict[str, list[dict[str, Any]]] = {bucket: [] for _, bucket, _ in stores}
    for kind, bucket, prefix in stores:
        days = (wanted or {}).get("cacheDays" if kind == "cache" else "artifactsDays")
        if days and prefix:
            rules[bucket].append(_rule(f"{PREFIX}-{file.name}-{kind}", prefix, int(days)))
    return [step for bucket, own in rules.items() for step in _lifecycle_of(cloud, file.name, bucket, own)]


def _rule(name: str, prefix: str, days: int) -> dict[str, Any]:
    return {"ID": name, "Status": "Enabled", "Filter": {"Prefix": prefix}, "Expiration": {"Days": days}}


def _lifecycle_of(cloud: CloudContext, project: str, bucket: str, own: list[dict[str, Any]]) -> list[Step]:
    """Return the step that puts a project's rules among a bucket's, whose others stay as they are.

    Raises UserError when rules are wanted of a bucket that is not there.
    """
    s3 = cloud.client("s3")
    known = _rules_of(s3, bucket)
    if known is None:
        if own:
            raise UserError(
                f"There is no bucket {bucket} whose objects could expire.",
                f"Create it first: aws s3 mb s3://{bucket}",
                ExitCode.REFUSED,
            )
        return []
    mine = re.compile(rf"{PREFIX}-{re.escape(project)}-(cache|artifacts(-[0-9]+)?)")
    before = [rule for rule in known if mine.fullmatch(str(rule.get("ID")))]
    if [_plain(rule) for rule in before] == [_plain(rule) for rule in own]:
        return []
    rules = [rule for rule in known if not mine.fullmatch(str(rule.get("ID")))] + own
    words = f"lifecycle of s3://{bucket}: " + (
        ", ".join(f"{_plain(rule)[1]} {_plain(rule)[2]} days" for rule in own) or "removed"
    )

    def call() -> None:
        if rules:
            s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
        else:
            s3.delete_bucket_lifecycle(Bucket=bucket)

    return [Step(words, call)]


def _rules_of(s3: Any, bucket: str) -> list[dict[str, Any]] | None:
    """Return a bucket's rules, None when there is no such bucket."""
    try:
        return list(s3.get_bucket_lifecycle_configuration(Bucket=bucket).get("Rules", []))
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in {"NoSuchLifecycleConfiguration", "NoSuchBucket"}:
            raise
        return [] if code == "NoSuchLifecycleConfiguration" else None


def _plain(rule: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    prefix = (rule.get("Filter") or {}).get("Prefix", rule.get("Prefix"))
    return rule.get("ID"), prefix, (rule.get("Expiration") or {}).get("Days")


# Source credentials


def plan_credentials(cloud: CloudContext, wanted: Mapping[str, Any]) -> list[Step]:
    """Return the step that makes credentials known to CodeBuild, for all projects of the account and Region."""
    client = cloud.client("codebuild")
    if credentials_tag(cloud, wanted) is not None:
        return []
    asked = {"serverType": wanted["serverType"], "authType": wanted["authType"], "token": wanted["arn"]}
    words = f"source credentials of {wanted['serverType']} imported"
    return [Step(words, lambda: client.import_source_credentials(**asked, shouldOverwrite=False))]


def held_credentials(found: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Return the tag by which a project on AWS holds on to credentials, in a list; an empty one when it holds none."""
    return [tag for tag in (found or {}).get("tags", []) if tag["key"] == CREDENTIALS_TAG]


def credentials_tag(cloud: CloudContext, wanted: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the tag by which a project holds on to credentials, or None while they are not known yet."""
    for one in cloud.client("codebuild").list_source_credentials()["sourceCredentialsInfos"]:
        if (one["serverType"], one["authType"]) == (wanted["serverType"], wanted["authType"]):
            return {"key": CREDENTIALS_TAG, "value": one["arn"]}
    return None
