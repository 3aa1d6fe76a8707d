"""Git as a build's agent calls it: in a clone, without the user's own settings, with its output in the build's log."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from buildgate_cli.local.agent.build import Failure
from buildgate_cli.local.agent.execution import Execution

_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "LC_ALL": "C",
}
_KEPT = ("PATH", "HOME", "SSL_CERT_FILE", "https_proxy")


@dataclass(frozen=True)
class Git:
    """Git in one folder."""

    execution: Execution
    folder: Path

    def run(self, *arguments: str) -> int:
        """Run git, its output in the log; return its exit code."""
        command = ["git", "-c", "protocol.ext.allow=never", *arguments]
        return self.execution.run(command, folder=self.folder, environment=_environment())

    def ask(self, *arguments: str) -> tuple[int, str]:
        """Return git's exit code and what it printed, of which the log says nothing."""
        code, printed = self.execution.capture(["git", *arguments], folder=self.folder, environment=_environment())
        return code, printed.decode("utf-8", "replace")

    def own_bytes(self) -> int:
        """Return how many bytes of objects a clone holds itself: what it borrows from a mirror is not counted."""
        objects = Path(self.ask("rev-parse", "--absolute-git-dir")[1].strip()) / "objects"
        return sum(path.stat().st_size for path in objects.glob("[0-9a-fp]*/*") if path.is_file())


def mirror_name(url: str) -> str:
    """Return the file name of a repository's mirror: no two repositories share one."""
    return f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.git"


def own_objects(clone: Path, execution: Execution) -> None:
    """Let a clone that borrows mirrors' objects have them itself, its submodules too: for a user who cannot reach them."""
    if not (clone / ".git").is_dir():
        return
    for borrowed in [*(clone / ".git").rglob("objects/info/alternates")]:
        folder = borrowed.parents[2]
        if Git(execution, clone).run(f"--git-dir={folder}", "repack", "-a", "-d", "-q"):
            raise Failure("GIT_ERROR", f"unable to copy the objects of {folder}")
        borrowed.unlink()


def _environment() -> Mapping[str, str]:
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | _ENVIRONMENT
