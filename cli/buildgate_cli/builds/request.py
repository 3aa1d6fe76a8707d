"""What a person says about a build, as the parameters of StartBuild or StartBuildBatch.

The usual overrides have options of their own; every other member of the operation is reached with `--set` or a file, and
all of it is checked against the installed SDK's model before a call.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.sdk_shapes import check, near
from buildgate_cli.source_files import read_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PROBLEMS_SHOWN: Final = 5
ENVIRONMENT_VARIABLE: Final = "ENVIRONMENT"
TIMESTAMP_VARIABLE: Final = "BUILD_TIMESTAMP"
_VARIABLES: Final = "environmentVariablesOverride"
_SUFFIX: Final = "Override"
_BATCH_NAMES: Final = {"timeoutInMinutesOverride": "buildTimeoutInMinutesOverride"}


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """The options of `build start` and `build batch start`, as they were written. None and empty mean: not said."""

    source_version: str | None = None
    plain: Sequence[str] = ()
    parameters: Sequence[str] = ()
    secrets: Sequence[str] = ()
    buildspec: str | None = None
    image: str | None = None
    compute: str | None = None
    environment_type: str | None = None
    privileged: bool | None = None
    timeout_minutes: int | None = None
    queued_timeout_minutes: int | None = None
    role: str | None = None
    settings: Sequence[str] = ()
    file: Path | None = None


def parameters_of(wishes: Wishes, project: str, shape: Any) -> dict[str, Any]:
    """Return the parameters for one operation's input shape, without an idempotency token.

    Weakest first: the file, the options, `--set`. Raises UserError with every problem, in the person's words.
    """
    request = _from_file(wishes.file, shape)
    is_batch = "buildBatchConfigOverride" in shape.members
    for name, value in _named(wishes).items():
        if value is not None:
            request[_BATCH_NAMES.get(name, name) if is_batch else name] = value
    variables = _variables(wishes)
    if variables:
        request[_VARIABLES] = with_variables(request.get(_VARIABLES, []), variables)
    for setting in wishes.settings:
        _set(request, setting, shape)
    request["projectName"] = project
    _check(request, shape)
    return request


def with_variables(known: Iterable[Mapping[str, Any]], more: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return variables by name, the later ones in the place of earlier ones of the same name."""
    return [dict(one) for one in {str(one.get("name")): one for one in (*known, *more)}.values()]


def for_environment(request: Mapping[str, Any], environment: str, timestamp: str) -> dict[str, Any]:
    """Return a request for one environment: `ENVIRONMENT` and `BUILD_TIMESTAMP` tell the build which and when.

    A timestamp that was asked for stays, so that a start can be repeated with the same token.
    """
    which = {"name": ENVIRONMENT_VARIABLE, "value": environment, "type": "PLAINTEXT"}
    when = {"name": TIMESTAMP_VARIABLE, "value": timestamp, "type": "PLAINTEXT"}
    return {**request, _VARIABLES: with_variables([when, *request.get(_VARIABLES, [])], [which])}


def environments_of(text: str) -> list[str]:
    """Return the environments of a comma-separated list; UserError when there is none, or one twice."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise UserError("--environments names none.", "Write --environments development,staging,production.")
    double = next((name for name in names if names.count(name) > 1), None)
    if double:
        raise UserError(f"--environments names {double} twice.", "Name each environment once.")
    return names


def _from_file(path: Path | None, shape: Any) -> dict[str, Any]:
    if path is None:
        return {}
    data = read_document(path)[0].data
    if not isinstance(data, dict):
        raise UserError(f"{path} holds no mapping.", "Write StartBuild's own members: imageOverride: ...")
    return {_member(str(word), shape): value for word, value in data.items()}


def _named(wishes: Wishes) -> dict[str, Any]:
    return {
        "sourceVersion": wishes.source_version,
        "buildspecOverride": _buildspec(wishes.buildspec),
        "imageOverride": wishes.image,
        "computeTypeOverride": wishes.compute,
        "environmentTypeOverride": wishes.environment_type,
        "privilegedModeOverride": wishes.privileged,
        "timeoutInMinutesOverride": wishes.timeout_minutes,
        "queuedTimeoutInMinutesOverride": wishes.queued_timeout_minutes,
        "serviceRoleOverride": wishes.role,
    }


def _buildspec(text: str | None) -> str | None:
    """Return a path inside the source as it is, and `@file` as that file's text, inline."""
    if text is None or not text.startswith("@"):
        return text
    return Path(text[1:]).read_text(encoding="utf-8")


def _variables(wishes: Wishes) -> list[dict[str, str]]:
    kinds = (("PLAINTEXT", wishes.plain), ("PARAMETER_STORE", wishes.parameters), ("SECRETS_MANAGER", wishes.secrets))
    return [_variable(text, kind) for kind, texts in kinds for text in texts]


def _variable(text: str, kind: str) -> dict[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise UserError(f"{text!r} is not NAME=VALUE.", "Write -e NAME=VALUE, as often as needed.")
    return {"name": name.strip(), "value": value, "type": kind}


def _set(request: dict[str, Any], setting: str, shape: Any) -> None:
    """Put `member.inner=value` into the request; the value is YAML unless the member is text."""
    path, equals, text = setting.partition("=")
    if not equals:
        raise UserError(f"{setting!r} is not MEMBER=VALUE.", "Write --set cacheOverride.type=NO_CACHE.")
    words = path.strip().split(".")
    words[0] = _member(words[0], shape)
    inner = shape
    for word in words:
        inner = getattr(inner, "members", {}).get(word) if inner is not None else None
    target = request
    for word in words[:-1]:
        held = target.get(word)
        target[word] = dict(held) if isinstance(held, dict) else {}
        target = target[word]
    target[words[-1]] = text if inner is not None and inner.type_name == "string" else _yaml(setting, text)


def _member(word: str, shape: Any) -> str:
    """Return the operation's own name of a member; the ending `Override` may be left out."""
    for name in (word, f"{word}{_SUFFIX}"):
        if name in shape.members:
            return name
    names = [name.removesuffix(_SUFFIX) for name in shape.members]
    nearest = near(word, names)
    fix = f"Did you mean {nearest}?" if nearest else f"Use one of {', '.join(names)}."
    raise UserError(f"{shape.name.removesuffix('Input')} has no override {word!r}.", fix)


def _yaml(setting: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"The value of --set {setting} is not YAML: {' '.join(str(error).split())}.") from error


def _check(request: Mapping[str, Any], shape: Any) -> None:
    problems = list(check(shape, dict(request)))
    if not problems:
        return
    lines = []
    for problem in problems[:PROBLEMS_SHOWN]:
        hint = f"; did you mean {problem.nearest}?" if problem.nearest else ""
        allowed = f" ({problem.expected})" if problem.expected and not problem.is_key else ""
        lines.append(f"{problem.field}: {problem.message}{allowed}{hint}")
    raise UserError("; ".join(lines) + ".", None, ExitCode.USAGE)
