"""IAM users of the local cloud, so that each person can decide under an identity of their own.

A user may call the operators' API and nothing else. The keys lie in the home, which only its owner can read.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.cloud_context import PEOPLE
from buildgate_cli.errors import ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .state import Home

NAME: Final = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
"""What IAM takes as a user's name (API model, ``userNameType``)."""

_POLICY: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "arn:aws:execute-api:*:*:*/*/*/v1/*"}
    ],
}


def ensure_user(home: Home, client: Callable[[str], Any], name: str) -> str:
    """Return the ARN of a user, made with keys and permissions if need be. Safe to repeat.

    Raises UserError when IAM takes no such name.
    """
    if not NAME.fullmatch(name):
        fix = "Use letters, digits and any of + = , . @ _ -, at most 64."
        raise UserError(f"{name!r} cannot be the name of a user.", fix, ExitCode.USAGE)
    iam = client("iam")
    try:
        user = iam.create_user(UserName=name)["User"]
    except iam.exceptions.EntityAlreadyExistsException:
        user = iam.get_user(UserName=name)["User"]
    iam.put_user_policy(UserName=name, PolicyName="operators-api", PolicyDocument=json.dumps(_POLICY))
    file = f"{PEOPLE}/{name}.json"
    if not home.read(file):
        made = iam.create_access_key(UserName=name)["AccessKey"]
        home.folder(PEOPLE)
        home.write(file, {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]})
    return str(user["Arn"])
