"""Values of Parameter Store and Secrets Manager for a build's variables."""

import json
from collections.abc import Mapping
from typing import Any

from buildgate_cli.buildspecs import SecretReference
from buildgate_cli.local.agent.build import Failure
from buildgate_cli.local.codebuild.keeping import Clients

_BATCH = 10


def parameters(clients: Clients, names: Mapping[str, str]) -> dict[str, str]:
    """Return values by variable name. Raises Failure naming the parameters that are not there."""
    found: dict[str, str] = {}
    wanted = list(dict.fromkeys(names.values()))
    for start in range(0, len(wanted), _BATCH):
        answer = _call(clients("ssm").get_parameters, Names=wanted[start : start + _BATCH], WithDecryption=True)
        if answer["InvalidParameters"]:
            raise Failure("CLIENT_ERROR", f"Parameters not found: {', '.join(answer['InvalidParameters'])}")
        found |= {parameter["Name"]: parameter["Value"] for parameter in answer["Parameters"]}
    return {variable: found[name] for variable, name in names.items()}


def secrets(clients: Clients, references: Mapping[str, str]) -> dict[str, str]:
    """Return values by variable name. Raises Failure for a bad reference, a missing secret or a missing key."""
    return {variable: _secret(clients, variable, text) for variable, text in references.items()}


def _secret(clients: Clients, variable: str, text: str) -> str:
    reference = SecretReference.parse(text)
    if reference is None:
        raise Failure("CLIENT_ERROR", f"{variable}: {text} is not a secret reference")
    version = {"VersionStage": reference.version_stage, "VersionId": reference.version_id}
    chosen = {name: value for name, value in version.items() if value}
    answer = _call(clients("secretsmanager").get_secret_value, SecretId=reference.secret_id, **chosen)
    whole = str(answer.get("SecretString", ""))
    if not reference.json_key:
        return whole
    try:
        value = json.loads(whole)[reference.json_key]
    except (ValueError, KeyError, TypeError):
        raise Failure("CLIENT_ERROR", f"{variable}: no key {reference.json_key} in {reference.secret_id}") from None
    return value if isinstance(value, str) else json.dumps(value)


def _call(operation: Any, **arguments: Any) -> Any:
    try:
        return operation(**arguments)
    except Exception as error:
        raise Failure("CLIENT_ERROR", f"Secrets cannot be read: {error}") from error
