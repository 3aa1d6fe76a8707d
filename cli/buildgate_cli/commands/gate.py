"""`buildgate gate`: judge reports against a gate with no cloud at all, and understand what a gate said."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from buildgate_cli import completion
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.human import safe
from buildgate_cli.output import console, note, print_json, print_table, say
from buildgate_cli.source_files import FileRefusedError, print_problems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from buildgate.domain.gates import Gate, Verdict
    from buildgate.domain.gates.record import Judgement

app = typer.Typer(help="Judge reports against a gate, here or in any CI.", no_args_is_help=True)


class Format(StrEnum):
    """How verdicts are printed."""

    text = "text"
    json = "json"
    junit = "junit"
    sarif = "sarif"
    markdown = "markdown"


Json = Annotated[bool, typer.Option("--json", help="Print data for programs.")]
GateOption = Annotated[
    Path, typer.Option("--gate", "-g", help="Gate file, name of a preset, or a pipeline file whose gates are taken.")
]
NameOption = Annotated[str | None, typer.Option("--name", help="Only the gate of this name.")]
Target = Annotated[
    str, typer.Argument(help="Run id, or record written by `gate check --save`.", autocompletion=completion.runs)
]


@app.command()
def check(
    reports: Annotated[list[Path], typer.Argument(help="Report files, or folders of them.")],
    gate: GateOption,
    name: NameOption = None,
    baseline: Annotated[
        Path | None, typer.Option(help="Record of a passing run, or measurements, for relative criteria.")
    ] = None,
    waivers: Annotated[Path | None, typer.Option(help="Waiver file.")] = None,
    base: Annotated[str | None, typer.Option(help="Git revision that new-code conditions compare with.")] = None,
    report_format: Annotated[str | None, typer.Option(help="Format of the reports, when it cannot be told.")] = None,
    form: Annotated[Format, typer.Option("--format", help="How to print the verdict.")] = Format.text,
    as_json: Json = False,
    output: Annotated[Path | None, typer.Option(help="Write the verdict to this file instead.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the whole judgement: gate, evidence, verdict.")] = None,
    run_id: Annotated[str, typer.Option(help="Name of this run in the saved record.")] = "",
    strict: Annotated[bool, typer.Option(help="End with 4 when a gate warns, or fails without blocking.")] = False,
) -> None:
    """Judge reports. Ends with 0 pass or warn, 1 fail, 4 warn with --strict, 5 inconclusive or error."""
    from buildgate_cli import gate_files  # noqa: PLC0415  # the rules are loaded where they are used

    found = gate_files.read_gates(gate, name=name)
    automated = [one for one in found.gates if one.manual is None]
    for one in found.gates:
        if one.manual is not None:
            note(f"{safe(one.name)} is decided by people; it is not judged here")
    if not automated:
        raise UserError("No gate here can be judged: people decide them.", "Name a gate with objectives.")
    changed = {} if base is None else gate_files.git_changed_lines(base)
    read = gate_files.read_reports(reports, format_name=report_format, changed=changed)
    context = _context(found.waivers, baseline, waivers, None if base is None else changed)
    judgements = [_judged(one, read, context, run_id) for one in automated]
    if save is not None:
        data = [one.to_data() for one in judgements]
        save.write_text(json.dumps(data[0] if len(data) == 1 else data, indent=1) + "\n", encoding="utf-8")
    verdicts = [one.verdict for one in judgements]
    _print(verdicts, Format.json if as_json else form, output)
    code = exit_code(verdicts, is_strict=strict)
    if code:
        raise typer.Exit(code)


def _context(own_waivers: Any, baseline: Path | None, waivers: Path | None, changed: Any) -> Any:
    from buildgate.domain.gates import Evidence  # noqa: PLC0415
    from buildgate.domain.gates.changed_lines import count  # noqa: PLC0415
    from buildgate_cli import gate_files  # noqa: PLC0415

    return Evidence(
        baseline=None if baseline is None else gate_files.read_baseline(baseline),
        waivers=(*own_waivers, *(() if waivers is None else gate_files.read_waivers(waivers))),
        changed_lines=None if changed is None else count(changed),
        now=datetime.now(UTC),
    )


def _judged(gate: Gate, read: Any, context: Any, run_id: str) -> Judgement:
    from buildgate.domain.gates import judge  # noqa: PLC0415
    from buildgate.domain.gates.gather import gather  # noqa: PLC0415
    from buildgate.domain.gates.record import Judgement  # noqa: PLC0415
    from buildgate.domain.times import to_text  # noqa: PLC0415

    kinds = ", ".join(dict.fromkeys(source.kind for source in gate.sources))
    unasked = (f"sources are asked in pipelines only, not here: {kinds}",) if kinds else ()
    context = replace(context, notes=(*context.notes, *unasked))
    evidence = gather(gate, read.reports, read.refused, context, pins=read.pins)
    return Judgement(gate, evidence, judge(gate, evidence), run_id=run_id, finished_at=to_text(context.now))


def exit_code(verdicts: Sequence[Verdict], *, is_strict: bool) -> int:
    """Return the worst code: 1 for a blocking failure, 5 for a blocking error, 4 for a warning when strict, else 0."""
    blocking = {verdict.status for verdict in verdicts if verdict.is_blocking}
    if "fail" in blocking:
        return ExitCode.REFUSED
    if blocking:
        return ExitCode.INCONCLUSIVE
    if is_strict and any(verdict.status != "pass" for verdict in verdicts):
        return ExitCode.WARNED
    return ExitCode.OK


def _print(verdicts: Sequence[Verdict], form: Format, output: Path | None) -> None:
    from buildgate.domain.gates import exports  # noqa: PLC0415

    if form is Format.text:
        text = "\n\n".join(exports.to_text(verdict) for verdict in verdicts) + "\n"
    elif form is Format.json:
        data = [verdict.to_data() for verdict in verdicts]
        text = json.dumps({"verdicts": data}, indent=2, ensure_ascii=False) + "\n"
    else:
        write = {Format.junit: exports.to_junit, Format.sarif: exports.to_sarif, Format.markdown: exports.to_markdown}
        text = write[form](verdicts)
    if output is not None:
        output.write_text(text, encoding="utf-8")
    elif form is Format.text:
        for line in text.splitlines():
            say(safe(line))
    else:
        typer.echo(text, nl=False)


@app.command()
def lint(files: Annotated[list[Path], typer.Argument(help="Gate files.")], as_json: Json = False) -> None:
    """Check gate files: names, criteria that can never hold, weights. Ends with 1 when a file is refused."""
    from buildgate_cli import gate_files  # noqa: PLC0415

    answers: list[dict[str, Any]] = []
    for path in files:
        try:
            names = [gate.name for gate in gate_files.read_gates(path).gates]
            answers.append({"file": str(path), "valid": True, "gates": names})
            if not as_json:
                say(f"{path}: {', '.join(names)}: valid", "green")
        except FileRefusedError as refused:
            answers.append({"file": str(path), "valid": False, "problems": [p.to_data() for p in refused.problems]})
            if not as_json:
                print_problems(refused.problems, console)
    if as_json:
        print_json({"files": answers})
    if not all(answer["valid"] for answer in answers):
        raise typer.Exit(ExitCode.REFUSED)


@app.command()
def presets(as_json: Json = False) -> None:
    """List the gates that come with Buildgate."""
    from buildgate.domain.gates import presets as library  # noqa: PLC0415

    rows = [(name, library.data_of(name)) for name in library.names()]
    if as_json:
        print_json({"presets": [{"name": name, **_card(data)} for name, data in rows]})
        return
    table = [(name, _card(data)["kind"], _card(data)["effect"], data["description"]) for name, data in rows]
    print_table(("PRESET", "KIND", "EFFECT", "DESCRIPTION"), table, empty="There are no presets.")


def _card(data: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": "manual" if "manual" in data else "automated",
        "effect": "blocking" if data.get("blocking", True) else "advisory",
        "title": data["title"],
        "description": data["description"],
    }


@app.command()
def show(preset: Annotated[str, typer.Argument(help="Name of a preset.")], as_json: Json = False) -> None:
    """Print a preset as a gate file, ready to be changed."""
    import yaml  # noqa: PLC0415

    from buildgate.domain.gates import presets as library  # noqa: PLC0415
    from buildgate.domain.gates.vocabulary import nearest  # noqa: PLC0415

    if preset not in library.names():
        near = nearest(preset, library.names())
        raise UserError(
            f"There is no preset {safe(preset)}.", f"Did you mean {near}?" if near else "See `gate presets`."
        )
    data = {"name": preset, **library.data_of(preset)}
    if as_json:
        print_json(data)
    else:
        typer.echo(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110), nl=False)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a gate file, for editors."""
    from buildgate.inbound.gate_file import json_schema  # noqa: PLC0415

    print_json(json_schema())


