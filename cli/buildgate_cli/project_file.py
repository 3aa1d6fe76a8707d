"""Project files: CodeBuild's CreateProject in YAML, with what Buildgate adds, and what applying one would change.

Two conveniences: a CODECOMMIT source may name the repository alone, and `serviceRole` may be left out, or be `own` or
`shared`, where the stack brings a role for builds. Extensions: `reportGroups`, created as `<project>-<group>` with export to the stack's report bucket,
where gates read; `buildspec`, a short declaration that becomes the inline buildspec; `webhook`, `alarms`, `lifecycle` and `sourceCredentials`, which `projects.extras` sets up and removes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.projects.model import Project, Tag
from buildgate_cli.projects.on_aws import MANAGED_TAG
from buildgate_cli.projects.role import ROLE_WORDS, SHARED_ROLE
from buildgate_cli.sdk_shapes import ShapeProblem, check, near
from buildgate_cli.source_files import FileRefusedError, located, read_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from buildgate_cli.cloud_context import CloudContext
    from buildgate_cli.projects.model import Source
    from buildgate_cli.projects.policy import Policy

BUILD_ROLE_OUTPUT: Final = "BuildRoleArn"
LOCAL_ROLE: Final = "arn:aws:iam::000000000000:role/buildgate-local-build"
GROUP_TYPES: Final = ("TEST", "CODE_COVERAGE")
EXTENSIONS: Final = ("reportGroups", "buildspec", "webhook", "alarms", "lifecycle", "sourceCredentials")
EXTRAS: Final = EXTENSIONS[2:]
SEEN_ON_AWS: Final = ("projectVisibility",)
"""What AWS says of a project and rules look at, though CreateProject does not take it."""
_ALARM_KEYS: Final = {"failedBuilds": int, "durationMinutes": int, "periodMinutes": int, "topic": str}
_LIFECYCLE_KEYS: Final = {"artifactsDays": int, "cacheDays": int}
_CREDENTIAL_KEYS: Final = {"serverType": str, "authType": str, "arn": str}
TOKEN_HOLDERS: Final = ("CODECONNECTIONS", "SECRETS_MANAGER")
"""How source credentials may be named in a file: by who keeps the token, never by the token."""
_NAMED: Final = {"environmentVariables": "name", "tags": "key"}


@dataclass(frozen=True)
class ProjectFile:
    """A checked project file. `sections` are those of `EXTRAS` that the file names, as null too: null takes away.

    `given_tags` are keys of tags that the project has from the policy and not from the file.
    """

    path: str
    project: Project
    sections: frozenset[str] = frozenset()
    given_tags: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The project's name."""
        return self.project.name


def read_project(path: Path, model: Any) -> ProjectFile:
    """Return the project of a file, checked against CodeBuild's model; FileRefusedError with every problem."""
    document, lines = read_document(path)
    data = document.data
    problems = list(model_problems(model, data))
    if problems:
        raise FileRefusedError(located(path, document, lines, problems))
    project = Project.from_data({"serviceRole": "", "artifacts": {"type": "NO_ARTIFACTS"}, **data})
    return ProjectFile(str(path), project, frozenset(EXTRAS) & data.keys())


def model_problems(model: Any, data: Any) -> Iterator[ShapeProblem]:
    """Yield what does not fit: CodeBuild's model for CreateProject's members, Buildgate's own for its extensions."""
    if not isinstance(data, dict):
        yield ShapeProblem((), "the file holds no mapping", "a mapping with name, source and environment")
        return
    own = {key: value for key, value in data.items() if key not in (*EXTENSIONS, *SEEN_ON_AWS)}
    defaulted = {"serviceRole": LOCAL_ROLE, "artifacts": {"type": "NO_ARTIFACTS"}, **own}
    yield from check(model.operation_model("CreateProject").input_shape, defaulted)
    if data.get("reportGroups") is not None:
        yield from _group_problems(data["reportGroups"])
    yield from _declaration_problems(data)
    if data.get("webhook") is not None:
        yield from _webhook_problems(model, data)
    yield from _plain_problems(data, "alarms", _ALARM_KEYS)
    yield from _plain_problems(data, "lifecycle", _LIFECYCLE_KEYS)
    yield from _credential_problems(model, data)


