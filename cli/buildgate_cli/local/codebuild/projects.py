"""Projects: created, changed, listed and deleted as in CodeBuild."""

import re
from collections.abc import Mapping
from typing import Any

from buildgate_cli.local.codebuild import answers
from buildgate_cli.local.codebuild.names import Clock, arn, name_from_arn
from buildgate_cli.local.codebuild.store import Document, Store
from buildgate_cli.local.jsonservice import ACCOUNT, REGION, ServiceError

KIND = "project"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,149}")
_SORT_KEYS = {"NAME": "name", "CREATED_TIME": "created", "LAST_MODIFIED_TIME": "lastModified"}
DEFAULT_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/aws/s3"
_DEFAULTS: Mapping[str, Any] = {
    "secondarySources": [],
    "secondarySourceVersions": [],
    "secondaryArtifacts": [],
    "cache": {"type": "NO_CACHE"},
    "timeoutInMinutes": 60,
    "queuedTimeoutInMinutes": 480,
    "encryptionKey": DEFAULT_KEY,
    "tags": [],
    "logsConfig": {
        "cloudWatchLogs": {"status": "ENABLED"},
        "s3Logs": {"status": "DISABLED", "encryptionDisabled": False},
    },
    "projectVisibility": "PRIVATE",
}


class Projects:
    """The registry of projects. Project documents are the API's own, times in epoch seconds."""

    def __init__(self, store: Store, now: Clock) -> None:
        self._store = store
        self._now = now

    def find(self, name: str) -> Document | None:
        return self._store.get(KIND, name_from_arn("project", name))

    def get(self, name: str) -> Document:
        """Return a project. Raises ResourceNotFoundException."""
        project = self.find(name)
        if project is None:
            raise ServiceError("ResourceNotFoundException", f"Project cannot be found: {arn('project', name)}")
        return project

    def create(self, request: dict[str, Any]) -> Document:
        name = request["name"]
        if not _NAME.fullmatch(name):
            raise ServiceError("InvalidInputException", f"Invalid project name: {name}")
        if self.find(name) is not None:
            raise ServiceError("ResourceAlreadyExistsException", f"Project already exists: {arn('project', name)}")
        stamp = self._now().timestamp()
        project = {**_DEFAULTS, **_members(request), "name": name, "arn": arn("project", name)}
        project |= {"created": stamp, "lastModified": stamp}
        return self.save(project)

    def update(self, request: dict[str, Any]) -> Document:
        """Replace the members given. A concurrency limit of -1 removes the limit, as in AWS."""
        project = self.get(request["name"]) | _members(request)
        if project.get("concurrentBuildLimit") == -1:
            del project["concurrentBuildLimit"]
        return self.save(project | {"lastModified": self._now().timestamp()})

    def delete(self, name: str) -> None:
        """Forget a project; its builds stay. Deleting what is not there is no error, as in AWS."""
        self._store.delete(KIND, name_from_arn("project", name))

    def batch_get(self, names: list[str]) -> dict[str, Any]:
        return answers.named("projects", names, self.find)

    def listed(self, request: dict[str, Any]) -> dict[str, Any]:
        documents = [self._store.get(KIND, name) or {} for name in self._store.keys(KIND)]
        documents.sort(key=lambda d: d[_SORT_KEYS[request.get("sortBy", "NAME")]])
        if request.get("sortOrder") == "DESCENDING":
            documents.reverse()
        names = [document["name"] for document in documents]
        return answers.listed("projects", names, request)

    def save(self, project: Document) -> Document:
        """Write a project down. Raises InvalidInputException for one that CodeBuild refuses."""
        check_project(project)
        self._store.put(KIND, project["name"], project)
        return project


def _members(request: Mapping[str, Any]) -> Document:
    """Return a request's members as a project holds them, with the defaults of nested ones."""
    members = {key: value for key, value in request.items() if key != "badgeEnabled"}
    if "badgeEnabled" in request:
        members["badge"] = {"badgeEnabled": request["badgeEnabled"]}
    if "environment" in members:
        defaults = {"environmentVariables": [], "privilegedMode": False, "imagePullCredentialsType": "CODEBUILD"}
        members["environment"] = {**defaults, **members["environment"]}
    if members.get("artifacts", {}).get("type") == "S3":
        members["artifacts"] = s3_artifacts(members["artifacts"], request["name"])
    return members


def s3_artifacts(artifacts: Mapping[str, Any], name: str) -> Document:
    """Return S3 artifacts with the defaults that CodeBuild fills in."""
    defaults = {"path": "", "namespaceType": "NONE", "name": name, "packaging": "NONE", "encryptionDisabled": False}
    return {**defaults, **artifacts}


def check_project(project: Document) -> None:
    """Raise InvalidInputException for what the model allows and CodeBuild does not."""
    source, artifacts = project["source"], project["artifacts"]
    if source["type"] == "NO_SOURCE" and not source.get("buildspec"):
        raise ServiceError("InvalidInputException", "Invalid project source: buildspec is required for NO_SOURCE")
    if source["type"] not in {"NO_SOURCE", "CODEPIPELINE"} and not source.get("location"):
        raise ServiceError("InvalidInputException", f"Invalid project source: location is required: {source['type']}")
    if artifacts["type"] == "S3" and not artifacts.get("location"):
        raise ServiceError("InvalidInputException", "Invalid artifacts: location must be specified for S3")
    limit = project.get("concurrentBuildLimit")
    if limit is not None and limit < 1:
        raise ServiceError("InvalidInputException", "Invalid concurrent build limit: it must be at least 1")
    names = [variable["name"] for variable in project["environment"]["environmentVariables"]]
    reserved = [name for name in names if name.startswith("CODEBUILD_")]
    if reserved:
        raise ServiceError("InvalidInputException", f"Invalid environment variable name: {reserved[0]} is reserved")
