"""The JSON Schema of buildspecs, for editors (draft-07, which the YAML language servers read)."""

from __future__ import annotations

from typing import Any

from buildgate_cli.buildspecs import runtimes
from buildgate_cli.buildspecs.model import PHASE_NAMES
from buildgate_cli.buildspecs.read_batch import api_enum
from buildgate_cli.buildspecs.read_outputs import (
    COVERAGE_FORMATS,
    FALLBACK_KEY_LIMIT,
    OTHER_SHELLS,
    REPORT_LIMIT,
    SHELLS,
    TEST_FORMATS,
)

_TEXT = {"type": ["string", "number", "boolean"]}
_TEXTS = {"type": "array", "items": _TEXT}
_SOME_TEXTS = {**_TEXTS, "minItems": 1}
_VARIABLE = {"type": "string", "pattern": r"\$"}


def _described(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {**schema, "description": description}


def _mapping(description: str, properties: dict[str, Any], *required: str) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "description": description,
        "properties": properties,
        "additionalProperties": False,
    }
    return {**schema, "required": list(required)} if required else schema


def _named(description: str, values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "description": description, "additionalProperties": values}


def _one_of(description: str, values: tuple[str, ...]) -> dict[str, Any]:
    return {"description": description, "anyOf": [{"enum": list(values)}, _VARIABLE]}


def _switch(description: str) -> dict[str, Any]:
    words = ["yes", "no", "true", "false"]
    return {"description": description, "anyOf": [{"type": "boolean"}, {"enum": words}, _VARIABLE]}


def schema() -> dict[str, Any]:
    """Return the schema as plain data; runtimes and enumerations come from the same sources as the linter's."""
    top = {
        "version": {"description": "0.2; 0.1 is still accepted.", "enum": [0.2, 0.1, "0.2", "0.1"]},
        "run-as": _described(_TEXT, "Linux user for all commands; a phase's own wins."),
        "env": _env(),
        "environment_variables": _named("Version 0.1 only: now `env`.", {"type": "object"}),
        "proxy": _mapping(
            "Use of an explicit proxy.",
            {"upload-artifacts": _switch("For artifacts."), "logs": _switch("For logs.")},
        ),
        "batch": _batch(),
        "phases": _mapping("What runs, in four phases.", {name: _phase(name) for name in PHASE_NAMES}),
        "reports": {**_named("Report groups by name or ARN.", _report()), "maxProperties": REPORT_LIMIT},
        "artifacts": _artifacts(),
        "cache": _cache(),
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "AWS CodeBuild buildspec",
        "type": "object",
        "properties": top,
        "patternProperties": {r"^(x-|\.|_)": {}},
        "additionalProperties": False,
        "required": ["version"],
        "anyOf": [{"required": ["phases"]}, {"required": ["batch"]}],
    }


def _env() -> dict[str, Any]:
    return _mapping(
        "The build's variables.",
        {
            "shell": _one_of("The shell that runs commands.", (*SHELLS, *OTHER_SHELLS)),
            "variables": _named("Plain text; no shell expands the values.", _TEXT),
            "parameter-store": _named("Variable to Parameter Store name.", _TEXT),
            "secrets-manager": _named("Variable to `secret-id:json-key:version-stage:version-id`.", _TEXT),
            "exported-variables": _described(_TEXTS, "Variables that leave the build."),
            "git-credential-helper": _switch("Use of CodeBuild's git credentials."),
        },
    )


def _phase(name: str) -> dict[str, Any]:
    retry = {
        "type": "string",
        "pattern": r"^([Aa][Bb][Oo][Rr][Tt]|[Cc][Oo][Nn][Tt][Ii][Nn][Uu][Ee]|[Rr][Ee][Tt][Rr][Yy](-.+)?)$",
    }
    properties: dict[str, Any] = {
        "run-as": _described(_TEXT, "Linux user for this phase."),
        "on-failure": _described(retry, "ABORT, CONTINUE, RETRY, RETRY-<count>, RETRY-<regex>, RETRY-<count>-<regex>."),
        "commands": _described(_SOME_TEXTS, "Commands, one after another; the first that fails ends the phase."),
        "finally": _described(_SOME_TEXTS, "Commands that run whatever happened to `commands`."),
    }
    if name == "install":
        versions = {
            one: {"description": f"On images: {', '.join(runtimes.versions(one) or ())}", **_TEXT}
            for one in sorted(runtimes.names())
        }
        properties["runtime-versions"] = {
            **_mapping("Versions of languages; quote 3.10, or it is 3.1.", versions),
            "minProperties": 1,
        }
    return _mapping(f"The {name} phase.", properties)


