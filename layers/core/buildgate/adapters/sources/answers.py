"""What sources answer with: documents read by the readers of reports, and refusals with their reason."""

from __future__ import annotations

import io
import json
from typing import Any

from buildgate.adapters.digested import read_digested
from buildgate.domain.gates.sources import PREFIX
from buildgate.domain.measurements import Refusal
from buildgate.usecases.gate_ports import Fetched, ReadFile


def document(name: str, data: Any, *, format_name: str = "", version: str = "") -> Fetched:
    """Return a JSON document as the reader of its format reads it."""
    text = json.dumps(data, sort_keys=True, default=str)
    return content(name, text.encode(), format_name=format_name, version=version)


def content(name: str, body: bytes, *, format_name: str = "", version: str = "") -> Fetched:
    """Return the bytes of a report as its reader reads them."""
    return Fetched(PREFIX + name, read_digested(io.BytesIO(body), PREFIX + name, format_name=format_name), version)


def refused(name: str, code: str, message: str) -> Fetched:
    """Return why a source gives nothing."""
    return Fetched(PREFIX + name, ReadFile((), Refusal(PREFIX + name, code, message), ""))
