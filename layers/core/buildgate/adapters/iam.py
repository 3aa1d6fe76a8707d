"""What roles may do, read from IAM through a botocore-shaped client. Nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from buildgate.adapters.aws_errors import calling
from buildgate.domain.errors import NotFound
from buildgate.domain.metrics.posture import Allowed


class IamRoles:
    """Reads roles of this account; one of another account cannot be read and counts as missing."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def allowed(self, role_arn: str) -> tuple[Allowed, ...] | None:
        """Return what a role's policies allow, its own and attached ones; None when there is no such role.

        Denials, boundaries and what the account's organisation forbids are not looked at.
        """
        name = role_arn.rsplit("/", 1)[-1]
        try:
            documents = [*self._inline(name), *self._attached(name)]
        except NotFound:
            return None
        return tuple(_allowed(one) for document in documents for one in _statements(document))

    def _inline(self, name: str) -> Iterator[Any]:
        request: dict[str, Any] = {"RoleName": name}
        while True:
            with calling("IAM ListRolePolicies"):
                answer = self._client.list_role_policies(**request)
            for policy in answer.get("PolicyNames", []):
                with calling("IAM GetRolePolicy"):
                    yield self._client.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            if not answer.get("IsTruncated"):
                return
            request["Marker"] = answer["Marker"]

    def _attached(self, name: str) -> Iterator[Any]:
        request: dict[str, Any] = {"RoleName": name}
        while True:
            with calling("IAM ListAttachedRolePolicies"):
                answer = self._client.list_attached_role_policies(**request)
            for policy in answer.get("AttachedPolicies", []):
                arn = policy["PolicyArn"]
                with calling("IAM GetPolicy"):
                    version = self._client.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
                with calling("IAM GetPolicyVersion"):
                    found = self._client.get_policy_version(PolicyArn=arn, VersionId=version)
                yield found["PolicyVersion"]["Document"]
            if not answer.get("IsTruncated"):
                return
            request["Marker"] = answer["Marker"]


def _statements(document: Any) -> list[Mapping[str, Any]]:
    """Return a policy's allowing statements; the SDK has read the text already, or left it URL-encoded."""
    data = json.loads(unquote(document)) if isinstance(document, str) else document
    found = data.get("Statement", [])
    listed = found if isinstance(found, list) else [found]
    return [one for one in listed if one.get("Effect") == "Allow"]


def _allowed(statement: Mapping[str, Any]) -> Allowed:
    return Allowed(
        actions=_texts(statement.get("Action")) or (("*",) if "NotAction" in statement else ()),
        resources=_texts(statement.get("Resource")) or ("*",),
        is_conditional=bool(statement.get("Condition")),
    )


def _texts(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(map(str, value or ()))
