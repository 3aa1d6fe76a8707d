"""Guesses what the author of an unknown key meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_PHASE_KEYS = ("commands", "finally", "on-failure")

# key -> where it belongs; used when the key stands somewhere else
HOMES = {
    "version": "version",
    "env": "env",
    "proxy": "proxy",
    "batch": "batch",
    "phases": "phases",
    "reports": "reports",
    "artifacts": "artifacts",
    "cache": "cache",
    "install": "phases/install",
    "pre_build": "phases/pre_build",
    "build": "phases/build",
    "post_build": "phases/post_build",
    "commands": "phases/<phase>/commands",
    "finally": "phases/<phase>/finally",
    "on-failure": "phases/<phase>/on-failure",
    "runtime-versions": "phases/install/runtime-versions",
    "shell": "env/shell",
    "variables": "env/variables",
    "parameter-store": "env/parameter-store",
    "secrets-manager": "env/secrets-manager",
    "exported-variables": "env/exported-variables",
    "git-credential-helper": "env/git-credential-helper",
    "upload-artifacts": "proxy/upload-artifacts",
    "file-format": "reports/<group>/file-format",
    "secondary-artifacts": "artifacts/secondary-artifacts",
    "discard-paths": "artifacts/discard-paths",
    "exclude-paths": "artifacts/exclude-paths",
    "enable-symlinks": "artifacts/enable-symlinks",
    "s3-prefix": "artifacts/s3-prefix",
    "base-directory": "artifacts/base-directory",
    "files": "artifacts/files",
    "paths": "cache/paths",
    "key": "cache/key",
    "fallback-keys": "cache/fallback-keys",
    "fast-fail": "batch/fast-fail",
    "build-list": "batch/build-list",
    "build-graph": "batch/build-graph",
    "build-matrix": "batch/build-matrix",
    "build-fanout": "batch/build-fanout",
    "depend-on": "batch/build-graph/<task>/depend-on",
    "identifier": "batch/build-list/<task>/identifier",
}
_OTHER_WORDS = {
    "environment": "env",
    "environment_variables": "env",
    "plaintext": "variables",
    "script": "commands",
    "steps": "commands",
    "run": "commands",
    "secrets": "secrets-manager",
    "parameters": "parameter-store",
    "ssm": "parameter-store",
    "runtimes": "runtime-versions",
    "exclude": "exclude-paths",
    "depends-on": "depend-on",
    "needs": "depend-on",
    "restore-keys": "fallback-keys",
    "always": "finally",
}


def _plain(key: str) -> str:
    return key.lower().replace("_", "-").replace(" ", "-")


def nearest(key: str, known: Collection[str]) -> str | None:
    """Return the known key that `key` was probably meant to be, or None."""
    plain = _plain(key)
    meant = {_plain(word): one for word, one in _OTHER_WORDS.items() if one in known}
    meant |= {_plain(one): one for one in known}
    if plain in meant:
        return meant[plain]
    close = difflib.get_close_matches(plain, meant, n=1, cutoff=0.72)
    return meant[close[0]] if close else None


def misplaced(key: str, where: str) -> str | None:
    """Return where a key that is known elsewhere belongs, or None. `where` is the path it stands in."""
    home = HOMES.get(key)
    if home is None or home == (f"{where}/{key}" if where else key):
        return None
    if key in _PHASE_KEYS and where.startswith("phases/"):
        return None
    return home
