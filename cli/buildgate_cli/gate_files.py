"""Gate, waiver, record and report files of the command line, read into the values the judge takes."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buildgate.domain.durations import seconds_of
from buildgate.domain.errors import BuildgateError
from buildgate.domain.gates import Baseline, GateFileError, Pin, parse_waivers, presets
from buildgate.domain.gates.changed_lines import changed_lines
from buildgate.domain.gates.record import Judgement
from buildgate.domain.gates.vocabulary import nearest
from buildgate.domain.measurements import Refusal
from buildgate.domain.times import to_text
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.source_files import FileProblem, FileRefusedError, read_document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from buildgate.domain.gates import Waiver
    from buildgate.domain.measurements import Report
    from buildgate.inbound.gate_file import GateFile


def read_gates(path: Path, *, name: str | None = None) -> GateFile:
    """Return the gates of a YAML or JSON file (`-` is standard input) or of a preset's name, or the one called `name`.

    Raises:
        FileRefusedError: With every problem, its line and column.
        UserError: No gate has the name, or the path is neither a file nor a preset.
    """
    from buildgate.inbound.gate_file import GateFile, parse_file  # noqa: PLC0415  # needed only where a file is read

    preset = None if path.exists() else _preset_named(str(path))
    found: GateFile = _parsed(path, parse_file) if preset is None else parse_file({"preset": preset})
    if name is None:
        return found
    chosen = tuple(gate for gate in found.gates if gate.name == name)
    if not chosen:
        names = ", ".join(gate.name for gate in found.gates)
        raise UserError(f"{path} has no gate called {name}.", f"It has: {names}.")
    return GateFile(chosen, found.waivers)


def _preset_named(word: str) -> str | None:
    """Return the preset that a word names; None for what looks like a file.

    Raises:
        UserError: It is one word, and neither a file nor a preset.
    """
    if not word.isidentifier() or word in presets.names():
        return word if word in presets.names() else None
    near = nearest(word, presets.names())
    raise UserError(
        f"{word} is neither a file nor a preset.",
        f"Did you mean {near}?" if near else "`buildgate gate presets` lists the presets.",
    )


def pipeline_of(path: Path) -> str | None:
    """Return the name of the pipeline that a file describes; None for a gate file."""
    document, _ = read_document(path)
    data = document.data
    is_pipeline = isinstance(data, dict) and "stages" in data and isinstance(data.get("name"), str)
    return data["name"] if is_pipeline else None


def read_waivers(path: Path) -> tuple[Waiver, ...]:
    """Return the waivers of a file; FileRefusedError with every problem and its place."""
    waivers: tuple[Waiver, ...] = _parsed(path, parse_waivers)
    return waivers


def _parsed(path: Path, parse: Callable[[Any], Any]) -> Any:
    document, lines = read_document(path)
    try:
        return parse(document.data)
    except GateFileError as error:
        problems = []
        for problem in error.problems:
            at = document.locate(problem.path, at_key=problem.message.startswith("unknown key"))
            line = lines[at.line - 1] if 0 < at.line <= len(lines) else ""
            place = "" if not problem.path else problem.place
            problems.append(
                FileProblem(str(path), at.line, at.column, place, problem.message, fix=problem.fix, source=line)
            )
        raise FileRefusedError(sorted(problems, key=lambda one: (one.line, one.column))) from error


@dataclass(frozen=True)
class Reports:
    """What reading report files gave: reports, refusals, and exactly which bytes they were."""

    reports: tuple[Report, ...]
    refused: tuple[Refusal, ...]
    pins: tuple[Pin, ...]


def read_reports(paths: Sequence[Path], *, format_name: str | None, changed: Mapping[str, frozenset[int]]) -> Reports:
    """Read report files, and every file below folders. A file that is not there or cannot be read is a refusal."""
    from buildgate.reports import Options, ReportRefused, read_all  # noqa: PLC0415  # readers load for reports only

    reports: list[Report] = []
    refused: list[Refusal] = []
    pins: list[Pin] = []
    for path in _files(paths):
        try:
            with path.open("rb") as stream:
                pins.append(Pin(str(path), hashlib.file_digest(stream, "sha256").hexdigest()))
                stream.seek(0)
                options = Options(changed_lines=changed)
                reports += read_all(stream, name=str(path), format=format_name, options=options)
        except ReportRefused as error:
            refused.append(error.refusal)
        except FileNotFoundError:
            refused.append(Refusal(str(path), "absent", "the file does not exist"))
        except OSError as error:
            refused.append(Refusal(str(path), "unreadable", error.strerror or str(error)))
    return Reports(tuple(reports), tuple(refused), tuple(pins))


def _files(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        inside = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        found += inside or [path / "*"]
    return list(dict.fromkeys(found))


def read_baseline(path: Path) -> Baseline:
    """Return a baseline from a record that passed, from `report read --json`, or from `{name: value}`.

    Raises:
        UserError: The file is none of these, or a record of a run that did not pass.
    """
    data = _json(path)
    if isinstance(data, dict) and "verdict" in data:
        record = _record(path, data)
        if not record.verdict.may_seed_baseline:
            message = f"{path} is the record of a run whose gate said {record.verdict.status}: that is no baseline."
            raise UserError(message, "Take the record of a run that passed.")
        past = record.as_past_result()
        return Baseline(past.measurements, (record.run_id or path.name,), past.fingerprints)
    files = data if isinstance(data, list) else [data]
    values: dict[str, float] = {}
    for one in files:
        inner = one.get("measurements", one) if isinstance(one, dict) else None
        if not isinstance(inner, dict) or not all(_is_number(value) for value in inner.values()):
            raise UserError(f"{path} holds no measurements.", 'It must be a saved record, or {"tests.failed": 0, ...}.')
        values.update({str(key): float(value) for key, value in inner.items()})
    return Baseline(values, (path.name,))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def read_record(path: Path) -> Judgement:
    """Return a judgement that `gate check --save` wrote; UserError when the file is something else."""
    return _record(path, _json(path))


def read_records(paths: Sequence[Path]) -> list[Judgement]:
    """Return the judgements of JSON files, of JSON-lines files, and of such files below folders."""
    records: list[Judgement] = []
    for path in _files(paths):
        if path.suffix in {".ndjson", ".jsonl"}:
            lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
            records += [_record(path, _loaded(path, line)) for line in lines]
        else:
            data = _json(path)
            records += [_record(path, one) for one in (data if isinstance(data, list) else [data])]
    return records


def since(records: Sequence[Judgement], age: str | None, now: datetime) -> list[Judgement]:
    """Return the records that finished within `age` (90d, 12h) of `now`; without an age, all.

    Raises:
        UserError: The age is no duration.
    """
    if age is None:
        return list(records)
    seconds = seconds_of(age)
    if seconds is None:
        raise UserError(f"--since {age} is not a duration.", "Write 90d or 12h.")
    earliest = to_text(now - timedelta(seconds=seconds))
    return [record for record in records if record.finished_at >= earliest]


def _record(path: Path, data: Any) -> Judgement:
    if not isinstance(data, dict):
        raise UserError(f"{path} is no record of a gate.", "Records are written by `buildgate gate check --save FILE`.")
    try:
        return Judgement.from_data(data)
    except BuildgateError as error:
        raise UserError(
            f"{path}: {error.reason}", "Records are written by `buildgate gate check --save FILE`."
        ) from error


def _json(path: Path) -> Any:
    return _loaded(path, path.read_text(encoding="utf-8-sig", errors="replace"))


def _loaded(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"{path} is not JSON: {error}", None, ExitCode.USAGE) from error


def git_changed_lines(base: str) -> dict[str, frozenset[int]]:
    """Return the lines that differ between the merge base with `base` and the working tree, by file: what is measured.

    Files that git does not know yet are no part of it.

    Raises:
        UserError: git does not know the revision, or this is no repository.
    """
    command = ["git", "diff", "--unified=0", "--no-color", "--no-ext-diff", "--merge-base", "--end-of-options", base]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        message = f"git cannot compare with {base}: {said[0] if said else 'no reason given'}"
        raise UserError(message, "Name a branch, tag or commit of this repository.")
    return changed_lines(done.stdout.decode("utf-8", "replace").split("\n"))
