"""`buildgate pipeline`: pipelines as code, checked here, kept by the cloud as immutable versions."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
import yaml
from rich.text import Text

from buildgate_cli import completion
from buildgate_cli.errors import ExitCode
from buildgate_cli.human import ago
from buildgate_cli.output import console, note, print_facts, print_json, print_table, say, status_text
from buildgate_cli.source_files import FileProblem, FileRefusedError, print_problems, read_pipeline

if TYPE_CHECKING:
    from buildgate.domain.pipelines import Pipeline
    from buildgate_cli.api_client import ApiClient
    from buildgate_cli.source_files import PipelineSource

app = typer.Typer(help="Validate, apply and compare pipelines as code.", no_args_is_help=True)

SHORT_VERSION: Final = 12
File = Annotated[Path, typer.Argument(help="Pipeline file; `-` reads standard input.", show_default=True)]
Files = Annotated[list[Path], typer.Argument(help="Pipeline files; `-` reads standard input.")]
Name = Annotated[str, typer.Argument(help="Name of the pipeline.", autocompletion=completion.pipelines)]
Json = Annotated[bool, typer.Option("--json", help="Print data for programs.")]
DEFAULT_FILE: Final = Path("pipeline.yaml")


@app.command()
def validate(files: Files, as_json: Json = False) -> None:
    """Check pipeline files without any cloud. Ends with 1 when a file is refused."""
    answers: list[dict[str, Any]] = []
    for path in files:
        try:
            pipeline = read_pipeline(path).pipeline
        except FileRefusedError as refused:
            answers.append({"file": str(path), "valid": False, "problems": [one.to_data() for one in refused.problems]})
            if not as_json:
                print_problems(refused.problems, console)
            continue
        answers.append({"file": str(path), "valid": True, "name": pipeline.name, "version": pipeline.digest})
        if not as_json:
            say(f"{path}: pipeline {pipeline.name} is valid: {_outline(pipeline)}", "green")
    if as_json:
        print_json({"files": answers})
    if not all(answer["valid"] for answer in answers):
        raise typer.Exit(ExitCode.REFUSED)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a pipeline file, for editors."""
    from buildgate.inbound.pipeline_file import json_schema  # noqa: PLC0415  # pydantic, only here

    print_json(json_schema())


@app.command()
def apply(
    file: File = DEFAULT_FILE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Store a pipeline as a new version; the same content is the same version."""
    client, source = _connected(file)
    pipeline = source.pipeline
    old = _stored(client, pipeline.name)
    answer = _put(client, source, dry_run=dry_run)
    if as_json:
        print_json(answer)
    elif dry_run and _print_diff(pipeline.name, old, pipeline.to_data()):
        say(f"{pipeline.name} would become version {_short(answer['version'])}; nothing was changed.", "yellow")
    else:
        word = "is now" if answer.get("created") else "is already"
        say(f"{pipeline.name} {word} at version {_short(answer['version'])}: {_outline(pipeline)}", "green")


@app.command()
def diff(file: File = DEFAULT_FILE, as_json: Json = False) -> None:
    """Compare a pipeline file with the version that is applied."""
    client, source = _connected(file)
    pipeline = source.pipeline
    old, new = _stored(client, pipeline.name), pipeline.to_data()
    if as_json:
        print_json({"name": pipeline.name, "changed": old != new, "applied": old, "file": new})
    elif not _print_diff(pipeline.name, old, new):
        say(f"{pipeline.name}: the file and the applied version are the same.", "green")


@app.command("list")
def list_pipelines(as_json: Json = False) -> None:
    """List the pipelines, with how their last run went."""
    from buildgate_cli.api_client import connect  # noqa: PLC0415  # the SDK's signer, only where the API is called

    answer = {"pipelines": connect().every("pipelines")}
    if as_json:
        print_json(answer)
        return
    now = datetime.now(UTC)
    rows = []
    for item in answer["pipelines"]:
        last = status_text(item["last_run_status"]) if item.get("last_run_status") else Text("-", style="dim")
        applied = ago(item.get("applied_at"), now)
        rows.append([item["name"], _short(item["version"]), last, applied, item.get("description", "")])
    empty = "No pipeline is applied yet. Apply one with `buildgate pipeline apply pipeline.yaml`."
    print_table(["PIPELINE", "VERSION", "LAST RUN", "APPLIED", "DESCRIPTION"], rows, empty=empty)


@app.command()
def show(
    name: Name,
    version: Annotated[str | None, typer.Option(help="A version other than the newest.")] = None,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Print the pipeline file of this version.")] = False,
    as_json: Json = False,
) -> None:
    """Show a pipeline: its stages, and the versions it had."""
    from buildgate_cli.api_client import connect  # noqa: PLC0415  # as above

    answer = connect().get("pipelines", name, version=version)
    if as_json:
        print_json(answer)
        return
    if as_yaml:
        typer.echo(_yaml(answer["pipeline"]), nl=False)
        return
    _print_pipeline(answer)


@app.command()
def lanes(name: Name, as_json: Json = False) -> None:
    """Show which run is in each queued or superseded stage, and which wait for it."""
    from buildgate_cli.api_client import connect  # noqa: PLC0415  # as above

    answer = connect().get("pipelines", name, "lanes")
    if as_json:
        print_json(answer)
        return
    now = datetime.now(UTC)
    rows = [row for lane in answer["lanes"] for row in _lane(lane, now)]
    print_table(["LANE", "RUN", "STAGE", "IS", "SINCE"], rows, empty=f"Every stage of {name} runs in parallel.")


def _lane(lane: dict[str, Any], now: datetime) -> list[list[str]]:
    """Return the rows of a lane: who is in it, then who waits; a row that says so when nobody is there."""
    found = [(turn, "inside") for turn in [lane["holder"]] if turn]
    found += [(turn, _waiting(turn)) for turn in lane["waiting"]]
    return [[lane["lane"], turn["run_id"], turn["stage"], word, ago(turn["since"], now)] for turn, word in found] or [
        [lane["lane"], "-", ", ".join(lane["stages"]), "free", ""]
    ]


def _waiting(turn: dict[str, Any]) -> str:
    if turn["superseded_by"]:
        return f"superseded by {turn['superseded_by']}"
    return "waits" if turn["is_ready"] else "waits for its approval"


def _connected(file: Path) -> tuple[ApiClient, PipelineSource]:
    """Return a client and the pipeline of a file; problems of the file are printed before the command ends."""
    from buildgate_cli.api_client import connect  # noqa: PLC0415  # as above

    source = read_pipeline(file)
    return connect(), source


def _put(client: ApiClient, source: PipelineSource, *, dry_run: bool) -> dict[str, Any]:
    """Hand the pipeline to the cloud; what it refuses is shown at its place in the file."""
    from buildgate_cli.api_client import ApiError  # noqa: PLC0415  # as above

    body: dict[str, Any] = {"pipeline": source.pipeline.to_data(), **({"dry_run": True} if dry_run else {})}
    try:
        answer: dict[str, Any] = client.put("pipelines", source.pipeline.name, body=body)
    except ApiError as error:
        problem = source.problem_at(error.field or "", error.said, error.fix)
        if problem is not None:
            print_problems([replace(problem, nearest=_nearest_project(problem))])
        raise
    return answer


def _nearest_project(problem: FileProblem) -> str:
    """Return the existing project most like one that does not exist; an empty text for any other complaint."""
    from buildgate_cli.sdk_shapes import near  # noqa: PLC0415  # only after a refusal

    wanted = re.search(r"no such project: ([A-Za-z0-9_-]+)", problem.message)
    return near(wanted[1], completion.project_names()) if wanted else ""


def _stored(client: ApiClient, name: str) -> dict[str, Any] | None:
    """Return the applied pipeline's data, None when there is none."""
    from buildgate_cli.api_client import ApiError  # noqa: PLC0415  # as above

    try:
        found: dict[str, Any] = client.get("pipelines", name)["pipeline"]
    except ApiError as error:
        if error.status != 404:  # HTTP: not found
            raise
        return None
    return found


def _print_diff(name: str, old: dict[str, Any] | None, new: dict[str, Any]) -> bool:
    """Print a unified diff of the file form; return whether there is any difference."""
    before = [] if old is None else _yaml(old).splitlines()
    after = _yaml(new).splitlines()
    lines = list(difflib.unified_diff(before, after, f"{name} (applied)", f"{name} (file)", lineterm=""))
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in lines:
        console.print(Text(line, style="bold" if line[:3] in {"+++", "---"} else styles.get(line[:1], "")))
    return bool(lines)


def _yaml(data: dict[str, Any]) -> str:
    ordered = json.loads(json.dumps(data))
    return yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=110)


