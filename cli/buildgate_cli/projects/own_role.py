"""The build role of one project: made, kept as it should be, and removed with the project.

`serviceRole: own`, or no `serviceRole`, asks for it, and batches that name no role run in it, too; `shared` for the stack's role, whose builds may write any project's
reports. Where IAM does not let a person manage roles, a file that names no role gets the stack's, and that is said.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from botocore.exceptions import ClientError

from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.project_file import BUILD_ROLE_OUTPUT
from buildgate_cli.projects.build_policy import Where, policy, trust
from buildgate_cli.projects.extras import Step
from buildgate_cli.projects.on_aws import MANAGED_TAG
from buildgate_cli.projects.role import OWN_ROLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from buildgate_cli.cloud_context import CloudContext
    from buildgate_cli.projects.model import Project

POLICY_NAME: Final = "build"
_TAG: Final = {"Key": MANAGED_TAG["key"], "Value": MANAGED_TAG["value"]}
_LONGEST: Final = 64
"""IAM's limit for the name of a role, in characters."""
_LEFT_ALONE: Final = ("cache", "logs_config", "secondary_sources", "secondary_artifacts", "build_batch_config")
_UNSEEN: Final = "not authorized to perform: sts:AssumeRole"
_TRIES: Final = 10
_PAUSE_SECONDS: Final = 2.0
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException"})
_SHARED_SAID: Final = "{} is not allowed to you: builds run in the stack's role, which may write any project's reports"


@dataclass(frozen=True)
class Roles:
    """The project with its role, the steps before it is written and after, and what to tell the person, in words."""

    project: Project
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    said: tuple[str, ...] = ()
    otherwise: str | None = None
    """The role instead, should IAM deny a step before; None where the file insists."""

    @property
    def steps(self) -> tuple[Step, ...]:
        return (*self.before, *self.after)

    @property
    def words(self) -> tuple[str, ...]:
        return (*(step.what for step in self.steps), *self.said)


def role_name(region: str, project: str) -> str:
    """Return the name of a project's own role: roles know no Region, projects do. Long names end with a digest."""
    name = f"buildgate-build-{region}-{project}"
    digest = hashlib.sha256(name.encode()).hexdigest()[:10]
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 11]}-{digest}"


def is_own(region: str, project: Project) -> bool:
    """Tell whether a project on AWS runs in a role of its own, by the role's name."""
    return project.service_role.endswith(f":role/{role_name(region, project.name)}")


def planned(cloud: CloudContext, wanted: Project, found: Project | None) -> Roles:
    """Return a project's role and the steps to it; reads IAM, changes nothing.

    `wanted` is completed, but for a `service_role` that is `own` or empty; `found` is the project as it is on AWS.
    Raises UserError when a role has the name and is not Buildgate's, or IAM denies a file that says `own`.
    """
    if wanted.service_role not in {OWN_ROLE, ""}:
        return Roles(wanted, after=_left(cloud, wanted, found))
    shared = cloud.outputs[BUILD_ROLE_OUTPUT]
    _, partition, _, _, account, _ = shared.split(":", 5)
    arn = f"arn:{partition}:iam::{account}:role/{role_name(cloud.region, wanted.name)}"
    own = Roles(_in_role(wanted, arn, arn), otherwise=None if wanted.service_role == OWN_ROLE else shared)
    try:
        where = Where(partition, account, cloud.region, cloud.report_bucket)
        return replace(own, before=tuple(_steps(cloud.client("iam"), where, _as_it_will_be(own.project, found))))
    except ClientError as error:
        return _denied(own, found, error)


def _in_role(project: Project, arn: str, batches: str | None) -> Project:
    """Return a project that runs in a role, and its batches in another, or in none, where they name none of their own."""
    config = project.build_batch_config
    if config is not None and config.service_role in {None, project.service_role}:
        config = replace(config, service_role=batches)
    return replace(project, service_role=arn, build_batch_config=config)


def given(roles: Roles, found: Project | None) -> Roles:
    """Take the steps before the project is written, and return what came of them; raises as `planned` does."""
    try:
        for step in roles.before:
            step.call()
    except ClientError as error:
        return _denied(roles, found, error)
    return roles


def patiently(
    call: Callable[..., Any], asked: Mapping[str, Any], roles: Roles, pause: Callable[[float], None] = time.sleep
) -> None:
    """Write a project. CodeBuild may need some seconds to see a role that was made just now: it is asked again."""
    for left in reversed(range(_TRIES if roles.before else 1)):
        try:
            call(**asked)
        except ClientError as error:
            if not left or _UNSEEN not in error.response["Error"].get("Message", ""):
                raise
            pause(_PAUSE_SECONDS)
        else:
            return


