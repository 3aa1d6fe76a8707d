"""What one build finds of its project's cache, and leaves for the next: archives, and mirrors of its sources."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from buildgate_cli.local.agent import protocol
from buildgate_cli.local.agent.build import BroughtSource, CacheOutcome, CacheResult, Failure
from buildgate_cli.local.agent.clones import mirror_name
from buildgate_cli.local.agent.source import GitSource, Source
from buildgate_cli.local.codebuild import caches, mirrors
from buildgate_cli.local.codebuild.mirrors import Mirrors
from buildgate_cli.local.codebuild.store import Document

_DOCKER_MODE = "LOCAL_DOCKER_LAYER_CACHE"
_DOCKER_SOCKET = "/var/run/docker.sock"
_MIRROR = re.compile(r"[0-9a-f]{32}\.git")
_PROBE = "BUILDGATE_CACHE_"
"""What the names begin with under which a build tells Buildgate's metrics what its cache did."""


@dataclass(frozen=True)
class SourcesResult:
    """What the mirrors of a build's sources did: a hit or a miss where all did the same, else partial."""

    outcome: CacheOutcome
    size_bytes: int
    seconds: float
    key: str = mirrors.MODE

    @property
    def matched(self) -> str | None:
        return None if self.outcome == "miss" else self.key


class BuildCache:
    """The cache of one build. `generation` is its project's when the build began: an invalidation is for later ones."""

    def __init__(self, build: Document, generation: int, home: Path, s3: Any, kept: Mirrors) -> None:
        cache = build.get("cache", {})
        self._cache = cache
        self._project = build["projectName"]
        self._store = caches.store_for(cache, self._project, generation, home, s3)
        self._mirrors = kept
        self._folder = kept.folder(self._project, generation) if mirrors.is_wanted(cache) else None
        self._names: set[str] = set()
        self._has_submodules = False
        self._brought: list[BroughtSource] = []

    @property
    def has_archives(self) -> bool:
        """Say whether paths that the buildspec names are kept."""
        return self._store is not None

    def readable(self) -> list[Path]:
        """Return the folders, made if need be, that the build has to be able to read."""
        if self._folder is None:
            return []
        self._folder.mkdir(parents=True, exist_ok=True)
        return [self._folder]

    def helped(self, source: Source) -> Source:
        """Return a source that is brought in with the help of its mirror, where one is wanted and can help."""
        if self._folder is None or not isinstance(source, GitSource) or source.depth:
            return source
        name = mirror_name(source.url)
        self._names.add(name)
        self._has_submodules = self._has_submodules or source.has_submodules
        return replace(source, mirror=str(self._folder / name))

    def remarks(self, sources: Mapping[str, Source]) -> Iterator[str]:
        """Yield what the log has to say of modes that do nothing for this build, each once; `sources` by name."""
        modes = self._cache.get("modes", ()) if self._cache.get("type") == "LOCAL" else ()
        if mirrors.MODE in modes:
            for name, source in sources.items():
                if not isinstance(source, GitSource):
                    yield f"{mirrors.MODE} is ignored for {name}: it is not a git repository"
                elif source.depth:
                    yield f"{mirrors.MODE} is ignored for {name}: a clone of depth {source.depth} is brought in anew"
        if _DOCKER_MODE in modes:
            yield docker_remark()

    def fetch(self, message: Mapping[str, Any]) -> str | None:
        """Bring in an archive; return its key. Raises Failure."""
        if self._store is None:
            return None
        return caches.fetch_cache(self._store, message["key"], message["fallbacks"], Path(message["into"]))

    def keep(self, message: Mapping[str, Any]) -> None:
        """Keep an archive. Raises Failure."""
        if self._store is not None:
            caches.keep_cache(self._store, message["key"], Path(message["archive"]), is_final=message["is_final"])

    def keep_source(self, message: Mapping[str, Any]) -> str:
        """Let a mirror take in what a clone has beyond it and return what the log has to say of that.

        It does so once for each source, and for its submodules, before the build runs its first command. Raises Failure
        for any other.
        """
        brought = protocol.brought(message)
        is_submodule = self._has_submodules and _MIRROR.fullmatch(brought.mirror)
        if self._folder is None or not (brought.mirror in self._names or is_submodule):
            raise Failure("CLIENT_ERROR", "this build has no such source to keep")
        self._names.discard(brought.mirror)
        self._brought.append(brought)
        said = f"Source cache {brought.outcome}: {brought.name}, {brought.size_bytes} bytes were brought in"
        if brought.outcome == "hit":
            return said
        try:
            self._mirrors.take_in(brought.clone, self._folder / brought.mirror)
        except Failure as failure:
            return f"{said}; {failure.message}"
        return f"{said} and are kept"

    def close_sources(self) -> None:
        """Take no source in any more: from now on it is the build that might speak."""
        self._names.clear()
        self._has_submodules = False

    def exported(self, exported: Mapping[str, str], archive: CacheResult | None) -> dict[str, str]:
        """Return what a build exports with what its cache did, as the probe of a generated buildspec would say it.

        CodeBuild has no member for that; a probe's own report stands. The archive of the buildspec's paths is told of
        where there is one, else the sources, together: Buildgate's metrics count one result a build.
        """
        result = archive or self._sources()
        if result is None or f"{_PROBE}RESULT" in exported:
            return dict(exported)
        told = {
            "KEY": result.key,
            "MATCHED_KEY": result.matched or "",
            "RESULT": result.outcome,
            "BYTES": str(result.size_bytes),
            "SECONDS": f"{result.seconds:.3f}",
        }
        return {**exported, **{_PROBE + name: value for name, value in told.items()}}

    def _sources(self) -> SourcesResult | None:
        if not self._brought:
            return None
        outcomes = {one.outcome for one in self._brought}
        outcome: CacheOutcome = next(iter(outcomes)) if len(outcomes) == 1 else "partial"
        size, seconds = sum(one.size_bytes for one in self._brought), sum(one.seconds for one in self._brought)
        return SourcesResult(outcome, size, seconds)


def docker_remark() -> str:
    """Return what LOCAL_DOCKER_LAYER_CACHE comes to on this machine."""
    has_daemon = os.environ.get("DOCKER_HOST") or Path(_DOCKER_SOCKET).exists()
    if shutil.which("docker") and has_daemon:
        return f"{_DOCKER_MODE}: nothing of ours; this machine's Docker daemon keeps what layers it likes, for all builds alike"
    return f"{_DOCKER_MODE} does nothing here: this machine has no Docker"
