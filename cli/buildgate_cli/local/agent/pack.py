"""ZIP archives: packed from collected files, and unpacked."""

import hashlib
import stat
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from buildgate_cli.local.agent.build import CollectedFile

_UNIX = 3
"""Of an entry that a Unix wrote: its attributes hold the file's mode."""


@dataclass(frozen=True)
class Packed:
    path: Path
    sha256: str
    md5: str


def zipped(files: Iterable[CollectedFile], path: Path, *, keeps_links: bool = False) -> Packed:
    """Write a ZIP archive and return it with its checksums in hex. File modes and times are kept.

    A symbolic link becomes what it leads to, or stays a link with `keeps_links`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for file in files:
            if keeps_links and file.path.is_symlink():
                link = zipfile.ZipInfo(file.name)
                link.create_system = _UNIX
                link.external_attr = (stat.S_IFLNK | 0o777) << 16
                archive.writestr(link, str(file.path.readlink()))
            else:
                archive.write(file.path, file.name)
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        stream.seek(0)
        md5 = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return Packed(path, sha256, md5)


def unzip(archive: Path, folder: Path) -> None:
    """Unpack below the folder, keeping modes; names that point outside are moved inside by zipfile.

    Links come last, so that nothing is written through one; those that lead outside are left out.
    """
    links: dict[Path, str] = {}
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            kind = entry.external_attr >> 16
            if entry.create_system == _UNIX and stat.S_ISLNK(kind):
                links[Path(opened.extract(entry, folder))] = opened.read(entry).decode("utf-8", "surrogateescape")
                continue
            path = Path(opened.extract(entry, folder))
            if kind & 0o777 and not entry.is_dir():
                path.chmod(kind & 0o777 | 0o600)
    for path, target in links.items():
        path.unlink()
        path.symlink_to(target)
    inside = folder.resolve()
    for path in links:  # once all are there: one may lead on by way of another
        if not _leads_inside(path, inside):
            path.unlink()


def _leads_inside(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder)
    except (OSError, RuntimeError):  # links in a circle
        return False
