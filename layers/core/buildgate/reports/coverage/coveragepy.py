"""coverage.py's JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildgate.reports.coverage.tally import Coverage
from buildgate.reports.json_values import listing, mapping, whole
from buildgate.reports.routes import follow

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head


class CoveragePy:
    """Reader of `coverage json`."""

    name = "coverage-py"
    title = "coverage.py JSON"
    reads = "coverage"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """`meta` with `branch_coverage`, or files with executed lines."""
        if head.has("meta.branch_coverage"):
            return 95
        return (
            85 if any(path.endswith(".executed_lines") and path.startswith("files.") for path in head.paths) else None
        )

    def read(self, document: Document) -> None:
        """Count lines and branches; `percent_covered` mixes the two and is not measured."""
        files = _Files(document)
        follow(document, {"files{}": files.file, "totals": files.totals, "meta": files.meta})
        files.finish()


class _Files:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.coverage = Coverage(document)
        self.said: dict[str, Any] = {}
        self.files = 0

    def meta(self, meta: Any) -> None:
        self.coverage.has_branches = mapping(meta).get("branch_coverage") is True

    def totals(self, totals: Any) -> None:
        self.said = mapping(totals)

    def file(self, path: str, data: Any) -> None:
        """Take one file's lines and the arcs between them."""
        self.files += 1
        entry = mapping(data)
        executed, missing = listing(entry.get("executed_lines")), listing(entry.get("missing_lines"))
        self.coverage.open(path)
        self.coverage.covered.update(line for line in map(whole, executed) if line is not None)
        self.coverage.seen.update(line for line in map(whole, missing) if line is not None)
        by_line: dict[int, list[int]] = {}
        for key, is_taken in (("executed_branches", 1), ("missing_branches", 0)):
            for arc in listing(entry.get(key)):
                line = whole(arc[0]) if isinstance(arc, list) and arc else None
                if line is not None:
                    points = by_line.setdefault(abs(line), [0, 0])
                    points[0] += is_taken
                    points[1] += 1
        for line, (taken, total) in by_line.items():
            self.coverage.branch(line, taken, total)
        for name, function in mapping(entry.get("functions")).items():
            self.function(name, mapping(function))

    def function(self, name: str, entry: dict[str, Any]) -> None:
        """Count a function; the entry without a name is the module's own code."""
        if name and (whole(mapping(entry.get("summary")).get("num_statements")) or 0) > 0:
            self.coverage.functions_total += 1
            self.coverage.functions_covered += bool(listing(entry.get("executed_lines")))

    def finish(self) -> None:
        total, covered = whole(self.said.get("num_statements")), whole(self.said.get("covered_lines"))
        branches, taken = whole(self.said.get("num_branches")), whole(self.said.get("covered_branches"))
        self.coverage.finish()
        if total and covered is not None:
            self.coverage.compare_points("line", covered, total)
        if branches and taken is not None:
            self.coverage.compare_points("branch", taken, branches)
