"""One shell state across a build's commands.

Each command is a script of its own, run by a fresh shell: it restores folder and variables, runs the command at line 4
(so that error messages name the line that CodeBuild's name), and saves both again. So the working folder and every
variable assigned survive into later commands and phases; functions, aliases, options such as `set -e` and traps do not,
and a command that calls `exit` saves nothing. Source: CodeBuild's observed behaviour and AWS's open-source runner of
the same design.
"""

import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from buildgate_cli.local.agent.execution import Execution

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SHELLS = {"bash": "bash", "/bin/bash": "bash", "sh": "sh", "/bin/sh": "sh"}
_MINIMAL = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


class UnknownShellError(Exception):
    """The buildspec asks for a shell that this machine cannot run."""


def quote(text: str) -> str:
    """Return text as one literal word of a POSIX shell."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def find_shell(name: str | None) -> str:
    """Return the path of the shell a buildspec names, `sh` when it names none. Raises UnknownShellError."""
    program = SHELLS.get(name or "sh")
    path = shutil.which(program) if program else None
    if path is None:
        raise UnknownShellError(f"shell {name or 'sh'} is not available on this machine")
    return path


class ShellState:
    """Folder and variables as the next command finds them, kept in two files below `folder`."""

    def __init__(self, folder: Path, execution: Execution, *, shell: str, start: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._script = folder / "script.sh"
        self._variables = folder / "env.sh"
        self._directory = folder / "dir.txt"
        self._new_variables = folder / "env.new"
        self._new_directory = folder / "dir.new"
        self._execution = execution
        self._shell = shell
        self._start = start
        self._folder = folder
        self._variables.write_bytes(b"")
        self.go_to(start)

    def go_to(self, folder: Path) -> None:
        self._directory.write_text(f"{folder}\n")

    def assign(self, values: Mapping[str, str]) -> None:
        """Export variables for every later command. Names that no shell can hold are left out."""
        lines = (f"export {name}={quote(value)}\n" for name, value in values.items() if NAME.fullmatch(name))
        with self._variables.open("ab") as file:
            file.write("".join(lines).encode("utf-8", "surrogateescape"))

    def run(self, command: str, *, is_carried: bool = True) -> int:
        """Run one command; its output goes to the log. Returns the exit code, negative for a signal.

        With `is_carried` false nothing the command does to folder or variables is kept (buildspec version 0.1).
        Raises InterruptedBuildError, and OSError when the disk is full or the shell cannot start.
        """
        self._new_directory.unlink(missing_ok=True)
        self._script.write_bytes(self._text(command).encode("utf-8", "surrogateescape"))
        code = self._execution.run([self._shell, str(self._script)], folder=self._start, environment=_MINIMAL)
        if is_carried and self._new_directory.exists():
            self._new_variables.replace(self._variables)
            self._new_directory.replace(self._directory)
        return code

    def _text(self, command: str) -> str:
        directory = self._directory.read_text("utf-8", "surrogateescape").removesuffix("\n")
        return (
            f"cd {quote(directory)}\n"
            "set -a\n"
            f". {quote(str(self._variables))}\n"
            f"{command}\n"
            "CODEBUILD_LAST_EXIT=$?\n"
            f"export -p > {quote(str(self._new_variables))} && pwd > {quote(str(self._new_directory))}\n"
            "exit $CODEBUILD_LAST_EXIT\n"
        )

    def values(self, names: Sequence[str]) -> dict[str, str]:
        """Return the current values of those variables that are set."""
        known = [name for name in dict.fromkeys(names) if NAME.fullmatch(name)]
        if not known:
            return {}
        body = "".join(f'printf \'%s\\0%s\\0\' "${{{name}+set}}" "${{{name}-}}"\n' for name in known)
        fields = self._ask(body)
        pairs = zip(known, zip(fields[::2], fields[1::2], strict=False), strict=False)
        return {name: value for name, (is_set, value) in pairs if is_set}

    def expand(self, texts: Sequence[str]) -> list[str]:
        """Return texts with variables, `$(commands)` and backticks expanded by the shell in the source folder.

        Texts without `$` or a backtick come back as they are, without a shell.
        """
        if not any("$" in text or "`" in text for text in texts):
            return list(texts)
        delimiter = f"END_{secrets.token_hex(8)}"
        fields = self._ask("".join(f"cat <<{delimiter}\n{text}\n{delimiter}\nprintf '\\0'\n" for text in texts))
        return [field.removesuffix("\n") for field in fields]

    def _ask(self, body: str) -> list[str]:
        script = f"cd {quote(str(self._start))}\nset -a\n. {quote(str(self._variables))} >/dev/null 2>&1\n{body}"
        path = self._folder / "ask.sh"
        path.write_bytes(script.encode("utf-8", "surrogateescape"))
        _, printed = self._execution.capture([self._shell, str(path)], folder=self._start, environment=_MINIMAL)
        return printed.decode("utf-8", "replace").split("\0")[:-1]
