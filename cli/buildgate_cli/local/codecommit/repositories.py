"""The folder of repositories: what exists, what is recorded about each, and the hook that reports pushes."""

import json
import re
import shlex
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from buildgate_cli.local.codecommit import hook
from buildgate_cli.local.codecommit.git import Repository

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_RECORD = "buildgate.json"


@dataclass(frozen=True)
class Record:
    """What CodeCommit keeps about a repository beside git. Times are ISO 8601, UTC."""

    name: str
    repository_id: str
    created_at: str
    modified_at: str
    description: str = ""
    tags: Mapping[str, str] | None = None

    @property
    def created(self) -> datetime:
        return datetime.fromisoformat(self.created_at)

    @property
    def modified(self) -> datetime:
        return datetime.fromisoformat(self.modified_at)


def is_name(name: str) -> bool:
    """Say whether CodeCommit takes the name; none that passes can leave the folder."""
    return _NAME.fullmatch(name) is not None and not name.endswith(".git") and name.strip(".") != ""


class Repositories:
    """Bare repositories in one folder, `<name>.git` each."""

    def __init__(self, folder: Path, contact_folder: Path, interpreter: str) -> None:
        self.folder = folder
        self._contact_folder = contact_folder
        self._interpreter = interpreter

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.git"

    def names(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        return sorted(path.parent.name.removesuffix(".git") for path in self.folder.glob(f"*.git/{_RECORD}"))

    def exists(self, name: str) -> bool:
        return is_name(name) and (self.path(name) / _RECORD).is_file()

    def create(self, name: str, *, description: str, tags: Mapping[str, str], at: datetime) -> Record:
        """Make an empty repository. It becomes visible only when complete."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.path(name).exists():
            shutil.rmtree(self.path(name))
        repository = Repository.create(self.path(name))
        self._install_hook(repository.folder, name)
        stamp = at.astimezone(UTC).isoformat()
        record = Record(name, str(uuid.uuid4()), stamp, stamp, description, dict(tags))
        self._write(record)
        return record

    def delete(self, name: str) -> Record:
        record = self.record(name)
        shutil.rmtree(self.path(name))
        return record

    def record(self, name: str) -> Record:
        return Record(**json.loads((self.path(name) / _RECORD).read_text()))

    def touch(self, name: str, at: datetime) -> None:
        """Note when the repository last changed."""
        self._write(replace(self.record(name), modified_at=at.astimezone(UTC).isoformat()))

    def open(self, name: str) -> Repository:
        return Repository(self.path(name))

    def refresh_hooks(self) -> None:
        """Point every repository's hook at this cloud: its interpreter or folder may have moved since."""
        for name in self.names():
            self._install_hook(self.path(name), name)

    def _install_hook(self, folder: Path, name: str) -> None:
        script = folder / "hooks" / "post-receive"
        script.parent.mkdir(exist_ok=True)
        command = shlex.join([self._interpreter, "-I", hook.__file__, str(self._contact_folder), name])
        script.write_text(f"#!/bin/sh\nexec {command}\n")
        script.chmod(0o755)
        self.open(name).git("config", "core.hooksPath", str(script.parent))

    def _write(self, record: Record) -> None:
        path = self.path(record.name) / _RECORD
        scratch = path.with_suffix(".new")
        scratch.write_text(json.dumps(asdict(record)))
        scratch.replace(path)