@app.command()
def explain(target: Target, name: NameOption = None, as_json: Json = False) -> None:
    """Explain what a gate said, of a run or of a saved judgement; what is kept is judged again as proof."""
    from buildgate_cli import gate_answers  # noqa: PLC0415

    if gate_answers.is_file(target):
        is_same = gate_answers.explain_record(Path(target), as_json=as_json)
    else:
        is_same = gate_answers.explain_run(target, name, as_json=as_json)
    if not is_same:
        raise typer.Exit(ExitCode.INCONCLUSIVE)


@app.command("why-not")
def why_not(target: Target, name: NameOption = None, as_json: Json = False) -> None:
    """Name the smallest set of changes that would make the gate pass, of a run or of a saved judgement."""
    from buildgate_cli import gate_answers  # noqa: PLC0415

    gate_answers.why_not(target, name, as_json=as_json)


@app.command()
def history(
    pipeline: Annotated[str, typer.Argument(help="Name of the pipeline.", autocompletion=completion.pipelines)],
    name: NameOption = None,
    measurement: Annotated[str | None, typer.Option(help="Show the trend of this measurement.")] = None,
    since: Annotated[str, typer.Option(help="How far back to look, such as 90d.")] = "90d",
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many judgements to show.")] = 20,
    as_json: Json = False,
) -> None:
    """Show what the gates of a pipeline said, newest first, and how a measurement went."""
    from buildgate_cli import gate_answers  # noqa: PLC0415

    gate_answers.show_history(pipeline, name, measurement, since=since, limit=limit, as_json=as_json)


