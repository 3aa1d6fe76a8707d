"""Known answers of the delivery metrics."""

from datetime import timedelta

import pytest

from buildgate.domain.metrics.dora import Deployment, is_remedy, measure, release_stage
from buildgate.domain.metrics.waterfall import Bar, lead_time
from buildgate.domain.times import days_until
from metric_records import NOW


def deployment(day, number=0, *, good=True, hours=1.0, **changes):
    ended = NOW - timedelta(days=day) + timedelta(minutes=number)
    opened = ended - timedelta(hours=hours)
    name = changes.pop("commit", f"c{day}-{number}")
    return Deployment(f"r{day}-{number}", "shop", name, opened, ended, good, **changes)


def level(found, name):
    return next(one.level for one in found.measures if one.name == name)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (range(90), "elite: daily"),
        (range(0, 90, 2), "elite: daily"),
        (range(0, 90, 7), "high: weekly"),
        (range(0, 90, 20), "medium: monthly"),
        ([85], "low: yearly"),
    ],
)
def test_frequency_has_the_buckets_of_four_keys(days, expected):
    found = measure([deployment(day) for day in days], days=days_until(NOW, days=90))

    assert level(found, "deployment_frequency") == expected


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(23, "elite"), (25, "high"), (169, "medium"), (731, "low: under six"), (4381, "low: six months")],
)
def test_lead_time_has_the_buckets_of_four_keys(hours, expected):
    found = measure([deployment(1, hours=hours)], days=days_until(NOW, days=90))

    assert level(found, "lead_time").startswith(expected)


def test_lead_time_begins_with_the_commit_and_never_after_the_runs_opening():
    late = deployment(1, hours=1, committed_at=NOW - timedelta(days=3))
    ahead = deployment(1, hours=1, committed_at=NOW)

    assert late.lead_hours == pytest.approx(48)
    assert ahead.lead_hours == pytest.approx(1)


def test_the_parts_of_the_lead_time_add_up_to_it():
    bars = [Bar("test", "q", "queue", 0, 10), Bar("test", "b", "phase", 10, 50), Bar("out", "a", "approval", 70, 100)]
    found = lead_time([(3600, 200, bars), (0, 200, bars)])

    assert found.seconds == pytest.approx(2000)
    assert sum(one.seconds for one in found.stretches) == pytest.approx(found.seconds)
    assert sum(one.share for one in found.stretches) == pytest.approx(1)
    assert {one.kind: one.seconds for one in found.stretches if one.seconds} == {
        "commit": 1800,
        "queue": 10,
        "phase": 50,
        "approval": 100,
        "other": 40,
    }


def test_the_deployments_behind_the_numbers_are_listed_newest_first():
    steps = [deployment(4, good=False), deployment(4, 60, is_remedy=True), deployment(1)]

    listed = measure(steps, days=days_until(NOW, days=30)).releases

    assert [(one.run_id, one.is_failed, one.is_rework) for one in listed] == [
        ("r1-0", False, False),
        ("r4-60", False, True),
        ("r4-0", True, False),
    ]


def test_fail_rate_recovery_and_rework_follow_what_put_it_right():
    steps = [
        deployment(5),
        deployment(4, good=False),
        deployment(4, 60, is_remedy=True),
        deployment(3),
        deployment(2),
        deployment(1),
    ]
    values = {one.name: one.value for one in measure(steps, days=days_until(NOW, days=30)).measures}

    assert values["change_fail_rate"] == pytest.approx(1 / 6)
    assert values["recovery_time"] == pytest.approx(1.0)
    assert values["rework_rate"] == pytest.approx(1 / 6)


def test_without_deployments_nothing_is_claimed():
    found = measure([], days=days_until(NOW, days=90))

    assert {one.value for one in found.measures} == {None}


def test_a_new_installation_is_not_called_slow():
    found = measure([deployment(0)], days=days_until(NOW, days=90), observed_since=NOW)

    assert "not enough data" in level(found, "deployment_frequency")


@pytest.mark.parametrize(
    ("names", "tags", "expected"),
    [
        (["test", "release"], {}, 1),
        (["test", "deploy-prod", "smoke"], {}, 1),
        (["test", "prerelease-check"], {}, None),
        (["a", "b"], {"release-stage": "a"}, 0),
        (["a", "release"], {"release-stage": "none"}, None),
    ],
)
def test_the_release_stage_is_the_last_named_so_or_the_tagged_one(names, tags, expected):
    assert release_stage(names, tags) == expected


def test_remedies_call_themselves_so():
    assert is_remedy("hotfix/1", "")
    assert is_remedy("main", 'Revert "Add prices"')
    assert not is_remedy("main", "Add prices\n\nno revert needed")