def _print_pipeline(answer: dict[str, Any]) -> None:
    now, pipeline = datetime.now(UTC), answer["pipeline"]
    tags = ", ".join(f"{key}={value}" for key, value in pipeline.get("tags", {}).items())
    facts = [
        ("pipeline", pipeline["name"]),
        ("description", pipeline.get("description") or None),
        ("version", answer["version"]),
        ("applied", ago(answer.get("applied_at"), now)),
        ("tags", tags or None),
    ]
    facts += [("trigger", _trigger(trigger)) for trigger in pipeline.get("triggers", [])]
    print_facts(facts)
    print_table(
        ["STAGE", "MODE", "APPROVAL", "BUILDS", "GATES", "ON FAILURE"],
        [_stage(s) for s in pipeline["stages"]],
        empty="",
    )
    others = [item for item in answer.get("versions", []) if item.get("version") != answer["version"]]
    if others:
        note(
            "earlier versions: "
            + ", ".join(f"{_short(o['version'])} ({ago(o.get('applied_at'), now)})" for o in others)
        )


def _trigger(trigger: dict[str, Any]) -> str:
    refs = [f"branch {name}" for name in trigger.get("branches", [])] + [
        f"tag {name}" for name in trigger.get("tags", [])
    ]
    paths = trigger.get("paths", {})
    limits = [f"in {', '.join(paths['include'])}"] if paths.get("include") else []
    limits += [f"not in {', '.join(paths['exclude'])}"] if paths.get("exclude") else []
    return " ".join(
        [f"{trigger.get('provider', 'codecommit')}:{trigger['repository']}", "on", ", ".join(refs), *limits]
    )


def _stage(stage: dict[str, Any]) -> list[str]:
    rule = stage.get("approval")
    approval = "-" if rule is None else f"{rule['required']} of {', '.join(rule.get('approvers', [])) or 'anyone'}"
    builds = ", ".join(f"{build['name']} ({build['project']})" for build in stage.get("builds", []))
    gates = ", ".join(gate["name"] for gate in stage.get("gates", []))
    lock = f" (lock {stage['lock']})" if stage.get("lock") else ""
    mode = f"{stage.get('mode', 'parallel')}{lock}"
    return [stage["name"], mode, approval, builds or "-", gates or "-", stage.get("on-failure", "stop")]


def _outline(pipeline: Pipeline) -> str:
    return " -> ".join(stage.name for stage in pipeline.stages)


def _short(version: object) -> str:
    return str(version)[:SHORT_VERSION]
