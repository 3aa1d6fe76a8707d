"""A file as a bounded stream of unpacked bytes or text, whatever it was packed and encoded with."""

from __future__ import annotations

import codecs
import io
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from buildgate.domain.errors import BuildgateError
from buildgate.reports.refusal import Refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK_BYTES: Final = 64 * 1024
HEAD_BYTES: Final = 64 * 1024
RATIO_FREE_BYTES: Final = 16 * 1024 * 1024
"""The compression ratio is looked at beyond this size only: small files compress absurdly well."""

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_OTHER_PACKERS: Final = {b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"7z\xbc\xaf": "7z"}
_BOMS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may take. Beyond these a file is refused, never read in part."""

    unpacked_bytes: int = 512 * 1024 * 1024
    compression_ratio: int = 200
    depth: int = 256
    token_bytes: int = 256 * 1024
    record_chars: int = 8 * 1024 * 1024
    archive_members: int = 1000
    findings_kept: int = 5000
    cases_kept: int = 1000
    files_kept: int = 20_000


def take(stream: BinaryIO, size: int) -> bytes:
    """Return the next bytes of a stream; one that breaks is refused.

    Raises:
        BuildgateError: What the caller's own stream says, such as Unavailable: for the caller to answer.
    """
    try:
        return stream.read(size)
    except (BuildgateError, Refuse):
        raise
    except OSError as error:
        raise Refuse("unreadable", f"the file could not be read: {error.strerror or error}") from error
    except Exception as error:
        raise Refuse("unreadable", f"the file could not be read: {type(error).__name__}: {error}") from error


def is_zip(start: bytes) -> bool:
    """Return whether a file that starts like this is a zip archive."""
    return start.startswith(_ZIP)


def is_tar(start: bytes) -> bool:
    """Return whether an unpacked file that starts like this is a tar archive."""
    return start[257:262] == b"ustar"


class Source:
    """The unpacked bytes of one file, read once, in order, within limits.

    `head` is the beginning, which is not consumed: `chunks` yields it again.
    """

    def __init__(self, stream: BinaryIO, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._packed_bytes = 0
        self._unpacked_bytes = 0
        self._stream = stream
        self._chunks = self._unpacked()
        self._held: list[bytes] = []
        self.head = b""
        self.is_whole = False
        self.grow_head(HEAD_BYTES)

    def grow_head(self, size: int) -> bool:
        """Make `head` at least `size` bytes, if the file has them; return whether it grew."""
        before = len(self.head)
        parts = [self.head]
        length = before
        while length < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                self.is_whole = True
                break
            parts.append(chunk)
            length += len(chunk)
        self.head = b"".join(parts)
        return length > before

    def chunks(self) -> Iterator[bytes]:
        """Yield the unpacked bytes from the start; only once."""
        head, self.head = self.head, b""
        if head:
            yield head
        yield from self._chunks

    def _unpacked(self) -> Iterator[bytes]:
        pieces = self._raw()
        first = next(pieces, b"")
        while len(first) < 6 and (more := next(pieces, None)) is not None:
            first += more
        for magic, packer in _OTHER_PACKERS.items():
            if first.startswith(magic):
                raise Refuse("unsupported_compression", f"the file is packed with {packer}; gzip, zip and tar are read")
        is_packed = first.startswith(_GZIP)
        for chunk in _gunzip(first, pieces) if is_packed else _chain(first, pieces):
            self._unpacked_bytes += len(chunk)
            self._check(is_packed=is_packed)
            yield chunk

    def _raw(self) -> Iterator[bytes]:
        while True:
            chunk = take(self._stream, CHUNK_BYTES)
            if not chunk:
                return
            self._packed_bytes += len(chunk)
            yield chunk

    def _check(self, *, is_packed: bool) -> None:
        size, limits = self._unpacked_bytes, self.limits
        if size > limits.unpacked_bytes:
            raise Refuse("too_large", f"the unpacked content is larger than {limits.unpacked_bytes // 1024**2} MiB")
        if is_packed and size > RATIO_FREE_BYTES and size > self._packed_bytes * limits.compression_ratio:
            raise Refuse(
                "compression_ratio", f"the content unpacks to more than {limits.compression_ratio} times its size"
            )


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _gunzip(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the unpacked pieces of a gzip file of one or more members; nothing is unpacked beyond one piece."""
    packed, unpacker = first, zlib.decompressobj(wbits=31)
    is_first = True
    try:
        while packed or (packed := next(rest, b"")):
            unpacked = unpacker.decompress(packed, CHUNK_BYTES)
            packed = unpacker.unconsumed_tail
            if unpacked:
                _refuse_nested(unpacked, is_first=is_first)
                is_first = False
                yield unpacked
            if unpacker.eof:
                packed = unpacker.unused_data.lstrip(b"\0") or next(rest, b"").lstrip(b"\0")
                if not packed:
                    return
                unpacker = zlib.decompressobj(wbits=31)
        while not unpacker.eof and (tail := unpacker.decompress(b"", CHUNK_BYTES)):
            yield tail
    except zlib.error as error:
        raise Refuse("corrupt_archive", f"the gzip data is damaged: {error}") from error
    if not unpacker.eof:
        raise Refuse("truncated", "the gzip data ends in the middle")


