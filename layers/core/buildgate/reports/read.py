"""Read any report: unpack it, recognise it by its content, and hand it to its reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final, cast

from buildgate.domain.errors import BuildgateError
from buildgate.reports import registry
from buildgate.reports.document import Document, Options
from buildgate.reports.head import Head, head_of
from buildgate.reports.refusal import Refuse, ReportRefused
from buildgate.reports.source import PrefixedStream, Source, is_tar, is_zip, take

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildgate.domain.measurements import Report
    from buildgate.reports.document import Reader

_SURE: Final = 80
_WIDE_HEAD_BYTES: Final = 1024 * 1024


def read(stream: BinaryIO, *, name: str, format: str | None = None, options: Options | None = None) -> Report:  # noqa: A002  # the word every caller uses
    """Return what one report file says.

    The format is recognised from the content unless it is given. An archive must hold one report; `read_all` reads
    archives of several.

    Raises:
        ReportRefused: The file is not read; `reason_code` says why. Nothing else leaves here, whatever the bytes, but the
            Buildgate errors that the stream itself raises.
    """
    reports = read_all(stream, name=name, format=format, options=options)
    first = next(reports)
    if next(reports, None) is not None:
        raise ReportRefused(name, "ambiguous", "the archive holds several reports; read them one by one")
    return first


def read_all(
    stream: BinaryIO,
    *,
    name: str,
    format: str | None = None,  # noqa: A002  # see read
    options: Options | None = None,
) -> Iterator[Report]:
    """Yield the reports of one file: one, or those of a zip or tar archive under the names `archive.zip!member`.

    Raises:
        ReportRefused: For the file, or for the first member that is not read.
    """
    options = options or Options()
    try:
        start = take(stream, 4)
        whole = cast("BinaryIO", PrefixedStream(start, stream))
        if is_zip(start):
            from buildgate.reports.archive import members  # noqa: PLC0415  # a function that reads no archive loads none

            for member, opened in members(whole, name, options.limits):
                yield _read_member(opened, member, format, options)
            return
        source = Source(whole, options.limits)
        if not is_tar(source.head):
            yield _read_source(source, name, format, options)
            return
        from buildgate.reports.tar import tar_members  # noqa: PLC0415  # the same

        for member, opened in tar_members(source, name):
            yield _read_member(opened, member, format, options)
    except Refuse as refused:
        raise ReportRefused(name, refused.reason_code, refused.message) from refused
    except OSError as error:
        raise ReportRefused(name, "unreadable", f"the file could not be read: {error.strerror or error}") from error


def _read_source(source: Source, name: str, format_name: str | None, options: Options) -> Report:
    head = head_of(source.head)
    try:
        reader = _chosen(source, head, format_name)
        document = Document(name, source, head_of(source.head), options)
        reader.read(document)
    except (Refuse, BuildgateError):
        raise
    except RecursionError as error:
        raise Refuse("too_deep", "values are nested too deeply") from error
    except MemoryError as error:
        raise Refuse("too_large", "the content does not fit in memory") from error
    except Exception as error:  # a reader, perhaps a user's, met content it was not written for: an error, no pass
        raise Refuse("reader_failed", f"the reader broke: {type(error).__name__}: {error}") from error
    return document.contents.report(name, reader.name)


def _read_member(stream: BinaryIO, name: str, format_name: str | None, options: Options) -> Report:
    try:
        source = Source(stream, options.limits)
        _refuse_archive(source)
        return _read_source(source, name, format_name, options)
    except Refuse as refused:
        raise ReportRefused(name, refused.reason_code, refused.message) from refused


def _refuse_archive(source: Source) -> None:
    if is_tar(source.head) or is_zip(source.head):
        raise Refuse("nested_archive", "an archive lies within an archive")


def _chosen(source: Source, head: Head, format_name: str | None) -> Reader:
    if format_name is not None:
        return _asked_for(head, format_name)
    claims = _claims(head)
    if not claims and source.grow_head(_WIDE_HEAD_BYTES):
        claims = _claims(head_of(source.head))
    if not claims:
        raise Refuse("html_page" if head.is_html else "not_recognised", _unknown(head))
    best = max(score for score, _ in claims)
    winners = [reader for score, reader in claims if score == best]
    if len(winners) > 1:
        names = ", ".join(sorted(reader.name for reader in winners))
        raise Refuse("ambiguous", f"the content may be any of {names}: say which with --format")
    return winners[0]


def _asked_for(head: Head, format_name: str) -> Reader:
    """Return the reader that was asked for, if the content can be its own: a wrong reader would find nothing."""
    if head.is_html:
        raise Refuse("html_page")
    readers = [registry.reader(name) for name in registry.FAMILIES.get(format_name, (format_name,))]
    for reader in readers:
        if head.kind in reader.kinds and reader.sniff(head):
            return reader
    bare = "".join(head.text.split())
    for reader in readers:
        is_empty = (bare in {"[]", "null"} and reader.name in registry.EMPTY_LISTS) or (
            bare == "{}" and reader.name == "opa"
        )
        if is_empty or getattr(reader, "takes_any", False):
            return reader
    others = sorted(reader.name for score, reader in _claims(head) if score >= _SURE)
    looks = f"it looks like {' or '.join(others)}" if others else _unknown(head)
    raise Refuse("wrong_format", f"the content is not {format_name}: {looks}")


def _claims(head: Head) -> list[tuple[int, Reader]]:
    """Return the readers that know this content: ours, or else those of users."""
    for readers in (registry.candidates, registry.plugged):
        found = [(reader.sniff(head), reader) for reader in readers(head.kind)]
        claims = [(score, reader) for score, reader in found if score]
        if claims:
            return claims
    return []


def _unknown(head: Head) -> str:
    if head.is_html:
        return "this is a web page, such as a login form, and no report"
    if head.kind == "xml":
        return f"no reader knows an XML document <{head.root.name[:60]}>"
    if head.kind.startswith("json"):
        keys = ", ".join(sorted(path for path in head.paths if "." not in path and "[" not in path)[:8])
        return f"no reader knows this JSON ({keys})" if keys else "no reader knows this JSON"
    return "no reader knows this text"
