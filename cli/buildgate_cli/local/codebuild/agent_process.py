"""The cloud's side of one build's agent process."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from buildgate_cli.local.agent import processes, protocol
from buildgate_cli.local.agent.cgroups import Group
from buildgate_cli.local.agent.fence import Fence

_PASSED = ("PATH", "LANG", "LC_ALL", "TZ")


class AgentProcess:
    """One agent, started with its job. Its processes end with it, and it ends when this process does."""

    def __init__(
        self,
        interpreter: str,
        job: Mapping[str, Any],
        *,
        folder: Path,
        mark: str,
        fence: Fence | None = None,
        group: Group | None = None,
    ) -> None:
        behind = ["--fence", fence.to_text()] if fence else []
        behind += ["--group", group.to_text()] if group else []
        self._group = group
        environment = {name: os.environ[name] for name in _PASSED if name in os.environ}
        self._mark = mark
        self._write_lock = threading.Lock()
        with (folder / "agent.err").open("wb") as errors:
            self._process = subprocess.Popen(
                [interpreter, "-I", "-m", "buildgate_cli.local.agent", *behind],
                cwd=folder,
                env={**environment, "HOME": str(folder)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        self.send(job)

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield what the agent says until it ends."""
        output = self._process.stdout
        for line in output or ():
            yield json.loads(line)

    def send(self, message: Mapping[str, Any]) -> None:
        """Say something to the agent; one that is gone hears nothing."""
        stdin = self._process.stdin
        with self._write_lock:
            try:
                if stdin is not None and not stdin.closed:
                    stdin.write(protocol.encode(message))
                    stdin.flush()
            except (BrokenPipeError, ValueError):
                return

    def stop(self) -> None:
        self.send({"kind": "stop"})

    def kill(self) -> None:
        """End the agent at once, without a word."""
        self._process.kill()

    def close(self, grace_seconds: float) -> int:
        """End the agent if it still runs and whatever is left of its build; returns its exit code."""
        with self._write_lock:
            for stream in (self._process.stdin, self._process.stdout):
                try:
                    if stream is not None:
                        stream.close()
                except BrokenPipeError:
                    continue
        try:
            code = self._process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        processes.end(lambda: processes.marked(self._mark), grace_seconds=0.0)
        if self._group is not None:
            self._group.remove()
        return code
