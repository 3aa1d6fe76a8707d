"""XML read as a stream by the standard library's expat, with everything a hostile document could use switched off.

Refused: entity declarations, external entities, nesting beyond the limit, tags beyond the size limit. A DOCTYPE is
let through and never resolved. Control characters that XML does not allow, which test runners write when a message
holds terminal colours, are replaced by `?` and reported as a warning.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Any, Final, NoReturn
from xml.parsers import expat

from buildgate.reports.refusal import Refuse
from buildgate.reports.source import declared_encoding, decoded, encoding_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from buildgate.reports.runs import Runs
    from buildgate.reports.source import Source

Attributes = dict[str, str]

_CONTROLS: Final = bytes(code for code in range(0x20) if code not in (0x09, 0x0A, 0x0D))
_WITHOUT_CONTROLS: Final = bytes(0x3F if code in _CONTROLS else code for code in range(256))
_REFERENCE: Final = re.compile(rb"&#(?:x([0-9a-fA-F]{1,8})|([0-9]{1,10}));")
_NATIVE: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1"})
_UTF8: Final = frozenset({None, "utf-8", "utf8", "us-ascii", "ascii"})
_NOT_TEXT: Final = frozenset({"utf_7", "unicode_escape", "raw_unicode_escape", "idna", "punycode", "undefined"})
_LONGEST_REFERENCE: Final = 16
_TRUNCATED: Final = frozenset(
    {
        expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS],
        expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN],
        expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION],
        expat.errors.codes[expat.errors.XML_ERROR_PARTIAL_CHAR],
    }
)
_INVALID_TOKEN: Final = expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]
_AMPLIFIED: Final = expat.errors.codes.get(getattr(expat.errors, "XML_ERROR_AMPLIFICATION_LIMIT_BREACH", ""), -1)


def new_parser(encoding: str | None = None) -> Any:
    """Return an expat parser that refuses entities; the caller sets its handlers."""
    parser = expat.ParserCreate(encoding)
    parser.buffer_text = True
    parser.specified_attributes = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.EntityDeclHandler = _refuse_entity
    parser.UnparsedEntityDeclHandler = _refuse_entity
    parser.ExternalEntityRefHandler = _refuse_external
    return parser


def _refuse_entity(name: str, *_: object) -> NoReturn:
    raise Refuse("entity_declaration", f"the document declares the entity {name[:40]!r}")


def _refuse_external(*_: object) -> NoReturn:
    raise Refuse("external_entity")


def parse(
    source: Source, prepare: Callable[[Any], None], warn: Callable[[str], None], runs: Runs | None = None
) -> None:
    """Feed a whole file through a parser that `prepare` has given its handlers; `runs` are taken out first."""
    declared = declared_encoding(source.head)
    encoding, chunks = _prepared(source, warn)
    if runs is not None and (encoding == "utf-8" or declared in _UTF8):
        chunks = runs.rewrite(chunks)
    parser = new_parser(encoding)
    prepare(parser)
    feed(parser, chunks, limit=source.limits.token_bytes)


def feed(parser: Any, chunks: Iterator[bytes], *, limit: int) -> None:
    """Feed pieces of a document; a tag longer than `limit`, broken or cut off XML is refused with its line."""
    fed, piece = 0, b""
    try:
        for piece in chunks:
            parser.Parse(piece, False)
            fed += len(piece)
            if fed - parser.CurrentByteIndex > limit + len(piece):
                raise Refuse(
                    "token_too_large",
                    f"a tag or comment near line {parser.CurrentLineNumber} is larger than {limit} bytes",
                )
        piece = b""
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise _refusal(error, piece, parser.ErrorByteIndex - fed) from error


def _refusal(error: expat.ExpatError, piece: bytes, index: int) -> Refuse:
    where = f"line {error.lineno}, column {error.offset + 1}"
    reason = expat.errors.messages.get(error.code, "broken XML")
    if error.code in _TRUNCATED:
        return Refuse("truncated", f"the XML ends in the middle at {where}: {reason}")
    if error.code == _AMPLIFIED:
        return Refuse("entity_declaration", "the document's entities expand without end")
    if error.code == _INVALID_TOKEN and 0 <= index < len(piece) and piece[index] >= 0x80:
        return Refuse("wrong_encoding", f"the bytes at {where} are not text of the declared encoding")
    return Refuse("malformed", f"the XML is broken at {where}: {reason}")


def _prepared(source: Source, warn: Callable[[str], None]) -> tuple[str | None, Iterator[bytes]]:
    """Return the encoding to force on the parser (None: as declared) and the bytes to feed it."""
    start = source.head
    proven, bom_length = encoding_of(start)
    chunks = source.chunks()
    if proven and proven != "utf-8":
        return "utf-8", _without_controls(_as_utf8(chunks, proven, bom_length), warn)
    declared = declared_encoding(start[bom_length:])
    if declared is None or declared in _NATIVE:
        return ("utf-8" if proven else None), _without_controls(_trimmed(chunks, bom_length), warn)
    if declared.startswith(("utf-16", "utf16", "utf-32", "ucs")):
        warn(f"the XML declares {declared} but is not; read as UTF-8")
        return "utf-8", _without_controls(_trimmed(chunks, bom_length), warn)
    return "utf-8", _without_controls(_as_utf8(chunks, _text_codec(declared), bom_length), warn)


def _text_codec(name: str) -> str:
    try:
        codec = codecs.lookup(name)
    except LookupError as error:
        raise Refuse("wrong_encoding", f"the encoding {name!r} is unknown") from error
    if codec.name.replace("-", "_") in _NOT_TEXT or not getattr(codec, "_is_text_encoding", True):
        raise Refuse("wrong_encoding", f"the encoding {name!r} is not one of documents")
    return codec.name


def _as_utf8(chunks: Iterator[bytes], encoding: str, skip: int) -> Iterator[bytes]:
    is_first = True
    for text in decoded(chunks, encoding, skip=skip):
        yield (text.lstrip() if is_first else text).encode("utf-8", errors="replace")
        is_first = False


def _trimmed(chunks: Iterator[bytes], skip: int) -> Iterator[bytes]:
    """Drop a byte order mark and blanks before the first tag, which XML forbids and tools write."""
    is_first = True
    for chunk in chunks:
        if not is_first:
            yield chunk
        elif rest := chunk[skip:].lstrip():
            is_first = False
            yield rest


def _without_controls(chunks: Iterator[bytes], warn: Callable[[str], None]) -> Iterator[bytes]:
    """Replace control characters, raw or as references; a NUL is refused. A reference cut by a border is kept whole."""
    rest, has_warned = b"", False
    for chunk in chunks:
        data = rest + chunk if rest else chunk
        rest = b""
        cut = data.rfind(b"&", max(0, len(data) - _LONGEST_REFERENCE))
        if cut >= 0 and b";" not in data[cut:]:
            data, rest = data[:cut], data[cut:]
        if b"\0" in data:
            raise Refuse("nul_byte")
        clean = data
        if len(data.translate(None, _CONTROLS)) != len(data):
            clean = data.translate(_WITHOUT_CONTROLS)
        if b"&#" in clean:
            clean = _REFERENCE.sub(_allowed_reference, clean)
        if clean is not data and not has_warned and clean != data:
            has_warned = True
            warn("control characters that XML does not allow were replaced by '?'")
        yield clean
    if rest:
        yield rest


def _allowed_reference(found: re.Match[bytes]) -> bytes:
    code = int(found.group(1), 16) if found.group(1) else int(found.group(2))
    is_allowed = (
        code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF
    )
    return found.group(0) if is_allowed else b"?"


def local_name(name: str) -> str:
    """Return an element's name without its namespace prefix."""
    return name.rpartition(":")[2] if ":" in name else name


