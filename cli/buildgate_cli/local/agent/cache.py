"""The cache of a build: paths brought back before it and kept after it, under a key.

With a key, only an exact hit is kept unsaved afterwards (a saved key never changes); fallback keys match by prefix and
give a partial hit. Without a key there is one entry, replaced each time. Nothing is kept of a failed build.
Paths below `/root/` mean the build's home folder, as in CodeBuild's containers; other paths outside of the build's own
folder are neither kept nor brought back: on this machine they are the user's.
"""

import tarfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from buildgate_cli.buildspecs import Cache
from buildgate_cli.local.agent.build import CacheResult, Failure, Outside
from buildgate_cli.local.agent.globs import matching_files

ONE_ENTRY = "default"
_CONTAINER_HOME = "/root/"
_MAX_FALLBACKS = 5


@dataclass
class CacheWork:
    """One build's cache. `folder` is the build's own; `expand` lets its shell fill in keys and paths."""

    cache: Cache
    folder: Path
    source: Path
    outside: Outside
    expand: Callable[[Sequence[str]], list[str]]
    say: Callable[[str], None]
    _key: str = ONE_ENTRY
    _matched: str | None = None

    def restore(self) -> CacheResult | None:
        """Bring the cache back; None when the buildspec does not ask for it. A cache that cannot be read is a miss."""
        if not self.cache.paths:
            self.say("Unable to initialize cache download: no paths specified to be cached")
            return None
        started = time.monotonic()
        self._key, *fallbacks = self.expand([self.cache.key or ONE_ENTRY, *self.cache.fallback_keys[:_MAX_FALLBACKS]])
        if self.cache.action == "save":
            return None
        archive = self.folder / "cache-in.tar.gz"
        try:
            self._matched = self.outside.fetch_cache(self._key, fallbacks if self.cache.key else (), archive)
            size = self._unpack(archive) if self._matched is not None else 0
        except (Failure, OSError, tarfile.TarError) as error:
            self.say(f"Unable to download cache: {error}")
            self._matched, size = None, 0
        archive.unlink(missing_ok=True)
        result = CacheResult(self._key, self._matched, size, time.monotonic() - started)
        self.say(f"Cache {result.outcome}: key {self._key}, found {self._matched or 'nothing'}, {size} bytes")
        return result

    def save(self) -> None:
        """Keep the cache. One that cannot be kept is said in the log and fails nothing."""
        if not self.cache.paths:
            self.say("Skip cache due to: no paths specified to be cached")
            return
        if self.cache.action == "restore":
            self.say("Skip cache due to: action is restore")
            return
        if self.cache.key and self._matched == self._key:
            self.say(f"Skip cache due to: key {self._key} is already saved")
            return
        archive = self.folder / "cache-out.tar.gz"
        try:
            count = self._pack(archive)
            self.outside.keep_cache(self._key, archive, is_final=self.cache.key is not None)
            self.say(f"Cache saved: key {self._key}, {count} file(s)")
        except (Failure, OSError) as error:
            self.say(f"Unable to upload cache: {error}")
        archive.unlink(missing_ok=True)

    def _pack(self, archive: Path) -> int:
        patterns = [self._own(pattern) for pattern in self.expand(list(self.cache.paths))]
        files = matching_files(
            self.source, [p for pattern in patterns for p in (pattern, f"{pattern.rstrip('/')}/**/*")]
        )
        inside = [path for path in files if path.is_relative_to(self.folder)]
        if len(inside) < len(files):
            self.say(f"{len(files) - len(inside)} file(s) outside of the build's folder are not cached")
        with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
            for path in inside:
                tar.add(path, path.relative_to(self.folder).as_posix(), recursive=False)
        return len(inside)

    def _own(self, pattern: str) -> str:
        if pattern.startswith(_CONTAINER_HOME):
            return f"{self.folder}/home/{pattern.removeprefix(_CONTAINER_HOME)}"
        return pattern

    def _unpack(self, archive: Path) -> int:
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(self.folder, filter="data")
        return archive.stat().st_size
