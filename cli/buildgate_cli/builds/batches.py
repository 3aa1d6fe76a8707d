"""Batches: one tree with the cost of every member, watched for one call a look."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from rich.live import Live
from rich.text import Text
from rich.tree import Tree

from buildgate_cli.builds import facts, ids
from buildgate_cli.builds.differences import differences
from buildgate_cli.builds.looking import is_passing
from buildgate_cli.builds.watch import BRIEF, print_line
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.human import dollars, duration, safe
from buildgate_cli.output import console, print_tree, status_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildgate.domain.builds import Build
    from buildgate_cli.builds.looking import Pace

_UUID_LENGTH: Final = 36
_SKIPPED: Final = "NOT_STARTED"


@dataclass(frozen=True)
class Member:
    """One build of a batch: its identifier in the buildspec, what it waits for, and the build once there is one.

    `differs` is what tells it from the other members, such as a matrix's variables; `earlier` are builds that were retried.
    """

    identifier: str
    depends_on: tuple[str, ...]
    status: str
    is_failure_ignored: bool
    build: Build | None
    earlier: tuple[Build, ...] = ()
    differs: Mapping[str, str] = field(default_factory=dict)

    def to_data(self, now: datetime) -> dict[str, Any]:
        known = facts.to_data(self.build, now) if self.build else {"build_id": None}
        own = {"identifier": self.identifier, "depends_on": list(self.depends_on), "differs": dict(self.differs)}
        own["earlier_builds"] = [one.build_id for one in self.earlier]
        return {**own, "ignore_failure": self.is_failure_ignored, **known, "status": self.status}


@dataclass(frozen=True)
class Batch:
    """A batch with its members, as CodeBuild describes them now."""

    batch_id: str
    project: str
    status: str
    phase: str
    is_over: bool
    started_at: datetime
    ended_at: datetime | None
    reason: str
    members: tuple[Member, ...]
    artifacts: str = ""

    def cost_micro_usd(self, now: datetime) -> int | None:
        """Return what the members cost so far, each try of them; None when the price of one of them is unknown."""
        builds = [one for member in self.members for one in (*member.earlier, member.build) if one]
        costs = [facts.cost_micro_usd(one, now) for one in builds]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if len(known) == len(costs) else None

    def seconds(self, now: datetime) -> float:
        return max(0.0, ((self.ended_at or now) - self.started_at).total_seconds())

    def to_data(self, now: datetime) -> dict[str, Any]:
        return {
            "batch_id": self.batch_id,
            "project": self.project,
            "status": self.status,
            "phase": self.phase,
            "started_at": self.started_at.isoformat(),
            "finished_at": self.ended_at.isoformat() if self.ended_at else None,
            "duration_seconds": round(self.seconds(now), 3),
            "cost_micro_usd": self.cost_micro_usd(now),
            "reason": self.reason,
            "artifacts": self.artifacts,
            "builds": [member.to_data(now) for member in self.members],
        }


def get(client: Any, batch_id: str) -> Batch:
    """Return a batch with what is known of its builds; UserError when there is none of that id."""
    found = client.batch_get_build_batches(ids=[batch_id])["buildBatches"]
    if not found:
        raise UserError(f"There is no batch {batch_id}.", "See `buildgate build batch list`.", ExitCode.REFUSED)
    data = found[0]
    groups = data.get("buildGroups", [])
    wanted = [build_id for group in groups for build_id in _build_ids(group)]
    described = list(ids.described(client, wanted))
    builds = {one.build_id: one for one in facts.readable(described)[0]}
    differs = differences({one["id"]: one for one in described})
    return Batch(
        batch_id=data["id"],
        project=data["projectName"],
        status=data["buildBatchStatus"],
        phase=data.get("currentPhase", ""),
        is_over=bool(data.get("complete")),
        started_at=data["startTime"].astimezone(UTC),
        ended_at=data["endTime"].astimezone(UTC) if data.get("endTime") else None,
        reason=_reason(data),
        members=tuple(_member(group, builds, differs) for group in groups),
        artifacts=_combined(data),
    )


def _combined(data: dict[str, Any]) -> str:
    """Return where the combined artifacts are; those of single builds are theirs to show."""
    is_done = any(phase.get("phaseType") == "COMBINE_ARTIFACTS" for phase in data.get("phases", []))
    return facts.artifacts(data) if is_done and data.get("complete") else ""


def _build_ids(group: dict[str, Any]) -> list[str]:
    """Return the ids of a member's builds, the current one first, then those that were retried, oldest first."""
    summaries = [group.get("currentBuildSummary", {}), *group.get("priorBuildSummaryList", ())]
    return [str(one["arn"]).rsplit(":build/", 1)[-1] for one in summaries if one.get("arn")]


def _member(group: dict[str, Any], builds: dict[str, Build], differs: Mapping[str, Mapping[str, str]]) -> Member:
    summary, found = group.get("currentBuildSummary", {}), _build_ids(group)
    own = found[0] if summary.get("arn") else ""
    build = builds.get(own)
    status = build.status.value if build else str(summary.get("buildStatus", _SKIPPED))
    depends, earlier = (
        tuple(group.get("dependsOn", ())),
        tuple(builds[one] for one in found if one in builds and one != own),
    )
    ignored = bool(group.get("ignoreFailure"))
    return Member(group["identifier"], depends, status, ignored, build, earlier, differs.get(own, {}))


