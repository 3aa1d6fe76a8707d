"""A CodeBuild project as a typed value: every member of CreateProject, and what a file says beside them.

Files are read into it, rules judge it, applying, comparing and importing go by it. Types only: limits and enumerations
are those of the installed SDK's service model, which project files are checked against. Fields that are None were not
said; CodeBuild has a default for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from buildgate_cli.projects.beside import Alarms, Lifecycle, ReportGroup, SourceCredentials, Webhook
from buildgate_cli.projects.role import NOT_LOOKED, RoleFacts
from buildgate_cli.projects.shape import APART, Shape

Path = tuple[str | int, ...]
_WEBHOOK_READ_ONLY: Final = ("url", "payloadUrl", "secret", "lastModifiedSecret", "status", "statusMessage")


@dataclass(frozen=True, kw_only=True)
class Submodules(Shape):
    """Whether git submodules are fetched."""

    fetch_submodules: bool


@dataclass(frozen=True, kw_only=True)
class SourceAuth(Shape):
    """Which credentials the source is read with."""

    type: str
    resource: str | None = None


@dataclass(frozen=True, kw_only=True)
class BuildStatusConfig(Shape):
    """How the build's status is shown at the source's provider."""

    context: str | None = None
    target_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Source(Shape):
    """Where a build's source comes from; `type` NO_SOURCE for none."""

    type: str
    location: str | None = None
    git_clone_depth: int | None = None
    git_submodules_config: Submodules | None = None
    buildspec: str | None = None
    auth: SourceAuth | None = None
    report_build_status: bool | None = None
    build_status_config: BuildStatusConfig | None = None
    insecure_ssl: bool | None = None
    source_identifier: str | None = None


@dataclass(frozen=True, kw_only=True)
class SourceVersion(Shape):
    """The version of a secondary source."""

    source_identifier: str
    source_version: str


@dataclass(frozen=True, kw_only=True)
class Artifacts(Shape):
    """Where what a build makes goes."""

    type: str
    location: str | None = None
    path: str | None = None
    namespace_type: str | None = None
    name: str | None = None
    packaging: str | None = None
    override_artifact_name: bool | None = None
    encryption_disabled: bool | None = None
    artifact_identifier: str | None = None
    bucket_owner_access: str | None = None


@dataclass(frozen=True, kw_only=True)
class Cache(Shape):
    """What builds hand on to later ones; `modes` are those of a LOCAL cache."""

    type: str
    location: str | None = None
    modes: tuple[str, ...] | None = None
    cache_namespace: str | None = None


@dataclass(frozen=True, kw_only=True)
class ComputeConfiguration(Shape):
    """A machine by its needs: vCPUs, memory and disk in GiB."""

    v_cpu: int | None = None
    memory: int | None = None
    disk: int | None = None
    machine_type: str | None = None
    instance_type: str | None = None


@dataclass(frozen=True, kw_only=True)
class Fleet(Shape):
    """The reserved machines a build runs on."""

    fleet_arn: str | None = None


@dataclass(frozen=True, kw_only=True)
class Variable(Shape):
    """A variable; `type` says whether `value` is the value or where it is kept."""

    name: str
    value: str
    type: str | None = None


@dataclass(frozen=True, kw_only=True)
class RegistryCredential(Shape):
    """The secret a private image is pulled with."""

    credential: str
    credential_provider: str


@dataclass(frozen=True, kw_only=True)
class DockerServerStatus(Shape):
    """How the Docker server is."""

    status: str | None = None
    message: str | None = None


@dataclass(frozen=True, kw_only=True)
class DockerServer(Shape):
    """A Docker server beside the builds."""

    compute_type: str
    security_group_ids: tuple[str, ...] | None = None
    status: DockerServerStatus | None = None


@dataclass(frozen=True, kw_only=True)
class Environment(Shape):
    """The machine and image a build runs on, and its variables."""

    type: str
    image: str
    compute_type: str
    compute_configuration: ComputeConfiguration | None = None
    fleet: Fleet | None = None
    environment_variables: tuple[Variable, ...] | None = None
    privileged_mode: bool | None = None
    certificate: str | None = None
    registry_credential: RegistryCredential | None = None
    image_pull_credentials_type: str | None = None
    docker_server: DockerServer | None = None
    host_kernel: str | None = None

    @property
    def is_lambda(self) -> bool:
        return "_LAMBDA_" in self.type


