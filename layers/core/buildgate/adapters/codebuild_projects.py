"""Build projects as CodeBuild describes them: their tags, and what their security is judged by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from buildgate.adapters.aws_errors import calling
from buildgate.domain.metrics.posture import ProjectSettings, WebhookFilter

_BATCH = 100


class CodeBuildProjects:
    """Looks at projects through a botocore-shaped client, a hundred at a time."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def tags(self, names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Return the tags of the projects that exist, keys in small letters."""
        return {
            str(project["name"]): {str(tag["key"]).lower(): str(tag["value"]) for tag in project.get("tags") or []}
            for project in self._projects(names)
        }

    def _projects(self, names: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        for start in range(0, len(names), _BATCH):
            with calling("CodeBuild BatchGetProjects"):
                answer = self._client.batch_get_projects(names=list(names[start : start + _BATCH]))
            yield from answer.get("projects", [])

    def settings(self, names: Sequence[str]) -> Sequence[ProjectSettings]:
        """Return what the security of the projects that exist is judged by; variable values are left behind."""
        return [_settings(project) for project in self._projects(names)]


def _settings(project: Mapping[str, Any]) -> ProjectSettings:
    environment, source = project.get("environment") or {}, project.get("source") or {}
    artifacts, vpc = project.get("artifacts") or {}, project.get("vpcConfig") or {}
    return ProjectSettings(
        name=str(project["name"]),
        source_type=source.get("type", ""),
        is_privileged=bool(environment.get("privilegedMode")),
        is_insecure_ssl=bool(source.get("insecureSsl")),
        is_public=project.get("projectVisibility") == "PUBLIC_READ",
        variables=tuple(
            (str(one["name"]), str(one.get("type", "PLAINTEXT")))
            for one in environment.get("environmentVariables") or []
        ),
        filter_groups=_filters(project.get("webhook")),
        encryption_key=project.get("encryptionKey", ""),
        artifacts_type=artifacts.get("type", "NO_ARTIFACTS"),
        is_artifact_encryption_off=bool(artifacts.get("encryptionDisabled")),
        service_role=project.get("serviceRole", ""),
        vpc=(len(vpc.get("subnets") or []), len(vpc.get("securityGroupIds") or [])) if vpc.get("vpcId") else None,
        are_logs_kept=_are_logs_kept(project.get("logsConfig") or {}),
        timeout_minutes=int(project.get("timeoutInMinutes") or 60),
        image=environment.get("image", ""),
        cache_type=(project.get("cache") or {}).get("type", "NO_CACHE"),
    )


def _filters(webhook: Mapping[str, Any] | None) -> tuple[tuple[WebhookFilter, ...], ...] | None:
    if not webhook:
        return None
    return tuple(
        tuple(
            WebhookFilter(str(one["type"]), str(one["pattern"]), bool(one.get("excludeMatchedPattern")))
            for one in group
        )
        for group in webhook.get("filterGroups") or []
    )


def _are_logs_kept(config: Mapping[str, Any]) -> bool:
    """Return whether a log is kept anywhere; without a configuration CloudWatch keeps it."""
    watch = (config.get("cloudWatchLogs") or {}).get("status", "ENABLED")
    return "ENABLED" in {watch, (config.get("s3Logs") or {}).get("status", "DISABLED")}
