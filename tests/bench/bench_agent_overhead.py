"""Measures what the local agent adds to a command, against a loop running `bash script.sh` once per command.

The floor is what any runner must do: start a shell per command. The agent also keeps variables, folder and log between
commands. Both run the same commands; the best of several interleaved rounds counts. Run with
`python tests/bench/bench_agent_overhead.py`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from buildgate_cli.local.agent.execution import Interrupt
from buildgate_cli.local.agent.standalone import Options, run_standalone

COMMANDS = 100
FEW = 10
ROUNDS = 5
REACH = 3.0
COMMAND = 'COUNT=$((COUNT + 1)); test -n "$COUNT"'


def looped(folder: Path, commands: int) -> float:
    """Return the seconds of one script file and one bash per command."""
    script = folder / "script.sh"
    began = time.perf_counter()
    for _ in range(commands):
        script.write_text(f"{COMMAND}\n")
        subprocess.run(["bash", str(script)], cwd=folder, check=True)
    return time.perf_counter() - began


def built(folder: Path, commands: int) -> float:
    """Return the seconds of a build with as many commands, its beginning and end included."""
    lines = "".join(f"      - {COMMAND}\n" for _ in range(commands))
    (folder / "buildspec.yml").write_text(
        f"version: 0.2\nenv: {{shell: bash}}\nphases:\n  build:\n    commands:\n{lines}"
    )
    began = time.perf_counter()
    result = run_standalone(Options(folder=folder), lambda _: None, Interrupt())
    took = time.perf_counter() - began
    shutil.rmtree(result.folder, ignore_errors=True)
    if result.outcome.status != "SUCCEEDED":
        raise RuntimeError(f"the build ended {result.outcome.status}")
    return took


def per_command(folder: Path) -> dict[str, float]:
    """Return the seconds of one command by runner: what many take beyond a few, the best of interleaved rounds."""
    runners = {"bash": looped, "agent": built}
    best: dict[tuple[str, int], float] = {}
    for _ in range(ROUNDS):
        for name, measure in runners.items():
            for commands in (FEW, COMMANDS):
                took = measure(folder, commands)
                best[name, commands] = min(took, best.get((name, commands), took))
    return {name: (best[name, COMMANDS] - best[name, FEW]) / (COMMANDS - FEW) for name in runners}


def main() -> int:
    """Print both and their ratio; the exit code is 1 when it is over the reach."""
    with tempfile.TemporaryDirectory() as place:
        taken = per_command(Path(place))
    floor, ours = taken["bash"], taken["agent"]
    ratio = ours / floor
    print(f"bash per command   {floor * 1000:8.2f} ms")
    print(f"agent per command  {ours * 1000:8.2f} ms")
    print(f"ratio              {ratio:8.2f}x, reach {REACH:.0f}x")
    return 0 if ratio <= REACH else 1


if __name__ == "__main__":
    sys.exit(main())
