"""Each function's composition root with the events that reach it: what it answers, and the one line it logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from buildgate.adapters.memory.patterns import transformed
from buildgate.domain.errors import Corrupt, NotFound, Stopped
from buildgate.domain.gates import parse
from buildgate.domain.pipelines import BuildStep, Stage
from buildgate.runtime import settings
from buildgate.runtime.observability import Line
from core_world import ALICE, BUCKET, LINKS, TABLE, CoreWorld
from function_modules import function_module, function_names
from run_records import RUN_ID, approval_rule
from template_model import Template
from web_requests import http_event, json_event

ROOT = Path(__file__).parents[2]
GATE = parse({"name": "quality", "objectives": [{"measurement": "tests.failed", "pass": ["<= 0"]}]})
STAGES = (
    Stage("test", builds=(BuildStep("unit", "shop-unit"),), gates=(GATE,)),
    Stage("release", approval=approval_rule()),
)


@pytest.fixture
def world():
    return CoreWorld()


@pytest.fixture
def call(world):
    """Call a function by name; its line is kept in `call.line`."""
    environment = {
        "BUILDGATE_TABLE": TABLE,
        "RUN_MACHINE_ARN": world.machine,
        "REPORT_BUCKET": BUCKET,
        "LINK_BASE_URL": LINKS,
        "REQUEST_APPROVAL_FUNCTION": "remind",
        "BUILDGATE_ACCOUNT": world.aws.account,
        "AWS_REGION": world.aws.region,
        "TIME_SCALE": "1",
        **{f"{topic}_TOPIC_ARN": f"{world.aws.sns.arn_prefix}{topic.lower()}" for topic in ("SUCCESS", "FAILURE")},
        "APPROVAL_TOPIC_ARN": f"{world.aws.sns.arn_prefix}approval",
    }

    def invoke(name: str, event: Any) -> Any:
        app, line = function_module(name), Line()
        invoke.line = line.fields
        return app.build(settings.read(app.Settings, environment), world.aws)(event, line)

    return invoke


def corpus(name: str) -> Any:
    return json.loads((ROOT / "events" / name).read_text(encoding="utf-8"))


def build_event(world, build_id: str, name: str = "build_succeeded") -> Any:
    """Return an event of the corpus about a build, as the rule's transformer forwards it."""
    (rule,) = [rule for rule in Template.load().rules() if rule.pattern["source"] == ["aws.codebuild"]]
    event = corpus(f"codebuild/{name}.json")
    event["detail"]["build-id"] = f"arn:aws:codebuild:{world.aws.region}:{world.aws.account}:build/{build_id}"
    transformer = rule.target["InputTransformer"]
    return transformed(transformer["InputPathsMap"], transformer["InputTemplate"], event)


def push_event(world, name: str = "branch_updated", **detail: str) -> Any:
    event = corpus(f"codecommit/{name}.json")
    event["detail"] |= detail
    event["time"] = world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    return event


def test_every_function_is_called_here():
    called = Path(__file__).read_text(encoding="utf-8")

    assert [name for name in function_names() if f'call("{name}"' not in called] == []


@pytest.mark.parametrize("name", function_names())
def test_importing_a_function_reads_no_environment_and_a_missing_setting_is_named(name):
    with pytest.raises(Corrupt, match="BUILDGATE_TABLE is not set"):
        function_module(name).handler({}, None)


# ---------------------------------------------------------------------------------------------------- events


def test_a_push_starts_a_run(world, call):
    world.apply()
    push = world.push(message="Add a basket")
    event = push_event(world, "branch_updated", commitId=push.commit, oldCommitId="")

    answers = [call("start_run", event)["run_ids"] for _ in range(2)]

    (run_id,) = answers[0]
    assert answers[0] == answers[1]
    assert call.line["event_id"] == event["id"]
    assert call.line["repository"] == "shop"
    assert world.run(run_id).source.message == "Add a basket"


@pytest.mark.parametrize("name", ["branch_updated", "branch_deleted", "tag_created"])
def test_a_push_that_triggers_nothing_says_why(world, call, name):
    assert call("start_run", push_event(world, name)) == {"run_ids": []}
    assert call.line["reason"] == "no pipeline has a trigger on this repository"