def _declaration_problems(data: dict[str, Any]) -> Iterator[ShapeProblem]:
    declaration = data.get("buildspec")
    if declaration is None:
        return
    if not isinstance(declaration, dict):
        fix = "write a path under source.buildspec"
        yield ShapeProblem(("buildspec",), "found no mapping", "a short declaration: {build: [make test]}", fix=fix)
        return
    from buildgate_cli.buildspecs.generate import generate  # noqa: PLC0415  # only for projects that declare one

    try:
        generate(declaration)
    except UserError as error:
        yield ShapeProblem(("buildspec",), error.message, fix=error.fix or "")


def _webhook_problems(model: Any, data: dict[str, Any]) -> Iterator[ShapeProblem]:
    webhook, name = data["webhook"], data.get("name")
    if not isinstance(webhook, dict):
        yield ShapeProblem(("webhook",), "found no mapping", "{filterGroups: [[{type: EVENT, pattern: PUSH}]]}")
        return
    shape = model.operation_model("CreateWebhook").input_shape
    asked = {"projectName": name if isinstance(name, str) else "project", **webhook}
    for problem in check(shape, asked):
        yield replace(problem, path=("webhook", *problem.path))


def _plain_problems(data: dict[str, Any], section: str, keys: Mapping[str, type]) -> Iterator[ShapeProblem]:
    found = data.get(section)
    if found is None:
        return
    if not isinstance(found, dict):
        yield ShapeProblem((section,), "found no mapping", f"a mapping of {', '.join(keys)}")
        return
    for key, value in found.items():
        if key not in keys:
            nearest = near(str(key), list(keys))
            yield ShapeProblem((section, key), f"unknown key {key!r}", ", ".join(keys), nearest, is_key=True)
        elif not isinstance(value, keys[key]) or isinstance(value, bool):
            word = "a whole number" if keys[key] is int else "text"
            yield ShapeProblem((section, key), f"found {value!r}", word)
        elif isinstance(value, int) and value < 1:
            yield ShapeProblem((section, key), f"{value} is too small", "at least 1")


def _credential_problems(model: Any, data: dict[str, Any]) -> Iterator[ShapeProblem]:
    yield from _plain_problems(data, "sourceCredentials", _CREDENTIAL_KEYS)
    found = data.get("sourceCredentials")
    if not isinstance(found, dict):
        return
    for key in _CREDENTIAL_KEYS:
        if key not in found:
            yield ShapeProblem(("sourceCredentials",), f"{key!r} is missing", f"add {key}: ...")
    members = model.operation_model("ImportSourceCredentials").input_shape.members
    kind, server = found.get("authType"), found.get("serverType")
    if isinstance(kind, str) and kind not in TOKEN_HOLDERS:
        fix = "put the token into Secrets Manager and name the secret's ARN"
        allowed = f"one of {', '.join(TOKEN_HOLDERS)}"
        yield ShapeProblem(("sourceCredentials", "authType"), f"{kind!r} would need the token here", allowed, fix=fix)
    if isinstance(server, str):
        for problem in check(members["serverType"], server):
            yield replace(problem, path=("sourceCredentials", "serverType"))


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


def completed(file: ProjectFile, cloud: CloudContext) -> Project:
    """Return the project as one cloud is to have it: conveniences expanded, Buildgate's tag added.

    Its `service_role` is an ARN, or `own`, or empty where a role of its own is the choice: see `projects.own_role`.
    """
    project = file.project
    source = _source(project.source, cloud)
    if project.buildspec is not None and not source.buildspec:
        from buildgate_cli.buildspecs.generate import generate  # noqa: PLC0415  # only for projects that declare one

        source = replace(source, buildspec=generate(project.buildspec))
    own = Tag.from_data(MANAGED_TAG)
    tags = (*(tag for tag in project.tags or () if tag.key != own.key), own)
    return replace(project, source=source, service_role=_role(file, cloud), tags=tags)


