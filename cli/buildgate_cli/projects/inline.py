"""The buildspec of a project whose file names none: the source's own where it may have one, else a generated one, inline.

CodeBuild looks for `buildspec.yml` at the root of the source. Only a CodeCommit repository can be asked whether it has
one. Where it certainly has none, or the project has no source, a generated buildspec is put inline: the starter that
the repository's files call for, else one that runs `make` and fails where there is no Makefile, for one that builds
nothing would turn every build green. Of any other source it cannot be known, and a buildspec inline would hide the
source's own: it is left as it is, and said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from buildgate_cli.buildspecs.generate import generate
from buildgate_cli.buildspecs.starters import starter

if TYPE_CHECKING:
    from collections.abc import Collection

    from buildgate_cli.cloud_context import CloudContext
    from buildgate_cli.projects.model import Project, Source

DEFAULT_BUILDSPEC: Final = "buildspec.yml"
BUILT_BY: Final = {
    "go": ("go.mod",),
    "java": ("pom.xml",),
    "node": ("package-lock.json", "npm-shrinkwrap.json"),
    "python": ("pyproject.toml", "requirements.txt"),
}
"""The starter for a repository whose root holds one of these files."""
_ADDRESS: Final = re.compile(r"https://git-codecommit\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/v1/repos/([\w.-]+)/?")


_SAID: Final = {"CommitDoesNotExistException": "there is no such version in it, or no commit at all yet"}
_MAKE: Final = """\
if [ ! -e Makefile ] && [ ! -e makefile ] && [ ! -e GNUmakefile ]; then
  echo "No buildspec.yml, no Makefile: push one of them, or declare buildspec: in the project's file" >&2
  exit 1
fi
make"""


def by_make() -> str:
    """Return the buildspec of a repository whose files do not say how it is built."""
    return generate({"build": [_MAKE]})


def of_no_source() -> str:
    """Return the buildspec of a project without source: the standard variables, and no command of its own."""
    return generate({"build": ['echo "This project has no source and no commands: start it with a buildspec"']})


@dataclass(frozen=True)
class Inlined:
    """What `source.buildspec` is to be, None to name none, and what to tell the person, None for nothing."""

    buildspec: str | None = None
    said: str | None = None


def inlined(cloud: CloudContext, wanted: Project, found: Project | None) -> Inlined:
    """Return what a project's source should name as its buildspec; `found` is the project as it is, None without one.

    A buildspec that a person gave the project on AWS stays. One that this function gave it goes when the repository
    has its own. Reads the repository once, changes nothing; a repository that cannot be read is said, not an error.
    """
    source = wanted.source
    if source.buildspec is not None:
        return Inlined(source.buildspec)
    kept = found.source.buildspec if found else None
    is_ours = kept in {*(starter(kind) for kind in BUILT_BY), by_make(), of_no_source()}
    if kept and not is_ours:
        return Inlined(kept)
    if source.type == "NO_SOURCE":
        return Inlined(
            of_no_source(), "there is no source: the generated buildspec is inline, and runs no command of yours"
        )
    repository = repository_of(cloud, source)
    if repository is None:
        return Inlined(kept, f"uses the source's {DEFAULT_BUILDSPEC}; whether it has one cannot be seen from here")
    try:
        names = _root(cloud, repository, wanted.source_version)
    except _UnreadableError as error:
        return Inlined(kept, f"uses {repository}'s {DEFAULT_BUILDSPEC}; whether it has one is not known: {error}")
    if DEFAULT_BUILDSPEC in names:
        gone = f"{repository} has its own {DEFAULT_BUILDSPEC} now: the generated one goes"
        return Inlined("", gone) if is_ours else Inlined()
    return _generated(repository, names)


def _generated(repository: str, names: Collection[str]) -> Inlined:
    kinds = [kind for kind, files in BUILT_BY.items() if any(file in names for file in files)]
    if len(kinds) == 1:
        said = f"{repository} has no {DEFAULT_BUILDSPEC}: the generated one for {kinds[0]} is inline"
        return Inlined(starter(kinds[0]), said)
    why = f"its files fit {' and '.join(kinds)}" if kinds else "its files do not say how it is built"
    fix = "push one (`buildgate buildspec new`), or declare `buildspec:` in the project file"
    said = f"{repository} has no {DEFAULT_BUILDSPEC}, and {why}: the generated one is inline and runs make; {fix}"
    return Inlined(by_make(), said)


class _UnreadableError(Exception):
    """The repository did not say what it holds."""


def repository_of(cloud: CloudContext, source: Source) -> str | None:
    """Return the name of the CodeCommit repository of a source; None when this cloud does not hold it."""
    location = source.location or ""
    if source.type != "CODECOMMIT":
        return None
    match = _ADDRESS.fullmatch(location)
    if match is not None:
        return match[2] if match[1] == cloud.region else None
    folder, _, name = location.rpartition("/")
    return name.removesuffix(".git") if cloud.kind == "local" and folder else None


def _root(cloud: CloudContext, repository: str, version: str | None) -> set[str]:
    """Return the names at the root of a repository, at a version or its default branch; raises _UnreadableError."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # the SDK, only where it is used

    at = {"commitSpecifier": version} if version else {}
    try:
        client = cloud.client("codecommit", is_quick=True)
        folder = client.get_folder(repositoryName=repository, folderPath="/", **at)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise _UnreadableError(_SAID.get(code, code)) from None
    except BotoCoreError as error:
        raise _UnreadableError(type(error).__name__) from None
    rows = [*folder.get("files", []), *folder.get("symbolicLinks", [])]
    return {str(row["relativePath"]) for row in rows}