def _report() -> dict[str, Any]:
    formats = (*TEST_FORMATS, *COVERAGE_FORMATS)
    any_case = "|".join("".join(f"[{one}{one.lower()}]" if one.isalpha() else one for one in name) for name in formats)
    file_format = {
        "description": "Format of the files; JUNITXML when absent.",
        "anyOf": [{"enum": list(formats)}, {"type": "string", "pattern": rf"^({any_case})$"}, _VARIABLE],
    }
    return _mapping(
        "A group of test or coverage reports.",
        {
            "files": _described(_SOME_TEXTS, "Globs of report files."),
            "file-format": file_format,
            "base-directory": _described(_TEXT, "Where the globs begin."),
            "discard-paths": _switch("Flatten the paths."),
        },
        "files",
    )


def _artifact_keys() -> dict[str, Any]:
    return {
        "files": _described(_SOME_TEXTS, "Globs of files to keep; `'**/*'` is everything."),
        "name": _described(_TEXT, "Name; may hold shell text such as `$(date +%F)`."),
        "discard-paths": _switch("Flatten the paths."),
        "base-directory": _described(_TEXT, "Where the globs begin; may be a glob."),
        "exclude-paths": {"description": "Globs to leave out.", "anyOf": [_TEXT, _TEXTS]},
        "enable-symlinks": _switch("Keep symbolic links in a ZIP."),
        "s3-prefix": _described(_TEXT, "Prefix in the bucket."),
    }


def _artifacts() -> dict[str, Any]:
    secondary = _named("Secondary artifacts by identifier.", _mapping("One artifact.", _artifact_keys(), "files"))
    keys = {**_artifact_keys(), "secondary-artifacts": secondary, "type": _described(_TEXT, "Version 0.1 only.")}
    whole = _mapping("What the build leaves behind.", keys)
    return {**whole, "anyOf": [{"required": ["files"]}, {"required": ["secondary-artifacts"]}]}


def _cache() -> dict[str, Any]:
    return _mapping(
        "Files kept between builds.",
        {
            "paths": _described(_SOME_TEXTS, "Globs of files to keep."),
            "key": _described(_TEXT, "Exact key; `$(codebuild-hash-files FILE)` hashes files."),
            "fallback-keys": _described({**_TEXTS, "maxItems": FALLBACK_KEY_LIMIT}, "Prefixes to try, in order."),
            "action": _one_of("Only restore, or only save.", ("restore", "save")),
        },
        "paths",
    )


def _batch_env() -> dict[str, Any]:
    return _mapping(
        "Changes to the project's environment.",
        {
            "compute-type": _compute(),
            "fleet": _described(_TEXT, "Reserved capacity; not together with compute-type."),
            "image": _described(_TEXT, "Build image."),
            "privileged-mode": _switch("Whether Docker may run."),
            "type": _one_of("Environment type.", tuple(sorted(api_enum("EnvironmentType")))),
            "variables": _named("Plain text variables.", _TEXT),
        },
    )


def _compute() -> dict[str, Any]:
    known = tuple(sorted(api_enum("ComputeType")))
    return {"description": "Compute type.", "anyOf": [{"enum": list(known)}, {"pattern": "^ARM_LAMBDA_|\\$"}]}


def _batch() -> dict[str, Any]:
    task = {
        "identifier": {"type": "string", "description": "Letters, digits and `_`.", "minLength": 1},
        "buildspec": _described(_TEXT, "Buildspec of the task; this file when absent."),
        "debug-session": _switch("Allow a session in the container."),
        "ignore-failure": _switch("Go on when the task fails."),
        "env": _batch_env(),
    }
    node = {**task, "depend-on": _described(_TEXTS, "Identifiers that must succeed first.")}
    dynamic_env = {
        "compute-type": {"type": "array", "items": _compute()},
        "image": _TEXTS,
        "variables": _named("Lists of values.", _TEXTS),
    }
    static = {"ignore-failure": _switch("Go on when a build fails."), "env": _batch_env()}
    dynamic = {"buildspec": _TEXTS, "env": _mapping("Lists to combine.", dynamic_env)}
    fanout = {"parallelism": {"type": "integer", "minimum": 1}, "ignore-failure": _switch("Go on when a build fails.")}
    return _mapping(
        "Several builds as one; exactly one kind.",
        {
            "fast-fail": _switch("Stop the others when one fails."),
            "build-list": {"type": "array", "items": _mapping("A task.", task, "identifier")},
            "build-graph": {"type": "array", "items": _mapping("A task.", node, "identifier")},
            "build-matrix": _mapping(
                "One build for each combination.",
                {"static": _mapping("The same for all.", static), "dynamic": _mapping("Lists to combine.", dynamic)},
            ),
            "build-fanout": _mapping("Copies that share the test files.", fanout, "parallelism"),
        },
    )
