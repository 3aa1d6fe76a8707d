"""`run-as`: another user of this machine for a build's commands, where this process may switch users."""

import getpass
import hashlib
import os
import pwd
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from buildgate_cli.local.agent.build import Failure

_SCRATCH = "/var/tmp"  # noqa: S108  # nosec B108  # as large as the disk, and not emptied while a build runs
CONTAINER_USER = "root"
"""Who runs commands in CodeBuild's containers when nobody else is named; here that is whoever runs the build."""


@dataclass(frozen=True)
class User:
    """A user of this machine, with every group."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]


def may_switch() -> bool:
    """Say whether this process can run others as other users."""
    return sys.platform == "linux" and os.geteuid() == 0


def other_user(name: str | None) -> User | None:
    """Return the user of a `run-as`, None when it is whoever runs the build. Raises Failure when it cannot be."""
    if name is None or name in {CONTAINER_USER, getpass.getuser()}:
        return None
    if not may_switch():
        way = "only a build that root runs on Linux can switch users"
        raise Failure("CLIENT_ERROR", f"run-as {name}: this build runs as {getpass.getuser()}; {way}")
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise Failure("CLIENT_ERROR", f"run-as {name}: this machine has no such user") from None
    return User(name, found.pw_uid, found.pw_gid, tuple(os.getgrouplist(name, found.pw_gid)))


def give(folder: Path, user: User) -> None:
    """Make a folder and all that is in it the user's; links are given, not what they lead to."""
    for path in _everything(folder):
        os.chown(path, user.uid, user.gid, follow_symlinks=False)


def builds_folder(home: Path) -> Path:
    """Return where a cloud's builds get their folders, and make it.

    Below its home; but where builds may switch users, a folder that every user can pass through: nobody else can pass
    through root's home. Another cloud has another folder.
    """
    if may_switch():
        name = f"buildgate-builds-{hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:16]}"
        folder = Path(os.environ.get("TMPDIR") or _SCRATCH) / name
        if _is_own(folder):
            return folder
    folder = home / "builds"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _is_own(folder: Path) -> bool:
    """Make a folder that all may pass through and say whether it is ours: others may have made one of that name."""
    try:
        folder.mkdir(exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            return False
        folder.chmod(0o711)
    except OSError:
        return False
    return True


def _everything(folder: Path) -> Iterator[Path]:
    yield folder
    for above, folders, files in os.walk(folder):
        yield from (Path(above, name) for name in (*folders, *files))
