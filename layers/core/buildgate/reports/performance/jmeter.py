"""JMeter's results, JTL: CSV in its many spellings, and XML."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from buildgate.reports.performance.tally import Requests
from buildgate.reports.refusal import Refuse
from buildgate.reports.xml_stream import Elements

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_SEPARATORS: Final = (",", ";", "\t", "|")
_DEFAULT: Final = (
    "timeStamp", "elapsed", "label", "responseCode", "responseMessage", "threadName", "dataType", "success",
)  # fmt: skip
_FORMATS: Final = (
    "%Y/%m/%d %H:%M:%S.%f",
    "%Y/%m/%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S",
    "%m/%d/%y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
)
_TRANSACTION: Final = re.compile(r"Number of samples in transaction : (\d{1,9})")
_LONGEST_MS: Final = 1e12
_SECONDS_BEFORE: Final = 100_000_000_000.0
"""A time stamp below this is in seconds; above, in milliseconds."""


class JmeterCsv:
    """Reader of JTL as CSV."""

    name = "jmeter-csv"
    title = "JMeter CSV"
    reads = "performance"
    kinds = ("text",)

    def sniff(self, head: Head) -> int | None:
        """A header with elapsed, or a first line of JMeter's default columns."""
        first = head.text.lstrip("\ufeff \t\r\n").partition("\n")[0].strip()
        for separator in _SEPARATORS:
            fields = _fields(first, separator)
            if "elapsed" in fields and {"timeStamp", "label", "success", "responseCode"} & set(fields):
                return 90
            if _is_default_row(fields):
                return 70
        return None

    def read(self, document: Document) -> None:
        """Count the samples; transaction controllers, which only sum up samples, are left out."""
        samples = _Samples(document)
        rows = _rows(document)
        first = next(rows, None)
        if first is None:
            raise Refuse("empty")
        samples.columns_of(first)
        for row in rows:
            if row:
                samples.take(row)
        samples.requests.finish()


def _fields(line: str, separator: str) -> list[str]:
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=separator), [])]
    except csv.Error:
        return []


def _is_default_row(fields: Sequence[str]) -> bool:
    return (
        len(fields) >= len(_DEFAULT)
        and fields[1].isdecimal()
        and fields[7].lower() in {"true", "false"}
        and _epoch_ms(fields[0]) is not None
    )


def _rows(document: Document) -> Iterator[list[str]]:
    """Yield rows; the separator is the one that the first line has most of."""
    lines = (f"{line}\n" for line in document.lines())
    first = ""
    for line in lines:
        if line.strip("\ufeff \t\r\n"):
            first = line.lstrip("\ufeff")
            break
    separator = max(_SEPARATORS, key=first.count)
    limit = csv.field_size_limit(document.limits.token_bytes)
    try:
        yield from csv.reader(_again(first, lines), delimiter=separator, strict=True)
    except csv.Error as error:
        code = "truncated" if "end of data" in str(error) else "malformed"
        raise Refuse(code, f"the CSV is broken: {error}") from error
    finally:
        csv.field_size_limit(limit)


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


