"""Makes a buildspec from a short declaration, the organisation's defaults and Buildgate's own.

Three layers, weakest first: Buildgate's defaults, the organisation's, the declaration. The rules of merging:

1. A key with the value null in a stronger layer removes what weaker layers say there.
2. Mappings are merged key by key; a text, number or switch of a stronger layer replaces the weaker one.
3. `commands`: the weaker layer's come first. `finally`: the stronger layer's come first.
4. `exported-variables` and `cache/paths`: both layers' items, weaker first, each once.
5. Any other list of a stronger layer replaces the weaker one (`files`, `fallback-keys`, batch tasks).
6. Phases stand in the order in which they run, sections in the documented order.

Nothing here reads a clock, the environment or a file, and no argument is changed: the same layers give the same text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from buildgate_cli.buildspecs.declaration import expand, listed
from buildgate_cli.buildspecs.dump import dump, dump_data
from buildgate_cli.buildspecs.load import load
from buildgate_cli.buildspecs.model import BuildspecError
from buildgate_cli.errors import ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildgate_cli.buildspecs.model import Buildspec

STANDARD_VARIABLES = {
    "BUILD_TIMESTAMP": "${BUILD_TIMESTAMP:-$(date -u +%Y-%m-%dT%H:%M:%SZ)}",
    "BUILD_INITIATOR": "$CODEBUILD_INITIATOR",
    "BUILD_ID": "$CODEBUILD_BUILD_ID",
    "BUILD_NUMBER": "$CODEBUILD_BUILD_NUMBER",
    "COMMIT_ID": "$CODEBUILD_RESOLVED_SOURCE_VERSION",
}
CACHE_MARKER = ".buildgate-cache-key"
CACHE_VARIABLES = tuple(f"BUILDGATE_CACHE_{one}" for one in ("KEY", "MATCHED_KEY", "RESULT", "BYTES", "SECONDS"))
_SAY_STATE = 'echo "Build $CODEBUILD_BUILD_ID: succeeding is $CODEBUILD_BUILD_SUCCEEDING"'
_UNION = frozenset({("env", "exported-variables"), ("cache", "paths")})
_GLOB_TAIL = re.compile(r"/?\*.*\Z")
_HOME = re.compile(r"\A/root(?=/|\Z)")


def generate(
    declaration: Mapping[str, Any], *, defaults: Mapping[str, Any] | None = None, with_standard: bool = True
) -> str:
    """Return the buildspec's text. `defaults` are the organisation's, in the same short form.

    `with_standard` adds Buildgate's own layer: the five variables exported in `pre_build`, the upload of reports to
    the run's place (`BUILDGATE_REPORTS`), and the probe that records what the cache did. Raises UserError when the
    result would be refused by CodeBuild.
    """
    layers = [expand(defaults or {}), expand(declaration)]
    data = merge(layers[0], layers[1], ())
    if with_standard:
        data = merge(_standard(data), data, ())
    data.setdefault("version", 0.2)
    try:
        return dump(load(dump_data(_without_nulls(data))))
    except BuildspecError as error:
        note = " ".join(getattr(error, "__notes__", ()))
        raise UserError(
            f"The declaration makes no valid buildspec: {error.message}.", note, ExitCode.REFUSED
        ) from error


def generated(declaration: Mapping[str, Any], **options: Any) -> Buildspec:
    """Return what `generate` writes, as a value."""
    return load(generate(declaration, **options))


def merge(weak: Mapping[str, Any], strong: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Return new data: the two layers merged by the rules of this module."""
    merged: dict[str, Any] = {}
    for key in (*weak, *(key for key in strong if key not in weak)):
        if key not in strong:
            merged[key] = weak[key]
        elif key not in weak or strong[key] is None:
            merged[key] = strong[key]
        else:
            merged[key] = _merge_values(weak[key], strong[key], (*path, key))
    return merged


