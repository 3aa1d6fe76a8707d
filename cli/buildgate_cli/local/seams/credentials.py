"""Who may call: only known keys, and every signature is checked, the cloud's own key included.

As shipped, a missing key, the key `test` and any account number are the root user, whose signature nobody checks. Here
the root user is the one key this cloud was started with; everyone else is an IAM user or a role's session.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib
import os
from typing import Any

from .fitting import Function, Seam

_EVALUATOR = "ministack.core.iam_evaluator"

SEAM = Seam("credentials")
SEAM.needs("ministack.app", "AUTH")
SEAM.needs("ministack.services.sts", "_sessions", "register_session")


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


@SEAM.replaces("ministack.core.lambda_runtime", "execution_credentials", "config")
def give_roles_secrets_nobody_can_compute(original: Function) -> Function:
    """Derive the keys of a function's role from the cloud's secret: as shipped they follow from public names."""

    def execution_credentials(config: dict[str, Any]) -> dict[str, str]:
        sts = importlib.import_module("ministack.services.sts")
        shipped: dict[str, str] = original(config)
        session = sts._sessions.pop(shipped["AWS_ACCESS_KEY_ID"])  # noqa: SLF001
        made = {
            name: _sealed(f"{name}:{config.get('FunctionArn')}:{config.get('Role')}")
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        }
        made["AWS_ACCESS_KEY_ID"] = f"ASIA{made['AWS_ACCESS_KEY_ID'][:16].upper()}"
        secrets = {"SecretAccessKey": made["AWS_SECRET_ACCESS_KEY"], "SessionToken": made["AWS_SESSION_TOKEN"]}
        sts.register_session(made["AWS_ACCESS_KEY_ID"], {**session, **secrets})
        return made

    return execution_credentials


def _sealed(text: str) -> str:
    return hmac.new(os.environ.get("AWS_SECRET_ACCESS_KEY", "").encode(), text.encode(), hashlib.sha256).hexdigest()
