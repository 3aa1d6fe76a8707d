"""How the local CodeBuild behaves on this machine."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from buildgate_cli.local.agent.build import MEBIBYTE
from buildgate_cli.local.agent.host import Allowed

FENCE_VARIABLE = "BUILDGATE_FENCE"
GROUPS_VARIABLE = "BUILDGATE_CGROUPS"
MINUTE_VARIABLE = "BUILDGATE_TEST_MINUTE_SECONDS"


@dataclass(frozen=True)
class Settings:
    """`concurrent_builds` run at once, five times as many may wait; more are refused, as in AWS.

    `seconds_per_minute` is for tests only: it makes timeouts, which AWS counts in minutes from 5 up, pass sooner.
    `log_bytes` bounds a build's log, each line with the 26 bytes that CloudWatch Logs adds: a build that prints without
    end is ended before it keeps the one emulator of this machine from others.
    `processes` is how many a build may have at once, `memory_bytes` the most that one gets, whatever its compute type
    has (None: as that says). `is_grouped` lets the kernel hold builds to their bounds.
    `allowed` runs every build that is meant for Windows, macOS, GPU, another processor or other runtimes on this machine
    all the same; a build may be allowed it alone by its variables.
    """

    concurrent_builds: int = 10
    queue_factor: int = 5
    seconds_per_minute: float = 60.0
    grace_seconds: float = 5.0
    log_bytes: int = 8 * MEBIBYTE
    allowed: Allowed = field(default_factory=Allowed)
    keeps_folders: bool = False
    is_fenced: bool = True
    is_grouped: bool = True
    processes: int = 1000
    memory_bytes: int | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read `BUILDGATE_TEST_MINUTE_SECONDS` (tests only), `BUILDGATE_ALLOW_HOST` and `..._RUNTIMES` (1: allowed)."""
        return cls(
            concurrent_builds=max(10, 2 * (os.cpu_count() or 1)),
            seconds_per_minute=float(environment.get(MINUTE_VARIABLE, "60")),
            allowed=Allowed.by(environment),
            is_fenced=environment.get(FENCE_VARIABLE) != "0",
            is_grouped=environment.get(GROUPS_VARIABLE) != "0",
        )
