"""Rules about what strangers, thieves and accidents could do with a project (PR2xx)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.redaction import MASK, is_secret_name, redact
from buildgate_cli.projects.rule import Found, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildgate_cli.projects.beside import Filter, Webhook
    from buildgate_cli.projects.model import Path, Project

_LINK: Final = re.compile(r"://[^/\s:@]+:[^/\s@]+@")
_NOT_A_SECRET: Final = re.compile(r"\A(?:|true|false|yes|no|enabled|disabled|\d{1,6}|none|/[\w./-]*)\Z", re.IGNORECASE)
_BROAD_NAMES: Final = re.compile(r"(?i)(administrator|admin|poweruser|fullaccess|organizationaccountaccess|root)")
_APPROVED: Final = frozenset({"ALL_PULL_REQUESTS", "FORK_PULL_REQUESTS"})


def _plain_secrets(project: Project) -> Iterator[Found]:
    for index, one in enumerate(project.environment.environment_variables or ()):
        if (one.type or "PLAINTEXT") != "PLAINTEXT" or _NOT_A_SECRET.match(one.value):
            continue
        if is_secret_name(one.name) or MASK in redact(one.value):
            path = ("environment", "environmentVariables", index)
            fix = f"put it into Secrets Manager: {{name: {one.name}, type: SECRETS_MANAGER, value: secret:key}}"
            yield Found(path, f"{one.name} looks like a secret and is stored in the clear", fix)


def _insecure_ssl(project: Project) -> Iterator[Found]:
    for path, source in project.sources:
        if source.insecure_ssl:
            message = "the source's certificate is not checked"
            fix = "remove insecureSsl, and name the authority in environment.certificate"
            yield Found((*path, "insecureSsl"), message, fix)


def _unencrypted(project: Project) -> Iterator[Found]:
    places: list[tuple[Path, bool | None]] = [(path, one.encryption_disabled) for path, one in project.outputs]
    logs = project.logs_config.s3_logs if project.logs_config else None
    places.append((("logsConfig", "s3Logs"), logs.encryption_disabled if logs else None))
    for path, is_disabled in places:
        if is_disabled:
            message = "what is stored there is not encrypted"
            yield Found((*path, "encryptionDisabled"), message, "remove encryptionDisabled")


def _broad_role(project: Project) -> Iterator[Found]:
    name, statements = project.service_role.rsplit("/", 1)[-1], project.role_facts.statements
    if _BROAD_NAMES.search(name) and not statements:
        message = f"{name} sounds like a role that may do anything"
        yield Found(("serviceRole",), message, "give the project a role of its own, or leave serviceRole out")
    for statement in statements or ():
        actions, resources = _many(statement.get("Action")), _many(statement.get("Resource"))
        wide = [action for action in actions if action in {"*", "iam:*", "sts:*"}]
        if wide and "*" in resources:
            message = f"the role may do {', '.join(wide)} with everything"
            yield Found(("serviceRole",), message, "allow the actions and resources that the build needs")


def _many(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)] if value else []


def _untrusted_pulls(project: Project) -> Iterator[Found]:
    webhook = project.webhook
    if webhook is None or _needs_approval(webhook):
        return
    fix = "add pullRequestBuildPolicy: {requiresCommentApproval: FORK_PULL_REQUESTS}, or filter ACTOR_ACCOUNT_ID"
    if not webhook.filter_groups:
        yield Found(("webhook",), "every event starts a build, pull requests of strangers too", fix)
    for index, group in _pull_groups(webhook):
        if not any(one.type == "ACTOR_ACCOUNT_ID" and not one.exclude_matched_pattern for one in group):
            yield Found(("webhook", "filterGroups", index), "it builds pull requests of anyone", fix)


def _unanchored(project: Project) -> Iterator[Found]:
    groups = (project.webhook.filter_groups if project.webhook else None) or ()
    for index, group in enumerate(groups):
        for place, one in enumerate(group):
            if one.type == "ACTOR_ACCOUNT_ID" and not _is_anchored(one.pattern):
                path = ("webhook", "filterGroups", index, place, "pattern")
                message = f"{one.pattern!r} also matches account numbers that contain it"
                yield Found(path, message, f"write ^({one.pattern.strip('^$')})$")


def _is_anchored(pattern: str) -> bool:
    """Tell whether every alternative of a pattern is bound at both ends."""
    inner = re.fullmatch(r"\^\(([^()]*)\)\$|\^([^|()]*)\$", pattern)
    return inner is not None or all(re.fullmatch(r"\^[^|]*\$", one) for one in pattern.split("|"))


def _privileged_pulls(project: Project) -> Iterator[Found]:
    webhook = project.webhook
    if webhook is None or not project.environment.privileged_mode:
        return
    if _pull_groups(webhook) or not webhook.filter_groups:
        path = ("environment", "privilegedMode")
        fix = "build pull requests in a project without privileges"
        yield Found(path, "pull requests are built with privileges", fix)


def _needs_approval(webhook: Webhook) -> bool:
    policy = webhook.pull_request_build_policy
    return policy is not None and policy.requires_comment_approval in _APPROVED


def _pull_groups(webhook: Webhook) -> list[tuple[int, tuple[Filter, ...]]]:
    """Return the groups that let pull requests through, each with its place."""
    return [
        (index, group)
        for index, group in enumerate(webhook.filter_groups or ())
        if any(one.type == "EVENT" and "PULL_REQUEST" in one.pattern for one in group)
    ]


def _keys_in_links(project: Project) -> Iterator[Found]:
    for path, source in project.sources:
        if _LINK.search(source.location or ""):
            message = "the address holds a password, and everyone who sees the project can read it"
            yield Found((*path, "location"), message, "connect with source.auth, and write the address alone")


def _public(project: Project) -> Iterator[Found]:
    if project.project_visibility == "PUBLIC_READ":
        message = "anyone can read its logs and artifacts"
        yield Found(("projectVisibility",), message, "update-project-visibility --project-visibility PRIVATE")


_GITHUB: Final = "source: {type: GITHUB, location: 'https://github.com/example/shop.git'}\n"
_PULLS: Final = "{type: EVENT, pattern: 'PUSH, PULL_REQUEST_CREATED, PULL_REQUEST_UPDATED'}"
_LINUX: Final = "type: LINUX_CONTAINER, image: 'aws/codebuild/standard:7.0', computeType: BUILD_GENERAL1_SMALL"

RULES: Final = (
    Rule(
        "PR201",
        "A secret in a plain variable",
        "Plain values stand in the project, in each build's description and in the events that every target receives.",
        _plain_secrets,
        f"environment: {{{_LINUX}, environmentVariables: [{{name: API_TOKEN, value: abc123def}}]}}",
        f"environment: {{{_LINUX}, environmentVariables: "
        "[{name: API_TOKEN, type: SECRETS_MANAGER, value: 'shop/api:token'}]}",
    ),
    Rule(
        "PR202",
        "The source's certificate is not checked",
        "Anyone on the way can hand the build other code.",
        _insecure_ssl,
        "source: {type: GITHUB_ENTERPRISE, location: 'https://git.example.com/shop.git', insecureSsl: true}",
        "source: {type: GITHUB_ENTERPRISE, location: 'https://git.example.com/shop.git'}",
    ),
    Rule(
        "PR203",
        "Artifacts or logs are not encrypted",
        "What a build leaves in S3 should be encrypted at rest.",
        _unencrypted,
        "artifacts: {type: S3, location: example-artifacts, encryptionDisabled: true}",
        "artifacts: {type: S3, location: example-artifacts}",
    ),
    Rule(
        "PR204",
        "The service role may do too much",
        "Every command of a build, of any branch, acts with this role. `--role` reads the role's policies; without it "
        "only the role's name speaks.",
        _broad_role,
        "serviceRole: arn:aws:iam::111122223333:role/AdministratorAccess",
        "serviceRole: arn:aws:iam::111122223333:role/shop-build",
    ),
    Rule(
        "PR205",
        "The webhook builds untrusted pull requests",
        "A pull request brings its own buildspec: who may open one can run commands with the service role.",
        _untrusted_pulls,
        f"{_GITHUB}webhook: {{filterGroups: [[{_PULLS}]]}}",
        f"{_GITHUB}webhook: {{filterGroups: [[{_PULLS}]], "
        "pullRequestBuildPolicy: {requiresCommentApproval: FORK_PULL_REQUESTS}}",
    ),
    Rule(
        "PR206",
        "An actor filter is not anchored",
        "Filters are regular expressions: 123 matches 41235, too.",
        _unanchored,
        f"{_GITHUB}webhook: {{filterGroups: [[{_PULLS}, {{type: ACTOR_ACCOUNT_ID, pattern: '123|456'}}]]}}",
        f"{_GITHUB}webhook: {{filterGroups: [[{_PULLS}, {{type: ACTOR_ACCOUNT_ID, pattern: '^(123|456)$'}}]]}}",
    ),
    Rule(
        "PR207",
        "Pull requests are built with privileges",
        "Privileged mode gives the build its host; untrusted code should not have it.",
        _privileged_pulls,
        f"{_GITHUB}environment: {{{_LINUX}, privilegedMode: true}}\nwebhook: {{filterGroups: [[{_PULLS}]], "
        "pullRequestBuildPolicy: {requiresCommentApproval: ALL_PULL_REQUESTS}}",
        f"{_GITHUB}environment: {{{_LINUX}}}\nwebhook: {{filterGroups: [[{_PULLS}]], "
        "pullRequestBuildPolicy: {requiresCommentApproval: ALL_PULL_REQUESTS}}",
    ),
    Rule(
        "PR208",
        "A password in the source's address",
        "Addresses are shown wherever the project is.",
        _keys_in_links,
        "source: {type: GITHUB, location: 'https://alice:s3cret@github.com/example/shop.git'}",
        "source: {type: GITHUB, location: 'https://github.com/example/shop.git'}",
    ),
    Rule(
        "PR209",
        "The project is public",
        "Logs and artifacts of public projects can be read by anyone, without an account. Reported of projects on AWS.",
        _public,
    ),
)
