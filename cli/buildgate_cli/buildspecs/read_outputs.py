"""Reads what a build takes in and gives out: `env`, `proxy`, `reports`, `artifacts`, `cache`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from buildgate_cli.buildspecs import tree
from buildgate_cli.buildspecs.context import Context, Entry
from buildgate_cli.buildspecs.model import DEFAULT_REPORT_FORMAT, Artifact, Artifacts, Cache, Env, Proxy, ReportGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

ENV_KEYS = (
    "shell",
    "variables",
    "parameter-store",
    "secrets-manager",
    "exported-variables",
    "git-credential-helper",
)
OLD_ENV_KEYS = ("plaintext", "parameter-store")  # version 0.1: `environment_variables`
PROXY_KEYS = ("upload-artifacts", "logs")
REPORT_KEYS = ("files", "file-format", "base-directory", "discard-paths")
ARTIFACT_KEYS = (
    "files",
    "name",
    "discard-paths",
    "base-directory",
    "exclude-paths",
    "enable-symlinks",
    "s3-prefix",
)
CACHE_KEYS = ("paths", "key", "fallback-keys", "action")
SHELLS = ("bash", "/bin/sh", "powershell.exe", "cmd.exe")
OTHER_SHELLS = ("sh", "/bin/bash", "/usr/bin/bash", "powershell", "pwsh", "pwsh.exe", "cmd")
TEST_FORMATS = ("CUCUMBERJSON", "JUNITXML", "NUNITXML", "NUNIT3XML", "TESTNGXML", "VISUALSTUDIOTRX")
COVERAGE_FORMATS = ("CLOVERXML", "COBERTURAXML", "JACOCOXML", "SIMPLECOV")
REPORT_LIMIT = 5
FALLBACK_KEY_LIMIT = 5


def read_env(context: Context, node: tree.Node) -> Env:
    parts: dict[str, Any] = {}
    for key, key_node, value in context.mapping(node, "env"):
        if key == "shell":
            parts["shell"] = _read_shell(context, value)
        elif key == "variables":
            parts["variables"] = _named(context, value, "env/variables", context.places.variables)
        elif key == "parameter-store":
            parts["parameter_store"] = _named(context, value, "env/parameter-store", context.places.parameters)
        elif key == "secrets-manager":
            parts["secrets_manager"] = _named(context, value, "env/secrets-manager", context.places.secrets)
        elif key == "exported-variables":
            names = context.texts(value, "env/exported-variables")
            context.places.exported.extend(Entry(name, name, item, item) for name, item in names)
            parts["exported_variables"] = tuple(name for name, _ in names)
        elif key == "git-credential-helper":
            parts["git_credential_helper"] = context.switch(value, "env/git-credential-helper")
        elif isinstance(value, tree.Scalar) and key.isupper():
            context.add(
                "BS202",
                key_node,
                f"`env/{key}` is ignored: variables stand below a kind",
                fix="Move it to `env/variables`.",
            )
        else:
            context.unknown(key, key_node, ENV_KEYS, "env")
    return Env(**parts)


def read_old_env(context: Context, node: tree.Node) -> Env:
    """Read `environment_variables`, the form that `env` had in version 0.1."""
    parts: dict[str, Any] = {}
    for key, key_node, value in context.mapping(node, "environment_variables"):
        if key in {"plaintext", "variables"}:
            parts["variables"] = _named(context, value, f"environment_variables/{key}", context.places.variables)
        elif key == "parameter-store":
            where = "environment_variables/parameter-store"
            parts["parameter_store"] = _named(context, value, where, context.places.parameters)
        else:
            context.unknown(key, key_node, OLD_ENV_KEYS, "environment_variables")
    return Env(**parts)


def _named(context: Context, node: tree.Node, where: str, places: list[Entry]) -> Mapping[str, str]:
    found = context.named_texts(node, where)
    places.extend(found)
    return {entry.name: entry.text for entry in found}


def _read_shell(context: Context, node: tree.Node) -> str | None:
    shell = context.text(node, "env/shell")
    if shell is None or shell in SHELLS or "$" in shell:
        return shell
    if shell in OTHER_SHELLS:
        context.add("BS902", node, f"the shell `{shell}` is not one that CodeBuild documents", fix=_one_of(SHELLS))
    else:
        context.add("BS114", node, f"`env/shell` is `{shell}`", fix=_one_of(SHELLS))
    return shell


def _one_of(values: tuple[str, ...]) -> str:
    return f"Use one of {', '.join(values)}."


def read_proxy(context: Context, node: tree.Node) -> Proxy:
    parts: dict[str, bool | None] = {}
    for key, key_node, value in context.mapping(node, "proxy"):
        if key in PROXY_KEYS:
            parts[key.replace("-", "_")] = context.switch(value, f"proxy/{key}")
        else:
            context.unknown(key, key_node, PROXY_KEYS, "proxy")
    return Proxy(**parts)


def read_reports(context: Context, node: tree.Node) -> tuple[ReportGroup, ...]:
    groups = []
    for name, key, value in context.mapping(node, "reports"):
        context.places.reports[name] = key
        group = _read_report(context, name, key, value)
        if group is not None:
            groups.append(group)
    if len(groups) > REPORT_LIMIT:
        context.add(
            "BS215", node, f"{len(groups)} report groups: a project takes at most {REPORT_LIMIT}", fix="Join some."
        )
    return tuple(groups)


def _read_report(context: Context, name: str, key: tree.Node, node: tree.Node) -> ReportGroup | None:
    where = f"reports/{name}"
    parts: dict[str, Any] = {}
    named: list[Entry] = []
    if not isinstance(node, tree.Mapping):
        tuple(context.mapping(node, where))
        return None
    for field, field_node, value in context.mapping(node, where):
        if field == "files":
            files = context.texts(value, f"{where}/files")
            named = [Entry(name, text, key, item) for text, item in files]
            context.places.report_files.extend(named)
            parts["files"] = tuple(text for text, _ in files)
        elif field == "file-format":
            parts["file_format"] = _read_format(context, where, value)
        elif field == "base-directory":
            parts["base_directory"] = context.text(value, f"{where}/base-directory")
        elif field == "discard-paths":
            parts["discard_paths"] = context.switch(value, f"{where}/discard-paths")
        else:
            context.unknown(field, field_node, REPORT_KEYS, where)
    if "files" not in parts:
        context.add("BS109", key, f"`{where}` names no `files`", fix="Add `files` with the report files to read.")
    context.places.based.append((parts.get("base_directory") or "", named))
    return ReportGroup(name, **parts)


def _read_format(context: Context, where: str, node: tree.Node) -> str:
    text = context.text(node, f"{where}/file-format")
    if text is None:
        return DEFAULT_REPORT_FORMAT
    upper = text.upper()
    if upper not in TEST_FORMATS and upper not in COVERAGE_FORMATS and "$" not in text:
        context.add(
            "BS113",
            node,
            f"`{text}` is not a report format",
            fix=f"For tests use {', '.join(TEST_FORMATS)}; for coverage {', '.join(COVERAGE_FORMATS)}.",
        )
    return upper


def read_artifacts(context: Context, key: tree.Node, node: tree.Node, *, version: str) -> Artifacts | None:
    if not isinstance(node, tree.Mapping):
        tuple(context.mapping(node, "artifacts"))
        return None
    secondary: dict[str, Artifact] = {}
    primary, fields = _read_artifact(context, "artifacts", node, version=version, secondary=secondary)
    if "files" not in fields:
        if "secondary-artifacts" in fields:
            context.add(
                "BS211",
                key,
                "`artifacts` has secondary artifacts but no `files`, which the reference calls required",
                fix="Add `files` for the primary artifact.",
            )
        else:
            context.add("BS109", key, "`artifacts` names no `files`", fix="Add `files`, such as `- '**/*'`.")
    return Artifacts(primary, secondary)


def _read_artifact(
    context: Context, where: str, node: tree.Node, *, version: str, secondary: dict[str, Artifact] | None
) -> tuple[Artifact, set[str]]:
    parts: dict[str, Any] = {}
    seen: set[str] = set()
    named: list[Entry] = []
    for key, key_node, value in context.mapping(node, where):
        seen.add(key)
        attribute = key.replace("-", "_")
        if key == "files" or (key == "exclude-paths" and not isinstance(value, tree.Scalar)):
            texts = list(context.texts(value, f"{where}/{key}"))
            parts[attribute] = tuple(text for text, _ in texts)
            named += [Entry(key, text, key_node, item) for text, item in texts if key == "files"]
        elif key == "exclude-paths":
            excluded = context.text(value, f"{where}/{key}")
            parts[attribute] = () if excluded is None else (excluded,)
        elif key in {"name", "base-directory", "s3-prefix"}:
            parts[attribute] = context.text(value, f"{where}/{key}")
        elif key in {"discard-paths", "enable-symlinks"}:
            parts[attribute] = context.switch(value, f"{where}/{key}")
        elif key == "secondary-artifacts" and secondary is not None:
            _read_secondary(context, value, secondary, version=version)
        elif not (key == "type" and version == "0.1"):
            known = (*ARTIFACT_KEYS, "secondary-artifacts") if secondary is not None else ARTIFACT_KEYS
            context.unknown(key, key_node, known, where)
    context.places.based.append((parts.get("base_directory") or "", named))
    return Artifact(**parts), seen


def _read_secondary(context: Context, node: tree.Node, found: dict[str, Artifact], *, version: str) -> None:
    where = "artifacts/secondary-artifacts"
    for name, key, value in context.mapping(node, where):
        if not isinstance(value, tree.Mapping):
            tuple(context.mapping(value, f"{where}/{name}"))
            continue
        found[name], fields = _read_artifact(context, f"{where}/{name}", value, version=version, secondary=None)
        if "files" not in fields:
            context.add("BS109", key, f"`{where}/{name}` names no `files`", fix="Add `files`, such as `- '**/*'`.")


def read_cache(context: Context, key: tree.Node, node: tree.Node) -> Cache:
    parts: dict[str, Any] = {}
    context.places.cache = key
    for name, name_node, value in context.mapping(node, "cache"):
        if name in {"paths", "fallback-keys"}:
            parts[name.replace("-", "_")] = tuple(text for text, _ in context.texts(value, f"cache/{name}"))
        elif name == "key":
            parts["key"] = context.text(value, "cache/key")
        elif name == "action":
            parts["action"] = _read_action(context, value)
        else:
            context.unknown(name, name_node, CACHE_KEYS, "cache")
    if isinstance(node, tree.Mapping) and "paths" not in parts:
        context.add("BS207", key, "`cache` names no `paths`, so nothing is cached", fix="Add `paths`.")
    if len(parts.get("fallback_keys", ())) > FALLBACK_KEY_LIMIT:
        context.add(
            "BS215", key, f"CodeBuild tries at most {FALLBACK_KEY_LIMIT} fallback keys", fix="Keep the first ones."
        )
    return Cache(**parts)


def _read_action(context: Context, node: tree.Node) -> Literal["restore", "save"] | None:
    text = context.text(node, "cache/action")
    if text == "restore":
        return "restore"
    if text == "save":
        return "save"
    if text is not None and "$" not in text:
        context.add("BS114", node, f"`cache/action` is `{text}`", fix="Use restore or save, or leave it out for both.")
    return None
