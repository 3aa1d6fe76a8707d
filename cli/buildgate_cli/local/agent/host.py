"""What this machine is, beside what a build was written for: images are not run, so system and processor have to fit.

A build for another machine is refused, or runs here all the same when somebody allows it and the log says so.
"""

import platform
from collections.abc import Mapping
from dataclasses import dataclass

ALLOW_HOST = "BUILDGATE_ALLOW_HOST"
ALLOW_HOST_RUNTIMES = "BUILDGATE_ALLOW_HOST_RUNTIMES"
"""Set to 1 as variables of a build, or in the environment of the cloud for all of its builds."""
_ARM = frozenset({"arm64", "aarch64"})
_OF_IMAGES = (("windows", "WINDOWS_CONTAINER"), ("aarch64", "ARM_CONTAINER"), ("macos", "MAC_ARM"))


@dataclass(frozen=True)
class Allowed:
    """What of this machine builds may use in place of what they ask for. The whole host brings its runtimes along."""

    is_host: bool = False
    is_runtimes: bool = False

    @classmethod
    def by(cls, variables: Mapping[str, str]) -> "Allowed":
        """Read the two variables."""
        is_host = variables.get(ALLOW_HOST) == "1"
        return cls(is_host, is_host or variables.get(ALLOW_HOST_RUNTIMES) == "1")

    def __or__(self, other: "Allowed") -> "Allowed":
        return Allowed(self.is_host or other.is_host, self.is_runtimes or other.is_runtimes)


def refusal(kind: str) -> str | None:
    """Return why this machine cannot run a build of an environment type, None when it can."""
    if kind.startswith("WINDOWS"):
        return f"{kind} needs Windows"
    if kind.startswith("MAC") and platform.system() != "Darwin":
        return f"{kind} needs macOS"
    if "GPU" in kind:
        return f"{kind} needs a GPU image"
    if kind.startswith("ARM") and platform.machine().lower() not in _ARM:
        return f"{kind} needs an ARM processor, this machine has {platform.machine()}"
    return None


def image_refusal(image: str) -> str | None:
    """Return why this machine cannot stand in for one of CodeBuild's images, None when it can or the image is another."""
    if not image.startswith("aws/codebuild/"):
        return None
    kind = next((kind for part, kind in _OF_IMAGES if part in image), None)
    return refusal(kind) if kind else None
