"""Our local AWS services, served over HTTP to real botocore clients, with a bus that only remembers."""

import functools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.config
import botocore.session

from buildgate_cli.local.events import Event
from buildgate_cli.local.jsonservice import Caller, JsonService, ServicesServer

KEY = "AKIALOCALHARNESS"
ALICE = Caller(KEY, "arn:aws:iam::000000000000:user/alice")


@dataclass
class RecordingBus:
    """Takes events in order; while `is_down` it refuses them."""

    events: list[Event] = field(default_factory=list)
    is_down: bool = False

    def __call__(self, event: Event) -> None:
        if self.is_down:
            raise ConnectionError("the bus is down")
        self.events.append(event)


@functools.cache
def _session() -> Any:
    """One session: it keeps the service models that every client needs."""
    return botocore.session.get_session()


@contextmanager
def serving(*services: JsonService) -> Iterator[ServicesServer]:
    server = ServicesServer(services, 0, lambda key: ALICE if key == KEY else None)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def client(server: ServicesServer, service: str, *, key: str = KEY, validate: bool = True) -> Any:
    config = botocore.config.Config(retries={"total_max_attempts": 1}, parameter_validation=validate)
    return _session().create_client(
        service,
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key="secret",
        aws_session_token=None,
        config=config,
    )


def git(folder: Path, *arguments: str, **environment: str) -> str:
    """Run git as alice, without the machine's own configuration, and return what it printed on both streams."""
    base = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "alice",
        "GIT_AUTHOR_EMAIL": "alice@example.com",
        "GIT_COMMITTER_NAME": "alice",
        "GIT_COMMITTER_EMAIL": "alice@example.com",
    }
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=base | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def commit(folder: Path, files: dict[str, str], message: str = "Change") -> str:
    """Write the files, commit everything and return the commit id."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD").strip()


def new_work_tree(folder: Path, remote: str) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "remote", "add", "origin", remote)
    return folder
