"""Finds the buildspecs that a person names: files, folders, globs, standard input."""

from __future__ import annotations

import glob
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from buildgate_cli.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SIZE_LIMIT_BYTES = 4 * 1024 * 1024
STDIN = "<stdin>"
_SKIPPED = frozenset({".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__", ".aws-sam", ".buildgate"})
_HEAD_BYTES = 64 * 1024
_VERSION = re.compile(rb"^version[ \t]*:[ \t]*[\"']?0\.[12]\b", re.MULTILINE)
_PARTS = re.compile(rb"^(phases|batch)[ \t]*:", re.MULTILINE)
_GLOB_MARKS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Source:
    """One buildspec to lint: how to call it, and its bytes."""

    name: str
    data: bytes


def sources(arguments: Iterable[str]) -> Iterator[Source]:
    """Yield the buildspecs that the arguments name, each file once; `-` is standard input.

    Below a folder every `.yml` and `.yaml` file counts whose name holds `buildspec`, whose folder is called so, or which
    begins its lines with `version:` and with `phases:` or `batch:`, as a buildspec does.
    Raises UserError for a name that leads to nothing, and for a file over 4 MiB.
    """
    seen: set[str] = set()
    for argument in arguments:
        if argument == "-":
            yield Source(STDIN, sys.stdin.buffer.read(SIZE_LIMIT_BYTES))
            continue
        for path in _paths(argument):
            real = os.path.realpath(path)
            if real not in seen:
                seen.add(real)
                yield Source(str(path), read_file(path))


def read_file(path: Path) -> bytes:
    """Return a file's bytes; UserError over 4 MiB, OSError as usual."""
    if path.stat().st_size > SIZE_LIMIT_BYTES:
        raise UserError(f"{path} is larger than 4 MiB; that is no buildspec.")
    return path.read_bytes()


def _paths(argument: str) -> list[Path]:
    path = Path(argument)
    if path.is_dir():
        found = sorted(_below(path))
        if not found:
            raise UserError(f"No buildspec below {argument}.", "Name the file, or a glob such as 'ci/*.yml'.")
        return found
    if path.exists() or not _GLOB_MARKS & set(argument):
        return [path]
    found = sorted(Path(one) for one in glob.glob(argument, recursive=True) if not Path(one).is_dir())  # noqa: PTH207 - the pattern may be absolute
    if not found:
        raise UserError(f"No file matches {argument}.", "Check the pattern; `**` crosses folders.")
    return found


def _below(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = [one for one in folders if one not in _SKIPPED]
        is_named = "buildspec" in Path(root).name.lower()
        for name in files:
            lowered = name.lower()
            path = Path(root) / name
            if lowered.endswith((".yml", ".yaml")) and (is_named or "buildspec" in lowered or _looks_like_one(path)):
                yield path


def _looks_like_one(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return _VERSION.search(head) is not None and _PARTS.search(head) is not None
