"""Judgements and waivers in two clouds that know nothing of each other: the in-memory one and moto's."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.table.judgements import StoredJudgements
from buildgate.adapters.table.table import Table
from buildgate.adapters.table.waivers import TableWaivers
from buildgate.domain.errors import NotFound
from buildgate.domain.gates import Evidence, judge
from buildgate.domain.gates.comparison import head_of
from buildgate.domain.gates.model import Waiver
from buildgate.domain.gates.pipeline_waivers import PipelineWaiver
from buildgate.domain.gates.record import Judgement, JudgementRef
from buildgate.domain.measurements import Measured
from core_world import ALICE, BUCKET, TABLE, table_definition
from gate_world import gate
from run_records import NOON, run

GATE = gate()


@pytest.fixture(params=["memory", "moto"])
def client(request):
    """Return what makes clients of one of the clouds, with the table and the bucket in it."""
    if request.param == "memory":
        make = MemoryAws().client
        _prepare(make)
        yield make
        return
    with mock_aws():

        def make_real(service):
            return boto3.client(service, region_name="us-east-1")

        _prepare(make_real)
        yield make_real


def _prepare(make):
    make("dynamodb").create_table(**table_definition())
    make("s3").create_bucket(Bucket=BUCKET)
    make("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})


@pytest.fixture
def judgements(client):
    return StoredJudgements(Table(client("dynamodb"), TABLE), client("s3"), BUCKET)


@pytest.fixture
def waivers(client):
    return TableWaivers(Table(client("dynamodb"), TABLE))


def judged(failed=0.0, run_id="r1"):
    evidence = Evidence({"tests.failed": Measured(failed, "junit.xml")}, now=NOON)
    return Judgement(GATE, evidence, judge(GATE, evidence), run_id, "main", "2026-11-22T12:00:00.000Z")


def head(judgement, ref, *, minutes=0, branch="main"):
    source = replace(run().source, ref=branch)
    made = replace(run(), run_id=judgement.run_id, source=source)
    return head_of(made, "test", judgement.verdict, at=NOON + timedelta(minutes=minutes), ref=ref)


def test_each_stored_judgement_stays_readable_under_its_own_version(judgements):
    first = judgements.keep(judged(0), pipeline="shop", stage="test")
    second = judgements.keep(judged(2), pipeline="shop", stage="test")

    assert first.key == second.key == "judgements/shop/r1/test.quality.json"
    assert [judgements.load(ref).verdict.status for ref in (first, second)] == ["pass", "fail"]
    with pytest.raises(NotFound):
        judgements.load(JudgementRef("judgements/none.json"))


def test_the_history_is_read_by_branch_and_by_time(judgements):
    ref = judgements.keep(judged(), pipeline="shop", stage="test")
    places = [("r1", 0, "main"), ("r2", 1, "main"), ("r3", 2, "main#2"), ("r4", 3, "feature/a")]
    for run_id, minutes, branch in places:
        for _ in range(2):
            judgements.note(head(judged(run_id=run_id), ref, minutes=minutes, branch=branch))

    on_main = [one.run_id for one in judgements.on_branch("shop", "test", "quality", "main")]
    since = judgements.since("shop", NOON + timedelta(minutes=1), limit=2)

    assert on_main == ["r2", "r1"]
    assert [(one.run_id, one.branch) for one in since] == [("r4", "feature/a"), ("r3", "main#2")]
    assert since[0].values == {"tests.failed": 0.0}
    assert since[0].ref == ref


def waiver(**changes):
    base = PipelineWaiver("shop", Waiver("known", "alice@example.com", date(2026, 11, 30), rule="B602"), ALICE, NOON)
    return replace(base, **changes)


def test_a_waiver_is_due_after_its_last_day_until_people_were_told(waivers):
    one = waiver()
    waivers.put(one)

    assert waivers.due(datetime(2026, 11, 30, 23, 59, tzinfo=UTC)) == []
    assert waivers.due(one.ends_at) == [("shop", one.id)]
    waivers.settle("shop", one.id, due_at=one.ends_at - timedelta(days=1))
    assert waivers.due(one.ends_at) == [("shop", one.id)]
    waivers.settle("shop", one.id, due_at=one.ends_at)

    assert waivers.due(one.ends_at) == []
    assert waivers.of_pipeline("shop") == [one]


def test_a_waiver_is_withdrawn_once_and_granted_again_afterwards(waivers):
    one = waiver(gate="quality")
    waivers.put(one)

    assert [waivers.withdraw("shop", one.id, actor=ALICE, now=NOON) for _ in range(2)] == [True, False]
    assert waivers.get("shop", one.id).withdrawn_by == ALICE
    assert not waivers.get("shop", one.id).is_for("quality")
    assert not waivers.withdraw("shop", "none", actor=ALICE, now=NOON)
    waivers.put(one)

    assert waivers.get("shop", one.id).is_for("quality")
    assert waivers.get("shop", "none") is None
