"""What a project has left behind: old builds, reports, artifacts and caches, with their size and price, and their end."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.builds import ids
from buildgate_cli.errors import UserError
from buildgate_cli.projects.groups import managed
from buildgate_cli.projects.places import bucket_of, cache_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from buildgate_cli.cloud_context import CloudContext
    from buildgate_cli.projects.model import Artifacts, Project

BYTES_PER_GB: Final = 1024**3
_AT_ONCE: Final = 100
_OBJECTS_AT_ONCE: Final = 1000
_AGE: Final = re.compile(r"(\d{1,5})([shdwm]?)")
_DAY: Final = 86_400
_SECONDS: Final = {"s": 1, "h": 3600, "d": _DAY, "": _DAY, "w": 7 * _DAY, "m": 30 * _DAY}
_BUILDS_LIMIT: Final = 100_000


@dataclass(frozen=True)
class Heap:
    """One kind of leftovers: how many, how large, and the call that removes them."""

    what: str
    count: int
    size_bytes: int
    remove: Callable[[], list[str]] = field(repr=False)

    @property
    def usd_per_month(self) -> float:
        """What keeping them costs; what CodeBuild itself keeps costs nothing."""
        return self.size_bytes / BYTES_PER_GB * storage_price()

    def to_data(self) -> dict[str, Any]:
        data = {"what": self.what, "count": self.count, "size_bytes": self.size_bytes}
        return {**data, "usd_per_month": round(self.usd_per_month, 6)}


@cache
def storage_price() -> float:
    """Return dollars per gigabyte and month of S3 Standard, from a dated file."""
    text = resources.files("buildgate_cli.projects").joinpath("storage_prices.json").read_text("utf-8")
    return float(json.loads(text)["usd_per_gb_month"])


def age_of(text: str) -> timedelta:
    """Return the age in `90d`, `12w`, `6m` (months of 30 days), `36h`, `30s` or plain days; UserError otherwise."""
    match = _AGE.fullmatch(text.strip().lower())
    if match is None or int(match[1]) == 0:
        raise UserError(f"{text!r} is no age.", "Write --older-than 90d (or 12w, 6m, 36h).")
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def heaps(cloud: CloudContext, project: Project, before: datetime, others: Sequence[Project]) -> list[Heap]:
    """Return what a project left behind before a moment. Nothing is changed; empty heaps are left out."""
    client = cloud.client("codebuild")
    old = _old_builds(client, project.name, before)
    found = [_builds(client, old), _reports(client, project.name, before)]
    s3 = cloud.client("s3")
    for what, bucket, prefix, is_ours in _places(cloud, project, others, {one["id"].partition(":")[2] for one in old}):
        found.append(_objects(s3, f"{what} in s3://{bucket}/{prefix}", bucket, prefix, before, is_ours))
    return [heap for heap in found if heap.count]


def _old_builds(client: Any, project: str, before: datetime) -> list[dict[str, Any]]:
    """Return the builds that ended before a moment."""
    known = ids.described(client, list(ids.newest_ids(client, project, _BUILDS_LIMIT)))
    return [one for one in known if one.get("buildComplete") and one["endTime"] < before]


def _builds(client: Any, old: Sequence[Mapping[str, Any]]) -> Heap:
    def remove() -> list[str]:
        kept = []
        for part in _parts([one["id"] for one in old], _AT_ONCE):
            answer = client.batch_delete_builds(ids=part)
            kept += [f"{one['id']}: {one.get('statusCode')}" for one in answer.get("buildsNotDeleted", [])]
        return kept

    return Heap("builds", len(old), 0, remove)


def _reports(client: Any, project: str, before: datetime) -> Heap:
    arns: list[str] = []
    for group in managed(client, project):
        token: dict[str, str] = {}
        while True:
            page = client.list_reports_for_report_group(reportGroupArn=group["arn"], **token)
            for part in _parts(page.get("reports", []), _AT_ONCE):
                known = client.batch_get_reports(reportArns=part)["reports"]
                arns += [one["arn"] for one in known if one["created"] < before]
            if not page.get("nextToken"):
                break
            token = {"nextToken": page["nextToken"]}

    def remove() -> list[str]:
        for arn in arns:
            client.delete_report(arn=arn)
        return []

    return Heap("reports", len(arns), 0, remove)


def _places(
    cloud: CloudContext, project: Project, others: Sequence[Project], old_ids: set[str]
) -> Iterator[tuple[str, str, str, Any]]:
    """Yield what lies where: words, bucket, prefix, and which keys below it are this project's alone."""
    name = project.name
    for _, one in project.outputs:
        if one.type == "S3":
            yield from _artifact_place(name, one, old_ids)
    kept = cache_place(project)
    shared = any(cache_place(other) == kept for other in others if other.name != name)
    if kept and kept.prefix and not shared:
        yield "cache", kept.bucket, kept.prefix, lambda _: True
    if cloud.report_bucket:
        yield "raw reports", cloud.report_bucket, f"reports/{name}/", lambda _: True


def _artifact_place(name: str, one: Artifacts, old_ids: set[str]) -> Iterator[tuple[str, str, str, Any]]:
    path = (one.path or "").strip("/")
    base = f"{path}/" if path else ""
    if one.namespace_type == "BUILD_ID":
        yield "artifacts", bucket_of(one), base, lambda key: key[len(base) :].partition("/")[0] in old_ids
        return
    whole = base + (one.name or name).strip("/")
    yield "artifacts", bucket_of(one), whole, lambda key: key == whole or key.startswith(f"{whole}/")


def _objects(s3: Any, what: str, bucket: str, prefix: str, before: datetime, is_ours: Callable[[str], bool]) -> Heap:
    keys: list[str] = []
    size = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for one in page.get("Contents", []):
            if one["LastModified"] < before and is_ours(one["Key"]):
                keys.append(one["Key"])
                size += int(one["Size"])

    def remove() -> list[str]:
        kept = []
        for part in _parts(keys, _OBJECTS_AT_ONCE):
            named = {"Objects": [{"Key": key} for key in part], "Quiet": True}
            answer = s3.delete_objects(Bucket=bucket, Delete=named)
            kept += [f"{one['Key']}: {one.get('Message')}" for one in answer.get("Errors", [])]
        return kept

    return Heap(what, len(keys), size, remove)


def _parts(items: Iterable[str], size: int) -> Iterator[list[str]]:
    known = list(items)
    for start in range(0, len(known), size):
        yield known[start : start + size]
