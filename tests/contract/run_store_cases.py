"""What stores of runs promise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from buildgate.adapters.table.pipelines import TablePipelines
from buildgate.adapters.table.table import Table
from buildgate.domain.builds import SlotRef
from buildgate.domain.errors import Conflict
from buildgate.domain.notices import NoticeRef
from buildgate.domain.runs import RunStatus, StopRequest
from buildgate.domain.slots import Slot, SlotState
from contract.pipeline_store_cases import watching
from contract.stores import FIRST_TOKEN, LATER, TABLE, Stores, case
from run_records import NOON, RUN_ID, approval, attempt, gate_result, run


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
def a_builds_run_is_known_by_its_pipeline_branch_and_correlation(stores):
    stores.runs.open(run(), [])

    assert stores.runs.origin(RUN_ID) == ("shop", "main", run().correlation_id)
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
