"""Writes a buildspec as YAML: keys in the documented order, blocks for multi-line text; reading it back gives the same."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import yaml

from buildgate_cli.buildspecs.model import DEFAULT_REPORT_FORMAT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildgate_cli.buildspecs.model import Artifact, Batch, BatchEnv, BatchTask, Buildspec, Env, Phase, ReportGroup

_BLOCK = re.compile(r"\S[\x20-\x7e\u00a0-\u2027\u2030-\ud7ff]*(?:\n[\x20-\x7e\u00a0-\u2027\u2030-\ud7ff]*)+\Z")
_TRAILING_SPACE = re.compile(r" (?:\n|\Z)|\n\n\Z")


class _Dumper(yaml.SafeDumper):
    """Indents lists below their key, and never writes anchors."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    is_block = "\n" in text and _BLOCK.match(text) and not _TRAILING_SPACE.search(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if is_block else None)


_Dumper.add_representer(str, _text)


def dump(spec: Buildspec) -> str:
    """Return the buildspec as YAML text; `load` reads the same value from it, and equal values give equal text."""
    return dump_data(to_data(spec))


def dump_data(data: Mapping[str, Any]) -> str:
    """Return plain data as YAML text in this module's style, keys in the order given."""
    sections = [
        yaml.dump({key: value}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
        for key, value in data.items()
    ]
    return "\n".join(sections)


def dump_json(spec: Buildspec) -> str:
    """Return the buildspec as JSON, which is YAML too."""
    return json.dumps(to_data(spec), indent=2, ensure_ascii=False) + "\n"


def to_data(spec: Buildspec) -> dict[str, Any]:
    """Return the buildspec as plain data, without what is absent."""
    data: dict[str, Any] = {"version": 0.1 if spec.version == "0.1" else 0.2, "run-as": spec.run_as}
    data |= _env(spec.env, spec.version)
    data["proxy"] = _present({"upload-artifacts": spec.proxy.upload_artifacts, "logs": spec.proxy.logs})
    data["batch"] = None if spec.batch is None else _batch(spec.batch)
    data["phases"] = {name: _phase(phase) for name, phase in spec.phases.items()}
    data["reports"] = {group.name: _report(group) for group in spec.reports}
    if spec.artifacts is not None:
        secondary = {name: _artifact(one) for name, one in spec.artifacts.secondary.items()}
        data["artifacts"] = _artifact(spec.artifacts.primary) | _present({"secondary-artifacts": secondary})
    if spec.cache is not None:
        cache = spec.cache
        paths = {"paths": list(cache.paths), "key": cache.key, "fallback-keys": list(cache.fallback_keys)}
        data["cache"] = _present(paths | {"action": cache.action}) or {"paths": []}
    kept = {"artifacts", "cache", "batch"}
    return {key: value for key, value in data.items() if value not in (None, {}) or (key in kept and value is not None)}


def _present(data: dict[str, Any]) -> dict[str, Any]:
    """Return the entries that say something; False does, None and empty containers do not."""
    return {key: value for key, value in data.items() if value is not None and value not in ({}, [])}


def _env(env: Env, version: str) -> dict[str, Any]:
    whole = _present(
        {
            "shell": env.shell,
            "variables": dict(env.variables),
            "parameter-store": dict(env.parameter_store),
            "secrets-manager": dict(env.secrets_manager),
            "exported-variables": list(env.exported_variables),
            "git-credential-helper": env.git_credential_helper,
        }
    )
    if version == "0.1" and set(whole) <= {"variables", "parameter-store"}:
        if "variables" in whole:
            whole = {"plaintext": whole.pop("variables"), **whole}
        return {"environment_variables": whole}
    return {"env": whole}


def _phase(phase: Phase) -> dict[str, Any]:
    return _present(
        {
            "run-as": phase.run_as,
            "on-failure": None if phase.on_failure is None else phase.on_failure.text(),
            "runtime-versions": dict(phase.runtime_versions),
            "commands": list(phase.commands),
            "finally": list(phase.finally_commands),
        }
    )


def _report(group: ReportGroup) -> dict[str, Any]:
    data = _present(
        {
            "file-format": None if group.file_format == DEFAULT_REPORT_FORMAT else group.file_format,
            "base-directory": group.base_directory,
            "discard-paths": group.discard_paths,
        }
    )
    return {"files": list(group.files)} | data


def _artifact(artifact: Artifact) -> dict[str, Any]:
    data = _present(
        {
            "name": artifact.name,
            "discard-paths": artifact.discard_paths,
            "base-directory": artifact.base_directory,
            "exclude-paths": list(artifact.exclude_paths),
            "enable-symlinks": artifact.enable_symlinks,
            "s3-prefix": artifact.s3_prefix,
        }
    )
    return {"files": list(artifact.files)} | data


def _batch(batch: Batch) -> dict[str, Any]:
    data: dict[str, Any] = {"fast-fail": batch.fast_fail}
    data["build-list"] = [_task(task) for task in batch.build_list]
    data["build-graph"] = [_task(task) for task in batch.build_graph]
    matrix = batch.matrix
    if matrix is not None:
        dynamic_env = {
            "compute-type": list(matrix.compute_types),
            "image": list(matrix.images),
            "variables": {name: list(values) for name, values in matrix.variables.items()},
        }
        dynamic = _present({"buildspec": list(matrix.buildspecs), "env": _present(dynamic_env)})
        static = {"ignore-failure": matrix.ignore_failure, "env": _batch_env(matrix.static)}
        data["build-matrix"] = {"static": _present(static)} | _present({"dynamic": dynamic})
    if batch.fanout is not None:
        fanout = batch.fanout
        data["build-fanout"] = {"parallelism": fanout.parallelism, "ignore-failure": fanout.ignore_failure}
    return _present(data)


def _task(task: BatchTask) -> dict[str, Any]:
    return _present(
        {
            "identifier": task.identifier,
            "buildspec": task.buildspec,
            "depend-on": list(task.depend_on),
            "ignore-failure": task.ignore_failure or None,
            "debug-session": task.debug_session or None,
            "env": _batch_env(task.env),
        }
    )


def _batch_env(env: BatchEnv) -> dict[str, Any]:
    return _present(
        {
            "type": env.type,
            "image": env.image,
            "compute-type": env.compute_type,
            "fleet": env.fleet,
            "privileged-mode": env.privileged_mode,
            "variables": dict(env.variables),
        }
    )
