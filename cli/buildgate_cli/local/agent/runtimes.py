"""`runtime-versions`: checked against what this machine has.

CodeBuild's images bring several versions of a language; a machine brings what is installed. A version that is not
there is an honest failure, unless the host's own are allowed: then the log says which one is used instead.
"""

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from buildgate_cli.local.agent.build import Failure
from buildgate_cli.local.agent.execution import Execution

_COMMANDS: Mapping[str, tuple[str, ...]] = {
    "python": ("python3", "--version"),
    "nodejs": ("node", "--version"),
    "java": ("java", "-version"),
    "golang": ("go", "version"),
    "ruby": ("ruby", "--version"),
    "php": ("php", "--version"),
    "dotnet": ("dotnet", "--version"),
    "rust": ("rustc", "--version"),
    "docker": ("docker", "--version"),
}
_VERSION = re.compile(r"(\d+(?:\.\d+)*)")


def check_runtimes(
    wanted: Mapping[str, str],
    *,
    ask: Callable[[tuple[str, ...]], str | None],
    say: Callable[[str], None],
    is_host_allowed: bool,
) -> None:
    """Compare what a buildspec selects with the machine. Raises Failure for the first runtime that is not there.

    `ask` runs a command and returns what it prints, None when there is no such program.
    """
    for name, version in wanted.items():
        if name not in _COMMANDS:
            known = ", ".join(sorted(_COMMANDS))
            raise Failure("YAML_FILE_ERROR", f"Unknown runtime named '{name}'. The runtimes known here are {known}")
        printed = ask(_COMMANDS[name])
        found = _VERSION.search(printed or "")
        if found and fits(found[1], version):
            say(f"Selecting '{name}' runtime version '{version}': this machine has {found[1]}")
            continue
        has = f"this machine has {found[1]}" if found else "this machine has none"
        if not is_host_allowed:
            way = "--allow-host-runtimes uses what is there"
            raise Failure("CLIENT_ERROR", f"Runtime {name} {version} is not available: {has}; {way}")
        say(f"Runtime {name} {version} is not available: {has}, which is used as asked")


def fits(found: str, wanted: str) -> bool:
    """Say whether a version satisfies a selection: exact up to the parts given, `N.x`, `latest`, `corretto21`."""
    if wanted == "latest":
        return True
    number = _VERSION.search(wanted)
    if number is None:
        return False
    parts, have = number[1].split("."), found.split(".")
    if have[:1] == ["1"] and len(have) > 1 and wanted.startswith("corretto"):
        have = have[1:]  # Java 8 calls itself 1.8
    return have[: len(parts)] == parts


def asker(
    execution: Execution, folder: Path, environment: Mapping[str, str]
) -> Callable[[tuple[str, ...]], str | None]:
    """Return a way to run version commands with a build's own PATH."""

    def ask(command: tuple[str, ...]) -> str | None:
        program = shutil.which(command[0], path=environment.get("PATH"))
        if program is None:
            return None
        _, printed = execution.capture([program, *command[1:]], folder=folder, environment=environment)
        return printed.decode("utf-8", "replace")

    return ask
