"""Whether the kernel holds builds to their memory and their number on this machine, and the group of each build."""

import functools
import logging
import os
import sys
from pathlib import Path

from buildgate_cli.local.agent.build import Limits
from buildgate_cli.local.agent.cgroups import Group, Place, place

LOG = logging.getLogger(__name__)
SWITCHED_OFF = "switched off by BUILDGATE_CGROUPS=0"
TASKS_A_PROCESS = 4
"""The kernel counts threads as well: so many for each process that a build may have."""
_PREFIX = "buildgate"


def group_for(build_id: str, limits: Limits) -> Group | None:
    """Make the control group of a build, None where this machine has none to give."""
    found = _found()
    if isinstance(found, str):
        return None
    name = f"{_PREFIX}-{os.getpid()}-{build_id.rpartition(':')[2]}"
    try:
        return found.make(name, memory_bytes=limits.memory_bytes, processes=limits.processes * TASKS_A_PROCESS)
    except OSError as error:
        LOG.warning("%s runs without a control group: %s", build_id, error)
        return None


def why_no_groups() -> str:
    """Return why the kernel does not hold builds to their bounds here, empty when it does. Tried once."""
    found = _found()
    return found if isinstance(found, str) else ""


def version() -> int | None:
    """Return the version of the kernel's interface that is used, None where none is."""
    found = _found()
    return None if isinstance(found, str) else found.version


@functools.cache
def _found() -> Place | str:
    if sys.platform != "linux":
        return f"{sys.platform} has no control groups"
    try:
        found = place()
    except OSError as error:
        return error.strerror or str(error)
    for left in found.left_by(_is_left):
        left.remove()
    return found


def _is_left(name: str) -> bool:
    """Say whether a group is of a cloud that has gone."""
    prefix, _, rest = name.partition("-")
    pid = rest.partition("-")[0]
    return prefix == _PREFIX and pid.isdecimal() and not Path("/proc", pid).exists()