def _merge_values(weak: Any, strong: Any, path: tuple[str, ...]) -> Any:
    if isinstance(weak, dict) and isinstance(strong, dict):
        return merge(weak, strong, path)
    if path[0] == "phases" and path[-1] == "commands":
        return [*(listed(weak) or []), *listed(strong)]
    if path[0] == "phases" and path[-1] == "finally":
        return [*listed(strong), *(listed(weak) or [])]
    if path in _UNION:
        return list(dict.fromkeys([*(listed(weak) or []), *listed(strong)]))
    return strong


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


def _standard(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return Buildgate's own layer for what the other layers say."""
    exports = [f'export {name}="{value}"' for name, value in STANDARD_VARIABLES.items()]
    layer: dict[str, Any] = {
        "env": {"exported-variables": list(STANDARD_VARIABLES)},
        "phases": {"pre_build": {"commands": exports}},
    }
    patterns = _report_patterns(data.get("reports"))
    if patterns:
        upload = [_upload(patterns)]
        layer["phases"]["pre_build"]["finally"] = upload
        layer["phases"]["post_build"] = {"commands": [_SAY_STATE], "finally": upload}
    cache = data.get("cache")
    if isinstance(cache, dict) and isinstance(cache.get("key"), str) and isinstance(cache.get("paths"), list):
        layer["env"]["exported-variables"] += CACHE_VARIABLES
        layer["phases"]["install"] = {"commands": [_probe(cache["key"], cache["paths"])]}
        layer["cache"] = {"paths": [CACHE_MARKER]}
    return layer


def _report_patterns(reports: Any) -> list[str]:
    found: list[str] = []
    for group in reports.values() if isinstance(reports, dict) else ():
        if isinstance(group, dict):
            base = str(group.get("base-directory") or "").strip("/")
            base = "" if base in {"", "."} else f"{base}/"
            found += [f"{base}{str(one).removeprefix('./')}" for one in listed(group.get("files")) or []]
    return [one.replace("**/", "*") for one in dict.fromkeys(found)]


def _upload(patterns: list[str]) -> str:
    """Return the command that copies reports to the run's place; outside a run it does nothing, and it never fails."""
    includes = " ".join(f"--include '{pattern}'" for pattern in patterns)
    return (
        'if [ -n "$BUILDGATE_REPORTS" ]; then\n'
        f"  aws s3 cp . \"$BUILDGATE_REPORTS\" --recursive --only-show-errors --exclude '*' {includes} ||\n"
        '    echo "Reports were not uploaded"\n'
        "fi"
    )


def _probe(key: str, paths: list[Any]) -> str:
    """Return the command that compares the restored cache's key with this build's; it never fails.

    SECONDS run from the start of the build to this command: an upper bound for the restore, which happens before.
    """
    named = dict.fromkeys(_GLOB_TAIL.sub("", str(path)) or "." for path in paths)
    # The home of a build is /root on AWS, and a folder of its own in the local cloud.
    folders = " ".join(_HOME.sub("$HOME", name) for name in named)
    quoted = key.replace('"', '\\"')
    return "\n".join(
        (
            f'export BUILDGATE_CACHE_KEY="{quoted}"',
            f'export BUILDGATE_CACHE_MATCHED_KEY="$(cat {CACHE_MARKER} 2>/dev/null)"',
            "export BUILDGATE_CACHE_RESULT=partial",
            'if [ -z "$BUILDGATE_CACHE_MATCHED_KEY" ]; then BUILDGATE_CACHE_RESULT=miss; fi',
            'if [ "$BUILDGATE_CACHE_MATCHED_KEY" = "$BUILDGATE_CACHE_KEY" ]; then BUILDGATE_CACHE_RESULT=hit; fi',
            f"export BUILDGATE_CACHE_BYTES=\"$(du -sk {folders} 2>/dev/null | awk '{{ n += $1 }} END {{ print n * 1024 }}')\"",
            'export BUILDGATE_CACHE_SECONDS="$(( $(date +%s) - ${CODEBUILD_START_TIME:-$(date +%s)000} / 1000 ))"',
            f'printf "%s" "$BUILDGATE_CACHE_KEY" > {CACHE_MARKER}',
        )
    )
