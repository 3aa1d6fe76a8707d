"""Applies `fix` to files: writes in one step, keeps the encoding mark and line ends, shows what changed."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buildgate_cli.buildspecs import tree
from buildgate_cli.buildspecs.fix import fix
from buildgate_cli.buildspecs.model import BuildspecError
from buildgate_cli.buildspecs.targets import STDIN

if TYPE_CHECKING:
    from buildgate_cli.buildspecs.targets import Source


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one file. `shown` is the diff of a dry run, or the mended text of standard input."""

    file: str
    codes: tuple[str, ...]
    shown: str = ""

    def to_data(self) -> dict[str, Any]:
        return {"file": self.file, "mended": dict(sorted(Counter(self.codes).items())), "diff": self.shown}


def mend(source: Source, *, dry_run: bool) -> Change:
    """Mend one file, or only show how. A file that is not UTF-8 is left alone; safe to repeat."""
    data = source.data
    try:
        text = tree.decode(data)
    except BuildspecError:
        return Change(source.name, ())
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Change(source.name, ())  # UTF-16: rewriting it is for a person
    mended, codes = fix(text)
    if source.name == STDIN and not dry_run:
        return Change(source.name, codes, mended)
    if dry_run:
        names = (f"a/{source.name}", f"b/{source.name}")
        diff = difflib.unified_diff(text.splitlines(keepends=True), mended.splitlines(keepends=True), *names)
        return Change(source.name, codes, "".join(diff))
    if mended != text:
        mark = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
        _replace(Path(source.name), mark + mended.encode())
    return Change(source.name, codes)


def _replace(path: Path, data: bytes) -> None:
    """Write a file in one step, so that an interruption leaves the old one or the new one; the mode stays."""
    path = path.resolve()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(path.stat().st_mode & 0o7777)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
