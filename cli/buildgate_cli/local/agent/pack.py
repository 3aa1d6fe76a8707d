"""ZIP archives: packed from collected files, and unpacked."""

import hashlib
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from buildgate_cli.local.agent.build import CollectedFile


@dataclass(frozen=True)
class Packed:
    path: Path
    sha256: str
    md5: str


def zipped(files: Iterable[CollectedFile], path: Path) -> Packed:
    """Write a ZIP archive and return it with its checksums in hex. File modes and times are kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for file in files:
            archive.write(file.path, file.name)
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        stream.seek(0)
        md5 = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return Packed(path, sha256, md5)


def unzip(archive: Path, folder: Path) -> None:
    """Unpack below the folder, keeping modes; names that point outside are moved inside by zipfile."""
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            path = Path(opened.extract(entry, folder))
            mode = entry.external_attr >> 16 & 0o777
            if mode and not entry.is_dir():
                path.chmod(mode | 0o600)
