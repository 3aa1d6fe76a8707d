"""Events are read at the door: identifiers only, and what cannot be understood is Corrupt, never a crash."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from buildgate.domain.builds import SlotRef
from buildgate.domain.errors import Corrupt
from buildgate.domain.steps import Close, HandOver, JudgeGates, Park, RunBuilds
from buildgate.domain.times import to_text
from buildgate.inbound.build_event import parse_build_event
from buildgate.inbound.codebuild_build import parse_build
from buildgate.inbound.machine_state import (
    cause_text,
    move_data,
    parse_approval_request,
    parse_execution_event,
    parse_tick,
)
from buildgate.inbound.push_event import parse_push_event
from run_records import NOON, RUN_ID, attempt, slot

EVENTS = Path(__file__).parents[3] / "events"
ARN = "arn:aws:codebuild:us-east-1:111122223333:build/shop-unit:8745a7a9"
HOME = {"account": "111122223333", "region": "us-east-1"}
BUILD = {
    "id": "shop-unit:8745a7a9",
    "projectName": "shop-unit",
    "buildStatus": "SUCCEEDED",
    "startTime": NOON,
    "endTime": NOON + timedelta(minutes=1),
}


def corpus(name):
    return json.loads((EVENTS / name).read_text(encoding="utf-8"))


def without(event, *path):
    """Return a copy of an event without the member at a path."""
    copy = json.loads(json.dumps(event))
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return copy


# ---------------------------------------------------------------------------------------------------- builds


def test_a_build_event_is_a_hint_of_which_build_changed():
    hint = parse_build_event({"id": "e1", "build": ARN, "status": "SUCCEEDED"}, **HOME)

    assert (hint.event_id, hint.build_id, hint.project) == ("e1", "shop-unit:8745a7a9", "shop-unit")


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"id": "e1"},
        {"build": ARN},
        {"id": "e1", "build": "shop-unit:8745a7a9"},
        {"id": "e1", "build": ARN.replace("build/", "project/")},
        {"id": "e1", "build": ARN.replace("codebuild", "s3")},
        {"id": "e1", "build": ARN.replace("111122223333", "999999999999")},
        {"id": "e1", "build": ARN.replace("us-east-1", "eu-west-1")},
        {"id": "e1", "build": None},
        [],
        None,
    ],
)
def test_a_build_event_that_is_not_ours_is_corrupt(event):
    with pytest.raises(Corrupt):
        parse_build_event(event, **HOME)


def test_a_build_is_read_without_a_single_value_of_its_variables():
    variables = [
        {"name": "DB_PASSWORD", "value": "hunter2", "type": "PLAINTEXT"},
        {"name": "BUILDGATE_SLOT", "value": SlotRef(RUN_ID, 0, 1, "unit").to_text()},
        {"name": "BUILDGATE_NONCE", "value": "n" * 64},
    ]

    build = parse_build(BUILD | {"environment": {"environmentVariables": variables, "computeType": "SMALL"}})

    assert build.variables[0] == ("DB_PASSWORD", "PLAINTEXT")
    assert build.claim.slot == SlotRef(RUN_ID, 0, 1, "unit")
    assert "hunter2" not in repr(build)
    assert "n" * 64 not in repr(build)
    assert build.duration_seconds == 60


@pytest.mark.parametrize(
    "changes",
    [
        {"buildStatus": "EXPLODED"},
        {"buildStatus": None},
        {"id": None, "projectName": None, "startTime": "soon"},
        {"endTime": NOON - timedelta(seconds=1)},
        {"startTime": None},
    ],
)
def test_a_build_that_cannot_be_is_corrupt(changes):
    data = {name: value for name, value in (BUILD | changes).items() if value is not None}

    with pytest.raises(Corrupt):
        parse_build(data)


def test_times_are_read_as_the_sdk_or_json_gives_them():
    naive = datetime(2026, 11, 22, 12)  # noqa: DTZ001 - what a careless client gives
    moments = [parse_build(BUILD | {"startTime": start}).started_at for start in (NOON, NOON.timestamp(), naive)]

    assert moments == [NOON, NOON, NOON]
    assert moments[2].tzinfo is UTC


def test_phases_keep_their_messages_and_may_be_under_way():
    phases = [
        {"phaseType": "INSTALL", "phaseStatus": "FAILED", "contexts": [{"statusCode": "COMMAND", "message": "exit 1"}]},
        {"phaseType": "COMPLETED", "startTime": NOON, "contexts": [{"message": ""}]},
    ]

    install, completed = parse_build(BUILD | {"phases": phases}).phases

    assert (install.messages, completed.messages, completed.status) == (("COMMAND: exit 1",), (), None)


# ---------------------------------------------------------------------------------------------------- pushes


@pytest.mark.parametrize(
    ("name", "ref_type", "is_deletion"),
    [
        ("branch_updated", "branch", False),
        ("branch_created", "branch", False),
        ("branch_deleted", "branch", True),
        ("tag_created", "tag", False),
    ],
)
def test_each_push_of_the_corpus_is_read(name, ref_type, is_deletion):
    event = corpus(f"codecommit/{name}.json")

    push = parse_push_event(event)

    assert (push.event_id, push.repository, push.ref_type) == (event["id"], "shop", ref_type)
    assert push.is_deletion is is_deletion
    assert push.at.tzinfo is UTC
    assert push.actor == event["detail"]["callerUserArn"]


def test_what_changed_no_branch_or_tag_is_no_push():
    assert parse_push_event(corpus("codecommit/not_a_comment.json")) is None


@pytest.mark.parametrize(("name", "wanted"), [("main", "main"), ("refs/heads/main", "main"), ("refs/x", "refs/x")])
def test_both_spellings_of_a_branch_are_one(name, wanted):
    event = corpus("codecommit/branch_updated.json")
    event["detail"]["referenceName"] = name

    assert parse_push_event(event).ref == wanted


@pytest.mark.parametrize(
    "path",
    [
        ("id",),
        ("time",),
        ("detail",),
        ("detail", "event"),
        ("detail", "repositoryName"),
        ("detail", "referenceType"),
        ("detail", "referenceName"),
        ("detail", "commitId"),
    ],
)
def test_a_push_event_without_what_it_needs_is_corrupt(path):
    with pytest.raises(Corrupt):
        parse_push_event(without(corpus("codecommit/branch_updated.json"), *path))


@pytest.mark.parametrize("changes", [{"time": "noon"}, {"detail": None}, {"detail": []}, {"detail": "x"}])
def test_a_push_event_of_the_wrong_form_is_corrupt(changes):
    with pytest.raises(Corrupt):
        parse_push_event(corpus("codecommit/branch_updated.json") | changes)


@pytest.mark.parametrize("kind", ["remote", "", None, 1])
def test_a_push_of_something_else_than_a_branch_or_tag_is_corrupt(kind):
    event = corpus("codecommit/branch_updated.json")
    event["detail"]["referenceType"] = kind

    with pytest.raises(Corrupt):
        parse_push_event(event)


# ---------------------------------------------------------------------------------------------------- the machine


def test_the_end_of_an_execution_names_its_run():
    ended = parse_execution_event(corpus("states/execution_failed.json"))

    assert (ended.run_id, ended.execution_name, ended.status) == (RUN_ID, f"{RUN_ID}-1", "FAILED")


@pytest.mark.parametrize(
    ("status", "error", "is_interrupted"),
    [
        ("FAILED", "States.ServiceRestart", True),
        ("FAILED", "States.Runtime", False),
        ("FAILED", None, False),
        ("ABORTED", "States.ServiceRestart", False),
    ],
)
def test_an_execution_whose_service_restarted_was_interrupted(status, error, is_interrupted):
    event = corpus("states/execution_failed.json")
    event["detail"] |= {"status": status, "error": error}

    assert parse_execution_event(event).is_interrupted is is_interrupted


def test_the_machines_own_call_is_no_event():
    assert parse_execution_event({"run_id": RUN_ID, "state": {}}) is None


@pytest.mark.parametrize("path", [("detail",), ("detail", "name"), ("detail", "status")])
def test_an_execution_event_without_what_it_needs_is_corrupt(path):
    with pytest.raises(Corrupt):
        parse_execution_event(without(corpus("states/execution_failed.json"), *path))


def test_a_request_for_approval_has_a_token_or_is_a_reminder():
    request = parse_approval_request({"approval": f"{RUN_ID}.02.1.entry", "token": "t"})

    assert (request.ref.stage, request.ref.name, request.token) == (2, "entry", "t")
    assert parse_approval_request({"approval": f"{RUN_ID}.02.1.entry"}).token == ""


@pytest.mark.parametrize("event", [{}, {"approval": ""}, {"approval": "x.y"}, {"approval": None}])
def test_a_request_for_no_approval_is_corrupt(event):
    with pytest.raises(Corrupt):
        parse_approval_request(event)


def test_a_beat_looks_for_pushes_four_times_an_hour():
    times = [f"2026-11-22T12:{minute:02}:07Z" for minute in range(60)]

    looks = [parse_tick({"id": "t", "time": at}, time_scale=1).looks_for_pushes for at in times]

    assert sum(looks) == 4


@pytest.mark.parametrize(("time_scale", "beat_seconds"), [(15, 4), (60, 1), (60, 1.5), (120, 0.5)])
def test_a_faster_beat_looks_for_pushes_as_often_in_as_many_beats(time_scale, beat_seconds):
    """A beat's time is of whole seconds, so that two beats in a row may be taken for the one that looks."""
    beats = [NOON + timedelta(seconds=int(number * beat_seconds)) for number in range(900)]

    looks = sum(parse_tick({"time": to_text(at)}, time_scale=time_scale).looks_for_pushes for at in beats)

    periods = 900 * beat_seconds / (15 * 60 / time_scale)
    assert periods <= looks <= periods * max(2, 2 / beat_seconds)


