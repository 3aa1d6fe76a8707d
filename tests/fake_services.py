"""CodeBuild and CodeCommit in memory, to be served behind their own protocol and model."""

from __future__ import annotations

from typing import Any

from buildgate_cli.local.jsonservice import Caller, ServiceError


class FakeCodeBuild:
    """Projects and report groups in memory, behind CodeBuild's own protocol and model."""

    service = "codebuild"

    def __init__(self) -> None:
        self.projects: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        self.builds: dict[str, dict[str, Any]] = {}
        self.writes: list[str] = []

    def handle(self, operation: str, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        if not operation.startswith(("List", "BatchGet")):
            self.writes.append(operation)
        answer: dict[str, Any] = getattr(self, operation)(request)
        return answer

    def CreateProject(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - the operation's name
        self.projects[request["name"]] = request
        return {"project": request}

    def UpdateProject(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self.projects[request["name"]].update(request)
        return {"project": self.projects[request["name"]]}

    def DeleteProject(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        del self.projects[request["name"]]
        return {}

    def ListProjects(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"projects": sorted(self.projects)}

    def BatchGetProjects(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"projects": [self.projects[name] for name in request["names"] if name in self.projects]}

    def ListBuildsForProject(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"ids": [one for one in self.builds if one.startswith(f"{request['projectName']}:")]}

    def BatchGetBuilds(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"builds": [self.builds[one] for one in request["ids"]]}

    def CreateReportGroup(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        arn = f"arn:aws:codebuild:us-east-1:000000000000:report-group/{request['name']}"
        self.groups[arn] = {**request, "arn": arn}
        return {"reportGroup": self.groups[arn]}

    def ListReportGroups(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"reportGroups": list(self.groups)}

    def BatchGetReportGroups(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"reportGroups": [self.groups[arn] for arn in request["reportGroupArns"]]}

    def UpdateReportGroup(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self.groups[request["arn"]] |= request
        return {"reportGroup": self.groups[request["arn"]]}

    def DeleteReportGroup(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        del self.groups[request["arn"]]
        return {}


class FakeCodeCommit:
    """Repositories in memory."""

    service = "codecommit"

    def __init__(self) -> None:
        self.names = ["shop"]
        self.files: dict[str, list[str]] = {}
        self.looked_at: list[dict[str, Any]] = []

    def handle(self, operation: str, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        if operation == "CreateRepository":
            if request["repositoryName"] in self.names:
                raise ServiceError("RepositoryNameExistsException", "it exists")
            self.names.append(request["repositoryName"])
            return {"repositoryMetadata": self._metadata(request["repositoryName"])}
        if operation == "GetRepository":
            if request["repositoryName"] not in self.names:
                raise ServiceError("RepositoryDoesNotExistException", f"{request['repositoryName']} does not exist")
            return {"repositoryMetadata": self._metadata(request["repositoryName"])}
        if operation == "GetFolder":
            return self._folder(request)
        if operation == "ListRepositories":
            return {"repositories": [{"repositoryName": name, "repositoryId": name} for name in self.names]}
        return {"repositories": [self._metadata(name) for name in request["repositoryNames"]]}

    def _folder(self, request: dict[str, Any]) -> dict[str, Any]:
        self.looked_at.append(request)
        names = self.files.get(request["repositoryName"])
        if names is None:
            raise ServiceError("CommitDoesNotExistException", "there is no commit yet")
        files = [
            {"absolutePath": name, "relativePath": name, "blobId": "b" * 40, "fileMode": "NORMAL"} for name in names
        ]
        return {"commitId": "c" * 40, "folderPath": "", "files": files}

    def _metadata(self, name: str) -> dict[str, Any]:
        return {"repositoryName": name, "cloneUrlHttp": f"/repositories/{name}.git", "defaultBranch": "main"}
