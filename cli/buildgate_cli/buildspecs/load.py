"""Loads a buildspec for execution."""

from __future__ import annotations

from buildgate_cli.buildspecs import tree
from buildgate_cli.buildspecs.context import Context
from buildgate_cli.buildspecs.model import Buildspec, BuildspecError
from buildgate_cli.buildspecs.reading import read

ERROR_PREFIX = "BS1"  # the codes of what CodeBuild refuses


class _RaiseOnError:
    """Raises the first problem that CodeBuild refuses, and lets the rest pass."""

    def __init__(self, name: str) -> None:
        self._name = name

    def add(self, code: str, node: tree.Node | None, message: str, *, fix: str = "", refusal: str = "") -> None:
        if not code.startswith(ERROR_PREFIX):
            return
        line = tree.line_of(node) if node is not None else None
        column = tree.column_of(node) if node is not None else None
        said = refusal or (f"{message} at line {line}" if line else message)
        error = BuildspecError(said, line=line, column=column)
        error.add_note(f"{self._name}: {message}. {fix}".rstrip())
        raise error


def load(text: str, *, name: str = "buildspec.yml") -> Buildspec:
    """Return the buildspec that CodeBuild would execute.

    Raises BuildspecError for exactly what CodeBuild refuses, with its line; everything else that looks wrong is left
    to `lint`. `name` is used in the error's notes only.
    """
    return read(Context(_RaiseOnError(name)), tree.parse(text))


def load_bytes(data: bytes, *, name: str = "buildspec.yml") -> Buildspec:
    """Load the content of a file: UTF-8 with or without a byte order mark, or UTF-16 with one."""
    return load(tree.decode(data), name=name)
