"""Measures whole processes: processor time as interleaved medians, and instructions where valgrind is installed.

Times differ from machine to machine and are only printed; ratios of one run, and instruction counts, carry over.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import statistics
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """A command whose whole life is measured, start of the interpreter included."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def processor_seconds(cases: Mapping[str, Case], *, rounds: int) -> dict[str, float]:
    """Return the median user and system seconds of each case, taken in random order in every round."""
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        order = list(cases)
        random.shuffle(order)
        for name in order:
            taken[name].append(_run(cases[name]))
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def instructions(case: Case) -> int | None:
    """Return the instructions that a case retires, or None without valgrind; repeatable to about 0.03 %."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    options = ("--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={os.devnull}")
    environment = {**case.environment, "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        [valgrind, *options, *case.command], capture_output=True, text=True, env=environment, check=False
    )
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if done.returncode != 0 or found is None:
        raise RuntimeError(f"{case.command} failed under valgrind: {done.stderr[-2000:]}")
    return int(found[1].replace(",", ""))


def _run(case: Case) -> float:
    child = os.posix_spawn(case.command[0], list(case.command), dict(case.environment))
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        raise RuntimeError(f"{case.command} failed with status {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime
