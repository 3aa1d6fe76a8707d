"""The pages about reports name every format and every reason, and their reader reads."""

import io
import re
from pathlib import Path

import pytest

from buildgate.reports import REASONS, ReportRefused, read, registry

DOCS = Path(__file__).parents[2] / "docs"
FORMATS = (DOCS / "reference" / "report-formats.md").read_text(encoding="utf-8")
HOW_TO = (DOCS / "how-to" / "write-your-own-reader.md").read_text(encoding="utf-8")


def first_cells(heading: str) -> list[str]:
    rest = FORMATS.split(f"| {heading} |", 1)[1]
    return re.findall(r"^\| `([^`]+)` \|", rest.split("\n\n", 1)[0], re.MULTILINE)


def test_every_format_is_in_the_table():
    assert first_cells("name") == list(registry.BUILT_IN)


def test_every_reason_is_in_the_table():
    assert first_cells("code") == list(REASONS)


def test_the_reader_of_the_how_to_reads_and_refuses(monkeypatch):
    code = re.search(r"```python\n(.*?)```", HOW_TO, re.DOTALL)[1]
    names: dict[str, type] = {}
    exec(compile(code, "how-to", "exec"), names)  # noqa: S102  # the page's own example
    monkeypatch.setattr(registry, "plugged", lambda _: iter([names["Clones"]()]))

    assert read(io.BytesIO(b"clones: 3\n"), name="x").measurements == {"custom.clones": 3.0}
    with pytest.raises(ReportRefused, match="no number of clones"):
        read(io.BytesIO(b"clones: many\n"), name="x")
