"""Test cases: what changes a state, what is flaky, and the whole way from a report to the answer."""

from datetime import UTC, datetime, timedelta

import pytest

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.domain.metrics.code_owners import owner_of, read
from buildgate.domain.metrics.test_cases import BuildOfCases, CaseChange, TestCase, change_of, changed, figures
from simulated_cloud import SimulatedCloud

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
GOOD = TestCase("adds", "SUCCEEDED", 0.1)
BAD = TestCase("adds", "FAILED", 0.1, "1 != 2")
LATER = NOW + timedelta(hours=9)


def build(number, *, same=False):
    return BuildOfCases(f"shop:{number}", "c1" if same else f"c{number}", NOW + timedelta(hours=number), 5000, same)


def after(*steps):
    """The states after builds, each a case and whether its commit is that of the build before."""
    known = {}
    for number, (case, same) in enumerate(steps):
        known |= {state.name: state for state in changed(known, [case], build(number, same=same))}
    return known


def test_a_case_that_never_failed_has_no_state():
    assert after((GOOD, False), (GOOD, False)) == {}


def test_a_case_that_was_broken_and_mended_by_commits_is_not_flaky():
    state = after((GOOD, False), (BAD, False), (GOOD, False))["adds"]

    assert (state.status, state.flips, state.flaky) == ("SUCCEEDED", 1, 0)


def test_a_case_that_changes_on_the_same_commit_is_flaky():
    assert after((BAD, False), (GOOD, True))["adds"].flaky == 1


def test_a_case_that_passes_on_the_commit_it_failed_on_is_flaky_whatever_was_built_between():
    failed = changed({}, [BAD], build(0))
    known = {state.name: state for state in failed}

    (state,) = changed(known, [GOOD], BuildOfCases("shop:9", "c0", LATER, 1, is_same_commit=False))

    assert (state.flaky, state.first_flaky_at) == (1, LATER)
    assert change_of(known, state) == CaseChange(LATER, "SUCCEEDED", "c0", "shop:9", is_same_commit=True)


def test_a_case_that_breaks_again_and_again_is_flaky_by_rate_and_one_break_is_not():
    turns = [[BAD] if number in {3, 7} else [GOOD] for number in range(12)]
    one_break = [[BAD] if 3 <= number <= 7 else [GOOD] for number in range(12)]

    assert figures(turns)[0].is_flaky
    assert not figures(one_break)[0].is_flaky
    assert not figures(turns[:9])[0].is_flaky


@pytest.mark.parametrize(
    ("case", "owner"),
    [
        ("tests.prices.TestTax rounds", "@shop/prices"),
        ("tests.other test_x", "@shop/all"),
        ("com.example.shop.PricesTest adds", "alice@example.com"),
        ("web/cart.test.ts adds up", "@shop/web bob@example.com"),
        ("docs.example reads", ""),
        ("", ""),
    ],
)
def test_the_last_pattern_of_code_owners_that_fits_says_whose_a_case_is(case, owner):
    rules = read(
        """
        # whose tests
        * @shop/all
        /tests/prices/ @shop/prices  # money
        src/test/java/com/example/**/PricesTest.java alice@example.com
        web/*.ts @shop/web bob@example.com
        docs/
        """
    )

    assert owner_of(case, rules) == owner


def test_a_case_that_keeps_failing_does_not_change():
    states = after((BAD, False))

    assert changed(states, [BAD], build(5)) == ()


def test_a_build_seen_twice_or_late_changes_nothing():
    states = after((BAD, False), (GOOD, False))

    assert changed(states, [GOOD], build(1)) == ()
    assert changed(states, [BAD], build(0)) == ()


def test_a_skipped_case_says_nothing():
    assert changed(after((BAD, False)), [TestCase("adds", "SKIPPED", 0.0)], build(3)) == ()


def test_a_regression_needs_runs_and_a_difference_that_matters():
    slow = [[TestCase("adds", "SUCCEEDED", seconds)] for seconds in (1, 1, 1, 2, 2, 2)]

    assert figures(slow)[0].slower == 2
    assert figures(slow[:4])[0].slower is None
    assert figures([[TestCase("adds", "SUCCEEDED", s / 100)] for s in (1, 1, 1, 2, 2, 2)])[0].slower is None


def test_history_has_a_letter_a_build():
    assert figures([[GOOD], [], [BAD], [TestCase("adds", "SKIPPED", 0)]])[0].history == ". Fs"


PIPELINE = {
    "name": "shop",
    "triggers": [{"repository": "shop", "branches": ["main"]}],
    "stages": [{"name": "test", "builds": [{"name": "unit", "project": "shop-unit"}]}],
}


def test_reports_of_builds_are_read_kept_and_answered():
    cloud = SimulatedCloud()
    cloud.apply(PIPELINE)
    outcomes = iter(["SUCCEEDED", "FAILED", "SUCCEEDED"])

    def plan(request):
        status = next(outcomes)
        arn = f"arn:aws:codebuild:us-east-1:000000000000:report/shop-unit-tests:{status}{len(cloud.aws.codebuild.reports)}"
        case = {"name": "adds", "prefix": "tests.prices", "status": status, "durationInNanoSeconds": 2_000_000_000}
        report = {"arn": arn, "type": "TEST", "status": status, "testCases": [case]}
        return BuildPlan(60, status, reports=(report,))

    cloud.aws.codebuild.plan = plan
    cloud.aws.timeline.advance(60)
    for number in range(3):
        cloud.aws.codecommit.push("shop", "main", {"n": str(number), "docs/CODEOWNERS": "/tests/ @shop/money"})
        cloud.aws.timeline.advance(minutes=10)

    tests = cloud.call("GET", "/v1/metrics/projects/shop-unit/tests?days=2")["tests"]
    one = cloud.call("GET", "/v1/metrics/projects/shop-unit/tests?days=2&case=tests.prices%20adds")["tests"]

    assert [(one["name"], one["flips"], one["owner"]) for one in tests["states"]] == [
        ("tests.prices adds", 1, "@shop/money")
    ]
    assert tests["cases"][0]["history"] == ".F."
    assert [turn["status"] for turn in one["changes"]] == ["FAILED", "SUCCEEDED"]
    assert [run["status"] for run in one["runs"]] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert cloud.call("GET", "/v1/metrics/projects/shop-unit/tests?days=2&case=none")["tests"]["states"] == []
    first = cloud.call("GET", "/v1/metrics/projects/shop-unit/tests?days=2&limit=1")
    names, following = [row["name"] for row in first["tests"]["cases"]], first["next"]
    while following:
        page = cloud.call("GET", f"/v1/metrics/projects/shop-unit/tests?days=2&limit=1&next={following}")
        names, following = names + [row["name"] for row in page["tests"]["cases"]], page["next"]
    assert names == [row["name"] for row in tests["cases"]]
    assert cloud.failures() == []
    item = cloud.aws.client("dynamodb").query(
        TableName="buildgate-Table",
        IndexName="GSI2",
        KeyConditionExpression="g2p = :p",
        ExpressionAttributeValues={":p": {"S": "WORK#REPORTS"}},
    )
    assert item["Items"] == []
