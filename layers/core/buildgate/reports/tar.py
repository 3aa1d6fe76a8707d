"""Tar archives of reports, read member by member as they come: nothing is spooled, and nothing is written to disk.

The format is that of POSIX `ustar` and `pax` and of GNU's long names (tar(5)). A header is 512 bytes: name at 0, size at
124, checksum at 148, type at 156, magic at 257, prefix at 345; content follows, filled up to 512 bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final, cast

from buildgate.reports.refusal import Refuse
from buildgate.reports.source import is_tar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildgate.reports.source import Source

_BLOCK: Final = 512
_LONGEST_NAME: Final = 64 * 1024
_FILES: Final = frozenset({b"0", b"\0", b"7"})
_NAMED: Final = {b"L": "gnu", b"x": "pax"}
_PASSED_BY: Final = frozenset({b"1", b"2", b"3", b"4", b"5", b"6", b"g", b"K"})


def tar_members(source: Source, name: str) -> Iterator[tuple[str, BinaryIO]]:
    """Yield name and content of each file; a content that is not read to its end is passed over.

    The source's own limits hold for the whole of the archive.
    """
    stream = _Bytes(source.chunks())
    told, files = "", 0
    while header := stream.header():
        kind, size = header[156:157], _size(header)
        if kind in _NAMED:
            if size > _LONGEST_NAME:
                raise Refuse("corrupt_archive", "the tar archive names a file by more than 64 KiB")
            told = _told(_NAMED[kind], stream.take(size)) or told
        elif kind in _FILES:
            files += 1
            if files > source.limits.archive_members:
                raise Refuse("too_many_members", f"the archive holds more than {source.limits.archive_members} files")
            member = _Member(stream, size)
            yield f"{name}!{told or _name(header)}", cast("BinaryIO", member)
            member.skip()
            told = ""
        elif kind in _PASSED_BY:
            stream.pass_by(size)
            told = told if kind in b"gK" else ""
        else:
            raise Refuse("corrupt_archive", f"the tar archive holds a file of the unknown type {kind!r}")
        stream.pass_by(-size % _BLOCK)
    if not files:
        raise Refuse("empty", "the archive holds no file")


class _Bytes:
    """The bytes of an archive, in order."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = b""

    def some(self, most: int) -> bytes:
        """Return between one byte and `most`; none at the end."""
        while not self._held:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._held = chunk
        piece, self._held = self._held[:most], self._held[most:]
        return piece

    def take(self, size: int) -> bytes:
        """Return exactly so many bytes."""
        parts = []
        while size:
            piece = self.some(size)
            if not piece:
                raise Refuse("truncated", "the tar archive ends in the middle")
            parts.append(piece)
            size -= len(piece)
        return b"".join(parts)

    def pass_by(self, size: int) -> None:
        """Leave out so many bytes."""
        while size:
            piece = self.some(size)
            if not piece:
                raise Refuse("truncated", "the tar archive ends in the middle")
            size -= len(piece)

    def header(self) -> bytes:
        """Return the next header; nothing at the two empty blocks of the end, which some writers leave out."""
        first = self.some(1)
        if not first:
            return b""
        header = first + self.take(_BLOCK - 1)
        if not header.strip(b"\0"):
            return b""
        if not is_tar(header) or sum(header[:148]) + sum(header[156:]) + 8 * 32 != _number(header[148:156]):
            raise Refuse("corrupt_archive", "the tar archive is damaged: a header is not one")
        return header


class _Member:
    """The content of one file."""

    def __init__(self, stream: _Bytes, size: int) -> None:
        self._stream = stream
        self._left = size

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        if not wanted:
            return b""
        piece = self._stream.some(wanted)
        if not piece:
            raise Refuse("truncated", "the tar archive ends in the middle")
        self._left -= len(piece)
        return piece

    def skip(self) -> None:
        """Leave out what was not read."""
        self._stream.pass_by(self._left)
        self._left = 0


def _number(field: bytes) -> int:
    """Return an octal number; one with its first bit set is binary, as GNU writes sizes from 8 GiB on."""
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    try:
        return int(field.strip(b" \0") or b"0", 8)
    except ValueError as error:
        raise Refuse("corrupt_archive", "the tar archive is damaged: a number is not one") from error


def _size(header: bytes) -> int:
    return _number(header[124:136])


def _name(header: bytes) -> str:
    name, prefix = (header[start:end].split(b"\0", 1)[0] for start, end in ((0, 100), (345, 500)))
    whole = prefix + b"/" + name if prefix and header[257:263] == b"ustar\0" else name
    return whole.decode("utf-8", errors="replace")


def _told(kind: str, content: bytes) -> str:
    """Return the name that an extra header gives to the next file; nothing if it tells something else."""
    if kind == "gnu":
        return content.split(b"\0", 1)[0].decode("utf-8", errors="replace")
    for record in content.split(b"\n"):
        key, _, value = record.partition(b" ")[2].partition(b"=")
        if key == b"path":
            return value.decode("utf-8", errors="replace")
    return ""
