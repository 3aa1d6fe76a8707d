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
from buildgate_cli.projects.beside import Lifecycle
from buildgate_cli.projects.model import Tag
from buildgate_cli.projects.places import Place, artifact_prefix, bucket_of, cache_place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from buildgate_cli.cloud_context import CloudContext
    from buildgate_cli.project_file import ProjectFile
    from buildgate_cli.projects.beside import Alarms, SourceCredentials, Webhook
    from buildgate_cli.projects.model import Project

PREFIX: Final = "buildgate"
CREDENTIALS_TAG: Final = "buildgate-source-credentials"
BESIDE_TAG: Final = "buildgate-beside"
"""Says on a project what was set up outside CodeBuild and goes with it, so that other projects cost no look for it."""
_OUTSIDE: Final = ("alarms", "lifecycle")
DEFAULT_PERIOD_MINUTES: Final = 60
ALARM_KINDS: Final = ("failed-builds", "long-builds")


@dataclass(frozen=True)
class Step:
    """One thing beside a project that would change, in words, and the call that changes it."""

    what: str
    call: Callable[[], Any]


def plan(cloud: CloudContext, file: ProjectFile, found: Project | None) -> list[Step]:
    """Return what applying a file changes beside its project, which must be there by the time the calls are made.

    `found` is the project as it was on AWS. Source credentials come before the project: see `plan_credentials`.
    """
    project = file.project
    steps: list[Step] = []
    if "webhook" in file.sections:
        steps += _webhook(cloud, file.name, project.webhook, found.webhook if found else None)
    if "alarms" in file.sections:
        steps += alarm_steps(cloud, file.name, project.alarms)
    if "lifecycle" in file.sections:
        steps += _lifecycle(cloud, file)
    return steps


def removal(cloud: CloudContext, found: Project, others: Iterable[Project]) -> list[Step]:
    """Return what goes with a project: alarms, lifecycle rules, and credentials that no other project named.

    A webhook goes with its project by itself, and is removed first so that the provider hears of it.
    """
    name = found.name
    steps = _webhook(cloud, name, None, found.webhook)
    outside = found.tag(BESIDE_TAG).split()
    if "alarms" in outside:
        steps += alarm_steps(cloud, name, None)
    if "lifecycle" in outside:
        for bucket in sorted({place.bucket for _, place in _stores(found)}):
            steps += _lifecycle_of(cloud, name, bucket, [])
    arn = found.tag(CREDENTIALS_TAG)
    if arn and not any(other.tag(CREDENTIALS_TAG) == arn for other in others if other.name != name):
        client = cloud.client("codebuild")
        known = {one["arn"] for one in client.list_source_credentials()["sourceCredentialsInfos"]}
        if arn in known:
            steps.append(Step(f"source credentials {arn} removed", lambda: client.delete_source_credentials(arn=arn)))
    return steps


def beside_tag(file: ProjectFile, found: Project | None) -> list[Tag]:
    """Return the tag that says what a project will have outside CodeBuild once a file is applied; none for nothing."""
    before = found.tag(BESIDE_TAG).split() if found else []
    wanted = {"alarms": file.project.alarms, "lifecycle": file.project.lifecycle}
    kinds = [kind for kind in _OUTSIDE if (wanted[kind] if kind in file.sections else kind in before)]
    return [Tag(key=BESIDE_TAG, value=" ".join(kinds))] if kinds else []


# Webhooks


def _webhook(cloud: CloudContext, project: str, wanted: Webhook | None, found: Webhook | None) -> list[Step]:
    client = cloud.client("codebuild")
    if wanted is None:
        if found is None:
            return []
        return [Step("webhook removed", lambda: client.delete_webhook(projectName=project))]
    asked = wanted.to_data()
    if found is None:
        return [Step("webhook created", lambda: client.create_webhook(projectName=project, **asked))]
    known = found.to_data()
    different = [key for key, value in asked.items() if known.get(key) != value]
    if not different:
        return []
    members = client.meta.service_model.operation_model("UpdateWebhook").input_shape.members
    taken = {key: value for key, value in asked.items() if key in members}
    words = f"webhook updated: {', '.join(different)}"
    return [Step(words, lambda: client.update_webhook(projectName=project, **taken))]


# Alarms


def alarms_of(cloud: CloudContext, project: str) -> dict[str, dict[str, Any]]:
    """Return the alarms that applying made for a project, as CloudWatch describes them, by kind."""
    names = _alarm_names(project)
    answer = cloud.client("cloudwatch").describe_alarms(AlarmNames=list(names.values()))
    found = {one["AlarmName"]: one for one in answer.get("MetricAlarms", [])}
    return {kind: found[name] for kind, name in names.items() if name in found}


def _alarm_names(project: str) -> dict[str, str]:
    return {kind: f"{PREFIX}-{project}-{kind}" for kind in ALARM_KINDS}


