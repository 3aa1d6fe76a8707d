"""Why a file was not read: an error with a reason code that never changes."""

from __future__ import annotations

from collections.abc import Sized
from typing import Final

from buildgate.domain.errors import Rejected
from buildgate.domain.measurements import Refusal

REASONS: Final[dict[str, str]] = {
    "empty": "the file holds nothing",
    "not_recognised": "no reader knows this content",
    "ambiguous": "more than one reader claims this content",
    "wrong_format": "the content is not of the format that was asked for",
    "unknown_format": "no reader has the name that was asked for",
    "malformed": "the content breaks the rules of its syntax",
    "truncated": "the content ends in the middle",
    "wrong_encoding": "the bytes are not text in the encoding they declare",
    "nul_byte": "the text holds a NUL",
    "entity_declaration": "the document declares entities, which reports never need",
    "external_entity": "the document refers to an external entity",
    "too_deep": "elements or values are nested too deeply",
    "token_too_large": "one tag or attribute is larger than any real one",
    "record_too_large": "one record is larger than any real one",
    "too_large": "the unpacked content is larger than the limit",
    "compression_ratio": "the content unpacks to far more than real reports do",
    "corrupt_archive": "the compressed data is damaged",
    "unsupported_compression": "the packing is neither gzip, zip nor tar",
    "nested_archive": "an archive lies within an archive",
    "encrypted_archive": "the archive is encrypted",
    "too_many_members": "the archive holds more files than the limit",
    "html_page": "this is a web page, such as a login form, and no report",
    "no_results": "the tool says it failed before it had any result",
    "bad_value": "a figure is no number, or impossible",
    "unreadable": "the file could not be read",
    "reader_failed": "a reader broke on this content",
}
"""Every reason code and its meaning."""


class ReportRefused(Rejected):
    """A file that is not read. Nothing about it may be taken as measured: gates answer `error`."""

    def __init__(self, name: str, reason_code: str, message: str) -> None:
        super().__init__(f"{name}: {message} ({reason_code})")
        self.name = name
        self.reason_code = reason_code
        self.message = message

    @property
    def refusal(self) -> Refusal:
        """The refusal as a value, for storage and for gates."""
        return Refusal(self.name, self.reason_code, self.message)


MOST_NAMES: Final = 500_000
"""Different names (files, rules, functions, packages) that one report may hold: more than any real one does."""


def within_bounds(held: Sized, what: str) -> None:
    """Refuse a report that makes a reader remember more names than any real report holds."""
    if len(held) > MOST_NAMES:
        raise Refuse("too_large", f"the report names more than {MOST_NAMES} {what}")


class Refuse(Exception):
    """Raised by the parts that do not know the file's name; becomes `ReportRefused` at the door."""

    def __init__(self, reason_code: str, message: str = "") -> None:
        super().__init__(message or REASONS[reason_code])
        self.reason_code = reason_code
        self.message = message or REASONS[reason_code]
