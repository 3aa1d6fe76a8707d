"""Project files: CodeBuild's CreateProject in YAML, with what Buildgate adds, and what applying one would change.

Two conveniences: a CODECOMMIT source may name the repository alone, and `serviceRole` may be left out where the stack
brings a role for builds. One extension: `reportGroups`, created as `<project>-<group>` with export to the stack's
report bucket, where gates read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.sdk_shapes import ShapeProblem, check
from buildgate_cli.source_files import FileRefusedError, located, read_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from buildgate_cli.cloud_context import CloudContext

BUILD_ROLE_OUTPUT: Final = "BuildRoleArn"
LOCAL_ROLE: Final = "arn:aws:iam::000000000000:role/buildgate-local-build"
MANAGED_TAG: Final = {"key": "buildgate", "value": "managed"}
"""What the stack's policies ask of a project before they start, stop or read its builds."""
GROUP_TYPES: Final = ("TEST", "CODE_COVERAGE")
_UNORDERED: Final = {"environmentVariables": "name", "tags": "key"}


@dataclass(frozen=True)
class ReportGroup:
    """A report group a project's buildspec reports into."""

    name: str
    type: str


@dataclass(frozen=True)
class ProjectFile:
    """A checked project file: what CreateProject takes, and the report groups beside it."""

    path: str
    project: Mapping[str, Any]
    groups: tuple[ReportGroup, ...]

    @property
    def name(self) -> str:
        """The project's name."""
        return str(self.project["name"])


def read_project(path: Path, model: Any) -> ProjectFile:
    """Return the project of a file, checked against CodeBuild's model; FileRefusedError with every problem."""
    document, lines = read_document(path)
    shape = model.operation_model("CreateProject").input_shape
    data = document.data
    problems = list(_problems(shape, data))
    if problems:
        raise FileRefusedError(located(path, document, lines, problems))
    groups = tuple(ReportGroup(item["name"], item.get("type", "TEST")) for item in data.get("reportGroups", []))
    return ProjectFile(str(path), {key: value for key, value in data.items() if key != "reportGroups"}, groups)


def _problems(shape: Any, data: Any) -> Iterator[ShapeProblem]:
    if not isinstance(data, dict):
        yield ShapeProblem((), "the file holds no mapping", "a mapping with name, source and environment")
        return
    own = {key: value for key, value in data.items() if key != "reportGroups"}
    defaulted = {"serviceRole": LOCAL_ROLE, "artifacts": {"type": "NO_ARTIFACTS"}, **own}
    yield from check(shape, defaulted)
    if "reportGroups" in data:
        yield from _group_problems(data["reportGroups"])


def _group_problems(groups: Any) -> Iterator[ShapeProblem]:
    if not isinstance(groups, list):
        yield ShapeProblem(("reportGroups",), "found no list", "a list of {name, type}")
        return
    for index, group in enumerate(groups):
        path = ("reportGroups", index)
        if not isinstance(group, dict) or not isinstance(group.get("name"), str):
            yield ShapeProblem(path, "the report group has no name", "{name: tests, type: TEST}")
        elif set(group) - {"name", "type"}:
            unknown = min(set(group) - {"name", "type"})
            yield ShapeProblem((*path, unknown), f"unknown key {unknown!r}", "name, type", is_key=True)
        elif group.get("type", "TEST") not in GROUP_TYPES:
            yield ShapeProblem((*path, "type"), f"{group['type']!r} is not allowed", f"one of {', '.join(GROUP_TYPES)}")


def completed(file: ProjectFile, cloud: CloudContext) -> dict[str, Any]:
    """Return the parameters of CreateProject for one cloud: conveniences expanded, Buildgate's tag added."""
    project = dict(file.project)
    project.setdefault("artifacts", {"type": "NO_ARTIFACTS"})
    project["source"] = _source(project["source"], cloud)
    if "serviceRole" not in project:
        project["serviceRole"] = _role(file, cloud)
    tags = [tag for tag in project.get("tags", []) if tag.get("key") != MANAGED_TAG["key"]]
    project["tags"] = [*tags, dict(MANAGED_TAG)]
    return project


def _source(source: Mapping[str, Any], cloud: CloudContext) -> dict[str, Any]:
    location = str(source.get("location", ""))
    if source.get("type") != "CODECOMMIT" or not location or "/" in location:
        return dict(source)
    if cloud.kind == "local" and cloud.repositories is not None:
        found = cloud.client("codecommit").get_repository(repositoryName=location)["repositoryMetadata"]
        return {**source, "location": found["cloneUrlHttp"]}
    return {**source, "location": f"https://git-codecommit.{cloud.region}.amazonaws.com/v1/repos/{location}"}


def _role(file: ProjectFile, cloud: CloudContext) -> str:
    found = cloud.outputs.get(BUILD_ROLE_OUTPUT)
    if found:
        return found
    if cloud.kind == "local":
        return LOCAL_ROLE
    message = f"{file.path} names no serviceRole, and the stack {cloud.stack} has no role for builds."
    raise UserError(message, "Add serviceRole: arn:aws:iam::...", ExitCode.REFUSED)


@dataclass(frozen=True)
class Change:
    """One field that applying would change; None is absence."""

    field: str
    before: Any
    after: Any


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[Change]:
    """Return what applying changes, field by field. What a file does not name is left as it is on AWS."""
    if before is None:
        return [Change("project", None, after["name"])]
    return list(_compare("", before, after))


def _compare(path: str, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(after, dict) and isinstance(before, dict):
        for key, value in after.items():
            yield from _compare(f"{path}.{key}" if path else key, _sorted(key, before.get(key)), _sorted(key, value))
    elif before != after and not (before is None and after in ([], {}, "", False)):
        yield Change(path, before, after)


def _sorted(key: str, value: Any) -> Any:
    by = _UNORDERED.get(key)
    if by is None or not isinstance(value, list):
        return value
    with_types = [{"type": "PLAINTEXT", **one} if by == "name" else one for one in value]
    return sorted(with_types, key=lambda one: str(one.get(by)))
