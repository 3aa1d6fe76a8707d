"""Load on a local cloud: 500 builds that finish at once, 200 runs, 50 people on a page while they run.

Nothing may be lost and totals must be exact; seconds are printed as ratios to the emulator's own floor, taken in the same
cloud after each load. Takes about ten minutes on two cores, on loopback only. Run with
`make bench ARGS=load`; BUILDGATE_LOAD="60 10 10" makes it smaller.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from e2e.harness import running_cloud
from e2e.shop import Shop
from load_on_cloud import Load, Taken

BUILDS, RUNS, PEOPLE = map(int, os.environ.get("BUILDGATE_LOAD", "500 200 50").split())
BUILDSPEC = "version: 0.2\nphases:\n  build:\n    commands:\n      - 'true'\n"


def main() -> int:
    """Print what each load took; the exit code is 1 when something was lost, given up, or counted otherwise."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_EC2_METADATA_DISABLED": "true"}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as place, running_cloud(Path(place) / "home") as cloud:
        made = {"stages": ["release"], "is_as_installed": True}
        shop = Shop.make(cloud, "shop-load", Path(place), approval={}, **made)
        asked = Shop.make(cloud, "shop-asked", Path(place), **made)
        for one in (shop, asked):
            one.write("buildspec-release.yml", BUILDSPEC)
        cloud.run(shop.run_of(shop.push()))
        link = asked.link(asked.waiting_approval(asked.run_of(asked.push())))
        load = Load(cloud, shop)
        print(load.builds(BUILDS).line(), flush=True)
        seen: list[Taken] = []
        taken, ended = load.runs(RUNS, meanwhile=lambda: seen.append(load.people(PEOPLE, link, word="shop-asked")))
        for one in (taken, *seen, load.people(PEOPLE, link, word="shop-asked")):
            print(one.line(), flush=True)
        expected = 1 + BUILDS + 2 * RUNS
        wrong += [f"runs ended {dict(ended)}"] if ended != {"SUCCEEDED": RUNS} else []
        wrong += [f"{load.counted()} builds counted instead of {expected}"] if load.counted() != expected else []
        wrong += [f"{load.given_up()} events given up"] if load.given_up() else []
    print("\n".join(wrong) or "nothing lost, totals exact, failure queues empty")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