def test_a_comment_is_no_push(call):
    assert call("start_run", corpus("codecommit/not_a_comment.json")) == {"run_ids": []}
    assert call.line["reason"] == "no branch or tag changed"


def test_a_malformed_push_fails_with_the_code_that_pages(call):
    with pytest.raises(Corrupt):
        call("start_run", {"id": "x", "detail": {}})


@pytest.mark.parametrize("name", ["build_succeeded", "build_failed", "build_stopped", "build_in_progress"])
def test_a_build_event_records_what_codebuild_says_and_not_what_the_event_says(world, call, name):
    run = world.open(*STAGES)
    _, token, build_id = world.started(run)
    world.end_build(build_id)

    answer = call("record_build", build_event(world, build_id, name))

    assert answer == {"build_id": build_id, "counted": True}
    assert (call.line["run_id"], call.line["status"], call.line["callback"]) == (run.run_id, "SUCCEEDED", "delivered")
    assert world.fate(token) == "went on"


def test_no_variable_of_a_build_reaches_the_function_or_its_line(world, call):
    world.project("shop-unit")
    variables = [{"name": "DEPLOY_TOKEN", "value": "not-a-real-token", "type": "PLAINTEXT"}]
    started = world.aws.client("codebuild").start_build(projectName="shop-unit", environmentVariablesOverride=variables)
    event = build_event(world, started["build"]["id"])

    call("record_build", event)

    assert "not-a-real-token" in json.dumps(corpus("codebuild/build_succeeded.json"))
    assert "not-a-real-token" not in json.dumps([event, call.line])
    assert "not-a-real-token" not in str(world.dump())


def test_an_event_of_a_build_that_is_not_there_fails_so_that_it_is_tried_again(world, call):
    with pytest.raises(NotFound):
        call("record_build", build_event(world, "shop-unit:gone"))


def test_an_event_that_names_no_build_of_ours_is_set_aside(call):
    assert call("record_build", {"id": "x", "build": "nonsense"}) == {"build_id": "", "counted": False}
    assert call.line["decision"] == "quarantined"


@pytest.mark.parametrize(("name", "reason"), [("failed", "resumed"), ("timed_out", "resumed"), ("aborted", "stopped")])
def test_the_end_of_an_execution_resumes_or_stops_its_run(world, call, name, reason):
    run = world.open(*STAGES)
    event = corpus(f"states/execution_{name}.json")
    event["detail"]["name"] = run.execution_name

    assert call("close_run", event) == {"reason": reason}
    assert call.line["execution"] == run.execution_name


def test_an_end_of_an_execution_whose_run_is_unknown_fails_visibly(call):
    with pytest.raises(NotFound, match=RUN_ID):
        call("close_run", corpus("states/execution_failed.json"))


def test_a_beat_heals_and_says_what(world, call):
    ref, token, build_id = world.started(world.open(*STAGES))
    world.end_build(build_id)
    world.clock.advance(minutes=10)

    answer = call("reconcile", {"id": "tick", "time": "2026-11-22T12:15:00Z"})

    assert (answer["healed"], answer["failures"]) == ({"builds": 1}, [])
    assert (call.line["healed"], world.fate(token)) == ({"builds": 1}, "went on")
    assert world.w.runs.slot(ref).is_delivered


def test_days_are_folded_and_counted(world, call):
    _, _, build_id = world.started(world.open(*STAGES))
    world.end_build(build_id)
    call("record_build", build_event(world, build_id))

    assert call("fold_days", {"id": "tick"})["projects"] == call.line["projects"] == 1
    assert call("collect_tests", {"id": "tick"}) == {"builds": 0, "changes": 0}


# ---------------------------------------------------------------------------------------------------- the machine


