"""What stores of pushes promise: events by id, branches by cursor."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from buildgate.domain.errors import Conflict
from buildgate.domain.pushes import Cursor, Push
from buildgate.domain.runs import RunStatus
from contract.stores import LATER, case
from run_records import NOON, RUN_ID, run


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
