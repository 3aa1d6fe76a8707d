"""What this machine can run of what projects ask for."""

import platform
from collections.abc import Mapping
from typing import Any

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
