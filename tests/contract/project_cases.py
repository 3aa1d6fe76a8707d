"""What projects and their roles show of themselves."""

from __future__ import annotations

import json
from typing import Any

from buildgate.adapters.codebuild_projects import CodeBuildProjects
from buildgate.adapters.iam import IamRoles
from buildgate.domain.metrics.posture import Allowed
from buildgate.usecases.analysis_ports import Projects
from buildgate.usecases.judge_posture import Roles
from contract.cases import QUICK, Cloud, case


@case(Projects)
def projects_show_their_tags_and_what_their_security_is_judged_by(cloud: Cloud) -> None:
    project = cloud.project(QUICK, tags=[{"key": "Team", "value": "shop"}])

    projects = CodeBuildProjects(cloud.client("codebuild"))
    assert projects.tags([project, "nobody-has-this"]) == {project: {"team": "shop"}}
    (found,) = projects.settings([project])
    assert (found.name, found.image, found.is_privileged) == (project, "aws/codebuild/standard:7.0", False)
    assert found.service_role.endswith(":role/builds")
    assert (found.vpc, found.filter_groups) == (None, None)


@case(Roles)
def a_role_shows_what_its_policies_allow(cloud: Cloud) -> None:
    iam, name = cloud.client("iam"), cloud.name()
    statement = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"}
    denied = {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}
    trust = {"Version": "2012-10-17", "Statement": []}
    own = {"Version": "2012-10-17", "Statement": [statement, denied]}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(own))
    managed = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}}
    arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(managed))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)

    roles = IamRoles(iam)
    assert roles.allowed(f"arn:aws:iam::000000000000:role/{name}") == (
        Allowed(("s3:GetObject", "s3:PutObject"), ("*",)),
        Allowed(("logs:*",), ("*",)),
    )
    assert roles.allowed(f"arn:aws:iam::000000000000:role/no-{name}") is None


def policy(action: str | list[str], effect: str = "Allow", **more: Any) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": "*"} | more
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@case(Roles)
def a_role_may_what_its_own_and_attached_policies_allow(cloud: Cloud) -> None:
    iam, name = cloud.client("iam"), cloud.name()
    trust = policy("sts:AssumeRole", Principal={"Service": "codebuild.amazonaws.com"})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    condition = {"StringEquals": {"aws:ResourceTag/team": "shop"}}
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy("s3:GetObject", Condition=condition))
    iam.put_role_policy(RoleName=name, PolicyName="never", PolicyDocument=policy("s3:*", effect="Deny"))
    made = iam.create_policy(PolicyName=name, PolicyDocument=policy(["logs:PutLogEvents", "sns:*"]))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=made)

    assert set(IamRoles(iam).allowed(arn) or ()) == {
        Allowed(("s3:GetObject",), ("*",), is_conditional=True),
        Allowed(("logs:PutLogEvents", "sns:*"), ("*",), is_conditional=False),
    }
    assert IamRoles(iam).allowed(f"{arn}-nobody-has-this") is None
