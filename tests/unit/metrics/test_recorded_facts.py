"""What is recorded of a build beside its status: cache, exports, retries, phases; and what is set aside."""

from datetime import UTC, datetime, timedelta

import pytest

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.adapters.table.build_items import head_item, head_of
from buildgate.domain.builds import BuildHead, BuildStatus, CacheProbe, Owner
from buildgate.domain.errors import Corrupt
from buildgate.domain.metrics.rollups import DayTotals, increments, merged
from buildgate.inbound.codebuild_build import parse_build
from buildgate.inbound.exported_variables import cache_of, exported_of
from simulated_cloud import SimulatedCloud

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
DATA = {
    "id": "shop:1",
    "projectName": "shop",
    "buildStatus": "SUCCEEDED",
    "startTime": NOW,
    "endTime": NOW + timedelta(minutes=2),
}
PIPELINE = {
    "name": "shop",
    "triggers": [{"repository": "shop", "branches": ["main"]}],
    "stages": [{"name": "test", "builds": [{"name": "unit", "project": "shop-unit"}]}],
}
PROBE = {
    "BUILDGATE_CACHE_RESULT": "partial",
    "BUILDGATE_CACHE_KEY": "deps-new",
    "BUILDGATE_CACHE_MATCHED_KEY": "deps-old",
    "BUILDGATE_CACHE_BYTES": "2048",
    "BUILDGATE_CACHE_SECONDS": "3",
}


def entries(values):
    return [{"name": name, "value": value} for name, value in values.items()]


def test_the_cache_probe_is_read_from_exported_variables():
    assert cache_of(entries(PROBE)) == CacheProbe("partial", "deps-new", "deps-old", 2048, 3.0)


@pytest.mark.parametrize("result", ["", "perhaps", "HITS"])
def test_a_probe_that_says_nothing_known_is_no_probe(result):
    assert cache_of(entries({**PROBE, "BUILDGATE_CACHE_RESULT": result})) is None


@pytest.mark.parametrize("number", ["", "x", "-1", "nan", "inf"])
def test_impossible_figures_of_a_probe_are_unknown_not_zero(number):
    probe = cache_of(entries({**PROBE, "BUILDGATE_CACHE_BYTES": number, "BUILDGATE_CACHE_SECONDS": number}))

    assert (probe.size_bytes, probe.seconds) == (None, None)


def test_exported_values_that_may_be_secret_are_masked_and_the_probe_left_out():
    exported = exported_of(
        entries({"VERSION": "1.2", "API_TOKEN": "t0ps3cret", "FROM_STORE": "hush", **PROBE}),
        {"FROM_STORE": "SECRETS_MANAGER"},
    )

    assert exported == (("VERSION", "1.2"), ("API_TOKEN", "***"), ("FROM_STORE", "***"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"endTime": NOW - timedelta(seconds=1)}, "before it started"),
        ({"endTime": None}, "has no end"),
        ({"buildStatus": "PERHAPS"}, "PERHAPS"),
        ({"startTime": "soon"}, "soon"),
        ({"phases": [{"phaseType": "BUILD", "durationInSeconds": -5}]}, "negative"),
    ],
)
def test_what_cannot_be_true_is_refused_with_a_reason(change, words):
    with pytest.raises(Corrupt, match=words):
        parse_build(DATA | change)


def test_a_retry_chain_a_batch_and_an_inline_buildspec_are_known():
    build = parse_build(
        DATA
        | {
            "autoRetryConfig": {"previousAutoRetry": "arn:aws:codebuild:us-east-1:000000000000:build/shop:0"},
            "buildBatchArn": "arn:aws:codebuild:us-east-1:000000000000:build-batch/shop:7",
            "source": {"buildspec": "version: 0.2\nphases: {}\n"},
        }
    )

    assert (build.retry_of, build.batch) == ("shop:0", "shop:7")
    assert build.buildspec.startswith("inline:")


