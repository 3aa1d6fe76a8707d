"""The agent as a process: it ends with the cloud that started it, and takes its build along."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from buildgate_cli.local.agent import processes

SUPERVISOR = """
import sys
from pathlib import Path
from buildgate_cli.local.agent import protocol
from buildgate_cli.local.agent.build import Limits, Request
from buildgate_cli.local.agent.source import NoSource
from buildgate_cli.local.codebuild.agent_process import AgentProcess

folder = Path(sys.argv[1])
spec = "version: 0.2\\nphases: {build: {commands: ['setsid sh -c \\"trap : TERM; sleep 300\\" & echo begun; sleep 300']}}\\n"
request = Request(folder, folder / "src", sys.argv[2], buildspec=spec, limits=Limits(grace_seconds=0.3))
agent = AgentProcess(sys.executable, protocol.job(request, NoSource(), {}), folder=folder, mark=sys.argv[2])
for message in agent.messages():
    if "begun" in message.get("lines", ()):
        print("begun", flush=True)
"""


def is_gone(mark: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not processes.marked(mark):
            return True
        time.sleep(0.05)
    return False


def test_a_killed_supervisor_takes_its_builds_along(tmp_path: Path) -> None:
    mark = f"mark-{os.getpid()}-{tmp_path.name}"
    command = [sys.executable, "-c", SUPERVISOR, str(tmp_path), mark]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == "begun\n"
        assert len(processes.marked(mark)) >= 2

        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait()

        assert is_gone(mark, 15)
