"""A run as people watch it: one tree of stages, approvals, builds and gates, and the changes between two looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from buildgate_cli.human import dollars, duration, elapsed, safe
from buildgate_cli.output import status_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from rich.console import RenderableType
    from rich.spinner import Spinner

Data = dict[str, Any]
FINAL: Final = frozenset({"SUCCEEDED", "FAILED", "REJECTED", "EXPIRED", "STOPPED", "TIMED_OUT", "SUPERSEDED"})
_ACTIVE: Final = frozenset({"RUNNING", "IN_PROGRESS", "STARTING", "PARKED", "BOUND"})
_PENDING: Final = "PENDING"
_ENTRY: Final = "entry"
_ID_END: Final = 8
_MESSAGE: Final = 100
_BEFORE: Final = frozenset({"WAITING", "PARKED", None})
NOT_STARTED: Final = "NOT STARTED"
_SLOT_WORDS: Final = {"PARKED": "STARTING", "BOUND": "STARTING"}


def as_ended(run: Data) -> Data:
    """Return a run whose end reaches its parts: nothing of an ended run is still going on or still to come.

    A run that was stopped leaves its stage as it stood then; its own status says how that stage ended, and builds that
    never started say so.
    """
    if not is_final(run):
        return run
    stages = []
    for stage in run.get("stages", []):
        builds = [
            {**build, "status": NOT_STARTED if build.get("status") in _BEFORE else build.get("status")}
            for build in stage.get("builds", [])
        ]
        status = run["status"] if stage["status"] == "RUNNING" else stage["status"]
        stages.append({**stage, "status": NOT_STARTED if status == _PENDING else status, "builds": builds})
    return {**run, "stages": stages}


def is_final(run: Mapping[str, Any]) -> bool:
    """Tell whether a run has ended."""
    return str(run.get("status", "")).upper() in FINAL


def headline(run: Mapping[str, Any], now: datetime) -> Text:
    """Return one line: pipeline, run, status, what is built, how long."""
    line = Text()
    line.append(safe(run["pipeline"]), style="bold")
    line.append(f" {safe(run['run_id'])} ", style="dim")
    line.append_text(status_text(run["status"]))
    commit = safe(run.get("commit") or "")[:8]
    where = f"{safe(run.get('repository') or '')} {safe(run.get('ref') or '')} {commit}".strip()
    line.append(f"  {where}", style="cyan")
    line.append(f"  {duration(_seconds(run, now))}")
    return line


def tree(run: Data, now: datetime, spinners: Mapping[str, Spinner] | None = None) -> RenderableType:
    """Return the whole run as a renderable; with `spinners` what is going on turns."""
    run = as_ended(run)
    root = Tree(headline(run, now), guide_style="dim")
    if run.get("message"):
        root.add(Text(f"“{_cut(safe(run['message']))}”", style="italic dim"))
    wide = columns(run, now)
    for stage in run.get("stages", []):
        branch = root.add(_stage(stage, now))
        for approval in _approvals(stage):
            branch.add(approval_text(approval, is_short=True))
        for build in stage.get("builds", []):
            branch.add(_with_spinner(build_text(build, now=now, wide=wide), build, spinners))
        for gate in stage.get("gates", []):
            branch.add(_gate(gate))
    reason = Text(safe(run.get("reason") or ""), style="dim")
    is_told = any(stage.get("reason") and stage["reason"] in run["reason"] for stage in run.get("stages", []))
    return Group(root, reason) if reason.plain and not is_told else root


def _cut(message: str) -> str:
    return message if len(message) <= _MESSAGE else f"{message[: _MESSAGE - 1]}…"


def _with_spinner(line: Text, build: Mapping[str, Any], spinners: Mapping[str, Spinner] | None) -> RenderableType:
    if spinners is None or str(build.get("status", "")).upper() not in _ACTIVE:
        return line
    row = Table.grid(padding=(0, 1))
    row.add_row(line, spinners["build"])
    return row


def _seconds(run: Mapping[str, Any], now: datetime) -> float | None:
    return elapsed(run.get("started_at"), run.get("finished_at"), now)


def _stage(stage: Mapping[str, Any], now: datetime | None = None) -> Text:
    line = Text.assemble(("stage ", "dim"), (safe(stage["name"]), "bold"), " ")
    line.append_text(status_text(stage["status"]))
    attempt = stage.get("attempt") or 1
    line.append(f"  attempt {attempt}" if attempt > 1 else "", style="dim")
    took = elapsed(stage.get("started_at"), stage.get("finished_at"), now) if now is not None else None
    line.append(f"  {duration(took)}" if took is not None else "", style="dim")
    line.append(f"  {safe(stage['reason'])}" if stage.get("reason") else "", style="dim")
    return line


@dataclass(frozen=True)
class Columns:
    """How wide the columns of a run's builds are, so that they stand below each other."""

    name: int = 12
    status: int = 0
    took: int = 0
    cost: int = 0


