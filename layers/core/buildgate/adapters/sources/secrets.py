"""Tokens of other services, kept in Secrets Manager below one name, so that a policy can name them all."""

from __future__ import annotations

import ipaddress
import json
from typing import Any
from urllib.parse import urlsplit

from buildgate.adapters.aws_errors import calling
from buildgate.domain.errors import Rejected

FOLDER = "buildgate/"


class Tokens:
    """Reads tokens; nothing here is ever logged, stored or shown."""

    def __init__(self, secretsmanager: Any) -> None:
        self._secretsmanager = secretsmanager

    @property
    def is_local(self) -> bool:
        """Whether AWS itself answers on this machine, as it does in the local cloud and nowhere else."""
        host = urlsplit(self._secretsmanager.meta.endpoint_url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def token(self, name: str) -> str:
        """Return a token, and nothing for no name. A secret of JSON gives its `token`.

        Raises:
            Rejected: The secret is not there, or holds no text.
        """
        if not name:
            return ""
        with calling("Secrets Manager GetSecretValue"):
            answer = self._secretsmanager.get_secret_value(SecretId=FOLDER + name)
        text = answer.get("SecretString")
        if not text:
            raise Rejected(f"secret {FOLDER}{name} holds no text")
        if not str(text).lstrip().startswith("{"):
            return str(text).strip()
        try:
            token = json.loads(text).get("token")
        except (ValueError, AttributeError):
            token = None
        if not isinstance(token, str) or not token:
            raise Rejected(f"secret {FOLDER}{name} is JSON without a token")
        return token