def with_default_tags(file: ProjectFile, policy: Policy) -> ProjectFile:
    """Return a file with the tags that a policy gives projects which do not name them."""
    project = policy.completed(file.project)
    return replace(file, project=project, given_tags=_keys(project) - _keys(file.project))


def _keys(project: Project) -> frozenset[str]:
    return frozenset(tag.key for tag in project.tags or () if tag.key)


def _source(source: Source, cloud: CloudContext) -> Source:
    location = source.location or ""
    if source.type != "CODECOMMIT" or not location or "/" in location:
        return source
    if cloud.kind == "local" and cloud.repositories is not None:
        found = cloud.client("codecommit").get_repository(repositoryName=location)["repositoryMetadata"]
        return replace(source, location=found["cloneUrlHttp"])
    return replace(source, location=f"https://git-codecommit.{cloud.region}.amazonaws.com/v1/repos/{location}")


def _role(file: ProjectFile, cloud: CloudContext) -> str:
    asked, shared = file.project.service_role, cloud.outputs.get(BUILD_ROLE_OUTPUT)
    if asked and asked not in ROLE_WORDS:
        return asked
    if shared:
        return shared if asked == SHARED_ROLE else asked
    if cloud.kind == "local":
        return LOCAL_ROLE
    message = f"{file.path} names no role by its ARN, and the stack {cloud.stack} has no role for builds."
    raise UserError(message, "Add serviceRole: arn:aws:iam::...", ExitCode.REFUSED)


@dataclass(frozen=True)
class Change:
    """One field that applying would change; None is absence. `by` says who asks for it when the file does not."""

    field: str
    before: Any
    after: Any
    by: str = ""


def creatable(project: Project, model: Any) -> dict[str, Any]:
    """Return what CreateProject and UpdateProject take of a project."""
    members = model.operation_model("CreateProject").input_shape.members
    return {key: value for key, value in project.to_data().items() if key in members}


def as_created(found: Project, model: Any) -> dict[str, Any]:
    """Return a project of AWS in the members that CreateProject takes, in their order, empty ones left out."""
    members, data = model.operation_model("CreateProject").input_shape.members, found.to_data()
    return {key: data[key] for key in members if data.get(key) not in (None, [], {}, "")}


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[Change]:
    """Return what applying changes, field by field. What a file does not name is left as it is on AWS."""
    if before is None:
        return [Change("project", None, after["name"])]
    return list(_compare("", before, after))


def _compare(path: str, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(after, dict) and isinstance(before, dict):
        for key, value in after.items():
            inner = f"{path}.{key}" if path else key
            if key in _NAMED and isinstance(value, list):
                yield from _compare_named(inner, _NAMED[key], before.get(key) or [], value)
            else:
                yield from _compare(inner, before.get(key), value)
    elif before != after and not (before is None and after in ([], {}, "", False)):
        yield Change(path, before, after)


def _compare_named(path: str, by: str, before: list[Any], after: list[Any]) -> Iterator[Change]:
    """Compare lists whose entries have names, under `by`: each by itself, whatever their order."""
    was, will = ({str(one.get(by)): _worth(by, one) for one in entries} for entries in (before, after))
    for name in sorted({*was, *will}):
        if was.get(name) != will.get(name):
            yield Change(f"{path}[{name}]", was.get(name), will.get(name))


def _worth(by: str, entry: Mapping[str, Any]) -> Any:
    """Return what there is to say of a named entry: a plain value as it is, with its kind any other."""
    kind, value = entry.get("type", "PLAINTEXT"), entry.get("value")
    return value or "" if by == "key" or kind == "PLAINTEXT" else f"{value} ({kind})"