def head(**changes):
    values = {
        "build_id": "shop:1",
        "project": "shop",
        "status": BuildStatus.FAILED,
        "started_at": NOW,
        "ended_at": NOW + timedelta(minutes=2),
        "duration_seconds": 120.0,
        "queue_seconds": 1.5,
        "cost_micro_usd": 10_000,
        "reason": "BUILD FAILED: exit 1",
        "phase_seconds": {"QUEUED": 1.5, "BUILD": 100.25},
        "cache": CacheProbe("hit", "k", "k", 5, 1.0),
        "retry_of": "shop:0",
        "owner": Owner("web", "cc-1"),
    }
    return BuildHead(**(values | changes))


def test_a_head_survives_the_table():
    assert head_of(head_item(head())) == head()


def test_a_build_adds_its_phases_its_cache_and_what_its_failure_and_retry_cost():
    counts = increments(head())

    assert counts["p6"] == 100_250
    assert (counts["cache_probed"], counts["cache_hit"], counts["cache_bytes"]) == (1, 1, 5)
    assert (counts["cost_failed"], counts["retries"], counts["cost_retries"]) == (10_000, 1, 10_000)


def test_merged_days_are_the_sum_in_any_order():
    days = [DayTotals("x", increments(head())), DayTotals("y", increments(head(cache=None)))]

    assert merged(days, "d") == merged(days[::-1], "d")
    assert merged(days, "d").count("n") == 2


def test_an_impossible_build_is_set_aside_with_its_reason_and_holds_up_no_other():
    cloud = SimulatedCloud()
    cloud.project("good", "bad")
    codebuild = cloud.aws.client("codebuild")
    bad = codebuild.start_build(projectName="bad")["build"]["id"]
    codebuild.start_build(projectName="good")
    build = next(one for one in cloud.aws.codebuild.builds() if one.build_id == bad)
    cloud.aws.timeline.advance(minutes=1)
    build.started_at += timedelta(days=1)
    cloud.aws.timeline.advance(minutes=20)

    table = cloud.aws.client("dynamodb")
    key = {"pk": {"S": "QUARANTINE"}, "sk": {"S": bad}}
    item = table.get_item(TableName="buildgate-Table", Key=key)["Item"]
    assert "ended before it started" in item["reason"]["S"]
    assert cloud.call("GET", "/v1/metrics/projects/good")["summary"]["builds"] == 1
    assert cloud.failures() == []


def test_an_event_of_another_account_is_set_aside_and_not_retried():
    cloud = SimulatedCloud()
    arn = "arn:aws:codebuild:us-east-1:999999999999:build/theirs:1"
    event = {"id": "e1", "build": arn, "account": "999999999999", "region": "us-east-1"}

    answer = _invoke(cloud, event)

    assert answer == {"build_id": "", "counted": False}


def _invoke(cloud, event):
    from buildgate.runtime.observability import Line
    from simulated_cloud import module_of

    module = module_of("functions/record_build")
    values = {
        "buildgate_table": "buildgate-Table",
        "success_topic_arn": "s",
        "failure_topic_arn": "f",
        "buildgate_account": cloud.aws.account,
        "aws_region": "us-east-1",
    }
    return module.build(module.Settings(**values), cloud.aws)(event, Line())


def test_recording_a_build_of_a_run_writes_at_most_thirteen_units():
    cloud = SimulatedCloud()
    cloud.apply(PIPELINE)
    cloud.aws.codebuild.plan = lambda _: BuildPlan(120, exported=PROBE)
    cloud.aws.timeline.advance(60)
    meter = cloud.aws.dynamodb.meter
    meter.is_on = True
    cloud.aws.codecommit.push("shop", "main", {"a": "1"})
    cloud.aws.timeline.advance(minutes=6)

    spent = [one.units for one in meter if one.operation == "TransactWriteItems"]
    assert sum(spent[-4:]) <= 13
