"""How safely a project is set up: named checks with a severity, what was found, and the fix."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from buildgate.domain.redaction import is_secret_name

_WEIGHTS = {"high": 25, "medium": 10, "low": 4}


@dataclass(frozen=True, slots=True)
class WebhookFilter:
    """One filter of a webhook's filter group."""

    kind: str
    pattern: str
    is_excluding: bool = False


class Allowed(NamedTuple):
    """One allowing statement of a role's policies."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    is_conditional: bool = False


@dataclass(frozen=True, slots=True)
class RoleLook:
    """What was found of a service role, as (severity, what), on the day on which it was looked at."""

    day: str
    risks: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """What is judged of a project. ``variables`` are names and types, never values."""

    name: str
    source_type: str = ""
    is_privileged: bool = False
    is_insecure_ssl: bool = False
    is_public: bool = False
    variables: tuple[tuple[str, str], ...] = ()
    filter_groups: tuple[tuple[WebhookFilter, ...], ...] | None = None
    encryption_key: str = ""
    artifacts_type: str = "NO_ARTIFACTS"
    is_artifact_encryption_off: bool = False
    service_role: str = ""
    vpc: tuple[int, int] | None = None
    are_logs_kept: bool = True
    timeout_minutes: int = 60
    image: str = ""
    cache_type: str = "NO_CACHE"
    role: RoleLook | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that a project does not pass."""

    check: str
    severity: str
    found: str
    fix: str


@dataclass(frozen=True, slots=True)
class Posture:
    """A project's findings and its score: 100 less 25, 10 or 4 for each finding of high, medium or low severity."""

    project: str
    score: int
    findings: tuple[Finding, ...]
    checks: int
    service_role: str
    vpc: str
    role_looked_at: str = ""


@dataclass(frozen=True, slots=True)
class PostureDay:
    """A project's score on a day, None when the project was gone, with its findings by severity and its role's risks."""

    day: str
    score: int | None
    by_severity: Mapping[str, int] = field(default_factory=dict)
    role: RoleLook | None = None

    @classmethod
    def of(cls, day: str, posture: Posture, role: RoleLook | None) -> PostureDay:
        return cls(day, posture.score, by_severity(posture.findings), role)


_Check = Callable[[ProjectSettings], Iterator[Finding]]


def judge_project(project: ProjectSettings) -> Posture:
    """Return what is wrong with a project's set-up, worst first."""
    found = [finding for check in CHECKS for finding in check(project)]
    found.sort(key=lambda finding: (-_WEIGHTS[finding.severity], finding.check))
    lost = sum(_WEIGHTS[finding.severity] for finding in found)
    vpc = "no VPC" if project.vpc is None else f"{project.vpc[0]} subnets, {project.vpc[1]} security groups"
    looked = project.role.day if project.role else ""
    return Posture(project.name, max(0, 100 - lost), tuple(found), len(CHECKS), project.service_role, vpc, looked)


def _takes_pull_requests(project: ProjectSettings) -> bool:
    groups = project.filter_groups or ()
    return any(one.kind == "EVENT" and "PULL_REQUEST" in one.pattern for group in groups for one in group)


def _privileged(project: ProjectSettings) -> Iterator[Finding]:
    if project.is_privileged and _takes_pull_requests(project):
        yield Finding(
            "privileged-pull-requests",
            "high",
            "strangers' pull requests build with the host's privileges",
            "build pull requests in a project of their own without privileged mode",
        )
    elif project.is_privileged:
        yield Finding("privileged", "low", "privileged mode is on", "switch it off unless the build runs Docker itself")


def _groups(project: ProjectSettings) -> Sequence[tuple[WebhookFilter, ...]]:
    return project.filter_groups or ()


def _actors(project: ProjectSettings) -> Iterator[Finding]:
    for group in project.filter_groups or ():
        for one in group:
            if one.kind == "ACTOR_ACCOUNT_ID" and not re.fullmatch(r"\^.*\$", one.pattern):
                yield Finding(
                    "unanchored-actor",
                    "high",
                    f"the actor filter {one.pattern!r} also matches longer account ids",
                    f"write ^({one.pattern})$",
                )


def _untrusted(project: ProjectSettings) -> Iterator[Finding]:
    for group in project.filter_groups or ():
        kinds = {one.kind for one in group}
        takes = any(one.kind == "EVENT" and "PULL_REQUEST" in one.pattern for one in group)
        if takes and not kinds & {"ACTOR_ACCOUNT_ID", "FILE_PATH"}:
            yield Finding(
                "open-pull-requests",
                "medium",
                "anyone's pull request starts a build with this project's role",
                "filter by ACTOR_ACCOUNT_ID, and refuse changes of the buildspec with an excluding FILE_PATH filter",
            )


