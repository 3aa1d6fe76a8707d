"""`buildgate simulate`: try a pipeline file against seeded bad days, before it meets one in production."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.human import duration
from buildgate_cli.output import console, errors, print_facts, print_json, print_table
from buildgate_cli.source_files import read_pipeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from buildgate_cli.simulate.campaign import Campaign
    from buildgate_cli.simulate.schedule import Ended, Trial
    from buildgate_cli.simulate.story import Story

app = typer.Typer(help="Try a pipeline against seeded bad days, without any cloud.")

LOOSE_BUILDS: Final = 3
SAY_SO_EVERY: Final = 10_000
"""Days after which a long simulation that nobody watches says how far it is."""
SAMPLE: Final = Path(__file__).resolve().parents[3] / "samples/shop/pipeline.yaml"


@app.command()
def simulate(
    file: Annotated[Path | None, typer.Argument(help="Pipeline file; by default the sample shop's.")] = None,
    seed: Annotated[int | None, typer.Option(help="Play this one day (again).")] = None,
    runs: Annotated[int, typer.Option(min=1, help="How many days, one after another.")] = 200,
    first: Annotated[int, typer.Option(min=1, help="The first day's seed: to go on where an earlier call ended.")] = 1,
    builds: Annotated[
        int | None, typer.Option(min=0, max=100, help="Builds started by hand on each day; one, if not said.")
    ] = None,
    faults: Annotated[str, typer.Option(help="Kinds of fault, by comma; `all`, `none`.")] = "all",
    days: Annotated[bool, typer.Option("--days", help="Long days: a night and a day of trouble, every beat.")] = False,
    builds_only: Annotated[
        bool, typer.Option("--builds-only", help="No pipeline, only builds by hand (up to three, if not said): faster.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print data for programs.")] = False,
) -> None:
    """Play bad days on an in-memory AWS, with our functions, machines and template unchanged.

    Every promise is checked after each step and when all is at rest. A broken one ends the simulation with exit code 1,
    its seed, and a story of the fewest mishaps that break it.
    """
    from buildgate_cli.simulate.campaign import Campaign  # noqa: PLC0415 - the functions and the in-memory AWS
    from buildgate_cli.simulate.schedule import Trial  # noqa: PLC0415
    from buildgate_cli.simulate.story import told  # noqa: PLC0415
    from buildgate_cli.simulate.weather import kinds_of  # noqa: PLC0415
    from buildgate_cli.simulate.world import ApiRefusedError, CannotStartError  # noqa: PLC0415

    if builds_only:
        trial = Trial(None, kinds_of(faults), builds or LOOSE_BUILDS)
    else:
        trial = Trial(
            read_pipeline(file or SAMPLE).pipeline, kinds_of(faults), 1 if builds is None else builds, is_long=days
        )
    seeds: Sequence[int] = [seed] if seed is not None else range(first, first + runs)
    began = time.perf_counter()
    try:
        campaign = _play(Campaign(trial), seeds)
    except ApiRefusedError as refused:
        raise UserError(f"The pipeline is refused: {refused}", exit_code=ExitCode.REFUSED) from refused
    except CannotStartError as broken:
        raise UserError(f"No day can be played: {broken}.", exit_code=ExitCode.INCONCLUSIVE) from broken
    seconds = time.perf_counter() - began
    story = told(trial, campaign.broken) if campaign.broken is not None else None
    if as_json:
        print_json({**campaign.to_data(), "seconds": round(seconds, 1), "broken": story.to_data() if story else None})
    else:
        _print(campaign, seconds)
        if story is not None:
            _print_story(story, _again(story.seed, file, trial, faults))
    if story is not None:
        raise typer.Exit(ExitCode.REFUSED)


def _play(campaign: Campaign, seeds: Sequence[int]) -> Campaign:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("bad days", total=len(seeds))

        def after(ended: Ended) -> None:
            progress.advance(task)
            if not errors.is_terminal and not campaign.days % SAY_SO_EVERY:
                left = f"; go on with --first {ended.seed + 1}" if campaign.days < len(seeds) else ""
                errors.print(f"{campaign.days} of {len(seeds)} days{left}")

        return campaign.play(seeds, after=after)


def _print(campaign: Campaign, seconds: float) -> None:
    data = campaign.to_data()
    console.print(Text.assemble((f"{data['days']} bad days", "bold"), (f"  in {seconds:.1f} s", "dim")))
    ended = ", ".join(f"{count} {status.lower()}" for status, count in data["runs"].items())
    facts: list[tuple[str, Any]] = [
        ("runs", ended or "none"),
        ("builds", data["builds"]),
        ("events", data["events"]),
        ("invocations", data["invocations"]),
        ("longest run", duration(data["longest_run_seconds"])),
        ("longest healing", duration(data["longest_healing_seconds"])),
    ]
    print_facts(facts)
    console.print()
    print_table(["FAULT", "TIMES"], [list(one) for one in data["faults"].items()], empty="no fault", right=["TIMES"])
    console.print()
    rows = [
        [promise, Text(state, style="green" if state == "kept" else "red")]
        for promise, state in data["promises"].items()
    ]
    print_table(["PROMISE", "STATE"], rows, empty="")


def _again(seed: int, file: Path | None, trial: Trial, faults: str) -> str:
    """Return the command that plays a day again, with all that made it this day."""
    words = ["buildgate simulate", *([str(file)] if file and trial.pipeline else []), f"--seed {seed}"]
    words += [f"--builds {trial.loose_builds}", *([f"--faults {faults}"] if faults != "all" else [])]
    words += [*(["--days"] if trial.is_long else []), *([] if trial.pipeline else ["--builds-only"])]
    return " ".join(words)


def _print_story(story: Story, again: str) -> None:
    console.print()
    console.print(Text(f"Seed {story.seed} breaks a promise: {story.breach.promise.value}", style="bold red"))
    console.print(Text(story.breach.what))
    mishaps = "this mishap" if len(story.mishaps) == 1 else f"these {len(story.mishaps)} mishaps"
    console.print(Text(f"\nIt takes {mishaps if story.mishaps else 'no mishap'}:", style="bold"))
    for mishap in story.mishaps:
        console.print(Text(f"  {mishap}"))
    console.print(Text("\nWhat happened:", style="bold"))
    for line in story.lines:
        console.print(Text(f"  {line}"))
    console.print(Text(f"\nPlay it again: {again}", style="cyan"))
