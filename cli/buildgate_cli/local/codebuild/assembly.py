"""From a project and a StartBuild request to a build, as BatchGetBuilds shows it."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from buildgate_cli.local.codebuild.names import build_arn, log_group
from buildgate_cli.local.codebuild.projects import s3_artifacts
from buildgate_cli.local.codebuild.store import Document
from buildgate_cli.local.jsonservice import ACCOUNT, REGION

_SOURCE = {
    "sourceTypeOverride": "type",
    "sourceLocationOverride": "location",
    "sourceAuthOverride": "auth",
    "gitCloneDepthOverride": "gitCloneDepth",
    "gitSubmodulesConfigOverride": "gitSubmodulesConfig",
    "buildspecOverride": "buildspec",
    "insecureSslOverride": "insecureSsl",
    "reportBuildStatusOverride": "reportBuildStatus",
    "buildStatusConfigOverride": "buildStatusConfig",
}
_ENVIRONMENT = {
    "environmentTypeOverride": "type",
    "imageOverride": "image",
    "computeTypeOverride": "computeType",
    "certificateOverride": "certificate",
    "privilegedModeOverride": "privilegedMode",
    "registryCredentialOverride": "registryCredential",
    "imagePullCredentialsTypeOverride": "imagePullCredentialsType",
    "fleetOverride": "fleet",
    "hostKernelOverride": "hostKernel",
}
_TOP = {
    "secondarySourcesOverride": "secondarySources",
    "secondarySourcesVersionOverride": "secondarySourceVersions",
    "artifactsOverride": "artifacts",
    "secondaryArtifactsOverride": "secondaryArtifacts",
    "cacheOverride": "cache",
    "serviceRoleOverride": "serviceRole",
    "timeoutInMinutesOverride": "timeoutInMinutes",
    "queuedTimeoutInMinutesOverride": "queuedTimeoutInMinutes",
    "encryptionKeyOverride": "encryptionKey",
    "logsConfigOverride": "logsConfig",
    "autoRetryLimitOverride": "autoRetryLimit",
}
_BUILD_MEMBERS = (
    "source",
    "secondarySources",
    "secondarySourceVersions",
    "cache",
    "environment",
    "serviceRole",
    "timeoutInMinutes",
    "queuedTimeoutInMinutes",
    "vpcConfig",
    "encryptionKey",
    "fileSystemLocations",
)


@dataclass(frozen=True)
class Identity:
    """What makes a build this one. `started_at` is in epoch seconds; `stream` is the part of its id after the colon."""

    build_id: str
    number: int
    started_at: float
    initiator: str

    @property
    def stream(self) -> str:
        return self.build_id.rpartition(":")[2]


def overridden(project: Mapping[str, Any], request: Mapping[str, Any]) -> Document:
    """Return the project as the request wants it. Variables merge by name; everything else replaces."""
    result = copy.deepcopy(dict(project))
    for names, target in ((_SOURCE, result["source"]), (_ENVIRONMENT, result["environment"]), (_TOP, result)):
        target.update({member: request[name] for name, member in names.items() if name in request})
    if request.get("sourceVersion"):
        result["sourceVersion"] = request["sourceVersion"]
    variables = result["environment"].get("environmentVariables", [])
    given = request.get("environmentVariablesOverride", [])
    merged = {variable["name"]: {"type": "PLAINTEXT", **variable} for variable in (*variables, *given)}
    result["environment"]["environmentVariables"] = list(merged.values())
    if result["artifacts"]["type"] == "S3":
        result["artifacts"] = s3_artifacts(result["artifacts"], project["name"])
    return result


def in_own_place(project: Mapping[str, Any]) -> Document:
    """Return the project with its S3 artifacts below the id of each build, so that no build writes over another's."""
    result = copy.deepcopy(dict(project))
    for artifacts in (result["artifacts"], *result.get("secondaryArtifacts", ())):
        if artifacts["type"] == "S3":
            artifacts["namespaceType"] = "BUILD_ID"
    return result


