"""What stands beside a project on AWS, as the sections of a project file: the way back from what applying set up.

What cannot be read, or not be said in a file, is a remark; applying leaves it as it is, or says what it would bring back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.project_file import TOKEN_HOLDERS
from buildgate_cli.projects import extras, groups
from buildgate_cli.projects.beside import Alarms

if TYPE_CHECKING:
    from buildgate_cli.cloud_context import CloudContext
    from buildgate_cli.projects.model import Project

_MINUTE: Final = 60
_HOSTS: Final = frozenset({"GITHUB", "GITHUB_ENTERPRISE", "BITBUCKET", "GITLAB", "GITLAB_SELF_MANAGED"})


@dataclass
class Beside:
    """Sections of a project file, and what is to be said about them."""

    sections: dict[str, Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def beside(cloud: CloudContext, found: Project) -> Beside:
    """Return what stands beside a project on AWS. Reads only; looks outside CodeBuild where applying set something up."""
    result = Beside()
    _groups(cloud, found, result)
    if found.webhook is not None:
        result.sections["webhook"] = found.webhook.to_data()
        result.remarks.append("the webhook's secret cannot be read: AWS and the provider keep it")
    outside = found.tag(extras.BESIDE_TAG).split()
    if "alarms" in outside:
        _alarms(cloud, found, result)
    if "lifecycle" in outside:
        _lifecycle(cloud, found, result)
    _credentials(cloud, found, result)
    return result


def _groups(cloud: CloudContext, found: Project, result: Beside) -> None:
    made = list(groups.managed(cloud.client("codebuild"), found.name))
    if not made:
        return
    own = len(found.name) + 1
    result.sections["reportGroups"] = [{"name": one["name"][own:], "type": one["type"]} for one in made]
    usual = groups.export_of(cloud, found.name)
    for one in made:
        if not groups.is_export(one.get("exportConfig") or {}, usual):
            said = "exports elsewhere than to the stack's report bucket, where gates read: applying brings it back"
            result.remarks.append(f"report group {one['name']} {said}")


def _alarms(cloud: CloudContext, found: Project, result: Beside) -> None:
    alarms = extras.alarms_of(cloud, found.name)
    failed, long = (alarms.get(kind) for kind in extras.ALARM_KINDS)
    one = failed or long
    if one is None:
        result.remarks.append("its alarms are gone from CloudWatch: the file names none")
        return
    topic = next(iter(one.get("AlarmActions") or []), None)
    section = Alarms(
        failed_builds=max(1, round(failed["Threshold"])) if failed else None,
        duration_minutes=max(1, round(long["Threshold"] / _MINUTE)) if long else None,
        period_minutes=_unless(round(one["Period"] / _MINUTE), extras.DEFAULT_PERIOD_MINUTES),
        topic=_unless(topic, cloud.outputs.get("AlarmTopicArn")),
    )
    result.sections["alarms"] = section.to_data()
    changed = [step.what for step in extras.alarm_steps(cloud, found.name, section)]
    result.remarks += [f"{what.removesuffix(' updated')} was changed by hand; applying updates it" for what in changed]


def _unless(value: Any, usual: Any) -> Any:
    return None if value == usual else value


def _lifecycle(cloud: CloudContext, found: Project, result: Beside) -> None:
    days = extras.lifecycle_days(cloud, found)
    section: dict[str, int] = {}
    for kind, count in days:
        key = "cacheDays" if kind == "cache" else "artifactsDays"
        if section.setdefault(key, count) != count:
            result.remarks.append(
                f"lifecycle rule of {kind} has {count} days: the file has one figure for all artifacts"
            )
    if section:
        result.sections["lifecycle"] = section
    else:
        result.remarks.append("its lifecycle rules are gone from S3: the file names none")


def _credentials(cloud: CloudContext, found: Project, result: Beside) -> None:
    """Name credentials that the project holds by who keeps their token; those it only uses are the account's."""
    hosts = {source.type for _, source in found.sources} & _HOSTS
    held = found.tag(extras.CREDENTIALS_TAG)
    if not hosts and not held:
        return
    for one in cloud.client("codebuild").list_source_credentials()["sourceCredentialsInfos"]:
        named = f"source credentials of {one['serverType']} ({one['authType']})"
        if one["arn"] != held:
            if one["serverType"] in hosts:
                result.remarks.append(f"{named} are the account's, not the project's: the file does not name them")
        elif one["authType"] in TOKEN_HOLDERS and one.get("resource"):
            keeper = {"serverType": one["serverType"], "authType": one["authType"], "arn": one["resource"]}
            result.sections["sourceCredentials"] = keeper
        else:
            result.remarks.append(f"{named} cannot be read back: no token ever is; applying leaves them as they are")
