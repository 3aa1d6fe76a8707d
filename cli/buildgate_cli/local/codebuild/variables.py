"""The variables a build starts with."""

from collections.abc import Mapping
from typing import Any

from buildgate_cli.local.agent.tests_run import SHARE_INDEX, SHARE_TOTAL
from buildgate_cli.local.codebuild.store import Document


def system_variables(build: Document) -> dict[str, str]:
    """Return the variables that CodeBuild itself sets; a build cannot start with others under these names."""
    source, logs = build["source"], build["logs"]
    optional = {
        "CODEBUILD_SOURCE_REPO_URL": source.get("location"),
        "CODEBUILD_SOURCE_VERSION": build.get("sourceVersion"),
        "CODEBUILD_LOG_PATH": logs.get("streamName"),
        "CODEBUILD_KMS_KEY_ID": build.get("encryptionKey"),
    }
    return {
        "CODEBUILD_CI": "true",
        "CODEBUILD_BUILD_ARN": build["arn"],
        "CODEBUILD_BUILD_ID": build["id"],
        "CODEBUILD_BUILD_IMAGE": build["environment"]["image"],
        "CODEBUILD_BUILD_NUMBER": str(build["buildNumber"]),
        "CODEBUILD_INITIATOR": build["initiator"],
        "CODEBUILD_START_TIME": str(int(build["startTime"] * 1000)),
        **{name: value for name, value in optional.items() if value},
        **secondary_variables(build),
    }


def member_variables(member: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the variables of a batch's member; those of its share are for `codebuild-tests-run`."""
    if member is None:
        return {}
    found = {"CODEBUILD_BATCH_BUILD_IDENTIFIER": member["identifier"]}
    if member["share"]:
        index, total = member["share"]
        found |= {SHARE_INDEX: str(index), SHARE_TOTAL: str(total)}
    return found


def secondary_variables(build: Document) -> dict[str, str]:
    """Return the variables about secondary sources that do not depend on what is fetched."""
    versions = {v["sourceIdentifier"]: v["sourceVersion"] for v in build.get("secondarySourceVersions", ())}
    found: dict[str, str] = {}
    for source in build.get("secondarySources", ()):
        identifier = source["sourceIdentifier"]
        if source.get("location"):
            found[f"CODEBUILD_SOURCE_REPO_URL_{identifier}"] = source["location"]
        if identifier in versions:
            found[f"CODEBUILD_SOURCE_VERSION_{identifier}"] = versions[identifier]
    return found


def by_kind(environment: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Return the project's and start's variables apart: plain text, Parameter Store names, secret references."""
    kinds: dict[str, dict[str, str]] = {"PLAINTEXT": {}, "PARAMETER_STORE": {}, "SECRETS_MANAGER": {}}
    for variable in environment.get("environmentVariables", ()):
        kinds[variable.get("type", "PLAINTEXT")][variable["name"]] = variable["value"]
    return kinds["PLAINTEXT"], kinds["PARAMETER_STORE"], kinds["SECRETS_MANAGER"]
