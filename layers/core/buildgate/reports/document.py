"""What a reader is given and what it gives back."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from buildgate.domain.measurements import Case, Control, Disagreement, FileCoverage, Finding, Report
from buildgate.reports import source as _source
from buildgate.reports import xml_stream
from buildgate.reports.refusal import Refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from buildgate.reports.head import Head
    from buildgate.reports.runs import Runs
    from buildgate.reports.source import Limits, Source
    from buildgate.reports.xml_stream import Elements


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller may ask of a reader beyond the measurements.

    `changed_lines` (source file -> line numbers) gives coverage on changed lines. The two sinks are called with every
    case and finding as it is read, so that a caller can store them all while the report keeps a bounded list.
    `has_identity` false counts test cases as they are listed and keeps no memory of them.
    """

    changed_lines: Mapping[str, Collection[int]] = field(default_factory=dict)
    on_case: Callable[[Case], None] | None = None
    on_finding: Callable[[Finding], None] | None = None
    has_identity: bool = True
    limits: Limits = field(default_factory=_source.Limits)


class Contents:
    """A report being filled by its reader."""

    def __init__(self) -> None:
        self.measurements: dict[str, float] = {}
        self.findings: Iterable[Finding] = ()
        self.warnings: list[str] = []
        self.cases: Iterable[Case] = ()
        self.controls: Iterable[Control] = ()
        self.files: Iterable[FileCoverage] = ()
        self.licences: Mapping[str, int] = {}
        self.disagreements: list[Disagreement] = []

    def warn(self, message: str) -> None:
        """Add a warning, once, and no more than a hundred."""
        if message not in self.warnings and len(self.warnings) < 100:
            self.warnings.append(message)

    def measure(self, name: str, value: float | None) -> None:
        """Set a measurement; None leaves it out. What is no finite number is left out with a warning."""
        if value is None:
            return
        if not math.isfinite(value):
            self.warn(f"{name} is {value}, which is no figure")
            return
        self.measurements[name] = float(value)

    def compare(self, name: str, header: float | None, *, better: int, tolerance: float = 0.0) -> None:
        """Hold a figure of the header against the recount; `better` is 1 where more is better, -1 where less is."""
        recount = self.measurements.get(name)
        if header is None or recount is None or abs(header - recount) <= tolerance:
            return
        disagreement = Disagreement(name, header, recount, (header - recount) * better > 0)
        self.disagreements.append(disagreement)
        self.warn(str(disagreement))

    def report(self, file: str, format_name: str) -> Report:
        """Return the finished report."""
        return Report(
            file=file,
            format=format_name,
            measurements={name: self.measurements[name] for name in sorted(self.measurements)},
            findings=tuple(self.findings),
            warnings=tuple(self.warnings),
            cases=tuple(self.cases),
            controls=tuple(self.controls),
            files=tuple(self.files),
            licences=dict(self.licences),
            disagreements=tuple(self.disagreements),
        )


class Document:
    """One file for one reader: its beginning, its content as a stream, and the report it becomes."""

    def __init__(self, name: str, source: Source, head: Head, options: Options) -> None:
        self.name = name
        self.source = source
        self.head = head
        self.options = options
        self.contents = Contents()

    @property
    def limits(self) -> Limits:
        """What the file may take."""
        return self.options.limits

    @property
    def warn(self) -> Callable[[str], None]:
        """Add a warning to the report."""
        return self.contents.warn

    def walk(self, elements: Elements, runs: Runs | None = None) -> None:
        """Walk the XML element by element; `runs` reach it as one element each."""
        elements.walk(self.source, self.warn, runs)

    def parse(self, prepare: Callable[[Any], None], runs: Runs | None = None) -> None:
        """Feed the XML to a parser with the reader's own handlers; the reader watches the depth."""
        xml_stream.parse(self.source, prepare, self.warn, runs)

    def texts(self) -> Iterator[str]:
        """Yield the file as pieces of text."""
        return _source.texts(self.source)

    def lines(self) -> Iterator[str]:
        """Yield the file's lines without their ends; a line beyond the record limit is refused."""
        rest, limit = "", self.limits.record_chars
        for piece in self.texts():
            *lines, rest = (rest + piece).split("\n")
            for line in lines:
                yield line.removesuffix("\r")
            if len(rest) > limit:
                raise Refuse("record_too_large", f"one line is longer than {limit} characters")
        if rest:
            yield rest.removesuffix("\r")


class Reader(Protocol):
    """One report format.

    `sniff` says how sure it is (1 to 100) that a file is of this format, from its beginning; None is no. `read` fills
    `document.contents`; it raises `Refuse` for what it cannot vouch for, and holds nothing that grows with the file.
    """

    name: str
    title: str
    reads: str
    kinds: tuple[str, ...]

    def sniff(self, head: Head) -> int | None:
        """Return how sure this reader is."""

    def read(self, document: Document) -> None:
        """Fill `document.contents`."""