def _refuse_nested(start: bytes, *, is_first: bool) -> None:
    if is_first and start.startswith((_GZIP, *_ZIP)):
        raise Refuse("nested_archive", "the gzip file holds another archive")


def encoding_of(start: bytes) -> tuple[str | None, int]:
    """Return the encoding that a file's first bytes prove, and the length of its byte order mark.

    None when nothing speaks against an extension of ASCII.
    """
    for bom, name in _BOMS:
        if start.startswith(bom):
            return name, len(bom)
    if len(start) >= 4 and start[0] and not start[1] and start[2] and not start[3]:
        return "utf-16-le", 0
    if len(start) >= 4 and not start[0] and start[1] and not start[2] and start[3]:
        return "utf-16-be", 0
    return None, 0


def decoded(chunks: Iterator[bytes], encoding: str, *, skip: int = 0) -> Iterator[str]:
    """Yield text; a NUL or bytes that are not of the encoding are refused."""
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
    except LookupError as error:
        raise Refuse("wrong_encoding", f"the encoding {encoding!r} is unknown") from error
    try:
        for chunk in chunks:
            text = decoder.decode(chunk[skip:] if skip else chunk)
            skip = 0
            if "\0" in text:
                raise Refuse("nul_byte")
            if text:
                yield text
        text = decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        code = "truncated" if "unexpected end" in error.reason or "truncated" in error.reason else "wrong_encoding"
        raise Refuse(code, f"the bytes are not {encoding} text: {error.reason}") from error
    if text:
        yield text


def texts(source: Source) -> Iterator[str]:
    """Yield the file as text: by its byte order mark, else UTF-8."""
    encoding, skip = encoding_of(source.head)
    return decoded(source.chunks(), encoding or "utf-8", skip=skip)


def head_text(start: bytes) -> str:
    """Return the beginning of a file as text for recognition; what cannot be decoded is replaced."""
    encoding, skip = encoding_of(start)
    if encoding is None and start.lstrip()[:5] == b"<?xml":
        declared = declared_encoding(start)
        encoding = None if (declared or "").startswith(("utf-16", "utf16", "utf-32", "ucs")) else declared
    try:
        return start[skip:].decode(encoding or "utf-8", errors="replace")
    except LookupError:
        return start[skip:].decode("utf-8", errors="replace")


_DECLARED: Final = re.compile(rb"""^\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")


def declared_encoding(start: bytes) -> str | None:
    """Return the encoding that an XML declaration names, in lower case; None when it names none."""
    found = _DECLARED.match(start[:512])
    return found.group(1).decode("ascii").lower() if found else None


class PrefixedStream(io.RawIOBase):
    """A stream with bytes that were already taken from it put back in front."""

    def __init__(self, prefix: bytes, stream: BinaryIO) -> None:
        super().__init__()
        self._prefix = prefix
        self._stream = stream

    def readable(self) -> bool:
        """Return that it can be read; seeking it cannot."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return what was put back first, then what follows."""
        if self._prefix:
            prefix, self._prefix = self._prefix, b""
            return prefix
        return self._stream.read(size)
