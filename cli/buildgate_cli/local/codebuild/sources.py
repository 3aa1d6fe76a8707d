"""Which source a build's agent brings in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from buildgate_cli.local.agent.source import GitSource, NoSource, RefusedSource, Source

_GIT = frozenset({"GITHUB", "GITHUB_ENTERPRISE", "GITLAB", "GITLAB_SELF_MANAGED", "BITBUCKET"})


def source_for(source: Mapping[str, Any], version: str | None, repositories: Path) -> Source:
    """Return how the agent brings in a source of the API's shape at a version."""
    kind = source["type"]
    depth = source.get("gitCloneDepth", 0)
    submodules = source.get("gitSubmodulesConfig", {}).get("fetchSubmodules", False)
    if kind == "NO_SOURCE":
        return NoSource()
    if kind == "CODECOMMIT":
        return GitSource(str(repository_path(source["location"], repositories)), version or "", depth, submodules)
    if kind in _GIT:
        return GitSource(source["location"], version or "", depth, submodules)
    return RefusedSource(f"sources of type {kind} are not part of the local cloud")


def repository_path(location: str, repositories: Path) -> Path:
    """Return the local repository behind a clone URL of CodeCommit's or the path that the local cloud prints."""
    name = location.rstrip("/").rpartition("/")[2].removesuffix(".git")
    return repositories / f"{name}.git"