class _Mixed:
    """Samples and transactions, which sum samples up.

    JMeter lists a transaction beside its samples, or alone in place of them. Its message says how many they are: where
    the file lists at least as many samples, transactions would count them again; else both count.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.samples = Requests(document)
        self.all = Requests(document)
        self.summed = 0

    def add(self, elapsed_ms: int, message: str, *, is_failed: bool, started_ms: float | None) -> None:
        """Count one sample or transaction."""
        self.all.add(elapsed_ms, is_failed=is_failed, started_ms=started_ms)
        found = _TRANSACTION.match(message)
        if found:
            self.summed += int(found.group(1))
        else:
            self.samples.add(elapsed_ms, is_failed=is_failed, started_ms=started_ms)

    def finish(self) -> None:
        """Set the measurements."""
        if self.samples.total >= self.summed:
            self.samples.finish()
            return
        self.document.warn("transactions stand for samples that are not listed; they are counted as requests")
        self.all.finish()


class _Samples:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.requests = _Mixed(document)
        self.columns: dict[str, int] = {}
        self.row = 1

    def columns_of(self, first: list[str]) -> None:
        """Take the header, or JMeter's default columns if the first row is a sample already."""
        if "elapsed" in first:
            self.columns = {name.strip(): index for index, name in enumerate(first)}
            if "success" not in self.columns and "responseCode" not in self.columns:
                raise Refuse("bad_value", "the columns do not say which samples failed")
            return
        if not _is_default_row(first):
            raise Refuse("wrong_format", "the first line is neither a header nor a sample of JMeter")
        self.columns = {name: index for index, name in enumerate(_DEFAULT)}
        self.document.warn("the file has no header; JMeter's default columns are taken")
        self.take(first)

    def get(self, row: list[str], name: str) -> str:
        index = self.columns.get(name, -1)
        return row[index].strip() if 0 <= index < len(row) else ""

    def take(self, row: list[str]) -> None:
        self.row += 1
        elapsed = self.get(row, "elapsed")
        elapsed_ms = _elapsed_ms(elapsed, f"row {self.row}")
        success = self.get(row, "success").lower()
        is_failed = success == "false" if success else not self.get(row, "responseCode").startswith(("2", "3"))
        started_ms = _epoch_ms(self.get(row, "timeStamp"))
        message = self.get(row, "responseMessage")
        self.requests.add(elapsed_ms, message, is_failed=is_failed, started_ms=started_ms)


def _elapsed_ms(text: str, where: str) -> int:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < _LONGEST_MS:
        raise Refuse("bad_value", f"{where}: elapsed {text[:40]!r} is no number of milliseconds")
    return round(value)


def _epoch_ms(text: str) -> float | None:
    """Return a time stamp as milliseconds since 1970; local times without a zone are taken as UTC."""
    try:
        value = float(text)
    except ValueError:
        return _formatted_ms(text)
    return value if value >= _SECONDS_BEFORE else value * 1000.0 if value > 1e9 else None


def _formatted_ms(text: str) -> float | None:
    for pattern in _FORMATS:
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=UTC).timestamp() * 1000.0
        except ValueError:
            continue
    return None


class JmeterXml:
    """Reader of JTL as XML."""

    name = "jmeter-xml"
    title = "JMeter XML"
    reads = "performance"
    kinds = ("xml",)

    def sniff(self, head: Head) -> int | None:
        """The root is `testResults`."""
        return 90 if head.root.name == "testResults" else None

    def read(self, document: Document) -> None:
        """Count the samples at the top; those within one are its redirects and embedded resources."""
        samples = _SamplesXml(document)
        document.walk(samples)
        samples.requests.finish()


class _SamplesXml(Elements):
    """Samples as elements with attributes, or, from some plug-ins, as objects with an element for every field."""

    texts = frozenset({"elapsedTime", "success", "startTime"})

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.requests = _Mixed(document)
        self.open: list[dict[str, str]] = []  # transactions around the element at hand
        self.counted: list[int] = [0]
        self.fields: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name not in {"httpSample", "sample"}:
            if len(self.path) == 2:
                self.fields = {}
            return
        if len(self.path) != len(self.open) + 2:
            return
        if _TRANSACTION.match(attributes.get("rm", "")):
            self.open.append(attributes)
            self.counted.append(0)
        else:
            self.counted[-1] += 1
            self.add(attributes)

    def add(self, sample: dict[str, str]) -> None:
        elapsed = sample.get("t", "")
        elapsed_ms = _elapsed_ms(elapsed, "a sample")
        success = sample.get("s", "").lower()
        is_failed = success == "false" if success else not sample.get("rc", "").startswith(("2", "3"))
        started_ms = _epoch_ms(sample.get("ts", ""))
        self.requests.add(elapsed_ms, sample.get("rm", ""), is_failed=is_failed, started_ms=started_ms)

    def end(self, name: str, text: str) -> None:
        if name in {"httpSample", "sample"} and self.open and len(self.path) == len(self.open) + 1:
            transaction, counted = self.open.pop(), self.counted.pop()
            if not counted:
                self.add(transaction)
            self.counted[-1] += 1
        elif len(self.path) == 3 and name in self.texts:
            self.fields[name] = text.strip()
        elif len(self.path) == 2 and "elapsedTime" in self.fields:
            fields = self.fields
            self.add(
                {"t": fields["elapsedTime"], "s": fields.get("success", "false"), "ts": fields.get("startTime", "")}
            )
            self.fields = {}
