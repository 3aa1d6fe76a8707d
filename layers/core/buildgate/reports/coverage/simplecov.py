"""SimpleCov, Ruby: `.resultset.json`, `coverage.json` in both shapes, and `.last_run.json`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from buildgate.reports.coverage.tally import Coverage
from buildgate.reports.json_stream import JsonStream, stream
from buildgate.reports.json_values import listing, mapping, number, text, whole

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_SUITE: Final = re.compile(r'\s*\{\s*"[^"]+"\s*:\s*\{\s*"coverage"\s*:\s*\{')
_CONDITION: Final = re.compile(r"\[\s*:?\"?\w+\"?\s*,\s*\d+\s*,\s*(\d+)")


class Simplecov:
    """Reader of SimpleCov's files."""

    name = "simplecov"
    title = "SimpleCov JSON"
    reads = "coverage"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """`meta.simplecov_version`, suites with `coverage` and `timestamp`, a file list, or a last run."""
        if head.is_array:
            return None
        if head.has("meta.simplecov_version"):
            return 95
        if head.has("files[].covered_percent", "files[].filename"):
            return 85
        if head.has("result.line") or head.has("result.covered_percent"):
            return 70
        return 75 if _SUITE.match(head.text) else None

    def read(self, document: Document) -> None:
        """Count the lines of all suites together: null and `ignored` lines are not code."""
        files = _Files(document)
        files.read(stream(document))
        files.finish()


class _Files:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.coverage = Coverage(document)
        self.branches: dict[str, bool] = {}
        self.stated: float | None = None
        self.files = 0

    def read(self, cursor: JsonStream) -> None:
        for key in cursor.members():
            if key == "coverage" and cursor.is_object():
                self.by_path(cursor)
            elif key == "files" and cursor.is_array():
                for file in cursor.values():
                    entry = mapping(file)
                    self.file(text(entry.get("filename")), entry.get("coverage"))
            elif key in {"metrics", "result"}:
                said = mapping(cursor.value())
                self.stated = number(said.get("covered_percent", said.get("line")))
            elif key not in {"meta", "groups", "timestamp", "command_name", "total", "errors"} and cursor.is_object():
                for part in cursor.members():
                    if part == "coverage":
                        self.by_path(cursor)
        cursor.finish()

    def by_path(self, cursor: JsonStream) -> None:
        for path in cursor.members():
            self.file(path, cursor.value())

    def file(self, path: str, data: Any) -> None:
        """Take one file: a list of hits by line, or an object with `lines` and `branches`."""
        self.files += 1
        self.coverage.open(path)
        lines = data if isinstance(data, list) else listing(mapping(data).get("lines"))
        for index, hits in enumerate(lines, start=1):
            if hits is None or isinstance(hits, str):
                continue
            self.coverage.seen.add(index)
            if (number(hits) or 0.0) > 0:
                self.coverage.covered.add(index)
        self.file_branches(mapping(data).get("branches"))

    def file_branches(self, data: Any) -> None:
        by_line: dict[int, list[bool]] = {}
        for branch in listing(data):
            line, hits = whole(mapping(branch).get("start_line")), number(mapping(branch).get("coverage"))
            if line is not None and hits is not None:
                by_line.setdefault(line, []).append(hits > 0)
        for condition, branches in mapping(data).items():
            found = _CONDITION.match(condition)
            if found:
                hits_of = [number(hits) or 0.0 for hits in mapping(branches).values()]
                by_line.setdefault(int(found.group(1)), []).extend(hits > 0 for hits in hits_of)
        for line, taken in by_line.items():
            self.coverage.branch(line, sum(taken), len(taken))

    def finish(self) -> None:
        if self.files:
            self.coverage.finish()
            if self.stated is not None:
                self.document.contents.compare("coverage.line_percent", self.stated, better=1, tolerance=0.1)
            return
        if self.stated is not None and 0.0 <= self.stated <= 100.0:
            self.document.contents.measure("coverage.line_percent", self.stated)
            self.document.warn("the file states a percentage and lists no line; it is taken as stated")
        else:
            self.document.warn("the report lists no line that could be covered")
