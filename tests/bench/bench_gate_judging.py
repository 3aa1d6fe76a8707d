"""Measures judging 10,000 measurements against 200 objectives, next to reading the measurements from JSON.

Run with `python tests/bench/bench_gate_judging.py`. Both are the best CPU time of several rounds in this process; the
promise is their ratio.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from typing import TYPE_CHECKING

from buildgate.domain.gates import Baseline, Evidence, judge, parse
from buildgate.domain.measurements import Measured

if TYPE_CHECKING:
    from collections.abc import Callable

MEASUREMENTS = 10_000
OBJECTIVES = 200
ROUNDS = 30
REACH = 5.0


def best_of(work: Callable[[], object]) -> float:
    """Return the least CPU seconds of one call, with the collector out of the way."""
    least = float("inf")
    gc.disable()
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        least = min(least, time.process_time() - start)
    gc.enable()
    return least


def main() -> int:
    """Print the figures; return 1 when judging takes more than its share."""
    names = [f"custom.m{number}" for number in range(MEASUREMENTS)]
    rows = [{"measurement": name, "pass": ["<= +10 %", "<= 100"], "warn": ["<= 200"]} for name in names[:OBJECTIVES]]
    gate = parse({"name": "bench", "objectives": rows, "total_score": {"pass": 90, "warn": 75}})
    values = {name: float(number % 150) for number, name in enumerate(names)}
    evidence = Evidence(
        {name: Measured(value, "metrics.json") for name, value in values.items()},
        baseline=Baseline(dict.fromkeys(names, 50.0)),
    )
    text = json.dumps(values)
    reading, judging = best_of(lambda: json.loads(text)), best_of(lambda: judge(gate, evidence))
    ratio = judging / reading
    print(f"reading {MEASUREMENTS} measurements from JSON: {1e3 * reading:.2f} ms of CPU")
    print(f"judging them against {OBJECTIVES} objectives:  {1e3 * judging:.2f} ms of CPU")
    print(f"ratio {ratio:.2f}, promised at most {REACH:g}")
    return int(ratio > REACH)


if __name__ == "__main__":
    sys.exit(main())
