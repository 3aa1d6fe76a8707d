"""What every store promises, as functions of the stores alone: they run wherever there is a DynamoDB to run them on.

`CASES` lists them; a module that has another DynamoDB parametrises a test over them and gives each a `Stores` on an
empty table (`TABLE`, made by `core_world.table_definition()`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from buildgate.adapters.table.approvals import TableApprovals
from buildgate.adapters.table.builds import TableBuilds
from buildgate.adapters.table.outbox import TableOutbox
from buildgate.adapters.table.pipelines import TablePipelines
from buildgate.adapters.table.pushes import TablePushes
from buildgate.adapters.table.runs import TableRuns
from buildgate.adapters.table.table import Table
from buildgate.adapters.table.work import TableWork
from buildgate.domain.approvals import ApprovalStatus, Capability, Decision, Identity
from buildgate.domain.builds import Build, BuildHead, BuildStatus, Phase, SlotRef
from buildgate.domain.errors import Conflict
from buildgate.domain.metrics.rollups import Scope, fold, increments
from buildgate.domain.notices import NoticeRef
from buildgate.domain.pipelines import Pipeline, Trigger
from buildgate.domain.pushes import Cursor, Push
from buildgate.domain.runs import RunStatus, StageStatus, StopRequest
from buildgate.domain.slots import Slot, SlotState
from run_records import NOON, RUN_ID, approval, attempt, gate_result, pipeline, run, slot, stage

TABLE = "buildgate"
LATER = NOON + timedelta(days=3650)
FIRST_TOKEN = "t1"
CASES: list[Callable[[Stores], None]] = []


@dataclass(frozen=True)
class Stores:
    """Every store over one client."""

    client: Any

    @property
    def table(self) -> Table:
        return Table(self.client, TABLE, pause=lambda _: None)

    @property
    def runs(self) -> TableRuns:
        return TableRuns(self.table)

    @property
    def pushes(self) -> TablePushes:
        return TablePushes(self.table)

    @property
    def pipelines(self) -> TablePipelines:
        return TablePipelines(self.table)

    @property
    def builds(self) -> TableBuilds:
        return TableBuilds(self.table)

    @property
    def approvals(self) -> TableApprovals:
        return TableApprovals(self.table)

    @property
    def outbox(self) -> TableOutbox:
        return TableOutbox(self.table)

    @property
    def work(self) -> TableWork:
        return TableWork(self.table)


def case(function: Callable[[Stores], None]) -> Callable[[Stores], None]:
    CASES.append(function)
    return function


def empty(client: Any) -> Stores:
    """Return stores on the table after emptying it."""
    for item in client.scan(TableName=TABLE)["Items"]:
        client.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})
    return Stores(client)


# ---------------------------------------------------------------------------------------------------- pipelines


def watching(name: str = "shop", *repositories: str, **changes: Any) -> Pipeline:
    triggers = tuple(Trigger(repository, branches=("main",)) for repository in repositories or ("shop",))
    return replace(pipeline(), name=name, triggers=triggers, **changes)


@case
def a_pipeline_comes_back_as_it_was_stored(stores):
    found = watching(description="Web shop", tags={"team": "shop"})

    assert stores.pipelines.apply(found, actor="alice", now=NOON)
    assert stores.pipelines.version("shop", found.digest) == found
    head = stores.pipelines.head("shop")
    assert (head.version, head.applied_at, head.applied_by) == (found.digest, NOON, "alice")
    assert (head.description, head.repositories) == ("Web shop", ("codecommit:shop",))


@case
def the_same_pipeline_is_stored_once(stores):
    stores.pipelines.apply(watching(), actor="alice", now=NOON)

    assert not stores.pipelines.apply(watching(), actor="bob", now=LATER)
    assert stores.pipelines.head("shop").applied_by == "alice"


@case
def versions_are_listed_newest_first_and_stay(stores):
    versions = [watching(description=str(number)) for number in range(3)]
    for number, one in enumerate(versions):
        stores.pipelines.apply(one, actor="alice", now=NOON + timedelta(hours=number))

    listed = [one.version for one in stores.pipelines.versions("shop")]
    assert listed == [one.digest for one in reversed(versions)]
    assert [stores.pipelines.version("shop", one.digest) for one in versions] == versions


@case
def triggers_follow_the_current_version(stores):
    stores.pipelines.apply(watching("shop", "shop", "docs"), actor="a", now=NOON)
    stores.pipelines.apply(watching("other", "shop"), actor="a", now=NOON)
    changed = watching("shop", "docs")
    stores.pipelines.apply(changed, actor="a", now=NOON)

    assert [name for name, *_ in stores.pipelines.triggered_by("codecommit:shop")] == ["other"]
    assert stores.pipelines.triggered_by("codecommit:docs") == [("shop", changed.digest, 0)]


@case
def what_is_not_there_is_none(stores):
    assert stores.pipelines.head("none") is None
    assert stores.pipelines.version("none", "v") is None
    assert stores.runs.run("none") is None
    assert stores.runs.record("none") is None
    assert stores.runs.slot(SlotRef("none", 0, 1, "x")) is None
    assert stores.approvals.get(approval().ref) is None
    assert stores.pushes.event("none") is None
    assert stores.pushes.cursor("codecommit:none", "branch", "main") is None
    assert stores.builds.heads(["p:1", "p:2"]) == {}
    assert (stores.pipelines.heads(), stores.runs.recent("none", limit=5)) == ([], [])


# ---------------------------------------------------------------------------------------------------- pushes


def push(commit: str = "b" * 40, event: str = "e1") -> Push:
    return Push(event, NOON, "codecommit", "shop", "branch", "main", commit, "a" * 40, "arn:alice")


def cursor(version: int = 1, commit: str = "b" * 40) -> Cursor:
    return Cursor(commit, NOON, version, (("a" * 40, commit, NOON),))


@case
def a_push_opens_its_runs_with_its_event_and_its_cursor(stores):
    stores.pushes.open_runs(push(), moved=(None, cursor()), runs=[run(status=RunStatus.QUEUED)], reason="main fits")

    seen = stores.pushes.event("e1")
    assert (seen.run_ids, seen.reason) == ((RUN_ID,), "main fits")
    assert stores.pushes.cursor("codecommit:shop", "branch", "main") == cursor()
    assert stores.runs.run(RUN_ID) == run(status=RunStatus.QUEUED)


@case
def an_event_that_is_stored_already_writes_nothing(stores):
    stores.pushes.open_runs(push(), moved=(None, cursor()), runs=[], reason="")

    with pytest.raises(Conflict):
        stores.pushes.open_runs(push(), moved=(cursor(), cursor(2, "c" * 40)), runs=[run()], reason="")
    assert stores.runs.run(RUN_ID) is None
    assert stores.pushes.cursor("codecommit:shop", "branch", "main").version == 1


@case
def a_cursor_that_moved_meanwhile_writes_nothing(stores):
    stores.pushes.open_runs(push(), moved=(None, cursor()), runs=[], reason="")

    for believed in (None, cursor(7)):
        with pytest.raises(Conflict):
            stores.pushes.open_runs(push(event="e2"), moved=(believed, cursor(2)), runs=[run()], reason="")
    assert stores.pushes.event("e2") is None
    assert stores.runs.run(RUN_ID) is None


@case
def branches_and_tags_of_one_name_have_cursors_of_their_own(stores):
    stores.pushes.open_runs(push(), moved=(None, cursor()), runs=[], reason="")

    assert stores.pushes.cursor("codecommit:shop", "tag", "main") is None


@case
def a_deleted_branch_has_a_cursor_without_a_commit(stores):
    stores.pushes.open_runs(push(""), moved=(None, replace(cursor(), commit="", healed=())), runs=[], reason="")

    assert stores.pushes.cursor("codecommit:shop", "branch", "main").commit == ""


@case
def a_branch_is_noted_once(stores):
    for commit in ("a" * 40, "b" * 40):
        stores.pushes.seed_cursor("codecommit:shop", "main", commit, NOON)

    assert stores.pushes.cursor("codecommit:shop", "branch", "main") == Cursor("a" * 40, NOON, 1)


@case
def a_sighted_branch_is_due_until_it_is_settled(stores):
    stores.pushes.sight("shop", "feature/a", "b" * 40, due_at=NOON)
    stores.pushes.sight("shop", "feature/a", "b" * 40, due_at=LATER)
    assert stores.work.due_pushes(NOON - timedelta(seconds=1)) == []
    assert stores.work.due_pushes(NOON) == [("shop", "feature/a")]

    stores.pushes.sight("shop", "feature/a", "c" * 40, due_at=LATER)
    assert stores.work.due_pushes(NOON) == []
    stores.pushes.settle_sight("shop", "feature/a")
    assert stores.work.due_pushes(LATER) == []


@case
def ignored_pushes_are_listed_newest_first(stores):
    for number in range(3):
        moment = NOON + timedelta(minutes=number)
        stores.pushes.ignore(replace(push(event=f"e{number}"), at=moment), f"reason {number}")

    listed = stores.pushes.ignored("codecommit:shop", limit=2)
    assert [(at, reason) for at, _, _, reason in listed] == [
        (NOON + timedelta(minutes=2), "reason 2"),
        (NOON + timedelta(minutes=1), "reason 1"),
    ]


# ---------------------------------------------------------------------------------------------------- runs


def opened(stores: Stores, *names: str) -> list[SlotRef]:
    """Store a run whose first stage has slots of these names."""
    stores.runs.open(run(status=RunStatus.QUEUED), [])
    refs = [SlotRef(RUN_ID, 0, 1, name) for name in names]
    slots = [Slot(ref, f"shop-{ref.name}", SlotState.WAITING) for ref in refs]
    stores.runs.begin_stage(RUN_ID, attempt(), slots)
    return refs


def park(stores: Stores, ref: SlotRef, token: str = FIRST_TOKEN, nonce: str = "n1", now: datetime = NOON) -> Slot:
    return stores.runs.park_slot(ref, token=token, nonce=nonce, now=now, due_at=now + timedelta(hours=9))


@case
def a_run_comes_back_as_it_was_stored(stores):
    whole = run(
        trigger="retry", correlation_id="e1", retry_of="older", reason="x", executions=3, resumes=1, spent_events=70
    )

    stores.runs.open(whole, [])

    assert stores.runs.run(RUN_ID) == whole


@case
def a_builds_run_is_known_by_its_pipeline_and_branch(stores):
    stores.runs.open(run(), [])

    assert stores.runs.origin(RUN_ID) == ("shop", "main")
    assert stores.runs.origin("nope") is None


@case
def a_run_is_opened_once(stores):
    stores.runs.open(run(), [])

    with pytest.raises(Conflict):
        stores.runs.open(run(pipeline="other"), [])


@case
def a_record_holds_everything_that_happened(stores):
    refs = opened(stores, "unit", "lint")
    stores.runs.store_gate(RUN_ID, gate_result(reasons=("tests.failed is 3",)))
    stores.approvals.ask(approval())

    record = stores.runs.record(RUN_ID)

    assert record.stages == [attempt()]
    assert {one.ref for one in record.slots} == set(refs)
    assert record.gates == [gate_result(reasons=("tests.failed is 3",))]
    assert record.approvals == [approval()]


@case
def a_record_of_forty_builds_in_many_stages_is_read_whole(stores):
    stores.runs.open(run(), [])
    for index in range(5):
        slots = [Slot(SlotRef(RUN_ID, index, 1, f"b{n:02}"), "p", SlotState.WAITING) for n in range(40)]
        stores.runs.begin_stage(RUN_ID, attempt(index, f"s{index}"), slots)

    record = stores.runs.record(RUN_ID)
    assert (len(record.stages), len(record.slots)) == (5, 200)


@case
def runs_are_listed_newest_first(stores):
    for number in range(3):
        moment = NOON + timedelta(minutes=number)
        stores.runs.open(run(run_id=f"run{number}", opened_at=moment, due_at=LATER), [])

    listed = stores.runs.recent("shop", limit=2)
    assert [(one.run_id, one.source.commit) for one in listed] == [("run2", "b" * 40), ("run1", "b" * 40)]


@case
def a_list_of_runs_goes_on_behind_the_place_of_one(stores):
    for number in range(5):
        stores.runs.open(run(run_id=f"r{number}", opened_at=NOON + timedelta(minutes=number)), [])

    first = stores.runs.recent("shop", limit=2)
    rest = stores.runs.recent("shop", limit=9, before=stores.runs.place(first[-1]))

    assert [one.run_id for one in (*first, *rest)] == ["r4", "r3", "r2", "r1", "r0"]


@case
def a_run_starts_running_once_and_never_again(stores):
    stores.runs.open(run(status=RunStatus.QUEUED), [])
    stores.runs.mark_running(RUN_ID, now=NOON)
    assert stores.runs.run(RUN_ID).status is RunStatus.RUNNING

    stores.runs.close(run(status=RunStatus.FAILED, finished_at=NOON))
    stores.runs.mark_running(RUN_ID, now=NOON)
    assert stores.runs.run(RUN_ID).status is RunStatus.FAILED


@case
def the_first_end_of_a_run_stands_and_owes_its_notice(stores):
    stores.runs.open(run(), [])

    assert stores.runs.close(run(status=RunStatus.FAILED, reason="first", finished_at=NOON))
    assert not stores.runs.close(run(status=RunStatus.SUCCEEDED, reason="second", finished_at=LATER))

    ended = stores.runs.run(RUN_ID)
    assert (ended.status, ended.reason, ended.finished_at) == (RunStatus.FAILED, "first", NOON)
    assert stores.outbox.is_owed(NoticeRef(RUN_ID, "run-FAILED"))
    assert not stores.outbox.is_owed(NoticeRef(RUN_ID, "run-SUCCEEDED"))
    assert stores.work.due_runs(LATER) == []


@case
def the_last_run_of_a_pipeline_is_the_newest_that_ended(stores):
    stores.pipelines.apply(watching(), actor="a", now=NOON)
    for run_id in ("run1", "run3", "run2"):
        stores.runs.open(run(run_id=run_id), [])
        stores.runs.note_end(run(run_id=run_id, status=RunStatus.FAILED, finished_at=NOON))

    head = stores.pipelines.head("shop")
    assert (head.last_run_id, head.last_run_status) == ("run3", "FAILED")
    assert stores.pipelines.head("none") is None


@case
def a_new_version_keeps_the_last_run(stores):
    stores.pipelines.apply(watching(), actor="a", now=NOON)
    stores.runs.note_end(run(status=RunStatus.FAILED, finished_at=NOON))
    stores.pipelines.apply(watching(description="new"), actor="a", now=NOON)

    assert stores.pipelines.head("shop").last_run_id == RUN_ID


@case
def a_run_that_ends_while_a_version_is_applied_stays_the_last(stores):
    stores.pipelines.apply(watching(description="old"), actor="a", now=NOON)
    ends = Between(stores.client, lambda: stores.runs.note_end(run(status=RunStatus.FAILED, finished_at=NOON)))

    TablePipelines(Table(ends, TABLE, pause=lambda _: None)).apply(watching(), actor="b", now=NOON)

    head = stores.pipelines.head("shop")
    assert (head.last_run_id, head.last_run_status, head.description) == (RUN_ID, "FAILED", "")


class Between:
    """A client between whose reads and whose transaction something happens."""

    def __init__(self, client: Any, happens: Callable[[], object]) -> None:
        self._client, self._happens = client, happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **request: Any) -> Any:
        self._happens()
        return self._client.transact_write_items(**request)


@case
def the_end_of_a_run_of_no_pipeline_is_noted_nowhere(stores):
    stores.runs.note_end(run(status=RunStatus.FAILED, finished_at=NOON))

    assert stores.pipelines.heads() == []


@case
def one_execution_is_begun_for_what_was_believed(stores):
    stores.runs.open(run(spent_events=900), [])

    resumed = stores.runs.begin_execution(run(), is_resume=True)
    assert (resumed.executions, resumed.resumes, resumed.spent_events) == (2, 1, 0)
    with pytest.raises(Conflict):
        stores.runs.begin_execution(run(), is_resume=True)
    handed = stores.runs.begin_execution(resumed, is_resume=False)
    assert (handed.executions, handed.resumes) == (3, 1)


@case
def an_ended_run_begins_no_execution(stores):
    stores.runs.open(run(), [])
    stores.runs.close(run(status=RunStatus.STOPPED, finished_at=NOON))

    with pytest.raises(Conflict):
        stores.runs.begin_execution(run(), is_resume=True)


@case
def events_that_were_spent_add_up(stores):
    stores.runs.open(run(), [])
    for events in (12, 30):
        stores.runs.spend_events(RUN_ID, events)

    assert stores.runs.run(RUN_ID).spent_events == 42
    with pytest.raises(Conflict):
        stores.runs.spend_events("none", 1)


@case
def the_first_wish_to_stop_stands(stores):
    stores.runs.open(run(), [])

    assert stores.runs.ask_stop(RUN_ID, StopRequest("alice", "first", NOON))
    assert not stores.runs.ask_stop(RUN_ID, StopRequest("bob", "second", LATER))
    assert stores.runs.run(RUN_ID).stop == StopRequest("alice", "first", NOON)


@case
def an_ended_run_takes_no_wish_to_stop(stores):
    stores.runs.open(run(), [])
    stores.runs.close(run(status=RunStatus.FAILED, finished_at=NOON))

    assert not stores.runs.ask_stop(RUN_ID, StopRequest("alice", "", NOON))


@case
def a_run_is_due_until_it_ends_and_can_be_put_off(stores):
    stores.runs.open(run(), [])
    assert stores.work.due_runs(NOON) == []
    assert stores.work.due_runs(NOON + timedelta(minutes=2)) == [RUN_ID]

    stores.runs.postpone(RUN_ID, NOON + timedelta(hours=1))
    assert stores.work.due_runs(NOON + timedelta(minutes=2)) == []
    stores.runs.close(run(status=RunStatus.FAILED, finished_at=NOON))
    stores.runs.postpone(RUN_ID, NOON)
    assert stores.work.due_runs(LATER) == []


# ---------------------------------------------------------------------------------------------------- stages, slots


@case
def a_stage_is_begun_whole_and_once(stores):
    refs = opened(stores, "unit")

    with pytest.raises(Conflict):
        stores.runs.begin_stage(RUN_ID, attempt(name="again"), [Slot(refs[0], "other", SlotState.WAITING)])
    assert stores.runs.record(RUN_ID).stages[0].name == "test"
    assert stores.runs.slot(refs[0]).project == "shop-unit"


@case
def the_first_end_of_a_stage_stands(stores):
    opened(stores)
    first = attempt(status=StageStatus.FAILED, finished_at=NOON, reason="first", is_allowed=True)
    for one in (first, replace(first, status=StageStatus.SUCCEEDED, reason="second")):
        stores.runs.finish_stage(RUN_ID, one)

    assert stores.runs.record(RUN_ID).stages == [first]


@case
def carried_stages_are_part_of_an_opened_run(stores):
    carried = attempt(status=StageStatus.CARRIED, finished_at=NOON, reason="taken over")
    stores.runs.open(run(), [carried])

    assert stores.runs.record(RUN_ID).stages == [carried]


@case
def a_gate_keeps_its_first_verdict(stores):
    stores.runs.open(run(), [])
    for status in ("fail", "pass"):
        stores.runs.store_gate(RUN_ID, gate_result(status=status))

    assert [one.verdict.status for one in stores.runs.record(RUN_ID).gates] == ["fail"]


@case
def a_parked_slot_keeps_its_first_nonce_and_takes_the_newest_token(stores):
    (ref,) = opened(stores, "unit")
    park(stores, ref)

    again = park(stores, ref, token="t2", nonce="n2", now=NOON + timedelta(minutes=5))

    assert (again.state, again.token, again.nonce, again.parked_at) == (SlotState.PARKED, "t2", "n1", NOON)
    assert stores.runs.slot(ref) == again
    assert stores.work.due_slots(NOON + timedelta(hours=9)) == []
    assert stores.work.due_slots(NOON + timedelta(hours=10)) == [ref]


@case
def a_slot_that_is_not_there_cannot_be_parked_bound_or_settled(stores):
    ref = SlotRef(RUN_ID, 0, 1, "none")

    with pytest.raises(Conflict):
        park(stores, ref)
    assert not stores.runs.bind_slot(ref, nonce="n1", build_id="p:1", now=NOON)
    assert not stores.runs.settle_slot(Slot(ref, "p", SlotState.SETTLED))
    stores.runs.mark_delivered(ref, token="t1")


@case
def a_slot_is_bound_to_one_build_that_knows_its_nonce(stores):
    (ref,) = opened(stores, "unit")
    assert not stores.runs.bind_slot(ref, nonce="n1", build_id="p:1", now=NOON)
    park(stores, ref)

    answers = [
        stores.runs.bind_slot(ref, nonce=nonce, build_id=build_id, now=NOON)
        for nonce, build_id in (("forged", "p:0"), ("n1", "p:1"), ("n1", "p:1"), ("n1", "p:2"))
    ]

    assert answers == [False, True, True, False]
    assert (stores.runs.slot(ref).build_id, stores.runs.slot(ref).state) == ("p:1", SlotState.BOUND)


@case
def a_bound_slot_stays_bound_when_it_is_parked_again(stores):
    (ref,) = opened(stores, "unit")
    park(stores, ref)
    stores.runs.bind_slot(ref, nonce="n1", build_id="p:1", now=NOON)

    again = park(stores, ref, token="t2")

    assert (again.state, again.build_id, again.token) == (SlotState.BOUND, "p:1", "t2")


def settled(stores: Stores, ref: SlotRef, status: BuildStatus = BuildStatus.FAILED, **changes: Any) -> bool:
    known = stores.runs.slot(ref)
    changed = {"state": SlotState.SETTLED, "build_status": status, "reason": "BUILD FAILED", "due_at": NOON, **changes}
    return stores.runs.settle_slot(known._replace(**changed))


@case
def the_first_end_of_a_slot_stands_and_owes_its_callback(stores):
    (ref,) = opened(stores, "unit")
    park(stores, ref)
    stores.runs.bind_slot(ref, nonce="n1", build_id="p:1", now=NOON)

    assert settled(stores, ref)
    assert not settled(stores, ref, BuildStatus.SUCCEEDED)

    slot_now = stores.runs.slot(ref)
    assert (slot_now.build_status, slot_now.reason, slot_now.is_delivered) == (
        BuildStatus.FAILED,
        "BUILD FAILED",
        False,
    )
    assert stores.work.due_slots(NOON) == [ref]
    assert not stores.runs.bind_slot(ref, nonce="n1", build_id="p:1", now=NOON)


@case
def a_slot_is_not_settled_by_another_builds_end(stores):
    (ref,) = opened(stores, "unit")
    park(stores, ref)
    stores.runs.bind_slot(ref, nonce="n1", build_id="p:1", now=NOON)

    assert not settled(stores, ref, build_id="p:2")
    assert not settled(stores, ref, build_id="")
    assert stores.runs.slot(ref).state is SlotState.BOUND


@case
def a_slot_without_a_build_can_be_settled_and_owes_nothing(stores):
    (ref,) = opened(stores, "unit")
    park(stores, ref)

    assert settled(stores, ref, BuildStatus.FAULT, due_at=None)
    assert stores.work.due_slots(LATER) == []


@case
def a_callback_is_delivered_for_the_token_it_was_sent_to(stores):
    (ref,) = opened(stores, "unit")
    park(stores, ref)
    settled(stores, ref)

    stores.runs.mark_delivered(ref, token="t0")
    assert stores.work.due_slots(NOON) == [ref]
    stores.runs.mark_delivered(ref, token="t1")

    assert stores.work.due_slots(LATER) == []
    assert stores.runs.slot(ref).is_delivered


@case
def a_settled_slot_that_is_parked_again_is_due_at_once(stores):
    (ref,) = opened(stores, "unit")
    park(stores, ref)
    settled(stores, ref)
    stores.runs.mark_delivered(ref, token="t1")

    again = park(stores, ref, token="t2", now=NOON + timedelta(hours=1))

    assert (again.state, again.is_delivered, again.token) == (SlotState.SETTLED, False, "t2")
    assert stores.work.due_slots(NOON + timedelta(hours=1)) == [ref]


@case
def a_slot_that_nobody_waits_for_is_delivered_without_a_token(stores):
    (ref,) = opened(stores, "unit")
    settled(stores, ref)

    stores.runs.mark_delivered(ref, token="")

    assert stores.runs.slot(ref).is_delivered


# ---------------------------------------------------------------------------------------------------- approvals


def decided(known: Any, *, approve: bool = True, actor: str = "alice") -> Any:
    decision = Decision(approve, actor, Identity.LINK, "fine", NOON)
    status = ApprovalStatus.APPROVED if approve else ApprovalStatus.REJECTED
    return replace(known, status=status, decisions=(*known.decisions, decision), version=known.version + 1)


@case
def an_approval_comes_back_as_it_was_asked(stores):
    whole = approval(
        approvers=("bob@example.com",), allow_self=False, barred=("alice",), instructions="Look", token="t1", required=2
    )

    assert stores.approvals.ask(whole) == whole
    assert stores.approvals.get(whole.ref) == whole
    assert stores.approvals.waiting() == [whole]


@case
def asking_again_keeps_the_approval_and_takes_the_newest_token(stores):
    stores.approvals.ask(approval(token="t1"))
    stores.approvals.add_capability(approval().ref, Capability("f1", "bob"))

    again = stores.approvals.ask(approval(token="t2", due_at=LATER, instructions="other"))

    assert (again.token, again.due_at, again.instructions) == ("t2", approval().due_at, "")
    assert again.capabilities == (Capability("f1", "bob"),)


@case
def capabilities_add_up_and_need_their_approval(stores):
    stores.approvals.ask(approval(token="t1"))
    for number in range(3):
        stores.approvals.add_capability(approval().ref, Capability(f"f{number}"))

    assert [one.fingerprint for one in stores.approvals.get(approval().ref).capabilities] == ["f0", "f1", "f2"]
    with pytest.raises(Conflict):
        stores.approvals.add_capability(replace(approval().ref, name="none"), Capability("f"))


@case
def one_decision_is_stored_for_what_was_believed(stores):
    known = stores.approvals.ask(approval(token="t1"))
    stores.approvals.store_decision(decided(known))

    with pytest.raises(Conflict):
        stores.approvals.store_decision(decided(known, approve=False, actor="bob"))
    found = stores.approvals.get(known.ref)
    assert (found.status, found.decisions[0].actor, len(found.decisions)) == (ApprovalStatus.APPROVED, "alice", 1)
    assert stores.approvals.waiting() == []


@case
def a_decided_approval_is_due_until_its_callback_is_delivered(stores):
    known = stores.approvals.ask(approval(token="t1"))
    assert stores.work.due_approvals(NOON) == []
    stores.approvals.store_decision(decided(known))
    assert stores.work.due_approvals(NOON) == [known.ref]

    stores.approvals.mark_delivered(known.ref, token="t0")
    assert stores.work.due_approvals(NOON) == [known.ref]
    stores.approvals.mark_delivered(known.ref, token="t1")
    assert stores.work.due_approvals(LATER) == []


@case
def a_vote_below_the_quorum_leaves_the_approval_waiting(stores):
    known = stores.approvals.ask(approval(token="t1", required=2))
    vote = replace(decided(known), status=ApprovalStatus.WAITING)
    stores.approvals.store_decision(vote)

    (found,) = stores.approvals.waiting()
    assert (found.version, len(found.decisions)) == (1, 1)
    stores.approvals.store_decision(decided(found, actor="bob"))
    assert stores.approvals.get(known.ref).status is ApprovalStatus.APPROVED


@case
def only_a_waiting_approval_can_end_without_a_decision(stores):
    waiting = stores.approvals.ask(approval(token="t1"))
    done = stores.approvals.ask(replace(approval(token="t2"), ref=replace(approval().ref, name="review")))
    stores.approvals.store_decision(decided(done))

    for ref in (waiting.ref, done.ref):
        stores.approvals.end(ref, ApprovalStatus.EXPIRED)

    assert stores.approvals.get(waiting.ref).status is ApprovalStatus.EXPIRED
    assert stores.approvals.get(done.ref).status is ApprovalStatus.APPROVED
    with pytest.raises(Conflict):
        stores.approvals.store_decision(decided(waiting))


@case
def waiting_approvals_are_listed_by_their_end(stores):
    for name, hours in (("c", 3), ("a", 1), ("b", 2)):
        ref = replace(approval().ref, name=name)
        stores.approvals.ask(approval(ref=ref, due_at=NOON + timedelta(hours=hours), token="t"))

    assert [one.ref.name for one in stores.approvals.waiting()] == ["a", "b", "c"]


# ---------------------------------------------------------------------------------------------------- builds


def built(number: int = 1, status: BuildStatus = BuildStatus.SUCCEEDED, **changes: Any) -> tuple[BuildHead, Build]:
    build_id = f"shop-unit:{number:08}"
    ended = None if status is BuildStatus.IN_PROGRESS else NOON + timedelta(seconds=number)
    common = {"build_id": build_id, "project": "shop-unit", "status": status, "started_at": NOON, "ended_at": ended}
    head = BuildHead(**common, duration_seconds=float(number) if ended else None, cost_micro_usd=5000, pipeline="shop")
    phases = (Phase("BUILD", "SUCCEEDED", duration_seconds=1.5, messages=("COMMAND: fine",)),)
    return head._replace(**changes), Build(**common, phases=phases, variables=(("MODE", "PLAINTEXT"),))


def record(stores: Stores, head: BuildHead, build: Build, known: BuildHead | None = None) -> None:
    stores.builds.record(head, build, known=known, is_finish=head.status.is_finished, now=NOON)


@case
def a_build_comes_back_as_it_was_recorded(stores):
    head, build = built(
        queue_seconds=1.5, slot=SlotRef(RUN_ID, 0, 1, "unit"), stage="00", commit="c" * 40, image="standard:7.0"
    )

    record(stores, head, build)

    assert stores.builds.heads([head.build_id]) == {head.build_id: head}


@case
def a_build_counts_once_for_its_project_and_its_pipeline(stores):
    running, _ = built(status=BuildStatus.IN_PROGRESS)
    head, build = built()
    record(stores, running, build)
    record(stores, head, build, running)

    for known in (None, running):
        with pytest.raises(Conflict):
            record(stores, head, build, known)
    for scope in (Scope("PROJECT", "shop-unit"), Scope("PIPELINE", "shop")):
        (day,) = stores.builds.days(scope, ["2026-11-22"])
        assert day.counters == increments(head)


@case
def a_day_is_the_sum_of_its_builds(stores):
    statuses = [status for status in BuildStatus if status.is_finished]
    pairs = [built(number, statuses[number % 5]) for number in range(1, 21)]
    for head, build in pairs:
        record(stores, head, build)

    recount = fold([head for head, _ in pairs], seen_at=NOON)
    for (scope, day), counters in recount.items():
        (found,) = stores.builds.days(scope, [day])
        assert found.counters == counters


@case
def progress_moves_on_and_is_open_work_until_the_end(stores):
    first, build = built(status=BuildStatus.IN_PROGRESS, current_phase="QUEUED")
    second = first._replace(current_phase="BUILD")
    record(stores, first, build)
    record(stores, second, build, first)
    assert stores.builds.heads([first.build_id])[first.build_id].current_phase == "BUILD"
    assert stores.work.due_builds(LATER) == [first.build_id]

    record(stores, built()[0], build, second)
    assert stores.work.due_builds(LATER) == []
    with pytest.raises(Conflict):
        record(stores, second, build, second)


@case
def builds_are_listed_newest_first_by_project(stores):
    for number in (2, 3, 1):
        head, build = built(number)
        moment = NOON + timedelta(minutes=number)
        record(stores, head._replace(started_at=moment, ended_at=moment + timedelta(seconds=9)), build)

    assert [one.build_id for one in stores.builds.recent("shop-unit", limit=2)] == [
        "shop-unit:00000003",
        "shop-unit:00000002",
    ]
    assert stores.builds.projects() == ["shop-unit"]


@case
def more_than_a_batch_of_builds_is_looked_up_at_once(stores):
    for number in range(1, 121):
        record(stores, *built(number, BuildStatus.IN_PROGRESS))
    ids = [f"shop-unit:{number:08}" for number in range(1, 131)]

    assert len(stores.builds.heads(ids)) == 120


@case
def days_of_a_window_are_read_in_order(stores):
    for number, ended in enumerate(("2026-11-20", "2026-11-22", "2026-11-25"), 1):
        head, build = built(number)
        moment = datetime.fromisoformat(f"{ended}T12:00:00+00:00")
        record(stores, head._replace(started_at=moment, ended_at=moment), build)

    days = stores.builds.days(Scope("PROJECT", "shop-unit"), ["2026-11-20", "2026-11-21", "2026-11-22"])
    assert [day.day for day in days] == ["2026-11-20", "2026-11-22"]
    assert stores.builds.days(Scope("PROJECT", "shop-unit"), []) == []


# ---------------------------------------------------------------------------------------------------- notices


@case
def a_notice_is_owed_once_until_it_is_sent(stores):
    for ref in (NoticeRef(RUN_ID, "run-FAILED"), NoticeRef("shop-unit:1", "build-FAILED")):
        assert stores.outbox.owe(ref, kind="run", due_at=NOON)
        assert not stores.outbox.owe(ref, kind="build", due_at=LATER)
        assert stores.outbox.is_owed(ref)

        stores.outbox.mark_sent(ref, now=NOON)
        assert not stores.outbox.is_owed(ref)
        assert not stores.outbox.owe(ref, kind="run", due_at=NOON)
    assert stores.work.due_notices(LATER) == []


@case
def due_notices_say_what_they_are_about(stores):
    refs = [
        NoticeRef("shop-unit:1", "build-FAILED"),
        NoticeRef(RUN_ID, f"approval-{RUN_ID}.00.1.entry-bob@example.com"),
    ]
    for minutes, (ref, kind) in enumerate(zip(refs, ("build", "approval"), strict=True)):
        stores.outbox.owe(ref, kind=kind, due_at=NOON + timedelta(minutes=minutes))

    assert [(one.ref, one.kind) for one in stores.work.due_notices(NOON)] == [(refs[0], "build")]
    due = stores.work.due_notices(NOON + timedelta(minutes=1))
    assert [(one.ref, one.kind, one.due_at) for one in due] == [
        (refs[0], "build", NOON),
        (refs[1], "approval", NOON + timedelta(minutes=1)),
    ]


@case
def hostile_text_is_stored_as_text(stores):
    text = '\'; DROP TABLE x; -- \u0000 💥 {"S": 1} #n0 :v0 ${x}'
    stores.runs.open(run(reason=text, source=replace(run().source, message=text)), [])

    found = stores.runs.run(RUN_ID)
    assert (found.reason, found.source.message) == (text, text)


@case
def names_that_dynamodb_reserves_can_be_stored(stores):
    found = replace(pipeline(stage("status"), stage("name")), name="SELECT")
    stores.pipelines.apply(found, actor="a", now=NOON)

    assert stores.pipelines.version("SELECT", found.digest) == found
    assert slot().project
