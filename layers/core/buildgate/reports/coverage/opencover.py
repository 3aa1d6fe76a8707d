"""OpenCover XML, as written by OpenCover and coverlet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildgate.reports.coverage.tally import Coverage, line_number, whole
from buildgate.reports.identities import Identities
from buildgate.reports.xml_stream import Elements

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_HEADER_TOLERANCE = 2.0
"""Per cent: the header counts sequence points, of which a line may have several."""


class Opencover:
    """Reader of OpenCover XML."""

    name = "opencover"
    title = "OpenCover XML"
    reads = "coverage"
    kinds = ("xml",)

    def sniff(self, head: Head) -> int | None:
        """The root is `CoverageSession`."""
        return 90 if head.root.name == "CoverageSession" else None

    def read(self, document: Document) -> None:
        """Count lines with a sequence point, branch points and methods; skipped modules list none."""
        session = _Session(document)
        document.walk(session)
        session.finish()


class _Session(Elements):
    texts = frozenset({"Name"})

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document
        self.coverage = Coverage(document)
        self.files: dict[str, str] = {}
        self.module = 0
        self.method_file = ""
        self.branches = Identities()
        self.branch_points = [0, 0]
        self.summary: dict[str, str] = {}
        self.method: list[bool] | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "SequencePoint":
            self.point(attributes)
        elif name == "BranchPoint":
            self.branch(attributes)
        elif name == "Method":
            self.method, self.method_file = [False], ""
        elif name == "FileRef":
            self.method_file = self.file(attributes.get("uid", ""))
        elif name == "File":
            self.files[attributes.get("uid", "")] = attributes.get("fullPath", "")
        elif name == "Module":
            self.module += 1
        elif name == "Summary" and len(self.path) == 2:
            self.summary = attributes

    def file(self, uid: str) -> str:
        return self.files.get(uid) or f"(file {self.module}:{uid})"

    def point(self, attributes: dict[str, str]) -> None:
        uid = attributes.get("fileid")
        self.coverage.open(self.file(uid) if uid else self.method_file or "(no file)")
        number, hits = line_number(attributes.get("sl", "")), whole(attributes.get("vc"))
        if self.method is None:
            self.method = [False]
        self.coverage.seen.add(number)
        if hits > 0:
            self.coverage.covered.add(number)
            self.method[0] = True

    def branch(self, attributes: dict[str, str]) -> None:
        """Count a branch; the same one is listed again for every generic instance of its method."""
        file = self.file(attributes["fileid"]) if "fileid" in attributes else self.method_file
        keys = ("sl", "offset", "offsetend", "path", "ordinal")
        is_hit = whole(attributes.get("vc")) > 0
        self.branches.add(hash((file, *(attributes.get(key) for key in keys))), int(is_hit))
        self.branch_points[0] += is_hit
        self.branch_points[1] += 1

    def end(self, name: str, text: str) -> None:
        if name == "Method" and self.method is not None:
            self.coverage.functions_total += 1
            self.coverage.functions_covered += self.method[0]
            self.method = None

    def finish(self) -> None:
        for states in self.branches.repeated():
            self.branch_points[1] -= len(states) - 1
            self.branch_points[0] -= sum(states) - max(states)
        self.coverage.finish(branches=(self.branch_points[0], self.branch_points[1]))
        said, visited = whole(self.summary.get("numSequencePoints")), whole(self.summary.get("visitedSequencePoints"))
        if said:
            rate = 100.0 * visited / said
            self.document.contents.compare("coverage.line_percent", rate, better=1, tolerance=_HEADER_TOLERANCE)