def _reason(data: dict[str, Any]) -> str:
    for phase in data.get("phases", []):
        for context in phase.get("contexts", []):
            if phase.get("phaseStatus") not in {None, "SUCCEEDED"} and context.get("message"):
                return f"{phase['phaseType']}: {context['message']}"
    return ""


def tree(batch: Batch, now: datetime) -> Tree:
    """Return a batch as a tree; a member hangs below the first one it waits for."""
    head = Text.assemble((safe(batch.batch_id), "bold"), " ", status_text(batch.status))
    head.append(f"  {batch.phase}" if not batch.is_over else "", style="dim")
    head.append(f"  {duration(batch.seconds(now))}  {dollars(batch.cost_micro_usd(now))}", style="dim")
    head.append(f"  {facts.first_line(batch.reason)}" if batch.reason else "", style="red")
    root = Tree(head, guide_style="dim")
    branches: dict[str, Tree] = {}
    waiting = list(batch.members)
    while waiting:
        ready = [one for one in waiting if not one.depends_on or one.depends_on[0] in branches] or waiting
        for member in ready:
            above = branches.get(member.depends_on[0], root) if member.depends_on else root
            branches[member.identifier] = above.add(_line(member, now))
        waiting = [one for one in waiting if one not in ready]
    return root


def _line(member: Member, now: datetime) -> Text:
    line = Text(f"{safe(member.identifier)} ")
    line.append_text(status_text(member.status))
    line.append("".join(f"  {name}={safe(value)}" for name, value in member.differs.items()), style="cyan")
    if member.build is not None:
        took, cost = facts.seconds(member.build, now), facts.cost_micro_usd(member.build, now)
        line.append(f"  {duration(took)}  {dollars(cost)}  {ids.shown(member.build.build_id)}", style="dim")
        why = facts.why(member.build)
        line.append(f"  {facts.first_line(why)}" if why else "", style="red")
    if len(member.depends_on) > 1:
        line.append(f"  after {', '.join(member.depends_on)}", style="dim")
    if member.earlier:
        line.append(f"  try {len(member.earlier) + 1}", style="dim")
    if member.is_failure_ignored:
        line.append("  failure ignored", style="dim")
    return line


def until_over(client: Any, batch_id: str, pace: Pace, *, as_json: bool) -> Batch:
    """Show a batch until it has ended, and return it. A throttled look slows the next ones down."""
    seen: dict[str, str] = {}
    live = Live(console=console, refresh_per_second=8, transient=True)
    is_live = console.is_terminal and not as_json
    if is_live:
        live.start()
    try:
        while True:
            batch = _look(client, batch_id, pace)
            if batch is not None:
                now = datetime.now(UTC)
                if is_live:
                    live.update(tree(batch, now))
                else:
                    _print_changes(batch, seen, now, as_json=as_json)
                if batch.is_over:
                    return batch
            pace.wait()
    finally:
        if is_live:
            live.stop()


def _look(client: Any, batch_id: str, pace: Pace) -> Batch | None:
    try:
        batch = get(client, batch_id)
    except Exception as error:
        if not is_passing(error):
            raise
        pace.refused(error)
        return None
    pace.answered()
    return batch


def _print_changes(batch: Batch, seen: dict[str, str], now: datetime, *, as_json: bool) -> None:
    stamp = f"{now.astimezone():%H:%M:%S} "
    for member in batch.members:
        if seen.get(member.identifier) == member.status:
            continue
        seen[member.identifier] = member.status
        if as_json:
            at = now.isoformat(timespec="seconds")
            print_line({"at": at, "event": "changed", "build": _brief(member, now)})
        else:
            console.print(Text.assemble((stamp, "dim"), _line(member, now)))


def _brief(member: Member, now: datetime) -> dict[str, Any]:
    data = member.to_data(now)
    return {name: data.get(name) for name in ("identifier", *sorted(BRIEF - {"name"}))}


def finish(batch: Batch, *, as_json: bool) -> int:
    """Print how a batch ended, and return the exit code: 0 when it SUCCEEDED, else 1."""
    now = datetime.now(UTC)
    if as_json:
        print_line({"event": "finished", **batch.to_data(now)})
    else:
        print_tree(tree(batch, now))
    return ExitCode.OK if batch.status == "SUCCEEDED" else ExitCode.REFUSED


def resolve(client: Any, text: str) -> str:
    """Return the id of a batch from its id, its ARN, its beginning, or a project's name for the newest.

    Raises:
        UserError: When nothing, or more than one batch, fits.
    """
    named = text.strip().rsplit(":build-batch/", 1)[-1]
    project, colon, rest = named.partition(":")
    if colon and len(rest) == _UUID_LENGTH:
        return named
    found = client.list_build_batches_for_project(projectName=project, sortOrder="DESCENDING")["ids"]
    fitting = [one for one in found if one.startswith(named)]
    if not fitting:
        raise UserError(f"No batch fits {text}.", f"See `buildgate build batch list {project}`.", ExitCode.REFUSED)
    if colon and len(fitting) > 1:
        raise UserError(f"{text} fits {len(fitting)} batches.", f"Write more of the id: {', '.join(fitting[:3])}")
    return str(fitting[0])
