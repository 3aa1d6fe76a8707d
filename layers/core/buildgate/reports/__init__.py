"""Reports of other tools, read into one vocabulary of measurements.

`read(stream, name=..., format=None)` returns a `buildgate.domain.measurements.Report` or raises `ReportRefused`;
nothing else leaves it, whatever the bytes.
"""

from buildgate.reports.document import Document, Options, Reader
from buildgate.reports.read import read, read_all
from buildgate.reports.refusal import REASONS, Refuse, ReportRefused
from buildgate.reports.registry import names as formats

__all__ = ["REASONS", "Document", "Options", "Reader", "Refuse", "ReportRefused", "formats", "read", "read_all"]
