"""What watching costs, how it slows down, and what it does with builds that go away."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from rich.console import Console

from buildgate_cli.builds import facts, ids, logs
from buildgate_cli.builds.lines import printable
from buildgate_cli.builds.looking import AWS_SECONDS, RELAXED_SECONDS, SLOWEST_SECONDS, Looker, Pace, pace_for
from buildgate_cli.builds.watch import Row, Watch, total_micro_usd
from buildgate_cli.cloud_context import CloudContext, Credentials
from buildgate_cli.errors import UserError
from conftest import FixedClock

START = datetime(2026, 11, 22, 12, tzinfo=UTC)


def build(number: int, status: str = "IN_PROGRESS", **members: Any) -> dict[str, Any]:
    ended = {} if status == "IN_PROGRESS" else {"endTime": START + timedelta(seconds=90)}
    return {
        "id": f"shop:{number:08d}-0000-4000-8000-000000000000",
        "projectName": "shop",
        "buildStatus": status,
        "currentPhase": "BUILD",
        "startTime": START,
        "environment": {"type": "LINUX_CONTAINER", "computeType": "BUILD_GENERAL1_SMALL", "image": "i"},
        **ended,
        **members,
    }


class Service:
    """BatchGetBuilds whose builds end one look after another; `errors` are raised first."""

    def __init__(self, answers: Sequence[dict[str, Any]], errors: Sequence[Exception] = ()) -> None:
        self.known = {one["id"]: one for one in answers}
        self.errors = list(errors)
        self.asked: list[int] = []

    def batch_get_builds(self, ids: list[str]) -> dict[str, Any]:
        self.asked.append(len(ids))
        if self.errors:
            raise self.errors.pop(0)
        return {
            "builds": [self.known[one] for one in ids if one in self.known],
            "buildsNotFound": [one for one in ids if one not in self.known],
        }


def throttled(code: str = "ThrottlingException", status: int = 400) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": "Rate exceeded"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "BatchGetBuilds")


def watching(service: Service, *numbers: int, pauses: list[float] | None = None, ends_after: int = 1) -> Watch:
    looks = pauses if pauses is not None else []

    def pause(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) >= ends_after:
            for one in service.known.values():
                one.update(buildStatus="SUCCEEDED", endTime=START + timedelta(seconds=90))

    rows = [Row(f"b{number}", build(number)["id"]) for number in numbers]
    return Watch(Looker(service, Pace(0.5, pause)), rows, as_json=True, now=FixedClock(START + timedelta(seconds=30)))


@pytest.mark.parametrize(("builds", "calls"), [(1, 1), (100, 1), (101, 2), (300, 3)])
def test_a_look_costs_one_call_per_hundred_builds(builds: int, calls: int) -> None:
    service = Service([build(number) for number in range(builds)])

    watching(service, *range(builds)).until_over()

    assert len(service.asked) == 2 * calls
    assert sum(service.asked) == 2 * builds


def test_what_has_ended_is_not_asked_for_again() -> None:
    service = Service([build(1, "SUCCEEDED"), build(2)])

    watching(service, 1, 2).until_over()

    assert service.asked == [2, 1]


@pytest.mark.parametrize(
    "error",
    [throttled(), throttled("InternalFailure", 503), EndpointConnectionError(endpoint_url="http://127.0.0.1:9")],
)
def test_a_failure_that_passes_only_slows_the_pace(error: Exception) -> None:
    service, pauses = Service([build(1)], [error, error]), []

    rows = watching(service, 1, pauses=pauses, ends_after=3).until_over()

    assert pauses == [1.0, 2.0, 0.5]
    assert rows[0].status == "SUCCEEDED"


def test_the_pace_never_gets_slower_than_a_minute_and_gives_up_after_five() -> None:
    pauses: list[float] = []
    service = Service([build(1)], [throttled()] * 50)

    with pytest.raises(UserError, match="has not answered") as refused:
        watching(service, 1, pauses=pauses, ends_after=99).until_over()

    assert max(pauses) == SLOWEST_SECONDS
    assert 300 <= sum(pauses) < 400
    assert refused.value.exit_code == 3


def test_a_refusal_that_does_not_pass_ends_the_watch() -> None:
    service = Service([build(1)], [throttled("AccessDeniedException")])

    with pytest.raises(ClientError):
        watching(service, 1).until_over()


def test_a_build_that_was_deleted_meanwhile_is_over() -> None:
    rows = watching(Service([]), 1).until_over()

    assert (rows[0].status, rows[0].is_over) == ("NOT_FOUND", True)


def test_a_build_that_cannot_be_true_is_over_and_the_others_go_on() -> None:
    service = Service([build(1, endTime=START - timedelta(seconds=1)), build(2)])

    first, second = watching(service, 1, 2).until_over()

    assert (first.status, second.status) == ("UNREADABLE", "SUCCEEDED")
    assert "ended before it started" in first.reason


def test_cost_so_far_follows_the_clock_and_the_queue_is_free() -> None:
    service = Service([build(1), build(2, currentPhase="QUEUED")])
    watch = watching(service, 1, 2)
    watch._look()
    clock = FixedClock(START + timedelta(seconds=61))

    assert total_micro_usd(watch.rows, clock.now()) == 10_000
    assert total_micro_usd(watch.rows, START + timedelta(seconds=59)) == 5_000


def cloud(kind: Any) -> CloudContext:
    return CloudContext(
        kind=kind,
        region="us-east-1",
        api_url="",
        credentials=Credentials("a", "b"),
        stack="s",
        table=None,
        report_bucket=None,
        state_dir=None,
        outputs={},
        endpoints={},
    )


def test_on_aws_no_interval_is_shorter_than_five_seconds() -> None:
    assert pace_for(cloud("aws"), 0.1).usual_seconds == AWS_SECONDS
    assert pace_for(cloud("aws"), 30).usual_seconds == 30
    assert pace_for(cloud("local"), 0.1).usual_seconds == 0.1


def test_looks_at_long_builds_come_more_rarely_unless_an_interval_is_asked_for() -> None:
    pauses: list[float] = []
    relaxed = pace_for(cloud("aws"), relaxes=True)
    relaxed.pause = pauses.append
    for _ in range(200):
        relaxed.wait()

    assert pauses[:10] == [AWS_SECONDS] * 10
    assert all(now <= max(AWS_SECONDS, 0.03 * sum(pauses[:at])) for at, now in enumerate(pauses))
    assert pauses[-1] == RELAXED_SECONDS
    assert not pace_for(cloud("aws"), 10, relaxes=True).relaxes
    assert not pace_for(cloud("local"), relaxes=True).relaxes


def test_the_stream_is_what_follows_the_colon() -> None:
    assert logs.place_of({"id": "shop:abc"}) == ("/aws/codebuild/shop", "abc")
    named = {"id": "shop:abc", "logs": {"groupName": "g", "streamName": "s/abc"}}
    assert logs.place_of(named) == ("g", "s/abc")


def test_a_build_without_a_cloudwatch_log_says_where_its_log_is() -> None:
    where = {"cloudWatchLogs": {"status": "DISABLED"}, "s3Logs": {"status": "ENABLED", "location": "bucket/logs"}}

    with pytest.raises(UserError, match="keeps no log") as refused:
        logs.place_of({"id": "shop:abc", "logs": where})

    assert refused.value.fix == "Its log is in s3://bucket/logs."


def test_what_a_build_prints_does_not_act_on_the_terminal() -> None:
    assert printable("\x1b[31mred\x1b[0m \x1b]0;title\x07\ttab \x9b2Jend\u202e") == "red \ttab 2Jend"


def test_only_the_lines_of_one_phase_pass() -> None:
    stamp = "[Container] 2026/11/22 12:00:00.123456 "
    lines = [
        f"{stamp}Phase is DOWNLOAD_SOURCE",
        "cloning",
        f"{stamp}Phase complete: DOWNLOAD_SOURCE State: SUCCEEDED",
        f"{stamp}Phase context status code:  Message: ",
        f"{stamp}Entering phase BUILD",
        "Entering phase INSTALL",
        "Phase complete: INSTALL State: pretended by the build",
        f"{stamp}Phase complete: BUILD State: FAILED",
        f"{stamp}Phase context status code: COMMAND_EXECUTION_ERROR Message: exit status 1",
        f"{stamp}Entering phase POST_BUILD",
    ]

    assert list(logs.of_phase(lines, "DOWNLOAD_SOURCE")) == lines[:4]
    assert list(logs.of_phase(lines, "BUILD")) == lines[4:9]


def test_a_narrow_terminal_is_shown_the_beginning_of_an_id() -> None:
    def screen(width: int, *, is_terminal: bool = True) -> Console:
        return Console(file=io.StringIO(), width=width, force_terminal=is_terminal, color_system=None)

    whole = "shop-unit:eb3aef58-a345-4ed0-a6aa-e15fd8d2ee08"

    assert ids.shown(whole, screen(80)) == whole[:18]
    assert ids.shown(whole, screen(160)) == whole
    assert ids.shown(whole, screen(80, is_terminal=False)) == whole


def test_tables_say_how_a_command_ended_before_what_it_was() -> None:
    said = "Error while executing command: make test. Reason: exit status 2"
    phase = {"phaseType": "BUILD", "phaseStatus": "FAILED", "contexts": [{"statusCode": "C", "message": said}]}
    failed = facts.read(build(1, "FAILED", phases=[phase]))

    assert facts.why(failed) == "BUILD: exit status 2: make test"
    assert said in facts.reason(failed)