class Elements:
    """A document walked element by element: subclasses get `start` and `end` with local names.

    `path` holds the open elements, the current one last. The text of elements named in `texts` is given to `end`,
    cut at `text_chars`; of all others it is "".
    """

    texts: frozenset[str] = frozenset()
    text_chars: int = 4096

    def __init__(self) -> None:
        self.path: list[str] = []
        self._parser: Any = None
        self._depth_limit = 0
        self._text: list[str] = []
        self._text_length = 0
        self._runs: Runs | None = None

    def walk(self, source: Source, warn: Callable[[str], None], runs: Runs | None = None) -> None:
        """Read the whole document; a run is an element named `runs.STAND_IN`."""
        self._depth_limit = source.limits.depth
        self._runs = runs
        parse(source, self._prepare, warn, runs)

    def run(self, attributes: Attributes) -> dict[str, Sequence[str]]:
        """Return the columns of the run that a stand-in stands for."""
        if self._runs is None:
            raise Refuse("malformed")
        return self._runs.take(attributes)

    def _prepare(self, parser: Any) -> None:
        self._parser = parser
        parser.StartElementHandler = self._on_start
        parser.EndElementHandler = self._on_end

    def _on_start(self, name: str, attributes: Attributes) -> None:
        name = local_name(name)
        self.path.append(name)
        if len(self.path) > self._depth_limit:
            raise Refuse("too_deep", f"elements are nested more than {self._depth_limit} deep")
        if name in self.texts:
            self._text, self._text_length = [], 0
            self._parser.CharacterDataHandler = self._on_text
        self.start(name, attributes)

    def _on_end(self, name: str) -> None:
        name = self.path[-1]
        text = ""
        if name in self.texts:
            text = "".join(self._text)
            self._parser.CharacterDataHandler = None
            self._text = []
        self.end(name, text)
        self.path.pop()

    def _on_text(self, data: str) -> None:
        if self._text_length < self.text_chars:
            self._text.append(data[: self.text_chars - self._text_length])
            self._text_length += len(data)

    def start(self, name: str, attributes: Attributes) -> None:
        """Take an element's start; `path` ends with it."""

    def end(self, name: str, text: str) -> None:
        """Take an element's end; `path` still ends with it."""
