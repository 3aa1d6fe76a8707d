"""What the builds of one project may do in a role of their own: its log, its source, and what it leaves behind.

Reports can be written below the project's own prefix of the report bucket only, so that no project speaks for another.
Actions per CodeBuild's user guide, "Allow CodeBuild to interact with other AWS services".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.projects.places import artifact_prefix, bucket_of, cache_place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildgate_cli.projects.model import Artifacts, Project, Source

VERSION: Final = "2012-10-17"
_CODECOMMIT_REGION: Final = re.compile(r"https://git-codecommit\.([a-z0-9-]+)\.")
_SPECIAL: Final = re.compile(r"[*?]|\$(?=\{)")


@dataclass(frozen=True)
class Where:
    """The part of AWS that ARNs are made for, and the stack's report bucket, None for none."""

    partition: str
    account: str
    region: str
    report_bucket: str | None

    def arn(self, service: str, rest: str) -> str:
        """Return the ARN of something regional."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{rest}"

    def s3(self, path: str) -> str:
        """Return the ARN of a bucket or of objects."""
        return f"arn:{self.partition}:s3:::{path}"


def trust(where: Where, project: str) -> dict[str, Any]:
    """Return who may take the role on: CodeBuild, for builds of this project alone."""
    condition = {
        "StringEquals": {"aws:SourceAccount": where.account},
        "ArnEquals": {"aws:SourceArn": where.arn("codebuild", f"project/{project}")},
    }
    service = {"Service": "codebuild.amazonaws.com"}
    one = {"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole", "Condition": condition}
    return {"Version": VERSION, "Statement": [one]}


def policy(where: Where, project: Project) -> dict[str, Any]:
    """Return the role's policy: the statements by their `Sid`, in one order, for the same project always the same."""
    return {"Version": VERSION, "Statement": list(_statements(where, project))}


def _statements(where: Where, project: Project) -> Iterator[dict[str, Any]]:
    yield from _log(where, project)
    yield from _sources(where, project)
    yield from _reports(where, project.name)
    groups = where.arn("codebuild", f"report-group/{project.name}-*")
    actions = ("CreateReportGroup", "CreateReport", "UpdateReport", "BatchPutTestCases", "BatchPutCodeCoverages")
    yield _allow("ReportGroups", [f"codebuild:{action}" for action in actions], [groups])
    yield from _stores(where, project)
    yield from _batches(where, project)


def _log(where: Where, project: Project) -> Iterator[dict[str, Any]]:
    logs = project.logs_config.cloud_watch_logs if project.logs_config else None
    if logs is None or logs.status != "DISABLED":
        group = where.arn("logs", f"log-group:{(logs and logs.group_name) or f'/aws/codebuild/{project.name}'}")
        actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
        yield _allow("OwnLog", actions, [group, f"{group}:*"])
    s3_logs = project.logs_config.s3_logs if project.logs_config else None
    if s3_logs is not None and s3_logs.status != "DISABLED" and s3_logs.location:
        place = s3_logs.location.rpartition(":")[2].rstrip("/")
        yield _allow("OwnLogInS3", ["s3:PutObject"], [where.s3(f"{_plain(place)}/*")])


def _sources(where: Where, project: Project) -> Iterator[dict[str, Any]]:
    used = [source for _, source in project.sources]
    repositories = sorted({_repository(where, source) for source in used if source.type == "CODECOMMIT"})
    if repositories:
        yield _allow("Source", ["codecommit:GitPull"], repositories)
    objects = sorted({(s.location or "").rpartition(":::")[2] for s in used if s.type == "S3" and s.location})
    if objects:
        keys = [where.s3(_plain(key) + ("*" if key.endswith("/") else "")) for key in objects]
        yield _allow("SourceInS3", ["s3:GetObject", "s3:GetObjectVersion"], keys)
        buckets = sorted({where.s3(key.partition("/")[0]) for key in objects})
        yield _allow("SourceBucket", ["s3:GetBucketLocation", "s3:ListBucket"], buckets)


def _repository(where: Where, source: Source) -> str:
    """Return the ARN of a source's repository; of any where submodules are fetched, whose names are in the source."""
    location, modules = source.location or "", source.git_submodules_config
    if modules is not None and modules.fetch_submodules:
        return where.arn("codecommit", "*")
    match = _CODECOMMIT_REGION.match(location)
    name = location.rstrip("/").rpartition("/")[2].removesuffix(".git")
    return f"arn:{where.partition}:codecommit:{match[1] if match else where.region}:{where.account}:{name}"


def _reports(where: Where, project: str) -> Iterator[dict[str, Any]]:
    if where.report_bucket is not None:
        yield _allow("ReportsForGates", ["s3:PutObject"], [where.s3(f"{where.report_bucket}/reports/{project}/*")])
        yield _allow("WhereReportsGo", ["s3:GetBucketLocation"], [where.s3(where.report_bucket)])


def _stores(where: Where, project: Project) -> Iterator[dict[str, Any]]:
    outputs = [one for _, one in project.outputs if one.type == "S3" and one.location]
    if outputs:
        keys = sorted({where.s3(_artifact_keys(project, one)) for one in outputs})
        yield _allow("Artifacts", ["s3:PutObject"], keys)
        buckets = sorted({where.s3(bucket_of(one)) for one in outputs})
        yield _allow("ArtifactBucket", ["s3:GetBucketAcl", "s3:GetBucketLocation"], buckets)
    cache = cache_place(project)
    if cache is not None:
        keys = [where.s3(f"{cache.bucket}/{_plain(cache.prefix)}*")]
        yield _allow("Cache", ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], keys)
        yield _allow("CacheBucket", ["s3:GetBucketLocation", "s3:ListBucket"], [where.s3(cache.bucket)])


def _batches(where: Where, project: Project) -> Iterator[dict[str, Any]]:
    """Let batches that run in this role start the project's builds, and no other's, and bring their artifacts together."""
    config = project.build_batch_config
    if config is None or config.service_role != project.service_role:
        return
    actions = [f"codebuild:{action}" for action in ("StartBuild", "StopBuild", "RetryBuild")]
    yield _allow("BuildsOfBatches", actions, [where.arn("codebuild", f"project/{project.name}")])
    outputs = [one for _, one in project.outputs if one.type == "S3" and one.location]
    if config.combine_artifacts and outputs:
        keys = sorted({where.s3(_artifact_keys(project, one)) for one in outputs})
        yield _allow("ArtifactsOfBatches", ["s3:GetObject", "s3:GetObjectVersion"], keys)


def _artifact_keys(project: Project, artifacts: Artifacts) -> str:
    """Return bucket and keys of artifacts: their folder, or the one object of a ZIP without the build's id."""
    bucket, path = bucket_of(artifacts), (artifacts.path or "").strip("/")
    if artifacts.override_artifact_name:
        return f"{bucket}/{_plain(path)}/*" if path else f"{bucket}/*"
    prefix = artifact_prefix(project, artifacts)
    if prefix or artifacts.namespace_type == "BUILD_ID":
        return f"{bucket}/{_plain(prefix)}*"
    name = (artifacts.name or project.name).strip("/")
    return f"{bucket}/{_plain(f'{path}/{name}' if path else name)}"


def _allow(name: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resources}


def _plain(text: str) -> str:
    """Return text in which IAM sees no wildcard and no variable."""
    return _SPECIAL.sub(lambda match: "${" + match[0] + "}", text)
