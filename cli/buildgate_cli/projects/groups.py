"""The report groups of a project: made with it, and brought back to where they export when somebody changed that.

Groups are not removed when a file names them no more: that would remove their reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.projects.extras import Step
from buildgate_cli.projects.on_aws import MANAGED_TAG

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from buildgate_cli.cloud_context import CloudContext
    from buildgate_cli.project_file import ProjectFile

PROJECT_TAG: Final = "buildgate-project"
"""Says on a report group whose it is: `shop-unit-tests` could be of the project `shop` as well as of `shop-unit`."""
_GROUPS_AT_ONCE: Final = 100


@dataclass(frozen=True)
class Planned:
    """What applying a file does about report groups: `made` are names, `steps` make and mend, `remarks` stay as they are."""

    made: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    mended: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def plan(cloud: CloudContext, file: ProjectFile) -> Planned:
    """Compare the report groups of a file with those on AWS; reads only."""
    if not file.project.report_groups:
        return Planned()
    client, export = cloud.client("codebuild"), export_of(cloud, file.name)
    found = {one["name"]: one for one in _described(client, file.name)}
    wanted = {f"{file.name}-{group.name}": group.type or "TEST" for group in file.project.report_groups}
    made, mended, remarks = [], [], []
    for name, kind in wanted.items():
        one = found.get(name)
        if one is None:
            asked = {"name": name, "type": kind, "exportConfig": export, "tags": _tags(file.name)}
            made.append(Step(name, lambda asked=asked: client.create_report_group(**asked)))  # type: ignore[misc]
            continue
        if MANAGED_TAG not in one.get("tags", []):
            remarks.append(f"report group {name} was not made by Buildgate: it stays as it is")
        elif not is_export(one.get("exportConfig") or {}, export):
            words = (
                f"report group {name} updated: exports to {_place(export)}, not to {_place(one.get('exportConfig'))}"
            )
            arn = one["arn"]
            mended.append(Step(words, lambda arn=arn: client.update_report_group(arn=arn, exportConfig=export)))  # type: ignore[misc]
        if one["type"] != kind:
            remarks.append(
                f"report group {name} has the type {one['type']}, the file says {kind}: delete it to change it"
            )
    more = sorted(one["name"] for one in found.values() if one["name"] not in wanted and is_of(one, file.name))
    remarks += [f"report group {name} is not in the file: it stays until it is deleted" for name in more]
    steps = (*made, *mended)
    return Planned(tuple(one.what for one in made), steps, tuple(one.what for one in mended), tuple(remarks))


def managed(client: Any, project: str) -> Iterator[dict[str, Any]]:
    """Yield the report groups that Buildgate made for a project."""
    return (one for one in _described(client, project) if is_of(one, project))


def is_of(group: Mapping[str, Any], project: str) -> bool:
    """Say whether Buildgate made a group for a project; groups of before the tag say so by where they export."""
    if MANAGED_TAG not in group.get("tags", []):
        return False
    owner = next((tag["value"] for tag in group["tags"] if tag["key"] == PROJECT_TAG), None)
    path = ((group.get("exportConfig") or {}).get("s3Destination") or {}).get("path", "")
    if owner is None and path.startswith("reports/"):
        owner = path.removeprefix("reports/")
    return owner is None or owner == project


def export_of(cloud: CloudContext, project: str) -> dict[str, Any]:
    """Return where reports of a project's groups are exported to: the stack's report bucket, where gates read."""
    if cloud.report_bucket is None:
        return {"exportConfigType": "NO_EXPORT"}
    destination = {"bucket": cloud.report_bucket, "path": f"reports/{project}", "packaging": "NONE"}
    return {"exportConfigType": "S3", "s3Destination": destination}


def is_export(found: Mapping[str, Any], usual: Mapping[str, Any]) -> bool:
    """Say whether an export goes where applying sends it; AWS adds members of its own."""
    place, wanted = found.get("s3Destination") or {}, usual.get("s3Destination") or {}
    is_same = all(place.get(key) == value for key, value in wanted.items())
    return is_same and found.get("exportConfigType", "NO_EXPORT") == usual["exportConfigType"]


def _described(client: Any, project: str) -> Iterator[dict[str, Any]]:
    arns = [arn for arn in _arns(client) if arn.rsplit("/", 1)[-1].startswith(f"{project}-")]
    for start in range(0, len(arns), _GROUPS_AT_ONCE):
        yield from client.batch_get_report_groups(reportGroupArns=arns[start : start + _GROUPS_AT_ONCE])["reportGroups"]


def _arns(client: Any) -> Iterator[str]:
    """Yield the ARNs of all report groups; an ARN ends with the group's name."""
    token: dict[str, str] = {}
    while True:
        page = client.list_report_groups(**token)
        yield from page.get("reportGroups", [])
        if not page.get("nextToken"):
            return
        token = {"nextToken": page["nextToken"]}


def _tags(project: str) -> list[dict[str, str]]:
    return [dict(MANAGED_TAG), {"key": PROJECT_TAG, "value": project}]


def _place(export: Mapping[str, Any] | None) -> str:
    """Return where an export goes, in words."""
    place = (export or {}).get("s3Destination") or {}
    if (export or {}).get("exportConfigType") != "S3":
        return "nowhere"
    packed = "" if place.get("packaging", "NONE") == "NONE" else f" ({place['packaging']})"
    return f"s3://{place.get('bucket')}/{place.get('path', '')}".rstrip("/") + packed
