"""IAM in memory: roles with policies of their own and attached ones, as far as they are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from buildgate.adapters.memory.errors import AwsError

_FIRST = "v1"


@dataclass(slots=True)
class Role:
    """A role: policies of its own by name, and the ARNs of attached ones."""

    inline: dict[str, str] = field(default_factory=dict)
    attached: list[str] = field(default_factory=list)


class Iam:
    """Roles and managed policies of one account."""

    def __init__(self, account: str) -> None:
        self.account = account
        self.roles: dict[str, Role] = {}
        self.policies: dict[str, str] = {}

    def create_role(self, **request: Any) -> dict[str, Any]:
        """Make a role."""
        name = request["RoleName"]
        self.roles[name] = Role()
        return {"Role": {"RoleName": name, "Arn": f"arn:aws:iam::{self.account}:role/{name}"}}

    def put_role_policy(self, **request: Any) -> dict[str, Any]:
        """Give a role a policy of its own."""
        self._role(request["RoleName"]).inline[request["PolicyName"]] = request["PolicyDocument"]
        return {}

    def create_policy(self, **request: Any) -> dict[str, Any]:
        """Make a managed policy."""
        arn = f"arn:aws:iam::{self.account}:policy/{request['PolicyName']}"
        self.policies[arn] = request["PolicyDocument"]
        return {"Policy": {"Arn": arn, "DefaultVersionId": _FIRST}}

    def attach_role_policy(self, **request: Any) -> dict[str, Any]:
        """Attach a managed policy to a role."""
        self._role(request["RoleName"]).attached.append(request["PolicyArn"])
        return {}

    def list_role_policies(self, **request: Any) -> dict[str, Any]:
        """List the policies of a role's own."""
        return {"PolicyNames": sorted(self._role(request["RoleName"]).inline), "IsTruncated": False}

    def get_role_policy(self, **request: Any) -> dict[str, Any]:
        """Return a policy of a role's own, read as the SDK reads it."""
        document = self._role(request["RoleName"]).inline[request["PolicyName"]]
        return {**{name: request[name] for name in ("RoleName", "PolicyName")}, "PolicyDocument": _read(document)}

    def list_attached_role_policies(self, **request: Any) -> dict[str, Any]:
        """List a role's attached policies."""
        attached = self._role(request["RoleName"]).attached
        entries = [{"PolicyName": arn.rsplit("/", 1)[-1], "PolicyArn": arn} for arn in attached]
        return {"AttachedPolicies": entries, "IsTruncated": False}

    def get_policy(self, **request: Any) -> dict[str, Any]:
        """Describe a managed policy."""
        return {"Policy": {"Arn": request["PolicyArn"], "DefaultVersionId": _FIRST}}

    def get_policy_version(self, **request: Any) -> dict[str, Any]:
        """Return what a managed policy says."""
        document = _read(self.policies[request["PolicyArn"]])
        return {"PolicyVersion": {"VersionId": _FIRST, "IsDefaultVersion": True, "Document": document}}

    def _role(self, name: str) -> Role:
        if name not in self.roles:
            raise AwsError("NoSuchEntity", f"The role with name {name} cannot be found.", status=404)
        return self.roles[name]


def _read(document: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(document)
    return found
