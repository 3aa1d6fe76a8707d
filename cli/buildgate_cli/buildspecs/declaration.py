"""The short declaration: a buildspec with less to write.

A declaration is a partial buildspec. On top of the buildspec's own keys it takes these short forms, and each of them
becomes the long one:

| short | long |
| --- | --- |
| `install`, `pre_build`, `build`, `post_build`: a command, or a list of them | `phases/<phase>/commands` |
| `runtimes` | `phases/install/runtime-versions` |
| `shell` | `env/shell` |
| `variables`, `parameters`, `secrets` | `env/variables`, `env/parameter-store`, `env/secrets-manager` |
| `export` | `env/exported-variables` |
| `reports/<group>`: a file, or a list of files | `reports/<group>/files` |
| `artifacts`: a glob, or a list of them | `artifacts/files` |
| `cache`: a path, or a list of them | `cache/paths` |
| `cache/lock`: a lock file, or a list of them | `cache/key` and `cache/fallback-keys` |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import yaml

from buildgate_cli.buildspecs import tree
from buildgate_cli.buildspecs.model import PHASE_NAMES, BuildspecError
from buildgate_cli.buildspecs.nearest import nearest
from buildgate_cli.errors import ExitCode, UserError

if TYPE_CHECKING:
    from buildgate_cli.buildspecs.targets import Source

_ENV_WORDS = {
    "shell": "shell",
    "variables": "variables",
    "parameters": "parameter-store",
    "secrets": "secrets-manager",
    "export": "exported-variables",
}
_LONG_KEYS = ("version", "run-as", "env", "proxy", "batch", "phases", "reports", "artifacts", "cache")
SHORT_KEYS = (*PHASE_NAMES, "runtimes", *_ENV_WORDS)


def expand(declaration: Mapping[str, Any]) -> dict[str, Any]:
    """Return the declaration in the buildspec's own keys, as new data; the argument stays as it is.

    Raises UserError for a key that is neither a buildspec's nor a short form, and for a section of the wrong type.
    """
    for key in declaration:
        if key not in _LONG_KEYS and key not in SHORT_KEYS:
            known = (*_LONG_KEYS, *SHORT_KEYS)
            near = nearest(str(key), known)
            fix = f"Did you mean `{near}`?" if near else f"Use {', '.join(known)}."
            raise UserError(f"`{key}` is not a key of a declaration.", fix, ExitCode.REFUSED)
    data = {key: _copy(declaration[key]) for key in _LONG_KEYS if key in declaration}
    for key, long_key in _ENV_WORDS.items():
        if key in declaration:
            section(data, "env")[long_key] = _copy(declaration[key])
    if "runtimes" in declaration:
        section(section(data, "phases"), "install")["runtime-versions"] = _copy(declaration["runtimes"])
    for name in PHASE_NAMES:
        if name in declaration:
            _expand_phase(data, name, declaration[name])
    _expand_outputs(data)
    return data


def read_declaration(source: Source) -> dict[str, Any]:
    """Read a declaration in YAML or JSON; UserError when it is neither, or not a mapping."""
    try:
        text = tree.decode(source.data)
        tree.parse(text)  # says where it is not YAML, and bounds the nesting
        data = yaml.load(text.removeprefix("\ufeff"), Loader=_Loader)  # noqa: S506 - a safe loader  # nosec B506
    except BuildspecError as error:
        raise UserError(f"{source.name}:{error.line or 1}: {error.message}.", None, ExitCode.REFUSED) from error
    except (yaml.YAMLError, ValueError) as error:
        said = " ".join(str(error).split())
        raise UserError(f"{source.name}: {said}.", None, ExitCode.REFUSED) from error
    if not isinstance(data, dict):
        raise UserError(f"{source.name} is not a mapping of keys to values.", None, ExitCode.REFUSED)
    return {str(key): value for key, value in data.items()}


class _Loader(yaml.CSafeLoader):
    """Keeps every scalar but null and switches as it is written: 3.10 stays 3.10, a date stays text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rsplit(":", 1)[-1] in {"null", "bool", "merge"}]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def section(data: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the mapping below a key, made on first use; UserError when something else stands there."""
    if data.get(key) is None:
        data[key] = {}
    found = data[key]
    if not isinstance(found, dict):
        raise UserError(f"`{key}` must be a mapping of keys to values.", None, ExitCode.REFUSED)
    return found


def listed(value: Any) -> Any:
    """Return a single text as a list of one; anything else as it is."""
    return [value] if isinstance(value, str | int | float) else value


def _expand_phase(data: dict[str, Any], name: str, value: Any) -> None:
    phases = section(data, "phases")
    if value is None:
        phases[name] = None
    elif isinstance(value, Mapping):
        section(phases, name).update(_copy(value))
    else:
        section(phases, name)["commands"] = listed(_copy(value))


def _expand_outputs(data: dict[str, Any]) -> None:
    reports = data.get("reports")
    if isinstance(reports, dict):
        for group, files in reports.items():
            if isinstance(files, str | list):
                reports[group] = {"files": listed(files)}
    if isinstance(data.get("artifacts"), str | list):
        data["artifacts"] = {"files": listed(data["artifacts"])}
    if isinstance(data.get("cache"), str | list):
        data["cache"] = {"paths": listed(data["cache"])}
    cache = data.get("cache")
    if isinstance(cache, dict) and "lock" in cache:
        locks = " ".join(str(one) for one in listed(cache.pop("lock")) or [])
        cache.setdefault("key", f"deps-$(codebuild-hash-files {locks})")
        cache.setdefault("fallback-keys", ["deps-"])


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _copy(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_copy(inner) for inner in value]
    return value
