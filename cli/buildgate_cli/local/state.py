"""The home of one local cloud: its folders, its keys, its ports, its lock, and the file that describes it.

Everything lies in one folder of mode 0700, `.buildgate` in the checkout unless named otherwise. Ports and keys are
remembered there, so that links and clients outlive a stop and a start.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from buildgate_cli.errors import ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REGION: Final = "us-east-1"
ACCOUNT: Final = "000000000000"
STACK: Final = "buildgate-local"
LOG_LIMIT_BYTES: Final = 10 * 1024 * 1024
PORT_NAMES: Final = ("emulator", "services", "front", "console")
_KEY_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True)
class Keys:
    """The cloud's own access key: the root user of its account."""

    access_key_id: str
    secret_access_key: str


@dataclass(frozen=True)
class Home:
    """The folder of one local cloud."""

    path: Path

    @property
    def cloud_file(self) -> Path:
        """The description other commands read while the cloud runs."""
        return self.path / "cloud.json"

    @property
    def repositories(self) -> Path:
        """Bare git repositories."""
        return self.path / "repositories"

    @property
    def inbox(self) -> Path:
        """What SNS sent."""
        return self.path / "inbox"

    @property
    def findings(self) -> Path:
        """What image scanners found, as a person told."""
        return self.path / "findings"

    @property
    def log(self) -> Path:
        """The supervisor's log."""
        return self.path / "logs" / "cloud.log"

    @property
    def emulator_log(self) -> Path:
        """The emulator's log."""
        return self.path / "logs" / "emulator.log"

    def folder(self, *names: str) -> Path:
        """Return a folder of the home, made if need be, readable by its owner only."""
        folder = self.path
        for name in ("", *names):
            folder = folder / name if name else folder
            folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def prepare(self) -> None:
        """Make the home. Raises UserError when it cannot be written or is open to others."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            for names in ((), ("logs",), ("inbox",), ("repositories",), ("emulator",), ("tmp",)):
                self.folder(*names)
            self.path.chmod(0o700)
            (self.path / ".gitignore").write_text("*\n", encoding="utf-8")
        except OSError as error:
            message = f"The local cloud cannot write to {self.path} ({error.strerror})."
            raise UserError(message, "Choose another folder with --home, or mend its permissions.") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the home for one supervisor. Raises UserError while another one runs."""
        with (self.path / "cloud.lock").open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                message = f"A local cloud already runs in {self.path}."
                raise UserError(message, "Use it, or stop it with `buildgate local down`.", ExitCode.REFUSED) from error
            try:
                yield
            finally:
                self.cloud_file.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what handlers and builds left in the home's temporary folder. Only for who holds the lock."""
        for left in self.folder("tmp").iterdir():
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)

    def is_locked(self) -> bool:
        """Say whether a supervisor holds this home."""
        try:
            with (self.path / "cloud.lock").open("r", encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

    def keys(self) -> Keys:
        """Return the cloud's access key, made at random the first time."""
        known = self.read("keys.json")
        if not known:
            tail = "".join(secrets.choice(_KEY_ALPHABET) for _ in range(16))
            known = {"access_key_id": f"AKIA{tail}", "secret_access_key": secrets.token_urlsafe(30)}
            self.write("keys.json", known)
        return Keys(known["access_key_id"], known["secret_access_key"])

    def console_key(self) -> str:
        """Return the secret of the console's link, made at random the first time: the link outlives a restart."""
        known = self.read("console.json")
        if not known.get("key"):
            known = {"key": secrets.token_urlsafe(32)}
            self.write("console.json", known)
        return str(known["key"])

    def ports(self) -> dict[str, int]:
        """Return the cloud's ports, chosen free the first time.

        Raises UserError when a remembered port is taken: links that were sent out name it.
        """
        known = {name: int(port) for name, port in self.read("ports.json").items() if name in PORT_NAMES}
        taken = next((port for port in known.values() if not _is_free(port)), None)
        if taken is not None:
            message = f"Port {taken} of this local cloud is in use by another program."
            fix = f"Stop that program, or delete {self.path / 'ports.json'} (links already sent stop working)."
            raise UserError(message, fix, ExitCode.UNAVAILABLE)
        missing = [name for name in PORT_NAMES if name not in known]
        known.update(zip(missing, _free_ports(len(missing)), strict=True))
        self.write("ports.json", known)
        return known

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a JSON file of the home, whole or not at all, for its owner only."""
        path = self.path / name
        draft = path.with_name(f".{path.name}.new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
        draft.replace(path)

    def appending(self, path: Path) -> BinaryIO:
        """Open a log of the home, for its owner only; one that has grown beyond 10 MB starts anew, the old one kept."""
        with suppress(FileNotFoundError):
            if path.stat().st_size > LOG_LIMIT_BYTES:
                path.replace(path.with_suffix(".log.1"))
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")

    def read(self, name: str) -> dict[str, Any]:
        """Return a JSON file of the home, nothing when it is not there or damaged."""
        with suppress(FileNotFoundError, ValueError):
            content: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
            return content
        return {}


def _free_ports(count: int) -> list[int]:
    """Return free loopback ports, all different."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
