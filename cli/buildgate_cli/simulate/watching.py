"""Watches a world while it runs: every write of the table, every build that starts, every step of time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from buildgate.adapters.table.codec import decode_item
from buildgate.domain.builds import BuildStatus, SlotRef
from buildgate.domain.ids import place_text
from buildgate.domain.runs import RunStatus
from buildgate.domain.slots import SlotState
from buildgate_cli.simulate.breaches import Breach, Promise
from buildgate_cli.simulate.strangers import LOOSE_PROJECT
from buildgate_cli.simulate.turns import Turns, waiting_behind

if TYPE_CHECKING:
    from buildgate.adapters.memory.builds import FakeBuild
    from buildgate.adapters.memory.dynamodb.stores import Row
    from buildgate.domain.gates.model import Gate
    from buildgate.domain.pipelines import Pipeline, Stage
    from buildgate_cli.simulate.world import World

_SLOT_STATES: Final = [state.value for state in SlotState]
_FINISHED: Final = {status.value for status in BuildStatus if status.is_finished}


@dataclass(slots=True)
class Watch:
    """What is known of a world from outside, and what it broke. `poor` are slots whose report cannot pass a gate.

    `granted` are the approvals that a person really approved: what the clicks were, not what the table says of them.
    `newest` is the last commit pushed to each branch that a trigger watches; `asked` are the approvals people wait for.
    """

    world: World
    pipelines: Mapping[str, Pipeline]
    broken: list[Breach] = field(default_factory=list)
    poor: set[tuple[str, int, int]] = field(default_factory=set)
    granted: set[str] = field(default_factory=set)
    newest: dict[str, str] = field(default_factory=dict)
    asked: dict[str, dict[str, Any]] = field(default_factory=dict)
    _finished: Counter[str] = field(default_factory=Counter)
    _counted: Counter[str] = field(default_factory=Counter)
    _slots: set[str] = field(default_factory=set)
    _idle: set[str] = field(default_factory=set)
    _overtaken: set[str] = field(default_factory=set)
    _turns: Turns = field(init=False)
    _builds: int = 0
    _is_recounted: bool = False

    def __post_init__(self) -> None:
        self._turns = Turns(self.breach)

    def start(self) -> None:
        """Watch from now on."""
        self.world.table.watch = self._written

    def breach(self, promise: Promise, what: str) -> None:
        """Note that a promise is broken."""
        self.broken.append(Breach(promise, what, self.world.aws.timeline.elapsed))

    def look(self) -> None:
        """Check what must hold after each step: totals agree with builds, and no build was started twice or unasked."""
        if self._is_recounted and self._finished != self._counted:
            wrong = {name for name in self._finished | self._counted if self._finished[name] != self._counted[name]}
            for name in sorted(wrong):
                self.breach(
                    Promise.COUNTED_ONCE,
                    f"{name}: {self._finished[name]} builds ended, {self._counted[name]} are counted",
                )
        self._is_recounted = False
        for build in self.world.aws.codebuild.builds(since=self._builds):
            self._started(build)
            self._builds += 1

    def look_for_waiting(self) -> None:
        """Check, when all has long been calm, that no run waits for nothing: twice in a row without a cause is once."""
        rows = list(self.world.table.rows())
        running = {build.build_id for build in self.world.aws.codebuild.builds() if not build.is_over}
        busy = {row.item["pk"]["S"] for row in rows if _is_cause(row, running)}
        busy |= waiting_behind((decode_item(row.item) for row in rows if row.item["sk"]["S"] == "LANE"), busy)
        idle = {row.item["pk"]["S"] for row in rows if row.item["sk"]["S"] == "RUN" and not _is_final(row)} - busy
        for pk in sorted(idle & self._idle):
            self.breach(Promise.BOUNDED, f"{pk} goes on, though no build runs and nobody is asked for it")
        self._idle = idle

    def _started(self, build: FakeBuild) -> None:
        given = {one["name"]: one["value"] for one in build.environment()["environmentVariables"]}
        text = given.get("BUILDGATE_SLOT", "")
        if not text or build.build_id.startswith(f"{LOOSE_PROJECT}:"):
            return
        if text in self._slots:
            self.breach(Promise.DEPLOYED_ONCE, f"{text} got a second build, {build.build_id}")
        self._slots.add(text)
        ref = SlotRef.from_text(text)
        stage = self._stage(ref.run_id, ref.stage)
        if stage is not None:
            self._turns.started(ref, given["BUILDGATE_PIPELINE"], stage, build)
        if stage is None or stage.approval is None:
            return
        approval = self._item(f"RUN#{ref.run_id}", f"S#{ref.stage:02d}#A{ref.attempt}#P#entry") or {}
        if approval.get("status") != "APPROVED":
            self.breach(Promise.DECIDED, f"{text} was started though its approval is {approval.get('status')}")

    def _stage(self, run_id: str, index: int) -> Stage | None:
        run = self._item(f"RUN#{run_id}", "RUN")
        pipeline = self.pipelines.get(run["pipeline"]) if run else None
        return pipeline.stages[index] if pipeline is not None else None

    def _item(self, pk: str, sk: str) -> dict[str, Any] | None:
        row = self.world.table.get((pk, sk))
        return None if row is None else decode_item(row.item)

    def _written(self, before: Row | None, after: Row | None) -> None:
        row = after or before
        if row is None:
            return
        pk, sk = row.item["pk"]["S"], row.item["sk"]["S"]
        self._is_recounted |= sk == "HEAD" or sk.startswith("D#")
        if sk == "HEAD":
            self._head(pk, before, after)
        elif sk.startswith("D#"):
            self._counted[pk] += _number(after, "n") - _number(before, "n") if pk.startswith("PROJECT#") else 0
        elif pk.startswith("RUN#"):
            self._run_part(pk, sk, before, after)
        elif sk == "LANE" and after is not None:
            turns = decode_item(after.item).get("waiting", ())
            self._overtaken |= {f"RUN#{turn['run']}" for turn in turns if turn.get("superseded_by")}

    def _head(self, pk: str, before: Row | None, after: Row | None) -> None:
        old, new = _text(before, "status"), _text(after, "status")
        if old and (not new or _number(after, "rank") < _number(before, "rank") or (old in _FINISHED and new != old)):
            self.breach(Promise.NEVER_BACK, f"{pk} went from {old} to {new or 'nothing'}")
        if after is not None and new in _FINISHED and old not in _FINISHED:
            self._finished[f"PROJECT#{after.item['project']['S']}"] += 1

    def _run_part(self, pk: str, sk: str, before: Row | None, after: Row | None) -> None:
        old, new = _text(before, "status"), _text(after, "status")
        if sk == "RUN":
            if old and (not new or (RunStatus(old).is_final and new != old) or (old == "RUNNING" and new == "QUEUED")):
                self.breach(Promise.NEVER_BACK, f"{pk} went from {old} to {new or 'nothing'}")
        elif "#B#" in sk:
            self._slot(pk, sk, before, after)
        elif "#G#" in sk:
            if before is not None and (after is None or after.item["verdict"] != before.item["verdict"]):
                self.breach(Promise.NEVER_BACK, f"the verdict of {pk} {sk} changed")
        elif "#P#" in sk:
            self._approval(pk, sk, old, after)
        elif sk.startswith("S#") and sk.count("#") == 2:
            if old not in {"", "RUNNING"} and new != old:
                self.breach(Promise.NEVER_BACK, f"{pk} {sk} went from {old} to {new or 'nothing'}")
            if new == "SUCCEEDED" and old != new:
                self._passed(pk, sk)

    def _slot(self, pk: str, sk: str, before: Row | None, after: Row | None) -> None:
        old, new = _text(before, "state"), _text(after, "state")
        if old and (not new or _SLOT_STATES.index(new) < _SLOT_STATES.index(old)):
            self.breach(Promise.NEVER_BACK, f"{pk} {sk} went from {old} to {new or 'nothing'}")
        known = _text(before, "build_id")
        if _text(after, "build_id").startswith(f"{LOOSE_PROJECT}:"):
            self.breach(Promise.OWN, f"{pk} {sk} took {_text(after, 'build_id')} for its own")
        if known and _text(after, "build_id") != known:
            self.breach(Promise.NEVER_BACK, f"{pk} {sk} lost its build {known}")

    def _approval(self, pk: str, sk: str, old: str, after: Row | None) -> None:
        new = _text(after, "status")
        if old not in {"", "WAITING"} and new != old:
            self.breach(Promise.NEVER_BACK, f"{pk} {sk} went from {old} to {new or 'nothing'}")
        _, index, attempt, _, name = sk.split("#", 4)
        text = place_text(pk.removeprefix("RUN#"), int(index), int(attempt[1:]), name)
        if after is None or new != "WAITING":
            self.asked.pop(text, None)
        elif text not in self.asked:
            self.asked[text] = decode_item(after.item)
        if new in {"APPROVED", "REJECTED"} and old == "WAITING":
            self._too_late(pk, sk, new)
        if new != "APPROVED" or old == new or after is None:
            return
        item = decode_item(after.item)
        yes = [one for one in item.get("decisions", ()) if one.get("approve")]
        strangers = {one["actor"] for one in yes} - set(item.get("approvers", ()))
        if strangers and item["channel"] == "mailbox":
            self.breach(Promise.DECIDED, f"{pk} {sk} is approved by {min(strangers)}, whom nobody asked")
        if len({one["actor"] for one in yes}) < item["required"] or text not in self.granted:
            self.breach(
                Promise.DECIDED, f"{pk} {sk} is approved by {len(yes)} decisions; {item['required']} are needed"
            )

    def _too_late(self, pk: str, sk: str, decided: str) -> None:
        """Check that a decision counted only for a run that can still heed it."""
        run = self._item(pk, "RUN") or {}
        why = "superseded" if pk in self._overtaken else "to be stopped" if run.get("stop") else ""
        if RunStatus(run["status"]).is_final:
            why = run["status"]
        if why:
            self.breach(Promise.DECIDED, f"{pk} {sk} is {decided} though the run was {why} by then")

    def _passed(self, pk: str, sk: str) -> None:
        """Check a stage that succeeded: each of its gates was judged, and none of them says no."""
        run_id, (_, index, attempt) = pk.removeprefix("RUN#"), sk.split("#")
        place = (run_id, int(index), int(attempt[1:]))
        stage = self._stage(run_id, place[1])
        for gate in stage.gates if stage else ():
            if gate.manual is not None:
                continue
            item = self._item(pk, f"{sk}#G#{gate.name}")
            verdict = item["verdict"] if item else {}
            if not verdict or verdict.get("is_blocking"):
                self.breach(Promise.GATED, f"{pk} {sk} succeeded though gate {gate.name} says {verdict or 'nothing'}")
            elif place in self.poor and _is_strict(gate):
                self.breach(Promise.GATED, f"{pk} {sk} succeeded though what gate {gate.name} judges cannot pass")


def _is_final(row: Row) -> bool:
    return RunStatus(_text(row, "status")).is_final


def _is_cause(row: Row, running: set[str]) -> bool:
    """Return whether a part of a run is something to wait for: a build that runs, or an approval that is asked for."""
    sk = row.item["sk"]["S"]
    return ("#B#" in sk and _text(row, "build_id") in running) or ("#P#" in sk and _text(row, "status") == "WAITING")


def _is_strict(gate: Gate) -> bool:
    """Return whether a gate has to refuse bad, missing and unreadable reports alike."""
    policies = [gate.on_missing, *(one.on_missing or "fail" for one in gate.objectives)]
    blocks = gate.mode == "enforce" and not gate.is_advisory and gate.on_error == "block"
    return blocks and all(policy == "fail" for policy in policies) and gate.total_pass is None


def _text(row: Row | None, name: str) -> str:
    value = row.item.get(name) if row else None
    return str(value.get("S", "")) if value else ""


def _number(row: Row | None, name: str) -> int:
    value = row.item.get(name) if row else None
    return int(value["N"]) if value else 0
