"""Writes docs/reference/guards.md: `python -m tests.guards_page` with `tests` and `layers` on the path."""

from __future__ import annotations

from buildgate_cli.simulate.breaches import Promise
from buildgate_cli.simulate.weather import KINDS
from buildgate_cli.simulate.world import CHECKOUT
from guards import GUARDS
from lane_guards import LANE_GUARDS

_HEAD = """# Promises, and the guards that keep them

Written by `make docs` from what the tests switch off; a test fails when this page is not current.

`buildgate simulate` and `make soak` play seeded bad days on an in-memory AWS, with the functions, the machine and the
template unchanged. After each step, and when all is at rest, these promises are checked:

"""
_FAULTS = """
## What goes wrong on a bad day

| `--faults` | what happens |
|---|---|
"""
_GUARDS = """
## Guards

Each guard can be switched off in a test, by a change of one world that is written down in `tests/guards.py`. Without it
the named test fails: so the promise rests on the guard, and the tests would notice its loss.

| guard | where | what it prevents | the test that notices |
|---|---|---|---|
"""
_NOT = """
## What is not promised

- That runs of stages without a mode keep apart, or runs of two versions of a pipeline whose modes or locks differ.
- That a notice arrives once: it goes out at least once, always under the same key (message attribute `key`).
- That a build which CodeBuild has forgotten (after a year) can be recorded.
- Anything while DynamoDB, CodeBuild or Step Functions stay away for longer than a failure queue keeps events (14 days).
"""


def guards_page() -> str:
    """Return the whole page."""
    promises = "".join(f"- {promise.value}\n" for promise in Promise)
    faults = "".join(f"| `{name}` | {what} |\n" for name, what in KINDS.items())
    rows = "".join(f"| {one.name} | {one.place} | {one.prevents} | `{one.test}` |\n" for one in (*GUARDS, *LANE_GUARDS))
    return f"{_HEAD}{promises}{_FAULTS}{faults}{_GUARDS}{rows}{_NOT}"


if __name__ == "__main__":
    (CHECKOUT / "docs/reference/guards.md").write_text(guards_page(), encoding="utf-8")
