"""DOWNLOAD_SOURCE: bringing the source into the build's folder."""

import re
import shutil
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from buildgate_cli.local.agent.build import BroughtSource, CacheOutcome, Failure, Objects
from buildgate_cli.local.agent.clones import Git
from buildgate_cli.local.agent.execution import Execution
from buildgate_cli.local.agent.pack import unzip
from buildgate_cli.local.agent.submodules import Submodules

_OBJECT_ID = re.compile(r"[0-9a-f]{40}")


class Source(Protocol):
    """A place where source code comes from."""

    def fetch(self, folder: Path, execution: Execution, outside: Objects) -> str | None:
        """Fill the folder, which does not exist yet; return the commit when there is one. Raises Failure."""


@dataclass(frozen=True)
class NoSource:
    """NO_SOURCE: an empty folder; the buildspec is inline."""

    def fetch(self, folder: Path, execution: Execution, outside: Objects) -> str | None:
        folder.mkdir(parents=True)
        return None


@dataclass(frozen=True)
class RefusedSource:
    """A source that cannot be brought in here; `message` says why."""

    message: str

    def fetch(self, folder: Path, execution: Execution, outside: Objects) -> str | None:
        raise Failure("CLIENT_ERROR", self.message)


@dataclass(frozen=True)
class InPlaceSource:
    """The folder itself, where it is."""

    def fetch(self, folder: Path, execution: Execution, outside: Objects) -> str | None:
        return None


@dataclass(frozen=True)
class FolderSource:
    """A copy of a folder on this machine; links stay links."""

    origin: Path
    ignored: tuple[str, ...] = ()

    def fetch(self, folder: Path, execution: Execution, outside: Objects) -> str | None:
        shutil.copytree(self.origin, folder, symlinks=True, ignore=shutil.ignore_patterns(*self.ignored))
        return None


@dataclass(frozen=True)
class ObjectSource:
    """S3: a ZIP archive, any other single object, or everything below a location that ends in `/`."""

    location: str

    def fetch(self, folder: Path, execution: Execution, outside: Objects) -> str | None:
        folder.mkdir(parents=True)
        if self.location.endswith("/"):
            return outside.fetch_object(self.location, folder)
        into = folder / self.location.rpartition("/")[2]
        version = outside.fetch_object(self.location, into)
        if zipfile.is_zipfile(into):
            archive = into.rename(folder.parent / "source.zip")
            unzip(archive, folder)
            archive.unlink()
        return version


@dataclass(frozen=True)
class GitSource:
    """A git repository. `version` is a commit, branch, tag or full ref; empty is the default branch.

    `depth` 0 brings the whole history. `mirror` is where an earlier build's copy of it is kept, empty for nowhere: then
    only what is not in there is brought in. The clone borrows the mirror's objects; which commit a name means is always
    asked of the repository itself. A shallow clone borrows nothing. Mirrors of submodules are beside `mirror`.
    """

    url: str
    version: str = ""
    depth: int = 0
    has_submodules: bool = False
    name: str = "primary source"
    mirror: str = ""

    def fetch(self, folder: Path, execution: Execution, outside: Objects) -> str | None:
        git = Git(execution, folder)
        folder.mkdir(parents=True)
        commit = self._fetch_shallow(git) if self.depth else None
        if commit is None:
            self._clone(git, outside)
            commit = self._found(git)
        if git.run("checkout", "--quiet", "--detach", commit):
            raise Failure("GIT_ERROR", f"unable to check out {commit} of {self.name}")
        if self.has_submodules:
            Submodules(self.url, self.name, Path(self.mirror).parent if self.mirror else None, outside).fetch(git)
        return commit

    def _clone(self, git: Git, outside: Objects) -> None:
        options, outcome, started = ["--quiet", "--no-checkout"], "miss", time.monotonic()
        if Path(self.mirror, "HEAD").is_file():
            code, _ = git.ask("clone", *options, "--no-local", f"--reference={self.mirror}", *self._here)
            outcome = "miss" if code else "partial"
            if code:  # the mirror is of no use, or the repository cannot be reached: then git says so below
                shutil.rmtree(git.folder)
                git.folder.mkdir()
        if outcome == "miss" and git.run("clone", *options, *self._here):
            raise Failure("GIT_CLONE_FAILED", f"unable to clone {self.name} from {self.url}")
        if self.mirror:
            size, seconds = git.own_bytes(), time.monotonic() - started
            result: CacheOutcome = "miss" if outcome == "miss" else "partial" if size else "hit"
            outside.keep_source(BroughtSource(git.folder, Path(self.mirror).name, self.name, size, result, seconds))

    @property
    def _here(self) -> tuple[str, ...]:
        return "--end-of-options", self.url, "."

    def _found(self, git: Git) -> str:
        for candidate in self._candidates():
            code, printed = git.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{candidate}^{{commit}}")
            if code == 0:
                return printed.strip()
        message = f"reference not found for {self.name} and source version {self.version}"
        raise Failure("CLIENT_ERROR", message)

    def _fetch_shallow(self, git: Git) -> str | None:
        """Bring only the last commits; None, with an empty folder, when the server does not give them that way."""
        git.ask("init", "--quiet")
        git.ask("remote", "add", "origin", self.url)
        wanted = ["fetch", "--quiet", f"--depth={self.depth}", "--end-of-options", "origin", self.version or "HEAD"]
        if git.ask(*wanted)[0] == 0:
            code, printed = git.ask("rev-parse", "--verify", "--quiet", "FETCH_HEAD^{commit}")
            if code == 0:
                return printed.strip()
        shutil.rmtree(git.folder / ".git")
        return None

    def _candidates(self) -> list[str]:
        version = self.version
        if not version:
            return ["refs/remotes/origin/HEAD"]
        if version.startswith("refs/heads/"):
            return [f"refs/remotes/origin/{version.removeprefix('refs/heads/')}"]
        if version.startswith("refs/"):
            return [version]
        names = [f"refs/remotes/origin/{version}", f"refs/tags/{version}"]
        return [version, *names] if _OBJECT_ID.fullmatch(version) else [*names, version]
