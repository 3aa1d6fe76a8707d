"""What a kind of repository is, and how its files are read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

MAKE_REPORTS: Final = "mkdir -p reports"
MOST_BYTES: Final = 1_000_000
"""No more of a file is read to find out what a repository is."""


class Reported(NamedTuple):
    """Reports of one format that a build leaves: the group's name, CodeBuild's format, the files below a folder."""

    group: str
    file_format: str
    files: str
    folder: str = "reports"


@dataclass(frozen=True)
class Kind:
    """One way to test a repository: the commands, and the reports that they leave."""

    name: str
    install: tuple[str, ...]
    test: tuple[str, ...]
    reports: tuple[Reported, ...] = ()


def junit(files: str = "junit.xml", folder: str = "reports") -> Reported:
    """Return JUnit files as the group `tests`."""
    return Reported("tests", "JUNITXML", files, folder)


def cobertura(files: str) -> Reported:
    """Return Cobertura files of the folder `reports` as the group `coverage`."""
    return Reported("coverage", "COBERTURAXML", files)


def text_of(file: Path) -> str:
    """Return the beginning of a file as text; empty where it is none or cannot be read."""
    try:
        with file.open("rb") as stream:
            return stream.read(MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def has_make_target(folder: Path, target: str) -> bool:
    """Tell whether the folder's Makefile has such a target."""
    return re.search(rf"^{target}\s*:", text_of(folder / "Makefile"), re.MULTILINE) is not None
