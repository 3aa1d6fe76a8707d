"""Our own `metrics.json`: whatever a build measures itself - data validation, model metrics, anything.

    {"measurements": {"model.accuracy": 0.93, "data.rows_invalid": 0}}

A bare object of numbers is read too when the format is asked for by name; its figures become `model.NAME`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.measurements import SEVERITIES, Finding
from buildgate.reports.findings import Findings, brief, fingerprint, severity
from buildgate.reports.json_stream import small
from buildgate.reports.json_values import listing, mapping, number, text, whole
from buildgate.reports.refusal import Refuse

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_NAME: Final = re.compile(r"[A-Za-z0-9_@:/-]+(?:\.[A-Za-z0-9_@:/-]+)*")
_FAMILIES: Final = frozenset(
    {"tests", "coverage", "findings", "performance", "compliance", "components", "cost", "changes", "quality", "model"}
) | {"data", "custom"}
_NAME_CHARS: Final = 200


class Metrics:
    """Reader of `metrics.json`."""

    name = "metrics"
    title = "Buildgate metrics.json"
    reads = "any measurement"
    kinds = ("json",)
    takes_any = True

    def sniff(self, head: Head) -> int | None:
        """An object under `measurements`."""
        is_named = any(path.startswith("measurements.") for path in head.paths)
        return 90 if is_named and not head.is_array else None

    def read(self, document: Document) -> None:
        """Take every figure; what is no finite number is refused, so that no gate misses it silently."""
        data = small(document)
        if not isinstance(data, dict):
            raise Refuse("wrong_format", "metrics.json is an object")
        given = data.get("measurements")
        if given is None:
            _bare(document, data, "")
        else:
            for name, value in mapping(given).items():
                _measure(document, name, value)
        if listing(data.get("findings")):
            _findings(document, listing(data["findings"]))
        for warning in listing(data.get("warnings")):
            document.warn(brief(warning))
        if not document.contents.measurements:
            document.warn("the file holds no measurement")


def _measure(document: Document, name: str, value: Any) -> None:
    """Set one measurement; a name without a family we know is `custom`."""
    if not _NAME.fullmatch(name) or len(name) > _NAME_CHARS:
        raise Refuse("bad_value", f"{name[:60]!r} is no name of a measurement: letters, digits and dots")
    figure = float(value) if isinstance(value, bool) else number(value)
    if figure is None or isinstance(value, str):
        raise Refuse("bad_value", f"{name} is {str(value)[:40]!r}, which is no number")
    family = name.partition(".")[0]
    document.contents.measure(name if family in _FAMILIES and "." in name else f"custom.{name}", figure)


def _bare(document: Document, data: dict[str, Any], prefix: str) -> None:
    """Take the numbers of a plain object, nested ones by path; texts and lists are passed over."""
    for key, value in data.items():
        name = f"{prefix}{re.sub(r'[^A-Za-z0-9_@:/-]', '_', key)}"
        if isinstance(value, dict):
            _bare(document, value, f"{name}.")
        elif isinstance(value, int | float):
            _measure(document, name if name.partition(".")[0] in _FAMILIES else f"model.{name}", value)


def _findings(document: Document, listed: list[Any]) -> None:
    findings = Findings(document)
    for entry in map(mapping, listed):
        rule, file, message = text(entry.get("rule")), text(entry.get("file")), brief(entry.get("message") or "")
        level = severity(entry.get("severity"))
        given = text(entry.get("fingerprint"))
        findings.add(
            Finding(
                rule=rule,
                severity=level if level in SEVERITIES else "unknown",
                message=message,
                file=file or None,
                line=whole(entry.get("line")),
                fingerprint=given or fingerprint("metrics", rule, file, message),
                fixed_version=text(entry.get("fixed_version")) or None,
                is_suppressed=entry.get("suppressed") is True,
            )
        )
    findings.finish()
