"""One shell state across a build's commands.

Each command is a script of its own, run by a fresh shell: it restores folder and variables, runs the command at line 4
(so that error messages name the line that CodeBuild's name), and saves both again. So the working folder and every
variable assigned survive into later commands and phases; functions, aliases, options such as `set -e` and traps do not,
and a command that calls `exit` saves nothing. Source: CodeBuild's observed behaviour and AWS's open-source runner of
the same design.
"""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from buildgate_cli.local.agent.execution import Execution
from buildgate_cli.local.agent.users import User

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SHELLS = {"bash": "bash", "/bin/bash": "bash", "sh": "sh", "/bin/sh": "sh"}
_COMPLETE = "# complete"
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


def _is_complete(path: Path) -> bool:
    """Say whether a file of variables was written to its end."""
    wanted = f"{_COMPLETE}\n".encode()
    if not path.is_file() or path.stat().st_size < len(wanted):
        return False
    with path.open("rb") as file:
        file.seek(-len(wanted), os.SEEK_END)
        return file.read() == wanted


class ShellState:
    """Folder and variables as the next command finds them, kept in files below `folder`.

    Every command saves into new files: overwriting or renaming over old ones makes some file systems write them to
    disk at once, which costs more than the command.
    """

    def __init__(self, folder: Path, execution: Execution, *, shell: str, start: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._execution = execution
        self._shell = shell
        self._start = start
        self._directory = str(start)
        self._script = folder / "script.sh"
        self._count = 0
        self._user: User | None = None
        self._variables = folder / "env.0.sh"
        self._variables.write_bytes(b"")

    def act_as(self, user: User | None) -> bool:
        """Let later commands run as a user, None for this process's; False when that user cannot enter the folders."""
        self._user = user
        return user is None or self._entered([self._start, self._folder]) == 0

    def _entered(self, folders: Sequence[Path]) -> int:
        script = " && ".join(f"cd {quote(str(folder))}" for folder in folders)
        code, _ = self._execution.capture(
            [self._shell, "-c", script], folder=self._start, environment=_MINIMAL, user=self._user
        )
        return code

    def assign(self, values: Mapping[str, str]) -> None:
        """Export variables for every later command. Names that no shell can hold are left out."""
        lines = (f"export {name}={quote(value)}\n" for name, value in values.items() if NAME.fullmatch(name))
        with self._variables.open("ab") as file:
            file.write("".join(lines).encode("utf-8", "surrogateescape"))

    def run(self, command: str, *, is_carried: bool = True) -> int:
        """Run one command; its output goes to the log. Returns the exit code, negative for a signal.

        With `is_carried` false nothing the command does to folder or variables is kept (buildspec version 0.1).
        Raises InterruptedBuildError, and OSError when the shell cannot start or the state cannot be saved (a full
        disk): what follows would run with other variables.
        """
        self._count += 1
        variables = self._folder / f"env.{self._count}.sh"
        directory = self._folder / f"dir.{self._count}.txt"
        self._write(self._script, self._text(command, variables, directory))
        code = self._execution.run(
            [self._shell, str(self._script)], folder=self._start, environment=_MINIMAL, user=self._user
        )
        self._take_over(variables, directory, is_carried=is_carried)
        return code

    def _take_over(self, variables: Path, directory: Path, *, is_carried: bool) -> None:
        """Keep what the command saved; the folder is saved last, so it says that the variables are whole."""
        try:
            text = directory.read_text("utf-8", "surrogateescape")
        except FileNotFoundError:
            variables.unlink(missing_ok=True)
            return
        directory.unlink()
        if not is_carried:
            variables.unlink()
            return
        if not text or not _is_complete(variables):
            raise OSError(errno.ENOSPC, "the command's variables could not be saved", str(variables))
        self._directory = text.removesuffix("\n")
        old, self._variables = self._variables, variables
        old.unlink(missing_ok=True)

    def _text(self, command: str, variables: Path, directory: Path) -> str:
        return (
            f"cd {quote(self._directory)}\n"
            "set -a\n"
            f". {quote(str(self._variables))}\n"
            f"{command}\n"
            "CODEBUILD_LAST_EXIT=$?\n"
            f"{{ export -p; echo '{_COMPLETE}'; }} > {quote(str(variables))}; pwd > {quote(str(directory))}\n"
            "exit $CODEBUILD_LAST_EXIT\n"
        )

    def _write(self, path: Path, text: str) -> None:
        path.unlink(missing_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        if self._user is not None:
            os.chown(path, self._user.uid, self._user.gid)

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
        self._write(path, script)
        _, printed = self._execution.capture(
            [self._shell, str(path)], folder=self._start, environment=_MINIMAL, user=self._user
        )
        return printed.decode("utf-8", "replace").split("\0")[:-1]
