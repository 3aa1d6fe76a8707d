"""Checks of values: variables, secrets, runtime versions, report files, caches (codes BS3xx)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from buildgate_cli.buildspecs import runtimes, tree
from buildgate_cli.buildspecs.model import DEFAULT_REPORT_FORMAT, SecretReference
from buildgate_cli.buildspecs.nearest import nearest
from buildgate_cli.buildspecs.read_outputs import COVERAGE_FORMATS

if TYPE_CHECKING:
    from buildgate_cli.buildspecs.context import Context, Entry
    from buildgate_cli.buildspecs.model import Buildspec

_SUBSTITUTION = re.compile(r"\$\(|`[^`]+`")
_REFERENCE = re.compile(r"\$(?:\{[A-Za-z_]\w*\}|[A-Za-z_]\w*)")
_SECRET_NAME = re.compile(
    r"(?:(?:^|_)(?:PASS(?:WORD|WD|PHRASE)|SECRETS?|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|SECRET_?KEY)|_PASS|_PWD)$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}|\bxox[abprs]-[0-9A-Za-z-]{10}|-----BEGIN [A-Z ]*PRIVATE KEY"
)
_NOT_SECRET = re.compile(
    r"(?:arn:|/|https?://|\$|<|\{|%|alias/|true$|false$|yes$|no$|none$|null$|x+$|\*+$|\d{1,3}$)", re.IGNORECASE
)
_LOSES_ZERO = re.compile(r"\d+\.\d*[1-9]0+")
_SCANNERS = re.compile(
    r"trivy|grype|snyk|bandit|semgrep|checkov|tfsec|gitleaks|zap|prowler|npm-audit|sonar|eslint|sbom"
)
_OPEN_VERSION = re.compile(r"(?:\d+(?:\.\d+)*\.x|latest)\Z", re.IGNORECASE)


def check_values(context: Context, spec: Buildspec) -> None:
    places = context.places
    for entry in places.variables:
        _check_variable(context, entry)
    for entry in (*places.variables, *places.parameters, *places.secrets):
        if entry.name.startswith("CODEBUILD_"):
            message = f"`{entry.name}`: names that begin with CODEBUILD_ are reserved"
            context.add("BS304", entry.key, message, fix="Choose another name.")
    _check_exported(context)
    for entry in places.secrets:
        _check_reference(context, entry)
    formats = {group.name: group.file_format for group in spec.reports}
    for entry in places.report_files:
        _check_report(context, entry, formats.get(entry.name, DEFAULT_REPORT_FORMAT))
    for base, files in places.based:
        _check_base(context, base, files)
    _check_cache(context, spec)
    version = places.version
    if places.batch is not None and version is not None and not tree.is_plain(version):
        context.add("BS214", version, "a quoted `version` is refused in a batch build", fix="Remove the quotes.")


def looks_secret(name: str) -> bool:
    """Whether a variable of this name probably holds a secret itself, not its name or its place."""
    return _SECRET_NAME.search(name) is not None


def _check_variable(context: Context, entry: Entry) -> None:
    text = entry.text
    if _SECRET_VALUE.search(text) or (looks_secret(entry.name) and text and not _NOT_SECRET.match(text)):
        context.add(
            "BS313",
            entry.key,
            f"`{entry.name}` looks like a secret, in plain text",
            fix="Move it to Secrets Manager and name it under `env/secrets-manager`.",
        )
    elif "$(" in text or "`" in text:
        if _SUBSTITUTION.search(text):
            context.add(
                "BS303",
                entry.node,
                f"`{entry.name}` is the literal text `{_short(text)}`: no shell evaluates `env/variables`",
                fix=f"Set it in a command instead: `export {entry.name}={_quoted(text)}`.",
            )
    elif "$" in text and (match := _REFERENCE.search(text)):
        context.add(
            "BS312",
            entry.node,
            f"`{entry.name}` holds the literal text `{match[0]}`: variables are not replaced in `env/variables`",
            fix=f"Set it in a command instead: `export {entry.name}={_quoted(text)}`.",
        )


def _quoted(text: str) -> str:
    return '"' + _short(text).replace('"', '\\"') + '"'


def _short(text: str) -> str:
    line = text.split("\n", 1)[0]
    return line if len(line) <= 60 else line[:57] + "..."


def _check_exported(context: Context) -> None:
    hidden = {entry.name for entry in (*context.places.parameters, *context.places.secrets)}
    for entry in context.places.exported:
        if entry.name in hidden:
            why = "comes from Parameter Store or Secrets Manager"
        elif entry.name.startswith("AWS_"):
            why = "begins with AWS_"
        else:
            continue
        context.add("BS305", entry.node, f"`{entry.name}` {why} and is not exported", fix="Remove it from the list.")


def _check_reference(context: Context, entry: Entry) -> None:
    if "$" in entry.text or not entry.text:
        return
    reference = SecretReference.parse(entry.text)
    if reference is None:
        problem = "has too many fields"
    elif reference.version_stage and reference.version_id:
        problem = "names both a version stage and a version id"
    else:
        return
    context.add(
        "BS308",
        entry.node,
        f"the reference of `{entry.name}` {problem}",
        fix="Write `<secret-id>:<json-key>:<version-stage>:<version-id>`, with a stage or an id.",
    )


def check_runtimes(context: Context, image: str | None) -> None:
    for entry in context.places.runtimes:
        name, text = entry.name, entry.text
        if "$" in name:
            continue
        if name.lower() not in runtimes.names():
            close = nearest(name, runtimes.names()) or {"node": "nodejs", "go": "golang"}.get(name.lower())
            fix = f"Did you mean `{close}`?" if close else f"Use one of {', '.join(sorted(runtimes.names()))}."
            context.add("BS310", entry.key, f"`{name}` is not a runtime of CodeBuild's images", fix=fix)
        elif tree.is_plain(entry.node) and _LOSES_ZERO.fullmatch(text):
            number = text.rstrip("0")
            message = f"unquoted, `{name}: {text}` is the number {number}"
            context.add("BS302", entry.node, message, fix=f'Write `{name}: "{text}"`.')
        elif text and "$" not in text and not _OPEN_VERSION.match(text) and name.lower() not in {"docker", "android"}:
            _check_version(context, entry, image)


def _check_version(context: Context, entry: Entry, image: str | None) -> None:
    name, text = entry.name.lower(), entry.text
    known = runtimes.versions(name, image)
    if known is None or text in known or f"{text}.0" in known or text.removesuffix(".0") in known:
        return
    if image is None:
        if any(text.startswith(f"{one}.") or one.startswith(f"{text}.") for one in known):
            return
        message = f"no current image carries {name} {text}: it is downloaded in every build, or refused"
    elif runtimes.takes_other_versions(image):
        message = f"{image} does not carry {name} {text} and downloads it in every build"
    else:
        message = f"{image} does not carry {name} {text}"
    refusal = ""
    if image is not None and not runtimes.takes_other_versions(image):
        refusal = f"Unknown runtime version named '{text}' of {name}. This build image has the following versions: "
        refusal += ", ".join(reversed(known))
    fix = f"It has {', '.join(known)}." if image is not None else f"Images have {', '.join(known)}."
    context.add("BS311", entry.node, message, fix=fix if known else "Choose another image.", refusal=refusal)


def _check_base(context: Context, base: str, files: list[Entry]) -> None:
    folder = base.removeprefix("./").rstrip("/")
    if not folder or folder == "." or any(sign in folder for sign in "*$"):
        return
    for entry in files:
        inner = entry.text.removeprefix("./")
        if inner.startswith(f"{folder}/"):
            message = f"files are relative to `base-directory`: `{entry.text}` is looked for as `{folder}/{inner}`"
            fix = f"Write `{inner.removeprefix(f'{folder}/')}`, unless there is such a folder in it."
            context.add("BS909", entry.node, message, fix=fix)


def _check_report(context: Context, entry: Entry, declared: str) -> None:
    better = _fitting(entry.text.lower(), declared)
    if better is not None:
        context.add("BS301", entry.node, f"`{entry.text}` is not a {declared} file, and is not read", fix=better)


def _fitting(file: str, declared: str) -> str | None:
    """Return what to do about a report file that its declared format does not fit, or None when it may fit."""
    if "$" in declared:
        return None
    stem = file.rsplit("/", 1)[-1]
    if stem.endswith(".info") or "lcov" in stem:
        return "CodeBuild reads no lcov: have the tool write Clover or Cobertura XML into a coverage group of its own."
    if stem.endswith(".sarif"):
        return "CodeBuild reads no SARIF: judge it with a Buildgate gate."
    if declared == "CUCUMBERJSON" and stem.endswith(".json") and _SCANNERS.search(stem):
        return "It looks like a scanner's report, not like Cucumber's: judge it with a Buildgate gate."
    for extension, formats in _EXTENSIONS.items():
        if stem.endswith(extension) and declared not in formats:
            return f"Say `file-format: {formats[0]}`, or leave the file out."
    for word, wanted in _NAMES.items():
        if word in stem and declared not in COVERAGE_FORMATS and stem.endswith(".xml"):
            return f"It looks like coverage: put it into a report group of its own with `file-format: {wanted}`."
    return None


_XML = ("JUNITXML", "NUNITXML", "NUNIT3XML", "TESTNGXML", "VISUALSTUDIOTRX", *COVERAGE_FORMATS[:3])
_EXTENSIONS = {
    ".trx": ("VISUALSTUDIOTRX",),
    ".json": ("CUCUMBERJSON", "SIMPLECOV"),
    ".xml": _XML,
}
_NAMES = {"cobertura": "COBERTURAXML", "jacoco": "JACOCOXML", "clover": "CLOVERXML", "coverage.": "COBERTURAXML"}


def _check_cache(context: Context, spec: Buildspec) -> None:
    cache, key = spec.cache, context.places.cache
    if cache is None or key is None or cache.key is not None:
        return
    if cache.fallback_keys:
        context.add("BS307", key, "`fallback-keys` is ignored without `key`", fix="Add `key`.")
    if cache.paths:
        context.add(
            "BS306",
            key,
            "the cache has no `key`, so a changed lock file meets the old cache",
            fix="Add `key`, such as `deps-$(codebuild-hash-files <lock file>)`, and `fallback-keys`.",
        )
