"""What stores of builds promise, totals included."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from buildgate.domain.builds import Build, BuildHead, BuildStatus, Phase, SlotRef
from buildgate.domain.errors import Conflict
from buildgate.domain.metrics.rollups import Scope, fold, increments
from contract.stores import LATER, Stores, case
from run_records import NOON, RUN_ID


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
    assert stores.builds.known(ids) == set(ids[:120])


@case
def days_of_a_window_are_read_in_order(stores):
    for number, ended in enumerate(("2026-11-20", "2026-11-22", "2026-11-25"), 1):
        head, build = built(number)
        moment = datetime.fromisoformat(f"{ended}T12:00:00+00:00")
        record(stores, head._replace(started_at=moment, ended_at=moment), build)

    days = stores.builds.days(Scope("PROJECT", "shop-unit"), ["2026-11-20", "2026-11-21", "2026-11-22"])
    assert [day.day for day in days] == ["2026-11-20", "2026-11-22"]
    assert stores.builds.days(Scope("PROJECT", "shop-unit"), []) == []
