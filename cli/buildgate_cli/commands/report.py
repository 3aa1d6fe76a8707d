"""`buildgate report`: read tool reports into measurements, here, with no account."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from buildgate.reports import REASONS, ReportRefused, read_all, registry
from buildgate.reports.refusal import Refuse
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.output import console, errors, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildgate.domain.measurements import Finding, Report

app = typer.Typer(help="Read tool reports into measurements.", no_args_is_help=True)

_FINDINGS_SHOWN = 20


@app.command("read")
def read_reports(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Report files; - is standard input.")],
    format_name: Annotated[
        str | None, typer.Option("--format", help="Read as this format instead of recognising it from the content.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a report, each on its line.")] = False,
) -> None:
    """Print what reports measure; files that cannot be vouched for are refused with a reason, and the exit code is 5."""
    if format_name is not None:
        _check_format(format_name)
    refused = 0
    for file in files:
        try:
            with _opened(file) as stream:
                for report in read_all(stream, name=file, format=format_name):
                    _print(report, as_json=as_json)
        except ReportRefused as refusal:
            refused += 1
            _print_refusal(refusal, as_json=as_json)
    if refused:
        raise typer.Exit(ExitCode.INCONCLUSIVE)


@app.command("formats")
def list_formats(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List the formats that are read, ours and those of installed plug-ins."""
    readers = [registry.reader(name) for name in registry.names()]
    if as_json:
        print_json([{"name": r.name, "title": r.title, "reads": getattr(r, "reads", "")} for r in readers])
        return
    rows = [(reader.name, reader.title, getattr(reader, "reads", "")) for reader in readers]
    print_table(("NAME", "FORMAT", "READS"), rows, empty="No reader is installed.")


def _check_format(name: str) -> None:
    if name in registry.FAMILIES:
        return
    try:
        registry.reader(name)
    except Refuse as unknown:
        raise UserError(f"There is no format {name!r}.", "`buildgate report formats` lists them.") from unknown


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(file).open("rb") as stream:
            yield stream
    except (IsADirectoryError, PermissionError, FileNotFoundError) as error:
        why = {IsADirectoryError: "is a folder", FileNotFoundError: "does not exist"}.get(
            type(error), "may not be read"
        )
        raise ReportRefused(file, "unreadable", f"it {why}") from error


def _print(report: Report, *, as_json: bool) -> None:
    if as_json:
        _print_line(
            {
                "file": report.file,
                "format": report.format,
                "measurements": dict(report.measurements),
                "findings": [_finding(finding) for finding in report.findings],
                "warnings": list(report.warnings),
            }
        )
        return
    console.print(f"{report.file}: {report.format}", markup=False)
    rows = [(name, f"{value:.10g}") for name, value in report.measurements.items()]
    print_table(("MEASUREMENT", "VALUE"), rows, empty="It measures nothing.", right=("VALUE",))
    if report.findings:
        shown = [(f.severity, f.rule, _place(f), f.message) for f in report.findings[:_FINDINGS_SHOWN]]
        print_table(("SEVERITY", "RULE", "WHERE", "MESSAGE"), shown, empty="")
        if len(report.findings) > _FINDINGS_SHOWN:
            errors.print(
                f"... and {len(report.findings) - _FINDINGS_SHOWN} more findings; --json lists them", markup=False
            )
    for warning in report.warnings:
        errors.print(f"warning: {report.file}: {warning}", markup=False, style="yellow")


def _place(finding: Finding) -> str:
    where = finding.file or finding.package or ""
    return f"{where}:{finding.line}" if finding.line and finding.file else where


def _finding(finding: Finding) -> dict[str, Any]:
    data = asdict(finding)
    data["suppressed"] = data.pop("is_suppressed")
    return data


def _print_refusal(refusal: ReportRefused, *, as_json: bool) -> None:
    if as_json:
        meaning = REASONS.get(refusal.reason_code, "")
        error = {"reason": refusal.reason_code, "message": refusal.message, "meaning": meaning}
        _print_line({"file": refusal.name, "error": error})
    errors.print(f"refused: {refusal}", markup=False, style="red")


def _print_line(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()