def test_a_sweep_looks_at_everything():
    assert parse_tick({"sweep": True}, time_scale=1).is_sweep
    assert parse_tick({"sweep": True}, time_scale=1).looks_for_pushes
    assert not parse_tick({"time": "x"}, time_scale=1).looks_for_pushes


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        ('{"errorMessage": "no such project", "errorType": "Rejected"}', "no such project"),
        ('{"other": 1}', '{"other": 1}'),
        ("plain words", "plain words"),
        ("[1]", "[1]"),
        ("", ""),
        (None, ""),
        ({"a": 1}, ""),
    ],
)
def test_a_cause_is_what_the_function_said(cause, text):
    assert cause_text(cause) == text


def test_moves_are_told_as_the_machine_reads_them():
    lint = slot("lint")._replace(ref=SlotRef(RUN_ID, 3, 1, "lint"))
    moves = {
        "BUILDS": RunBuilds([lint], 5, 700),
        "GATES": JudgeGates(attempt(2), ["quality", "security"]),
        "PARK": Park(attempt(2), "entry", 3600),
        "HAND_OVER": HandOver(),
        "CLOSE": Close("done"),
    }

    told = {kind: move_data(RUN_ID, move) for kind, move in moves.items()}

    assert all(data["kind"] == kind for kind, data in told.items())
    assert told["BUILDS"]["items"] == [{"slot": f"{RUN_ID}.03.1.lint", "timeout_seconds": 700}]
    assert (told["BUILDS"]["max_concurrency"], told["GATES"]["max_concurrency"]) == (5, 2)
    assert told["GATES"]["items"][1] == {"stage": 2, "name": "security"}
    assert told["PARK"]["items"] == [{"approval": f"{RUN_ID}.02.1.entry"}]
    assert told["PARK"]["timeout_seconds"] == 3600
    assert told["CLOSE"]["items"] == told["HAND_OVER"]["items"] == []
