"""Where a project's builds leave things in S3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from buildgate_cli.projects.model import Artifacts, Project


@dataclass(frozen=True)
class Place:
    """A folder of a bucket; `prefix` ends with a slash, or is empty for the whole bucket."""

    bucket: str
    prefix: str


def cache_place(project: Project) -> Place | None:
    """Return where a project's S3 cache is, None when it has none."""
    cache = project.cache
    if cache is None or cache.type != "S3":
        return None
    bucket, _, prefix = (cache.location or "").rpartition(":")[2].partition("/")
    return Place(bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else "")


def bucket_of(artifacts: Artifacts) -> str:
    """Return the bucket that artifacts go to; a location may be its name or its ARN."""
    return (artifacts.location or "").rpartition(":")[2]


def artifact_prefix(project: Project, artifacts: Artifacts) -> str:
    """Return the folder of a project's artifacts in their bucket; empty when they have no folder of their own.

    With the build's id in the key they lie in `path/ID/`, else in `path/name/`. A ZIP without the id is one object that
    every build replaces: there is nothing old to expire, and its key may begin the key of another project's.
    """
    path = (artifacts.path or "").strip("/")
    if artifacts.namespace_type == "BUILD_ID":
        return f"{path}/" if path else ""
    if artifacts.packaging == "ZIP":
        return ""
    name = (artifacts.name or project.name).strip("/")
    return f"{path}/{name}/" if path else f"{name}/"
