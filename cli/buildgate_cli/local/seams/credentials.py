"""Who may call: only known keys, and every signature is checked, the cloud's own key included.

As shipped, a missing key, the key `test` and any account number are the root user, whose signature nobody checks. Here
the root user is the one key this cloud was started with; everyone else is an IAM user or a role's session.
"""

from __future__ import annotations

import os
from typing import Any

from .fitting import Function, Seam

_EVALUATOR = "ministack.core.iam_evaluator"

SEAM = Seam("credentials")
SEAM.needs("ministack.app", "AUTH")


def is_root(access_key_id: str) -> bool:
    """Say whether a key is the one this cloud was started with."""
    return bool(access_key_id) and access_key_id == os.environ.get("AWS_ACCESS_KEY_ID")


@SEAM.replaces(_EVALUATOR, "is_root_access_key", "access_key_id")
def know_one_root_key(_original: Function) -> Function:
    """Resolve only the cloud's own key to the root user."""
    return is_root


@SEAM.replaces("ministack.services.sts", "is_root_access_key", "access_key_id")
def know_one_root_key_in_sts(_original: Function) -> Function:
    """Do the same where STS asks."""
    return is_root


@SEAM.replaces(_EVALUATOR, "_is_root_key", "access_key_id")
def check_the_root_signature(_original: Function) -> Function:
    """Treat the root key as any other when the signature is checked."""

    def is_root_key(access_key_id: str) -> bool:
        return False

    return is_root_key


@SEAM.replaces(_EVALUATOR, "resolve_caller_identity", "access_key_id")
def name_the_root_caller(original: Function) -> Function:
    """Name the root user in the events of IAM-authorised HTTP routes."""

    def resolve_caller_identity(access_key_id: str) -> dict[str, Any] | None:
        if not is_root(access_key_id):
            found: dict[str, Any] | None = original(access_key_id)
            return found
        from ministack.core.responses import get_account_id  # noqa: PLC0415 - imported when the seams are fitted

        account = get_account_id()
        return {
            "accessKey": access_key_id,
            "accountId": account,
            "userArn": f"arn:aws:iam::{account}:root",
            "userId": account,
            "session": None,
        }

    return resolve_caller_identity
