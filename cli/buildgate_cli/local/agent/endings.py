"""How a build ends that was ended from outside: its status, and the code and message of the phase it was in."""

from collections.abc import Mapping

from buildgate_cli.local.agent.build import Status
from buildgate_cli.local.agent.execution import Reason

ENDINGS: Mapping[Reason, tuple[Status, str, str]] = {
    "STOPPED": ("STOPPED", "", ""),
    "TIMED_OUT": ("TIMED_OUT", "BUILD_TIMED_OUT", "Build has timed out."),
    "OUTPUT_LIMIT": ("FAILED", "CLIENT_ERROR", "The build wrote more log than the local cloud keeps."),
    "MEMORY_LIMIT": ("FAILED", "CLIENT_ERROR", "The build held more memory than its compute type has."),
    "PROCESS_LIMIT": ("FAILED", "CLIENT_ERROR", "The build had more processes at once than the local cloud allows."),
    "DISK_LIMIT": ("FAILED", "CLIENT_ERROR", "The build's folder filled more disk than its compute type has."),
    "DISK_FULL": ("FAILED", "CLIENT_ERROR", "The disk of the build is nearly full."),
    "ORPHANED": ("FAULT", "INTERNAL_ERROR", "The local cloud went away while the build ran."),
}
