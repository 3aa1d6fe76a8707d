"""The variables a build starts with."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from buildgate_cli.local.codebuild.store import Document
from buildgate_cli.local.codebuild.tools import install_tools
from buildgate_cli.local.jsonservice import REGION

PASSED_THROUGH = (
    "LANG", "LC_ALL", "TZ", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CERT",
    "UV_INDEX_URL", "NPM_CONFIG_REGISTRY", "GOPROXY",
)  # fmt: skip
"""What a build gets of this machine's environment, so that it reaches the network as the person does."""


def base_variables(folder: Path, interpreter: str, cloud: Mapping[str, str]) -> dict[str, str]:
    """Return what a container would hold, with this machine's tools; `cloud` says how to reach the local AWS."""
    passed = {name: os.environ[name] for name in PASSED_THROUGH if name in os.environ}
    inherited = os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")
    tools = install_tools(folder / "tools", interpreter)
    path = os.pathsep.join([str(Path(interpreter).parent), inherited, str(tools)])
    home, scratch = folder / "home", folder / "tmp"
    for each in (home, scratch):
        each.mkdir(parents=True, exist_ok=True)
    region = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
    own = {"PATH": path, "HOME": str(home), "TMPDIR": str(scratch), "PYTHONUNBUFFERED": "1"}
    return {"LANG": "C.UTF-8", **passed, **own, **region, **cloud}


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