@dataclass(frozen=True, kw_only=True)
class Tag(Shape):
    """A tag."""

    key: str | None = None
    value: str | None = None


@dataclass(frozen=True, kw_only=True)
class Vpc(Shape):
    """The network a build runs in."""

    vpc_id: str | None = None
    subnets: tuple[str, ...] | None = None
    security_group_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class CloudWatchLogs(Shape):
    """The log in CloudWatch."""

    status: str
    group_name: str | None = None
    stream_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class S3Logs(Shape):
    """The log in S3."""

    status: str
    location: str | None = None
    encryption_disabled: bool | None = None
    bucket_owner_access: str | None = None


@dataclass(frozen=True, kw_only=True)
class Logs(Shape):
    """Where logs go."""

    cloud_watch_logs: CloudWatchLogs | None = None
    s3_logs: S3Logs | None = None


@dataclass(frozen=True, kw_only=True)
class FileSystem(Shape):
    """A file system that builds mount."""

    type: str | None = None
    location: str | None = None
    mount_point: str | None = None
    identifier: str | None = None
    mount_options: str | None = None


@dataclass(frozen=True, kw_only=True)
class BatchRestrictions(Shape):
    """What a batch may start."""

    maximum_builds_allowed: int | None = None
    compute_types_allowed: tuple[str, ...] | None = None
    fleets_allowed: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class BatchConfig(Shape):
    """How batches of the project run; `timeout_in_mins` in minutes."""

    service_role: str | None = None
    combine_artifacts: bool | None = None
    restrictions: BatchRestrictions | None = None
    timeout_in_mins: int | None = None
    batch_report_mode: str | None = None


@dataclass(frozen=True, kw_only=True)
class Project(Shape):
    """A project: what CreateProject takes, and what stands beside it. `more` holds what only AWS says, such as its ARN.

    `buildspec` is a short declaration, for a source that names none. `role_facts` is what IAM says of the service role,
    where somebody looked.
    """

    name: str
    source: Source
    artifacts: Artifacts
    environment: Environment
    service_role: str
    description: str | None = None
    secondary_sources: tuple[Source, ...] | None = None
    source_version: str | None = None
    secondary_source_versions: tuple[SourceVersion, ...] | None = None
    secondary_artifacts: tuple[Artifacts, ...] | None = None
    cache: Cache | None = None
    timeout_in_minutes: int | None = None
    queued_timeout_in_minutes: int | None = None
    encryption_key: str | None = None
    tags: tuple[Tag, ...] | None = None
    vpc_config: Vpc | None = None
    badge_enabled: bool | None = None
    logs_config: Logs | None = None
    file_system_locations: tuple[FileSystem, ...] | None = None
    build_batch_config: BatchConfig | None = None
    concurrent_build_limit: int | None = None
    auto_retry_limit: int | None = None
    buildspec: Mapping[str, Any] | None = None
    report_groups: tuple[ReportGroup, ...] | None = None
    webhook: Webhook | None = None
    alarms: Alarms | None = None
    lifecycle: Lifecycle | None = None
    source_credentials: SourceCredentials | None = None
    project_visibility: str | None = None
    role_facts: RoleFacts = field(default=NOT_LOOKED, metadata=APART, compare=False)

    @classmethod
    def of_aws(cls, found: Mapping[str, Any]) -> Self:
        """Return a project that AWS describes, in the words of a file: its webhook and badge as they are asked for."""
        data = {"badgeEnabled": (found.get("badge") or {}).get("badgeEnabled"), **found}
        hook = data.pop("webhook", None) or {}
        asked = {
            key: value for key, value in hook.items() if key not in _WEBHOOK_READ_ONLY and value not in (None, [], "")
        }
        return cls.from_data({**data, "webhook": asked or None})

    @property
    def sources(self) -> list[tuple[Path, Source]]:
        """The primary source and the others, each with its path."""
        others = enumerate(self.secondary_sources or ())
        return [(("source",), self.source), *((("secondarySources", index), one) for index, one in others)]

    @property
    def outputs(self) -> list[tuple[Path, Artifacts]]:
        """The primary artifacts and the others, each with its path."""
        others = enumerate(self.secondary_artifacts or ())
        return [(("artifacts",), self.artifacts), *((("secondaryArtifacts", index), one) for index, one in others)]

    def tag(self, key: str) -> str:
        """Return the value of a tag; empty when there is no such tag."""
        return next((tag.value or "" for tag in self.tags or () if tag.key == key), "")
