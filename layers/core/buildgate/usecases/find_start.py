"""Finds the build of a start whose answer was lost: the one that carries the slot's nonce."""

from __future__ import annotations

from buildgate.domain.builds import Build
from buildgate.domain.errors import NotFound
from buildgate.domain.slots import Slot
from buildgate.ports import Launcher


def find_start(launcher: Launcher, slot: Slot) -> Build | None:
    """Return the build that carries a slot's nonce, among its project's newest; None where there is none.

    A project that is gone has no builds: it can have started none that still runs.
    """
    try:
        found = launcher.builds(launcher.newest(slot.project))
    except NotFound:
        return None
    return next((b for b in found if b.claim and b.claim.slot == slot.ref and b.claim.nonce == slot.nonce), None)
