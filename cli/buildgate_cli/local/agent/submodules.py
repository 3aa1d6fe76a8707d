"""The submodules of a clone, each with the help of a mirror of its own where sources are kept between builds.

A submodule that lies beside its repository in the local CodeCommit (by `../name`, or by CodeCommit's own address) comes
from there. Other addresses are asked as they are; files of this machine are not: git refuses them, and so do we.
"""

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from buildgate_cli.local.agent.build import BroughtSource, CacheOutcome, Failure, Objects
from buildgate_cli.local.agent.clones import Git, mirror_name

_CODECOMMIT = re.compile(r"https://git-codecommit\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/v1/repos/([^/]+?)(?:\.git)?/?")
_FILE = "file://"
_MOST_DEEP = 20


@dataclass(frozen=True)
class _Submodule:
    """`name` and `path` are the superproject's, `url` is where it comes from here."""

    name: str
    path: str
    url: str


@dataclass(frozen=True)
class Submodules:
    """Brings in the submodules of one source. `origin` is the source's URL, `mirrors` a folder, None for no mirrors."""

    origin: str
    source: str
    mirrors: Path | None
    outside: Objects

    def fetch(self, git: Git, depth: int = 0) -> None:
        """Bring in the submodules of a clone that is checked out, and theirs. Raises Failure."""
        if not (git.folder / ".gitmodules").is_file():
            return
        if depth >= _MOST_DEEP or git.run("submodule", "--quiet", "init"):
            raise self._failure("")
        for one in self._listed(git):
            self._bring(git, one)
            self.fetch(Git(git.execution, git.folder / one.path), depth + 1)

    def _listed(self, git: Git) -> Iterator[_Submodule]:
        _, printed = git.ask("config", "-z", "--local", "--get-regexp", r"^submodule\..*\.url$")
        for entry in filter(None, printed.split("\0")):
            key, _, url = entry.partition("\n")
            name = key.removeprefix("submodule.").removesuffix(".url")
            code, path = git.ask("config", "-f", ".gitmodules", "--get", f"submodule.{name}.path")
            if code == 0:
                yield _Submodule(name, path.strip(), self._here(url))

    def _here(self, url: str) -> str:
        """Return where a submodule is here: one of CodeCommit's repositories is beside the source's.

        With a scheme, for git copies all objects of a repository that it is given as a path, those of a mirror, too.
        """
        match = _CODECOMMIT.fullmatch(url)
        if match and self.origin.startswith("/"):
            url = str(Path(self.origin).with_name(f"{match[1]}.git"))
        return f"{_FILE}{url.removeprefix(_FILE)}" if self._is_beside(url) else url

    def _is_beside(self, url: str) -> bool:
        return self.origin.startswith("/") and Path(url.removeprefix(_FILE)).parent == Path(self.origin).parent

    def _bring(self, git: Git, one: _Submodule) -> None:
        started = time.monotonic()
        git.ask("config", f"submodule.{one.name}.url", one.url)
        allowed = ("-c", "protocol.file.allow=always") if self._is_beside(one.url) else ()
        update = (*allowed, "submodule", "--quiet", "update")
        mirror = self.mirrors / mirror_name(one.url) if self.mirrors is not None else None
        is_lent = mirror is not None and self._borrows(git, one, (*update, f"--reference={mirror}"), mirror)
        if not is_lent and git.run(*update, "--", one.path):
            raise self._failure(f" {one.path} from {one.url}")
        if mirror is not None:
            clone = Git(git.execution, git.folder / one.path)
            size = clone.own_bytes()
            outcome: CacheOutcome = "miss" if not is_lent else "partial" if size else "hit"
            named = f"submodule {one.path} of {self.source}"
            seconds = time.monotonic() - started
            self.outside.keep_source(BroughtSource(clone.folder, mirror.name, named, size, outcome, seconds))

    def _borrows(self, git: Git, one: _Submodule, update: tuple[str, ...], mirror: Path) -> bool:
        """Bring a submodule in with its mirror's help; False when there is none, or it is of no use."""
        if not (mirror / "HEAD").is_file():
            return False
        code, _ = git.ask(*update, "--", one.path)
        if code:
            self._forget(git, one)
        return code == 0

    @staticmethod
    def _forget(git: Git, one: _Submodule) -> None:
        """Remove what a clone that failed left behind: git would go on with it."""
        modules = Path(git.ask("rev-parse", "--absolute-git-dir")[1].strip()) / "modules" / one.name
        for left in (modules, git.folder / one.path):
            shutil.rmtree(left, ignore_errors=True)

    def _failure(self, what: str) -> Failure:
        return Failure("GIT_ERROR", f"unable to fetch the submodules of {self.source}{f':{what}' if what else ''}")