def _simple(project: ProjectSettings) -> Iterator[Finding]:
    if project.is_insecure_ssl:
        yield Finding("insecure-ssl", "high", "certificates of the source are not checked", "set insecureSsl to false")
    if project.is_public:
        yield Finding("public-builds", "medium", "build logs are public", "set projectVisibility to PRIVATE")
    if project.is_artifact_encryption_off and project.artifacts_type == "S3":
        yield Finding("plain-artifacts", "medium", "artifacts are not encrypted", "set encryptionDisabled to false")
    if not project.are_logs_kept:
        yield Finding("no-logs", "low", "neither CloudWatch nor S3 keeps the logs", "enable CloudWatch logs")
    if project.timeout_minutes > 480:
        yield Finding(
            "long-timeout",
            "low",
            f"a build may run {project.timeout_minutes} minutes",
            "set timeoutInMinutes to twice the longest build",
        )


def _secrets(project: ProjectSettings) -> Iterator[Finding]:
    names = [name for name, kind in project.variables if kind == "PLAINTEXT" and is_secret_name(name)]
    if names:
        yield Finding(
            "plaintext-secrets",
            "high",
            f"plain variables with names of secrets: {', '.join(names[:5])}",
            "move the values to Secrets Manager or Parameter Store and name them by type",
        )


def _vpc(project: ProjectSettings) -> Iterator[Finding]:
    if project.vpc is not None and 0 in project.vpc:
        yield Finding(
            "incomplete-vpc",
            "medium",
            f"the VPC has {project.vpc[0]} subnets and {project.vpc[1]} security groups",
            "name at least one of each",
        )


def _image(project: ProjectSettings) -> Iterator[Finding]:
    if project.image and not project.image.startswith("aws/codebuild/") and "@sha256:" not in project.image:
        yield Finding(
            "movable-image",
            "low",
            f"{project.image} can change without notice",
            "name the image by digest: name@sha256:...",
        )


def _cache(project: ProjectSettings) -> Iterator[Finding]:
    takes = any(one.kind == "EVENT" and "PULL_REQUEST" in one.pattern for group in _groups(project) for one in group)
    if takes and project.cache_type not in {"", "NO_CACHE"}:
        yield Finding(
            "shared-cache",
            "medium",
            "builds of pull requests write the cache that other builds read",
            "build pull requests in a project of their own, with a cache of its own or none",
        )


def _role(project: ProjectSettings) -> Iterator[Finding]:
    for severity, risk in project.role.risks if project.role else ():
        yield Finding(
            "missing-role" if risk == _MISSING else "broad-role",
            severity,
            risk,
            "name a service role that exists"
            if risk == _MISSING
            else "name the actions that the builds need, and their resources",
        )


_MISSING = "the service role does not exist in this account"
_ADMIN = {"*", "iam:*", "sts:*", "organizations:*"}
_MOST_RISKS = 5


def risks_of(allowed: Sequence[Allowed] | None) -> tuple[tuple[str, str], ...]:
    """Return what is risky about a role's policies, worst first, at most five; None is a role that does not exist.

    High: every action, or all of those that hand out rights, on every resource. Medium: all actions of a service on
    every resource. A statement with a condition counts one step less. What a denial takes away again is not seen.
    """
    if allowed is None:
        return (("high", _MISSING),)
    found: dict[str, str] = {}
    for one in allowed:
        if "*" not in one.resources:
            continue
        for action in one.actions:
            if action in _ADMIN or action.lower() == "iam:passrole":
                found[action] = "medium" if one.is_conditional else "high"
            elif action.endswith(":*"):
                found.setdefault(action, "low" if one.is_conditional else "medium")
    ordered = sorted(found.items(), key=lambda pair: (-_WEIGHTS[pair[1]], pair[0]))
    return tuple((severity, f"the service role may do {action} on every resource") for action, severity in ordered)[
        :_MOST_RISKS
    ]


CHECKS: Sequence[_Check] = (_privileged, _actors, _untrusted, _simple, _secrets, _vpc, _image, _cache, _role)


def mean_score(postures: Sequence[Posture]) -> float | None:
    return sum(one.score for one in postures) / len(postures) if postures else None


def by_severity(findings: Sequence[Finding]) -> Mapping[str, int]:
    return {name: sum(one.severity == name for one in findings) for name in _WEIGHTS}
