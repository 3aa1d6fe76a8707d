"""Kinds of repositories: how what a folder holds is installed and tested, and which reports its tests leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildgate_cli.kinds.kind import Kind, Reported
from buildgate_cli.kinds.node import node
from buildgate_cli.kinds.others import PLAIN, dotnet, go, gradle, make, maven, php, ruby, rust
from buildgate_cli.kinds.python import python, python_by_its_tests

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Kind", "Reported", "kind_of"]

_READERS = (python, node, maven, gradle, go, rust, dotnet, ruby, php, make, python_by_its_tests)
"""In order: the first that knows the folder says how it is tested."""


def kind_of(folder: Path) -> Kind:
    """Return how a repository is best tested, by the files at its root; `plain` where nothing says how."""
    for read in _READERS:
        if (kind := read(folder)) is not None:
            return kind
    return PLAIN
