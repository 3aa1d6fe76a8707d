"""What a build of a compute type may take."""

import re
from collections.abc import Mapping
from typing import Any

from buildgate.domain.metrics.machines import SIZES

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


def processors(environment: Mapping[str, Any]) -> int | None:
    """Return the processors that a build of this compute type has; None where it is not fixed."""
    size = SIZES.get(str(environment["computeType"]))
    return size.cpus if size else None


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
