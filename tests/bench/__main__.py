"""`make bench` runs every bench_*.py of this folder as a program; `make bench ARGS=initialisation` the ones so named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main(words: list[str]) -> int:
    """Return 1 when a benchmark says that a promise is broken."""
    programs = sorted(Path(__file__).parent.glob("bench_*.py"))
    chosen = [path for path in programs if not words or any(word in path.stem for word in words)]
    if not chosen:
        names = ", ".join(path.stem.removeprefix("bench_") for path in programs)
        print(f"bench: nothing is named {' or '.join(words)}; there are {names}", file=sys.stderr)
        return 2
    broken = []
    for path in chosen:
        print(f"\n== {path.stem.removeprefix('bench_').replace('_', ' ')}", flush=True)
        if subprocess.run([sys.executable, str(path)], check=False).returncode != 0:
            broken.append(path.stem)
    if broken:
        print(f"\nbench: promises broken in {', '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