def _denied(roles: Roles, found: Project | None, error: ClientError) -> Roles:
    """Return what remains where IAM denies: the role the project has, else the stack's. Raises what is no denial."""
    own = roles.project
    if error.response["Error"]["Code"] not in _DENIED:
        raise error
    if roles.otherwise is None:
        message = f"serviceRole: own needs {error.operation_name}, which IAM denies you."
        raise UserError(
            message, "Ask for it, or name a role: see docs/how-to/projects.md.", ExitCode.REFUSED
        ) from error
    if found is not None and found.service_role == own.service_role:
        return Roles(own)
    return Roles(_in_role(own, roles.otherwise, None), said=(_SHARED_SAID.format(error.operation_name),))


def removal(cloud: CloudContext, found: Project) -> list[Step]:
    """Return the step that removes a project's own role, in a list; an empty one when it has none. Safe to repeat."""
    if BUILD_ROLE_OUTPUT not in cloud.outputs:
        return []
    iam, name = cloud.client("iam"), role_name(cloud.region, found.name)
    try:
        role = _role(iam, name)
    except ClientError as error:
        if error.response["Error"]["Code"] in _DENIED and not is_own(cloud.region, found):
            return []
        raise
    if role is None or _TAG not in role.get("Tags", []):
        return []
    return [Step(f"build role {name} removed", lambda: _remove(iam, name))]


def _left(cloud: CloudContext, wanted: Project, found: Project | None) -> tuple[Step, ...]:
    """Return the step that removes the role which a project leaves for another."""
    is_leaving = found is not None and is_own(cloud.region, found) and not is_own(cloud.region, wanted)
    return tuple(removal(cloud, found)) if found is not None and is_leaving else ()


def _as_it_will_be(project: Project, found: Project | None) -> Project:
    """Return the project with what its file leaves as it is on AWS."""
    if found is None:
        return project
    kept = {name: getattr(found, name) for name in _LEFT_ALONE if getattr(project, name) is None}
    return replace(project, **kept)


def _steps(iam: Any, where: Where, project: Project) -> Iterator[Step]:
    """Yield the steps that give a project its role: created, or brought back to what it should be."""
    name = project.service_role.rpartition("/")[2]
    trusted, allowed = trust(where, project.name), policy(where, project)
    role = _role(iam, name)
    if role is None:
        yield Step(f"build role {name} created", lambda: _create(iam, project.name, name, trusted, allowed))
        return
    if _TAG not in role.get("Tags", []):
        message = f"There is a role {name} already, and Buildgate did not make it."
        raise UserError(message, "Remove it, or name it: serviceRole: arn:aws:iam::...", ExitCode.REFUSED)
    if _read(role["AssumeRolePolicyDocument"]) != trusted:
        text = json.dumps(trusted)
        call = lambda: iam.update_assume_role_policy(RoleName=name, PolicyDocument=text)  # noqa: E731  # as all steps
        yield Step(f"build role {name} updated: who may take it on", call)
    different = list(_differing(_policy(iam, name), allowed))
    if different:
        yield Step(f"build role {name} updated: {', '.join(different)}", lambda: _put(iam, name, allowed))


def _differing(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    """Yield where two policies differ, as `Sid.Member`, or as `Sid` where only one has the statement."""
    before, after = ({one.get("Sid", "?"): one for one in each.get("Statement", [])} for each in (found, wanted))
    for name in sorted({*before, *after}):
        if name in before and name in after:
            members = sorted({*before[name], *after[name]})
            yield from (f"{name}.{key}" for key in members if before[name].get(key) != after[name].get(key))
        else:
            yield name


def _role(iam: Any, name: str) -> dict[str, Any] | None:
    try:
        return dict(iam.get_role(RoleName=name)["Role"])
    except iam.exceptions.NoSuchEntityException:
        return None


def _policy(iam: Any, name: str) -> dict[str, Any]:
    try:
        return _read(iam.get_role_policy(RoleName=name, PolicyName=POLICY_NAME)["PolicyDocument"])
    except iam.exceptions.NoSuchEntityException:
        return {}


def _read(document: Any) -> dict[str, Any]:
    """Return a document, which the SDK has read already, or left as URL-encoded text."""
    return dict(json.loads(unquote(document)) if isinstance(document, str) else document)


def _create(iam: Any, project: str, name: str, trusted: dict[str, Any], allowed: dict[str, Any]) -> None:
    about, text = f"Builds of the project {project}", json.dumps(trusted)
    tags = [_TAG, {"Key": "buildgate-project", "Value": project}]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=text, Description=about, Tags=tags)
    _put(iam, name, allowed)


def _put(iam: Any, name: str, allowed: dict[str, Any]) -> None:
    iam.put_role_policy(RoleName=name, PolicyName=POLICY_NAME, PolicyDocument=json.dumps(allowed))


def _remove(iam: Any, name: str) -> None:
    """Remove a role with its policies; policies that people attached are detached, and stay."""
    for policy_name in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy_name)
    for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=attached["PolicyArn"])
    iam.delete_role(RoleName=name)
