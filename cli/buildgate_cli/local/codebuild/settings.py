"""How the local CodeBuild behaves on this machine."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from buildgate_cli.local.agent.build import MEBIBYTE

MINUTE_VARIABLE = "BUILDGATE_TEST_MINUTE_SECONDS"
ALLOW_HOST_VARIABLE = "BUILDGATE_ALLOW_HOST"


@dataclass(frozen=True)
class Settings:
    """`concurrent_builds` run at once, five times as many may wait; more are refused, as in AWS.

    `seconds_per_minute` is for tests only: it makes timeouts, which AWS counts in minutes from 5 up, pass sooner.
    `log_bytes` bounds a build's log, each line with the 26 bytes that CloudWatch Logs adds: a build that prints without
    end is ended before it keeps the one emulator of this machine from others.
    `is_host_allowed` runs builds meant for Windows, macOS, GPU or another processor on this machine all the same.
    """

    concurrent_builds: int = 10
    queue_factor: int = 5
    seconds_per_minute: float = 60.0
    grace_seconds: float = 5.0
    log_bytes: int = 8 * MEBIBYTE
    is_host_allowed: bool = False
    keeps_folders: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the variables `BUILDGATE_TEST_MINUTE_SECONDS` (tests only) and `BUILDGATE_ALLOW_HOST` (1: allowed)."""
        return cls(
            concurrent_builds=max(10, 2 * (os.cpu_count() or 1)),
            seconds_per_minute=float(environment.get(MINUTE_VARIABLE, "60")),
            is_host_allowed=environment.get(ALLOW_HOST_VARIABLE) == "1",
        )
