"""What the stores of judgements, waivers, totals and test cases promise, wherever there is a table and a bucket.

`CASES` lists them; a module that has a cloud parametrises a test over them and gives each an empty `History`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from buildgate.adapters.table.judgements import StoredJudgements
from buildgate.adapters.table.postures import TablePostures
from buildgate.adapters.table.table import Table
from buildgate.adapters.table.test_states import TableTestStates
from buildgate.adapters.table.totals import TableTotals
from buildgate.adapters.table.waivers import TableWaivers
from buildgate.domain.builds import Misreported, Owner, SlotClaim, SlotRef
from buildgate.domain.errors import NotFound
from buildgate.domain.gates import Evidence, judge
from buildgate.domain.gates.comparison import head_of
from buildgate.domain.gates.model import Waiver
from buildgate.domain.gates.pipeline_waivers import PipelineWaiver
from buildgate.domain.gates.record import Judgement, JudgementRef
from buildgate.domain.measurements import Measured
from buildgate.domain.metrics.posture import PostureDay, RoleLook
from buildgate.domain.metrics.rollups import DayTotals, Scope
from buildgate.domain.metrics.test_cases import CaseChange, CaseState
from buildgate.usecases.window_reads import place_of
from contract.build_store_cases import built, record
from contract.stores import TABLE, Stores, empty
from core_world import ALICE, BUCKET, table_definition
from gate_world import gate
from run_records import NOON, RUN_ID, run

GATE = gate()
CASES: list[Callable[[History], None]] = []


@dataclass(frozen=True)
class History:
    """Every store of what has happened, over one table and one bucket."""

    stores: Stores
    s3: Any

    @property
    def table(self) -> Table:
        return Table(self.stores.client, TABLE, pause=lambda _: None)

    @property
    def judgements(self) -> StoredJudgements:
        return StoredJudgements(self.table, self.s3, BUCKET)

    @property
    def waivers(self) -> TableWaivers:
        return TableWaivers(self.table)

    @property
    def totals(self) -> TableTotals:
        return TableTotals(self.table)

    @property
    def postures(self) -> TablePostures:
        return TablePostures(self.table)

    @property
    def tests(self) -> TableTestStates:
        return TableTestStates(self.table)


def prepare(client: Callable[[str], Any]) -> None:
    """Make the table and the bucket."""
    client("dynamodb").create_table(**table_definition())
    client("s3").create_bucket(Bucket=BUCKET)
    client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})


def history(client: Callable[[str], Any]) -> History:
    """Return the stores on an emptied table; the bucket keeps what it has, for cases read only what they wrote."""
    return History(empty(client("dynamodb")), client("s3"))


def case(function: Callable[[History], None]) -> Callable[[History], None]:
    CASES.append(function)
    return function


# ---------------------------------------------------------------------------------------------------- judgements


def judged(failed=0.0, run_id="r1"):
    evidence = Evidence({"tests.failed": Measured(failed, "junit.xml")}, now=NOON)
    return Judgement(GATE, evidence, judge(GATE, evidence), run_id, "main", "2026-11-22T12:00:00.000Z")


def head(judgement, ref, *, minutes=0, branch="main"):
    source = replace(run().source, ref=branch)
    made = replace(run(), run_id=judgement.run_id, source=source)
    return head_of(made, "test", judgement.verdict, at=NOON + timedelta(minutes=minutes), ref=ref)


@case
def each_stored_judgement_stays_readable_under_its_own_version(history):
    first = history.judgements.keep(judged(0), pipeline="shop", stage="test")
    second = history.judgements.keep(judged(2), pipeline="shop", stage="test")

    assert first.key == second.key == "judgements/shop/r1/test.quality.json"
    assert [history.judgements.load(ref).verdict.status for ref in (first, second)] == ["pass", "fail"]
    with pytest.raises(NotFound):
        history.judgements.load(JudgementRef("judgements/none.json"))


@case
def the_history_is_read_by_branch_and_by_time(history):
    ref = history.judgements.keep(judged(), pipeline="shop", stage="test")
    places = [("r1", 0, "main"), ("r2", 1, "main"), ("r3", 2, "main#2"), ("r4", 3, "feature/a")]
    for run_id, minutes, branch in places:
        for _ in range(2):
            history.judgements.note(head(judged(run_id=run_id), ref, minutes=minutes, branch=branch))

    on_main = [one.run_id for one in history.judgements.on_branch("shop", "test", "quality", "main")]
    since = history.judgements.since("shop", NOON + timedelta(minutes=1), limit=2)

    assert on_main == ["r2", "r1"]
    assert [(one.run_id, one.branch) for one in since] == [("r4", "feature/a"), ("r3", "main#2")]
    assert since[0].values == {"tests.failed": 0.0}
    assert since[0].ref == ref


# ---------------------------------------------------------------------------------------------------- waivers


def waiver(**changes):
    base = PipelineWaiver("shop", Waiver("known", "alice@example.com", date(2026, 11, 30), rule="B602"), ALICE, NOON)
    return replace(base, **changes)


@case
def a_waiver_is_due_after_its_last_day_until_people_were_told(history):
    one, waivers = waiver(), history.waivers
    waivers.put(one)

    assert waivers.due(datetime(2026, 11, 30, 23, 59, tzinfo=UTC)) == []
    assert waivers.due(one.ends_at) == [("shop", one.id)]
    waivers.settle("shop", one.id, due_at=one.ends_at - timedelta(days=1))
    assert waivers.due(one.ends_at) == [("shop", one.id)]
    waivers.settle("shop", one.id, due_at=one.ends_at)

    assert waivers.due(one.ends_at) == []
    assert waivers.of_pipeline("shop") == [one]


@case
def a_waiver_is_withdrawn_once_and_granted_again_afterwards(history):
    one, waivers = waiver(gate="quality"), history.waivers
    waivers.put(one)

    assert [waivers.withdraw("shop", one.id, actor=ALICE, now=NOON) for _ in range(2)] == [True, False]
    assert waivers.get("shop", one.id).withdrawn_by == ALICE
    assert not waivers.get("shop", one.id).is_for("quality")
    assert not waivers.withdraw("shop", "none", actor=ALICE, now=NOON)
    waivers.put(one)

    assert waivers.get("shop", one.id).is_for("quality")
    assert waivers.get("shop", "none") is None


# ---------------------------------------------------------------------------------------------------- totals


@case
def a_folded_day_is_set_and_not_added(history):
    scope = Scope("TEAM", "shop")
    for count in (3, 5):
        history.totals.know_scope(scope)
        history.totals.replace_day(scope, DayTotals("2026-11-22", {"n": count}))

    assert history.totals.scopes() == [scope]
    (day,) = history.stores.builds.days(scope, ["2026-11-22"])
    assert day.counters == {"n": 5}


@case
def a_projects_owner_is_known_to_those_who_record_its_builds(history):
    owner = Owner("shop", "cc-42")
    history.totals.set_owner("shop-unit", owner)

    assert history.totals.owners() == {"shop-unit": owner}
    assert history.stores.builds.owner("shop-unit") == owner
    assert history.stores.builds.owner("shop-lint") == Owner()


@case
def builds_are_found_by_when_they_ended(history):
    for number in (1, 2, 3):
        made, build = built(number)
        moment = NOON + timedelta(hours=number)
        record(history.stores, made._replace(started_at=NOON + timedelta(minutes=number), ended_at=moment), build)

    found = list(history.totals.finished_between("shop-unit", NOON + timedelta(hours=2), NOON + timedelta(hours=3)))
    assert [one.build_id for one in found] == ["shop-unit:00000002"]


@case
def builds_are_read_on_from_a_place_in_the_list_however_few_at_a_time(history):
    for number in range(1, 8):
        made, build = built(number)
        record(history.stores, made._replace(started_at=NOON + timedelta(minutes=number), ended_at=NOON), build)
    window = (NOON - timedelta(hours=1), NOON + timedelta(hours=1))
    listed = list(history.totals.finished_between("shop-unit", *window))

    rest = history.totals.finished_between("shop-unit", *window, after=place_of(listed[2]), page=2)

    assert len(listed) == 7
    assert list(rest) == listed[3:]
    assert list(history.totals.finished_between("shop-unit", *window, after=place_of(listed[-1]))) == []


@case
def what_cannot_be_true_is_set_aside_once(history):
    unfit = Misreported("shop-unit:1", "it ended before it started")

    assert [history.stores.builds.quarantine(unfit, now=NOON) for _ in range(2)] == [True, False]
    assert history.stores.builds.is_quarantined("shop-unit:1")
    assert not history.stores.builds.is_quarantined("shop-unit:2")
    assert [one for one, _ in history.totals.quarantined()] == [unfit]


@case
def what_makes_sense_after_all_is_not_set_aside_any_more(history):
    ended = built()[1]
    for build_id in (ended.build_id, "shop-unit:strange"):
        history.stores.builds.quarantine(Misreported(build_id, "it ended before it started"), now=NOON)

    record(history.stores, *built())

    assert [one.build_id for one, _ in history.totals.quarantined("shop-unit")] == ["shop-unit:strange"]


@case
def a_projects_posture_is_kept_by_day_and_knows_when_it_was_judged(history):
    record(history.stores, *built())
    assert history.postures.judged() == {"shop-unit": ""}
    first = PostureDay("2026-11-21", 70, {"high": 1}, RoleLook("2026-11-21", (("high", "it may do anything"),)))
    second = PostureDay("2026-11-22", None)

    for day in (first, replace(first, score=80), second):
        history.postures.store("shop-unit", day)

    assert history.postures.judged() == {"shop-unit": "2026-11-22"}
    assert list(history.postures.days("shop-unit", ["2026-11-21", "2026-11-22"])) == [replace(first, score=80), second]
    assert list(history.postures.days("shop-unit", ["2026-11-23"])) == []
    assert list(history.postures.days("shop-unit", [])) == []


@case
def a_build_counted_on_a_day_of_long_ago_leaves_a_note_until_it_is_settled(history):
    long_ago = {"started_at": NOON - timedelta(days=9), "ended_at": NOON - timedelta(days=9)}
    for number, times in ((1, {}), (2, long_ago)):
        made, build = built(number, **times)
        record(history.stores, made, build._replace(**times))

    ((day, note),) = history.totals.owed().items()
    made, build = built(3, **long_ago)
    record(history.stores, made, build._replace(**long_ago))

    assert (day, history.totals.settle(day, note)) == ("2026-11-13", False)
    assert history.totals.settle(day, history.totals.owed()[day])
    assert history.totals.owed() == {}


# ---------------------------------------------------------------------------------------------------- test cases


@case
def reports_of_a_finished_build_are_due_until_they_were_read(history):
    made, build = built(slot=SlotRef(RUN_ID, 0, 1, "unit"))
    arn = "arn:aws:codebuild:us-east-1:000000000000:report/unit:1"
    claim = SlotClaim(SlotRef(RUN_ID, 0, 1, "unit"), "n1", "e1")
    record(history.stores, made, build._replace(report_arns=(arn,), claim=claim))
    later = NOON + timedelta(days=1)

    ((found, arns, correlation_id),) = history.tests.due(later)
    assert (found.build_id, list(arns), correlation_id) == (made.build_id, [arn], "e1")
    history.tests.postpone(made.build_id, later + timedelta(minutes=2))
    assert history.tests.due(later) == []
    history.tests.done(made.build_id, {"total": 3})
    history.tests.postpone(made.build_id, later)
    assert history.tests.due(later + timedelta(days=1)) == []


@case
def a_build_that_only_says_it_was_of_a_run_is_of_none(history):
    made, build = built()
    claim = SlotClaim(SlotRef(RUN_ID, 0, 1, "unit"), "n1", "e1")
    record(history.stores, made, build._replace(report_arns=("arn",), claim=claim))

    assert [one.correlation_id for one in history.tests.due(NOON + timedelta(days=1))] == [""]


@case
def a_case_that_failed_is_remembered_with_its_turns(history):
    state = CaseState("t.ü", "FAILED", NOON, "c" * 40, "shop-unit:1", NOON, flips=1, failures=1)
    turns = [
        CaseChange(NOON + timedelta(hours=n), word, "c" * 40, f"shop-unit:{n}", is_same_commit=False)
        for n, word in TURNS
    ]

    for turn in (*turns, turns[0]):
        history.tests.store("shop-unit", [state], [turn])
    history.tests.set_last_commit("shop-unit", "c" * 40)

    assert history.tests.states("shop-unit") == {"t.ü": state}
    assert history.tests.states("shop-lint") == {}
    assert list(history.tests.changes("shop-unit", "t.ü")) == turns
    assert list(history.tests.changes("shop-unit", "t")) == []
    assert (history.tests.last_commit("shop-unit"), history.tests.last_commit("shop-lint")) == ("c" * 40, "")


TURNS = ((1, "FAILED"), (2, "SUCCEEDED"))
