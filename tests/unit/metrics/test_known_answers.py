"""Known answers of what metrics compute of builds: trends, scores, caches, failures and posture."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from buildgate.domain.builds import BuildStatus, CacheProbe
from buildgate.domain.metrics.caches import analyse_cache
from buildgate.domain.metrics.fingerprints import failures, normalise
from buildgate.domain.metrics.peers import standings
from buildgate.domain.metrics.posture import Allowed, ProjectSettings, RoleLook, WebhookFilter, judge_project, risks_of
from buildgate.domain.metrics.rollups import DayTotals, increments, merged
from buildgate.domain.metrics.scores import score_v2
from buildgate.domain.metrics.spending import forecast
from buildgate.domain.metrics.statistics import median, pettitt, theil_sen
from buildgate.domain.metrics.summary import summarise
from buildgate.domain.metrics.trends import change_points
from metric_records import NOW, head

# ---------------------------------------------------------------------------------------------------- statistics


def test_theil_sen_of_a_line_is_its_slope():
    slope = theil_sen([(x, 3.0 * x + 1) for x in range(20)])

    assert (slope.per_step, slope.low, slope.high) == (3.0, 3.0, 3.0)
    assert slope.is_clear


def test_theil_sen_is_the_median_of_the_pairwise_slopes():
    slope = theil_sen([(0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0), (4, 100.0)])

    assert slope.per_step == pytest.approx(1.0)


@given(st.floats(-5, 5), st.integers(10, 40), st.integers(0, 9))
def test_one_outlier_hardly_moves_a_slope(true_slope, count, outlier):
    points = [(float(x), true_slope * x) for x in range(count)]
    points[outlier] = (float(outlier), 1e6)

    assert theil_sen(points).per_step == pytest.approx(true_slope, abs=1e-6)


@given(st.lists(st.floats(0, 1000), min_size=5, max_size=30))
def test_the_interval_holds_the_slope(values):
    slope = theil_sen([(float(x), value) for x, value in enumerate(values)])

    assert slope.low <= slope.per_step <= slope.high


def test_four_days_have_no_slope():
    assert theil_sen([(0, 1.0), (1, 2.0), (2, 3.0), (3, 4.0)]) is None


def test_a_step_is_found_where_it_is():
    found = pettitt([10.0] * 15 + [20.0] * 15)

    assert (found.index, found.before, found.after) == (15, 10.0, 20.0)
    assert found.chance < 0.001


def test_one_wild_value_is_no_change():
    assert pettitt([10.0] * 15 + [900.0] + [10.0] * 15).chance > 0.05


@given(st.lists(st.floats(1, 100), max_size=50))
def test_the_median_lies_between(values):
    found = median(values)

    assert (found is None) == (not values)
    assert found is None or min(values) <= found <= max(values)


def test_a_change_names_the_first_build_after_it_and_what_differed():
    builds = [head(n, 100.0 + n % 3, image="old") for n in range(20)]
    builds += [head(n, 160.0 + n % 3, image="new") for n in range(20, 40)]

    (change,) = change_points(builds)

    assert change.first_build_id == "shop:20"
    assert "image: old -> new" in change.differed


# ---------------------------------------------------------------------------------------------------- scores


def days_of(*builds):
    return summarise([merged([DayTotals("", increments(one)) for one in builds], "2026-11-22")], window_days=1)


def test_as_good_as_before_earns_all_points():
    builds = [head(n) for n in range(10)]

    assert score_v2(days_of(*builds), days_of(*builds)).total == 100


def test_every_point_is_explained_and_adds_up():
    slower = score_v2(days_of(*[head(n, 150.0) for n in range(10)]), days_of(*[head(n) for n in range(10)]))

    judged = [one for one in slower.objectives if one.value is not None and one.baseline is not None]
    assert slower.total == round(100 * sum(one.points for one in judged) / sum(one.of for one in judged))
    assert "worse than before by 49%" in next(one.explanation for one in judged if one.name == "duration p50")


@given(st.floats(10, 1000), st.floats(10, 1000))
def test_a_faster_project_never_scores_less(fast, slow):
    fast, slow = sorted((fast, slow))
    before = days_of(*[head(n, 200.0) for n in range(6)])

    quick = score_v2(days_of(*[head(n, fast) for n in range(6)]), before).total
    lame = score_v2(days_of(*[head(n, slow) for n in range(6)]), before).total

    assert quick >= lame


def test_failing_as_always_is_no_success():
    bad = [head(n, status=BuildStatus.FAILED) for n in range(10)]

    success = next(one for one in score_v2(days_of(*bad), days_of(*bad)).objectives if one.name == "success")
    assert success.points == 0


def test_few_builds_have_no_score():
    assert score_v2(days_of(head()), days_of(head())).total is None


# ---------------------------------------------------------------------------------------------------- cache and failures


def cached(number, result, seconds, key="k"):
    return head(number, seconds, cache=CacheProbe(result, key, "", None, None))


def test_a_hit_saves_what_a_miss_takes_longer():
    builds = [cached(0, "miss", 300.0), *(cached(n, "hit", 100.0) for n in range(1, 5))]

    (key,) = analyse_cache(builds).keys

    assert (key.saved_seconds_per_hit, key.saved_seconds, key.verdict) == (200.0, 800.0, "saves")


def test_a_cache_that_slows_builds_is_called_so():
    builds = [cached(0, "miss", 100.0), *(cached(n, "hit", 130.0) for n in range(1, 5))]

    assert analyse_cache(builds).keys[0].verdict == "costs more than it saves"


def test_two_comparisons_are_not_enough():
    found = analyse_cache([cached(0, "miss", 300.0), cached(1, "hit", 100.0), cached(2, "hit", 100.0)])

    assert found.saved_seconds is None
    assert "not enough data" in found.explanation


def test_builds_that_say_nothing_of_their_cache_are_not_misses():
    found = analyse_cache([head(n) for n in range(5)])

    assert (found.probed, found.unprobed, found.hit_ratio) == (0, 5, None)


def failed(number, message, commit, **changes):
    return head(number, status=BuildStatus.FAILED, reason=f"BUILD FAILED: {message}", commit=commit, **changes)


def test_failures_that_say_the_same_are_one():
    builds = [failed(1, "exit status 1 in /tmp/a1/x.py", "c1"), failed(2, "exit status 2 in /tmp/b2/y.py", "c2")]

    (one,) = failures(builds)

    assert (one.count, one.phase, one.kind) == (2, "BUILD", "unknown")


@pytest.mark.parametrize(("again", "kind"), [(BuildStatus.SUCCEEDED, "flaky"), (BuildStatus.FAILED, "code")])
def test_the_class_is_what_a_retry_at_the_same_commit_did(again, kind):
    later = head(2, status=again, commit="c1", reason="" if again is BuildStatus.SUCCEEDED else "BUILD FAILED: no")

    assert next(one for one in failures([failed(1, "no", "c1"), later]) if one.count).kind == kind


def test_what_ends_outside_the_builds_commands_is_infrastructure():
    build = head(1, status=BuildStatus.FAILED, reason="PROVISIONING CLIENT_ERROR: no host")

    assert failures([build])[0].kind == "infrastructure"


@example("0/@")
@given(st.text(max_size=80))
def test_normalising_twice_is_normalising_once(text):
    assert normalise(normalise(text)) == normalise(text)


# ---------------------------------------------------------------------------------------------------- posture, peers and forecasts


def test_a_plain_project_passes_every_check():
    assert judge_project(ProjectSettings("shop")).score == 100


@pytest.mark.parametrize(
    ("allowed", "risks"),
    [
        (None, [("high", "the service role does not exist in this account")]),
        ((), []),
        ((Allowed(("s3:GetObject",), ("*",)),), []),
        ((Allowed(("s3:*",), ("arn:aws:s3:::shop/*",)),), []),
        ((Allowed(("s3:*",), ("*",)),), [("medium", "the service role may do s3:* on every resource")]),
        (
            (Allowed(("s3:*",), ("*",), is_conditional=True),),
            [("low", "the service role may do s3:* on every resource")],
        ),
        (
            (Allowed(("logs:*", "iam:PassRole", "*"), ("*",)),),
            [
                ("high", "the service role may do * on every resource"),
                ("high", "the service role may do iam:PassRole on every resource"),
                ("medium", "the service role may do logs:* on every resource"),
            ],
        ),
    ],
)
def test_a_role_is_judged_by_what_it_may_do_on_everything(allowed, risks):
    assert list(risks_of(allowed)) == risks
    look = RoleLook("2026-11-22", risks_of(allowed))
    found = judge_project(ProjectSettings("shop", role=look)).findings
    assert [(one.severity, one.found) for one in found] == risks


def test_a_cache_that_pull_requests_write_is_no_cache_to_trust():
    groups = ((WebhookFilter("EVENT", "PULL_REQUEST_CREATED"), WebhookFilter("ACTOR_ACCOUNT_ID", "^1$")),)
    found = judge_project(ProjectSettings("shop", filter_groups=groups, cache_type="S3")).findings

    assert [one.check for one in found] == ["shared-cache"]


def test_findings_name_what_to_do_worst_first():
    risky = ProjectSettings(
        "shop",
        is_privileged=True,
        variables=(("API_TOKEN", "PLAINTEXT"), ("DB_PASSWORD", "SECRETS_MANAGER")),
        filter_groups=((WebhookFilter("EVENT", "PULL_REQUEST_CREATED"), WebhookFilter("ACTOR_ACCOUNT_ID", "123")),),
        image="ubuntu:latest",
    )
    found = judge_project(risky)

    assert [one.check for one in found.findings] == [
        "plaintext-secrets",
        "privileged-pull-requests",
        "unanchored-actor",
        "movable-image",
    ]
    assert found.score == 100 - 3 * 25 - 4
    assert "DB_PASSWORD" not in str(found)


def test_teams_are_ranked_only_among_enough_of_them():
    def team(seconds):
        return days_of(*[head(n, seconds) for n in range(6)])

    assert standings({"a": team(10), "b": team(20)})[0] == ()
    found, _ = standings({"a": team(10), "b": team(20), "c": team(30)})
    ranks = {one.team: one.percentile for one in found if one.measure == "p50_seconds"}
    assert ranks == {"a": 100, "b": 50, "c": 0}


def test_a_steady_month_is_forecast_exactly():
    days = [DayTotals(f"2026-11-{n:02d}", {"n": 1, "cost_micro_usd": 1_000_000}) for n in range(1, 23)]

    found = forecast(days, now=NOW)

    assert found.so_far_micro_usd == 22_000_000
    assert found.expected_micro_usd == pytest.approx(30_500_000, abs=10)
    assert found.low_micro_usd == found.expected_micro_usd == found.high_micro_usd


def test_six_days_are_no_forecast():
    days = [DayTotals(f"2026-11-{n:02d}", {"n": 1, "cost_micro_usd": 1}) for n in range(17, 23)]

    assert forecast(days, now=NOW).expected_micro_usd is None