def new_build(project: Mapping[str, Any], identity: Identity, *, auto_retry: Mapping[str, Any] | None) -> Document:
    """Return the build as it is right after StartBuild: SUBMITTED, in the shape of the API, times in epoch seconds."""
    members = {name: project[name] for name in _BUILD_MEMBERS if name in project}
    version = {"sourceVersion": project["sourceVersion"]} if project.get("sourceVersion") else {}
    retry = {"autoRetryConfig": dict(auto_retry)} if auto_retry else {}
    return {
        **members,
        **version,
        **retry,
        "id": identity.build_id,
        "arn": build_arn(identity.build_id),
        "buildNumber": identity.number,
        "startTime": identity.started_at,
        "currentPhase": "SUBMITTED",
        "buildStatus": "IN_PROGRESS",
        "projectName": project["name"],
        "phases": [{"phaseType": "SUBMITTED", "startTime": identity.started_at}],
        "artifacts": artifact_location(project["artifacts"], identity.build_id, None),
        "secondaryArtifacts": [
            artifact_location(artifacts, identity.build_id, None) for artifacts in project.get("secondaryArtifacts", [])
        ],
        "logs": _logs(project, identity),
        "buildComplete": False,
        "initiator": identity.initiator,
    }


def artifact_location(artifacts: Mapping[str, Any], build_id: str, name: str | None) -> Document:
    """Return the API's view of where an artifact goes; `name` is the buildspec's, used if the project allows it."""
    identifier = {"artifactIdentifier": artifacts["artifactIdentifier"]} if "artifactIdentifier" in artifacts else {}
    if artifacts["type"] != "S3":
        return {"location": "", **identifier}
    bucket, key = artifact_place(artifacts, build_id, name)
    return {
        "location": f"arn:aws:s3:::{bucket}/{key}",
        "encryptionDisabled": artifacts.get("encryptionDisabled", False),
        "overrideArtifactName": artifacts.get("overrideArtifactName", False),
        **identifier,
    }


def artifact_place(
    artifacts: Mapping[str, Any], build_id: str, name: str | None, prefix: str | None = None
) -> tuple[str, str]:
    """Return bucket and key of an S3 artifact: `[path/][build uuid/]name`; a location may hold a path, too."""
    wanted = name if name and artifacts.get("overrideArtifactName") else artifacts.get("name")
    namespace = build_id.rpartition(":")[2] if artifacts.get("namespaceType") == "BUILD_ID" else ""
    bucket, _, below = artifacts["location"].removeprefix("arn:aws:s3:::").partition("/")
    parts = (below, prefix or artifacts.get("path", ""), namespace, wanted or build_id.partition(":")[0])
    return bucket, "/".join(part.strip("/") for part in parts if part.strip("/"))


def _stored_log(stored: Mapping[str, Any], identity: Identity) -> Document:
    """Return where the log lies in S3: `<location>/<build's uuid>.gz`."""
    location = str(stored.get("location", "")).removeprefix("arn:aws:s3:::").strip("/")
    if stored["status"] != "ENABLED" or not location:
        return {}
    bucket, _, prefix = f"{location}/{identity.stream}.gz".partition("/")
    link = f"https://s3.console.aws.amazon.com/s3/object/{bucket}?region={REGION}&prefix={prefix}"
    return {"s3LogsArn": f"arn:aws:s3:::{bucket}/{prefix}", "s3DeepLink": link}


def _logs(project: Mapping[str, Any], identity: Identity) -> Document:
    config = project.get("logsConfig", {})
    cloudwatch = config.get("cloudWatchLogs", {"status": "ENABLED"})
    stored = config.get("s3Logs", {"status": "DISABLED"})
    logs = {"cloudWatchLogs": cloudwatch, "s3Logs": stored, **_stored_log(stored, identity)}
    if cloudwatch["status"] != "ENABLED":
        return logs
    group = cloudwatch.get("groupName") or log_group(project["name"])
    prefix = cloudwatch.get("streamName")
    stream = f"{prefix}/{identity.stream}" if prefix else identity.stream
    link = f"https://console.aws.amazon.com/cloudwatch/home?region={REGION}#logEvent:group={group};stream={stream}"
    stream_arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:{stream}"
    return {**logs, "groupName": group, "streamName": stream, "deepLink": link, "cloudWatchLogsArn": stream_arn}
