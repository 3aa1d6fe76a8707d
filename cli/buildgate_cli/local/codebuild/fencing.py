"""Whether builds run behind a fence and in a control group on this machine, and what that keeps them from."""

import functools
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from buildgate_cli.local.agent.build import Failure
from buildgate_cli.local.agent.fence import Fence
from buildgate_cli.local.codebuild import grouping
from buildgate_cli.local.codebuild.settings import Settings

SWITCHED_OFF = "switched off by BUILDGATE_FENCE=0"
_TRY_SECONDS = 20


def fence_for(folder: Path, home: Path, readable: Sequence[Path]) -> Fence:
    """Return the fence of a build in a folder: of its cloud it sees this folder, and may read what is `readable`."""
    hidden = [home.resolve(), folder.parent.resolve()]
    outermost = [path for path in hidden if not any(path != other and path.is_relative_to(other) for other in hidden)]
    inside = [path.resolve() for path in readable if any(path.resolve().is_relative_to(each) for each in outermost)]
    hide = tuple(dict.fromkeys(map(str, outermost)))
    return Fence(hide, (str(folder.resolve()),), tuple(str(path) for path in inside if path.is_dir()))


def refuse_beyond(message: Mapping[str, Any], folder: Path, home: Path) -> None:
    """Raise Failure when an agent asks the cloud to read or write what its build must not: a build may speak for it.

    Written is in the build's folder only. Read may be any file but the cloud's own and other builds'.
    """
    own = folder.resolve()
    if "into" in message and not Path(message["into"]).resolve().is_relative_to(own):
        raise Failure("CLIENT_ERROR", f"{message['into']} is not in the folder of the build")
    for path in _read_by(message):
        found = path.resolve()
        is_kept = any(found.is_relative_to(each.resolve()) for each in (home, folder.parent))
        if is_kept and not found.is_relative_to(own):
            raise Failure("CLIENT_ERROR", f"{path} belongs to the local cloud or to another build")


def _read_by(message: Mapping[str, Any]) -> Iterator[Path]:
    yield from (Path(message[name]) for name in ("zip", "archive", "clone") if name in message)
    yield from (Path(path) for path, _ in message.get("files", ()))


@functools.cache
def why_not(interpreter: str) -> str:
    """Return why builds cannot be fenced in on this machine, empty when they can. Tried once."""
    if sys.platform != "linux":
        return f"{sys.platform} has no namespaces"
    command = [interpreter, "-I", "-m", "buildgate_cli.local.agent.fence"]
    try:
        tried = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TRY_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if tried.returncode == 0 else tried.stdout.strip() or tried.stderr.strip()[-200:] or "it failed"


def isolation(settings: Settings | None = None) -> dict[str, Any]:
    """Return what keeps this machine's builds apart and within their bounds, and `says`, for a person to read.

    `control_groups` is the version of the kernel's interface, None where builds are only looked at once a second.
    """
    settings = settings or Settings.from_environment()
    fence = why_not(sys.executable) if settings.is_fenced else SWITCHED_OFF
    group = grouping.why_no_groups() if settings.is_grouped else grouping.SWITCHED_OFF
    version = None if group else grouping.version()
    sight = (
        f"with the cloud's files in reach ({fence})" if fence else "without the cloud's files and other builds in sight"
    )
    held = f"are looked at once a second ({group})" if group else f"are held by the kernel (control groups v{version})"
    says = f"builds run as you, {sight}; their memory and number of processes {held}; network and your files are open"
    return {"is_fenced": not fence, "control_groups": version, "says": says}
