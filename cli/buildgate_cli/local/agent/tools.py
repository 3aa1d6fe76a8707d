"""The small programs that CodeBuild's images bring along, put into a folder on a build's PATH."""

import shlex
from pathlib import Path

from buildgate_cli.local.agent import glob_search, hash_files, tests_run

_TOOLS = {
    "codebuild-hash-files": hash_files.__file__,
    "codebuild-glob-search": glob_search.__file__,
    "codebuild-tests-run": tests_run.__file__,
}


def install_tools(folder: Path, interpreter: str) -> Path:
    """Write the programs and return their folder. Repeating is harmless."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, module in _TOOLS.items():
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec {shlex.join([interpreter, "-I", module])} "$@"\n')
        path.chmod(0o755)
    return folder
