"""Zip archives of reports, read member by member."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from buildgate.reports.refusal import Refuse, ReportRefused
from buildgate.reports.source import CHUNK_BYTES, RATIO_FREE_BYTES, PrefixedStream, is_zip, take

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from buildgate.reports.source import Limits

_SPOOL_BYTES: Final = 8 * 1024 * 1024


def members(
    stream: BinaryIO, name: str, limits: Limits, *, wants: Callable[[str], bool] | None = None
) -> Iterator[tuple[str, BinaryIO]]:
    """Yield name and content of each file in an archive; it is spooled, as its table of contents is at its end.

    With `wants` only the files whose path it accepts are opened, and each is named by its path even if it is the only one.
    """
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
        shutil.copyfileobj(_Capped(stream, limits.unpacked_bytes), spool, CHUNK_BYTES)
        spool.seek(0)
        try:
            archive = zipfile.ZipFile(cast("BinaryIO", spool))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
            raise Refuse("corrupt_archive", f"the zip archive is damaged: {error}") from error
        with archive:
            files = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
            if not files:
                raise Refuse("empty", "the archive holds no file")
            if len(files) > limits.archive_members:
                raise Refuse("too_many_members", f"the archive holds {len(files)} files")
            budget = _Budget(limits.unpacked_bytes)
            is_bare = len(files) == 1 and wants is None
            for member in files:
                if wants is not None and not wants(member.filename):
                    continue
                label = name if is_bare else f"{name}!{member.filename}"
                yield from _member(archive, member, label, limits, budget)


def _member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, limits: Limits, budget: _Budget
) -> Iterator[tuple[str, BinaryIO]]:
    if member.flag_bits & 1:
        raise ReportRefused(name, "encrypted_archive", "the archive is encrypted")
    most = max(member.compress_size, 1) * limits.compression_ratio
    if member.file_size > RATIO_FREE_BYTES and member.file_size > most:
        raise ReportRefused(name, "compression_ratio", "the content unpacks to far more than real reports do")
    try:
        opened = archive.open(member)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError) as error:
        raise ReportRefused(name, "corrupt_archive", f"the zip archive is damaged: {error}") from error
    with opened:
        guarded = cast("BinaryIO", _Guarded(cast("BinaryIO", opened), budget))
        start = guarded.read(4)
        if is_zip(start):
            raise ReportRefused(name, "nested_archive", "an archive lies within an archive")
        yield name, cast("BinaryIO", PrefixedStream(start, guarded))


class _Budget:
    """What all members of an archive together may unpack to: members may overlap, each within its own limits."""

    def __init__(self, bytes_left: int) -> None:
        self.bytes_left = bytes_left

    def spend(self, size: int) -> None:
        """Take from the budget; an archive beyond it is refused."""
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise Refuse("too_large", "the archive unpacks to more than the limit")


class _Guarded:
    """A member whose damage is refused by name."""

    def __init__(self, stream: BinaryIO, budget: _Budget) -> None:
        self._stream = stream
        self._budget = budget

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        try:
            data = self._stream.read(size)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise Refuse("corrupt_archive", f"the zip archive is damaged: {error}") from error
        self._budget.spend(len(data))
        return data


class _Capped:
    """A stream that is refused once it is longer than a limit."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream = stream
        self._left = limit

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        data = take(self._stream, size)
        self._left -= len(data)
        if self._left < 0:
            raise Refuse("too_large", "the archive is larger than the limit")
        return data
