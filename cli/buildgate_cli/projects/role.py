"""What a service role may do, read from IAM."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

OWN_ROLE: Final = "own"
SHARED_ROLE: Final = "shared"
ROLE_WORDS: Final = (OWN_ROLE, SHARED_ROLE)
"""What a file may say instead of a role's ARN: a role for this project alone, or the stack's."""


@dataclass(frozen=True)
class RoleFacts:
    """What IAM says of a project's role: the allowing statements of its policies, or that there is no such role."""

    statements: Sequence[dict[str, Any]] | None = None
    is_missing: bool = False


NOT_LOOKED: Final = RoleFacts()


def facts_of(iam: Any, role_arn: str) -> RoleFacts:
    """Return what IAM says of a role; safe to repeat, changes nothing."""
    try:
        return RoleFacts(_allowing_statements(iam, role_arn.rsplit("/", 1)[-1]))
    except iam.exceptions.NoSuchEntityException:
        return RoleFacts(is_missing=True)


def _allowing_statements(iam: Any, name: str) -> list[dict[str, Any]]:
    documents = [
        iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        for page in iam.get_paginator("list_role_policies").paginate(RoleName=name)
        for policy in page["PolicyNames"]
    ]
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=name):
        documents += [_attached(iam, attached["PolicyArn"]) for attached in page["AttachedPolicies"]]
    found = [statement for document in documents for statement in _statements(document)]
    return [statement for statement in found if statement.get("Effect") == "Allow"]


def _attached(iam: Any, arn: str) -> Any:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def _statements(document: Any) -> list[dict[str, Any]]:
    """Return a policy's statements; the SDK has read the text already, or left it URL-encoded."""
    data = json.loads(unquote(document)) if isinstance(document, str) else document
    statements = data.get("Statement", [])
    return list(statements) if isinstance(statements, list) else [statements]
