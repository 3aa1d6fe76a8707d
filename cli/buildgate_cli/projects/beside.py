"""What a project file says beside CreateProject's members, as typed values: all of it goes with the project."""

from __future__ import annotations

from dataclasses import dataclass

from buildgate_cli.projects.shape import Shape


@dataclass(frozen=True, kw_only=True)
class Filter(Shape):
    """One condition on an event; `pattern` is a regular expression, of EVENT a list with commas."""

    type: str
    pattern: str
    exclude_matched_pattern: bool | None = None


@dataclass(frozen=True, kw_only=True)
class PullRequestPolicy(Shape):
    """Whose pull requests wait for a comment of somebody who may approve."""

    requires_comment_approval: str
    approver_roles: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class WebhookScope(Shape):
    """The organisation or enterprise whose events a webhook hears."""

    name: str
    scope: str
    domain: str | None = None


@dataclass(frozen=True, kw_only=True)
class Webhook(Shape):
    """What the source's provider starts builds on: any group of filters, all filters of it."""

    branch_filter: str | None = None
    filter_groups: tuple[tuple[Filter, ...], ...] | None = None
    build_type: str | None = None
    manual_creation: bool | None = None
    scope_configuration: WebhookScope | None = None
    pull_request_build_policy: PullRequestPolicy | None = None


@dataclass(frozen=True, kw_only=True)
class Alarms(Shape):
    """CloudWatch alarms on a project's builds; `topic` is an ARN, the stack's own when it is not said."""

    failed_builds: int | None = None
    duration_minutes: int | None = None
    period_minutes: int | None = None
    topic: str | None = None


@dataclass(frozen=True, kw_only=True)
class Lifecycle(Shape):
    """After how many days what builds left in S3 expires."""

    artifacts_days: int | None = None
    cache_days: int | None = None


@dataclass(frozen=True, kw_only=True)
class SourceCredentials(Shape):
    """Credentials of the account for a provider, named by who keeps the token."""

    server_type: str
    auth_type: str
    arn: str


@dataclass(frozen=True, kw_only=True)
class ReportGroup(Shape):
    """A report group that the buildspec reports into; `type` is TEST when it is not said."""

    name: str
    type: str | None = None
