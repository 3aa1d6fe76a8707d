"""What one build finds of its project's cache, and leaves for the next: archives, and mirrors of its sources."""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from buildgate_cli.local.agent.build import Failure
from buildgate_cli.local.agent.source import GitSource, Source
from buildgate_cli.local.codebuild import caches, mirrors
from buildgate_cli.local.codebuild.mirrors import Mirrors
from buildgate_cli.local.codebuild.store import Document

_DOCKER_MODE = "LOCAL_DOCKER_LAYER_CACHE"
_DOCKER_SOCKET = "/var/run/docker.sock"


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
        name = mirrors.mirror_name(source.url)
        self._names.add(name)
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

        It does so once for each source, before the build runs its first command. Raises Failure when asked again.
        """
        if self._folder is None or message["mirror"] not in self._names:
            raise Failure("CLIENT_ERROR", "this build has no such source to keep")
        self._names.discard(message["mirror"])
        said = f"Source cache {message['outcome']}: {message['name']}, {message['size_bytes']} bytes were brought in"
        if message["outcome"] == "hit":
            return said
        try:
            self._mirrors.take_in(Path(message["clone"]), self._folder / message["mirror"])
        except Failure as failure:
            return f"{said}; {failure.message}"
        return f"{said} and are kept"

    def close_sources(self) -> None:
        """Take no source in any more: from now on it is the build that might speak."""
        self._names.clear()


def docker_remark() -> str:
    """Return what LOCAL_DOCKER_LAYER_CACHE comes to on this machine."""
    has_daemon = os.environ.get("DOCKER_HOST") or Path(_DOCKER_SOCKET).exists()
    if shutil.which("docker") and has_daemon:
        return f"{_DOCKER_MODE}: the layers are those that this machine's Docker daemon keeps, for all builds alike"
    return f"{_DOCKER_MODE} does nothing here: this machine has no Docker"
