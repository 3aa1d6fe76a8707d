"""Test cases: what changes a state, what is flaky, and the whole way from a report to the answer."""

from datetime import UTC, datetime, timedelta

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.domain.metrics.test_cases import BuildOfCases, TestCase, changed, figures
from simulated_cloud import SimulatedCloud

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
GOOD = TestCase("adds", "SUCCEEDED", 0.1)
BAD = TestCase("adds", "FAILED", 0.1, "1 != 2")


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


def test_reports_of_builds_are_read_kept_and_answered():
    cloud = SimulatedCloud()
    cloud.project("shop-unit")
    outcomes = iter(["SUCCEEDED", "FAILED", "SUCCEEDED"])

    def plan(request):
        status = next(outcomes)
        arn = f"arn:aws:codebuild:us-east-1:000000000000:report/shop-unit-tests:{status}{len(cloud.aws.codebuild.reports)}"
        case = {"name": "adds", "prefix": "tests.prices", "status": status, "durationInNanoSeconds": 2_000_000_000}
        report = {"arn": arn, "type": "TEST", "status": status, "testCases": [case]}
        return BuildPlan(60, status, reports=(report,))

    cloud.aws.codebuild.plan = plan
    for _ in range(3):
        cloud.aws.client("codebuild").start_build(projectName="shop-unit", sourceVersion="main")
        cloud.aws.timeline.advance(minutes=6)

    tests = cloud.call("GET", "/v1/metrics/projects/shop-unit/tests?days=2")["tests"]

    assert [(one["name"], one["flips"]) for one in tests["states"]] == [("tests.prices adds", 1)]
    assert tests["cases"][0]["history"] == ".F."
    assert cloud.failures() == []
    item = cloud.aws.client("dynamodb").query(
        TableName="buildgate-Table",
        IndexName="GSI2",
        KeyConditionExpression="g2p = :p",
        ExpressionAttributeValues={":p": {"S": "WORK#REPORTS"}},
    )
    assert item["Items"] == []
