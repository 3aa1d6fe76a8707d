"""Verdicts in the forms other tools read: JUnit XML, SARIF 2.1.0, and Markdown for pull requests."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape, quoteattr

from buildgate.domain.gates.criteria import number_text
from buildgate.domain.gates.objective import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from buildgate.domain.gates.verdict import ObjectiveResult, Verdict

SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {
    "fail": "error",
    "error": "error",
    "inconclusive": "error",
    "warn": "warning",
    "no_baseline": "warning",
}
_SIGNS: Final = {
    "pass": "✅", "warn": "⚠️", "fail": "❌", "error": "💥", "inconclusive": "❔",
    "skipped": "⏭️", "no_baseline": "⚠️", "info": "💬",
}  # fmt: skip
_NO_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(verdicts: Sequence[Verdict]) -> str:
    """Return a suite for each gate and a case for each objective; a gate's other reasons stand in `system-out`."""
    suites = [_suite(verdict) for verdict in verdicts]
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", *suites, "</testsuites>", ""])


def _suite(verdict: Verdict) -> str:
    cases = [_case(verdict, result) for result in verdict.objectives]
    if verdict.status in {"error", "inconclusive"} and not any("<error" in case for case in cases):
        cases.append(_element(verdict.gate, "gate", "error", verdict.reasons[0] if verdict.reasons else verdict.status))
    counts = {kind: sum(f"<{kind} " in case for case in cases) for kind in ("failure", "error", "skipped")}
    head = (
        f'  <testsuite name={_attribute(verdict.gate)} tests="{len(cases)}" failures="{counts["failure"]}"'
        f' errors="{counts["error"]}" skipped="{counts["skipped"]}">'
    )
    said = _text("\n".join((verdict.summary, *verdict.reasons, *verdict.notes)))
    return "\n".join([head, *cases, f"    <system-out>{said}</system-out>", "  </testsuite>"])


def _case(verdict: Verdict, result: ObjectiveResult) -> str:
    kind = {"fail": "failure", "error": "error", "inconclusive": "error", "skipped": "skipped"}.get(result.status, "")
    return _element(verdict.gate, result.name, kind, result.reason)


def _element(gate: str, name: str, kind: str, reason: str) -> str:
    head = f"    <testcase classname={_attribute(gate)} name={_attribute(name)}"
    if not kind:
        return f"{head}><system-out>{_text(reason)}</system-out></testcase>"
    return f"{head}><{kind} message={_attribute(reason)}></{kind}></testcase>"


def _attribute(text: str) -> str:
    return quoteattr(_NO_XML.sub("\ufffd", text))


def _text(text: str) -> str:
    return escape(_NO_XML.sub("\ufffd", text))


def to_sarif(verdicts: Sequence[Verdict]) -> str:
    """Return one SARIF run with a result for each objective that does not hold, at the report that says so."""
    results = [_sarif_result(v, r) for v in verdicts for r in v.objectives if r.status in _LEVELS]
    results += [_sarif_gate(v) for v in verdicts if v.status in {"error", "inconclusive"}]
    rules = sorted({result["ruleId"] for result in results})
    driver = {"name": "Buildgate", "rules": [{"id": rule, "shortDescription": {"text": rule}} for rule in rules]}
    run = {"tool": {"driver": driver}, "results": results}
    data = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _sarif_result(verdict: Verdict, result: ObjectiveResult) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ruleId": f"{verdict.gate}/{result.name}",
        "level": _LEVELS[result.status] if verdict.is_blocking else "warning",
        "message": {"text": result.reason},
        "partialFingerprints": {"objective/v1": f"{verdict.gate}/{result.name}"},
    }
    if result.source_file:
        file = result.source_file.split(", ")[0]
        found["locations"] = [{"physicalLocation": {"artifactLocation": {"uri": file}}}]
    return found


def _sarif_gate(verdict: Verdict) -> dict[str, Any]:
    return {
        "ruleId": verdict.gate,
        "level": "error" if verdict.is_blocking else "warning",
        "message": {"text": verdict.summary},
        "partialFingerprints": {"gate/v1": verdict.gate},
    }


def to_markdown(verdicts: Sequence[Verdict]) -> str:
    """Return a section for each gate: status, a table of objectives, and what else a reader must see."""
    return "\n".join(_section(verdict) for verdict in verdicts)


def _section(verdict: Verdict) -> str:
    score = "" if verdict.score is None else f", score {number_text(round(verdict.score, 1))}"
    stops = " — blocks" if verdict.is_blocking else ""
    lines = [f"### {_SIGNS[verdict.status]} {_cell(verdict.gate)}: {verdict.status}{score}{stops}", ""]
    if verdict.objectives:
        lines += ["| | objective | value | wanted | baseline | report |", "|---|---|---|---|---|---|"]
        lines += [_row(result) for result in verdict.objectives]
        lines.append("")
    lines += [f"- {_cell(reason)}" for reason in verdict.reasons]
    lines += [f"- _{_cell(note)}_" for note in verdict.notes]
    return "\n".join([*lines, ""])


def _row(result: ObjectiveResult) -> str:
    name = f"**{_cell(result.name)}**" if result.is_key else _cell(result.name)
    value = "-" if result.value is None else shown(result.measurement, result.value)
    before = "-" if result.baseline is None else shown(result.measurement, result.baseline)
    cells = (f"{_SIGNS[result.status]} {result.status}", name, value, _cell(result.target) or "-", before,
             _cell(result.source_file) or "-")  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Keep text from reports and files from becoming markup."""
    escaped = re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", text)
    return escaped.replace("\n", " ").replace("\r", " ").replace("@", "@\u200b")


def to_text(verdict: Verdict) -> str:
    """Return the whole verdict as plain text for a terminal or a log: status, objectives, reasons, notes, provenance."""
    score = "" if verdict.score is None else f"  score {number_text(round(verdict.score, 1))}"
    tolerated = "" if verdict.status in {"pass", "warn"} else "  (does not block)"
    effect = "  (blocks)" if verdict.is_blocking else tolerated
    lines = [f"{verdict.gate}: {verdict.status.upper()}{score}{effect}"]
    width = max((len(result.status) for result in verdict.objectives), default=0)
    for result in verdict.objectives:
        key = " [key]" if result.is_key else ""
        lines.append(f"  {result.status:<{width}}  {result.reason}{key}")
    shown_already = {result.reason for result in verdict.objectives}
    lines += [f"  because: {reason}" for reason in verdict.reasons if reason not in shown_already]
    lines += [f"  note: {note}" for note in verdict.notes if note not in shown_already]
    if verdict.baseline_runs:
        lines.append(f"  compared with: {', '.join(verdict.baseline_runs)}")
    lines.append(f"  policy {verdict.policy_hash[:12]}, engine {verdict.engine_version}")
    return "\n".join(lines)
