"""An archive of code is unpacked once, and every process of a handler finds the same files.

As shipped, each process unpacks the function and all of its layers again: a dozen times for one push, each as dear as
the start of the handler itself. As on AWS, handlers have no business writing where their code lies.
"""

from __future__ import annotations

import hashlib
import importlib
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import Any, Final, Self

from .fitting import Function, Seam

_RUNTIME: Final = "ministack.core.lambda_runtime"

SEAM = Seam("unpacking")
SEAM.needs(_RUNTIME, "zipfile.ZipFile")


@SEAM.replaces(_RUNTIME, "_worker_script_extension", "runtime")
def unpack_once(original: Function) -> Function:
    """Let the module that starts handlers find archives already unpacked."""
    importlib.import_module(_RUNTIME).zipfile = _Zipfile(Unpacked())  # type: ignore[attr-defined]
    return original


class Unpacked:
    """Folders with the files of archives, by content; they lie with the emulator's temporary files and go with them."""

    def __init__(self) -> None:
        self._folders: dict[bytes, Path] = {}
        self._one_at_a_time = threading.Lock()

    def holds(self, digest: bytes) -> bool:
        return digest in self._folders

    def folder(self, digest: bytes, archive: zipfile.ZipFile) -> Path:
        """Return the folder with the files of an archive, unpacking it when it is the first of its content."""
        with self._one_at_a_time:
            found = self._folders.get(digest)
            if found is None:
                found = Path(tempfile.mkdtemp(prefix="unpacked-"))
                archive.extractall(found)
                self._folders[digest] = found
            return found


class _Zipfile:
    """The module `zipfile` as the emulator's module of handlers sees it."""

    def __init__(self, unpacked: Unpacked) -> None:
        self._unpacked = unpacked

    def __getattr__(self, name: str) -> Any:
        return getattr(zipfile, name)

    def ZipFile(self, path: str) -> _Archive:  # noqa: N802 - the name it stands for
        return _Archive(path, self._unpacked)


class _Archive:
    """One archive, with as much of `zipfile.ZipFile` as the emulator uses."""

    def __init__(self, path: str, unpacked: Unpacked) -> None:
        self._archive = zipfile.ZipFile(path)
        self._unpacked = unpacked
        self._digest = hashlib.blake2b(Path(path).read_bytes()).digest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def namelist(self) -> list[str]:
        """Return the names still to be checked: none of an archive that was unpacked before."""
        return [] if self._unpacked.holds(self._digest) else self._archive.namelist()

    def extractall(self, folder: str) -> None:
        """Make an empty folder lead to the files."""
        found = self._unpacked.folder(self._digest, self._archive)
        Path(folder).rmdir()
        Path(folder).symlink_to(found, target_is_directory=True)