@app.command()
def backtest(
    gate: Annotated[Path, typer.Argument(help="Gate file to try, or a pipeline file.")],
    records: Annotated[
        list[Path] | None,
        typer.Argument(help="Saved judgements: JSON, JSON lines, or folders. Without any, those the cloud keeps."),
    ] = None,
    name: NameOption = None,
    since: Annotated[str | None, typer.Option(help="Only judgements this young, such as 90d.")] = None,
    pipeline: Annotated[
        str | None, typer.Option(help="Pipeline of the cloud's judgements.", autocompletion=completion.pipelines)
    ] = None,
    of: Annotated[str | None, typer.Option("--of", help="Take the evidence of this gate.")] = None,
    as_json: Json = False,
) -> None:
    """Say what a gate would have done to past runs, and how often it would have been right."""
    from buildgate.domain.gates.backtest import backtest as run  # noqa: PLC0415
    from buildgate_cli import gate_files  # noqa: PLC0415

    gates = gate_files.read_gates(gate, name=name).gates
    if len(gates) != 1 or gates[0].manual is not None:
        raise UserError(f"{gate} must hold one automated gate.", "Choose one with --name.")
    if records:
        past = gate_files.since(gate_files.read_records(records), since, datetime.now(UTC))
    else:
        past = _kept(gate, pipeline, of or gates[0].name, since or "90d")
    answer = run(gates[0], (one.as_past_run() for one in past))
    if as_json:
        print_json(answer.to_data())
        return
    say(safe(answer.summary))
    rows = [(d.run_id or "-", d.before, d.after, d.became, d.reason) for d in answer.differences]
    print_table(("RUN", "WAS", "WOULD BE", "OUTCOME", "REASON"), rows, empty="No run would be judged differently.")


def _kept(gate: Path, pipeline: str | None, of: str, since: str) -> list[Judgement]:
    """Return the judgements that the cloud keeps of a gate; the pipeline is the file's own unless it is named."""
    from buildgate_cli import gate_files, gate_runs  # noqa: PLC0415
    from buildgate_cli.api_client import connect  # noqa: PLC0415  # the SDK's signer
    from buildgate_cli.progress import reading  # noqa: PLC0415

    name = pipeline or gate_files.pipeline_of(gate)
    if name is None:
        raise UserError("Whose judgements?", "Name the pipeline with --pipeline, or name saved judgements.")
    with reading(f"judgements of {safe(name)}") as tell:
        return gate_runs.past_judgements(connect(), name, of, since, tell=tell)


@app.command()
def waive(
    pipeline: Annotated[str, typer.Argument(help="Name of the pipeline.", autocompletion=completion.pipelines)],
    reason: Annotated[str, typer.Option(help="Why it may pass for now.")],
    owner: Annotated[str, typer.Option(help="Who answers for it.")],
    expires: Annotated[str, typer.Option(help="Last day, such as 2026-12-31, or for how long, such as 30d.")],
    rule: Annotated[str | None, typer.Option(help="Rule to waive; * stands for any letters.")] = None,
    finding: Annotated[str | None, typer.Option(help="Fingerprint of the one finding to waive.")] = None,
    path: Annotated[str | None, typer.Option(help="Only in files that match this pattern.")] = None,
    control: Annotated[
        str | None, typer.Option(help="Control or check that may fail; * stands for any letters.")
    ] = None,
    gate: Annotated[str | None, typer.Option(help="Only for this gate.")] = None,
    as_json: Json = False,
) -> None:
    """Let a known finding or control pass for a while. Waiving the same thing again renews it."""
    from buildgate_cli import gate_waivers  # noqa: PLC0415

    what = {"rule": rule, "finding": finding, "path": path, "control": control, "gate": gate}
    gate_waivers.waive(pipeline, {"reason": reason, "owner": owner} | what, expires, as_json=as_json)


@app.command()
def waivers(
    pipeline: Annotated[str, typer.Argument(help="Name of the pipeline.", autocompletion=completion.pipelines)],
    withdraw: Annotated[str | None, typer.Option(help="Id of a waiver that shall act no more.")] = None,
    as_json: Json = False,
) -> None:
    """List the waivers of a pipeline, soonest end first, or withdraw one."""
    from buildgate_cli import gate_waivers  # noqa: PLC0415

    if withdraw is not None:
        gate_waivers.withdraw(pipeline, withdraw, as_json=as_json)
    else:
        gate_waivers.show(pipeline, as_json=as_json)