def alarm_steps(cloud: CloudContext, project: str, wanted: Alarms | None) -> list[Step]:
    """Return what makes a project's alarms those of a section; None takes all away."""
    client = cloud.client("cloudwatch")
    names, found = _alarm_names(project), {one["AlarmName"]: one for one in alarms_of(cloud, project).values()}
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
    cloud: CloudContext, project: str, names: Mapping[str, str], wanted: Alarms | None
) -> Iterator[dict[str, Any]]:
    """Yield the alarms of a section; they watch the metrics that AWS/CodeBuild publishes for nothing."""
    if wanted is None:
        return
    topic = wanted.topic or cloud.outputs.get("AlarmTopicArn")
    common: dict[str, Any] = {
        "Namespace": "AWS/CodeBuild",
        "Dimensions": [{"Name": "ProjectName", "Value": project}],
        "Period": 60 * (wanted.period_minutes or DEFAULT_PERIOD_MINUTES),
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [topic] if topic else [],
    }
    if wanted.failed_builds is not None:
        own = {"MetricName": "FailedBuilds", "Statistic": "Sum", "Threshold": float(wanted.failed_builds)}
        yield {"AlarmName": names["failed-builds"], **own, **common}
    if wanted.duration_minutes is not None:
        own = {"MetricName": "Duration", "Statistic": "Maximum", "Threshold": 60.0 * wanted.duration_minutes}
        yield {"AlarmName": names["long-builds"], **own, **common}


# S3 lifecycle


def _stores(project: Project) -> list[tuple[str, Place]]:
    """Return kind and place of a project's cache and artifacts; kinds are unlike each other."""
    cache = cache_place(project)
    found = [("cache", cache)] if cache else []
    for index, (_, one) in enumerate(project.outputs):
        if one.type == "S3":
            place = Place(bucket_of(one), artifact_prefix(project, one))
            found.append((f"artifacts-{index}" if index else "artifacts", place))
    return found


def _lifecycle(cloud: CloudContext, file: ProjectFile) -> list[Step]:
    stores, wanted = _stores(file.project), file.project.lifecycle or Lifecycle()
    rules: dict[str, list[dict[str, Any]]] = {place.bucket: [] for _, place in stores}
    for kind, place in stores:
        days = wanted.cache_days if kind == "cache" else wanted.artifacts_days
        if days and place.prefix:
            rules[place.bucket].append(_rule(f"{PREFIX}-{file.name}-{kind}", place.prefix, days))
    return [step for bucket, own in rules.items() for step in _lifecycle_of(cloud, file.name, bucket, own)]


def lifecycle_days(cloud: CloudContext, found: Project) -> list[tuple[str, int]]:
    """Return the days after which what builds left expires by the rules that applying made, by kind of store."""
    s3, days = cloud.client("s3"), []
    for kind, place in _stores(found):
        name = f"{PREFIX}-{found.name}-{kind}"
        rules = [_plain(rule) for rule in _rules_of(s3, place.bucket) or ()]
        days += [(kind, int(count)) for rule, _, count in rules if rule == name and count]
    return days


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


def plan_credentials(cloud: CloudContext, wanted: SourceCredentials) -> list[Step]:
    """Return the step that makes credentials known to CodeBuild, for all projects of the account and Region."""
    client = cloud.client("codebuild")
    if credentials_tag(cloud, wanted) is not None:
        return []
    asked = {"serverType": wanted.server_type, "authType": wanted.auth_type, "token": wanted.arn}
    words = f"source credentials of {wanted.server_type} imported"
    return [Step(words, lambda: client.import_source_credentials(**asked, shouldOverwrite=False))]


def foreign_credentials(cloud: CloudContext, wanted: SourceCredentials | None) -> list[str]:
    """Say where the account's credentials keep their token elsewhere than a file says: applying leaves them, all use them."""
    if wanted is None:
        return []
    named = f"source credentials of {wanted.server_type} ({wanted.auth_type})"
    return [
        f"{named} take their token from {one['resource']}, the file says {wanted.arn}: they are the account's and stay"
        for one in cloud.client("codebuild").list_source_credentials()["sourceCredentialsInfos"]
        if (one["serverType"], one["authType"]) == (wanted.server_type, wanted.auth_type)
        and one.get("resource", wanted.arn) != wanted.arn
    ]


def held_credentials(found: Project | None) -> list[Tag]:
    """Return the tag by which a project on AWS holds on to credentials, in a list; an empty one when it holds none."""
    return [tag for tag in (found.tags if found else None) or () if tag.key == CREDENTIALS_TAG]


def credentials_tag(cloud: CloudContext, wanted: SourceCredentials) -> Tag | None:
    """Return the tag by which a project holds on to credentials, or None while they are not known yet."""
    for one in cloud.client("codebuild").list_source_credentials()["sourceCredentialsInfos"]:
        if (one["serverType"], one["authType"]) == (wanted.server_type, wanted.auth_type):
            return Tag(key=CREDENTIALS_TAG, value=one["arn"])
    return None
