"""Bare git repositories, read and written through git's plumbing.

Names that come from callers reach git only as whole refs, as `--end-of-options` operands, or as object ids that git
itself resolved; the user's own git configuration is not read.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ZERO = "0" * 40
_OBJECT_ID = re.compile(r"[0-9a-f]{40}")
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}
TIMEOUT_SECONDS = 60


class GitError(Exception):
    """git refused; the text is the last line of its own message."""


@dataclass(frozen=True)
class Entry:
    """One entry of a tree. `kind` is blob, tree or commit (a submodule)."""

    mode: str
    kind: str
    object_id: str
    path: str


@dataclass(frozen=True)
class Difference:
    """One changed path. A side that does not exist has an id of zeros. `change` is A, M or D."""

    change: str
    path: str
    before_mode: str
    before_id: str
    after_mode: str
    after_id: str


@dataclass(frozen=True)
class Person:
    """An author or committer; `date` is seconds and zone as git stores them: `1763812800 +0100`."""

    name: str
    email: str
    date: str


@dataclass(frozen=True)
class Commit:
    """One commit object."""

    commit_id: str
    tree_id: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


def is_object_id(text: str) -> bool:
    return _OBJECT_ID.fullmatch(text) is not None


def run_git(arguments: Sequence[str], *, stdin: bytes | None = None) -> bytes:
    """Return git's standard output. Raises GitError when it exits with anything but zero or takes over a minute."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | _ENVIRONMENT
    try:
        done = subprocess.run(
            ["git", *arguments], input=stdin or b"", capture_output=True, check=False, env=environment,
            timeout=TIMEOUT_SECONDS,
        )  # fmt: skip
    except FileNotFoundError:
        raise GitError("git is not installed or not on PATH") from None
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise GitError(str(error)) from None
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise GitError(lines[-1] if lines else f"git exited with {done.returncode}")
    return done.stdout


class Repository:
    """One bare repository. Every method raises GitError when git does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def git(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        return run_git([f"--git-dir={self.folder}", *arguments], stdin=stdin)

    @classmethod
    def create(cls, folder: Path, *, default_branch: str = "main") -> "Repository":
        """Make an empty bare repository whose own hooks run whatever the user's configuration says."""
        run_git(["init", "--quiet", "--bare", f"--initial-branch={default_branch}", "--end-of-options", str(folder)])
        repository = cls(folder)
        repository.git("config", "core.hooksPath", str(folder / "hooks"))
        return repository

    def default_branch(self) -> str:
        """Return the branch HEAD names; it may not exist yet."""
        return self.git("symbolic-ref", "HEAD").decode().strip().removeprefix("refs/heads/")

    def set_default_branch(self, branch: str) -> None:
        self.git("symbolic-ref", "HEAD", f"refs/heads/{branch}")

    def branches(self) -> list[str]:
        output = self.git("for-each-ref", "--format=%(refname)", "refs/heads")
        return [line.removeprefix("refs/heads/") for line in output.decode("utf-8", "replace").splitlines()]

    def ref(self, name: str) -> str | None:
        """Return the commit a full ref points to, or None when there is no such ref."""
        try:
            return (
                self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").decode().strip()
            )
        except GitError:
            return None

    def is_branch_name(self, name: str) -> bool:
        try:
            self.git("check-ref-format", f"refs/heads/{name}")
        except GitError:
            return False
        return True

    def update_ref(self, name: str, new: str, old: str) -> None:
        """Move a ref from old to new; ZERO means absent. Refused by git when it is not at old."""
        self.git("update-ref", "--no-deref", "--stdin", "-z", stdin=f"update {name}\0{new}\0{old}\0".encode())

    def kind(self, object_id: str) -> str | None:
        """Return commit, tree, blob or tag; None when there is no such object."""
        try:
            return self.git("cat-file", "-t", object_id).decode().strip()
        except GitError:
            return None

    def resolve(self, specifier: str) -> str | None:
        """Return the commit a specifier means: a full id, HEAD, a full ref, a branch or a tag, in that order."""
        if is_object_id(specifier):
            return specifier if self.kind(specifier) == "commit" else None
        names = [specifier] if specifier == "HEAD" or specifier.startswith("refs/") else []
        for name in (*names, f"refs/heads/{specifier}", f"refs/tags/{specifier}"):
            found = self.ref(name)
            if found is not None:
                return found
        return None

    def commit(self, commit_id: str) -> Commit:
        return _parse_commit(commit_id, self.git("cat-file", "commit", commit_id))

    def blob(self, object_id: str) -> bytes:
        return self.git("cat-file", "blob", object_id)

    def size(self, object_id: str) -> int:
        return int(self.git("cat-file", "-s", object_id))

    def entry(self, commit_id: str, path: str) -> Entry | None:
        """Return what is at a path, the root tree for an empty path, or None."""
        clean = path.strip("/")
        if not clean:
            tree = self.git("rev-parse", "--verify", f"{commit_id}^{{tree}}").decode().strip()
            return Entry("040000", "tree", tree, "")
        found = list(self._entries("ls-tree", "-z", "--full-tree", commit_id, "--", clean))
        return found[0] if len(found) == 1 and found[0].path == clean else None

    def children(self, tree_id: str) -> list[Entry]:
        return list(self._entries("ls-tree", "-z", tree_id))

    def _entries(self, *arguments: str) -> Iterator[Entry]:
        for record in self.git(*arguments).split(b"\0"):
            if record:
                head, _, path = record.decode("utf-8", "surrogateescape").partition("\t")
                mode, kind, object_id = head.split(" ")
                yield Entry(mode, kind, object_id, path)

    def differences(self, before: str | None, after: str) -> list[Difference]:
        """Return every changed path, in git's order; against nothing, every file is an addition. Renames are D and A."""
        if before is None:
            entries = self._entries("ls-tree", "-r", "-z", "--full-tree", after)
            return [Difference("A", e.path, "0" * 6, ZERO, e.mode, e.object_id) for e in entries]
        output = self.git("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", before, after)
        fields = [field for field in output.decode("utf-8", "surrogateescape").split("\0") if field]
        return [_parse_raw(head, path) for head, path in zip(fields[::2], fields[1::2], strict=True)]


def _parse_raw(head: str, path: str) -> Difference:
    before_mode, after_mode, before_id, after_id, change = head.removeprefix(":").split(" ")
    kind = change[0] if change[0] in "AD" else "M"
    return Difference(kind, path, before_mode, before_id, after_mode, after_id)


def _parse_commit(commit_id: str, raw: bytes) -> Commit:
    head, _, message = raw.decode("utf-8", "replace").partition("\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.split("\n"):
        key, _, value = line.partition(" ")
        if key:
            fields.setdefault(key, []).append(value)
    return Commit(
        commit_id=commit_id,
        tree_id=fields["tree"][0],
        parents=tuple(fields.get("parent", ())),
        author=_parse_person(fields["author"][0]),
        committer=_parse_person(fields["committer"][0]),
        message=message,
    )


def _parse_person(text: str) -> Person:
    match = re.fullmatch(r"(.*?) ?<(.*)> (\S+ \S+)", text, re.DOTALL)
    return Person(match[1], match[2], match[3]) if match else Person(text, "", "")