def columns(run: Data, now: datetime) -> Columns:
    """Return the widths that hold every build of a run."""
    builds = [build for stage in run.get("stages", []) for build in stage.get("builds", [])]
    return Columns(
        name=max([12, *(len(safe(build["name"])) for build in builds)]),
        status=max((len(_status_word(build)) for build in builds), default=0),
        took=max((len(_took(build, now)) for build in builds), default=0),
        cost=max((len(_cost_word(build)) for build in builds), default=0),
    )


def build_text(build: Mapping[str, Any], *, now: datetime | None = None, wide: Columns | None = None) -> Text:
    """Return one build in a line: name, status, duration (so far, given ``now``), cost, phase while it runs, project."""
    wide = wide or Columns()
    line = Text.assemble(("build ", "dim"), f"{safe(build['name']):<{wide.name}} ")
    word = _status_word(build)
    line.append_text(status_text(word))
    line.append(" " * (wide.status - len(word)))
    for cell, width in ((_took(build, now), wide.took), (_cost_word(build), wide.cost)):
        line.append(f"  {cell:>{width}}" if cell or width else "", style="dim")
    if build.get("phase") and str(build.get("status", "")).upper() in _ACTIVE:
        line.append(f"  {safe(build['phase'])}", style="blue")
    line.append(f"  {safe(build.get('project') or '')}", style="dim")
    line.append(f"  {safe(build['reason'])}" if build.get("reason") else "", style="red")
    return line


def _status_word(build: Mapping[str, Any]) -> str:
    status = str(build.get("status") or "WAITING")
    return safe(_SLOT_WORDS.get(status, status)).upper()


def _took(build: Mapping[str, Any], now: datetime | None) -> str:
    seconds = build.get("duration_seconds")
    if seconds is None and now is not None and str(build.get("status", "")).upper() in _ACTIVE:
        seconds = elapsed(build.get("started_at"), None, now)
    return "" if seconds is None else duration(seconds)


def _cost_word(build: Mapping[str, Any]) -> str:
    return "" if build.get("cost_micro_usd") is None else dollars(build["cost_micro_usd"])


def approval_text(approval: Mapping[str, Any], *, is_short: bool = False) -> Text:
    """Return one approval in a line: status and by whom, or how to decide while it waits.

    A short one names a stage's approval by the end of its run's id, which fits into eighty columns.
    """
    name = approval.get("name") or _ENTRY
    which = "" if name == _ENTRY else f"{safe(name)} "
    line = Text.assemble(("approval ", "dim"), which, status_text(approval["status"]))
    if approval.get("decided_by"):
        line.append(f"  by {safe(approval['decided_by'])}")
        line.append(f" ({safe(approval.get('identity') or 'unknown')})", style="dim")
        line.append(f": {safe(approval['comment'])}" if approval.get("comment") else "", style="italic")
    elif str(approval["status"]).upper() == "WAITING":
        whole = safe(approval["id"])
        named = whole.split(".", 1)[0][-_ID_END:] if is_short and name == _ENTRY else whole
        line.append(f"  buildgate approval approve {named}", style="cyan")
    elif approval.get("superseded_by"):
        line.append(f"  by run {safe(approval['superseded_by'])}", style="dim")
    return line


