"""LOCAL_SOURCE_CACHE: what is kept of a project's git repositories, so that its next builds bring in only what is new.

A mirror is a bare repository that lends its objects. Which commit a branch or tag means is asked of the repository
itself each time, so a mirror can be old or missing, but never wrong: git names objects by their content.
"""

import contextlib
import os
import shutil
import subprocess
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from buildgate_cli.local.agent.build import Failure

MODE = "LOCAL_SOURCE_CACHE"
_FOLDER = "sources"
_TIMEOUT_SECONDS = 300
_ENVIRONMENT = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def is_wanted(cache: Mapping[str, Any]) -> bool:
    """Say whether a project's cache asks for kept sources."""
    return cache.get("type") == "LOCAL" and MODE in cache.get("modes", ())


class Mirrors:
    """The mirrors of a cloud's projects, below `<home>/cache/<project>/<generation>`. Safe among threads.

    One of more than `most_packs` packs is packed into one.
    """

    def __init__(self, home: Path, *, most_packs: int = 30) -> None:
        self._most_packs = most_packs
        self._root = home / "cache"
        self._guard = threading.Lock()
        self._locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)

    def folder(self, project: str, generation: int) -> Path:
        """Return where a project's mirrors are. A new generation begins empty."""
        return self._root / project / str(generation) / _FOLDER

    def take_in(self, clone: Path, mirror: Path) -> None:
        """Copy what a clone has beyond its mirror, which is made if it is not there. Repeating it changes nothing.

        Raises Failure; the mirror is then as it was, or no longer used.
        """
        with self._guard:
            lock = self._locks[mirror]
        with lock:
            try:
                self._take_in(clone, mirror)
            except (OSError, subprocess.SubprocessError) as error:
                raise Failure("CLIENT_ERROR", f"the source cache could not be kept: {_told(error)}") from None

    def _take_in(self, clone: Path, mirror: Path) -> None:
        if (mirror / "HEAD").is_file():
            try:
                return self._add(clone, mirror)
            except subprocess.CalledProcessError:
                (mirror / "HEAD").unlink()  # it is broken: no later build is helped by it
                if (_git_folder(clone) / "objects" / "info" / "alternates").is_file():
                    raise  # what borrows from it is no whole copy to make it from
        return self._make(clone, mirror)

    def _add(self, clone: Path, mirror: Path) -> None:
        _fetch(clone, mirror)
        if len(list((mirror / "objects" / "pack").glob("*.pack"))) > self._most_packs:
            # Builds that borrow from it run on: nothing that can be reached no more may go.
            _git(mirror, "repack", "-a", "-d", "-k", "-q")

    @staticmethod
    def _make(clone: Path, mirror: Path) -> None:
        scratch = mirror.with_suffix(".part")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        try:
            # Files are copied as they are, which is quick, and share nothing with those that the build may change.
            _git(scratch, "clone", "--bare", "--quiet", "--no-hardlinks", "--", str(clone), ".")
            _fetch(clone, scratch)
            if mirror.exists():
                mirror.rename(old := mirror.with_suffix(".old"))
                shutil.rmtree(old, ignore_errors=True)
            scratch.rename(mirror)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise

    def sweep(self, project: str, generation: int) -> None:
        """Remove what a project's earlier generations kept. Only while none of its builds runs: they borrow from it."""
        for old in _folders(self._root / project):
            if old.name != str(generation):
                shutil.rmtree(old, ignore_errors=True)

    def projects(self) -> list[str]:
        """Return the projects that something is kept of."""
        return [folder.name for folder in _folders(self._root)]


def _folders(above: Path) -> Iterable[Path]:
    with contextlib.suppress(FileNotFoundError):
        yield from [path for path in above.iterdir() if path.is_dir()]


def _git_folder(clone: Path) -> Path:
    """Return where a clone's objects are: of a submodule, in its superproject's own folder."""
    return Path(_git(clone, "rev-parse", "--absolute-git-dir").strip())


def _fetch(clone: Path, mirror: Path) -> None:
    refs = ("+refs/remotes/origin/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    options = ("--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
    _git(mirror, "-c", "fetch.unpackLimit=1", "-c", "gc.auto=0", "fetch", *options, str(clone), *refs)


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), **_ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=_TIMEOUT_SECONDS,
    )
    return done.stdout


def _told(error: Exception) -> str:
    """Return git's own last line where it said something."""
    lines = error.stderr.strip().splitlines() if isinstance(error, subprocess.CalledProcessError) else []
    return lines[-1] if lines else str(error)
