"""LCOV tracefiles, `lcov.info`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from buildgate.reports.coverage.tally import Coverage, line_number
from buildgate.reports.identities import Identities
from buildgate.reports.refusal import Refuse, within_bounds

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_SIGN: Final = re.compile(r"^(?:TN:[^\n]*\r?\n)?SF:.", re.MULTILINE)
_RECORD: Final = re.compile(r"^(?:DA:\d|end_of_record|FN:\d|FNDA:|LF:\d)", re.MULTILINE)


class Lcov:
    """Reader of LCOV tracefiles."""

    name = "lcov"
    title = "LCOV tracefile"
    reads = "coverage"
    kinds = ("text",)

    def sniff(self, head: Head) -> int | None:
        """Some line names a source file, and some other is a record of it."""
        return 90 if _SIGN.search(head.text) and _RECORD.search(head.text) else None

    def read(self, document: Document) -> None:
        """Count DA lines, each once per file; LF and LH are only compared, or stand where there is no DA."""
        records = _Records(document)
        for line in document.lines():
            records.take(line.strip())
        records.finish()


def _count(text: str) -> float:
    """Return an execution count; tools write `-`, huge ones, floats, and negative ones by mistake."""
    if text in {"-", ""}:
        return 0.0
    try:
        return float(text)
    except ValueError as error:
        raise Refuse("bad_value", f"the count {text[:40]!r} is no number") from error


class _Records:
    """One source file at a time: `SF:` opens it, `end_of_record` closes it."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.coverage = Coverage(document)
        self.file = ""
        self.branches: dict[tuple[str, str, str], bool] = {}
        self.functions: dict[str, bool] = {}
        self.all_functions = Identities()
        self.stated = [0, 0]  # LH, LF of the open record
        self.header = [0, 0]
        self.lines = 0
        self.is_open = False
        self.without_lines = [0, 0]

    def take(self, line: str) -> None:
        """Take one line; what no version of the format knows is passed over."""
        key, _, rest = line.partition(":")
        if key == "DA":
            self.line(rest)
        elif key == "SF":
            self.close()
            self.is_open, self.file, self.lines = True, rest, 0
            self.coverage.open(rest)
        elif key == "BRDA":
            self.branch(rest)
        elif key in {"FN", "FNDA", "FNA"}:
            self.function(key, rest)
        elif key in {"LF", "LH"}:
            self.stated[key == "LF"] += int(_count(rest))
        elif line == "end_of_record":
            self.close()

    def line(self, rest: str) -> None:
        number, _, tail = rest.partition(",")
        if not self.is_open:
            raise Refuse("malformed", "a DA line stands before any SF line")
        self.lines += 1
        line = line_number(number)
        self.coverage.seen.add(line)
        if _count(tail.partition(",")[0]) > 0:
            self.coverage.covered.add(line)

    def branch(self, rest: str) -> None:
        """Take `line,block,branch,taken`; a branch may be text that holds commas."""
        number, _, tail = rest.partition(",")
        block, _, tail = tail.partition(",")
        branch, _, taken = tail.rpartition(",")
        key = (number, block, branch)
        within_bounds(self.branches, "branches of one file")
        self.branches[key] = self.branches.get(key, False) or _count(taken) > 0

    def function(self, key: str, rest: str) -> None:
        """Take `FN:line[,end],name`, `FNDA:count,name` or, since version 2.2, `FNA:index,count,name`."""
        within_bounds(self.functions, "functions of one file")
        if key == "FN":
            _, _, name = rest.partition(",")
            start, _, tail = name.partition(",")
            name = tail if tail and start.isdecimal() else name
            self.functions.setdefault(name, False)
            return
        if key == "FNA":
            _, _, rest = rest.partition(",")
        count, _, name = rest.partition(",")
        self.functions[name] = self.functions.get(name, False) or _count(count) > 0

    def close(self) -> None:
        """Settle the open record."""
        if not self.is_open:
            return
        self.is_open = False
        by_line: dict[str, list[bool]] = {}
        for (number, _, _), is_taken in self.branches.items():
            by_line.setdefault(number, []).append(is_taken)
        for number, taken in by_line.items():
            self.coverage.branch(line_number(number), sum(taken), len(taken))
        for name, is_hit in self.functions.items():
            self.all_functions.add(hash((self.file, name)), int(is_hit))
            self.coverage.functions_total += 1
            self.coverage.functions_covered += is_hit
        if not self.lines:
            self.without_lines[0] += self.stated[0]
            self.without_lines[1] += self.stated[1]
        self.header[0] += self.stated[0]
        self.header[1] += self.stated[1]
        self.branches, self.functions, self.stated = {}, {}, [0, 0]

    def finish(self) -> None:
        """Settle functions of files listed twice, and compare."""
        if self.is_open:
            raise Refuse("truncated", f"the record of {self.file} has no end_of_record")
        for states in self.all_functions.repeated():
            self.coverage.functions_total -= len(states) - 1
            self.coverage.functions_covered -= sum(states) - max(states)
        hit, found = self.without_lines
        if found and hit <= found:
            self.document.warn("some files state LF and LH and list no line; these are taken as stated")
            self.coverage.finish(extra=(hit, found))
        else:
            self.coverage.finish()
        if self.header[1]:
            self.coverage.compare_points("line", self.header[0], self.header[1])
