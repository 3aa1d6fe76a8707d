"""Which source a build's agent brings in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from buildgate_cli.local.agent.source import GitSource, NoSource, ObjectSource, RefusedSource, Source

_GIT = frozenset({"GITHUB", "GITHUB_ENTERPRISE", "GITLAB", "GITLAB_SELF_MANAGED", "BITBUCKET"})


def source_for(source: Mapping[str, Any], version: str | None, repositories: Path) -> Source:
    """Return how the agent brings in a source of the API's shape at a version."""
    kind, location = source["type"], source.get("location", "")
    if kind == "NO_SOURCE":
        return NoSource()
    if kind == "S3":
        return ObjectSource(location)
    if kind == "CODECOMMIT":
        location = str(repository_path(location, repositories))
    elif kind not in _GIT:
        return RefusedSource(f"sources of type {kind} are not part of the local cloud")
    identifier = source.get("sourceIdentifier")
    return GitSource(
        url=location,
        version=version or "",
        depth=source.get("gitCloneDepth", 0),
        has_submodules=source.get("gitSubmodulesConfig", {}).get("fetchSubmodules", False),
        name=f"secondary source {identifier}" if identifier else "primary source",
    )


def secondary_sources(build: Mapping[str, Any], repositories: Path) -> dict[str, Source]:
    """Return a build's secondary sources by identifier."""
    versions = {v["sourceIdentifier"]: v["sourceVersion"] for v in build.get("secondarySourceVersions", ())}
    return {
        source["sourceIdentifier"]: source_for(source, versions.get(source["sourceIdentifier"]), repositories)
        for source in build.get("secondarySources", ())
        if source.get("sourceIdentifier")
    }


def repository_path(location: str, repositories: Path) -> Path:
    """Return the local repository behind a clone URL of CodeCommit's or the path that the local cloud prints."""
    name = location.rstrip("/").rpartition("/")[2].removesuffix(".git")
    return repositories / f"{name}.git"
