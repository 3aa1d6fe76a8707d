"""Measures the local CodeBuild's agent per command against a loop that runs `bash script.sh` once per command.

CPU of this process and its children, and wall time; the two are interleaved, the best of several rounds counts.
Exits 1 when the agent costs over three times the loop's CPU.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from buildgate_cli.local.agent.build import Limits, Request
from buildgate_cli.local.agent.execution import Interrupt
from buildgate_cli.local.agent.runner import Runner
from buildgate_cli.local.agent.source import FolderSource
from buildgate_cli.local.agent.standalone import NoCloud, Options, QuietSink

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = 200
ROUNDS = 5
REACH = 3.0


def cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def measured(work: Callable[[Path], None]) -> tuple[float, float]:
    """Return CPU and wall seconds of one round in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        cpu, wall = cpu_seconds(), time.perf_counter()
        work(Path(folder))
        return cpu_seconds() - cpu, time.perf_counter() - wall


def loop(folder: Path) -> None:
    script = folder / "script.sh"
    script.write_text("echo hello\n")
    for _ in range(COMMANDS):
        subprocess.run(["bash", str(script)], stdout=subprocess.PIPE, check=True)


def agent(folder: Path) -> None:
    origin = folder / "origin"
    origin.mkdir()
    commands = "      - echo hello\n" * COMMANDS
    (origin / "buildspec.yml").write_text(
        f"version: 0.2\nenv: {{shell: bash}}\nphases:\n  build:\n    commands:\n{commands}"
    )
    request = Request(folder, folder / "src", str(uuid.uuid4()), limits=Limits())
    interrupt = Interrupt()
    outcome = Runner(request, FolderSource(origin), NoCloud(Options(origin)), QuietSink(), interrupt=interrupt).run()
    interrupt.close()
    assert outcome.status == "SUCCEEDED", outcome


def main() -> int:
    rounds = [(measured(loop), measured(agent)) for _ in range(ROUNDS)]
    cpu = [min(each[side][0] for each in rounds) for side in (0, 1)]
    wall = [min(each[side][1] for each in rounds) for side in (0, 1)]
    for name, (peer, own) in (("CPU", cpu), ("wall", wall)):
        print(
            f"{name} per command: loop {peer / COMMANDS * 1e3:.2f} ms, agent {own / COMMANDS * 1e3:.2f} ms,"
            f" ratio {own / peer:.2f}"
        )
    is_kept = cpu[1] <= REACH * cpu[0]
    print(f"promise: at most {REACH:g} times the CPU: {'kept' if is_kept else 'BROKEN'}")
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
