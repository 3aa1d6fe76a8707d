"""What this machine can run of what projects ask for."""

import platform
import re
from collections.abc import Mapping
from typing import Any

_GIBIBYTE = 1024**3
_MEMORY_GIBIBYTES = {
    "BUILD_GENERAL1_SMALL": 4,
    "BUILD_GENERAL1_MEDIUM": 8,
    "BUILD_GENERAL1_LARGE": 16,
    "BUILD_GENERAL1_XLARGE": 72,
    "BUILD_GENERAL1_2XLARGE": 145,
}
_DISK_GIBIBYTES = {
    "BUILD_GENERAL1_SMALL": 64,
    "BUILD_GENERAL1_MEDIUM": 128,
    "BUILD_GENERAL1_LARGE": 128,
    "BUILD_GENERAL1_XLARGE": 256,
    "BUILD_GENERAL1_2XLARGE": 824,
}
_LAMBDA_DISK_GIBIBYTES = 10
_LAMBDA = re.compile(r"BUILD_LAMBDA_(\d+)GB")
_ARM = frozenset({"arm64", "aarch64"})


def refusal(environment: Mapping[str, Any]) -> str | None:
    """Return why this machine cannot run a build of this environment, None when it can.

    Images are not run: commands run on this machine itself, so only system and processor have to fit.
    """
    kind = str(environment["type"])
    if kind.startswith("WINDOWS"):
        return f"{kind} needs Windows"
    if kind.startswith("MAC") and platform.system() != "Darwin":
        return f"{kind} needs macOS"
    if "GPU" in kind:
        return f"{kind} needs a GPU image"
    if kind.startswith("ARM") and platform.machine().lower() not in _ARM:
        return f"{kind} needs an ARM processor, this machine has {platform.machine()}"
    return None


def memory_bytes(environment: Mapping[str, Any]) -> int | None:
    """Return the memory that a build of this compute type has; None where it is not fixed."""
    compute = str(environment["computeType"])
    match = _LAMBDA.fullmatch(compute)
    gibibytes = int(match[1]) if match else _MEMORY_GIBIBYTES.get(compute)
    return gibibytes * _GIBIBYTE if gibibytes else None


def disk_bytes(environment: Mapping[str, Any]) -> int | None:
    """Return the disk that a build of this compute type has; None where it is not fixed."""
    compute = str(environment["computeType"])
    gibibytes = _LAMBDA_DISK_GIBIBYTES if _LAMBDA.fullmatch(compute) else _DISK_GIBIBYTES.get(compute)
    return gibibytes * _GIBIBYTE if gibibytes else None
