"""The real `aws` program as a client of the local cloud: in an environment of its own below `.venv`, at a pinned version.

It brings another botocore than Buildgate's, so it shares no packages with it, and nothing of it is written to HOME.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildgate_cli.cloud_context import CloudContext
from buildgate_cli.commands.local_env import variables_of

ROOT = Path(__file__).parents[1]
PINS = ROOT / "tests/e2e/aws_cli_requirements.txt"
PLACE = ROOT / ".venv/aws-cli"


def installed() -> Path:
    """Return the path of the program, installed on first use; other test processes wait for the first."""
    python, uv = ROOT / ".venv/bin/python", ROOT / ".venv/bin/uv"
    mark, wanted = PLACE / ".ready", f"{hashlib.sha256(PINS.read_bytes()).hexdigest()} {sys.version}"
    with (ROOT / ".venv/.aws-cli.turn").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not mark.is_file() or mark.read_text() != wanted:
            _run(uv, "venv", "--quiet", "--clear", PLACE, "--python", python)
            _run(uv, "pip", "install", "--quiet", "--python", PLACE / "bin/python", "-r", PINS)
            mark.write_text(wanted)
    return PLACE / "bin/aws"


def _run(*command: str | Path) -> None:
    cache = {"UV_CACHE_DIR": str(ROOT / ".venv/.cache/uv"), "UV_PYTHON_DOWNLOADS": "never"}
    environment = {**cache, **os.environ}
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]} failed: {done.stderr}"


@dataclass(frozen=True)
class Aws:
    """Runs commands as somebody types them; the environment says which cloud, as with any other endpoint."""

    program: Path
    cloud: CloudContext
    home: Path

    def run(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a shell script in which `aws` is the program."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            env=self._environment() | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def __call__(self, script: str, **variables: str) -> Any:
        """Return the JSON that a script prints; an empty answer is None."""
        done = self.run(script, **variables)
        assert done.returncode == 0, f"{script}\n{done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    def text(self, script: str, **variables: str) -> str:
        """Return what a script prints."""
        done = self.run(script, **variables)
        assert done.returncode == 0, f"{script}\n{done.stderr}"
        return done.stdout.strip()

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.program.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_PAGER": "",
            "AWS_DEFAULT_OUTPUT": "json",
            **variables_of(self.cloud),
        }
