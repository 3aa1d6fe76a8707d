"""CodeBuild through a botocore-shaped client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from buildgate.adapters.aws_errors import calling, code_of, message_of
from buildgate.domain.builds import Misreported
from buildgate.domain.errors import Busy, Corrupt, Rejected
from buildgate.inbound.codebuild_build import parse_build

if TYPE_CHECKING:
    from buildgate.domain.builds import Build
    from buildgate.ports import BuildOrder

_BATCH = 100


class CodeBuildLauncher:
    """Starts, stops and looks at builds; ``quarantine`` is told of each whose description cannot be true."""

    def __init__(self, client: Any, *, quarantine: Callable[[Misreported], None]) -> None:
        self._client = client
        self._quarantine = quarantine

    def start(self, order: BuildOrder) -> Build:
        variables = [{"name": name, "value": value, "type": "PLAINTEXT"} for name, value in order.variables]
        request: dict[str, Any] = {
            "projectName": order.project,
            "idempotencyToken": order.idempotency_token,
            "environmentVariablesOverride": variables,
        }
        if order.source_version:
            request["sourceVersion"] = order.source_version
        if order.timeout_minutes is not None:
            request["timeoutInMinutesOverride"] = order.timeout_minutes
        return parse_build(self._started(request)["build"])

    def _started(self, request: dict[str, Any]) -> Any:
        with calling("CodeBuild StartBuild"):
            try:
                return self._client.start_build(**request)
            except ClientError as error:
                if code_of(error) == "AccountLimitExceededException":
                    raise Busy(f"CodeBuild's queue is full: {message_of(error)}") from error
                if code_of(error) in {"InvalidInputException", "ResourceNotFoundException"}:
                    raise _started_in_vain(error, request["projectName"]) from error
                raise

    def builds(self, build_ids: Sequence[str]) -> Sequence[Build]:
        found: list[Build] = []
        for start in range(0, len(build_ids), _BATCH):
            with calling("CodeBuild BatchGetBuilds"):
                answer = self._client.batch_get_builds(ids=list(build_ids[start : start + _BATCH]))
            found += [build for entry in answer.get("builds", []) if (build := self._parsed(entry)) is not None]
        return found

    def _parsed(self, entry: Mapping[str, Any]) -> Build | None:
        """Return a build, or None after setting aside what cannot be one: the others of its page are not held up."""
        try:
            return parse_build(entry)
        except Corrupt as error:
            self._quarantine(Misreported(str(entry.get("id", "unknown:unknown")), error.reason))
            return None

    def newest(self, project: str) -> Sequence[str]:
        with calling("CodeBuild ListBuildsForProject"):
            answer = self._client.list_builds_for_project(projectName=project, sortOrder="DESCENDING")
        return list(answer.get("ids", []))

    def page(self, project: str, token: str) -> tuple[Sequence[str], str]:
        request: dict[str, Any] = {"projectName": project, "sortOrder": "DESCENDING"}
        if token:
            request["nextToken"] = token
        with calling("CodeBuild ListBuildsForProject"):
            answer = self._client.list_builds_for_project(**request)
        return list(answer.get("ids", [])), str(answer.get("nextToken") or "")

    def newest_of_account(self) -> Iterator[Sequence[str]]:
        request: dict[str, Any] = {"sortOrder": "DESCENDING"}
        while True:
            with calling("CodeBuild ListBuilds"):
                answer = self._client.list_builds(**request)
            yield list(answer.get("ids", []))
            if not answer.get("nextToken"):
                return
            request["nextToken"] = answer["nextToken"]

    def stop(self, build_id: str) -> None:
        try:
            with calling("CodeBuild StopBuild"):
                self._client.stop_build(id=build_id)
        except Rejected:
            return  # it has ended, or never was: there is nothing to stop

    def missing_projects(self, names: Sequence[str]) -> Sequence[str]:
        missing: list[str] = []
        for start in range(0, len(names), _BATCH):
            with calling("CodeBuild BatchGetProjects"):
                answer = self._client.batch_get_projects(names=list(names[start : start + _BATCH]))
            missing += answer.get("projectsNotFound", [])
        return missing


def _started_in_vain(error: ClientError, project: str) -> Rejected:
    reason = f"project {project} cannot start: {message_of(error)}"
    return Rejected(reason, field="project", fix=f"buildgate project show {project}")
