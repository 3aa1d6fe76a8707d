"""InSpec (and CINC Auditor): the full `json` reporter and `json-min`.

An overlay repeats its base profile's controls without their results, so a control counts once, where its results
are; the overlay may still change its impact, and impact 0 means that it does not apply.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.measurements import Control, ControlStatus, Finding, Severity
from buildgate.reports.compliance.tally import Controls
from buildgate.reports.findings import Findings, brief, fingerprint
from buildgate.reports.json_stream import JsonStream, stream
from buildgate.reports.json_values import listing, mapping, number, text
from buildgate.reports.refusal import within_bounds
from buildgate.reports.routes import follow

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_IMPACTS: Final[tuple[tuple[float, Severity], ...]] = ((0.9, "critical"), (0.7, "high"), (0.4, "medium"), (0.01, "low"))


class _Result:
    """What is known of one control over all the profiles that list it."""

    __slots__ = ("impact", "is_base", "is_waived", "message", "statuses", "title")

    def __init__(self) -> None:
        self.impact: float | None = None
        self.is_base = True
        self.is_waived = False
        self.statuses: set[str] = set()
        self.message = ""
        self.title = ""

    @property
    def status(self) -> ControlStatus:
        """Not applicable by waiver or impact; failed if anything failed; without any result it was never checked."""
        if self.is_waived or self.impact == 0:
            return "not_applicable"
        if self.statuses & {"failed", "error"}:
            return "failed"
        return "passed" if "passed" in self.statuses else "manual"


class Inspec:
    """Reader of InSpec's `json` and `json-min`."""

    name = "inspec"
    title = "InSpec JSON"
    reads = "compliance, findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """Profiles with controls, or bare controls of a profile."""
        if head.is_array:
            return None
        if head.has("profiles[].controls") or head.has("profiles", "platform", "statistics"):
            return 95
        if head.has("controls[].profile_id") or head.has("controls[].profile_sha256"):
            return 95
        return 80 if head.has("controls[].code_desc", "controls[].status") else None

    def read(self, document: Document) -> None:
        """Count every control once."""
        results: dict[tuple[str, str], _Result] = {}
        if document.head.has("profiles") or not document.head.has("controls"):
            _profiles(stream(document), results)
        else:
            follow(document, {"controls[]": lambda value: _bare(mapping(value), results)})
        _count(document, results)


def _bare(entry: dict[str, Any], results: dict[tuple[str, str], _Result]) -> None:
    """Take one result of `json-min`, which has several for a control."""
    result = results.setdefault((text(entry.get("profile_id")), text(entry.get("id"))), _Result())
    within_bounds(results, "controls")
    result.statuses.add(text(entry.get("status")).lower())
    if entry.get("status") == "failed":
        result.message = brief(entry.get("message") or entry.get("code_desc") or "")


def _profiles(cursor: JsonStream, results: dict[tuple[str, str], _Result]) -> None:
    """Read the profiles; which one a profile belongs to may be said after its controls."""
    held: list[tuple[str, str, dict[str, _Result]]] = []
    for key in cursor.members():
        if key == "profiles":
            held.extend(_profile(cursor) for _ in cursor.items())
    cursor.finish()
    parents = {name: parent for name, parent, _ in held}
    for name, parent, controls in held:
        root = _root(name, parents)
        for control, result in controls.items():
            _unite(results.setdefault((root, control), _Result()), result, is_overlay=not parent)


def _profile(cursor: JsonStream) -> tuple[str, str, dict[str, _Result]]:
    name = parent = ""
    controls: dict[str, _Result] = {}
    for key in cursor.members():
        if key == "name":
            name = text(cursor.value())
        elif key == "parent_profile":
            parent = text(cursor.value())
        elif key == "controls":
            for value in cursor.values():
                _control(mapping(value), controls)
    return name, parent, controls


def _root(name: str, parents: dict[str, str]) -> str:
    seen: set[str] = set()
    while parents.get(name) and name not in seen:
        seen.add(name)
        name = parents[name]
    return name


def _control(entry: dict[str, Any], controls: dict[str, _Result]) -> None:
    result = controls.setdefault(text(entry.get("id")), _Result())
    within_bounds(controls, "controls")
    result.impact = number(entry.get("impact"))
    result.title = brief(entry.get("title") or "")
    waiver = mapping(entry.get("waiver_data"))
    result.is_waived = waiver.get("skipped_due_to_waiver") is True
    for checked in map(mapping, listing(entry.get("results"))):
        status = text(checked.get("status")).lower()
        result.statuses.add("error" if checked.get("backtrace") else status)
        if status in {"failed", "error"} and not result.message:
            result.message = brief(checked.get("message") or checked.get("code_desc") or "")


def _unite(into: _Result, result: _Result, *, is_overlay: bool) -> None:
    into.statuses |= result.statuses
    into.is_waived |= result.is_waived
    into.message = into.message or result.message
    into.title = into.title or result.title
    if result.impact is not None and (is_overlay or into.impact is None):
        into.impact = result.impact


def _count(document: Document, results: dict[tuple[str, str], _Result]) -> None:
    findings, controls = Findings(document), Controls(document)
    names = Counter(control for _, control in results)
    for (profile, name), result in results.items():
        control = name if names[name] == 1 else f"{profile}/{name}"
        controls.add(Control(control, result.status, result.title))
        if result.status == "failed":
            level = next((word for least, word in _IMPACTS if (result.impact or 0.0) >= least), "unknown")
            findings.add(
                Finding(
                    rule=control,
                    severity=level,  # type: ignore[arg-type]  # one of the words above
                    message=result.message or result.title,
                    fingerprint=fingerprint("inspec", profile, name),
                )
            )
    waived = sum(result.is_waived for result in results.values())
    if waived:
        document.warn(f"{waived} controls are skipped by a waiver of InSpec's own")
    findings.finish()
    controls.finish()