def _approvals(stage: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the approvals of a stage: on entry, and of its manual gates."""
    found: list[Mapping[str, Any]] = stage.get("approvals") or []
    return found or ([stage["approval"]] if stage.get("approval") else [])


def _gate(gate: Mapping[str, Any]) -> RenderableType:
    branch = Tree(gate_text(gate), guide_style="dim")
    for reason in gate.get("reasons", []):
        branch.add(Text(safe(reason), style="dim" if gate.get("status") == "pass" else "yellow"))
    for remark in gate.get("notes", []):
        branch.add(Text(safe(remark), style="italic dim"))
    return branch


def gate_text(gate: Mapping[str, Any]) -> Text:
    """Return one verdict in a line."""
    line = Text.assemble(("gate ", "dim"), f"{safe(gate.get('name') or gate.get('gate') or ''):<12} ")
    line.append_text(status_text(gate.get("status") or "WAITING"))
    if gate.get("score") is not None:
        line.append(f"  score {float(gate['score']):.0f}", style="dim")
    if gate.get("is_advisory") or gate.get("mode") == "observe":
        line.append("  advisory" if gate.get("is_advisory") else "  observed", style="dim")
    return line


def cost(run: Mapping[str, Any]) -> int | None:
    """Return what a run's builds cost, in millionths of a dollar; None when no price is known."""
    known = [
        build["cost_micro_usd"]
        for stage in run.get("stages", [])
        for build in stage.get("builds", [])
        if build.get("cost_micro_usd") is not None
    ]
    return sum(known) if known else None


def facts(run: Data) -> dict[str, Text]:
    """Return one line per thing of a run, by a key that stays: two looks compared tell what changed."""
    run = as_ended(run)
    found: dict[str, Text] = {"run": _run_fact(run)}
    for stage in run.get("stages", []):
        if stage["status"] in {_PENDING, NOT_STARTED}:
            continue
        key = f"{stage['name']}#{stage.get('attempt') or 1}"
        found[key] = _stage(stage)
        for build in stage.get("builds", []):
            still = {name: value for name, value in build.items() if name != "duration_seconds" or is_over(build)}
            found[f"{key}/build/{build['name']}"] = _prefixed(stage, build_text(still))
        for approval in _approvals(stage):
            found[f"{key}/approval/{approval['id']}"] = _prefixed(stage, approval_text(approval))
        for gate in stage.get("gates", []):
            reasons = "; ".join(safe(reason) for reason in gate.get("reasons", []))
            line = gate_text(gate)
            line.append(f"  {reasons}" if reasons else "")
            found[f"{key}/gate/{gate.get('name') or gate.get('gate')}"] = _prefixed(stage, line)
    return found


def is_over(build: Mapping[str, Any]) -> bool:
    """Tell whether a build's duration is final."""
    return str(build.get("status", "")).upper() not in _ACTIVE


def changes(before: Mapping[str, Text], after: Mapping[str, Text]) -> Iterator[tuple[str, Text]]:
    """Yield what is new or different, in the run's order."""
    for key, line in after.items():
        if key not in before or before[key].plain != line.plain:
            yield key, line


def _run_fact(run: Mapping[str, Any]) -> Text:
    line = Text.assemble(("run ", "dim"), (f"{safe(run['run_id'])} ", "bold"))
    line.append_text(status_text(run["status"]))
    line.append(f"  {safe(run['reason'])}" if run.get("reason") else "", style="dim")
    return line


def _prefixed(stage: Mapping[str, Any], line: Text) -> Text:
    return Text.assemble((f"{safe(stage['name'])}: ", "dim"), line)