def test_the_machine_is_led_through_a_run_by_ids_only(world, call):
    run = world.open(*STAGES)
    builds = call("next_step", {"run_id": run.run_id})
    slot = builds["items"][0]["slot"]
    assert (builds["kind"], slot) == ("BUILDS", f"{run.run_id}.00.1.unit")

    build_id = call("start_build", {"slot": slot, "token": world.token()})["build_id"]
    assert (call.line["build_id"], call.line["reason"]) == (build_id, "started")
    key = f"reports/shop-unit/{slot}/junit.xml"
    report = b'<testsuite name="t" tests="1"><testcase name="a" classname="t" time="1"/></testsuite>'
    world.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=report)
    world.end_build(build_id)
    call("record_build", build_event(world, build_id))

    gates = call("next_step", {"run_id": run.run_id})
    assert gates["kind"] == "GATES"
    assert call("evaluate_gate", {"run_id": run.run_id, **gates["items"][0]}) == {"status": "pass"}
    assert call.line["decision"] == "pass"

    park = call("next_step", {"run_id": run.run_id})
    approval, token = park["items"][0]["approval"], world.token()
    assert park["kind"] == "PARK"
    assert call("request_approval", {"approval": approval, "token": token})["reason"] == "everyone: sent"
    assert "k=" not in json.dumps(call.line)

    decided = call(
        "serve_api", json_event("POST", f"/v1/approvals/{approval}/decision", {"decision": "approve"}, actor=ALICE)
    )
    assert (decided["statusCode"], world.fate(token)) == (200, "went on")

    assert call("next_step", {"run_id": run.run_id})["kind"] == "CLOSE"
    assert call("close_run", {"run_id": run.run_id, "state": {}}) == {"status": "SUCCEEDED"}
    assert (call.line["decision"], call.line["correlation_id"]) == ("SUCCEEDED", run.correlation_id)


def test_what_made_the_machine_give_up_is_the_runs_reason(world, call):
    run = world.open(*STAGES)
    cause = json.dumps({"errorMessage": "version x of pipeline shop is gone", "errorType": "Corrupt"})

    call("close_run", {"run_id": run.run_id, "state": {"error": {"Error": "Corrupt", "Cause": cause}}})

    assert world.run(run.run_id).reason == "Corrupt: version x of pipeline shop is gone"


def test_a_build_that_nobody_waits_for_is_settled(world, call):
    ref, _, _ = world.started(world.open(*STAGES))

    answer = call("settle_build", {"slot": ref.to_text(), "error": {"Error": "States.Timeout", "Cause": ""}})

    assert answer == {"reason": "settled as TIMED_OUT"}
    assert [build.status for build in world.aws.codebuild.builds()] == ["STOPPED"]


def test_a_task_of_a_run_that_is_to_end_fails_by_a_name_that_the_machine_knows(world, call):
    run = world.open(*STAGES)
    slot = call("next_step", {"run_id": run.run_id})["items"][0]["slot"]
    world.w.stop_run(run.run_id, actor=ALICE, comment="")

    with pytest.raises(Stopped):
        call("start_build", {"slot": slot, "token": world.token()})


@pytest.mark.parametrize("name", ["start_build", "settle_build"])
def test_a_slot_that_is_none_is_corrupt(call, name):
    event = {"slot": "nonsense", "token": "t"}

    with pytest.raises(Corrupt):
        call("start_build", event) if name == "start_build" else call("settle_build", event)


# ---------------------------------------------------------------------------------------------------- HTTP


def test_the_page_answers_as_api_gateway_wants_it(world, call):
    answer = call("review_approval", http_event("GET", f"/approvals/{RUN_ID}.00.1.entry", id=f"{RUN_ID}.00.1.entry"))

    assert (answer["statusCode"], answer["isBase64Encoded"]) == (403, False)
    assert answer["headers"]["cache-control"] == "no-store"
    assert (call.line["status_code"], call.line["reason"]) == (403, "wrong capability")


def test_the_api_answers_as_api_gateway_wants_it(world, call):
    world.apply()

    answer = call("serve_api", json_event("GET", "/v1/pipelines", actor=ALICE))

    assert (answer["statusCode"], answer["headers"]["content-type"]) == (200, "application/json")
    assert json.loads(answer["body"])["pipelines"][0]["name"] == "shop"
    assert (call.line["route"], call.line["actor"]) == ("GET /v1/pipelines", ALICE)
