"""What stores of notices promise, and all stores about texts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from buildgate.domain.notices import NoticeRef
from contract.stores import LATER, case
from run_records import NOON, RUN_ID, pipeline, run, slot, stage


@case
def a_notice_is_owed_once_until_it_is_sent(stores):
    for ref in (NoticeRef(RUN_ID, "run-FAILED"), NoticeRef("shop-unit:1", "build-FAILED")):
        assert not stores.outbox.is_sent(ref)
        assert stores.outbox.owe(ref, kind="run", due_at=NOON)
        assert not stores.outbox.owe(ref, kind="build", due_at=LATER)
        assert (stores.outbox.is_owed(ref), stores.outbox.is_sent(ref)) == (True, False)

        stores.outbox.mark_sent(ref, now=NOON)
        assert (stores.outbox.is_owed(ref), stores.outbox.is_sent(ref)) == (False, True)
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
